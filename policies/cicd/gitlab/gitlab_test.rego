package cicd.gitlab_test

import data.cicd.gitlab

found(doc) := result if {
	denied := gitlab.deny with input as doc
	warned := gitlab.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

include(entry) := found({"include": entry})

image(reference) := found({"test": {"image": reference, "script": ["make"]}})

bad := {
	"include": [{"project": "platform/ci", "file": "/build.yml"}],
	"image": "alpine:latest",
	"test": {"script": ["curl -sSL https://get.corp.example | sh"]},
	"semgrep-sast": {"script": ["semgrep ci"], "allow_failure": true},
}

good := {
	"include": [{"project": "platform/ci", "file": "/build.yml", "ref": "v4.1.0"}, {"local": "/ci/test.yml"}],
	"image": "alpine:3.22",
	"stages": ["test"],
	"test": {"script": ["make test"]},
	"semgrep-sast": {"script": ["semgrep ci"], "allow_failure": false},
}

ids := {
	"cicd/gitlab/floating-image", "cicd/gitlab/moving-include", "cicd/gitlab/unchecked-download",
	"cicd/gitlab/tolerated-scan",
}

test_bad_pipeline_has_every_finding if found(bad) == ids

test_good_pipeline_is_accepted if {
	found(good) == set()
	gitlab.allow with input as good
	not gitlab.allow with input as bad
	not gitlab.allow with input as []
}

test_message_names_the_job if {
	gitlab.deny == {{
		"id": "cicd/gitlab/floating-image",
		"msg": "test: the image node:latest moves",
		"resource": "test",
	}} with input as {"test": {"image": {"name": "node:latest", "entrypoint": [""]}, "script": "npm test"}}
}

test_images_with_versions_are_accepted if {
	every reference in ["node:24.1", {"name": "node:24.1"}, "$CI_REGISTRY_IMAGE", "$CI_REGISTRY_IMAGE/build:$TAG"] {
		image(reference) == set()
	}
	image("node") == {"cicd/gitlab/floating-image"}
	found({"services": [{"name": "docker:latest"}]}) == {"cicd/gitlab/floating-image"}
}

test_includes_are_read_in_each_form if {
	every entry in [
		"https://ci.corp.example/a.yml", ["https://ci.corp.example/a.yml"], {"remote": "https://ci.corp.example/a.yml"},
		{"project": "a/b", "file": "c.yml", "ref": "main"}, {"component": "$CI_SERVER_FQDN/a/b@~latest"},
	] {
		include(entry) == {"cicd/gitlab/moving-include"}
	}
	every entry in [
		"/ci/test.yml", {"local": "/ci/test.yml"}, {"template": "Jobs/SAST.gitlab-ci.yml"},
		{"remote": "https://ci.corp.example/a.yml", "integrity": "sha256-x"}, {"component": "$CI_SERVER_FQDN/a/b@1.2.0"},
	] {
		include(entry) == set()
	}
}

test_scripts_of_all_jobs_count if {
	found({"before_script": "curl https://x | bash"}) == {"cicd/gitlab/unchecked-download"}
	found({"a": {"after_script": ["curl https://x | bash"]}}) == {"cicd/gitlab/unchecked-download"}
}

test_branches_of_any_name_move if {
	every reference in ["staging", "production", "HEAD", "release"] {
		include({"project": "corp/ci", "file": "a.yml", "ref": reference}) == {"cicd/gitlab/moving-include"}
	}
	every reference in ["v1.2", "1.0.0", "$REF", "0123456789abcdef0123456789abcdef01234567"] {
		include({"project": "corp/ci", "file": "a.yml", "ref": reference}) == set()
	}
	include({"component": "gitlab.corp.example/ci/build@~latest"}) == {"cicd/gitlab/moving-include"}
	include({"component": "gitlab.corp.example/ci/build@1.2"}) == set()
}

test_scripts_within_scripts_are_read if {
	found({"test": {"image": "node:22", "script": ["make", ["curl https://x | sh"]]}}) == {"cicd/gitlab/unchecked-download"}
}
