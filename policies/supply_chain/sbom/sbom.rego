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
# description: >-
#   A bill of materials without components proves nothing and is not accepted. What an SPDX document describes is no
#   component of it.
allow if {
	some component in components
	not component.subject
	count(deny) == 0
}

described(id, component, message) := {
	"id": id,
	"msg": sprintf("%s: %s", [component.name, message]),
	"resource": component.name,
	"path": component.path,
}

# Components of CycloneDX, also those inside others, and packages of SPDX in one shape. Each licence is an expression.
components contains shape if {
	walk(object.get(input, "components", []), [path, component])
	is_component(path)
	kind := object.get(component, "type", "library")
	shape := {
		"path": array.concat(["components"], path),
		"name": object.get(component, "name", "unnamed"),
		"version": object.get(component, "version", ""),
		"purls": {purl | purl := component.purl; purl != ""},
		"subject": false,
		"library": kind in {"application", "framework", "library", "operating-system"},
		"licences": {text |
			some choice in component.licenses
			some text in [
				object.get(choice, "expression", ""),
				object.get(choice, ["license", "id"], ""), named(object.get(choice, ["license", "name"], "")),
			]
			text != ""
		},
	}
}

components contains shape if {
	some number, item in input.packages
	subject := is_subject(item)
	shape := {
		"path": ["packages", number],
		"name": object.get(item, "name", "unnamed"),
		"version": object.get(item, "versionInfo", ""),
		"purls": {reference.referenceLocator |
			some reference in item.externalRefs
			reference.referenceType == "purl"
		},
		"subject": subject,
		"library": not_subject(subject),
		"licences": {text |
			some field in ["licenseConcluded", "licenseDeclared"]
			text := object.get(item, field, "")
			not text in {"", "NOASSERTION", "NONE"}
		},
	}
}

# Of walk's paths those of components: numbers, with "components" between them.
is_component(path) if {
	count(path) % 2 == 1
	every place, step in path {
		is_step(place % 2, step)
	}
}

is_step(0, step) if is_number(step)

is_step(1, step) if step == "components"

# A free name is told apart from an identifier of the SPDX list: it is known only if somebody banned it.
named(name) := name if banned_licence(name)

named(name) := concat("", ["LicenseRef-", replace(name, " ", "-")]) if {
	name != ""
	not banned_licence(name)
}

named("") := ""

not_subject(subject) := subject == false

described_ids contains id if some id in input.documentDescribes

described_ids contains relationship.relatedSpdxElement if {
	some relationship in input.relationships
	relationship.relationshipType == "DESCRIBES"
}

described_ids contains relationship.spdxElementId if {
	some relationship in input.relationships
	relationship.relationshipType == "DESCRIBED_BY"
}

described_packages contains item.SPDXID if {
	some item in input.packages
	item.SPDXID in described_ids
}

# What the document is about. Some tools say that it describes every package: those of a stated other purpose count then.
default is_subject(_) := false

is_subject(item) if described_packages == {item.SPDXID}

is_subject(item) if {
	item.SPDXID in described_packages
	not object.get(item, "primaryPackagePurpose", "LIBRARY") == "LIBRARY"
}

# The licences of an expression, without its operators and exceptions.
words(text) := {word |
	some word in tokens(text)
	not word in {"(", ")", "AND", "OR"}
}

tokens(text) := [token |
	plain := regex.replace(text, `(?i)\s+with\s+[^\s()]+`, "")
	some word in regex.split(`\s+`, replace(replace(plain, "(", " ( "), ")", " ) "))
	word != ""
	token := operator(word)
]

operator(word) := upper(word) if upper(word) in {"AND", "OR"}

operator(word) := word if not upper(word) in {"AND", "OR"}

banned_licence(word) if {
	some banned in data.config.sbom.banned_licences
	lower(trim_suffix(word, "+")) == lower(banned)
}

# Whether a choice of the expression needs no banned licence: 1 stands for a licence that is allowed, 0 for one that is
# not. Each step takes the innermost parentheses away. What is left over after eight was no expression, and is refused.
may_choose(text) if {
	values := concat(" ", [value | some token in tokens(text); value := truth(token)])
	reduce(reduce(reduce(reduce(reduce(reduce(reduce(reduce(sprintf("( %s )", [values]))))))))) == "1"
}

truth(token) := token if token in {"(", ")", "AND", "OR"}

truth(token) := "0" if banned_licence(token)

truth(token) := "1" if {
	not token in {"(", ")", "AND", "OR"}
	not banned_licence(token)
}

reduce(text) := regex.replace(regex.replace(conjunctions, `\( ([01] OR )*1( OR [01])* \)`, "1"), `\( 0( OR 0)* \)`, "0") if {
	refused := regex.replace(text, `([01] AND )*0( AND [01])*`, "0")
	conjunctions := regex.replace(refused, `1( AND 1)+`, "1")
}

# METADATA
# title: Licence that is not wanted
# description: >-
#   A component has a licence of data.config.sbom.banned_licences, and its expression leaves no choice without one.
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
	some expression in component.licences
	not may_choose(expression)
	some licence in words(expression)
	banned_licence(licence)
	finding := described("supply_chain/sbom/banned-licence", component, sprintf("the licence %s is not allowed", [licence]))
}

# METADATA
# title: Component that is not wanted
# description: >-
#   A component is one of data.config.sbom.banned_components (a package URL, with any version or the named one) or of
#   banned_releases (packages of distributions, whose versions begin with the upstream one). Such were compromised or
#   are abandoned.
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
	some purl in component.purls
	some banned, reason in data.config.sbom.banned_components
	matches(bare(purl), banned)
	finding := described("supply_chain/sbom/banned-component", component, sprintf("%s is not allowed: %s", [purl, reason]))
}

deny contains finding if {
	some component in components
	some release in releases(component)
	some banned in data.config.sbom.banned_releases
	release.type in banned.types
	release.name in banned.names
	some version in banned.versions
	is_release(release.version, version)
	message := sprintf("%s %s is not allowed: %s", [release.name, release.version, banned.reason])
	finding := described("supply_chain/sbom/banned-component", component, message)
}

# A package URL without qualifiers and subpath: where a package was fetched does not change what it is.
bare(purl) := lower(regex.replace(purl, `[?#].*$`, ""))

# A package with any version, or with the one that is named.
matches(purl, banned) if purl == lower(banned)

matches(purl, banned) if startswith(purl, concat("", [lower(banned), "@"]))

# Type, name and upstream version of each package URL; a component without one is known by its name alone.
releases(component) := {release |
	some purl in component.purls
	parts := split(trim_prefix(bare(purl), "pkg:"), "/")
	[name, version] := split(parts[count(parts) - 1], "@")
	release := {"type": parts[0], "name": name, "version": upstream(version)}
} | {release |
	count(component.purls) == 0
	release := {"type": "", "name": lower(component.name), "version": upstream(lower(component.version))}
}

# Without epoch. Of 5.6.1+really5.4.5-1, which Debian calls a release that goes back, what it really is.
upstream(version) := regex.replace(regex.replace(plain, `^([0-9]+:)?v?`, ""), `^.*\+really`, "") if {
	plain := replace(replace(version, "%3a", ":"), "%2b", "+")
}

is_release(version, banned) if version == banned

is_release(version, banned) if {
	some separator in ["-", "+", "~", "_"]
	startswith(version, concat("", [banned, separator]))
}

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
	count(component.purls) == 0
	finding := described("supply_chain/sbom/no-identity", component, "the component has no package URL")
}

# METADATA
# title: Licence not known
# description: >-
#   A component says nothing of its licence, or names only one that the SPDX list does not have (LicenseRef-, a free
#   name), of which nobody can tell what it demands.
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
	known := {word |
		some expression in component.licences
		some word in words(expression)
		not regex.match(`(^|:)LicenseRef-`, word)
	}
	count(known) == 0
	finding := described("supply_chain/sbom/no-licence", component, "the licence is not known")
}

# METADATA
# title: Severe vulnerability
# description: >-
#   The bill names a vulnerability of a severity in data.config.sbom.refused_severities that nobody has assessed as
#   harmless here. A rating with no severity, but a score of 9 or more, is critical.
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
	some severity in data.config.sbom.refused_severities
	some rating in vulnerability.ratings
	severity_of(rating) == severity
	state := object.get(vulnerability, ["analysis", "state"], "in_triage")
	not state in {"false_positive", "not_affected", "resolved", "resolved_with_pedigree"}
	id := object.get(vulnerability, "id", object.get(vulnerability, "bom-ref", "a vulnerability without id"))
	finding := {
		"id": "supply_chain/sbom/vulnerability",
		"msg": sprintf("%s is %s and %s", [id, severity, state]),
		"resource": id,
	}
}

stated(rating) := lower(object.get(rating, "severity", "unknown"))

severity_of(rating) := stated(rating) if stated(rating) != "unknown"

severity_of(rating) := "critical" if {
	stated(rating) == "unknown"
	rating.score >= 9
}
