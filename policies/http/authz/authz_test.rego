package http.authz_test

import data.http.authz

request(method, path, user, resource) := {"method": method, "path": path, "user": user, "resource": resource}

viewer := {"id": "vera", "roles": ["viewer"], "tenant": "a"}

admin := {"id": "ada", "roles": ["admin"], "tenant": "a", "mfa": true}

theirs := {"owner": "otto", "tenant": "a"}

test_role_grants_reading if authz.allow with input as request("GET", ["documents", "1"], viewer, theirs)

test_role_grants_listing if authz.allow with input as {"method": "GET", "path": ["documents"], "user": viewer}

test_role_does_not_grant_writing if {
	not authz.allow with input as request("PUT", ["documents", "1"], viewer, theirs)
	not authz.allow with input as request("DELETE", ["documents", "1"], viewer, theirs)
}

test_any_of_several_roles_grants if {
	user := object.union(viewer, {"roles": ["viewer", "editor"]})
	authz.allow with input as request("POST", ["documents"], user, {"tenant": "a"})
}

test_owner_may_change_own_resource if {
	every method in ["GET", "PUT", "PATCH", "DELETE"] {
		authz.allow with input as request(method, ["documents", "1"], viewer, {"owner": "vera", "tenant": "a"})
	}
}

test_ownership_grants_no_creation if {
	not authz.allow with input as request("POST", ["documents"], viewer, {"owner": "vera", "tenant": "a"})
}

test_unknown_role_grants_nothing if {
	user := object.union(viewer, {"roles": ["root"]})
	not authz.allow with input as request("GET", ["documents", "1"], user, theirs)
}

test_unknown_method_is_denied if not authz.allow with input as request("BREW", ["documents", "1"], admin, theirs)

test_empty_input_is_denied if not authz.allow with input as {}

test_two_missing_identities_are_not_ownership if {
	not authz.allow with input as {"method": "GET", "path": ["documents", "1"], "user": {}, "resource": {}}
}

test_suspended_user_is_denied if {
	user := object.union(admin, {"suspended": true})
	doc := request("GET", ["documents", "1"], user, theirs)
	not authz.allow with input as doc
	authz.deny == {{
		"id": "http/authz/suspended",
		"msg": "user ada is suspended",
		"resource": "documents/1",
	}} with input as doc
}

test_other_tenant_is_denied_even_to_its_admin if {
	doc := request("GET", ["documents", "1"], admin, {"owner": "otto", "tenant": "b"})
	not authz.allow with input as doc
	count(authz.deny) == 1 with input as doc
}

test_administration_needs_second_factor if {
	doc := request("PUT", ["users", "7"], object.union(admin, {"mfa": false}), {"tenant": "a"})
	not authz.allow with input as doc
	authz.allow with input as request("PUT", ["users", "7"], admin, {"tenant": "a"})
}

bad := request("POST", ["users"], {"id": "ada", "roles": ["admin"], "suspended": true, "tenant": "a"}, {"tenant": "b"})

good := request("GET", ["documents", "42"], viewer, theirs)

test_bad_request_has_every_finding if {
	denied := authz.deny with input as bad
	{finding.id | some finding in denied} == {"http/authz/suspended", "http/authz/tenant", "http/authz/second-factor"}
}

test_good_request_is_allowed if authz.allow with input as good

test_nobody_owns_what_nobody_owns if {
	every id in ["", null] {
		not authz.allow with input as request("DELETE", ["documents", "1"], {"id": id}, {"owner": id})
	}
}

test_users_without_id_are_suspended_too if {
	user := {"roles": ["viewer"], "suspended": true}
	not authz.allow with input as request("GET", ["documents", "1"], user, {})
	every suspended in ["true", "yes", 1] {
		not authz.allow with input as request("GET", ["documents", "1"], object.union(viewer, {"suspended": suspended}), theirs)
	}
	every suspended in [false, null] {
		authz.allow with input as request("GET", ["documents", "1"], object.union(viewer, {"suspended": suspended}), theirs)
	}
}

test_users_without_tenant_reach_no_tenant if {
	user := {"id": "vera", "roles": ["viewer"]}
	not authz.allow with input as request("GET", ["documents", "1"], user, theirs)
	authz.allow with input as request("GET", ["documents", "1"], user, {"owner": "otto"})
}

test_numbers_in_paths_are_read if {
	doc := request("GET", ["documents", 7], admin, {"owner": "otto", "tenant": "b"})
	not authz.allow with input as doc
	authz.deny == {{
		"id": "http/authz/tenant",
		"msg": "user ada must not reach the tenant b",
		"resource": "documents/7",
	}} with input as doc
	authz.allow with input as request("GET", ["documents", 7], viewer, theirs)
}
