# METADATA
# title: Secrets in Terraform
# description: >-
#   Passwords and keys that stand in a configuration as they are: everyone who may read the repository, the plan or the state has them.
# related_resources:
# - https://developer.hashicorp.com/terraform/internals/json-format#expression-representation
# custom:
#   id: terraform/secrets
#   layer: L6
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: critical
#   enforcement: deny
#   controls:
#   - nist-800-53r5:IA-5(7)
#   - iso-27001-2022:A.5.17
#   - soc2:CC6.1
#   - pci-dss-4.0:8.6.2
#   remediation: Have the provider make the password, or read it from a store of secrets.
package terraform.secrets

import data.lib.secrets
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
# title: Password in a resource
# description: >-
#   An attribute that takes a password or a key is written as it is, and not as a reference. What a store of secrets begins with until somebody
#   sets it (CHANGEME) is none.
# custom:
#   id: terraform/secrets/plain-secret
#   severity: critical
#   remediation: Refer to a random_password, a data source of a store of secrets, or a sensitive variable without a default.
deny contains finding if {
	some entry in literals
	value := entry.expression.constant_value
	secrets.in_environment(entry.name, value)
	not stands_in(entry, value)
	finding := {
		"id": "terraform/secrets/plain-secret",
		"msg": sprintf("%s: %s must not stand in the configuration", [entry.address, entry.field]),
		"resource": entry.address,
	}
}

fields := {
	"admin_password", "administrator_login_password", "administrator_password", "auth_token", "client_secret", "master_password",
	"master_user_password", "password", "root_password", "secret_data", "secret_string", "shared_secret",
}

# What stands on its own, in a block, and in a block of that.
literals contains {"address": resource.address, "field": field, "name": field, "expression": holder[field]} if {
	some resource in resources
	some holder in holders(resource.expressions)
	some field in fields
	holder[field]
}

literals contains {"address": resource.address, "field": "value", "name": "secret", "expression": resource.expressions.value} if {
	some resource in resources
	is_store(resource)
}

is_store(resource) if resource.type == "azurerm_key_vault_secret"

is_store(resource) if {
	resource.type == "aws_ssm_parameter"
	resource.expressions.type.constant_value == "SecureString"
}

resources contains resource if {
	some module in tf.modules
	some resource in module.resources
}

holders(expressions) := {expressions} | (blocks(expressions) | {deeper |
	some block in blocks(expressions)
	some deeper in blocks(block)
})

blocks(expressions) := {block |
	some list in expressions
	is_array(list)
	some block in list
	is_object(block)
}

stands_in(entry, value) if {
	entry.field in {"secret_data", "secret_string", "value"}
	some word in ["change", "dummy", "initial", "placeholder", "replace", "todo"]
	contains(lower(value), word)
}

# METADATA
# title: Password as a default
# description: A variable for a password or a key has a default, which counts wherever nobody sets it.
# custom:
#   id: terraform/secrets/default-secret
#   severity: high
#   remediation: Leave the default out, and declare the variable sensitive.
deny contains finding if {
	some entry in variables
	value := entry.variable["default"]
	secrets.in_environment(entry.name, value)
	not starts_path(value)
	finding := {
		"id": "terraform/secrets/default-secret",
		"msg": sprintf("variable %s must have no default", [entry.name]),
		"resource": concat(".", ["var", entry.name]),
	}
}

variables contains {"name": name, "variable": variable} if {
	some name, variable in input.configuration.root_module.variables
	is_named(name)
}

# A module's own default counts if the call does not set the variable.
variables contains {"name": name, "variable": variable} if {
	some call in input.configuration.root_module.module_calls
	some name, variable in call.module.variables
	is_named(name)
	not call.expressions[name]
}

# Names that say what a value is: tls_secret may be the name of one, and password_length is a number.
is_named(name) if {
	words := secrets.snake(name)
	secrets.ends(words, concat(" ", [
		"password passwd passphrase api_key apikey secret_key access_key secret_access_key",
		"auth_token access_token api_token client_secret",
	]))
}

starts_path(value) if startswith(value, "~")

starts_path(value) if startswith(value, ".")
