package cicd.github_checkout_test

import data.cicd.github_checkout as checkout

found(doc) := result if {
	denied := checkout.deny with input as doc
	warned := checkout.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

workflow(trigger, step) := {"name": "x", "on": trigger, "jobs": {"build": {"runs-on": "ubuntu-24.04", "steps": [step]}}}

checkout_with(uses, options) := {"uses": uses, "with": options}

bad := {
	"name": "comments",
	"on": {"issue_comment": {"types": ["created"]}},
	"permissions": {"contents": "read"},
	"jobs": {"test": {"runs-on": "ubuntu-24.04", "steps": [
		{"uses": "actions/checkout@v4"},
		{"run": "gh pr checkout ${{ github.event.issue.number }}\nmake test"},
	]}},
}

good := {
	"name": "test",
	"on": {"pull_request": {}},
	"permissions": {"contents": "read"},
	"jobs": {"test": {"runs-on": "ubuntu-24.04", "steps": [
		{"uses": "actions/checkout@v4", "with": {"persist-credentials": false}},
		{"run": "git fetch origin main\nmake test"},
	]}},
}

pull := {"cicd/github_checkout/pull-request"}

test_bad_workflow_has_every_finding if found(bad) == pull | {"cicd/github_checkout/persisted-token"}

test_good_workflow_is_accepted if {
	found(good) == set()
	checkout.allow with input as good
	not checkout.allow with input as bad
	not checkout.allow with input as {}
}

test_commands_that_fetch_pull_requests_are_told if {
	every line in [
		"gh pr checkout 7", "gh  pr  checkout ${{ github.event.number }}", "git fetch origin pull/${{ github.event.number }}/head",
		"git fetch origin +refs/pull/7/head:pr && git checkout pr", "git checkout ${{ github.event.pull_request.head.sha }}",
		"git pull ${{ github.event.pull_request.head.repo.clone_url }} ${{ github.head_ref }}",
		"git -C src fetch origin ${{ github.event.workflow_run.head_sha }}",
	] {
		every trigger in ["pull_request_target", "issue_comment", "workflow_run"] {
			found(workflow(trigger, {"run": sprintf("set -e\n%s\nmake", [line])})) == pull
		}
		found(workflow("pull_request", {"run": line})) == set()
	}
}

test_other_commands_are_accepted if {
	every line in [
		"git fetch origin main", "git log", "gh pr comment 7", "echo ${{ github.event.number }}", "git checkout -b release",
		"git diff --stat", "git fetch origin ${{ github.event.pull_request.base.sha }}", "gh pr view ${{ github.event.issue.number }}",
	] {
		found(workflow("pull_request_target", {"run": line})) == set()
	}
}

test_tokens_stay_unless_told if {
	kept := {"cicd/github_checkout/persisted-token"}
	found(workflow("push", {"uses": "Actions/Checkout@v4"})) == kept
	every value in [true, "true"] {
		found(workflow("push", checkout_with("actions/checkout@v4", {"persist-credentials": value}))) == kept
	}
	every value in [false, "false"] {
		found(workflow("push", checkout_with("actions/checkout@v4", {"persist-credentials": value}))) == set()
	}
	found(workflow("push", {"uses": "corp/checkout@v4"})) == set()
}

after(run) := {"name": "x", "on": "push", "jobs": {
	"build": {"steps": [{"run": "git push"}, {"uses": "actions/checkout@v4"}, {"run": run}]},
	"other": {"steps": [{"run": "make"}, {"run": "make"}, {"run": "git push"}]},
}}

test_tokens_stay_for_a_later_step_that_pushes if {
	every run in ["git push", "git commit -am x && git  push origin main", "git -C src -c user.name=ci --no-pager push"] {
		found(after(run)) == set()
	}
	every run in ["make", "git stash push", "docker push x"] {
		found(after(run)) == {"cicd/github_checkout/persisted-token"}
	}
}

test_message_names_the_trigger if {
	checkout.deny == {{
		"id": "cicd/github_checkout/pull-request",
		"msg": "job build: on issue_comment the script must not fetch the pull request",
		"resource": "jobs.build",
	}} with input as workflow("issue_comment", {"run": "gh pr checkout 7"})
}
