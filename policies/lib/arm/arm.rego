# METADATA
# title: Azure Resource Manager templates
# description: >-
#   The resources of a template, whether they stand in a list or, in newer templates, in an object. Expressions ("[parameters('x')]")
#   are text that says nothing of the value.
package lib.arm

resources contains resource if {
	some resource in input.resources
	is_object(resource)
}

# Children that are written inside of their parent have a type that goes on where its ends.
resources contains child if {
	some parent in input.resources
	some inner in parent.resources
	child := object.union(inner, {"type": sprintf("%s/%s", [parent.type, inner.type])})
}

# Types are compared without regard to case.
of_type(type) := {resource | some resource in resources; lower(resource.type) == lower(type)}

properties(resource) := object.get(resource, "properties", {})

name(resource) := object.get(resource, "name", "unnamed")

finding(id, resource, message) := {
	"id": id,
	"msg": sprintf("%s: %s", [name(resource), message]),
	"resource": sprintf("%s/%s", [resource.type, name(resource)]),
}
