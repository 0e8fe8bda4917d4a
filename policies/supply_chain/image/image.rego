# METADATA
# title: Image provenance
# description: >-
#   Images come from a trusted registry, are pinned by digest, and carry an SBOM and provenance from a trusted
#   builder. The input lists the images with the attestations that were verified for each.
# custom:
#   id: supply_chain/image
#   layer: L7
#   inputs: []
#   owner: supply-chain
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SR-4
#   - nist-800-53r5:SI-7
#   - iso-27001-2022:A.5.21
#   - cis-kubernetes-1.9:5.5.1
#   - soc2:CC8.1
#   remediation: Build the image in the release pipeline and deploy it by the digest the pipeline printed.
package supply_chain.image

import data.lib.images

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input that lists no image proves nothing and is not accepted.
allow if {
	is_array(input.images)
	count(input.images) > 0
	count(deny) == 0
}

# What names no image is not known to be any that is trusted.
named(image) := image.reference if has_reference(image)

named(image) := "an image without reference" if not has_reference(image)

has_reference(image) if is_string(image.reference)

# METADATA
# title: Untrusted registry
# custom:
#   id: supply_chain/image/registry
#   severity: high
#   controls:
#   - nist-800-53r5:CM-7(5)
#   - cis-kubernetes-1.9:5.5.1
#   remediation: Push the image to a registry of data.config.images.trusted_registries.
deny contains finding if {
	some image in input.images
	registry := images.registry(named(image))
	not registry in data.config.images.trusted_registries
	finding := {
		"id": "supply_chain/image/registry",
		"msg": sprintf("image %s comes from the untrusted registry %s", [named(image), registry]),
		"resource": named(image),
	}
}

# METADATA
# title: Not pinned by digest
# custom:
#   id: supply_chain/image/digest
#   severity: high
#   controls:
#   - nist-800-53r5:SI-7
#   - nist-800-53r5:CM-14
#   remediation: Refer to the image as repository@sha256:DIGEST.
deny contains finding if {
	some image in input.images
	not pinned(named(image))
	finding := {
		"id": "supply_chain/image/digest",
		"msg": sprintf("image %s is not pinned by a SHA-256 digest", [named(image)]),
		"resource": named(image),
	}
}

pinned(reference) if regex.match(`^sha256:[0-9a-f]{64}$`, images.digest(reference))

# METADATA
# title: Floating tag
# custom:
#   id: supply_chain/image/floating-tag
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:CM-2
#   remediation: Name the version that is meant.
warn contains finding if {
	some image in input.images
	images.tag(named(image)) in {"latest", "main", "master", "edge", "nightly"}
	finding := {
		"id": "supply_chain/image/floating-tag",
		"msg": sprintf("image %s carries a floating tag", [named(image)]),
		"resource": named(image),
	}
}

# METADATA
# title: No SBOM
# custom:
#   id: supply_chain/image/sbom
#   severity: medium
#   controls:
#   - nist-800-53r5:SR-4
#   - nist-800-53r5:CM-8
#   remediation: Attach an SPDX or CycloneDX attestation to the image.
deny contains finding if {
	some image in input.images
	not has_sbom(image)
	finding := {
		"id": "supply_chain/image/sbom",
		"msg": sprintf("image %s has no SBOM attestation", [named(image)]),
		"resource": named(image),
	}
}

has_sbom(image) if {
	some attestation in image.attestations
	attestation.predicateType in data.config.images.sbom_predicates
}

# METADATA
# title: No provenance
# custom:
#   id: supply_chain/image/provenance
#   severity: high
#   controls:
#   - nist-800-53r5:SR-11
#   - nist-800-53r5:SA-15
#   remediation: Build the image with a builder of data.config.images.trusted_builders.
deny contains finding if {
	some image in input.images
	not has_provenance(image)
	finding := {
		"id": "supply_chain/image/provenance",
		"msg": sprintf("image %s has no SLSA provenance from a trusted builder", [named(image)]),
		"resource": named(image),
	}
}

has_provenance(image) if {
	some attestation in image.attestations
	startswith(attestation.predicateType, "https://slsa.dev/provenance/")
	attestation.predicate.runDetails.builder.id in data.config.images.trusted_builders
}
