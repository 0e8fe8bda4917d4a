//! What resolution asks of the table of builtins, [`crate::builtins::TABLE`].

use crate::builtins::{TABLE, find};

/// The number of arguments of a builtin; `None` if there is none of that name.
pub(crate) fn arity(name: &str) -> Option<usize> {
    find(name).map(crate::builtins::Builtin::arity)
}

/// Whether Rego v1 removed the builtin.
pub(crate) fn removed(name: &str) -> Option<&'static str> {
    Some(match name {
        "any" => "write `some x in xs; x` or `true in xs`",
        "all" => "write `every x in xs { x }`",
        "re_match" => "call `regex.match`",
        "net.cidr_overlap" => "call `net.cidr_contains`",
        "set_diff" => "write `a - b`",
        "cast_array" | "cast_set" | "cast_string" | "cast_boolean" | "cast_null" | "cast_object" => {
            "test the type with `is_array` and the like"
        }
        _ => return None,
    })
}

/// The names that are near to `name`, for hints.
pub(crate) fn similar(name: &str) -> Option<&'static str> {
    TABLE
        .iter()
        .map(|builtin| (distance(builtin.name, name), builtin.name))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, name)| name)
}

/// Edit distance; bounded use on short names only.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let best = diagonal
                .saturating_add(usize::from(x != *y))
                .min(left.saturating_add(1))
                .min(cell.saturating_add(1));
            diagonal = *cell;
            *cell = best;
            left = best;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        assert_eq!(arity("count"), Some(1));
        assert_eq!(arity("time.now_ns"), Some(0));
        assert_eq!(arity("nope"), None);
        assert_eq!(similar("startwith"), Some("startswith"));
        assert_eq!(similar("frobnicate"), None);
    }
}
