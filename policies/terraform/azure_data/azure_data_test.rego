package terraform.azure_data_test

import data.lib.terraform_test as plans
import data.terraform.azure_data as azure

found(doc) := result if {
	denied := azure.deny with input as doc
	warned := azure.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

account := {
	"https_traffic_only_enabled": true,
	"min_tls_version": "TLS1_2",
	"allow_nested_items_to_be_public": false,
	"network_rules": [{"default_action": "Deny"}],
	"blob_properties": [{"delete_retention_policy": [{"days": 7}]}],
}

weak := {
	"https_traffic_only_enabled": false,
	"min_tls_version": "TLS1_0",
	"allow_nested_items_to_be_public": true,
	"network_rules": [{"default_action": "Allow"}],
	"blob_properties": [],
}

bad := plans.plan([
	plans.change("azurerm_storage_account", weak),
	plans.change("azurerm_key_vault", {"purge_protection_enabled": false}),
	plans.change("azurerm_mssql_server", {"public_network_access_enabled": true, "minimum_tls_version": "1.2"}),
])

good := plans.plan([
	plans.change("azurerm_storage_account", account),
	plans.change("azurerm_key_vault", {"purge_protection_enabled": true}),
	plans.change("azurerm_mssql_server", {"public_network_access_enabled": false, "minimum_tls_version": "1.2"}),
])

ids := {
	"terraform/azure_data/storage-https", "terraform/azure_data/old-tls", "terraform/azure_data/public-blobs",
	"terraform/azure_data/storage-network", "terraform/azure_data/vault-purge", "terraform/azure_data/public-database",
	"terraform/azure_data/soft-delete",
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
	azure.allow with input as good
	not azure.allow with input as bad
	not azure.allow with input as {}
}

test_message_names_attribute_and_resource if {
	azure.deny == {{
		"id": "terraform/azure_data/public-blobs",
		"msg": "azurerm_storage_container.x: container_access_type must not be blob",
		"resource": "azurerm_storage_container.x",
	}} with input as plans.one("azurerm_storage_container", {"container_access_type": "blob"})
}

test_older_providers_count if {
	old := object.union(object.remove(account, ["https_traffic_only_enabled"]), {"enable_https_traffic_only": false})
	found(plans.one("azurerm_storage_account", old)) == {"terraform/azure_data/storage-https"}
}

test_separate_network_rules_count if {
	found(plans.one("azurerm_storage_account_network_rules", {"default_action": "Allow"})) == {"terraform/azure_data/storage-network"}
	found(plans.one("azurerm_storage_account_network_rules", {"default_action": "Deny"})) == set()
}

test_defaults_of_the_provider_are_accepted if {
	found(plans.one("azurerm_storage_container", {"container_access_type": "private"})) == set()
}

test_unknown_values_are_not_judged if {
	found(plans.later("azurerm_key_vault", ["purge_protection_enabled"])) == set()
	every field in ["blob_properties", "allow_nested_items_to_be_public", "network_rules"] {
		doc := plans.plan([plans.unknown("azurerm_storage_account", object.remove(account, [field]), {field: true})])
		found(doc) == set()
	}
	found(plans.later("azurerm_redis_cache", ["minimum_tls_version", "public_network_access_enabled"])) == set()
}

test_open_defaults_are_denied if {
	rest := {"terraform/azure_data/soft-delete"}
	open := rest | {"terraform/azure_data/public-blobs", "terraform/azure_data/storage-network"}
	found(plans.one("azurerm_storage_account", {})) == open
	found(plans.one("azurerm_storage_account", object.remove(account, ["network_rules"]))) == {"terraform/azure_data/storage-network"}
	private := object.union(object.remove(account, ["network_rules"]), {"public_network_access_enabled": false})
	found(plans.one("azurerm_storage_account", private)) == set()
	apart := plans.plan([
		plans.change("azurerm_storage_account", object.remove(account, ["network_rules"])),
		plans.change("azurerm_storage_account_network_rules", {"default_action": "Deny"}),
	])
	found(apart) == set()
	old := object.union(object.remove(account, ["allow_nested_items_to_be_public"]), {"allow_blob_public_access": false})
	found(plans.one("azurerm_storage_account", old)) == set()
	found(plans.one("azurerm_redis_cache", {})) == {"terraform/azure_data/old-tls", "terraform/azure_data/public-database"}
	found(plans.one("azurerm_redis_cache", {"minimum_tls_version": "1.2", "public_network_access_enabled": false})) == set()
	found(plans.one("azurerm_mssql_server", {})) == {"terraform/azure_data/public-database"}
	found(plans.one("azurerm_postgresql_flexible_server", {"delegated_subnet_id": "subnet"})) == set()
}

storage(name) := object.union(
	plans.change("azurerm_storage_account", object.union(object.remove(account, ["network_rules"]), {"name": name})),
	{"name": name, "address": sprintf("azurerm_storage_account.%s", [name])},
)

ruling(after) := object.union(
	plans.change("azurerm_storage_account_network_rules", object.union({"default_action": "Deny"}, after)),
	{"name": "x", "change": {"actions": ["no-op"]}},
)

configured(resources) := {"configuration": {"root_module": {"resources": resources}}}

referring(names) := configured([{
	"address": "azurerm_storage_account_network_rules.x", "type": "azurerm_storage_account_network_rules", "name": "x",
	"expressions": {"default_action": {"constant_value": "Deny"}, "storage_account_id": {"references": names}},
}])

open_accounts(doc) := {finding.resource |
	some finding in data.terraform.azure_data.deny with input as doc
	finding.id == "terraform/azure_data/storage-network"
}

two(rules, configuration) := open_accounts(object.union(plans.plan([storage("a"), storage("b"), rules]), configuration))

test_network_rules_are_of_the_account_that_they_name if {
	two(ruling({}), {}) == set()
	two(ruling({}), referring(["azurerm_storage_account.a.id", "azurerm_storage_account.a"])) == {"azurerm_storage_account.b"}
	two(ruling({}), referring(["var.storage_account_id"])) == set()
	each := {"type": "azurerm_storage_account_network_rules", "name": "x", "expressions": {}, "for_each_expression": {"references": ["azurerm_storage_account.b"]}}
	two(ruling({}), configured([each])) == {"azurerm_storage_account.a"}

	# What others refer to says nothing of these.
	every other in [{"type": "azurerm_storage_account_network_rules", "name": "y"}, {"type": "azurerm_storage_share", "name": "x"}] {
		refers := {"expressions": {"id": {"references": ["azurerm_storage_account.a"]}}}
		two(ruling({}), configured([object.union(other, refers)])) == set()
	}
	id := "/subscriptions/0/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/B"
	two(ruling({"storage_account_id": id}), {}) == {"azurerm_storage_account.a"}
}

within(change) := object.union(change, {"module_address": "module.m"})

test_network_rules_of_a_module_are_of_its_accounts if {
	names := referring(["azurerm_storage_account.a"]).configuration.root_module
	called := {"configuration": {"root_module": {"module_calls": {"m": {"module": names}}}}}
	two(within(ruling({})), called) == {"azurerm_storage_account.a", "azurerm_storage_account.b"}
	open_accounts(object.union(plans.plan([within(storage("a")), within(ruling({}))]), called)) == set()
}

test_older_servers_are_reached_over_the_internet if {
	every type in ["azurerm_mariadb_server", "azurerm_mysql_server", "azurerm_postgresql_server"] {
		warned := azure.warn with input as plans.one(type, {"public_network_access_enabled": true})
		count(warned) == 1
		quiet := azure.warn with input as plans.one(type, {"public_network_access_enabled": false})
		count(quiet) == 0
	}
}
