package arm.azure_test

import data.arm.azure

found(doc) := result if {
	denied := azure.deny with input as doc
	result := {finding.id | some finding in denied}
}

schema := "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"

template(resources) := {"$schema": schema, "contentVersion": "1.0.0.0", "resources": resources}

resource(type, properties) := {"type": type, "apiVersion": "2024-05-01", "name": "x", "properties": properties}

one(type, properties) := found(template([resource(type, properties)]))

rule(source, port) := {"name": "in", "properties": {
	"access": "Allow",
	"direction": "Inbound",
	"protocol": "Tcp",
	"sourceAddressPrefix": source,
	"destinationPortRange": port,
}}

container(access) := resource("Microsoft.Storage/storageAccounts/blobServices/containers", {"publicAccess": access})

firewall(last) := resource("Microsoft.Sql/servers/firewallRules", {"startIpAddress": "0.0.0.0", "endIpAddress": last})

bad := object.union(
	template([
		resource("Microsoft.Network/networkSecurityGroups", {"securityRules": [rule("*", "22")]}),
		resource("Microsoft.Storage/storageAccounts", {"allowBlobPublicAccess": true, "minimumTlsVersion": "TLS1_0"}),
		container("Blob"),
		resource("Microsoft.KeyVault/vaults", {"enableSoftDelete": true}),
		resource("Microsoft.Web/sites", {"httpsOnly": false}),
		firewall("255.255.255.255"),
	]),
	{"parameters": {"password": {"type": "securestring", "defaultValue": "hunter2"}}},
)

good := object.union(
	template([
		resource("Microsoft.Network/networkSecurityGroups", {"securityRules": [rule("10.0.0.0/8", "22"), rule("*", "443")]}),
		resource("Microsoft.Storage/storageAccounts", {"allowBlobPublicAccess": false, "minimumTlsVersion": "TLS1_2"}),
		container("None"),
		resource("Microsoft.KeyVault/vaults", {"enablePurgeProtection": true}),
		resource("Microsoft.Web/sites", {"httpsOnly": true}),
		firewall("0.0.0.0"),
	]),
	{"parameters": {"password": {"type": "securestring"}, "name": {"type": "string", "defaultValue": "shop"}}},
)

ids := {
	"arm/azure/open-admin-port", "arm/azure/storage", "arm/azure/public-container", "arm/azure/vault-purge",
	"arm/azure/app-https", "arm/azure/open-database", "arm/azure/plain-secret",
}

test_bad_template_has_every_finding if found(bad) == ids

test_good_template_is_accepted if {
	found(good) == set()
	azure.allow with input as good
	not azure.allow with input as bad
	not azure.allow with input as {}
}

test_message_names_resource_and_value if {
	azure.deny == {{
		"id": "arm/azure/storage",
		"msg": "x: minimumTlsVersion must not be TLS1_1",
		"resource": "Microsoft.Storage/storageAccounts/x",
	}} with input as template([resource("Microsoft.Storage/storageAccounts", {"minimumTlsVersion": "TLS1_1"})])
}

test_expressions_are_not_judged if {
	one("Microsoft.Web/sites", {"httpsOnly": "[parameters('https')]"}) == set()
	one("Microsoft.KeyVault/vaults", {"enablePurgeProtection": "[parameters('purge')]"}) == set()
	default_of := {"parameters": {"p": {"type": "secureString", "defaultValue": "[newGuid()]"}}}
	found(object.union(template([]), default_of)) == set()
}

test_symbolic_names_and_children_are_read if {
	symbolic := {"$schema": schema, "languageVersion": "2.0", "resources": {"vault": resource("microsoft.keyvault/vaults", {})}}
	found(symbolic) == {"arm/azure/vault-purge"}
	child := {"type": "firewallRules", "name": "all", "properties": {"startIpAddress": "0.0.0.0", "endIpAddress": "255.255.255.255"}}
	server := object.union(resource("Microsoft.Sql/servers", {}), {"resources": [child]})
	found(template([server])) == {"arm/azure/open-database"}
}

test_lists_of_a_rule_count if {
	lists := {
		"access": "Allow",
		"direction": "Inbound",
		"sourceAddressPrefixes": ["Internet"],
		"destinationPortRanges": ["443", "3380-3390"],
	}
	one("Microsoft.Network/networkSecurityGroups/securityRules", lists) == {"arm/azure/open-admin-port"}
	closed := object.union(lists, {"access": "Deny"})
	one("Microsoft.Network/networkSecurityGroups/securityRules", closed) == set()
}

test_port_may_be_a_number if {
	one("Microsoft.Network/networkSecurityGroups", {"securityRules": [rule("*", 22)]}) == {"arm/azure/open-admin-port"}
	one("Microsoft.Network/networkSecurityGroups", {"securityRules": [rule("*", 443)]}) == set()
}

deployment(inner) := resource("Microsoft.Resources/deployments", {"mode": "Incremental", "template": inner})

nested(kind, properties) := template([deployment(template([resource(kind, properties)]))])

test_nested_deployments_are_read if {
	found(nested("Microsoft.Web/sites", {})) == {"arm/azure/app-https"}
	found(nested("Microsoft.Web/sites", {"httpsOnly": true})) == set()
	twice := template([deployment(nested("Microsoft.KeyVault/vaults", {}))])
	found(twice) == {"arm/azure/vault-purge"}
	symbolic := template({"module": deployment({"resources": {"app": resource("Microsoft.Web/sites", {})}})})
	found(symbolic) == {"arm/azure/app-https"}
	linked := template([resource("Microsoft.Resources/deployments", {"templateLink": {"uri": "https://corp.example/a.json"}})])
	found(linked) == set()
}

test_parameters_of_nested_deployments_are_read if {
	inner := {"resources": [], "parameters": {"password": {"type": "secureString", "defaultValue": "hunter2"}}}
	found(template([deployment(inner)])) == {"arm/azure/plain-secret"}
}

test_grandchildren_are_read if {
	leaf := {"type": "containers", "name": "web", "properties": {"publicAccess": "Blob"}}
	service := {"type": "blobServices", "name": "default", "resources": [leaf]}
	account := object.union(resource("Microsoft.Storage/storageAccounts", {}), {"resources": [service]})
	found(template([account])) == {"arm/azure/public-container"}
	found(template([deployment(template([account]))])) == {"arm/azure/public-container"}
}

test_other_resources_are_none if {
	limits := {"resources": {"app": {"type": "Microsoft.Web/sites"}}}
	one("Microsoft.ContainerInstance/containerGroups", {"containers": [{"properties": limits}]}) == set()
}

ruled(more) := {"resources": [{
	"type": "Microsoft.Network/networkSecurityGroups/securityRules",
	"name": "r",
	"properties": object.union({"access": "Allow", "direction": "Inbound", "destinationPortRange": "22"}, more),
}]}

test_every_spelling_of_everyone_counts if {
	every source in ["0.0.0.0", "0.0.0.0/1", "2000::/3", "ANY", "Internet"] {
		found(ruled({"sourceAddressPrefix": source})) == {"arm/azure/open-admin-port"}
	}
	found(ruled({"sourceAddressPrefix": "*", "sourceAddressPrefixes": null, "destinationPortRanges": null})) == {"arm/azure/open-admin-port"}
	found(ruled({"sourceAddressPrefix": null, "sourceAddressPrefixes": ["10.0.0.0/8"]})) == set()
}

ranged(first, last) := {"resources": [{
	"type": "Microsoft.Sql/servers/firewallRules",
	"name": "r",
	"properties": {"startIpAddress": first, "endIpAddress": last},
}]}

test_most_addresses_are_all_of_them if {
	found(ranged("0.0.0.1", "255.255.255.254")) == {"arm/azure/open-database"}
	found(ranged("128.0.0.0", "255.255.255.255")) == {"arm/azure/open-database"}
	found(ranged("10.0.0.0", "10.255.255.255")) == set()
}

test_slots_are_apps if {
	found({"resources": [{"type": "Microsoft.Web/sites/slots", "name": "s", "properties": {}}]}) == {"arm/azure/app-https"}
}
