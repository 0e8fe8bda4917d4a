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
	properties := resource.Properties
}

statements contains {"function": name, "statement": statement} if {
	some name, properties in functions
	some policy in as_list(properties.Policies)
	some statement in as_list(policy.Statement)
	statement.Effect == "Allow"
}

as_list(value) := value if is_array(value)

as_list(value) := [value] if not is_array(value)

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
	some action in as_list(entry.statement.Action)
	endswith(action, "*")
	finding := {
		"id": "serverless/functions/wildcard-action",
		"msg": sprintf("function %s must not be allowed %s", [entry.function, action]),
		"resource": entry.function,
	}
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
	"*" in as_list(entry.statement.Resource)
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
	some policy in as_list(properties.Policies)
	is_string(policy)
	contains(policy, "FullAccess")
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
	some name, properties in functions
	properties.FunctionUrlConfig.AuthType == "NONE"
	finding := {
		"id": "serverless/functions/public-url",
		"msg": sprintf("function %s has a URL without authentication", [name]),
		"resource": name,
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
	some name, properties in functions
	properties.Runtime in data.config.serverless.deprecated_runtimes
	finding := {
		"id": "serverless/functions/runtime",
		"msg": sprintf("function %s uses the deprecated runtime %s", [name, properties.Runtime]),
		"resource": name,
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
	some name, properties in functions
	some variable, value in properties.Environment.Variables
	secrets.in_environment(variable, value)
	finding := {
		"id": "serverless/functions/environment-secret",
		"msg": sprintf("function %s must not carry a secret in the variable %s", [name, variable]),
		"resource": name,
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
	some name, properties in functions
	properties.Timeout > data.config.serverless.max_timeout_seconds
	finding := {
		"id": "serverless/functions/timeout",
		"msg": sprintf("function %s may run for %d seconds", [name, properties.Timeout]),
		"resource": name,
	}
}
