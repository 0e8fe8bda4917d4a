//! `stele check`: files against policies, as at a pull request.
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

use gate::{DEPLOYMENT, PLAN, check, site, violations};
use serde_json::Value;
use std::io::Write;
use std::process::Stdio;
use support::{Ran, Site};

#[test]
fn findings_stand_at_the_value_that_is_wrong() {
    let site = site(&[("k8s/web.yaml", DEPLOYMENT), ("plan.json", PLAN)]);
    let report = check(&site, &["--format", "json"]).exits(1);
    assert_eq!(
        violations(&report),
        [
            "k8s/web.yaml:8:20-24 kubernetes/admission/host-namespace Deployment/default/web",
            "k8s/web.yaml:13:23-26 kubernetes/admission/privileged Deployment/default/web",
            "k8s/web.yaml:22:14-18 kubernetes/admission/host-namespace Pod/prod/p",
            "plan.json:5:70-83 terraform/aws/public-bucket-acl aws_s3_bucket.logs",
        ]
    );
    let text = check(&site, &["k8s"]).exits(1);
    let shown = "13 |           privileged: yes # as Kubernetes reads it\n   |                       ^^^";
    assert!(text.contains(shown), "{text}");
    assert!(
        text.contains("k8s/web.yaml:13:23\nerror[critical kubernetes/admission/privileged]"),
        "{text}"
    );
}

#[test]
fn what_is_known_does_not_fail_again() {
    let site = site(&[("web.yaml", DEPLOYMENT)]);
    // Not through a link that somebody planted.
    std::fs::write(site.path().join("other"), "kept").unwrap();
    std::os::unix::fs::symlink("other", site.path().join("known.json")).unwrap();
    check(&site, &["--write-baseline", "known.json", "web.yaml"]).exits(0);
    assert_eq!(
        std::fs::read_to_string(site.path().join("other")).unwrap(),
        "kept"
    );
    check(&site, &["--baseline", "known.json", "web.yaml"]).exits(0);
    // Reformatted it is the same; a new one is new.
    let moved = format!("# moved\n\n{DEPLOYMENT}")
        .replace("hostNetwork: true", "hostNetwork:    true\n      hostIPC: true");
    std::fs::write(site.path().join("web.yaml"), moved).unwrap();
    let report = check(
        &site,
        &["--baseline", "known.json", "--format", "json", "web.yaml"],
    )
    .exits(1);
    assert_eq!(
        violations(&report),
        ["web.yaml:11:16-20 kubernetes/admission/host-namespace Deployment/default/web"]
    );
    // So is a second one that equals a known one.
    let (deployment, _) = DEPLOYMENT.split_once("---\n").unwrap();
    std::fs::write(
        site.path().join("web.yaml"),
        format!("{deployment}---\n{DEPLOYMENT}"),
    )
    .unwrap();
    let report = check(
        &site,
        &["--baseline", "known.json", "--format", "json", "web.yaml"],
    )
    .exits(1);
    assert_eq!(
        violations(&report),
        [
            "web.yaml:22:20-24 kubernetes/admission/host-namespace Deployment/default/web",
            "web.yaml:27:23-26 kubernetes/admission/privileged Deployment/default/web",
        ]
    );
    std::fs::write(
        site.path().join("known.json"),
        "{\"version\": 9, \"findings\": []}",
    )
    .unwrap();
    check(&site, &["--baseline", "known.json", "web.yaml"]).fails(2, &["known.json", "version 9"]);
    check(&site, &["--baseline", "none.json", "web.yaml"]).fails(2, &["none.json"]);
}

#[test]
fn a_file_that_can_t_be_read_never_stops_the_rest() {
    let site = site(&[
        ("a.yaml", "a: [1\n"),
        ("b.json", "{\"a\": }"),
        ("c.toml", "x = \n"),
        ("d/Dockerfile", "RUN x\n"),
        ("e.yaml", "a: 1\na: 2\n"),
        ("chart/Chart.yaml", "name: x\n"),
        ("chart/templates/x.yaml", "a: {{ .Values.a }}\n"),
        ("z.yaml", DEPLOYMENT),
    ]);
    std::fs::write(site.path().join("f.yaml"), b"a: \xff\n").unwrap();
    std::fs::write(
        site.path().join("g.json"),
        format!("{}{}", "[".repeat(9999), "]".repeat(9999)),
    )
    .unwrap();
    let ran = check(&site, &["--format", "json"]);
    let err = ran.err.clone();
    let report: Value = serde_json::from_str(&ran.exits(1)).unwrap();
    let failed: Vec<&str> = report["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["file"].as_str().unwrap())
        .collect();
    assert_eq!(
        failed,
        [
            "a.yaml",
            "b.json",
            "c.toml",
            "d/Dockerfile",
            "e.yaml",
            "f.yaml",
            "g.json"
        ]
    );
    assert_eq!(report["failures"][1]["at"]["column"], 7);
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["file"] == "z.yaml"));
    assert!(err.contains("left out: 1 template of Helm charts"), "{err}");
    // Nothing is violated in the others, but they did not pass either.
    check(&site, &["a.yaml"]).fails(2, &["not checked: a.yaml"]);
    check(&site, &["nowhere.yaml"]).fails(2, &["there is no nowhere.yaml"]);
    let ran = check(&site, &["nowhere.yaml", "z.yaml"]);
    assert!(
        ran.err.contains("not checked: nowhere.yaml: it is not there"),
        "{}",
        ran.err
    );
    assert!(ran.exits(1).contains("z.yaml:"));
    std::os::unix::fs::symlink("loop.yaml", site.path().join("loop.yaml")).unwrap();
    check(&site, &["loop.yaml"]).fails(2, &["not checked: loop.yaml: can't be read"]);
    // What begins like JSON is none of it.
    for (name, command) in [
        ("a.jsonnet", "jsonnet FILE"),
        ("a.edn", "make it JSON"),
        ("a.cue", "cue export FILE"),
    ] {
        std::fs::write(site.path().join(name), "{}").unwrap();
        check(&site, &[name]).fails(2, &["is not read", command]);
    }
    check(&site, &["--kind", "nonsense"]).fails(2, &["nonsense", "kubernetes"]);
    check(&site, &["--policy", "nowhere", "z.yaml"]).fails(2, &["nowhere"]);
}

#[test]
fn policies_choose_what_they_are_for_and_how_much_they_matter() {
    let policy = "# METADATA\n# custom:\n#   id: own/images\n#   severity: low\n#   inputs: [dockerfile]\npackage own.images\n\n\
        deny contains {\"msg\": \"runs as root\", \"path\": [i, \"Value\", 0]} if {\n\tsome i, step in input\n\tstep.Cmd == \"user\"\n\tstep.Value[0] == \"root\"\n}\n\n\
        warn_latest contains msg if {\n\tsome step in input\n\tstep.Cmd == \"from\"\n\tendswith(step.Value[0], \":latest\")\n\tmsg := \"latest\"\n}\n";
    let site = site(&[
        ("policy/images.rego", policy),
        ("Dockerfile", "FROM alpine:latest\nUSER root\n"),
        ("web.yaml", DEPLOYMENT),
    ]);
    let own = ["--policy", "policy"];
    let report = check(&site, &[&own[..], &["--format", "json"]].concat()).exits(1);
    assert_eq!(violations(&report), ["Dockerfile:2:6-10 deny "]);
    assert!(report.contains("\"enforcement\": \"warn\""), "{report}");
    check(&site, &[&own[..], &["--fail-on", "medium"]].concat()).exits(0);
    check(&site, &[&own[..], &["--dry-run"]].concat()).exits(0);
    std::fs::write(site.path().join("Dockerfile"), "FROM alpine:latest\nUSER app\n").unwrap();
    check(&site, &own).exits(0);
    let none = policy.replace("[dockerfile]", "[]");
    std::fs::write(site.path().join("policy/images.rego"), none).unwrap();
    check(&site, &own).fails(2, &["inputs"]);
    let unknown = policy.replace("[dockerfile]", "[docker]");
    std::fs::write(site.path().join("policy/images.rego"), unknown).unwrap();
    check(&site, &own).fails(2, &["`docker` is no input kind", "dockerfile"]);
}

#[test]
fn objects_are_found_as_kubectl_finds_them() {
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {hostNetwork: true, containers: []}}";
    let typed = "{metadata: {name: t}, spec: {hostNetwork: true, containers: []}}";
    let site = site(&[
        (
            "nested.yaml",
            &format!(
                "apiVersion: v1\nkind: List\nitems:\n- {{apiVersion: v1, kind: List, items: [{pod}]}}\n"
            ),
        ),
        (
            "typed.yaml",
            &format!("apiVersion: v1\nkind: PodList\nitems:\n- {typed}\n"),
        ),
        (
            "other.yaml",
            &format!("apiVersion: x/v1\nkind: Foo\nitems:\n- {pod}\n"),
        ),
        (
            "tagged.yaml",
            "apiVersion: !Ref v1\nkind: Pod\nspec: !Sub {hostNetwork: true}\n",
        ),
        (
            "list.json",
            r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod", "spec": {"hostPID": true}}]}"#,
        ),
        ("odd.yaml", "apiVersion: v1\nkind: List\nitems: [1]\n"),
    ]);
    let ran = check(&site, &["--format", "json"]);
    assert!(
        ran.err.contains("odd.yaml: item 0 of the List is no object"),
        "{}",
        ran.err
    );
    let found: Vec<String> = violations(&ran.exits(1))
        .iter()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        found,
        [
            "list.json:1:104-108",
            "nested.yaml:4:109-113",
            "other.yaml:4:72-76",
            "tagged.yaml:3:26-30",
            "typed.yaml:4:45-49",
        ]
    );
}

#[test]
fn standard_input_is_a_file_too() {
    let site = Site::new();
    let piped = |text: &str, args: &[&str]| {
        let mut command = site.command(&[&["check", "--format", "github", "-"], args].concat());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        Ran::from(child.wait_with_output().unwrap())
    };
    let out = piped(DEPLOYMENT, &[]).exits(1);
    let line = "::error file=-,line=13,endLine=13,col=23,endColumn=26,title=kubernetes/admission/privileged::container one must not run privileged%0ARemove";
    assert!(out.contains(line), "{out}");
    // The command before the pipe failed, and nothing was checked.
    piped("\n", &[]).fails(2, &["nothing on standard input"]);
    let ran = piped("<a/>", &["--kind", "xml"]);
    assert!(ran.err.contains("no policy was asked"), "{}", ran.err);
    ran.exits(0);
}

#[test]
fn reports_have_the_shapes_that_others_read() {
    let site = site(&[
        (
            "a b/web.yaml",
            &DEPLOYMENT.replace("name: one", "name: \"<b>|one\""),
        ),
        ("bad.json", "{"),
    ]);
    let report = |format: &str| check(&site, &["--format", format]).exits(1);

    let sarif: Value = serde_json::from_str(&report("sarif")).unwrap();
    let run = &sarif["runs"][0];
    assert_eq!(
        (&sarif["version"], &run["columnKind"]),
        (&"2.1.0".into(), &"unicodeCodePoints".into())
    );
    let results = run["results"].as_array().unwrap();
    let privileged = results
        .iter()
        .find(|result| result["ruleId"] == "kubernetes/admission/privileged")
        .unwrap();
    let place = &privileged["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b/web.yaml");
    assert_eq!(
        (&place["region"]["startLine"], &place["region"]["startColumn"]),
        (&13.into(), &23.into())
    );
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let index = usize::try_from(privileged["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(rules[index]["id"], "kubernetes/admission/privileged");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(
        privileged["partialFingerprints"]["stele/v1"]
            .as_str()
            .unwrap()
            .len(),
        32
    );

    let gitlab: Value = serde_json::from_str(&report("gitlab")).unwrap();
    assert!(gitlab.as_array().unwrap().iter().any(|issue| {
        issue["severity"] == "blocker"
            && issue["location"]["path"] == "a b/web.yaml"
            && issue["location"]["lines"]["begin"] == 13
    }));
    let junit = report("junit");
    assert!(
        junit.contains("<testsuite name=\"a b/web.yaml\"") && junit.contains("type=\"critical\""),
        "{junit}"
    );
    assert!(junit.contains("<error message="), "{junit}");
    let markdown = report("markdown");
    assert!(markdown.contains("&lt;b>\\|one"), "{markdown}");
    let html = report("html");
    assert!(
        html.contains("<mark>yes</mark>") && html.contains("&lt;b&gt;|one"),
        "{html}"
    );
}

#[test]
fn terraform_is_checked_before_there_is_a_plan() {
    let main = "variable \"acl\" {\n  default = \"public-read\"\n}\n\nresource \"aws_s3_bucket\" \"logs\" {\n  acl = var.acl\n}\n";
    let site = site(&[("infra/main.tf", main), ("infra/broken.tf", "resource {{\n")]);
    let ran = check(&site, &["infra/main.tf"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.contains("infra/main.tf:6:9"), "{}", ran.out);
    assert!(ran.out.contains("6 |   acl = var.acl"), "{}", ran.out);
    assert!(
        ran.out
            .contains("aws_s3_bucket.logs: bucket ACL must not be public-read"),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("not checked: infra/broken.tf:1:"), "{}", ran.err);
}
