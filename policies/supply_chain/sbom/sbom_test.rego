package supply_chain.sbom_test

import data.supply_chain.sbom

found(doc) := result if {
	denied := sbom.deny with input as doc
	warned := sbom.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

bill(components) := {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": components}

component(name, version, licence) := {
	"type": "library",
	"name": name,
	"version": version,
	"purl": sprintf("pkg:npm/%s@%s", [name, version]),
	"licenses": [{"license": {"id": licence}}],
}

vulnerability(analysis) := {"id": "CVE-2024-3094", "ratings": [{"severity": "critical"}], "analysis": analysis}

bad := object.union(
	bill([
		component("ua-parser-js", "0.7.29", "MIT"),
		component("database", "2.0.0", "AGPL-3.0-only"),
		{"type": "library", "name": "vendored"},
	]),
	{"vulnerabilities": [vulnerability({})]},
)

good := object.union(
	bill([component("left-pad", "1.3.0", "MIT"), {"type": "file", "name": "README.md"}]),
	{"vulnerabilities": [vulnerability({"state": "not_affected", "justification": "code_not_reachable"})]},
)

ids := {
	"supply_chain/sbom/banned-licence", "supply_chain/sbom/banned-component", "supply_chain/sbom/no-version",
	"supply_chain/sbom/no-identity", "supply_chain/sbom/no-licence", "supply_chain/sbom/vulnerability",
}

test_bad_bill_has_every_finding if found(bad) == ids

test_good_bill_is_accepted if {
	found(good) == set()
	sbom.allow with input as good
	not sbom.allow with input as bad
	not sbom.allow with input as bill([])
	not sbom.allow with input as {}
}

test_message_names_component_and_licence if {
	sbom.deny == {{
		"id": "supply_chain/sbom/banned-licence",
		"msg": "database: the licence SSPL-1.0 is not allowed",
		"resource": "database",
		"path": ["components", 0],
	}} with input as bill([component("database", "2.0.0", "SSPL-1.0")])
}

test_expressions_are_taken_apart if {
	dual := {"name": "a", "version": "1", "purl": "pkg:npm/a@1", "licenses": [{"expression": "(MIT OR AGPL-3.0-only)"}]}
	found(bill([dual])) == {"supply_chain/sbom/banned-licence"}
	found(bill([object.union(dual, {"licenses": [{"license": {"name": "MIT License"}}, {"expression": "MIT"}]})])) == set()
}

package_of(version, licence) := {
	"name": "a",
	"versionInfo": version,
	"licenseConcluded": licence,
	"licenseDeclared": "NOASSERTION",
	"externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:npm/a@1"}],
}

document(item) := {"spdxVersion": "SPDX-2.3", "packages": [item]}

test_spdx_is_read if {
	found(document(package_of("1", "MIT"))) == set()
	found(document(package_of("1", "AGPL-3.0-or-later"))) == {"supply_chain/sbom/banned-licence"}
	found(document(package_of("1", "NOASSERTION"))) == {"supply_chain/sbom/no-licence"}
	found(document(package_of("NOASSERTION", "MIT"))) == {"supply_chain/sbom/no-version"}
}

test_lists_are_data if {
	doc := bill([component("left-pad", "1.3.0", "MIT")])
	denied := sbom.deny with input as doc
		with data.config.sbom as {"banned_components": {"pkg:npm/left-pad": "it was withdrawn"}}
	{finding.msg | some finding in denied} == {"left-pad: pkg:npm/left-pad@1.3.0 is not allowed: it was withdrawn"}
	other := sbom.deny with input as bill([component("left-padding", "1.3.0", "MIT")])
		with data.config.sbom as {"banned_components": {"pkg:npm/left-pad": "it was withdrawn"}}
	count(other) == 0
}

test_assessed_vulnerabilities_are_accepted if {
	every state in ["exploitable", "in_triage"] {
		found(object.union(good, {"vulnerabilities": [vulnerability({"state": state})]})) == {"supply_chain/sbom/vulnerability"}
	}
	every state in ["false_positive", "not_affected", "resolved"] {
		found(object.union(good, {"vulnerabilities": [vulnerability({"state": state})]})) == set()
	}
}
