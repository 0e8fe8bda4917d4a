//! The rules about literals and variables.

use std::collections::HashSet;
use std::fmt;

use super::super::ast::{Definition, DefinitionKind, Literal, LiteralKind, Type};
use super::super::parser::Parsed;
use super::super::{Fault, invalid};
use super::{Place, Walker};

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            LiteralKind::Variable => write!(f, "${}", self.raw),
            LiteralKind::String | LiteralKind::Block => write!(f, "{:?}", self.raw),
            LiteralKind::List | LiteralKind::Object => {
                let (open, close) = if self.kind == LiteralKind::List {
                    ('[', ']')
                } else {
                    ('{', '}')
                };
                write!(f, "{open}")?;
                for (index, child) in self.children.iter().enumerate() {
                    if index > 0 {
                        f.write_str(",")?;
                    }
                    if self.kind == LiteralKind::Object {
                        write!(f, "{}:", child.name)?;
                    }
                    write!(f, "{}", child.value)?;
                }
                write!(f, "{close}")
            }
            _ => f.write_str(&self.raw),
        }
    }
}

fn one_of(definition: &Definition, names: &[&str]) -> bool {
    names.contains(&definition.name.as_str())
}

/// This value is not of the type that is expected.
fn ill_typed(value: &Literal, expected: &Type, definition: &Definition) -> Fault {
    let message = match expected.to_string().as_str() {
        "Int" | "Int!" => {
            let digits = value.raw.strip_prefix(['-', '+']).unwrap_or(&value.raw);
            let number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            if number && value.raw.parse::<i32>().is_err() {
                format!("Int cannot represent non 32-bit signed integer value: {value}")
            } else {
                format!("Int cannot represent non-integer value: {value}")
            }
        }
        "String" | "String!" | "[String]" => format!("String cannot represent a non string value: {value}"),
        "Boolean" | "Boolean!" => format!("Boolean cannot represent a non boolean value: {value}"),
        "Float" | "Float!" => format!("Float cannot represent non numeric value: {value}"),
        "ID" | "ID!" => format!("ID cannot represent a non-string and non-integer value: {value}"),
        _ if definition.kind == DefinitionKind::Enum => {
            format!("Enum \"{expected}\" cannot represent non-enum value: {value}.")
        }
        _ => format!("Expected value of type \"{expected}\", found {value}."),
    };
    invalid(value.pos, message)
}

impl<'a> Walker<'a, '_, '_> {
    pub(super) fn value_rules(&mut self, value: &'a Literal, place: Place<'a>) -> Parsed<()> {
        if let Some(operation) = self.operation
            && value.kind == LiteralKind::Variable
            && self.variable(&value.raw).is_none()
        {
            let message = if operation.name.is_empty() {
                format!("Variable \"{value}\" is not defined.")
            } else {
                format!(
                    "Variable \"{value}\" is not defined by operation \"{}\".",
                    operation.name
                )
            };
            return Err(invalid(value.pos, message));
        }
        if value.kind == LiteralKind::Object {
            let mut seen = HashSet::new();
            for child in &value.children {
                if !seen.insert(&child.name) {
                    let message = format!("There can be only one input field named \"{}\".", child.name);
                    return Err(invalid(child.pos, message));
                }
            }
        }
        if let (Some(expected), Some(definition)) = (place.expected, place.definition) {
            self.of_type(value, expected, definition)?;
        }
        self.allowed_position(value, place)
    }

    /// Is the literal one of the type that is expected?
    fn of_type(&mut self, value: &'a Literal, expected: &'a Type, definition: &'a Definition) -> Parsed<()> {
        if value.kind == LiteralKind::Null && expected.non_null {
            let message = format!("Expected value of type \"{expected}\", found {value}.");
            return Err(invalid(value.pos, message));
        }
        let builtin = ["Int", "Float", "String", "Boolean", "ID"];
        if definition.kind == DefinitionKind::Scalar && !one_of(definition, &builtin) {
            return Ok(());
        }
        if !self.has_go_value(value)? {
            return Err(ill_typed(value, expected, definition));
        }
        let fits = match value.kind {
            LiteralKind::Null | LiteralKind::Variable => true,
            LiteralKind::List => expected.element().is_some(),
            LiteralKind::Int => one_of(definition, &["Int", "Float", "ID"]),
            LiteralKind::Float => one_of(definition, &["Float"]),
            LiteralKind::Boolean => one_of(definition, &["Boolean"]),
            LiteralKind::String | LiteralKind::Block => {
                definition.kind != DefinitionKind::Enum && one_of(definition, &["String", "ID"])
            }
            LiteralKind::Enum => {
                let is_enum = definition.kind == DefinitionKind::Enum;
                if is_enum && !definition.values.iter().any(|known| known.name == value.raw) {
                    let message = format!("Value \"{value}\" does not exist in \"{expected}\" enum.");
                    return Err(invalid(value.pos, message));
                }
                is_enum
            }
            LiteralKind::Object => return self.input_object(value, definition),
        };
        if fits {
            Ok(())
        } else {
            Err(ill_typed(value, expected, definition))
        }
    }

    fn input_object(&mut self, value: &'a Literal, definition: &'a Definition) -> Parsed<()> {
        self.spend(definition.fields.len())?;
        let given: HashSet<&str> = value.children.iter().map(|child| child.name.as_str()).collect();
        for field in &definition.fields {
            if field.of_type.non_null && field.default.is_none() && !given.contains(field.name.as_str()) {
                let message = format!(
                    "Field \"{}.{}\" of required type \"{}\" was not provided.",
                    definition.name, field.name, field.of_type
                );
                return Err(invalid(value.pos, message));
            }
        }
        if definition
            .directives
            .iter()
            .any(|directive| directive.name == "oneOf")
        {
            let [only] = value.children.as_slice() else {
                let message = format!(
                    "OneOf Input Object \"{}\" must specify exactly one key.",
                    definition.name
                );
                return Err(invalid(value.pos, message));
            };
            if only.value.kind == LiteralKind::Null {
                let first = definition.fields.first().map_or("", |field| field.name.as_str());
                let message = format!("Field \"{}.{first}\" must be non-null.", definition.name);
                return Err(invalid(only.value.pos, message));
            }
            if only.value.kind == LiteralKind::Variable
                && let Some((_, variable)) = self.variable(&only.value.raw)
                && !variable.of_type.non_null
            {
                let message = format!(
                    "Variable \"{}\" must be non-nullable to be used for OneOf Input Object \"{}\".",
                    variable.name, definition.name
                );
                return Err(invalid(only.value.pos, message));
            }
        }
        for child in &value.children {
            self.spend(definition.fields.len() >> 4)?;
            if definition.field(&child.name).is_none() {
                let message = format!(
                    "Field \"{}\" is not defined by type \"{}\".",
                    child.name, definition.name
                );
                return Err(invalid(child.pos, message));
            }
        }
        Ok(())
    }

    /// Numbers must fit the types of Go, at any depth and in the defaults of variables.
    fn has_go_value(&mut self, value: &'a Literal) -> Parsed<bool> {
        self.spend(1)?;
        Ok(match value.kind {
            LiteralKind::Int => value.raw.parse::<i64>().is_ok(),
            LiteralKind::Float => value.raw.parse::<f64>().is_ok_and(f64::is_finite),
            LiteralKind::Boolean => matches!(
                value.raw.as_str(),
                "1" | "t" | "T" | "TRUE" | "true" | "True" | "0" | "f" | "F" | "FALSE" | "false" | "False"
            ),
            LiteralKind::List | LiteralKind::Object => {
                for child in &value.children {
                    if !self.has_go_value(&child.value)? {
                        return Ok(false);
                    }
                }
                true
            }
            LiteralKind::Variable => {
                let variable = self.variable(&value.raw);
                match variable.and_then(|(_, variable)| variable.default.as_ref()) {
                    // In a document that comes as an object a default may name a variable.
                    Some(default) if default.kind != LiteralKind::Variable => self.has_go_value(default)?,
                    _ => true,
                }
            }
            _ => true,
        })
    }

    /// May the variable stand here?
    fn allowed_position(&mut self, value: &'a Literal, place: Place<'a>) -> Parsed<()> {
        if value.kind != LiteralKind::Variable {
            return Ok(());
        }
        let (Some(expected), Some((_, variable))) = (place.expected, self.variable(&value.raw)) else {
            return Ok(());
        };
        let mut wanted = expected.clone();
        let default = variable.default.as_ref();
        // A default takes the place of null.
        if place.has_default || default.is_some_and(|default| default.kind != LiteralKind::Null) {
            wanted.non_null = false;
        }
        if variable.of_type.is_compatible(&wanted) {
            return Ok(());
        }
        let message = format!(
            "Variable \"{value}\" of type \"{}\" used in position expecting type \"{expected}\".",
            variable.of_type
        );
        Err(invalid(value.pos, message))
    }
}
