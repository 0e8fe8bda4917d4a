package terraform.edge_test

import data.lib.terraform_test as plans
import data.terraform.edge

found(doc) := result if {
	denied := edge.deny with input as doc
	warned := edge.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

world(port) := {"from_port": port, "to_port": port, "protocol": "tcp", "cidr_blocks": ["0.0.0.0/0"]}

group(rules) := plans.one("aws_security_group", {"name": "web", "ingress": rules})

acl(from, to) := {"action": "allow", "protocol": "6", "cidr_block": "0.0.0.0/0", "from_port": from, "to_port": to}

bad := plans.plan([
	plans.change("aws_security_group", {"name": "db", "ingress": [world(5432)]}),
	plans.change("aws_vpc_security_group_ingress_rule", {"ip_protocol": "-1", "cidr_ipv4": "0.0.0.0/0"}),
	plans.change("aws_default_security_group", {"ingress": [{"self": true, "protocol": "-1"}], "egress": []}),
	plans.change("aws_network_acl", {"ingress": [acl(22, 22)]}),
	plans.change("aws_lb", {"load_balancer_type": "application", "drop_invalid_header_fields": false}),
	plans.change("aws_cloudfront_distribution", {"web_acl_id": null}),
])

good := plans.plan([
	plans.change("aws_security_group", {"name": "web", "ingress": [world(443)]}),
	plans.change("aws_default_security_group", {"ingress": [], "egress": []}),
	plans.change("aws_network_acl", {"ingress": [acl(443, 443)]}),
	plans.change("aws_lb", {"load_balancer_type": "application", "drop_invalid_header_fields": true}),
	plans.change("aws_cloudfront_distribution", {"web_acl_id": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/edge/1"}),
])

ids := {
	"terraform/edge/open-data-port", "terraform/edge/open-everything", "terraform/edge/default-group",
	"terraform/edge/acl-admin-port", "terraform/edge/invalid-headers", "terraform/edge/no-waf",
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
	edge.allow with input as good
	not edge.allow with input as bad
	not edge.allow with input as {}
}

test_message_names_port_and_resource if {
	edge.deny == {{
		"id": "terraform/edge/open-data-port",
		"msg": "aws_security_group.x: PostgreSQL (port 5432) is open to the world",
		"resource": "aws_security_group.x",
	}} with input as group([world(5432)])
}

test_private_database_is_accepted if {
	found(group([object.union(world(5432), {"cidr_blocks": ["10.0.0.0/8"]})])) == set()
	found(group([{"from_port": 5432, "to_port": 5432, "protocol": "tcp", "cidr_blocks": null, "security_groups": ["sg-1"]}])) == set()
}

test_answers_of_stateless_rules_are_accepted if {
	found(plans.one("aws_network_acl", {"ingress": [acl(1024, 65535)]})) == set()
	found(plans.one("aws_network_acl_rule", {"rule_action": "deny", "cidr_block": "0.0.0.0/0", "from_port": 22, "to_port": 22})) == set()
	egress := {"egress": true, "rule_action": "allow", "cidr_block": "0.0.0.0/0", "from_port": 22, "to_port": 22}
	found(plans.one("aws_network_acl_rule", egress)) == set()
	found(plans.one("aws_network_acl_rule", object.union(egress, {"egress": false}))) == {"terraform/edge/acl-admin-port"}
}

test_unknown_values_are_not_judged if {
	found(plans.later("aws_cloudfront_distribution", ["web_acl_id"])) == set()
}

test_network_load_balancers_have_no_headers if {
	found(plans.one("aws_lb", {"load_balancer_type": "network", "drop_invalid_header_fields": false})) == set()
}

test_removed_resources_are_accepted if {
	found(plans.gone("aws_lb")) == set()
}

numbered(first, last, cidr) := plans.one("aws_network_acl_rule", {"rule_action": "allow", "cidr_block": cidr, "from_port": first, "to_port": last, "protocol": "6"})

test_only_ports_for_answers_are_left_alone if {
	every pair in [[22, 22], [0, 1024], [1, 65535], [20, 40000], [3389, 3389], [3000, 4000]] {
		found(numbered(pair[0], pair[1], "0.0.0.0/0")) == {"terraform/edge/acl-admin-port"}
		found(numbered(pair[0], pair[1], "0.0.0.0/1")) == {"terraform/edge/acl-admin-port"}
		found(numbered(pair[0], pair[1], "10.0.0.0/8")) == set()
	}
	every pair in [[0, 65535], [1024, 65535], [2000, 61000], [443, 443]] {
		found(numbered(pair[0], pair[1], "0.0.0.0/0")) == set()
	}
}
