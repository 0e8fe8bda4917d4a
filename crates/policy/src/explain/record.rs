//! Recorded decisions as what is to be explained.

use stele_types::DecisionRecord;

use super::{ExplainError, ExplainRequest, SearchLimits};
use crate::engine::EvalContext;
use crate::nd::{NdCache, NdCalls};

/// A recorded decision that still has all that it takes to evaluate it again.
#[derive(Debug)]
pub struct Recorded<'r> {
    record: &'r DecisionRecord,
    calls: NdCache,
}

impl<'r> Recorded<'r> {
    /// Looks at what a record holds.
    ///
    /// # Errors
    /// [`ExplainError::Withheld`], [`ExplainError::Failed`], and [`ExplainError::Calls`] when what impure builtins gave can't be read.
    pub fn new(record: &'r DecisionRecord) -> Result<Self, ExplainError> {
        for (member, what) in [
            ("input", "the input"),
            ("result", "the result"),
            ("nd_builtin_cache", "what impure builtins gave"),
        ] {
            if record.is_withheld(member) {
                return Err(ExplainError::Withheld(what));
            }
        }
        if let Some(error) = &record.error {
            return Err(ExplainError::Failed(error.clone()));
        }
        let calls = NdCache::of_record(record.nd_builtin_cache.as_ref())?;
        Ok(Self { record, calls })
    }

    /// Asks about the decision; with a search for a change that allows, or without.
    pub fn ask<T>(&self, search: Option<SearchLimits>, ask: impl FnOnce(&ExplainRequest<'_>) -> T) -> T {
        let calls = NdCalls::new(&self.calls);
        let record = self.record;
        ask(&ExplainRequest {
            policy: &record.policy_id,
            entry_point: &record.path,
            input: record.input.as_ref(),
            context: EvalContext {
                nd: Some(&calls),
                ..EvalContext::at(record.timestamp)
            },
            recorded: record.result.as_ref(),
            search,
        })
    }
}
