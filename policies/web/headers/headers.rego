# METADATA
# title: Web response headers
# description: >-
#   The security headers of a response. The input is {url, headers: {name: values}} with header names in lower case; values
#   is a list, or one text.
# related_resources:
# - https://owasp.org/www-project-secure-headers/
# custom:
#   id: web/headers
#   layer: L5
#   inputs: []
#   owner: application-security
#   severity: medium
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-8
#   - nist-800-53r5:SC-18
#   - iso-27001-2022:A.8.26
#   - soc2:CC6.7
#   remediation: Set the header in the web server or the framework.
package web.headers

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input without headers is no response and is not accepted.
allow if {
	is_object(input.headers)
	count(deny) == 0
}

values(name) := [input.headers[name]] if is_string(input.headers[name])

values(name) := input.headers[name] if is_array(input.headers[name])

# The directives of every Content-Security-Policy header, each as its words.
directives contains words if {
	some value in values("content-security-policy")
	some part in split(lower(value), ";")
	words := [word | some word in split(trim_space(part), " "); word != ""]
	count(words) > 0
}

# METADATA
# title: No Content-Security-Policy
# custom:
#   id: web/headers/csp
#   severity: high
#   controls:
#   - nist-800-53r5:SC-18
#   remediation: "Send Content-Security-Policy with at least default-src 'self'."
deny contains finding if {
	is_object(input.headers)
	not limits_scripts
	finding := {
		"id": "web/headers/csp",
		"msg": "no Content-Security-Policy limits where scripts come from",
		"resource": object.get(input, "url", "response"),
	}
}

limits_scripts if {
	some words in directives
	words[0] in {"default-src", "script-src"}
}

# METADATA
# title: Unsafe script source
# description: >-
#   A directive allows scripts that an attacker brings. What browsers ignore beside a nonce or a hash ('unsafe-inline',
#   and with 'strict-dynamic' also schemes and wildcards) may stand there for older ones.
# custom:
#   id: web/headers/csp-unsafe
#   severity: high
#   controls:
#   - nist-800-53r5:SI-10
#   remediation: Use nonces or hashes instead of unsafe-inline, unsafe-eval or wildcards.
deny contains finding if {
	some words in directives
	words[0] in {"default-src", "script-src"}
	some source in words
	source in ({"'unsafe-inline'", "'unsafe-eval'", "*", "data:", "http:", "https:"} - ignored(words))
	finding := {
		"id": "web/headers/csp-unsafe",
		"msg": sprintf("Content-Security-Policy must not have %s in %s", [source, words[0]]),
		"resource": object.get(input, "url", "response"),
	}
}

# Content Security Policy Level 3, "Does a source list allow all inline behavior" and "strict-dynamic".
ignored(words) := {"'unsafe-inline'", "*", "data:", "http:", "https:"} if {
	pinned(words)
	"'strict-dynamic'" in words
}

ignored(words) := {"'unsafe-inline'"} if {
	pinned(words)
	not "'strict-dynamic'" in words
}

ignored(words) := set() if not pinned(words)

pinned(words) if {
	some word in words
	regex.match(`^'(nonce|sha256|sha384|sha512)-[^']+'$`, word)
}

# METADATA
# title: No strict transport
# custom:
#   id: web/headers/hsts
#   severity: high
#   controls:
#   - nist-800-53r5:SC-8
#   - iso-27001-2022:A.8.24
#   - hipaa:164.312(e)(1)
#   remediation: "Send Strict-Transport-Security: max-age=31536000; includeSubDomains."
deny contains finding if {
	is_object(input.headers)
	not strict_transport
	finding := {
		"id": "web/headers/hsts",
		"msg": "Strict-Transport-Security must last at least 180 days",
		"resource": object.get(input, "url", "response"),
	}
}

strict_transport if {
	some value in values("strict-transport-security")
	some part in split(lower(value), ";")
	pair := split(trim_space(part), "=")
	pair[0] == "max-age"
	to_number(trim(pair[1], "\"")) >= 15552000
}

# METADATA
# title: Framing by anyone
# custom:
#   id: web/headers/framing
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-18
#   remediation: "Send the CSP directive frame-ancestors 'none', or X-Frame-Options: DENY."
deny contains finding if {
	is_object(input.headers)
	not framing_limited
	finding := {
		"id": "web/headers/framing",
		"msg": "any site may frame the page",
		"resource": object.get(input, "url", "response"),
	}
}

framing_limited if {
	some value in values("x-frame-options")
	lower(value) in {"deny", "sameorigin"}
}

framing_limited if {
	some words in directives
	words[0] == "frame-ancestors"
	count({"*", "http:", "https:"} & {word | some word in words}) == 0
}

# METADATA
# title: Content type sniffing
# custom:
#   id: web/headers/nosniff
#   severity: low
#   controls:
#   - nist-800-53r5:SI-10
#   remediation: "Send X-Content-Type-Options: nosniff."
deny contains finding if {
	is_object(input.headers)
	not sniffing_forbidden
	finding := {
		"id": "web/headers/nosniff",
		"msg": "X-Content-Type-Options must be nosniff",
		"resource": object.get(input, "url", "response"),
	}
}

sniffing_forbidden if {
	some value in values("x-content-type-options")
	lower(trim_space(value)) == "nosniff"
}

# METADATA
# title: Cookie without protection
# custom:
#   id: web/headers/cookie
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-23
#   - gdpr:32
#   remediation: Add Secure and HttpOnly to the cookie.
deny contains finding if {
	some cookie in values("set-cookie")
	attributes := {lower(trim_space(part)) | some part in split(cookie, ";")}
	some needed in ["httponly", "secure"]
	not needed in attributes
	name := split(cookie, "=")[0]
	finding := {
		"id": "web/headers/cookie",
		"msg": sprintf("cookie %s lacks the attribute %s", [name, needed]),
		"resource": object.get(input, "url", "response"),
	}
}

# METADATA
# title: Server software disclosed
# custom:
#   id: web/headers/disclosure
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SI-11
#   remediation: Remove the header.
warn contains finding if {
	some name in ["x-powered-by", "x-aspnet-version"]
	input.headers[name]
	finding := {
		"id": "web/headers/disclosure",
		"msg": sprintf("%s discloses the server's software", [name]),
		"resource": object.get(input, "url", "response"),
	}
}
