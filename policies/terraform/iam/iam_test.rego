package terraform.iam_test

import data.terraform.iam

plan(type, after) := {"resource_changes": [{
	"address": sprintf("%s.x", [type]),
	"mode": "managed",
	"type": type,
	"change": {"actions": ["create"], "after": after},
}]}

document(statement) := json.marshal({"Version": "2012-10-17", "Statement": [statement]})

grants(action, resource) := plan("aws_iam_policy", {"policy": document({
	"Effect": "Allow",
	"Action": action,
	"Resource": resource,
})})

denied_ids(doc) := result if {
	findings := iam.deny with input as doc
	result := {finding.id | some finding in findings}
}

test_narrow_grant_is_accepted if {
	iam.allow with input as grants(["s3:GetObject"], "arn:aws:s3:::corp-web/*")
}

test_no_plan_is_not_accepted if not iam.allow with input as {}

test_administrator_policy_is_denied if {
	doc := plan("aws_iam_role_policy_attachment", {"policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"})
	denied_ids(doc) == {"terraform/iam/administrator"}
}

test_other_managed_policy_is_accepted if {
	doc := plan("aws_iam_role_policy_attachment", {"policy_arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"})
	denied_ids(doc) == set()
}

test_wildcard_is_denied if {
	denied_ids(grants("*", "*")) == {"terraform/iam/wildcard"}
	denied_ids(grants(["s3:GetObject", "*"], ["*"])) == {"terraform/iam/wildcard"}
}

test_statement_that_is_no_list_counts if {
	text := json.marshal({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
	denied_ids(plan("aws_iam_role_policy", {"policy": text})) == {"terraform/iam/wildcard"}
}

test_denying_statement_is_accepted if {
	text := document({"Effect": "Deny", "Action": "*", "Resource": "*"})
	iam.allow with input as plan("aws_iam_policy", {"policy": text})
}

trust(principal) := plan("aws_iam_role", {"assume_role_policy": document({
	"Effect": "Allow",
	"Principal": principal,
	"Action": "sts:AssumeRole",
})})

test_open_trust_is_denied if {
	denied_ids(trust("*")) == {"terraform/iam/open-trust"}
	denied_ids(trust({"AWS": "*"})) == {"terraform/iam/open-trust"}
	denied_ids(trust({"AWS": ["arn:aws:iam::123456789012:root", "*"]})) == {"terraform/iam/open-trust"}
}

test_named_trust_is_accepted if {
	denied_ids(trust({"Service": "ec2.amazonaws.com"})) == set()
}

test_open_resource_policy_is_denied if {
	text := document({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"})
	denied_ids(plan("aws_s3_bucket_policy", {"policy": text})) == {"terraform/iam/open-resource-policy"}
}

test_access_key_is_denied if {
	denied_ids(plan("aws_iam_access_key", {"user": "ci"})) == {"terraform/iam/access-key"}
}

test_unreadable_document_is_denied if {
	denied_ids(plan("aws_iam_policy", {"policy": "{"})) == {"terraform/iam/unreadable"}
	denied_ids(plan("aws_iam_role", {"assume_role_policy": "no"})) == {"terraform/iam/unreadable"}
}

changes(entries) := {"format_version": "1.2", "resource_changes": [entry |
	some kind, after in entries
	entry := {"address": sprintf("%s.x", [kind]), "mode": "managed", "type": kind, "change": {"actions": ["create"], "after": after}}
]}

everything := {"Effect": "Allow", "Action": "*", "Resource": "*"}

bad := changes({
	"aws_iam_access_key": {"user": "deploy"},
	"aws_iam_group_policy": {"policy": "{ not json"},
	"aws_iam_policy": {"policy": document(everything)},
	"aws_iam_role": {"assume_role_policy": document({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"})},
	"aws_iam_role_policy": {"policy": document({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"})},
	"aws_iam_role_policy_attachment": {"policy_arn": "arn:aws:iam::aws:policy/AdministratorAccess"},
	"aws_s3_bucket_policy": {"policy": document({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::web/*"})},
})

good := changes({
	"aws_iam_policy": {"policy": document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::web/*"})},
	"aws_iam_role": {"assume_role_policy": document({
		"Effect": "Allow",
		"Principal": {"Service": "ec2.amazonaws.com"},
		"Action": "sts:AssumeRole",
	})},
	"aws_iam_role_policy_attachment": {"policy_arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
})

test_bad_plan_has_every_finding if {
	denied_ids(bad) == {
		"terraform/iam/administrator", "terraform/iam/wildcard", "terraform/iam/open-trust",
		"terraform/iam/open-resource-policy", "terraform/iam/access-key", "terraform/iam/unreadable",
	}
}

test_good_plan_is_accepted if iam.allow with input as good

partitions := ["aws", "aws-cn", "aws-us-gov"]

test_administrator_is_told_wherever_it_is_attached if {
	every partition in partitions {
		arn := sprintf("arn:%s:iam::aws:policy/AdministratorAccess", [partition])
		every type, after in {
			"aws_iam_role_policy_attachment": {"policy_arn": arn},
			"aws_iam_policy_attachment": {"policy_arn": arn},
			"aws_ssoadmin_managed_policy_attachment": {"managed_policy_arn": arn},
			"aws_iam_role": {"managed_policy_arns": ["arn:aws:iam::aws:policy/ReadOnlyAccess", arn]},
			"aws_iam_role_policy_attachments_exclusive": {"policy_arns": [arn]},
		} {
			denied_ids(plan(type, after)) == {"terraform/iam/administrator"}
		}
	}
	denied_ids(plan("aws_iam_role", {"managed_policy_arns": ["arn:aws:iam::123456789012:policy/AdministratorAccess"]})) == set()
	denied_ids(plan("aws_iam_role", {"managed_policy_arns": null})) == set()
}

inline(text) := plan("aws_iam_role", {"inline_policy": [{"name": "x", "policy": text}]})

test_inline_policies_are_read if {
	denied_ids(inline(document(everything))) == {"terraform/iam/wildcard"}
	denied_ids(inline("{")) == {"terraform/iam/unreadable"}
	denied_ids(inline(document({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::web/*"}))) == set()
	denied_ids(plan("aws_iam_role", {"inline_policy": [{}]})) == set()
}

test_all_but_some_actions_is_a_wildcard if {
	but := {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
	denied_ids(plan("aws_iam_policy", {"policy": document(but)})) == {"terraform/iam/wildcard"}
	denied_ids(plan("aws_iam_policy", {"policy": document(object.union(but, {"Effect": "Deny"}))})) == set()
	denied_ids(plan("aws_iam_policy", {"policy": document(object.union(but, {"Resource": "arn:aws:s3:::web"}))})) == set()
}

test_policies_of_more_resources_are_read if {
	open := document({"Effect": "Allow", "Action": "ecr:*", "Resource": "*", "Principal": "*"})
	every type in [
		"aws_ecr_repository_policy", "aws_kms_key_policy", "aws_s3_bucket", "aws_secretsmanager_secret",
		"aws_secretsmanager_secret_policy", "aws_sns_topic", "aws_sqs_queue", "aws_sqs_queue_policy",
	] {
		denied_ids(plan(type, {"policy": open})) == {"terraform/iam/open-resource-policy"}
	}
}
