//! TOML, with the places that its parser keeps.

use std::ops::Range;

use stele_types::{Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{FormatError, MAX_DEPTH};
use crate::node::{Entry, Node, NodeKind};

pub(super) fn read(text: &str) -> Result<Node, FormatError> {
    let table = DeTable::parse(text).map_err(|error| FormatError {
        offset: error.span().map(|span| span.start),
        message: format!("not TOML: {}", error.message()),
    })?;
    let range = 0..text.len();
    table_node(table.get_ref(), range, 0)
}

fn table_node(table: &DeTable<'_>, range: Range<usize>, depth: usize) -> Result<Node, FormatError> {
    let entry = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
        Ok(Entry {
            key: key.get_ref().to_string(),
            key_range: key.span(),
            value: node(value, depth.saturating_add(1))?,
        })
    };
    let mut entries: Vec<Entry> = table.iter().map(entry).collect::<Result<_, _>>()?;
    entries.sort_by_key(|entry| entry.key_range.start);
    Ok(Node {
        range,
        kind: NodeKind::Object(entries),
    })
}

fn node(value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Node, FormatError> {
    let range = value.span();
    if depth > MAX_DEPTH {
        let message = format!("nested more than {MAX_DEPTH} levels deep");
        return Err(FormatError::at(range.start, message));
    }
    let number = |text: String| {
        let refused = |_| FormatError::at(range.start, format!("the number {text} has no JSON form"));
        Number::parse(&text).map(Value::Number).map_err(refused)
    };
    let scalar = match value.get_ref() {
        DeValue::String(text) => Value::string(text),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Integer(integer) => {
            let parsed = i64::from_str_radix(integer.as_str(), integer.radix());
            let refused = |_| FormatError::at(range.start, format!("the integer {integer} is too large"));
            Value::from(parsed.map_err(refused)?)
        }
        // Policies have no infinity; a word is better than no document.
        DeValue::Float(float) if float.as_str().contains(['n', 'i']) => Value::string(float.as_str()),
        DeValue::Float(float) => number(float.as_str().trim_start_matches('+').to_owned())?,
        DeValue::Datetime(time) => Value::string(&time.to_string()),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| node(item, depth.saturating_add(1)));
            let kind = NodeKind::Array(items.collect::<Result<_, _>>()?);
            return Ok(Node { range, kind });
        }
        DeValue::Table(table) => return table_node(table, range, depth),
    };
    Ok(Node::scalar(range, scalar))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_places() {
        let text = "a = 1\n[b]\nc = [\"x\", 0x1F]\nd = {e = 1.50}\nt = 2020-01-01\n[[f]]\ng = true\n";
        let node = read(text).unwrap();
        let json = stele_types::json::to_string(&node.to_value());
        assert_eq!(
            json,
            r#"{"a":1,"b":{"c":["x",31],"d":{"e":1.5},"t":"2020-01-01"},"f":[{"g":true}]}"#
        );
        let at = |path: &[Value]| &text[node.place(path).range];
        assert_eq!(at(&["b".into(), "c".into(), 1.into()]), "0x1F");
        assert_eq!(at(&["b".into(), "d".into(), "e".into()]), "1.50");
        assert_eq!(at(&["f".into(), 0.into(), "g".into()]), "true");
        assert_eq!(at(&["b".into(), "c".into()]), "c");
    }

    #[test]
    fn errors_say_where() {
        assert_eq!(
            read("a = 1\nb = \n").unwrap_err().offset.map(|at| at > 5),
            Some(true)
        );
    }
}
