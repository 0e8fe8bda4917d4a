package terraform.aws_test

import data.lib.terraform_test as plans
import data.terraform.aws

change(type, after) := {
	"address": sprintf("%s.x", [type]),
	"mode": "managed",
	"type": type,
	"change": {"actions": ["create"], "after": after},
}

plan(type, after) := {"resource_changes": [change(type, after)]}

denied_ids(doc) := result if {
	findings := aws.deny with input as doc
	result := {finding.id | some finding in findings}
}

test_empty_plan_is_accepted if aws.allow with input as {"resource_changes": []}

test_no_plan_is_not_accepted if {
	not aws.allow with input as {}
	not aws.allow with input as {"resource_changes": "none"}
}

test_public_acl_is_denied if {
	every type in ["aws_s3_bucket", "aws_s3_bucket_acl"] {
		denied_ids(plan(type, {"acl": "public-read"})) == {"terraform/aws/public-bucket-acl"}
	}
}

test_private_acl_is_accepted if aws.allow with input as plan("aws_s3_bucket", {"acl": "private"})

test_message_names_the_address if {
	aws.deny == {{
		"id": "terraform/aws/public-bucket-acl",
		"msg": "aws_s3_bucket.x: bucket ACL must not be public-read",
		"resource": "aws_s3_bucket.x",
	}} with input as plan("aws_s3_bucket", {"acl": "public-read"})
}

blocked := {
	"block_public_acls": true,
	"block_public_policy": true,
	"ignore_public_acls": true,
	"restrict_public_buckets": true,
}

test_whole_public_access_block_is_accepted if {
	denied_ids(plan("aws_s3_bucket_public_access_block", blocked)) == set()
}

test_each_part_of_the_public_access_block_counts if {
	every field, _ in blocked {
		weak := object.union(blocked, {field: false})
		denied_ids(plan("aws_s3_bucket_public_access_block", weak)) == {"terraform/aws/public-access-block"}
	}
}

rule(from, to, cidr) := {"from_port": from, "to_port": to, "protocol": "tcp", "cidr_blocks": [cidr]}

group(r) := plan("aws_security_group", {"ingress": [r]})

test_open_ssh_is_denied if denied_ids(group(rule(22, 22, "0.0.0.0/0"))) == {"terraform/aws/open-admin-port"}

test_range_over_rdp_is_denied if {
	aws.deny == {{
		"id": "terraform/aws/open-admin-port",
		"msg": "aws_security_group.x: RDP (port 3389) is open to the world",
		"resource": "aws_security_group.x",
	}} with input as group(rule(3000, 4000, "0.0.0.0/0"))
}

test_every_protocol_covers_every_port if {
	everything := {"from_port": 0, "to_port": 0, "protocol": "-1", "ipv6_cidr_blocks": ["::/0"]}
	count(aws.deny) == 2 with input as group(everything)
}

test_private_ssh_is_accepted if denied_ids(group(rule(22, 22, "10.0.0.0/8"))) == set()

test_open_https_is_accepted if denied_ids(group(rule(443, 443, "0.0.0.0/0"))) == set()

test_separate_rules_count if {
	old := object.union(rule(22, 22, "0.0.0.0/0"), {"type": "ingress"})
	denied_ids(plan("aws_security_group_rule", old)) == {"terraform/aws/open-admin-port"}
	denied_ids(plan("aws_security_group_rule", object.union(old, {"type": "egress"}))) == set()
	new := {"from_port": 22, "to_port": 22, "ip_protocol": "tcp", "cidr_ipv4": "0.0.0.0/0"}
	denied_ids(plan("aws_vpc_security_group_ingress_rule", new)) == {"terraform/aws/open-admin-port"}
}

test_unencrypted_volume_is_denied if {
	denied_ids(plan("aws_ebs_volume", {"encrypted": false})) == {"terraform/aws/unencrypted-volume"}
	denied_ids(plan("aws_ebs_volume", {})) == {"terraform/aws/unencrypted-volume"}
	denied_ids(plan("aws_ebs_volume", {"encrypted": true})) == set()
}

test_public_database_is_denied if {
	doc := plan("aws_db_instance", {"publicly_accessible": true, "storage_encrypted": true})
	denied_ids(doc) == {"terraform/aws/public-database"}
}

test_unencrypted_database_is_denied if {
	denied_ids(plan("aws_rds_cluster", {"storage_encrypted": false})) == {"terraform/aws/unencrypted-database"}
}

test_plain_http_listener_is_denied if {
	denied_ids(plan("aws_lb_listener", {"protocol": "HTTP", "default_action": [{"type": "forward"}]})) == {"terraform/aws/plain-http"}
}

test_redirect_to_https_is_accepted if {
	action := {"type": "redirect", "redirect": [{"protocol": "HTTPS"}]}
	denied_ids(plan("aws_lb_listener", {"protocol": "HTTP", "default_action": [action]})) == set()
}

test_deletion_is_accepted if {
	gone := object.union(change("aws_s3_bucket", {"acl": "public-read"}), {"change": {"actions": ["delete"]}})
	aws.allow with input as {"resource_changes": [gone]}
}

test_data_sources_are_left_alone if {
	read := object.union(change("aws_s3_bucket", {"acl": "public-read"}), {"mode": "data"})
	aws.allow with input as {"resource_changes": [read]}
}

named(name, entry) := object.union(entry, {"address": sprintf("%s.%s", [entry.type, name])})

bad := {"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": [
	change("aws_s3_bucket_acl", {"acl": "public-read"}),
	change("aws_s3_bucket_public_access_block", object.union(blocked, {"block_public_policy": false})),
	named("bastion", change("aws_security_group", {"ingress": [rule(22, 22, "0.0.0.0/0")]})),
	change("aws_ebs_volume", {"encrypted": null}),
	change("aws_db_instance", {"publicly_accessible": true, "storage_encrypted": false}),
	change("aws_lb_listener", {"protocol": "HTTP", "default_action": [{"type": "forward"}]}),
]}

good := {"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": [
	change("aws_s3_bucket_acl", {"acl": "private"}),
	change("aws_s3_bucket_public_access_block", blocked),
	named("bastion", change("aws_security_group", {"ingress": [rule(22, 22, "192.0.2.0/24")]})),
	change("aws_ebs_volume", {"encrypted": true}),
	change("aws_db_instance", {"publicly_accessible": false, "storage_encrypted": true}),
	change("aws_lb_listener", {"protocol": "HTTP", "default_action": [{"type": "redirect", "redirect": [{"protocol": "HTTPS"}]}]}),
]}

test_bad_plan_has_every_finding if {
	denied_ids(bad) == {
		"terraform/aws/public-bucket-acl", "terraform/aws/public-access-block", "terraform/aws/open-admin-port",
		"terraform/aws/unencrypted-volume", "terraform/aws/public-database", "terraform/aws/unencrypted-database",
		"terraform/aws/plain-http",
	}
}

test_text_and_numbers_are_converted if {
	every spelled in [plans.as_text(bad), plans.as_numbers(bad)] {
		denied_ids(spelled) == denied_ids(bad)
	}
	denied_ids(plans.as_text(good)) == set()
}

test_good_plan_is_accepted if aws.allow with input as good

test_unknown_values_are_not_judged if {
	later := {"actions": ["create"], "after": {}, "after_unknown": {"encrypted": true, "storage_encrypted": true}}
	every type in ["aws_db_instance", "aws_ebs_volume"] {
		unknown := object.union(change(type, {}), {"change": later})
		denied_ids({"resource_changes": [unknown]}) == set()
	}
}

test_replicas_are_encrypted_as_their_source if {
	denied_ids(plan("aws_db_instance", {"replicate_source_db": "main"})) == set()
}

test_halves_of_all_addresses_are_all_of_them if {
	every cidr in ["0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/0"] {
		denied_ids(group(rule(22, 22, cidr))) == {"terraform/aws/open-admin-port"}
	}
	six := {"from_port": 22, "to_port": 22, "protocol": "tcp", "ipv6_cidr_blocks": ["2000::/3"]}
	denied_ids(group(six)) == {"terraform/aws/open-admin-port"}
	denied_ids(plan("aws_vpc_security_group_ingress_rule", {"from_port": 22, "to_port": 22, "ip_protocol": "tcp", "cidr_ipv4": "0.0.0.0/1"})) == {"terraform/aws/open-admin-port"}
	denied_ids(group(rule(22, 22, "10.0.0.0/8"))) == set()
}

test_grants_to_everyone_are_public if {
	every name in ["AllUsers", "AuthenticatedUsers"] {
		grantee := {"type": "Group", "uri": sprintf("http://acs.amazonaws.com/groups/global/%s", [name])}
		denied_ids(plan("aws_s3_bucket", {"grant": [grantee]})) == {"terraform/aws/public-bucket-acl"}
		listed := {"access_control_policy": [{"grant": [{"permission": "READ", "grantee": [grantee]}]}]}
		denied_ids(plan("aws_s3_bucket_acl", listed)) == {"terraform/aws/public-bucket-acl"}
	}
	logs := {"uri": "http://acs.amazonaws.com/groups/s3/LogDelivery"}
	denied_ids(plan("aws_s3_bucket", {"grant": [logs, {"id": "abc"}]})) == set()
	denied_ids(plan("aws_s3_object", {"acl": "public-read"})) == {"terraform/aws/public-bucket-acl"}
}

listening(protocol) := plan("aws_elb", {"listener": [{"lb_protocol": protocol, "lb_port": 80}]})

test_classic_load_balancers_count if {
	denied_ids(listening("http")) == {"terraform/aws/plain-http"}
	denied_ids(listening("https")) == set()
}

test_global_clusters_and_accounts_count if {
	denied_ids(plan("aws_rds_global_cluster", {})) == {"terraform/aws/unencrypted-database"}
	denied_ids(plan("aws_rds_global_cluster", {"source_db_cluster_identifier": "main"})) == set()
	denied_ids(plan("aws_s3_account_public_access_block", {"block_public_acls": false})) == {"terraform/aws/public-access-block"}
}
