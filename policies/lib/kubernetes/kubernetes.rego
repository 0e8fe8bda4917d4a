# METADATA
# title: Kubernetes objects
# description: Finds the object under admission and the pod specification inside every workload kind.
package lib.kubernetes

# An AdmissionReview carries the object; a file in a repository is the object.
object := input.request.object if input.request

object := input if not input.request

kind := object.kind

default namespace := "default"

namespace := object.metadata.namespace

default name := "unnamed"

name := object.metadata.name

name := object.metadata.generateName if not object.metadata.name

resource := sprintf("%s/%s/%s", [kind, namespace, name])

pod_spec := object.spec if kind == "Pod"

pod_spec := object.template.spec if kind == "PodTemplate"

# Deployment, StatefulSet, DaemonSet, ReplicaSet, ReplicationController, Job, and what others define like them.
pod_spec := object.spec.template.spec if {
	not kind in {"CronJob", "Pod", "PodTemplate"}
	object.spec.template.spec.containers
}

pod_spec := object.spec.jobTemplate.spec.template.spec if kind == "CronJob"

containers contains container if some container in pod_spec.containers

containers contains container if some container in pod_spec.initContainers

containers contains container if some container in pod_spec.ephemeralContainers

# YAML writes a list without entries as [], as null, or not at all (then callers pass null).
none(value) if value in [null, []]

finding(id, message) := {"id": id, "msg": message, "resource": resource}
