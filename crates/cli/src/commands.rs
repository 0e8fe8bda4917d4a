//! One file per command.

pub(crate) mod attestation;
pub(crate) mod audit;
pub(crate) mod build;
pub(crate) mod challenge;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod contract;
pub(crate) mod decide;
pub(crate) mod decision;
pub(crate) mod eval;
pub(crate) mod init;
pub(crate) mod lsp;
pub(crate) mod policy;
pub(crate) mod prove;
pub(crate) mod receipt;
pub(crate) mod repl;
pub(crate) mod sbom;
pub(crate) mod secrets;
pub(crate) mod up;
pub(crate) mod verifier;
pub(crate) mod verify;
pub(crate) mod vuln;
pub(crate) mod withdraw;
