package web.headers_test

import data.web.headers

sound := {
	"content-security-policy": ["default-src 'self'; frame-ancestors 'none'"],
	"strict-transport-security": ["max-age=31536000; includeSubDomains"],
	"x-content-type-options": ["nosniff"],
}

response(changes) := {"url": "https://shop.example/", "headers": object.union(sound, changes)}

without(name) := {"url": "https://shop.example/", "headers": object.remove(sound, [name])}

denied_ids(doc) := result if {
	findings := headers.deny with input as doc
	result := {finding.id | some finding in findings}
}

test_good_response_is_accepted if headers.allow with input as response({})

test_no_response_is_not_accepted if not headers.allow with input as {}

test_missing_csp_is_denied if {
	denied_ids(without("content-security-policy")) == {"web/headers/csp", "web/headers/framing"}
}

test_csp_without_script_limit_is_denied if {
	denied_ids(response({"content-security-policy": ["frame-ancestors 'none'"]})) == {"web/headers/csp"}
}

test_unsafe_sources_are_denied if {
	every source in ["'unsafe-inline'", "'unsafe-eval'", "*", "http:"] {
		csp := sprintf("default-src 'self'; script-src %s; frame-ancestors 'self'", [source])
		denied_ids(response({"content-security-policy": [csp]})) == {"web/headers/csp-unsafe"}
	}
}

test_missing_hsts_is_denied if denied_ids(without("strict-transport-security")) == {"web/headers/hsts"}

test_short_hsts_is_denied if {
	denied_ids(response({"strict-transport-security": ["max-age=3600"]})) == {"web/headers/hsts"}
}

test_quoted_max_age_is_read if {
	denied_ids(response({"strict-transport-security": ["Max-Age=\"31536000\""]})) == set()
}

test_malformed_max_age_is_denied if {
	denied_ids(response({"strict-transport-security": ["max-age=soon"]})) == {"web/headers/hsts"}
}

framed(csp) := object.union(response({}), {"headers": object.union(sound, {"content-security-policy": [csp]})})

test_framing_by_anyone_is_denied if {
	denied_ids(framed("default-src 'self'")) == {"web/headers/framing"}
	denied_ids(framed("default-src 'self'; frame-ancestors *")) == {"web/headers/framing"}
}

test_x_frame_options_limits_framing if {
	doc := response({"content-security-policy": ["default-src 'self'"], "x-frame-options": ["DENY"]})
	denied_ids(doc) == set()
}

test_sniffing_is_denied if denied_ids(without("x-content-type-options")) == {"web/headers/nosniff"}

test_bare_cookie_is_denied if {
	count(headers.deny) == 2 with input as response({"set-cookie": ["sid=1; Path=/"]})
	denied_ids(response({"set-cookie": ["sid=1; Path=/; Secure"]})) == {"web/headers/cookie"}
	denied_ids(response({"set-cookie": ["sid=1; Path=/; Secure; HttpOnly"]})) == set()
}

test_disclosure_warns if {
	doc := response({"x-powered-by": ["PHP/8.3"]})
	headers.allow with input as doc
	count(headers.warn) == 1 with input as doc
}

bad := {"url": "https://old.corp.example/", "headers": {
	"content-security-policy": ["style-src 'self'; default-src 'unsafe-inline'"],
	"set-cookie": ["sid=abc; Path=/"],
	"x-powered-by": ["PHP/7.4"],
}}

good := {"url": "https://shop.corp.example/", "headers": {
	"content-security-policy": ["default-src 'self'; frame-ancestors 'none'"],
	"set-cookie": ["sid=abc; Path=/; Secure; HttpOnly; SameSite=Lax"],
	"strict-transport-security": ["max-age=31536000; includeSubDomains"],
	"x-content-type-options": ["nosniff"],
}}

test_bad_response_has_every_finding if {
	found := headers.deny | headers.warn with input as bad
	{finding.id | some finding in found} == {
		"web/headers/csp-unsafe", "web/headers/hsts", "web/headers/framing", "web/headers/nosniff", "web/headers/cookie",
		"web/headers/disclosure",
	}
}

test_whole_good_response_is_accepted if {
	headers.allow with input as good
	not headers.allow with input as bad
}

bad_without_policy := {"url": "https://old.corp.example/", "headers": {"content-type": ["text/html"]}}

test_response_without_a_policy_is_denied if "web/headers/csp" in denied_ids(bad_without_policy)

scripts(sources) := denied_ids(framed(sprintf("script-src %s; frame-ancestors 'none'", [sources])))

test_sources_that_browsers_ignore_are_accepted if {
	every sources in [
		"'nonce-cjQ' 'strict-dynamic' https: http: 'unsafe-inline'", "'sha256-abc=' 'strict-dynamic' * data:",
		"'self' 'nonce-cjQ' 'unsafe-inline'", "'sha512-abc=' 'unsafe-inline'",
	] {
		scripts(sources) == set()
	}
}

test_sources_that_browsers_heed_are_denied if {
	every sources in [
		"'nonce-cjQ' 'strict-dynamic' 'unsafe-eval'", "'strict-dynamic' 'unsafe-inline'", "'nonce-cjQ' http:", "'nonce-cjQ' *",
		"'nonce-' 'unsafe-inline'", "'self' 'unsafe-inline'",
	] {
		scripts(sources) == {"web/headers/csp-unsafe"}
	}
}

test_headers_of_one_text_are_read if {
	texts := {name: value | some name, [value] in sound}
	denied_ids({"headers": texts}) == set()
	cookies := {"web/headers/cookie"}
	denied_ids({"headers": object.union(texts, {"set-cookie": "sid=1; Path=/"})}) == cookies
	denied_ids({"headers": object.union(texts, {"set-cookie": "sid=1; Secure; HttpOnly"})}) == set()
	denied_ids({"headers": object.union(texts, {"content-security-policy": "script-src *; frame-ancestors 'none'"})}) == {"web/headers/csp-unsafe"}
	denied_ids({"headers": object.remove(texts, ["x-content-type-options"])}) == {"web/headers/nosniff"}
}

test_whole_schemes_are_everyone if {
	scripts("'self' https:") == {"web/headers/csp-unsafe"}
	scripts("'nonce-cjQ' 'strict-dynamic' https:") == set()
	schemes := object.union(sound, {"content-security-policy": ["default-src 'self'; frame-ancestors https:"], "x-frame-options": []})
	denied_ids({"headers": schemes}) == {"web/headers/framing"}
}
