# METADATA
# title: Policy documents of AWS in plans
# description: What plans grant in policies that are JSON, and in those of Terraform's own language.
package lib.policy_documents

import data.lib.iam
import data.lib.terraform as tf

# Where AWS resources carry a policy document, as JSON text. The text is "holder.policy".
texts contains {"change": rc, "holder": rc.change.after} if {
	some rc in tf.changes
	rc.type in {
		"aws_iam_policy", "aws_iam_role_policy", "aws_iam_user_policy", "aws_iam_group_policy",
		"aws_ecr_repository_policy", "aws_efs_file_system_policy", "aws_kms_key", "aws_kms_key_policy",
		"aws_s3_bucket", "aws_s3_bucket_policy", "aws_secretsmanager_secret", "aws_secretsmanager_secret_policy",
		"aws_sns_topic", "aws_sns_topic_policy", "aws_sqs_queue", "aws_sqs_queue_policy",
	}
}

texts contains {"change": rc, "holder": block} if {
	some rc in tf.of_type("aws_iam_role")
	some block in tf.blocks(rc, "inline_policy")
}

granted contains {"change": text.change, "holder": text.holder, "statement": statement} if {
	some text in texts
	document := json.unmarshal(text.holder.policy)
	some statement in iam.as_list(document.Statement)
	statement.Effect == "Allow"
}

# What is granted in Terraform's own language.
written contains {"change": change, "holder": block, "key": key, "statement": judged(block)} if {
	is_array(input.resource_changes)
	some change in input.resource_changes
	change.type == "aws_iam_policy_document"
	some block in tf.blocks(change, "statement")
	object.get(block, "effect", "Allow") != "Deny"
	some key in ["actions", "not_actions"]
	count(block[key]) > 0
}

# A statement as one of a policy's JSON.
judged(block) := {element: value |
	some element, field in {
		"Action": "actions", "Condition": "condition", "NotAction": "not_actions", "NotPrincipal": "not_principals",
		"NotResource": "not_resources", "Principal": "principals", "Resource": "resources",
	}
	count(block[field]) > 0
	value := member(field, block[field])
}

member(field, value) := value if field != "principals"

member("principals", blocks) := {"AWS": [identifier |
	some principal in blocks
	principal.type in {"*", "AWS"}
	some identifier in principal.identifiers
]}
