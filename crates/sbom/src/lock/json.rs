//! JSON whose values keep their places: raw values are slices of the text.

use super::{Failure, File, lines};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The whole file.
pub(super) fn document<'t, T: Deserialize<'t>>(file: &File<'t>) -> Result<T, Failure> {
    serde_json::from_str(file.text).map_err(|error| {
        Failure::at(
            u32::try_from(error.line()).unwrap_or(u32::MAX),
            format!("not as expected: {error}"),
        )
    })
}

/// A member's value, and the line that it begins on.
pub(super) fn value<T: DeserializeOwned>(file: &File<'_>, raw: &RawValue) -> (u32, Result<T, String>) {
    let line = file.lines.of(lines::offset_in(file.text, raw.get()));
    let value = serde_json::from_str(raw.get()).map_err(|error| format!("not as expected: {error}"));
    (line, value)
}

/// An object's members.
pub(super) type Members<'t> = BTreeMap<String, &'t RawValue>;
