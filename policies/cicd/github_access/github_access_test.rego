package cicd.github_access_test

import data.cicd.github_access as access

found(doc) := result if {
	denied := access.deny with input as doc
	warned := access.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

workflow(job) := {"name": "CI", "on": "push", "permissions": {"contents": "read"}, "jobs": {"build": job}}

uses(name) := found(workflow({"steps": [{"uses": name}]}))

bad := {"name": "CI", "on": "push", "env": {"NPM_TOKEN": "${{ secrets.NPM_TOKEN }}"}, "jobs": {
	"build": {"runs-on": "ubuntu-24.04", "permissions": "write-all", "steps": [
		{"uses": "vendor/deploy@v2"},
		{"uses": "docker://alpine:3.22"},
		{"run": "make", "env": {"DB_PASSWORD": "hunter2"}},
	]},
	"release": {"uses": "vendor/workflows/.github/workflows/release.yml@1f2e3d4c5b6a79880716253443526170f0e0d0c0", "secrets": "inherit"},
}}

good := workflow({"runs-on": "ubuntu-24.04", "steps": [
	{"uses": "actions/checkout@v5"},
	{"uses": "vendor/deploy@1f2e3d4c5b6a79880716253443526170f0e0d0c0"},
	{"uses": "./.github/actions/lint"},
	{"run": "make", "env": {"NPM_TOKEN": "${{ secrets.NPM_TOKEN }}"}},
]})

ids := {
	"cicd/github_access/unpinned-action", "cicd/github_access/unpinned-image", "cicd/github_access/no-permissions",
	"cicd/github_access/write-all", "cicd/github_access/inherited-secrets", "cicd/github_access/plain-secret",
	"cicd/github_access/wide-secret",
}

test_bad_workflow_has_every_finding if found(bad) == ids

test_good_workflow_is_accepted if {
	found(good) == set()
	access.allow with input as good
	not access.allow with input as bad
	not access.allow with input as {}
}

test_message_names_job_and_action if {
	access.deny == {{
		"id": "cicd/github_access/unpinned-action",
		"msg": "job build: vendor/deploy@main must be pinned by a commit",
		"resource": "jobs.build",
	}} with input as workflow({"steps": [{"uses": "vendor/deploy@main"}]})
}

test_pins_are_told if {
	commit := "1f2e3d4c5b6a79880716253443526170f0e0d0c0"
	every name in [concat("@", ["vendor/deploy", commit]), "actions/cache@v4", "./local"] {
		uses(name) == set()
	}
	every name in ["vendor/deploy@v2", "vendor/deploy", "vendor/deploy@1f2e3d4"] {
		uses(name) == {"cicd/github_access/unpinned-action"}
	}
	uses("docker://alpine@sha256:1111111111111111111111111111111111111111111111111111111111111111") == set()
}

test_trusted_owners_are_data if {
	strict := access.deny with input as good with data.config.cicd.trusted_action_owners as []
	{finding.msg | some finding in strict} == {"job build: actions/checkout@v5 must be pinned by a commit"}
}

test_permissions_of_a_job_suffice if {
	doc := {"on": "push", "jobs": {"a": {"permissions": {}, "steps": []}, "b": {"permissions": "read-all"}}}
	found(doc) == set()
	found({"on": "push", "jobs": {"a": {"steps": []}}}) == {"cicd/github_access/no-permissions"}
}

test_own_workflows_may_inherit_secrets if {
	found(workflow({"uses": "./.github/workflows/release.yml", "secrets": "inherit"})) == set()
}
