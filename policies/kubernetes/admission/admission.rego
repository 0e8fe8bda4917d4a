# METADATA
# title: Kubernetes pod security
# description: >-
#   The Pod Security Standards: the baseline profile denies everywhere; the restricted profile denies in the
#   namespaces listed under data.config.kubernetes.restricted_namespaces and warns in all others.
# related_resources:
# - https://kubernetes.io/docs/concepts/security/pod-security-standards/
# custom:
#   id: kubernetes/admission
#   layer: L3
#   inputs: [kubernetes]
#   owner: platform-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:CM-7
#   - nist-800-53r5:AC-6
#   - cis-kubernetes-1.9:5.2
#   - iso-27001-2022:A.8.9
#   - soc2:CC6.1
#   remediation: Set the pod's securityContext as the restricted Pod Security Standard asks.
package kubernetes.admission

import data.lib.kubernetes as k8s

default allow := false

# METADATA
# title: Admit what nothing denies
allow if count(deny) == 0

# METADATA
# title: Privileged container
# custom:
#   id: kubernetes/admission/privileged
#   severity: critical
#   controls:
#   - cis-kubernetes-1.9:5.2.2
#   - nist-800-53r5:AC-6(10)
#   - hipaa:164.312(a)(1)
#   remediation: Remove securityContext.privileged, or set it to false.
#   fix: {value: false}
deny contains finding if {
	some container in k8s.containers
	container.securityContext.privileged == true
	finding := {
		"id": "kubernetes/admission/privileged",
		"msg": sprintf("container %s must not run privileged", [container.name]),
		"resource": k8s.resource,
	}
}

# METADATA
# title: Host namespace
# custom:
#   id: kubernetes/admission/host-namespace
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:5.2.3
#   - nist-800-53r5:SC-39
#   remediation: Remove hostNetwork, hostPID and hostIPC from the pod.
#   fix: {value: false}
deny contains finding if {
	some field in ["hostIPC", "hostNetwork", "hostPID"]
	k8s.pod_spec[field] == true
	finding := {
		"id": "kubernetes/admission/host-namespace",
		"msg": sprintf("pod must not share the host's namespaces: %s is true", [field]),
		"resource": k8s.resource,
	}
}

# METADATA
# title: Host path volume
# custom:
#   id: kubernetes/admission/host-path
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:5.2.12
#   - nist-800-53r5:AC-3
#   remediation: Use a persistent volume claim, a config map or an emptyDir instead of hostPath.
deny contains finding if {
	some volume in k8s.pod_spec.volumes
	volume.hostPath
	finding := {
		"id": "kubernetes/admission/host-path",
		"msg": sprintf("volume %s must not mount the host path %s", [volume.name, volume.hostPath.path]),
		"resource": k8s.resource,
	}
}

# METADATA
# title: Host port
# custom:
#   id: kubernetes/admission/host-port
#   severity: medium
#   controls:
#   - cis-kubernetes-1.9:5.2.13
#   - nist-800-53r5:SC-7
#   remediation: Expose the port through a Service.
deny contains finding if {
	some container in k8s.containers
	some port in container.ports
	port.hostPort > 0
	finding := {
		"id": "kubernetes/admission/host-port",
		"msg": sprintf("container %s must not bind host port %d", [container.name, port.hostPort]),
		"resource": k8s.resource,
	}
}

baseline_capabilities := {
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
	"NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

# METADATA
# title: Added capability
# custom:
#   id: kubernetes/admission/added-capability
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:5.2.9
#   - nist-800-53r5:AC-6
#   remediation: Drop the capability, or use one of the baseline list.
deny contains finding if {
	some container in k8s.containers
	some capability in container.securityContext.capabilities.add
	not capability in baseline_capabilities
	finding := {
		"id": "kubernetes/admission/added-capability",
		"msg": sprintf("container %s must not add the capability %s", [container.name, capability]),
		"resource": k8s.resource,
	}
}

# METADATA
# title: Unmasked proc
# custom:
#   id: kubernetes/admission/proc-mount
#   severity: high
#   controls:
#   - nist-800-53r5:SC-39
#   remediation: Leave procMount at Default.
deny contains finding if {
	some container in k8s.containers
	container.securityContext.procMount
	container.securityContext.procMount != "Default"
	finding := {
		"id": "kubernetes/admission/proc-mount",
		"msg": sprintf("container %s must keep the default proc mount", [container.name]),
		"resource": k8s.resource,
	}
}

safe_sysctls := {
	"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
}

# METADATA
# title: Unsafe sysctl
# custom:
#   id: kubernetes/admission/sysctl
#   severity: medium
#   controls:
#   - nist-800-53r5:CM-6
#   remediation: Remove the sysctl, or ask the platform team to set it on the node.
deny contains finding if {
	some sysctl in k8s.pod_spec.securityContext.sysctls
	not sysctl.name in safe_sysctls
	finding := {
		"id": "kubernetes/admission/sysctl",
		"msg": sprintf("pod must not set the unsafe sysctl %s", [sysctl.name]),
		"resource": k8s.resource,
	}
}

# METADATA
# title: Restricted profile where it is enforced
# custom:
#   id: kubernetes/admission/restricted
#   severity: high
#   controls:
#   - nist-800-53r5:AC-6
#   - cis-kubernetes-1.9:5.2
#   remediation: Meet the restricted profile, or deploy into a namespace that does not demand it.
deny contains finding if {
	restricted_namespace
	some finding in restricted
}

# METADATA
# title: Restricted profile elsewhere
# custom:
#   id: kubernetes/admission/restricted-advice
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:AC-6
#   remediation: Meet the restricted profile before the namespace is switched to it.
warn contains finding if {
	not restricted_namespace
	some finding in restricted
}

restricted_namespace if k8s.namespace in data.config.kubernetes.restricted_namespaces
