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
		{"type": "library", "name": "vendored"},
	]),
	{"vulnerabilities": [vulnerability({})]},
)

good := object.union(
	bill([component("left-pad", "1.3.0", "MIT"), {"type": "file", "name": "README.md"}]),
	{"vulnerabilities": [vulnerability({"state": "not_affected", "justification": "code_not_reachable"})]},
)

ids := {
	"supply_chain/sbom/banned-component", "supply_chain/sbom/no-version", "supply_chain/sbom/no-identity",
	"supply_chain/sbom/vulnerability",
}

test_bad_bill_has_every_finding if found(bad) == ids

test_good_bill_is_accepted if {
	found(good) == set()
	sbom.allow with input as good
	not sbom.allow with input as bad
	not sbom.allow with input as bill([])
	not sbom.allow with input as {}
}

test_message_names_component_and_reason if {
	sbom.deny == {{
		"id": "supply_chain/sbom/banned-component",
		"msg": "event-stream: pkg:npm/event-stream@3.3.6 is not allowed: it stole wallets (2018)",
		"resource": "event-stream",
		"path": ["components", 0],
	}} with input as bill([component("event-stream", "3.3.6", "MIT")])
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

located(purl) := bill([object.union(component("a", "1", "MIT"), {"purl": purl})])

banned := {"supply_chain/sbom/banned-component"}

test_qualifiers_and_subpaths_do_not_hide_a_package if {
	every purl in [
		"pkg:npm/event-stream@3.3.6?repository_url=https://npm.corp.example", "pkg:npm/event-stream@3.3.6#lib",
		"pkg:NPM/event-stream@3.3.6?a=b#lib",
	] {
		found(located(purl)) == banned
	}
	every purl in ["pkg:npm/event-stream@3.3.60", "pkg:npm/event-stream@4.0.0?x=pkg:npm/event-stream@3.3.6"] {
		found(located(purl)) == set()
	}
}

test_releases_of_distributions_are_told if {
	every purl in [
		"pkg:deb/debian/xz-utils@5.6.1-1?arch=amd64&distro=debian-13", "pkg:deb/debian/liblzma5@5.6.0-0.2",
		"pkg:rpm/fedora/xz-libs@5.6.0-1.fc41?epoch=1", "pkg:rpm/opensuse/xz@1:5.6.1-1.1", "pkg:apk/alpine/xz@5.6.1-r1",
		"pkg:apk/alpine/xz-libs@5.6.0-r0", "pkg:alpm/arch/xz@5.6.1-1", "pkg:generic/xz@5.6.1", "pkg:deb/debian/xz-utils@1%3A5.6.1-1",
		"pkg:github/tukaani-project/xz@v5.6.1",
	] {
		found(located(purl)) == banned
	}
	every purl in [
		"pkg:deb/debian/xz-utils@5.6.1+really5.4.5-1", "pkg:deb/debian/xz-utils@5.6.1%2Breally5.4.5-1", "pkg:deb/debian/xz-utils@5.6.2-1",
		"pkg:deb/debian/xz-utils@5.6.10-1", "pkg:apk/alpine/xz@5.6.1-r2", "pkg:alpm/arch/xz@5.6.1-2", "pkg:npm/xz@5.6.1",
		"pkg:deb/debian/liblzma-java@5.6.1-1",
	] {
		found(located(purl)) == set()
	}
	nameless := {"type": "library", "name": "xz", "version": "5.6.1", "licenses": [{"expression": "0BSD"}]}
	found(bill([nameless])) == banned | {"supply_chain/sbom/no-identity"}
}

test_components_in_components_count if {
	inner := component("event-stream", "3.3.6", "MIT")
	middle := object.union(component("b", "1", "MIT"), {"components": [component("c", "1", "MIT"), inner]})
	outer := object.union(component("a", "1", "MIT"), {"components": [middle]})
	denied := sbom.deny with input as bill([outer])
	{finding.path | some finding in denied} == {["components", 0, "components", 0, "components", 1]}
	pedigree := object.union(component("a", "1", "MIT"), {"pedigree": {"ancestors": [inner]}})
	found(bill([pedigree])) == set()
}

test_each_purl_of_a_package_counts if {
	several := object.union(package_of("1", "MIT"), {"externalRefs": [reference("pkg:npm/a@1"), reference("pkg:npm/event-stream@3.3.6")]})
	found(document(several)) == banned
}

reference(purl) := {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}

subject := {"SPDXID": "SPDXRef-Subject", "name": "shop", "licenseDeclared": "NOASSERTION", "primaryPackagePurpose": "APPLICATION"}

describing := [
	{"documentDescribes": ["SPDXRef-Subject"]},
	{"relationships": [{
		"spdxElementId": "SPDXRef-DOCUMENT",
		"relationshipType": "DESCRIBES",
		"relatedSpdxElement": "SPDXRef-Subject",
	}]},
	{"relationships": [{
		"spdxElementId": "SPDXRef-Subject",
		"relationshipType": "DESCRIBED_BY",
		"relatedSpdxElement": "SPDXRef-DOCUMENT",
	}]},
]

spdx(packages, more) := object.union({"spdxVersion": "SPDX-2.3", "packages": packages}, more)

test_the_subject_of_a_document_is_no_component if {
	every more in describing {
		every item in [subject, object.union(subject, {"primaryPackagePurpose": "LIBRARY"})] {
			doc := spdx([item, package_of("1", "MIT")], more)
			found(doc) == set()
			sbom.allow with input as doc
			not sbom.allow with input as spdx([item], more)
		}
	}
}

test_only_the_subject_is_spared if {
	not_described := spdx([subject, package_of("1", "MIT")], {})
	found(not_described) == {"supply_chain/sbom/no-version", "supply_chain/sbom/no-identity"}
	library := object.union(package_of("NOASSERTION", "MIT"), {"SPDXID": "SPDXRef-a"})
	both := {"documentDescribes": ["SPDXRef-Subject", "SPDXRef-a"]}
	found(spdx([subject, library], both)) == {"supply_chain/sbom/no-version"}
	stolen := object.union(subject, {"externalRefs": [reference("pkg:npm/event-stream@3.3.6")]})
	found(spdx([stolen, package_of("1", "MIT")], describing[0])) == banned
}

test_ratings_are_read_in_each_form if {
	severe := {"supply_chain/sbom/vulnerability"}
	every ratings in [
		[{"score": 9.8}], [{"score": 9}], [{"severity": "unknown", "score": 10}], [{"severity": "Critical"}],
		[{"severity": "low"}, {"severity": "critical"}],
	] {
		found(object.union(good, {"vulnerabilities": [{"id": "CVE-2024-3094", "ratings": ratings}]})) == severe
		found(object.union(good, {"vulnerabilities": [{"ratings": ratings}]})) == severe
	}
	every ratings in [[{"score": 8.9}], [{"severity": "high", "score": 9.3}], [{"severity": "unknown"}], []] {
		found(object.union(good, {"vulnerabilities": [{"ratings": ratings}]})) == set()
	}
}

versioned(version) := object.union(good, {"components": [{"type": "library", "name": "a", "version": version, "purl": "pkg:npm/a@1"}]})

test_ranges_are_no_versions if {
	every version in [
		"", "NOASSERTION", "latest", "*", "^1.2.0", "~1.2", "~> 1.0", ">=1", "> 1, < 2", "!=1.2", "1.x", "1.X", "1.+", "1.2.*",
		"==1.2.*", "1.2 - 1.4", "1.2 || 2.0", "[1.0,2.0)", "(,1.0]",
	] {
		found(versioned(version)) == {"supply_chain/sbom/no-version"}
	}
	every version in ["1.2.3", "1.2.3-beta+x", "v1", "2026-01-01", "1.x86", "latest-1", "1:2.3~rc1", "=1.2.3", "= 1.2.3", "==1.2.3", "1.0~", "2.0+", "1.0+x"] {
		found(versioned(version)) == set()
	}
}
