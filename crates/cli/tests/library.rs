//! The starter library as files meet it, and the pages about it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{Site, workspace};

/// Rules that pass on what others found, and rules about lists of objects, which files are not read as.
const NOT_IN_FILES: [&str; 4] = [
    "kubernetes/admission/restricted",
    "kubernetes/admission/restricted-advice",
    "kubernetes/network/default-deny-egress",
    "kubernetes/network/default-deny-ingress",
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The ids of the rules of each policy, as the sources say them.
fn rules() -> BTreeMap<String, BTreeSet<String>> {
    let mut rules: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files(&workspace().join("policies")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let ids = text.lines().filter_map(|line| line.strip_prefix("#   id: "));
        for id in ids.filter(|id| id.matches('/').count() == 2) {
            let (policy, _) = id.rsplit_once('/').unwrap();
            rules.entry(policy.to_owned()).or_default().insert(id.to_owned());
        }
    }
    rules
}

/// The rules that files break, each with the file.
fn check(site: &Site, files: &[PathBuf]) -> BTreeSet<(PathBuf, String)> {
    let policies = workspace().join("policies");
    let mut args = vec![
        "check",
        "--dry-run",
        "--format",
        "json",
        "--policy",
        policies.to_str().unwrap(),
    ];
    args.extend(files.iter().map(|path| path.to_str().unwrap()));
    let report: Value = serde_json::from_str(&site.run(&args).exits(0)).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| {
            assert_ne!(finding["path"], serde_json::json!([]), "no place: {finding}");
            let text = |key: &str| finding[key].as_str().unwrap().to_owned();
            (text("file").into(), text("rule"))
        })
        .collect()
}

/// The rules that a request breaks.
fn decide(site: &Site, policy: &str, file: &Path) -> BTreeSet<(PathBuf, String)> {
    let (policies, package) = (workspace().join("policies"), policy.replace('/', "."));
    let query = format!("[f.id | some name in [\"deny\", \"warn\"]; some f in data.{package}[name]]");
    let (policies, name) = (policies.to_str().unwrap(), file.to_str().unwrap());
    let answer = site
        .run(&["eval", "-d", policies, "-i", name, "-f", "raw", &query])
        .exits(0);
    let ids: Vec<String> = serde_json::from_str(&answer).unwrap();
    ids.into_iter().map(|id| (file.to_owned(), id)).collect()
}

/// Whether a policy is for requests, not for files.
fn is_for_requests(policy: &str) -> bool {
    let sources = files(&workspace().join("policies").join(policy));
    let mut texts = sources.iter().map(|path| std::fs::read_to_string(path).unwrap());
    texts.any(|text| text.contains("#   inputs: []"))
}

/// As the README builds them: with all entry points in one contract.
#[test]
fn every_policy_fits_a_contract() {
    let (site, policies) = (Site::new(), workspace().join("policies"));
    let built = site
        .run(&["build", policies.to_str().unwrap(), "--output", "dist"])
        .exits(0);
    for policy in rules().keys() {
        assert!(built.contains(policy), "{policy} in:\n{built}");
    }
}

#[test]
fn every_rule_has_a_failing_and_a_passing_example() {
    let site = Site::new();
    let rules = rules();
    assert!(
        rules.values().map(BTreeSet::len).sum::<usize>() >= 200,
        "{rules:?}"
    );
    let examples = workspace().join("examples/library");
    let mut broken = check(&site, &files(&examples));
    for policy in rules.keys().filter(|policy| is_for_requests(policy)) {
        for file in files(&examples.join(policy)) {
            broken.extend(decide(&site, policy, &file));
        }
    }
    for (policy, ids) in &rules {
        let folder = examples.join(policy);
        let is_bad = |path: &Path| path.file_name().unwrap().to_string_lossy().contains("bad");
        let own = broken
            .iter()
            .filter(|(path, id)| path.parent() == Some(&folder) && ids.contains(id));
        let (failed, refused): (Vec<_>, Vec<_>) = own.partition(|(path, _)| is_bad(path));
        assert!(refused.is_empty(), "a good example is refused: {refused:?}");
        assert!(
            files(&folder).iter().any(|path| !is_bad(path)),
            "{policy} has no good example"
        );
        let failed: BTreeSet<&String> = failed.into_iter().map(|(_, id)| id).collect();
        let missing: Vec<&String> = ids
            .iter()
            .filter(|id| !failed.contains(id) && !NOT_IN_FILES.contains(&id.as_str()))
            .collect();
        assert!(missing.is_empty(), "no example fails: {missing:?}");
    }
}

/// The ids of the rules of each policy that say in their metadata how a finding is mended.
fn mended() -> BTreeMap<String, BTreeSet<String>> {
    let mut mended: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files(&workspace().join("policies")) {
        let text = std::fs::read_to_string(&path).unwrap();
        for block in text.split("# METADATA\n").skip(1) {
            let line = |key: &str| block.lines().find_map(|line| line.strip_prefix(key));
            if let (Some(id), Some(_)) = (line("#   id: "), line("#   fix: ")) {
                let (policy, _) = id.rsplit_once('/').unwrap();
                mended.entry(policy.to_owned()).or_default().insert(id.to_owned());
            }
        }
    }
    mended
}

#[test]
fn every_fix_makes_the_failing_example_pass_its_rule() {
    let site = Site::new();
    let mended = mended();
    assert!(
        mended.values().map(BTreeSet::len).sum::<usize>() >= 10,
        "{mended:?}"
    );
    let policies = workspace().join("policies");
    for (policy, ids) in &mended {
        let examples = files(&workspace().join("examples/library").join(policy));
        let is_bad = |path: &&PathBuf| path.file_name().unwrap().to_string_lossy().contains("bad");
        let own: Vec<PathBuf> = examples
            .iter()
            .filter(is_bad)
            .map(|path| copied(&site, policy, path))
            .collect();
        let told = |found: BTreeSet<(PathBuf, String)>| -> BTreeSet<String> {
            found
                .into_iter()
                .map(|(_, id)| id)
                .filter(|id| ids.contains(id))
                .collect()
        };
        assert_eq!(&told(check(&site, &own)), ids, "no example has a finding to mend");
        let mut args = vec!["check", "--fix", "--yes", "--policy", policies.to_str().unwrap()];
        args.extend(own.iter().map(|path| path.to_str().unwrap()));
        let ran = site.run(&args);
        assert!(matches!(ran.code, 0 | 1), "{}{}", ran.out, ran.err);
        assert_eq!(told(check(&site, &own)), BTreeSet::new(), "{policy}: {}", ran.out);
    }
}

fn copied(site: &Site, policy: &str, path: &Path) -> PathBuf {
    let folder = site.path().join("examples").join(policy);
    std::fs::create_dir_all(&folder).unwrap();
    let copy = folder.join(path.file_name().unwrap());
    std::fs::copy(path, &copy).unwrap();
    copy
}

#[test]
fn the_pages_about_the_library_are_those_of_its_metadata() {
    let site = Site::new();
    let (policies, pages) = (workspace().join("policies"), workspace().join("docs/policies"));
    let examples = workspace().join("examples/library");
    let mut args = vec![
        "policy",
        "docs",
        policies.to_str().unwrap(),
        "--output",
        pages.to_str().unwrap(),
    ];
    args.extend(["--examples", examples.to_str().unwrap()]);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        site.run(&args).exits(0);
    }
    args.push("--check");
    let checked = site.run(&args);
    assert_eq!(
        checked.code, 0,
        "UPDATE_DOCS=1 writes these pages anew:\n{}{}",
        checked.out, checked.err
    );
}

const POLICY: &str = "# METADATA\n# title: Orders\n# description: Who may order.\n# related_resources:\n# - https://example.com/a\n# - ref: https://example.com/b\n# custom:\n#   id: shop/orders\n#   layer: L5\n#   inputs: [yaml]\npackage shop.orders\n\n# METADATA\n# title: Too much | at once\n# custom:\n#   id: shop/orders/amount\n#   severity: high\n#   controls: [\"iso-27001-2022:A.8.26\", \"iso-27001-2022:A.8.3\"]\n#   remediation: Order less.\n#   fix: {value: 10}\ndeny contains \"too much\" if input.amount > 10\n";

#[test]
fn pages_are_made_of_anyones_policies() {
    let site = Site::new();
    let write = |name: &str, text: &str| {
        let path = site.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let read = |name: &str| std::fs::read_to_string(site.path().join(name)).unwrap();
    write("p/orders.rego", POLICY);
    write("e/shop/orders/bad.yaml", "amount: 11\n# ```\n");
    write("docs/policies/notes.md", "mine\n");
    let docs = ["policy", "docs", "p", "--examples", "e"];
    let check = ["policy", "docs", "p", "--examples", "e", "--check"];
    let outdated = site.run(&check).exits(1);
    assert_eq!(outdated.lines().count(), 3, "{outdated}");
    assert!(!site.path().join("docs/policies/README.md").exists());
    site.run(&docs).exits(0);
    site.run(&check).exits(0);
    let page = read("docs/policies/shop/orders.md");
    for expected in [
        "# Orders\n",
        "| layer | L5, application |",
        "<https://example.com/b>",
        "| [Too much \\| at once](#shopordersamount) | high | denies |",
        "* Remediation: Order less.",
        "* Mended by `stele check --fix`.",
        "amount: 11\n# ```\n",
    ] {
        assert!(page.contains(expected), "{expected}\n{page}");
    }
    let coverage = read("docs/policies/coverage.md");
    let (first, second) = (
        coverage.find("| A.8.3 |").unwrap(),
        coverage.find("| A.8.26 |").unwrap(),
    );
    assert!(first < second, "{coverage}");
    assert!(read("docs/policies/README.md").contains("## L5: application (1 rules)"));

    // A policy that is gone takes its page with it; what others wrote stays.
    write("p/orders.rego", &POLICY.replace("shop", "store"));
    let changed = site.run(&docs).exits(0);
    assert!(changed.contains("orders.md (of no policy)"), "{changed}");
    assert!(!site.path().join("docs/policies/shop/orders.md").exists());
    assert_eq!(read("docs/policies/notes.md"), "mine\n");
    write("docs/policies/coverage.md", "mine\n");
    site.run(&docs).fails(2, &["coverage.md", "--output"]);
    assert_eq!(read("docs/policies/coverage.md"), "mine\n");
}

#[test]
fn what_pages_are_made_of_is_checked() {
    let site = Site::new();
    std::fs::create_dir(site.path().join("p")).unwrap();
    std::fs::write(site.path().join("p/a.rego"), "package a\n\nx := 1\n").unwrap();
    site.run(&["policy", "docs", "p"]).fails(2, &["has no policy"]);
    std::fs::write(site.path().join("p/a.rego"), POLICY.replace("L5", "L9")).unwrap();
    site.run(&["policy", "docs", "p"])
        .fails(2, &["`L9` is no layer", "L1, L2, L3, L4, L5, L6, L7, L8"]);
}

/// OPA reads `not f(input.x)` otherwise than decisions do (D6 of the divergences), and `stele eval` reads it as OPA does.
#[test]
fn the_librarys_tests_pass_as_opa_reads_negations() {
    let site = Site::new();
    let policies = workspace().join("policies");
    let policies = policies.to_str().unwrap();
    let tests = site
        .run(&["policy", "test", policies, "--format", "json"])
        .exits(0);
    let tests: Vec<Value> = serde_json::from_str(&tests).unwrap();
    assert!(tests.len() > 600, "{} tests", tests.len());
    let data = site.run(&["eval", "-d", policies, "-f", "json", "data"]).exits(0);
    let data: Value = serde_json::from_str(&data).unwrap();
    let data = &data["result"][0]["expressions"][0]["value"];
    for test in tests {
        let (package, name) = (test["package"].as_str().unwrap(), test["name"].as_str().unwrap());
        let place = package.strip_prefix("data").unwrap().replace('.', "/");
        assert_eq!(
            data.pointer(&format!("{place}/{name}")),
            Some(&Value::Bool(true)),
            "{package}.{name}"
        );
    }
}
