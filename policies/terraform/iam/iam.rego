# METADATA
# title: AWS IAM grants
# description: >-
#   What a Terraform plan would grant that makes an identity an administrator, or lets everyone in: administrator policies,
#   wildcards, and trust in everyone. Actions that lead to the rights of others are terraform/iam_escalation, and documents
#   that are written in Terraform's own language terraform/iam_documents.
# related_resources:
# - https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html
# custom:
#   id: terraform/iam
#   layer: L2
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: critical
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-6
#   - nist-800-53r5:AC-2
#   - cis-aws-3.0:1.16
#   - iso-27001-2022:A.8.2
#   - soc2:CC6.3
#   remediation: Grant the actions that are needed on the resources that are needed.
package terraform.iam

import data.lib.iam as grants
import data.lib.policy_documents as documents
import data.lib.terraform as tf

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input that is no plan is not accepted.
allow if {
	is_array(input.resource_changes)
	count(deny) == 0
}

# Where managed policies are attached, one or many.
attached contains {"change": rc, "holder": rc.change.after, "key": key} if {
	some rc in tf.changes
	rc.type in {
		"aws_iam_group_policy_attachment", "aws_iam_policy_attachment", "aws_iam_role_policy_attachment",
		"aws_iam_user_policy_attachment", "aws_ssoadmin_managed_policy_attachment",
	}
	some key in ["managed_policy_arn", "policy_arn"]
}

attached contains {"change": rc, "holder": rc.change.after[field], "key": number} if {
	some rc in tf.changes
	rc.type in {
		"aws_iam_group_policy_attachments_exclusive", "aws_iam_role", "aws_iam_role_policy_attachments_exclusive",
		"aws_iam_user_policy_attachments_exclusive",
	}
	some field in ["managed_policy_arns", "policy_arns"]
	some number, _ in rc.change.after[field]
}

# METADATA
# title: Administrator policy attached
# custom:
#   id: terraform/iam/administrator
#   severity: critical
#   controls:
#   - cis-aws-3.0:1.16
#   - nist-800-53r5:AC-6(5)
#   remediation: Attach a policy that lists the actions the identity needs.
deny contains finding if {
	some entry in attached
	name := grants.administrator(entry.holder[entry.key])
	entry.holder[entry.key]
	finding := tf.finding("terraform/iam/administrator", entry.change, sprintf("must not attach %s", [name]))
}

# METADATA
# title: Every action on every resource
# description: A policy allows every action, or every action but some (NotAction), on every resource.
# custom:
#   id: terraform/iam/wildcard
#   severity: critical
#   controls:
#   - cis-aws-3.0:1.16
#   - nist-800-53r5:AC-6
#   remediation: List the actions, and the resources they apply to.
deny contains finding if {
	some grant in documents.granted
	grants.everything(grant.statement)
	grant.holder.policy
	finding := tf.finding("terraform/iam/wildcard", grant.change, "must not allow every action on every resource")
}

# METADATA
# title: Role that anyone may assume
# custom:
#   id: terraform/iam/open-trust
#   severity: critical
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:IA-2
#   - soc2:CC6.1
#   remediation: Name the accounts, services or federated identities that may assume the role.
deny contains finding if {
	some rc in tf.of_type("aws_iam_role")
	document := json.unmarshal(rc.change.after.assume_role_policy)
	some statement in grants.as_list(document.Statement)
	statement.Effect == "Allow"
	grants.admits_everyone(statement)
	finding := tf.finding("terraform/iam/open-trust", rc, "anyone may assume the role")
}

# METADATA
# title: Resource policy open to everyone
# custom:
#   id: terraform/iam/open-resource-policy
#   severity: critical
#   controls:
#   - nist-800-53r5:AC-3
#   - gdpr:32
#   remediation: Name the principals, or add a condition that limits them.
deny contains finding if {
	some grant in documents.granted
	grants.admits_everyone(grant.statement)
	grant.holder.policy
	finding := tf.finding("terraform/iam/open-resource-policy", grant.change, "the policy admits every principal")
}

# METADATA
# title: Long-lived access key
# custom:
#   id: terraform/iam/access-key
#   severity: high
#   controls:
#   - nist-800-53r5:IA-5
#   - iso-27001-2022:A.5.17
#   remediation: Use a role with short-lived credentials.
deny contains finding if {
	some rc in tf.of_type("aws_iam_access_key")

	# The address is what the rule looks at last, so that findings stand there.
	finding := {
		"id": "terraform/iam/access-key",
		"msg": sprintf("%s: must not create long-lived access keys", [rc.address]),
		"resource": rc.address,
	}
}

# METADATA
# title: Policy document that can't be read
# description: A document that is no JSON can't be judged, so it is not accepted.
# custom:
#   id: terraform/iam/unreadable
#   severity: high
#   controls:
#   - nist-800-53r5:AC-6
#   remediation: Write the document with jsonencode or aws_iam_policy_document.
deny contains finding if {
	some place in json_places
	text := place.holder[place.field]
	is_string(text)
	not json.is_valid(text)
	finding := tf.finding("terraform/iam/unreadable", place.change, sprintf("%s is not valid JSON", [place.field]))
}

json_places contains {"change": rc, "holder": rc.change.after, "field": field} if {
	some rc in tf.changes
	startswith(rc.type, "aws_")
	some field in ["policy", "assume_role_policy"]
}

json_places contains {"change": text.change, "holder": text.holder, "field": "policy"} if some text in documents.texts
