# METADATA
# title: Image references
# description: Takes "registry/repository:tag@digest" apart, with Docker's rules for what may be left out.
package lib.images

# The registry is the part before the first slash if it looks like a host; otherwise Docker Hub is meant.
registry(reference) := host if {
	parts := split(reference, "/")
	count(parts) > 1
	host := parts[0]
	looks_like_host(host)
} else := "docker.io"

looks_like_host(part) if contains(part, ".")

looks_like_host(part) if contains(part, ":")

looks_like_host(part) if part == "localhost"

# Whether it may be another image tomorrow: by a tag that moves, or without one. Texts with variables are not filled in yet.
floats(reference) if {
	not contains(reference, "$")
	not digest(reference)
	moves(reference)
}

moves(reference) if not tag(reference)

moves(reference) if tag(reference) in {"edge", "latest", "main", "master", "nightly"}

digest(reference) := value if {
	parts := split(reference, "@")
	count(parts) == 2
	value := parts[1]
}

# A colon after the last slash starts the tag; one before it belongs to the registry's port.
tag(reference) := value if {
	name := split(reference, "@")[0]
	segments := split(name, "/")
	parts := split(segments[count(segments) - 1], ":")
	count(parts) == 2
	value := parts[1]
}
