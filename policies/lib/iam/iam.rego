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

# Services whose every action reaches what is kept: data, keys, secrets, machines and what watches them.
keepers := {
	"backup", "cloudtrail", "dynamodb", "ec2", "guardduty", "kms", "organizations", "rds", "redshift", "s3",
	"secretsmanager", "ssm",
}

# Services of which a statement allows every action on every resource.
whole_services(statement) := {service |
	object.get(statement, "Condition", {}) in [{}, null]
	all_of(statement, "Resource", "NotResource")
	some pattern in as_list(statement.Action)
	[service, "*"] = split(lower(pattern), ":")
	service in keepers
}

# In any partition: "arn:aws-cn:*:*:*:*".
anything(pattern) if pattern in {
	"*", "**", "***", "*:*",
	"arn:*:*:*:*:*", "arn:aws:*:*:*:*", "arn:aws-cn:*:*:*:*", "arn:aws-us-gov:*:*:*:*",
}

# Each of these lets its holder obtain the rights of another identity; with what it is used on.
escalation_actions := {
	"iam:addusertogroup": "iam:group/", "iam:attachgrouppolicy": "iam:group/", "iam:attachrolepolicy": "iam:role/",
	"iam:attachuserpolicy": "iam:user/", "iam:createaccesskey": "iam:user/", "iam:createloginprofile": "iam:user/",
	"iam:createpolicyversion": "iam:policy/", "iam:deleterolepermissionsboundary": "iam:role/",
	"iam:deleteuserpermissionsboundary": "iam:user/", "iam:passrole": "iam:role/", "iam:putgrouppolicy": "iam:group/",
	"iam:putrolepolicy": "iam:role/", "iam:putuserpolicy": "iam:user/", "iam:setdefaultpolicyversion": "iam:policy/",
	"iam:updateassumerolepolicy": "iam:role/", "iam:updateloginprofile": "iam:user/",
	"lambda:updatefunctioncode": "lambda:function:", "lambda:updatefunctionconfiguration": "lambda:function:",
	"sts:assumerole": "iam:role/",
}

# By which patterns a statement lets its holder obtain the rights of others. What lets do everything is told as that.
escalations(statement) := {sprintf("%s on every resource allows privilege escalation through %s", [pattern, action]) |
	object.get(statement, "Condition", {}) in [{}, null]
	some pattern in as_list(statement.Action)
	not anything(pattern)
	some action, target in escalation_actions
	matches(lower(pattern), action)
	reaches_all(statement, target)
}

# Every role, user, group, policy or function, be it of one account: an ARN that a wildcard ends before their names begin. Partition,
# region and account are what they like.
reaches_all(statement, target) if {
	some resource in as_list(statement.Resource)
	start := trim_right(resource, "*")
	start != resource
	kept := concat(":", [part | some place, part in split(start, ":"); not place in {1, 3, 4}])
	some service in ["arn:iam:", "arn:lambda:"]
	startswith(concat("", ["arn:", target]), replace(kept, "arn:*:", service))
}

reaches_all(statement, _) if statement.NotResource

# IAM compares action names without regard to case; an asterisk stands for any text, a question mark for a letter. Each piece between two
# of them must be there, and there must be room for all; of their order nothing is said, so that too much is told rather than too little.
matches(pattern, action) if {
	fits(pattern, action)
	parts := split(replace(pattern, "?", "*"), "*")
	last := count(parts) - 1
	startswith(action, parts[0])
	endswith(action, parts[last])
	inner := substring(action, count(parts[0]), count(action) - count(concat("", [parts[0], parts[last]])))
	every piece in array.slice(parts, 1, last) {
		contains(inner, piece)
	}
}

fits(pattern, action) if count(pattern) == count(action)

fits(pattern, action) if {
	contains(pattern, "*")
	count(replace(pattern, "*", "")) <= count(action)
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
