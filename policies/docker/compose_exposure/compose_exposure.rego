# METADATA
# title: What Compose files expose
# description: Services of a Compose file that carry secrets, or open databases to the network.
# custom:
#   id: docker/compose_exposure
#   layer: L2
#   inputs: [compose]
#   owner: platform-engineering
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-7
#   - iso-27001-2022:A.8.9
#   - soc2:CC6.1
#   remediation: Change the service.
package docker.compose_exposure

import data.lib.secrets

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input without services is not accepted.
allow if {
	is_object(input.services)
	count(deny) == 0
}

found(id, name, message) := {
	"id": id,
	"msg": sprintf("service %s: %s", [name, message]),
	"resource": sprintf("services.%s", [name]),
}

# METADATA
# title: Secret in plain text
# description: A variable of a service holds a password, a token or a key.
# custom:
#   id: docker/compose_exposure/environment-secret
#   layer: L6
#   severity: high
#   controls:
#   - nist-800-53r5:IA-5(7)
#   - iso-27001-2022:A.5.17
#   - pci-dss-4.0:8.6.2
#   remediation: "Use secrets, or a variable of the shell: ${NAME}."
deny contains finding if {
	some entry in variables
	secrets.in_environment(entry.key, plain(entry.holder[entry.at], entry.key))
	finding := found("docker/compose_exposure/environment-secret", entry.name, sprintf("%s must not hold a secret", [entry.key]))
}

# In the list form the name stands before the value.
plain(value, key) := trim_prefix(value, concat("", [key, "="]))

plain(value, _) := value if is_number(value)

variables contains {"name": name, "key": key, "holder": service.environment, "at": key} if {
	some name, service in input.services
	is_object(service.environment)
	some key, _ in service.environment
}

variables contains {"name": name, "key": split(word, "=")[0], "holder": service.environment, "at": number} if {
	some name, service in input.services
	is_array(service.environment)
	some number, word in service.environment
	contains(word, "=")
}

# METADATA
# title: Database open to the network
# description: The port of a database is published on every address of the host.
# custom:
#   id: docker/compose_exposure/open-data-port
#   layer: L1
#   severity: medium
#   enforcement: warn
#   controls:
#   - cis-docker-1.6:5.14
#   - nist-800-53r5:SC-7
#   remediation: Publish it as 127.0.0.1:PORT:PORT, or leave it to the network of the services.
warn contains finding if {
	some name, service in input.services
	some number, _ in service.ports
	port := service.ports[number]
	ends := split(target(port), "-")
	some database in [1433, 1521, 3306, 5432, 6379, 9200, 11211, 27017]
	to_number(ends[0]) <= database
	to_number(ends[count(ends) - 1]) >= database
	finding := found("docker/compose_exposure/open-data-port", name, sprintf("port %d is open on every address", [database]))
}

# The port of the container, or the range of them, if one of the host is published on every address.
target(port) := split(parts[count(parts) - 1], "/")[0] if {
	regex.match(`^((0\.0\.0\.0|::|\[::\]):)?([0-9-]+|\$\{\w+:?-[0-9]+\}):[0-9-]+(/(tcp|udp))?$`, port)
	parts := split(port, ":")
}

target(port) := sprintf("%v", [port.target]) if {
	not object.get(port, "published", null) in {null, ""}
	object.get(port, "host_ip", "") in {"", "0.0.0.0", "::", "[::]"}
}
