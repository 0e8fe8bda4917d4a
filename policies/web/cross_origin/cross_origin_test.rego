package web.cross_origin_test

import data.web.cross_origin

found(doc) := result if {
	denied := cross_origin.deny with input as doc
	warned := cross_origin.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

quiet := {"referrer-policy": ["no-referrer"], "permissions-policy": ["camera=()"]}

response(headers) := {"url": "https://shop.corp.example/", "headers": object.union(quiet, headers)}

bad := {"url": "https://shop.corp.example/", "headers": {
	"access-control-allow-origin": ["null", "http://shop.corp.example"],
	"access-control-allow-credentials": ["true"],
	"set-cookie": ["session=1; SameSite=None; HttpOnly"],
}}

good := {"url": "https://shop.corp.example/", "headers": {
	"access-control-allow-origin": ["https://admin.corp.example"],
	"access-control-allow-credentials": ["true"],
	"set-cookie": ["session=1; SameSite=Lax; Secure; HttpOnly"],
	"referrer-policy": ["strict-origin-when-cross-origin"],
	"permissions-policy": ["camera=(), geolocation=(), microphone=()"],
}}

ids := {
	"web/cross_origin/any-origin", "web/cross_origin/null-origin", "web/cross_origin/plain-origin",
	"web/cross_origin/cookie-site", "web/cross_origin/referrer", "web/cross_origin/permissions",
}

test_bad_response_has_every_finding if found(bad) == ids

test_good_response_is_accepted if {
	found(good) == set()
	cross_origin.allow with input as good
	not cross_origin.allow with input as bad
	not cross_origin.allow with input as {}
}

test_message_names_the_cookie if {
	cross_origin.deny == {{
		"id": "web/cross_origin/cookie-site",
		"msg": "cookie track has SameSite=None and not Secure",
		"resource": "https://shop.corp.example/",
	}} with input as response({"set-cookie": ["track=1; samesite = none"]})
}

test_public_data_may_be_read_everywhere if {
	found(response({"access-control-allow-origin": ["*"]})) == set()
	both := {"access-control-allow-origin": ["*"], "access-control-allow-credentials": ["true"]}
	found(response(both)) == {"web/cross_origin/any-origin"}
}

test_the_last_known_referrer_policy_counts if {
	found(response({"referrer-policy": ["unsafe-url"]})) == {"web/cross_origin/referrer"}
	found(response({"referrer-policy": ["no-referrer, strict-origin-when-cross-origin"]})) == set()
}

test_headers_of_one_text_are_read if {
	found(response({"access-control-allow-origin": "http://shop.corp.example"})) == {"web/cross_origin/plain-origin"}
	found(response({"set-cookie": "track=1; SameSite=None"})) == {"web/cross_origin/cookie-site"}
	both := {"access-control-allow-origin": "*", "access-control-allow-credentials": "true"}
	found(response(both)) == {"web/cross_origin/any-origin"}
	found(response({"access-control-allow-origin": "null"})) == {"web/cross_origin/null-origin"}
	found(response({"referrer-policy": "no-referrer"})) == set()
}

test_only_the_own_machine_needs_no_tls if {
	every origin in ["http://localhost", "http://localhost:3000", "http://127.0.0.1:8080", "http://[::1]"] {
		found(response({"access-control-allow-origin": [origin]})) == set()
	}
	every origin in ["http://localhost.evil.example", "http://localhost@evil.example", "http://127.0.0.1.evil.example"] {
		found(response({"access-control-allow-origin": [origin]})) == {"web/cross_origin/plain-origin"}
	}
}
