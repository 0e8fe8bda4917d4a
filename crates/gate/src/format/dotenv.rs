//! `.env` files: an object of texts, as conftest reads them.
//!
//! `KEY=value`, also behind `export`; quotes may go over several lines; in double quotes `\n`, `\r`, `\t`, `\"`, `\\` and `\$` mean what they do in C, in single ones nothing does.
//! `$KEY` and `${KEY}` stand for what was set before, and for themselves where nothing was: the environment of whoever checks is not asked.

use std::collections::BTreeMap;

use stele_types::Value;

use super::FormatError;
use super::lines::{Line, lines};
use crate::node::{Entry, Node, last_of_equal};

/// Longer values are refused: each may repeat those before it.
const MAX_VALUE: usize = 1 << 20;

/// So are values that repeat more than this altogether, in bytes.
const MAX_REPEATED: usize = 64 << 20;

pub(super) fn read(text: &str) -> Result<Node, FormatError> {
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut entries: Vec<Entry> = Vec::new();
    // Where the next line begins that no quotes have taken.
    let mut next = 0;
    let mut length = 0usize;
    for line in lines(text) {
        let content = line.trimmed();
        if line.start < next || content.text.is_empty() || content.text.starts_with('#') {
            continue;
        }
        let bare = match content.text.strip_prefix("export") {
            Some(rest) if rest.starts_with([' ', '\t']) => content.from("export".len()).trimmed(),
            _ => content,
        };
        let Some((key, value)) = bare.split(&['=', ':']) else {
            return Err(FormatError::at(content.start, "not `KEY=value`"));
        };
        let key = key.trimmed();
        let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '-');
        if key.text.is_empty() || !key.text.chars().all(is_name) {
            return Err(FormatError::at(
                key.start,
                format!("`{}` is no name of a variable", key.text),
            ));
        }
        let value = value.trimmed();
        let (found, end) = quoted(text, value, &values)?.unwrap_or_else(|| plain(value, &values));
        if found.len() > MAX_VALUE {
            return Err(FormatError::at(
                value.start,
                format!("a value of more than {MAX_VALUE} bytes"),
            ));
        }
        length = length.saturating_add(found.len());
        if length > text.len().saturating_add(MAX_REPEATED) {
            return Err(FormatError::at(
                value.start,
                format!("its values repeat each other, more than {MAX_REPEATED} bytes: it may be a bomb"),
            ));
        }
        next = end;
        entries.push(Entry {
            key: key.text.to_owned(),
            key_range: key.range(),
            value: Node::scalar(value.start..end, Value::string(&found)),
        });
        values.insert(key.text.to_owned(), found);
    }
    Ok(Node::object(0..text.len(), last_of_equal(entries)))
}

/// A value in quotes and the byte behind it; `None` where there are none.
fn quoted(
    text: &str,
    value: Line<'_>,
    values: &BTreeMap<String, String>,
) -> Result<Option<(String, usize)>, FormatError> {
    let Some(quote) = value
        .text
        .chars()
        .next()
        .filter(|first| matches!(first, '"' | '\''))
    else {
        return Ok(None);
    };
    let inner = value.start.saturating_add(1);
    let mut out = String::new();
    let mut escaped = false;
    for (at, letter) in text.get(inner..).unwrap_or_default().char_indices() {
        if escaped {
            match letter {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                '"' | '\\' => out.push(letter),
                // Not yet a reference.
                '$' => out.push_str("\\$"),
                other => out.extend(['\\', other]),
            }
            escaped = false;
        } else if letter == '\\' && quote == '"' {
            escaped = true;
        } else if letter == quote {
            let found = if quote == '"' { expand(&out, values) } else { out };
            return Ok(Some((found, inner.saturating_add(at).saturating_add(1))));
        } else {
            out.push(letter);
        }
    }
    Err(FormatError::at(value.start, "the quotes do not end"))
}

fn plain(value: Line<'_>, values: &BTreeMap<String, String>) -> (String, usize) {
    let comment = value
        .text
        .find(" #")
        .or_else(|| value.text.starts_with('#').then_some(0));
    let bare = comment.map_or(value, |at| value.to(at)).trimmed();
    (expand(bare.text, values), bare.range().end)
}

fn expand(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    // Where there is none behind one brace, there is none behind the next.
    let mut closes = true;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        if let Some(kept) = before.strip_suffix('\\') {
            out.push_str(kept);
            out.push('$');
            rest = from.get(1..).unwrap_or_default();
            continue;
        }
        out.push_str(before);
        let behind = from.get(1..).unwrap_or_default();
        let inner = behind.strip_prefix('{').filter(|_| closes);
        let braced = inner.and_then(|inner| inner.split_once('}'));
        closes = inner.is_none() && closes || braced.is_some();
        let end = behind.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let (name, after) = braced.unwrap_or_else(|| behind.split_at(end.unwrap_or(behind.len())));
        match values.get(name) {
            Some(value) => out.push_str(value),
            None => out.push_str(
                from.get(..from.len().saturating_sub(after.len()))
                    .unwrap_or_default(),
            ),
        }
        rest = after;
        if out.len() > MAX_VALUE {
            break;
        }
    }
    out.push_str(rest);
    out
}
