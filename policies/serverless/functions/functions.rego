# METADATA
# title: Serverless function least privilege
# description: Functions of an AWS SAM or CloudFormation template, as JSON.
# custom:
#   id: serverless/functions
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
package serverless.functions

import data.lib.cloudformation as cfn
import data.lib.secrets

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input without resources is no template and is not accepted.
allow if {
	is_object(input.Resources)
	count(deny) == 0
}

functions[name] := properties if {
	some name, resource in input.Resources
	resource.Type in {"AWS::Serverless::Function", "AWS::Lambda::Function"}
	properties := object.get(resource, "Properties", {})
}

# What Globals say for all functions of SAM. SAM merges objects; what a function says counts before it.
common[name] := input.Globals.Function if {
	some name, _ in functions
	input.Resources[name].Type == "AWS::Serverless::Function"
}

settings contains {"function": name, "holder": properties, "field": field} if {
	some name, properties in functions
	some field, _ in properties
}

settings contains {"function": name, "holder": properties, "field": field} if {
	some name, properties in common
	some field, _ in properties
	not functions[name][field]
}

urls contains {"function": name, "holder": properties.FunctionUrlConfig} if some name, properties in functions

urls contains {"function": name, "holder": properties.FunctionUrlConfig} if {
	some name, properties in common
	not functions[name].FunctionUrlConfig.AuthType
}

variables contains {"function": name, "holder": properties.Environment.Variables, "variable": variable} if {
	some name, properties in functions
	some variable, _ in properties.Environment.Variables
}

variables contains {"function": name, "holder": properties.Environment.Variables, "variable": variable} if {
	some name, properties in common
	some variable, _ in properties.Environment.Variables
	not functions[name].Environment.Variables[variable]
}

statements contains {"function": name, "statement": statement} if {
	some name, properties in functions
	some policy in cfn.as_list(properties.Policies)
	some statement in cfn.as_list(policy.Statement)
	statement.Effect == "Allow"
}

# METADATA
# title: Wildcard action
# custom:
#   id: serverless/functions/wildcard-action
#   severity: high
#   controls:
#   - nist-800-53r5:AC-6
#   remediation: List the actions the function calls.
deny contains finding if {
	some entry in statements
	some action in cfn.as_list(entry.statement.Action)
	endswith(action, "*")
	finding := {
		"id": "serverless/functions/wildcard-action",
		"msg": sprintf("function %s must not be allowed %s", [entry.function, action]),
		"resource": entry.function,
	}
}

deny contains finding if {
	some entry in statements
	entry.statement.NotAction
	finding := {
		"id": "serverless/functions/wildcard-action",
		"msg": sprintf("function %s must not be allowed every action but some (NotAction)", [entry.function]),
		"resource": entry.function,
	}
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
#   id: serverless/functions/wildcard-resource
#   severity: medium
#   controls:
#   - nist-800-53r5:AC-6
#   remediation: Name the tables, buckets or queues the function uses.
deny contains finding if {
	some entry in statements
	not needs_every_resource(entry.statement)
	"*" in cfn.as_list(entry.statement.Resource)
	finding := {
		"id": "serverless/functions/wildcard-resource",
		"msg": sprintf("function %s must not be allowed to act on every resource", [entry.function]),
		"resource": entry.function,
	}
}

# METADATA
# title: Broad managed policy
# custom:
#   id: serverless/functions/managed-policy
#   severity: high
#   controls:
#   - nist-800-53r5:AC-6(5)
#   remediation: Replace the managed policy with SAM policy templates or statements of your own.
deny contains finding if {
	some name, properties in functions
	some entry in cfn.as_list(properties.Policies)
	policy := cfn.arn(entry)
	regex.match(`FullAccess|(^|/)(AdministratorAccess|PowerUserAccess)$`, policy)
	finding := {
		"id": "serverless/functions/managed-policy",
		"msg": sprintf("function %s must not use the managed policy %s", [name, policy]),
		"resource": name,
	}
}

# METADATA
# title: Public function URL
# custom:
#   id: serverless/functions/public-url
#   severity: high
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:IA-2
#   remediation: Set AuthType to AWS_IAM, or put an authorizer in front.
deny contains finding if {
	some url in urls
	url.holder.AuthType == "NONE"
	finding := {
		"id": "serverless/functions/public-url",
		"msg": sprintf("function %s has a URL without authentication", [url.function]),
		"resource": url.function,
	}
}

deny contains finding if {
	some url in cfn.of_type("AWS::Lambda::Url")
	url.properties.AuthType == "NONE"
	finding := {
		"id": "serverless/functions/public-url",
		"msg": sprintf("%s is a URL without authentication", [url.name]),
		"resource": url.name,
	}
}

# METADATA
# title: Function that anyone may call
# description: >-
#   A permission names everyone, or a service without saying for whom that service calls (confused deputy).
# custom:
#   id: serverless/functions/open-permission
#   severity: high
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:AC-6
#   - soc2:CC6.3
#   remediation: Set SourceArn or SourceAccount, or name the principal.
deny contains finding if {
	some permission in cfn.of_type("AWS::Lambda::Permission")
	every field in ["EventSourceToken", "FunctionUrlAuthType", "PrincipalOrgID", "SourceAccount", "SourceArn"] {
		cfn.off(permission.properties, field)
	}
	principal := permission.properties.Principal
	principal in {"*", "events.amazonaws.com", "s3.amazonaws.com", "sns.amazonaws.com"}
	finding := {
		"id": "serverless/functions/open-permission",
		"msg": sprintf("%s lets %s call the function for anyone", [permission.name, principal]),
		"resource": permission.name,
	}
}

# METADATA
# title: Deprecated runtime
# custom:
#   id: serverless/functions/runtime
#   severity: medium
#   controls:
#   - nist-800-53r5:SI-2
#   - iso-27001-2022:A.8.8
#   remediation: Move to a runtime that still gets security updates.
deny contains finding if {
	some entry in settings
	entry.field == "Runtime"
	runtime := entry.holder[entry.field]
	runtime in data.config.serverless.deprecated_runtimes
	finding := {
		"id": "serverless/functions/runtime",
		"msg": sprintf("function %s uses the deprecated runtime %s", [entry.function, runtime]),
		"resource": entry.function,
	}
}

# METADATA
# title: Secret in the environment
# custom:
#   id: serverless/functions/environment-secret
#   layer: L6
#   severity: critical
#   controls:
#   - nist-800-53r5:IA-5(7)
#   - gdpr:32
#   remediation: Keep the secret in Secrets Manager and pass its name.
deny contains finding if {
	some entry in variables
	secrets.in_environment(entry.variable, entry.holder[entry.variable])
	finding := {
		"id": "serverless/functions/environment-secret",
		"msg": sprintf("function %s must not carry a secret in the variable %s", [entry.function, entry.variable]),
		"resource": entry.function,
	}
}

# METADATA
# title: Long timeout
# custom:
#   id: serverless/functions/timeout
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SC-5
#   remediation: Split the work, or hand it to a queue.
warn contains finding if {
	some entry in settings
	entry.field == "Timeout"
	timeout := cfn.number(entry.holder[entry.field])
	timeout > data.config.serverless.max_timeout_seconds
	finding := {
		"id": "serverless/functions/timeout",
		"msg": sprintf("function %s may run for %d seconds", [entry.function, timeout]),
		"resource": entry.function,
	}
}
