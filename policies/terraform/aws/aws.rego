# METADATA
# title: AWS network and storage exposure
# description: What a Terraform plan would expose to the internet or leave unencrypted.
# custom:
#   id: terraform/aws
#   layer: L1
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

import data.lib.security_groups as groups
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
# description: The access list of a bucket or of an object, by its short name or by its grants, admits everyone.
# custom:
#   id: terraform/aws/public-bucket-acl
#   layer: L6
#   severity: critical
#   controls:
#   - cis-aws-3.0:2.1.4
#   - nist-800-53r5:AC-3
#   - gdpr:32
#   - hipaa:164.312(a)(1)
#   remediation: Set the ACL to private and share through a bucket policy or signed URLs.
deny contains finding if {
	some rc in tf.changes
	rc.type in {"aws_s3_bucket", "aws_s3_bucket_acl", "aws_s3_bucket_object", "aws_s3_object", "aws_s3_object_copy"}
	rc.change.after.acl in {"public-read", "public-read-write", "authenticated-read"}
	finding := {
		"id": "terraform/aws/public-bucket-acl",
		"msg": sprintf("%s: bucket ACL must not be %s", [rc.address, rc.change.after.acl]),
		"resource": rc.address,
	}
}

deny contains finding if {
	some entry in grantees
	group := trim_prefix(entry.grantee.uri, "http://acs.amazonaws.com/groups/global/")
	group in {"AllUsers", "AuthenticatedUsers"}
	finding := tf.finding("terraform/aws/public-bucket-acl", entry.change, sprintf("nothing must be granted to %s", [group]))
}

grantees contains {"change": rc, "grantee": grant} if {
	some rc in tf.of_type("aws_s3_bucket")
	some grant in tf.blocks(rc, "grant")
}

grantees contains {"change": rc, "grantee": grantee} if {
	some rc in tf.of_type("aws_s3_bucket_acl")
	some policy in tf.blocks(rc, "access_control_policy")
	some grant in policy.grant
	some grantee in grant.grantee
}

# METADATA
# title: Public access block weakened
# custom:
#   id: terraform/aws/public-access-block
#   layer: L6
#   severity: high
#   controls:
#   - cis-aws-3.0:2.1.4
#   - nist-800-53r5:AC-3
#   remediation: Set all four block and restrict attributes to true.
deny contains finding if {
	some rc in tf.of_types({"aws_s3_account_public_access_block", "aws_s3_bucket_public_access_block"})
	some field in ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"]
	tf.off(rc, field)
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
#   - cis-aws-3.0:5.3
#   - nist-800-53r5:SC-7(5)
#   - iso-27001-2022:A.8.22
#   remediation: Limit the rule to the addresses of the bastion or the VPN, or use Session Manager.
deny contains finding if {
	some entry in groups.ingress
	groups.open_to_world(entry.rule)
	some port, name in admin_ports
	groups.covers(entry.rule, port)
	message := sprintf("%s (port %d) is open to the world", [name, port])
	finding := tf.finding("terraform/aws/open-admin-port", entry.change, message)
}

# METADATA
# title: Unencrypted volume
# custom:
#   id: terraform/aws/unencrypted-volume
#   layer: L6
#   severity: high
#   controls:
#   - cis-aws-3.0:2.2.1
#   - nist-800-53r5:SC-28
#   - gdpr:32
#   - hipaa:164.312(a)(2)(iv)
#   remediation: Set encrypted to true.
deny contains finding if {
	some rc in tf.of_type("aws_ebs_volume")
	tf.off(rc, "encrypted")
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
#   layer: L6
#   severity: critical
#   controls:
#   - cis-aws-3.0:2.3.3
#   - nist-800-53r5:SC-7
#   - gdpr:32
#   remediation: Set publicly_accessible to false and reach the database through the VPC.
deny contains finding if {
	some rc in tf.changes
	rc.type in {"aws_db_instance", "aws_rds_cluster_instance"}
	tf.is_true(rc.change.after.publicly_accessible)
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
#   layer: L6
#   severity: high
#   controls:
#   - cis-aws-3.0:2.3.1
#   - nist-800-53r5:SC-28
#   - hipaa:164.312(a)(2)(iv)
#   remediation: Set storage_encrypted to true.
deny contains finding if {
	some rc in tf.changes
	rc.type in {"aws_db_instance", "aws_rds_cluster", "aws_rds_global_cluster"}
	tf.off(rc, "storage_encrypted")
	not replica(rc)
	finding := {
		"id": "terraform/aws/unencrypted-database",
		"msg": sprintf("%s: storage must be encrypted", [rc.address]),
		"resource": rc.address,
	}
}

# A replica is encrypted as its source is.
replica(rc) if not tf.off(rc, "replicate_source_db")

replica(rc) if not tf.off(rc, "replication_source_identifier")

replica(rc) if not tf.off(rc, "source_db_cluster_identifier")

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

deny contains finding if {
	some rc in tf.of_type("aws_elb")
	some listener in tf.blocks(rc, "listener")
	lower(listener.lb_protocol) == "http"
	finding := tf.finding("terraform/aws/plain-http", rc, "listener must use HTTPS")
}

redirects(listener) if {
	some action in listener.default_action
	action.type == "redirect"
	some redirect in action.redirect
	redirect.protocol == "HTTPS"
}
