# METADATA
# title: Builds of Dockerfiles
# description: >-
#   What the instructions of a Dockerfile fetch without checking it, and what they leave in the image's history. What RUN
#   executes is docker/build_commands.
# custom:
#   id: docker/build
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
#   remediation: Change the instruction.
package docker.build

import data.lib.secrets

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
# title: Download without a checksum
# description: ADD takes what a server sends at the time of the build, or what a repository has then.
# custom:
#   id: docker/build/remote-add
#   severity: medium
#   controls:
#   - cis-docker-1.6:4.9
#   - nist-800-53r5:SI-7
#   - nist-800-53r5:SR-11
#   remediation: Add --checksum=sha256:..., or COPY a file.
deny contains finding if {
	some instruction in input
	instruction.Cmd == "add"
	some source in instruction.Value
	regex.match(`^([a-zA-Z]+://|git@)`, source)
	not regex.match(`^(git@[^#]*|(git|ssh)://[^#]*|https?://[^#]*\.git)#[0-9a-f]{40}(:|$)`, source)
	every flag in instruction.Flags {
		not startswith(flag, "--checksum=")
	}
	finding := found("docker/build/remote-add", sprintf("ADD must not take %s unchecked", [source]))
}

# METADATA
# title: Secret in the image
# description: ENV or ARG sets a password, a token or a key, which stays in the image's history.
# custom:
#   id: docker/build/secret
#   layer: L6
#   severity: critical
#   controls:
#   - cis-docker-1.6:4.10
#   - nist-800-53r5:IA-5(7)
#   - iso-27001-2022:A.5.17
#   - pci-dss-4.0:8.6.2
#   remediation: Mount it with RUN --mount=type=secret.
deny contains finding if {
	some variable in variables
	value := trim_prefix(variable.holder[variable.at], concat("", [variable.name, "="]))
	secrets.in_environment(variable.name, trim(value, `"'`))
	finding := found("docker/build/secret", sprintf("%s must not hold a secret", [variable.name]))
}

# ENV and ARG name=value ..., and the old form of ENV, name value.
variables contains {"name": split(word, "=")[0], "holder": instruction.Value, "at": number} if {
	some instruction in input
	instruction.Cmd in {"arg", "env"}
	some number, word in instruction.Value
	contains(word, "=")
}

variables contains {"name": instruction.Value[0], "holder": instruction.Value, "at": 1} if {
	some instruction in input
	instruction.Cmd == "env"
	not contains(instruction.Value[0], "=")
}
