# METADATA
# title: Kubernetes network policy per namespace
# description: >-
#   Every namespace that is not a system namespace denies by default in both directions, and no policy opens it to
#   everyone. The two rules of the default need the whole list, as "kubectl get namespaces,networkpolicies,services -A
#   -o json" prints it: they hold where a policy is asked about that document as one input (stele eval, a request to the
#   server), or about all files as one ("stele check --combine"). Otherwise "stele check" takes lists and files apart
#   into objects, so that they find nothing there. Of a single object, in a file or an AdmissionReview, nothing is known
#   of its namespace: only what it opens itself is judged.
# custom:
#   id: kubernetes/network
#   layer: L1
#   inputs: [kubernetes]
#   combine: true
#   owner: platform-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-7
#   - nist-800-53r5:AC-4
#   - cis-kubernetes-1.9:5.3.2
#   - iso-27001-2022:A.8.22
#   - soc2:CC6.6
#   remediation: Add a default-deny NetworkPolicy to the namespace, then allow what is needed.
package kubernetes.network

import data.lib.kubernetes as k8s
import data.lib.networks

default allow := false

# METADATA
# title: Accept what nothing denies
allow if count(deny) == 0

objects contains item if some item in listed

objects contains k8s.manifest if {
	not is_array(input)
	not input.items
}

listed contains item if some item in input.items

# What --combine gives: the contents of each file, one object or several.
listed contains item if {
	is_array(input)
	some entry in input
	some item in unpacked(entry.contents)
}

unpacked(contents) := contents.items if contents.items

unpacked(contents) := contents if is_array(contents)

unpacked(contents) := [contents] if {
	is_object(contents)
	not contents.items
}

namespaces contains name if {
	some item in listed
	item.kind == "Namespace"
	name := item.metadata.name
	not name in data.config.kubernetes.system_namespaces
}

policies contains item if {
	some item in objects
	item.kind == "NetworkPolicy"
}

# METADATA
# title: Ingress not denied by default
# description: >-
#   The list has a namespace, but no network policy that denies ingress to all of its pods. "stele check" tells it with
#   --combine only: it takes lists apart otherwise.
# custom:
#   id: kubernetes/network/default-deny-ingress
#   severity: high
#   controls:
#   - cis-kubernetes-1.9:5.3.2
#   - nist-800-53r5:SC-7(5)
#   remediation: Add a NetworkPolicy with an empty podSelector, policyTypes [Ingress] and no ingress rule.
deny contains finding if {
	some namespace in namespaces
	not denies_by_default(namespace, "Ingress", "ingress")
	finding := object.union(place(namespace), {
		"id": "kubernetes/network/default-deny-ingress",
		"msg": sprintf("namespace %s does not deny ingress by default", [namespace]),
		"resource": sprintf("Namespace/%s", [namespace]),
	})
}

# METADATA
# title: Egress not denied by default
# description: >-
#   The list has a namespace, but no network policy that denies egress to all of its pods. "stele check" tells it with
#   --combine only: it takes lists apart otherwise.
# custom:
#   id: kubernetes/network/default-deny-egress
#   severity: medium
#   controls:
#   - cis-kubernetes-1.9:5.3.2
#   - nist-800-53r5:SC-7(5)
#   - gdpr:32
#   remediation: Add a NetworkPolicy with an empty podSelector, policyTypes [Egress] and no egress rule.
deny contains finding if {
	some namespace in namespaces
	not denies_by_default(namespace, "Egress", "egress")
	finding := object.union(place(namespace), {
		"id": "kubernetes/network/default-deny-egress",
		"msg": sprintf("namespace %s does not deny egress by default", [namespace]),
		"resource": sprintf("Namespace/%s", [namespace]),
	})
}

# Where a namespace stands among combined files, for "stele check"; of a list, the finding's own document is the place.
place(namespace) := {"path": paths[0]} if {
	is_array(input)
	paths := [[index, "contents", "metadata", "name"] |
		some index, entry in input
		entry.contents.kind == "Namespace"
		entry.contents.metadata.name == namespace
	]
	count(paths) > 0
} else := {}

denies_by_default(namespace, type, field) if {
	some policy in policies
	policy.metadata.namespace == namespace
	policy.spec.podSelector == {}
	type in object.get(policy.spec, "policyTypes", ["Ingress"])
	k8s.none(object.get(policy.spec, field, null))
}

# METADATA
# title: Ingress from anywhere
# description: A rule of a network policy names no peers, or every address (also in blocks that are halves of it).
# custom:
#   id: kubernetes/network/open-ingress
#   severity: high
#   controls:
#   - nist-800-53r5:AC-4
#   remediation: Name the peers in the rule's "from".
deny contains finding if {
	some policy in policies
	some rule in policy.spec.ingress
	open_to_all(rule)
	finding := {
		"id": "kubernetes/network/open-ingress",
		"msg": sprintf("network policy %s admits traffic from anywhere", [called(policy)]),
		"resource": sprintf("NetworkPolicy/%s/%s", [space(policy), called(policy)]),
	}
}

open_to_all(rule) if k8s.none(object.get(rule, "from", null))

open_to_all(rule) if {
	some peer in rule.from
	networks.everyone(peer.ipBlock.cidr)
}

# METADATA
# title: Egress to the instance metadata service
# description: >-
#   A rule of a network policy names a block with the service's address and does not except it, or names no peers and
#   leaves TCP port 80 open.
# custom:
#   id: kubernetes/network/metadata-egress
#   severity: high
#   controls:
#   - nist-800-53r5:SC-7
#   - nist-800-53r5:IA-5
#   remediation: List 169.254.169.254/32 under the ipBlock's "except", for IPv6 fd00:ec2::254/128.
deny contains finding if {
	some policy in policies
	some rule in policy.spec.egress
	reaches_metadata(rule)
	finding := {
		"id": "kubernetes/network/metadata-egress",
		"msg": sprintf("network policy %s lets pods reach the instance metadata service", [called(policy)]),
		"resource": sprintf("NetworkPolicy/%s/%s", [space(policy), called(policy)]),
	}
}

metadata_services := {"169.254.169.254/32", "fd00:ec2::254/128"}

reaches_metadata(rule) if {
	k8s.none(object.get(rule, "to", null))
	passes_http(rule)
}

reaches_metadata(rule) if {
	some peer in rule.to
	some service in metadata_services
	net.cidr_contains(peer.ipBlock.cidr, service)
	not excepted(peer.ipBlock, service)
}

excepted(block, service) if {
	some exception in block.except
	net.cidr_contains(exception, service)
}

passes_http(rule) if k8s.none(object.get(rule, "ports", null))

passes_http(rule) if {
	some port in rule.ports
	object.get(port, "protocol", "TCP") == "TCP"
	first := object.get(port, "port", 80)
	first <= 80
	object.get(port, "endPort", first) >= 80
}

# METADATA
# title: Load balancer open to everyone
# custom:
#   id: kubernetes/network/open-load-balancer
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-7
#   - soc2:CC6.6
#   remediation: Set spec.loadBalancerSourceRanges, or use an internal load balancer.
deny contains finding if {
	some item in objects
	item.kind == "Service"
	item.spec.type == "LoadBalancer"
	not is_internal(item)
	admits_everyone(object.get(item.spec, "loadBalancerSourceRanges", null))
	finding := {
		"id": "kubernetes/network/open-load-balancer",
		"msg": sprintf("service %s is open to every address", [called(item)]),
		"resource": sprintf("Service/%s/%s", [space(item), called(item)]),
	}
}

admits_everyone(ranges) if k8s.none(ranges)

admits_everyone(ranges) if {
	some cidr in ranges
	networks.everyone(cidr)
}

called(item) := object.get(item.metadata, "name", "unnamed")

space(item) := object.get(item, ["metadata", "namespace"], "default")

# What clouds call a load balancer that only the own network reaches.
is_internal(item) if {
	some annotation, wanted in {
		"cloud.google.com/load-balancer-type": "internal",
		"networking.gke.io/load-balancer-type": "internal",
		"service.beta.kubernetes.io/aws-load-balancer-internal": "true",
		"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
		"service.beta.kubernetes.io/azure-load-balancer-internal": "true",
	}
	lower(item.metadata.annotations[annotation]) == wanted
}
