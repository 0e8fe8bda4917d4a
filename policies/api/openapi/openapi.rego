# METADATA
# title: OpenAPI descriptions
# description: >-
#   How an API lets its callers sign in, and where it is served, as its OpenAPI 3 or Swagger 2 description says.
# related_resources:
# - https://owasp.org/API-Security/editions/2023/en/0x11-t10/
# custom:
#   id: api/openapi
#   layer: L5
#   inputs: [openapi]
#   owner: application-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:IA-2
#   - owasp-api-2023:API2
#   - iso-27001-2022:A.8.26
#   - soc2:CC6.1
#   remediation: Change the description, and the API with it.
package api.openapi

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input without paths is no description and is not accepted.
allow if {
	is_object(input.paths)
	count(deny) == 0
}

found(id, resource, message) := {"id": id, "msg": message, "resource": resource}

methods := {"delete", "get", "head", "options", "patch", "post", "put", "query", "trace"}

operations contains {"name": sprintf("%s %s", [upper(method), path]), "operation": operation} if {
	some path, item in input.paths
	some method, operation in item
	method in methods
}

schemes[name] := scheme if some name, scheme in input.components.securitySchemes

schemes[name] := scheme if some name, scheme in input.securityDefinitions

# METADATA
# title: API over plain HTTP
# description: >-
#   A server of the description, of a path or of an operation is reached without TLS, or tokens are fetched without. The
#   own machine is left alone.
# custom:
#   id: api/openapi/plain-http
#   severity: high
#   controls:
#   - nist-800-53r5:SC-8
#   - owasp-api-2023:API8
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: Serve the API over https.
deny contains finding if {
	some entry in urls
	url := lower(sprintf("%s%s", [entry.scheme, entry.holder[entry.key]]))
	startswith(url, "http://")
	not regex.match(`^http://(localhost|127\.0\.0\.1|\[::1\])([:/]|$)`, url)
	finding := found("api/openapi/plain-http", url, sprintf("the server %s must use https", [url]))
}

urls contains {"scheme": "", "holder": server, "key": "url"} if some server in servers

urls contains {"scheme": sprintf("%s://", [scheme]), "holder": input, "key": "host"} if some scheme in input.schemes

# Where tokens are fetched.
urls contains {"scheme": "", "holder": flow, "key": key} if {
	some scheme in schemes
	some flow in array.concat([scheme], [one | some one in scheme.flows])
	some key in ["authorizationUrl", "tokenUrl"]
}

servers contains server if some server in input.servers

# A path or an operation may have its own.
servers contains server if {
	some item in input.paths
	some holder in array.concat([item], [operation | some method, operation in item; method in methods])
	some server in holder.servers
}

# METADATA
# title: Operation without sign-in
# description: >-
#   An operation that changes something needs no sign-in: no security holds for it, or one that may be left out ([] or
#   {}). Signing in itself, and what data.config.api.open_operations names besides, may be open on purpose: then say
#   security [].
# custom:
#   id: api/openapi/no-security
#   severity: high
#   controls:
#   - owasp-api-2023:API2
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:IA-2
#   - iso-27001-2022:A.8.5
#   remediation: Add security to the operation or to the description.
deny contains finding if {
	some entry in operations
	may_be_left_out(effective(entry.operation))
	not safe(entry.name)
	not open_on_purpose(entry)
	finding := found("api/openapi/no-security", entry.name, sprintf("%s needs no sign-in", [entry.name]))
}

# What an operation says itself goes before what the description says of all.
effective(operation) := operation.security if says_security(operation)

effective(operation) := general if not says_security(operation)

says_security(operation) if is_array(operation.security)

default general := []

general := input.security if is_array(input.security)

may_be_left_out(requirements) if count(requirements) == 0

may_be_left_out(requirements) if {
	some requirement in requirements
	requirement == {}
}

# The last word of the path that is no parameter says what the operation is for.
open_on_purpose(entry) if {
	is_array(entry.operation.security)
	path := split(entry.name, " ")[1]
	segments := [segment | some segment in split(path, "/"); segment != ""; not startswith(segment, "{")]
	lower(segments[count(segments) - 1]) in data.config.api.open_operations
}

safe(name) if {
	some method in ["GET", "HEAD", "OPTIONS", "TRACE"]
	startswith(name, concat("", [method, " "]))
}

# METADATA
# title: Operation that everyone may read
# description: >-
#   An operation that reads names no security, and none holds for the whole API. Public data may be read on purpose:
#   then say security [].
# custom:
#   id: api/openapi/open-read
#   severity: medium
#   enforcement: warn
#   controls:
#   - owasp-api-2023:API2
#   - nist-800-53r5:AC-14
#   remediation: Add security, or an empty one where everyone may read.
warn contains finding if {
	some entry in operations
	not is_array(object.get(entry.operation, "security", null))
	may_be_left_out(general)
	startswith(entry.name, "GET ")
	finding := found("api/openapi/open-read", entry.name, sprintf("%s needs no sign-in", [entry.name]))
}

# METADATA
# title: Sign-in that nobody defined
# description: >-
#   An operation demands a security scheme that the description does not define, so that no tool enforces it.
# custom:
#   id: api/openapi/unknown-scheme
#   severity: high
#   controls:
#   - owasp-api-2023:API8
#   - nist-800-53r5:AC-3
#   remediation: Define the scheme under components.securitySchemes.
deny contains finding if {
	some entry in demanded
	some requirement in entry.security
	some name, _ in requirement
	not schemes[name]
	finding := found("api/openapi/unknown-scheme", entry.name, sprintf("the security scheme %s is not defined", [name]))
}

demanded contains {"name": "the API", "security": input.security}

demanded contains {"name": entry.name, "security": entry.operation.security} if some entry in operations

# METADATA
# title: Key in the address
# description: An API key stands in the address, where logs, histories and proxies keep it.
# custom:
#   id: api/openapi/key-in-url
#   severity: medium
#   controls:
#   - owasp-api-2023:API2
#   - nist-800-53r5:IA-5
#   - nist-800-53r5:SC-28
#   remediation: Take the key from a header, or use OAuth 2.
deny contains finding if {
	some name, scheme in schemes
	lower(scheme.type) == "apikey"
	scheme["in"] == "query"
	finding := found("api/openapi/key-in-url", name, sprintf("the security scheme %s must not use the query", [name]))
}

# METADATA
# title: Weak sign-in
# description: >-
#   Callers send their password with each request, or get tokens by a flow that OAuth 2.1 dropped (implicit, password).
# custom:
#   id: api/openapi/weak-scheme
#   severity: medium
#   controls:
#   - owasp-api-2023:API2
#   - nist-800-53r5:IA-2
#   - nist-800-53r5:IA-5(1)
#   - iso-27001-2022:A.8.5
#   remediation: Use OpenID Connect, or OAuth 2 with authorizationCode or clientCredentials.
deny contains finding if {
	some name, scheme in schemes
	some kind in kinds(scheme)
	kind in {"basic", "digest", "implicit", "password"}
	finding := found("api/openapi/weak-scheme", name, sprintf("the security scheme %s must not be %s", [name, kind]))
}

kinds(scheme) := {lower(scheme.scheme)} | {flow | some flow, _ in scheme.flows} if lower(scheme.type) == "http"

kinds(scheme) := {flow | some flow, _ in scheme.flows} | {flow | flow := scheme.flow} if scheme.type == "oauth2"

kinds(scheme) := {"basic"} if scheme.type == "basic"

# METADATA
# title: Refusals not described
# description: >-
#   An operation with sign-in describes no answer 401 or 403, so that clients and tests do not expect them.
# custom:
#   id: api/openapi/undocumented-refusal
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SI-11
#   - owasp-api-2023:API8
#   remediation: Add responses 401 and 403, or 4XX.
warn contains finding if {
	some entry in operations
	count(object.get(entry.operation, "security", [])) > 0
	codes := {code | some code, _ in entry.operation.responses}
	count(codes & {"401", "403", "4XX", "4xx", "default"}) == 0
	finding := found("api/openapi/undocumented-refusal", entry.name, sprintf("%s describes no answer 401 or 403", [entry.name]))
}
