# METADATA
# title: Google Cloud data
# description: Buckets, datasets, keys and databases of Google Cloud in a Terraform plan that are public, unencrypted on the way, or not backed up.
# custom:
#   id: terraform/gcp_data
#   layer: L6
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-3
#   - iso-27001-2022:A.5.23
#   - soc2:CC6.1
#   remediation: Change the resource in Terraform and plan again.
package terraform.gcp_data

import data.lib.networks
import data.lib.terraform as tf

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input that is no plan is not accepted.
allow if {
	is_array(input.resource_changes)
	count(deny) == 0
}

everyone := {"allUsers", "allAuthenticatedUsers"}

# METADATA
# title: Data granted to everyone
# description: Everyone on the internet gets a role on a bucket, a dataset, a key, a secret, a topic or an image repository.
# custom:
#   id: terraform/gcp_data/public
#   severity: critical
#   controls:
#   - cis-gcp-3.0:5.1
#   - cis-gcp-3.0:7.1
#   - nist-800-53r5:AC-3
#   - gdpr:32
#   - pci-dss-4.0:1.4.4
#   remediation: Name the groups or service accounts that need the role.
deny contains finding if {
	some entry in grants
	entry.member in everyone
	finding := tf.finding("terraform/gcp_data/public", entry.change, sprintf("%s must have no role", [entry.member]))
}

granting := {
	"google_artifact_registry_repository", "google_bigquery_dataset", "google_bigquery_table", "google_kms_crypto_key",
	"google_kms_key_ring", "google_pubsub_subscription", "google_pubsub_topic", "google_secret_manager_secret",
	"google_storage_bucket",
}

grants contains {"change": change, "member": member} if {
	some change in tf.changes
	[resource, kind] := split(change.type, "_iam_")
	resource in granting
	kind in {"binding", "member"}
	some field in ["member", "members"]
	some member in tf.as_list(change.change.after[field])
}

grants contains {"change": change, "member": access.special_group} if {
	some change in tf.of_type("google_bigquery_dataset")
	some access in tf.blocks(change, "access")
}

# The lists of buckets and objects, one entry or "ROLE:ENTITY" for each.
grants contains {"change": change, "member": parts[count(parts) - 1]} if {
	some change in tf.of_types({
		"google_storage_bucket_access_control", "google_storage_bucket_acl", "google_storage_default_object_access_control",
		"google_storage_default_object_acl", "google_storage_object_access_control", "google_storage_object_acl",
	})
	some field in ["entity", "role_entity"]
	some entry in tf.as_list(change.change.after[field])
	parts := split(entry, ":")
}

grants contains {"change": change, "member": "allUsers"} if {
	some change in tf.of_types({"google_storage_bucket_acl", "google_storage_default_object_acl", "google_storage_object_acl"})
	startswith(change.change.after.predefined_acl, "public")
}

# METADATA
# title: Access by object
# description: Objects of a bucket have access lists of their own, which no review of the bucket shows.
# custom:
#   id: terraform/gcp_data/uniform-access
#   severity: medium
#   controls:
#   - cis-gcp-3.0:5.2
#   - nist-800-53r5:AC-3
#   remediation: Set uniform_bucket_level_access to true.
deny contains finding if {
	some change in tf.of_type("google_storage_bucket")
	tf.off(change, "uniform_bucket_level_access")
	finding := tf.finding("terraform/gcp_data/uniform-access", change, "uniform_bucket_level_access must be true")
}

databases contains {"change": change, "settings": settings} if {
	some change in tf.of_type("google_sql_database_instance")
	some settings in tf.blocks(change, "settings")
}

# METADATA
# title: Database open to the world
# description: A Cloud SQL instance admits every address.
# custom:
#   id: terraform/gcp_data/open-database
#   layer: L1
#   severity: critical
#   controls:
#   - cis-gcp-3.0:6.5
#   - nist-800-53r5:SC-7(5)
#   - pci-dss-4.0:1.4.4
#   remediation: Name networks, or use the private address and the Cloud SQL proxy.
deny contains finding if {
	some entry in databases
	some config in entry.settings.ip_configuration
	some network in config.authorized_networks
	networks.everyone(network.value)
	finding := tf.finding("terraform/gcp_data/open-database", entry.change, sprintf("the database admits %s", [network.value]))
}

# METADATA
# title: Database without TLS
# description: A Cloud SQL instance accepts connections without TLS, which it does when nothing is said.
# custom:
#   id: terraform/gcp_data/database-tls
#   severity: high
#   controls:
#   - cis-gcp-3.0:6.4
#   - nist-800-53r5:SC-8
#   - pci-dss-4.0:4.2.1
#   remediation: Set ssl_mode to ENCRYPTED_ONLY or TRUSTED_CLIENT_CERTIFICATE_REQUIRED.
deny contains finding if {
	some entry in databases
	some config in entry.settings.ip_configuration
	config.ssl_mode == "ALLOW_UNENCRYPTED_AND_ENCRYPTED"
	finding := tf.finding("terraform/gcp_data/database-tls", entry.change, "ssl_mode must not be ALLOW_UNENCRYPTED_AND_ENCRYPTED")
}

# What Cloud SQL takes when nothing is said.
deny contains finding if {
	some entry in databases
	tf.off(entry.change, "master_instance_name")
	not known_later(entry.change)
	not demands_tls(entry.settings)
	finding := tf.finding("terraform/gcp_data/database-tls", entry.change, "ssl_mode must not be left out")
}

known_later(change) if {
	some settings in change.change.after_unknown.settings
	some config in settings.ip_configuration
	config.ssl_mode == true
}

known_later(change) if {
	some settings in change.change.after_unknown.settings
	settings.ip_configuration == true
}

demands_tls(settings) if {
	some config in settings.ip_configuration
	some field in ["require_ssl", "ssl_mode"]
	config[field]
}

# METADATA
# title: Database without backups
# description: A Cloud SQL instance, not a replica, is not backed up.
# custom:
#   id: terraform/gcp_data/database-backup
#   severity: medium
#   controls:
#   - cis-gcp-3.0:6.7
#   - nist-800-53r5:CP-9
#   - iso-27001-2022:A.8.13
#   - soc2:A1.2
#   remediation: Set backup_configuration.enabled to true.
deny contains finding if {
	some entry in databases
	tf.off(entry.change, "master_instance_name")
	not backed_up(entry.settings)
	finding := tf.finding("terraform/gcp_data/database-backup", entry.change, "backup_configuration.enabled must be true")
}

backed_up(settings) if {
	some config in settings.backup_configuration
	tf.is_true(config.enabled)
}

# METADATA
# title: Key that is not rotated
# description: A symmetric key of Cloud KMS is never rotated, or less often than every 90 days.
# custom:
#   id: terraform/gcp_data/key-rotation
#   severity: medium
#   controls:
#   - cis-gcp-3.0:1.10
#   - nist-800-53r5:SC-12
#   - pci-dss-4.0:3.7.4
#   - iso-27001-2022:A.8.24
#   remediation: Set rotation_period to 7776000s or less.
deny contains finding if {
	some change in tf.of_type("google_kms_crypto_key")
	object.get(change.change.after, "purpose", "ENCRYPT_DECRYPT") == "ENCRYPT_DECRYPT"
	tf.known(change, "rotation_period")
	not rotated(change.change.after)
	finding := tf.finding("terraform/gcp_data/key-rotation", change, "the key must be rotated every 90 days")
}

rotated(key) if to_number(trim_suffix(key.rotation_period, "s")) <= 7776000
