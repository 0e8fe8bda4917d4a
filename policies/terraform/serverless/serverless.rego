# METADATA
# title: Serverless in Terraform
# description: >-
#   Functions of AWS and services of Google Cloud in a Terraform plan: who may call them, and what they carry. Routes of
#   API Gateway are terraform/api_gateway.
# related_resources:
# - https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
# custom:
#   id: terraform/serverless
#   layer: L4
#   inputs: [terraform-plan, terraform]
#   owner: application-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-3
#   - iso-27001-2022:A.8.26
#   - soc2:CC6.1
#   remediation: Change the resource in Terraform and plan again.
package terraform.serverless

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
# title: Function URL without authentication
# description: Everyone on the internet may call the function.
# custom:
#   id: terraform/serverless/function-url
#   severity: high
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:IA-2
#   - iso-27001-2022:A.8.5
#   remediation: Set authorization_type to AWS_IAM.
deny contains finding if {
	some change in tf.of_type("aws_lambda_function_url")
	change.change.after.authorization_type == "NONE"
	finding := tf.finding("terraform/serverless/function-url", change, "authorization_type must not be NONE")
}

# METADATA
# title: Function that any account may call
# description: >-
#   A permission names everyone, or a service without saying for whom that service calls (confused deputy).
# custom:
#   id: terraform/serverless/open-permission
#   severity: high
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:AC-6
#   - soc2:CC6.3
#   remediation: Set source_arn or source_account, or name the principal.
deny contains finding if {
	some change in tf.of_type("aws_lambda_permission")
	permission := change.change.after
	anyones(permission.principal)
	every field in ["event_source_token", "function_url_auth_type", "principal_org_id", "source_account", "source_arn"] {
		tf.off(change, field)
	}
	finding := tf.finding("terraform/serverless/open-permission", change, sprintf("%s may call the function for anyone", [permission.principal]))
}

# What many accounts use.
anyones(principal) if principal == "*"

anyones(principal) if endswith(principal, ".amazonaws.com")

# METADATA
# title: Deprecated runtime
# description: A function runs on what gets no security updates any more.
# custom:
#   id: terraform/serverless/runtime
#   severity: medium
#   controls:
#   - nist-800-53r5:SI-2
#   - nist-800-53r5:SA-22
#   - iso-27001-2022:A.8.8
#   - pci-dss-4.0:6.3.3
#   remediation: Move to a runtime that still gets security updates.
deny contains finding if {
	some change in tf.of_type("aws_lambda_function")
	runtime := change.change.after.runtime
	runtime in data.config.serverless.deprecated_runtimes
	finding := tf.finding("terraform/serverless/runtime", change, sprintf("the runtime %s is deprecated", [runtime]))
}

# METADATA
# title: Secret in the environment
# description: >-
#   A variable of a function holds a password, a token or a key; everyone who may read the function reads it.
# custom:
#   id: terraform/serverless/environment-secret
#   severity: critical
#   controls:
#   - nist-800-53r5:IA-5(7)
#   - iso-27001-2022:A.5.17
#   - pci-dss-4.0:8.6.2
#   - gdpr:32
#   remediation: Keep the secret in Secrets Manager and pass its name.
deny contains finding if {
	some change in tf.of_type("aws_lambda_function")
	some environment in tf.blocks(change, "environment")
	some name, value in environment.variables
	secrets.in_environment(name, value)
	finding := tf.finding("terraform/serverless/environment-secret", change, sprintf("variable %s must not hold a secret", [name]))
}

google_services := {
	"google_cloud_run_service", "google_cloud_run_v2_service", "google_cloudfunctions_function",
	"google_cloudfunctions2_function",
}

# METADATA
# title: Service open to everyone
# description: >-
#   Everyone on the internet may call a service or function of Google Cloud. A public website does that on purpose.
# custom:
#   id: terraform/serverless/public-service
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:AC-14
#   remediation: Name the members that may call it, or put a load balancer with Identity-Aware Proxy in front.
warn contains finding if {
	some change in tf.changes
	[service, kind] := split(change.type, "_iam_")
	service in google_services
	kind in {"binding", "member"}
	some field in ["member", "members"]
	some member in tf.as_list(change.change.after[field])
	member in {"allUsers", "allAuthenticatedUsers"}
	finding := tf.finding("terraform/serverless/public-service", change, sprintf("%s may call the service", [member]))
}
