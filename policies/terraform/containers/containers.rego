# METADATA
# title: AWS containers
# description: >-
#   Clusters, tasks and image registries of AWS in a Terraform plan: who reaches them, what they may do to their hosts,
#   and what they carry.
# custom:
#   id: terraform/containers
#   layer: L3
#   inputs: [terraform-plan, terraform]
#   owner: platform-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:CM-7
#   - iso-27001-2022:A.8.9
#   - soc2:CC6.1
#   remediation: Change the resource in Terraform and plan again.
package terraform.containers

import data.lib.networks
import data.lib.secrets
import data.lib.terraform as tf

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input that is no plan is not accepted.
allow if {
	is_array(input.resource_changes)
	count(deny) == 0
}

# METADATA
# title: Cluster API open to the world
# description: The API of an EKS cluster is public and admits every address, which is AWS's default.
# custom:
#   id: terraform/containers/open-cluster
#   layer: L3
#   severity: high
#   controls:
#   - nist-800-53r5:AC-17
#   - nist-800-53r5:SC-7(5)
#   - iso-27001-2022:A.8.22
#   remediation: Set endpoint_public_access to false, or name networks in public_access_cidrs.
deny contains finding if {
	some change in tf.of_type("aws_eks_cluster")
	some config in tf.blocks(change, "vpc_config")
	not tf.is_false(object.get(config, "endpoint_public_access", true))
	cidrs := object.get(config, "public_access_cidrs", null)
	open_to_all(cidrs)
	finding := tf.finding("terraform/containers/open-cluster", change, "the cluster's API admits every address")
}

open_to_all(cidrs) if {
	some cidr in cidrs
	networks.everyone(cidr)
}

open_to_all(cidrs) if cidrs in [null, []]

# METADATA
# title: Privileged task
# description: A container of an ECS task is privileged on its host.
# custom:
#   id: terraform/containers/task-privileged
#   layer: L3
#   severity: critical
#   controls:
#   - nist-800-53r5:AC-6(10)
#   - nist-800-53r5:CM-7
#   remediation: Remove privileged from the container definition.
deny contains finding if {
	some task in tasks
	tf.is_true(task.container.privileged)
	finding := tf.finding("terraform/containers/task-privileged", task.change, sprintf("container %s must not be privileged", [task.container.name]))
}

# METADATA
# title: Images that change under their tag
# description: Tags of a container registry can be moved, so that what runs is not what was tested.
# custom:
#   id: terraform/containers/registry
#   layer: L7
#   severity: medium
#   controls:
#   - nist-800-53r5:CM-14
#   - nist-800-53r5:SI-7
#   - soc2:CC8.1
#   remediation: Set image_tag_mutability to IMMUTABLE.
deny contains finding if {
	some change in tf.of_type("aws_ecr_repository")
	object.get(change.change.after, "image_tag_mutability", null) in {"MUTABLE", "MUTABLE_WITH_EXCLUSION", null}
	tf.known(change, "image_tag_mutability")
	finding := tf.finding("terraform/containers/registry", change, "image_tag_mutability must be IMMUTABLE")
}

tasks contains {"change": change, "container": container} if {
	some change in tf.of_type("aws_ecs_task_definition")
	some container in json.unmarshal(change.change.after.container_definitions)
}

# METADATA
# title: Secret in the environment of a task
# description: A variable of a container holds a password, a token or a key.
# custom:
#   id: terraform/containers/task-secret
#   severity: critical
#   controls:
#   - nist-800-53r5:IA-5(7)
#   - iso-27001-2022:A.5.17
#   - pci-dss-4.0:8.6.2
#   remediation: Move the variable to secrets, with valueFrom.
deny contains finding if {
	some task in tasks
	some variable in task.container.environment
	secrets.in_environment(variable.name, variable.value)
	message := sprintf("container %s must not hold a secret in %s", [task.container.name, variable.name])
	finding := tf.finding("terraform/containers/task-secret", task.change, message)
}

# METADATA
# title: Task in its host's namespaces
# description: A task sees the processes or the memory of its host.
# custom:
#   id: terraform/containers/task-host
#   severity: high
#   controls:
#   - nist-800-53r5:SC-39
#   - nist-800-53r5:AC-6
#   remediation: Remove pid_mode and ipc_mode.
deny contains finding if {
	some change in tf.of_type("aws_ecs_task_definition")
	some field in ["ipc_mode", "pid_mode"]
	change.change.after[field] == "host"
	finding := tf.finding("terraform/containers/task-host", change, sprintf("%s must not be host", [field]))
}
