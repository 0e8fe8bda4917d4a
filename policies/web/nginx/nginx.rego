# METADATA
# title: Configurations of nginx
# description: >-
#   What a configuration of nginx encrypts badly, shows or sends in the clear. Files that it includes are read for themselves.
# related_resources:
# - https://nginx.org/en/docs/
# custom:
#   id: web/nginx
#   layer: L5
#   inputs: [nginx]
#   owner: application-security
#   severity: medium
#   enforcement: deny
#   controls:
#   - nist-800-53r5:CM-6
#   - iso-27001-2022:A.8.9
#   remediation: Change the directive.
package web.nginx

import data.lib.nginx

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input that is no list of directives is not accepted.
allow if {
	is_array(input)
	count(deny) == 0
}

# METADATA
# title: Old TLS
# custom:
#   id: web/nginx/old-tls
#   severity: high
#   controls:
#   - nist-800-53r5:SC-8
#   - nist-800-53r5:SC-13
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: "Set ssl_protocols TLSv1.2 TLSv1.3;"
deny contains finding if {
	walk(input, [path, node])
	endswith(node.directive, "ssl_protocols")
	some version in node.args
	lower(version) in {"sslv2", "sslv3", "tlsv1", "tlsv1.1"}
	finding := nginx.found("web/nginx/old-tls", path, sprintf("%s must not have %s", [node.directive, version]))
}

# METADATA
# title: Weak ciphers
# description: A cipher that is broken or encrypts nothing is offered, and not taken back by an exclusion.
# custom:
#   id: web/nginx/weak-cipher
#   severity: high
#   controls:
#   - nist-800-53r5:SC-13
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: Leave it out of ssl_ciphers, or exclude it with an exclamation mark.
deny contains finding if {
	walk(input, [path, node])
	node.directive == "ssl_ciphers"
	words := regex.split(`[:, ]+`, node.args[0])
	some word in words
	some weak in split(replace(word, "+", "-"), "-")
	weak in {"RC4", "DES", "3DES", "MD5", "NULL", "eNULL", "aNULL", "ADH", "AECDH", "EXP", "EXPORT", "LOW"}
	not concat("", ["!", weak]) in words
	not startswith(word, "!")
	not startswith(word, "-")
	finding := nginx.found("web/nginx/weak-cipher", path, sprintf("ssl_ciphers must not have %s", [word]))
}

# METADATA
# title: Workers run as root
# custom:
#   id: web/nginx/root
#   severity: high
#   controls:
#   - nist-800-53r5:AC-6
#   - iso-27001-2022:A.8.2
#   remediation: Name a user without rights.
deny contains finding if {
	walk(input, [path, node])
	node.directive == "user"
	some word in array.slice(node.args, 0, 1)
	word == "root"
	finding := nginx.found("web/nginx/root", path, "workers must not run as root")
}

# METADATA
# title: Directory shown
# custom:
#   id: web/nginx/listing
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:AC-3
#   - iso-27001-2022:A.8.3
#   remediation: Remove autoindex.
warn contains finding if {
	walk(input, [path, node])
	node.directive == "autoindex"
	some word in node.args
	lower(word) == "on"
	finding := nginx.found("web/nginx/listing", path, "everyone sees what the directory holds")
}

# METADATA
# title: Proxy in the clear
# description: What is asked of another host, by a name with a dot or an address, is not encrypted.
# custom:
#   id: web/nginx/plain-proxy
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SC-8
#   - iso-27001-2022:A.8.24
#   remediation: Use https:// and proxy_ssl_verify on.
warn contains finding if {
	walk(input, [path, node])
	node.directive == "proxy_pass"
	some word in node.args
	regex.match(`^(?i)http://(\[[0-9a-f:]+\]|[a-z0-9_-]+\.[a-z0-9._-]+)(:|/|$)`, word)
	not regex.match(`^(?i)http://(127\.|\[::1\]|[a-z0-9_.-]*\.localhost\b)`, word)
	not split(substring(word, 7, -1), "/")[0] in upstreams
	finding := nginx.found("web/nginx/plain-proxy", path, sprintf("%s is not encrypted", [word]))
}

upstreams contains node.args[0] if {
	walk(input, [_, node])
	node.directive == "upstream"
}

# METADATA
# title: Unverified upstream
# custom:
#   id: web/nginx/unverified-upstream
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SC-8
#   - nist-800-53r5:SC-23
#   remediation: "Set proxy_ssl_verify on and proxy_ssl_trusted_certificate."
warn contains finding if {
	walk(input, [path, node])
	node.directive in {"proxy_ssl_verify", "grpc_ssl_verify"}
	some word in node.args
	lower(word) == "off"
	finding := nginx.found("web/nginx/unverified-upstream", path, "anyone may answer for the upstream")
}

# METADATA
# title: Version of the server disclosed
# custom:
#   id: web/nginx/version
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SI-11
#   remediation: "Set server_tokens off."
warn contains finding if {
	walk(input, [path, node])
	node.directive == "server_tokens"
	some word in node.args
	lower(word) in {"on", "build"}
	finding := nginx.found("web/nginx/version", path, "answers say which version of nginx runs")
}
