//! YAML whose keys keep their places.

use super::{Failure, File};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;
use std::fmt;
use std::marker::PhantomData;

/// Values of a file: a lock file of ten thousand packages has half a million.
const MAX_NODES: usize = 8_000_000;

/// The whole file. No lock file has aliases; some are allowed, a bomb is not.
pub(super) fn document<T: DeserializeOwned>(file: &File<'_>) -> Result<T, Failure> {
    serde_saphyr::from_str_with_options(file.text, options()).map_err(|error| failure(&error))
}

/// All documents of the file.
pub(super) fn documents<T: DeserializeOwned>(file: &File<'_>) -> Result<Vec<T>, Failure> {
    serde_saphyr::from_multiple_with_options(file.text, options()).map_err(|error| failure(&error))
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MAX_NODES,
            max_events: MAX_NODES.saturating_mul(2),
            max_total_scalar_bytes: 256 * 1024 * 1024,
        },
        with_snippet: false,
    }
}

fn failure(error: &serde_saphyr::Error) -> Failure {
    let line = error.location().and_then(|at| u32::try_from(at.line()).ok());
    Failure {
        line,
        message: format!(
            "not as expected: {}",
            error.to_string().lines().next().unwrap_or_default()
        ),
    }
}

/// A mapping in the order of the file: line of the key, key, value.
pub(super) struct Pairs<V>(pub(super) Vec<(u32, String, V)>);

impl<V> Default for Pairs<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}

struct PairsVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for PairsVisitor<V> {
    type Value = Pairs<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let line = u32::try_from(key.referenced.line()).unwrap_or(u32::MAX);
            pairs.push((line, key.value, map.next_value()?));
        }
        Ok(Pairs(pairs))
    }
}
