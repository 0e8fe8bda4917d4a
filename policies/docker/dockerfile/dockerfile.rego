# METADATA
# title: Dockerfiles
# description: >-
#   What a Dockerfile builds into an image that should not be there, or takes from where nobody vouches for it.
# related_resources:
# - https://docs.docker.com/build/building/best-practices/
# custom:
#   id: docker/dockerfile
#   layer: L7
#   inputs: [dockerfile]
#   owner: platform-engineering
#   severity: medium
#   enforcement: deny
#   controls:
#   - nist-800-53r5:CM-6
#   - iso-27001-2022:A.8.9
#   - soc2:CC8.1
#   remediation: Change the instruction.
package docker.dockerfile

import data.lib.images

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input that is no list of instructions is not accepted.
allow if {
	is_array(input)
	count(deny) == 0
}

found(id, message) := {"id": id, "msg": message, "resource": "Dockerfile"}

last_stage := max({instruction.Stage | some instruction in input})

stages contains {"name": lower(instruction.Value[2]), "stage": instruction.Stage} if {
	some instruction in input
	instruction.Cmd == "from"
	lower(instruction.Value[1]) == "as"
}

names := {entry.name | some entry in stages}

# The stage that a stage is built on.
parent(stage) := max({entry.stage |
	some instruction in input
	instruction.Cmd == "from"
	instruction.Stage == stage
	some entry in stages
	entry.name == lower(instruction.Value[0])
	entry.stage < stage
})

# The last stage and those that it is built on, as far as anybody builds.
lineage contains last_stage

lineage contains parent(last_stage)

lineage contains parent(parent(last_stage))

lineage contains parent(parent(parent(last_stage)))

lineage contains parent(parent(parent(parent(last_stage))))

# A stage runs as the user of the one that it is built on until it names its own.
choosing := max({instruction.Stage | some instruction in input; instruction.Cmd == "user"; instruction.Stage in lineage})

users := [instruction | some instruction in input; instruction.Cmd == "user"; instruction.Stage == choosing]

# A base with the defaults of the arguments before it; those may name each other.
filled(text) := images.defaulted(trim_right(strings.replace_n(defaults, strings.replace_n(defaults, concat("", [text, "\n"]))), "\n"))

# What stands for an argument, and the value of the last ARG of that name before the first FROM. A name without braces ends where a
# letter, digit or underscore can't be.
defaults := {place: text |
	some number, instruction in input
	some word in instruction.Value
	name := argument(number, word)
	every later, another in input {
		not overruled(name, number, later, another)
	}
	some begin, ends in {"$": ["\n", "$", "-", ".", "/", ":", "@"], "${": ["}"]}
	some end in ends
	place := concat("", [begin, name, end])
	text := concat("", [trim(substring(word, indexof(word, "=") + 1, -1), `"'`), trim(end, "}")])
}

argument(number, word) := split(word, "=")[0] if {
	input[number].Cmd == "arg"
	number < first_base
	contains(word, "=")
}

overruled(name, number, later, another) if {
	later > number
	some word in another.Value
	argument(later, word) == name
}

first_base := min({number | some number, instruction in input; instruction.Cmd == "from"})

# METADATA
# title: Runs as root
# description: The last USER of the image, or of the stage that it is built on, is root.
# custom:
#   id: docker/dockerfile/root-user
#   severity: high
#   controls:
#   - cis-docker-1.6:4.1
#   - nist-800-53r5:AC-6(5)
#   - iso-27001-2022:A.8.2
#   remediation: End with USER and a number above 0.
deny contains finding if {
	user := lower(users[count(users) - 1].Value[0])
	split(user, ":")[0] in {"0", "root"}
	finding := found("docker/dockerfile/root-user", sprintf("the image must not run as %s", [user]))
}

# METADATA
# title: User not chosen
# description: The image runs as the user of its base, most often root.
# custom:
#   id: docker/dockerfile/no-user
#   severity: medium
#   enforcement: warn
#   controls:
#   - cis-docker-1.6:4.1
#   - nist-800-53r5:AC-6(5)
#   remediation: Add USER with a number above 0.
warn contains finding if {
	count(users) == 0
	some instruction in input
	instruction.Cmd == "from"
	instruction.Stage == min(lineage)
	base := lower(instruction.Value[0])
	not base in names
	not contains(base, "nonroot")
	finding := found("docker/dockerfile/no-user", "no USER is set in the last stage")
}

# METADATA
# title: Base that moves
# description: A base image has no tag, or one that moves, also by the default of an ARG.
# custom:
#   id: docker/dockerfile/floating-base
#   severity: medium
#   controls:
#   - nist-800-53r5:CM-2
#   - nist-800-53r5:SI-7
#   - cis-docker-1.6:4.2
#   - cis-github-1.0:3.1.7
#   remediation: Name the version, or better the digest.
deny contains finding if {
	some instruction in input
	instruction.Cmd == "from"
	image := filled(instruction.Value[0])
	not lower(image) in (names | {"scratch"})
	images.floats(image)
	finding := found("docker/dockerfile/floating-base", sprintf("the base %s moves", [image]))
}

# METADATA
# title: SSH in the image
# description: An image offers SSH; its container is managed by its platform.
# custom:
#   id: docker/dockerfile/ssh
#   severity: low
#   controls:
#   - cis-docker-1.6:5.7
#   - nist-800-53r5:CM-7
#   remediation: Remove EXPOSE 22 and the server.
deny contains finding if {
	some instruction in input
	instruction.Cmd == "expose"
	some port in instruction.Value
	port in {"22", "22/tcp"}
	finding := found("docker/dockerfile/ssh", sprintf("port %s must not be exposed", [port]))
}

# METADATA
# title: No health check
# description: Docker can't tell whether a container answers. Kubernetes has probes of its own.
# custom:
#   id: docker/dockerfile/healthcheck
#   layer: L8
#   severity: low
#   enforcement: warn
#   controls:
#   - cis-docker-1.6:4.6
#   - nist-800-53r5:SI-13
#   remediation: Add HEALTHCHECK, or HEALTHCHECK NONE where something else checks.
warn contains finding if {
	is_array(input)
	count([instruction | some instruction in input; instruction.Cmd == "healthcheck"]) == 0
	some instruction in input
	instruction.Cmd in {"cmd", "entrypoint"}
	instruction.Stage == last_stage
	finding := found("docker/dockerfile/healthcheck", "the image has no HEALTHCHECK")
}
