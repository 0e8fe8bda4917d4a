package terraform.gcp_test

import data.lib.terraform_test as plans
import data.terraform.gcp

found(doc) := result if {
	denied := gcp.deny with input as doc
	warned := gcp.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

firewall(source, ports) := plans.change("google_compute_firewall", {
	"direction": "INGRESS",
	"disabled": null,
	"source_ranges": [source],
	"allow": [{"protocol": "tcp", "ports": ports}],
})

machine(email, metadata, addresses) := plans.change("google_compute_instance", {
	"metadata": metadata,
	"network_interface": [{"network": "apps", "access_config": addresses}],
	"service_account": [{"email": email, "scopes": ["https://www.googleapis.com/auth/cloud-platform"]}],
})

cluster(abac, networks) := plans.change("google_container_cluster", {
	"enable_legacy_abac": abac,
	"master_authorized_networks_config": networks,
	"private_cluster_config": [{"enable_private_endpoint": false}],
})

grant(role) := plans.change("google_project_iam_member", {"role": role, "member": "group:team@corp.example"})

bad := plans.plan([
	firewall("0.0.0.0/0", ["22"]),
	machine("123-compute@developer.gserviceaccount.com", {"serial-port-enable": "TRUE"}, [{"nat_ip": ""}]),
	cluster(true, []),
	grant("roles/editor"),
])

good := plans.plan([
	firewall("35.235.240.0/20", ["22"]),
	machine("shop@corp.iam.gserviceaccount.com", {"enable-oslogin": "TRUE"}, []),
	cluster(false, [{"cidr_blocks": [{"cidr_block": "192.0.2.0/24"}]}]),
	grant("roles/run.developer"),
])

ids := {
	"terraform/gcp/open-admin-port", "terraform/gcp/default-account", "terraform/gcp/machine-metadata",
	"terraform/gcp/public-address", "terraform/gcp/basic-role", "terraform/gcp/open-cluster", "terraform/gcp/cluster-abac",
}

test_bad_plan_has_every_finding if found(bad) == ids

test_text_and_numbers_are_converted if {
	every spelled in [plans.as_text(bad), plans.as_numbers(bad)] {
		found(spelled) == found(bad)
	}
	found(plans.as_text(good)) == set()
}

test_good_plan_is_accepted if {
	found(good) == set()
	gcp.allow with input as good
	not gcp.allow with input as bad
	not gcp.allow with input as {}
}

test_message_names_the_port if {
	gcp.deny == {{
		"id": "terraform/gcp/open-admin-port",
		"msg": "google_compute_firewall.x: port 3389 is open to 0.0.0.0/0",
		"resource": "google_compute_firewall.x",
	}} with input as plans.plan([firewall("0.0.0.0/0", ["3000-4000"])])
}

test_web_ports_are_accepted if found(plans.plan([firewall("0.0.0.0/0", ["443", "8000-8100"])])) == set()

test_a_rule_without_ports_is_for_all if {
	every ports in [null, []] {
		count(gcp.deny) == 2 with input as plans.plan([firewall("0.0.0.0/0", ports)])
	}
}

test_other_directions_and_protocols_are_accepted if {
	rule := {"source_ranges": ["0.0.0.0/0"], "allow": [{"protocol": "tcp", "ports": ["22"]}]}
	found(plans.one("google_compute_firewall", rule)) == {"terraform/gcp/open-admin-port"}
	every change in [{"direction": "EGRESS"}, {"disabled": true}, {"allow": [{"protocol": "icmp", "ports": []}]}] {
		found(plans.one("google_compute_firewall", object.union(rule, change))) == set()
	}
}

test_os_login_must_stay_on if {
	off := plans.one("google_compute_project_metadata", {"metadata": {"enable-oslogin": "false"}})
	found(off) == {"terraform/gcp/machine-metadata"}
}

test_clusters_are_limited_by_networks_or_endpoints if {
	private := {"private_cluster_config": [{"enable_private_endpoint": true}], "master_authorized_networks_config": []}
	found(plans.one("google_container_cluster", private)) == set()
	everyone := [{"cidr_blocks": [{"cidr_block": "0.0.0.0/0"}]}]
	found(plans.plan([cluster(false, everyone)])) == {"terraform/gcp/open-cluster"}
	found(plans.later("google_container_cluster", ["master_authorized_networks_config"])) == set()
}

ruled(more) := plans.one("google_compute_firewall", object.union({"allow": [{"protocol": "tcp"}]}, more))

test_no_source_is_every_source if {
	open := {"terraform/gcp/open-admin-port"}
	found(ruled({})) == open
	found(ruled({"source_ranges": []})) == open
	found(ruled({"source_ranges": ["0.0.0.0/1"]})) == open
	every more in [{"source_tags": ["bastion"]}, {"source_service_accounts": ["a"]}, {"source_ranges": ["10.0.0.0/8"]}] {
		found(ruled(more)) == set()
	}
	unsettled := plans.unknown("google_compute_firewall", {"allow": [{"protocol": "tcp"}]}, {"source_ranges": true})
	found(plans.plan([unsettled])) == set()
}

test_accounts_without_name_are_the_default_one if {
	found(plans.one("google_compute_instance", {"service_account": [{"scopes": ["cloud-platform"]}]})) == {"terraform/gcp/default-account"}
	found(plans.one("google_compute_instance", {"service_account": [{"email": "web@p.iam.gserviceaccount.com"}]})) == set()
	found(plans.one("google_compute_instance", {})) == set()
	unsettled := plans.unknown("google_compute_instance", {"service_account": [{}]}, {"service_account": [{"email": true}]})
	found(plans.plan([unsettled])) == set()
}
