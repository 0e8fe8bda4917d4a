//! A member of a document that was just read.

use super::{Constants, Kind, Region, Space, Val};

/// The value under `name` in an object that was read into `region`, and undefined when it has none; `null` stands for an object without
/// members. Nothing for any other document.
pub(crate) fn member(document: Val, name: &str, region: &Region, constants: &Constants<'_>) -> Option<Val> {
    match document.kind() {
        Kind::Null => Some(Val::UNDEFINED),
        Kind::Object => {
            let text = |key: Val| match key.space() {
                Space::Consts => constants.region.text_of(key),
                _ => region.text_of(key),
            };
            let (pairs, _) = region.parts_of(document).as_chunks::<2>();
            let found = pairs.iter().find(|[key, _]| text(*key) == name);
            Some(found.map_or(Val::UNDEFINED, |[_, value]| *value))
        }
        _ => None,
    }
}
