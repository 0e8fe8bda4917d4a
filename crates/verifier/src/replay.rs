//! Re-executing one recorded decision: what the version in force says, against what the leaf commits to.

mod at_once;
#[cfg(test)]
mod both_ways;

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use stele_ledger::storage::erase::ERASURE_PATH;
use stele_policy::engine::{Canonical, JsonFailure, JsonInput, Rendering};
use stele_policy::load::load_for_decisions;
use stele_policy::nd::{NdCache, NdCalls};
use stele_policy::{DataPath, Engine as _, EngineError, EvalContext, EvalRequest, Limits, VmEngine};
use stele_types::{
    DecisionRecord, Digest, EntryPoint, Leaf, NO_ANSWER, PolicyId, PolicyVersion, Salt, Value, commit, json,
    result_digest, sha256,
};

use crate::error::VerifierError;
use crate::timeline::Timeline;

/// What became of one leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The version in force gives the recorded result.
    Agrees,
    /// Input, or what impure builtins gave, was masked or erased: nobody can re-execute it.
    Withheld,
    /// The evaluation had failed: the leaf claims no result.
    Failed,
    /// No policy was in force at its path, and the leaf says so.
    NoPolicy,
    /// The log's own record of an erasure.
    Erasure,
    /// The re-execution exceeded a limit of this verifier, or what was seen of the chain ends before the decision.
    NotExecutable(String),
    /// The bundle of the leaf's version is not to be had here.
    Lacking(String),
    /// The record served is not the one that the leaf commits to: nothing can be said about the decision.
    Mismatch(String),
    /// The leaf is wrong, whatever its record says.
    Wrong(String),
}

impl Outcome {
    /// The word for metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Withheld => "withheld",
            Self::Failed => "failed",
            Self::NoPolicy => "no_policy",
            Self::Erasure => "erasure",
            Self::NotExecutable(_) | Self::Lacking(_) => "not_executable",
            Self::Mismatch(_) => "mismatch",
            Self::Wrong(_) => "wrong",
        }
    }
}

/// What a re-execution found, before it is compared with the leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The digest of the result.
    Result(Digest),
    /// The policy contradicts itself, in words.
    Conflict(String),
    /// There is nothing to compare, or the leaf is wrong for another reason than its result.
    Other(Outcome),
}

/// What of a record the re-execution needs; borrowed from the line where possible.
#[derive(Deserialize)]
struct Lean<'a> {
    #[serde(borrow)]
    policy_id: Cow<'a, str>,
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "present")]
    input: Option<&'a RawValue>,
    #[serde(default)]
    input_salt: Option<Salt>,
    #[serde(borrow, default, deserialize_with = "present")]
    nd_builtin_cache: Option<&'a RawValue>,
    #[serde(borrow, default)]
    erased: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    masked: Vec<Cow<'a, str>>,
}

/// `null` is a value; serde would take it for nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Lean<'a> {
    /// Reads a record's line, which must be JSON from end to end: serde looks over members that nobody asks for, whatever bytes or halves of surrogate pairs
    /// are in them, and fsck and proofs refuse such a record.
    fn read(record: &'a [u8]) -> Result<Self, String> {
        let outline = json::outline(record, &INPUT, 0);
        let outline = outline.map_err(|error| format!("the record is not valid JSON: {error}"))?;
        if outline.as_object().is_none() {
            return Err("the record is malformed: it must be an object".to_owned());
        }
        serde_json::from_slice(record).map_err(|error| format!("the record is malformed: {error}"))
    }

    fn withholds(&self, field: &str) -> bool {
        self.erased.iter().chain(&self.masked).any(|pointer| {
            let rest = pointer
                .strip_prefix('/')
                .and_then(|rest| rest.strip_prefix(field));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }
}

/// What of a record opens its leaf to a contract. Read as leniently as the re-execution reads it: what was enough to find a decision wrong is enough
/// to show it, or the node could choose what else stands in its record so that nobody can.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The policy that decided.
    pub(crate) policy: PolicyId,
    /// Opens the input commitment.
    pub(crate) salt: Salt,
    /// The input; none when it was undefined.
    pub(crate) input: Option<Value>,
}

impl Opened {
    /// Reads a record's line.
    ///
    /// # Errors
    /// What is wrong or missing, in words.
    pub(crate) fn read(record: &[u8]) -> Result<Self, String> {
        let lean = Lean::read(record)?;
        let (Some(salt), false) = (lean.input_salt, lean.withholds("input")) else {
            return Err("the input was withheld".to_owned());
        };
        let input = lean.input.map(|text| json::parse(text.get().as_bytes(), &INPUT));
        Ok(Self {
            policy: PolicyId::new(&lean.policy_id).map_err(|error| error.to_string())?,
            salt,
            input: input.transpose().map_err(|error| error.to_string())?,
        })
    }
}

/// Of an input that a leaf commits to.
const INPUT: json::Limits = json::Limits {
    max_bytes: usize::MAX,
    max_depth: 1_024,
};

/// A policy version, ready to decide.
struct Loaded {
    engine: VmEngine,
    data_digest: Digest,
    policies: Vec<PolicyId>,
    places: HashMap<String, Place>,
}

/// A path that was asked before.
struct Place {
    policy: PolicyId,
    path: Arc<DataPath>,
    hash: Digest,
}

/// Paths remembered for a version.
const PLACES: usize = 1_024;

/// Re-executes decisions, one after the other. Holds the engines of the versions that were needed.
pub struct Replayer {
    versions: HashMap<PolicyVersion, Loaded>,
    /// Why a version is not at hand.
    lacking: HashMap<PolicyVersion, String>,
    rendering: Rendering,
    canonical: Canonical,
    limits: Limits,
}

#[cfg(test)]
impl Replayer {
    pub(crate) fn with_limits(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }
}

impl Default for Replayer {
    fn default() -> Self {
        Self {
            versions: HashMap::new(),
            lacking: HashMap::new(),
            rendering: Rendering::default(),
            canonical: Canonical::default(),
            limits: Limits {
                time: Some(Duration::from_secs(10)),
                instructions: NonZeroU32::new(1_000_000_000),
                memory: 1 << 30,
            },
        }
    }
}

impl std::fmt::Debug for Replayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replayer")
            .field("versions", &self.versions.len())
            .finish_non_exhaustive()
    }
}

/// Stands in a leaf where no policy was in force.
pub const NO_VERSION: PolicyVersion = PolicyVersion(Digest([0; 32]));

impl Replayer {
    /// Whether a version is at hand. The zero version, which stands for none, always is.
    pub fn knows(&self, version: PolicyVersion) -> bool {
        version == NO_VERSION || self.versions.contains_key(&version)
    }

    /// Whether a version is at hand, or known to be lacking.
    pub(crate) fn settled(&self, version: PolicyVersion) -> bool {
        self.knows(version) || self.lacking.contains_key(&version)
    }

    /// Notes why a version is not at hand: its decisions can't be re-executed.
    pub(crate) fn lacks(&mut self, version: PolicyVersion, problem: String) {
        self.lacking.insert(version, problem);
    }

    /// Forgets what is lacking: it may be found by now.
    pub(crate) fn seek_again(&mut self) {
        self.lacking.clear();
    }

    fn not_at_hand(&self, leaf: &Leaf) -> Outcome {
        let version = leaf.policy_version;
        Outcome::Lacking(match self.lacking.get(&version) {
            Some(problem) => problem.clone(),
            None => format!("version {version} is not at hand"),
        })
    }

    /// Takes a version's bundle.
    ///
    /// # Errors
    /// [`VerifierError::Bundle`]: another digest, or no bundle that decides.
    pub fn add(&mut self, version: PolicyVersion, bundle: &[u8]) -> Result<(), VerifierError> {
        let wrong = |problem: String| VerifierError::Bundle { version, problem };
        let found = PolicyVersion::of_bundle(bundle);
        if found != version {
            return Err(wrong(format!("what was served is the bundle of {found}")));
        }
        let loaded = load_for_decisions(bundle).map_err(|error| wrong(error.to_string()))?;
        let policies = loaded.set.policies().map(|policy| policy.id.clone()).collect();
        let loaded = Loaded {
            engine: VmEngine::new(&loaded.compiled),
            data_digest: loaded.data_digest,
            policies,
            places: HashMap::new(),
        };
        self.versions.insert(version, loaded);
        Ok(())
    }

    /// Re-executes one decision. `record` is its JSON as the node serves it, which nothing vouches for; the leaf is in the log.
    pub fn check(&mut self, leaf: &Leaf, record: &[u8], timeline: Option<&Timeline>) -> Outcome {
        match self.recompute(leaf, record, timeline) {
            Found::Result(digest) if digest == leaf.result_digest => Outcome::Agrees,
            Found::Result(digest) => Outcome::Wrong(format!(
                "the log records a result with digest {}, the policy gives one with {digest}",
                leaf.result_digest
            )),
            Found::Conflict(message) => Outcome::Wrong(format!(
                "the log records a result, and the policy contradicts itself: {message}"
            )),
            Found::Other(outcome) => outcome,
        }
    }

    /// [`Self::check`] without the comparison of the result: what the policy gives.
    pub fn recompute(&mut self, leaf: &Leaf, record: &[u8], timeline: Option<&Timeline>) -> Found {
        match self.at_once(leaf, record, timeline) {
            Some(found) => found,
            None => self.at_length(leaf, record, timeline),
        }
    }

    /// [`Self::recompute`], of any record.
    fn at_length(&mut self, leaf: &Leaf, record: &[u8], timeline: Option<&Timeline>) -> Found {
        let lean = match Lean::read(record) {
            Ok(lean) => lean,
            Err(problem) => return Found::Other(Outcome::Mismatch(problem)),
        };
        let (path, salt) = match self.prepare(leaf, record, &lean, timeline) {
            Ok(ready) => ready,
            Err(outcome) => return Found::Other(outcome),
        };
        let limits = self.limits;
        let Some(version) = self.versions.get_mut(&leaf.policy_version) else {
            return Found::Other(self.not_at_hand(leaf));
        };
        version
            .execute(leaf, &lean, record, &path, &salt, limits, &mut self.rendering)
            .unwrap_or_else(Found::Other)
    }

    /// What has to be true before a decision can be re-executed: where it was asked, and the salt that opens its input.
    fn prepare(
        &mut self,
        leaf: &Leaf,
        record: &[u8],
        lean: &Lean<'_>,
        timeline: Option<&Timeline>,
    ) -> Result<(Arc<DataPath>, Salt), Outcome> {
        if leaf.policy_version == NO_VERSION {
            return Err(without_policy(leaf, lean, timeline));
        }
        let Ok(policy) = PolicyId::new(&lean.policy_id) else {
            return Err(Outcome::Mismatch(format!(
                "`{}` can't name a policy",
                lean.policy_id
            )));
        };
        if let Some(timeline) = timeline
            && let Err(problem) = timeline.was_in_force(&policy, leaf.policy_version, leaf.time)
        {
            return Err(by_history(timeline, leaf).unwrap_or_else(|| vouched(leaf, record, problem)));
        }
        let Some(version) = self.versions.get_mut(&leaf.policy_version) else {
            return Err(self.not_at_hand(leaf));
        };
        let (path, hash) = match version.place(&policy, &lean.path) {
            Ok(place) => (Arc::clone(&place.path), place.hash),
            Err(problem) => return Err(Outcome::Mismatch(problem)),
        };
        if hash != leaf.entry_point {
            return Err(Outcome::Mismatch(format!(
                "the leaf is of another path than {}",
                lean.path
            )));
        }
        if let Some(timeline) = timeline
            && let Some(problem) = nearer(timeline, &policy, &lean.path, leaf)
        {
            return Err(by_history(timeline, leaf).unwrap_or_else(|| vouched(leaf, record, problem)));
        }
        if version.data_digest != leaf.data_digest {
            return Err(Outcome::Wrong(format!(
                "the decision was made on data with digest {}, its version's has {}",
                leaf.data_digest, version.data_digest
            )));
        }
        if leaf.result_digest == NO_ANSWER {
            return Err(Outcome::Failed);
        }
        if lean.withholds("input") || lean.withholds("nd_builtin_cache") {
            return Err(Outcome::Withheld);
        }
        let Some(salt) = lean.input_salt else {
            return Err(Outcome::Mismatch(
                "the record has no input salt, and does not say that it was erased".into(),
            ));
        };
        Ok((path, salt))
    }
}

impl Loaded {
    fn place(&mut self, policy: &PolicyId, path: &str) -> Result<&Place, String> {
        if self.places.len() >= PLACES {
            self.places.clear();
        }
        // Which policy it was is the record's word, so one that was found right says nothing of the next record's.
        let known = self.places.get(path).is_some_and(|place| place.policy == *policy);
        if !known {
            if !self.policies.contains(policy) {
                return Err(format!("the version holds no policy {policy}"));
            }
            let entry = EntryPoint::new(path).map_err(|error| error.to_string())?;
            let own = path == policy.as_str();
            if !own && !entry.belongs_to(policy) {
                return Err(format!("{path} is no rule of {policy}"));
            }
            let place = Place {
                policy: policy.clone(),
                path: Arc::new(DataPath::new(entry.segments())),
                hash: entry.hash(),
            };
            self.places.insert(path.to_owned(), place);
        }
        self.places.get(path).ok_or_else(|| "no such path".to_owned())
    }

    #[expect(clippy::too_many_arguments, reason = "one evaluation is made of these")]
    fn execute(
        &mut self,
        leaf: &Leaf,
        lean: &Lean<'_>,
        record: &[u8],
        path: &DataPath,
        salt: &Salt,
        limits: Limits,
        rendering: &mut Rendering,
    ) -> Result<Found, Outcome> {
        let recorded = nd_answers(leaf, lean, record)?;
        let calls = NdCalls::new(&recorded);
        let ask = EvalRequest {
            path,
            input: None,
            context: EvalContext {
                nd: Some(&calls),
                ..EvalContext::at(leaf.time)
            },
            strict_builtin_errors: false,
            limits,
        };
        let found = match lean.input {
            None => self
                .engine
                .evaluate(&ask)
                .map(|outcome| (outcome.value, commit(salt, &[]))),
            Some(text) => {
                let input = JsonInput {
                    text: text.get().as_bytes(),
                    member: None,
                    limits: INPUT,
                };
                match self.engine.evaluate_json(&ask, &input, rendering) {
                    Ok(outcome) if outcome.rendered => {
                        Ok((outcome.value, commit(salt, &rendering.input_canonical)))
                    }
                    Ok(_) => return Err(Outcome::Mismatch("the input has no canonical encoding".into())),
                    Err(JsonFailure::Input(error)) => {
                        return Err(Outcome::Mismatch(format!("the input: {error}")));
                    }
                    Err(JsonFailure::Engine(error)) => Err(error),
                }
            }
        };
        found_for(leaf, lean, salt, found)
    }
}

/// The policy that should have decided instead, in words: the longest one in force at a path decides there.
fn nearer(timeline: &Timeline, policy: &PolicyId, path: &str, leaf: &Leaf) -> Option<String> {
    let path = EntryPoint::new(path).ok()?;
    let should = timeline.covering(&path, leaf.time)?;
    let longer = should.as_str().len() > policy.as_str().len();
    longer.then(|| format!("{policy} decided at {path}, where {should} was in force"))
}

/// What stands against an accusation that follows from the registry's history: a view of the chain that ends before the decision.
fn by_history(timeline: &Timeline, leaf: &Leaf) -> Option<Outcome> {
    let seen = timeline.seen_until().filter(|_| !timeline.reaches(leaf.time))?;
    Some(Outcome::NotExecutable(format!(
        "the registry's history that was seen here says otherwise, but it ends at {seen}, before the decision: the chain's endpoint may lag behind"
    )))
}

/// An accusation that follows from the policy that a record names: only if the leaf commits to that record.
fn vouched(leaf: &Leaf, record: &[u8], problem: String) -> Outcome {
    let checked = DecisionRecord::from_json(record)
        .map_err(|error| error.to_string())
        .and_then(|record| record.check(leaf).map_err(|error| error.to_string()));
    match checked {
        Ok(check) if check.is_consistent() => Outcome::Wrong(problem),
        Ok(_) => Outcome::Mismatch("the record is not the one that the leaf commits to".into()),
        Err(error) => Outcome::Mismatch(error),
    }
}

/// What the re-execution gave, if its input is the one that the leaf commits to.
fn found_for(
    leaf: &Leaf,
    lean: &Lean<'_>,
    salt: &Salt,
    found: Result<(Option<Value>, Digest), EngineError>,
) -> Result<Found, Outcome> {
    let other = || Outcome::Mismatch("the record's input is not the one that the leaf commits to".into());
    match found {
        Ok((_, commitment)) if commitment != leaf.input_commitment => Err(other()),
        Ok((value, _)) => {
            let digest = result_digest(value.as_ref());
            let digest = digest.map_err(|error| Outcome::NotExecutable(error.to_string()))?;
            Ok(Found::Result(digest))
        }
        // Without a result there was no look at the input yet.
        Err(EngineError::Conflict { .. }) if input_commitment(lean, salt) != Some(leaf.input_commitment) => {
            Err(other())
        }
        Err(EngineError::Conflict { message, .. }) => Ok(Found::Conflict(message)),
        Err(EngineError::NdBuiltin { name, reason, .. }) => Err(Outcome::Mismatch(format!(
            "{name} can't be answered from the record: {reason}"
        ))),
        Err(error) => Err(Outcome::NotExecutable(error.to_string())),
    }
}

fn input_commitment(lean: &Lean<'_>, salt: &Salt) -> Option<Digest> {
    let Some(text) = lean.input else {
        return Some(commit(salt, &[]));
    };
    let value = json::parse(text.get().as_bytes(), &INPUT).ok()?;
    let bytes = stele_types::encoding::encode(&value).ok()?;
    Some(commit(salt, &bytes))
}

/// What impure builtins gave. Only the details commit to it, so where there is any the whole record is compared with its leaf.
fn nd_answers(leaf: &Leaf, lean: &Lean<'_>, record: &[u8]) -> Result<NdCache, Outcome> {
    if lean.nd_builtin_cache.is_none() {
        return Ok(NdCache::default());
    }
    let differs = |problem: String| Outcome::Mismatch(problem);
    let record = DecisionRecord::from_json(record).map_err(|error| differs(error.to_string()))?;
    let check = record.check(leaf).map_err(|error| differs(error.to_string()))?;
    if !check.is_consistent() {
        return Err(differs(
            "the record is not the one that the leaf commits to".into(),
        ));
    }
    NdCache::of_record(record.nd_builtin_cache.as_ref()).map_err(|error| differs(error.to_string()))
}

/// A leaf that names no version: the log's own, or a path where no policy was in force.
fn without_policy(leaf: &Leaf, lean: &Lean<'_>, timeline: Option<&Timeline>) -> Outcome {
    let Ok(path) = EntryPoint::new(&lean.path) else {
        return Outcome::Mismatch(format!("`{}` can't name an entry point", lean.path));
    };
    if path.hash() != leaf.entry_point {
        return Outcome::Mismatch(format!("the leaf is of another path than {path}"));
    }
    if path.as_str() == ERASURE_PATH {
        return Outcome::Erasure;
    }
    if leaf.result_digest != NO_ANSWER && leaf.result_digest != sha256(&[]) {
        return Outcome::Wrong(format!("the log records a result at {path}, but no policy"));
    }
    let covering = timeline.and_then(|timeline| Some((timeline, timeline.covering(&path, leaf.time)?)));
    match covering {
        Some((timeline, policy)) => by_history(timeline, leaf).unwrap_or_else(|| {
            Outcome::Wrong(format!(
                "the log records that no policy was in force at {path}, where {policy} was"
            ))
        }),
        None => Outcome::NoPolicy,
    }
}

#[cfg(test)]
pub(crate) mod tests;
