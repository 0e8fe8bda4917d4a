# METADATA
# title: Variables of GitLab pipelines
# description: >-
#   Variables of a pipeline that hold secrets, put them into logs, or switch protection off.
# custom:
#   id: cicd/gitlab_variables
#   layer: L7
#   inputs: [gitlab-ci]
#   owner: application-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:IA-5(7)
#   - owasp-cicd-2022:CICD-SEC-6
#   - iso-27001-2022:A.5.17
#   - soc2:CC6.1
#   remediation: Change the variable.
package cicd.gitlab_variables

import data.lib.gitlab
import data.lib.secrets

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input that is no object is no pipeline and is not accepted.
allow if {
	is_object(input)
	count(deny) == 0
}

variables contains {"job": name, "holder": job.variables, "key": key} if {
	some name, job in gitlab.holders
	some key, _ in job.variables
}

plain(value) := value if not is_object(value)

plain(value) := object.get(value, "value", "") if is_object(value)

# METADATA
# title: Secret in plain text
# description: A variable of a pipeline holds a password, a token or a key.
# custom:
#   id: cicd/gitlab_variables/plain-secret
#   layer: L6
#   severity: critical
#   controls:
#   - owasp-cicd-2022:CICD-SEC-6
#   - nist-800-53r5:IA-5(7)
#   - iso-27001-2022:A.5.17
#   - pci-dss-4.0:8.6.2
#   remediation: Keep it as a masked, protected variable of the project, or in secrets.
deny contains finding if {
	some entry in variables
	secrets.in_environment(entry.key, plain(entry.holder[entry.key]))
	finding := gitlab.finding("cicd/gitlab_variables/plain-secret", entry.job, sprintf("%s must not hold a secret", [entry.key]))
}

# METADATA
# title: Secrets in the log
# description: A job writes everything it does into its log, the values of all variables included.
# custom:
#   id: cicd/gitlab_variables/debug-trace
#   severity: high
#   controls:
#   - owasp-cicd-2022:CICD-SEC-6
#   - nist-800-53r5:SI-11
#   - nist-800-53r5:AU-9
#   remediation: Remove the variable.
deny contains finding if {
	some entry in variables
	entry.key in {"CI_DEBUG_SERVICES", "CI_DEBUG_TRACE"}
	lower(sprintf("%v", [plain(entry.holder[entry.key])])) in {"1", "true"}
	finding := gitlab.finding("cicd/gitlab_variables/debug-trace", entry.job, sprintf("%s must not be set", [entry.key]))
}

# METADATA
# title: Docker without TLS
# description: Jobs talk to the Docker daemon without TLS; whoever reaches its port is root on the runner.
# custom:
#   id: cicd/gitlab_variables/docker-tls
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-8
#   - owasp-cicd-2022:CICD-SEC-7
#   remediation: Set DOCKER_TLS_CERTDIR to /certs.
deny contains finding if {
	some entry in variables
	entry.key == "DOCKER_TLS_CERTDIR"
	plain(entry.holder[entry.key]) == ""
	finding := gitlab.finding("cicd/gitlab_variables/docker-tls", entry.job, "DOCKER_TLS_CERTDIR must not be empty")
}

# METADATA
# title: Certificates not checked
# description: A variable switches the check of certificates off.
# custom:
#   id: cicd/gitlab_variables/unchecked-tls
#   severity: high
#   controls:
#   - nist-800-53r5:SC-8
#   - nist-800-53r5:SC-23
#   - iso-27001-2022:A.8.24
#   remediation: Remove the variable; add the authority's certificate instead.
deny contains finding if {
	some entry in variables
	some key, refused in {
		"GIT_SSL_NO_VERIFY": {"1", "true"},
		"NODE_TLS_REJECT_UNAUTHORIZED": {"0"},
		"PYTHONHTTPSVERIFY": {"0"},
		"SECURE_ANALYZERS_SKIP_TLS_VERIFY": {"true"},
	}
	entry.key == key
	lower(sprintf("%v", [plain(entry.holder[entry.key])])) in refused
	finding := gitlab.finding("cicd/gitlab_variables/unchecked-tls", entry.job, sprintf("%s must not be %v", [key, plain(entry.holder[entry.key])]))
}
