//! What policies and their rules are called, as far as their source tells.

use std::collections::BTreeSet;

use globset::GlobMatcher;
use stele_policy::Policy;
use stele_policy::ids::Ids;

use crate::finding::id;

/// The names of policies and of their rules, by which exceptions call them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    exact: BTreeSet<String>,
    /// Those that rules make up as they run: what they begin with and end in. Each begins with its policy's name and a slash.
    made: BTreeSet<(String, String)>,
}

impl Names {
    /// Adds those of a policy: its id, those of its rules (of rules without one their names), and those that its rules give to what they find.
    pub(crate) fn add(&mut self, policy: &Policy, ids: Ids) {
        let policy_id = policy.id.as_str();
        self.exact.insert(policy_id.to_owned());
        for rule in &policy.rules {
            let plain = format!("{policy_id}/{}", rule.name);
            self.exact
                .extend(rule.custom.id.clone().into_iter().chain([plain]));
        }
        let texts = ids.texts.iter().map(|text| id(policy_id, text));
        self.exact.extend(texts);
        let below = format!("{policy_id}/");
        for (prefix, suffix) in ids.made {
            // One that may begin with the policy's name has whatever is called so; others stand behind that.
            if prefix.starts_with(&below) {
                self.made.insert((prefix, suffix));
            } else if below.starts_with(&prefix) {
                self.made.insert((below.clone(), suffix));
            } else {
                self.made.insert((format!("{below}{prefix}"), suffix));
            }
        }
    }

    /// Whether a name matches a glob, which is given with its text.
    pub(crate) fn has(&self, text: &str, glob: &GlobMatcher) -> bool {
        let special = ['*', '?', '[', ']', '{', '}', '\\'];
        let head = text.split(special).next().unwrap_or_default();
        let tail = text.rsplit(special).next().unwrap_or_default();
        let may_be = |(prefix, suffix): &(String, String)| {
            if head.len() == text.len() {
                let shortest = prefix.len().saturating_add(suffix.len());
                return text.len() >= shortest && text.starts_with(prefix) && text.ends_with(suffix);
            }
            // Of two patterns it is enough that nothing shows that no text has both. Only `**` and braces reach over slashes.
            let slashes = |text: &str| text.matches('/').count();
            let wide = text.contains("**") || text.contains('{');
            let deep = slashes(prefix).saturating_add(slashes(suffix)) <= slashes(text);
            (wide || deep)
                && (head.starts_with(prefix) || prefix.starts_with(head))
                && (tail.ends_with(suffix) || suffix.ends_with(tail))
        };
        self.exact.iter().any(|name| glob.is_match(name)) || self.made.iter().any(may_be)
    }

    #[cfg(test)]
    pub(crate) fn of(names: &[&str]) -> Self {
        Self {
            exact: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use globset::GlobBuilder;
    use stele_policy::load;
    use stele_types::Timestamp;

    use crate::check::{Checker, Part};

    /// Three policies: one whose ids all stand in its source, one with a table and a format, one that takes ids from the input.
    const POLICIES: [(&str, &str); 4] = [
        (
            "plain.rego",
            "# METADATA\n# custom:\n#   id: own/plain\npackage own.plain\n\nimport data.lib\n\n\
             deny contains lib.found(\"own/plain/a\", sprintf(\"%s is bad\", [input.name])) if input.a\n\n\
             deny contains lib.found(\"short\", input.name) if input.b\n\nwarn_size := sprintf(\"%s\", [input.c])\n",
        ),
        (
            "made.rego",
            "# METADATA\n# custom:\n#   id: own/made\npackage own.made\n\nimport data.lib\n\n\
             table := [{\"id\": \"own/made/row\", \"key\": \"k\"}]\n\n\
             deny contains lib.found(row.id, \"m\") if { some row in table; input[row.key] }\n\n\
             deny contains lib.found(sprintf(\"own/made/port-%d\", [port]), \"m\") if some port in input.ports\n\n\
             deny contains lib.found(concat(\"-\", [\"tag\", input.name, \"end\"]), \"m\")\n",
        ),
        (
            "any.rego",
            "# METADATA\n# custom:\n#   id: own/any\npackage own.any\n\ndeny contains finding if some finding in input.findings\n",
        ),
        (
            "lib.rego",
            "package lib\n\nfound(id, message) := {\"id\": id, \"msg\": message}\n",
        ),
    ];

    /// A typo in an exception for the starter library is always told.
    #[test]
    fn the_starter_library_makes_no_ids_up() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies");
        let set = load::load_dir(directory.as_ref()).unwrap();
        let checker = Checker::new(vec![Part::whole(set)], Timestamp::from_nanos(0));
        let names = checker.unwrap().names();
        assert_eq!(names.made, [].into());
        assert!(names.exact.contains("kubernetes/admission/privileged"));
    }

    #[test]
    fn names_are_those_that_rules_can_give() {
        let set = load::load_files(POLICIES).unwrap();
        let names = Checker::new(vec![Part::whole(set)], Timestamp::from_nanos(0))
            .unwrap()
            .names();
        let has = |text: &str| {
            let glob = GlobBuilder::new(text).literal_separator(true).build().unwrap();
            names.has(text, &glob.compile_matcher())
        };
        for known in [
            "own/plain",
            "own/plain/a",
            "own/plain/short",
            "own/plain/warn_size",
            "own/plain/deny",
            "own/pl*/?",
            "own/made/row",
            "own/made/port-22",
            "own/made/port-*",
            "own/made/p{ort,}-22",
            "own/made/tag-x-end",
            "own/made/*-end",
            "own/any/whatever/it/is",
            "**",
        ] {
            assert!(has(known), "{known}");
        }
        for unknown in [
            "own/plane",
            "own/plain/b",
            "own/plain/shorty",
            "own/plain/warn",
            "own/plain/*/a",
            "plain/a",
            "own/made/rows",
            "own/made/port",
            "own/made/prot-22",
            "own/made/tag-end",
            "own/made/tag-x-ende",
            "own/made/sort-*",
            "own/anything",
            "own*",
        ] {
            assert!(!has(unknown), "{unknown}");
        }
    }
}
