# METADATA
# title: Kubernetes access rights
# description: >-
#   Roles and bindings that let their holder become another, read every secret, or do everything. Roles that Kubernetes
#   itself ships are left alone: they bear its label kubernetes.io/bootstrapping and a name of
#   data.config.kubernetes.shipped_roles. Bindings are never left alone.
# related_resources:
# - https://kubernetes.io/docs/concepts/security/rbac-good-practices/
# custom:
#   id: kubernetes/rbac
#   layer: L3
#   inputs: [kubernetes]
#   owner: platform-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-6
#   - cis-kubernetes-1.9:5.1
#   - iso-27001-2022:A.8.2
#   - soc2:CC6.3
#   remediation: Grant the verbs that are needed on the resources that are needed, in the namespace where they are needed.
package kubernetes.rbac

import data.lib.kubernetes as k8s

default allow := false

# METADATA
# title: Accept what nothing denies
allow if count(deny) == 0

# Anyone may choose a name that begins with system:, and set a label; the names of the list are taken in every cluster.
shipped if {
	k8s.manifest.metadata.labels["kubernetes.io/bootstrapping"] == "rbac-defaults"
	k8s.name in data.config.kubernetes.shipped_roles
}

rules contains rule if {
	k8s.kind in {"ClusterRole", "Role"}
	not shipped
	some rule in k8s.manifest.rules
}

# METADATA
# title: Everything on everything
# description: A role grants every verb on every resource.
# custom:
#   id: kubernetes/rbac/wildcard
#   severity: critical
#   controls:
#   - cis-kubernetes-1.9:5.1.3
#   - nist-800-53r5:AC-6
#   - pci-dss-4.0:7.2.1
#   remediation: List verbs and resources.
deny contains finding if {
	some rule in rules
	everything(rule)
	finding := k8s.finding("kubernetes/rbac/wildcard", "the role must not grant every verb on every resource")
}

everything(rule) if {
	"*" in rule.verbs
	"*" in rule.resources
}

# METADATA
# title: Right to take other rights
# description: >-
#   A role may bind or escalate roles, or impersonate others. Every verb on roles, users, groups or service accounts says
#   the same.
# custom:
#   id: kubernetes/rbac/escalation
#   severity: critical
#   controls:
#   - cis-kubernetes-1.9:5.1.8
#   - nist-800-53r5:AC-6(7)
#   - iso-27001-2022:A.8.2
#   remediation: Remove the verb, or name the roles with resourceNames.
deny contains finding if {
	some rule in rules
	some verb in rule.verbs
	verb in {"bind", "escalate", "impersonate"}
	count(object.get(rule, "resourceNames", [])) == 0
	finding := k8s.finding("kubernetes/rbac/escalation", sprintf("the role must not grant %s", [verb]))
}

deny contains finding if {
	some group, resources in {
		"": {"groups", "serviceaccounts", "users"},
		"authentication.k8s.io": {"uids"},
		"rbac.authorization.k8s.io": {"clusterroles", "roles"},
	}
	some rule in rules
	"*" in rule.verbs
	some named in rule.apiGroups
	named in {"*", group}
	some resource in rule.resources
	resource in resources
	count(object.get(rule, "resourceNames", [])) == 0
	finding := k8s.finding("kubernetes/rbac/escalation", sprintf("the role must not grant every verb on %s", [resource]))
}

# METADATA
# title: Every secret of the cluster
# description: >-
#   A cluster role reads all secrets, in all namespaces, by their name or by a wildcard for all resources.
# custom:
#   id: kubernetes/rbac/secrets
#   layer: L6
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:5.1.2
#   - nist-800-53r5:AC-6
#   - nist-800-53r5:IA-5
#   remediation: Grant get on secrets that resourceNames lists, in a Role.
deny contains finding if {
	k8s.kind == "ClusterRole"
	some rule in rules
	not everything(rule)
	some group in rule.apiGroups
	group in {"", "*"}
	some resource in rule.resources
	resource in {"*", "secrets"}
	some verb in rule.verbs
	verb in {"*", "get", "list", "watch"}
	count(object.get(rule, "resourceNames", [])) == 0
	finding := k8s.finding("kubernetes/rbac/secrets", sprintf("the role must not %s all secrets", [verb]))
}

# METADATA
# title: Rights that lead to others
# description: >-
#   A role reaches processes of others (exec, attach), the kubelet (nodes/proxy), tokens, the approval of certificates,
#   or the webhooks that decide on admission.
# custom:
#   id: kubernetes/rbac/indirect
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:5.1.10
#   - cis-kubernetes-1.9:5.1.11
#   - cis-kubernetes-1.9:5.1.12
#   - cis-kubernetes-1.9:5.1.13
#   - nist-800-53r5:AC-6(7)
#   remediation: Remove the resource from the role.
deny contains finding if {
	some group, resources in {
		"": {"nodes/proxy", "pods/attach", "pods/exec", "serviceaccounts/token"},
		"admissionregistration.k8s.io": {"mutatingwebhookconfigurations", "validatingwebhookconfigurations"},
		"certificates.k8s.io": {"certificatesigningrequests/approval"},
	}
	some rule in rules
	not everything(rule)
	some named in rule.apiGroups
	named in {"*", group}
	verbs := {verb | some verb in rule.verbs}
	some resource in rule.resources
	reaches(resource, resources)
	count(verbs & acting(resource)) > 0
	finding := k8s.finding("kubernetes/rbac/indirect", sprintf("the role must not grant %s", [resource]))
}

# "*/exec" is the subresource of every resource.
reaches(resource, resources) if resource in resources

reaches(resource, _) if resource == "*"

reaches(resource, resources) if {
	startswith(resource, "*/")
	some one in resources
	endswith(one, trim_prefix(resource, "*"))
}

# Who may only get these talks to them all the same, over a WebSocket.
acting(resource) := {"*", "create", "get", "patch", "update"} if regex.match(`/(attach|exec|proxy)$`, resource)

acting(resource) := {"*", "create", "patch", "update"} if not regex.match(`/(attach|exec|proxy)$`, resource)

subjects contains subject if {
	k8s.kind in {"ClusterRoleBinding", "RoleBinding"}
	some subject in k8s.manifest.subjects
}

# METADATA
# title: Administrator of the cluster
# description: cluster-admin is bound, or somebody is put into a role as member of system:masters.
# custom:
#   id: kubernetes/rbac/cluster-admin
#   severity: critical
#   controls:
#   - cis-kubernetes-1.9:5.1.1
#   - cis-kubernetes-1.9:5.1.7
#   - nist-800-53r5:AC-6(5)
#   - pci-dss-4.0:7.2.2
#   remediation: Bind a role that grants what is needed.
deny contains finding if {
	some subject in subjects
	some name in [k8s.manifest.roleRef.name, subject.name]
	name in {"cluster-admin", "system:masters"}
	finding := k8s.finding("kubernetes/rbac/cluster-admin", sprintf("%s %s must not have %s", [subject.kind, subject.name, name]))
}

# METADATA
# title: Rights for everybody
# description: >-
#   A role is bound to requests without sign-in, to everyone who is signed in, or to every service account of the cluster.
#   Discovery is left alone.
# custom:
#   id: kubernetes/rbac/anonymous
#   severity: critical
#   controls:
#   - nist-800-53r5:AC-14
#   - nist-800-53r5:AC-3
#   - iso-27001-2022:A.5.15
#   remediation: Name the users, groups or accounts.
deny contains finding if {
	some subject in subjects
	subject.name in {"system:anonymous", "system:authenticated", "system:serviceaccounts", "system:unauthenticated"}
	not k8s.manifest.roleRef.name in {
		"system:basic-user", "system:discovery", "system:public-info-viewer", "system:service-account-issuer-discovery",
	}
	finding := k8s.finding("kubernetes/rbac/anonymous", sprintf("%s must not have the role %s", [subject.name, k8s.manifest.roleRef.name]))
}

# METADATA
# title: Rights for the default account
# description: Every pod of a namespace that names no account gets the rights of its default one.
# custom:
#   id: kubernetes/rbac/default-account
#   severity: medium
#   enforcement: warn
#   controls:
#   - cis-kubernetes-1.9:5.1.5
#   - nist-800-53r5:AC-6
#   remediation: Create a service account for the workload and bind that.
warn contains finding if {
	some subject in subjects
	subject.kind == "ServiceAccount"
	subject.name == "default"
	finding := k8s.finding("kubernetes/rbac/default-account", "a default service account should have no role")
}
