# METADATA
# title: Azure network and compute
# description: What a Terraform plan would open to the internet in Azure, and machines and clusters with weak sign-in.
# custom:
#   id: terraform/azure
#   layer: L2
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-7
#   - iso-27001-2022:A.8.9
#   - soc2:CC6.6
#   remediation: Change the resource in Terraform and plan again.
package terraform.azure

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

rules contains {"change": change, "rule": rule} if {
	some change in tf.of_type("azurerm_network_security_group")
	some rule in change.change.after.security_rule
}

rules contains {"change": change, "rule": change.change.after} if {
	some change in tf.of_type("azurerm_network_security_rule")
}

# METADATA
# title: Administration port open to the world
# description: A network security group admits every address to SSH, RDP or WinRM.
# custom:
#   id: terraform/azure/open-admin-port
#   layer: L1
#   severity: critical
#   controls:
#   - cis-azure-3.0:7.1
#   - cis-azure-3.0:7.2
#   - nist-800-53r5:SC-7(5)
#   - pci-dss-4.0:1.3.1
#   - iso-27001-2022:A.8.22
#   remediation: Use Azure Bastion, or limit the rule to the addresses of the VPN.
deny contains finding if {
	some entry in rules
	lower(entry.rule.access) == "allow"
	lower(entry.rule.direction) == "inbound"
	lower(object.get(entry.rule, "protocol", "*")) in {"*", "tcp"}
	some source in values(entry.rule, "source_address_prefix", "source_address_prefixes")
	everyone(source)
	some range in values(entry.rule, "destination_port_range", "destination_port_ranges")
	some port in [22, 3389, 5985, 5986]
	covers(range, port)
	message := sprintf("rule %s opens port %d to the world", [object.get(entry.rule, "name", "without name"), port])
	finding := tf.finding("terraform/azure/open-admin-port", entry.change, message)
}

everyone(source) if lower(source) in {"*", "/0", "0.0.0.0", "any", "internet"}

everyone(source) if networks.everyone(source)

# One value in one attribute, several in the other; either may be null.
values(rule, one, many) := {value | value := rule[one]; value != null} | {value | some value in rule[many]}

covers(range, _) if range == "*"

covers(range, port) if {
	ends := tf.port_range(range)
	ends.first <= port
	ends.last >= port
}

# METADATA
# title: Database firewall open to the world
# description: A firewall rule of a database server admits every address, or a quarter of them and more.
# custom:
#   id: terraform/azure/open-database
#   layer: L1
#   severity: critical
#   controls:
#   - cis-azure-3.0:5.1.2
#   - nist-800-53r5:SC-7(5)
#   - pci-dss-4.0:1.4.4
#   remediation: Admit the addresses that need the database, or use a private endpoint.
deny contains finding if {
	some change in tf.of_types({
		"azurerm_mariadb_firewall_rule", "azurerm_mssql_firewall_rule", "azurerm_mysql_firewall_rule",
		"azurerm_mysql_flexible_server_firewall_rule", "azurerm_postgresql_firewall_rule",
		"azurerm_postgresql_flexible_server_firewall_rule", "azurerm_redis_firewall_rule", "azurerm_sql_firewall_rule",
		"azurerm_synapse_firewall_rule",
	})
	some suffix in ["ip", "ip_address"]
	first := change.change.after[concat("_", ["start", suffix])]
	last := change.change.after[concat("_", ["end", suffix])]
	to_number(split(last, ".")[0]) - to_number(split(first, ".")[0]) >= 63
	finding := tf.finding("terraform/azure/open-database", change, sprintf("the firewall admits %s to %s", [first, last]))
}

# METADATA
# title: Password sign-in to a machine
# description: A Linux machine lets people in with a password.
# custom:
#   id: terraform/azure/password-login
#   severity: high
#   controls:
#   - nist-800-53r5:IA-5
#   - nist-800-53r5:AC-17
#   - iso-27001-2022:A.8.5
#   remediation: Set disable_password_authentication to true and name an admin_ssh_key.
deny contains finding if {
	some change in tf.of_types({"azurerm_linux_virtual_machine", "azurerm_linux_virtual_machine_scale_set"})
	tf.is_false(change.change.after.disable_password_authentication)
	finding := tf.finding("terraform/azure/password-login", change, "disable_password_authentication must be true")
}

# METADATA
# title: Cluster API open to the world
# description: The API server of an AKS cluster is public and admits every address.
# custom:
#   id: terraform/azure/open-cluster
#   layer: L3
#   severity: high
#   controls:
#   - nist-800-53r5:AC-17
#   - nist-800-53r5:SC-7(5)
#   - iso-27001-2022:A.8.22
#   remediation: Set private_cluster_enabled, or api_server_access_profile.authorized_ip_ranges.
deny contains finding if {
	some change in tf.of_type("azurerm_kubernetes_cluster")
	tf.off(change, "private_cluster_enabled")
	tf.known(change, "api_server_access_profile")
	tf.known(change, "api_server_authorized_ip_ranges")
	not limited(change)
	finding := tf.finding("terraform/azure/open-cluster", change, "the API server admits every address")
}

# Versions of the provider before 4 have the ranges beside the block.
limited(change) if {
	some profile in tf.blocks(change, "api_server_access_profile")
	names_networks(profile.authorized_ip_ranges)
}

limited(change) if names_networks(change.change.after.api_server_authorized_ip_ranges)

names_networks(ranges) if {
	count(ranges) > 0
	every range in ranges {
		not networks.everyone(range)
	}
}

# METADATA
# title: Cluster without role-based access
# description: Every account of an AKS cluster may do everything.
# custom:
#   id: terraform/azure/cluster-rbac
#   layer: L3
#   severity: high
#   controls:
#   - nist-800-53r5:AC-3(7)
#   - nist-800-53r5:AC-6
#   - soc2:CC6.3
#   remediation: Leave role_based_access_control_enabled at true.
deny contains finding if {
	some change in tf.of_type("azurerm_kubernetes_cluster")
	tf.is_false(change.change.after.role_based_access_control_enabled)
	finding := tf.finding("terraform/azure/cluster-rbac", change, "role_based_access_control_enabled must be true")
}

# Before version 3 of the provider it was a block.
deny contains finding if {
	some change in tf.of_type("azurerm_kubernetes_cluster")
	some control in tf.blocks(change, "role_based_access_control")
	tf.is_false(control.enabled)
	finding := tf.finding("terraform/azure/cluster-rbac", change, "role_based_access_control.enabled must be true")
}

apps := {
	"azurerm_app_service", "azurerm_function_app", "azurerm_linux_function_app", "azurerm_linux_function_app_slot",
	"azurerm_linux_web_app", "azurerm_linux_web_app_slot", "azurerm_windows_function_app",
	"azurerm_windows_function_app_slot", "azurerm_windows_web_app", "azurerm_windows_web_app_slot",
}

# METADATA
# title: App over plain HTTP
# description: A web or function app answers without TLS.
# custom:
#   id: terraform/azure/app-https
#   layer: L5
#   severity: high
#   controls:
#   - cis-azure-3.0:9.1
#   - nist-800-53r5:SC-8
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: Set https_only to true.
deny contains finding if {
	some change in tf.of_types(apps)
	tf.off(change, "https_only")
	finding := tf.finding("terraform/azure/app-https", change, "https_only must be true")
}

# METADATA
# title: App with old TLS, plain FTP or remote debugging
# description: The site configuration of a web or function app admits what it need not.
# custom:
#   id: terraform/azure/app-site
#   layer: L5
#   severity: medium
#   controls:
#   - cis-azure-3.0:9.3
#   - cis-azure-3.0:9.4
#   - cis-azure-3.0:9.12
#   - nist-800-53r5:CM-7
#   remediation: Set minimum_tls_version to 1.2, ftps_state to Disabled or FtpsOnly, and remote_debugging_enabled to false.
deny contains finding if {
	some change in tf.of_types(apps)
	some site in tf.blocks(change, "site_config")
	some field, refused in {
		"ftps_state": {"AllAllowed"},
		"min_tls_version": {"1.0", "1.1"},
		"minimum_tls_version": {"1.0", "1.1"},
		"remote_debugging_enabled": {"1", "true"},
	}
	value := site[field]
	tf.text(value) in refused
	finding := tf.finding("terraform/azure/app-site", change, sprintf("%s must not be %v", [field, value]))
}
