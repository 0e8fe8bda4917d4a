//! API documentation.

use crate::shell::{cargo, run};
use anyhow::Result;

/// Builds the API documentation of the workspace's own crates; a warning is an error.
pub(crate) fn run_docs() -> Result<()> {
    run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
}
