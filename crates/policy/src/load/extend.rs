//! What a set of policies is given besides what was loaded.

use stele_types::{PolicyId, Value};

use super::{LoadError, PolicySet, data};
use crate::policy;
use crate::problem::Problems;

impl PolicySet {
    /// The same with more documents below `data`.
    ///
    /// # Errors
    ///
    /// [`LoadError::Invalid`] when both fill one place of the data, or a document stands where a rule does.
    pub fn with_data(mut self, more: &Value) -> Result<Self, LoadError> {
        let mut problems = Vec::new();
        let mut documents = data::Documents::default();
        documents.add(&self.data, &mut problems);
        documents.add(more, &mut problems);
        self.data = documents.finish();
        data::check_conflicts(&self.modules, &data::Base::Parsed(&self.data), &mut problems);
        Problems::none_of(problems)?;
        Ok(self)
    }

    /// The same with a package as a policy although its metadata has no id, as policies that were written for other tools have none: its path is its id.
    /// `None` if there is no such package but in tests.
    #[must_use]
    pub fn with_package(mut self, id: &PolicyId) -> Option<Self> {
        if !self.policies.contains_key(id) {
            // What is wrong with the metadata was said when they were loaded.
            let packages = policy::collect(&self.modules, &mut Vec::new());
            let policy = policy::adopted(id, &self.modules, &packages)?;
            self.policies.insert(id.clone(), policy);
        }
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_package_without_an_id_is_a_policy_when_that_is_wanted() {
        let set = testing::set(&[(
            "p.rego",
            "package main.k8s\n\ndeny contains \"x\" if true\n\nwarn_y contains \"y\" if true\n",
        )]);
        assert_eq!(set.policies().count(), 0);
        let id = PolicyId::new("main/k8s").unwrap();
        let set = set.with_package(&id).unwrap();
        let names: Vec<&str> = set
            .policy(&id)
            .unwrap()
            .rules
            .iter()
            .map(|rule| rule.name.as_str())
            .collect();
        assert_eq!(names, ["deny", "warn_y"]);
        assert!(set.with_package(&PolicyId::new("main").unwrap()).is_none());
    }

    #[test]
    fn data_is_merged_and_conflicts_are_refused() {
        let set = testing::set(&[("p.rego", "package p\n\nq := 1\n")]);
        let set = set.with_data(&testing::json(r#"{"a": {"b": 1}}"#)).unwrap();
        let set = set.with_data(&testing::json(r#"{"a": {"c": 2}}"#)).unwrap();
        assert_eq!(*set.data(), testing::json(r#"{"a": {"b": 1, "c": 2}}"#));
        assert!(
            set.clone()
                .with_data(&testing::json(r#"{"a": {"c": 3}}"#))
                .is_err()
        );
        assert!(set.with_data(&testing::json(r#"{"p": {"q": 3}}"#)).is_err());
    }
}
