# METADATA
# title: Kubernetes workloads
# description: >-
#   What the Pod Security Standards leave out of a pod, and the part of their baseline profile that kubernetes/admission
#   has no room for: secrets in plain text, Windows host processes, AppArmor, seccomp and SELinux, tokens nobody uses,
#   and file systems that can be written. Sockets of the container runtime are host paths, which kubernetes/admission
#   denies.
# related_resources:
# - https://kubernetes.io/docs/concepts/security/pod-security-standards/
# custom:
#   id: kubernetes/workloads
#   layer: L3
#   inputs: [kubernetes]
#   owner: platform-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:CM-7
#   - cis-kubernetes-1.9:5.7.3
#   - iso-27001-2022:A.8.9
#   - soc2:CC6.1
#   remediation: Change the pod's specification.
package kubernetes.workloads

import data.lib.kubernetes as k8s
import data.lib.secrets

default allow := false

# METADATA
# title: Accept what nothing denies
allow if count(deny) == 0

# METADATA
# title: Secret in plain text
# description: >-
#   A variable of a container holds a password, a token or a key, which everyone who may read the object reads.
# custom:
#   id: kubernetes/workloads/environment-secret
#   layer: L6
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:5.4.1
#   - nist-800-53r5:IA-5(7)
#   - iso-27001-2022:A.5.17
#   - pci-dss-4.0:8.6.2
#   remediation: Keep the value in a Secret and mount it, or refer to it with valueFrom.
deny contains finding if {
	some container in k8s.containers
	some variable in container.env
	secrets.in_environment(variable.name, variable.value)
	message := sprintf("container %s must not hold a secret in %s", [k8s.called(container), variable.name])
	finding := k8s.finding("kubernetes/workloads/environment-secret", message)
}

# METADATA
# title: Windows host process
# description: A Windows container runs as a process of its node.
# custom:
#   id: kubernetes/workloads/host-process
#   severity: critical
#   controls:
#   - cis-kubernetes-1.9:5.2.11
#   - nist-800-53r5:AC-6(10)
#   remediation: Remove windowsOptions.hostProcess.
#   fix: {value: false}
deny contains finding if {
	some context in k8s.contexts
	context.settings.windowsOptions.hostProcess == true
	finding := k8s.finding("kubernetes/workloads/host-process", sprintf("%s must not run as a host process", [context.name]))
}

# METADATA
# title: AppArmor, seccomp or SELinux switched off
# description: A pod or container says that it is unconfined, or chooses an SELinux user, role or type of its own.
# custom:
#   id: kubernetes/workloads/confinement
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:5.7.2
#   - nist-800-53r5:SC-39
#   - nist-800-53r5:AC-3(3)
#   remediation: Leave appArmorProfile and seccompProfile at RuntimeDefault, and seLinuxOptions out.
deny contains finding if {
	some context in k8s.contexts
	some problem in unconfined(context.settings)
	finding := k8s.finding("kubernetes/workloads/confinement", sprintf("%s must not %s", [context.name, problem]))
}

deny contains finding if {
	some annotation, profile in k8s.pod.metadata.annotations
	startswith(annotation, "container.apparmor.security.beta.kubernetes.io/")
	profile == "unconfined"
	finding := k8s.finding("kubernetes/workloads/confinement", sprintf("annotation %s must not be unconfined", [annotation]))
}

unconfined(settings) := ({sprintf("be unconfined by %s", [field]) |
	some field in ["appArmorProfile", "seccompProfile"]
	settings[field].type == "Unconfined"
} | {problem |
	some field in ["role", "user"]
	settings.seLinuxOptions[field] != ""
	problem := sprintf("set the SELinux %s", [field])
}) | {problem |
	type := settings.seLinuxOptions.type
	not type in {"", "container_engine_t", "container_init_t", "container_kvm_t", "container_t"}
	problem := sprintf("have the SELinux type %s", [type])
}

# METADATA
# title: Token mounted for the default account
# description: >-
#   A pod carries a token of its namespace's default service account, though it names no account that it would use the
#   API with.
# custom:
#   id: kubernetes/workloads/token
#   severity: low
#   enforcement: warn
#   controls:
#   - cis-kubernetes-1.9:5.1.5
#   - cis-kubernetes-1.9:5.1.6
#   - nist-800-53r5:AC-6
#   remediation: Set automountServiceAccountToken to false, or name a service account.
warn contains finding if {
	account := object.get(k8s.pod_spec, "serviceAccountName", "default")
	account in {"", "default", null}
	object.get(k8s.pod_spec, "automountServiceAccountToken", true) != false
	finding := k8s.finding("kubernetes/workloads/token", "the pod mounts a token of the default service account")
}

# METADATA
# title: File system that can be written
# description: An intruder can change the programs of a container.
# custom:
#   id: kubernetes/workloads/writable-root
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:CM-5
#   - nist-800-53r5:SI-7
#   - cis-kubernetes-1.9:5.7.3
#   remediation: Set securityContext.readOnlyRootFilesystem to true and mount an emptyDir where files are written.
warn contains finding if {
	some container in k8s.linux_containers
	object.get(container, ["securityContext", "readOnlyRootFilesystem"], false) != true
	message := sprintf("container %s can write its root file system", [k8s.called(container)])
	finding := k8s.finding("kubernetes/workloads/writable-root", message)
}
