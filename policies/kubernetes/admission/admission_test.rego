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
	text := object.union(c, {"name": "web", "ports": [{"hostPort": "8080"}]})
	findings := admission.deny with input as pod("dev", {"containers": [text]})
	{finding.msg | some finding in findings} == {"container web must not bind host port 8080"}
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
			"livenessProbe": {"httpGet": {"host": "169.254.169.254", "port": 80}},
			"securityContext": {
				"privileged": true,
				"procMount": "Unmasked",
				"runAsUser": 0,
				"capabilities": {"add": ["SYS_ADMIN", "SYS_CHROOT"]},
			},
		}],
		"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "65536"}]},
		"volumes": [{"name": "host", "hostPath": {"path": "/"}}, {"name": "shares", "nfs": {"server": "nfs", "path": "/"}}],
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
	"kubernetes/admission/sysctl", "kubernetes/admission/probe-host",
}

test_bad_pod_has_every_finding if {
	denied_ids(bad) == (baseline_ids | restricted_ids) | {
		"kubernetes/admission/root-user", "kubernetes/admission/restricted-capability", "kubernetes/admission/volume-type",
	}
}

test_good_deployment_is_admitted if {
	denied_ids(good) == set()
	count(admission.warn) == 0 with input as good
}

# Knative names no containers.
test_containers_without_name_count if {
	nameless := object.remove(container(object.union(hardened, {"privileged": true})), ["name"])
	doc := {"kind": "Service", "metadata": {"name": "s"}, "spec": {"template": {"spec": {"containers": [nameless]}}}}
	denied_ids(doc) == {"kubernetes/admission/privileged"}
}

test_the_request_says_the_namespace if {
	spec := {"containers": [{"name": "web", "image": "nginx"}]}
	made := {"request": {"namespace": "payments", "object": {"kind": "Pod", "metadata": {"generateName": "p-"}, "spec": spec}}}
	denied_ids(made) == restricted_ids
	every namespace in ["", null] {
		denied_ids(object.union(pod("payments", spec), {"request": {"namespace": namespace}})) == restricted_ids
	}
}

test_root_of_the_whole_pod_is_denied_where_restricted if {
	spec := {"containers": [container(hardened)], "securityContext": {"runAsUser": 0}}
	denied_ids(pod("payments", spec)) == {"kubernetes/admission/root-user"}
	denied_ids(pod("dev", spec)) == set()
}

adding(names) := object.union(hardened, {"capabilities": {"drop": ["ALL"], "add": names}})

test_the_restricted_profile_adds_one_capability if {
	every name in ["CHOWN", "SYS_CHROOT"] {
		doc := {"containers": [container(adding([name]))]}
		denied_ids(pod("payments", doc)) == {"kubernetes/admission/restricted-capability"}
		denied_ids(pod("dev", doc)) == set()
	}
	denied_ids(pod("payments", {"containers": [container(adding(["NET_BIND_SERVICE"]))]})) == set()
}

mounting(volume) := pod("payments", {"containers": [container(hardened)], "volumes": [volume]})

test_the_restricted_profile_limits_volumes if {
	every type in ["nfs", "iscsi", "gitRepo", "azureFile"] {
		denied_ids(mounting({"name": "v", type: {}})) == {"kubernetes/admission/volume-type"}
	}
	every type in ["configMap", "csi", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"] {
		denied_ids(mounting({"name": "v", type: {}})) == set()
	}
	denied_ids(mounting({"name": "v", "emptyDir": {}, "nfs": null})) == set()
}

test_windows_has_no_capabilities if {
	spec := {"os": {"name": "windows"}, "containers": [container({"runAsNonRoot": true})]}
	denied_ids(pod("payments", spec)) == set()
	denied_ids(pod("payments", object.union(spec, {"os": {"name": "linux"}}))) == restricted_ids - {"kubernetes/admission/run-as-non-root"}
}

probed(more) := pod("dev", {"containers": [object.union(container(hardened), more)]})

test_probes_of_other_hosts_are_denied if {
	every action in ["httpGet", "tcpSocket"] {
		every field in ["livenessProbe", "readinessProbe", "startupProbe"] {
			denied_ids(probed({field: {action: {"host": "10.0.0.1", "port": 1}}})) == {"kubernetes/admission/probe-host"}
			denied_ids(probed({field: {action: {"port": 1}}})) == set()
			denied_ids(probed({field: {action: {"host": "", "port": 1}}})) == set()
		}
		denied_ids(probed({"lifecycle": {"preStop": {action: {"host": "10.0.0.1"}}}})) == {"kubernetes/admission/probe-host"}
	}
	denied_ids(probed({"livenessProbe": {"exec": {"command": ["true"]}}})) == set()
}

test_newer_safe_sysctls_are_admitted if {
	sysctls := [{"name": "net.ipv4.tcp_keepalive_time", "value": "60"}, {"name": "net.ipv4.ip_local_reserved_ports", "value": "1"}]
	denied_ids(pod("dev", {"containers": [container(hardened)], "securityContext": {"sysctls": sysctls}})) == set()
}
