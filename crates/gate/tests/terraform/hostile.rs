//! Modules that took time with the square of what they say, or memory with its power: minutes, each of them.

use crate::{addresses, after, module};

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// The lines of the file were counted for each of them.
#[test]
fn hundreds_of_thousands_of_failures() {
    let input = module(&[
        ("a.tf", &"locals { a = 1 }\n".repeat(200_000)),
        ("b.tf", "locals { a = 2 }\n"),
    ]);
    assert_eq!(input.failures.len(), 1_001);
    let places: Vec<String> = input.failures.iter().map(ToString::to_string).collect();
    assert_eq!(places[0], "a.tf:2:10: local.a is defined twice");
    assert_eq!(places[999], "a.tf:1001:10: local.a is defined twice");
    assert!(places[1_000].ends_with("199000 more places can't be read, after the first 1000"));
}

/// Each was looked for among all.
#[test]
fn attributes_and_blocks_of_one_resource() {
    let of = |n: usize| format!("  k{n} = a.b.k{}\n", n + 1);
    let text = format!("resource \"a\" \"b\" {{\n{}  k60000 = 1\n}}\n", lines(60_000, of));
    let chained = module(&[("main.tf", &text)]);
    // Such a chain is too long, but that is known at once.
    assert!(
        chained
            .failures
            .iter()
            .all(|failure| failure.message.contains("levels deep"))
    );
    let blocks = lines(150_000, |n| format!("  k{n} {{}}\n"));
    let text = format!("resource \"a\" \"b\" {{\n{blocks}}}\nresource \"a\" \"c\" {{\n  x = a.b\n}}\n");
    assert_eq!(addresses(&module(&[("main.tf", &text)])), ["a.b", "a.c"]);
    let members = lines(150_000, |n| format!("\"k{n}\": {{\"x\": 1}},"));
    let text = format!("{{\"resource\": {{\"a\": {{\"b\": {{{members} \"y\": 1}}}}}}}}");
    assert_eq!(addresses(&module(&[("main.tf.json", &text)])), ["a.b"]);
}

/// Each override went through all that was there.
#[test]
fn overrides_of_one_resource() {
    let base = format!(
        "resource \"a\" \"b\" {{\n{}}}\n",
        lines(100_000, |n| format!("  k{n} {{}}\n"))
    );
    let one = |n: usize| format!("resource \"a\" \"b\" {{\n  a{n} = 1\n  k{n} {{}}\n}}\n");
    let input = module(&[("main.tf", &base), ("a_override.tf", &lines(60_000, one))]);
    assert_eq!(input.failures, []);
}

#[test]
fn overrides_replace_the_blocks_of_their_types() {
    let base = "resource \"a\" \"b\" {\n  x = 1\n  y = 1\n  k { n = 1 }\n  k { n = 2 }\n  l { n = 3 }\n  dynamic \"m\" {\n    for_each = [4]\n    content { n = m.value }\n  }\n  \
        dynamic \"o\" {\n    for_each = [5]\n    content { n = o.value }\n  }\n}\n";
    let first = "resource \"a\" \"b\" {\n  x = 2\n  k { n = 6 }\n  k { n = 7 }\n  m { n = 8 }\n}\n";
    let second = "resource \"a\" \"b\" {\n  k { n = 9 }\n}\n";
    let input = module(&[
        ("main.tf", base),
        ("a_override.tf", first),
        ("b_override.tf", second),
    ]);
    let (values, _) = after(&input);
    assert_eq!(
        values,
        "{\"k\":[{\"n\":9}],\"l\":[{\"n\":3}],\"m\":[{\"n\":8}],\"o\":[{\"n\":5}],\"x\":2,\"y\":1}"
    );
}

/// A thousand modules of which each has a thousand, of which each has a thousand.
#[test]
fn modules_that_multiply() {
    let calls = |source: &str| format!("module \"m\" {{\n  source = \"{source}\"\n  count  = 1000\n}}\n");
    let input = module(&[
        ("main.tf", &calls("./a")),
        ("a/main.tf", &calls("../b")),
        ("b/main.tf", &calls("../c")),
        ("c/main.tf", "locals {}\n"),
    ]);
    let messages: Vec<&str> = input
        .failures
        .iter()
        .map(|failure| failure.message.as_str())
        .collect();
    assert!(
        messages.iter().any(|message| message.contains("takes more than")),
        "{messages:?}"
    );
}

/// A pattern was compiled for each use, and whole texts were read for a single step.
#[test]
fn patterns_and_texts_that_are_used_often() {
    let each = "resource \"a\" \"b\" {\n  x = length([for i in range(60000) : regex(\"(\\\\w{40}|\\\\pL{40})x\", \"y\")])\n}\n";
    assert_eq!(module(&[("main.tf", each)]).failures, []);
    let other = each.replace("40}x", "40}${i}").replace(")x", ")${i}");
    let input = module(&[("main.tf", &other)]);
    assert!(!input.failures.is_empty(), "each of them is another one");
    let text = "x".repeat(1 << 20);
    let long = format!(
        "locals {{\n  t = \"{text}\"\n}}\nresource \"a\" \"b\" {{\n  x = [for i in range(90000) : length(local.t)]\n}}\n"
    );
    assert!(!module(&[("main.tf", &long)]).failures.is_empty());
}

#[test]
fn json_that_is_too_long() {
    let text = format!("{{\"locals\": {{\"a\": \"{}\"}}}}", "x".repeat(8 << 20));
    let input = module(&[("main.tf.json", &text)]);
    assert!(
        input.failures[0].message.contains("8388608 is the limit"),
        "{:?}",
        input.failures
    );
}
