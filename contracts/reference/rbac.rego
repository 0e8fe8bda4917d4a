# Who holds a role with a permission may use it.
package reference.rbac

default allow := false

allow if {
	some role in data.users[input.user].roles
	some perm in data.roles[role].permissions
	perm.action == input.action
	perm.resource == input.resource
}
