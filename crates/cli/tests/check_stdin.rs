//! What `stele check -` takes standard input for, which has no name.
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

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;
use support::{Ran, Site};

/// Finds something in every document.
const EVERY: &str = "# METADATA\n# custom:\n#   id: every\npackage every\n\ndeny contains \"seen\"\n";

fn piped(site: &Site, text: &str, args: &[&str]) -> Ran {
    let mut command = site.command(&[&["check", "-"], args].concat());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Ran::from(child.wait_with_output().unwrap())
}

#[test]
fn a_public_bucket_is_found_without_a_name() {
    let site = Site::new();
    let hcl = "# logs\nresource \"aws_s3_bucket\" \"logs\" {\n  bucket = \"x\"\n  acl = \"public-read\"\n}\n";
    let json = r#"{"resource": {"aws_s3_bucket": {"logs": {"bucket": "x", "acl": "public-read"}}}}"#;
    for text in [hcl, json] {
        let out = piped(&site, text, &[]).exits(1);
        assert!(out.contains("terraform/aws/public-bucket-acl"), "{out}");
        assert!(out.contains("-:"), "{out}");
    }
    let out = piped(&site, "FROM nginx:latest\n", &[]).exits(1);
    assert!(out.contains("docker/"), "{out}");
}

#[test]
fn each_kind_is_told_by_what_it_says() {
    let site = gate::site(&[("every.rego", EVERY)]);
    let cases = [
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", "kubernetes"),
        (
            "---\n# Source: a\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
            "kubernetes",
        ),
        (gate::PLAN, "terraform-plan"),
        (
            "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Name: !Sub a\n",
            "cloudformation",
        ),
        (
            r#"{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"}"#,
            "arm",
        ),
        ("services:\n  web:\n    image: a\n", "compose"),
        ("services:\n  web:\n    build: .\nvolumes: {}\n", "compose"),
        (r#"{"services": {"web": {"image": "a"}}}"#, "compose"),
        (
            "on: push\njobs:\n  a:\n    runs-on: x\n    steps: []\n",
            "github-actions",
        ),
        ("stages: [build]\nbuild:\n  script: make\n", "gitlab-ci"),
        ("stages: [build]\ninclude: a.yml\n", "gitlab-ci"),
        (".base:\n  script:\n  - make\n", "gitlab-ci"),
        ("openapi: 3.1.0\n", "openapi"),
        (r#"{"bomFormat": "CycloneDX"}"#, "cyclonedx"),
        (r#"{"spdxVersion": "SPDX-2.3"}"#, "spdx"),
        (
            "# syntax=docker/dockerfile:1\n\nARG A=1\nFROM a:$A\n",
            "dockerfile",
        ),
        ("from alpine\nrun ls\n", "dockerfile"),
        ("variable \"a\" {}\n", "terraform"),
        (
            "/* a */\nlocals {\n  a = 1\n}\nmodule \"m\" {\n  source = \"./m\"\n}\n",
            "terraform",
        ),
        (
            "terraform {\n}\nprovider \"aws\" {}\noutput \"a\" { value = 1 }\ndata \"a\" \"b\" {}\n",
            "terraform",
        ),
        ("job \"docs\" {\n  group \"a\" {}\n}\n", "hcl"),
        // Packer's have no resources.
        ("variable \"a\" {}\nsource \"a\" \"b\" {}\n", "hcl"),
        ("http {\n  server {\n    listen 80;\n  }\n}\n", "nginx"),
        (
            "upstream a { server 10.0.0.1; }\nserver {\n  location / { proxy_pass http://a; }\n}\n",
            "nginx",
        ),
        ("static_resources:\n  listeners: []\n", "envoy"),
        ("<project/>", "xml"),
        ("a: {b: 1}\n", "yaml"),
        ("services: {a: {b: 1}}\n", "yaml"),
        ("{\"a\": 1}", "json"),
        // Not all of it is Terraform's.
        (r#"{"resource": {"a": {"b": {}}}, "other": 1}"#, "json"),
    ];
    for (text, kind) in cases {
        let ran = piped(&site, text, &["--policy", "every.rego", "--format", "json"]);
        let report: Value = serde_json::from_str(&ran.exits(1)).unwrap();
        assert_eq!(report["findings"][0]["kind"], kind, "{text}");
    }
}

#[test]
fn what_can_not_be_told_is_not_passed() {
    let site = gate::site(&[("every.rego", EVERY)]);
    let asked = |text: &str| piped(&site, text, &["--policy", "every.rego"]);
    for text in ["acl = \"public-read\"\n", "A=1\nB=2\n", "hello\n"] {
        asked(text).fails(2, &["-: ", "--kind"]);
    }
    // Terraform that breaks off is no YAML.
    let ran = asked("resource \"a\" \"b\" {\n  c = 1\n");
    assert!(ran.err.contains("not checked: -:2:8: not HCL"), "{}", ran.err);
    let ran = piped(&site, "A=1\n", &["--policy", "every.rego", "--kind", "dotenv"]);
    ran.exits(1);
}
