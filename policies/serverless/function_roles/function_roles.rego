# METADATA
# title: Serverless function least privilege
# description: >-
#   What the roles of the functions of an AWS SAM or CloudFormation template, as JSON, may do.
# custom:
#   id: serverless/function_roles
#   layer: L4
#   inputs: [cloudformation]
#   owner: application-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-6
#   - nist-800-53r5:CM-7
#   - iso-27001-2022:A.8.26
#   - soc2:CC6.3
#   remediation: Give each function its own role with the actions it calls.
package serverless.function_roles

import data.lib.cloudformation as cfn

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input without resources is no template and is not accepted.
allow if {
	is_object(input.Resources)
	count(deny) == 0
}

found(id, name, message) := {"id": id, "msg": message, "resource": name}

statements contains {"function": name, "statement": statement} if {
	some name, properties in cfn.functions
	some policy in cfn.as_list(properties.Policies)
	some statement in cfn.as_list(policy.Statement)
	statement.Effect == "Allow"
}

# METADATA
# title: Wildcard action
# description: A statement allows actions by a wildcard, wherever in the name, or every action but some.
# custom:
#   id: serverless/function_roles/wildcard-action
#   severity: high
#   controls:
#   - nist-800-53r5:AC-6
#   remediation: List the actions the function calls.
deny contains finding if {
	some entry in statements
	some action in cfn.as_list(entry.statement.Action)
	regex.match(`[*?]`, action)
	finding := found("serverless/function_roles/wildcard-action", entry.function, sprintf("function %s must not be allowed %s", [entry.function, action]))
}

deny contains finding if {
	some entry in statements
	entry.statement.NotAction
	finding := found("serverless/function_roles/wildcard-action", entry.function, sprintf("function %s must not be allowed every action but some (NotAction)", [entry.function]))
}

# Actions that no resource can be named for, by the service authorization reference of AWS.
without_resource := {
	"cloudwatch:getmetricdata", "cloudwatch:getmetricstatistics", "cloudwatch:listmetrics", "cloudwatch:putmetricdata",
	"ec2:describeavailabilityzones", "ec2:describeinstances", "ec2:describenetworkinterfaces", "ec2:describeregions",
	"ec2:describesecuritygroups", "ec2:describesubnets", "ec2:describevpcs", "ecr:getauthorizationtoken",
	"s3:listallmybuckets", "sts:getcalleridentity", "tag:getresources", "xray:getsamplingrules",
	"xray:getsamplingstatisticsummaries", "xray:getsamplingtargets", "xray:puttelemetryrecords", "xray:puttracesegments",
}

needs_every_resource(statement) if {
	actions := {lower(action) | some action in cfn.as_list(statement.Action)}
	count(actions) > 0
	count(actions - without_resource) == 0
}

# METADATA
# title: Wildcard resource
# custom:
#   id: serverless/function_roles/wildcard-resource
#   severity: medium
#   controls:
#   - nist-800-53r5:AC-6
#   remediation: Name the tables, buckets or queues the function uses.
deny contains finding if {
	some entry in statements
	not needs_every_resource(entry.statement)
	"*" in cfn.as_list(entry.statement.Resource)
	finding := found("serverless/function_roles/wildcard-resource", entry.function, sprintf("function %s must not be allowed to act on every resource", [entry.function]))
}

# METADATA
# title: Broad managed policy
# custom:
#   id: serverless/function_roles/managed-policy
#   severity: high
#   controls:
#   - nist-800-53r5:AC-6(5)
#   remediation: Replace the managed policy with SAM policy templates or statements of your own.
deny contains finding if {
	some name, properties in cfn.functions
	some entry in cfn.as_list(properties.Policies)
	policy := cfn.arn(entry)
	regex.match(`FullAccess|(^|/)(AdministratorAccess|PowerUserAccess)$`, policy)
	finding := found("serverless/function_roles/managed-policy", name, sprintf("function %s must not use the managed policy %s", [name, policy]))
}
