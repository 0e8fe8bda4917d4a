# METADATA
# title: GitLab pipelines
# description: >-
#   What a pipeline of GitLab takes from where nobody vouches for it, and what it gives away.
# related_resources:
# - https://docs.gitlab.com/ci/pipeline_security/
# custom:
#   id: cicd/gitlab
#   layer: L7
#   inputs: [gitlab-ci]
#   owner: application-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SA-11
#   - owasp-cicd-2022:CICD-SEC-4
#   - iso-27001-2022:A.8.31
#   - soc2:CC8.1
#   remediation: Change the job, or what it includes.
package cicd.gitlab

import data.lib.gitlab
import data.lib.images
import data.lib.shell

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input that is no object is no pipeline and is not accepted.
allow if {
	is_object(input)
	count(deny) == 0
}

# Where the name of an image stands: the value or a member of it, of a list each.
pictures contains picture if {
	some name, job in gitlab.holders
	some picture in [{"job": name, "holder": job, "key": "image"}, {"job": name, "holder": job.image, "key": "name"}]
}

pictures contains picture if {
	some name, job in gitlab.holders
	some number, entry in job.services
	some picture in [{"job": name, "holder": job.services, "key": number}, {"job": name, "holder": entry, "key": "name"}]
}

# METADATA
# title: Image that moves
# description: A job runs in an image without tag, or with one that moves.
# custom:
#   id: cicd/gitlab/floating-image
#   severity: medium
#   controls:
#   - owasp-cicd-2022:CICD-SEC-3
#   - nist-800-53r5:SI-7
#   - nist-800-53r5:CM-2
#   remediation: Name the version, or better the digest.
deny contains finding if {
	some entry in pictures
	image := entry.holder[entry.key]
	images.floats(image)
	finding := gitlab.finding("cicd/gitlab/floating-image", entry.job, sprintf("the image %s moves", [image]))
}

# METADATA
# title: Configuration that moves
# description: >-
#   A pipeline includes what another project or server may change at any time. What a job starts (trigger) is not looked
#   at.
# custom:
#   id: cicd/gitlab/moving-include
#   severity: high
#   controls:
#   - owasp-cicd-2022:CICD-SEC-3
#   - owasp-cicd-2022:CICD-SEC-4
#   - nist-800-53r5:SI-7
#   - nist-800-53r5:CM-3
#   remediation: Give project a ref that is a tag or commit, remote an integrity, and component a version.
deny contains finding if {
	some entry in gitlab.listed(input.include)
	some source in moving(entry)
	message := sprintf("%s must have a tag, a commit, a version or an integrity", [source])
	finding := gitlab.finding("cicd/gitlab/moving-include", "include", message)
}

# Tags and commits have a digit, most branches have none. What stands in a variable is not known.
is_branch(ref) if not regex.match(`[0-9$]`, ref)

moving(entry) := {entry.remote | not entry.integrity} | ({entry.project | is_branch(object.get(entry, "ref", "HEAD"))} | ({entry.component |
	parts := split(entry.component, "@")
	is_branch(parts[count(parts) - 1])
} | {entry |
	some scheme in ["http://", "https://"]
	startswith(entry, scheme)
}))

# METADATA
# title: Download executed as it comes in
# description: A script from the network runs with the rights of the job.
# custom:
#   id: cicd/gitlab/unchecked-download
#   severity: medium
#   controls:
#   - nist-800-53r5:SI-7
#   - nist-800-53r5:SR-11
#   - owasp-cicd-2022:CICD-SEC-3
#   remediation: Download, compare a checksum, then execute.
deny contains finding if {
	some name, job in gitlab.holders
	some field in ["after_script", "before_script", "script"]
	some lines in gitlab.listed(job[field])
	some line in gitlab.listed(lines)
	shell.pipes_download(line)
	finding := gitlab.finding("cicd/gitlab/unchecked-download", name, sprintf("%s must not pipe a download into a shell", [field]))
}

# METADATA
# title: Scanner that may fail
# description: A scan for vulnerabilities or secrets does not stop the pipeline.
# custom:
#   id: cicd/gitlab/tolerated-scan
#   severity: low
#   enforcement: warn
#   controls:
#   - owasp-cicd-2022:CICD-SEC-1
#   - nist-800-53r5:SA-11
#   - nist-800-53r5:RA-5
#   - iso-27001-2022:A.8.29
#   remediation: Remove allow_failure from the job.
#   fix: {value: false}
warn contains finding if {
	some name, job in gitlab.holders
	some scan in ["container_scanning", "dependency_scanning", "sast", "secret_detection"]
	contains(name, scan)
	job.allow_failure == true
	finding := gitlab.finding("cicd/gitlab/tolerated-scan", name, "the scan should not be allowed to fail")
}
