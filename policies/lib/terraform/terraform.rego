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

# HCL may write booleans and numbers as text, and text as a number; Terraform converts them to what the provider's schema says:
# "true" and "1" to true, "false" and "0" to false.
is_true(value) if value == true

is_true(value) if lower(value) in {"true", "1"}

is_false(value) if value == false

is_false(value) if lower(value) in {"false", "0"}

text(value) := sprintf("%v", [value])

# Null is a number that is not set.
number(null) := 0

number(value) := value if is_number(value)

number(value) := to_number(value) if is_string(value)

# The first and the last port of "22", 22 and "20-25".
port_range(value) := {"first": to_number(ends[0]), "last": to_number(ends[count(ends) - 1])} if {
	ends := split(text(value), "-")
}

# What a plan says null, false, empty or nothing of, and not that it is known after the apply: then nobody could tell.
# The attribute is looked up last, so that findings stand there.
off(change, field) if {
	known(change, field)
	unset(change, field)
}

# The change is the argument, and not what it has after it: a call with something undefined is undefined, so that a plan without it would pass.
unset(change, field) if not change.change.after[field]

unset(change, field) if change.change.after[field] in {null, "", []}

unset(change, field) if is_false(change.change.after[field])

known(change, field) if not change.change.after_unknown[field] == true

# The blocks of a name, that is a list even where only one may stand.
blocks(change, name) := [block | some block in change.change.after[name]]

# Whether a resource refers to others of a change's type, and not to it.
about_another(resource, change) if {
	named := {reference | some reference in references(resource); startswith(reference, concat("", [change.type, "."]))}
	count(named) > 0
	not about(resource, change, named)
}

about(resource, change, named) if {
	object.get(resource, "module_address", "") == object.get(change, "module_address", "")
	concat(".", [change.type, change.name]) in named
}

# What the expressions of a resource refer to, in the root module and those that it calls; deeper ones are not looked up.
references(change) := {reference |
	some module in modules
	some resource in module.resources
	resource.type == change.type
	resource.name == change.name
	some expressions in [resource.expressions, [object.get(resource, "for_each_expression", {})]]
	some expression in expressions
	some reference in expression.references
}

modules contains input.configuration.root_module

modules contains call.module if some call in input.configuration.root_module.module_calls

finding(id, change, message) := {
	"id": id,
	"msg": sprintf("%s: %s", [change.address, message]),
	"resource": change.address,
}
