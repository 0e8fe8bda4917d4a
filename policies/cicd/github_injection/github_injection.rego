# METADATA
# title: GitHub workflows that run others' code
# description: >-
#   Workflows in which whoever opens a pull request or an issue runs code with the repository's secrets, or on its
#   machines.
# related_resources:
# - https://docs.github.com/en/actions/reference/security/secure-use
# custom:
#   id: cicd/github_injection
#   layer: L7
#   inputs: [github-actions]
#   owner: application-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SA-11
#   - owasp-cicd-2022:CICD-SEC-4
#   - iso-27001-2022:A.8.28
#   - soc2:CC8.1
#   remediation: Run untrusted code in a workflow without secrets.
package cicd.github_injection

import data.lib.github as gh

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input without jobs is no workflow and is not accepted.
allow if {
	is_object(input.jobs)
	count(deny) == 0
}

# What the sender of an event writes, by GitHub's list of untrusted input.
untrusted := {
	"github.event.*", "github.event.changes.", "github.event.workflow_run.pull_requests[0].head.ref",
	"github.event.comment.body", "github.event.commits", "github.event.discussion.body", "github.event.discussion.title",
	"github.event.head_commit.author", "github.event.head_commit.message", "github.event.issue.body",
	"github.event.issue.title", "github.event.pages", "github.event.pull_request.body",
	"github.event.pull_request.head.label", "github.event.pull_request.head.ref",
	"github.event.pull_request.head.repo.default_branch", "github.event.pull_request.title", "github.event.review.body",
	"github.event.review_comment.body", "github.event.workflow_run.head_branch",
	"github.event.workflow_run.display_title", "github.event.workflow_run.head_commit", "github.head_ref",
}

# METADATA
# title: Text of others in a script
# description: A title, a message or a branch's name stands in a script, where it becomes code.
# custom:
#   id: cicd/github_injection/script
#   severity: critical
#   controls:
#   - owasp-cicd-2022:CICD-SEC-4
#   - nist-800-53r5:SI-10
#   - iso-27001-2022:A.8.28
#   remediation: Put the value into a variable of env, and use that in quotes.
deny contains finding if {
	some script in gh.scripts
	some expression in regex.find_n(`\$\{\{([^'}]|'[^']*')*\}\}`, script.holder[script.key], -1)
	text := printed(expression)
	carries(text)
	message := sprintf("the script must not contain %s", [expression])
	finding := gh.finding("cicd/github_injection/script", script.job, message)
}

carries(text) if {
	some field in untrusted
	contains(text, field)
}

# A whole object with what they write in it.
carries(text) if {
	some part in ["", ".comment", ".commits", ".discussion", ".head_commit", ".issue", ".pull_request", ".review", ".workflow_run"]
	compact := replace(replace(text, " ", ""), "(github)", "(github.event)")
	contains(compact, concat("", ["tojson(github.event", part, ")"]))
}

# What of an expression can get into the script, in one spelling: lower case, and fields after dots. Literals are the
# author's own, comparisons print nothing but true or false, and hashes and ids of commits nothing that their author chose.
printed(expression) := regex.replace(without_tests, `!?[\w.*-]+ *[=!]= *[\w.*'-]+|commits?(\[\w*\]|\.\*)?\.(tree_)?id\b`, "") if {
	plain := regex.replace(gh.spelled(expression), `'[^']*'`, "''")
	without_tests := regex.replace(plain, `\b(contains|startswith|endswith|hashfiles)\s*\(([^()]|\([^()]*\))*\)`, "")
}

# METADATA
# title: Commands from output
# description: Whatever a step prints can set variables and paths of the later ones.
# custom:
#   id: cicd/github_injection/unsecure-commands
#   severity: high
#   controls:
#   - nist-800-53r5:SI-10
#   - nist-800-53r5:CM-7
#   remediation: Remove ACTIONS_ALLOW_UNSECURE_COMMANDS and write to $GITHUB_ENV.
deny contains finding if {
	some entry in environments
	lower(sprintf("%v", [entry.env.ACTIONS_ALLOW_UNSECURE_COMMANDS])) in {"$true", "1", "true"}
	finding := gh.finding("cicd/github_injection/unsecure-commands", entry.job, "ACTIONS_ALLOW_UNSECURE_COMMANDS must not be true")
}

environments contains {"job": "of the workflow", "env": input.env}

environments contains {"job": id, "env": job.env} if some id, job in gh.jobs

environments contains {"job": entry.job, "env": entry.step.env} if some entry in gh.steps

# METADATA
# title: Pull requests on own machines
# description: >-
#   A job that pull requests start runs on a machine of the organisation. In a public repository everyone can start it.
# custom:
#   id: cicd/github_injection/self-hosted
#   severity: high
#   enforcement: warn
#   controls:
#   - owasp-cicd-2022:CICD-SEC-4
#   - owasp-cicd-2022:CICD-SEC-7
#   - nist-800-53r5:SC-7
#   remediation: Use a hosted runner, or one that is thrown away after each job.
warn contains finding if {
	some trigger in [
		"issue_comment", "pull_request", "pull_request_review", "pull_request_review_comment", "pull_request_target",
	]
	trigger in gh.triggers
	some id, job in gh.jobs
	some label in labels(job["runs-on"])
	label == "self-hosted"
	finding := gh.finding("cicd/github_injection/self-hosted", id, sprintf("on %s it runs on a self-hosted runner", [trigger]))
}

labels(wanted) := {wanted} if is_string(wanted)

labels(wanted) := {label | some label in wanted} if is_array(wanted)

labels(wanted) := labels_of_group(wanted.labels) if is_object(wanted)

labels_of_group(wanted) := {wanted} if is_string(wanted)

labels_of_group(wanted) := {label | some label in wanted} if is_array(wanted)
