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

of_types(types) := {change | some change in changes; change.type in types}

# Terraform writes one element or a list for most policy fields; callers want a list.
as_list(value) := value if is_array(value)

as_list(value) := [value] if not is_array(value)

# What a plan says null, false, empty or nothing of, and not that it is known after the apply: then nobody could tell.
# The attribute is looked up last, so that findings stand there.
off(change, field) if {
	known(change, field)
	not change.change.after[field]
}

off(change, field) if {
	known(change, field)
	change.change.after[field] in {null, "", []}
}

known(change, field) if not change.change.after_unknown[field] == true

# The blocks of a name, that is a list even where only one may stand.
blocks(change, name) := [block | some block in change.change.after[name]]

finding(id, change, message) := {
	"id": id,
	"msg": sprintf("%s: %s", [change.address, message]),
	"resource": change.address,
}
