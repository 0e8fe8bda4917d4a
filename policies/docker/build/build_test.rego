package docker.build_test

import data.docker.build

found(doc) := result if {
	denied := build.deny with input as doc
	result := {finding.id | some finding in denied}
}

line(cmd, flags, value) := {"Cmd": cmd, "Flags": flags, "JSON": false, "Stage": 0, "SubCmd": "", "Value": value}

one(cmd, value) := found([line(cmd, [], [value])])

bad := [
	line("from", [], ["alpine:3.22"]),
	line("env", [], ["NPM_TOKEN=npm_abcdef"]),
	line("add", [], ["https://get.corp.example/tool.tgz", "/opt/"]),
]

good := [
	line("from", [], ["alpine:3.22"]),
	line("arg", [], ["NPM_TOKEN"]),
	line("add", ["--checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d"], ["https://get.corp.example/tool.tgz", "/opt/"]),
	line("run", ["--mount=type=secret,id=npm"], ["npm ci"]),
]

ids := {"docker/build/remote-add", "docker/build/secret"}

test_bad_file_has_every_finding if found(bad) == ids

test_good_file_is_accepted if {
	found(good) == set()
	build.allow with input as good
	not build.allow with input as bad
	not build.allow with input as {}
}

test_message_names_the_source if {
	build.deny == {{
		"id": "docker/build/remote-add",
		"msg": "ADD must not take http://get.corp.example/a unchecked",
		"resource": "Dockerfile",
	}} with input as [line("add", [], ["http://get.corp.example/a", "/a"])]
}

test_secrets_are_told_in_each_form if {
	found([line("env", [], ["DB_PASSWORD", "hunter2"])]) == {"docker/build/secret"}
	one("env", "DB_PASSWORD=\"hunter2\"") == {"docker/build/secret"}
	one("arg", "API_KEY=abc=") == {"docker/build/secret"}
	every value in ["DB_PASSWORD=$DB_PASSWORD", "DB_PASSWORD_FILE=/run/secrets/db", "LOG_LEVEL=info", "DB_PASSWORD="] {
		one("env", value) == set()
	}
}

test_local_files_are_accepted if one("add", "tool.tgz") == set()

test_repositories_are_downloads if {
	every source in ["git@github.com:corp/a.git", "HTTPS://x.example/a", "ssh://git@github.com/corp/a.git", "https://github.com/corp/a.git#main"] {
		found([line("add", [], [source, "/a"])]) == {"docker/build/remote-add"}
	}
	found([line("add", [], ["a.tar.gz", "/a"])]) == set()
}

commit := "0123456789abcdef0123456789abcdef01234567"

test_commits_pin_repositories if {
	every repository in ["https://github.com/corp/a.git", "git@github.com:corp/a.git", "ssh://git@github.com/corp/a.git", "git://x.example/a"] {
		every directory in ["", ":docs"] {
			found([line("add", [], [concat("", [repository, "#", commit, directory]), "/a"])]) == set()
		}
		found([line("add", [], [concat("", [repository, "#", commit, "0"]), "/a"])]) == {"docker/build/remote-add"}
	}
}

# Over HTTP what stands behind the number sign never reaches the server.
test_fragments_pin_no_files if {
	found([line("add", [], [concat("", ["https://x.example/a.tgz#", commit]), "/a"])]) == {"docker/build/remote-add"}
}
