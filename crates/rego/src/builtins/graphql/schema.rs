//! Type systems: a schema document, merged with the prelude and checked.
//!
//! The rules are those of the library that OPA v1.14 has, gqlparser v2.5.32: it does not check everything that the
//! specification asks for.

mod check;

use std::collections::{BTreeMap, HashMap};

use super::ast::{
    ArgumentDefinition, Definition, DefinitionKind, DirectiveDefinition, FieldDefinition, Pos, Preface,
    RootType, SchemaDocument, Type, TypeKind,
};
use super::invalid;
use super::parser::{Parsed, parse_schema};

/// The directives that a schema may define anew.
const BUILTIN_DIRECTIVES: [&str; 6] = ["include", "skip", "deprecated", "specifiedBy", "defer", "oneOf"];

/// A checked type system.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) types: BTreeMap<String, Definition>,
    pub(super) directives: BTreeMap<String, DirectiveDefinition>,
    /// By the name of a type, the names of the object types that its values may have.
    possible: HashMap<String, Vec<String>>,
    query: Option<String>,
    mutation: Option<String>,
    subscription: Option<String>,
}

impl Schema {
    /// The type with which operations of this kind start.
    pub(super) fn root(&self, operation: &str) -> Option<&Definition> {
        let name = match operation {
            "query" | "" => &self.query,
            "mutation" => &self.mutation,
            "subscription" => &self.subscription,
            _ => &None,
        };
        self.types.get(name.as_ref()?)
    }

    /// The names of the types that a value of type `name` may have.
    pub(super) fn possible_types(&self, name: &str) -> &[String] {
        self.possible.get(name).map_or(&[], Vec::as_slice)
    }

    fn set_root(&mut self, root: &RootType) -> Parsed<()> {
        if !self.types.contains_key(&root.of_type) {
            let message = format!(
                "Schema root {} refers to a type {} that does not exist.",
                root.operation, root.of_type
            );
            return Err(invalid(root.pos, message));
        }
        let name = Some(root.of_type.clone());
        match root.operation.as_str() {
            "query" => self.query = name,
            "mutation" => self.mutation = name,
            "subscription" => self.subscription = name,
            _ => {}
        }
        Ok(())
    }

    /// Types and their extensions.
    fn add_types(&mut self, definitions: &[Definition], extensions: &[Definition]) -> Parsed<()> {
        for definition in definitions {
            if self.types.contains_key(&definition.name) {
                let message = format!("Cannot redeclare type {}.", definition.name);
                return Err(invalid(definition.pos, message));
            }
            self.types.insert(definition.name.clone(), definition.clone());
        }
        for extension in extensions {
            let definition = self
                .types
                .entry(extension.name.clone())
                .or_insert_with(|| Definition::new(extension.kind, &extension.name, extension.pos));
            if definition.kind != extension.kind {
                let message = format!(
                    "Cannot extend type {} because the base type is a {}, not {}.",
                    extension.name,
                    definition.kind.name(),
                    extension.kind.name()
                );
                return Err(invalid(extension.pos, message));
            }
            definition.directives.extend_from_slice(&extension.directives);
            definition.interfaces.extend_from_slice(&extension.interfaces);
            definition.fields.extend_from_slice(&extension.fields);
            definition.types.extend_from_slice(&extension.types);
            definition.values.extend_from_slice(&extension.values);
        }
        Ok(())
    }

    fn add_possible_types(&mut self) {
        for definition in self.types.values() {
            let mut add = |name: &str, possible: &str| {
                let names = self.possible.entry(name.to_owned()).or_default();
                names.push(possible.to_owned());
            };
            match definition.kind {
                DefinitionKind::Union => {
                    for member in &definition.types {
                        add(&definition.name, member);
                    }
                }
                DefinitionKind::InputObject | DefinitionKind::Object | DefinitionKind::Interface => {
                    for interface in &definition.interfaces {
                        add(interface, &definition.name);
                    }
                    if definition.kind != DefinitionKind::Interface {
                        add(&definition.name, &definition.name);
                    }
                }
                DefinitionKind::Scalar | DefinitionKind::Enum => {}
            }
        }
    }

    fn add_directives(&mut self, definitions: &[DirectiveDefinition]) -> Parsed<()> {
        for definition in definitions {
            let known = self
                .directives
                .insert(definition.name.clone(), definition.clone());
            if known.is_some() && !BUILTIN_DIRECTIVES.contains(&definition.name.as_str()) {
                let message = format!("Cannot redeclare directive {}.", definition.name);
                return Err(invalid(definition.pos, message));
            }
        }
        Ok(())
    }

    /// The types named as the operations, where no schema definition says anything.
    fn infer_roots(&mut self) {
        for (root, name) in [
            (&mut self.query, "Query"),
            (&mut self.mutation, "Mutation"),
            (&mut self.subscription, "Subscription"),
        ] {
            if root.is_none() && self.types.contains_key(name) {
                *root = Some(name.to_owned());
            }
        }
    }

    /// The fields that start introspection.
    fn add_introspection(&mut self) {
        let Some(query) = self.query.as_ref().and_then(|name| self.types.get_mut(name)) else {
            return;
        };
        query.fields.push(bare_field("__schema", named("__Schema", true)));
        let mut type_field = bare_field("__type", named("__Type", false));
        type_field.arguments.push(ArgumentDefinition {
            preface: Preface::default(),
            name: "name".to_owned(),
            default: None,
            of_type: named("String", true),
            directives: Vec::new(),
            pos: None,
        });
        query.fields.push(type_field);
    }
}

/// A type that is a name.
fn named(name: &str, non_null: bool) -> Type {
    Type {
        kind: TypeKind::Named(name.to_owned()),
        non_null,
        pos: None,
    }
}

fn bare_field(name: &str, of_type: Type) -> FieldDefinition {
    FieldDefinition {
        preface: Preface::default(),
        name: name.to_owned(),
        arguments: Vec::new(),
        default: None,
        of_type,
        directives: Vec::new(),
        pos: None,
    }
}

/// The field that every composite type has.
pub(super) fn typename_field() -> FieldDefinition {
    bare_field("__typename", named("String", false))
}

/// The schema that a document describes, if it is valid.
pub(super) fn load(document: &SchemaDocument) -> Parsed<Schema> {
    let mut prelude = parse_schema(include_str!("prelude.graphql"))?;
    for definition in &mut prelude.definitions {
        definition.built_in = true;
    }
    let mut schema = Schema {
        types: BTreeMap::new(),
        directives: BTreeMap::new(),
        possible: HashMap::new(),
        query: None,
        mutation: None,
        subscription: None,
    };
    schema.add_types(&prelude.definitions, &[])?;
    schema.add_types(&document.definitions, &document.extensions)?;
    schema.add_possible_types();
    schema.add_directives(&prelude.directives)?;
    schema.add_directives(&document.directives)?;
    if let Some(second) = document.schemas.get(1) {
        let message = "Cannot have multiple schema entry points, consider schema extensions instead.";
        return Err(invalid(second.pos, message));
    }
    for definition in document.schemas.iter().chain(&document.schema_extensions) {
        for root in &definition.roots {
            schema.set_root(root)?;
        }
        check::directives(&schema, &definition.directives, "SCHEMA", None)?;
    }
    check::schema(&schema)?;
    if document.schemas.is_empty() {
        schema.infer_roots();
    }
    schema.add_introspection();
    Ok(schema)
}

/// Names that begin with `__` are reserved.
fn check_name(pos: Option<Pos>, name: &str) -> Parsed<()> {
    if name.starts_with("__") {
        let message = format!(
            "Name \"{name}\" must not begin with \"__\", which is reserved by GraphQL introspection."
        );
        return Err(invalid(pos, message));
    }
    Ok(())
}
