package terraform.iam_documents_test

import data.lib.terraform_test as plans
import data.terraform.iam_documents as documents

document(statement) := plans.plan([object.union(
	plans.change("aws_iam_policy_document", {"statement": [statement]}),
	{"mode": "data", "change": {"actions": ["read"]}},
)])

found(doc) := result if {
	denied := documents.deny with input as doc
	result := {finding.id | some finding in denied}
}

everyone := [{"type": "*", "identifiers": ["*"]}]

bad := plans.plan([object.union(
	plans.change("aws_iam_policy_document", {"statement": [
		{"actions": ["*"], "resources": ["*"]},
		{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::web/*"], "principals": everyone},
		{"actions": ["iam:PassRole"], "resources": ["*"]},
	]}),
	{"mode": "data", "change": {"actions": ["read"]}},
)])

good := document({
	"effect": "Allow", "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::web/*"],
	"principals": [{"type": "AWS", "identifiers": ["arn:aws:iam::123456789012:root"]}],
})

test_bad_document_has_every_finding if {
	found(bad) == {"terraform/iam_documents/wildcard", "terraform/iam_documents/open", "terraform/iam_documents/escalation"}
	not documents.allow with input as bad
}

test_good_document_is_accepted if {
	found(good) == set()
	documents.allow with input as good
	not documents.allow with input as {}
}

test_every_way_to_say_everything_counts if {
	every statement in [
		{"actions": ["*"], "resources": ["*"]}, {"effect": "Allow", "actions": ["s3:Get*", "*"], "resources": ["*"]},
		{"not_actions": ["iam:*"], "resources": ["*"]}, {"actions": ["*"], "not_resources": ["arn:aws:s3:::logs"]},
		{"actions": ["*"], "resources": ["*"], "not_actions": null, "principals": []},
	] {
		found(document(statement)) == {"terraform/iam_documents/wildcard"}
	}
	every statement in [
		{"effect": "Deny", "actions": ["*"], "resources": ["*"]}, {"actions": ["s3:*"], "resources": ["*"]},
		{"actions": ["*"], "resources": ["arn:aws:s3:::web"]}, {"resources": ["*"]},
	] {
		found(document(statement)) == set()
	}
}

test_conditions_limit if {
	limit := {"condition": [{"test": "StringEquals", "variable": "aws:PrincipalOrgID", "values": ["o-1"]}]}
	every statement in [
		{"not_principals": everyone, "actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::web/*"]},
		{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::web/*"], "principals": everyone},
	] {
		count(found(document(statement))) == 1
		found(document(object.union(statement, {"condition": []}))) == found(document(statement))
		found(document(object.union(statement, limit))) == set()
	}
}

test_services_and_named_accounts_are_not_everyone if {
	every principals in [
		[{"type": "Service", "identifiers": ["ec2.amazonaws.com"]}], [{"type": "AWS", "identifiers": ["123456789012"]}],
	] {
		found(document({"actions": ["sts:AssumeRole"], "principals": principals})) == set()
	}
	every principals in [[{"type": "AWS", "identifiers": ["*"]}], everyone] {
		found(document({"actions": ["sts:AssumeRole"], "principals": principals})) == {"terraform/iam_documents/open"}
	}
}

test_statements_of_other_resources_are_not_judged if {
	other := plans.change("acme_rules", {"statement": [{"actions": ["*"], "resources": ["*"]}]})
	found(plans.plan([other])) == set()
}

test_message_names_the_document if {
	documents.deny == {{
		"id": "terraform/iam_documents/open",
		"msg": "aws_iam_policy_document.x: the document admits every principal",
		"resource": "aws_iam_policy_document.x",
	}} with input as document({"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::web/*"], "principals": everyone})
}

is_told(doc) if found(doc) == {"terraform/iam_documents/escalation"}

test_escalation_is_denied if {
	is_told(document({"actions": ["s3:GetObject", "iam:PassRole"], "resources": ["*"]}))
	is_told(document({"effect": "Allow", "actions": ["iam:PassRole"], "resources": ["arn:aws:iam::1:role/*"], "condition": []}))
	every statement in [
		{"effect": "Deny", "actions": ["iam:PassRole"], "resources": ["*"]},
		{"actions": ["iam:PassRole"], "resources": ["arn:aws:iam::1:role/web"]},
		{"actions": ["iam:PassRole"], "resources": ["*"], "condition": [{"test": "StringEquals"}]},
	] {
		found(document(statement)) == set()
	}
}
