//! Quoted texts of YAML that go on at the indentation of their key, as serializers write them and people shift them: the specification wants them deeper,
//! and what Kubernetes and others read YAML with does not care. Such lines are read with more spaces, which mean nothing there.

use std::ops::Range;

use super::{Dialect, FormatError, yaml};
use crate::node::{Entry, Node, NodeKind};

/// How many spaces a line gets: deeper than any indentation that is read.
const DEEPER: usize = 256;

/// More such lines are refused, for each is found by reading the text up to it; so are longer texts.
const MAX_LINES: usize = 64;
const MAX_BYTES: usize = 1 << 20;

/// Reads all documents of a text.
pub(super) fn read(text: &str, dialect: Dialect) -> Result<Vec<Node>, FormatError> {
    let first = match yaml::read(text, dialect) {
        Err(error) if is_of_this(&error) && text.len() <= MAX_BYTES => error,
        read => return read,
    };
    let mut shifted = text.to_owned();
    // Where spaces were put in, as offsets of the text.
    let mut lines: Vec<usize> = Vec::new();
    let mut error = first.clone();
    while lines.len() < MAX_LINES {
        let Some(before) = error.offset.and_then(|at| shifted.get(..at)) else {
            break;
        };
        let start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
        let line = original(&lines, start);
        if lines.contains(&line) {
            break;
        }
        shifted.insert_str(start, &" ".repeat(DEEPER));
        lines.push(line);
        lines.sort_unstable();
        match yaml::read(&shifted, dialect) {
            Ok(mut nodes) => {
                nodes.iter_mut().for_each(|node| move_back(node, &lines));
                return Ok(nodes);
            }
            Err(next) if is_of_this(&next) => error = next,
            Err(next) => {
                let offset = next.offset.map(|at| original(&lines, at));
                return Err(FormatError { offset, ..next });
            }
        }
    }
    Err(first)
}

fn is_of_this(error: &FormatError) -> bool {
    error
        .message
        .ends_with("invalid indentation in multiline quoted scalar")
}

/// The offset in the text of one in the text with more spaces.
fn original(lines: &[usize], at: usize) -> usize {
    let mut out = at;
    for line in lines {
        if out <= *line {
            break;
        }
        out = out.saturating_sub(DEEPER).max(*line);
    }
    out
}

fn move_back(node: &mut Node, lines: &[usize]) {
    let moved = |range: &Range<usize>| original(lines, range.start)..original(lines, range.end);
    node.range = moved(&node.range);
    match &mut node.kind {
        NodeKind::Array(items) | NodeKind::Set(items) => {
            items.iter_mut().for_each(|item| move_back(item, lines));
        }
        NodeKind::Object(entries) | NodeKind::Open(entries) => {
            for Entry { key_range, value, .. } in entries {
                *key_range = moved(key_range);
                move_back(value, lines);
            }
        }
        NodeKind::Scalar(_) | NodeKind::Unknown => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stele_types::{Value, json};

    #[test]
    fn quoted_texts_may_go_on_at_the_indentation_of_their_key() {
        let text = "a:\n- m: 'one\n  two\n  three'\n  n: \"x\n\n  y\"\n  last: é1\nb: 2\n";
        let nodes = read(text, Dialect::Kubernetes).unwrap();
        let found = json::to_string(&nodes[0].to_value());
        assert_eq!(
            found,
            r#"{"a":[{"last":"é1","m":"one two three","n":"x\ny"}],"b":2}"#
        );
        let at = |path: &[Value]| &text[nodes[0].place(path).range];
        assert_eq!(at(&["a".into(), 0.into(), "m".into()]), "'one\n  two\n  three'");
        assert_eq!(at(&["a".into(), 0.into(), "last".into()]), "é1");
        assert_eq!(at(&["b".into()]), "2");
    }

    #[test]
    fn what_else_is_wrong_is_said_where_it_stands() {
        let text = "a:\n- m: 'one\n  two'\nb: [\n";
        let error = read(text, Dialect::Core).unwrap_err();
        assert!(
            error.offset.is_some_and(|at| (18..=text.len()).contains(&at)),
            "{error:?}"
        );
        let many = format!("a:\n- m: '{}x'\n", "x\n  ".repeat(100));
        assert!(is_of_this(&read(&many, Dialect::Core).unwrap_err()));
        assert!(read("a: 'x\n", Dialect::Core).is_err());
    }
}
