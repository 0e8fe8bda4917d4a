package terraform.iam_services_test

import data.lib.terraform_test as plans
import data.terraform.iam_services as services

text(statement) := plans.one("aws_iam_policy", {"policy": json.marshal({"Version": "2012-10-17", "Statement": [statement]})})

document(statement) := plans.plan([object.union(
	plans.change("aws_iam_policy_document", {"statement": [statement]}),
	{"mode": "data", "change": {"actions": ["read"]}},
)])

found(doc) := result if {
	denied := services.deny with input as doc
	result := {finding.msg | some finding in denied}
}

bad := plans.plan([
	plans.change("aws_iam_policy", {"policy": json.marshal({"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
	]})}),
	plans.change("aws_iam_role_policy_attachment", {"policy_arn": "arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess"}),
])

good := text({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::web/*"})

test_bad_policy_is_denied if {
	found(bad) == {
		"aws_iam_policy.x: must not allow s3:* on every resource",
		"aws_iam_role_policy_attachment.x: must not attach AmazonDynamoDBFullAccess",
	}
	not services.allow with input as bad
}

test_good_policy_is_accepted if {
	found(good) == set()
	services.allow with input as good
	not services.allow with input as {}
}

test_each_service_is_told if {
	found(text({"Effect": "Allow", "Action": ["logs:*", "KMS:*", "dynamodb:*"], "Resource": ["arn:aws:s3:::a", "*"]})) == {
		"aws_iam_policy.x: must not allow kms:* on every resource",
		"aws_iam_policy.x: must not allow dynamodb:* on every resource",
	}
	found(document({"actions": ["s3:*"], "resources": ["*"]})) == {"aws_iam_policy_document.x: must not allow s3:* on every resource"}
}

attached(arn) := plans.one("aws_iam_role_policy_attachment", {"policy_arn": arn})

test_managed_policies_are_told if {
	every partition in ["aws", "aws-us-gov"] {
		arn := sprintf("arn:%s:iam::aws:policy/AmazonS3FullAccess", [partition])
		found(attached(arn)) == {"aws_iam_role_policy_attachment.x: must not attach AmazonS3FullAccess"}
		found(plans.one("aws_iam_role", {"managed_policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess", arn]})) == {
			"aws_iam_role.x: must not attach AmazonS3FullAccess",
		}
	}
	every arn in [
		"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "arn:aws:iam::123456789012:policy/AmazonS3FullAccess", null,
	] {
		found(attached(arn)) == set()
	}
}

test_what_reaches_less_is_accepted if {
	every statement in [
		{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}, {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"},
		{"Effect": "Allow", "Action": "cloudwatch:*", "Resource": "*"}, {"Effect": "Allow", "NotAction": "s3:*", "Resource": "arn:aws:s3:::a"},
		{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}},
	] {
		found(text(statement)) == set()
	}
	every statement in [
		{"effect": "Deny", "actions": ["s3:*"], "resources": ["*"]}, {"actions": ["s3:*"], "resources": ["arn:aws:s3:::a/*"]},
	] {
		found(document(statement)) == set()
	}
}
