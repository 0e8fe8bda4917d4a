//! Exit codes: 0 pass, 1 denied or violated, 2 usage or input error, 3 environment (chain, disk, network).

use std::process::ExitCode;

/// What a command that ran to its end found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing to object to.
    Pass,
    /// Denied, violated, or not verified.
    Fail,
    /// The input was wrong, and the result says so already.
    Invalid,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::SUCCESS,
            Verdict::Fail => Self::from(1),
            Verdict::Invalid => Self::from(2),
        }
    }
}

/// Marks an error as one of the environment rather than of the input: exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Environment(pub(crate) String);

/// Adds what was being done to an error of the environment.
pub(crate) trait EnvironmentContext<T> {
    /// The error's message becomes `what: cause`, and the exit code 3.
    fn environment(self, what: impl std::fmt::Display) -> anyhow::Result<T>;
}

impl<T, E: std::fmt::Display> EnvironmentContext<T> for Result<T, E> {
    fn environment(self, what: impl std::fmt::Display) -> anyhow::Result<T> {
        // With its own causes, where it is an `anyhow::Error`.
        self.map_err(|cause| anyhow::Error::new(Environment(format!("{what}: {cause:#}"))))
    }
}

/// An error with its causes in one line. What an error says of its cause itself is not said again.
pub(crate) fn in_words(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.ends_with(&cause) {
            told.push_str(": ");
            told.push_str(&cause);
        }
    }
    told
}

/// The exit code for an error: what the environment did is marked as such, everything else is the input's fault.
pub(crate) fn code(error: &anyhow::Error) -> ExitCode {
    let environment = error.chain().any(|cause| cause.is::<Environment>());
    ExitCode::from(if environment { 3 } else { 2 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_error_keeps_its_code_under_context() {
        let error = anyhow::Error::new(Environment("port busy".into())).context("can't start");
        assert_eq!(code(&error), ExitCode::from(3));
        assert_eq!(code(&anyhow::anyhow!("bad flag")), ExitCode::from(2));
    }

    #[test]
    fn causes_are_told_once() {
        let error = anyhow::anyhow!("expected value at column 1");
        assert_eq!(in_words(&error), "expected value at column 1");
        let error = error
            .context("not a proof: expected value at column 1")
            .context("p.json");
        assert_eq!(
            in_words(&error),
            "p.json: not a proof: expected value at column 1"
        );
        let error = anyhow::anyhow!("refused")
            .context("connecting")
            .context("the node");
        let error = Err::<(), _>(error).environment("can't ask").unwrap_err();
        assert_eq!(in_words(&error), "can't ask: the node: connecting: refused");
    }
}
