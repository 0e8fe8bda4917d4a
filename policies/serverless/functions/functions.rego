# METADATA
# title: Serverless functions
# description: >-
#   Functions of an AWS SAM or CloudFormation template, as JSON: who may call them, what they run on and what they carry.
#   What their roles may do is serverless/function_roles.
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
#   remediation: Change the function in the template.
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

found(id, name, message) := {"id": id, "msg": message, "resource": name}

of_function(id, entry, message) := found(id, entry.function, sprintf("function %s %s", [entry.function, message]))

# What a function says, and what Globals say for all functions of SAM. SAM merges objects; what a function says counts before it.
blocks contains {"function": name, "block": properties, "before": {}} if some name, properties in cfn.functions

blocks contains {"function": name, "block": input.Globals.Function, "before": properties} if {
	some name, properties in cfn.functions
	input.Resources[name].Type == "AWS::Serverless::Function"
}

counts(entry, path) if not object.get(entry.before, path, false)

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
	some entry in blocks
	counts(entry, ["FunctionUrlConfig", "AuthType"])
	entry.block.FunctionUrlConfig.AuthType == "NONE"
	finding := of_function("serverless/functions/public-url", entry, "has a URL without authentication")
}

deny contains finding if {
	some url in cfn.of_type("AWS::Lambda::Url")
	url.properties.AuthType == "NONE"
	finding := found("serverless/functions/public-url", url.name, sprintf("%s is a URL without authentication", [url.name]))
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
	regex.match(`^[*]$|[.]amazonaws[.]com$`, principal)
	finding := found("serverless/functions/open-permission", permission.name, sprintf("%s lets %s call the function for anyone", [permission.name, principal]))
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
	some entry in blocks
	counts(entry, ["Runtime"])
	runtime := entry.block.Runtime
	runtime in data.config.serverless.deprecated_runtimes
	finding := of_function("serverless/functions/runtime", entry, sprintf("uses the deprecated runtime %s", [runtime]))
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
	some entry in blocks
	some variable, value in entry.block.Environment.Variables
	counts(entry, ["Environment", "Variables", variable])
	secrets.in_environment(variable, value)
	finding := of_function("serverless/functions/environment-secret", entry, sprintf("must not carry a secret in the variable %s", [variable]))
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
	some entry in blocks
	counts(entry, ["Timeout"])
	timeout := cfn.number(entry.block.Timeout)
	timeout > data.config.serverless.max_timeout_seconds
	finding := of_function("serverless/functions/timeout", entry, sprintf("may run for %v seconds", [timeout]))
}
