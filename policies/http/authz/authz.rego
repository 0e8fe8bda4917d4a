# METADATA
# title: HTTP API authorization
# description: >-
#   Role-based access with ownership: a role grants actions on a collection, and whoever owns a resource may read,
#   update and delete it. The input is {method, path: [collection, id?], user: {id, roles, suspended, mfa},
#   resource: {owner, tenant}}.
# custom:
#   id: http/authz
#   layer: L5
#   inputs: []
#   owner: application-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:AC-6
#   - iso-27001-2022:A.5.15
#   - soc2:CC6.1
#   - gdpr:32
#   - hipaa:164.312(a)(1)
#   remediation: Ask an administrator for a role that grants the action.
package http.authz

default allow := false

# METADATA
# title: Allow what a role or ownership grants and nothing denies
allow if {
	granted
	count(deny) == 0
}

granted if granted_by_role

granted if granted_by_ownership

collection := input.path[0]

action := "list" if {
	input.method == "GET"
	count(input.path) == 1
} else := data.config.http.methods[input.method]

granted_by_role if {
	some role in input.user.roles
	action in data.config.http.roles[role][collection]
}

granted_by_ownership if {
	input.user.id == input.resource.owner
	action in {"read", "update", "delete"}
}

# METADATA
# title: Suspended account
# custom:
#   id: http/authz/suspended
#   severity: high
#   controls:
#   - nist-800-53r5:AC-2(3)
#   remediation: Ask an administrator to reinstate the account.
deny contains finding if {
	input.user.suspended == true
	finding := {
		"id": "http/authz/suspended",
		"msg": sprintf("user %s is suspended", [input.user.id]),
		"resource": concat("/", input.path),
	}
}

# METADATA
# title: Another tenant's resource
# custom:
#   id: http/authz/tenant
#   severity: critical
#   controls:
#   - nist-800-53r5:AC-4
#   - gdpr:32
#   remediation: Sign in to the tenant that owns the resource.
deny contains finding if {
	input.resource.tenant != input.user.tenant
	finding := {
		"id": "http/authz/tenant",
		"msg": sprintf("user %s must not reach the tenant %s", [input.user.id, input.resource.tenant]),
		"resource": concat("/", input.path),
	}
}

# METADATA
# title: Administration without a second factor
# custom:
#   id: http/authz/second-factor
#   severity: high
#   controls:
#   - nist-800-53r5:IA-2(1)
#   - soc2:CC6.1
#   remediation: Sign in with a second factor.
deny contains finding if {
	collection == "users"
	action in {"create", "update", "delete"}
	object.get(input.user, "mfa", false) != true
	finding := {
		"id": "http/authz/second-factor",
		"msg": sprintf("user %s must sign in with a second factor to %s users", [input.user.id, action]),
		"resource": concat("/", input.path),
	}
}
