# METADATA
# title: Google Cloud network and compute
# description: What a Terraform plan would open to the internet in Google Cloud, and machines and clusters with weak identities.
# custom:
#   id: terraform/gcp
#   layer: L2
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-7
#   - iso-27001-2022:A.8.9
#   - soc2:CC6.6
#   remediation: Change the resource in Terraform and plan again.
package terraform.gcp

import data.lib.networks
import data.lib.terraform as tf

default allow := false

# METADATA
# title: Accept what nothing denies
# description: An input that is no plan is not accepted.
allow if {
	is_array(input.resource_changes)
	count(deny) == 0
}

# METADATA
# title: Administration port open to the world
# description: A firewall rule of a VPC admits every address to SSH or RDP. A rule without ports is for all of them.
# custom:
#   id: terraform/gcp/open-admin-port
#   layer: L1
#   severity: critical
#   controls:
#   - cis-gcp-3.0:3.6
#   - cis-gcp-3.0:3.7
#   - nist-800-53r5:SC-7(5)
#   - pci-dss-4.0:1.3.1
#   - iso-27001-2022:A.8.22
#   remediation: Admit 35.235.240.0/20 and use Identity-Aware Proxy.
deny contains finding if {
	some change in tf.of_type("google_compute_firewall")
	rule := change.change.after
	object.get(rule, "direction", "INGRESS") != "EGRESS"
	not tf.is_true(object.get(rule, "disabled", false))
	some source in sources(change)
	networks.everyone(source)
	some allowed in rule.allow
	lower(tf.text(allowed.protocol)) in {"6", "all", "tcp"}
	some port in [22, 3389]
	opens(allowed, port)
	finding := tf.finding("terraform/gcp/open-admin-port", change, sprintf("port %d is open to %s", [port, source]))
}

sources(change) := change.change.after.source_ranges if not tf.off(change, "source_ranges")

# Google Cloud takes a rule that names no source for one about all of them.
sources(change) := ["0.0.0.0/0"] if {
	every field in ["source_ranges", "source_service_accounts", "source_tags"] {
		tf.off(change, field)
	}
}

opens(allowed, _) if object.get(allowed, "ports", null) in {null, []}

opens(allowed, port) if {
	some range in allowed.ports
	ends := tf.port_range(range)
	ends.first <= port
	ends.last >= port
}

# METADATA
# title: Default service account
# description: >-
#   A machine runs as the project's default service account, which often has the role Editor: by its name, or because the
#   block names none.
# custom:
#   id: terraform/gcp/default-account
#   severity: high
#   controls:
#   - cis-gcp-3.0:4.1
#   - nist-800-53r5:AC-6
#   - iso-27001-2022:A.8.2
#   remediation: Give the machine a service account of its own.
deny contains finding if {
	some change in tf.of_types({"google_compute_instance", "google_compute_instance_template"})
	some account in tf.blocks(change, "service_account")
	endswith(account.email, "-compute@developer.gserviceaccount.com")
	message := sprintf("the machine must not run as %s", [account.email])
	finding := tf.finding("terraform/gcp/default-account", change, message)
}

deny contains finding if {
	some change in tf.of_types({"google_compute_instance", "google_compute_instance_template"})
	some number, account in tf.blocks(change, "service_account")
	not change.change.after_unknown.service_account[number].email == true
	object.get(account, "email", "") in {"", null}
	finding := tf.finding("terraform/gcp/default-account", change, "the service_account must have an email")
}

# METADATA
# title: Weak machine metadata
# description: Metadata of a machine or a project that opens the serial console or switches OS Login off.
# custom:
#   id: terraform/gcp/machine-metadata
#   severity: medium
#   controls:
#   - cis-gcp-3.0:4.4
#   - cis-gcp-3.0:4.5
#   - nist-800-53r5:AC-17
#   remediation: Remove serial-port-enable, and set enable-oslogin to TRUE.
deny contains finding if {
	some change in tf.of_types({
		"google_compute_instance", "google_compute_instance_template", "google_compute_project_metadata",
	})
	some key, refused in {"enable-oslogin": {"0", "false"}, "serial-port-enable": {"1", "true"}}
	value := change.change.after.metadata[key]
	lower(sprintf("%v", [value])) in refused
	finding := tf.finding("terraform/gcp/machine-metadata", change, sprintf("%s must not be %v", [key, value]))
}

# METADATA
# title: Machine with a public address
# description: A machine has an address on the internet of its own.
# custom:
#   id: terraform/gcp/public-address
#   layer: L1
#   severity: medium
#   enforcement: warn
#   controls:
#   - cis-gcp-3.0:4.9
#   - nist-800-53r5:SC-7
#   remediation: Remove access_config; use a load balancer, Cloud NAT and Identity-Aware Proxy.
warn contains finding if {
	some change in tf.of_types({"google_compute_instance", "google_compute_instance_template"})
	some interface in tf.blocks(change, "network_interface")
	count(interface.access_config) > 0
	finding := tf.finding("terraform/gcp/public-address", change, "the machine has an address on the internet")
}

# METADATA
# title: Basic role granted
# description: Owner or Editor of a whole project, folder or organisation is granted.
# custom:
#   id: terraform/gcp/basic-role
#   severity: high
#   controls:
#   - nist-800-53r5:AC-6
#   - iso-27001-2022:A.5.18
#   - soc2:CC6.3
#   - pci-dss-4.0:7.2.1
#   remediation: Grant predefined roles of the services that are used.
deny contains finding if {
	some change in tf.changes
	regex.match(`^google_(project|folder|organization)_iam_(member|binding)$`, change.type)
	role := change.change.after.role
	role in {"roles/editor", "roles/owner"}
	finding := tf.finding("terraform/gcp/basic-role", change, sprintf("%s must not be granted", [role]))
}

# METADATA
# title: Cluster API open to the world
# description: The control plane of a GKE cluster is public and admits every address.
# custom:
#   id: terraform/gcp/open-cluster
#   layer: L3
#   severity: high
#   controls:
#   - nist-800-53r5:AC-17
#   - nist-800-53r5:SC-7(5)
#   - iso-27001-2022:A.8.22
#   remediation: Add master_authorized_networks_config, or set enable_private_endpoint.
deny contains finding if {
	some change in tf.of_type("google_container_cluster")
	tf.known(change, "master_authorized_networks_config")
	count(private_endpoints(change)) == 0
	not limited(change)
	finding := tf.finding("terraform/gcp/open-cluster", change, "the control plane admits every address")
}

private_endpoints(change) := [config |
	some config in tf.blocks(change, "private_cluster_config")
	tf.is_true(config.enable_private_endpoint)
]

limited(change) if {
	some config in tf.blocks(change, "master_authorized_networks_config")
	count([block | some block in config.cidr_blocks; networks.everyone(block.cidr_block)]) == 0
}

# METADATA
# title: Cluster with legacy authorization
# description: A GKE cluster decides by attributes (ABAC), which grants more than its roles say.
# custom:
#   id: terraform/gcp/cluster-abac
#   layer: L3
#   severity: high
#   controls:
#   - nist-800-53r5:AC-3(7)
#   - soc2:CC6.3
#   remediation: Leave enable_legacy_abac at false.
deny contains finding if {
	some change in tf.of_type("google_container_cluster")
	tf.is_true(change.change.after.enable_legacy_abac)
	finding := tf.finding("terraform/gcp/cluster-abac", change, "enable_legacy_abac must be false")
}
