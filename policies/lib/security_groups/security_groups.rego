# METADATA
# title: AWS security groups
# description: The ingress rules of a plan, whichever resource they are written in.
package lib.security_groups

import data.lib.networks
import data.lib.terraform as tf

ingress contains {"change": change, "rule": rule} if {
	some change in tf.of_types({"aws_security_group", "aws_default_security_group"})
	some rule in change.change.after.ingress
}

ingress contains {"change": change, "rule": change.change.after} if {
	some change in tf.of_type("aws_security_group_rule")
	change.change.after.type == "ingress"
}

ingress contains {"change": change, "rule": change.change.after} if {
	some change in tf.of_type("aws_vpc_security_group_ingress_rule")
}

open_to_world(rule) if {
	some field in ["cidr_blocks", "ipv6_cidr_blocks"]
	some cidr in rule[field]
	networks.everyone(cidr)
}

open_to_world(rule) if {
	some field in ["cidr_ipv4", "cidr_ipv6"]
	networks.everyone(rule[field])
}

every_protocol(rule) if tf.text(object.get(rule, "protocol", object.get(rule, "ip_protocol", "tcp"))) in {"-1", "all"}

covers(rule, _) if every_protocol(rule)

covers(rule, port) if {
	tf.number(rule.from_port) <= port
	tf.number(rule.to_port) >= port
}
