package lib.images_test

import data.lib.images

test_registry_is_the_host if images.registry("registry.corp.example/a/b:1") == "registry.corp.example"

test_registry_with_port if images.registry("localhost:5000/a") == "localhost:5000"

test_localhost_is_a_registry if images.registry("localhost/a") == "localhost"

test_no_host_means_docker_hub if {
	images.registry("nginx") == "docker.io"
	images.registry("library/nginx:1.27") == "docker.io"
}

test_tag if {
	images.tag("nginx:1.27") == "1.27"
	images.tag("localhost:5000/nginx:1.27@sha256:00") == "1.27"
}

test_port_is_no_tag if not images.tag("localhost:5000/nginx")

test_digest if images.digest("nginx@sha256:00") == "sha256:00"

test_no_digest if not images.digest("nginx:1.27")

test_what_floats if {
	every reference in ["nginx", "nginx:latest", "localhost:5000/nginx", "r.example/a:main", "$REGISTRY/nginx", "${IMAGE}:latest"] {
		images.floats(reference)
	}
	every reference in ["nginx:1.27", "nginx:latest@sha256:00", "nginx@sha256:00", "nginx:$TAG", "${IMAGE}", "r.example/$IMAGE", "nginx:${TAG:-latest}", "$IMAGE@sha256:00", null, {}] {
		not images.floats(reference)
	}
}

test_variables_say_what_they_are_left_alone if {
	images.defaulted("${REGISTRY:-r.example}/a:${TAG-1.2}") == "r.example/a:1.2"
	images.defaulted("a:${TAG:?set it}$B${C}") == "a:${TAG:?set it}$B${C}"
}
