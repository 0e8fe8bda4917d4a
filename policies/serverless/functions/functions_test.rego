package serverless.functions_test

import data.serverless.functions

template(properties) := {"Resources": {
	"Orders": {"Type": "AWS::Serverless::Function", "Properties": properties},
	"Table": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
}}

denied_ids(doc) := result if {
	findings := functions.deny with input as doc
	result := {finding.id | some finding in findings}
}

test_no_template_is_not_accepted if not functions.allow with input as {}

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

permission(properties) := {
	"Type": "AWS::Lambda::Permission",
	"Properties": object.union({"Action": "lambda:InvokeFunction", "FunctionName": "orders"}, properties),
}

bad := {"AWSTemplateFormatVersion": "2010-09-09", "Transform": "AWS::Serverless-2016-10-31", "Resources": {"Caller": permission({"Principal": "*"}), "Orders": {
	"Type": "AWS::Serverless::Function",
	"Properties": {
		"Handler": "app.handler",
		"Runtime": "python3.8",
		"Timeout": 900,
		"FunctionUrlConfig": {"AuthType": "NONE"},
		"Environment": {"Variables": {"DB_PASSWORD": "hunter2"}},
	},
}}}

good := {"AWSTemplateFormatVersion": "2010-09-09", "Transform": "AWS::Serverless-2016-10-31", "Resources": {"Caller": permission({"Principal": "s3.amazonaws.com", "SourceAccount": "123456789012"}), "Orders": {
	"Type": "AWS::Serverless::Function",
	"Properties": {
		"Handler": "app.handler",
		"Runtime": "python3.13",
		"Timeout": 30,
		"FunctionUrlConfig": {"AuthType": "AWS_IAM"},
		"Environment": {"Variables": {"DB_PASSWORD": "{{resolve:secretsmanager:db}}"}},
	},
}}}

test_bad_template_has_every_finding if {
	found := functions.deny | functions.warn with input as bad
	{finding.id | some finding in found} == {
		"serverless/functions/public-url", "serverless/functions/open-permission", "serverless/functions/runtime",
		"serverless/functions/environment-secret", "serverless/functions/timeout",
	}
}

test_good_template_is_accepted if functions.allow with input as good

with_globals(common, own) := object.union(template(own), {"Globals": {"Function": common}})

test_globals_hold_for_the_functions_of_sam if {
	secret := {"Environment": {"Variables": {"DB_PASSWORD": "hunter2"}}}
	denied_ids(with_globals({"Runtime": "python3.8"}, {})) == {"serverless/functions/runtime"}
	denied_ids(with_globals(secret, {"Environment": {"Variables": {"LOG": "x"}}})) == {"serverless/functions/environment-secret"}
	denied_ids(with_globals({"FunctionUrlConfig": {"AuthType": "NONE"}}, {"FunctionUrlConfig": {"Cors": {}}})) == {"serverless/functions/public-url"}
	count(functions.warn) == 1 with input as with_globals({"Timeout": 900}, {})
	bare := {"Globals": {"Function": {"Runtime": "python3.8"}}, "Resources": {"F": {"Type": "AWS::Serverless::Function"}}}
	denied_ids(bare) == {"serverless/functions/runtime"}
}

test_a_function_counts_before_globals if {
	common := {
		"Runtime": "python3.8", "Timeout": 900, "FunctionUrlConfig": {"AuthType": "NONE"},
		"Environment": {"Variables": {"DB_PASSWORD": "hunter2"}},
	}
	own := {
		"Runtime": "python3.13", "Timeout": 30, "FunctionUrlConfig": {"AuthType": "AWS_IAM"},
		"Environment": {"Variables": {"DB_PASSWORD": "{{resolve:secretsmanager:db}}"}},
	}
	functions.allow with input as with_globals(common, own)
	count(functions.warn) == 0 with input as with_globals(common, own)
	plain := {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {}}}, "Globals": {"Function": common}}
	denied_ids(plain) == set()
}

lone(type, properties) := {"Resources": {"Thing": {"Type": type, "Properties": properties}}}

test_urls_and_permissions_of_lambda_count if {
	denied_ids(lone("AWS::Lambda::Url", {"AuthType": "NONE"})) == {"serverless/functions/public-url"}
	denied_ids(lone("AWS::Lambda::Url", {"AuthType": "AWS_IAM"})) == set()
	denied_ids(lone("AWS::Lambda::Url", {"AuthType": {"Ref": "Auth"}})) == set()
	every principal in ["*", "s3.amazonaws.com"] {
		denied_ids({"Resources": {"P": permission({"Principal": principal})}}) == {"serverless/functions/open-permission"}
	}
	every properties in [
		{"Principal": "*", "PrincipalOrgID": "o-abc"}, {"Principal": "*", "FunctionUrlAuthType": "NONE"},
		{"Principal": "s3.amazonaws.com", "SourceArn": {"Fn::GetAtt": ["Bucket", "Arn"]}},
		{"Principal": "123456789012"}, {"Principal": {"Ref": "Account"}},
	] {
		denied_ids({"Resources": {"P": permission(properties)}}) == set()
	}
}

test_every_service_must_say_for_whom if {
	every principal in ["*", "apigateway.amazonaws.com", "logs.amazonaws.com"] {
		doc := {"Resources": {"P": {"Type": "AWS::Lambda::Permission", "Properties": {"Principal": principal}}}}
		denied := functions.deny with input as doc
		{finding.id | some finding in denied} == {"serverless/functions/open-permission"}
	}
	every principal in ["123456789012", "arn:aws:iam::123456789012:root"] {
		doc := {"Resources": {"P": {"Type": "AWS::Lambda::Permission", "Properties": {"Principal": principal}}}}
		functions.allow with input as doc
	}
}
