//! Checks that the command builds without its feature `regorus`, at the price of the workspace's own crates.
//!
//! `cargo check --package stele --no-default-features` resolves the features of all dependencies anew and would build hundreds of crates
//! once more. Instead, everything is resolved as for the tests, and this program stands between Cargo and rustc for the crates of the
//! workspace: it takes the feature, and the crate of that name, out of the arguments. What remains unseen is only a feature
//! that regorus switches on in a crate that others use too.

use crate::shell::{cargo, run};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::process::{Command, ExitCode};

/// The feature, and the crate behind it.
const FEATURE: &str = "regorus";

/// Set while this program stands between Cargo and rustc.
const VARIABLE: &str = "STELE_XTASK_WITHOUT";

/// Checks the command and what it is made of. A test comes along, so that the features are those of the tests; one that needs no `stele-testkit`,
/// among whose engines is the one that is left out.
pub(crate) fn check() -> Result<()> {
    let own = std::env::current_exe().context("where is this program?")?;
    let mut command = cargo(&["check", "--workspace", "--bin", "stele", "--test", "formats"]);
    command.env("RUSTC_WORKSPACE_WRAPPER", own).env(VARIABLE, FEATURE);
    run(&mut command)
}

/// Runs rustc if that is what this program was started for.
pub(crate) fn as_rustc() -> Option<ExitCode> {
    let feature = std::env::var(VARIABLE).ok()?;
    let mut args = std::env::args_os().skip(1);
    let rustc = args.next()?;
    let status = Command::new(rustc).args(without(args, &feature)).status();
    let code = status.ok().and_then(|status| status.code());
    Some(
        code.and_then(|code| u8::try_from(code).ok())
            .map_or(ExitCode::FAILURE, ExitCode::from),
    )
}

/// The arguments of rustc without a feature and the crate of its name.
fn without(args: impl Iterator<Item = OsString>, feature: &str) -> Vec<OsString> {
    let cfg = format!("feature=\"{feature}\"");
    let crate_path = format!("{feature}=");
    let mut kept: Vec<OsString> = Vec::new();
    for arg in args {
        let flag = kept.last().and_then(|last| last.to_str());
        let text = arg.to_str().unwrap_or_default();
        let dropped = match flag {
            Some("--cfg") => text == cfg,
            Some("--extern") => text.starts_with(&crate_path),
            _ => false,
        };
        if dropped {
            kept.pop();
        } else {
            kept.push(arg);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feature_and_its_crate_go_and_all_else_stays() {
        let args = [
            "--crate-name",
            "stele",
            "--cfg",
            r#"feature="default""#,
            "--cfg",
            r#"feature="regorus""#,
            "--check-cfg",
            r#"cfg(feature, values("regorus"))"#,
            "--extern",
            "regorus=/deps/libregorus.rmeta",
            "--extern",
            "regex=/deps/libregex.rmeta",
        ];
        let kept = without(args.iter().map(OsString::from), FEATURE);
        let wanted = [
            "--crate-name",
            "stele",
            "--cfg",
            r#"feature="default""#,
            "--check-cfg",
            r#"cfg(feature, values("regorus"))"#,
            "--extern",
            "regex=/deps/libregex.rmeta",
        ];
        assert_eq!(kept, wanted.map(OsString::from));
    }
}
