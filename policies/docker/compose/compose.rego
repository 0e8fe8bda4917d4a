# METADATA
# title: Compose files
# description: >-
#   Services of a Compose file that reach their host, or run an image that moves. What they carry and open to the network is
#   docker/compose_exposure.
# custom:
#   id: docker/compose
#   layer: L2
#   inputs: [compose]
#   owner: platform-engineering
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:CM-7
#   - iso-27001-2022:A.8.9
#   - soc2:CC6.1
#   remediation: Change the service.
package docker.compose

import data.lib.images

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
# title: Privileged service
# description: A service is privileged on its host.
# custom:
#   id: docker/compose/privileged
#   severity: critical
#   controls:
#   - cis-docker-1.6:5.5
#   - nist-800-53r5:AC-6(10)
#   remediation: Remove privileged, and add the capability that is needed.
#   fix: {value: false}
deny contains finding if {
	some name, service in input.services
	lower(images.defaulted(sprintf("%v", [service.privileged]))) in {"on", "true", "y", "yes"}
	finding := found("docker/compose/privileged", name, "privileged must not be true")
}

# METADATA
# title: Namespace of the host
# description: A service shares network, processes, memory or users with its host.
# custom:
#   id: docker/compose/host-namespace
#   severity: high
#   controls:
#   - cis-docker-1.6:5.10
#   - cis-docker-1.6:5.16
#   - cis-docker-1.6:5.17
#   - cis-docker-1.6:5.21
#   - cis-docker-1.6:5.31
#   - nist-800-53r5:SC-39
#   remediation: Remove the mode; publish ports instead.
deny contains finding if {
	some name, service in input.services
	some field in ["cgroup", "ipc", "network_mode", "pid", "userns_mode", "uts"]
	service[field] == "host"
	finding := found("docker/compose/host-namespace", name, sprintf("%s must not be host", [field]))
}

# Short and long form of volumes: the path of the host. A path alone is one of the container.
mounts contains {"name": name, "holder": service.volumes, "key": number} if {
	some name, service in input.services
	some number, volume in service.volumes
	contains(volume, ":")
}

# A named volume may be a directory of the host, too.
mounts contains {"name": name, "holder": volume.driver_opts, "key": "device"} if some name, volume in input.volumes

mounts contains {"name": name, "holder": volume, "key": "source"} if {
	some name, service in input.services
	some volume in service.volumes
	is_object(volume)
}

# METADATA
# title: Path that owns the host
# description: A service mounts the Docker socket or a directory of the system; with it, it is root on the host.
# custom:
#   id: docker/compose/host-path
#   severity: critical
#   controls:
#   - cis-docker-1.6:5.6
#   - cis-docker-1.6:5.32
#   - nist-800-53r5:AC-6
#   remediation: Remove the volume.
deny contains finding if {
	some mount in mounts
	text := mount.holder[mount.key]
	source := plain_path(split(text, ":")[0])
	owns_host(source, text)
	finding := found("docker/compose/host-path", mount.name, sprintf("%s must not be mounted", [source]))
}

owns_host(path, _) if path in {
	"/", "/bin", "/boot", "/dev", "/etc", "/etc/shadow", "/home", "/lib", "/lib64", "/proc", "/root",
	"/run", "/sbin", "/sys", "/usr", "/var", "/var/lib", "/var/lib/containerd", "/var/lib/docker", "/var/lib/kubelet",
	"/var/run",
}

# Sockets of container runtimes, also as the default of a variable; and where ".." may lead.
owns_host(_, text) if regex.match(`/(docker|containerd|crio|podman|cri-dockerd)\.sock|^/[^:]*/\.\.(/|:|$)`, text)

# "/etc/", "//etc" and "/etc/." are "/etc".
plain_path(path) := without_end(regex.replace(path, `/(\.?/)*(\.$)?`, "/"))

without_end(path) := "/" if path == "/"

without_end(path) := trim_suffix(path, "/") if path != "/"

# METADATA
# title: Capability that owns the host
# description: A service has a capability that leads out of its container.
# custom:
#   id: docker/compose/capability
#   severity: high
#   controls:
#   - cis-docker-1.6:5.4
#   - nist-800-53r5:AC-6
#   remediation: Remove the capability.
deny contains finding if {
	some name, service in input.services
	some capability in service.cap_add
	trim_prefix(upper(capability), "CAP_") in {
		"ALL", "BPF", "DAC_READ_SEARCH", "NET_ADMIN", "SYS_ADMIN", "SYS_BOOT", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO",
	}
	finding := found("docker/compose/capability", name, sprintf("cap_add must not have %s", [capability]))
}

# METADATA
# title: Confinement switched off
# description: A service runs without seccomp, AppArmor or SELinux.
# custom:
#   id: docker/compose/unconfined
#   severity: high
#   controls:
#   - cis-docker-1.6:5.2
#   - cis-docker-1.6:5.3
#   - cis-docker-1.6:5.22
#   - cis-docker-1.6:5.26
#   - nist-800-53r5:SC-39
#   remediation: Remove the option.
deny contains finding if {
	some name, service in input.services
	some option in service.security_opt
	replace(lower(option), "=", ":") in {
		"apparmor:unconfined", "label:disable", "no-new-privileges:false", "seccomp:unconfined", "systempaths:unconfined",
	}
	finding := found("docker/compose/unconfined", name, sprintf("security_opt must not have %s", [option]))
}

# METADATA
# title: Image that moves
# description: A service's image has no tag, or one that moves.
# custom:
#   id: docker/compose/floating-image
#   layer: L7
#   severity: medium
#   controls:
#   - nist-800-53r5:CM-2
#   - nist-800-53r5:SI-7
#   - cis-docker-1.6:5.28
#   remediation: Name the version, or better the digest.
deny contains finding if {
	some name, service in input.services
	image := service.image
	not service.build
	images.floats(images.defaulted(image))
	finding := found("docker/compose/floating-image", name, sprintf("the image %s moves", [image]))
}
