//! Which parts of an input a policy's findings came from.

use std::cell::RefCell;
use std::sync::Arc;

use stele_rego::trace::{Map, Provenance};
use stele_rego::vm::{Passed, Probe};

use crate::bundle;
use crate::engine::{DataPath, EngineError, EvalContext, EvalRequest, InputDocument, Limits, WatchedEngine};
use crate::load::PolicySet;
use crate::policy::{self, Policy};

pub use stele_rego::trace::{Derivation, Read};

/// How many values of a rule are followed.
const MAX_VALUES: usize = 10_000;

/// A policy compiled so that its values can be followed back to the input. Costs more than deciding: made once something was found.
#[derive(Debug)]
pub struct Deriver {
    engine: WatchedEngine,
    map: Map,
    package: Vec<String>,
}

impl Deriver {
    /// Compiles a policy of a set.
    ///
    /// # Errors
    ///
    /// [`EngineError::Refused`].
    pub fn new(set: &PolicySet, policy: &Policy) -> Result<Self, EngineError> {
        let modules = bundle::closure(set, policy);
        let asts: Vec<_> = modules.iter().map(|module| module.ast.clone()).collect();
        let rules = modules
            .iter()
            .flat_map(|module| policy::rule_paths(&module.package, &module.ast));
        let (engine, map) = WatchedEngine::new(&asts, set.data(), rules.collect(), (true, &Arc::default()))?;
        Ok(Self {
            engine,
            map,
            package: policy.package.clone(),
        })
    }

    /// What the values of a rule of the policy (`deny`) were derived from, of at most 10,000 of them.
    ///
    /// # Errors
    ///
    /// [`EngineError`].
    pub fn derive(
        &mut self,
        rule: &str,
        input: InputDocument<'_>,
        context: EvalContext<'_>,
        limits: Limits,
    ) -> Result<Vec<Derivation>, EngineError> {
        let segments = self.package.iter().map(String::as_str).chain(rule.split('.'));
        let path = DataPath::new(segments);
        let request = EvalRequest {
            context,
            limits,
            ..EvalRequest::new(&path, None)
        };
        let provenance = RefCell::new(Provenance::new(&self.map, [path.segments()], MAX_VALUES));
        self.engine
            .look_at(input, &request, &mut Shared(&provenance), |outcome, _| {
                provenance.borrow().derivations(outcome)
            })
    }
}

/// The probe is looked at while the outcome, which it must not outlive, is still there.
struct Shared<'a, 'm>(&'a RefCell<Provenance<'m>>);

impl Probe for Shared<'_, '_> {
    fn point(&mut self, passed: &Passed<'_>) {
        self.0.borrow_mut().point(passed);
    }
}

#[cfg(test)]
mod tests {
    use stele_types::Value;

    use super::*;
    use crate::testing;

    #[test]
    fn a_package_may_be_called_as_a_keyword() {
        let text = "# METADATA\n# custom:\n#   id: a/data\npackage a[\"data\"]\n\ndeny contains \"x\" if input.bad\n";
        let set = testing::set(&[("p.rego", text)]);
        let policy = set.policies().next().unwrap().clone();
        let mut deriver = Deriver::new(&set, &policy).unwrap();
        let input = testing::json(r#"{"bad": true}"#);
        let derived = deriver
            .derive(
                "deny",
                InputDocument::Value(&input),
                EvalContext::default(),
                Limits::default(),
            )
            .unwrap();
        assert_eq!(derived[0].reasons()[0].path, [Value::from("bad")]);
    }

    #[test]
    fn findings_lead_back_to_the_input() {
        let set = testing::set(&[
            (
                "p.rego",
                "# METADATA\n# custom:\n#   id: a/b\npackage a.b\n\nimport data.lib\n\ndeny contains x.name if {\n\tsome x in lib.all\n\tx.bad\n}\n",
            ),
            ("lib.rego", "package lib\n\nall := input.items\n"),
        ]);
        let policy = set.policies().next().unwrap().clone();
        let mut deriver = Deriver::new(&set, &policy).unwrap();
        let input = testing::json(r#"{"items": [{"name": "p"}, {"name": "q", "bad": true}]}"#);
        let derived = deriver
            .derive(
                "deny",
                InputDocument::Value(&input),
                EvalContext::default(),
                Limits::default(),
            )
            .unwrap();
        assert_eq!(derived.len(), 1);
        assert_eq!(derived[0].value, Value::from("q"));
        let reasons = derived[0].reasons();
        assert_eq!(reasons[0].path, ["items".into(), Value::from(1), "bad".into()]);
    }
}
