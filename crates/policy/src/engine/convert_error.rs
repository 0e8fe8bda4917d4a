//! Why a value can't be given to the interpreter.

/// A value that can't cross the border to or from the interpreter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// The number has more digits than the interpreter keeps.
    #[error(
        "the number {number} at {path} can't be held exactly by the interpreter (it keeps integers of any size and 15 digits of a fraction); write it as a string"
    )]
    Inexact {
        /// The number as it was given.
        number: String,
        /// Where it stands, as a path below the document's root.
        path: String,
    },
    /// The interpreter answered with a number that is none (not finite).
    #[error("the interpreter returned {text:?}, which is no number")]
    BadNumber {
        /// What it printed.
        text: String,
    },
    /// An undefined value stands inside a result.
    #[error("the interpreter returned an undefined value inside a result")]
    NestedUndefined,
    /// The value has more nodes than allowed.
    #[error("the value has more than {limit} nodes")]
    TooLarge {
        /// The limit in nodes.
        limit: usize,
    },
}
