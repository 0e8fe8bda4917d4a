package docker.compose_exposure_test

import data.docker.compose_exposure

found(doc) := result if {
	denied := compose_exposure.deny with input as doc
	warned := compose_exposure.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

one(service) := found({"services": {"web": service}})

bad := {"services": {"db": {
	"image": "postgres:17.2",
	"environment": {"POSTGRES_PASSWORD": "hunter2"},
	"ports": ["5432:5432"],
}}}

good := {"services": {
	"web": {"image": "nginx:1.29.3", "ports": ["8443:443"]},
	"db": {
		"image": "postgres:17.2",
		"environment": {"POSTGRES_PASSWORD": "${POSTGRES_PASSWORD:?}", "POSTGRES_USER": "shop"},
		"ports": ["127.0.0.1:5432:5432"],
	},
}}

test_bad_file_has_every_finding if {
	found(bad) == {"docker/compose_exposure/environment-secret", "docker/compose_exposure/open-data-port"}
}

test_good_file_is_accepted if {
	found(good) == set()
	compose_exposure.allow with input as good
	not compose_exposure.allow with input as bad
	not compose_exposure.allow with input as {}
}

test_message_names_service_and_variable if {
	compose_exposure.deny == {{
		"id": "docker/compose_exposure/environment-secret",
		"msg": "service web: API_TOKEN must not hold a secret",
		"resource": "services.web",
	}} with input as {"services": {"web": {"environment": {"API_TOKEN": "abc"}}}}
}

test_long_forms_count if {
	one({"environment": ["DB_PASSWORD=hunter2", "DEBUG"]}) == {"docker/compose_exposure/environment-secret"}
	one({"environment": ["DB_PASSWORD", "DB_PASSWORD_FILE=/run/secrets/db"]}) == set()
	one({"ports": [{"target": 5432}]}) == set()
}

test_empty_services_are_accepted if compose_exposure.allow with input as {"services": {"web": null}}

test_ports_on_every_address_are_told if {
	every port in [
		"5432:5432", "0.0.0.0:5432:5432", "[::]:5432:5432", ":::15432:5432/tcp", "${DB_PORT:-5432}:5432",
		{"target": 5432, "published": "5432"}, {"target": 5432, "published": 5432, "host_ip": "0.0.0.0", "mode": "host"},
	] {
		one({"ports": [port]}) == {"docker/compose_exposure/open-data-port"}
	}
	every port in [
		"127.0.0.1:5432:5432", "[::1]:5432:5432", "${BIND:-127.0.0.1}:5432:5432", "5432:8080", "10.0.0.1:5432:5432", 5432,
		{"target": 5432, "published": "5432", "host_ip": "127.0.0.1"}, {"target": 8080, "published": "5432"},
	] {
		one({"ports": [port]}) == set()
	}
}

test_passwords_of_digits_and_in_addresses_are_told if {
	every environment in [
		{"DB_PASSWORD": "123456"}, {"DB_PASSWORD": 123456}, ["DB_PASSWORD=123456"],
		["DATABASE_URL=postgres://app:hunter2@db/app"], {"DATABASE_URL": "postgres://app:hunter2@db/app"},
	] {
		one({"environment": environment}) == {"docker/compose_exposure/environment-secret"}
	}
	one({"environment": ["HF_TOKENIZER=bert", "PASSWORD_POLICY=strict", "TOKEN_EXPIRY=30d", "TOKEN_TTL=3600"]}) == set()
}

test_ranges_of_ports_count if {
	one({"ports": ["5432-5433:5432-5433"]}) == {"docker/compose_exposure/open-data-port"}
	one({"ports": ["5430-5440:5430-5440"]}) == {"docker/compose_exposure/open-data-port"}
	every port in ["127.0.0.1:5432-5433:5432-5433", "5433-5440:5433-5440", "8000-8010:8000-8010"] {
		one({"ports": [port]}) == set()
	}
}
