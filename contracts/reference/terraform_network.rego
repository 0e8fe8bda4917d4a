# What a Terraform plan would open to the internet: the rules on administration ports and databases of policies/terraform/aws.
package reference.terraform_network

deny contains msg if {
	some change in changes
	change.type == "aws_security_group"
	some rule in change.change.after.ingress
	open_to_world(rule)
	some port, name in {22: "SSH", 3389: "RDP"}
	covers(rule, port)
	msg := sprintf("%s: %s (port %d) is open to the world", [change.address, name, port])
}

deny contains msg if {
	some change in changes
	change.type == "aws_db_instance"
	change.change.after.publicly_accessible == true
	msg := sprintf("%s: database must not be publicly accessible", [change.address])
}

changes contains change if {
	some change in input.resource_changes
	some action in change.change.actions
	action in {"create", "update"}
}

open_to_world(rule) if "0.0.0.0/0" in rule.cidr_blocks

open_to_world(rule) if "::/0" in rule.ipv6_cidr_blocks

covers(rule, _) if rule.protocol == "-1"

covers(rule, port) if {
	rule.from_port <= port
	rule.to_port >= port
}
