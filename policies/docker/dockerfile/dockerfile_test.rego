package docker.dockerfile_test

import data.docker.dockerfile

found(doc) := result if {
	denied := dockerfile.deny with input as doc
	warned := dockerfile.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

# An instruction as the reader of Dockerfiles gives it.
line(stage, cmd, value) := {
	"Cmd": cmd,
	"Flags": [],
	"JSON": false,
	"Original": concat(" ", array.concat([upper(cmd)], value)),
	"Stage": stage,
	"SubCmd": "",
	"Value": value,
}

bad := [
	line(0, "from", ["node:latest"]),
	line(0, "expose", ["22/tcp", "8080"]),
	line(0, "user", ["root"]),
	line(0, "cmd", ["server"]),
]

good := [
	line(0, "from", ["golang:1.25", "AS", "build"]),
	line(0, "run", ["go build -o /server"]),
	line(1, "from", ["registry.corp.example/base:3.2"]),
	line(1, "copy", ["/server", "/server"]),
	line(1, "expose", ["8080"]),
	line(1, "user", ["1000:1000"]),
	line(1, "healthcheck", ["/server", "-check"]),
	line(1, "cmd", ["/server"]),
]

ids := {
	"docker/dockerfile/root-user", "docker/dockerfile/floating-base", "docker/dockerfile/ssh",
	"docker/dockerfile/healthcheck",
}

test_bad_file_has_every_finding if found(bad) == ids

test_good_file_is_accepted if {
	found(good) == set()
	dockerfile.allow with input as good
	not dockerfile.allow with input as bad
	not dockerfile.allow with input as {}
}

test_message_names_the_user if {
	doc := [line(0, "from", ["alpine:3.22"]), line(0, "user", ["0:0"])]
	dockerfile.deny == {{
		"id": "docker/dockerfile/root-user",
		"msg": "the image must not run as 0:0",
		"resource": "Dockerfile",
	}} with input as doc
}

test_the_last_user_of_the_last_stage_counts if {
	found([
		line(0, "from", ["alpine:3.22"]),
		line(0, "user", ["root"]),
		line(0, "user", ["app"]),
	]) == set()
	found([
		line(0, "from", ["alpine:3.22", "AS", "build"]),
		line(0, "user", ["root"]),
		line(1, "from", ["alpine:3.22"]),
		line(1, "user", ["app"]),
	]) == set()
}

test_a_user_must_be_chosen if {
	found([line(0, "from", ["alpine:3.22"])]) == {"docker/dockerfile/no-user"}
	found([line(0, "from", ["gcr.io/distroless/static:nonroot"])]) == set()
	found([
		line(0, "from", ["alpine:3.22", "as", "Base"]),
		line(0, "user", ["app"]),
		line(1, "from", ["base"]),
	]) == set()
}

base(reference) := found([line(0, "from", [reference]), line(0, "user", ["app"])])

test_bases_with_versions_are_accepted if {
	every reference in [
		"alpine:3.22", "scratch", "$BASE", "node:${VERSION}", "registry.corp.example:5000/base:1",
		"alpine@sha256:1111111111111111111111111111111111111111111111111111111111111111",
	] {
		base(reference) == set()
	}
	every reference in ["alpine", "alpine:edge", "registry.corp.example:5000/base"] {
		base(reference) == {"docker/dockerfile/floating-base"}
	}
}

bad_without_user := [line(0, "from", ["alpine:3.22"]), line(0, "run", ["true"])]

test_file_without_user_is_warned_of if found(bad_without_user) == {"docker/dockerfile/no-user"}

building(user, rest) := found(array.concat([line(0, "from", ["alpine:3.22", "AS", "base"]), line(0, "user", [user])], rest))

test_stages_run_as_the_user_of_what_they_build_on if {
	root := {"docker/dockerfile/root-user"}
	building("root", [line(1, "from", ["base"])]) == root
	building("app", [line(1, "from", ["base"])]) == set()
	building("root", [line(1, "from", ["Base", "as", "next"]), line(2, "from", ["next"])]) == root
	building("root", [line(1, "from", ["base"]), line(1, "user", ["app"])]) == set()
	building("root", [line(1, "from", ["alpine:3.22"]), line(1, "user", ["app"])]) == set()
	found([line(0, "from", ["alpine:3.22", "AS", "base"]), line(1, "from", ["base"])]) == {"docker/dockerfile/no-user"}
}

built(argument, reference) := found([line(0, "arg", [argument]), line(0, "from", [reference]), line(0, "user", ["app"])])

test_defaults_of_arguments_are_bases if {
	moving := {"docker/dockerfile/floating-base"}
	built("BASE=nginx:latest", "${BASE}") == moving
	built("BASE=\"nginx\"", "$BASE") == moving
	built("TAG=latest", "nginx:$TAG") == moving
	built("TAG=1.27", "nginx:${TAG}") == set()
	built("TAG", "nginx:${TAG}") == set()
	built("OTHER=latest", "nginx:${TAG}") == set()
}

arguments(words, reference) := found(array.concat(
	[line(0, "arg", [word]) | some word in words],
	[line(0, "from", [reference]), line(0, "arg", ["B=1.27"]), line(0, "user", ["app"])],
))

test_several_arguments_are_filled_in if {
	moving := {"docker/dockerfile/floating-base"}
	arguments(["A=node", "B=latest"], "$A:$B") == moving
	arguments(["A=node", "B=22"], "$A:$B") == set()
	arguments(["A", "B=latest"], "${A}:${B}") == moving
	arguments(["A=node", "B"], "$A:$B") == set()
	arguments(["A=node"], "$A:$B") == set()
	arguments(["A=node"], "$A") == moving
	arguments(["B=latest", "B=22"], "node:$B") == set()
	arguments(["V=22", "A=node:$V"], "$A") == set()
	arguments(["A=node"], "$AB:22") == set()
	arguments(["A=x"], "node$AB") == set()
	arguments([], "node:${B:-latest}") == moving
	arguments([], "node:${B:-22}") == set()
	arguments([], "$REGISTRY/node") == moving
}

test_message_names_the_base_filled_in if {
	dockerfile.deny == {{
		"id": "docker/dockerfile/floating-base",
		"msg": "the base node:latest moves",
		"resource": "Dockerfile",
	}} with input as [line(0, "arg", ["A=node", "B=latest"]), line(0, "from", ["${A}:$B"]), line(0, "user", ["app"])]
}
