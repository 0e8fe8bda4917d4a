package web.envoy_upstreams_test

import data.web.envoy_upstreams as envoy

ids(doc) := {finding.id | some finding in findings} if findings := envoy.deny | envoy.warn with input as doc

upstream := {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"}

cluster(context) := {"static_resources": {"clusters": [{
	"name": "pay",
	"transport_socket": {"typed_config": object.union(upstream, context)},
}]}}

validated(validation) := cluster({"common_tls_context": {"validation_context": validation}})

params(value) := {"static_resources": {"listeners": [{"tls_params": value}]}}

test_what_is_no_object_is_not_accepted if {
	envoy.allow with input as {}
	not envoy.allow with input as []
	not envoy.allow with input as cluster({})
}

test_upstreams_that_nobody_verifies_are_told if {
	every context in [{}, {"sni": "a"}, {"common_tls_context": {}}, {"common_tls_context": {"validation_context": {}}}] {
		ids(cluster(context)) == {"web/envoy_upstreams/unverified-upstream"}
	}
	ids(validated({"trusted_ca": null})) == {"web/envoy_upstreams/unverified-upstream"}
	ids(validated({"verify_certificate_hash": []})) == {"web/envoy_upstreams/unverified-upstream"}
	every key in ["validation_context_sds_secret_config", "combinedValidationContext"] {
		ids(cluster({"commonTlsContext": {key: {"name": "a"}}})) == set()
	}
	ids(validated({"verify_certificate_spki": ["a"]})) == set()
	ids(validated({"custom_validator_config": {"name": "spiffe"}})) == set()
}

test_names_that_nobody_checks_are_told if {
	every key in ["trusted_ca", "systemRootCerts"] {
		ids(validated({key: {}})) == {"web/envoy_upstreams/unchecked-name"}
	}
	ids(validated({"trusted_ca": {}, "match_typed_subject_alt_names": []})) == {"web/envoy_upstreams/unchecked-name"}
	ids(validated({"trusted_ca": {}, "matchTypedSubjectAltNames": [{"san_type": "DNS"}]})) == set()
	ids(cluster({"auto_sni_san_validation": true, "common_tls_context": {"validation_context": {"trusted_ca": {}}}})) == set()
}

test_untrusted_certificates_are_told if {
	every value in ["ACCEPT_UNTRUSTED", 1] {
		"web/envoy_upstreams/accepts-untrusted" in ids(validated({"trust_chain_verification": value}))
		"web/envoy_upstreams/accepts-untrusted" in ids(validated({"trustChainVerification": value}))
	}
	ids(params({"trust_chain_verification": "VERIFY_TRUST_CHAIN"})) == set()
}

test_findings_say_whose_and_where if {
	findings := envoy.deny with input as cluster({})
	{[finding.resource, finding.path] | some finding in findings} == {["cluster pay", ["static_resources", "clusters", 0, "transport_socket", "typed_config"]]}
}
