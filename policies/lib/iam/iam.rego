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

# Every action, or in a policy of an identity every action but some. In a policy of a resource "every resource" is that one.
everything(statement) if {
	some action in as_list(statement.Action)
	action in {"*", "*:*"}
	"*" in as_list(statement.Resource)
}

everything(statement) if {
	statement.NotAction
	not statement.Principal
	not statement.NotPrincipal
	"*" in as_list(statement.Resource)
}

# Documents write one element or a list.
as_list(value) := value if is_array(value)

as_list(value) := [value] if not is_array(value)
