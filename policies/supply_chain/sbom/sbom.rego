# METADATA
# title: Bills of materials
# description: >-
#   What a CycloneDX or SPDX bill of materials says of its components, and what it leaves out.
# related_resources:
# - https://www.ntia.gov/report/2021/minimum-elements-software-bill-materials-sbom
# custom:
#   id: supply_chain/sbom
#   layer: L7
#   inputs: [cyclonedx, spdx]
#   owner: supply-chain
#   severity: medium
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SR-4
#   - nist-800-53r5:CM-8
#   - iso-27001-2022:A.5.21
#   - soc2:CC9.2
#   remediation: Replace the component, or complete the bill of materials.
package supply_chain.sbom

default allow := false

# METADATA
# title: Accept what nothing denies
# description: A bill of materials without components proves nothing and is not accepted.
allow if {
	count(components) > 0
	count(deny) == 0
}

described(id, component, message) := {
	"id": id,
	"msg": sprintf("%s: %s", [component.name, message]),
	"resource": component.name,
	"path": component.path,
}

# Components of CycloneDX and packages of SPDX in one shape. The licences of an expression are its words.
components contains shape if {
	some number, component in input.components
	shape := {
		"path": ["components", number],
		"name": object.get(component, "name", "unnamed"),
		"version": object.get(component, "version", ""),
		"purl": object.get(component, "purl", ""),
		"library": object.get(component, "type", "library") in {"application", "framework", "library", "operating-system"},
		"licences": {word |
			some choice in component.licenses
			some text in [object.get(choice, "expression", ""), object.get(choice, ["license", "id"], "")]
			some word in words(text)
		},
	}
}

components contains shape if {
	some number, item in input.packages
	shape := {
		"path": ["packages", number],
		"name": object.get(item, "name", "unnamed"),
		"version": object.get(item, "versionInfo", ""),
		"purl": concat(" ", sort([reference.referenceLocator |
			some reference in item.externalRefs
			reference.referenceType == "purl"
		])),
		"library": true,
		"licences": {word |
			some field in ["licenseConcluded", "licenseDeclared"]
			some word in words(object.get(item, field, ""))
		} - {"NOASSERTION", "NONE"},
	}
}

words(text) := {word | some word in split(replace(replace(text, "(", " "), ")", " "), " "); word != ""}

# METADATA
# title: Licence that is not wanted
# description: A component has a licence of data.config.sbom.banned_licences.
# custom:
#   id: supply_chain/sbom/banned-licence
#   severity: high
#   controls:
#   - nist-800-53r5:CM-10
#   - nist-800-53r5:SA-4
#   - iso-27001-2022:A.5.32
#   - cis-github-1.0:3.2.3
#   remediation: Replace the component, or get another licence.
deny contains finding if {
	some component in components
	some licence in component.licences
	licence in data.config.sbom.banned_licences
	finding := described("supply_chain/sbom/banned-licence", component, sprintf("the licence %s is not allowed", [licence]))
}

# METADATA
# title: Component that is not wanted
# description: A component is one of data.config.sbom.banned_components, which were compromised or are abandoned.
# custom:
#   id: supply_chain/sbom/banned-component
#   severity: critical
#   controls:
#   - nist-800-53r5:SR-3
#   - nist-800-53r5:SI-2
#   - nist-800-53r5:SA-22
#   - pci-dss-4.0:6.3.3
#   remediation: Replace the component.
deny contains finding if {
	some component in components
	some banned, reason in data.config.sbom.banned_components
	matches(component.purl, banned)
	finding := described("supply_chain/sbom/banned-component", component, sprintf("%s is not allowed: %s", [component.purl, reason]))
}

# A package with any version, or with the one that is named.
matches(purl, banned) if purl == banned

matches(purl, banned) if startswith(purl, concat("", [banned, "@"]))

# METADATA
# title: Component without version
# description: Nobody can tell whether an advisory is about a component without version.
# custom:
#   id: supply_chain/sbom/no-version
#   severity: medium
#   controls:
#   - nist-800-53r5:CM-8
#   - nist-800-53r5:SR-4
#   - pci-dss-4.0:6.3.2
#   remediation: Generate the bill from lock files or images.
deny contains finding if {
	some component in components
	component.library
	component.version in {"", "NOASSERTION", "unspecified"}
	finding := described("supply_chain/sbom/no-version", component, "the component has no version")
}

# METADATA
# title: Component without identity
# description: A component has no package URL, so that no database of advisories knows it.
# custom:
#   id: supply_chain/sbom/no-identity
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:CM-8
#   - nist-800-53r5:RA-5
#   remediation: Generate the bill with a tool that writes package URLs.
warn contains finding if {
	some component in components
	component.library
	component.purl == ""
	finding := described("supply_chain/sbom/no-identity", component, "the component has no package URL")
}

# METADATA
# title: Licence not known
# description: A component says nothing of its licence.
# custom:
#   id: supply_chain/sbom/no-licence
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:CM-10
#   - iso-27001-2022:A.5.32
#   remediation: Find the licence and write it into the bill.
warn contains finding if {
	some component in components
	component.library
	count(component.licences) == 0
	finding := described("supply_chain/sbom/no-licence", component, "the licence is not known")
}

# METADATA
# title: Severe vulnerability
# description: >-
#   The bill names a vulnerability of a severity in data.config.sbom.refused_severities that nobody has assessed as
#   harmless here.
# custom:
#   id: supply_chain/sbom/vulnerability
#   severity: critical
#   controls:
#   - nist-800-53r5:RA-5
#   - nist-800-53r5:SI-2
#   - iso-27001-2022:A.8.8
#   - pci-dss-4.0:6.3.3
#   - soc2:CC7.1
#   remediation: "Update the component, or record the analysis: not_affected with a reason."
deny contains finding if {
	some vulnerability in input.vulnerabilities
	severities := {rating.severity | some rating in vulnerability.ratings}
	some severity in data.config.sbom.refused_severities
	severity in severities
	state := object.get(vulnerability, ["analysis", "state"], "in_triage")
	not state in {"false_positive", "not_affected", "resolved", "resolved_with_pedigree"}
	finding := {
		"id": "supply_chain/sbom/vulnerability",
		"msg": sprintf("%s is %s and %s", [vulnerability.id, severity, state]),
		"resource": vulnerability.id,
	}
}
