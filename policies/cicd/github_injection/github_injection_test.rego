package cicd.github_injection_test

import data.cicd.github_injection as injection

found(doc) := result if {
	denied := injection.deny with input as doc
	warned := injection.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

workflow(on, job) := {"name": "CI", "on": on, "permissions": {"contents": "read"}, "jobs": {"test": job}}

steps(list) := {"runs-on": "ubuntu-24.04", "steps": list}

run(script) := found(workflow("push", steps([{"run": script}])))

bad := workflow(["pull_request_target"], {
	"runs-on": ["self-hosted", "linux"],
	"env": {"ACTIONS_ALLOW_UNSECURE_COMMANDS": "true"},
	"steps": [
		{"run": "echo \"${{ github.event.pull_request.title }}\""},
	],
})

good := workflow({"pull_request": null, "push": {"branches": ["main"]}}, {
	"runs-on": "ubuntu-24.04",
	"steps": [
		{"uses": "actions/checkout@v5"},
		{"run": "echo \"$TITLE\"", "env": {"TITLE": "${{ github.event.pull_request.title }}"}},
		{"run": "make test ${{ github.sha }}"},
	],
})

ids := {
	"cicd/github_injection/script", "cicd/github_injection/unsecure-commands", "cicd/github_injection/self-hosted",
}

test_bad_workflow_has_every_finding if found(bad) == ids

test_good_workflow_is_accepted if {
	found(good) == set()
	injection.allow with input as good
	not injection.allow with input as bad
	not injection.allow with input as {}
}

test_message_names_job_and_expression if {
	injection.deny == {{
		"id": "cicd/github_injection/script",
		"msg": "job test: the script must not contain ${{ github.head_ref }}",
		"resource": "jobs.test",
	}} with input as workflow("push", steps([{"run": "git switch ${{ github.head_ref }}"}]))
}

test_text_of_others_is_told if {
	every field in ["issue.body", "comment.body", "head_commit.message", "commits[0].message", "pull_request.head.ref"] {
		run(sprintf("echo ${{ github.event.%s }}", [field])) == {"cicd/github_injection/script"}
	}
	every field in ["event.number", "event.pull_request.number", "event.pull_request.head.sha", "ref_name"] {
		run(sprintf("echo ${{ github.%s }}", [field])) == set()
	}
}

test_scripts_of_actions_count if {
	script := {"uses": "actions/github-script@v8", "with": {"script": "core.info('${{ github.event.issue.title }}')"}}
	found(workflow("issues", steps([script]))) == {"cicd/github_injection/script"}

	# What another action calls so is no script.
	found(workflow("issues", steps([object.union(script, {"uses": "acme/stage@v8"})]))) == set()
}

test_runners_are_read_in_each_form if {
	every wanted in ["self-hosted", ["self-hosted"], {"labels": "self-hosted"}, {"labels": ["self-hosted"]}] {
		found(workflow("pull_request", {"runs-on": wanted})) == {"cicd/github_injection/self-hosted"}
		found(workflow("push", {"runs-on": wanted})) == set()
	}
}

test_text_of_others_is_told_in_each_spelling if {
	every expression in [
		"format('{0}', github.event.issue.title)", "github.event['issue']['title']", "github.event.issue['title']",
		"GitHub.Event.Issue.Title", "github['event'].issue . title", "toJSON(github.event.issue.title)",
		"github.event.issue.title || 'none'", "contains(github.ref, 'x') && github.event.issue.title",
		"github.ref == 'a' && github.head_ref || 'b'", "format('{0} }}', github.head_ref)",
	] {
		run(sprintf("echo ${{ %s }}", [expression])) == {"cicd/github_injection/script"}
	}
}

test_tests_of_text_and_literals_are_accepted if {
	every expression in [
		"contains(github.event.issue.title, 'x')", "startsWith(github.head_ref, 'release/')",
		"contains(toJSON(github.event.commits), 'x') && 'a' || 'b'", "github.head_ref == 'main'",
		"github.event.issue.title != '' && 'a' || 'b'", "'github.head_ref'", "format('github.head_ref {0}', github.sha)",
	] {
		run(sprintf("echo ${{ %s }}", [expression])) == set()
	}
}

test_whole_objects_are_text_of_others if {
	every expression in [
		"toJSON(github.event)", "toJson( github )", "toJSON(github.event.issue)", "fromJSON(toJSON(github['event'].comment)).body",
		"github.event.*.body", "github.event.changes.title.from",
	] {
		run(sprintf("echo '${{ %s }}'", [expression])) == {"cicd/github_injection/script"}
	}
	every expression in ["toJSON(github.event.pull_request.number)", "toJSON(matrix)", "toJSON(github.event_name)"] {
		run(sprintf("echo '${{ %s }}'", [expression])) == set()
	}
}

test_names_of_actions_have_no_case if {
	script := {"uses": "Actions/GitHub-Script@v8", "with": {"script": "core.info('${{ github.event.issue.title }}')"}}
	found(workflow("issues", steps([script]))) == {"cicd/github_injection/script"}
}

test_runners_read_more_than_true if {
	every value in ["1", 1, "TRUE", "$true", true] {
		found(object.union(good, {"env": {"ACTIONS_ALLOW_UNSECURE_COMMANDS": value}})) == {"cicd/github_injection/unsecure-commands"}
	}
	found(object.union(good, {"env": {"ACTIONS_ALLOW_UNSECURE_COMMANDS": 0}})) == set()
}

test_reviews_start_jobs_too if {
	every trigger in ["pull_request_review", "pull_request_review_comment"] {
		found(workflow(trigger, {"runs-on": "self-hosted", "steps": []})) == {"cicd/github_injection/self-hosted"}
	}
}

test_hashes_and_ids_are_accepted if {
	every expression in [
		"hashFiles('**/package-lock.json')", "hashFiles(format('{0}/go.sum', github.head_ref))", "github.event.head_commit.id",
		"github.event.commits[0].id", "github.event.commits.*.id", "github.event.head_commit.tree_id", "github.event.workflow_run.head_commit.id",
	] {
		run(sprintf("echo ${{ %s }}", [expression])) == set()
	}
	every expression in [
		"github.event.commits[0].author.name", "github.event.commits.*.message", "github.event.head_commit.author.email",
		"hashFiles('x') && github.head_ref", "github.event.workflow_run.head_commit.message",
	] {
		run(sprintf("echo ${{ %s }}", [expression])) == {"cicd/github_injection/script"}
	}
}
