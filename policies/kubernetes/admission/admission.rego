# METADATA
# title: Kubernetes pod security
# description: >-
#   The Pod Security Standards: the baseline profile denies everywhere; the restricted profile denies in the
#   namespaces listed under data.config.kubernetes.restricted_namespaces and warns in all others. Of the baseline
#   profile, Windows host processes and what switches AppArmor, seccomp or SELinux off is kubernetes/workloads.
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
	finding := k8s.finding("kubernetes/admission/privileged", sprintf("container %s must not run privileged", [k8s.called(container)]))
}

# METADATA
# title: Host namespace
# custom:
#   id: kubernetes/admission/host-namespace
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:5.2.3
#   - cis-kubernetes-1.9:5.2.4
#   - cis-kubernetes-1.9:5.2.5
#   - nist-800-53r5:SC-39
#   remediation: Remove hostNetwork, hostPID and hostIPC from the pod.
#   fix: {value: false}
deny contains finding if {
	some field in ["hostIPC", "hostNetwork", "hostPID"]
	k8s.pod_spec[field] == true
	finding := k8s.finding("kubernetes/admission/host-namespace", sprintf("pod must not share the host's namespaces: %s is true", [field]))
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
	finding := k8s.finding("kubernetes/admission/host-path", sprintf("volume %s must not mount the host path %s", [volume.name, volume.hostPath.path]))
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
	finding := k8s.finding("kubernetes/admission/host-port", sprintf("container %s must not bind host port %v", [k8s.called(container), port.hostPort]))
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
	finding := k8s.finding("kubernetes/admission/added-capability", sprintf("container %s must not add the capability %s", [k8s.called(container), capability]))
}

# METADATA
# title: Unmasked proc
# custom:
#   id: kubernetes/admission/proc-mount
#   severity: high
#   controls:
#   - nist-800-53r5:SC-39
#   remediation: Leave procMount at Default.
#   fix: {value: Default}
deny contains finding if {
	some container in k8s.containers
	container.securityContext.procMount
	container.securityContext.procMount != "Default"
	finding := k8s.finding("kubernetes/admission/proc-mount", sprintf("container %s must keep the default proc mount", [k8s.called(container)]))
}

safe_sysctls := {
	"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
	"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
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
	finding := k8s.finding("kubernetes/admission/sysctl", sprintf("pod must not set the unsafe sysctl %s", [sysctl.name]))
}

# METADATA
# title: Probe of another host
# description: >-
#   A probe or a hook names the host that the kubelet asks, so that who may create pods sends requests from the node.
# custom:
#   id: kubernetes/admission/probe-host
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-7
#   - nist-800-53r5:AC-4
#   remediation: Remove host; the pod itself is asked then.
deny contains finding if {
	some container in k8s.containers
	some handler in handlers(container)
	some action in ["httpGet", "tcpSocket"]
	not handler[action].host in {"", null}
	message := sprintf("container %s must not have %s asked", [k8s.called(container), handler[action].host])
	finding := k8s.finding("kubernetes/admission/probe-host", message)
}

handlers(container) := {handler | some field in ["livenessProbe", "readinessProbe", "startupProbe"]; handler := container[field]} | {handler |
	some handler in container.lifecycle
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
