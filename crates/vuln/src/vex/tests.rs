use super::*;
use serde_json::json;

fn document(statements: &[Value]) -> String {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:x", "author": "Ada", "version": 1,
        "timestamp": "2026-01-01T00:00:00Z", "statements": statements,
    })
    .to_string()
}

fn vex(statements: &[Value]) -> (Vex, Vec<String>) {
    let mut vex = Vex::default();
    vex.add("v.json", &document(statements), now()).unwrap();
    let problems = vex.problems().iter().map(ToString::to_string).collect();
    (vex, problems)
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

/// What is said of one vulnerability.
fn suppressed<'v>(
    vex: &'v mut Vex,
    id: &str,
    package: &Package,
    subject: Option<&PackageUrl<'_>>,
) -> Option<&'v Statement> {
    let names = [BTreeSet::from([id])];
    vex.suppress(&names, package, subject).into_iter().next()
}

#[test]
fn of_statements_of_one_time_that_counts_which_takes_nothing_back() {
    let (back, not) = (
        said("fixed", "pkg:npm/a"),
        said("under_investigation", "pkg:npm/a"),
    );
    for order in [[back.clone(), not.clone()], [not, back]] {
        let (mut vex, _) = vex(&order);
        assert!(suppressed(&mut vex, "CVE-1", &package("pkg:npm/a@1.0.0"), None).is_none());
    }
}

#[test]
fn what_is_dated_after_now_says_nothing() {
    let mut later = said("fixed", "pkg:npm/a");
    later["last_updated"] = "2026-06-01T00:00:01Z".into();
    let (mut vex, problems) = vex(&[later]);
    assert!(
        problems[0].contains("v.json#statements/0: it is dated 2026-06-01T00:00:01Z"),
        "{problems:?}"
    );
    assert!(suppressed(&mut vex, "CVE-1", &package("pkg:npm/a@1.0.0"), None).is_none());
}

#[test]
fn a_finding_is_taken_back_with_all_its_vulnerabilities() {
    let installed = package("pkg:npm/a@1.0.0");
    let two = [BTreeSet::from(["CVE-1"]), BTreeSet::from(["CVE-2", "GHSA-2"])];
    let (mut one, _) = vex(&[said("fixed", "pkg:npm/a")]);
    assert!(one.suppress(&two, &installed, None).is_empty());
    assert_eq!(one.unused().count(), 1);
    let mut second = said("fixed", "pkg:npm/a");
    second["vulnerability"] = "GHSA-2".into();
    let (mut both, _) = vex(&[said("fixed", "pkg:npm/a"), second]);
    assert_eq!(both.suppress(&two, &installed, None).len(), 2);
    assert_eq!(both.unused().count(), 0);
    assert!(both.suppress(&[], &installed, None).is_empty());
}

fn package(purl: &str) -> Package {
    Package::of_purl(purl, None).unwrap()
}

fn said(status: &str, product: &str) -> Value {
    json!({"vulnerability": {"name": "CVE-1", "aliases": ["GHSA-1"]}, "products": [{"@id": product}], "status": status, "impact_statement": "not used"})
}

#[test]
fn products_are_known_with_and_without_version() {
    let installed = package("pkg:npm/%40s/a@1.0.0?platform=x");
    for (product, covers) in [
        ("pkg:npm/%40s/a@1.0.0", true),
        ("pkg:npm/%40s/a", true),
        ("pkg:npm/%40s/a@1.0.0?platform=x", true),
        ("pkg:npm/%40s/a@1.0.0?platform=y", false),
        ("pkg:npm/%40s/a@1.0.1", false),
        ("pkg:npm/a@1.0.0", false),
        ("pkg:pypi/a", false),
    ] {
        let (mut vex, problems) = vex(&[said("not_affected", product)]);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(
            suppressed(&mut vex, "GHSA-1", &installed, None).is_some(),
            covers,
            "{product}"
        );
        assert_eq!(vex.unused().count(), usize::from(!covers));
        assert!(suppressed(&mut vex, "CVE-2", &installed, None).is_none());
    }
}

#[test]
fn the_latest_statement_counts() {
    let mut later = said("affected", "pkg:npm/a");
    later["timestamp"] = "2026-02-01T00:00:00Z".into();
    let first = said("not_affected", "pkg:npm/a@1.0.0");
    let (mut both, _) = vex(&[later.clone(), first.clone()]);
    assert!(suppressed(&mut both, "CVE-1", &package("pkg:npm/a@1.0.0"), None).is_none());
    assert_eq!(both.unused().count(), 1);
    let mut last = said("fixed", "pkg:npm/a");
    last["last_updated"] = "2026-03-01T00:00:00Z".into();
    let (mut all, _) = vex(&[later, first, last]);
    let found = suppressed(&mut all, "CVE-1", &package("pkg:npm/a@1.0.0"), None).unwrap();
    assert_eq!(
        (found.reason().as_str(), found.author.as_str()),
        ("fixed: not used", "Ada")
    );
}

#[test]
fn parts_belong_to_what_is_scanned() {
    let statement = json!({"vulnerability": "CVE-1", "status": "not_affected", "justification": "component_not_present",
        "products": [{"@id": "pkg:oci/shop", "subcomponents": [{"identifiers": {"purl": "pkg:npm/a"}}]}]});
    let (mut vex, problems) = vex(&[statement]);
    assert!(problems.is_empty(), "{problems:?}");
    let installed = package("pkg:npm/a@1.0.0");
    assert!(suppressed(&mut vex, "CVE-1", &installed, None).is_none());
    let shop = PackageUrl::from_str("pkg:oci/shop@sha256%3A00").unwrap();
    assert!(suppressed(&mut vex, "CVE-1", &installed, Some(&shop)).is_some());
    assert!(suppressed(&mut vex, "CVE-1", &package("pkg:npm/b@1.0.0"), Some(&shop)).is_none());
    let other = PackageUrl::from_str("pkg:oci/other").unwrap();
    assert!(suppressed(&mut vex, "CVE-1", &installed, Some(&other)).is_none());
}

#[test]
fn products_without_package_url_are_left_out_and_told() {
    let said = |status: &str, products: Value| json!({"vulnerability": "CVE-1", "status": status, "impact_statement": "not used", "products": products});
    let mixed = json!([{"@id": "https://example.org/shop"}, "pkg:npm/a", {"@id": "urn:x", "identifiers": {"purl": "pkg:npm/b"}}]);
    let of = |statement: Value| {
        let mut vex = Vex::default();
        vex.add("v.json", &document(&[statement]), now()).unwrap();
        let problems = vex.problems();
        (vex, problems)
    };
    let (mut vex, problems) = of(said("not_affected", mixed.clone()));
    for (purl, is) in [
        ("pkg:npm/a@1.0.0", true),
        ("pkg:npm/b@1.0.0", true),
        ("pkg:npm/c@1.0.0", false),
    ] {
        assert_eq!(
            suppressed(&mut vex, "CVE-1", &package(purl), None).is_some(),
            is,
            "{purl}"
        );
    }
    // That less is taken back than is meant does no harm.
    let told: Vec<(String, bool)> = problems.iter().map(|one| (one.to_string(), one.fails)).collect();
    assert!(
        matches!(told.as_slice(), [(text, false)] if text.starts_with("v.json#statements/0: products/0/@id \"https://example.org/shop\" is no package URL (")),
        "{told:?}"
    );
    let (mut vex, problems) = of(said("fixed", json!([{"@id": "urn:x"}])));
    assert!(suppressed(&mut vex, "CVE-1", &package("pkg:npm/a@1.0.0"), None).is_none());
    assert_eq!(
        (problems.len(), problems[0].fails, vex.unused().count()),
        (1, false, 0)
    );
}

#[test]
fn a_lost_product_matters_where_its_vulnerability_is_taken_back() {
    let lost = |status: &str, time: &str| json!({"vulnerability": "GHSA-9", "status": status, "impact_statement": "x", "products": ["urn:appliance"], "timestamp": time});
    let names = [BTreeSet::from(["CVE-1", "GHSA-9"])];
    let fails = |statements: &[Value]| {
        let (mut vex, _) = vex(statements);
        let before = vex.problems();
        assert!(before.len() == 1 && !before[0].fails, "{before:?}");
        let _ = vex.suppress(&names, &package("pkg:npm/a@1.0.0"), None);
        vex.problems()[0].fails
    };
    let (back, day) = (said("fixed", "pkg:npm/a"), "2026-01-01T00:00:00Z");
    for status in ["affected", "under_investigation"] {
        // Somebody else's statement, with nothing taken back, or another package.
        assert!(!fails(&[lost(status, day)]));
        assert!(!fails(&[lost(status, day), said("fixed", "pkg:npm/b")]));
        assert!(fails(&[lost(status, day), back.clone()]));
        // It would not count against a later one.
        assert!(!fails(&[lost(status, "2025-01-01T00:00:00Z"), back.clone()]));
    }
    assert!(!fails(&[lost("fixed", day), back]));
}

#[test]
fn a_package_url_that_cant_be_read_is_told_and_no_wider_id_stands_in() {
    let (mut read, problems) = vex(&[
        json!({"vulnerability": "CVE-1", "status": "fixed", "products": [
        "pkg:npm/b", {"@id": "pkg:npm/left", "identifiers": {"purl": "npm/left@1.2.0"}}, "pkg:left@1.2.0", "x".repeat(5000)]}),
        json!({"vulnerability": "CVE-1", "status": "fixed", "products": [{"identifiers": {"cpe23": "cpe:2.3:a:x:y:1:*:*:*:*:*:*:*"}}]}),
        json!({"vulnerability": "CVE-1", "status": "fixed", "products": [{"@id": "pkg:oci/shop", "subcomponents": [{"@id": "urn:part"}]}]}),
        json!({"vulnerability": "CVE-1", "status": "fixed", "products": ["x".repeat(5000)]}),
    ]);
    for purl in ["pkg:npm/left@1.2.0", "pkg:npm/left@2.0.0"] {
        assert!(suppressed(&mut read, "CVE-1", &package(purl), None).is_none());
    }
    assert!(suppressed(&mut read, "CVE-1", &package("pkg:npm/b@1.0.0"), None).is_some());
    for (problem, parts) in problems.iter().zip([
        [
            "statements/0: products/1/identifiers/purl \"npm/left@1.2.0\" is no package URL (",
            "so are 2 more of this statement",
        ],
        ["statements/1: products/0 has only a CPE, and is left out", ""],
        [
            "statements/2: products/0/subcomponents/0/@id \"urn:part\" is no package URL (",
            "",
        ],
        ["xxx...\" is no package URL (", ""],
    ]) {
        assert!(parts.iter().all(|part| problem.contains(part)), "{problem}");
        assert!(problem.len() < 500, "{problem}");
    }
    assert_eq!(problems.len(), 4);
}

#[test]
fn a_product_none_of_whose_parts_is_known_is_not_taken_whole() {
    let shop = PackageUrl::from_str("pkg:oci/shop").unwrap();
    let statement = |parts: Value| json!({"vulnerability": "CVE-1", "status": "fixed", "products": [{"@id": "pkg:oci/shop", "subcomponents": parts}]});
    let (mut none, problems) = vex(&[statement(json!(["urn:a"]))]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(suppressed(&mut none, "CVE-1", &package("pkg:npm/a@1.0.0"), Some(&shop)).is_none());
    let (mut one, problems) = vex(&[statement(json!(["urn:a", "pkg:npm/a"]))]);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(suppressed(&mut one, "CVE-1", &package("pkg:npm/a@1.0.0"), Some(&shop)).is_some());
    assert!(suppressed(&mut one, "CVE-1", &package("pkg:npm/b@1.0.0"), Some(&shop)).is_none());
}

#[test]
fn what_the_specification_refuses_says_nothing() {
    let bare = |status: &str| json!({"vulnerability": "CVE-1", "status": status, "products": ["pkg:npm/a"]});
    let mut word = bare("not_affected");
    word["justification"] = "trust_me".into();
    let mut blank = bare("not_affected");
    blank["impact_statement"] = " ".into();
    let nobody = json!({"vulnerability": "CVE-1", "status": "fixed"});
    let (mut read, problems) = vex(&[
        bare("not_affected"),
        word,
        blank,
        nobody,
        bare("harmless"),
        bare("fixed"),
    ]);
    assert_eq!(problems.len(), 5, "{problems:?}");
    assert!(
        problems[0].contains("v.json#statements/0: not_affected needs a justification"),
        "{problems:?}"
    );
    assert!(problems[1].contains("component_not_present"), "{problems:?}");
    assert!(problems[3].contains("names no product"), "{problems:?}");
    assert!(suppressed(&mut read, "CVE-1", &package("pkg:npm/a@1"), None).is_some());
    let mut vex = Vex::default();
    let error = vex.add("v.json", "[]", now()).unwrap_err().to_string();
    assert!(error.starts_with("v.json: no OpenVEX document"), "{error}");
    let other = document(&[]).replace("openvex.dev", "example.org");
    assert!(
        vex.add("v.json", &other, now())
            .unwrap_err()
            .to_string()
            .contains("@context")
    );
}
