package web.envoy_test

import data.web.envoy

ids(doc) := {finding.id | some finding in findings} if findings := envoy.deny | envoy.warn with input as doc

type(name) := {"@type": concat("", ["type.googleapis.com/envoy.", name])}

manager(routes) := object.union(
	type("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
	{"route_config": {"virtual_hosts": [{"routes": routes}]}},
)

listening(address, chain) := {"static_resources": {"listeners": [{
	"name": "web",
	"address": {"socket_address": {"address": address, "port_value": 80}},
	"filter_chains": [chain],
}]}}

plain(routes) := {"filters": [{"typed_config": manager(routes)}]}

proxied := [{"match": {"prefix": "/"}, "route": {"cluster": "a"}}]

test_what_is_no_object_is_not_accepted if {
	envoy.allow with input as {}
	not envoy.allow with input as []
	not envoy.allow with input as admin("0.0.0.0")
}

admin(address) := {"admin": {"address": {"socket_address": {"address": address}}}}

test_administration_for_others_is_told if {
	every address in ["0.0.0.0", "::", "10.0.0.1", "admin.example"] {
		ids(admin(address)) == {"web/envoy/admin"}
	}
	every address in ["127.0.0.1", "127.1.2.3", "::1", "localhost"] {
		ids(admin(address)) == set()
	}
	ids({"admin": {"address": {"socketAddress": {"address": "0.0.0.0"}}}}) == {"web/envoy/admin"}
	ids({"admin": {"address": {"pipe": {"path": "/run/admin"}}}}) == set()
	ids({"admin": null}) == set()
}

test_http_in_the_clear_is_told if {
	ids(listening("0.0.0.0", plain(proxied))) == {"web/envoy/plain-listener"}
	ids(listening("10.0.0.1", plain(proxied))) == {"web/envoy/plain-listener"}
	ids(listening("127.0.0.1", plain(proxied))) == set()
	raw := object.union(plain(proxied), {"transport_socket": {"typed_config": type("extensions.transport_sockets.raw_buffer.v3.RawBuffer")}})
	ids(listening("::", raw)) == {"web/envoy/plain-listener"}
	tls := object.union(plain(proxied), {"transport_socket": {"typed_config": type("extensions.transport_sockets.tls.v3.DownstreamTlsContext")}})
	ids(listening("::", tls)) == set()

	# What is no HTTP may have TLS of its own.
	ids(listening("::", {"filters": [{"typed_config": type("extensions.filters.network.tcp_proxy.v3.TcpProxy")}]})) == set()
}

test_listeners_have_other_forms if {
	chain := plain(proxied)
	address := {"socketAddress": {"address": "0.0.0.0"}}
	ids({"staticResources": {"listeners": [{"address": address, "filterChains": [chain]}]}}) == {"web/envoy/plain-listener"}
	ids({"staticResources": {"listeners": [{"address": address, "defaultFilterChain": chain}]}}) == {"web/envoy/plain-listener"}
	found := object.union(type("config.listener.v3.Listener"), {"address": address, "filterChains": [chain]})
	ids({"resources": [found]}) == {"web/envoy/plain-listener"}
	ids({"resources": [object.union(found, {"trafficDirection": "OUTBOUND"})]}) == set()
}

test_redirects_to_https_may_be_plain if {
	away := {"redirect": {"https_redirect": true}}
	ids(listening("0.0.0.0", plain([away]))) == set()
	ids(listening("0.0.0.0", plain([{"redirect": {"schemeRedirect": "https"}}]))) == set()
	every other in [{"route": {"cluster": "a"}}, {"redirect": {"path_redirect": "/a"}}, {"directResponse": {"status": 200}}] {
		ids(listening("0.0.0.0", plain([away, other]))) == {"web/envoy/plain-listener"}
	}
}

params(value) := {"static_resources": {"listeners": [{"tls_params": value}]}}

test_old_versions_of_tls_are_told if {
	every version in ["TLSv1_0", "TLSv1_1", 1, 2] {
		ids(params({"tls_minimum_protocol_version": version})) == {"web/envoy/old-tls"}
		ids(params({"tlsMinimumProtocolVersion": version})) == {"web/envoy/old-tls"}
	}
	ids(params({"tls_maximum_protocol_version": "TLSv1_1"})) == {"web/envoy/old-tls"}
	every version in ["TLS_AUTO", "TLSv1_2", "TLSv1_3", 0, 3, 4] {
		ids(params({"tls_minimum_protocol_version": version})) == set()
	}
}

test_weak_ciphers_are_told if {
	every suite in ["DES-CBC3-SHA", "RC4-MD5", "[ECDHE-RSA-AES128-SHA|NULL-SHA]", "rc4-sha"] {
		ids(params({"cipher_suites": [suite]})) == {"web/envoy/weak-cipher"}
		ids(params({"cipherSuites": [suite]})) == {"web/envoy/weak-cipher"}
	}
	every suite in ["ECDHE-RSA-AES128-GCM-SHA256", "!RC4", "-DES-CBC3-SHA"] {
		ids(params({"cipher_suites": [suite]})) == set()
	}
}

test_findings_say_whose_and_where if {
	old := envoy.deny with input as params({"tlsMinimumProtocolVersion": 1})
	{[finding.resource, finding.path] | some finding in old} == {["listener without a name", ["static_resources", "listeners", 0, "tls_params", "tlsMinimumProtocolVersion"]]}
}
