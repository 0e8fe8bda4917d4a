# METADATA
# title: HTTP API authorization
# description: >-
#   Role-based access with ownership: a role grants actions on a collection, and whoever owns a resource may read,
#   update and delete it. The input is {method, path: [collection, id?], user: {id, roles, tenant,
#   suspended, mfa}, resource: {owner, tenant}}.
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

# A finding must not fail for want of words: a user may have no id, and a path may have numbers.
who := object.get(input.user, "id", "without id")

place := concat("/", [sprintf("%v", [part]) | some part in input.path])

granted_by_role if {
	some role in input.user.roles
	action in data.config.http.roles[role][collection]
}

granted_by_ownership if {
	input.user.id == input.resource.owner
	not input.user.id in {"", null}
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
	not object.get(input.user, "suspended", false) in {false, null}
	finding := {
		"id": "http/authz/suspended",
		"msg": sprintf("user %v is suspended", [who]),
		"resource": place,
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
	input.resource.tenant != object.get(input.user, "tenant", null)
	finding := {
		"id": "http/authz/tenant",
		"msg": sprintf("user %v must not reach the tenant %v", [who, input.resource.tenant]),
		"resource": place,
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
		"msg": sprintf("user %v must sign in with a second factor to %s users", [who, action]),
		"resource": place,
	}
}
