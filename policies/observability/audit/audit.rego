# METADATA
# title: Kubernetes audit policy
# description: >-
#   What the API server writes down of who did what: an audit policy that leaves out changes, or writes secrets into its
#   log.
# related_resources:
# - https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/
# custom:
#   id: observability/audit
#   layer: L8
#   inputs: [kubernetes]
#   owner: security-operations
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AU-2
#   - nist-800-53r5:AU-12
#   - iso-27001-2022:A.8.15
#   - soc2:CC7.2
#   remediation: Change the audit policy.
package observability.audit

default allow := false

# METADATA
# title: Accept what nothing denies
allow if count(deny) == 0

is_audit if {
	input.kind == "Policy"
	startswith(input.apiVersion, "audit.k8s.io/")
}

rules := object.get(input, "rules", []) if is_audit

finding_of(id, message) := {"id": id, "msg": message, "resource": "audit policy"}

# METADATA
# title: Nothing is written down
# description: No rule of the audit policy has another level than None, or the first is for all requests and has that.
# custom:
#   id: observability/audit/nothing
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:3.2.1
#   - nist-800-53r5:AU-2
#   - pci-dss-4.0:10.2.1
#   remediation: Add a rule with level Metadata at the end.
deny contains finding if {
	is_audit
	count([rule | some rule in heeded; rule.level != "None"]) == 0
	finding := finding_of("observability/audit/nothing", "the audit policy writes nothing down")
}

# The first rule that a request fits decides, so that those behind one for all requests never do.
heeded := [rule |
	some number, rule in rules
	count([earlier | some place, earlier in rules; place < number; not limited(earlier)]) == 0
]

limited(rule) if {
	some field in ["namespaces", "nonResourceURLs", "resources", "userGroups", "users", "verbs"]
	count(rule[field]) > 0
}

# METADATA
# title: Requests that no rule is about
# description: The last rule of the audit policy is for some requests only; of the others nothing is written down.
# custom:
#   id: observability/audit/gap
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:3.2.2
#   - nist-800-53r5:AU-12
#   - pci-dss-4.0:10.2.1
#   remediation: End with a rule that has a level and nothing else.
deny contains finding if {
	count(rules) > 0
	last := rules[count(rules) - 1]
	some field in ["namespaces", "nonResourceURLs", "resources", "userGroups", "users", "verbs"]
	count(last[field]) > 0
	finding := finding_of("observability/audit/gap", sprintf("the last rule is limited to some %s", [field]))
}

# METADATA
# title: Secrets in the log
# description: Requests for secrets or tokens are written down with their contents.
# custom:
#   id: observability/audit/secrets
#   severity: critical
#   controls:
#   - nist-800-53r5:AU-9
#   - nist-800-53r5:IA-5
#   - iso-27001-2022:A.8.12
#   remediation: Put a rule with level Metadata for secrets, configmaps and tokenreviews first.
deny contains finding if {
	some resource in ["secrets", "serviceaccounts/token", "tokenreviews"]
	first := min({number | some number, rule in rules; applies(rule, resource)})
	level := rules[first].level
	level in {"Request", "RequestResponse"}
	finding := finding_of("observability/audit/secrets", sprintf("%s must not be written down at level %s", [resource, level]))
}

# The first rule that a request fits decides; rules for some users or verbs leave others to the next.
applies(rule, resource) if {
	every field in ["namespaces", "nonResourceURLs", "userGroups", "users", "verbs"] {
		count(object.get(rule, field, [])) == 0
	}
	names(rule, resource)
}

names(rule, _) if count(object.get(rule, "resources", [])) == 0

names(rule, resource) if {
	some group in rule.resources
	group.group in {"", "authentication.k8s.io"}
	names_in(group, resource)
}

names_in(group, _) if count(object.get(group, "resources", [])) == 0

names_in(group, resource) if {
	some name in group.resources
	name in {"*", resource}
}
