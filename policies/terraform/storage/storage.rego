# METADATA
# title: AWS data protection
# description: >-
#   Data of AWS in a Terraform plan that is not encrypted, not backed up, or gone with one command.
# custom:
#   id: terraform/storage
#   layer: L6
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-28
#   - iso-27001-2022:A.8.13
#   - soc2:CC6.1
#   remediation: Change the resource in Terraform and plan again.
package terraform.storage

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
# title: Unencrypted store
# description: >-
#   A file system, cache, warehouse, stream or search domain keeps its data unencrypted, which is its default.
# custom:
#   id: terraform/storage/unencrypted
#   severity: high
#   controls:
#   - nist-800-53r5:SC-28
#   - cis-aws-3.0:2.4.1
#   - iso-27001-2022:A.8.24
#   - hipaa:164.312(a)(2)(iv)
#   - gdpr:32
#   remediation: Switch encryption at rest on.
deny contains finding if {
	some type, field in {
		"aws_efs_file_system": "encrypted",
		"aws_elasticache_replication_group": "at_rest_encryption_enabled",
		"aws_neptune_cluster": "storage_encrypted",
		"aws_redshift_cluster": "encrypted",
		"aws_docdb_cluster": "storage_encrypted",
	}
	some change in tf.of_type(type)
	tf.off(change, field)
	finding := tf.finding("terraform/storage/unencrypted", change, sprintf("%s must be true", [field]))
}

deny contains finding if {
	some change in tf.of_type("aws_kinesis_stream")
	tf.known(change, "encryption_type")
	object.get(change.change.after, "encryption_type", "NONE") in {"NONE", null}
	finding := tf.finding("terraform/storage/unencrypted", change, "encryption_type must be KMS")
}

deny contains finding if {
	some change in tf.of_types({"aws_elasticsearch_domain", "aws_opensearch_domain"})
	tf.known(change, "encrypt_at_rest")
	count([block | some block in tf.blocks(change, "encrypt_at_rest"); not tf.is_false(object.get(block, "enabled", true))]) == 0
	finding := tf.finding("terraform/storage/unencrypted", change, "encrypt_at_rest.enabled must be true")
}

# METADATA
# title: Database without backups
# description: >-
#   A database keeps backups for less than a week, or none. Clusters keep them for a day when nothing is said. Replicas are backed up at their source.
# custom:
#   id: terraform/storage/backup
#   severity: medium
#   controls:
#   - nist-800-53r5:CP-9
#   - iso-27001-2022:A.8.13
#   - soc2:A1.2
#   remediation: Set backup_retention_period to 7 or more.
deny contains finding if {
	some change in tf.of_types({"aws_db_instance", "aws_docdb_cluster", "aws_neptune_cluster", "aws_rds_cluster"})
	tf.off(change, "replicate_source_db")
	tf.known(change, "backup_retention_period")
	said := tf.number(object.get(change.change.after, "backup_retention_period", 0))
	days := max([said, object.get({"aws_db_instance": 0}, change.type, 1)])
	days < data.config.terraform.min_backup_days
	finding := tf.finding("terraform/storage/backup", change, sprintf("backups are kept for %v days", [days]))
}

# METADATA
# title: Table without recovery
# description: A DynamoDB table can't be restored to a point in time.
# custom:
#   id: terraform/storage/recovery
#   severity: medium
#   controls:
#   - nist-800-53r5:CP-9
#   - nist-800-53r5:CP-10
#   - iso-27001-2022:A.8.13
#   - soc2:A1.2
#   remediation: Set point_in_time_recovery.enabled to true.
deny contains finding if {
	some change in tf.of_type("aws_dynamodb_table")
	count([block | some block in tf.blocks(change, "point_in_time_recovery"); tf.is_true(block.enabled)]) == 0
	finding := tf.finding("terraform/storage/recovery", change, "point_in_time_recovery must be enabled")
}

# METADATA
# title: Key that is not rotated
# description: A symmetric key of KMS is never rotated.
# custom:
#   id: terraform/storage/key-rotation
#   severity: medium
#   controls:
#   - cis-aws-3.0:3.6
#   - nist-800-53r5:SC-12
#   - pci-dss-4.0:3.7.4
#   - iso-27001-2022:A.8.24
#   remediation: Set enable_key_rotation to true.
deny contains finding if {
	some change in tf.of_type("aws_kms_key")
	object.get(change.change.after, "customer_master_key_spec", "SYMMETRIC_DEFAULT") in {"SYMMETRIC_DEFAULT", null}
	object.get(change.change.after, "key_usage", "ENCRYPT_DECRYPT") in {"ENCRYPT_DECRYPT", null}
	tf.off(change, "enable_key_rotation")
	finding := tf.finding("terraform/storage/key-rotation", change, "enable_key_rotation must be true")
}

# METADATA
# title: Bucket without versions
# description: Versioning of a bucket is suspended, so what is overwritten or deleted is gone.
# custom:
#   id: terraform/storage/versioning
#   severity: medium
#   controls:
#   - nist-800-53r5:CP-9
#   - nist-800-53r5:SI-7
#   - iso-27001-2022:A.8.13
#   remediation: Set versioning_configuration.status to Enabled.
deny contains finding if {
	some change in tf.of_type("aws_s3_bucket_versioning")
	some block in tf.blocks(change, "versioning_configuration")
	block.status != "Enabled"
	finding := tf.finding("terraform/storage/versioning", change, sprintf("versioning must be Enabled, not %s", [block.status]))
}

# METADATA
# title: Warehouse or copy open to everyone
# description: >-
#   A warehouse or broker has a public address, or a machine image or snapshot is shared with all accounts.
# custom:
#   id: terraform/storage/public-warehouse
#   severity: critical
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:SC-7
#   - pci-dss-4.0:1.4.4
#   - gdpr:32
#   remediation: Set publicly_accessible to false, and share with accounts that you name.
deny contains finding if {
	some change in tf.of_types({"aws_ami_launch_permission", "aws_dms_replication_instance", "aws_mq_broker", "aws_redshift_cluster", "aws_redshiftserverless_workgroup"})
	some field, open in {"group": {"all"}, "publicly_accessible": {"1", "true"}}
	value := change.change.after[field]
	lower(tf.text(value)) in open
	finding := tf.finding("terraform/storage/public-warehouse", change, sprintf("%s must not be %v", [field, value]))
}

deny contains finding if {
	some change in tf.of_types({"aws_db_cluster_snapshot", "aws_db_snapshot"})
	"all" in change.change.after.shared_accounts
	finding := tf.finding("terraform/storage/public-warehouse", change, "shared_accounts must not have all")
}

# METADATA
# title: Database that one command deletes
# description: A database has no protection against deletion.
# custom:
#   id: terraform/storage/deletion
#   severity: low
#   enforcement: warn
#   controls:
#   - nist-800-53r5:CP-9
#   - iso-27001-2022:A.8.10
#   remediation: Set deletion_protection to true.
warn contains finding if {
	some change in tf.of_types({"aws_db_instance", "aws_docdb_cluster", "aws_neptune_cluster", "aws_rds_cluster"})
	tf.off(change, "deletion_protection")
	finding := tf.finding("terraform/storage/deletion", change, "deletion_protection should be true")
}
