# METADATA
# title: AWS logs and alarms
# description: >-
#   Trails, logs and alarms of AWS in a Terraform plan that would not show an attack, or would not tell anybody.
# custom:
#   id: terraform/logging
#   layer: L8
#   inputs: [terraform-plan, terraform]
#   owner: security-operations
#   severity: medium
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AU-2
#   - iso-27001-2022:A.8.15
#   - soc2:CC7.2
#   remediation: Change the resource in Terraform and plan again.
package terraform.logging

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
# title: Trail with gaps
# description: A CloudTrail covers one region only, does not log, or can be changed without a trace.
# custom:
#   id: terraform/logging/trail
#   severity: high
#   controls:
#   - cis-aws-3.0:3.1
#   - cis-aws-3.0:3.2
#   - nist-800-53r5:AU-2
#   - nist-800-53r5:AU-9
#   - pci-dss-4.0:10.2.1
#   - pci-dss-4.0:10.3.4
#   - iso-27001-2022:A.8.15
#   remediation: Set is_multi_region_trail and enable_log_file_validation to true, and leave enable_logging at true.
deny contains finding if {
	some change in tf.of_type("aws_cloudtrail")
	some field in ["enable_log_file_validation", "is_multi_region_trail"]
	tf.off(change, field)
	finding := tf.finding("terraform/logging/trail", change, sprintf("%s must be true", [field]))
}

deny contains finding if {
	some change in tf.of_type("aws_cloudtrail")
	tf.is_false(change.change.after.enable_logging)
	finding := tf.finding("terraform/logging/trail", change, "enable_logging must be true")
}

# METADATA
# title: Trail without a key
# description: The files of a CloudTrail are not encrypted with a key of KMS.
# custom:
#   id: terraform/logging/trail-key
#   severity: medium
#   controls:
#   - cis-aws-3.0:3.5
#   - nist-800-53r5:AU-9
#   - nist-800-53r5:SC-28
#   remediation: Set kms_key_id.
deny contains finding if {
	some change in tf.of_type("aws_cloudtrail")
	tf.off(change, "kms_key_id")
	finding := tf.finding("terraform/logging/trail-key", change, "kms_key_id must name a key")
}

# METADATA
# title: Network without flow logs
# description: A plan creates a VPC and no flow log for it. A flow log may stand in another state.
# custom:
#   id: terraform/logging/flow-log
#   severity: medium
#   enforcement: warn
#   controls:
#   - cis-aws-3.0:3.7
#   - nist-800-53r5:AU-12
#   - nist-800-53r5:SI-4
#   - iso-27001-2022:A.8.16
#   remediation: Add an aws_flow_log for the VPC.
warn contains finding if {
	some change in tf.of_type("aws_vpc")
	"create" in change.change.actions
	not logged(change)
	finding := tf.finding("terraform/logging/flow-log", change, "no flow log of the network is planned")
}

# A flow log that names no network of the plan may be for any.
logged(network) if {
	some log in input.resource_changes
	log.type == "aws_flow_log"
	log.change.after
	not tf.about_another(log, network)
}

# METADATA
# title: Load balancer without access logs
# description: Nobody can tell afterwards who asked for what.
# custom:
#   id: terraform/logging/load-balancer
#   severity: medium
#   controls:
#   - nist-800-53r5:AU-2
#   - nist-800-53r5:AU-12
#   - pci-dss-4.0:10.2.1
#   - soc2:CC7.2
#   remediation: Add access_logs with enabled true.
deny contains finding if {
	some change in tf.of_types({"aws_alb", "aws_lb"})
	object.get(change.change.after, "load_balancer_type", "application") != "gateway"
	tf.known(change, "access_logs")
	count([block | some block in tf.blocks(change, "access_logs"); tf.is_true(object.get(block, "enabled", false))]) == 0
	finding := tf.finding("terraform/logging/load-balancer", change, "access_logs must be enabled")
}

# METADATA
# title: Alarm that tells nobody
# description: An alarm has no action, or its actions are switched off.
# custom:
#   id: terraform/logging/silent-alarm
#   severity: medium
#   controls:
#   - nist-800-53r5:SI-4(5)
#   - nist-800-53r5:IR-5
#   - pci-dss-4.0:10.7.2
#   - iso-27001-2022:A.8.16
#   - soc2:CC7.3
#   remediation: Set alarm_actions to a topic that somebody reads.
deny contains finding if {
	some change in tf.of_type("aws_cloudwatch_metric_alarm")
	silent(change)
	finding := tf.finding("terraform/logging/silent-alarm", change, "the alarm must have an action")
}

silent(change) if tf.is_false(change.change.after.actions_enabled)

# An alarm that is part of a composite one is told by that.
silent(change) if {
	every field in ["alarm_actions", "insufficient_data_actions", "ok_actions"] {
		tf.off(change, field)
	}
	count(tf.of_type("aws_cloudwatch_composite_alarm")) == 0
}

# METADATA
# title: Cluster without audit log
# description: The control plane of an EKS cluster does not log who did what, or a GKE cluster sends no logs at all.
# custom:
#   id: terraform/logging/cluster
#   severity: high
#   controls:
#   - nist-800-53r5:AU-2
#   - nist-800-53r5:AU-12
#   - pci-dss-4.0:10.2.1
#   - iso-27001-2022:A.8.15
#   remediation: Set enabled_cluster_log_types to [audit, authenticator, api]; leave logging_service and logging_config of GKE as they are.
deny contains finding if {
	some change in tf.of_type("aws_eks_cluster")
	tf.known(change, "enabled_cluster_log_types")
	types := {type | some type in change.change.after.enabled_cluster_log_types}
	not "audit" in types
	finding := tf.finding("terraform/logging/cluster", change, "enabled_cluster_log_types must have audit")
}

deny contains finding if {
	some change in tf.of_type("google_container_cluster")
	lower(change.change.after.logging_service) == "none"
	finding := tf.finding("terraform/logging/cluster", change, "logging_service must not be none")
}

deny contains finding if {
	some change in tf.of_type("google_container_cluster")
	some config in tf.blocks(change, "logging_config")
	config.enable_components == []
	finding := tf.finding("terraform/logging/cluster", change, "enable_components must have SYSTEM_COMPONENTS")
}

# METADATA
# title: Logs kept for too short
# description: A log group forgets before an intrusion is usually found. Without a period it never does.
# custom:
#   id: terraform/logging/retention
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:AU-11
#   - pci-dss-4.0:10.5.1
#   - iso-27001-2022:A.8.15
#   remediation: Set retention_in_days to data.config.terraform.min_log_days or more.
warn contains finding if {
	some change in tf.of_type("aws_cloudwatch_log_group")
	days := tf.number(change.change.after.retention_in_days)
	days > 0
	days < data.config.terraform.min_log_days
	finding := tf.finding("terraform/logging/retention", change, sprintf("logs are kept for %v days", [days]))
}
