# METADATA
# title: AWS edge
# description: >-
#   What a Terraform plan would let in from the internet: to databases, to every port, to administration through network
#   ACLs, and past the firewall for web requests.
# custom:
#   id: terraform/edge
#   layer: L1
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-7
#   - iso-27001-2022:A.8.20
#   - soc2:CC6.6
#   remediation: Close the opening in Terraform and plan again.
package terraform.edge

import data.lib.networks
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

data_ports := {
	1433: "SQL Server", 1521: "Oracle", 2379: "etcd", 3306: "MySQL", 5432: "PostgreSQL", 5984: "CouchDB", 6379: "Redis",
	9042: "Cassandra", 9092: "Kafka", 9200: "Elasticsearch", 11211: "Memcached", 27017: "MongoDB",
}

# METADATA
# title: Database port open to the world
# description: >-
#   A security group admits every address to the port of a database. Ranges over several ports are named by each of them;
#   a rule for all protocols has a finding of its own.
# custom:
#   id: terraform/edge/open-data-port
#   severity: critical
#   controls:
#   - nist-800-53r5:SC-7(5)
#   - iso-27001-2022:A.8.22
#   - pci-dss-4.0:1.4.4
#   - soc2:CC6.6
#   remediation: Admit the security group of the service that uses the database, not addresses.
deny contains finding if {
	some entry in groups.ingress
	groups.open_to_world(entry.rule)
	not groups.every_protocol(entry.rule)
	some port, name in data_ports
	groups.covers(entry.rule, port)
	message := sprintf("%s (port %d) is open to the world", [name, port])
	finding := tf.finding("terraform/edge/open-data-port", entry.change, message)
}

# METADATA
# title: Every port open to the world
# description: A security group admits every address with every protocol.
# custom:
#   id: terraform/edge/open-everything
#   severity: critical
#   controls:
#   - nist-800-53r5:SC-7(5)
#   - pci-dss-4.0:1.3.1
#   - iso-27001-2022:A.8.20
#   remediation: Name the protocol and the ports that are served.
deny contains finding if {
	some entry in groups.ingress
	groups.open_to_world(entry.rule)
	groups.every_protocol(entry.rule)
	finding := tf.finding("terraform/edge/open-everything", entry.change, "every port is open to the world")
}

# METADATA
# title: Default security group in use
# description: The default group of a VPC applies to whatever names no other; it should let nothing through.
# custom:
#   id: terraform/edge/default-group
#   severity: medium
#   controls:
#   - cis-aws-3.0:5.4
#   - nist-800-53r5:SC-7(5)
#   remediation: Remove the ingress and egress blocks of aws_default_security_group and use groups of your own.
deny contains finding if {
	some change in tf.of_type("aws_default_security_group")
	some direction in ["egress", "ingress"]
	count(change.change.after[direction]) > 0
	message := sprintf("the default security group must have no %s rule", [direction])
	finding := tf.finding("terraform/edge/default-group", change, message)
}

acl_rules contains {"change": change, "rule": rule, "action": lower(rule.action)} if {
	some change in tf.of_types({"aws_default_network_acl", "aws_network_acl"})
	some rule in change.change.after.ingress
}

acl_rules contains {"change": change, "rule": rule, "action": lower(rule.rule_action)} if {
	some change in tf.of_type("aws_network_acl_rule")
	rule := change.change.after
	not tf.is_true(object.get(rule, "egress", false))
}

# METADATA
# title: Network ACL opens administration ports
# description: >-
#   An entry of a network ACL admits every address to SSH or RDP. An entry for all ports, or for many from 1024 on, is
#   left to the security groups, because ACLs keep no state and answers need open ports.
# custom:
#   id: terraform/edge/acl-admin-port
#   severity: high
#   controls:
#   - cis-aws-3.0:5.1
#   - nist-800-53r5:SC-7(5)
#   - pci-dss-4.0:1.3.1
#   remediation: Limit the entry to the addresses of the bastion or the VPN.
deny contains finding if {
	some entry in acl_rules
	entry.action == "allow"
	some field in ["cidr_block", "ipv6_cidr_block"]
	cidr := entry.rule[field]
	networks.everyone(cidr)
	some port in [22, 3389]
	first := tf.number(entry.rule.from_port)
	last := tf.number(entry.rule.to_port)
	first <= port
	last >= port
	not for_answers(first, last)
	message := sprintf("the network ACL admits %s to port %d", [cidr, port])
	finding := tf.finding("terraform/edge/acl-admin-port", entry.change, message)
}

for_answers(first, last) if {
	first == 0
	last == 65535
}

for_answers(first, last) if {
	first >= 1024
	last - first >= 1024
}

# METADATA
# title: Malformed header passed on
# description: An application load balancer hands header fields with invalid names to its targets (request smuggling).
# custom:
#   id: terraform/edge/invalid-headers
#   severity: medium
#   controls:
#   - nist-800-53r5:SI-10
#   remediation: Set drop_invalid_header_fields to true.
deny contains finding if {
	some change in tf.of_types({"aws_alb", "aws_lb"})
	object.get(change.change.after, "load_balancer_type", "application") == "application"
	tf.off(change, "drop_invalid_header_fields")
	finding := tf.finding("terraform/edge/invalid-headers", change, "invalid header fields must be dropped")
}

# METADATA
# title: No firewall for web requests
# description: A CloudFront distribution has no web ACL.
# custom:
#   id: terraform/edge/no-waf
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SC-7
#   - pci-dss-4.0:6.4.2
#   - iso-27001-2022:A.8.20
#   remediation: Set web_acl_id to the ARN of a WAF web ACL.
warn contains finding if {
	some change in tf.of_type("aws_cloudfront_distribution")
	tf.off(change, "web_acl_id")
	finding := tf.finding("terraform/edge/no-waf", change, "no web ACL protects the distribution")
}
