# METADATA
# title: Grants of AWS
# description: What managed policies and statements of policy documents grant, in every partition (aws, aws-cn, aws-us-gov).
package lib.iam

# The name of a managed policy that makes its holder an administrator, or lets it become one.
administrator(arn) := name if {
	some end, name in administrators
	endswith(arn, end)
}

administrators := {
	":aws:policy/AdministratorAccess": "AdministratorAccess",
	":aws:policy/IAMFullAccess": "IAMFullAccess",
	":aws:policy/PowerUserAccess": "PowerUserAccess",
}

# Every action, or in a policy of an identity every action but some, on every resource or every one but some. In a policy of a resource
# "every resource" is that one.
everything(statement) if {
	every_action(statement)
	every_resource(statement)
}

every_action(statement) if {
	some action in as_list(statement.Action)
	anything(action)
}

every_action(statement) if {
	statement.NotAction
	not of_resource(statement)
}

every_resource(statement) if {
	some resource in as_list(statement.Resource)
	anything(resource)
}

every_resource(statement) if {
	statement.NotResource
	not "*" in as_list(statement.NotResource)
	not of_resource(statement)
}

# "*", "**", "*:*" and "arn:aws:*:*:*:*".
anything(pattern) if trim(trim_prefix(pattern, "arn:aws"), ":*") == ""

of_resource(statement) if statement.Principal

of_resource(statement) if statement.NotPrincipal

# Each of these lets its holder obtain the rights of another identity.
escalation_actions := {
	"iam:addusertogroup", "iam:attachgrouppolicy", "iam:attachrolepolicy", "iam:attachuserpolicy",
	"iam:createaccesskey", "iam:createloginprofile", "iam:createpolicyversion", "iam:deleterolepermissionsboundary",
	"iam:deleteuserpermissionsboundary", "iam:passrole",
	"iam:putgrouppolicy", "iam:putrolepolicy", "iam:putuserpolicy", "iam:setdefaultpolicyversion",
	"iam:updateassumerolepolicy", "iam:updateloginprofile", "lambda:updatefunctioncode", "lambda:updatefunctionconfiguration", "sts:assumerole",
}

# By which patterns a statement lets its holder obtain the rights of others. What lets do everything is told as that.
escalations(statement) := {sprintf("%s on every resource allows privilege escalation through %s", [pattern, action]) |
	reaches_all(statement)
	object.get(statement, "Condition", {}) in [{}, null]
	some pattern in as_list(statement.Action)
	not anything(pattern)
	some action in escalation_actions
	matches(lower(pattern), action)
}

# Every role, user, group, policy or function, be it of one account.
reaches_all(statement) if {
	some resource in as_list(statement.Resource)
	parts := split(resource, ":")
	trim(parts[count(parts) - 1], "*") in {"", "group/", "policy/", "role/", "user/"}
}

reaches_all(statement) if statement.NotResource

# IAM compares action names without regard to case; an asterisk stands for any text, a question mark for a letter. Of what stands between
# two of them nothing is compared, so that too much is told rather than too little.
matches(pattern, action) if {
	parts := split(replace(pattern, "?", "*"), "*")
	startswith(action, parts[0])
	endswith(action, parts[count(parts) - 1])
}

# Whom a statement admits: everyone, or everyone but some.
admits_everyone(statement) if {
	object.get(statement, "Condition", {}) in [{}, null]
	some principal in principals(statement)
	principal == "*"
}

admits_everyone(statement) if {
	object.get(statement, "Condition", {}) in [{}, null]
	statement.NotPrincipal
}

principals(statement) := [statement.Principal] if is_string(statement.Principal)

principals(statement) := as_list(statement.Principal.AWS) if is_object(statement.Principal)

# Documents write one element or a list.
as_list(value) := value if is_array(value)

as_list(value) := [value] if not is_array(value)
