package kubernetes.admission_test

import data.kubernetes.admission

hardened := {
	"allowPrivilegeEscalation": false,
	"capabilities": {"drop": ["ALL"]},
	"runAsNonRoot": true,
	"seccompProfile": {"type": "RuntimeDefault"},
}

container(context) := {"name": "web", "image": "registry.corp.example/web:1", "securityContext": context}

pod(namespace, spec) := {"request": {
	"operation": "CREATE",
	"object": {"kind": "Pod", "metadata": {"name": "p", "namespace": namespace}, "spec": spec},
}}

ids(findings) := {finding.id | some finding in findings}

denied_ids(doc) := result if {
	findings := admission.deny with input as doc
	result := ids(findings)
}

test_hardened_pod_is_admitted if {
	doc := pod("payments", {"containers": [container(hardened)]})
	admission.allow with input as doc
	count(admission.deny) == 0 with input as doc
	count(admission.warn) == 0 with input as doc
}

test_privileged_container_is_denied if {
	doc := pod("dev", {"containers": [container(object.union(hardened, {"privileged": true}))]})
	not admission.allow with input as doc
	denied_ids(doc) == {"kubernetes/admission/privileged"}
}

test_message_and_resource_name_the_culprit if {
	doc := pod("dev", {"containers": [container(object.union(hardened, {"privileged": true}))]})
	admission.deny == {{
		"id": "kubernetes/admission/privileged",
		"msg": "container web must not run privileged",
		"resource": "Pod/dev/p",
	}} with input as doc
}

test_init_containers_count if {
	doc := pod("dev", {
		"containers": [container(hardened)],
		"initContainers": [container(object.union(hardened, {"privileged": true}))],
	})
	denied_ids(doc) == {"kubernetes/admission/privileged"}
}

test_host_namespaces_are_denied if {
	every field in ["hostIPC", "hostNetwork", "hostPID"] {
		denied_ids(pod("dev", {"containers": [container(hardened)], field: true})) == {"kubernetes/admission/host-namespace"}
	}
}

test_host_path_is_denied if {
	spec := {
		"containers": [container(hardened)],
		"volumes": [{"name": "etc", "hostPath": {"path": "/etc"}}, {"name": "tmp", "emptyDir": {}}],
	}
	denied_ids(pod("dev", spec)) == {"kubernetes/admission/host-path"}
	sockets := object.union(spec, {"volumes": [{"name": "docker", "hostPath": {"path": "/var/run/docker.sock"}}]})
	denied_ids(pod("dev", sockets)) == {"kubernetes/admission/host-path"}
}

test_host_port_is_denied if {
	c := object.union(container(hardened), {"ports": [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}]})
	denied_ids(pod("dev", {"containers": [c]})) == {"kubernetes/admission/host-port"}
}

test_added_capability_is_denied if {
	context := object.union(hardened, {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN", "NET_BIND_SERVICE"]}})
	denied_ids(pod("dev", {"containers": [container(context)]})) == {"kubernetes/admission/added-capability"}
}

test_proc_mount_is_denied if {
	doc := pod("dev", {"containers": [container(object.union(hardened, {"procMount": "Unmasked"}))]})
	denied_ids(doc) == {"kubernetes/admission/proc-mount"}
}

test_default_proc_mount_is_admitted if {
	doc := pod("dev", {"containers": [container(object.union(hardened, {"procMount": "Default"}))]})
	denied_ids(doc) == set()
}

test_unsafe_sysctl_is_denied if {
	sysctls := [{"name": "kernel.msgmax", "value": "65536"}, {"name": "net.ipv4.tcp_syncookies", "value": "1"}]
	spec := {"containers": [container(hardened)], "securityContext": {"sysctls": sysctls}}
	denied_ids(pod("dev", spec)) == {"kubernetes/admission/sysctl"}
}

bare := pod("dev", {"containers": [{"name": "web", "image": "nginx"}]})

restricted_ids := {
	"kubernetes/admission/run-as-non-root",
	"kubernetes/admission/privilege-escalation",
	"kubernetes/admission/drop-capabilities",
	"kubernetes/admission/seccomp",
}

test_restricted_profile_warns_elsewhere if {
	admission.allow with input as bare
	warnings := admission.warn with input as bare
	ids(warnings) == restricted_ids
}

test_restricted_profile_denies_where_listed if {
	doc := pod("payments", {"containers": [{"name": "web", "image": "nginx"}]})
	denied_ids(doc) == restricted_ids
	count(admission.warn) == 0 with input as doc
}

test_list_of_restricted_namespaces_is_data if {
	findings := admission.deny with input as bare
		with data.config.kubernetes.restricted_namespaces as ["dev"]
	ids(findings) == restricted_ids
}

test_pod_level_settings_count if {
	context := {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}
	spec := {
		"containers": [container(context)],
		"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
	}
	admission.allow with input as pod("payments", spec)
}

test_container_overrides_pod_level_run_as_non_root if {
	context := object.union(hardened, {"runAsNonRoot": false})
	spec := {"containers": [container(context)], "securityContext": {"runAsNonRoot": true}}
	denied_ids(pod("payments", spec)) == {"kubernetes/admission/run-as-non-root"}
}

test_root_user_is_denied_where_restricted if {
	doc := pod("payments", {"containers": [container(object.union(hardened, {"runAsUser": 0}))]})
	denied_ids(doc) == {"kubernetes/admission/root-user"}
}

test_pod_template_of_a_deployment_counts if {
	doc := {"kind": "Deployment", "metadata": {"name": "d", "namespace": "dev"}, "spec": {"template": {"spec": {
		"hostPID": true,
		"containers": [container(hardened)],
	}}}}
	denied_ids(doc) == {"kubernetes/admission/host-namespace"}
}

test_pod_template_of_a_cron_job_counts if {
	doc := {"kind": "CronJob", "metadata": {"generateName": "c-"}, "spec": {"jobTemplate": {"spec": {"template": {"spec": {
		"hostPID": true,
		"containers": [container(hardened)],
	}}}}}}
	admission.deny == {{
		"id": "kubernetes/admission/host-namespace",
		"msg": "pod must not share the host's namespaces: hostPID is true",
		"resource": "CronJob/default/c-",
	}} with input as doc
}

test_other_kinds_are_admitted if {
	admission.allow with input as {"request": {"object": {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {}}}}
}

test_deletion_is_admitted if {
	admission.allow with input as {"request": {"operation": "DELETE", "object": null}}
}

# A pod that breaks every rule, and the same deployment before and after.
bad := {
	"apiVersion": "v1",
	"kind": "Pod",
	"metadata": {"name": "debug", "namespace": "payments"},
	"spec": {
		"hostNetwork": true,
		"containers": [{
			"name": "shell",
			"image": "registry.corp.example/debug:1",
			"ports": [{"containerPort": 80, "hostPort": 80}],
			"securityContext": {
				"privileged": true,
				"procMount": "Unmasked",
				"runAsUser": 0,
				"capabilities": {"add": ["SYS_ADMIN"]},
			},
		}],
		"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "65536"}]},
		"volumes": [{"name": "host", "hostPath": {"path": "/"}}],
	},
}

good := {
	"apiVersion": "apps/v1",
	"kind": "Deployment",
	"metadata": {"name": "checkout", "namespace": "payments"},
	"spec": {
		"selector": {"matchLabels": {"app": "checkout"}},
		"template": {
			"metadata": {"labels": {"app": "checkout"}},
			"spec": {
				"containers": [{
					"name": "web",
					"image": "registry.corp.example/checkout:1.4.2",
					"securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
				}],
				"securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
			},
		},
	},
}

baseline_ids := {
	"kubernetes/admission/privileged", "kubernetes/admission/host-namespace", "kubernetes/admission/host-path",
	"kubernetes/admission/host-port", "kubernetes/admission/added-capability", "kubernetes/admission/proc-mount",
	"kubernetes/admission/sysctl",
}

test_bad_pod_has_every_finding if {
	denied_ids(bad) == (baseline_ids | restricted_ids) | {"kubernetes/admission/root-user"}
}

test_good_deployment_is_admitted if {
	denied_ids(good) == set()
	count(admission.warn) == 0 with input as good
}
