# METADATA
# title: Kubernetes objects
# description: Finds the object under admission and the pod specification inside every workload kind.
package lib.kubernetes

# An AdmissionReview carries the object; a file in a repository is the object.
object := input.request.object if input.request

object := input if not input.request

kind := object.kind

# Of what controllers create the request alone may say the namespace.
namespace := input.request.namespace if {
	is_string(input.request.namespace)
	input.request.namespace != ""
} else := object.metadata.namespace if {
	is_string(object.metadata.namespace)
} else := "default"

default name := "unnamed"

name := object.metadata.name

name := object.metadata.generateName if not object.metadata.name

resource := sprintf("%s/%s/%s", [kind, namespace, name])

# The pod, or what a workload makes pods of.
pod := object if kind == "Pod"

pod := object.template if kind == "PodTemplate"

# Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, and what others define like them.
pod := object.spec.template if {
	not kind in {"CronJob", "Pod", "PodTemplate"}
	object.spec.template.spec.containers
}

pod := object.spec.jobTemplate.spec.template if kind == "CronJob"

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
