//! What must hold of a type system.

use std::collections::HashSet;

use super::super::ast::{
    ArgumentDefinition, Definition, DefinitionKind, Directive, DirectiveDefinition, FieldDefinition,
    LiteralKind, Pos, Type, TypeKind,
};
use super::super::invalid;
use super::super::parser::Parsed;
use super::{Schema, check_name};

/// Checks all types, then all directives, each in the order of their names.
pub(super) fn schema(schema: &Schema) -> Parsed<()> {
    for definition in schema.types.values() {
        type_definition(schema, definition)?;
    }
    for definition in schema.directives.values() {
        check_name(definition.pos, &definition.name)?;
        arguments(schema, &definition.arguments, Some(definition))?;
    }
    Ok(())
}

fn type_definition(schema: &Schema, of: &Definition) -> Parsed<()> {
    let location = match of.kind {
        DefinitionKind::InputObject => "INPUT_FIELD_DEFINITION",
        _ => "FIELD_DEFINITION",
    };
    for field in &of.fields {
        check_name(field.pos, &field.name)?;
        type_exists(schema, &field.of_type)?;
        arguments(schema, &field.arguments, None)?;
        directives(schema, &field.directives, location, None)?;
    }
    for member in &of.types {
        let Some(definition) = schema.types.get(member) else {
            return Err(invalid(of.pos, format!("Undefined type {member:?}.")));
        };
        if definition.kind != DefinitionKind::Object {
            let message = format!("{} type {member:?} must be OBJECT.", of.kind.name());
            return Err(invalid(of.pos, message));
        }
    }
    for interface in &of.interfaces {
        implements(schema, of, interface)?;
    }
    contents(schema, of)?;
    let mut seen = HashSet::new();
    for field in &of.fields {
        if !seen.insert(&field.name) {
            let message = format!("Field {}.{} can only be defined once.", of.name, field.name);
            return Err(invalid(field.pos, message));
        }
    }
    if !of.built_in {
        check_name(of.pos, &of.name)?;
    }
    directives(schema, &of.directives, of.kind.name(), None)
}

/// What there must be in a definition of this kind.
fn contents(schema: &Schema, of: &Definition) -> Parsed<()> {
    let fault = |pos: Option<Pos>, message: &str| {
        let message = format!("{} {}: {message}", of.kind.name(), of.name);
        Err(invalid(pos, message))
    };
    let ill_typed = |fits: fn(&Definition) -> bool| {
        of.fields
            .iter()
            .find(|field| schema.types.get(field.of_type.name()).is_some_and(|of| !fits(of)))
    };
    match of.kind {
        DefinitionKind::Object | DefinitionKind::Interface => {
            if of.fields.is_empty() {
                return fault(of.pos, "must define one or more fields.");
            }
            if let Some(field) = ill_typed(|of| of.kind != DefinitionKind::InputObject) {
                return fault(
                    field.pos,
                    "field must be one of SCALAR, OBJECT, INTERFACE, UNION, ENUM.",
                );
            }
        }
        DefinitionKind::Enum => {
            if of.values.is_empty() {
                return fault(of.pos, "must define one or more unique enum values.");
            }
            for value in &of.values {
                if matches!(value.name.as_str(), "true" | "false" | "null") {
                    return fault(of.pos, &format!("non-enum value {}.", value.name));
                }
                directives(schema, &value.directives, "ENUM_VALUE", None)?;
            }
        }
        DefinitionKind::InputObject => {
            if of.fields.is_empty() {
                return fault(of.pos, "must define one or more input fields.");
            }
            if let Some(field) = ill_typed(Definition::is_input) {
                return fault(field.pos, "field must be one of SCALAR, ENUM, INPUT_OBJECT.");
            }
        }
        DefinitionKind::Scalar | DefinitionKind::Union => {}
    }
    Ok(())
}

fn type_exists(schema: &Schema, of: &Type) -> Parsed<()> {
    if schema.types.contains_key(of.name()) {
        return Ok(());
    }
    Err(invalid(of.pos, format!("Undefined type {}.", of.name())))
}

/// Arguments of a field, or of the definition of a directive.
fn arguments(
    schema: &Schema,
    arguments: &[ArgumentDefinition],
    of_directive: Option<&DirectiveDefinition>,
) -> Parsed<()> {
    for argument in arguments {
        check_name(argument.pos, &argument.name)?;
        type_exists(schema, &argument.of_type)?;
        let definition = schema.types.get(argument.of_type.name());
        if let Some(definition) = definition.filter(|definition| !definition.is_input()) {
            let message = format!(
                "cannot use {} as argument {} because {} is not a valid input type",
                argument.of_type,
                argument.name,
                definition.kind.name()
            );
            return Err(invalid(argument.pos, message));
        }
        directives(schema, &argument.directives, "ARGUMENT_DEFINITION", of_directive)?;
    }
    Ok(())
}

/// Directives at a place in the schema; `within`: in the definition of this directive.
pub(super) fn directives(
    schema: &Schema,
    directives: &[Directive],
    location: &str,
    within: Option<&DirectiveDefinition>,
) -> Parsed<()> {
    for directive in directives {
        let (pos, name) = (directive.pos, &directive.name);
        check_name(pos, name)?;
        if within.is_some_and(|within| within.name == *name) {
            return Err(invalid(pos, format!("Directive {name} cannot refer to itself.")));
        }
        let Some(definition) = schema.directives.get(name) else {
            return Err(invalid(pos, format!("Undefined directive {name}.")));
        };
        if !definition.locations.iter().any(|allowed| allowed == location) {
            return Err(invalid(
                pos,
                format!("Directive {name} is not applicable on {location}."),
            ));
        }
        for argument in &directive.arguments {
            if definition.argument(&argument.name).is_none() {
                let message = format!("Undefined argument {} for directive {name}.", argument.name);
                return Err(invalid(argument.pos, message));
            }
        }
        for wanted in &definition.arguments {
            if !wanted.of_type.non_null || wanted.default.is_some() {
                continue;
            }
            let given = directive.arguments.iter().find(|given| given.name == wanted.name);
            if given.is_none_or(|given| given.value.kind == LiteralKind::Null) {
                let message = format!("Argument {} for directive {name} cannot be null.", wanted.name);
                return Err(invalid(pos, message));
            }
        }
    }
    Ok(())
}

/// Does `of` have what `interface` asks for?
fn implements(schema: &Schema, of: &Definition, interface: &str) -> Parsed<()> {
    let Some(definition) = schema.types.get(interface) else {
        return Err(invalid(of.pos, format!("Undefined type {interface:?}.")));
    };
    if definition.kind != DefinitionKind::Interface {
        let message = format!(
            "{interface:?} is a non interface type {}.",
            definition.kind.name()
        );
        return Err(invalid(of.pos, message));
    }
    for required in &definition.fields {
        let Some(found) = of.field(&required.name) else {
            let message = format!(
                "For {} to implement {interface} it must have a field called {}.",
                of.name, required.name
            );
            return Err(invalid(of.pos, message));
        };
        same_field(
            schema,
            &format!("For {} to implement {interface}", of.name),
            required,
            found,
        )?;
    }
    for inherited in &definition.interfaces {
        if of.interfaces.contains(inherited) {
            continue;
        }
        let message = if *inherited == of.name {
            format!(
                "Type {} cannot implement {interface} because it would create a circular reference.",
                of.name
            )
        } else {
            format!(
                "Type {} must implement {inherited} because it is implemented by {interface}.",
                of.name
            )
        };
        return Err(invalid(of.pos, message));
    }
    Ok(())
}

/// May `found` stand for the field `required` of an interface?
fn same_field(
    schema: &Schema,
    context: &str,
    required: &FieldDefinition,
    found: &FieldDefinition,
) -> Parsed<()> {
    if !is_covariant(schema, &required.of_type, &found.of_type) {
        let message = format!(
            "{context} the field {} must have type {}.",
            required.name, required.of_type
        );
        return Err(invalid(found.pos, message));
    }
    for wanted in &required.arguments {
        let same = format!(
            "{context} the field {} must have the same arguments",
            required.name
        );
        let Some(given) = found.argument(&wanted.name) else {
            return Err(invalid(
                found.pos,
                format!("{same} but it is missing {}.", wanted.name),
            ));
        };
        if !wanted.of_type.is_compatible(&given.of_type) {
            return Err(invalid(
                given.pos,
                format!("{same} but {} has the wrong type.", wanted.name),
            ));
        }
    }
    for given in &found.arguments {
        if required.argument(&given.name).is_none() && given.of_type.non_null && given.default.is_none() {
            let message = format!(
                "{context} any additional arguments on {} must be optional or have a default value but {} is required.",
                found.name, given.name
            );
            return Err(invalid(given.pos, message));
        }
    }
    Ok(())
}

fn is_covariant(schema: &Schema, required: &Type, actual: &Type) -> bool {
    if required.non_null && !actual.non_null {
        return false;
    }
    match (&required.kind, &actual.kind) {
        (TypeKind::Named(required), TypeKind::Named(actual)) => {
            required == actual || schema.possible_types(required).contains(actual)
        }
        (TypeKind::List(required), TypeKind::List(actual)) => is_covariant(schema, required, actual),
        _ => false,
    }
}
