//! What builtins demand of the parts of their arguments.

use super::shape::Kinds;

/// The kinds that the items, members or values of an argument must have, as OPA declares it; none where they may be anything. What such an argument has besides is
/// an error of the builtin.
pub(super) fn wanted(name: &str, position: usize) -> Option<Kinds> {
    let path = Kinds::ARRAY.or(Kinds::STRING);
    let parts = match (name, position) {
        ("concat" | "glob.match" | "strings.any_prefix_match" | "strings.any_suffix_match", 1)
        | (
            "strings.any_prefix_match" | "strings.any_suffix_match" | "strings.replace_n" | "net.cidr_merge",
            0,
        ) => Kinds::STRING,
        ("sum" | "product", 0) => Kinds::NUMBER,
        ("union" | "intersection", 0) => Kinds::SET,
        ("object.union_n", 0) | ("json.patch", 1) => Kinds::OBJECT,
        ("json.filter" | "json.remove", 1) | ("net.cidr_contains_matches", 0 | 1) => path,
        ("graph.reachable" | "graph.reachable_paths", 0) => Kinds::ARRAY.or(Kinds::SET),
        ("urlquery.encode_object", 0) => path.or(Kinds::SET),
        _ => return None,
    };
    Some(parts)
}
