//! Templates with their data.

use std::borrow::Cow;
use std::cmp::Ordering;

use stele_types::{Value, json};

use super::{
    Base, BuiltinError, Command, Function, MAX_DEPTH, Node, Operand, Pipeline, Session, failed, unsupported,
};

type Result<T> = std::result::Result<T, BuiltinError>;

/// Renders `nodes` with `data` as the dot.
pub(super) fn render(session: &mut Session<'_>, nodes: &[Node], data: &Value) -> Result<String> {
    let data = Item::of(data);
    let mut renderer = Renderer {
        session,
        variables: vec![("", data.clone())],
        out: String::new(),
    };
    renderer.nodes(nodes, &data)?;
    Ok(renderer.out)
}

/// A value as Go's template engine sees it: OPA gives it numbers as their text.
#[derive(Debug, Clone)]
enum Item<'a> {
    /// A field that its object does not have.
    Missing,
    Null,
    Bool(bool),
    Integer(i64),
    Text(Cow<'a, str>),
    /// An array or an object.
    Container(&'a Value),
}

impl<'a> Item<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(_) => Self::Text(json::to_string(value).into()),
            Value::String(text) => Self::Text(text.as_ref().into()),
            Value::Array(_) | Value::Object(_) | Value::Set(_) => Self::Container(value),
        }
    }

    /// Zero, false, nothing and what is empty are not true.
    fn is_true(&self) -> Result<bool> {
        Ok(match self {
            Self::Missing => return Err(unsupported("a template that tests a missing variable")),
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Integer(value) => *value != 0,
            Self::Text(text) => !text.is_empty(),
            Self::Container(value) => length(value) != 0,
        })
    }
}

fn length(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    }
}

/// As Go prints it.
fn print(value: &Value, out: &mut String) {
    match value {
        // Go prints a nil inside of something so.
        Value::Null => out.push_str("<nil>"),
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                print(item, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push_str("map[");
            for (index, (key, item)) in map.iter().enumerate() {
                if index > 0 {
                    out.push(' ');
                }
                print(key, out);
                out.push(':');
                print(item, out);
            }
            out.push(']');
        }
        Value::Bool(_) | Value::Number(_) | Value::Set(_) => out.push_str(&json::to_string(value)),
    }
}

struct Renderer<'a, 's, 'b> {
    session: &'s mut Session<'b>,
    variables: Vec<(&'a str, Item<'a>)>,
    out: String,
}

impl<'a> Renderer<'a, '_, '_> {
    fn nodes(&mut self, nodes: &'a [Node], dot: &Item<'a>) -> Result<()> {
        for node in nodes {
            self.session.budget.work(1)?;
            match node {
                Node::Text(text) => self.write(text)?,
                Node::Action(pipeline) => {
                    let item = self.pipeline(pipeline, dot)?;
                    if pipeline.variables.is_empty() {
                        self.write_item(&item)?;
                    }
                }
                Node::If {
                    condition,
                    then,
                    otherwise,
                } => {
                    let scope = self.variables.len();
                    let chosen = self.pipeline(condition, dot)?.is_true()?;
                    self.nodes(if chosen { then } else { otherwise }, dot)?;
                    self.variables.truncate(scope);
                }
                Node::With {
                    value,
                    then,
                    otherwise,
                } => {
                    let scope = self.variables.len();
                    let item = self.pipeline(value, dot)?;
                    if item.is_true()? {
                        self.nodes(then, &item)?;
                    } else {
                        self.nodes(otherwise, dot)?;
                    }
                    self.variables.truncate(scope);
                }
                Node::Range {
                    over,
                    body,
                    otherwise,
                } => self.range(over, body, otherwise, dot)?,
            }
        }
        Ok(())
    }

    fn range(
        &mut self,
        over: &'a Pipeline,
        body: &'a [Node],
        otherwise: &'a [Node],
        dot: &Item<'a>,
    ) -> Result<()> {
        let scope = self.variables.len();
        let item = self.commands(&over.commands, dot)?;
        let pairs: Vec<(Item<'a>, Item<'a>)> = match item {
            Item::Container(Value::Array(items)) => items
                .iter()
                .enumerate()
                .map(|(index, item)| (integer(index), Item::of(item)))
                .collect(),
            Item::Container(Value::Object(map)) => map
                .iter()
                .map(|(key, item)| (Item::of(key), Item::of(item)))
                .collect(),
            Item::Null => return Err(failed("template: range can't iterate over <nil>")),
            Item::Bool(value) => return Err(failed(format!("template: range can't iterate over {value}"))),
            _ => return Err(unsupported("a template with a range over this")),
        };
        self.session.elements(pairs.len())?;
        if pairs.is_empty() {
            self.nodes(otherwise, dot)?;
        }
        for (key, item) in pairs {
            match over.variables.as_slice() {
                [value] => self.variables.push((value, item.clone())),
                [index, value] => {
                    self.variables.push((index, key));
                    self.variables.push((value, item.clone()));
                }
                _ => {}
            }
            self.nodes(body, &item)?;
            self.variables.truncate(scope);
        }
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.session.bytes(text.len())?;
        self.out.push_str(text);
        Ok(())
    }

    fn write_item(&mut self, item: &Item<'a>) -> Result<()> {
        match item {
            Item::Missing => self.write("<undefined>"),
            Item::Null => Err(unsupported("a template that prints null")),
            Item::Bool(value) => self.write(if *value { "true" } else { "false" }),
            Item::Integer(value) => self.write(&value.to_string()),
            Item::Text(text) => self.write(text),
            Item::Container(value) => {
                let mut text = String::new();
                print(value, &mut text);
                self.write(&text)
            }
        }
    }

    /// The value of a pipeline; variables are declared or set.
    fn pipeline(&mut self, pipeline: &'a Pipeline, dot: &Item<'a>) -> Result<Item<'a>> {
        let item = self.commands(&pipeline.commands, dot)?;
        for name in &pipeline.variables {
            if matches!(item, Item::Missing) {
                return Err(unsupported("a template that keeps a missing variable"));
            }
            if pipeline.declares {
                if self.variables.len() > MAX_DEPTH.saturating_mul(64) {
                    return Err(unsupported("a template with this many variables"));
                }
                self.variables.push((name, item.clone()));
            } else {
                let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
                if let Some((_, value)) = known {
                    *value = item.clone();
                }
            }
        }
        Ok(item)
    }

    fn commands(&mut self, commands: &'a [Command], dot: &Item<'a>) -> Result<Item<'a>> {
        let mut last: Option<Item<'a>> = None;
        for command in commands {
            last = Some(match command {
                Command::Operand(operand) => self.operand(operand, dot)?,
                Command::Call(function, operands) => self.call(*function, operands, last, dot)?,
            });
        }
        last.ok_or_else(|| failed("template: missing value for command"))
    }

    fn operand(&mut self, operand: &'a Operand, dot: &Item<'a>) -> Result<Item<'a>> {
        self.session.budget.work(1)?;
        let mut item = match &operand.base {
            Base::Dot => dot.clone(),
            Base::Variable(name) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                let (_, item) =
                    known.ok_or_else(|| failed(format!("template: undefined variable: ${name}")))?;
                item.clone()
            }
            Base::Text(text) => Item::Text(text.as_str().into()),
            Base::Integer(number) => Item::Integer(*number),
            Base::Bool(value) => Item::Bool(*value),
            Base::Nested(pipeline) => self.pipeline(pipeline, dot)?,
        };
        for field in &operand.fields {
            item = match item {
                Item::Container(value @ Value::Object(_)) => value.get(field).map_or(Item::Missing, Item::of),
                Item::Missing | Item::Null => {
                    return Err(failed(format!(
                        "template: nil pointer evaluating interface {{}}.{field}"
                    )));
                }
                _ => return Err(failed(format!("template: can't evaluate field {field}"))),
            };
        }
        Ok(item)
    }

    fn call(
        &mut self,
        function: Function,
        operands: &'a [Operand],
        last: Option<Item<'a>>,
        dot: &Item<'a>,
    ) -> Result<Item<'a>> {
        let count = operands.len().saturating_add(usize::from(last.is_some()));
        let fits = match function {
            Function::Not | Function::Len => count == 1,
            Function::And | Function::Or | Function::Index => count >= 1,
            Function::Eq => count >= 2,
            Function::Ne | Function::Lt | Function::Le | Function::Gt | Function::Ge => count == 2,
        };
        if !fits {
            return Err(failed("template: wrong number of args"));
        }
        if let Function::And | Function::Or = function {
            return self.choose(function == Function::Or, operands, last, dot);
        }
        let mut items = Vec::new();
        for operand in operands {
            items.push(self.operand(operand, dot)?);
        }
        items.extend(last);
        if items.iter().any(|item| matches!(item, Item::Missing)) {
            return Err(unsupported(
                "a template that calls a function with a missing variable",
            ));
        }
        let (first, rest) = items
            .split_first()
            .ok_or_else(|| failed("template: missing argument"))?;
        match function {
            Function::Not => Ok(Item::Bool(!first.is_true()?)),
            Function::Len => match first {
                Item::Text(text) => Ok(integer(text.len())),
                Item::Container(value) => Ok(integer(length(value))),
                _ => Err(failed("template: error calling len")),
            },
            Function::Index => rest.iter().try_fold(first.clone(), |item, key| index(&item, key)),
            Function::Eq => {
                let mut equal = false;
                for item in rest {
                    equal = equal || compare(first, item, true)? == Ordering::Equal;
                }
                Ok(Item::Bool(equal))
            }
            _ => {
                let second = rest.first().ok_or_else(|| failed("template: missing argument"))?;
                let order = compare(first, second, function == Function::Ne)?;
                Ok(Item::Bool(match function {
                    Function::Ne => order.is_ne(),
                    Function::Lt => order.is_lt(),
                    Function::Le => order.is_le(),
                    Function::Gt => order.is_gt(),
                    _ => order.is_ge(),
                }))
            }
        }
    }

    /// `or` gives its first true argument, `and` its first that is not; else the last. The rest is not evaluated.
    fn choose(
        &mut self,
        wanted: bool,
        operands: &'a [Operand],
        last: Option<Item<'a>>,
        dot: &Item<'a>,
    ) -> Result<Item<'a>> {
        let mut found = Item::Missing;
        for operand in operands {
            found = self.operand(operand, dot)?;
            if found.is_true()? == wanted {
                return Ok(found);
            }
        }
        match last {
            Some(item) => {
                item.is_true()?;
                Ok(item)
            }
            None => Ok(found),
        }
    }
}

fn integer<'a>(count: usize) -> Item<'a> {
    Item::Integer(i64::try_from(count).unwrap_or(i64::MAX))
}

fn index<'a>(item: &Item<'a>, key: &Item<'a>) -> Result<Item<'a>> {
    match (item, key) {
        (Item::Container(value @ Value::Object(_)), Item::Text(key)) => match value.get(key) {
            Some(found) => Ok(Item::of(found)),
            None => Err(unsupported("a template with the index of a missing key")),
        },
        (Item::Container(Value::Array(items)), Item::Integer(at)) => {
            let found = usize::try_from(*at).ok().and_then(|at| items.get(at));
            found
                .map(Item::of)
                .ok_or_else(|| failed("template: index out of range"))
        }
        _ => Err(failed("template: error calling index")),
    }
}

/// Compares plain values of one type; `equality`: truth values too.
fn compare(left: &Item<'_>, right: &Item<'_>, equality: bool) -> Result<Ordering> {
    match (left, right) {
        (Item::Integer(left), Item::Integer(right)) => Ok(left.cmp(right)),
        (Item::Text(left), Item::Text(right)) => Ok(left.as_bytes().cmp(right.as_bytes())),
        (Item::Bool(left), Item::Bool(right)) if equality => Ok(left.cmp(right)),
        (Item::Null | Item::Container(_), _) | (_, Item::Null | Item::Container(_)) => {
            Err(unsupported("a template that compares this"))
        }
        _ => Err(failed("template: incompatible types for comparison")),
    }
}
