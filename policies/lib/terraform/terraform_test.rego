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

# The plan as HCL may write it: booleans and numbers as text, and text that is a number as one.
as_text(doc) := json.patch(doc, [{"op": "replace", "path": path, "value": sprintf("%v", [value])} |
	walk(doc, [path, value])
	"after" in path
	type_name(value) in {"boolean", "number"}
])

as_numbers(doc) := json.patch(doc, [{"op": "replace", "path": path, "value": to_number(value)} |
	walk(doc, [path, value])
	"after" in path
	regex.match(`^[1-9][0-9]*$`, value)
])

test_off_is_what_is_not_set if {
	every value in [null, false, "", [], "false", "0"] {
		terraform.off(change("a", {"x": value}), "x")
	}
	terraform.off(change("a", {}), "x")
	terraform.off({"change": {"after": {}}}, "x")
	terraform.off({"change": {"after": null}}, "x")
	terraform.off({"change": {}}, "x")
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

test_text_stands_for_booleans_and_numbers if {
	every value in [true, "true", "1"] {
		terraform.is_true(value)
		not terraform.is_false(value)
	}
	every value in [false, "false", "0"] {
		terraform.is_false(value)
		not terraform.is_true(value)
	}
	every value in [null, "", "yes", 1, 0, [], {}] {
		not terraform.is_true(value)
		not terraform.is_false(value)
	}
	terraform.number("22") == 22
	terraform.number(22) == 22
	terraform.number(null) == 0
	not terraform.number("a")
	terraform.port_range(22) == {"first": 22, "last": 22}
	terraform.port_range("20-25") == {"first": 20, "last": 25}
	not terraform.port_range("*")
}

test_spellings_of_a_plan if {
	doc := as_text(one("a", {"x": true, "y": [22], "z": "22"}))
	doc == one("a", {"x": "true", "y": ["22"], "z": "22"})
	as_numbers(doc) == one("a", {"x": "true", "y": [22], "z": 22})
}
