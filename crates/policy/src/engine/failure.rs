//! From regorus's error texts to typed errors.
//!
//! regorus reports everything as text: `--> file:line:column`, the source line, a caret, and `error: MESSAGE`. The texts of the pinned version
//! are recognised here, and only here; `tests.rs` provokes each, so an update of regorus that rewords one fails there.

use super::regorus_builtins::IMPURE_MARK;
use super::{EngineError, Place};

/// What an evaluation ended with, before the engine decides what to do about it.
#[derive(Debug)]
pub(super) enum Failure {
    /// The interpreter's timer struck; which limit it stood for is the engine's to know.
    Timer,
    /// The path asked for is no rule.
    NotARule,
    /// Something that only strict evaluation makes an error.
    Builtin(EngineError),
    /// An error in any mode.
    Final(EngineError),
}

const CONFLICTS: [&str; 9] = [
    "complete rules should not produce multiple outputs",
    "rules must not produce multiple outputs",
    "rules should not produce multiple outputs",
    "functions must not produce multiple outputs",
    "function produced multiple outputs",
    "rule conflicts with rule at",
    "value for key",
    "previous value is not an object",
    "previous value is not a set",
];

/// Sorts one error of the interpreter.
pub(super) fn sort(text: &str) -> Failure {
    if text.contains("execution exceeded time limit") {
        return Failure::Timer;
    }
    if text.contains("not a valid rule path") {
        return Failure::NotARule;
    }
    let (place, message) = split(text);
    if let Some((_, name)) = message.split_once(IMPURE_MARK) {
        return Failure::Final(EngineError::ImpureBuiltin {
            name: name.trim().to_owned(),
            place,
        });
    }
    if let Some((_, name)) = message.split_once("could not find function ") {
        return Failure::Final(EngineError::UnknownFunction {
            name: name.trim().to_owned(),
            place,
        });
    }
    if CONFLICTS.iter().any(|known| message.contains(known)) {
        return Failure::Final(EngineError::Conflict { place, message });
    }
    if message.contains("internal error") {
        return Failure::Final(EngineError::Refused { place, message });
    }
    Failure::Builtin(EngineError::Builtin { place, message })
}

/// An error of parsing or analysis.
pub(super) fn refused(text: &str) -> EngineError {
    let (place, message) = split(text);
    EngineError::Refused { place, message }
}

/// Takes the place and the bare message out of a rendered error.
pub(crate) fn split(text: &str) -> (Option<Place>, String) {
    let Some((_, rest)) = text.split_once("--> ") else {
        return (None, text.trim().to_owned());
    };
    let head = rest.lines().next().unwrap_or_default();
    let message = rest.split_once("\nerror: ").map_or(rest, |(_, message)| message);
    (place(head), message.trim().to_owned())
}

/// Reads `file:line:column`; the file may itself hold colons.
fn place(head: &str) -> Option<Place> {
    let mut parts = head.trim().rsplitn(3, ':');
    let column = parts.next()?.parse().ok()?;
    let line = parts.next()?.parse().ok()?;
    Some(Place {
        file: parts.next()?.to_owned(),
        line,
        column,
    })
}
