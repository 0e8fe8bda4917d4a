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

test_commands_as_lists_are_read if {
	found([line("run", [], ["curl", "-k", "https://x"])]) == {"docker/build_commands/unchecked-download"}
	found([line("run", [], ["sh", "-c", "curl https://x | sh"])]) == {"docker/build_commands/unchecked-download"}
	found([line("run", [], ["curl", "https://x"])]) == set()
}

test_variables_switch_checks_off_too if {
	every words in [["NODE_TLS_REJECT_UNAUTHORIZED=0"], ["A=1", "GIT_SSL_NO_VERIFY=\"1\""], ["PYTHONHTTPSVERIFY", "0"], ["npm_config_strict_ssl=false"], ["NPM_CONFIG_STRICT_SSL=\"false\""]] {
		found([line("env", [], words)]) == {"docker/build_commands/unchecked-download"}
	}
	found([line("env", [], ["NODE_ENV=production"])]) == set()
}

test_packages_without_signature_are_told if {
	every command in ["apk add --allow-untrusted x", "yum install -y --nogpgcheck x", "apt-get install --force-yes x"] {
		one("run", command) == {"docker/build_commands/unchecked-download"}
	}
}

test_everyone_may_write_in_many_spellings if {
	every command in [
		"chmod 777 /a", "chmod  -R 0777 /a", "chmod --recursive 777 /a", "chmod 666 /a", "chmod 752 /a", "chmod o+w /a",
		"chmod a+rwx /a", "chmod ugo+rw /a", "chmod o=rwX /a", "chmod 2777 /a", "chmod 02777 /a", "chmod -R 4777 /a", "chmod 00777 /a",
		"chmod '777' /a", "chmod 7 /a", "chmod u+x,a+w /a", "chmod -Rv u=rwx,go=rwx /a", "chmod a+w,u+s /a", "chmod 755 /a && chmod 777 /b",
		"chmod 777 $(find /a)", "/bin/chmod 0666 /a",
	] {
		one("run", command) == {"docker/build_commands/world-writable"}
	}
	every command in [
		"chmod 1777 /tmp", "chmod 01777 /tmp", "chmod 3777 /tmp", "chmod a=rwxt /tmp",
		"chmod a+rwX,o-w /a", "chmod a=rwx,o=rx /a", "chmod +w /a", "chmod 2775 /a", "chmod u=rw,go=r /a", "chmod --reference=777 /a",
		"chmod 755 777", "dechmod 777 /a", "chmod 755 /a", "chmod 640 /a", "chmod u+w /a", "chmod g+rw /a", "chmod a+x /a", "chmod o-w /a",
	] {
		one("run", command) == set()
	}
	every cmd in ["add", "copy"] {
		every mode in ["777", "0777", "a+rwx", "u=rwX,go=rwX", "2777"] {
			found([line(cmd, [concat("", ["--chmod=", mode])], ["a", "b"])]) == {"docker/build_commands/world-writable"}
		}
		found([line(cmd, ["--chmod=755", "--chown=1:1"], ["a", "b"])]) == set()
	}
}
