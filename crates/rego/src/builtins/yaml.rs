//! `yaml.is_valid`: what OPA's reader of YAML 1.1 and ours of YAML 1.2 agree on.
//!
//! Text with what they are known to see differently is refused: several documents, directives, explicit types, tabs in front of a
//! line, and control characters.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use stele_types::Value;

use super::{BuiltinError, Refusal, Session, args};

/// `yaml.is_valid(text)`: false for what is no string.
pub(super) fn is_valid(session: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    let Some(text) = args::any(args, 0)?.as_str() else {
        return Ok(false.into());
    };
    session.bytes(text.len().saturating_mul(16))?;
    session
        .budget
        .work(u64::try_from(text.len()).unwrap_or(u64::MAX))?;
    if is_uncertain(text) {
        return Err(Refusal::Unsupported("YAML that readers see differently").into());
    }
    let options = serde_saphyr::options! {
        strict_booleans: true,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
    };
    match serde_saphyr::from_str_with_options::<Node>(text, options) {
        Ok(_) => Ok(true.into()),
        Err(error) if is_limit(&error) => Err(Refusal::Unsupported("YAML of this size or depth").into()),
        Err(_) => Ok(false.into()),
    }
}

/// Has a limit of the reader been reached?
fn is_limit(error: &serde_saphyr::Error) -> bool {
    use serde_saphyr::Error;
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => is_limit(error),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => true,
        _ => false,
    }
}

fn is_uncertain(text: &str) -> bool {
    let marker = |line: &str| line.starts_with("---") || line.starts_with("...") || line.starts_with('%');
    text.contains("!!")
        || text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t'))
        || text.contains(['\u{feff}', '\u{2028}', '\u{2029}'])
        || text.lines().any(|line| {
            let indent = line.len().saturating_sub(line.trim_start().len());
            marker(line) || line.get(..indent).is_some_and(|blank| blank.contains('\t'))
        })
}

/// Any YAML that has a JSON form: keys are scalars other than null, numbers are finite.
enum Node {
    Key,
    NoKey,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Key)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Key)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Key)
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Node, E> {
        if number.is_finite() {
            Ok(Node::Key)
        } else {
            Err(E::custom("no JSON number"))
        }
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Key)
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::NoKey)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::NoKey)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Node, D::Error> {
        Node::deserialize(inner)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        while items.next_element::<Node>()?.is_some() {}
        Ok(Node::NoKey)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Node, A::Error> {
        while let Some(key) = pairs.next_key::<Node>()? {
            if matches!(key, Node::NoKey) {
                return Err(A::Error::custom("no JSON key"));
            }
            pairs.next_value::<Node>()?;
        }
        Ok(Node::NoKey)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{Budget, Context, Limits};

    fn verdict(text: &str) -> Option<bool> {
        let mut session = Session::new(Context::default(), Budget::new(Limits::default()));
        match is_valid(&mut session, &[Value::string(text)]) {
            Ok(value) => Some(value == Value::from(true)),
            Err(BuiltinError::Refused(_)) => None,
            Err(error) => panic!("{text}: {error}"),
        }
    }

    #[test]
    fn yaml_is_told_from_other_text() {
        for text in [
            "",
            "a",
            "a: 1\nb: [1, 'x', {c: null}]\n",
            "{\"a\": [true]}",
            "a: 1\na: 2\n",
            "a: &x 1\nb: *x\n",
            "- |\n  text\n  more\n",
            "1: x\n",
            "# only a comment\n",
        ] {
            assert_eq!(verdict(text), Some(true), "{text}");
        }
        for text in [
            "a: {",
            "[1, 2",
            "a: b: c",
            "- 1\nb: 2",
            "\"open",
            "a: *nix",
            "a: {{ .Values.x }}",
            "[a]: 1",
            "~: 1",
            "a: .inf",
            "@a",
            "'a' b",
        ] {
            assert_eq!(verdict(text), Some(false), "{text}");
        }
        for text in [
            "a: 1\n---\nb: 2\n",
            "%YAML 1.1\n",
            "a: !!int x",
            "a:\n\tb: 1",
            "a\r\nb",
            "\u{feff}a",
        ] {
            assert_eq!(verdict(text), None, "{text:?}");
        }
    }

    #[test]
    fn hostile_text_gets_an_answer() {
        let flow = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        let block: String = (0..3_000)
            .map(|depth| format!("{}a:\n", " ".repeat(depth)))
            .collect();
        let laughs: String = (0..40)
            .map(|index| {
                format!(
                    "x{}: &x{} [*x{index}, *x{index}, *x{index}]\n",
                    index + 1,
                    index + 1
                )
            })
            .collect();
        for text in [flow, block, format!("x0: &x0 1\n{laughs}")] {
            assert_ne!(verdict(&text), Some(true));
        }
    }
}
