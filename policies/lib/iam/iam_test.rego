package lib.iam_test

import data.lib.iam

test_administrators_are_told_in_every_partition if {
	every partition in ["aws", "aws-cn", "aws-us-gov"] {
		iam.administrator(sprintf("arn:%s:iam::aws:policy/AdministratorAccess", [partition])) == "AdministratorAccess"
	}
	iam.administrator("arn:aws:iam::aws:policy/PowerUserAccess") == "PowerUserAccess"
	every arn in [
		"arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::123456789012:policy/AdministratorAccess",
		"arn:aws:iam::aws:policy/AdministratorAccess-Amplify", "arn:aws:iam::aws:policy/job-function/Billing", null, {},
	] {
		not iam.administrator(arn)
	}
}

test_every_action_on_every_resource_is_told if {
	every statement in [
		{"Action": "*", "Resource": "*"}, {"Action": ["s3:GetObject", "*:*"], "Resource": ["*"]},
		{"Action": "**", "Resource": "*"}, {"Action": "*", "Resource": "arn:aws:*:*:*:*"},
		{"Action": "***", "Resource": "arn:aws-cn:*:*:*:*"}, {"Action": "*", "Resource": "arn:*:*:*:*:*"},
		{"Action": "*", "NotResource": "arn:aws:s3:::logs/*"}, {"NotAction": "iam:*", "NotResource": ["arn:aws:s3:::logs/*"]},
		{"NotAction": "iam:*", "Resource": "*"}, {"NotAction": ["iam:*", "organizations:*"], "Resource": ["*"]},
	] {
		iam.everything(statement)
	}
	every statement in [
		{"Action": "s3:*", "Resource": "*"}, {"Action": "*", "Resource": "arn:aws:s3:::web/*"},
		{"Action": "*", "Resource": "arn:aws:s3:*:*:*"}, {"Action": "*", "Resource": "arn:aws:*:*:*:role/*"},
		{"NotAction": "iam:*", "Resource": "arn:aws:s3:::web/*"}, {"Action": "*", "NotResource": "*"},
		{"NotAction": "kms:Decrypt", "Resource": "*", "Principal": {"AWS": "123456789012"}},
	] {
		not iam.everything(statement)
	}
}

test_everyone_is_told if {
	every statement in [
		{"Principal": "*"}, {"Principal": {"AWS": "*"}}, {"Principal": {"AWS": ["123456789012", "*"]}, "Condition": {}},
		{"Principal": "*", "Condition": null}, {"NotPrincipal": {"AWS": "123456789012"}},
	] {
		iam.admits_everyone(statement)
	}
	every statement in [
		{"Principal": {"AWS": "123456789012"}}, {"Principal": {"Service": "ec2.amazonaws.com"}}, {},
		{"Principal": {"AWS": "123456789012"}, "NotPrincipal": {"AWS": "210987654321"}},
		{"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}},
	] {
		not iam.admits_everyone(statement)
	}
}
