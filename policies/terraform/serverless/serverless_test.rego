package terraform.serverless_test

import data.lib.terraform_test as plans
import data.terraform.serverless

found(doc) := result if {
	denied := serverless.deny with input as doc
	warned := serverless.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

function(runtime, value) := plans.change("aws_lambda_function", {
	"runtime": runtime,
	"environment": [{"variables": {"DB_PASSWORD": value}}],
})

permission(source) := plans.change("aws_lambda_permission", {"principal": "s3.amazonaws.com", "source_arn": source})

invoker(member) := plans.change("google_cloud_run_v2_service_iam_member", {"role": "roles/run.invoker", "member": member})

bad := plans.plan([
	function("python3.8", "hunter2"),
	plans.change("aws_lambda_function_url", {"authorization_type": "NONE"}),
	permission(null),
	invoker("allUsers"),
])

good := plans.plan([
	function("python3.13", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"),
	plans.change("aws_lambda_function_url", {"authorization_type": "AWS_IAM"}),
	permission("arn:aws:s3:::invoices"),
	invoker("serviceAccount:shop@corp.iam.gserviceaccount.com"),
])

ids := {
	"terraform/serverless/function-url", "terraform/serverless/open-permission",
	"terraform/serverless/runtime", "terraform/serverless/environment-secret", "terraform/serverless/public-service",
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
	serverless.allow with input as good
	not serverless.allow with input as bad
	not serverless.allow with input as {}
}

test_message_names_the_principal if {
	serverless.deny == {{
		"id": "terraform/serverless/open-permission",
		"msg": "aws_lambda_permission.x: s3.amazonaws.com may call the function for anyone",
		"resource": "aws_lambda_permission.x",
	}} with input as plans.plan([permission(null)])
}

test_sources_known_later_are_accepted if {
	change := plans.unknown("aws_lambda_permission", {"principal": "s3.amazonaws.com"}, {"source_arn": true})
	found(plans.plan([change])) == set()
	found(plans.one("aws_lambda_permission", {"principal": "*", "principal_org_id": "o-1"})) == set()
	found(plans.one("aws_lambda_permission", {"principal": "123456789012"})) == set()
}

test_bindings_count if {
	members := {"members": ["user:a@corp.example", "allAuthenticatedUsers"]}
	found(plans.one("google_cloudfunctions2_function_iam_binding", members)) == {"terraform/serverless/public-service"}
}

test_every_service_must_say_for_whom if {
	every principal in ["apigateway.amazonaws.com", "logs.amazonaws.com", "*"] {
		found(plans.one("aws_lambda_permission", {"principal": principal})) == {"terraform/serverless/open-permission"}
		found(plans.one("aws_lambda_permission", {"principal": principal, "source_account": "123456789012"})) == set()
	}
	found(plans.one("aws_lambda_permission", {"principal": "123456789012"})) == set()
	found(plans.one("aws_lambda_permission", {"principal": "alexa.amazonaws.com", "event_source_token": "t"})) == set()
}
