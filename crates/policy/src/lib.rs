//! What policy authors touch: loading, metadata, tests, coverage, lint, explanations, bundles; and the [`Engine`] that decides.
//!
//! A [`load::PolicySet`] comes from a directory or an OPA bundle. Packages whose metadata names an id are [`Policy`]s, the others are libraries.
//! [`bundle::build`] packs one policy with everything it needs into a reproducible OPA bundle, whose digest is the policy's version;
//! [`CompiledPolicy`] and [`VmEngine`] evaluate it. No module reads the time of day; a caller passes it in.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "tests may panic"
    )
)]

pub mod bundle;
pub mod check;
pub mod derive;
pub mod docs;
pub mod engine;
pub mod explain;
pub mod ids;
pub mod lint;
pub mod load;
pub mod metadata;
pub mod policy;
pub mod problem;
mod refs;
pub mod test_runner;
#[cfg(test)]
mod testing;
pub mod violations;

pub use bundle::{Bundle, BundleError};
pub use engine::{
    CompiledPolicy, DataPath, Engine, EngineError, EvalContext, EvalOutcome, EvalRequest, InputDocument,
    Limits, VmEngine,
};
#[cfg(feature = "regorus")]
pub use engine::{PreparedPolicy, RegorusEngine};
pub use load::{LoadError, PolicySet};
pub use policy::{Policy, RuleMeta};
pub use problem::{Problem, Problems};
pub use stele_rego::nd;

/// How a policy is compiled everywhere: for decisions, for its contract, for explanations, for comparisons.
///
/// `not f(input.x)` holds here when `input.x` is undefined, as the regorus interpreter has it and unlike OPA (row D6 of `docs/opa-divergences.md`).
/// It is the safe reading too: `not pinned(image.reference)` denies an image that has no reference.
#[must_use]
pub fn compile_options() -> stele_rego::CompileOptions {
    stele_rego::CompileOptions::with_negation(stele_rego::Negation::Whole)
}
