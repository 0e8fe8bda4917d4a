//! GraphQL documents as trees, with what OPA's form of them shows.

/// A place in a document, from 1. Documents that come as objects have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pos {
    pub(super) line: u32,
    /// May be below 1: in OPA's parser the column of a block string counts from the line on which it ends.
    pub(super) column: i64,
}

/// The comments before a token, each with its `#`.
pub(super) type Comments = Vec<String>;

/// The kinds of literals, in the order of OPA's numbers for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LiteralKind {
    Variable,
    Int,
    Float,
    String,
    Block,
    Boolean,
    Null,
    Enum,
    List,
    Object,
}

impl LiteralKind {
    pub(super) const ALL: [Self; 10] = [
        Self::Variable,
        Self::Int,
        Self::Float,
        Self::String,
        Self::Block,
        Self::Boolean,
        Self::Null,
        Self::Enum,
        Self::List,
        Self::Object,
    ];

    pub(super) fn number(self) -> i64 {
        let index = Self::ALL.iter().position(|kind| *kind == self);
        index.and_then(|index| i64::try_from(index).ok()).unwrap_or(-1)
    }
}

/// A literal or a variable.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    pub(super) raw: String,
    pub(super) children: Vec<Child>,
    pub(super) kind: LiteralKind,
    pub(super) pos: Option<Pos>,
    pub(super) comments: Comments,
    /// Only in documents that come as objects.
    pub(super) expected_type_has_default: bool,
}

/// An element of a list (without a name) or a field of an object.
#[derive(Debug, Clone)]
pub(super) struct Child {
    pub(super) name: String,
    pub(super) value: Literal,
    pub(super) pos: Option<Pos>,
    pub(super) comments: Comments,
}

#[derive(Debug, Clone)]
pub(super) enum TypeKind {
    Named(String),
    List(Box<Type>),
}

#[derive(Debug, Clone)]
pub(super) struct Type {
    pub(super) kind: TypeKind,
    pub(super) non_null: bool,
    pub(super) pos: Option<Pos>,
}

impl Type {
    /// The innermost name.
    pub(super) fn name(&self) -> &str {
        let mut at = self;
        loop {
            match &at.kind {
                TypeKind::Named(name) => return name,
                TypeKind::List(of) => at = of,
            }
        }
    }

    pub(super) fn element(&self) -> Option<&Self> {
        match &self.kind {
            TypeKind::Named(_) => None,
            TypeKind::List(of) => Some(of),
        }
    }

    /// May a value of this type be used where `other` is expected?
    pub(super) fn is_compatible(&self, other: &Self) -> bool {
        let inner = match (&self.kind, &other.kind) {
            (TypeKind::Named(left), TypeKind::Named(right)) => left == right,
            (TypeKind::List(left), TypeKind::List(right)) => left.is_compatible(right),
            _ => false,
        };
        inner && (self.non_null || !other.non_null)
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            TypeKind::Named(name) => f.write_str(name)?,
            TypeKind::List(of) => write!(f, "[{of}]")?,
        }
        f.write_str(if self.non_null { "!" } else { "" })
    }
}

#[derive(Debug, Clone)]
pub(super) struct Argument {
    pub(super) name: String,
    pub(super) value: Literal,
    pub(super) pos: Option<Pos>,
    pub(super) comments: Comments,
}

#[derive(Debug, Clone)]
pub(super) struct Directive {
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) pos: Option<Pos>,
}

/// An executable document.
#[derive(Debug, Clone, Default)]
pub(super) struct QueryDocument {
    pub(super) operations: Vec<Operation>,
    pub(super) fragments: Vec<Fragment>,
    /// How many fields there are: each has a number below this.
    pub(super) fields: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Operation {
    /// `query`, `mutation` or `subscription`; empty (a query) only in documents that come as objects.
    pub(super) operation: String,
    pub(super) name: String,
    pub(super) variables: Vec<Variable>,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) pos: Option<Pos>,
    pub(super) comments: Comments,
}

#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) of_type: Type,
    pub(super) default: Option<Literal>,
    pub(super) directives: Vec<Directive>,
    pub(super) used: bool,
    pub(super) pos: Option<Pos>,
    pub(super) comments: Comments,
}

#[derive(Debug, Clone)]
pub(super) enum Selection {
    Field(Field),
    Spread(Spread),
    Inline(Inline),
}

#[derive(Debug, Clone)]
pub(super) struct Field {
    /// The number of this field in its document.
    pub(super) id: usize,
    pub(super) alias: String,
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) pos: Option<Pos>,
    pub(super) comments: Comments,
}

impl Field {
    /// The key in the answer.
    pub(super) fn response_name(&self) -> &str {
        if self.alias.is_empty() {
            &self.name
        } else {
            &self.alias
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Spread {
    pub(super) name: String,
    pub(super) directives: Vec<Directive>,
    pub(super) pos: Option<Pos>,
    pub(super) comments: Comments,
}

#[derive(Debug, Clone)]
pub(super) struct Inline {
    /// Empty when there is none.
    pub(super) condition: String,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) pos: Option<Pos>,
    pub(super) comments: Comments,
}

#[derive(Debug, Clone)]
pub(super) struct Fragment {
    pub(super) name: String,
    pub(super) variables: Vec<Variable>,
    pub(super) condition: String,
    pub(super) directives: Vec<Directive>,
    pub(super) selections: Vec<Selection>,
    pub(super) pos: Option<Pos>,
    pub(super) comments: Comments,
}

/// A type system document.
#[derive(Debug, Clone, Default)]
pub(super) struct SchemaDocument {
    pub(super) schemas: Vec<SchemaDefinition>,
    pub(super) schema_extensions: Vec<SchemaDefinition>,
    pub(super) directives: Vec<DirectiveDefinition>,
    pub(super) definitions: Vec<Definition>,
    pub(super) extensions: Vec<Definition>,
    pub(super) comments: Comments,
}

/// What stands before a definition.
#[derive(Debug, Clone, Default)]
pub(super) struct Preface {
    pub(super) description: String,
    /// Comments before the description.
    pub(super) before: Comments,
    /// Comments between the description and what it describes.
    pub(super) after: Comments,
}

#[derive(Debug, Clone)]
pub(super) struct SchemaDefinition {
    pub(super) preface: Preface,
    pub(super) directives: Vec<Directive>,
    pub(super) roots: Vec<RootType>,
    pub(super) pos: Option<Pos>,
    pub(super) end: Comments,
}

/// The type with which operations of a kind start.
#[derive(Debug, Clone)]
pub(super) struct RootType {
    pub(super) operation: String,
    pub(super) of_type: String,
    pub(super) pos: Option<Pos>,
    pub(super) comments: Comments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DefinitionKind {
    Scalar,
    Object,
    Interface,
    Union,
    Enum,
    InputObject,
}

impl DefinitionKind {
    pub(super) const ALL: [Self; 6] = [
        Self::Scalar,
        Self::Object,
        Self::Interface,
        Self::Union,
        Self::Enum,
        Self::InputObject,
    ];

    /// Also the location of directives on a definition of this kind.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Scalar => "SCALAR",
            Self::Object => "OBJECT",
            Self::Interface => "INTERFACE",
            Self::Union => "UNION",
            Self::Enum => "ENUM",
            Self::InputObject => "INPUT_OBJECT",
        }
    }
}

/// The definition or extension of a type.
#[derive(Debug, Clone)]
pub(super) struct Definition {
    pub(super) kind: DefinitionKind,
    pub(super) preface: Preface,
    pub(super) name: String,
    pub(super) directives: Vec<Directive>,
    pub(super) interfaces: Vec<String>,
    pub(super) fields: Vec<FieldDefinition>,
    pub(super) types: Vec<String>,
    pub(super) values: Vec<EnumValue>,
    pub(super) built_in: bool,
    pub(super) pos: Option<Pos>,
    pub(super) end: Comments,
}

impl Definition {
    /// A definition with nothing in it.
    pub(super) fn new(kind: DefinitionKind, name: &str, pos: Option<Pos>) -> Self {
        Self {
            kind,
            preface: Preface::default(),
            name: name.to_owned(),
            directives: Vec::new(),
            interfaces: Vec::new(),
            fields: Vec::new(),
            types: Vec::new(),
            values: Vec::new(),
            built_in: false,
            pos,
            end: Comments::new(),
        }
    }

    pub(super) fn field(&self, name: &str) -> Option<&FieldDefinition> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub(super) fn is_leaf(&self) -> bool {
        matches!(self.kind, DefinitionKind::Enum | DefinitionKind::Scalar)
    }

    pub(super) fn is_composite(&self) -> bool {
        use DefinitionKind::{Interface, Object, Union};
        matches!(self.kind, Object | Interface | Union)
    }

    pub(super) fn is_input(&self) -> bool {
        use DefinitionKind::{Enum, InputObject, Scalar};
        matches!(self.kind, Scalar | Enum | InputObject)
    }
}

#[derive(Debug, Clone)]
pub(super) struct FieldDefinition {
    pub(super) preface: Preface,
    pub(super) name: String,
    pub(super) arguments: Vec<ArgumentDefinition>,
    pub(super) default: Option<Literal>,
    pub(super) of_type: Type,
    pub(super) directives: Vec<Directive>,
    pub(super) pos: Option<Pos>,
}

impl FieldDefinition {
    pub(super) fn argument(&self, name: &str) -> Option<&ArgumentDefinition> {
        self.arguments.iter().find(|argument| argument.name == name)
    }
}

#[derive(Debug, Clone)]
pub(super) struct ArgumentDefinition {
    pub(super) preface: Preface,
    pub(super) name: String,
    pub(super) default: Option<Literal>,
    pub(super) of_type: Type,
    pub(super) directives: Vec<Directive>,
    pub(super) pos: Option<Pos>,
}

#[derive(Debug, Clone)]
pub(super) struct EnumValue {
    pub(super) preface: Preface,
    pub(super) name: String,
    pub(super) directives: Vec<Directive>,
}

#[derive(Debug, Clone)]
pub(super) struct DirectiveDefinition {
    pub(super) preface: Preface,
    pub(super) name: String,
    pub(super) arguments: Vec<ArgumentDefinition>,
    pub(super) locations: Vec<String>,
    pub(super) repeatable: bool,
    pub(super) pos: Option<Pos>,
}

impl DirectiveDefinition {
    pub(super) fn argument(&self, name: &str) -> Option<&ArgumentDefinition> {
        self.arguments.iter().find(|argument| argument.name == name)
    }
}
