# METADATA
# title: AWS policy documents in Terraform
# description: >-
#   What aws_iam_policy_document grants, which has the statements of a policy in Terraform's own language. Policies as JSON
#   are terraform/iam. A plan has such a data source only as long as something of it is not known; then its JSON is judged.
# related_resources:
# - https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document
# custom:
#   id: terraform/iam_documents
#   layer: L2
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: critical
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-6
#   - cis-aws-3.0:1.16
#   - iso-27001-2022:A.8.2
#   - soc2:CC6.3
#   remediation: Grant the actions that are needed on the resources that are needed.
package terraform.iam_documents

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
# title: Every action on every resource
# description: A statement allows every action, or every action but some (not_actions), on every resource.
# custom:
#   id: terraform/iam_documents/wildcard
#   severity: critical
#   controls:
#   - cis-aws-3.0:1.16
#   - nist-800-53r5:AC-6
#   remediation: List the actions, and the resources they apply to.
deny contains finding if {
	some grant in documents.written
	grants.everything(grant.statement)
	grant.holder[grant.key]
	finding := tf.finding("terraform/iam_documents/wildcard", grant.change, "must not allow every action on every resource")
}

# METADATA
# title: Open to everyone
# description: A statement admits every principal, or every one but some, without a condition.
# custom:
#   id: terraform/iam_documents/open
#   severity: critical
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:IA-2
#   - gdpr:32
#   - soc2:CC6.1
#   remediation: Name the principals, or add a condition that limits them.
deny contains finding if {
	some grant in documents.written
	grants.admits_everyone(grant.statement)
	grant.holder[grant.key]
	finding := tf.finding("terraform/iam_documents/open", grant.change, "the document admits every principal")
}

# METADATA
# title: Escalation action on every resource
# description: >-
#   A statement allows an action that leads to the rights of another identity on every role, user, group, policy or
#   function, be it of one account, without a condition. Wildcards in the names of actions count.
# custom:
#   id: terraform/iam_documents/escalation
#   severity: critical
#   controls:
#   - nist-800-53r5:AC-6(7)
#   - iso-27001-2022:A.8.2
#   remediation: Name the roles, users or functions the action may be used on, or add a condition.
deny contains finding if {
	some grant in documents.written
	some message in grants.escalations(grant.statement)
	grant.holder[grant.key]
	finding := tf.finding("terraform/iam_documents/escalation", grant.change, message)
}
