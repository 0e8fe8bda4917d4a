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

# Whether it may be another image tomorrow: by a tag that moves, or without one. Of a text with variables only what they can't change
# is judged.
floats(reference) if {
	not digest(reference)
	moves(reference)
}

moves(reference) if {
	segment := last_segment(reference)
	not contains(segment, ":")
	not contains(segment, "$")
}

moves(reference) if {
	some end in [":edge", ":latest", ":main", ":master", ":nightly"]
	endswith(reference, end)
}

# With the values that variables have where nobody sets them: "${TAG:-1.27}". Contracts put no groups into a replacement.
defaulted(reference) := replace(opened, "}", "") if {
	opened := regex.replace(reference, `\$\{\w+:?-`, "")
	opened != reference
} else := reference

last_segment(reference) := segments[count(segments) - 1] if segments := split(split(reference, "@")[0], "/")

digest(reference) := value if {
	parts := split(reference, "@")
	count(parts) == 2
	value := parts[1]
}

# A colon after the last slash starts the tag; one before it belongs to the registry's port.
tag(reference) := value if {
	parts := split(last_segment(reference), ":")
	count(parts) == 2
	value := parts[1]
}
