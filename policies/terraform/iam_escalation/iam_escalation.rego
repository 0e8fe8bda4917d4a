# METADATA
# title: AWS rights that lead to others
# description: >-
#   What a Terraform plan would grant that lets its holder obtain the rights of another identity, in policies that are JSON.
#   Those of Terraform's own language (aws_iam_policy_document) are terraform/iam_documents.
# related_resources:
# - https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html
# custom:
#   id: terraform/iam_escalation
#   layer: L2
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: critical
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-6(7)
#   - iso-27001-2022:A.8.2
#   - soc2:CC6.3
#   remediation: Name the roles, users or functions the action may be used on, or add a condition.
package terraform.iam_escalation

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

# METADATA
# title: Escalation action on every resource
# description: >-
#   A statement allows such an action on every role, user, group, policy or function, be it of one account, without a
#   condition. Wildcards in the names of actions count.
# custom:
#   id: terraform/iam_escalation/action
#   severity: critical
#   controls:
#   - nist-800-53r5:AC-6(7)
#   - iso-27001-2022:A.8.2
#   remediation: Name the roles, users or functions the action may be used on, or add a condition.
deny contains finding if {
	some grant in documents.granted
	some message in grants.escalations(grant.statement)
	grant.holder.policy
	finding := tf.finding("terraform/iam_escalation/action", grant.change, message)
}
