# METADATA
# title: Cross-origin headers
# description: >-
#   What a response lets other sites do with it. The input is that of web/headers: {url, headers: {name: values}} with
#   header names in lower case; values is a list, or one text.
# related_resources:
# - https://owasp.org/www-project-secure-headers/
# custom:
#   id: web/cross_origin
#   layer: L5
#   inputs: []
#   owner: application-security
#   severity: medium
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-4
#   - nist-800-53r5:SC-18
#   - iso-27001-2022:A.8.26
#   - soc2:CC6.6
#   remediation: Set the header in the web server or the framework.
package web.cross_origin

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

found(id, message) := {"id": id, "msg": message, "resource": object.get(input, "url", "response")}

# METADATA
# title: Every site reads with the user's rights
# description: The response allows credentials for an origin that anyone can have.
# custom:
#   id: web/cross_origin/any-origin
#   severity: high
#   controls:
#   - nist-800-53r5:AC-4
#   - nist-800-53r5:AC-3
#   - owasp-api-2023:API8
#   remediation: Answer with the origins that you know.
deny contains finding if {
	some origin in values("access-control-allow-origin")
	origin in {"*", "null"}
	"true" in {lower(value) | some value in values("access-control-allow-credentials")}
	finding := found("web/cross_origin/any-origin", sprintf("origin %s must not be allowed with credentials", [origin]))
}

# METADATA
# title: Origin null allowed
# description: Every page can give itself the origin null, in a frame.
# custom:
#   id: web/cross_origin/null-origin
#   severity: medium
#   controls:
#   - nist-800-53r5:AC-4
#   remediation: Answer with the origins that you know.
deny contains finding if {
	"null" in values("access-control-allow-origin")
	finding := found("web/cross_origin/null-origin", "the origin null must not be allowed")
}

# METADATA
# title: Origin without TLS
# description: A site that is served without TLS may read the response; whoever is on the way reads it too.
# custom:
#   id: web/cross_origin/plain-origin
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-8
#   - nist-800-53r5:AC-4
#   remediation: Allow the origin with https.
deny contains finding if {
	some origin in values("access-control-allow-origin")
	startswith(origin, "http://")
	not regex.match(`^http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?$`, origin)
	finding := found("web/cross_origin/plain-origin", sprintf("the origin %s must use https", [origin]))
}

# METADATA
# title: Cookie for every site
# description: >-
#   A cookie is sent with requests that other sites make, and without TLS; browsers drop it, or did not yet.
# custom:
#   id: web/cross_origin/cookie-site
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-23
#   - gdpr:32
#   remediation: Set SameSite to Lax or Strict, or add Secure.
deny contains finding if {
	some cookie in values("set-cookie")
	attributes := {replace(lower(trim_space(part)), " ", "") | some part in split(cookie, ";")}
	"samesite=none" in attributes
	not "secure" in attributes
	finding := found("web/cross_origin/cookie-site", sprintf("cookie %s has SameSite=None and not Secure", [split(cookie, "=")[0]]))
}

# METADATA
# title: Addresses told to other sites
# description: Without Referrer-Policy, or with a lax one, other sites learn the addresses of pages.
# custom:
#   id: web/cross_origin/referrer
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SI-11
#   - nist-800-53r5:AC-4
#   remediation: Send Referrer-Policy strict-origin-when-cross-origin or no-referrer.
warn contains finding if {
	is_object(input.headers)
	policies := {lower(trim_space(word)) | some value in values("referrer-policy"); some word in split(value, ",")}
	count(policies - {"no-referrer-when-downgrade", "unsafe-url", ""}) == 0
	finding := found("web/cross_origin/referrer", "no Referrer-Policy keeps addresses to the site")
}

# METADATA
# title: Devices for every frame
# description: No Permissions-Policy says who may use camera, microphone and place.
# custom:
#   id: web/cross_origin/permissions
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:CM-7
#   - nist-800-53r5:SC-15
#   remediation: Send Permissions-Policy with camera=(), geolocation=(), microphone=().
warn contains finding if {
	is_object(input.headers)
	count(object.get(input.headers, "permissions-policy", [])) == 0
	finding := found("web/cross_origin/permissions", "no Permissions-Policy limits what frames may use")
}
