package lib.terraform_test

import data.lib.terraform

# Plans for the tests of the policies about them.
change(type, after) := unknown(type, after, {})

unknown(type, after, unsettled) := {
	"address": sprintf("%s.x", [type]),
	"mode": "managed",
	"type": type,
	"change": {"actions": ["create"], "after": after, "after_unknown": unsettled},
}

plan(changes) := {"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": changes}

one(type, after) := plan([change(type, after)])

later(type, fields) := plan([unknown(type, {}, {field: true | some field in fields})])

gone(type) := plan([object.union(change(type, null), {"change": {"actions": ["delete"], "after": null}})])

test_off_is_what_is_not_set if {
	every value in [null, false, "", []] {
		terraform.off(change("a", {"x": value}), "x")
	}
	terraform.off(change("a", {}), "x")
	terraform.off({"change": {"after": {}}}, "x")
	every value in [true, "a", [{}], 0] {
		not terraform.off(change("a", {"x": value}), "x")
	}
}

test_what_is_known_later_is_not_off if {
	not terraform.off(unknown("a", {}, {"x": true}), "x")
	terraform.off(unknown("a", {"x": []}, {"x": []}), "x")
}

test_changes_are_what_is_created_or_updated if {
	kept := terraform.changes with input as one("a", {})
	count(kept) == 1
	none := terraform.changes with input as gone("a")
	count(none) == 0
}
