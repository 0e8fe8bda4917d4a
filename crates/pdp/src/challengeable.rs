//! Whether a decision can be challenged: re-executed by the policy's contract. What can't is said so in the record from the start.

use stele_policy::engine::Rendering;
use stele_types::encoding::encode_contract;
use stele_types::{EntryPoint, Value};

use crate::decider::Input;
use crate::error::DecideError;
use crate::snapshot::PolicyInForce;

/// Label of a record whose decision can't be challenged; its value is `false`.
pub(crate) const CHALLENGEABLE_LABEL: &str = "challengeable";
/// Why not.
pub(crate) const REASON_LABEL: &str = "challengeable_reason";

/// Why no decision of an entry point can be challenged, whatever the input.
pub(crate) fn entry_reason(policy: &PolicyInForce, entry_point: &EntryPoint) -> Option<&'static str> {
    if policy.options.contract.is_none() {
        return Some("the policy has no contract");
    }
    let compiled =
        entry_point.as_str() == policy.policy.id.as_str() || policy.policy.entry_points.contains(entry_point);
    (!compiled).then_some("the rule is no entry point of the policy's contract")
}

/// Why an input can't be given to a contract: as an engine rendered it where one did, else as the value.
pub(crate) fn input_reason(rendering: Option<&Rendering>, input: Option<&Value>) -> Option<&'static str> {
    let wide = rendering.map_or_else(
        || input.is_some_and(|input| encode_contract(input).is_err()),
        Rendering::has_wide_number,
    );
    wide.then_some("the input has a number that contracts can't hold")
}

/// What a policy with `require_challengeable` asks of requests.
pub(crate) struct Demand<'a>(Option<&'a PolicyInForce>);

impl<'a> Demand<'a> {
    /// Fails when the policy demands it and no contract has the entry point.
    pub(crate) fn of(policy: &'a PolicyInForce, entry_point: &EntryPoint) -> Result<Self, DecideError> {
        let demand = Self(policy.policy.custom.require_challengeable.then_some(policy));
        demand.refuse(entry_reason(policy, entry_point))?;
        Ok(demand)
    }

    /// Fails when the policy demands it and no contract can hold the input.
    pub(crate) fn input(
        &self,
        rendering: Option<&Rendering>,
        input: Option<&Value>,
    ) -> Result<(), DecideError> {
        match self.0 {
            Some(_) => self.refuse(input_reason(rendering, input)),
            None => Ok(()),
        }
    }

    /// What no contract could read is refused before anybody is asked anything; JSON is known once the machine has read it.
    pub(crate) fn before(&self, input: &Input<'_>) -> Result<(), DecideError> {
        match input {
            Input::Value(value) => self.input(None, *value),
            Input::Json(_) => Ok(()),
        }
    }

    fn refuse(&self, reason: Option<&'static str>) -> Result<(), DecideError> {
        let (Some(policy), Some(reason)) = (self.0, reason) else {
            return Ok(());
        };
        Err(DecideError::NotChallengeable {
            policy: policy.policy.id.clone(),
            reason,
        })
    }
}
