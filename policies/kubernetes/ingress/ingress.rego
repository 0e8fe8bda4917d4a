# METADATA
# title: Kubernetes edge
# description: >-
#   How the cluster is reached from outside: Ingress, Gateway and Service objects without TLS, for every host, with code
#   in annotations, or past the load balancer.
# related_resources:
# - https://github.com/kubernetes/kubernetes/issues/97076
# - https://github.com/kubernetes/ingress-nginx/issues/7837
# custom:
#   id: kubernetes/ingress
#   layer: L1
#   inputs: [kubernetes]
#   owner: platform-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-7
#   - nist-800-53r5:SC-8
#   - iso-27001-2022:A.8.20
#   - soc2:CC6.6
#   remediation: Terminate TLS at the edge, for the hosts that are served.
package kubernetes.ingress

import data.lib.kubernetes as k8s

default allow := false

# METADATA
# title: Accept what nothing denies
allow if count(deny) == 0

# OpenShift has a kind of the same name for the cluster's own configuration.
ingress := k8s.manifest if {
	k8s.kind == "Ingress"
	not of_openshift
}

of_openshift if startswith(k8s.manifest.apiVersion, "config.openshift.io/")

# METADATA
# title: Ingress without TLS
# description: An Ingress has no TLS section, and no annotation says that a load balancer holds the certificate.
# custom:
#   id: kubernetes/ingress/no-tls
#   severity: high
#   controls:
#   - nist-800-53r5:SC-8
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: Add tls with the hosts and the secret of the certificate.
deny contains finding if {
	k8s.none(object.get(ingress, ["spec", "tls"], null))
	not terminated_before
	finding := k8s.finding("kubernetes/ingress/no-tls", "the ingress must have a tls section")
}

# Controllers of clouds take the certificate from annotations.
terminated_before if {
	some annotation in [
		"alb.ingress.kubernetes.io/certificate-arn", "ingress.gcp.kubernetes.io/pre-shared-cert",
		"networking.gke.io/managed-certificates", "appgw.ingress.kubernetes.io/appgw-ssl-certificate",
	]
	ingress.metadata.annotations[annotation]
}

# METADATA
# title: Ingress that allows plain HTTP
# description: An annotation switches the redirect to HTTPS off.
# custom:
#   id: kubernetes/ingress/plain-http
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-8
#   - pci-dss-4.0:4.2.1
#   remediation: Remove the annotation.
deny contains finding if {
	some annotation, refused in {
		"kubernetes.io/ingress.allow-http": {"true"},
		"nginx.ingress.kubernetes.io/ssl-redirect": {"false"},
		"traefik.ingress.kubernetes.io/router.tls": {"false"},
	}
	value := ingress.metadata.annotations[annotation]
	value in refused
	finding := k8s.finding("kubernetes/ingress/plain-http", sprintf("annotation %s must not be %s", [annotation, value]))
}

# METADATA
# title: Configuration in annotations
# description: >-
#   Who may write an Ingress writes code of the ingress controller, which reads the secrets of all namespaces
#   (CVE-2021-25742).
# custom:
#   id: kubernetes/ingress/snippet
#   severity: high
#   controls:
#   - nist-800-53r5:CM-7
#   - nist-800-53r5:SI-10
#   remediation: Remove the snippet; use the controller's own annotations.
deny contains finding if {
	some annotation, value in ingress.metadata.annotations
	regex.match(`-snippets?$`, annotation)
	value != ""
	finding := k8s.finding("kubernetes/ingress/snippet", sprintf("annotation %s must not be used", [annotation]))
}

# METADATA
# title: Ingress for every host
# description: A rule of an Ingress takes requests for names that nobody listed, and so other teams' names.
# custom:
#   id: kubernetes/ingress/wildcard-host
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-7(5)
#   - nist-800-53r5:AC-4
#   remediation: Name the host.
deny contains finding if {
	some rule in ingress.spec.rules
	host := object.get(rule, "host", "")
	host in {"", "*"}
	finding := k8s.finding("kubernetes/ingress/wildcard-host", "a rule of the ingress must name its host")
}

# METADATA
# title: Addresses of others
# description: A Service takes traffic for addresses that are not its own (CVE-2020-8554).
# custom:
#   id: kubernetes/ingress/external-ips
#   severity: high
#   controls:
#   - nist-800-53r5:SC-7
#   - nist-800-53r5:SC-8
#   remediation: Remove externalIPs; use a load balancer.
deny contains finding if {
	k8s.kind == "Service"
	some address in k8s.manifest.spec.externalIPs
	finding := k8s.finding("kubernetes/ingress/external-ips", sprintf("the service must not take traffic for %s", [address]))
}

# METADATA
# title: Port on every node
# description: A Service opens a port on every node, past load balancer and firewall for web requests.
# custom:
#   id: kubernetes/ingress/node-port
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SC-7
#   - nist-800-53r5:CM-7
#   remediation: Use an Ingress, a Gateway or a load balancer.
warn contains finding if {
	k8s.kind == "Service"
	k8s.manifest.spec.type == "NodePort"
	finding := k8s.finding("kubernetes/ingress/node-port", "the service opens a port on every node")
}

# METADATA
# title: Gateway that listens without TLS
# description: >-
#   A Gateway serves plain HTTP. A listener that only redirects is told apart by the routes, which stand elsewhere.
# custom:
#   id: kubernetes/ingress/gateway-http
#   severity: medium
#   enforcement: warn
#   controls:
#   - nist-800-53r5:SC-8
#   - iso-27001-2022:A.8.24
#   remediation: Add a listener with protocol HTTPS, and redirect to it.
warn contains finding if {
	k8s.kind == "Gateway"
	some listener in k8s.manifest.spec.listeners
	listener.protocol == "HTTP"
	count([secure | some secure in k8s.manifest.spec.listeners; secure.protocol in {"HTTPS", "TLS"}]) == 0
	finding := k8s.finding("kubernetes/ingress/gateway-http", sprintf("listener %s serves plain HTTP", [listener.name]))
}
