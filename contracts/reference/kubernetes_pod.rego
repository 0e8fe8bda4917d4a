# Where a pod's images come from, and what it may do.
package reference.kubernetes_pod

deny contains msg if {
	input.request.kind.kind == "Pod"
	some container in input.request.object.spec.containers
	not trusted_registry(container.image)
	msg := sprintf("container %s uses an image from an untrusted registry: %s", [container.name, container.image])
}

deny contains msg if {
	input.request.kind.kind == "Pod"
	some container in input.request.object.spec.containers
	container.securityContext.privileged == true
	msg := sprintf("container %s must not run privileged", [container.name])
}

deny contains msg if {
	input.request.kind.kind == "Pod"
	not input.request.object.metadata.labels.owner
	msg := "pod must carry an owner label"
}

deny contains msg if {
	input.request.kind.kind == "Pod"
	input.request.object.spec.hostNetwork == true
	msg := "pod must not use the host network"
}

deny contains msg if {
	input.request.kind.kind == "Pod"
	some container in input.request.object.spec.containers
	some res in {"cpu", "memory"}
	not container.resources.limits[res]
	msg := sprintf("container %s has no %s limit", [container.name, res])
}

trusted_registry(image) if {
	some prefix in ["registry.corp.example/", "mirror.corp.example/"]
	startswith(image, prefix)
}
