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
	finding := k8s.finding("kubernetes/admission/run-as-non-root", sprintf("container %s must set runAsNonRoot", [k8s.called(container)]))
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
#   fix: {at: [securityContext, allowPrivilegeEscalation], value: false}
restricted contains finding if {
	some container in k8s.linux_containers
	object.get(container, ["securityContext", "allowPrivilegeEscalation"], true) != false
	finding := k8s.finding("kubernetes/admission/privilege-escalation", sprintf("container %s must set allowPrivilegeEscalation to false", [k8s.called(container)]))
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
	some container in k8s.linux_containers
	not drops_all(container)
	finding := k8s.finding("kubernetes/admission/drop-capabilities", sprintf("container %s must drop ALL capabilities", [k8s.called(container)]))
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
#   fix: {at: [securityContext, seccompProfile, type], value: RuntimeDefault}
restricted contains finding if {
	some container in k8s.linux_containers
	profile := object.get(container, ["securityContext", "seccompProfile", "type"], pod_seccomp)
	not profile in {"RuntimeDefault", "Localhost"}
	finding := k8s.finding("kubernetes/admission/seccomp", sprintf("container %s must run under a seccomp profile, not %s", [k8s.called(container), profile]))
}

default pod_seccomp := "none"

pod_seccomp := k8s.pod_spec.securityContext.seccompProfile.type

# METADATA
# title: Root user id
# custom:
#   id: kubernetes/admission/root-user
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:5.2.7
#   - nist-800-53r5:AC-6(5)
#   remediation: Set securityContext.runAsUser to a number above 0.
restricted contains finding if {
	some context in k8s.contexts
	context.settings.runAsUser == 0
	finding := k8s.finding("kubernetes/admission/root-user", sprintf("%s must not run as user 0", [context.name]))
}

# METADATA
# title: Capability beyond the restricted profile
# description: A container adds a capability that the baseline profile admits, but the restricted one does not.
# custom:
#   id: kubernetes/admission/restricted-capability
#   severity: medium
#   controls:
#   - cis-kubernetes-1.9:5.2.9
#   - nist-800-53r5:CM-7
#   remediation: Add no capability but NET_BIND_SERVICE.
restricted contains finding if {
	some container in k8s.linux_containers
	some capability in container.securityContext.capabilities.add
	capability in (baseline_capabilities - {"NET_BIND_SERVICE"})
	message := sprintf("container %s must not add the capability %s", [k8s.called(container), capability])
	finding := k8s.finding("kubernetes/admission/restricted-capability", message)
}

# METADATA
# title: Volume beyond the restricted profile
# description: A volume is of a type that reaches other machines, or the node, without a persistent volume claim.
# custom:
#   id: kubernetes/admission/volume-type
#   severity: medium
#   controls:
#   - nist-800-53r5:CM-7
#   - nist-800-53r5:AC-3
#   remediation: Use a persistent volume claim.
restricted contains finding if {
	some volume in k8s.pod_spec.volumes
	some type, source in volume
	source != null
	not type in {
		"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "hostPath", "image", "name", "persistentVolumeClaim",
		"projected", "secret",
	}
	finding := k8s.finding("kubernetes/admission/volume-type", sprintf("a volume must not be of the type %s", [type]))
}
