# METADATA
# title: AWS rights over whole services
# description: >-
#   What a Terraform plan would grant that reaches all that a service keeps: every action of S3, DynamoDB, KMS and the like
#   on every resource, in policies that are JSON and in aws_iam_policy_document. Every action of all services is
#   terraform/iam and terraform/iam_documents.
# related_resources:
# - https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html
# custom:
#   id: terraform/iam_services
#   layer: L2
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: medium
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-6
#   - iso-27001-2022:A.8.2
#   - soc2:CC6.3
#   remediation: List the actions that are needed, or the resources they apply to.
package terraform.iam_services

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
# title: Every action of a service
# description: >-
#   A statement allows every action of a service that keeps data, keys, secrets or machines on every resource, without a
#   condition.
# custom:
#   id: terraform/iam_services/wildcard
#   severity: medium
#   controls:
#   - nist-800-53r5:AC-6
#   - iso-27001-2022:A.8.2
#   remediation: List the actions that are needed, or the resources they apply to.
deny contains finding if {
	some grant in documents.granted
	some service in grants.whole_services(grant.statement)
	grant.holder.policy
	finding := found(grant.change, service)
}

deny contains finding if {
	some grant in documents.written
	some service in grants.whole_services(grant.statement)
	grant.holder[grant.key]
	finding := found(grant.change, service)
}

# METADATA
# title: Managed policy over a whole service
# description: A managed policy of AWS that allows every action of such a service on every resource is attached.
# custom:
#   id: terraform/iam_services/full-access
#   severity: medium
#   controls:
#   - nist-800-53r5:AC-6
#   - iso-27001-2022:A.8.2
#   remediation: Attach a policy that lists the actions and resources the identity needs.
deny contains finding if {
	some rc in tf.changes
	rc.type in {
		"aws_iam_group_policy_attachment", "aws_iam_policy_attachment", "aws_iam_role_policy_attachment",
		"aws_iam_user_policy_attachment",
	}
	name := full_access(rc.change.after.policy_arn)
	rc.change.after.policy_arn
	finding := tf.finding("terraform/iam_services/full-access", rc, sprintf("must not attach %s", [name]))
}

deny contains finding if {
	some rc in tf.of_type("aws_iam_role")
	some number, arn in rc.change.after.managed_policy_arns
	name := full_access(arn)
	rc.change.after.managed_policy_arns[number]
	finding := tf.finding("terraform/iam_services/full-access", rc, sprintf("must not attach %s", [name]))
}

full_access(arn) := name if {
	[_, name] = split(arn, ":aws:policy/")
	name in {
		"AWSBackupFullAccess", "AWSCloudTrail_FullAccess", "AWSOrganizationsFullAccess", "AmazonDynamoDBFullAccess",
		"AmazonEC2FullAccess", "AmazonGuardDutyFullAccess", "AmazonRDSFullAccess", "AmazonRedshiftFullAccess",
		"AmazonS3FullAccess", "AmazonSSMFullAccess", "SecretsManagerReadWrite",
	}
}

found(change, service) := tf.finding(
	"terraform/iam_services/wildcard", change,
	sprintf("must not allow %s:* on every resource", [service]),
)
