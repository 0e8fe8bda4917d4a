//! The way that nearly all records take: the machine reads the record once, as one document of which the input is a member, and what it makes of input and
//! result is hashed. Nothing is parsed twice, and neither values nor JSON are built of what is only compared.
//!
//! It says nothing of its own about records that are not as nodes write them, that withhold something, or whose evaluation fails: these take
//! the long way, whose answers are the ones that count. So this way can't be more lenient than that one.

use std::borrow::Cow;

use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::{Error, StrDeserializer};
use stele_policy::engine::HeldMember;
use stele_policy::nd::{NdCache, NdCalls};
use stele_policy::{EngineError, EvalContext, EvalRequest};
use stele_types::{Leaf, Salt, commit, sha256};

use super::{Found, INPUT, Lean, Outcome, Replayer};
use crate::timeline::Timeline;

/// Larger records take the long way, where only the input counts as memory of the evaluation.
const LARGEST: usize = 1 << 20;

/// What is wanted of a record besides its input.
const MEMBERS: [&str; 6] = [
    "policy_id",
    "path",
    "input_salt",
    "nd_builtin_cache",
    "erased",
    "masked",
];

/// What [`Lean`] has, if all of it is as nodes write it and nothing is withheld. The input stays where it was read.
fn lean(members: [HeldMember<'_>; 6]) -> Option<Lean<'static>> {
    use HeldMember::{Absent, Text};
    let [Text(policy_id), Text(path), Text(salt), Absent, Absent, Absent] = members else {
        return None;
    };
    // As strict about its digits as the record's own reader.
    let salt: StrDeserializer<'_, Error> = salt.into_deserializer();
    Some(Lean {
        policy_id: Cow::Owned(policy_id.to_owned()),
        path: Cow::Owned(path.to_owned()),
        input: None,
        input_salt: Some(Salt::deserialize(salt).ok()?),
        nd_builtin_cache: None,
        erased: Vec::new(),
        masked: Vec::new(),
    })
}

impl Replayer {
    /// [`Replayer::recompute`], of most records; `None` of the others.
    pub(super) fn at_once(
        &mut self,
        leaf: &Leaf,
        record: &[u8],
        timeline: Option<&Timeline>,
    ) -> Option<Found> {
        if record.len() > LARGEST {
            return None;
        }
        let limits = self.limits;
        let version = self.versions.get_mut(&leaf.policy_version)?;
        let held = version
            .engine
            .hold_member(record, "input", (&INPUT, limits.memory));
        held.ok()?;
        let lean = version.engine.held_members(MEMBERS, lean)??;
        let (path, salt) = match self.prepare(leaf, record, &lean, timeline) {
            Ok(ready) => ready,
            Err(outcome) => return Some(Found::Other(outcome)),
        };
        let version = self.versions.get_mut(&leaf.policy_version)?;
        let nothing = NdCache::default();
        let calls = NdCalls::new(&nothing);
        let ask = EvalRequest {
            path: &path,
            input: None,
            context: EvalContext {
                nd: Some(&calls),
                ..EvalContext::at(leaf.time)
            },
            strict_builtin_errors: false,
            limits,
        };
        match version.engine.evaluate_canonical(&ask, &mut self.canonical) {
            Ok(Some(())) if commit(&salt, self.canonical.input()) == leaf.input_commitment => {
                Some(Found::Result(sha256(&[self.canonical.result()])))
            }
            // Not to be done twice.
            Err(error @ (EngineError::TimeLimit { .. } | EngineError::InstructionLimit { .. })) => {
                Some(Found::Other(Outcome::NotExecutable(error.to_string())))
            }
            _ => None,
        }
    }
}
