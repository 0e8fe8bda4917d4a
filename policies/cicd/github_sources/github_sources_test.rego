package cicd.github_sources_test

import data.cicd.github_sources as sources

found(doc) := result if {
	denied := sources.deny with input as doc
	result := {finding.id | some finding in denied}
}

workflow(job) := {"name": "CI", "on": "push", "permissions": {"contents": "read"}, "jobs": {"build": job}}

uses(name) := found(workflow({"steps": [{"uses": name}]}))

bad := workflow({"runs-on": "ubuntu-24.04", "steps": [
	{"uses": "vendor/deploy@v2"},
	{"uses": "docker://alpine:3.22"},
	{"run": "curl -sSL https://get.corp.example | sh"},
]})

good := workflow({"runs-on": "ubuntu-24.04", "steps": [
	{"uses": "actions/checkout@v5"},
	{"uses": "vendor/deploy@1f2e3d4c5b6a79880716253443526170f0e0d0c0"},
	{"uses": "./.github/actions/lint"},
	{"run": "make"},
]})

ids := {
	"cicd/github_sources/unpinned-action", "cicd/github_sources/unpinned-image", "cicd/github_sources/unchecked-download",
}

test_bad_workflow_has_every_finding if found(bad) == ids

test_good_workflow_is_accepted if {
	found(good) == set()
	sources.allow with input as good
	not sources.allow with input as bad
	not sources.allow with input as {}
}

test_message_names_job_and_action if {
	sources.deny == {{
		"id": "cicd/github_sources/unpinned-action",
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
		uses(name) == {"cicd/github_sources/unpinned-action"}
	}
	uses("docker://alpine@sha256:1111111111111111111111111111111111111111111111111111111111111111") == set()
}

test_trusted_owners_are_data if {
	strict := sources.deny with input as good with data.config.cicd.trusted_action_owners as []
	{finding.msg | some finding in strict} == {"job build: actions/checkout@v5 must be pinned by a commit"}
}

test_workflows_of_others_count if {
	found(workflow({"uses": "vendor/ci/.github/workflows/build.yml@main"})) == {"cicd/github_sources/unpinned-action"}
	found(workflow({"uses": "./.github/workflows/build.yml"})) == set()
}

test_scripts_of_actions_count if {
	script := {"uses": "actions/github-script@v8", "with": {"script": "exec('curl https://x | sh')"}}
	found(workflow({"steps": [script]})) == {"cicd/github_sources/unchecked-download"}
}
