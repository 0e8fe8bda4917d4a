//! Builtins that read the world.
//!
//! A decision is evidence: whoever repeats it must get the same answer. So what would differ from one run to the next is either answered from
//! the recorded context (`time.now_ns`) or refused with a typed error (the network, randomness, the process's environment).

/// Builtins that read the world outside the decision, with the number of their arguments. `time.now_ns` is not among them: it is contextual.
pub const IMPURE_BUILTINS: [(&str, u8); 5] = [
    ("http.send", 1),
    ("net.lookup_ip_addr", 1),
    ("opa.runtime", 0),
    ("rand.intn", 2),
    ("uuid.rfc4122", 1),
];

/// Whether the builtin `name` is one of [`IMPURE_BUILTINS`].
#[must_use]
pub fn is_impure(name: &str) -> bool {
    IMPURE_BUILTINS.iter().any(|(known, _)| *known == name)
}
