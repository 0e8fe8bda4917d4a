package cicd.github_access_test

import data.cicd.github_access as access

found(doc) := result if {
	denied := access.deny with input as doc
	warned := access.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

workflow(job) := {"name": "CI", "on": "push", "permissions": {"contents": "read"}, "jobs": {"build": job}}

bad := {"name": "CI", "on": "push", "env": {"NPM_TOKEN": "${{ secrets.NPM_TOKEN }}"}, "jobs": {
	"build": {"runs-on": "ubuntu-24.04", "permissions": "write-all", "steps": [
		{"uses": "actions/checkout@v5"},
		{"run": "make", "env": {"DB_PASSWORD": "hunter2"}},
	]},
	"release": {"uses": "vendor/workflows/.github/workflows/release.yml@1f2e3d4c5b6a79880716253443526170f0e0d0c0", "secrets": "inherit"},
}}

good := workflow({"runs-on": "ubuntu-24.04", "steps": [
	{"uses": "actions/checkout@v5", "with": {"persist-credentials": false}},
	{"run": "make", "env": {"NPM_TOKEN": "${{ secrets.NPM_TOKEN }}"}},
]})

ids := {
	"cicd/github_access/no-permissions", "cicd/github_access/write-all", "cicd/github_access/inherited-secrets",
	"cicd/github_access/plain-secret", "cicd/github_access/wide-secret", "cicd/github_access/persisted-token",
}

test_bad_workflow_has_every_finding if found(bad) == ids

test_good_workflow_is_accepted if {
	found(good) == set()
	access.allow with input as good
	not access.allow with input as bad
	not access.allow with input as {}
}

test_message_names_job_and_workflow if {
	access.deny == {{
		"id": "cicd/github_access/inherited-secrets",
		"msg": "job build: vendor/ci/.github/workflows/a.yml@v1 must not inherit all secrets",
		"resource": "jobs.build",
	}} with input as workflow({"uses": "vendor/ci/.github/workflows/a.yml@v1", "secrets": "inherit"})
}

test_permissions_of_a_job_suffice if {
	doc := {"on": "push", "jobs": {"a": {"permissions": {}, "steps": []}, "b": {"permissions": "read-all"}}}
	found(doc) == set()
	found({"on": "push", "jobs": {"a": {"steps": []}}}) == {"cicd/github_access/no-permissions"}
}

test_own_workflows_may_inherit_secrets if {
	found(workflow({"uses": "./.github/workflows/release.yml", "secrets": "inherit"})) == set()
}

login(password) := {"uses": "docker/login-action@0123456789abcdef0123456789abcdef01234567", "with": {"username": "ci", "password": password}}

test_credentials_and_inputs_hold_secrets_too if {
	plain := {"cicd/github_access/plain-secret"}
	found(workflow({"runs-on": "ubuntu-24.04", "steps": [login("hunter2")]})) == plain
	found(workflow({"runs-on": "ubuntu-24.04", "steps": [login("${{ secrets.REGISTRY }}")]})) == set()
	image := {"image": "r.example/a:1", "credentials": {"username": "ci", "password": "hunter2"}}
	found(workflow({"runs-on": "ubuntu-24.04", "container": image, "steps": []})) == plain
	found(workflow({"runs-on": "ubuntu-24.04", "services": {"db": image}, "steps": []})) == plain
}

wide(value) := object.union(good, {"env": {"A": value}})

test_secrets_in_any_expression_are_for_every_step if {
	every value in ["${{ secrets.A }}", "${{secrets['A']}}", "${{ format('{0}', secrets.A) }}"] {
		found(wide(value)) == {"cicd/github_access/wide-secret"}
	}
	found(wide("${{ vars.A }}")) == set()
}

stepping(step) := workflow({"runs-on": "ubuntu-24.04", "steps": [step]})

checkout_with(uses, options) := {"uses": uses, "with": options}

test_tokens_stay_unless_told if {
	kept := {"cicd/github_access/persisted-token"}
	found(stepping({"uses": "Actions/Checkout@v4"})) == kept
	every value in [true, "true"] {
		found(stepping(checkout_with("actions/checkout@v4", {"persist-credentials": value}))) == kept
	}
	every value in [false, "false"] {
		found(stepping(checkout_with("actions/checkout@v4", {"persist-credentials": value}))) == set()
	}
	found(stepping({"uses": "corp/checkout@v4"})) == set()
}

after(run) := {"name": "x", "on": "push", "permissions": {}, "jobs": {
	"build": {"steps": [{"run": "git push"}, {"uses": "actions/checkout@v4"}, {"run": run}]},
	"other": {"steps": [{"run": "make"}, {"run": "make"}, {"run": "git push"}]},
}}

test_tokens_stay_for_a_later_step_that_pushes if {
	every run in ["git push", "git commit -am x && git  push origin main", "git -C src -c user.name=ci --no-pager push"] {
		found(after(run)) == set()
	}
	every run in ["make", "git stash push", "docker push x"] {
		found(after(run)) == {"cicd/github_access/persisted-token"}
	}
}

java(options) := found(stepping({"uses": "Actions/setup-java@v4", "with": options}))

test_setup_java_takes_names_of_variables if {
	java({"server-id": "central", "server-username": "MAVEN_USERNAME", "server-password": "MAVEN_PASSWORD", "gpg-passphrase": "MAVEN_GPG_PASSPHRASE"}) == set()
	java({"gpg-private-key": "lQOYBGdf"}) == {"cicd/github_access/plain-secret"}
	found(stepping({"uses": "corp/deploy@v1", "with": {"server-password": "MAVEN_PASSWORD"}})) == {"cicd/github_access/plain-secret"}
	found(stepping({"uses": "actions/setup-java@v4", "env": {"SERVER_PASSWORD": "hunter2"}})) == {"cicd/github_access/plain-secret"}
}
