# METADATA
# title: Azure Resource Manager templates
# description: >-
#   The resources of a template, whether they stand in a list or, in newer templates, in an object. Expressions ("[parameters('x')]")
#   are text that says nothing of the value.
package lib.arm

# Templates are the input and, at any depth, those of nested deployments, which Bicep modules compile to.
resources contains resource if {
	some path, resource in members
	count(types(path)) == 1
}

# Children that are written inside of their parents have a type that goes on where those end, however deep.
resources contains child if {
	some path, inner in members
	written := types(path)
	count(written) > 1
	child := {"type": concat("/", written), "name": name(inner), "properties": properties(inner)}
}

templates contains input

templates contains template if {
	some path, _ in members
	template := object.get(input, path, {}).properties.template
	is_object(template)
}

# The resources by their paths: a resource stands in the template, in another resource, or in the template of a deployment.
members[path] := value if {
	walk(input, [path, value])
	path[count(path) - 2] == "resources"
	is_string(value.type)
	place := concat("/", [sprintf("%v", [key]) | some key in path])
	regex.match(`^resources/[^/]+(/(properties/template/)?resources/[^/]+)*$`, place)
}

# The types of a resource and of those that it is written in, in its template.
types(path) := [type |
	some length in numbers.range(2, count(path))
	length > start(path)
	path[length - 2] == "resources"
	type := members[array.slice(path, 0, length)].type
]

start(path) := max({0} | {i | some i, "template" in path})

# Types are compared without regard to case.
of_type(type) := {resource | some resource in resources; lower(resource.type) == lower(type)}

properties(resource) := object.get(resource, "properties", {})

# What stands in one attribute, and what in the other for several values; either may be null.
values(holder, one, many) := {value | some value in holder[many]} | {value | value := holder[one]; value != null}

name(resource) := object.get(resource, "name", "unnamed")

finding(id, resource, message) := {
	"id": id,
	"msg": sprintf("%s: %s", [name(resource), message]),
	"resource": sprintf("%s/%s", [resource.type, name(resource)]),
}
