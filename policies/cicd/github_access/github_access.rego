# METADATA
# title: Access rights of GitHub workflows
# description: >-
#   What a workflow may do with the repository's token and secrets, and who gets those.
# related_resources:
# - https://docs.github.com/en/actions/reference/security/secure-use
# custom:
#   id: cicd/github_access
#   layer: L7
#   inputs: [github-actions]
#   owner: application-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:AC-6
#   - owasp-cicd-2022:CICD-SEC-5
#   - iso-27001-2022:A.8.4
#   - soc2:CC6.3
#   remediation: Grant the permissions that the job needs.
package cicd.github_access

import data.lib.github as gh
import data.lib.secrets

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input without jobs is no workflow and is not accepted.
allow if {
	is_object(input.jobs)
	count(deny) == 0
}

# METADATA
# title: Permissions not chosen
# description: A job gets what the repository's setting gives its token, which may be everything.
# custom:
#   id: cicd/github_access/no-permissions
#   severity: medium
#   controls:
#   - owasp-cicd-2022:CICD-SEC-5
#   - nist-800-53r5:AC-6
#   remediation: "Add permissions to the workflow, for instance contents: read."
deny contains finding if {
	not has_permissions(input)
	some id, job in gh.jobs
	not has_permissions(job)
	finding := gh.finding("cicd/github_access/no-permissions", id, "permissions must be set, for the workflow or for the job")
}

has_permissions(holder) if is_object(holder.permissions)

has_permissions(holder) if is_string(holder.permissions)

# METADATA
# title: Token that may do everything
# description: The token of a workflow or job may write everything.
# custom:
#   id: cicd/github_access/write-all
#   severity: high
#   controls:
#   - owasp-cicd-2022:CICD-SEC-5
#   - nist-800-53r5:AC-6
#   - soc2:CC6.3
#   remediation: List the permissions that are needed.
deny contains finding if {
	some entry in granted
	entry.holder.permissions == "write-all"
	finding := gh.finding("cicd/github_access/write-all", entry.job, "permissions must not be write-all")
}

granted contains {"job": "of the workflow", "holder": input}

granted contains {"job": id, "holder": job} if some id, job in gh.jobs

# METADATA
# title: All secrets handed on
# description: A workflow of another repository gets every secret of this one.
# custom:
#   id: cicd/github_access/inherited-secrets
#   severity: high
#   controls:
#   - owasp-cicd-2022:CICD-SEC-6
#   - nist-800-53r5:AC-6
#   remediation: Name the secrets that it needs.
deny contains finding if {
	some id, job in gh.jobs
	job.secrets == "inherit"
	not startswith(job.uses, "./")
	finding := gh.finding("cicd/github_access/inherited-secrets", id, sprintf("%s must not inherit all secrets", [job.uses]))
}

# METADATA
# title: Secret in plain text
# description: >-
#   A variable, an input of an action or the credentials of a registry hold a password, a token or a key instead of a
#   reference to one.
# custom:
#   id: cicd/github_access/plain-secret
#   layer: L6
#   severity: critical
#   controls:
#   - owasp-cicd-2022:CICD-SEC-6
#   - cis-github-1.0:1.5.1
#   - nist-800-53r5:IA-5(7)
#   - pci-dss-4.0:8.6.2
#   remediation: Keep it as a secret of the repository, and refer to it.
deny contains finding if {
	some entry in environments
	some name, value in entry.env
	secrets.in_environment(name, value)
	not names_variable(entry, name)
	finding := gh.finding("cicd/github_access/plain-secret", entry.job, sprintf("%s must not hold a secret", [name]))
}

# What actions/setup-java takes as these is the name of the variable that holds it.
names_variable(entry, name) if {
	gh.is_action(entry, "actions/setup-java")
	lower(name) in {"gpg-passphrase", "server-password"}
}

environments contains {"job": "of the workflow", "env": input.env, "wide": true}

environments contains {"job": id, "env": job.env, "wide": true} if some id, job in gh.jobs

environments contains {"job": entry.job, "env": entry.step.env, "wide": false} if some entry in gh.steps

environments contains {"job": entry.job, "env": entry.step["with"], "wide": false, "uses": entry.step.uses} if {
	some entry in gh.steps
}

environments contains {"job": id, "env": job.container.credentials, "wide": false} if some id, job in gh.jobs

environments contains {"job": id, "env": service.credentials, "wide": false} if {
	some id, job in gh.jobs
	some service in job.services
}

# METADATA
# title: Secret for every step
# description: A secret stands in the environment of a whole workflow or job, and so reaches every action in it.
# custom:
#   id: cicd/github_access/wide-secret
#   severity: low
#   enforcement: warn
#   controls:
#   - owasp-cicd-2022:CICD-SEC-6
#   - nist-800-53r5:AC-6
#   remediation: Set the variable at the step that needs it.
warn contains finding if {
	some entry in environments
	some name, value in entry.env
	regex.match(`\$\{\{.*secrets *[.\[]`, value)
	entry.wide
	finding := gh.finding("cicd/github_access/wide-secret", entry.job, sprintf("%s is there for every step", [name]))
}

# METADATA
# title: Token left in the checkout
# description: >-
#   actions/checkout leaves the token of the job behind, where every later step, and whatever is built from the directory,
#   finds it.
# custom:
#   id: cicd/github_access/persisted-token
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
	finding := gh.finding("cicd/github_access/persisted-token", entry.job, sprintf("step %d should not keep the token", [entry.number + 1]))
}

# A later step of the job needs the token.
pushes_after(entry) if {
	some later in gh.steps
	later.job == entry.job
	later.number > entry.number
	regex.match(`git( +-[^ ]+( +[^ -][^ ]*)?)* +push`, later.step.run)
}
