//! HCL, as a document of one file: blocks under their types and labels, always in lists, expressions that are no literals as `${...}`, which is what
//! conftest makes of it.

use std::collections::HashMap;
use std::ops::Range;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, Object, ObjectKey, UnaryOperator};
use hcl_edit::structure::{Attribute, Block, Body, Structure};
use hcl_edit::template::Element;
use stele_types::{Number, Value};

use super::{FormatError, hcl_lines};
use crate::node::{Entry, Node, NodeKind, last_of_equal};

/// Longer files are refused.
pub(crate) const MAX_BYTES: usize = 4 << 20;

/// More keys of one object are refused: the parser compares each with all those before it.
const MAX_KEYS: usize = 10_000;

/// So is a file in which it would compare more pairs of keys altogether.
const MAX_PAIRS: usize = 200_000_000;

/// More labels of one block are refused: each is a level of the document.
const MAX_LABELS: usize = 32;

/// Parses a file.
pub(crate) fn parse(text: &str) -> Result<Body, FormatError> {
    if text.len() > MAX_BYTES {
        let message = format!("has {} bytes; {MAX_BYTES} is the limit of HCL", text.len());
        return Err(FormatError {
            offset: None,
            message,
        });
    }
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    // The places of what is parsed must be those of the file.
    let blank;
    let text = if body.len() == text.len() {
        text
    } else {
        blank = format!("   {body}");
        &blank
    };
    check_keys(text)?;
    let failed = |error: hcl_edit::parser::Error| {
        let message = error.message().replace('\n', "; ");
        FormatError::at(
            error.location().offset().min(text.len()),
            format!("not HCL: {message}"),
        )
    };
    let read = hcl_edit::parser::parse_body(text);
    read.or_else(|error| again(text, error)).map_err(failed)
}

/// Refuses objects that the parser would not come to an end with.
fn check_keys(text: &str) -> Result<(), FormatError> {
    // No file without so many of these has such an object.
    let bound = MAX_PAIRS.isqrt().min(MAX_KEYS);
    if text.bytes().filter(|byte| matches!(byte, b'=' | b':')).count() < bound {
        return Ok(());
    }
    let mut pairs = 0usize;
    for (at, keys) in hcl_lines::objects(text) {
        pairs = pairs.saturating_add(keys.saturating_mul(keys) / 2);
        if keys > MAX_KEYS {
            return Err(FormatError::at(
                at,
                format!("an object with {keys} keys; {MAX_KEYS} is the limit"),
            ));
        }
        if pairs > MAX_PAIRS {
            return Err(FormatError::at(
                at,
                "the objects of this file have too many keys together",
            ));
        }
    }
    Ok(())
}

/// How many keys of a file may stand twice in their objects.
const MAX_TWICE: usize = 64;

/// How many bytes are read again for them: each is found by reading the text up to it.
const MAX_AGAIN: usize = 32 << 20;

/// Reads what the parser refuses and Terraform takes: line breaks that mean nothing, and keys that stand twice in an object, of which the last counts.
fn again(text: &str, mut error: hcl_edit::parser::Error) -> Result<Body, hcl_edit::parser::Error> {
    let mut text = text.to_owned();
    if let Some(other) = hcl_lines::without_breaks(&text).filter(|other| *other != text) {
        text = other;
        match hcl_edit::parser::parse_body(&text) {
            Ok(body) => return Ok(body),
            Err(next) => error = next,
        }
    }
    let times = MAX_AGAIN.checked_div(text.len()).unwrap_or_default();
    for _ in 0..MAX_TWICE.min(times) {
        let twice = error.message().contains("redefined object key");
        let quoted = twice.then(|| hcl_lines::quote(&text, error.location().offset()));
        let Some(other) = quoted.flatten() else { break };
        text = other;
        match hcl_edit::parser::parse_body(&text) {
            Ok(body) => return Ok(body),
            Err(next) => error = next,
        }
    }
    Err(error)
}

/// The number that a literal is.
pub(crate) fn number(text: &str) -> Option<Value> {
    Number::parse(text).ok().map(Value::Number)
}

/// The document of one file.
pub(super) fn read(text: &str) -> Result<Node, FormatError> {
    let body = parse(text)?;
    Writer { text }.body(&body, 0..text.len())
}

struct Writer<'t> {
    text: &'t str,
}

/// Where the members of a body are: under the names that lead to each, its number beside others.
type Places = HashMap<String, usize>;

impl Writer<'_> {
    fn body(&self, body: &Body, range: Range<usize>) -> Result<Node, FormatError> {
        let mut entries = Vec::new();
        let mut places = Places::new();
        for structure in body {
            match structure {
                Structure::Attribute(attribute) => self.attribute(attribute, &mut entries, &mut places),
                Structure::Block(block) => self.block(block, &mut entries, &mut places)?,
            }
        }
        Ok(Node::object(range, entries))
    }

    fn attribute(&self, attribute: &Attribute, entries: &mut Vec<Entry>, places: &mut Places) {
        places.entry(attribute.key.to_string()).or_insert(entries.len());
        entries.push(Entry {
            key: attribute.key.to_string(),
            key_range: attribute.key.span().unwrap_or_default(),
            value: self.expression(&attribute.value),
        });
    }

    fn block(
        &self,
        block: &Block,
        mut entries: &mut Vec<Entry>,
        places: &mut Places,
    ) -> Result<(), FormatError> {
        let range = header(block);
        if block.labels.len() > MAX_LABELS {
            let message = format!(
                "a block with {} labels; {MAX_LABELS} is the limit",
                block.labels.len()
            );
            return Err(FormatError::at(range.start, message));
        }
        let value = self.body(&block.body, range.clone())?;
        let mut key = block.ident.to_string();
        let mut key_range = block.ident.span().unwrap_or_default();
        let mut names = key.clone();
        for label in &block.labels {
            let place = places.entry(names.clone()).or_insert(entries.len());
            let below = member(entries, *place, &key, &key_range, || NodeKind::Object(Vec::new()));
            let NodeKind::Object(inner) = below else {
                return Err(FormatError::at(
                    range.start,
                    format!("`{key}` has labels here and none elsewhere"),
                ));
            };
            entries = inner;
            key = label.as_str().to_owned();
            // No name has a line break.
            names.extend(["\n", &key]);
            key_range = label.span().unwrap_or_else(|| range.clone());
        }
        let place = places.entry(names).or_insert(entries.len());
        match member(entries, *place, &key, &key_range, || NodeKind::Array(Vec::new())) {
            NodeKind::Array(blocks) => blocks.push(value),
            _ => {
                let message = format!("`{key}` is a block here and something else elsewhere");
                return Err(FormatError::at(range.start, message));
            }
        }
        Ok(())
    }

    fn expression(&self, expression: &Expression) -> Node {
        let range = expression.span().unwrap_or_default();
        let scalar = |value| Node::scalar(range.clone(), value);
        match expression {
            Expression::Null(_) => scalar(Value::Null),
            Expression::Bool(value) => scalar(Value::Bool(*value.value())),
            Expression::Number(value) => scalar(number(&value.value().to_string()).unwrap_or_default()),
            Expression::String(value) => scalar(Value::string(value.value())),
            Expression::StringTemplate(template) => scalar(Value::string(&self.template(template.iter()))),
            Expression::HeredocTemplate(heredoc) => {
                scalar(Value::string(&self.template(heredoc.template.iter())))
            }
            Expression::Array(items) => {
                Node::array(range, items.iter().map(|item| self.expression(item)).collect())
            }
            Expression::Object(object) => self.object(object, range),
            Expression::UnaryOp(operation) => match (operation.operator.value(), &operation.expr) {
                (UnaryOperator::Neg, Expression::Number(value)) => {
                    scalar(number(&format!("-{}", value.value())).unwrap_or_default())
                }
                _ => scalar(Value::string(&self.wrapped(expression))),
            },
            _ => scalar(Value::string(&self.wrapped(expression))),
        }
    }

    fn object(&self, object: &Object, range: Range<usize>) -> Node {
        let mut entries: Vec<Entry> = Vec::new();
        for (key, value) in object {
            let name = match key {
                ObjectKey::Ident(ident) => ident.to_string(),
                ObjectKey::Expression(expression) => match self.expression(expression).kind {
                    NodeKind::Scalar(Value::String(text)) => text.to_string(),
                    NodeKind::Scalar(other) => stele_types::json::to_string(&other),
                    _ => self.wrapped(expression),
                },
            };
            entries.push(Entry {
                key: name,
                key_range: key.span().unwrap_or_default(),
                value: self.expression(value.expr()),
            });
        }
        Node::object(range, last_of_equal(entries))
    }

    fn template<'e>(&self, elements: impl Iterator<Item = &'e Element>) -> String {
        let mut out = String::new();
        for element in elements {
            match element {
                Element::Literal(text) => out.push_str(text.value()),
                Element::Interpolation(inner) => match &inner.expr {
                    Expression::String(text) => out.push_str(text.value()),
                    other => out.push_str(&self.wrapped(other)),
                },
                Element::Directive(directive) => {
                    let range = directive.span().unwrap_or_default();
                    out.push_str(self.text.get(range).unwrap_or_default());
                }
            }
        }
        out
    }

    /// The text of an expression that only Terraform could evaluate.
    fn wrapped(&self, expression: &Expression) -> String {
        let range = expression.span().unwrap_or_default();
        let text = self.text.get(range).unwrap_or_default().trim();
        // Constraints of types stand as they are.
        let types = [
            "string", "number", "bool", "list", "set", "map", "object", "tuple",
        ];
        if types.iter().any(|kind| text.starts_with(kind)) {
            text.to_owned()
        } else {
            format!("${{{text}}}")
        }
    }
}

/// The member of a mapping at its place, made where it is missing.
fn member<'e>(
    entries: &'e mut Vec<Entry>,
    place: usize,
    key: &str,
    range: &Range<usize>,
    empty: impl FnOnce() -> NodeKind,
) -> &'e mut NodeKind {
    let at = place.min(entries.len());
    if at == entries.len() {
        let value = Node {
            range: range.clone(),
            kind: empty(),
        };
        entries.push(Entry::new(key, value));
    }
    #[expect(clippy::indexing_slicing, reason = "it was found or pushed just now")]
    let entry = &mut entries[at];
    &mut entry.value.kind
}

/// From the type of a block to its last label.
pub(crate) fn header(block: &Block) -> Range<usize> {
    let ident = block.ident.span().unwrap_or_default();
    let last = block.labels.last().and_then(Span::span);
    ident.start..last.map_or(ident.end, |last| last.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        stele_types::json::to_string(&read(text).unwrap().to_value())
    }

    #[test]
    fn a_file_has_the_shape_that_conftest_gives_it() {
        let text = "resource \"aws_s3_bucket\" \"logs\" {\n  acl = \"public-read\"\n  n = -1\n  name = \"a-${var.x}\"\n  t = var.t\n\
            \n  rule {\n    on = true\n  }\n  rule {\n    on = false\n  }\n}\nlocals {\n  tags = { a = 1, \"b c\" = [null] }\n}\n";
        assert_eq!(
            json(text),
            r#"{"locals":[{"tags":{"a":1,"b c":[null]}}],"resource":{"aws_s3_bucket":{"logs":[{"acl":"public-read","n":-1,"name":"a-${var.x}","rule":[{"on":true},{"on":false}],"t":"${var.t}"}]}}}"#
        );
        let node = read(text).unwrap();
        let path = |steps: &[&str]| -> Vec<Value> {
            steps
                .iter()
                .map(|step| {
                    step.parse::<i64>()
                        .map_or_else(|_| Value::string(step), Value::from)
                })
                .collect()
        };
        let at = |steps: &[&str]| &text[node.place(&path(steps)).range];
        assert_eq!(
            at(&["resource", "aws_s3_bucket", "logs", "0", "acl"]),
            "\"public-read\""
        );
        assert_eq!(at(&["resource", "aws_s3_bucket", "logs", "0", "t"]), "var.t");
        assert_eq!(
            at(&["resource", "aws_s3_bucket", "logs", "0", "rule", "1", "on"]),
            "false"
        );
        assert_eq!(at(&["locals", "0", "tags", "b c"]), "\"b c\"");
    }

    #[test]
    fn errors_say_where() {
        let error = read("a = 1\nb = [1,\n").unwrap_err();
        assert!(error.offset.is_some_and(|at| at >= 6), "{error:?}");
        let far = read("a = { for k in x : k =>\n 1 }\nb = [1,\n").unwrap_err();
        assert!(far.offset.is_some_and(|at| at >= 20), "{far:?}");
        let twice = read("a = 1\na = 2\n").unwrap_err();
        assert!(twice.offset.is_some_and(|at| at >= 6), "{twice:?}");
        assert!(read("\u{feff}a = 1\n").is_ok());
    }

    #[test]
    fn line_breaks_in_for_expressions_mean_nothing() {
        let text = "locals {\n  a = {\n    for k, v in merge(\n      var.x\n    )\n    : k =>\n    v.on\n    ? 1\n    : 2... # why\n    if v != null &&\n      k != \"x\"\n  }\n  b = [\n    for\n    k\n    in\n    var.x :\n    k\n  ]\n}\n";
        for text in [text.to_owned(), text.replace('\n', "\r\n")] {
            let node = read(&text).unwrap();
            let path = [Value::string("locals"), Value::from(0), Value::string("a")];
            let found = &text[node.place(&path).range];
            assert!(found.starts_with("{") && found.ends_with("}"), "{found}");
        }
    }

    #[test]
    fn of_keys_that_stand_twice_the_last_counts() {
        let text = "locals {\n  a = {\n    b  = 1\n    c = 2\n    b  = 3\n  }\n}\n";
        assert_eq!(json(text), r#"{"locals":[{"a":{"b":3,"c":2}}]}"#);
        let error = read("a = { for k in x : k =>\n { b=1\nb=2 } }\n").unwrap_err();
        assert!(
            error.message.contains("redefined"),
            "what stops it is said: {error:?}"
        );
    }
}
