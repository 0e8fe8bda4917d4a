package api.openapi_test

import data.api.openapi

found(doc) := result if {
	denied := openapi.deny with input as doc
	warned := openapi.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

operation(more) := object.union({"responses": {"200": {}, "401": {}}}, more)

schemes(scheme) := {"openapi": "3.1.0", "paths": {}, "components": {"securitySchemes": {"login": scheme}}}

bad := {
	"openapi": "3.0.3",
	"servers": [{"url": "http://api.corp.example"}],
	"paths": {"/orders": {
		"get": {"responses": {"200": {"description": "orders"}}},
		"post": {"responses": {"201": {"description": "made"}}},
		"delete": {"security": [{"key": []}, {"nobody": []}], "responses": {"204": {"description": "gone"}}},
	}},
	"components": {"securitySchemes": {
		"key": {"type": "apiKey", "in": "query", "name": "key"},
		"password": {"type": "http", "scheme": "Basic"},
	}},
}

good := {
	"openapi": "3.1.0",
	"servers": [{"url": "https://api.corp.example"}, {"url": "/v1"}, {"url": "http://localhost:8080"}],
	"security": [{"login": ["orders"]}],
	"paths": {"/orders": {
		"parameters": [],
		"get": {"security": [], "responses": {"200": {"description": "orders"}}},
		"post": {"security": [{"login": ["orders"]}], "responses": {"201": {"description": "made"}, "4XX": {"description": "refused"}}},
	}},
	"components": {"securitySchemes": {"login": {
		"type": "oauth2",
		"flows": {"authorizationCode": {"authorizationUrl": "https://login.corp.example", "tokenUrl": "https://login.corp.example/token", "scopes": {"orders": "orders"}}},
	}}},
}

ids := {
	"api/openapi/plain-http", "api/openapi/no-security", "api/openapi/open-read", "api/openapi/unknown-scheme",
	"api/openapi/key-in-url", "api/openapi/weak-scheme", "api/openapi/undocumented-refusal",
}

test_bad_description_has_every_finding if found(bad) == ids

test_good_description_is_accepted if {
	found(good) == set()
	openapi.allow with input as good
	not openapi.allow with input as bad
	not openapi.allow with input as {}
}

test_message_names_the_operation if {
	openapi.deny == {{
		"id": "api/openapi/no-security",
		"msg": "POST /orders needs no sign-in",
		"resource": "POST /orders",
	}} with input as {"openapi": "3.0.3", "paths": {"/orders": {"post": operation({})}}}
}

test_an_empty_security_is_a_decision if {
	every path in ["/login", "/v1/oauth/token", "/Webhooks/{source}"] {
		found({"paths": {path: {"post": operation({"security": []})}}}) == set()
	}
	found({"paths": {"/orders": {"get": operation({"security": []})}}}) == set()
}

secured(method, own) := {
	"security": [{"login": []}],
	"paths": {"/orders": {method: operation(own)}},
	"components": {"securitySchemes": {"login": {"type": "http", "scheme": "bearer"}}},
}

test_security_that_may_be_left_out_is_none if {
	every method in ["post", "delete", "put", "patch"] {
		every security in [[], [{}], [{}, {"login": []}]] {
			found(secured(method, {"security": security})) == {"api/openapi/no-security"}
			found(object.union(secured(method, {}), {"security": security})) == {"api/openapi/no-security"}
		}
		found(secured(method, {"security": [{"login": []}]})) == set()
		found(secured(method, {})) == set()
	}
	found(object.union(secured("get", {}), {"security": [{}]})) == {"api/openapi/open-read"}
	found({"paths": {"/login": {"post": operation({})}}}) == {"api/openapi/no-security"}
	found(object.union(secured("post", {"security": null}), {"security": null})) == {"api/openapi/no-security"}
}

test_weak_flows_are_told if {
	every scheme in [
		{"type": "http", "scheme": "digest"}, {"type": "oauth2", "flows": {"implicit": {}}},
		{"type": "oauth2", "flow": "password"}, {"type": "basic"},
	] {
		found(schemes(scheme)) == {"api/openapi/weak-scheme"}
	}
	every scheme in [
		{"type": "http", "scheme": "bearer"}, {"type": "openIdConnect"}, {"type": "mutualTLS"},
		{"type": "oauth2", "flow": "accessCode"}, {"type": "apiKey", "in": "header", "name": "X-Key"},
	] {
		found(schemes(scheme)) == set()
	}
}

test_swagger_is_read if {
	doc := {"swagger": "2.0", "host": "api.corp.example", "schemes": ["https", "http"], "paths": {}}
	openapi.deny == {{
		"id": "api/openapi/plain-http",
		"msg": "the server http://api.corp.example must use https",
		"resource": "http://api.corp.example",
	}} with input as doc
	found({"swagger": "2.0", "paths": {}, "securityDefinitions": {"k": {"type": "apiKey", "in": "query"}}}) == {"api/openapi/key-in-url"}
}

test_hosts_that_begin_like_the_own_machine_count if {
	found({"paths": {}, "servers": [{"url": "http://localhost.corp.example"}]}) == {"api/openapi/plain-http"}
}

described(more) := object.union({"openapi": "3.1.0", "paths": {"/a": {"get": {"security": [], "responses": {"200": {}}}}}}, more)

test_every_server_counts if {
	plain := {"api/openapi/plain-http"}
	found(described({"servers": [{"url": "HTTP://api.corp.example"}]})) == plain
	found(described({"paths": {"/a": {"servers": [{"url": "http://api.corp.example"}]}}})) == plain
	found(described({"paths": {"/a": {"get": {"servers": [{"url": "http://api.corp.example"}]}}}})) == plain
	found(described({"paths": {"/a": {"servers": [{"url": "/v1"}, {"url": "https://api.corp.example"}]}}})) == set()
}

test_tokens_are_fetched_with_tls if {
	flows := {"clientCredentials": {"tokenUrl": "http://id.corp.example/token", "scopes": {}}}
	doc := {"openapi": "3.1.0", "paths": {}, "components": {"securitySchemes": {"o": {"type": "oauth2", "flows": flows}}}}
	found(doc) == {"api/openapi/plain-http"}
	old := {"swagger": "2.0", "paths": {}, "securityDefinitions": {"o": {"type": "oauth2", "flow": "application", "tokenUrl": "http://id.corp.example/token"}}}
	found(old) == {"api/openapi/plain-http"}
	found(json.patch(old, [{"op": "replace", "path": "/securityDefinitions/o/tokenUrl", "value": "https://id.corp.example/token"}])) == set()
}
