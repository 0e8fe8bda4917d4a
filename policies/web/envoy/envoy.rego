# METADATA
# title: Transport of Envoy
# description: >-
#   Who reaches Envoy and its administration, and what it encrypts: bootstraps with static resources, and files that listeners and
#   clusters are discovered from. Names may be in snake_case and in camelCase, as in Envoy. Whom it trusts is web/envoy_upstreams.
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
	finding := envoy.found("web/envoy/old-tls", array.concat(path, [key]), envoy.owner(path), "TLS 1.0 and 1.1 must not be spoken")
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
	finding := envoy.found("web/envoy/weak-cipher", array.concat(path, [key, index]), envoy.owner(path), sprintf("cipher_suites must not have %s", [suite]))
}
