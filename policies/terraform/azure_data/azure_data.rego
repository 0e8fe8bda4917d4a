# METADATA
# title: Azure data
# description: Storage accounts, vaults and databases of Azure in a Terraform plan that are public, unencrypted on the way, or can't be recovered.
# custom:
#   id: terraform/azure_data
#   layer: L6
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-28
#   - iso-27001-2022:A.5.23
#   - soc2:CC6.1
#   remediation: Change the resource in Terraform and plan again.
package terraform.azure_data

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
# title: Storage over plain HTTP
# description: A storage account answers without TLS. The attribute's name depends on the provider's version; its default is secure.
# custom:
#   id: terraform/azure_data/storage-https
#   severity: high
#   controls:
#   - cis-azure-3.0:4.1
#   - nist-800-53r5:SC-8
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: Leave https_traffic_only_enabled at true.
deny contains finding if {
	some change in tf.of_type("azurerm_storage_account")
	some field in ["enable_https_traffic_only", "https_traffic_only_enabled"]
	tf.is_false(change.change.after[field])
	finding := tf.finding("terraform/azure_data/storage-https", change, sprintf("%s must be true", [field]))
}

# METADATA
# title: Old TLS at a data service
# description: A storage account, database server or cache negotiates TLS 1.0 or 1.1.
# custom:
#   id: terraform/azure_data/old-tls
#   severity: medium
#   controls:
#   - cis-azure-3.0:4.15
#   - nist-800-53r5:SC-8(1)
#   - pci-dss-4.0:4.2.1
#   remediation: Set the minimum version to TLS 1.2.
deny contains finding if {
	some change in tf.of_types({"azurerm_mssql_server", "azurerm_redis_cache", "azurerm_storage_account"})
	some field in ["min_tls_version", "minimum_tls_version"]
	version := change.change.after[field]
	tf.text(version) in {"1.0", "1.1", "TLS1_0", "TLS1_1", "Disabled"}
	finding := tf.finding("terraform/azure_data/old-tls", change, sprintf("%s must not be %v", [field, version]))
}

# The provider's default for caches.
deny contains finding if {
	some change in tf.of_type("azurerm_redis_cache")
	tf.off(change, "minimum_tls_version")
	finding := tf.finding("terraform/azure_data/old-tls", change, "minimum_tls_version is 1.0 where nothing is said")
}

# METADATA
# title: Anonymous access to blobs
# description: >-
#   A storage account lets its containers be public, which is the provider's default, or a container is.
# custom:
#   id: terraform/azure_data/public-blobs
#   severity: critical
#   controls:
#   - cis-azure-3.0:4.17
#   - nist-800-53r5:AC-3
#   - gdpr:32
#   - pci-dss-4.0:1.4.4
#   remediation: Set allow_nested_items_to_be_public to false and container_access_type to private.
deny contains finding if {
	some change in tf.of_types({"azurerm_storage_account", "azurerm_storage_container"})
	some field, public in {
		"allow_blob_public_access": {"1", "true"},
		"allow_nested_items_to_be_public": {"1", "true"},
		"container_access_type": {"blob", "container"},
	}
	value := change.change.after[field]
	tf.text(value) in public
	finding := tf.finding("terraform/azure_data/public-blobs", change, sprintf("%s must not be %v", [field, value]))
}

deny contains finding if {
	some change in tf.of_type("azurerm_storage_account")
	every field in ["allow_blob_public_access", "allow_nested_items_to_be_public"] {
		tf.known(change, field)
		object.get(change.change.after, field, null) == null
	}
	message := "allow_nested_items_to_be_public is true where nothing is said"
	finding := tf.finding("terraform/azure_data/public-blobs", change, message)
}

# METADATA
# title: Storage open to every network
# description: >-
#   The network rules of a storage account admit what no rule names, or there are none: neither in the account, nor for it in a
#   resource of their own in the plan.
# custom:
#   id: terraform/azure_data/storage-network
#   severity: medium
#   controls:
#   - cis-azure-3.0:4.7
#   - nist-800-53r5:SC-7(5)
#   remediation: Set default_action to Deny and name networks.
deny contains finding if {
	some entry in network_rules
	lower(entry.rules.default_action) == "allow"
	finding := tf.finding("terraform/azure_data/storage-network", entry.change, "default_action must be Deny, not Allow")
}

deny contains finding if {
	some change in tf.of_type("azurerm_storage_account")
	not ruled(change)
	count(tf.blocks(change, "network_rules")) == 0
	not tf.is_false(object.get(change.change.after, "public_network_access_enabled", null))
	tf.known(change, "public_network_access_enabled")
	tf.known(change, "network_rules")
	finding := tf.finding("terraform/azure_data/storage-network", change, "network_rules must deny by default")
}

# Rules that may be for the account: those that are not for others by their id or by what it refers to. They may be
# there already.
ruled(account) if {
	some rules in input.resource_changes
	rules.type == "azurerm_storage_account_network_rules"
	rules.change.after
	not of_another(rules, account)
}

of_another(rules, account) if {
	end := lower(concat("", ["/", account.change.after.name]))
	rules.change.after.storage_account_id
	not names(rules, end)
}

of_another(rules, account) if tf.about_another(rules, account)

names(rules, end) if endswith(lower(rules.change.after.storage_account_id), end)

network_rules contains {"change": change, "rules": rules} if {
	some change in tf.of_type("azurerm_storage_account")
	some rules in tf.blocks(change, "network_rules")
}

network_rules contains {"change": change, "rules": change.change.after} if {
	some change in tf.of_type("azurerm_storage_account_network_rules")
}

# METADATA
# title: Vault that can be purged
# description: Keys and secrets of a vault can be destroyed at once; everything encrypted with them is lost.
# custom:
#   id: terraform/azure_data/vault-purge
#   severity: high
#   controls:
#   - cis-azure-3.0:3.3.5
#   - nist-800-53r5:CP-9
#   - nist-800-53r5:SC-12(1)
#   - iso-27001-2022:A.8.13
#   remediation: Set purge_protection_enabled to true.
deny contains finding if {
	some change in tf.of_type("azurerm_key_vault")
	tf.off(change, "purge_protection_enabled")
	finding := tf.finding("terraform/azure_data/vault-purge", change, "purge_protection_enabled must be true")
}

# METADATA
# title: Database reached over the internet
# description: >-
#   A database server accepts connections from public networks, behind its firewall rules; that is the provider's default.
# custom:
#   id: terraform/azure_data/public-database
#   severity: medium
#   enforcement: warn
#   controls:
#   - cis-azure-3.0:5.1.7
#   - nist-800-53r5:SC-7
#   remediation: Set public_network_access_enabled to false and use a private endpoint.
warn contains finding if {
	some change in tf.of_types({
		"azurerm_cosmosdb_account", "azurerm_mariadb_server", "azurerm_mssql_server", "azurerm_mysql_flexible_server",
		"azurerm_mysql_server", "azurerm_postgresql_flexible_server", "azurerm_postgresql_server", "azurerm_redis_cache",
	})
	tf.known(change, "public_network_access_enabled")
	tf.off(change, "delegated_subnet_id")
	not tf.is_false(object.get(change.change.after, "public_network_access_enabled", null))
	finding := tf.finding("terraform/azure_data/public-database", change, "public_network_access_enabled should be false")
}

# METADATA
# title: Blobs that can't be recovered
# description: A storage account keeps no deleted blobs.
# custom:
#   id: terraform/azure_data/soft-delete
#   severity: low
#   enforcement: warn
#   controls:
#   - cis-azure-3.0:4.10
#   - nist-800-53r5:CP-9
#   - iso-27001-2022:A.8.13
#   remediation: Add a blob_properties block with a delete_retention_policy.
warn contains finding if {
	some change in tf.of_type("azurerm_storage_account")
	tf.known(change, "blob_properties")
	policies := [policy | some properties in tf.blocks(change, "blob_properties"); some policy in properties.delete_retention_policy]
	count(policies) == 0
	finding := tf.finding("terraform/azure_data/soft-delete", change, "deleted blobs are not kept")
}
