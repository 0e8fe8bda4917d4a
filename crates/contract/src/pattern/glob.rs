//! Globs mean what they mean in OPA.

use super::{Work, glob};

#[test]
fn globs_match_as_in_opa() {
    let dot = vec![".".to_owned()];
    for (pattern, separators, text, expected) in [
        ("*.github.com", &dot, "api.github.com", true),
        ("*.github.com", &dot, "api.cdn.github.com", false),
        ("api.**.com", &dot, "api.cdn.github.com", true),
        ("*", &Vec::new(), "a.b\nc", true),
        ("?at", &vec!["f".to_owned()], "fat", false),
        ("{cat,bat,[fr]at}", &dot, "rat", true),
        ("[!a-c]at", &dot, "bat", false),
        (r"\*", &dot, "*", true),
        (r"\*", &dot, "a", false),
        ("s3:Get*", &vec![":".to_owned()], "s3:GetObject", true),
        ("{a,b*{c,d}}", &dot, "bxd", true),
    ] {
        assert_eq!(
            glob(pattern, separators, 1 << 16, &mut Work::default())
                .unwrap()
                .is_match(text),
            expected,
            "{pattern} {text}"
        );
    }
}
