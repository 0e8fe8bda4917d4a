package kubernetes.operations_test

import data.kubernetes.operations

found(doc) := result if {
	denied := operations.deny with input as doc
	warned := operations.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

workload(kind, namespace, container) := {
	"apiVersion": "apps/v1",
	"kind": kind,
	"metadata": {"name": "shop", "namespace": namespace},
	"spec": {"template": {"spec": {"containers": [container]}}},
}

bad := workload("Deployment", "default", {"name": "web", "image": "nginx", "ports": [{"containerPort": 80}]})

probe := {"httpGet": {"path": "/healthz", "port": 80}}

sound := {
	"name": "web",
	"image": "nginx:1.29.3",
	"livenessProbe": probe,
	"ports": [{"containerPort": 80}],
	"readinessProbe": probe,
	"resources": {"limits": {"memory": "128Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
}

good := workload("Deployment", "shop", sound)

ids := {
	"kubernetes/operations/floating-image", "kubernetes/operations/memory-limit", "kubernetes/operations/requests",
	"kubernetes/operations/readiness", "kubernetes/operations/liveness", "kubernetes/operations/default-namespace",
}

test_bad_workload_has_every_finding if found(bad) == ids

test_good_workload_is_accepted if {
	found(good) == set()
	operations.allow with input as good
	not operations.allow with input as bad
}

test_message_names_container_and_image if {
	operations.deny == {{
		"id": "kubernetes/operations/floating-image",
		"msg": "container web must not run nginx:latest, which moves",
		"resource": "Deployment/shop/shop",
	}} with input as workload("Deployment", "shop", object.union(sound, {"image": "nginx:latest"}))
}

image(reference) := found(workload("Deployment", "shop", object.union(sound, {"image": reference})))

test_references_with_versions_are_accepted if {
	digest := "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	every reference in [
		sprintf("nginx@%s", [digest]), sprintf("registry.corp.example:5000/nginx:latest@%s", [digest]),
		"registry.corp.example:5000/nginx:1.29", "{{ .Values.image }}", "$(IMAGE)", "",
	] {
		image(reference) == set()
	}
	every reference in ["registry.corp.example:5000/nginx", "nginx:main"] {
		image(reference) == {"kubernetes/operations/floating-image"}
	}
}

test_jobs_are_not_probed if {
	found(workload("Job", "shop", object.remove(sound, ["livenessProbe", "readinessProbe"]))) == set()
}

test_workers_without_ports_are_not_probed if {
	found(workload("Deployment", "shop", object.remove(sound, ["livenessProbe", "ports", "readinessProbe"]))) == set()
}

test_limits_stand_for_requests if {
	limits := object.union(object.remove(sound, ["resources"]), {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}})
	found(workload("Deployment", "shop", limits)) == set()
}

test_other_objects_may_stand_in_the_default_namespace if {
	found({"kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default"}, "spec": {}}) == set()
}
