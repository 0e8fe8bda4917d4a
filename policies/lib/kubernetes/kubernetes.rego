# METADATA
# title: Kubernetes objects
# description: Finds the object under admission and the pod specification inside every workload kind.
package lib.kubernetes

# An AdmissionReview carries the object; a file in a repository is the object.
manifest := input.request.object if input.request

manifest := input if not input.request

kind := manifest.kind

# Of what controllers create the request alone may say the namespace.
namespace := input.request.namespace if {
	is_string(input.request.namespace)
	input.request.namespace != ""
} else := manifest.metadata.namespace if {
	is_string(manifest.metadata.namespace)
} else := "default"

default name := "unnamed"

name := manifest.metadata.name

name := manifest.metadata.generateName if not manifest.metadata.name

resource := sprintf("%s/%s/%s", [kind, namespace, name])

# The pod, or what a workload makes pods of.
pod := manifest if kind == "Pod"

pod := manifest.template if kind == "PodTemplate"

# Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, and what others define like them.
pod := manifest.spec.template if {
	not kind in {"CronJob", "Pod", "PodTemplate"}
	manifest.spec.template.spec.containers
}

pod := manifest.spec.jobTemplate.spec.template if kind == "CronJob"

pod_spec := pod.spec

containers contains container if some container in pod_spec.containers

containers contains container if some container in pod_spec.initContainers

containers contains container if some container in pod_spec.ephemeralContainers

# Windows has no capabilities, no seccomp, no way to escalate that the settings would close, and no root that it could make read-only.
linux_containers contains container if {
	not pod_spec.os.name == "windows"
	some container in containers
}

# Some of those that others define need no name (Knative).
called(container) := object.get(container, "name", "without name")

# The security contexts of the pod and of its containers.
contexts contains {"name": "pod", "settings": pod_spec.securityContext}

contexts contains {"name": sprintf("container %s", [called(container)]), "settings": container.securityContext} if {
	some container in containers
}

# YAML writes a list without entries as [], as null, or not at all (then callers pass null).
none(value) if value in [null, []]

finding(id, message) := {"id": id, "msg": message, "resource": resource}
