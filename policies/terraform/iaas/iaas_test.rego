package terraform.iaas_test

import data.lib.terraform_test as plans
import data.terraform.iaas

found(doc) := result if {
	denied := iaas.deny with input as doc
	warned := iaas.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

machine(tokens, script, encrypted, address) := plans.change("aws_instance", {
	"associate_public_ip_address": address,
	"metadata_options": [{"http_endpoint": "enabled", "http_tokens": tokens}],
	"root_block_device": [{"encrypted": encrypted}],
	"user_data": script,
})

bad := plans.plan([machine("optional", "export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", false, true)])

good := plans.plan([machine("required", "#!/bin/sh\nsystemctl start shop", true, false)])

ids := {
	"terraform/iaas/imds", "terraform/iaas/user-data-secret", "terraform/iaas/unencrypted-disk",
	"terraform/iaas/public-address",
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
	iaas.allow with input as good
	not iaas.allow with input as bad
	not iaas.allow with input as {}
}

test_message_names_the_attribute if {
	iaas.deny == {{
		"id": "terraform/iaas/imds",
		"msg": "aws_instance.x: metadata_options.http_tokens must be required",
		"resource": "aws_instance.x",
	}} with input as plans.later("aws_instance", ["metadata_options", "associate_public_ip_address"])
}

test_tokens_from_another_resource_are_not_judged if {
	change := plans.unknown("aws_instance", {"metadata_options": [{}]}, {"metadata_options": [{"http_tokens": true}]})
	found(plans.plan([change])) == set()
	switched_off := {"metadata_options": [{"http_endpoint": "disabled"}]}
	found(plans.one("aws_launch_template", switched_off)) == set()
}

template(text) := plans.one("aws_launch_template", {
	"metadata_options": [{"http_tokens": "required"}],
	"user_data": base64.encode(text),
})

test_scripts_in_base64_are_read if {
	found(template("aws_secret_access_key = x")) == {"terraform/iaas/user-data-secret"}
	found(template("echo hello")) == set()
}

disk(encrypted) := plans.one("aws_launch_template", {
	"metadata_options": [{"http_tokens": "required"}],
	"block_device_mappings": [{"ebs": [{"encrypted": encrypted}]}],
	"network_interfaces": [{"associate_public_ip_address": "false"}],
})

test_disks_of_templates_count if {
	found(disk("false")) == {"terraform/iaas/unencrypted-disk"}
	found(disk("true")) == set()
	found(disk("")) == set()
}

test_launch_configurations_have_metadata_too if {
	found(plans.one("aws_launch_configuration", {})) == {"terraform/iaas/imds"}
	found(plans.one("aws_launch_configuration", {"metadata_options": [{"http_tokens": "required"}]})) == set()
}

test_the_variable_of_a_key_is_a_secret if {
	safe := {"metadata_options": [{"http_tokens": "required"}]}
	every name in ["AWS_SECRET_ACCESS_KEY", "aws_secret_access_key"] {
		doc := object.union(safe, {"user_data": sprintf("export %s=abc", [name])})
		found(plans.one("aws_instance", doc)) == {"terraform/iaas/user-data-secret"}
	}
}
