//! `stele policy check`, and what `policy lint` says of the same errors.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests may panic")]

mod support;

use support::Site;

fn site(files: &[(&str, &str)]) -> Site {
    let site = Site::new();
    for (name, text) in files {
        let path = site.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    site
}

#[test]
fn errors_are_shown_with_their_lines() {
    let site = site(&[
        ("p/good.rego", "package good\n\nn := 1\n"),
        (
            "p/bad.rego",
            "package bad\n\np := upper(data.good.n)\n\nq if x == 1\n",
        ),
    ]);
    let check = site.run(&["policy", "check", "p"]).exits(1);
    assert!(check.contains("q if x == 1"), "{}", check);
    assert!(check.contains("unsafe-var"), "{}", check);
    assert!(check.ends_with("1 error\n"), "{}", check);
    std::fs::write(
        site.path().join("p/bad.rego"),
        "package bad\n\np := upper(data.good.n)\n",
    )
    .unwrap();
    let check = site.run(&["policy", "check", "p", "--format", "json"]).exits(1);
    let errors: serde_json::Value = serde_json::from_str(&check).unwrap();
    let error = errors.pointer("/errors/0").unwrap();
    assert_eq!(error.pointer("/code").unwrap(), "type");
    assert_eq!(error.pointer("/line").unwrap(), 3);
    let lint = site.run(&["policy", "lint", "p"]).exits(1);
    assert!(lint.contains("bad.rego:3:6: error[compile-error]"), "{}", lint);
    std::fs::remove_file(site.path().join("p/bad.rego")).unwrap();
    site.run(&["policy", "check", "p"]).exits(0);
}

#[test]
fn schemas_come_from_the_command_line() {
    let policy = "package p\n\n# METADATA\n# schemas:\n# - input: schema.pod\nallow if input.nmae == \"a\"\n";
    let site = site(&[
        ("p/p.rego", policy),
        (
            "schemas/pod.json",
            r#"{"type": "object", "properties": {"name": {"type": "string"}}}"#,
        ),
        ("broken.json", "{"),
    ]);
    site.run(&["policy", "check", "p"]).exits(0);
    let check = site
        .run(&["policy", "check", "p", "--schema", "schemas"])
        .exits(1);
    assert!(check.contains("has no `nmae`"), "{}", check);
    assert!(check.contains("it has `name`"), "{}", check);
    let check = site
        .run(&["policy", "check", "p", "--schema", "schemas/pod.json"])
        .exits(1);
    assert!(check.contains("there is no schema `schema.pod`"), "{}", check);
    site.run(&["policy", "check", "p", "--schema", "broken.json"])
        .fails(2, &["broken.json is no JSON"]);
}

#[test]
fn whatever_compiles_takes_schemas() {
    let policy = "# METADATA\n# title: P\n# custom:\n#   id: p\npackage p\n\ndeny contains \"no\" if input.nmae == \"a\"\n";
    let test = "package p_test\n\ntest_deny if count(data.p.deny) == 0\n";
    let schema = r#"{"type": "object", "properties": {"name": {"type": "string"}}}"#;
    let site = site(&[
        ("p/p.rego", policy),
        ("p/p_test.rego", test),
        ("input.json", schema),
        ("broken.json", "{"),
        ("i.json", r#"{"nmae": "a"}"#),
    ]);
    let commands: [&[&str]; 8] = [
        &["eval", "-d", "p/p.rego", "-i", "i.json", "data.p.deny"],
        &["eval", "-d", "p/p.rego", "--partial", "data.p.deny == set()"],
        &[
            "eval",
            "-d",
            "p/p.rego",
            "--engine",
            "evm",
            "-i",
            "i.json",
            "data.p.deny",
        ],
        &[
            "policy",
            "bench",
            "-d",
            "p/p.rego",
            "-i",
            "i.json",
            "--duration",
            "1",
            "data.p.deny",
        ],
        &["build", "p", "-o", "out"],
        &["build", "p", "-o", "out", "--target", "plan"],
        &["build", "p", "-o", "out", "--target", "plan", "-e", "p/deny"],
        &["contract", "build", "p", "-o", "out"],
    ];
    for command in commands {
        site.run(command).exits(0);
        let with = |schema| [command, &["--schema", schema]].concat();
        let ran = site.run(&with("input.json"));
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("has no `nmae`"), "{command:?}: {said}");
        assert_eq!(ran.code, 2, "{command:?}");
        site.run(&with("broken.json"))
            .fails(2, &["broken.json is no JSON"]);
        site.run(&with("none.json")).fails(2, &["none.json"]);
    }
    // What a query refers to itself is checked too.
    let query = site.run(&["eval", "-s", "input.json", "input.nmae"]);
    assert!(query.exits(2).contains("rego_type_error"));
    // Also where the result shows the value of a comparison, of variables too, once or for each of several statements.
    for query in [
        "input.name == 1",
        "x := input.name; x == 1",
        "input.name == \"a\"; [1] == input.name",
    ] {
        let args = ["eval", "-s", "input.json", "-i", "i.json", query];
        let ran = site.run(&args);
        assert!(ran.exits(2).contains("is never equal to"), "{query}");
        // Nothing is known of the input without a schema.
        site.run(&["eval", "-i", "i.json", query]).exits(0);
    }
    site.run(&[
        "eval",
        "-s",
        "input.json",
        "-i",
        "i.json",
        "x := [input.name == \"a\"]; x == [true]",
    ])
    .exits(0);
    site.run(&["policy", "test", "p"]).exits(0);
    let tests = site.run(&["policy", "test", "p", "-s", "input.json"]).exits(1);
    assert!(tests.contains("has no `nmae`"), "{tests}");
    site.run(&["contract", "build", "--plan", "x.json", "-s", "input.json"])
        .fails(2, &["cannot be used with"]);
}
