package supply_chain.image_test

import data.supply_chain.image

digest := "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

sbom := {"predicateType": "https://spdx.dev/Document"}

provenance := {
	"predicateType": "https://slsa.dev/provenance/v1",
	"predicate": {"runDetails": {"builder": {"id": "https://builder.corp.example/release@v1"}}},
}

sound := {
	"reference": concat("@", ["registry.corp.example/web:1.4.2", digest]),
	"attestations": [sbom, provenance],
}

with_field(field, value) := {"images": [object.union(sound, {field: value})]}

denied_ids(doc) := result if {
	findings := image.deny with input as doc
	result := {finding.id | some finding in findings}
}

test_good_image_is_accepted if image.allow with input as {"images": [sound]}

test_empty_list_is_not_accepted if {
	not image.allow with input as {"images": []}
	not image.allow with input as {}
}

test_untrusted_registry_is_denied if {
	doc := with_field("reference", concat("@", ["docker.io/web", digest]))
	denied_ids(doc) == {"supply_chain/image/registry"}
}

test_lookalike_registry_is_denied if {
	doc := with_field("reference", concat("@", ["registry.corp.example.evil.test/web", digest]))
	denied_ids(doc) == {"supply_chain/image/registry"}
}

test_tag_without_digest_is_denied if {
	denied_ids(with_field("reference", "registry.corp.example/web:1.4.2")) == {"supply_chain/image/digest"}
}

test_short_digest_is_denied if {
	denied_ids(with_field("reference", "registry.corp.example/web@sha256:abc")) == {"supply_chain/image/digest"}
}

test_floating_tag_warns if {
	doc := with_field("reference", concat("@", ["registry.corp.example/web:latest", digest]))
	image.allow with input as doc
	count(image.warn) == 1 with input as doc
}

test_missing_sbom_is_denied if {
	denied_ids(with_field("attestations", [provenance])) == {"supply_chain/image/sbom"}
}

test_missing_provenance_is_denied if {
	denied_ids(with_field("attestations", [sbom])) == {"supply_chain/image/provenance"}
}

test_provenance_of_another_builder_is_denied if {
	other := object.union(provenance, {"predicate": {"runDetails": {"builder": {"id": "https://evil.test"}}}})
	denied_ids(with_field("attestations", [sbom, other])) == {"supply_chain/image/provenance"}
}

bad := {"images": [sound, {"reference": "docker.io/library/nginx:latest", "attestations": []}]}

good := {"images": [sound]}

test_bad_list_has_every_finding if {
	found := image.deny | image.warn with input as bad
	{finding.id | some finding in found} == {
		"supply_chain/image/registry", "supply_chain/image/digest", "supply_chain/image/floating-tag",
		"supply_chain/image/sbom", "supply_chain/image/provenance",
	}
}

test_images_without_reference_are_denied if {
	every item in [{}, {"name": "evil"}, "registry.corp.example/web", {"reference": null}, null] {
		doc := {"images": [sound, item]}
		not image.allow with input as doc
		denied_ids(doc) == {
			"supply_chain/image/registry", "supply_chain/image/digest",
			"supply_chain/image/sbom", "supply_chain/image/provenance",
		}
	}
	not image.allow with input as {"images": "registry.corp.example/web"}
	not image.allow with input as {"images": {"a": sound}}
}
