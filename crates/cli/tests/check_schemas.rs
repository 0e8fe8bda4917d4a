//! Reports are valid under the schemas that others publish, and not only where nothing was found.
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
#[path = "support/osv.rs"]
mod osv;
#[path = "support/peers.rs"]
mod peers;
mod support;

use gate::{DEPLOYMENT, PLAN, check, site};
use peers::Peer;
use serde_json::{Value, json};
use support::{Site, workspace};

const EXCEPTIONS: &str = "exceptions:\n- policy: kubernetes/admission/privileged\n  resource: '**'\n  reason: \"<moves> & \\\"so\\\"\"\n  \
    owner: a@example.com\n  approver: b@example.com\n  expires: 2999-01-01\n- policy: old\n  file: '**'\n  reason: r\n  owner: a\n  approver: b\n  expires: 2020-01-01\n";

/// Violations, warnings, excepted findings, dead exceptions, what can't be read, odd names, and files without findings.
fn full() -> Site {
    site(&[
        (
            "a b/ä%1.yaml",
            &DEPLOYMENT.replace("name: one", "name: \"\\x01<b>|\\ud83d\\ude00\""),
        ),
        ("plan.json", PLAN),
        ("good.json", "{}"),
        ("bad.json", "{"),
        ("stele-exceptions.yaml", EXCEPTIONS),
    ])
}

fn schema(name: &str) -> std::path::PathBuf {
    workspace().join("crates/cli/tests/fixtures/schemas").join(name)
}

#[track_caller]
fn assert_sarif(text: &str) -> Value {
    let schema: Value =
        serde_json::from_slice(&std::fs::read(schema("sarif-schema-2.1.0.json")).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let report: Value = serde_json::from_str(text).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    // The schema does say something.
    let mut wrong = report.clone();
    wrong["runs"][0]["results"] = Value::from(1);
    assert!(!validator.is_valid(&wrong));
    report
}

#[test]
fn sarif_is_valid_under_the_schema_of_oasis() {
    let site = full();
    let report = assert_sarif(&check(&site, &["--format", "sarif"]).exits(1));
    let run = &report["runs"][0];
    assert!(run["results"].as_array().unwrap().len() > 4);
    assert_eq!(
        run["invocations"][0]["toolExecutionNotifications"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_sarif(&check(&site, &["--format", "sarif", "good.json"]).exits(0));
    let token = format!("dop_{}_{}", "v1", "93f1c07be55ad2e0".repeat(4));
    std::fs::write(site.path().join("x y.env"), format!("T={token}\n")).unwrap();
    let report = assert_sarif(
        &site
            .run(&["secrets", "scan", "--format", "sarif", "x y.env"])
            .exits(1),
    );
    assert_eq!(report["runs"][0]["results"].as_array().unwrap().len(), 1);
}

/// Findings of lock files and of a bill, some taken back and some accepted, packages without data, a statement and a lock file that can't be read.
#[test]
fn sarif_of_vulnerabilities_is_valid_under_the_schema_of_oasis() {
    let mut npm = osv::record(
        "GHSA-1",
        "npm",
        "left",
        &[("introduced", "0"), ("fixed", "2.0.0")],
    );
    npm["summary"] = "<b> \u{1} & \u{1f600}".into();
    let taken_back = osv::record("GHSA-2", "npm", "left", &[("introduced", "0")]);
    let accepted = osv::record("GHSA-3", "npm", "right", &[("introduced", "0")]);
    let product = json!([{"@id": "pkg:npm/left"}]);
    let vex = json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:x", "author": "Ada", "version": 1, "timestamp": osv::days_ago(1), "statements": [
        {"vulnerability": "GHSA-2", "products": product, "status": "fixed"},
        {"vulnerability": "GHSA-1", "products": product, "status": "not_affected"},
        {"vulnerability": "GHSA-9", "products": product, "status": "fixed"}]});
    let lock = "{\"lockfileVersion\": 3, \"packages\": {\n\"node_modules/left\": {\"version\": \"1.0.0\"},\n\"node_modules/right\": {\"version\": \"1.0.0\"}}}";
    let exceptions = "exceptions:\n- policy: vuln/GHSA-3\n  resource: '**'\n  reason: \"<never>\"\n  owner: a\n  approver: b\n  expires: 2999-01-01\n";
    let site = site(&[
        ("osv/1.json", &npm.to_string()),
        ("osv/2.json", &taken_back.to_string()),
        ("osv/3.json", &accepted.to_string()),
        ("vex.json", &vex.to_string()),
        ("stele-exceptions.yaml", exceptions),
        ("a b/ä%1/package-lock.json", lock),
        ("py/requirements.txt", "a==1.0\n"),
        ("rust/Cargo.lock", "[[package]\n"),
    ]);
    site.run(&["vuln", "import", "osv"]).exits(0);
    let scan = |more: &[&str]| {
        let args = ["vuln", "scan", "--vex", "vex.json", "--format", "sarif"];
        site.run(&[&args, more].concat())
    };
    let report = assert_sarif(&scan(&["."]).exits(1));
    let run = &report["runs"][0];
    let results = run["results"].as_array().unwrap();
    let rules: Vec<&str> = results
        .iter()
        .map(|one| one["ruleId"].as_str().unwrap())
        .collect();
    assert_eq!(rules, ["vuln/GHSA-1", "vuln/GHSA-2", "vuln/GHSA-3"]);
    let suppressed: Vec<bool> = results.iter().map(|one| one["suppressions"].is_array()).collect();
    assert_eq!(suppressed, [false, true, true]);
    let told = run["invocations"][0]["toolExecutionNotifications"]
        .as_array()
        .unwrap();
    // The statement that says nothing, that which is unused, the damaged lock file, the packages without data.
    assert_eq!(told.len(), 4, "{told:#?}");
    let statement = &told[2];
    assert_eq!(
        statement["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "vex.json"
    );
    site.run(&["sbom", "a b", "-o", "bom.json"]).exits(0);
    let report = assert_sarif(&scan(&["bom.json"]).exits(1));
    assert_eq!(report["runs"][0]["results"].as_array().unwrap().len(), 3);
}

#[test]
fn junit_is_valid_under_the_schema_of_jenkins() {
    let Some(python) = Peer::python("junit_valid.py", "xmlschema") else {
        return;
    };
    let site = full();
    let file = site.path().join("junit.xml");
    let xsd = schema("junit-10.xsd");
    let args = [xsd.to_str().unwrap(), file.to_str().unwrap()];
    for paths in [&["a b", "plan.json", "good.json", "bad.json"][..], &["good.json"]] {
        let ran = check(&site, &[&["--format", "junit"], paths].concat());
        assert!(ran.out.contains("<testsuite "), "{}", ran.out);
        std::fs::write(&file, ran.out).unwrap();
        python.ok(&args);
    }
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("<testcase ", "<test ")).unwrap();
    assert!(!python.command(&args).output().unwrap().status.success());
}
