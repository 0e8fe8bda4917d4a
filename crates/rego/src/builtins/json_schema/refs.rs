//! References within a schema: JSON pointers (RFC 6901) behind `#`.

use std::collections::{BTreeMap, BTreeSet};

use stele_types::Value;

use super::super::urls::unescape;
use super::{Fault, unsupported};

/// The document that references point into.
pub(super) struct Document<'v> {
    root: &'v Value,
    /// The identifier of the document, without a fragment.
    base: &'v str,
    /// The place of each pointer that was met.
    known: BTreeMap<Vec<String>, usize>,
}

/// What is found in a document besides schemas.
#[derive(Default)]
struct Found<'v> {
    references: bool,
    identifiers: BTreeSet<&'v str>,
    inner: bool,
    twice: bool,
}

impl<'v> Document<'v> {
    /// The document of a schema; refused if it has parts that go by names of their own and are referred to.
    pub(super) fn new(root: &'v Value) -> Result<Self, Fault> {
        let mut found = Found::default();
        look(root, true, &mut found);
        if found.twice || (found.inner && found.references) {
            return Err(Fault::Stop(unsupported(
                "a JSON schema with references and identifiers of its parts",
            )));
        }
        let base = identifier(root).unwrap_or_default();
        let base = base.split_once('#').map_or(base, |(base, _)| base);
        let plain = |c: char| c.is_ascii_graphic() && c != '%';
        if found.references && !base.chars().all(plain) {
            return Err(Fault::Stop(unsupported("a JSON schema with this identifier")));
        }
        Ok(Self {
            root,
            base,
            known: BTreeMap::new(),
        })
    }

    /// The place of what a reference means, and the schema there if nobody read it yet.
    pub(super) fn find(&mut self, reference: &str) -> Result<(usize, Option<&'v Value>), Fault> {
        let (document, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        if !document.is_empty() && document != self.base {
            return Err(Fault::Stop(unsupported(
                "a JSON schema that refers to another document",
            )));
        }
        let by_name = || Fault::Stop(unsupported("a JSON schema that refers to a part by its name"));
        let pointer = unescape(pointer)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(by_name)?;
        let tokens: Vec<String> = match pointer.strip_prefix('/') {
            Some(tokens) => tokens.split('/').map(str::to_owned).collect(),
            None if pointer.is_empty() => Vec::new(),
            None => return Err(by_name()),
        };
        let next = self.known.len();
        if let Some(place) = self.known.get(&tokens) {
            return Ok((*place, None));
        }
        let target = walk(self.root, &tokens)?;
        if !matches!(target, Value::Bool(_) | Value::Object(_)) {
            return Err(Fault::Invalid("Valid Schema must be of type object".to_owned()));
        }
        self.known.insert(tokens, next);
        Ok((next, Some(target)))
    }
}

/// Follows a pointer.
fn walk<'v>(root: &'v Value, tokens: &[String]) -> Result<&'v Value, Fault> {
    let mut at = root;
    for token in tokens {
        at = match at {
            Value::Object(map) => {
                let key = token.replace("~1", "/").replace("~0", "~");
                map.get(&Value::string(&key))
                    .ok_or_else(|| Fault::Invalid(format!("Object has no key '{token}'")))?
            }
            Value::Array(items) => {
                let index: usize = token
                    .parse()
                    .map_err(|_| Fault::Invalid(format!("Invalid array index '{token}'")))?;
                items.get(index).ok_or_else(|| {
                    Fault::Invalid(format!("Out of bound array[0,{index}] index '{}'", items.len()))
                })?
            }
            _ => return Err(Fault::Invalid(format!("Invalid token reference '{token}'"))),
        };
    }
    Ok(at)
}

/// The identifier of a schema: `id`, or else `$id`.
fn identifier(value: &Value) -> Option<&str> {
    let map = value.as_object()?;
    let named = |name: &str| map.get(&Value::string(name));
    named("id").or_else(|| named("$id"))?.as_str()
}

/// Looks for references and identifiers wherever OPA's library does.
fn look<'v>(value: &'v Value, outermost: bool, found: &mut Found<'v>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| look(item, false, found)),
        Value::Object(map) => {
            if let Some(name) = identifier(value) {
                found.inner |= !outermost;
                found.twice |= !found.identifiers.insert(name);
            }
            for (key, inner) in map.iter() {
                match (key.as_str().unwrap_or_default(), inner) {
                    ("const" | "enum", _) => {}
                    ("$ref", Value::String(_)) => found.references = true,
                    ("properties" | "dependencies" | "patternProperties", Value::Object(parts)) => {
                        parts.values().for_each(|part| look(part, false, found));
                    }
                    ("properties" | "dependencies" | "patternProperties", _) => {}
                    _ => look(inner, false, found),
                }
            }
        }
        _ => {}
    }
}
