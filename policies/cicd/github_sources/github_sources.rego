# METADATA
# title: What GitHub workflows take from others
# description: >-
#   Actions, images and scripts of others that a workflow runs, and whether they are what somebody looked at.
# related_resources:
# - https://docs.github.com/en/actions/reference/security/secure-use
# custom:
#   id: cicd/github_sources
#   layer: L7
#   inputs: [github-actions]
#   owner: application-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SR-3
#   - owasp-cicd-2022:CICD-SEC-3
#   - iso-27001-2022:A.5.21
#   - soc2:CC9.2
#   remediation: Pin what the job uses.
package cicd.github_sources

import data.lib.github as gh
import data.lib.shell

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input without jobs is no workflow and is not accepted.
allow if {
	is_object(input.jobs)
	count(deny) == 0
}

used contains {"job": entry.job, "holder": entry.step} if some entry in gh.steps

used contains {"job": id, "holder": job} if some id, job in gh.jobs

# METADATA
# title: Action that moves
# description: >-
#   An action or workflow of others is named by a tag or a branch, which its owner can move. Owners in
#   data.config.cicd.trusted_action_owners are trusted.
# custom:
#   id: cicd/github_sources/unpinned-action
#   severity: high
#   controls:
#   - owasp-cicd-2022:CICD-SEC-3
#   - cis-github-1.0:3.1.7
#   - nist-800-53r5:SR-3
#   - nist-800-53r5:SI-7
#   remediation: Name the full commit, with the version in a comment.
deny contains finding if {
	some entry in used
	not startswith(entry.holder.uses, "./")
	not startswith(entry.holder.uses, "docker://")
	not split(entry.holder.uses, "/")[0] in data.config.cicd.trusted_action_owners
	not regex.match(`@[0-9a-f]{40}$`, entry.holder.uses)
	message := sprintf("%s must be pinned by a commit", [entry.holder.uses])
	finding := gh.finding("cicd/github_sources/unpinned-action", entry.job, message)
}

# METADATA
# title: Image that moves
# description: A step runs an image that is not named by its digest. Containers of jobs and services are not looked at.
# custom:
#   id: cicd/github_sources/unpinned-image
#   severity: medium
#   controls:
#   - owasp-cicd-2022:CICD-SEC-3
#   - nist-800-53r5:SI-7
#   remediation: Name the image as docker://IMAGE@sha256:DIGEST.
deny contains finding if {
	some entry in used
	startswith(entry.holder.uses, "docker://")
	not contains(entry.holder.uses, "@sha256:")
	finding := gh.finding("cicd/github_sources/unpinned-image", entry.job, sprintf("%s must be pinned by its digest", [entry.holder.uses]))
}

# METADATA
# title: Download executed as it comes in
# description: A script from the network runs with the rights of the job.
# custom:
#   id: cicd/github_sources/unchecked-download
#   severity: medium
#   controls:
#   - nist-800-53r5:SI-7
#   - nist-800-53r5:SR-11
#   - owasp-cicd-2022:CICD-SEC-3
#   remediation: Download, compare a checksum, then execute.
deny contains finding if {
	some script in gh.scripts
	shell.pipes_download(script.holder[script.key])
	finding := gh.finding("cicd/github_sources/unchecked-download", script.job, "a download must not be piped into a shell")
}
