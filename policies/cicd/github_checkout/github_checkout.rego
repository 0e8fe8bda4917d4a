# METADATA
# title: What GitHub workflows check out
# description: >-
#   Whose code a workflow checks out by commands of its own, and what a checkout leaves behind. Pull requests that
#   actions/checkout fetches are cicd/github_injection.
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
	message := sprintf("on %s the script must not fetch the pull request", [trigger])
	finding := gh.finding("cicd/github_checkout/pull-request", script.job, message)
}

fetches(line) if contains(line, "gh pr checkout")

fetches(line) if {
	regex.match(`git (-[^ ]* [^ ]+ )?(checkout|clone|fetch|merge|pull|switch) `, line)
	regex.match(`[ /+]pull/|github\.event\.(number|issue\.number|pull_request\.(head|merge|number)|workflow_run\.(head|pull))|github\.head_ref`, line)
}

# METADATA
# title: Token left in the checkout
# description: >-
#   actions/checkout leaves the token of the job behind, where every later step, and whatever is built from the directory,
#   finds it.
# custom:
#   id: cicd/github_checkout/persisted-token
#   severity: low
#   enforcement: warn
#   controls:
#   - owasp-cicd-2022:CICD-SEC-6
#   - nist-800-53r5:AC-6
#   remediation: Set persist-credentials to false, unless a later step pushes.
warn contains finding if {
	some entry in gh.steps
	gh.is_action(entry.step, "actions/checkout")
	lower(sprintf("%v", [object.get(entry.step, ["with", "persist-credentials"], true)])) != "false"
	not pushes_after(entry)
	finding := gh.finding("cicd/github_checkout/persisted-token", entry.job, sprintf("step %d should not keep the token", [entry.number + 1]))
}

# A later step of the job needs the token.
pushes_after(entry) if {
	some later in gh.steps
	later.job == entry.job
	later.number > entry.number
	regex.match(`git( +-[^ ]+( +[^ -][^ ]*)?)* +push`, later.step.run)
}
