package lib.envoy_test

import data.lib.envoy

test_names_have_two_forms if {
	envoy.field({"use_a": 1}, "use_a", "useA") == 1
	envoy.field({"useA": false}, "use_a", "useA") == false
	envoy.field({}, "use_a", "useA") == null
	envoy.field(null, "use_a", "useA") == null
}

test_words_of_yaml_are_true if {
	every word in [true, "yes", "On", "TRUE", "y"] {
		envoy.on(word)
	}
	every word in [false, "no", "off", null, 1, ""] {
		not envoy.on(word)
	}
}

manager := {"@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"}

listener := {"name": "a", "filter_chains": [{"filters": [{"typed_config": manager}]}]}

places(doc) := {concat("/", [sprintf("%v", [step]) | some step in found[0]]) | some found in managers} if managers := envoy.managers with input as doc

below := "filter_chains/0/filters/0/typed_config"

test_listeners_are_found_in_bootstraps_and_in_what_is_discovered if {
	places({"static_resources": {"listeners": [listener]}}) == {concat("/", ["static_resources/listeners/0", below])}
	places({"staticResources": {"listeners": [listener]}}) == {concat("/", ["staticResources/listeners/0", below])}
	typed := object.union(listener, {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener"})
	places({"resources": [typed]}) == {concat("/", ["resources/0", below])}
	places({"resources": [listener]}) == set()
}

test_clusters_are_found if {
	count(envoy.clusters) == 1 with input as {"static_resources": {"clusters": [{"name": "c"}]}}
	count(envoy.clusters) == 1 with input as {"resources": [{"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster"}]}
	envoy.clusters == set() with input as []
}

test_direction_is_read if {
	envoy.outbound({"traffic_direction": "OUTBOUND"})
	envoy.outbound({"trafficDirection": 2})
	not envoy.outbound({"traffic_direction": "INBOUND"})
	not envoy.outbound({})
}
