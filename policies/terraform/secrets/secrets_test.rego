package terraform.secrets_test

import data.lib.terraform_test as plans
import data.terraform.secrets

found(doc) := result if {
	denied := secrets.deny with input as doc
	result := {finding.id | some finding in denied}
}

configured(module) := object.union(plans.one("random_password", {}), {"configuration": {"root_module": module}})

resource(type, expressions) := configured({"resources": [{
	"address": sprintf("%s.x", [type]),
	"type": type,
	"name": "x",
	"expressions": expressions,
}]})

written(type, field, value) := resource(type, {field: {"constant_value": value}})

variable(name, value) := configured({"variables": {name: {"default": value}}})

bad := configured({
	"resources": [{
		"address": "aws_db_instance.x",
		"mode": "managed",
		"type": "aws_db_instance",
		"name": "x",
		"expressions": {"password": {"constant_value": "not-so-secret"}},
	}],
	"variables": {"db_password": {"default": "not-so-secret"}},
})

good := configured({
	"resources": [{
		"address": "aws_db_instance.x",
		"mode": "managed",
		"type": "aws_db_instance",
		"name": "x",
		"expressions": {"password": {"references": ["var.db_password"]}},
	}],
	"variables": {"db_password": {"sensitive": true}},
})

plain := {"terraform/secrets/plain-secret"}

preset := {"terraform/secrets/default-secret"}

test_bad_plan_is_denied if {
	found(bad) == plain | preset
	not secrets.allow with input as bad
}

test_good_plan_is_accepted if {
	found(good) == set()
	secrets.allow with input as good
	not secrets.allow with input as {}
}

test_messages if {
	denied := secrets.deny with input as bad
	denied == {
		{
			"id": "terraform/secrets/plain-secret",
			"msg": "aws_db_instance.x: password must not stand in the configuration",
			"resource": "aws_db_instance.x",
		},
		{
			"id": "terraform/secrets/default-secret",
			"msg": "variable db_password must have no default",
			"resource": "var.db_password",
		},
	}
}

test_literals_are_found_in_blocks if {
	password := {"password": {"constant_value": "x1"}}
	found(resource("aws_mq_broker", {"user": [password]})) == plain
	options := {"master_user_options": [{"master_user_password": {"constant_value": "x1"}}]}
	found(resource("aws_opensearch_domain", {"advanced_security_options": [options]})) == plain
	found(resource("aws_mq_broker", {"user": [{"username": {"constant_value": "x1"}}]})) == set()
}

test_stores_may_begin_with_what_stands_in if {
	found(written("aws_secretsmanager_secret_version", "secret_string", "CHANGEME")) == set()
	found(written("aws_secretsmanager_secret_version", "secret_string", "hunter2")) == plain
	found(written("azurerm_key_vault_secret", "value", "hunter2")) == plain
	found(written("azurerm_app_configuration_key", "value", "hunter2")) == set()
	found(written("aws_db_instance", "password", "changeme")) == plain
	parameter := {"value": {"constant_value": "hunter2"}}
	found(resource("aws_ssm_parameter", object.union(parameter, {"type": {"constant_value": "SecureString"}}))) == plain
	found(resource("aws_ssm_parameter", object.union(parameter, {"type": {"constant_value": "String"}}))) == set()
}

test_what_is_no_secret if {
	every value in ["", null, true, "${var.x}", "arn:aws:secretsmanager:x"] {
		found(written("aws_db_instance", "password", value)) == set()
	}
}

test_defaults_of_variables if {
	every name in ["password", "masterPassword", "api_key", "client_secret", "AWS_SECRET_ACCESS_KEY"] {
		found(variable(name, "hunter2")) == preset
		found(variable(name, "")) == set()
		found(variable(name, null)) == set()
	}
	every name in ["tls_secret", "password_length", "secret_name", "token_ttl", "key"] {
		found(variable(name, "hunter2")) == set()
	}
	found(variable("ssh_passphrase", "~/.ssh/x")) == set()
}

test_defaults_of_modules_count_where_the_call_sets_nothing if {
	call := {"module": {"variables": {"password": {"default": "hunter2"}}}}
	found(configured({"module_calls": {"db": call}})) == preset
	set_there := object.union(call, {"expressions": {"password": {"references": ["var.x"]}}})
	found(configured({"module_calls": {"db": set_there}})) == set()
}
