package terraform.containers_test

import data.lib.terraform_test as plans
import data.terraform.containers

found(doc) := result if {
	denied := containers.deny with input as doc
	result := {finding.id | some finding in denied}
}

cluster(config) := plans.change("aws_eks_cluster", {"vpc_config": [config]})

task(container, mode) := plans.change("aws_ecs_task_definition", {
	"container_definitions": json.marshal([container]),
	"ipc_mode": null,
	"pid_mode": mode,
})

registry(mutability) := plans.change("aws_ecr_repository", {"image_tag_mutability": mutability})

secret := {"name": "DB_PASSWORD", "value": "hunter2"}

bad := plans.plan([
	cluster({"endpoint_public_access": true, "public_access_cidrs": ["0.0.0.0/0"]}),
	task({"name": "web", "image": "web:1", "privileged": true, "environment": [secret]}, "host"),
	registry("MUTABLE"),
])

good := plans.plan([
	cluster({"endpoint_public_access": true, "public_access_cidrs": ["192.0.2.0/24"]}),
	task({"name": "web", "image": "web:1", "environment": [{"name": "LOG_LEVEL", "value": "info"}]}, null),
	registry("IMMUTABLE"),
])

ids := {
	"terraform/containers/open-cluster", "terraform/containers/task-privileged", "terraform/containers/task-secret",
	"terraform/containers/task-host", "terraform/containers/registry",
}

test_bad_plan_has_every_finding if found(bad) == ids

test_text_and_numbers_are_converted if {
	every spelled in [plans.as_text(bad), plans.as_numbers(bad)] {
		found(spelled) == found(bad)
	}
	found(plans.as_text(good)) == set()
}

test_good_plan_is_accepted if {
	found(good) == set()
	containers.allow with input as good
	not containers.allow with input as bad
	not containers.allow with input as {}
}

test_message_names_container_and_variable if {
	containers.deny == {{
		"id": "terraform/containers/task-secret",
		"msg": "aws_ecs_task_definition.x: container web must not hold a secret in DB_PASSWORD",
		"resource": "aws_ecs_task_definition.x",
	}} with input as plans.plan([task({"name": "web", "environment": [secret]}, null)])
}

test_public_clusters_are_the_default if {
	found(plans.plan([cluster({})])) == {"terraform/containers/open-cluster"}
	found(plans.plan([cluster({"endpoint_public_access": false})])) == set()
}

test_definitions_that_are_no_json_are_left_alone if {
	found(plans.one("aws_ecs_task_definition", {"container_definitions": "not json"})) == set()
	found(plans.later("aws_ecs_task_definition", ["container_definitions"])) == set()
}

test_closed_endpoint_may_be_text if {
	found(plans.one("aws_eks_cluster", {"vpc_config": [{"endpoint_public_access": "false"}]})) == set()
}

test_no_networks_are_all_networks if {
	every cidrs in [[], null, ["::/0"], ["0.0.0.0/1", "128.0.0.0/1"]] {
		found(plans.plan([cluster({"public_access_cidrs": cidrs})])) == {"terraform/containers/open-cluster"}
	}
	found(plans.plan([cluster({"public_access_cidrs": ["192.0.2.0/24"]})])) == set()
	every value in ["MUTABLE_WITH_EXCLUSION", null] {
		found(plans.plan([registry(value)])) == {"terraform/containers/registry"}
	}
}
