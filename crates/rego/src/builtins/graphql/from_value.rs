//! Documents that come as objects, as [`super::to_value`] makes them.
//!
//! OPA reads them with Go's JSON decoder: what is missing is empty, unknown keys don't matter, and every selection is taken
//! for a field, fragments too. What only that decoder would accept in some other way is refused, not guessed.

use std::collections::BTreeMap;

use stele_types::Value;

use super::ast::{
    Argument, ArgumentDefinition, Child, Comments, Definition, DefinitionKind, Directive,
    DirectiveDefinition, EnumValue, Field, FieldDefinition, Fragment, Literal, LiteralKind, Operation,
    Preface, QueryDocument, RootType, SchemaDefinition, SchemaDocument, Selection, Type, TypeKind, Variable,
};
use super::parser::{MAX_DEPTH, Parsed};
use super::{Fault, invalid};

/// What validation fills in. OPA would take it from the document.
const RESOLVED: [&str; 5] = [
    "Definition",
    "ObjectDefinition",
    "ParentDefinition",
    "VariableDefinition",
    "ExpectedType",
];

/// Every key that is read.
const KNOWN: [&str; 46] = [
    "AfterDescriptionComment",
    "Alias",
    "Arguments",
    "BeforeDescriptionComment",
    "BuiltIn",
    "Children",
    "Comment",
    "DefaultValue",
    "Definition",
    "Definitions",
    "Description",
    "Directives",
    "Elem",
    "EndOfDefinitionComment",
    "EnumValues",
    "ExpectedType",
    "ExpectedTypeHasDefault",
    "Extensions",
    "Fields",
    "Fragments",
    "Interfaces",
    "IsRepeatable",
    "Kind",
    "List",
    "Location",
    "Locations",
    "Name",
    "NamedType",
    "NonNull",
    "ObjectDefinition",
    "Operation",
    "OperationTypes",
    "Operations",
    "ParentDefinition",
    "Raw",
    "Schema",
    "SchemaExtension",
    "SelectionSet",
    "Type",
    "TypeCondition",
    "Types",
    "Used",
    "Value",
    "Variable",
    "VariableDefinition",
    "VariableDefinitions",
];

pub(super) fn query(value: &Value) -> Parsed<QueryDocument> {
    let mut reader = Reader::default();
    let node = reader.node(value)?;
    let operations = reader.list(&node, "Operations", Reader::operation)?;
    let fragments = reader.list(&node, "Fragments", Reader::fragment)?;
    Ok(QueryDocument {
        operations,
        fragments,
        fields: reader.fields,
    })
}

pub(super) fn schema(value: &Value) -> Parsed<SchemaDocument> {
    let mut reader = Reader::default();
    let node = reader.node(value)?;
    Ok(SchemaDocument {
        schemas: reader.list(&node, "Schema", Reader::schema_definition)?,
        schema_extensions: reader.list(&node, "SchemaExtension", Reader::schema_definition)?,
        directives: reader.list(&node, "Directives", Reader::directive_definition)?,
        definitions: reader.list(&node, "Definitions", Reader::definition)?,
        extensions: reader.list(&node, "Extensions", Reader::definition)?,
        comments: node.comments("Comment")?,
    })
}

fn wrong(what: &str) -> Fault {
    invalid(None, format!("cannot read the GraphQL AST: {what}"))
}

/// An object of the tree.
struct Node<'a>(&'a BTreeMap<Value, Value>);

impl<'a> Node<'a> {
    /// What is under this key, unless it is null.
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0
            .get(&Value::string(key))
            .filter(|value| **value != Value::Null)
    }

    fn text(&self, key: &str) -> Parsed<String> {
        match self.get(key) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.as_ref().to_owned()),
            Some(_) => Err(wrong(&format!("{key} must be a string"))),
        }
    }

    fn flag(&self, key: &str) -> Parsed<bool> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(wrong(&format!("{key} must be a boolean"))),
        }
    }

    fn items(&self, key: &str) -> Parsed<&'a [Value]> {
        match self.get(key) {
            None => Ok(&[]),
            Some(value) => value
                .as_array()
                .ok_or_else(|| wrong(&format!("{key} must be an array"))),
        }
    }

    fn names(&self, key: &str) -> Parsed<Vec<String>> {
        self.items(key)?
            .iter()
            .map(|item| match item {
                Value::Null => Ok(String::new()),
                Value::String(text) => Ok(text.as_ref().to_owned()),
                _ => Err(wrong(&format!("{key} must be strings"))),
            })
            .collect()
    }

    fn comments(&self, key: &str) -> Parsed<Comments> {
        let Some(group) = self.get(key) else {
            return Ok(Comments::new());
        };
        let group = group
            .as_object()
            .ok_or_else(|| wrong("comments must be an object"))?;
        Node(group)
            .items("List")?
            .iter()
            .map(|comment| match comment.as_object() {
                Some(comment) => Node(comment).text("Value"),
                None => Err(wrong("a comment must be an object")),
            })
            .collect()
    }

    fn preface(&self) -> Parsed<Preface> {
        Ok(Preface {
            description: self.text("Description")?,
            before: self.comments("BeforeDescriptionComment")?,
            after: self.comments("AfterDescriptionComment")?,
        })
    }
}

#[derive(Default)]
struct Reader {
    depth: usize,
    fields: usize,
}

impl Reader {
    fn node<'a>(&self, value: &'a Value) -> Parsed<Node<'a>> {
        let map = value.as_object().ok_or_else(|| wrong("an object was expected"))?;
        for (key, value) in map {
            let key = key.as_str().unwrap_or_default();
            // A fragment has a list under `VariableDefinition`.
            if RESOLVED.contains(&key) && *value != Value::Null && value.as_array().is_none() {
                return Err(Fault::unsupported("a GraphQL AST that has been resolved"));
            }
            // Go's decoder ignores case in most objects.
            if !KNOWN.contains(&key) && KNOWN.iter().any(|known| known.eq_ignore_ascii_case(key)) {
                return Err(Fault::unsupported("a GraphQL AST with keys in another case"));
            }
        }
        Ok(Node(map))
    }

    /// What `read` makes of the objects under `key`.
    fn list<T>(
        &mut self,
        node: &Node<'_>,
        key: &str,
        read: impl Fn(&mut Self, &Node<'_>) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        node.items(key)?
            .iter()
            .map(|item| self.inner(item, &read))
            .collect()
    }

    /// What `read` makes of an object one level down.
    fn inner<T>(&mut self, value: &Value, read: impl FnOnce(&mut Self, &Node<'_>) -> Parsed<T>) -> Parsed<T> {
        if self.depth > MAX_DEPTH {
            return Err(Fault::too_deep());
        }
        self.depth = self.depth.saturating_add(1);
        let result = self.node(value).and_then(|node| read(self, &node));
        self.depth = self.depth.saturating_sub(1);
        result
    }

    fn required<T>(
        &mut self,
        node: &Node<'_>,
        key: &str,
        read: impl FnOnce(&mut Self, &Node<'_>) -> Parsed<T>,
    ) -> Parsed<T> {
        let value = node.get(key).ok_or_else(|| wrong(&format!("{key} is missing")))?;
        self.inner(value, read)
    }

    fn optional<T>(
        &mut self,
        node: &Node<'_>,
        key: &str,
        read: impl FnOnce(&mut Self, &Node<'_>) -> Parsed<T>,
    ) -> Parsed<Option<T>> {
        node.get(key).map(|value| self.inner(value, read)).transpose()
    }

    fn operation(&mut self, node: &Node<'_>) -> Parsed<Operation> {
        Ok(Operation {
            operation: node.text("Operation")?,
            name: node.text("Name")?,
            variables: self.list(node, "VariableDefinitions", Self::variable)?,
            directives: self.list(node, "Directives", Self::directive)?,
            selections: self.selections(node)?,
            pos: None,
            // Go's decoder leaves them out.
            comments: Comments::new(),
        })
    }

    fn fragment(&mut self, node: &Node<'_>) -> Parsed<Fragment> {
        Ok(Fragment {
            name: node.text("Name")?,
            variables: self.list(node, "VariableDefinition", Self::variable)?,
            condition: node.text("TypeCondition")?,
            directives: self.list(node, "Directives", Self::directive)?,
            selections: self.selections(node)?,
            pos: None,
            comments: Comments::new(),
        })
    }

    fn variable(&mut self, node: &Node<'_>) -> Parsed<Variable> {
        Ok(Variable {
            name: node.text("Variable")?,
            of_type: self.required(node, "Type", Self::of_type)?,
            default: self.optional(node, "DefaultValue", Self::literal)?,
            directives: self.list(node, "Directives", Self::directive)?,
            used: node.flag("Used")?,
            pos: None,
            comments: node.comments("Comment")?,
        })
    }

    fn selections(&mut self, node: &Node<'_>) -> Parsed<Vec<Selection>> {
        let mut selections = Vec::new();
        for item in node.items("SelectionSet")? {
            // What is no object is passed over.
            if item.as_object().is_none() {
                continue;
            }
            match self.inner(item, Self::field) {
                Ok(field) => selections.push(Selection::Field(field)),
                // OPA then tries other forms, and at last leaves it out.
                Err(Fault::Invalid { .. }) => {
                    return Err(Fault::unsupported("a GraphQL AST with an ill-formed selection"));
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(selections)
    }

    fn field(&mut self, node: &Node<'_>) -> Parsed<Field> {
        let id = self.fields;
        self.fields = id.saturating_add(1);
        Ok(Field {
            id,
            alias: node.text("Alias")?,
            name: node.text("Name")?,
            arguments: self.list(node, "Arguments", Self::argument)?,
            directives: self.list(node, "Directives", Self::directive)?,
            selections: self.selections(node)?,
            pos: None,
            comments: Comments::new(),
        })
    }

    fn argument(&mut self, node: &Node<'_>) -> Parsed<Argument> {
        Ok(Argument {
            name: node.text("Name")?,
            value: self.required(node, "Value", Self::literal)?,
            pos: None,
            comments: node.comments("Comment")?,
        })
    }

    fn directive(&mut self, node: &Node<'_>) -> Parsed<Directive> {
        Ok(Directive {
            name: node.text("Name")?,
            arguments: self.list(node, "Arguments", Self::argument)?,
            pos: None,
        })
    }

    fn literal(&mut self, node: &Node<'_>) -> Parsed<Literal> {
        let number = match node.get("Kind") {
            None => Some(0),
            Some(value) => value.as_number().and_then(stele_types::Number::to_i64),
        };
        let kind = LiteralKind::ALL.iter().find(|kind| Some(kind.number()) == number);
        Ok(Literal {
            raw: node.text("Raw")?,
            children: self.list(node, "Children", Self::child)?,
            kind: *kind.ok_or_else(|| wrong("Kind must be a number from 0 to 9"))?,
            pos: None,
            comments: node.comments("Comment")?,
            expected_type_has_default: node.flag("ExpectedTypeHasDefault")?,
        })
    }

    fn child(&mut self, node: &Node<'_>) -> Parsed<Child> {
        Ok(Child {
            name: node.text("Name")?,
            value: self.required(node, "Value", Self::literal)?,
            pos: None,
            comments: node.comments("Comment")?,
        })
    }

    fn of_type(&mut self, node: &Node<'_>) -> Parsed<Type> {
        let name = node.text("NamedType")?;
        let kind = match self.optional(node, "Elem", Self::of_type)? {
            Some(of) if name.is_empty() => TypeKind::List(Box::new(of)),
            None if !name.is_empty() => TypeKind::Named(name),
            _ => return Err(wrong("a type has either NamedType or Elem")),
        };
        Ok(Type {
            kind,
            non_null: node.flag("NonNull")?,
            pos: None,
        })
    }

    fn schema_definition(&mut self, node: &Node<'_>) -> Parsed<SchemaDefinition> {
        Ok(SchemaDefinition {
            preface: node.preface()?,
            directives: self.list(node, "Directives", Self::directive)?,
            roots: self.list(node, "OperationTypes", |_, node| {
                Ok(RootType {
                    operation: node.text("Operation")?,
                    of_type: node.text("Type")?,
                    pos: None,
                    comments: node.comments("Comment")?,
                })
            })?,
            pos: None,
            end: node.comments("EndOfDefinitionComment")?,
        })
    }

    fn definition(&mut self, node: &Node<'_>) -> Parsed<Definition> {
        let kind = node.text("Kind")?;
        let kind = DefinitionKind::ALL.iter().find(|known| known.name() == kind);
        Ok(Definition {
            kind: *kind
                .ok_or_else(|| Fault::unsupported("a GraphQL AST with a definition of no known kind"))?,
            preface: node.preface()?,
            name: node.text("Name")?,
            directives: self.list(node, "Directives", Self::directive)?,
            interfaces: node.names("Interfaces")?,
            fields: self.list(node, "Fields", Self::field_definition)?,
            types: node.names("Types")?,
            values: self.list(node, "EnumValues", |reader, node| {
                Ok(EnumValue {
                    preface: node.preface()?,
                    name: node.text("Name")?,
                    directives: reader.list(node, "Directives", Self::directive)?,
                })
            })?,
            built_in: node.flag("BuiltIn")?,
            pos: None,
            end: node.comments("EndOfDefinitionComment")?,
        })
    }

    fn field_definition(&mut self, node: &Node<'_>) -> Parsed<FieldDefinition> {
        Ok(FieldDefinition {
            preface: node.preface()?,
            name: node.text("Name")?,
            arguments: self.list(node, "Arguments", Self::argument_definition)?,
            default: self.optional(node, "DefaultValue", Self::literal)?,
            of_type: self.required(node, "Type", Self::of_type)?,
            directives: self.list(node, "Directives", Self::directive)?,
            pos: None,
        })
    }

    fn argument_definition(&mut self, node: &Node<'_>) -> Parsed<ArgumentDefinition> {
        Ok(ArgumentDefinition {
            preface: node.preface()?,
            name: node.text("Name")?,
            default: self.optional(node, "DefaultValue", Self::literal)?,
            of_type: self.required(node, "Type", Self::of_type)?,
            directives: self.list(node, "Directives", Self::directive)?,
            pos: None,
        })
    }

    fn directive_definition(&mut self, node: &Node<'_>) -> Parsed<DirectiveDefinition> {
        Ok(DirectiveDefinition {
            preface: node.preface()?,
            name: node.text("Name")?,
            arguments: self.list(node, "Arguments", Self::argument_definition)?,
            locations: node.names("Locations")?,
            repeatable: node.flag("IsRepeatable")?,
            pos: None,
        })
    }
}
