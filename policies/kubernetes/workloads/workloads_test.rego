package kubernetes.workloads_test

import data.kubernetes.workloads

found(doc) := result if {
	denied := workloads.deny with input as doc
	warned := workloads.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

deployment(spec) := {
	"apiVersion": "apps/v1",
	"kind": "Deployment",
	"metadata": {"name": "shop", "namespace": "shop"},
	"spec": {"template": {"spec": spec}},
}

container(more) := object.union({"name": "web", "securityContext": {"readOnlyRootFilesystem": true}}, more)

pod(more) := object.union({"automountServiceAccountToken": false, "containers": [container({})]}, more)

bad := deployment({
	"containers": [{
		"name": "web",
		"image": "shop:1.4",
		"env": [{"name": "DB_PASSWORD", "value": "hunter2"}],
		"securityContext": {"windowsOptions": {"hostProcess": true}, "appArmorProfile": {"type": "Unconfined"}},
	}],
})

good := deployment({
	"automountServiceAccountToken": false,
	"containers": [{
		"name": "web",
		"image": "shop:1.4",
		"env": [
			{"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
			{"name": "LOG_LEVEL", "value": "info"},
		],
		"securityContext": {"readOnlyRootFilesystem": true, "appArmorProfile": {"type": "RuntimeDefault"}},
	}],
	"volumes": [{"name": "tmp", "emptyDir": {}}],
})

ids := {
	"kubernetes/workloads/environment-secret", "kubernetes/workloads/host-process",
	"kubernetes/workloads/confinement", "kubernetes/workloads/token", "kubernetes/workloads/writable-root",
}

test_bad_workload_has_every_finding if found(bad) == ids

test_good_workload_is_accepted if {
	found(good) == set()
	workloads.allow with input as good
	not workloads.allow with input as bad
}

test_message_names_container_and_variable if {
	secret := container({"env": [{"name": "API_TOKEN", "value": "abc"}]})
	workloads.deny == {{
		"id": "kubernetes/workloads/environment-secret",
		"msg": "container web must not hold a secret in API_TOKEN",
		"resource": "Deployment/shop/shop",
	}} with input as deployment(pod({"containers": [secret]}))
}

test_every_list_of_containers_counts if {
	secret := container({"env": [{"name": "API_TOKEN", "value": "abc"}]})
	every list in ["containers", "ephemeralContainers", "initContainers"] {
		found(deployment(pod({list: [secret]}))) == {"kubernetes/workloads/environment-secret"}
	}
}

test_every_kind_of_workload_counts if {
	spec := pod({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}})
	every doc in [
		{"kind": "Pod", "spec": spec},
		{"kind": "PodTemplate", "template": {"spec": spec}},
		{"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": spec}}}}},
		{"kind": "ReplicationController", "spec": {"template": {"spec": spec}}},
		{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "spec": {"template": {"spec": spec}}},
		{"request": {"object": {"kind": "Job", "spec": {"template": {"spec": spec}}}}},
	] {
		found(doc) == {"kubernetes/workloads/confinement"}
	}
}

test_options_of_the_baseline_are_accepted if {
	found(deployment(pod({"securityContext": {"seLinuxOptions": {"type": "container_t", "level": "s0:c1"}}}))) == set()
	every options in [{"user": "root"}, {"type": "spc_t"}] {
		found(deployment(pod({"securityContext": {"seLinuxOptions": options}}))) == {"kubernetes/workloads/confinement"}
	}
}

test_roots_of_windows_are_written if {
	spec := {"automountServiceAccountToken": false, "containers": [{"name": "web"}]}
	found(deployment(object.union(spec, {"os": {"name": "windows"}}))) == set()
	found(deployment(object.union(spec, {"os": {"name": "linux"}}))) == {"kubernetes/workloads/writable-root"}
}

test_named_accounts_may_have_tokens if {
	found(deployment({"serviceAccountName": "shop", "containers": [container({})]})) == set()
	found(deployment({"serviceAccountName": "default", "containers": [container({})]})) == {"kubernetes/workloads/token"}
}

test_other_objects_are_accepted if {
	workloads.allow with input as {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {}}
	workloads.allow with input as {"request": {"operation": "DELETE", "object": null}}
}

test_seccomp_switched_off_counts if {
	every spec in [
		pod({"containers": [container({"securityContext": {"seccompProfile": {"type": "Unconfined"}, "readOnlyRootFilesystem": true}})]}),
		pod({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}),
	] {
		found(deployment(spec)) == {"kubernetes/workloads/confinement"}
	}
	found(deployment(pod({"securityContext": {"seccompProfile": {"type": "Localhost"}}}))) == set()
}

annotated(profile) := {"annotations": {"container.apparmor.security.beta.kubernetes.io/web": profile}}

test_annotations_switch_apparmor_off if {
	one := {"kind": "Pod", "metadata": annotated("unconfined"), "spec": pod({})}
	found(one) == {"kubernetes/workloads/confinement"}
	many := object.union(deployment(pod({})), {"spec": {"template": {"metadata": annotated("unconfined")}}})
	found(many) == {"kubernetes/workloads/confinement"}
	found(object.union(one, {"metadata": annotated("runtime/default")})) == set()
}
