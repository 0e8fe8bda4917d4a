package terraform.azure_access_test

import data.lib.terraform_test as plans
import data.terraform.azure_access

found(doc) := result if {
	denied := azure_access.deny | azure_access.warn with input as doc
	result := {finding.id | some finding in denied}
}

definition(action) := plans.change("azurerm_role_definition", {"permissions": [{"actions": [action]}]})

assignment(role, scope) := plans.change("azurerm_role_assignment", {"role_definition_name": role, "scope": scope})

server(tls) := plans.change("azurerm_postgresql_server", {"ssl_enforcement_enabled": tls})

setting(name, value) := plans.change("azurerm_mysql_flexible_server_configuration", {"name": name, "value": value})

subscription := "/subscriptions/00000000-0000-0000-0000-000000000000"

bad := plans.plan([
	definition("*"),
	assignment("Owner", subscription),
	server(false),
])

good := plans.plan([
	definition("Microsoft.Compute/*/read"),
	assignment("Owner", concat("", [subscription, "/resourceGroups/shop"])),
	assignment("Reader", subscription),
	server(true),
])

ids := {
	"terraform/azure_access/wildcard-role",
	"terraform/azure_access/owner",
	"terraform/azure_access/database-tls",
}

test_bad_plan_is_denied if {
	found(bad) == ids
	found(plans.as_text(bad)) == ids
	not azure_access.allow with input as bad
}

test_good_plan_is_accepted if {
	found(good) == set()
	azure_access.allow with input as good
	not azure_access.allow with input as {}
}

test_messages if {
	denied := azure_access.deny with input as plans.plan([server(false)])
	denied == {{
		"id": "terraform/azure_access/database-tls",
		"msg": "azurerm_postgresql_server.x: ssl_enforcement_enabled must be true",
		"resource": "azurerm_postgresql_server.x",
	}}
}

test_wide_scopes if {
	every scope in ["/", "/providers/Microsoft.Management/managementGroups/all", concat("", [subscription, "/"])] {
		found(plans.plan([assignment("user access administrator", scope)])) == {"terraform/azure_access/owner"}
	}
	found(plans.plan([assignment("Owner", null)])) == set()
	found(plans.later("azurerm_role_assignment", ["scope"])) == set()
}

test_flexible_servers if {
	found(plans.plan([setting("require_secure_transport", "OFF")])) == {"terraform/azure_access/database-tls"}
	found(plans.plan([setting("require_secure_transport", "ON")])) == set()
	found(plans.plan([setting("slow_query_log", "OFF")])) == set()
}
