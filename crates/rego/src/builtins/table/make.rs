//! The kinds of entries.

use crate::builtins::{Body, Builtin, Function, Purity, Refusal};

/// Its result depends on its arguments only.
pub(super) const fn pure(
    name: &'static str,
    args: &'static [&'static str],
    result: &'static str,
    function: Function,
) -> Builtin {
    let body = Body::Function(function);
    Builtin {
        name,
        args,
        result,
        purity: Purity::Pure,
        body,
        relation: false,
    }
}

/// Its result depends on its arguments only, but nobody has written it yet.
pub(super) const fn missing(
    name: &'static str,
    args: &'static [&'static str],
    result: &'static str,
) -> Builtin {
    let body = Body::Refused(Refusal::Unimplemented);
    Builtin {
        name,
        args,
        result,
        purity: Purity::Pure,
        body,
        relation: false,
    }
}

/// It says something of two strings.
pub(super) const fn predicate(name: &'static str, function: Function) -> Builtin {
    pure(name, &["string", "string"], "boolean", function)
}

/// Its result depends on the time of the decision, too.
pub(super) const fn contextual(
    name: &'static str,
    args: &'static [&'static str],
    result: &'static str,
    function: Function,
) -> Builtin {
    Builtin {
        purity: Purity::Contextual,
        ..pure(name, args, result, function)
    }
}

/// Its result depends on the outside world, on chance or on the process: the evaluation's host answers it.
pub(super) const fn impure(
    name: &'static str,
    args: &'static [&'static str],
    result: &'static str,
    function: Function,
) -> Builtin {
    Builtin {
        purity: Purity::Impure,
        ..pure(name, args, result, function)
    }
}
