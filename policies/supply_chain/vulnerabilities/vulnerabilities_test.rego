package supply_chain.vulnerabilities_test

import data.supply_chain.vulnerabilities

known := {
	"id": "CVE-2026-0001",
	"severity": "low",
	"age_days": 10,
	"exploited": false,
	"malicious": false,
	"package": {"purl": "pkg:npm/left@1.2.0"},
}

changed(changes) := object.union(known, changes)

scan(list) := {
	"schema": "stele.vulnerabilities.v1",
	"data": {"age_days": 1},
	"packages": 3,
	"vulnerabilities": list,
	"missing": {},
}

found(doc) := result if {
	denied := vulnerabilities.deny with input as doc
	warned := vulnerabilities.warn with input as doc
	result := {trim_prefix(finding.id, "supply_chain/vulnerabilities/") | some finding in (denied | warned)}
}

test_few_and_fresh_is_accepted if {
	vulnerabilities.allow with input as scan([])
	vulnerabilities.allow with input as scan([known, changed({"fixed": "1.3.0"})])
}

test_nothing_is_not_accepted if {
	not vulnerabilities.allow with input as {}
	not vulnerabilities.allow with input as object.remove(scan([]), ["vulnerabilities"])
	not vulnerabilities.allow with input as object.union(scan([]), {"packages": 0})
}

test_budget_counts_each_severity if {
	found(scan([changed({"severity": "high"})])) == {"budget"}
	found(scan([changed({"severity": "medium"})])) == set()
	found(scan([changed({"severity": "medium"}) | some _ in numbers.range(1, 20)])) == set()
	found(scan([changed({"severity": "medium"}) | some _ in numbers.range(1, 21)])) == {"budget"}
	found(scan([changed({"severity": "unknown"})])) == {"budget"}
}

test_message_of_the_budget if {
	vulnerabilities.deny == {{
		"id": "supply_chain/vulnerabilities/budget",
		"msg": "there are 2 vulnerabilities of severity high, and the budget is 0",
		"resource": "high",
		"path": ["vulnerabilities"],
	}} with input as scan([changed({"severity": "high"}), changed({"severity": "high"})])
}

test_exploited_and_malicious_have_no_budget if {
	found(scan([changed({"exploited": true})])) == {"exploited"}
	found(scan([changed({"malicious": true})])) == {"malicious"}
}

test_fix_is_overdue_after_the_days_of_its_severity if {
	found(scan([changed({"fixed": "1.3.0", "age_days": 180})])) == set()
	found(scan([changed({"fixed": "1.3.0", "age_days": 181})])) == {"fix-overdue"}
	found(scan([changed({"age_days": 181})])) == set()
	found(scan([changed({"severity": "medium", "fixed": "2", "age_days": 91})])) == {"fix-overdue"}
}

test_what_was_not_checked_is_told if {
	found(object.union(scan([]), {"missing": {"npm": 3}})) == {"no-data"}
	found(object.union(scan([]), {"data": {"age_days": 8}})) == {"stale-data"}
	found(object.remove(scan([]), ["data"])) == {"stale-data"}
	every freshness in [{}, {"age_days": null}, {"age_days": "1"}, {"age_days": []}, null, "fresh"] {
		found(object.union(object.remove(scan([]), ["data"]), {"data": freshness})) == {"stale-data"}
	}
	found(scan([changed({"undecided": "main is no version"})])) == {"undecided"}
}

test_finding_says_which_package if {
	some finding in vulnerabilities.deny with input as scan([known, changed({"exploited": true})])
	finding.path == ["vulnerabilities", 1]
	finding.resource == "pkg:npm/left@1.2.0"
}

test_nobody_is_spared_for_lack_of_a_name if {
	every bare in [object.remove(known, ["id"]), object.remove(known, ["package"]), changed({"package": {"purl": null}, "id": null})] {
		found(scan([object.union(bare, {"exploited": true})])) == {"exploited"}
		found(scan([object.union(bare, {"malicious": true})])) == {"malicious"}
		found(scan([object.union(bare, {"fixed": "1.3.0", "age_days": 181})])) == {"fix-overdue"}
		found(scan([object.union(bare, {"undecided": "main is no version"})])) == {"undecided"}
	}
	some finding in vulnerabilities.deny with input as scan([{"severity": "low", "exploited": true}])
	finding.msg == "a vulnerability without identifier: it is known to be exploited"
	finding.resource == "a package without URL"
}

test_what_nobody_rated_is_unknown if {
	every severity in [null, "", "HIGH", 9, ["low"]] {
		found(scan([changed({"severity": severity})])) == {"budget"}
	}
	found(scan([object.remove(known, ["severity"])])) == {"budget"}
	found(scan(["CVE-2026-0001"])) == {"budget"}
	"fix-overdue" in found(scan([changed({"severity": "HIGH", "fixed": "2", "age_days": 31})]))
	found(scan([changed({"severity": "none"})])) == set()
}

test_fix_is_overdue_when_nobody_knows_since_when if {
	found(scan([object.remove(changed({"fixed": "1.3.0"}), ["age_days"])])) == {"fix-overdue"}
	found(scan([changed({"fixed": "1.3.0", "age_days": null})])) == {"fix-overdue"}
}

test_packages_that_can_not_be_checked_are_told if {
	local := {"purl": "pkg:generic/left", "reason": "it has no version"}
	one := object.union(scan([]), {"unchecked": [local]})
	vulnerabilities.warn == {{
		"id": "supply_chain/vulnerabilities/unchecked",
		"msg": "it was not checked: it has no version",
		"resource": "pkg:generic/left",
		"path": ["unchecked", 0],
	}} with input as one
	vulnerabilities.allow with input as one
	not vulnerabilities.allow with input as object.union(one, {"packages": 1})
	not vulnerabilities.allow with input as object.union(one, {"unchecked": null})
	not vulnerabilities.allow with input as object.union(one, {"packages": "120"})
	found(object.union(scan([]), {"unchecked": [{}]})) == {"unchecked"}
}

test_scans_that_left_something_out_are_told if {
	cut := {"file": "package-lock.json", "message": "the file ends too early"}
	doc := object.union(scan([]), {"failures": [cut]})
	not vulnerabilities.allow with input as doc
	vulnerabilities.deny == {{
		"id": "supply_chain/vulnerabilities/incomplete",
		"msg": "package-lock.json could not be read as a whole: the file ends too early",
		"resource": "package-lock.json",
		"path": ["failures", 0],
	}} with input as doc
	found(object.union(scan([]), {"failures": [{}, "x"]})) == {"incomplete"}
	found(object.union(scan([]), {"failures": []})) == set()
}
