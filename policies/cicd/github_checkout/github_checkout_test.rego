package cicd.github_checkout_test

import data.cicd.github_checkout as checkout

found(doc) := result if {
	denied := checkout.deny with input as doc
	result := {finding.id | some finding in denied}
}

workflow(trigger, step) := {"name": "x", "on": trigger, "jobs": {"build": {"runs-on": "ubuntu-24.04", "steps": [step]}}}

bad := {
	"name": "comments",
	"on": {"issue_comment": {"types": ["created"]}},
	"permissions": {"contents": "read"},
	"jobs": {"test": {"runs-on": "ubuntu-24.04", "steps": [
		{"uses": "actions/checkout@v4", "with": {"ref": "refs/pull/${{ github.event.issue.number }}/merge"}},
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

test_bad_workflow_has_every_finding if found(bad) == pull | {"cicd/github_checkout/untrusted-checkout"}

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

test_message_names_the_trigger if {
	checkout.deny == {{
		"id": "cicd/github_checkout/pull-request",
		"msg": "job build: on issue_comment the script must not fetch the pull request",
		"resource": "jobs.build",
	}} with input as workflow("issue_comment", {"run": "gh pr checkout 7"})
}

triggered(on, job) := {"name": "CI", "on": on, "permissions": {"contents": "read"}, "jobs": {"test": job}}

job_of(steps) := {"runs-on": "ubuntu-24.04", "steps": steps}

taking(reference) := {"uses": "actions/checkout@v5", "with": {"ref": reference}}

test_checkouts_of_the_target_are_accepted if {
	found(triggered("pull_request_target", job_of([{"uses": "actions/checkout@v5"}]))) == set()
	found(triggered("pull_request", job_of([taking("${{ github.event.pull_request.head.sha }}")]))) == set()
	merge := triggered({"workflow_run": {}}, job_of([taking("${{ github.event.workflow_run.head_sha }}")]))
	found(merge) == {"cicd/github_checkout/untrusted-checkout"}
}

test_triggers_are_read_in_each_form if {
	job := job_of([taking("refs/pull/${{ github.event.number }}/merge")])
	every on in ["pull_request_target", ["push", "pull_request_target"], {"pull_request_target": null}] {
		found(triggered(on, job)) == {"cicd/github_checkout/untrusted-checkout"}
	}
	found({"true": ["pull_request_target"], "jobs": {"test": job}}) == {"cicd/github_checkout/untrusted-checkout"}
}

test_checkouts_in_other_spellings_count if {
	checked_out := {"cicd/github_checkout/untrusted-checkout"}
	every reference in [
		"${{ github.event['pull_request'].head.sha }}", "${{ GitHub.Event.Pull_Request.Head.Sha }}",
		"${{ github.event.pull_request.merge_commit_sha }}",
	] {
		found(triggered("pull_request_target", job_of([taking(reference)]))) == checked_out
		found(triggered("pull_request_target", job_of([object.union(taking(reference), {"uses": "Actions/Checkout@v5"})]))) == checked_out
	}
	late := taking("${{ github.event.workflow_run.pull_requests[0].head.sha }}")
	found(triggered({"workflow_run": {}}, job_of([late]))) == checked_out
}

head := taking("${{ github.event.pull_request.head.sha }}")

on_condition(condition) := [
	found(triggered("pull_request_target", object.union(job_of([head]), {"if": condition}))),
	found(triggered("pull_request_target", job_of([object.union(head, {"if": condition})]))),
]

test_merged_and_own_code_may_be_checked_out if {
	every condition in [
		"github.event.pull_request.merged == true", "${{ github.event.pull_request.merged }}",
		"github.event.pull_request.merged && (github.event.action == 'closed' || (github.event.label.name == 'backport' && x))",
		"github.event.pull_request.merged && (x || (y && contains(github.event.label.name, 'backport')))",
		"contains(github.event.pull_request.labels.*.name, 'backport') && github.event.pull_request.merged",
		"github.event.pull_request.head.repo.full_name == github.repository", "!github.event.pull_request.head.repo.fork",
	] {
		on_condition(condition) == [set(), set()]
	}
	every condition in [
		"github.event.pull_request.merged == false", "!github.event.pull_request.merged", "github.event.action == 'closed'",
		"github.event.pull_request.merged || github.event.action == 'labeled'", "(x || github.event.pull_request.merged)",
		"github.event.pull_request.merged && x || y", "github.actor == 'dependabot[bot]'",
	] {
		on_condition(condition) == [{"cicd/github_checkout/untrusted-checkout"}, {"cicd/github_checkout/untrusted-checkout"}]
	}
}

test_commands_have_conditions_too if {
	step := {"run": "git checkout ${{ github.event.workflow_run.head_sha }}"}
	found(workflow("workflow_run", step)) == pull
	found(workflow("workflow_run", object.union(step, {"if": "github.event.workflow_run.event == 'push'"}))) == set()
	found(workflow("workflow_run", object.union(step, {"if": "github.event.workflow_run.conclusion == 'success'"}))) == pull
}
