package serverless.functions_test

import data.serverless.functions

template(properties) := {"Resources": {
	"Orders": {"Type": "AWS::Serverless::Function", "Properties": properties},
	"Table": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
}}

statement(action, resource) := template({"Policies": [{"Statement": [{
	"Effect": "Allow",
	"Action": action,
	"Resource": resource,
}]}]})

denied_ids(doc) := result if {
	findings := functions.deny with input as doc
	result := {finding.id | some finding in findings}
}

arn := "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"

test_narrow_function_is_accepted if functions.allow with input as statement(["dynamodb:GetItem"], arn)

test_no_template_is_not_accepted if not functions.allow with input as {}

test_wildcard_action_is_denied if {
	denied_ids(statement("dynamodb:*", arn)) == {"serverless/functions/wildcard-action"}
	denied_ids(statement(["s3:GetObject", "s3:Put*"], arn)) == {"serverless/functions/wildcard-action"}
}

test_wildcard_resource_is_denied if {
	denied_ids(statement("dynamodb:GetItem", "*")) == {"serverless/functions/wildcard-resource"}
	denied_ids(statement("dynamodb:GetItem", [arn, "*"])) == {"serverless/functions/wildcard-resource"}
}

test_managed_policy_is_denied if {
	denied_ids(template({"Policies": ["AmazonS3FullAccess"]})) == {"serverless/functions/managed-policy"}
	denied_ids(template({"Policies": ["AWSLambdaBasicExecutionRole"]})) == set()
}

test_public_url_is_denied if {
	denied_ids(template({"FunctionUrlConfig": {"AuthType": "NONE"}})) == {"serverless/functions/public-url"}
	denied_ids(template({"FunctionUrlConfig": {"AuthType": "AWS_IAM"}})) == set()
}

test_deprecated_runtime_is_denied if {
	denied_ids(template({"Runtime": "python3.8"})) == {"serverless/functions/runtime"}
	denied_ids(template({"Runtime": "python3.13"})) == set()
}

environment(name, value) := template({"Environment": {"Variables": {name: value}}})

test_secret_in_environment_is_denied if {
	every name in ["DB_PASSWORD", "ApiKey", "github_token"] {
		denied_ids(environment(name, "hunter2")) == {"serverless/functions/environment-secret"}
	}
}

test_reference_to_secret_is_accepted if {
	denied_ids(environment("DB_PASSWORD", "{{resolve:secretsmanager:db}}")) == set()
	denied_ids(environment("SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db")) == set()
	denied_ids(environment("DB_PASSWORD", {"Ref": "Password"})) == set()
	denied_ids(environment("LOG_LEVEL", "info")) == set()
}

test_long_timeout_warns if {
	count(functions.warn) == 1 with input as template({"Timeout": 900})
	count(functions.warn) == 0 with input as template({"Timeout": 30})
}

test_lambda_functions_count if {
	doc := {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "go1.x"}}}}
	denied_ids(doc) == {"serverless/functions/runtime"}
}

test_one_policy_needs_no_list if {
	denied_ids(template({"Policies": "AmazonS3FullAccess"})) == {"serverless/functions/managed-policy"}
	one := {"Statement": {"Effect": "Allow", "Action": "dynamodb:*", "Resource": arn}}
	denied_ids(template({"Policies": one})) == {"serverless/functions/wildcard-action"}
}

bad := {"AWSTemplateFormatVersion": "2010-09-09", "Transform": "AWS::Serverless-2016-10-31", "Resources": {"Orders": {
	"Type": "AWS::Serverless::Function",
	"Properties": {
		"Handler": "app.handler",
		"Runtime": "python3.8",
		"Timeout": 900,
		"FunctionUrlConfig": {"AuthType": "NONE"},
		"Environment": {"Variables": {"DB_PASSWORD": "hunter2"}},
		"Policies": ["AmazonS3FullAccess", {"Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]}],
	},
}}}

good := {"AWSTemplateFormatVersion": "2010-09-09", "Transform": "AWS::Serverless-2016-10-31", "Resources": {"Orders": {
	"Type": "AWS::Serverless::Function",
	"Properties": {
		"Handler": "app.handler",
		"Runtime": "python3.13",
		"Timeout": 30,
		"FunctionUrlConfig": {"AuthType": "AWS_IAM"},
		"Environment": {"Variables": {"DB_PASSWORD": "{{resolve:secretsmanager:db}}"}},
		"Policies": [{"Statement": [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": arn}]}],
	},
}}}

test_bad_template_has_every_finding if {
	found := functions.deny | functions.warn with input as bad
	{finding.id | some finding in found} == {
		"serverless/functions/wildcard-action", "serverless/functions/wildcard-resource",
		"serverless/functions/managed-policy", "serverless/functions/public-url", "serverless/functions/runtime",
		"serverless/functions/environment-secret", "serverless/functions/timeout",
	}
}

test_good_template_is_accepted if functions.allow with input as good
