package kubernetes.ingress_test

import data.kubernetes.ingress

found(doc) := result if {
	denied := ingress.deny with input as doc
	warned := ingress.warn with input as doc
	result := {finding.id | some finding in (denied | warned)}
}

object_of(kind, annotations, spec) := {
	"apiVersion": "networking.k8s.io/v1",
	"kind": kind,
	"metadata": {"name": "web", "namespace": "shop", "annotations": annotations},
	"spec": spec,
}

sound := {"rules": [{"host": "shop.corp.example"}], "tls": [{"hosts": ["shop.corp.example"], "secretName": "shop"}]}

bad := [
	object_of(
		"Ingress",
		{
			"nginx.ingress.kubernetes.io/configuration-snippet": "return 200;",
			"nginx.ingress.kubernetes.io/ssl-redirect": "false",
		},
		{"rules": [{"http": {"paths": []}}]},
	),
	object_of("Service", {}, {"type": "NodePort", "externalIPs": ["192.0.2.7"]}),
	object_of("Gateway", {}, {"listeners": [{"name": "web", "protocol": "HTTP", "port": 80}]}),
]

good := [
	object_of("Ingress", {"nginx.ingress.kubernetes.io/ssl-redirect": "true"}, sound),
	object_of("Service", {}, {"type": "ClusterIP"}),
	object_of("Gateway", {}, {"listeners": [
		{"name": "redirect", "protocol": "HTTP", "port": 80},
		{"name": "web", "protocol": "HTTPS", "port": 443},
	]}),
]

ids := {
	"kubernetes/ingress/no-tls", "kubernetes/ingress/plain-http", "kubernetes/ingress/snippet",
	"kubernetes/ingress/wildcard-host", "kubernetes/ingress/external-ips", "kubernetes/ingress/node-port",
	"kubernetes/ingress/gateway-http",
}

test_bad_objects_have_every_finding if {
	seen := {id | some doc in bad; some id in found(doc)}
	seen == ids
}

test_good_objects_are_accepted if {
	every doc in good {
		found(doc) == set()
		ingress.allow with input as doc
	}
	not ingress.allow with input as bad[0]
}

test_message_names_the_annotation if {
	ingress.deny == {{
		"id": "kubernetes/ingress/snippet",
		"msg": "annotation nginx.ingress.kubernetes.io/server-snippet must not be used",
		"resource": "Ingress/shop/web",
	}} with input as object_of("Ingress", {"nginx.ingress.kubernetes.io/server-snippet": "x"}, sound)
}

test_certificates_of_load_balancers_count if {
	plain := {"rules": [{"host": "shop.corp.example"}]}
	found(object_of("Ingress", {}, plain)) == {"kubernetes/ingress/no-tls"}
	found(object_of("Ingress", {"alb.ingress.kubernetes.io/certificate-arn": "arn:aws:acm:x"}, plain)) == set()
	found({"kind": "Ingress", "metadata": {"name": "web"}, "spec": plain}) == {"kubernetes/ingress/no-tls"}
}

test_a_default_backend_needs_no_host if {
	found(object_of("Ingress", {}, {"defaultBackend": {}, "tls": [{"secretName": "shop"}]})) == set()
}

test_tls_without_entries_is_none if {
	every tls in [null, []] {
		found(object_of("Ingress", {}, object.union(sound, {"tls": tls}))) == {"kubernetes/ingress/no-tls"}
	}
}

test_snippets_of_other_controllers_count if {
	every annotation in ["nginx.org/server-snippets", "haproxy.org/backend-config-snippet"] {
		found(object_of("Ingress", {annotation: "return 200;"}, sound)) == {"kubernetes/ingress/snippet"}
	}
}

test_the_clusters_own_ingress_is_another_kind if {
	doc := object_of("Ingress", {}, {"domain": "apps.corp.example"})
	found(doc) == {"kubernetes/ingress/no-tls"}
	found(object.union(doc, {"apiVersion": "config.openshift.io/v1"})) == set()
}
