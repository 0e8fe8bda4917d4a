# METADATA
# title: What GitHub workflows check out
# description: >-
#   Which workflows fetch the code of pull requests, by actions/checkout or by commands, though they have the repository's
#   secrets. What is merged, and what comes from the repository itself, may be fetched where a condition says so.
# related_resources:
# - https://docs.github.com/en/actions/reference/security/secure-use
# custom:
#   id: cicd/github_checkout
#   layer: L7
#   inputs: [github-actions]
#   owner: application-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-6
#   - owasp-cicd-2022:CICD-SEC-4
#   - iso-27001-2022:A.8.4
#   - soc2:CC8.1
#   remediation: Build others' code in a workflow without secrets, and leave it no token.
package cicd.github_checkout

import data.lib.github as gh

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input without jobs is no workflow and is not accepted.
allow if {
	is_object(input.jobs)
	count(deny) == 0
}

# METADATA
# title: Pull request checked out with secrets
# description: >-
#   A workflow that has the repository's secrets (pull_request_target, workflow_run, issue_comment) checks out the code of
#   a pull request with actions/checkout. A condition may let in only what is merged, or comes from the repository itself.
# custom:
#   id: cicd/github_checkout/untrusted-checkout
#   severity: critical
#   controls:
#   - owasp-cicd-2022:CICD-SEC-4
#   - nist-800-53r5:AC-6
#   - nist-800-53r5:SI-7
#   remediation: Build in a workflow on pull_request, and hand the result on as an artifact.
deny contains finding if {
	some trigger in ["issue_comment", "pull_request_target", "workflow_run"]
	trigger in gh.triggers
	some entry in gh.steps
	gh.is_action(entry.step, "actions/checkout")
	some field in ["ref", "repository"]
	value := entry.step["with"][field]
	names_pull_request(gh.spelled(value))
	not guarded(entry.job, entry.step)
	message := sprintf("on %s it must not check out %s", [trigger, value])
	finding := gh.finding("cicd/github_checkout/untrusted-checkout", entry.job, message)
}

# Whether a condition of the job or the step lets in only code that somebody with the right to write has merged or pushed. Each part of a
# conjunction must hold; what stands in parentheses is not looked at.
guarded(job, step) if {
	some holder in [step, gh.jobs[job]]
	condition := regex.replace(lower(holder["if"]), `[\s${}'"]`, "")
	inner := regex.replace(condition, `\([^()]*\)`, "")
	top := regex.replace(regex.replace(inner, `\([^()]*\)`, ""), `\([^()]*\)`, "")
	not contains(top, "||")
	some part in split(top, "&&")
	replace(part, "github.event.", "") in guards
}

guards := {
	"!pull_request.head.repo.fork", "pull_request.head.repo.fork==false", "pull_request.merged", "pull_request.merged==true",
	"pull_request.head.repo.full_name==github.repository", "workflow_run.event==push",
	"workflow_run.head_repository.full_name==github.repository",
}

names_pull_request(text) if {
	some source in [
		"github.event.pull_request.head", "github.event.pull_request.number", "github.event.issue.number",
		"github.event.pull_request.merge_commit_sha", "github.event.workflow_run.head",
		"github.event.workflow_run.pull_requests", "github.head_ref", "refs/pull/",
	]
	contains(text, source)
}

# METADATA
# title: Pull request fetched with secrets
# description: >-
#   A script of a workflow that has the repository's secrets (pull_request_target, workflow_run, issue_comment) fetches the
#   code of a pull request with git or gh.
# custom:
#   id: cicd/github_checkout/pull-request
#   severity: critical
#   controls:
#   - owasp-cicd-2022:CICD-SEC-4
#   - nist-800-53r5:AC-6
#   - nist-800-53r5:SI-7
#   remediation: Build in a workflow on pull_request, and hand the result on as an artifact.
deny contains finding if {
	some trigger in ["issue_comment", "pull_request_target", "workflow_run"]
	trigger in gh.triggers
	some script in gh.scripts
	script.key == "run"
	some line in split(script.holder.run, "\n")
	fetches(regex.replace(lower(line), `\s+`, " "))
	not guarded(script.job, script.holder)
	message := sprintf("on %s the script must not fetch the pull request", [trigger])
	finding := gh.finding("cicd/github_checkout/pull-request", script.job, message)
}

fetches(line) if contains(line, "gh pr checkout")

fetches(line) if {
	regex.match(`git (-[^ ]* [^ ]+ )?(checkout|clone|fetch|merge|pull|switch) `, line)
	regex.match(`[ /+]pull/|github\.event\.(number|issue\.number|pull_request\.(head|merge|number)|workflow_run\.(head|pull))|github\.head_ref`, line)
}
