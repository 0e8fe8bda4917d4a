# METADATA
# title: Commands of Dockerfiles
# description: What RUN executes from the network without checking it, and the rights that it gives away.
# custom:
#   id: docker/build_commands
#   layer: L7
#   inputs: [dockerfile]
#   owner: supply-chain
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SI-7
#   - nist-800-53r5:SR-11
#   - iso-27001-2022:A.8.25
#   - soc2:CC8.1
#   remediation: Change the command.
package docker.build_commands

import data.lib.shell

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input that is no list of instructions is not accepted.
allow if {
	is_array(input)
	count(deny) == 0
}

found(id, message) := {"id": id, "msg": message, "resource": "Dockerfile"}

# METADATA
# title: Download that nobody checks
# description: >-
#   A script from the network is executed as it comes in, or certificates and signatures are not checked, by an option or
#   a variable.
# custom:
#   id: docker/build_commands/unchecked-download
#   severity: high
#   controls:
#   - nist-800-53r5:SI-7
#   - nist-800-53r5:SR-11
#   - cis-docker-1.6:4.11
#   remediation: Download, compare a checksum, then execute.
deny contains finding if {
	some instruction in input
	instruction.Cmd == "run"
	some problem in problems(concat(" ", instruction.Value))
	finding := found("docker/build_commands/unchecked-download", problem)
}

deny contains finding if {
	some instruction in input
	instruction.Cmd == "env"
	some option in shell.unchecked_in(replace(concat("=", instruction.Value), `"`, ""))
	finding := found("docker/build_commands/unchecked-download", sprintf("ENV must not set %s", [option]))
}

problems(script) := {"RUN must not pipe a download into a shell" | shell.pipes_download(script)} | {problem |
	some option in shell.unchecked_in(script)
	problem := sprintf("RUN must not use %s", [option])
}

# METADATA
# title: Files that everyone may change
# description: chmod, of RUN, COPY or ADD, gives everyone the right to change what the image runs. That of a sticky directory (1777) does not.
# custom:
#   id: docker/build_commands/world-writable
#   severity: medium
#   controls:
#   - nist-800-53r5:AC-3
#   - nist-800-53r5:CM-5
#   remediation: Give the rights to the user that needs them.
deny contains finding if {
	some instruction in input
	instruction.Cmd == "run"
	some mode in regex.find_n(`\bchmod( +-[a-zA-Z-]+)* +["']?[0-7a-zA-Z,+=-]+`, concat(" ", instruction.Value), -1)
	everyone_writes(mode)
	finding := found("docker/build_commands/world-writable", "RUN must not let everyone write (chmod 777)")
}

deny contains finding if {
	some instruction in input
	some flag in instruction.Flags
	startswith(flag, "--chmod=")
	everyone_writes(concat("", [" ", trim_prefix(flag, "--chmod=")]))
	finding := found("docker/build_commands/world-writable", sprintf("%s must not let everyone write (%s)", [upper(instruction.Cmd), flag]))
}

# The mode, after a blank: digits, where a first one that is odd is a sticky directory's, or letters with no t, and no later clause that takes
# from everyone.
everyone_writes(mode) if {
	regex.match(` ["']?(0*([0246]?[0-7])?[0-7]?[2367]|([ugoa]*[-+=][rwxXs]*,)*[ug]*[ao][ugoa]*[+=][rxXs]*w[rwxXs]*(,([ug]*[-=]|[ugoa]*[+])[rwxXs]*)*)$`, mode)
}
