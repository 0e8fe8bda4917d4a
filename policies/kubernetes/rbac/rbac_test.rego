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
		["", "serviceaccounts/token"], ["", "*/token"],
		["certificates.k8s.io", "certificatesigningrequests/approval"],
		["admissionregistration.k8s.io", "mutatingwebhookconfigurations"],
	] {
		found(role("Role", [rule(pair[0], pair[1], "update")])) == {"kubernetes/rbac/indirect"}
		found(role("Role", [rule(pair[0], pair[1], "get")])) == set()
	}
}

test_to_get_a_connection_is_to_use_it if {
	every resource in ["nodes/proxy", "pods/attach", "pods/exec", "*/exec", "*/proxy"] {
		every verb in ["create", "get", "*"] {
			found(role("Role", [rule("", resource, verb)])) == {"kubernetes/rbac/indirect"}
		}
		found(role("Role", [rule("", resource, "list")])) == set()
		found(role("Role", [rule("apps", resource, "get")])) == set()
	}
	every resource in ["pods/log", "*/scale", "pods/status"] {
		found(role("Role", [rule("", resource, "get")])) == set()
	}
}

test_every_service_account_is_everybody if {
	found(binding("edit", group("system:serviceaccounts"))) == {"kubernetes/rbac/anonymous"}
	found(binding("edit", group("system:serviceaccounts:shop"))) == set()
	found(binding("system:service-account-issuer-discovery", group("system:serviceaccounts"))) == set()
}

everything := role("ClusterRole", [rule("*", "*", "*")])

marked(name) := {"metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}}

test_what_kubernetes_ships_is_left_alone if {
	found(object.union(everything, marked("cluster-admin"))) == set()
	found(object.union(everything, marked("system:node"))) == set()
}

test_name_or_label_alone_is_no_excuse if {
	wildcard := {"kubernetes/rbac/wildcard"}
	found(object.union(everything, {"metadata": {"name": "system:node"}})) == wildcard
	found(object.union(everything, marked("system:evil"))) == wildcard
	found(object.union(everything, marked("system:discovery"))) == wildcard
}

test_bindings_are_never_left_alone if {
	every name in ["system:evil", "system:node", "cluster-admin"] {
		doc := object.union(binding("cluster-admin", group("system:anonymous")), marked(name))
		found(doc) == {"kubernetes/rbac/cluster-admin", "kubernetes/rbac/anonymous"}
	}
	shipped := binding("system:public-info-viewer", group("system:unauthenticated"))
	found(object.union(shipped, marked("system:public-info-viewer"))) == set()
}

test_wildcard_of_resources_reads_secrets if {
	every verb in ["get", "list", "watch"] {
		every api in ["", "*"] {
			found(role("ClusterRole", [rule(api, "*", verb)])) == {"kubernetes/rbac/secrets"}
		}
		found(role("ClusterRole", [rule("apps", "*", verb)])) == set()
		found(role("Role", [rule("", "*", verb)])) == set()
	}
}

test_wildcard_of_verbs_escalates if {
	every pair in [
		["rbac.authorization.k8s.io", "clusterroles"], ["rbac.authorization.k8s.io", "roles"], ["*", "clusterroles"],
		["", "serviceaccounts"], ["", "users"],
	] {
		found(role("ClusterRole", [rule(pair[0], pair[1], "*")])) == {"kubernetes/rbac/escalation"}
		found(role("ClusterRole", [rule(pair[0], pair[1], "get")])) == set()
	}
	found(role("ClusterRole", [rule("rbac.authorization.k8s.io", "rolebindings", "*")])) == set()
	found(role("Role", [rule("apps", "deployments", "*")])) == set()
}

test_wildcard_of_resources_reaches_others if {
	found(role("Role", [rule("", "*", "create")])) == {"kubernetes/rbac/indirect"}
	found(role("Role", [rule("apps", "*", "create")])) == set()
}

test_roles_that_gather_others_have_no_rules if {
	rbac.allow with input as {"kind": "ClusterRole", "metadata": {"name": "all"}, "aggregationRule": {}, "rules": null}
}
