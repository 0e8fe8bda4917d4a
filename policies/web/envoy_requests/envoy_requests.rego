# METADATA
# title: What requests can do to Envoy
# description: >-
#   Paths, addresses and origins that Envoy takes from a request as they are, checks that let everybody pass when they fail, and requests that
#   nobody can reconstruct. Listeners for what the host itself sends, and those that only redirect
#   to HTTPS, are left out.
# related_resources:
# - https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
# - https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers
# custom:
#   id: web/envoy_requests
#   layer: L5
#   inputs: [envoy]
#   owner: application-security
#   severity: medium
#   enforcement: deny
#   controls:
#   - nist-800-53r5:CM-6
#   - nist-800-53r5:AC-4
#   - iso-27001-2022:A.8.9
#   remediation: Change the HTTP connection manager.
package web.envoy_requests

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
# title: Authorization that fails open
# description: Where the service that authorizes does not answer, every request passes.
# custom:
#   id: web/envoy_requests/fails-open
#   severity: high
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:SC-24
#   - iso-27001-2022:A.8.3
#   remediation: Leave failure_mode_allow out of ext_authz.
deny contains finding if {
	walk(input, [path, node])
	endswith(node["@type"], ".ExtAuthz")
	some key in ["failure_mode_allow", "failureModeAllow"]
	envoy.on(node[key])
	finding := envoy.found(
		"web/envoy_requests/fails-open", array.concat(path, [key]), "ext_authz",
		"requests must not pass when the authorization service does not answer",
	)
}

# METADATA
# title: Rules that only watch
# description: An RBAC filter has shadow rules and no others, so that it refuses nothing.
# custom:
#   id: web/envoy_requests/shadow-only
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:AC-3
#   - iso-27001-2022:A.8.3
#   remediation: Make rules of shadow_rules once they have proved right.
warn contains finding if {
	walk(input, [path, node])
	endswith(node["@type"], ".RBAC")
	some key in ["shadow_rules", "shadowRules", "shadow_matcher", "shadowMatcher"]
	is_object(node[key])
	not is_object(object.get(node, "rules", null))
	not is_object(object.get(node, "matcher", null))
	finding := envoy.found("web/envoy_requests/shadow-only", array.concat(path, [key]), "rbac", "the RBAC filter refuses nothing")
}

# METADATA
# title: Credentials for any origin
# custom:
#   id: web/envoy_requests/any-origin
#   severity: high
#   controls:
#   - nist-800-53r5:AC-4
#   - iso-27001-2022:A.8.26
#   remediation: Name the origins, or leave allow_credentials out.
deny contains finding if {
	some [path, policy] in origins
	envoy.on(envoy.field(policy, "allow_credentials", "allowCredentials"))
	finding := envoy.found("web/envoy_requests/any-origin", path, "cors", "every site may send requests with the user's credentials, and read the answers")
}

# METADATA
# title: Any origin
# custom:
#   id: web/envoy_requests/open-origin
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:AC-4
#   - iso-27001-2022:A.8.26
#   remediation: Name the origins, unless what is served is public.
warn contains finding if {
	some [path, policy] in origins
	not envoy.on(envoy.field(policy, "allow_credentials", "allowCredentials"))
	finding := envoy.found("web/envoy_requests/open-origin", path, "cors", "every site may read the answers")
}

origins contains [array.concat(path, [key, index]), policy] if {
	walk(input, [path, policy])
	some key in ["allow_origin_string_match", "allowOriginStringMatch"]
	some index, matcher in policy[key]
	everyone(matcher)
}

everyone(matcher) if matcher.exact == "*"

everyone(matcher) if matcher.prefix in {"", "http", "https", "http://", "https://", "*"}

everyone(matcher) if envoy.field(matcher, "safe_regex", "safeRegex").regex in {"*", ".*", ".+", "^.*$", "^.+$", "https?://.*", "https://.*"}

# METADATA
# title: Path as it came
# description: >-
#   A path is matched before dots are resolved, so that /public/../admin passes what is for /public while the upstream serves /admin.
# custom:
#   id: web/envoy_requests/normalize-path
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SI-10
#   - nist-800-53r5:AC-4
#   - iso-27001-2022:A.8.26
#   remediation: "Set normalize_path: true."
warn contains finding if {
	some [path, listener, manager] in served
	not envoy.on(envoy.field(manager, "normalize_path", "normalizePath"))
	finding := envoy.found("web/envoy_requests/normalize-path", place(path, manager, ["normalize_path", "normalizePath"]), envoy.name("listener", listener), "paths must be normalized")
}

# METADATA
# title: Slashes as they came
# description: A path is matched with its double slashes, so that //admin passes what is for /admin.
# custom:
#   id: web/envoy_requests/merge-slashes
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SI-10
#   - iso-27001-2022:A.8.26
#   remediation: "Set merge_slashes: true."
warn contains finding if {
	some [path, listener, manager] in served
	not envoy.on(envoy.field(manager, "merge_slashes", "mergeSlashes"))
	finding := envoy.found("web/envoy_requests/merge-slashes", place(path, manager, ["merge_slashes", "mergeSlashes"]), envoy.name("listener", listener), "adjacent slashes must be merged")
}

# METADATA
# title: Address as the client says
# description: >-
#   Without use_remote_address Envoy takes the client's address, and whether it is internal, from X-Forwarded-For, which whoever connects writes.
# custom:
#   id: web/envoy_requests/remote-address
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:AC-4
#   - nist-800-53r5:AU-3
#   - iso-27001-2022:A.8.20
#   remediation: "Set use_remote_address: true, behind a proxy of your own with xff_num_trusted_hops."
warn contains finding if {
	some [path, listener, manager] in served
	not envoy.on(envoy.field(manager, "use_remote_address", "useRemoteAddress"))
	not told(manager)
	finding := envoy.found("web/envoy_requests/remote-address", place(path, manager, ["use_remote_address", "useRemoteAddress"]), envoy.name("listener", listener), "the client's address is what the request says")
}

# Somebody thought of who is in front.
told(manager) if envoy.field(manager, "xff_num_trusted_hops", "xffNumTrustedHops") > 0

told(manager) if count(envoy.field(manager, "original_ip_detection_extensions", "originalIpDetectionExtensions")) > 0

# METADATA
# title: No access log
# custom:
#   id: web/envoy_requests/access-log
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:AU-2
#   - nist-800-53r5:AU-12
#   - pci-dss-4.0:10.2.1
#   - iso-27001-2022:A.8.15
#   remediation: Give the HTTP connection manager an access_log.
warn contains finding if {
	some [path, listener, manager] in served
	not logs(manager)
	finding := envoy.found("web/envoy_requests/access-log", path, envoy.name("listener", listener), "requests must be logged")
}

logs(manager) if count(envoy.field(manager, "access_log", "accessLog")) > 0

served contains entry if {
	some entry in envoy.managers
	not envoy.outbound(entry[1])
	not envoy.redirects(entry[2])
}

place(path, manager, keys) := array.concat(path, [key]) if {
	some key in keys
	key in object.keys(manager)
} else := path
