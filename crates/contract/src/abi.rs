//! Selectors of the deployed interface and of its custom errors, and the constants the runtime library names.

use crate::layout;
use alloy_primitives::{U256, keccak256};
use std::collections::BTreeMap;

/// `evaluate(bytes32 entryPoint, bytes input, bytes data, bytes context) view returns (bytes)`.
pub const EVALUATE: &str = "evaluate(bytes32,bytes,bytes,bytes)";
/// `entryPoints() pure returns (bytes32[])`.
pub const ENTRY_POINTS: &str = "entryPoints()";

/// Deepest nesting of collections in an input that a contract accepts: each level of recursion takes about a dozen of the
/// EVM's 1,024 stack words.
pub const MAX_DEPTH: u64 = 64;

/// A custom error of the deployed interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContractError {
    /// Two bodies of a rule, or two values of a key, disagree.
    Conflict,
    /// The entry point is not one of the contract's.
    UnknownEntryPoint,
    /// `input`, `data` or `context` is not a canonical encoding; the argument is the offset of the first bad byte.
    MalformedValue,
    /// The call data is not an ABI encoding of a call.
    MalformedCall,
    /// Collections are nested deeper than [`MAX_DEPTH`].
    DepthExceeded,
    /// A number left the range of 256-bit fixed point.
    NumberOverflow,
    /// A result has no exact form with 18 fractional digits.
    InexactNumber,
    /// A builtin met a value that its contract form does not cover; the argument is the builtin's name.
    Unsupported,
    /// A builtin failed, and the contract was compiled with strict builtin errors; the argument is its name.
    BuiltinError,
    /// A value that the decision context must hold is missing; the argument is its name.
    MissingContext,
    /// A defect of the compiler, caught at run time.
    Internal,
}

impl ContractError {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Conflict,
        Self::UnknownEntryPoint,
        Self::MalformedValue,
        Self::MalformedCall,
        Self::DepthExceeded,
        Self::NumberOverflow,
        Self::InexactNumber,
        Self::Unsupported,
        Self::BuiltinError,
        Self::MissingContext,
        Self::Internal,
    ];

    /// The Solidity signature.
    #[must_use]
    pub const fn signature(self) -> &'static str {
        match self {
            Self::Conflict => "Conflict()",
            Self::UnknownEntryPoint => "UnknownEntryPoint(bytes32)",
            Self::MalformedValue => "MalformedValue(uint256)",
            Self::MalformedCall => "MalformedCall()",
            Self::DepthExceeded => "DepthExceeded()",
            Self::NumberOverflow => "NumberOverflow()",
            Self::InexactNumber => "InexactNumber()",
            Self::Unsupported => "Unsupported(bytes32)",
            Self::BuiltinError => "BuiltinError(bytes32)",
            Self::MissingContext => "MissingContext(bytes32)",
            Self::Internal => "Internal()",
        }
    }

    /// The four bytes that revert data begin with.
    #[must_use]
    pub fn selector(self) -> [u8; 4] {
        selector(self.signature())
    }

    /// The selector, left-aligned in a word.
    pub(crate) fn word(self) -> U256 {
        U256::from(u32::from_be_bytes(self.selector())).wrapping_shl(224)
    }

    /// The error that revert data stand for.
    #[must_use]
    pub fn from_revert(data: &[u8]) -> Option<Self> {
        let head = data.get(..4)?;
        Self::ALL.iter().copied().find(|e| e.selector() == head)
    }
}

/// The first four bytes of the signature's hash.
#[must_use]
pub fn selector(signature: &str) -> [u8; 4] {
    let [a, b, c, d, ..] = keccak256(signature.as_bytes()).0;
    [a, b, c, d]
}

/// The values of `$NAME` in the runtime library.
pub(crate) fn named_constants() -> BTreeMap<String, U256> {
    let word = |signature: &str| U256::from(u32::from_be_bytes(selector(signature)));
    let error = |e: ContractError| e.word();
    let repeat = |byte: u8| U256::from_be_bytes([byte; 32]);
    let one = U256::from(1_000_000_000_000_000_000_u64);
    [
        ("FREE", U256::from(layout::FREE)),
        ("INPUT", U256::from(layout::INPUT)),
        ("DATA", U256::from(layout::DATA)),
        ("CONTEXT", U256::from(layout::CONTEXT)),
        ("RESULTS", U256::from(layout::RESULTS)),
        ("POS", U256::from(layout::POSITION)),
        ("END", U256::from(layout::END)),
        ("DEPTH", U256::from(MAX_DEPTH)),
        ("ONE", one),
        ("MIN", U256::ONE.wrapping_shl(255)),
        ("TENTH", U256::ONE.wrapping_shl(251)),
        // 5^18 is odd, so it has an inverse modulo 2^256.
        (
            "INVERSE",
            U256::from(3_814_697_265_625_u64).inv_ring().unwrap_or_default(),
        ),
        ("TRUE", U256::from(0x102)),
        ("FALSE", U256::from(2)),
        ("NULL", U256::from(1)),
        ("HIGH", repeat(0x80)),
        ("LOW", repeat(0x01)),
        ("S_EVALUATE", word(EVALUATE)),
        ("S_ENTRY_POINTS", word(ENTRY_POINTS)),
        ("E_CONFLICT", error(ContractError::Conflict)),
        ("E_ENTRY", error(ContractError::UnknownEntryPoint)),
        ("E_MALFORMED", error(ContractError::MalformedValue)),
        ("E_CALL", error(ContractError::MalformedCall)),
        ("E_DEPTH", error(ContractError::DepthExceeded)),
        ("E_OVERFLOW", error(ContractError::NumberOverflow)),
        ("E_INEXACT", error(ContractError::InexactNumber)),
        ("E_UNSUPPORTED", error(ContractError::Unsupported)),
        ("E_CONTEXT", error(ContractError::MissingContext)),
        ("E_INTERNAL", error(ContractError::Internal)),
    ]
    .map(|(name, word)| (name.to_owned(), word))
    .into()
}
