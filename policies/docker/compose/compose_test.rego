package docker.compose_test

import data.docker.compose

found(doc) := result if {
	denied := compose.deny with input as doc
	warned := compose.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
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
	"db": {
		"image": "postgres:17.2",
		"environment": {"POSTGRES_PASSWORD": "hunter2"},
		"ports": ["5432:5432"],
	},
}}

good := {"services": {
	"web": {
		"image": "nginx:1.29.3",
		"cap_add": ["NET_BIND_SERVICE"],
		"security_opt": ["no-new-privileges:true"],
		"ports": ["8443:443"],
		"volumes": ["./site:/usr/share/nginx/html:ro", "/etc/localtime:/etc/localtime:ro"],
	},
	"db": {
		"image": "postgres:17.2",
		"environment": {"POSTGRES_PASSWORD": "${POSTGRES_PASSWORD:?}", "POSTGRES_USER": "shop"},
		"ports": ["127.0.0.1:5432:5432"],
	},
}}

ids := {
	"docker/compose/privileged", "docker/compose/host-namespace", "docker/compose/host-path", "docker/compose/capability",
	"docker/compose/unconfined", "docker/compose/floating-image", "docker/compose/environment-secret",
	"docker/compose/open-data-port",
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
	one({"environment": ["DB_PASSWORD=hunter2", "DEBUG"]}) == {"docker/compose/environment-secret"}
	one({"environment": ["DB_PASSWORD", "DB_PASSWORD_FILE=/run/secrets/db"]}) == set()
	one({"ports": [{"target": 5432}]}) == set()
	one({"cap_add": ["CAP_SYS_ADMIN"]}) == {"docker/compose/capability"}
	one({"security_opt": ["apparmor=unconfined"]}) == {"docker/compose/unconfined"}
}

test_images_that_are_built_here_need_no_version if {
	one({"image": "shop", "build": "."}) == set()
	one({"image": "shop"}) == {"docker/compose/floating-image"}
	one({"image": "shop:${VERSION}"}) == set()
}

test_empty_services_are_accepted if compose.allow with input as {"services": {"web": null}}

test_ports_on_every_address_are_told if {
	every port in [
		"5432:5432", "0.0.0.0:5432:5432", "[::]:5432:5432", ":::15432:5432/tcp", "${DB_PORT:-5432}:5432",
		{"target": 5432, "published": "5432"}, {"target": 5432, "published": 5432, "host_ip": "0.0.0.0", "mode": "host"},
	] {
		one({"ports": [port]}) == {"docker/compose/open-data-port"}
	}
	every port in [
		"127.0.0.1:5432:5432", "[::1]:5432:5432", "${BIND:-127.0.0.1}:5432:5432", "5432:8080", "10.0.0.1:5432:5432", 5432,
		{"target": 5432, "published": "5432", "host_ip": "127.0.0.1"}, {"target": 8080, "published": "5432"},
	] {
		one({"ports": [port]}) == set()
	}
}

test_spellings_of_a_path_are_one if {
	every source in ["/etc/", "//etc", "/etc/.", "/./etc/", "/", "//", "/var/run/docker.sock"] {
		one({"volumes": [concat("", [source, ":/mnt:ro"])]}) == {"docker/compose/host-path"}
	}
	every source in ["/etc/localtime", "./etc", "etc", ".", "/srv/etc/", "/etcd/", "/.etc"] {
		one({"volumes": [concat("", [source, ":/mnt:ro"])]}) == set()
	}
}

test_passwords_of_digits_and_in_addresses_are_told if {
	every environment in [
		{"DB_PASSWORD": "123456"}, {"DB_PASSWORD": 123456}, ["DB_PASSWORD=123456"],
		["DATABASE_URL=postgres://app:hunter2@db/app"], {"DATABASE_URL": "postgres://app:hunter2@db/app"},
	] {
		one({"environment": environment}) == {"docker/compose/environment-secret"}
	}
	one({"environment": ["HF_TOKENIZER=bert", "PASSWORD_POLICY=strict", "TOKEN_EXPIRY=30d", "TOKEN_TTL=3600"]}) == set()
}
