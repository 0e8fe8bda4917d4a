//! What each builtin does, in a sentence or two, for editors and other readers.

use std::collections::HashMap;
use std::sync::OnceLock;

/// One line a builtin: `name(parameter, ...) description`, the description in Markdown.
const TEXT: &str = include_str!("docs.txt");

/// The documentation of a builtin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documentation {
    /// The names of the arguments, as many as the builtin has.
    pub parameters: Vec<&'static str>,
    /// What it gives, in Markdown.
    pub description: &'static str,
}

/// The documentation of the builtin with this name. Every builtin of [`super::TABLE`] has one.
#[must_use]
pub fn documentation(name: &str) -> Option<&'static Documentation> {
    static BY_NAME: OnceLock<HashMap<&'static str, Documentation>> = OnceLock::new();
    BY_NAME
        .get_or_init(|| TEXT.lines().filter_map(entry).collect())
        .get(name)
}

fn entry(line: &'static str) -> Option<(&'static str, Documentation)> {
    let (name, rest) = line.split_once('(')?;
    let (parameters, description) = rest.split_once(") ")?;
    let parameters = parameters.split(", ").filter(|name| !name.is_empty());
    Some((
        name,
        Documentation {
            parameters: parameters.collect(),
            description,
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtins::{TABLE, find};

    #[test]
    fn every_builtin_is_documented_and_nothing_else() {
        for builtin in TABLE {
            let found = documentation(builtin.name);
            let found = found.unwrap_or_else(|| panic!("write a line for `{}` in docs.txt", builtin.name));
            assert_eq!(found.parameters.len(), builtin.arity(), "{}", builtin.name);
            assert!(found.description.ends_with(['.', ')']), "{}", builtin.name);
        }
        for line in TEXT.lines() {
            let (name, _) = entry(line).unwrap_or_else(|| panic!("{line}"));
            assert!(find(name).is_some(), "`{name}` is documented and does not exist");
        }
        assert_eq!(TEXT.lines().count(), TABLE.len());
    }
}
