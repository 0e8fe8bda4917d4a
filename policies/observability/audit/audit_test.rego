package observability.audit_test

import data.observability.audit

found(doc) := result if {
	denied := audit.deny with input as doc
	result := {finding.id | some finding in denied}
}

policy(rules) := {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}

secrets := {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets", "serviceaccounts/token"]}, {"group": "authentication.k8s.io", "resources": ["tokenreviews"]}]}

bad := [
	policy([{"level": "None"}]),
	policy([{"level": "RequestResponse", "resources": [{"group": "", "resources": ["pods", "secrets"]}]}]),
]

good := [
	policy([secrets, {"level": "None", "users": ["system:kube-proxy"], "verbs": ["watch"]}, {"level": "RequestResponse"}]),
	policy([{"level": "Metadata"}]),
]

ids := {"observability/audit/nothing", "observability/audit/gap", "observability/audit/secrets"}

test_bad_policies_have_every_finding if {
	seen := {id | some doc in bad; some id in found(doc)}
	seen == ids
	every doc in bad {
		not audit.allow with input as doc
	}
}

test_good_policies_are_accepted if {
	every doc in good {
		found(doc) == set()
		audit.allow with input as doc
	}
}

test_message_names_resource_and_level if {
	audit.deny == {{
		"id": "observability/audit/secrets",
		"msg": "tokenreviews must not be written down at level Request",
		"resource": "audit policy",
	}} with input as policy([
		{"level": "Metadata", "resources": [{"group": "", "resources": ["secrets", "serviceaccounts/token"]}]},
		{"level": "Request"},
	])
}

test_rules_for_some_leave_others_to_the_next if {
	found(policy([
		{"level": "Metadata", "users": ["admin"], "resources": [{"group": "", "resources": ["secrets"]}]},
		{"level": "Request"},
	])) == {"observability/audit/secrets"}
}

test_empty_policies_are_denied if {
	found(policy([])) == {"observability/audit/nothing"}
	found(object.remove(policy([]), ["rules"])) == {"observability/audit/nothing"}
}

test_other_policies_are_accepted if {
	every doc in [{"apiVersion": "kyverno.io/v1", "kind": "Policy", "spec": {}}, {"kind": "Pod"}] {
		audit.allow with input as doc
	}
}

test_rules_behind_one_for_everything_do_not_count if {
	found(policy([{"level": "None"}, {"level": "Metadata"}])) == {"observability/audit/nothing"}
	found(policy([{"level": "None", "users": ["kubelet"]}, {"level": "Metadata"}])) == set()
	found(policy([{"level": "None", "users": ["kubelet"]}, {"level": "None"}, {"level": "Metadata"}])) == {"observability/audit/nothing"}
}
