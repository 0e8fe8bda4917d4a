//! IR to EVM bytecode with source maps; pure: runs no EVM and does no I/O.
//!
//! [`compile`] takes a plan in OPA's intermediate representation and makes a contract that evaluates the same policy on
//! chain. The phases only move forward, and each representation has a verifier that also runs in release builds:
//!
//! ```text
//! stele_rego::ir  --lower-->  lir (functions over words)  --link runtime/*.lir-->  lir
//!                 --codegen-->  asm (labels, calls)  --assemble-->  bytecode + source map
//! ```
//!
//! The deployed interface, the errors, the memory layout and the limits are described in
//! `docs/formats/policy-contract.md`. The code targets the hardfork Cancun (it uses `PUSH0` and `MCOPY`).
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "tests may panic"
    )
)]

pub mod abi;
pub mod asm;
mod codegen;
mod contract;
mod error;
mod layout;
pub mod lir;
mod lower;
pub mod memory;
pub mod op;
mod pattern;
mod runtime;
mod source_map;

use stele_types::Value;

pub use contract::{Contract, ContractEntryPoint, compile, entry_point_id};
pub use error::{Reason, Refusal};
pub use source_map::{PolicyFunction, SourceMap, SourcePlace};

/// Largest contract that Ethereum accepts, in bytes (EIP-170).
pub const EIP170_LIMIT: usize = 24_576;

/// `PUSH2 size, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN`: the size is filled in.
const CREATION_PREFIX: [u8; 10] = [0x61, 0, 0, 0x80, 0x60, 0x0a, 0x5f, 0x39, 0x5f, 0xf3];

/// What `evaluate` returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultForm {
    /// The value under `result` in the only result, as its JSON projection; nothing if undefined.
    #[default]
    Unwrapped,
    /// The result set as an array in Rego order, unprojected.
    ResultSet,
}

/// How to compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What `evaluate` returns.
    pub result: ResultForm,
    /// Refuse contracts above this many bytes.
    pub max_code_size: usize,
    /// Revert with `BuiltinError` where a builtin fails, instead of OPA's default, undefined.
    pub strict_builtin_errors: bool,
    /// Compute pure builtins whose arguments are known at build time; otherwise the contract does. The tests of the runtime
    /// library switch it off.
    pub fold_constants: bool,
    /// Largest automaton of a literal regular expression or glob, in bytes.
    pub max_pattern_size: usize,
    /// Compile only these entry points; all of the plan's if `None`.
    pub entry_points: Option<Vec<String>>,
    /// The data document that the policy comes with. The contract recognises it by its hash and does not check its encoding
    /// again; it takes any other data too, and checks that. The same plan with other data gives another contract.
    pub data: Option<Value>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            result: ResultForm::Unwrapped,
            max_code_size: EIP170_LIMIT,
            strict_builtin_errors: false,
            fold_constants: true,
            max_pattern_size: 8_192,
            entry_points: None,
            data: None,
        }
    }
}
