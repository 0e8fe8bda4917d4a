//! What narrows, widens and mends a run of `stele check`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "support/gate.rs"]
mod gate;
mod support;

use gate::{DEPLOYMENT, PLAN, check, git, site, violations};
use serde_json::Value;

fn read(site: &support::Site, name: &str) -> String {
    std::fs::read_to_string(site.path().join(name)).unwrap()
}

#[test]
fn only_what_changed_since_the_branches_parted_counts() {
    let site = site(&[("old.yaml", DEPLOYMENT), ("sub/same.yaml", DEPLOYMENT)]);
    check(&site, &["--changed-since", "main"]).fails(2, &["no Git repository"]);
    git(&site, &["init", "-q", "-b", "main"]);
    git(&site, &["add", "."]);
    git(&site, &["commit", "-q", "-m", "one"]);
    git(&site, &["checkout", "-q", "-b", "topic"]);
    // What main does afterwards is no change of this branch.
    git(&site, &["checkout", "-q", "main"]);
    std::fs::write(site.path().join("sub/same.yaml"), "a: 1\n").unwrap();
    git(&site, &["commit", "-q", "-am", "two"]);
    git(&site, &["checkout", "-q", "topic"]);
    check(&site, &["--changed-since", "main"]).exits(0);
    std::fs::write(site.path().join("new.yaml"), DEPLOYMENT).unwrap();
    std::fs::write(site.path().join("old.yaml"), format!("{DEPLOYMENT}# touched\n")).unwrap();
    let report = check(&site, &["--changed-since", "main", "--format", "json"]).exits(1);
    let files = |report: &str| {
        let mut files: Vec<String> = violations(report)
            .iter()
            .map(|line| line.split(':').next().unwrap().to_owned())
            .collect();
        files.dedup();
        files
    };
    assert_eq!(files(&report), ["new.yaml", "old.yaml"]);
    let combined = check(
        &site,
        &["--changed-since", "main", "--format", "json", "--combine"],
    )
    .exits(1);
    assert_eq!(files(&combined), ["new.yaml", "old.yaml"]);
    check(&site, &["--changed-since", "nowhere"]).fails(2, &["nowhere", "name a branch"]);
    let ran = check(&site, &["--changed-since", "topic", "sub/same.yaml"]);
    assert!(
        ran.err.contains("nothing that is checked has changed"),
        "{}",
        ran.err
    );
    ran.exits(0);
}

const BUCKET: &str = "resource \"aws_s3_bucket\" \"logs\" {\n  acl = var.acl\n}\n";

fn variable(default: &str) -> String {
    format!("variable \"acl\" {{\n  default = \"{default}\"\n}}\n")
}

#[test]
fn what_a_change_causes_in_a_file_that_did_not_change_counts() {
    let call = |acl: &str| format!("module \"b\" {{\n  source = \"./b\"\n  acl = \"{acl}\"\n}}\n");
    let plan = PLAN.replace("public-read", "private");
    let from_file = BUCKET.replace("var.acl", "trimspace(file(\"${path.module}/acl.txt\"))");
    let (private, public) = (variable("private"), variable("public-read"));
    let site = site(&[
        ("old/main.tf", &BUCKET.replace("var.acl", "\"public-read\"")),
        ("default/main.tf", BUCKET),
        ("default/variables.tf", &private),
        ("values/main.tf", BUCKET),
        ("values/variables.tf", &private),
        ("values/x.auto.tfvars", "acl = \"private\"\n"),
        ("lost/main.tf", BUCKET),
        ("lost/variables.tf", &public),
        ("lost/x.auto.tfvars", "acl = \"private\"\n"),
        ("calls/main.tf", &call("private")),
        ("calls/b/main.tf", BUCKET),
        ("calls/b/variables.tf", &private),
        ("planned/main.tf", BUCKET),
        ("planned/variables.tf", &private),
        ("planned/plan.json", &plan),
        ("reads/main.tf", &from_file),
        ("reads/acl.txt", "private\n"),
    ]);
    git(&site, &["init", "-q", "-b", "main"]);
    git(&site, &["add", "."]);
    git(&site, &["commit", "-q", "-m", "one"]);
    let found = || {
        let ran = check(&site, &["--changed-since", "main", "--format", "json"]);
        let mut found = violations(&ran.out);
        found.retain(|line| line.contains("aws_s3_bucket"));
        let place = |line: &String| line.split(':').next().unwrap().to_owned();
        found.iter().map(place).collect::<Vec<_>>()
    };
    assert!(found().is_empty());
    let write = |name: &str, text: &str| std::fs::write(site.path().join(name), text).unwrap();
    write("default/variables.tf", &public);
    write("values/x.auto.tfvars", "acl = \"public-read\"\n");
    std::fs::remove_file(site.path().join("lost/x.auto.tfvars")).unwrap();
    write("calls/main.tf", &call("public-read"));
    write("planned/plan.json", PLAN);
    write("reads/acl.txt", "public-read\n");
    let expected = ["calls/b", "default", "lost", "planned", "reads", "values"];
    assert_eq!(found(), expected.map(|directory| format!("{directory}/main.tf")));
}

const ACROSS: &str = "package main\n\nimport data.owners\n\ndeny contains {\"msg\": msg} if {\n\tsome i, j\n\tinput[i].contents.kind == \"Service\"\n\t\
    input[j].contents.kind == \"Deployment\"\n\tnot owners[input[i].contents.name]\n\tmsg := sprintf(\"%s and %s: %s has no owner\", [input[i].path, input[j].path, input[i].contents.name])\n}\n";

#[test]
fn policies_of_conftest_run_as_they_are() {
    let site = site(&[
        ("policy/main.rego", ACROSS),
        ("a.yaml", "kind: Deployment\n---\nkind: Service\nname: a\n"),
        ("b.yaml", "kind: Service\nname:   b\n"),
        ("data/owners.yaml", "owners:\n  b: shop\n"),
    ]);
    let policy = ["--policy", "policy", "--format", "json", "a.yaml", "b.yaml"];
    check(&site, &policy).fails(2, &["metadata has an id", "--namespace"]);
    let main = [&policy[..], &["--namespace", "main"]].concat();
    check(&site, &main).exits(0);
    let combined = [&main[..], &["--combine"]].concat();
    let report = check(&site, &combined).exits(1);
    // At the value in its own file and document.
    assert_eq!(violations(&report), ["a.yaml:4:7-8 deny ", "b.yaml:2:9-10 deny "]);
    let owned = [&combined[..], &["--data", "data"]].concat();
    assert_eq!(violations(&check(&site, &owned).exits(1)), ["a.yaml:4:7-8 deny "]);
    check(&site, &[&main[..], &["--data", "policy"]].concat())
        .fails(2, &["--data takes documents", "main.rego"]);
    check(&site, &[&policy[..], &["--namespace", "man"]].concat()).fails(2, &["no package man", "main"]);
    check(
        &site,
        &[&policy[..], &["--update", "https://example.com/policy"]].concat(),
    )
    .fails(2, &["--update", "--live", "--policy"]);
}

#[test]
fn a_policy_for_some_kinds_can_ask_about_all_files_at_once() {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n";
    let deny = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: shop}\n\
        spec:\n  podSelector: {}\n  policyTypes: [Ingress, Egress]\n";
    let site = site(&[("a/web.yaml", DEPLOYMENT), ("b/namespace.yaml", namespace)]);
    let found = |args: &[&str]| {
        let report = check(&site, &[&["--format", "json"], args].concat());
        let mut found = violations(&report.out);
        found.retain(|line| line.contains("default-deny"));
        found
    };
    assert_eq!(found(&[]).len(), 0);
    let combined = found(&["--combine"]);
    assert_eq!(combined.len(), 2, "{combined:?}");
    assert!(
        combined
            .iter()
            .all(|line| line.starts_with("b/namespace.yaml:4:9-13 ")),
        "{combined:?}"
    );
    std::fs::write(site.path().join("b/deny.yaml"), deny).unwrap();
    assert_eq!(found(&["--combine"]).len(), 0);
    // The others find what they find anyway, and each of it once.
    let report = check(&site, &["--format", "json", "--combine"]).exits(1);
    assert_eq!(
        violations(&report),
        violations(&check(&site, &["--format", "json"]).exits(1))
    );
}

#[test]
fn a_finding_is_explained_by_what_was_read() {
    let site = site(&[("web.yaml", DEPLOYMENT)]);
    let report: Value =
        serde_json::from_str(&check(&site, &["--explain", "--format", "json"]).exits(1)).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let privileged = findings
        .iter()
        .find(|finding| finding["rule"] == "kubernetes/admission/privileged")
        .unwrap();
    let why = privileged["why"].as_array().unwrap();
    let last = why.iter().find(|why| why["value"] == "true").unwrap();
    assert_eq!(
        (&last["start"]["line"], &last["start"]["column"]),
        (&13.into(), &23.into())
    );
    let text = check(&site, &["--explain"]).exits(1);
    let shown = "read spec.template.spec.containers[0].securityContext.privileged = true (web.yaml:13:23)";
    assert!(text.contains(shown), "{text}");
    assert!(!check(&site, &["--format", "json"]).exits(1).contains("\"why\""));
}

#[test]
fn fixes_replace_the_value_and_nothing_else() {
    let site = site(&[("web.yaml", DEPLOYMENT)]);
    // Shown, but not written without a word.
    let ran = check(&site, &["--fix"]);
    let diff = "-          privileged: yes # as Kubernetes reads it\n+          privileged: false # as Kubernetes reads it";
    assert!(ran.err.contains(diff) && ran.err.contains("--yes"), "{}", ran.err);
    ran.exits(1);
    assert_eq!(read(&site, "web.yaml"), DEPLOYMENT);
    let ran = check(&site, &["--fix", "--yes", "--dry-run"]);
    assert!(
        ran.err.contains(diff) && ran.err.contains("dry run"),
        "{}",
        ran.err
    );
    ran.exits(0);
    assert_eq!(read(&site, "web.yaml"), DEPLOYMENT);
    let ran = check(&site, &["--fix", "--yes"]);
    assert!(
        ran.err.contains("values in 1 file fixed") && ran.err.contains("0 violations"),
        "{}",
        ran.err
    );
    ran.exits(0);
    let fixed = DEPLOYMENT
        .replace("hostNetwork: true", "hostNetwork: false")
        .replace("privileged: yes", "privileged: false")
        .replace("hostPID: true", "hostPID: false");
    // Keys are added; every line that was there stays, in its order.
    let text = read(&site, "web.yaml");
    let mut lines = text.lines();
    for line in fixed.lines() {
        assert!(lines.any(|found| found == line), "{line} is not in {text}");
    }
    check(&site, &["--fix", "--yes"]).fails(0, &["nothing that can be fixed"]);
    let names: Vec<_> = std::fs::read_dir(site.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["web.yaml"], "no draft is left");
}

const FIXES: &str = "# METADATA\n# custom:\n#   id: own\npackage own\n\n\
    deny contains {\"msg\": \"from\", \"path\": [0, \"Value\", 0], \"fix\": {\"value\": \"alpine:3\"}} if input[0].Value[0] == \"alpine\"\n\n\
    deny contains {\"msg\": \"one\", \"path\": [\"a\"], \"fix\": {\"value\": 1}} if input.a == 0\n\n\
    deny contains {\"msg\": \"two\", \"path\": [\"a\"], \"fix\": [{\"path\": [\"a\"], \"value\": 2}, {\"path\": [\"b\"], \"value\": \"no\"}]} if input.a == 0\n\n\
    deny contains {\"msg\": \"gone\", \"path\": [\"b\"], \"fix\": {\"path\": [\"c\", \"d\"], \"value\": 1}} if input.b\n";

#[test]
fn fixes_fit_the_format_and_are_refused_where_they_would_say_more() {
    let site = site(&[
        ("own.rego", FIXES),
        ("Dockerfile", "# base\nFROM  alpine  AS x\nRUN true\n"),
        ("a.json", "{ \"b\" :\"x\", \"a\" : 0 }\n"),
        ("b.toml", "a = 0 # zero\nb = 'x'\n"),
        ("c.yaml", "b: &x 0\na: *x\n"),
    ]);
    let ran = check(&site, &["--policy", "own.rego", "--fix", "--yes"]);
    let err = ran.err.clone();
    ran.exits(1);
    assert_eq!(
        read(&site, "Dockerfile"),
        "# base\nFROM  alpine:3  AS x\nRUN true\n"
    );
    assert_eq!(
        read(&site, "a.json"),
        "{ \"b\" :\"x\", \"a\" : 1, \"c\": {\"d\": 1} }\n"
    );
    assert_eq!(read(&site, "b.toml"), "a = 1 # zero\nb = 'x'\n");
    // The anchor says two things, and stays; what is added says one.
    assert_eq!(read(&site, "c.yaml"), "b: &x 0\nc:\n  d: 1\na: *x\n");
    assert!(
        err.contains("a.json:1: the fix of own/deny overlaps another one"),
        "{err}"
    );
    assert!(
        err.contains("the fix of own/deny was left out: the file would say something else"),
        "{err}"
    );
    assert!(
        err.contains("can't be applied: keys are added to YAML and JSON only"),
        "{err}"
    );
}

#[test]
fn what_is_typed_for_other_tools() {
    let site = site(&[
        ("pod.yaml", DEPLOYMENT),
        (
            "main.tf",
            "resource \"aws_s3_bucket\" \"b\" {\n  acl = \"public-read\"\n}\n",
        ),
    ]);
    check(&site, &["-o", "sarif"]).fails(2, &["formats are named by --format"]);
    assert!(!site.path().join("sarif").exists());
    for flag in ["--no-fail", "--soft-fail", "--dry-run"] {
        check(&site, &[flag]).exits(0);
    }
    // A PATH from the root stays one, in modules too.
    let root = site.path().canonicalize().unwrap();
    let report = check(&site, &["--format", "json", root.to_str().unwrap()]).exits(1);
    let report: Value = serde_json::from_str(&report).unwrap();
    let files: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["file"].as_str().unwrap())
        .collect();
    assert!(
        files.contains(&root.join("main.tf").to_str().unwrap()),
        "{files:?}"
    );
    assert!(!files.iter().any(|file| file.starts_with("//")), "{files:?}");
}

#[test]
fn files_that_are_incomplete_by_design_are_left_out() {
    let site = site(&[
        ("tsconfig.json", "{\n  // why\n  \"strict\": true,\n}\n"),
        ("base/pod.yaml", DEPLOYMENT),
        (
            "over/kustomization.yaml",
            "resources: [../base]\npatches:\n- path: patch.yaml\n",
        ),
        ("over/patch.yaml", DEPLOYMENT),
    ]);
    let ran = check(&site, &["--format", "json"]);
    assert!(
        ran.err.contains("left out: 1 file with a patch of Kustomize"),
        "{}",
        ran.err
    );
    let found = violations(&ran.exits(1));
    assert!(
        !found.is_empty() && found.iter().all(|line| line.starts_with("base/pod.yaml")),
        "{found:?}"
    );
    let found = violations(&check(&site, &["--format", "json", "over/patch.yaml"]).exits(1));
    assert!(!found.is_empty(), "what is named is checked");
}
