package kubernetes.network_test

import data.kubernetes.network

namespace(name) := {"kind": "Namespace", "metadata": {"name": name}}

policy(name, spec) := {"kind": "NetworkPolicy", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}

default_deny := policy("default-deny", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})

list(items) := {"kind": "List", "items": array.concat([namespace("shop"), default_deny], items)}

denied_ids(doc) := result if {
	findings := network.deny with input as doc
	result := {finding.id | some finding in findings}
}

test_default_deny_is_accepted if {
	network.allow with input as list([])
}

test_namespace_without_policy_is_denied if {
	doc := {"items": [namespace("shop")]}
	denied_ids(doc) == {"kubernetes/network/default-deny-ingress", "kubernetes/network/default-deny-egress"}
	not network.allow with input as doc
}

test_system_namespaces_are_left_alone if {
	network.allow with input as {"items": [namespace("kube-system")]}
}

test_policy_of_another_namespace_does_not_count if {
	doc := {"items": [namespace("other"), default_deny]}
	count(network.deny) == 2 with input as doc
}

test_policy_for_some_pods_is_no_default if {
	partial := policy("some", {"podSelector": {"matchLabels": {"app": "a"}}, "policyTypes": ["Ingress", "Egress"]})
	doc := {"items": [namespace("shop"), partial]}
	count(network.deny) == 2 with input as doc
}

test_ingress_only_leaves_egress_open if {
	ingress := policy("in", {"podSelector": {}, "policyTypes": ["Ingress"]})
	denied_ids({"items": [namespace("shop"), ingress]}) == {"kubernetes/network/default-deny-egress"}
}

test_ingress_from_anywhere_is_denied if {
	open := policy("open", {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 80}]}]})
	denied_ids(list([open])) == {"kubernetes/network/open-ingress"}
}

test_ingress_from_named_peers_is_accepted if {
	peers := policy("peers", {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]})
	denied_ids(list([peers])) == set()
}

egress(block) := policy("out", {
	"podSelector": {},
	"policyTypes": ["Egress"],
	"egress": [{"to": [{"ipBlock": block}]}],
})

test_egress_to_metadata_service_is_denied if {
	denied_ids(list([egress({"cidr": "0.0.0.0/0"})])) == {"kubernetes/network/metadata-egress"}
}

test_egress_except_metadata_service_is_accepted if {
	denied_ids(list([egress({"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]})])) == set()
}

service(spec) := {"kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}

test_open_load_balancer_is_denied if {
	denied_ids(list([service({"type": "LoadBalancer"})])) == {"kubernetes/network/open-load-balancer"}
}

test_load_balancer_with_ranges_is_accepted if {
	denied_ids(list([service({"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24"]})])) == set()
}

test_cluster_service_is_accepted if {
	denied_ids(list([service({"type": "ClusterIP"})])) == set()
}

test_single_objects_are_judged_by_themselves if {
	open := service({"type": "LoadBalancer"})
	denied_ids(open) == {"kubernetes/network/open-load-balancer"}
	denied_ids({"request": {"object": open}}) == {"kubernetes/network/open-load-balancer"}
	denied_ids(egress({"cidr": "0.0.0.0/0"})) == {"kubernetes/network/metadata-egress"}
	denied_ids(namespace("shop")) == set()
}

test_objects_without_a_namespace_are_named if {
	bare := {"kind": "Service", "metadata": {"name": "web"}, "spec": {"type": "LoadBalancer"}}
	{finding.resource | some finding in network.deny} == {"Service/default/web"} with input as bare
}

test_internal_load_balancers_are_accepted if {
	marked := object.union(service({"type": "LoadBalancer"}), {"metadata": {"annotations": {"networking.gke.io/load-balancer-type": "Internal"}}})
	denied_ids(marked) == set()
}

bad := {"apiVersion": "v1", "kind": "List", "items": [
	{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
	{
		"apiVersion": "networking.k8s.io/v1",
		"kind": "NetworkPolicy",
		"metadata": {"name": "web", "namespace": "shop"},
		"spec": {
			"podSelector": {"matchLabels": {"app": "web"}},
			"policyTypes": ["Ingress", "Egress"],
			"ingress": [{"ports": [{"port": 8080}]}],
			"egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}],
		},
	},
	{
		"apiVersion": "v1",
		"kind": "Service",
		"metadata": {"name": "web", "namespace": "shop"},
		"spec": {"type": "LoadBalancer", "ports": [{"port": 443}]},
	},
]}

good := {"apiVersion": "v1", "kind": "List", "items": [
	{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
	{
		"apiVersion": "networking.k8s.io/v1",
		"kind": "NetworkPolicy",
		"metadata": {"name": "default-deny", "namespace": "shop"},
		"spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
	},
	{
		"apiVersion": "networking.k8s.io/v1",
		"kind": "NetworkPolicy",
		"metadata": {"name": "web", "namespace": "shop"},
		"spec": {
			"podSelector": {"matchLabels": {"app": "web"}},
			"policyTypes": ["Ingress", "Egress"],
			"ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "edge"}}}]}],
			"egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.169.254/32"]}}]}],
		},
	},
	{
		"apiVersion": "v1",
		"kind": "Service",
		"metadata": {"name": "web", "namespace": "shop"},
		"spec": {"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24"], "ports": [{"port": 443}]},
	},
]}

test_bad_list_has_every_finding if {
	denied_ids(bad) == {
		"kubernetes/network/default-deny-ingress", "kubernetes/network/default-deny-egress",
		"kubernetes/network/open-ingress", "kubernetes/network/metadata-egress", "kubernetes/network/open-load-balancer",
	}
}

test_good_list_is_accepted if network.allow with input as good

policy_with(field, rules) := policy("rules", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], field: rules})

test_ingress_from_every_address_is_denied if {
	every cidr in ["0.0.0.0/0", "::/0"] {
		denied_ids(policy_with("ingress", [{"from": [{"ipBlock": {"cidr": cidr}}]}])) == {"kubernetes/network/open-ingress"}
	}
	every rule in [{}, {"from": null}, {"from": []}] {
		denied_ids(policy_with("ingress", [rule])) == {"kubernetes/network/open-ingress"}
	}
	denied_ids(policy_with("ingress", [{"from": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}])) == set()
}

test_egress_to_anywhere_reaches_metadata if {
	every rule in [
		{}, {"to": null}, {"to": [], "ports": []}, {"ports": [{"port": 80}]}, {"ports": [{"protocol": "TCP"}]},
		{"ports": [{"port": 1, "endPort": 1024}]},
	] {
		denied_ids(policy_with("egress", [rule])) == {"kubernetes/network/metadata-egress"}
	}
	every ports in [[{"port": 53, "protocol": "UDP"}], [{"port": 443}], [{"port": 81, "endPort": 90}], [{"port": "dns"}]] {
		denied_ids(policy_with("egress", [{"ports": ports}])) == set()
	}
}

test_wider_exceptions_count if {
	wide := {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "169.254.0.0/16"]}
	denied_ids(egress(wide)) == set()
	denied_ids(egress({"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]})) == {"kubernetes/network/metadata-egress"}
	denied_ids(egress({"cidr": "::/0"})) == {"kubernetes/network/metadata-egress"}
	denied_ids(egress({"cidr": "::/0", "except": ["fd00::/8"]})) == set()
	denied_ids(egress({"cidr": "128.0.0.0/1"})) == {"kubernetes/network/metadata-egress"}
	denied_ids(egress({"cidr": "10.0.0.0/8"})) == set()
}

test_combined_files_are_read_as_one_list if {
	default_rules := {"kubernetes/network/default-deny-ingress", "kubernetes/network/default-deny-egress"}
	space_file := {"path": "namespace.yaml", "contents": namespace("shop")}
	denied_ids([space_file]) == default_rules
	denied_ids([{"path": "all.yaml", "contents": [namespace("shop")]}]) == default_rules
	denied_ids([{"path": "list.json", "contents": {"kind": "List", "items": [namespace("shop")]}}]) == default_rules
	denied_ids([space_file, {"path": "deny.yaml", "contents": default_deny}]) == set()
	denied_ids([{"path": "web.yaml", "contents": service({"type": "LoadBalancer"})}]) == {"kubernetes/network/open-load-balancer"}
}

test_null_rules_deny_by_default if {
	bare := policy("bare", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": null, "egress": []})
	denied_ids({"items": [namespace("shop"), bare]}) == set()
}

test_halves_of_all_addresses_are_all_of_them if {
	every cidr in ["0.0.0.0/1", "128.0.0.0/1", "2000::/3", "10.0.0.0/0"] {
		denied_ids(policy_with("ingress", [{"from": [{"ipBlock": {"cidr": cidr}}]}])) == {"kubernetes/network/open-ingress"}
		balancer := service({"type": "LoadBalancer", "loadBalancerSourceRanges": ["192.0.2.0/24", cidr]})
		denied_ids(balancer) == {"kubernetes/network/open-load-balancer"}
	}
}

test_no_ranges_are_all_addresses if {
	every ranges in [[], null, ["::/0"]] {
		balancer := service({"type": "LoadBalancer", "loadBalancerSourceRanges": ranges})
		denied_ids(balancer) == {"kubernetes/network/open-load-balancer"}
	}
}

test_objects_without_name_count if {
	doc := {"kind": "NetworkPolicy", "metadata": {"generateName": "n-"}, "spec": {"podSelector": {}, "ingress": [{}]}}
	denied_ids(doc) == {"kubernetes/network/open-ingress"}
}

test_policies_are_about_ingress_unless_they_say_more if {
	bare := policy("bare", {"podSelector": {}})
	denied_ids({"items": [namespace("shop"), bare]}) == {"kubernetes/network/default-deny-egress"}
}
