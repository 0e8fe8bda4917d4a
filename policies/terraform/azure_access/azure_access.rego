# METADATA
# title: Azure access
# description: What roles a Terraform plan makes and gives in Azure, and how its older database servers are reached.
# related_resources:
# - https://learn.microsoft.com/en-us/azure/role-based-access-control/best-practices
# custom:
#   id: terraform/azure_access
#   layer: L3
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-6
#   - iso-27001-2022:A.5.15
#   - soc2:CC6.3
#   remediation: Change the resource in Terraform and plan again.
package terraform.azure_access

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
# title: Role that may do everything
# description: A role of one's own allows every action, as Owner does, under a name that nobody looks for.
# custom:
#   id: terraform/azure_access/wildcard-role
#   severity: critical
#   controls:
#   - cis-azure-3.0:2.23
#   - nist-800-53r5:AC-6(5)
#   - pci-dss-4.0:7.2.1
#   remediation: List the actions that the role is for.
deny contains finding if {
	some change in tf.of_type("azurerm_role_definition")
	some permission in tf.blocks(change, "permissions")
	some action in permission.actions
	action == "*"
	finding := tf.finding("terraform/azure_access/wildcard-role", change, "the role must not allow every action")
}

# METADATA
# title: Role that gives roles, for everything
# description: >-
#   Owner, User Access Administrator or a role that administers access is given for a whole subscription or management group: its holder can give
#   itself every other one there.
# custom:
#   id: terraform/azure_access/owner
#   severity: high
#   enforcement: warn
#   controls:
#   - nist-800-53r5:AC-6(5)
#   - iso-27001-2022:A.8.2
#   - pci-dss-4.0:7.2.2
#   remediation: Give the role for a resource group, or one that gives no roles.
warn contains finding if {
	some change in tf.of_type("azurerm_role_assignment")
	is_wide(change.change.after.scope)
	role := change.change.after.role_definition_name
	lower(role) in {"owner", "role based access control administrator", "user access administrator"}
	message := sprintf("%s should not be given for everything", [role])
	finding := tf.finding("terraform/azure_access/owner", change, message)
}

is_wide(scope) if regex.match(`^(?i:/|/subscriptions/[^/]+/?|/providers/Microsoft\.Management/managementGroups/[^/]+/?)$`, scope)

# METADATA
# title: Database without TLS
# description: A database server admits connections that are not encrypted.
# custom:
#   id: terraform/azure_access/database-tls
#   layer: L6
#   severity: high
#   controls:
#   - cis-azure-3.0:5.2.1
#   - nist-800-53r5:SC-8
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: Set ssl_enforcement_enabled to true; of a flexible server, require_secure_transport to on.
deny contains finding if {
	some change in tf.of_types({"azurerm_mariadb_server", "azurerm_mysql_server", "azurerm_postgresql_server"})
	tf.is_false(change.change.after.ssl_enforcement_enabled)
	finding := tf.finding("terraform/azure_access/database-tls", change, "ssl_enforcement_enabled must be true")
}

deny contains finding if {
	some change in tf.of_types({
		"azurerm_mysql_flexible_server_configuration",
		"azurerm_postgresql_flexible_server_configuration",
	})
	change.change.after.name == "require_secure_transport"
	lower(change.change.after.value) == "off"
	finding := tf.finding("terraform/azure_access/database-tls", change, "require_secure_transport must be on")
}
