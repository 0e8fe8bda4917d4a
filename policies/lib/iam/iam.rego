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
	all_of(statement, "Action", "NotAction")
	all_of(statement, "Resource", "NotResource")
}

all_of(statement, named, _) if {
	some pattern in as_list(statement[named])
	anything(pattern)
}

all_of(statement, _, but) if {
	statement[but]
	not "*" in as_list(statement[but])
	not statement.Principal
	not statement.NotPrincipal
}

anything(pattern) if pattern in {"*", "**", "*:*", "arn:aws:*:*:*:*"}

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
	"*" in principals(statement)
}

principals(statement) := [statement.Principal] if is_string(statement.Principal)

principals(statement) := as_list(statement.Principal.AWS)

principals(statement) := ["*"] if {
	statement.NotPrincipal
	not statement.Principal
}

# Documents write one element or a list.
as_list(value) := value if is_array(value)

as_list(value) := [value] if not is_array(value)
