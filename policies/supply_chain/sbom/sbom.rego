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

import data.lib.sbom as bom

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

# Components of CycloneDX and packages of SPDX in one shape.
components contains shape if {
	some path, component in bom.components
	shape := {
		"path": path,
		"name": bom.name(component),
		"version": object.get(component, "version", ""),
		"purls": {purl | purl := component.purl; purl != ""},
		"subject": false,
		"library": bom.library(component),
	}
}

components contains shape if {
	some number, item in input.packages
	subject := bom.is_subject(item)
	shape := {
		"path": ["packages", number],
		"name": bom.name(item),
		"version": object.get(item, "versionInfo", ""),
		"purls": {reference.referenceLocator |
			some reference in item.externalRefs
			reference.referenceType == "purl"
		},
		"subject": subject,
		"library": bom.other_than(subject),
	}
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
	finding := bom.finding("supply_chain/sbom/banned-component", component, sprintf("%s is not allowed: %s", [purl, reason]))
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
	finding := bom.finding("supply_chain/sbom/banned-component", component, message)
}

# A package URL without qualifiers and subpath: where a package was fetched does not change what it is.
bare(purl) := lower(split(split(purl, "?")[0], "#")[0])

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
upstream(version) := parts[count(parts) - 1] if {
	plain := replace(replace(version, "%3a", ":"), "%2b", "+")
	parts := split(trim_prefix(without_epoch(plain), "v"), "+really")
}

without_epoch(version) := trim_prefix(rest, ":") if {
	rest := trim_left(version, "0123456789")
	startswith(rest, ":")
	rest != version
} else := version

is_release(version, banned) if version == banned

is_release(version, banned) if {
	some separator in ["-", "+", "~", "_"]
	startswith(version, concat("", [banned, separator]))
}

# METADATA
# title: Component without version
# description: >-
#   A component has no version, or a range of them (latest, ^1.2, 1.x): it is not pinned, and nobody can tell whether an
#   advisory is about it.
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
	unpinned(component.version)
	finding := bom.finding("supply_chain/sbom/no-version", component, "the component has no exact version")
}

# What package managers call a version without one, and ranges of theirs. An equals sign pins.
unpinned(version) if version in {"", "NOASSERTION", "latest", "unspecified"}

# An equals sign pins; other signs, and several words, make a range.
unpinned(version) if {
	pinned := trim_left(version, "= ")
	replace(trim_left(pinned, "^~<>!*[("), " ", "") != pinned
}

unpinned(version) if {
	some end in [".*", ".+", ".X", ".x"]
	endswith(version, end)
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
	finding := bom.finding("supply_chain/sbom/no-identity", component, "the component has no package URL")
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
