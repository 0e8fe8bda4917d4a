package docker.compose_test

import data.docker.compose

found(doc) := result if {
	denied := compose.deny with input as doc
	result := {finding.id | some finding in denied}
}

one(service) := found({"services": {"web": service}})

bad := {"services": {
	"web": {
		"image": "nginx:latest",
		"privileged": true,
		"network_mode": "host",
		"cap_add": ["SYS_ADMIN"],
		"security_opt": ["seccomp:unconfined"],
		"volumes": ["/var/run/docker.sock:/var/run/docker.sock"],
	},
	"db": {"image": "postgres:17.2"},
}}

good := {"services": {
	"web": {
		"image": "nginx:1.29.3",
		"cap_add": ["NET_BIND_SERVICE"],
		"security_opt": ["no-new-privileges:true"],
		"volumes": ["./site:/usr/share/nginx/html:ro", "/etc/localtime:/etc/localtime:ro"],
	},
	"db": {"image": "postgres:17.2"},
}}

ids := {
	"docker/compose/privileged", "docker/compose/host-namespace", "docker/compose/host-path", "docker/compose/capability",
	"docker/compose/unconfined", "docker/compose/floating-image",
}

test_bad_file_has_every_finding if found(bad) == ids

test_good_file_is_accepted if {
	found(good) == set()
	compose.allow with input as good
	not compose.allow with input as bad
	not compose.allow with input as {}
}

test_message_names_the_service if {
	compose.deny == {{
		"id": "docker/compose/host-namespace",
		"msg": "service web: pid must not be host",
		"resource": "services.web",
	}} with input as {"services": {"web": {"image": "nginx:1.29.3", "pid": "host"}}}
}

test_long_forms_count if {
	socket := [{"type": "bind", "source": "/var/run/docker.sock", "target": "/var/run/docker.sock"}]
	one({"volumes": socket}) == {"docker/compose/host-path"}
	one({"cap_add": ["CAP_SYS_ADMIN"]}) == {"docker/compose/capability"}
	one({"security_opt": ["apparmor=unconfined"]}) == {"docker/compose/unconfined"}
}

test_images_that_are_built_here_need_no_version if {
	one({"image": "shop", "build": "."}) == set()
	one({"image": "shop"}) == {"docker/compose/floating-image"}
	one({"image": "shop:${VERSION}"}) == set()
}

test_empty_services_are_accepted if compose.allow with input as {"services": {"web": null}}

test_spellings_of_a_path_are_one if {
	every source in ["/etc/", "//etc", "/etc/.", "/./etc/", "/", "//", "/var/run/docker.sock"] {
		one({"volumes": [concat("", [source, ":/mnt:ro"])]}) == {"docker/compose/host-path"}
	}
	every source in ["/etc/localtime", "./etc", "etc", ".", "/srv/etc/", "/etcd/", "/.etc"] {
		one({"volumes": [concat("", [source, ":/mnt:ro"])]}) == set()
	}
}

test_text_is_a_boolean_too if {
	one({"privileged": "true"}) == {"docker/compose/privileged"}
	one({"privileged": "false"}) == set()
	one({"cgroup": "host"}) == {"docker/compose/host-namespace"}
}

test_more_paths_own_the_host if {
	every path in [
		"/run", "/var", "/root", "/var/lib/kubelet", "/run/podman/podman.sock", "/run/user/1000/docker.sock", "/home/../etc",
		"${SOCK:-/var/run/docker.sock}",
	] {
		one({"volumes": [sprintf("%s:/x", [path])]}) == {"docker/compose/host-path"}
	}
	every path in ["./data", "/srv/data", "data", "/etc/localtime", "../config"] {
		one({"volumes": [sprintf("%s:/x", [path])]}) == set()
	}
}

bound(device) := found({"services": {}, "volumes": {"v": {"driver": "local", "driver_opts": {"o": "bind", "device": device}}}})

test_named_volumes_may_be_directories_of_the_host if {
	bound("/") == {"docker/compose/host-path"}
	bound("/srv/data") == set()
	found({"services": {}, "volumes": {"v": null}}) == set()
}

test_compose_takes_more_than_true_for_true if {
	every value in [true, "true", "True", "yes", "on", "Y", "${PRIVILEGED:-true}"] {
		one({"privileged": value}) == {"docker/compose/privileged"}
	}
	every value in [false, "false", "no", "off", "", null, "${PRIVILEGED:-false}", "${PRIVILEGED}"] {
		one({"privileged": value}) == set()
	}
}

test_images_are_what_they_are_where_nobody_sets_a_variable if {
	every image in ["shop:${VERSION:-latest}", "${REGISTRY:-r.example}/shop", "${REGISTRY}/shop", "shop:$VERSION:latest"] {
		one({"image": image}) == {"docker/compose/floating-image"}
	}
	one({"image": "shop:${VERSION:-1.27}"}) == set()
}

test_volumes_are_read_in_both_forms if {
	every volume in [
		"/var/run/docker.sock:/var/run/docker.sock:ro", {"type": "bind", "source": "/var/run/docker.sock", "target": "/sock"},
		{"type": "bind", "source": "/", "target": "/host", "read_only": true},
	] {
		one({"volumes": [volume]}) == {"docker/compose/host-path"}
	}
	every volume in ["data:/etc", {"type": "volume", "source": "etc", "target": "/etc"}, {"type": "tmpfs", "target": "/run"}, "/run"] {
		one({"volumes": [volume]}) == set()
	}
}
