package serverless.function_roles_test

import data.serverless.function_roles

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
	findings := function_roles.deny with input as doc
	result := {finding.id | some finding in findings}
}

arn := "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"

test_narrow_function_is_accepted if function_roles.allow with input as statement(["dynamodb:GetItem"], arn)

test_no_template_is_not_accepted if not function_roles.allow with input as {}

bad := {"AWSTemplateFormatVersion": "2010-09-09", "Transform": "AWS::Serverless-2016-10-31", "Resources": {"Orders": {
	"Type": "AWS::Serverless::Function",
	"Properties": {
		"Handler": "app.handler",
		"Runtime": "python3.13",
		"Policies": ["AmazonS3FullAccess", {"Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]}],
	},
}}}

good := {"AWSTemplateFormatVersion": "2010-09-09", "Transform": "AWS::Serverless-2016-10-31", "Resources": {"Orders": {
	"Type": "AWS::Serverless::Function",
	"Properties": {
		"Handler": "app.handler",
		"Runtime": "python3.13",
		"Policies": [{"Statement": [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": arn}]}],
	},
}}}

test_bad_template_has_every_finding if {
	denied_ids(bad) == {
		"serverless/function_roles/wildcard-action", "serverless/function_roles/wildcard-resource",
		"serverless/function_roles/managed-policy",
	}
}

test_good_template_is_accepted if function_roles.allow with input as good

test_wildcard_action_is_denied if {
	denied_ids(statement("dynamodb:*", arn)) == {"serverless/function_roles/wildcard-action"}
	denied_ids(statement(["s3:GetObject", "s3:Put*"], arn)) == {"serverless/function_roles/wildcard-action"}
}

test_wildcard_resource_is_denied if {
	denied_ids(statement("dynamodb:GetItem", "*")) == {"serverless/function_roles/wildcard-resource"}
	denied_ids(statement("dynamodb:GetItem", [arn, "*"])) == {"serverless/function_roles/wildcard-resource"}
}

test_managed_policy_is_denied if {
	denied_ids(template({"Policies": ["AmazonS3FullAccess"]})) == {"serverless/function_roles/managed-policy"}
	denied_ids(template({"Policies": ["AWSLambdaBasicExecutionRole"]})) == set()
}

test_one_policy_needs_no_list if {
	denied_ids(template({"Policies": "AmazonS3FullAccess"})) == {"serverless/function_roles/managed-policy"}
	one := {"Statement": {"Effect": "Allow", "Action": "dynamodb:*", "Resource": arn}}
	denied_ids(template({"Policies": one})) == {"serverless/function_roles/wildcard-action"}
}

test_actions_without_resources_need_every_one if {
	denied_ids(statement(["xray:PutTraceSegments", "xray:PutTelemetryRecords", "cloudwatch:PutMetricData"], "*")) == set()
	denied_ids(statement("ec2:DescribeNetworkInterfaces", "*")) == set()
	denied_ids(statement(["xray:PutTraceSegments", "s3:GetObject"], "*")) == {"serverless/function_roles/wildcard-resource"}
	denied_ids(statement([], "*")) == {"serverless/function_roles/wildcard-resource"}
}

test_all_but_some_actions_is_a_wildcard if {
	but := {"Statement": {"Effect": "Allow", "NotAction": "iam:*", "Resource": arn}}
	denied_ids(template({"Policies": but})) == {"serverless/function_roles/wildcard-action"}
}

test_administrators_policies_are_broad if {
	every policy in [
		"AdministratorAccess", "arn:aws-cn:iam::aws:policy/PowerUserAccess",
		{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess"},
	] {
		denied_ids(template({"Policies": [policy]})) == {"serverless/function_roles/managed-policy"}
	}
	denied_ids(template({"Policies": [{"S3ReadPolicy": {"BucketName": "web"}}]})) == set()
}

test_wildcards_within_names_count if {
	every action in ["s3:*Object", "s3:Get?bject", "s3:Get*", "*"] {
		policy := {"Statement": [{"Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::web/*"}]}
		doc := {"Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": {"Policies": [policy]}}}}
		denied := function_roles.deny with input as doc
		{finding.id | some finding in denied} == {"serverless/function_roles/wildcard-action"}
	}
}
