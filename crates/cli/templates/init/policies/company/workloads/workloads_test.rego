package company.workloads_test

import data.company.workloads

pod(labels, spec) := {
	"apiVersion": "v1",
	"kind": "Pod",
	"metadata": {"name": "p", "labels": labels},
	"spec": spec,
}

test_an_owner_is_enough if {
	count(workloads.deny) == 0 with input as pod({"owner": "shop"}, {})
	count(workloads.warn) == 0 with input as pod({"owner": "shop"}, {})
}

test_without_an_owner_it_is_denied if {
	some finding in workloads.deny with input as pod({}, {})
	finding.msg == "Pod p names no owner"
}

test_other_objects_need_none if {
	count(workloads.deny) == 0 with input as {"kind": "ConfigMap", "metadata": {"name": "c"}}
}

test_a_mounted_token_is_worth_a_warning if {
	count(workloads.warn) == 1 with input as pod({"owner": "shop"}, {"automountServiceAccountToken": true})
}
