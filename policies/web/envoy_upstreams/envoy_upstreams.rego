# METADATA
# title: Upstreams of Envoy
# description: >-
#   Whose certificates Envoy accepts: bootstraps with static resources, and files that clusters are discovered from. Names may be in
#   snake_case and in camelCase, as in Envoy.
# related_resources:
# - https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/security/ssl
# custom:
#   id: web/envoy_upstreams
#   layer: L1
#   inputs: [envoy]
#   owner: platform-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-8
#   - iso-27001-2022:A.8.24
#   remediation: Change the configuration.
package web.envoy_upstreams

import data.lib.envoy

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input that is no object is not accepted.
allow if {
	is_object(input)
	count(deny) == 0
}

# METADATA
# title: Unverified upstream
# description: A cluster speaks TLS but trusts whatever certificate it is shown; without trusted_ca or the like Envoy verifies none.
# custom:
#   id: web/envoy_upstreams/unverified-upstream
#   severity: high
#   controls:
#   - nist-800-53r5:SC-8
#   - nist-800-53r5:SC-23
#   - iso-27001-2022:A.8.24
#   remediation: Give common_tls_context a validation_context with trusted_ca or system_root_certs, and match_typed_subject_alt_names.
deny contains finding if {
	some [above, cluster] in envoy.clusters
	walk(cluster, [path, node])
	endswith(node["@type"], ".UpstreamTlsContext")
	not verifies(envoy.field(node, "common_tls_context", "commonTlsContext"))
	finding := envoy.found(
		"web/envoy_upstreams/unverified-upstream", array.concat(above, path), envoy.name("cluster", cluster),
		sprintf("%s accepts any certificate", [envoy.name("cluster", cluster)]),
	)
}

# A secret that is fetched, and what a plugin does, is not known.
verifies(context) if {
	some key in [
		"validation_context_sds_secret_config", "validationContextSdsSecretConfig", "combined_validation_context",
		"combinedValidationContext",
	]
	is_object(context[key])
}

verifies(context) if {
	validation := envoy.field(context, "validation_context", "validationContext")
	some key in [
		"trusted_ca", "trustedCa", "system_root_certs", "systemRootCerts", "ca_certificate_provider_instance",
		"caCertificateProviderInstance", "custom_validator_config", "customValidatorConfig",
	]
	is_object(validation[key])
}

verifies(context) if {
	validation := envoy.field(context, "validation_context", "validationContext")
	some key in ["verify_certificate_spki", "verifyCertificateSpki", "verify_certificate_hash", "verifyCertificateHash"]
	count(validation[key]) > 0
}

# METADATA
# title: Untrusted certificates accepted
# custom:
#   id: web/envoy_upstreams/accepts-untrusted
#   severity: high
#   controls:
#   - nist-800-53r5:SC-8
#   - nist-800-53r5:IA-5
#   remediation: Leave trust_chain_verification out.
deny contains finding if {
	walk(input, [path, node])
	some key in ["trust_chain_verification", "trustChainVerification"]
	node[key] in {"ACCEPT_UNTRUSTED", 1}
	finding := envoy.found("web/envoy_upstreams/accepts-untrusted", array.concat(path, [key]), envoy.owner(path), "certificates that can't be verified must not be accepted")
}

# METADATA
# title: Any name of the authority
# description: A cluster verifies who signed its upstream's certificate, but not whose it is.
# custom:
#   id: web/envoy_upstreams/unchecked-name
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SC-8
#   - nist-800-53r5:SC-23
#   remediation: Set match_typed_subject_alt_names, or auto_san_validation in the cluster's HTTP options.
warn contains finding if {
	some [above, cluster] in envoy.clusters
	walk(cluster, [path, node])
	some key in ["trusted_ca", "trustedCa", "system_root_certs", "systemRootCerts"]
	is_object(node[key])
	not names(node)
	not checked(cluster)
	finding := envoy.found(
		"web/envoy_upstreams/unchecked-name", array.concat(above, path), envoy.name("cluster", cluster),
		sprintf("%s accepts every certificate that the authority signed", [envoy.name("cluster", cluster)]),
	)
}

names(validation) if {
	some key in [
		"match_typed_subject_alt_names", "matchTypedSubjectAltNames", "match_subject_alt_names", "matchSubjectAltNames",
		"verify_certificate_spki", "verifyCertificateSpki", "verify_certificate_hash", "verifyCertificateHash",
	]
	count(validation[key]) > 0
}

checked(cluster) if {
	walk(cluster, [_, node])
	some key in ["auto_san_validation", "autoSanValidation", "auto_sni_san_validation", "autoSniSanValidation"]
	envoy.on(node[key])
}
