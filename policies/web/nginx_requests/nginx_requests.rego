# METADATA
# title: What requests can do to nginx
# description: >-
#   What a request can reach or change that a configuration of nginx did not mean, and headers against it that are lost. Files that it
#   includes are read for themselves.
# related_resources:
# - https://nginx.org/en/docs/
# custom:
#   id: web/nginx_requests
#   layer: L5
#   inputs: [nginx]
#   owner: application-security
#   severity: medium
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SI-10
#   - iso-27001-2022:A.8.9
#   remediation: Change the directive.
package web.nginx_requests

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
# title: Location that leads out of its directory
# description: >-
#   A location without a slash at its end has an alias with one: /x../secret is read beside the directory.
# custom:
#   id: web/nginx_requests/alias-traversal
#   severity: critical
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:SI-10
#   - pci-dss-4.0:6.2.4
#   remediation: End the location with a slash, too.
deny contains finding if {
	walk(input, [path, node])
	node.directive == "location"
	prefix := node.args[count(node.args) - 1]
	object.get({"1": "^~", "2": node.args[0]}, sprintf("%d", [count(node.args)]), "") == "^~"
	not regex.match(`^[=~@]|/$`, prefix)
	some inner in node.block
	inner.directive == "alias"
	endswith(inner.args[0], "/")
	message := sprintf("location %s leads out of %s", [prefix, inner.args[0]])
	finding := nginx.found("web/nginx_requests/alias-traversal", path, message)
}

# METADATA
# title: Redirect that a request can split
# description: >-
#   $uri and $document_uri are decoded: a line break in the address adds headers to the answer.
# custom:
#   id: web/nginx_requests/response-splitting
#   severity: high
#   controls:
#   - nist-800-53r5:SI-10
#   - pci-dss-4.0:6.2.4
#   remediation: Use $request_uri.
deny contains finding if {
	walk(input, [path, node])
	some word in sent(node)
	regex.match(`\$(uri|document_uri)\b|\$\{(uri|document_uri)\}`, word)
	message := sprintf("%s must not have the decoded address of the request in %s", [node.directive, word])
	finding := nginx.found("web/nginx_requests/response-splitting", path, message)
}

# What stands in a header of the answer.
sent(node) := array.slice(node.args, 1, 2) if node.directive == "add_header"

sent(node) := array.slice(node.args, 1, 2) if {
	node.directive == "return"
	node.args[0] in {"301", "302", "303", "307", "308"}
}

sent(node) := node.args if {
	node.directive == "return"
	count(node.args) == 1
}

# METADATA
# title: Proxy to where the request says
# custom:
#   id: web/nginx_requests/open-proxy
#   severity: critical
#   controls:
#   - nist-800-53r5:SC-7
#   - nist-800-53r5:SI-10
#   - pci-dss-4.0:6.2.4
#   remediation: Name the host, or take it from a map of those that are allowed.
deny contains finding if {
	walk(input, [path, node])
	node.directive == "proxy_pass"
	some word in node.args
	regex.match(`^(?i)(https?://)?\$\{?([1-9]\b|arg_|http_|cookie_|host\b|args\b|query_string\b|request_uri\b|uri\b)`, word)
	finding := nginx.found("web/nginx_requests/open-proxy", path, sprintf("whoever asks chooses the host of %s", [word]))
}

# METADATA
# title: Credentials for any origin
# custom:
#   id: web/nginx_requests/any-origin
#   severity: high
#   controls:
#   - nist-800-53r5:AC-4
#   - pci-dss-4.0:6.2.4
#   remediation: Answer with origins from a map of those that are allowed.
deny contains finding if {
	walk(input, [path, node])
	some credentials in node.block
	header(credentials) == "access-control-allow-credentials"
	lower(credentials.args[1]) == "true"
	some origin in node.block
	header(origin) == "access-control-allow-origin"
	origin.args[1] in {"$http_origin", "${http_origin}"}
	finding := nginx.found("web/nginx_requests/any-origin", array.concat(path, ["block"]), "every origin may read answers with the user's credentials")
}

header(node) := lower(node.args[0]) if node.directive == "add_header"

# METADATA
# title: Lost security header
# description: >-
#   A block that adds a header of its own inherits none: those that an outer block adds are not sent.
# custom:
#   id: web/nginx_requests/lost-header
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-8
#   - nist-800-53r5:SC-18
#   remediation: Add the header in this block, too, or include a file that does in both.
deny contains finding if {
	walk(input, [path, outer])
	some name in ["content-security-policy", "strict-transport-security", "x-content-type-options", "x-frame-options"]
	name in headers(outer)
	walk(outer.block, [below, inner])
	added := headers(inner)
	count(added) > 0
	not name in added
	not keeps(inner)
	not keeps(outer)
	whole := array.concat(path, array.concat(["block"], below))
	message := sprintf("%s does not send %s", [nginx.label(inner), name])
	finding := nginx.found("web/nginx_requests/lost-header", whole, message)
}

headers(node) := {header(inner) | some inner in node.block}

# What it includes may add the header; whether it inherits may be said since nginx 1.29.
keeps(node) if {
	some inner in node.block
	inner.directive in {"include", "add_header_inherit"}
}
