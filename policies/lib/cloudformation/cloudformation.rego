# METADATA
# title: CloudFormation templates
# description: The resources of a template by type, and values that may be text, booleans or functions.
package lib.cloudformation

# Each resource of a type with its properties; without properties they are empty.
of_type(type) := {{"name": name, "properties": object.get(resource, "Properties", {})} |
	some name, resource in input.Resources
	resource.Type == type
}

# The functions of SAM and of Lambda by name, with their properties; without properties they are empty.
functions[name] := properties if {
	some name, resource in input.Resources
	resource.Type in {"AWS::Serverless::Function", "AWS::Lambda::Function"}
	properties := object.get(resource, "Properties", {})
}

# Templates write booleans as text too.
is_true(value) if value == true

is_true(value) if lower(value) == "true"

# Not set, or said to be false. What a function gives is known when the stack is made.
off(properties, field) if not properties[field]

off(properties, field) if properties[field] == null

off(properties, field) if lower(properties[field]) == "false"

# A value, or the default of the parameter that it refers to.
said(value) := value if not value.Ref

said(value) := input.Parameters[value.Ref].Default

as_list(value) := value if is_array(value)

as_list(value) := [value] if not is_array(value)

# The text of an ARN: as it is, or the pattern of Fn::Sub, or the end of what Fn::Join joins.
arn(value) := value if is_string(value)

arn(value) := value["Fn::Sub"] if is_string(value["Fn::Sub"])

arn(value) := value["Fn::Sub"][0] if is_array(value["Fn::Sub"])

arn(value) := parts[count(parts) - 1] if {
	parts := value["Fn::Join"][1]
	is_array(parts)
}

# A number, also as text.
number(value) := value if is_number(value)

number(value) := to_number(value) if is_string(value)

finding(id, name, message) := {"id": id, "msg": sprintf("%s: %s", [name, message]), "resource": name}
