package supply_chain.licences_test

import data.supply_chain.licences

found(doc) := result if {
	denied := licences.deny with input as doc
	warned := licences.warn with input as doc
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

bad := bill([component("database", "2.0.0", "AGPL-3.0-only"), {"type": "library", "name": "vendored"}])

good := bill([component("left-pad", "1.3.0", "MIT"), {"type": "file", "name": "README.md"}])

test_bad_bill_has_every_finding if {
	found(bad) == {"supply_chain/licences/banned-licence", "supply_chain/licences/no-licence"}
}

test_good_bill_is_accepted if {
	found(good) == set()
	licences.allow with input as good
	not licences.allow with input as bad
	not licences.allow with input as bill([])
	not licences.allow with input as {}
}

test_message_names_component_and_licence if {
	licences.deny == {{
		"id": "supply_chain/licences/banned-licence",
		"msg": "database: the licence SSPL-1.0 is not allowed",
		"resource": "database",
		"path": ["components", 0],
	}} with input as bill([component("database", "2.0.0", "SSPL-1.0")])
}

licensed(expression) := bill([object.union(component("a", "1", "MIT"), {"licenses": [{"expression": expression}]})])

test_expressions_with_a_choice_are_accepted if {
	every expression in [
		"(MIT OR AGPL-3.0-only)", "MIT OR AGPL-3.0-only", "AGPL-3.0-only or MIT", "(MIT AND BSD-3-Clause) OR AGPL-3.0-only",
		"MIT AND (Apache-2.0 OR (SSPL-1.0 AND ISC))", "GPL-2.0-only WITH Classpath-exception-2.0", "AGPL-3.0-only AND MIT OR ISC",
		"LGPL-3.0+", "((((MIT))))",
	] {
		found(licensed(expression)) == set()
	}
}

test_expressions_without_a_choice_are_denied if {
	every expression in [
		"AGPL-3.0", "AGPL-1.0", "AGPL-3.0+", "AGPL-1.0+", "agpl-3.0-only", "MIT AND AGPL-3.0-only",
		"(MIT OR Apache-2.0) AND SSPL-1.0", "MIT AND (AGPL-3.0-only OR SSPL-1.0)", "AGPL-3.0-only WITH Classpath-exception-2.0",
		"MIT OR (AGPL-3.0-only", "MIT AGPL-3.0-only", "(AGPL-3.0-only)", "AGPL-3.0-or-later AND MIT AND ISC",
	] {
		found(licensed(expression)) == {"supply_chain/licences/banned-licence"}
	}
}

test_licences_outside_of_the_list_are_not_known if {
	every choices in [
		[{"license": {"name": "Corp licence"}}], [{"expression": "LicenseRef-corp"}],
		[{"expression": "DocumentRef-x:LicenseRef-corp"}], [],
	] {
		with_choices(choices) == {"supply_chain/licences/no-licence"}
	}
	with_choices([{"license": {"name": "AGPL-3.0"}}]) == {"supply_chain/licences/banned-licence"}
	with_choices([{"license": {"name": "MIT License"}}, {"expression": "MIT"}]) == set()
	with_choices([{"expression": "MIT AND LicenseRef-corp"}]) == set()
}

with_choices(choices) := found(bill([object.union(component("a", "1", "MIT"), {"licenses": choices})]))

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
	found(document(package_of("1", "AGPL-3.0-or-later"))) == {"supply_chain/licences/banned-licence"}
	found(document(package_of("1", "NOASSERTION"))) == {"supply_chain/licences/no-licence"}
}

test_lists_are_data if {
	doc := licensed("MIT")
	denied := licences.deny with input as doc with data.config.sbom as {"banned_licences": ["mit"]}
	{finding.msg | some finding in denied} == {"a: the licence MIT is not allowed"}
	count(licences.deny) == 0 with input as licensed("AGPL-3.0-only") with data.config.sbom as {"banned_licences": ["mit"]}
}

test_components_in_components_count if {
	outer := object.union(component("a", "1", "MIT"), {"components": [component("b", "1", "SSPL-1.0")]})
	denied := licences.deny with input as bill([outer])
	{finding.path | some finding in denied} == {["components", 0, "components", 0]}
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
			licences.allow with input as doc
			not licences.allow with input as spdx([item], more)
		}
	}
}

test_only_the_subject_is_spared if {
	found(spdx([subject, package_of("1", "MIT")], {})) == {"supply_chain/licences/no-licence"}
	library := object.union(package_of("1", "NOASSERTION"), {"SPDXID": "SPDXRef-a"})
	both := {"documentDescribes": ["SPDXRef-Subject", "SPDXRef-a"]}
	found(spdx([subject, library], both)) == {"supply_chain/licences/no-licence"}
	banned := object.union(subject, {"licenseDeclared": "SSPL-1.0"})
	found(spdx([banned, package_of("1", "MIT")], describing[0])) == {"supply_chain/licences/banned-licence"}
}
