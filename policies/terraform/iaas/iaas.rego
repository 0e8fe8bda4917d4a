# METADATA
# title: AWS compute
# description: >-
#   Machines of AWS in a Terraform plan that leak credentials, are reachable from everywhere, or have disks that are not
#   encrypted.
# custom:
#   id: terraform/iaas
#   layer: L2
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:CM-6
#   - iso-27001-2022:A.8.9
#   - soc2:CC6.1
#   remediation: Change the resource in Terraform and plan again.
package terraform.iaas

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
# title: Instance metadata without tokens
# description: >-
#   An instance hands its role's credentials to whoever can make it send a request (IMDSv1). What is not set depends on
#   the image and the account, and is taken for the old version.
# custom:
#   id: terraform/iaas/imds
#   severity: high
#   controls:
#   - cis-aws-3.0:5.6
#   - nist-800-53r5:IA-5
#   - nist-800-53r5:SC-7
#   remediation: Set metadata_options.http_tokens to required.
deny contains finding if {
	some change in tf.of_types({"aws_instance", "aws_launch_configuration", "aws_launch_template"})
	not tokens_required(change)
	finding := tf.finding("terraform/iaas/imds", change, "metadata_options.http_tokens must be required")
}

tokens_required(change) if {
	some options in tf.blocks(change, "metadata_options")
	options.http_tokens == "required"
}

tokens_required(change) if {
	some options in tf.blocks(change, "metadata_options")
	options.http_endpoint == "disabled"
}

# The block stands there, and its value comes from another resource.
tokens_required(change) if {
	some options in change.change.after_unknown.metadata_options
	options.http_tokens == true
}

# METADATA
# title: Secret in user data
# description: >-
#   The start-up script of a machine holds an access key or a private key; everyone who may describe the machine reads
#   it.
# custom:
#   id: terraform/iaas/user-data-secret
#   severity: critical
#   controls:
#   - nist-800-53r5:IA-5(7)
#   - iso-27001-2022:A.5.17
#   - pci-dss-4.0:8.6.2
#   - cis-aws-3.0:1.18
#   remediation: Use an instance role, or fetch the secret from Secrets Manager at start.
deny contains finding if {
	some change in tf.of_types({"aws_instance", "aws_launch_configuration", "aws_launch_template"})
	some field in ["user_data", "user_data_base64"]
	regex.match(`AKIA[0-9A-Z]{16}|PRIVATE KEY-----|(?i:aws_secret_access_key)`, script(field, change.change.after[field]))
	finding := tf.finding("terraform/iaas/user-data-secret", change, sprintf("%s must not hold a secret", [field]))
}

# Launch templates take base64 in user_data, instances take text there.
script(_, text) := base64.decode(text)

script("user_data", text) := text if not base64.is_valid(text)

# METADATA
# title: Unencrypted disk of a machine
# description: >-
#   A machine or a launch template has a disk that is explicitly not encrypted. A disk of which nothing is said follows
#   the account's default.
# custom:
#   id: terraform/iaas/unencrypted-disk
#   layer: L6
#   severity: high
#   controls:
#   - cis-aws-3.0:2.2.1
#   - nist-800-53r5:SC-28
#   - hipaa:164.312(a)(2)(iv)
#   - iso-27001-2022:A.8.24
#   remediation: Set encrypted to true.
deny contains finding if {
	some change in tf.of_types({"aws_instance", "aws_launch_configuration", "aws_launch_template"})
	some name in ["block_device_mappings", "ebs_block_device", "root_block_device"]
	some block in tf.blocks(change, name)
	some disk in array.concat([block], tf.as_list(object.get(block, "ebs", [])))
	tf.is_false(disk.encrypted)
	finding := tf.finding("terraform/iaas/unencrypted-disk", change, sprintf("the disk of %s must be encrypted", [name]))
}

# METADATA
# title: Machine with a public address
# description: A machine has an address on the internet of its own.
# custom:
#   id: terraform/iaas/public-address
#   layer: L1
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SC-7
#   - pci-dss-4.0:1.4.4
#   remediation: Set associate_public_ip_address to false and put a load balancer in front.
warn contains finding if {
	some change in tf.of_types({"aws_instance", "aws_launch_configuration", "aws_launch_template"})
	some holder in array.concat([change.change.after], tf.blocks(change, "network_interfaces"))
	tf.is_true(holder.associate_public_ip_address)
	finding := tf.finding("terraform/iaas/public-address", change, "the machine has an address on the internet")
}
