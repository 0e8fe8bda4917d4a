//! Texts that were checked: names and versions.

use super::address::plain;
use serde::Serialize;
use std::fmt;

/// Bytes of a name or a version. Registries allow far less: npm 214, crates.io 64.
const MAX_BYTES: usize = 1024;

/// Why something is no name, version, hash, licence or package URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// There is nothing.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// It is too long to be one.
    #[error("the {what} has {bytes} bytes; {MAX_BYTES} is the limit")]
    Long {
        /// Name or version.
        what: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// It has a character that none has.
    #[error("the {what} {text:?} has a space or control character")]
    Character {
        /// Name or version.
        what: &'static str,
        /// As it was found.
        text: String,
    },
    /// It is not in the form of its ecosystem.
    #[error("{text:?} is no name of the form {form}")]
    Form {
        /// As it was found.
        text: String,
        /// What was expected.
        form: &'static str,
    },
    /// The package URL can't be made.
    #[error("no package URL: {0}")]
    Purl(String),
    /// The digest does not have its algorithm's length, or is no hexadecimal or base64.
    #[error("{0:?} is no {1} digest")]
    Hash(String, &'static str),
}

fn checked(what: &'static str, text: &str) -> Result<String, Invalid> {
    if text.is_empty() {
        return Err(Invalid::Empty(what));
    }
    let text = plain(text);
    if text.len() > MAX_BYTES {
        return Err(Invalid::Long {
            what,
            bytes: text.len(),
        });
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Invalid::Character {
            what,
            text: text.into_owned(),
        });
    }
    Ok(text.into_owned())
}

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// INVARIANT: not empty, at most 1024 bytes, no white space, no control characters.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks a text. Addresses in it lose their credentials.
            ///
            /// # Errors
            ///
            /// [`Invalid`] if it is empty, too long, or has white space or control characters.
            pub fn new(text: &str) -> Result<Self, Invalid> {
                checked($what, text).map(Self)
            }

            /// As it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_text!(
    /// A package's name as its ecosystem writes it: `@scope/name`, `group:artifact`, `vendor/name`, `github.com/owner/module`.
    Name,
    "name"
);
checked_text!(
    /// A package's version as its ecosystem writes it. Go's begin with `v`.
    Version,
    "version"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_registry_has_is_refused() {
        assert_eq!(Name::new("@a/b").unwrap().as_str(), "@a/b");
        assert!(matches!(Name::new(""), Err(Invalid::Empty("name"))));
        assert!(matches!(Version::new("1 2"), Err(Invalid::Character { .. })));
        assert!(matches!(Version::new("1\u{0}"), Err(Invalid::Character { .. })));
        assert!(matches!(
            Name::new(&"a".repeat(1025)),
            Err(Invalid::Long { bytes: 1025, .. })
        ));
    }
}
