# METADATA
# title: AWS network and storage exposure
# description: What a Terraform plan would expose to the internet or leave unencrypted.
# custom:
#   id: terraform/aws
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-7
#   - nist-800-53r5:SC-28
#   - cis-aws-3.0:2.1
#   - iso-27001-2022:A.8.20
#   - soc2:CC6.6
#   remediation: Change the resource in Terraform and plan again.
package terraform.aws

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
# title: Public bucket ACL
# custom:
#   id: terraform/aws/public-bucket-acl
#   severity: critical
#   controls:
#   - cis-aws-3.0:2.1.4
#   - nist-800-53r5:AC-3
#   - gdpr:32
#   - hipaa:164.312(a)(1)
#   remediation: Set the ACL to private and share through a bucket policy or signed URLs.
deny contains finding if {
	some rc in tf.changes
	rc.type in {"aws_s3_bucket", "aws_s3_bucket_acl"}
	rc.change.after.acl in {"public-read", "public-read-write", "authenticated-read"}
	finding := {
		"id": "terraform/aws/public-bucket-acl",
		"msg": sprintf("%s: bucket ACL must not be %s", [rc.address, rc.change.after.acl]),
		"resource": rc.address,
	}
}

# METADATA
# title: Public access block weakened
# custom:
#   id: terraform/aws/public-access-block
#   severity: high
#   controls:
#   - cis-aws-3.0:2.1.4
#   - nist-800-53r5:AC-3
#   remediation: Set all four block and restrict attributes to true.
deny contains finding if {
	some rc in tf.of_type("aws_s3_bucket_public_access_block")
	some field in ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"]
	object.get(rc.change.after, field, false) != true
	finding := {
		"id": "terraform/aws/public-access-block",
		"msg": sprintf("%s: %s must be true", [rc.address, field]),
		"resource": rc.address,
	}
}

admin_ports := {22: "SSH", 3389: "RDP"}

# METADATA
# title: Administration port open to the world
# custom:
#   id: terraform/aws/open-admin-port
#   severity: critical
#   controls:
#   - cis-aws-3.0:5.2
#   - nist-800-53r5:SC-7(5)
#   - iso-27001-2022:A.8.22
#   remediation: Limit the rule to the addresses of the bastion or the VPN, or use Session Manager.
deny contains finding if {
	some rule in ingress_rules
	open_to_world(rule.rule)
	some port, name in admin_ports
	covers(rule.rule, port)
	finding := {
		"id": "terraform/aws/open-admin-port",
		"msg": sprintf("%s: %s (port %d) is open to the world", [rule.address, name, port]),
		"resource": rule.address,
	}
}

ingress_rules contains entry if {
	some rc in tf.of_type("aws_security_group")
	some rule in rc.change.after.ingress
	entry := {"address": rc.address, "rule": rule}
}

ingress_rules contains entry if {
	some rc in tf.of_type("aws_security_group_rule")
	rc.change.after.type == "ingress"
	entry := {"address": rc.address, "rule": rc.change.after}
}

ingress_rules contains entry if {
	some rc in tf.of_type("aws_vpc_security_group_ingress_rule")
	entry := {"address": rc.address, "rule": rc.change.after}
}

open_to_world(rule) if "0.0.0.0/0" in rule.cidr_blocks

open_to_world(rule) if "::/0" in rule.ipv6_cidr_blocks

open_to_world(rule) if rule.cidr_ipv4 == "0.0.0.0/0"

open_to_world(rule) if rule.cidr_ipv6 == "::/0"

covers(rule, _) if object.get(rule, "protocol", object.get(rule, "ip_protocol", "tcp")) == "-1"

covers(rule, port) if {
	rule.from_port <= port
	rule.to_port >= port
}

# METADATA
# title: Unencrypted volume
# custom:
#   id: terraform/aws/unencrypted-volume
#   severity: high
#   controls:
#   - cis-aws-3.0:2.2.1
#   - nist-800-53r5:SC-28
#   - gdpr:32
#   - hipaa:164.312(a)(2)(iv)
#   remediation: Set encrypted to true.
deny contains finding if {
	some rc in tf.of_type("aws_ebs_volume")
	not rc.change.after.encrypted
	finding := {
		"id": "terraform/aws/unencrypted-volume",
		"msg": sprintf("%s: volume must be encrypted", [rc.address]),
		"resource": rc.address,
	}
}

# METADATA
# title: Public database
# custom:
#   id: terraform/aws/public-database
#   severity: critical
#   controls:
#   - cis-aws-3.0:2.3.3
#   - nist-800-53r5:SC-7
#   - gdpr:32
#   remediation: Set publicly_accessible to false and reach the database through the VPC.
deny contains finding if {
	some rc in tf.changes
	rc.type in {"aws_db_instance", "aws_rds_cluster_instance"}
	rc.change.after.publicly_accessible == true
	finding := {
		"id": "terraform/aws/public-database",
		"msg": sprintf("%s: database must not be publicly accessible", [rc.address]),
		"resource": rc.address,
	}
}

# METADATA
# title: Unencrypted database
# custom:
#   id: terraform/aws/unencrypted-database
#   severity: high
#   controls:
#   - cis-aws-3.0:2.3.1
#   - nist-800-53r5:SC-28
#   - hipaa:164.312(a)(2)(iv)
#   remediation: Set storage_encrypted to true.
deny contains finding if {
	some rc in tf.changes
	rc.type in {"aws_db_instance", "aws_rds_cluster"}
	not rc.change.after.storage_encrypted
	finding := {
		"id": "terraform/aws/unencrypted-database",
		"msg": sprintf("%s: storage must be encrypted", [rc.address]),
		"resource": rc.address,
	}
}

# METADATA
# title: Plain HTTP listener
# custom:
#   id: terraform/aws/plain-http
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-8
#   - iso-27001-2022:A.8.24
#   remediation: Use HTTPS, or redirect to it.
deny contains finding if {
	some rc in tf.changes
	rc.type in {"aws_lb_listener", "aws_alb_listener"}
	rc.change.after.protocol == "HTTP"
	not redirects(rc.change.after)
	finding := {
		"id": "terraform/aws/plain-http",
		"msg": sprintf("%s: listener must use HTTPS or redirect to it", [rc.address]),
		"resource": rc.address,
	}
}

redirects(listener) if {
	some action in listener.default_action
	action.type == "redirect"
	some redirect in action.redirect
	redirect.protocol == "HTTPS"
}
