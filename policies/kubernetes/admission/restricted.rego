package kubernetes.admission

import data.lib.kubernetes as k8s

# METADATA
# title: Runs as root
# custom:
#   id: kubernetes/admission/run-as-non-root
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:5.2.7
#   - nist-800-53r5:AC-6(5)
#   - iso-27001-2022:A.8.2
#   remediation: Set securityContext.runAsNonRoot to true on the pod or on each container.
restricted contains finding if {
	some container in k8s.containers
	not runs_as_non_root(container)
	finding := {
		"id": "kubernetes/admission/run-as-non-root",
		"msg": sprintf("container %s must set runAsNonRoot", [container.name]),
		"resource": k8s.resource,
	}
}

runs_as_non_root(container) if container.securityContext.runAsNonRoot == true

runs_as_non_root(container) if {
	object.get(container, ["securityContext", "runAsNonRoot"], null) == null
	k8s.pod_spec.securityContext.runAsNonRoot == true
}

# METADATA
# title: Privilege escalation
# custom:
#   id: kubernetes/admission/privilege-escalation
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:5.2.6
#   - nist-800-53r5:AC-6(10)
#   remediation: Set securityContext.allowPrivilegeEscalation to false.
restricted contains finding if {
	some container in k8s.containers
	object.get(container, ["securityContext", "allowPrivilegeEscalation"], true) != false
	finding := {
		"id": "kubernetes/admission/privilege-escalation",
		"msg": sprintf("container %s must set allowPrivilegeEscalation to false", [container.name]),
		"resource": k8s.resource,
	}
}

# METADATA
# title: Capabilities kept
# custom:
#   id: kubernetes/admission/drop-capabilities
#   severity: medium
#   controls:
#   - cis-kubernetes-1.9:5.2.10
#   - nist-800-53r5:CM-7
#   remediation: Set securityContext.capabilities.drop to ["ALL"].
restricted contains finding if {
	some container in k8s.containers
	not drops_all(container)
	finding := {
		"id": "kubernetes/admission/drop-capabilities",
		"msg": sprintf("container %s must drop ALL capabilities", [container.name]),
		"resource": k8s.resource,
	}
}

drops_all(container) if "ALL" in container.securityContext.capabilities.drop

# METADATA
# title: No seccomp profile
# custom:
#   id: kubernetes/admission/seccomp
#   severity: medium
#   controls:
#   - cis-kubernetes-1.9:5.7.2
#   - nist-800-53r5:SC-39
#   remediation: Set securityContext.seccompProfile.type to RuntimeDefault or Localhost.
restricted contains finding if {
	some container in k8s.containers
	profile := object.get(container, ["securityContext", "seccompProfile", "type"], pod_seccomp)
	not profile in {"RuntimeDefault", "Localhost"}
	finding := {
		"id": "kubernetes/admission/seccomp",
		"msg": sprintf("container %s must run under a seccomp profile, not %s", [container.name, profile]),
		"resource": k8s.resource,
	}
}

default pod_seccomp := "none"

pod_seccomp := k8s.pod_spec.securityContext.seccompProfile.type

# METADATA
# title: Root user id
# custom:
#   id: kubernetes/admission/root-user
#   severity: high
#   controls:
#   - nist-800-53r5:AC-6(5)
#   remediation: Set securityContext.runAsUser to a number above 0.
restricted contains finding if {
	some container in k8s.containers
	container.securityContext.runAsUser == 0
	finding := {
		"id": "kubernetes/admission/root-user",
		"msg": sprintf("container %s must not run as user 0", [container.name]),
		"resource": k8s.resource,
	}
}
