package kubernetes.rbac_test

import data.kubernetes.rbac

found(doc) := result if {
	denied := rbac.deny with input as doc
	warned := rbac.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

role(kind, rules) := {
	"apiVersion": "rbac.authorization.k8s.io/v1",
	"kind": kind,
	"metadata": {"name": "deployer", "namespace": "shop"},
	"rules": rules,
}

rule(api, resource, verb) := {"apiGroups": [api], "resources": [resource], "verbs": [verb]}

binding(name, subject) := {
	"apiVersion": "rbac.authorization.k8s.io/v1",
	"kind": "ClusterRoleBinding",
	"metadata": {"name": "deployers"},
	"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
	"subjects": [subject],
}

group(name) := {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name}

account := {"kind": "ServiceAccount", "name": "default", "namespace": "shop"}

bad := [
	role("ClusterRole", [rule("*", "*", "*")]),
	role("ClusterRole", [rule("rbac.authorization.k8s.io", "clusterroles", "escalate")]),
	role("ClusterRole", [rule("", "secrets", "list"), rule("", "pods/exec", "create")]),
	binding("cluster-admin", group("developers")),
	binding("view", group("system:unauthenticated")),
	binding("view", account),
]

good := [
	role("Role", [rule("apps", "deployments", "patch"), rule("", "secrets", "create"), rule("", "pods", "get")]),
	binding("view", group("developers")),
	binding("system:discovery", group("system:authenticated")),
]

ids := {
	"kubernetes/rbac/wildcard", "kubernetes/rbac/escalation", "kubernetes/rbac/secrets", "kubernetes/rbac/indirect",
	"kubernetes/rbac/cluster-admin", "kubernetes/rbac/anonymous", "kubernetes/rbac/default-account",
}

test_bad_objects_have_every_finding if {
	seen := {id | some doc in bad; some id in found(doc)}
	seen == ids
	every doc in array.slice(bad, 0, 5) {
		not rbac.allow with input as doc
	}
}

test_good_objects_are_accepted if {
	every doc in good {
		found(doc) == set()
		rbac.allow with input as doc
	}
}

test_message_names_the_subject if {
	rbac.deny == {{
		"id": "kubernetes/rbac/cluster-admin",
		"msg": "Group developers must not have cluster-admin",
		"resource": "ClusterRoleBinding/default/deployers",
	}} with input as binding("cluster-admin", group("developers"))
}

test_named_resources_are_accepted if {
	named := object.union(rule("", "secrets", "get"), {"resourceNames": ["db"]})
	found(role("ClusterRole", [named])) == set()
	found(role("Role", [rule("", "secrets", "get")])) == set()
	found(role("ClusterRole", [rule("", "secrets", "get")])) == {"kubernetes/rbac/secrets"}
}

test_every_way_around_counts if {
	every pair in [
		["", "nodes/proxy"], ["", "pods/attach"], ["", "serviceaccounts/token"],
		["certificates.k8s.io", "certificatesigningrequests/approval"],
		["admissionregistration.k8s.io", "mutatingwebhookconfigurations"],
	] {
		found(role("Role", [rule(pair[0], pair[1], "update")])) == {"kubernetes/rbac/indirect"}
		found(role("Role", [rule(pair[0], pair[1], "get")])) == set()
	}
}

test_what_kubernetes_ships_is_left_alone if {
	shipped := object.union(role("ClusterRole", [rule("*", "*", "*")]), {"metadata": {"name": "system:controller:x"}})
	found(shipped) == set()
}

test_roles_that_gather_others_have_no_rules if {
	rbac.allow with input as {"kind": "ClusterRole", "metadata": {"name": "all"}, "aggregationRule": {}, "rules": null}
}
