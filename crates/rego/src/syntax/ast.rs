//! The syntax tree of Rego v1. Every node has its span; nothing is resolved or rewritten yet.
//!
//! INVARIANT: a tree made by the parser is at most [`MAX_HEIGHT`] nodes high, so recursion over it is safe.

use std::sync::Arc;

use crate::source::{FutureKeywords, SourceFile, Span};
use crate::syntax::annotation::Annotation;
use crate::syntax::token::Comment;

/// The greatest number of nodes on a path from a rule to a leaf of its tree.
pub const MAX_HEIGHT: u32 = 320;

/// One file.
#[derive(Clone, Debug)]
pub struct Module {
    /// The text it came from; all spans are offsets into it.
    pub source: SourceFile,
    /// The `package` clause.
    pub package: Package,
    /// The imports, in order.
    pub imports: Vec<Import>,
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// All comments, in order.
    pub comments: Vec<Comment>,
    /// All `# METADATA` blocks, in order.
    pub annotations: Vec<Annotation>,
}

impl Module {
    /// The package path as one writes it in a reference: `data.a.b`.
    #[must_use]
    pub fn package_ref(&self) -> String {
        let mut out = String::from("data");
        for segment in &self.package.path {
            push_segment(&mut out, &segment.name);
        }
        out
    }

    /// The annotation blocks that stand on the rule with this index.
    pub fn rule_annotations(&self, rule: usize) -> impl Iterator<Item = &Annotation> {
        use crate::syntax::annotation::Target;
        self.annotations
            .iter()
            .filter(move |annotation| annotation.target == Target::Rule(rule))
    }

    /// The annotation blocks that stand on the package clause.
    pub fn package_annotations(&self) -> impl Iterator<Item = &Annotation> {
        use crate::syntax::annotation::Target;
        self.annotations
            .iter()
            .filter(|annotation| annotation.target == Target::Package)
    }
}

/// Appends a constant segment to a reference's text: `.name`, or `["odd name"]`.
pub(crate) fn push_segment(out: &mut String, name: &str) {
    if is_identifier(name) {
        out.push('.');
        out.push_str(name);
    } else {
        out.push_str(&format!("[{name:?}]"));
    }
}

/// Whether a text can stand behind a dot.
#[must_use]
pub fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// `package a.b["c"]`.
#[derive(Clone, Debug)]
pub struct Package {
    /// The whole clause.
    pub span: Span,
    /// The path without `data`.
    pub path: Vec<Ident>,
}

/// A name where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    /// The name.
    pub name: Arc<str>,
    /// Where it stands.
    pub span: Span,
}

/// `import data.x.y as z`.
#[derive(Clone, Debug)]
pub struct Import {
    /// The whole clause.
    pub span: Span,
    /// The path, first segment included (`data`, `input`, `rego` or `future`).
    pub path: Vec<Ident>,
    /// The name after `as`.
    pub alias: Option<Ident>,
}

impl Import {
    /// The name that the import defines in its file; none for `rego.v1` and `future.keywords`.
    #[must_use]
    pub fn name(&self) -> Option<&Ident> {
        match self.path.first().map(|root| root.name.as_ref()) {
            Some("data" | "input") => self.alias.as_ref().or_else(|| self.path.last()),
            _ => None,
        }
    }
}

/// The keywords that imports bring, of those that v1 does not have without.
#[must_use]
pub fn future_keywords(imports: &[Import]) -> FutureKeywords {
    imports.iter().fold(FutureKeywords::default(), |all, import| {
        let names: Vec<&str> = import.path.iter().map(|ident| ident.name.as_ref()).collect();
        all.with(FutureKeywords::imported(&names))
    })
}

/// One rule with its `else` chain.
#[derive(Clone, Debug)]
pub struct Rule {
    /// From the head (or `default`) to the end of the last `else`.
    pub span: Span,
    /// `default p := ...`.
    pub default: bool,
    /// What it defines.
    pub head: Head,
    /// The condition after `if`; `None` is always true.
    pub body: Option<Body>,
    /// The `else` branches, in order.
    pub elses: Vec<Else>,
}

/// What a rule defines.
#[derive(Clone, Debug)]
pub struct Head {
    /// The whole head, from the name to the value.
    pub span: Span,
    /// Name and path: `p`, `a.b.c`, `p[x].q`. The root is the first name; segments follow.
    pub reference: Ref,
    /// The parameters of a function.
    pub args: Option<Vec<Term>>,
    /// What sort of definition it is.
    pub kind: HeadKind,
}

/// The sorts of definitions.
#[derive(Clone, Debug)]
pub enum HeadKind {
    /// `p := value`, `p if ...` (no value: `true`), `p[k] := value`, `f(x) := value`.
    Value(Option<Term>),
    /// `p contains member`.
    Contains(Term),
}

impl Head {
    /// The name that the head defines in its package: its first segment.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.reference.root.name
    }

    /// The path as far as it is constant: `a.b[x].c` gives `a`, `b`.
    #[must_use]
    pub fn constant_path(&self) -> Vec<Arc<str>> {
        let constants = self
            .reference
            .path
            .iter()
            .map_while(Segment::as_str)
            .map(Arc::from);
        std::iter::once(self.reference.root.name.clone())
            .chain(constants)
            .collect()
    }
}

/// `else := value if { ... }`.
#[derive(Clone, Debug)]
pub struct Else {
    /// The whole branch.
    pub span: Span,
    /// The value; `None` is `true`.
    pub value: Option<Term>,
    /// The condition; `None` is always true.
    pub body: Option<Body>,
}

/// Statements that must all hold.
#[derive(Clone, Debug)]
pub struct Body {
    /// The whole body, with its braces if it has any.
    pub span: Span,
    /// The statements.
    pub literals: Vec<Literal>,
}

/// One statement of a body.
#[derive(Clone, Debug)]
pub struct Literal {
    /// The whole statement.
    pub span: Span,
    /// What it says.
    pub kind: LiteralKind,
    /// Its `with` modifiers.
    pub with: Vec<With>,
}

/// `with target as value`.
#[derive(Clone, Debug)]
pub struct With {
    /// The whole modifier.
    pub span: Span,
    /// What is replaced: `input`, `input.x`, `data.x`, a function or a builtin.
    pub target: Ref,
    /// What replaces it.
    pub value: Term,
}

/// What a statement says.
#[derive(Clone, Debug)]
pub enum LiteralKind {
    /// A term that must be defined and not false.
    Term(Term),
    /// `left := right`.
    Assign(Term, Term),
    /// `left = right`.
    Unify(Term, Term),
    /// `not statement`. The inner literal has no modifiers of its own unless it is in parentheses.
    Not(Box<Literal>),
    /// `a and b`, `a or b`.
    Logical(Box<Logical>),
    /// `{ statements }`: what is negated, or an operand of `and` or `or`, with variables of its own.
    Group(Body),
    /// `some x, y`.
    Some(Vec<Ident>),
    /// `some key, value in collection`.
    SomeIn {
        /// The key's pattern.
        key: Option<Term>,
        /// The value's pattern.
        value: Term,
        /// What is iterated.
        collection: Term,
    },
    /// `every key, value in domain { body }`.
    Every {
        /// The key's name.
        key: Option<Ident>,
        /// The value's name.
        value: Ident,
        /// What is iterated.
        domain: Term,
        /// What must hold for each.
        body: Body,
    },
}

/// `a and b and c`, `a or b or c`. Operands with modifiers of their own are in parentheses.
///
/// A chain is one node, however long it is, so that its operands nest no deeper than those of a pair.
#[derive(Clone, Debug)]
pub struct Logical {
    /// Which of the two.
    pub op: LogicalOp,
    /// The operands, at least two; one is only looked at if those before it do not decide.
    pub operands: Vec<Literal>,
}

/// The keywords that join statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogicalOp {
    /// At least one operand holds. Binds less tightly.
    Or,
    /// Both operands hold.
    And,
}

impl LogicalOp {
    /// The keyword.
    #[must_use]
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
        }
    }
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Term {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: TermKind,
}

/// What a term is.
#[derive(Clone, Debug)]
pub enum TermKind {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number as written (JSON grammar), sign included, without what stands between the two.
    Number(Arc<str>),
    /// A string, decoded.
    String(Arc<str>),
    /// `$"text {term}"`.
    Template(Vec<TemplatePart>),
    /// A bare name: local, rule, import, `input`, `data` or the wildcard `_`.
    Var(Arc<str>),
    /// `a.b[c]`: a name with at least one segment.
    Ref(Box<Ref>),
    /// A term that is no name, with segments: `f(x).y`, `[1, 2][i]`.
    Select(Box<Term>, Vec<Segment>),
    /// `f(x, y)`; the function is a name with constant segments.
    Call(Box<Call>),
    /// `left op right`, other than `:=` and `=`.
    Infix(InfixOp, Box<(Term, Term)>),
    /// `value in collection`, `key, value in collection`.
    Membership(Box<Membership>),
    /// `[a, b]`.
    Array(Vec<Term>),
    /// `{a, b}` or `set()`.
    Set(Vec<Term>),
    /// `{k: v}`.
    Object(Vec<(Term, Term)>),
    /// `[head | body]`.
    ArrayComprehension(Box<Comprehension>),
    /// `{head | body}`.
    SetComprehension(Box<Comprehension>),
    /// `{key: value | body}`.
    ObjectComprehension(Box<ObjectComprehension>),
}

/// A piece of an interpolated string.
#[derive(Clone, Debug)]
pub enum TemplatePart {
    /// Text, decoded.
    Text(Arc<str>),
    /// `{term}`, with the modifiers that may follow it.
    Term(Term, Vec<With>),
}

/// `root.path[...]`.
#[derive(Clone, Debug)]
pub struct Ref {
    /// Where it stands.
    pub span: Span,
    /// The first name.
    pub root: Ident,
    /// What follows.
    pub path: Vec<Segment>,
}

impl Ref {
    /// The names of the reference if all its segments are constant strings, root included.
    #[must_use]
    pub fn constant(&self) -> Option<Vec<Arc<str>>> {
        let mut out = vec![self.root.name.clone()];
        for segment in &self.path {
            out.push(Arc::from(segment.as_str()?));
        }
        Some(out)
    }

    /// The names joined by dots, if all segments are constant: the name of a builtin or function.
    #[must_use]
    pub fn dotted(&self) -> Option<String> {
        self.constant().map(|names| names.join("."))
    }
}

/// One step of a reference.
#[derive(Clone, Debug)]
pub enum Segment {
    /// `.name`.
    Dot(Ident),
    /// `[term]`.
    Bracket(Term),
}

impl Segment {
    /// Where it stands, without dot or brackets.
    #[must_use]
    pub const fn span(&self) -> Span {
        match self {
            Self::Dot(name) => name.span,
            Self::Bracket(term) => term.span,
        }
    }

    /// Its text if it is a constant string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Dot(name) => Some(&name.name),
            Self::Bracket(Term {
                kind: TermKind::String(text),
                ..
            }) => Some(text),
            Self::Bracket(_) => None,
        }
    }
}

/// A function call.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is called.
    pub function: Ref,
    /// The arguments.
    pub args: Vec<Term>,
}

/// `key, value in collection`.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The key, if one is asked for.
    pub key: Option<Term>,
    /// The value.
    pub value: Term,
    /// The collection.
    pub collection: Term,
}

/// `[head | body]`, `{head | body}`.
#[derive(Clone, Debug)]
pub struct Comprehension {
    /// What is collected.
    pub head: Term,
    /// The condition.
    pub body: Body,
}

/// `{key: value | body}`.
#[derive(Clone, Debug)]
pub struct ObjectComprehension {
    /// The keys collected.
    pub key: Term,
    /// The values collected.
    pub value: Term,
    /// The condition.
    pub body: Body,
}

/// Infix operators that are builtin functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InfixOp {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `+`
    Plus,
    /// `-`, on numbers and sets
    Minus,
    /// `*`
    Times,
    /// `/`
    Divide,
    /// `%`
    Remainder,
    /// `&`
    And,
    /// `|`
    Or,
}

impl InfixOp {
    /// The builtin that the operator calls.
    #[must_use]
    pub const fn builtin(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::NotEqual => "neq",
            Self::Less => "lt",
            Self::LessEqual => "lte",
            Self::Greater => "gt",
            Self::GreaterEqual => "gte",
            Self::Plus => "plus",
            Self::Minus => "minus",
            Self::Times => "mul",
            Self::Divide => "div",
            Self::Remainder => "rem",
            Self::And => "and",
            Self::Or => "or",
        }
    }

    /// The operator as written.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::And => "&",
            Self::Or => "|",
        }
    }

    /// How tightly it binds: 1 (comparisons) to 5 (`*`, `/`, `%`).
    #[must_use]
    pub const fn precedence(self) -> u8 {
        match self {
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessEqual
            | Self::Greater
            | Self::GreaterEqual => 1,
            Self::Or => 2,
            Self::And => 3,
            Self::Plus | Self::Minus => 4,
            Self::Times | Self::Divide | Self::Remainder => 5,
        }
    }
}

impl Term {
    /// Whether it is the wildcard `_`.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        matches!(&self.kind, TermKind::Var(name) if name.as_ref() == "_")
    }
}
