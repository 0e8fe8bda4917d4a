package terraform.azure_test

import data.lib.terraform_test as plans
import data.terraform.azure

found(doc) := result if {
	denied := azure.deny with input as doc
	result := {finding.id | some finding in denied}
}

rule(source, port) := {
	"name": "in",
	"access": "Allow",
	"direction": "Inbound",
	"protocol": "Tcp",
	"source_address_prefix": source,
	"source_address_prefixes": null,
	"destination_port_range": port,
	"destination_port_ranges": null,
}

group(source, port) := plans.change("azurerm_network_security_group", {"security_rule": [rule(source, port)]})

firewall(last) := plans.change("azurerm_mssql_firewall_rule", {"start_ip_address": "0.0.0.0", "end_ip_address": last})

cluster(rbac, ranges) := plans.change("azurerm_kubernetes_cluster", {
	"private_cluster_enabled": false,
	"role_based_access_control_enabled": rbac,
	"api_server_access_profile": ranges,
})

app(https, tls, ftp) := plans.change("azurerm_linux_web_app", {
	"https_only": https,
	"site_config": [{"minimum_tls_version": tls, "ftps_state": ftp, "remote_debugging_enabled": false}],
})

machine(keys_only) := plans.change("azurerm_linux_virtual_machine", {"disable_password_authentication": keys_only})

bad := plans.plan([
	group("Internet", "20-25"),
	firewall("255.255.255.255"),
	machine(false),
	cluster(false, []),
	app(false, "1.0", "AllAllowed"),
])

good := plans.plan([
	group("10.0.0.0/8", "22"),
	firewall("0.0.0.0"),
	machine(true),
	cluster(true, [{"authorized_ip_ranges": ["192.0.2.0/24"]}]),
	app(true, "1.2", "Disabled"),
])

ids := {
	"terraform/azure/open-admin-port", "terraform/azure/open-database", "terraform/azure/password-login",
	"terraform/azure/open-cluster", "terraform/azure/cluster-rbac", "terraform/azure/app-https",
	"terraform/azure/app-site",
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

test_message_names_rule_port_and_resource if {
	azure.deny == {{
		"id": "terraform/azure/open-admin-port",
		"msg": "azurerm_network_security_group.x: rule in opens port 3389 to the world",
		"resource": "azurerm_network_security_group.x",
	}} with input as plans.plan([group("*", "3389")])
}

test_web_ports_are_accepted if {
	every port in ["443", "80", "8000-8100"] {
		found(plans.plan([group("*", port)])) == set()
	}
}

test_lists_of_sources_and_ports_count if {
	lists := object.union(rule(null, null), {"source_address_prefixes": ["10.0.0.0/8", "0.0.0.0/0"], "destination_port_ranges": ["443", "22"]})
	found(plans.one("azurerm_network_security_rule", lists)) == {"terraform/azure/open-admin-port"}
	every field, value in {"access": "Deny", "direction": "Outbound", "protocol": "Udp"} {
		found(plans.one("azurerm_network_security_rule", object.union(lists, {field: value}))) == set()
	}
}

test_every_port_counts if {
	count(azure.deny) == 4 with input as plans.plan([group("*", "*")])
}

test_private_clusters_are_accepted if {
	found(plans.one("azurerm_kubernetes_cluster", {"private_cluster_enabled": true})) == set()
	found(plans.plan([cluster(true, [{"authorized_ip_ranges": ["0.0.0.0/0"]}])])) == {"terraform/azure/open-cluster"}
}

test_other_firewalls_count if {
	doc := {"start_ip": "0.0.0.0", "end_ip": "255.255.255.255"}
	found(plans.one("azurerm_redis_firewall_rule", doc)) == {"terraform/azure/open-database"}
}

test_unknown_values_are_not_judged if {
	found(plans.later("azurerm_linux_web_app", ["https_only"])) == set()
	found(plans.later("azurerm_kubernetes_cluster", ["api_server_access_profile"])) == set()
}

test_every_spelling_of_everyone_counts if {
	every source in ["0.0.0.0", "/0", "0.0.0.0/1", "2000::/3", "ANY", "Internet"] {
		found(plans.plan([group(source, "22")])) == {"terraform/azure/open-admin-port"}
	}
	found(plans.plan([group("10.0.0.0/8", "22")])) == set()
	nameless := object.remove(rule("*", "22"), ["name"])
	found(plans.one("azurerm_network_security_rule", nameless)) == {"terraform/azure/open-admin-port"}
}

test_most_addresses_are_all_of_them if {
	every pair in [["0.0.0.0", "255.255.255.254"], ["1.0.0.0", "255.255.255.255"], ["128.0.0.0", "255.255.255.255"]] {
		found(plans.one("azurerm_sql_firewall_rule", {"start_ip_address": pair[0], "end_ip_address": pair[1]})) == {"terraform/azure/open-database"}
	}
	every pair in [["10.0.0.0", "10.255.255.255"], ["0.0.0.0", "0.0.0.0"]] {
		found(plans.one("azurerm_mssql_firewall_rule", {"start_ip_address": pair[0], "end_ip_address": pair[1]})) == set()
	}
}

ranged(ranges) := plans.one("azurerm_kubernetes_cluster", {"api_server_authorized_ip_ranges": ranges})

test_ranges_of_older_providers_count if {
	found(ranged(["192.0.2.0/24"])) == set()
	every ranges in [[], null, ["0.0.0.0/0"], ["192.0.2.0/24", "0.0.0.0/1"]] {
		found(ranged(ranges)) == {"terraform/azure/open-cluster"}
	}
}

test_older_apps_and_slots_count if {
	every type in ["azurerm_app_service", "azurerm_linux_web_app_slot"] {
		found(plans.one(type, {})) == {"terraform/azure/app-https"}
		found(plans.one(type, {"https_only": true})) == set()
	}
}

test_older_providers_have_other_names if {
	before := plans.change("azurerm_kubernetes_cluster", {
		"private_cluster_enabled": true,
		"role_based_access_control": [{"enabled": false}],
	})
	found(plans.plan([before])) == {"terraform/azure/cluster-rbac"}
	app_before := plans.change("azurerm_app_service", {"https_only": true, "site_config": [{"min_tls_version": "1.1"}]})
	found(plans.plan([app_before])) == {"terraform/azure/app-site"}
}
