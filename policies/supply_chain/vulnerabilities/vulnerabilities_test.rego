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
	found(scan([changed({"undecided": "main is no version"})])) == {"undecided"}
}

test_finding_says_which_package if {
	some finding in vulnerabilities.deny with input as scan([known, changed({"exploited": true})])
	finding.path == ["vulnerabilities", 1]
	finding.resource == "pkg:npm/left@1.2.0"
}
