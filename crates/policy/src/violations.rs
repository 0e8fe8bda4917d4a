//! From the value of an entry point to [`Violation`]s.
//!
//! | entry point | value | violations |
//! |---|---|---|
//! | `allow` | anything but `true` | one |
//! | any other | `true` | one |
//! | any other | set or array of strings or objects, object of such | one an entry |
//! | the package itself | object | those of its `deny`, `violation` and `warn`; of `allow` only when it has none of these |
//!
//! An entry that is an object may say `msg` or `message`, `id` (of a rule in the metadata), `severity`, `resource`, `remediation`,
//! `controls` and `details`; what it does not say comes from the metadata of the rule with that id, else of the rule
//! that was queried, else of the policy.

use stele_types::{EntryPoint, Severity, Value, Violation, json};

use crate::metadata::Custom;
use crate::policy::{Policy, RuleMeta};

/// The rules that hold violations when a whole package was queried.
const FINDING_RULES: [&str; 3] = ["deny", "violation", "warn"];

/// A violation, and what the policy said.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What it stands for.
    pub violation: Violation,
    /// The rule, as it is called in the package: `deny`.
    pub rule: String,
    /// The entry of a collection that it was made from, or the rule's whole value; none for an `allow`.
    pub entry: Option<Value>,
}

/// The violations that `result`, the value of `entry_point` (`None`: undefined), stands for, in Rego's order of the values.
#[must_use]
pub fn violations(policy: &Policy, entry_point: &EntryPoint, result: Option<&Value>) -> Vec<Violation> {
    let found = found(policy, entry_point, result).into_iter();
    found.map(|found| found.violation).collect()
}

/// As [`violations`], with what each was made from.
#[must_use]
pub fn found(policy: &Policy, entry_point: &EntryPoint, result: Option<&Value>) -> Vec<Found> {
    let name = entry_point
        .as_str()
        .strip_prefix(policy.id.as_str())
        .unwrap_or(entry_point.as_str());
    let name = name.trim_start_matches('/').replace('/', ".");
    if !name.is_empty() {
        return of_rule(policy, &name, result);
    }
    let present: Vec<&str> = FINDING_RULES
        .into_iter()
        .filter(|rule| result.is_some_and(|all| all.get(rule).is_some()))
        .collect();
    if present.is_empty() {
        return of_rule(policy, "allow", result.and_then(|all| all.get("allow")));
    }
    present
        .into_iter()
        .flat_map(|rule| of_rule(policy, rule, result.and_then(|all| all.get(rule))))
        .collect()
}

fn of_rule(policy: &Policy, name: &str, result: Option<&Value>) -> Vec<Found> {
    let from = Origin { policy, name };
    if name == "allow" || name.ends_with(".allow") {
        let allowed = matches!(result, Some(Value::Bool(true)));
        return if allowed {
            Vec::new()
        } else {
            vec![from.whole(None)]
        };
    }
    match result {
        Some(value @ Value::Bool(true)) => vec![from.whole(Some(value))],
        Some(Value::Array(items)) => items.iter().map(|item| from.entry(item)).collect(),
        Some(Value::Set(items)) => items.iter().map(|item| from.entry(item)).collect(),
        Some(entry @ Value::Object(_)) if is_entry(entry) => vec![from.entry(entry)],
        Some(Value::Object(entries)) => entries.values().map(|item| from.entry(item)).collect(),
        Some(text @ Value::String(_)) => vec![from.entry(text)],
        _ => Vec::new(),
    }
}

/// Whether an object is itself an entry rather than a collection of entries.
fn is_entry(value: &Value) -> bool {
    ["msg", "message"]
        .iter()
        .any(|key| value.get(key).is_some_and(|text| text.as_str().is_some()))
}

struct Origin<'a> {
    policy: &'a Policy,
    name: &'a str,
}

impl Origin<'_> {
    /// The metadata of the rule with this id; without an id, of the rule that was queried if it has one definition.
    fn rule(&self, id: Option<&str>) -> Option<&RuleMeta> {
        if let Some(found) = id.and_then(|id| self.policy.rule_by_id(id)) {
            return Some(found);
        }
        let mut named = self.policy.rules_named(self.name);
        let first = named.next()?;
        named.next().is_none().then_some(first)
    }

    /// A violation that says nothing but that the rule holds (or, for `allow`, does not).
    fn plain(&self, id: Option<&str>) -> Violation {
        let rule = self.rule(id);
        let custom = rule.map_or(&self.policy.custom, |rule| &rule.custom);
        let title = rule
            .and_then(|rule| rule.title.as_deref())
            .filter(|_| self.name != "allow");
        let message = match title {
            Some(title) => title.to_owned(),
            None if self.name == "allow" => format!("{} does not allow this", self.policy.id),
            None => format!("{} holds in {}", self.name, self.policy.id),
        };
        let known = rule.and_then(|rule| rule.custom.id.as_deref());
        self.violation(custom, id.or(known).map(str::to_owned), message)
    }

    fn violation(&self, custom: &Custom, rule: Option<String>, message: String) -> Violation {
        Violation {
            policy_id: self.policy.id.clone(),
            rule: rule.unwrap_or_else(|| self.name.to_owned()),
            message,
            severity: custom.severity.unwrap_or_default(),
            resource: None,
            remediation: custom.remediation.clone(),
            controls: custom.controls.clone(),
        }
    }

    fn whole(&self, value: Option<&Value>) -> Found {
        Found {
            violation: self.plain(None),
            rule: self.name.to_owned(),
            entry: value.cloned(),
        }
    }

    fn entry(&self, entry: &Value) -> Found {
        Found {
            violation: self.read(entry),
            rule: self.name.to_owned(),
            entry: Some(entry.clone()),
        }
    }

    fn read(&self, entry: &Value) -> Violation {
        if entry.as_object().is_none() {
            let mut out = self.plain(None);
            out.message = text(entry);
            return out;
        }
        let mut out = self.plain(entry.get("id").and_then(Value::as_str));
        match entry.get("msg").or_else(|| entry.get("message")) {
            Some(message) => out.message = text(message),
            None => out.message = json::to_string(entry),
        }
        let severity = entry
            .get("severity")
            .and_then(Value::as_str)
            .and_then(|word| word.parse::<Severity>().ok());
        out.severity = severity.unwrap_or(out.severity);
        let resource = entry
            .get("resource")
            .or_else(|| entry.get("details").and_then(|details| details.get("resource")));
        out.resource = resource.map(text);
        if let Some(remediation) = entry.get("remediation").and_then(Value::as_str) {
            out.remediation = Some(remediation.to_owned());
        }
        if let Some(controls) = entry.get("controls").and_then(list) {
            out.controls = controls;
        }
        out
    }
}

/// A string as it is, anything else as JSON.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| json::to_string(value), str::to_owned)
}

fn list(value: &Value) -> Option<Vec<String>> {
    let strings = |items: &mut dyn Iterator<Item = &Value>| {
        items.map(|item| item.as_str().map(str::to_owned)).collect()
    };
    match value {
        Value::Array(items) => strings(&mut items.iter()),
        Value::Set(items) => strings(&mut items.iter()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    const POLICY: &str = r#"# METADATA
# title: Example
# custom:
#   id: example/pods
#   severity: high
#   owner: platform
#   remediation: ask
#   controls: ["nist-800-53r5:AC-6"]
package example.pods

# METADATA
# title: No root
# custom:
#   id: example/pods/root
#   severity: critical
deny contains "root" if input.root

# METADATA
# title: No latest
# custom:
#   id: example/pods/latest
#   remediation: pin it
deny contains "latest" if input.latest

warn contains "w" if input.w

default allow := false
"#;

    fn found(rule: &str, result: &str) -> Vec<Violation> {
        let set = testing::set(&[("p.rego", POLICY)]);
        let policy = set.policies().next().unwrap().clone();
        let path = if rule.is_empty() {
            "example/pods".to_owned()
        } else {
            format!("example/pods/{rule}")
        };
        let value = testing::json(result);
        violations(&policy, &EntryPoint::new(&path).unwrap(), Some(&value))
    }

    #[test]
    fn an_entry_with_an_id_takes_that_rules_metadata() {
        let all = found(
            "deny",
            r#"[{"id": "example/pods/root", "msg": "runs as root", "resource": "Pod/x"}]"#,
        );
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].rule, "example/pods/root");
        assert_eq!(all[0].message, "runs as root");
        assert_eq!(all[0].severity, Severity::Critical);
        assert_eq!(all[0].resource.as_deref(), Some("Pod/x"));
        assert_eq!(all[0].remediation.as_deref(), Some("ask"));
        assert_eq!(all[0].controls, ["nist-800-53r5:AC-6"]);
        let pinned = found("deny", r#"[{"id": "example/pods/latest", "message": "m"}]"#);
        assert_eq!(
            (pinned[0].severity, pinned[0].remediation.as_deref()),
            (Severity::High, Some("pin it"))
        );
    }

    #[test]
    fn plain_strings_take_the_policys_metadata_when_the_rule_has_several_definitions() {
        let all = found("deny", r#"["a", "b"]"#);
        assert_eq!(
            all.iter().map(|v| v.message.as_str()).collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!((all[0].rule.as_str(), all[0].severity), ("deny", Severity::High));
    }

    #[test]
    fn an_entry_overrides_metadata() {
        let all = found(
            "violation",
            r#"{"x": {"msg": "m", "severity": "low", "remediation": "r", "controls": ["a:b"], "details": {"resource": "d"}}}"#,
        );
        assert_eq!(
            (all[0].severity, all[0].remediation.as_deref()),
            (Severity::Low, Some("r"))
        );
        assert_eq!(
            (all[0].controls.clone(), all[0].resource.as_deref()),
            (vec!["a:b".to_owned()], Some("d"))
        );
        let odd = found("deny", r#"[{"severity": "urgent", "n": 1}, 7]"#);
        assert_eq!(
            (odd[0].severity, odd[0].message.as_str()),
            (Severity::High, r#"{"n":1,"severity":"urgent"}"#)
        );
        assert_eq!(odd[1].message, "7");
    }

    #[test]
    fn booleans_and_single_objects() {
        assert_eq!(found("deny", "true").len(), 1);
        assert_eq!(found("deny", "false").len(), 0);
        assert_eq!(found("deny", r#"{"msg": "only"}"#)[0].message, "only");
        assert_eq!(found("deny", "{}").len(), 0);
        assert_eq!(found("allow", "true").len(), 0);
        assert_eq!(
            found("allow", "false")[0].message,
            "example/pods does not allow this"
        );
    }

    #[test]
    fn an_undefined_allow_is_a_violation_and_an_undefined_deny_is_none() {
        let set = testing::set(&[("p.rego", POLICY)]);
        let policy = set.policies().next().unwrap();
        assert_eq!(
            violations(policy, &EntryPoint::new("example/pods/allow").unwrap(), None).len(),
            1
        );
        assert_eq!(
            violations(policy, &EntryPoint::new("example/pods/deny").unwrap(), None).len(),
            0
        );
    }

    #[test]
    fn a_package_holds_the_violations_of_its_findings() {
        let all = found("", r#"{"allow": false, "deny": ["a"], "warn": ["b"]}"#);
        assert_eq!(
            all.iter().map(|v| v.message.as_str()).collect::<Vec<_>>(),
            ["a", "b"]
        );
        assert_eq!(found("", r#"{"allow": false}"#).len(), 1);
        assert_eq!(found("", r#"{"allow": true}"#).len(), 0);
    }
}
