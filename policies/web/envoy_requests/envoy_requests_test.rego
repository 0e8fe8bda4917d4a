package web.envoy_requests_test

import data.web.envoy_requests as envoy

ids(doc) := {finding.id | some finding in findings} if findings := envoy.deny | envoy.warn with input as doc

type(name) := {"@type": concat("", ["type.googleapis.com/envoy.extensions.filters.", name])}

safe := {
	"normalize_path": true, "merge_slashes": true, "use_remote_address": true,
	"access_log": [{"name": "envoy.access_loggers.stdout"}],
}

serving(manager) := {"static_resources": {"listeners": [{
	"name": "web",
	"filter_chains": [{"filters": [{"typed_config": object.union(type("network.http_connection_manager.v3.HttpConnectionManager"), manager)}]}],
}]}}

with_(more) := ids(serving(object.union(safe, more)))

without(keys) := ids(serving(object.remove(safe, keys)))

test_what_is_no_object_is_not_accepted if {
	envoy.allow with input as {}
	not envoy.allow with input as []
	not envoy.allow with input as authorized("failure_mode_allow", true)
}

authorized(key, value) := {"http_filters": [{"typed_config": object.union(type("http.ext_authz.v3.ExtAuthz"), {key: value})}]}

test_authorization_that_fails_open_is_told if {
	every value in [true, "yes", "True"] {
		ids(authorized("failure_mode_allow", value)) == {"web/envoy_requests/fails-open"}
		ids(authorized("failureModeAllow", value)) == {"web/envoy_requests/fails-open"}
	}
	every value in [false, "no", null] {
		ids(authorized("failure_mode_allow", value)) == set()
	}
}

test_rules_that_only_watch_are_told if {
	rules := {"policies": {}}
	rbac := type("http.rbac.v3.RBAC")
	ids(object.union(rbac, {"shadow_rules": rules})) == {"web/envoy_requests/shadow-only"}
	ids(object.union(rbac, {"shadowRules": rules, "rules": null})) == {"web/envoy_requests/shadow-only"}
	ids(object.union(rbac, {"shadow_rules": rules, "rules": rules})) == set()
	ids(object.union(rbac, {"shadow_rules": rules, "matcher": {}})) == set()
	ids(rbac) == set()
}

test_origins_are_told if {
	every matcher in [{"exact": "*"}, {"prefix": ""}, {"prefix": "https://"}, {"safe_regex": {"regex": ".*"}}, {"safeRegex": {"regex": "https?://.*"}}] {
		ids({"allow_origin_string_match": [matcher]}) == {"web/envoy_requests/open-origin"}
		ids({"allowOriginStringMatch": [matcher], "allowCredentials": true}) == {"web/envoy_requests/any-origin"}
	}
	every matcher in [{"exact": "https://shop.example"}, {"suffix": ".shop.example"}, {"safe_regex": {"regex": `https://[a-z]+\.shop\.example`}}] {
		ids({"allow_origin_string_match": [matcher], "allow_credentials": true}) == set()
	}
}

test_safe_settings_pass if {
	with_({}) == set()
	ids(serving({
		"normalizePath": true, "mergeSlashes": "on", "useRemoteAddress": true, "accessLog": [{}],
	})) == set()
}

test_settings_that_are_missing_are_told if {
	without(["normalize_path"]) == {"web/envoy_requests/normalize-path"}
	without(["merge_slashes"]) == {"web/envoy_requests/merge-slashes"}
	without(["use_remote_address"]) == {"web/envoy_requests/remote-address"}
	without(["access_log"]) == {"web/envoy_requests/access-log"}
	with_({"normalize_path": false}) == {"web/envoy_requests/normalize-path"}
	with_({"access_log": []}) == {"web/envoy_requests/access-log"}
}

test_who_is_in_front_may_be_said if {
	with_({"use_remote_address": false, "xff_num_trusted_hops": 1}) == set()
	with_({"use_remote_address": false, "originalIpDetectionExtensions": [{"name": "xff"}]}) == set()
	with_({"use_remote_address": false, "xffNumTrustedHops": 0}) == {"web/envoy_requests/remote-address"}
}

test_what_the_host_sends_is_its_own if {
	manager := type("network.http_connection_manager.v3.HttpConnectionManager")
	ids({"static_resources": {"listeners": [{"traffic_direction": "OUTBOUND", "filter_chains": [{"filters": [manager]}]}]}}) == set()
}

test_redirects_need_no_settings if {
	redirect := {"routes": [{"redirect": {"https_redirect": true}}]}
	ids(serving({"route_config": {"virtual_hosts": [redirect]}})) == set()
}

test_a_setting_that_is_there_is_shown if {
	findings := envoy.warn with input as serving(object.union(safe, {"normalize_path": false}))
	{finding.path[count(finding.path) - 1] | some finding in findings} == {"normalize_path"}
	missing := envoy.warn with input as serving(object.remove(safe, ["normalize_path"]))
	{finding.path[count(finding.path) - 1] | some finding in missing} == {"typed_config"}
}
