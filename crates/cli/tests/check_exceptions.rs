//! Exceptions of `stele check`: in a file, and in policies.
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

use gate::{DEPLOYMENT, check, git, site, violations};
use serde_json::Value;

fn exception(policy: &str, more: &str) -> String {
    format!(
        "- policy: {policy}\n  reason: moves in spring\n  owner: shop@example.com\n  approver: security@example.com\n  {more}\n"
    )
}

fn file(entries: &[String]) -> String {
    format!("exceptions:\n{}", entries.concat())
}

const FAR: &str = "expires: 2999-12-31";
const PAST: &str = "expires: 2020-01-01";

#[test]
fn an_exception_excepts_until_its_day_and_is_shown() {
    let entries = [
        exception(
            "kubernetes/admission/privileged",
            &format!("{FAR}\n  resource: Deployment/default/*"),
        ),
        exception(
            "kubernetes/admission/host-*",
            &format!("{PAST}\n  resource: '**'"),
        ),
        exception("kubernetes/**", &format!("{FAR}\n  file: elsewhere/**")),
    ];
    let site = site(&[
        ("k8s/web.yaml", DEPLOYMENT),
        ("stele-exceptions.yaml", &file(&entries)),
    ]);
    let ran = check(&site, &["--format", "json"]);
    let dead = "stele-exceptions.yaml:8: the exception for kubernetes/admission/host-* expired on 2020-01-01";
    assert!(ran.err.contains(dead), "{}", ran.err);
    let unused = "stele-exceptions.yaml:14: the exception for kubernetes/** is unused";
    assert!(
        ran.err.contains(unused) && ran.err.contains("2 violations") && ran.err.contains("1 excepted"),
        "{}",
        ran.err
    );
    let report: Value = serde_json::from_str(&ran.exits(1)).unwrap();
    let states: Vec<&str> = report["exceptions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|idle| idle["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["expired", "unused"]);
    let findings = report["findings"].as_array().unwrap();
    let excepted = findings
        .iter()
        .find(|finding| finding["exception"].is_object())
        .unwrap();
    assert_eq!(excepted["rule"], "kubernetes/admission/privileged");
    assert_eq!(excepted["exception"]["expires"], "2999-12-31");
    assert_eq!(excepted["exception"]["approver"], "security@example.com");

    // Every format says who, until when and why.
    let said = "excepted until 2999-12-31, approved by security@example.com, owned by shop@example.com: moves in spring";
    for format in ["text", "sarif", "junit", "github", "gitlab", "markdown", "html"] {
        let report = check(&site, &["--format", format]).exits(1);
        let report = report
            .replace("%2C", ",")
            .replace("%3A", ":")
            .replace("&#64;", "@")
            .replace("\\_", "_");
        assert!(report.contains(said), "{format}: {report}");
    }
    let sarif: Value = serde_json::from_str(&check(&site, &["--format", "sarif"]).exits(1)).unwrap();
    let suppressed: Vec<&Value> = sarif["runs"][0]["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|result| result["suppressions"].is_array())
        .collect();
    assert_eq!(suppressed.len(), 1);
    assert_eq!(suppressed[0]["suppressions"][0]["status"], "accepted");
    let junit = check(&site, &["--format", "junit"]).exits(1);
    assert!(junit.contains("<skipped message=\"excepted until"), "{junit}");

    // Nothing else is left of it once all are excepted; a part of the files does not show what is unused.
    let all = file(&[exception("kubernetes/**", &format!("{FAR}\n  file: k8s/*.yaml"))]);
    std::fs::write(site.path().join("stele-exceptions.yaml"), all).unwrap();
    let ran = check(&site, &["k8s"]);
    assert!(!ran.err.contains("unused"), "{}", ran.err);
    ran.exits(0);
    // A baseline would keep it quiet beyond its end.
    check(&site, &["--write-baseline", "known.json", "k8s"]).fails(0, &["0 findings in known.json"]);
}

#[test]
fn exceptions_are_for_what_lies_below_their_repository_s_root() {
    let all = file(&[exception("'**'", &format!("{FAR}\n  resource: '**'"))]);
    let site = site(&[
        ("one/web.yaml", DEPLOYMENT),
        ("one/stele-exceptions.yaml", &all),
        ("two/web.yaml", DEPLOYMENT),
        ("two/deep/web.yaml", DEPLOYMENT),
        ("two/deep/stele-exceptions.yaml", &all),
    ]);
    git(&site, &["init", "-q", "one"]);
    git(&site, &["init", "-q", "two"]);
    check(&site, &["one"]).exits(0);
    let ran = check(&site, &["one", "two/web.yaml", "--format", "json"]);
    assert!(violations(&ran.out).iter().any(|line| line.starts_with("two/")));
    ran.exits(1);
    let ran = check(&site, &["two/deep", "two/deep/web.yaml"]);
    let said = ran.err.matches("two/deep/stele-exceptions.yaml is not taken");
    assert_eq!(said.count(), 1, "{}", ran.err);
    ran.exits(1);
    check(&site, &["two/deep", "--exceptions", "one/stele-exceptions.yaml"]).exits(0);
    // Each path has those of its own repository, wherever the command runs.
    std::fs::write(site.path().join("two/stele-exceptions.yaml"), &all).unwrap();
    let ran = check(&site, &["one", "two/web.yaml", "two/deep"]);
    for root in ["one", "two"] {
        let said = format!("exceptions are those of {root}/stele-exceptions.yaml");
        assert_eq!(ran.err.matches(&said).count(), 1, "{}", ran.err);
    }
    ran.exits(0);
    std::fs::remove_file(site.path().join("one/stele-exceptions.yaml")).unwrap();
    check(&site, &["two"]).exits(0);
    check(&site, &["one", "two"]).exits(1);
}

#[test]
fn a_file_of_exceptions_that_says_too_little_stops_the_check() {
    let endless = file(&[exception("kubernetes/**", "resource: '**'")]);
    let site = site(&[("web.yaml", DEPLOYMENT), ("stele-exceptions.yaml", &endless)]);
    check(&site, &[]).fails(2, &["stele-exceptions.yaml:2", "`expires`", "2027-01-31"]);
    check(&site, &["--exceptions", "none.yaml"]).fails(2, &["none.yaml"]);
    let own = endless
        .replace("security@", "shop@")
        .replace("resource:", &format!("{FAR}\n  resource:"));
    std::fs::write(site.path().join("own.yaml"), own).unwrap();
    check(&site, &["--exceptions", "own.yaml"]).fails(2, &["own.yaml:2", "owner", "approver"]);
}

const CONFTEST: &str = "# METADATA\n# custom:\n#   id: main\npackage main\n\n\
    deny_root contains \"root\" if input.root\n\ndeny_latest contains \"latest\" if input.latest\n\ndeny contains \"plain\" if input.plain\n\n\
    exception contains rules if {\n\tinput.old\n\trules := [\"root\", \"deny_latest\", \"\"]\n}\n";

#[test]
fn policies_except_by_the_names_of_rules() {
    let site = site(&[
        ("policy/main.rego", CONFTEST),
        ("a.yaml", "{root: true, latest: true, plain: true}\n"),
        ("b.yaml", "{root: true, latest: true, plain: true, old: true}\n"),
    ]);
    let policy = ["--policy", "policy", "--format", "json"];
    let report = check(&site, &[&policy[..], &["a.yaml"]].concat()).exits(1);
    assert_eq!(violations(&report).len(), 3);
    let report = check(&site, &[&policy[..], &["b.yaml"]].concat()).exits(0);
    assert_eq!(
        report.matches("\"place\": \"main/exception\"").count(),
        3,
        "{report}"
    );
    // One that has no answer excepts nothing, and nothing passed.
    let broken = format!(
        "{}\nf(_) := 1\n\nf(_) := 2\n",
        CONFTEST.replace("input.old\n", "input.old\n\tf(1)\n")
    );
    std::fs::write(site.path().join("policy/main.rego"), broken).unwrap();
    let ran = check(&site, &[&policy[..], &["b.yaml"]].concat());
    assert!(ran.err.contains("main/exception has no answer"), "{}", ran.err);
    assert_eq!(violations(&ran.exits(1)).len(), 3);
}

#[test]
fn an_exception_for_no_policy_that_there_is_is_told_at_once() {
    let entries = [
        exception(
            "kubernetes/admission/priviledged",
            &format!("{FAR}\n  resource: '**'"),
        ),
        exception(
            "kubernetes/admission/privileged",
            &format!("{FAR}\n  resource: 'Pod/**'"),
        ),
    ];
    let site = site(&[
        ("web.yaml", DEPLOYMENT),
        ("sub/web.yaml", DEPLOYMENT),
        ("stele-exceptions.yaml", &file(&entries)),
    ]);
    // Of one file nobody knows what is unused, but a name that nothing has is wrong in any case.
    let ran = check(&site, &["web.yaml", "--format", "json"]);
    let wrong = "the exception for kubernetes/admission/priviledged excepts nothing: none of the policies";
    assert!(
        ran.err.contains(wrong) && !ran.err.contains("unused"),
        "{}",
        ran.err
    );
    let report = ran.exits(1);
    assert_eq!(report.matches("\"state\": \"unknown\"").count(), 1, "{report}");
}

/// Ids that a rule makes up as it runs are known by what they are made of; a typo in the others is told.
#[test]
fn an_exception_for_an_id_that_a_rule_makes_up_is_not_called_unknown() {
    let policy = r#"# METADATA
# custom:
#   id: own/ports
#   inputs: [kubernetes]
package own.ports

deny contains {"id": sprintf("own/ports/%d", [port]), "msg": "open"} if some port in input.spec.ports

deny contains finding("own/ports/none") if not input.spec.ports

finding(id) := {"id": id, "msg": "no port"}
"#;
    let entries = [
        "own/ports/80",
        "own/ports/443",
        "own/ports/none",
        "own/ports/nothing",
        "own/port/80",
    ]
    .map(|id| exception(id, &format!("{FAR}\n  resource: '**'")));
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [80]}\n";
    let site = site(&[
        ("web.yaml", service),
        ("policies/own.rego", policy),
        ("stele-exceptions.yaml", &file(&entries)),
    ]);
    let ran = check(&site, &[".", "--policy", "policies", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.exits(0)).unwrap();
    let idle = report["exceptions"].as_array().unwrap().iter();
    let idle: Vec<_> = idle
        .map(|idle| (idle["policy"].as_str().unwrap(), idle["state"].as_str().unwrap()))
        .collect();
    assert_eq!(
        idle,
        [
            ("own/ports/443", "unused"),
            ("own/ports/none", "unused"),
            // May be one of those that are made up.
            ("own/ports/nothing", "unused"),
            ("own/port/80", "unknown"),
        ]
    );
}
