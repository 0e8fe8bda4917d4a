package terraform.storage_test

import data.lib.terraform_test as plans
import data.terraform.storage

found(doc) := result if {
	denied := storage.deny with input as doc
	warned := storage.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

database(days, protected) := plans.change("aws_db_instance", {
	"backup_retention_period": days,
	"deletion_protection": protected,
	"replicate_source_db": null,
})

recovery(enabled) := plans.change("aws_dynamodb_table", {"point_in_time_recovery": [{"enabled": enabled}]})

versioning(status) := plans.change("aws_s3_bucket_versioning", {"versioning_configuration": [{"status": status}]})

key(rotated) := plans.change("aws_kms_key", {
	"customer_master_key_spec": "SYMMETRIC_DEFAULT",
	"enable_key_rotation": rotated,
	"key_usage": "ENCRYPT_DECRYPT",
})

bad := plans.plan([
	database(0, false),
	recovery(false),
	versioning("Suspended"),
	key(false),
	plans.change("aws_efs_file_system", {"encrypted": null}),
	plans.change("aws_ami_launch_permission", {"group": "all"}),
])

good := plans.plan([
	database(7, true),
	recovery(true),
	versioning("Enabled"),
	key(true),
	plans.change("aws_efs_file_system", {"encrypted": true}),
	plans.change("aws_ami_launch_permission", {"account_id": "123456789012"}),
])

ids := {
	"terraform/storage/unencrypted", "terraform/storage/backup", "terraform/storage/recovery", "terraform/storage/key-rotation",
	"terraform/storage/versioning", "terraform/storage/public-warehouse", "terraform/storage/deletion",
}

test_bad_plan_has_every_finding if found(bad) == ids

test_text_and_numbers_are_converted if {
	every spelled in [plans.as_text(bad), plans.as_numbers(bad)] {
		found(spelled) == found(bad)
	}
	found(plans.as_text(good)) == set()
}

test_good_plan_is_accepted if {
	found(good) == set()
	storage.allow with input as good
	not storage.allow with input as bad
	not storage.allow with input as {}
}

test_message_names_the_days if {
	storage.deny == {{
		"id": "terraform/storage/backup",
		"msg": "aws_db_instance.x: backups are kept for 1 days",
		"resource": "aws_db_instance.x",
	}} with input as plans.plan([database(1, true)])
}

test_days_are_data if {
	count(storage.deny) == 1 with input as plans.plan([database(7, true)])
		with data.config.terraform.min_backup_days as 30
}

test_clusters_keep_a_day_of_backups if {
	every type in ["aws_docdb_cluster", "aws_neptune_cluster", "aws_rds_cluster"] {
		every doc in [{}, {"backup_retention_period": null}, {"backup_retention_period": 1}] {
			told := {finding.msg | some finding in storage.deny; finding.id == "terraform/storage/backup"} with input as plans.one(type, doc)
			told == {sprintf("%s.x: backups are kept for 1 days", [type])}
		}
	}
	none := {finding.msg | some finding in storage.deny; finding.id == "terraform/storage/backup"} with input as plans.one("aws_db_instance", {})
	none == {"aws_db_instance.x: backups are kept for 0 days"}
}

test_replicas_are_backed_up_at_their_source if {
	replica := {"backup_retention_period": 0, "deletion_protection": true, "replicate_source_db": "main"}
	found(plans.one("aws_db_instance", replica)) == set()
}

test_keys_that_sign_are_not_rotated if {
	found(plans.one("aws_kms_key", {"customer_master_key_spec": "RSA_2048", "key_usage": "SIGN_VERIFY"})) == set()
}

test_public_warehouses_are_denied if {
	doc := {"publicly_accessible": true, "encrypted": true}
	found(plans.one("aws_redshift_cluster", doc)) == {"terraform/storage/public-warehouse"}
	found(plans.one("aws_redshift_cluster", {"publicly_accessible": false, "encrypted": "true"})) == set()
}

test_unknown_values_are_not_judged if {
	found(plans.later("aws_efs_file_system", ["encrypted"])) == set()
	found(plans.later("aws_db_instance", ["backup_retention_period", "deletion_protection"])) == set()
}

test_streams_and_search_domains_are_encrypted if {
	unencrypted := {"terraform/storage/unencrypted"}
	every type in ["aws_elasticsearch_domain", "aws_opensearch_domain"] {
		found(plans.one(type, {})) == unencrypted
		found(plans.one(type, {"encrypt_at_rest": [{"enabled": false}]})) == unencrypted
		found(plans.one(type, {"encrypt_at_rest": [{"enabled": true}]})) == set()
		found(plans.later(type, ["encrypt_at_rest"])) == set()
	}
	every type in ["NONE", null] {
		found(plans.one("aws_kinesis_stream", {"encryption_type": type})) == unencrypted
	}
	found(plans.one("aws_kinesis_stream", {})) == unencrypted
	found(plans.one("aws_kinesis_stream", {"encryption_type": "KMS"})) == set()
	found(plans.later("aws_kinesis_stream", ["encryption_type"])) == set()
}

test_snapshots_for_all_accounts_are_public if {
	every type in ["aws_db_cluster_snapshot", "aws_db_snapshot"] {
		found(plans.one(type, {"shared_accounts": ["123456789012", "all"]})) == {"terraform/storage/public-warehouse"}
		found(plans.one(type, {"shared_accounts": ["123456789012"]})) == set()
	}
	found(plans.one("aws_mq_broker", {"publicly_accessible": true})) == {"terraform/storage/public-warehouse"}
}
