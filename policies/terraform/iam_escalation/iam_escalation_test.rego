package terraform.iam_escalation_test

import data.lib.terraform_test as plans
import data.terraform.iam_escalation as escalation

plan(type, after) := plans.one(type, after)

document(statement) := json.marshal({"Version": "2012-10-17", "Statement": [statement]})

grants(action, resource) := plan("aws_iam_policy", {"policy": document({
	"Effect": "Allow",
	"Action": action,
	"Resource": resource,
})})

denied_ids(doc) := result if {
	findings := escalation.deny with input as doc
	result := {finding.id | some finding in findings}
}

is_told(doc) if denied_ids(doc) == {"terraform/iam_escalation/action"}

bad := grants("iam:Pass*", "*")

good := grants("iam:PassRole", "arn:aws:iam::123456789012:role/web")

test_bad_policy_is_denied if {
	is_told(bad)
	not escalation.allow with input as bad
}

test_good_policy_is_accepted if {
	denied_ids(good) == set()
	escalation.allow with input as good
	not escalation.allow with input as {}
}

test_escalation_action_is_denied if {
	denied_ids(grants(["iam:PassRole"], "*")) == {"terraform/iam_escalation/action"}
}

test_escalation_message_names_pattern_and_action if {
	escalation.deny == {{
		"id": "terraform/iam_escalation/action",
		"msg": "aws_iam_policy.x: lambda:UpdateFunctionCod? on every resource allows privilege escalation through lambda:updatefunctioncode",
		"resource": "aws_iam_policy.x",
	}} with input as grants("lambda:UpdateFunctionCod?", "*")
}

test_service_wildcard_covers_escalation if {
	count(escalation.deny) == 16 with input as grants("iam:*", "*")
}

test_escalation_on_named_role_is_accepted if {
	denied_ids(grants("iam:PassRole", "arn:aws:iam::123456789012:role/web")) == set()
}

test_condition_limits_escalation if {
	text := document({
		"Effect": "Allow",
		"Action": "iam:PassRole",
		"Resource": "*",
		"Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
	})
	escalation.allow with input as plan("aws_iam_policy", {"policy": text})
}

test_wildcards_in_names_count if {
	every pattern in ["iam:*Role", "iam:PassRol?", "iam:?assRole", "IAM:*USER*", "iam:Put*Policy", "sts:*", "lambda:Update*"] {
		is_told(grants(pattern, "*"))
	}
	every pattern in ["iam:Get*", "iam:List*", "*:Describe", "s3:*", "iam:PassRole2", "?am:GetRole"] {
		denied_ids(grants(pattern, "*")) == set()
	}
}

test_every_one_of_a_kind_counts if {
	every resource in [
		"*", "**", "arn:aws:iam::123456789012:role/*", "arn:aws:iam::*:role/*", "arn:aws:iam::123456789012:*",
		"arn:aws:*:*:*:*", "arn:aws:iam*", "arn:aws:iam::*:r*", "arn:aws:iam::1:role**", "arn:*:*:*:*:role/*", ["arn:aws:iam::123456789012:role/web", "*"],
	] {
		is_told(grants("iam:PassRole", resource))
	}
	every resource in [
		"arn:aws:iam::123456789012:role/web", "arn:aws:iam::123456789012:role/app/*", "arn:aws:iam::1:role/web-*",
		"arn:aws:iam::*:role/app-*", "arn:aws:iam::*:role/*-app", "arn:aws:iam::*:role/*/app-*", "arn:aws:iam::1:user/*", "arn:aws:s3:::*",
		"arn:aws:lambda:*:*:*", "arn:aws:logs:*:*:*", "arn:aws:iam::1:role/",
	] {
		denied_ids(grants("iam:PassRole", resource)) == set()
	}
	is_told(plan("aws_iam_policy", {"policy": document({"Effect": "Allow", "Action": "iam:PassRole", "NotResource": "arn:aws:iam::1:role/web"})}))
}

test_empty_conditions_limit_nothing if {
	every condition in [{}, null] {
		text := document({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": condition})
		is_told(plan("aws_iam_policy", {"policy": text}))
	}
}

test_every_place_of_a_policy_counts if {
	text := document({"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"})
	every type in ["aws_iam_role_policy", "aws_iam_user_policy", "aws_iam_group_policy"] {
		is_told(plan(type, {"policy": text}))
	}
	is_told(plan("aws_iam_role", {"inline_policy": [{"name": "x", "policy": text}]}))
}

test_functions_by_name_are_accepted if {
	every resource in ["function:shop", "function:shop:*", "function:shop-*", "function:*:prod", "event-source-mapping:*"] {
		denied_ids(grants("lambda:*", sprintf("arn:aws:lambda:eu-west-1:123456789012:%s", [resource]))) == set()
	}
	every resource in ["function:*", "*", "func*"] {
		is_told(grants("lambda:*", sprintf("arn:aws:lambda:*:123456789012:%s", [resource])))
	}
	denied_ids(grants(["lambda:UpdateFunctionCode", "logs:PutLogEvents"], ["arn:aws:lambda:*:1:function:shop", "arn:aws:logs:*:*:*"])) == set()
}

through(pattern) := {split(finding.msg, " through ")[1] | some finding in escalation.deny with input as grants(pattern, "*")}

test_every_piece_of_a_pattern_counts if {
	through("iam:*Policy*") == {
		"iam:attachgrouppolicy", "iam:attachrolepolicy", "iam:attachuserpolicy", "iam:createpolicyversion", "iam:putgrouppolicy",
		"iam:putrolepolicy", "iam:putuserpolicy", "iam:setdefaultpolicyversion", "iam:updateassumerolepolicy",
	}
	through("iam:*Role*Boundary") == {"iam:deleterolepermissionsboundary"}
	through("iam:*Login*e") == {"iam:createloginprofile", "iam:updateloginprofile"}
	every pattern in ["iam:*Tag*", "iam:*MFA*Device", "iam:*Instance*Profile*", "iam:Pass?", "iam:PassRolePassRole*", "iam:Pass*PassRole"] {
		through(pattern) == set()
	}
}

test_resources_of_one_kind_lead_to_its_actions if {
	of_users := {split(finding.msg, " through ")[1] | some finding in escalation.deny with input as grants("iam:*", "arn:aws:iam::1:user/*")}
	of_users == {
		"iam:attachuserpolicy", "iam:createaccesskey", "iam:createloginprofile", "iam:deleteuserpermissionsboundary",
		"iam:putuserpolicy", "iam:updateloginprofile",
	}
}
