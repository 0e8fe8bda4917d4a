package terraform.gcp_data_test

import data.lib.terraform_test as plans
import data.terraform.gcp_data as gcp

found(doc) := result if {
	denied := gcp.deny with input as doc
	result := {finding.id | some finding in denied}
}

database(network, mode, backups) := plans.change("google_sql_database_instance", {
	"master_instance_name": null,
	"settings": [{
		"backup_configuration": backups,
		"ip_configuration": [{"authorized_networks": [{"value": network}], "ssl_mode": mode}],
	}],
})

bad := plans.plan([
	plans.change("google_storage_bucket", {"uniform_bucket_level_access": false}),
	plans.change("google_storage_bucket_iam_member", {"role": "roles/storage.objectViewer", "member": "allUsers"}),
	plans.change("google_kms_crypto_key", {"purpose": "ENCRYPT_DECRYPT", "rotation_period": null}),
	database("0.0.0.0/0", "ALLOW_UNENCRYPTED_AND_ENCRYPTED", []),
])

good := plans.plan([
	plans.change("google_storage_bucket", {"uniform_bucket_level_access": true}),
	plans.change("google_storage_bucket_iam_member", {"role": "roles/storage.objectViewer", "member": "group:team@corp.example"}),
	plans.change("google_kms_crypto_key", {"purpose": "ENCRYPT_DECRYPT", "rotation_period": "7776000s"}),
	database("192.0.2.0/24", "ENCRYPTED_ONLY", [{"enabled": true}]),
])

ids := {
	"terraform/gcp_data/public", "terraform/gcp_data/uniform-access", "terraform/gcp_data/open-database",
	"terraform/gcp_data/database-tls", "terraform/gcp_data/database-backup", "terraform/gcp_data/key-rotation",
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
	gcp.allow with input as good
	not gcp.allow with input as bad
	not gcp.allow with input as {}
}

test_message_names_the_member if {
	gcp.deny == {{
		"id": "terraform/gcp_data/public",
		"msg": "google_secret_manager_secret_iam_binding.x: allAuthenticatedUsers must have no role",
		"resource": "google_secret_manager_secret_iam_binding.x",
	}} with input as plans.one("google_secret_manager_secret_iam_binding", {"members": ["user:a@corp.example", "allAuthenticatedUsers"]})
}

test_public_datasets_count if {
	access := {"access": [{"role": "READER", "special_group": "allAuthenticatedUsers"}]}
	found(plans.one("google_bigquery_dataset", access)) == {"terraform/gcp_data/public"}
	found(plans.one("google_bigquery_dataset", {"access": [{"role": "OWNER", "special_group": "projectOwners"}]})) == set()
}

test_public_services_are_no_data if {
	found(plans.one("google_cloud_run_service_iam_member", {"member": "allUsers"})) == set()
}

test_replicas_are_not_backed_up if {
	replica := {"master_instance_name": "main", "settings": [{"backup_configuration": []}]}
	found(plans.one("google_sql_database_instance", replica)) == set()
}

test_keys_that_sign_are_not_rotated if {
	found(plans.one("google_kms_crypto_key", {"purpose": "ASYMMETRIC_SIGN", "rotation_period": null})) == set()
	found(plans.one("google_kms_crypto_key", {"rotation_period": "31536000s"})) == {"terraform/gcp_data/key-rotation"}
	found(plans.later("google_kms_crypto_key", ["rotation_period"])) == set()
}

test_lists_of_buckets_count if {
	public := {"terraform/gcp_data/public"}
	found(plans.one("google_storage_bucket_access_control", {"entity": "allUsers", "role": "READER"})) == public
	found(plans.one("google_storage_default_object_acl", {"role_entity": ["OWNER:user-a@corp.example", "READER:allUsers"]})) == public
	found(plans.one("google_storage_bucket_acl", {"predefined_acl": "publicReadWrite"})) == public
	found(plans.one("google_storage_bucket_acl", {"predefined_acl": "private", "role_entity": ["OWNER:user-a@corp.example"]})) == set()
}

backed_up := {"backup_configuration": [{"enabled": true}]}

configured(config) := plans.one("google_sql_database_instance", {"settings": [object.union(backed_up, config)]})

test_databases_demand_no_tls_unless_told if {
	bare := {"terraform/gcp_data/database-tls"}
	found(configured({})) == bare
	found(configured({"ip_configuration": [{"ipv4_enabled": true}]})) == bare
	found(configured({"ip_configuration": [{"require_ssl": true}]})) == set()
	found(configured({"ip_configuration": [{"ssl_mode": "ENCRYPTED_ONLY"}]})) == set()
	every later in [{"ip_configuration": true}, {"ip_configuration": [{"ssl_mode": true}]}] {
		found(plans.plan([plans.unknown("google_sql_database_instance", {"settings": [backed_up]}, {"settings": [later]})])) == set()
	}
}

test_half_of_all_networks_is_the_world if {
	found(plans.plan([database("128.0.0.0/1", "ENCRYPTED_ONLY", [{"enabled": true}])])) == {"terraform/gcp_data/open-database"}
}
