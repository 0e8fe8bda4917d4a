//! Documents as OPA shows them: objects without what is null or empty, and without places.

use std::collections::BTreeMap;

use stele_types::Value;

use super::ast::{
    Argument, ArgumentDefinition, Child, Comments, Definition, Directive, DirectiveDefinition, EnumValue,
    Field, FieldDefinition, Fragment, Inline, Literal, Operation, Preface, QueryDocument, RootType,
    SchemaDefinition, SchemaDocument, Selection, Spread, Type, TypeKind, Variable,
};

/// An object under construction.
#[derive(Default)]
struct Node(BTreeMap<Value, Value>);

impl Node {
    fn put(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(Value::string(key), value.into());
        self
    }

    /// Objects under this key, unless there are none.
    fn list<T>(self, key: &str, items: &[T], to_value: impl Fn(&T) -> Node) -> Self {
        if items.is_empty() {
            return self;
        }
        self.put(key, Value::array(items.iter().map(|item| to_value(item).into())))
    }

    fn names(self, key: &str, names: &[String]) -> Self {
        if names.is_empty() {
            return self;
        }
        self.put(key, Value::array(names.iter().map(|name| Value::string(name))))
    }

    fn optional<T>(self, key: &str, item: Option<&T>, to_value: impl Fn(&T) -> Node) -> Self {
        match item {
            Some(item) => self.put(key, to_value(item)),
            None => self,
        }
    }

    fn comments(self, key: &str, comments: &Comments) -> Self {
        if comments.is_empty() {
            return self;
        }
        self.put(
            key,
            Self::default().list("List", comments, |text| {
                Self::default().put("Value", text.as_str())
            }),
        )
    }

    fn preface(self, preface: &Preface) -> Self {
        self.put("Description", preface.description.as_str())
            .comments("BeforeDescriptionComment", &preface.before)
            .comments("AfterDescriptionComment", &preface.after)
    }
}

impl From<Node> for Value {
    fn from(node: Node) -> Self {
        node.0.into()
    }
}

pub(super) fn query(document: &QueryDocument) -> Value {
    Node::default()
        .list("Operations", &document.operations, operation)
        .list("Fragments", &document.fragments, fragment)
        .into()
}

pub(super) fn schema(document: &SchemaDocument) -> Value {
    Node::default()
        .list("Schema", &document.schemas, schema_definition)
        .list("SchemaExtension", &document.schema_extensions, schema_definition)
        .list("Directives", &document.directives, directive_definition)
        .list("Definitions", &document.definitions, definition)
        .list("Extensions", &document.extensions, definition)
        .comments("Comment", &document.comments)
        .into()
}

fn operation(operation: &Operation) -> Node {
    Node::default()
        .put("Operation", operation.operation.as_str())
        .put("Name", operation.name.as_str())
        .list("VariableDefinitions", &operation.variables, variable)
        .list("Directives", &operation.directives, directive)
        .list("SelectionSet", &operation.selections, selection)
        .comments("Comment", &operation.comments)
}

fn fragment(fragment: &Fragment) -> Node {
    Node::default()
        .put("Name", fragment.name.as_str())
        .list("VariableDefinition", &fragment.variables, variable)
        .put("TypeCondition", fragment.condition.as_str())
        .list("Directives", &fragment.directives, directive)
        .list("SelectionSet", &fragment.selections, selection)
        .comments("Comment", &fragment.comments)
}

fn variable(variable: &Variable) -> Node {
    Node::default()
        .put("Variable", variable.name.as_str())
        .put("Type", of_type(&variable.of_type))
        .optional("DefaultValue", variable.default.as_ref(), literal)
        .list("Directives", &variable.directives, directive)
        .comments("Comment", &variable.comments)
        .put("Used", variable.used)
}

fn selection(selection: &Selection) -> Node {
    match selection {
        Selection::Field(of) => field(of),
        Selection::Spread(of) => spread(of),
        Selection::Inline(of) => inline(of),
    }
}

fn field(field: &Field) -> Node {
    Node::default()
        .put("Alias", field.alias.as_str())
        .put("Name", field.name.as_str())
        .list("Arguments", &field.arguments, argument)
        .list("Directives", &field.directives, directive)
        .list("SelectionSet", &field.selections, selection)
        .comments("Comment", &field.comments)
}

fn spread(spread: &Spread) -> Node {
    Node::default()
        .put("Name", spread.name.as_str())
        .list("Directives", &spread.directives, directive)
        .comments("Comment", &spread.comments)
}

fn inline(inline: &Inline) -> Node {
    Node::default()
        .put("TypeCondition", inline.condition.as_str())
        .list("Directives", &inline.directives, directive)
        .list("SelectionSet", &inline.selections, selection)
        .comments("Comment", &inline.comments)
}

fn argument(argument: &Argument) -> Node {
    Node::default()
        .put("Name", argument.name.as_str())
        .put("Value", literal(&argument.value))
        .comments("Comment", &argument.comments)
}

fn directive(directive: &Directive) -> Node {
    Node::default()
        .put("Name", directive.name.as_str())
        .list("Arguments", &directive.arguments, argument)
        // Known only after validation.
        .put("Location", "")
}

fn literal(literal: &Literal) -> Node {
    Node::default()
        .put("Raw", literal.raw.as_str())
        .list("Children", &literal.children, child)
        .put("Kind", literal.kind.number())
        .comments("Comment", &literal.comments)
        .put("ExpectedTypeHasDefault", literal.expected_type_has_default)
}

fn child(child: &Child) -> Node {
    Node::default()
        .put("Name", child.name.as_str())
        .put("Value", literal(&child.value))
        .comments("Comment", &child.comments)
}

fn of_type(of: &Type) -> Node {
    let node = Node::default().put("NonNull", of.non_null);
    match &of.kind {
        TypeKind::Named(name) => node.put("NamedType", name.as_str()),
        TypeKind::List(inner) => node.put("NamedType", "").put("Elem", of_type(inner)),
    }
}

fn schema_definition(definition: &SchemaDefinition) -> Node {
    Node::default()
        .preface(&definition.preface)
        .list("Directives", &definition.directives, directive)
        .list("OperationTypes", &definition.roots, root_type)
        .comments("EndOfDefinitionComment", &definition.end)
}

fn root_type(root: &RootType) -> Node {
    Node::default()
        .put("Operation", root.operation.as_str())
        .put("Type", root.of_type.as_str())
        .comments("Comment", &root.comments)
}

fn definition(definition: &Definition) -> Node {
    Node::default()
        .put("Kind", definition.kind.name())
        .preface(&definition.preface)
        .put("Name", definition.name.as_str())
        .list("Directives", &definition.directives, directive)
        .names("Interfaces", &definition.interfaces)
        .list("Fields", &definition.fields, field_definition)
        .names("Types", &definition.types)
        .list("EnumValues", &definition.values, enum_value)
        .put("BuiltIn", definition.built_in)
        .comments("EndOfDefinitionComment", &definition.end)
}

fn field_definition(field: &FieldDefinition) -> Node {
    Node::default()
        .preface(&field.preface)
        .put("Name", field.name.as_str())
        .list("Arguments", &field.arguments, argument_definition)
        .optional("DefaultValue", field.default.as_ref(), literal)
        .put("Type", of_type(&field.of_type))
        .list("Directives", &field.directives, directive)
}

fn argument_definition(argument: &ArgumentDefinition) -> Node {
    Node::default()
        .preface(&argument.preface)
        .put("Name", argument.name.as_str())
        .optional("DefaultValue", argument.default.as_ref(), literal)
        .put("Type", of_type(&argument.of_type))
        .list("Directives", &argument.directives, directive)
}

fn enum_value(value: &EnumValue) -> Node {
    Node::default()
        .preface(&value.preface)
        .put("Name", value.name.as_str())
        .list("Directives", &value.directives, directive)
}

fn directive_definition(definition: &DirectiveDefinition) -> Node {
    Node::default()
        .preface(&definition.preface)
        .put("Name", definition.name.as_str())
        .list("Arguments", &definition.arguments, argument_definition)
        .names("Locations", &definition.locations)
        .put("IsRepeatable", definition.repeatable)
}
