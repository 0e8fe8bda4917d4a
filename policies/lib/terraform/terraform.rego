# METADATA
# title: Terraform plans
# description: The resources that a plan creates or changes, from "terraform show -json".
package lib.terraform

changes contains change if {
	is_array(input.resource_changes)
	some change in input.resource_changes
	change.mode == "managed"
	some action in change.change.actions
	action in {"create", "update"}
}

of_type(type) := {change | some change in changes; change.type == type}

# Terraform writes one element or a list for most policy fields; callers want a list.
as_list(value) := value if is_array(value)

as_list(value) := [value] if not is_array(value)
