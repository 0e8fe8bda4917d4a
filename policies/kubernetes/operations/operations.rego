# METADATA
# title: Kubernetes operations
# description: >-
#   What keeps a workload running, observable and reproducible: images that do not move, limits, probes, and a namespace
#   of its own.
# custom:
#   id: kubernetes/operations
#   layer: L3
#   inputs: [kubernetes]
#   owner: platform-engineering
#   severity: medium
#   enforcement: deny
#   controls:
#   - nist-800-53r5:CM-2
#   - iso-27001-2022:A.8.6
#   - soc2:A1.1
#   remediation: Change the workload's specification.
package kubernetes.operations

import data.lib.images
import data.lib.kubernetes as k8s

default allow := false

# METADATA
# title: Accept what nothing denies
allow if count(deny) == 0

# METADATA
# title: Image that moves
# description: A container's image has no tag, or one that moves; what runs is not what was reviewed.
# custom:
#   id: kubernetes/operations/floating-image
#   layer: L7
#   severity: medium
#   controls:
#   - nist-800-53r5:CM-2
#   - nist-800-53r5:SI-7
#   - soc2:CC8.1
#   remediation: Name the version, or better the digest.
deny contains finding if {
	some container in k8s.containers
	not images.digest(container.image)
	tag := image_tag(container.image)
	tag in {"edge", "latest", "main", "master", "nightly"}
	message := sprintf("container %s must not run %s, which moves", [k8s.called(container), container.image])
	finding := k8s.finding("kubernetes/operations/floating-image", message)
}

image_tag(image) := images.tag(image)

# Without a tag the latest is meant. A text with braces or a dollar is a template that is not filled in yet.
image_tag(image) := "latest" if {
	image != ""
	not images.tag(image)
	not contains(image, "{")
	not contains(image, "$")
}

# METADATA
# title: No memory limit
# description: A container may take all memory of its node.
# custom:
#   id: kubernetes/operations/memory-limit
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SC-5(2)
#   - nist-800-53r5:SC-6
#   - iso-27001-2022:A.8.6
#   remediation: Set resources.limits.memory.
warn contains finding if {
	some container in main_containers
	not container.resources.limits.memory
	finding := k8s.finding("kubernetes/operations/memory-limit", sprintf("container %s has no memory limit", [k8s.called(container)]))
}

main_containers contains container if some container in k8s.pod_spec.containers

serving := {"DaemonSet", "Deployment", "Rollout", "StatefulSet"}

# METADATA
# title: No requests
# description: The scheduler does not know what a container needs, so the node may be overcommitted.
# custom:
#   id: kubernetes/operations/requests
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SC-6
#   - iso-27001-2022:A.8.6
#   remediation: Set resources.requests.cpu and resources.requests.memory.
warn contains finding if {
	some container in main_containers
	some resource in ["cpu", "memory"]
	not container.resources.requests[resource]
	not container.resources.limits[resource]
	message := sprintf("container %s requests no %s", [k8s.called(container), resource])
	finding := k8s.finding("kubernetes/operations/requests", message)
}

# METADATA
# title: No readiness probe
# description: Kubernetes can't tell whether a container answers, and sends requests to it all the same.
# custom:
#   id: kubernetes/operations/readiness
#   layer: L8
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SI-13
#   - nist-800-53r5:SI-4
#   - soc2:A1.2
#   remediation: Add a readinessProbe.
warn contains finding if {
	k8s.kind in serving
	some container in main_containers
	count(object.get(container, "ports", [])) > 0
	not container.readinessProbe
	finding := k8s.finding("kubernetes/operations/readiness", sprintf("container %s has no readiness probe", [k8s.called(container)]))
}

# METADATA
# title: No liveness probe
# description: A container that hangs is not started again.
# custom:
#   id: kubernetes/operations/liveness
#   layer: L8
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SI-13
#   - nist-800-53r5:SI-4
#   - soc2:A1.2
#   remediation: Add a livenessProbe.
warn contains finding if {
	k8s.kind in serving
	some container in main_containers
	count(object.get(container, "ports", [])) > 0
	not container.livenessProbe
	finding := k8s.finding("kubernetes/operations/liveness", sprintf("container %s has no liveness probe", [k8s.called(container)]))
}

# METADATA
# title: Default namespace
# description: A workload says that it stands in the namespace default, where nothing keeps it apart from others.
# custom:
#   id: kubernetes/operations/default-namespace
#   severity: low
#   enforcement: warn
#   controls:
#   - cis-kubernetes-1.9:5.7.4
#   - cis-kubernetes-1.9:5.7.1
#   - nist-800-53r5:SC-7(21)
#   remediation: Create a namespace for it.
warn contains finding if {
	k8s.manifest.metadata.namespace == "default"
	count(main_containers) > 0
	finding := k8s.finding("kubernetes/operations/default-namespace", "the workload should not stand in the namespace default")
}
