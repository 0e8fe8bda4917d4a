//! `strings.render_template`: the part of Go's `text/template` that templates over plain data use.
//!
//! Text, comments, trimming, fields, variables, `if`, `range` and `with` with their `else`, pipelines, and the functions `and`,
//! `or`, `not`, `eq`, `ne`, `lt`, `le`, `gt`, `ge`, `len` and `index`. The rest of Go's templates is refused by type, never
//! rendered in some other way.

mod execute;
mod parse;

#[cfg(test)]
mod tests;

use stele_types::Value;

use super::{BuiltinError, Refusal, Session, args, failed};

/// The deepest nesting of blocks and parentheses.
const MAX_DEPTH: usize = 64;

fn unsupported(what: &'static str) -> BuiltinError {
    Refusal::Unsupported(what).into()
}

/// A part of a template.
#[derive(Debug)]
enum Node {
    Text(String),
    /// Prints what the pipeline yields, unless it declares or sets a variable.
    Action(Pipeline),
    If {
        condition: Pipeline,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
    With {
        value: Pipeline,
        then: Vec<Node>,
        otherwise: Vec<Node>,
    },
    Range {
        over: Pipeline,
        body: Vec<Node>,
        otherwise: Vec<Node>,
    },
}

/// Commands, each with the result of the one before as its last argument.
#[derive(Debug)]
struct Pipeline {
    /// The variables before `:=` or `=`.
    variables: Vec<String>,
    /// It was `:=`.
    declares: bool,
    commands: Vec<Command>,
}

#[derive(Debug)]
enum Command {
    Operand(Operand),
    Call(Function, Vec<Operand>),
}

/// A value and the fields to go down from it.
#[derive(Debug)]
struct Operand {
    base: Base,
    fields: Vec<String>,
}

#[derive(Debug)]
enum Base {
    Dot,
    /// The empty name is the data as a whole.
    Variable(String),
    Text(String),
    Integer(i64),
    Bool(bool),
    Nested(Box<Pipeline>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    And,
    Or,
    Not,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Len,
    Index,
}

/// `strings.render_template(template, variables)`
pub(super) fn render_template(session: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    let template = args::string(args, 0)?;
    args::object(args, 1)?;
    let data = args::any(args, 1)?;
    if !is_go_data(data) {
        return Err(unsupported(
            "template variables with sets, or keys that are no strings",
        ));
    }
    session.bytes(template.len().saturating_mul(8))?;
    let nodes = parse::parse(template)?;
    Ok(execute::render(session, &nodes, data)?.into())
}

/// Go's data have keys that are strings, and no sets.
fn is_go_data(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().all(is_go_data),
        Value::Object(map) => map
            .iter()
            .all(|(key, value)| key.as_str().is_some() && is_go_data(value)),
        Value::Set(_) => false,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}
