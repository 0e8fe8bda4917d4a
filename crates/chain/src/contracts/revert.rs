//! What a revert means, read with the artifacts' ABIs.

use std::fmt;

use alloy::dyn_abi::{DynSolValue, ErrorExt as _};
use alloy::json_abi::{Error as AbiError, Param};
use alloy::sol_types::{ContractError, GenericContractError, SolInterface as _};

use super::{Artifact, Role};

/// What compiled policies revert with (`stele_contract::abi`), and what it means.
const POLICY_ERRORS: [(&str, &str); 11] = [
    ("Conflict()", "the policy's rules give conflicting values"),
    (
        "UnknownEntryPoint(bytes32 entryPoint)",
        "the policy has no such entry point",
    ),
    (
        "MalformedValue(uint256 offset)",
        "the input, data or context is not in the canonical encoding",
    ),
    ("MalformedCall()", "the call data is not an evaluation"),
    ("DepthExceeded()", "a value is nested too deeply"),
    (
        "NumberOverflow()",
        "a number does not fit a contract's fixed point",
    ),
    (
        "InexactNumber()",
        "a number has more digits than a contract's fixed point keeps",
    ),
    (
        "Unsupported(bytes32 what)",
        "the policy needs something that contracts can't do",
    ),
    ("BuiltinError(bytes32 builtin)", "a builtin function failed"),
    (
        "MissingContext(bytes32 what)",
        "the context lacks something that the policy needs",
    ),
    ("Internal()", "the compiled policy is at fault"),
];

/// A decoded revert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revert {
    /// The contract that was called, if it is one of ours; else its address.
    pub contract: String,
    /// The custom error's name, `Error` for a plain reason, `Panic`, or empty when the revert carried no data.
    pub error: String,
    /// The error's arguments.
    pub args: Vec<RevertArg>,
    /// What the error means in words; empty when unknown.
    pub notice: String,
}

/// One argument of a custom error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertArg {
    /// The parameter's name.
    pub name: String,
    /// Its value as text: role names instead of their hashes, names instead of numbers for states.
    pub value: String,
}

impl Revert {
    /// Decodes the data a call to `contract` reverted with. Never fails: what isn't known is shown in hexadecimal.
    pub fn decode(contract: &str, data: &[u8]) -> Self {
        Self::from_artifacts(contract, data)
            .or_else(|| Self::from_policy(contract, data))
            .unwrap_or_else(|| Self::generic(contract, data))
    }

    /// The value of an argument.
    pub fn arg(&self, name: &str) -> Option<&str> {
        self.args
            .iter()
            .find(|arg| arg.name == name)
            .map(|arg| arg.value.as_str())
    }

    /// Errors of compiled policies, which have no artifact.
    fn from_policy(contract: &str, data: &[u8]) -> Option<Self> {
        let selector = data.get(..4)?;
        POLICY_ERRORS.iter().find_map(|(signature, notice)| {
            let error = AbiError::parse(signature)
                .ok()
                .filter(|error| error.selector() == selector)?;
            Self::from_abi(contract, &error, (*notice).to_owned(), data)
        })
    }

    fn from_artifacts(contract: &str, data: &[u8]) -> Option<Self> {
        let selector = data.get(..4)?;
        // The contract that was called comes first: two contracts may use one signature with different words.
        let mut artifacts = Artifact::all().ok()?;
        artifacts.sort_by_key(|artifact| artifact.contract_name != contract);
        let (artifact, error) = artifacts.iter().find_map(|artifact| {
            artifact
                .abi
                .errors()
                .find(|error| error.selector() == selector)
                .map(|error| (artifact, error))
        })?;
        Self::from_abi(contract, error, notice(artifact, error), data)
    }

    fn from_abi(contract: &str, error: &AbiError, notice: String, data: &[u8]) -> Option<Self> {
        let decoded = error.decode_error(data).ok()?;
        let args = error
            .inputs
            .iter()
            .zip(&decoded.body)
            .map(|(param, value)| RevertArg {
                name: param.name.trim_end_matches('_').to_owned(),
                value: render(param, value),
            });
        Some(Self {
            contract: contract.to_owned(),
            error: error.name.clone(),
            args: args.collect(),
            notice,
        })
    }

    fn generic(contract: &str, data: &[u8]) -> Self {
        let (error, args) = match GenericContractError::abi_decode(data) {
            Ok(ContractError::Revert(revert)) => ("Error", vec![("reason", revert.reason)]),
            Ok(ContractError::Panic(panic)) => ("Panic", vec![("code", panic.to_string())]),
            _ if data.is_empty() => ("", Vec::new()),
            _ => (
                "unknown error",
                vec![("data", format!("0x{}", hex::encode(data)))],
            ),
        };
        let args = args.into_iter().map(|(name, value)| RevertArg {
            name: name.to_owned(),
            value,
        });
        Self {
            contract: contract.to_owned(),
            error: error.to_owned(),
            args: args.collect(),
            notice: String::new(),
        }
    }
}

fn notice(artifact: &Artifact, error: &AbiError) -> String {
    match error.name.as_str() {
        "AccessControlUnauthorizedAccount" => "the account does not hold the role this needs".to_owned(),
        _ => artifact
            .notices
            .get(&error.signature())
            .cloned()
            .unwrap_or_default(),
    }
}

fn render(param: &Param, value: &DynSolValue) -> String {
    match value {
        DynSolValue::FixedBytes(word, 32) => match (is_role(&param.name), Role::from_id(*word)) {
            (true, Some(role)) => role.name().to_owned(),
            _ => word.to_string(),
        },
        DynSolValue::Uint(number, _) => u64::try_from(*number)
            .ok()
            .and_then(|number| enum_name(param, number))
            .unwrap_or_else(|| number.to_string()),
        DynSolValue::Address(address) => address.to_checksum(None),
        DynSolValue::String(text) => text.clone(),
        DynSolValue::Bool(bit) => bit.to_string(),
        other => format!("0x{}", hex::encode(other.abi_encode())),
    }
}

fn is_role(name: &str) -> bool {
    name == "role" || name == "neededRole"
}

/// The name of an enum's value; the ABI keeps only the enum's type and its width.
fn enum_name(param: &Param, number: u64) -> Option<String> {
    const STATES: [&str; 9] = [
        "None",
        "Proposed",
        "Approved",
        "Canary",
        "Active",
        "Retired",
        "RolledBack",
        "Rejected",
        "Withdrawn",
    ];
    const STATUSES: [&str; 3] = ["None", "Active", "Suspended"];
    const VERDICTS: [&str; 3] = ["None", "Upheld", "Refuted"];
    const CLAIMS: [&str; 4] = ["None", "Open", "Answered", "Omitted"];
    let kind = param.internal_type.as_ref()?.to_string();
    let names: &[&str] = match kind.rsplit(['.', ' ']).next()? {
        "State" => &STATES,
        "Status" => &STATUSES,
        "Verdict" => &VERDICTS,
        "ClaimStatus" => &CLAIMS,
        _ => return None,
    };
    names
        .get(usize::try_from(number).ok()?)
        .map(|name| (*name).to_owned())
}

impl fmt::Display for Revert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} refused the call", self.contract)?;
        if !self.notice.is_empty() {
            write!(f, ": {}", self.notice)?;
        }
        if self.error.is_empty() {
            return f.write_str(" without giving a reason");
        }
        write!(f, " ({}", self.error)?;
        for (index, arg) in self.args.iter().enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            write!(f, "{separator}{} {}", arg.name, arg.value)?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::{Address, B256, U256};
    use alloy::sol_types::{Revert as PlainRevert, SolError as _};

    use super::*;
    use crate::contracts::abi::registry::PolicyRegistry as registry;

    /// What a contract says may be anything.
    #[test]
    fn numbers_beyond_any_enum_are_printed() {
        use crate::contracts::abi::challenge::Challenge;
        let error = Challenge::WrongChain {
            claimed: U256::MAX,
            actual: U256::from(1),
        };
        let revert = Revert::decode("Challenge", &error.abi_encode());
        assert_eq!(revert.arg("claimed"), Some(U256::MAX.to_string().as_str()));
    }

    #[test]
    fn custom_errors_read_well() {
        let error = registry::AuthorCannotApprove {
            proposalId: B256::repeat_byte(7),
            author: Address::repeat_byte(1),
        };
        let revert = Revert::decode("PolicyRegistry", &error.abi_encode());
        assert_eq!(
            revert.to_string(),
            format!(
                "PolicyRegistry refused the call: an author may not approve their own proposal (AuthorCannotApprove: \
                 proposalId {}, author {})",
                B256::repeat_byte(7),
                Address::repeat_byte(1)
            )
        );
    }

    #[test]
    fn roles_and_states_are_named() {
        let denied = registry::AccessControlUnauthorizedAccount {
            account: Address::repeat_byte(1),
            neededRole: Role::Security.id(),
        };
        let revert = Revert::decode("PolicyRegistry", &denied.abi_encode());
        assert_eq!(revert.arg("neededRole"), Some("SECURITY"));
        let wrong = registry::WrongState {
            proposalId: B256::ZERO,
            state: 8,
        };
        let revert = Revert::decode("PolicyRegistry", &wrong.abi_encode());
        assert_eq!(revert.arg("state"), Some("Withdrawn"));
    }

    #[test]
    fn other_reverts_are_shown_as_far_as_they_go() {
        let plain = PlainRevert {
            reason: "no".to_owned(),
        }
        .abi_encode();
        assert_eq!(
            Revert::decode("0xabc", &plain).to_string(),
            "0xabc refused the call (Error: reason no)"
        );
        let panic = alloy::sol_types::Panic {
            code: U256::from(0x11),
        }
        .abi_encode();
        assert_eq!(Revert::decode("0xabc", &panic).error, "Panic");
        assert_eq!(
            Revert::decode("x", &[]).to_string(),
            "x refused the call without giving a reason"
        );
        assert_eq!(
            Revert::decode("x", &[1, 2, 3, 4, 5]).arg("data"),
            Some("0x0102030405")
        );
        assert_eq!(Revert::decode("x", &[1]).arg("data"), Some("0x01"));
    }
}
