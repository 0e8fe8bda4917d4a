package cicd.gitlab_variables_test

import data.cicd.gitlab_variables as variables

found(doc) := result if {
	denied := variables.deny with input as doc
	result := {finding.id | some finding in denied}
}

bad := {
	"variables": {"DOCKER_TLS_CERTDIR": "", "DEPLOY_TOKEN": "glpat-abcdef", "CI_DEBUG_TRACE": "true"},
	"test": {"variables": {"GIT_SSL_NO_VERIFY": "1"}, "script": ["make"]},
}

good := {
	"variables": {"DOCKER_TLS_CERTDIR": "/certs", "DEPLOY_TOKEN": "$PROJECT_TOKEN", "CI_DEBUG_TRACE": "false"},
	"test": {"variables": {"GIT_SSL_NO_VERIFY": "0", "GIT_DEPTH": 1}, "script": ["make"]},
}

ids := {
	"cicd/gitlab_variables/plain-secret", "cicd/gitlab_variables/debug-trace", "cicd/gitlab_variables/docker-tls",
	"cicd/gitlab_variables/unchecked-tls",
}

test_bad_pipeline_has_every_finding if found(bad) == ids

test_good_pipeline_is_accepted if {
	found(good) == set()
	variables.allow with input as good
	not variables.allow with input as bad
	not variables.allow with input as []
}

test_message_names_job_and_variable if {
	variables.deny == {{
		"id": "cicd/gitlab_variables/plain-secret",
		"msg": "deploy: API_KEY must not hold a secret",
		"resource": "deploy",
	}} with input as {"deploy": {"variables": {"API_KEY": "abc"}, "script": "deploy"}}
}

test_values_with_descriptions_are_read if {
	found({"variables": {"API_KEY": {"value": "abc", "description": "of the shop"}}}) == {"cicd/gitlab_variables/plain-secret"}
	found({"variables": {"API_KEY": {"description": "is asked for"}}}) == set()
}

test_jobs_without_variables_are_accepted if {
	variables.allow with input as {"a": {"script": "make", "variables": null}, "b": null, ".c": {}}
}
