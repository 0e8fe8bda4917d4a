//! Timers under OPA's names.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Durations in nanoseconds, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub(crate) struct Metrics(BTreeMap<&'static str, u64>);

pub(crate) const LOAD_FILES: &str = "timer_rego_load_files_ns";
pub(crate) const INPUT_PARSE: &str = "timer_rego_input_parse_ns";
pub(crate) const QUERY_PARSE: &str = "timer_rego_query_parse_ns";
pub(crate) const QUERY_COMPILE: &str = "timer_rego_query_compile_ns";
pub(crate) const QUERY_EVAL: &str = "timer_rego_query_eval_ns";
pub(crate) const PARTIAL_EVAL: &str = "timer_rego_partial_eval_ns";
/// Gas of the contract's own execution, without the transaction's fixed cost and its call data.
pub(crate) const EVM_GAS: &str = "counter_evm_gas";

impl Metrics {
    /// Runs `work` and adds its time to a timer.
    pub(crate) fn timed<T>(&mut self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        self.add(name, nanos(start.elapsed()));
        done
    }

    /// Adds to a timer or counter.
    pub(crate) fn add(&mut self, name: &'static str, amount: u64) {
        let value = self.0.entry(name).or_default();
        *value = value.saturating_add(amount);
    }

    /// All, sorted by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(name, value)| (*name, *value))
    }
}

/// A duration in nanoseconds.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
