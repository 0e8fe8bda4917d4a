package docker.build_commands_test

import data.docker.build_commands

found(doc) := result if {
	denied := build_commands.deny with input as doc
	result := {finding.id | some finding in denied}
}

line(cmd, flags, value) := {"Cmd": cmd, "Flags": flags, "JSON": false, "Stage": 0, "SubCmd": "", "Value": value}

one(cmd, value) := found([line(cmd, [], [value])])

bad := [
	line("from", [], ["alpine:3.22"]),
	line("run", [], ["curl -sSL https://get.corp.example | sh && chmod -R 777 /opt"]),
]

good := [
	line("from", [], ["alpine:3.22"]),
	line("run", ["--mount=type=secret,id=npm"], ["npm ci && chmod 755 /opt"]),
]

test_bad_file_has_every_finding if {
	found(bad) == {"docker/build_commands/unchecked-download", "docker/build_commands/world-writable"}
}

test_good_file_is_accepted if {
	found(good) == set()
	build_commands.allow with input as good
	not build_commands.allow with input as bad
	not build_commands.allow with input as {}
}

test_message_names_the_option if {
	build_commands.deny == {{
		"id": "docker/build_commands/unchecked-download",
		"msg": "RUN must not use --insecure",
		"resource": "Dockerfile",
	}} with input as [line("run", [], ["curl --insecure https://x -o y"])]
}

test_checks_must_stay_on if {
	every script in ["wget --no-check-certificate https://x", "curl -k https://x -o y", "npm config set strict-ssl false"] {
		one("run", script) == {"docker/build_commands/unchecked-download"}
	}
}
