# Configurations of Envoy: bootstraps, and what listeners and clusters are discovered from.
package lib.envoy

# Envoy reads protocol buffers: each name may be written in snake_case and in camelCase.
field(node, snake, camel) := object.get(node, snake, object.get(node, camel, null)) if is_object(node)

field(node, _, _) := null if not is_object(node)

# Its reader of YAML takes more words for true than that of JSON.
on(value) if value == true

on(value) if {
	is_string(value)
	lower(value) in {"y", "yes", "on", "true"}
}

# Each with its path: [path, listener].
listeners contains [[root, "listeners", index], listener] if {
	some root in ["static_resources", "staticResources"]
	some index, listener in input[root].listeners
}

listeners contains [["resources", index], listener] if {
	some index, listener in input.resources
	endswith(listener["@type"], ".Listener")
}

clusters contains [[root, "clusters", index], cluster] if {
	some root in ["static_resources", "staticResources"]
	some index, cluster in input[root].clusters
}

clusters contains [["resources", index], cluster] if {
	some index, cluster in input.resources
	endswith(cluster["@type"], ".Cluster")
}

# The HTTP connection managers: [path, listener, manager].
managers contains [array.concat(above, path), listener, manager] if {
	some [above, listener] in listeners
	walk(listener, [path, manager])
	endswith(manager["@type"], ".HttpConnectionManager")
}

# What it sends on behalf of its own host.
outbound(listener) if field(listener, "traffic_direction", "trafficDirection") in {"OUTBOUND", 2}

# Does nothing but send to HTTPS.
redirects(manager) if {
	walk(manager, [_, route])
	tls(route.redirect)
	not answers(manager)
}

tls(redirect) if on(field(redirect, "https_redirect", "httpsRedirect"))

tls(redirect) if field(redirect, "scheme_redirect", "schemeRedirect") == "https"

# Anything but redirects. Routes that are fetched may be anything.
answers(manager) if {
	walk(manager, [_, route])
	some key in ["route", "direct_response", "directResponse", "filter_action", "filterAction", "rds", "scoped_routes", "scopedRoutes"]
	is_object(route[key])
}

answers(manager) if {
	walk(manager, [_, route])
	is_object(route.redirect)
	not tls(route.redirect)
}

name(kind, node) := sprintf("%s %s", [kind, object.get(node, "name", "without a name")])

owner(path) := resource if {
	some [above, listener] in listeners
	array.slice(path, 0, count(above)) == above
	resource := name("listener", listener)
} else := resource if {
	some [above, cluster] in clusters
	array.slice(path, 0, count(above)) == above
	resource := name("cluster", cluster)
} else := "envoy"

found(id, path, resource, message) := {"id": id, "msg": message, "resource": resource, "path": path}
