//! Functions that the compiler settles, so that the table of builtins does not have them.

/// Such a function.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Special {
    pub(crate) name: &'static str,
    pub(crate) signature: &'static str,
    /// In Markdown.
    pub(crate) description: &'static str,
}

/// All of them.
pub(crate) const SPECIAL: &[Special] = &[
    Special {
        name: "print",
        signature: "print(value, ...)",
        description: "Prints the values for the author of the policy: in tests and queries. Erased where decisions are made.",
    },
    Special {
        name: "rego.metadata.chain",
        signature: "rego.metadata.chain() -> array",
        description: "The annotations that apply to the rule: its own, its document's, its package's and those of the packages above, each with its path.",
    },
    Special {
        name: "rego.metadata.rule",
        signature: "rego.metadata.rule() -> object",
        description: "The annotations of the rule itself.",
    },
];

pub(crate) fn find(name: &str) -> Option<&'static Special> {
    SPECIAL.iter().find(|special| special.name == name)
}
