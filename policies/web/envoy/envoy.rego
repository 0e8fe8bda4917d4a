# METADATA
# title: Transport of Envoy
# description: >-
#   Who reaches Envoy and its administration, and what it encrypts and verifies: bootstraps with static resources, and files that
#   listeners and clusters are discovered from. Names may be in snake_case and in camelCase, as in Envoy.
# related_resources:
# - https://www.envoyproxy.io/docs/envoy/latest/api-v3/api
# - https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
# custom:
#   id: web/envoy
#   layer: L1
#   inputs: [envoy]
#   owner: platform-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-7
#   - nist-800-53r5:SC-8
#   - iso-27001-2022:A.8.20
#   remediation: Change the configuration.
package web.envoy

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
# title: Administration for others
# description: The administration interface has no authentication; it shows certificates and secrets' names, changes log levels and ends the process.
# custom:
#   id: web/envoy/admin
#   severity: critical
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:SC-7
#   - iso-27001-2022:A.8.20
#   remediation: Bind admin to 127.0.0.1 or to a pipe.
deny contains finding if {
	socket := envoy.field(input.admin.address, "socket_address", "socketAddress")
	address := object.get(socket, "address", "")
	not loopback(address)
	path := ["admin", "address", [key | some key in ["socket_address", "socketAddress"]; input.admin.address[key]][0], "address"]
	finding := envoy.found("web/envoy/admin", path, "admin", sprintf("the administration interface listens on %v", [address]))
}

loopback(address) if startswith(address, "127.")

loopback(address) if address in {"::1", "localhost"}

# METADATA
# title: HTTP in the clear
# description: >-
#   A listener takes HTTP without TLS from other hosts. One that only redirects to HTTPS, and one for what the host itself sends, is no finding.
# custom:
#   id: web/envoy/plain-listener
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SC-8
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: Give the filter chain a transport_socket with a DownstreamTlsContext, or bind the listener to 127.0.0.1.
warn contains finding if {
	some [above, listener] in envoy.listeners
	not envoy.outbound(listener)
	socket := envoy.field(listener.address, "socket_address", "socketAddress")
	not loopback(object.get(socket, "address", ""))
	some [path, chain] in chains(listener)
	plain(envoy.field(chain, "transport_socket", "transportSocket"))
	serves(chain)
	finding := envoy.found(
		"web/envoy/plain-listener", array.concat(above, path), envoy.name("listener", listener),
		sprintf("%s takes HTTP without TLS on %v", [envoy.name("listener", listener), object.get(socket, "address", "")]),
	)
}

chains(listener) := {[[key, index], chain] |
	some key in ["filter_chains", "filterChains"]
	some index, chain in listener[key]
} | {[[key], listener[key]] | some key in ["default_filter_chain", "defaultFilterChain"]; is_object(listener[key])}

plain(socket) if socket == null

plain(socket) if endswith(envoy.field(socket, "typed_config", "typedConfig")["@type"], ".RawBuffer")

serves(chain) if {
	walk(chain, [_, manager])
	endswith(manager["@type"], ".HttpConnectionManager")
	not envoy.redirects(manager)
}

# METADATA
# title: Old TLS
# custom:
#   id: web/envoy/old-tls
#   severity: high
#   controls:
#   - nist-800-53r5:SC-8
#   - nist-800-53r5:SC-13
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: "Set tls_minimum_protocol_version to TLSv1_2 or TLSv1_3."
deny contains finding if {
	walk(input, [path, node])
	some key in [
		"tls_minimum_protocol_version", "tlsMinimumProtocolVersion", "tls_maximum_protocol_version",
		"tlsMaximumProtocolVersion",
	]
	node[key] in {"TLSv1_0", "TLSv1_1", 1, 2}
	finding := envoy.found("web/envoy/old-tls", array.concat(path, [key]), owner(path), "TLS 1.0 and 1.1 must not be spoken")
}

# METADATA
# title: Weak ciphers
# custom:
#   id: web/envoy/weak-cipher
#   severity: high
#   controls:
#   - nist-800-53r5:SC-13
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: Leave it out of cipher_suites.
deny contains finding if {
	walk(input, [path, node])
	some key in ["cipher_suites", "cipherSuites"]
	some index, suite in node[key]
	not startswith(suite, "!")
	not startswith(suite, "-")
	some weak in ["RC4", "3DES", "DES-CBC", "NULL", "MD5", "EXPORT"]
	contains(upper(suite), weak)
	finding := envoy.found("web/envoy/weak-cipher", array.concat(path, [key, index]), owner(path), sprintf("cipher_suites must not have %s", [suite]))
}

# METADATA
# title: Unverified upstream
# description: A cluster speaks TLS but trusts whatever certificate it is shown; without trusted_ca or the like Envoy verifies none.
# custom:
#   id: web/envoy/unverified-upstream
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
		"web/envoy/unverified-upstream", array.concat(above, path), envoy.name("cluster", cluster),
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
#   id: web/envoy/accepts-untrusted
#   severity: high
#   controls:
#   - nist-800-53r5:SC-8
#   - nist-800-53r5:IA-5
#   remediation: Leave trust_chain_verification out.
deny contains finding if {
	walk(input, [path, node])
	some key in ["trust_chain_verification", "trustChainVerification"]
	node[key] in {"ACCEPT_UNTRUSTED", 1}
	finding := envoy.found("web/envoy/accepts-untrusted", array.concat(path, [key]), owner(path), "certificates that can't be verified must not be accepted")
}

# METADATA
# title: Any name of the authority
# description: A cluster verifies who signed its upstream's certificate, but not whose it is.
# custom:
#   id: web/envoy/unchecked-name
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
		"web/envoy/unchecked-name", array.concat(above, path), envoy.name("cluster", cluster),
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

owner(path) := name if {
	some [above, listener] in envoy.listeners
	array.slice(path, 0, count(above)) == above
	name := envoy.name("listener", listener)
} else := name if {
	some [above, cluster] in envoy.clusters
	array.slice(path, 0, count(above)) == above
	name := envoy.name("cluster", cluster)
} else := "envoy"
