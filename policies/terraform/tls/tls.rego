# METADATA
# title: TLS in AWS and Google Cloud
# description: >-
#   Where a Terraform plan would serve or fetch without TLS, or negotiate versions of it before 1.2.
# related_resources:
# - https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
# - https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/secure-connections-supported-viewer-protocols-ciphers.html
# custom:
#   id: terraform/tls
#   layer: L1
#   inputs: [terraform-plan, terraform]
#   owner: cloud-security
#   severity: high
#   enforcement: deny
#   controls:
#   - nist-800-53r5:SC-8
#   - iso-27001-2022:A.8.24
#   - pci-dss-4.0:4.2.1
#   - soc2:CC6.7
#   remediation: Demand TLS 1.2 or later.
package terraform.tls

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
# title: Listener with old TLS
# description: >-
#   A load balancer negotiates TLS 1.0 or 1.1, also because nothing is said: AWS takes ELBSecurityPolicy-2016-08 then, and a
#   policy of Google Cloud begins with TLS 1.0.
# custom:
#   id: terraform/tls/listener-tls
#   severity: high
#   controls:
#   - nist-800-53r5:SC-8(1)
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   - soc2:CC6.7
#   remediation: Set ssl_policy to ELBSecurityPolicy-TLS13-1-2-2021-06 (Google Cloud, min_tls_version TLS_1_2).
deny contains finding if {
	some change in tf.of_types({"aws_alb_listener", "aws_lb_listener"})
	change.change.after.protocol in {"HTTPS", "TLS"}
	policy := change.change.after.ssl_policy

	# Those that still negotiate TLS 1.0 or 1.1, with or without FIPS.
	regex.match(`-(201[56]-|FS-2018|FS-1-1-|TLS-1-[01]-|TLS13-1-[01]-)`, policy)
	message := sprintf("the policy %s admits TLS before 1.2", [policy])
	finding := tf.finding("terraform/tls/listener-tls", change, message)
}

deny contains finding if {
	some change in tf.of_types({"aws_alb_listener", "aws_lb_listener"})
	change.change.after.protocol in {"HTTPS", "TLS"}
	tf.off(change, "ssl_policy")
	finding := tf.finding("terraform/tls/listener-tls", change, "the policy that AWS takes when none is named admits TLS before 1.2")
}

deny contains finding if {
	some change in tf.of_types({"google_compute_region_ssl_policy", "google_compute_ssl_policy"})

	# The ciphers of that profile are all of TLS 1.2.
	not change.change.after.profile == "RESTRICTED"
	starts_early(change)
	finding := tf.finding("terraform/tls/listener-tls", change, "min_tls_version must be TLS_1_2")
}

starts_early(change) if change.change.after.min_tls_version in {"TLS_1_0", "TLS_1_1"}

starts_early(change) if tf.off(change, "min_tls_version")

# METADATA
# title: Content delivery over plain HTTP
# description: A CloudFront behavior serves viewers without TLS.
# custom:
#   id: terraform/tls/cdn-http
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-8
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: Set viewer_protocol_policy to redirect-to-https or https-only.
deny contains finding if {
	some change in tf.of_type("aws_cloudfront_distribution")
	some kind in ["default_cache_behavior", "ordered_cache_behavior"]
	some behavior in tf.blocks(change, kind)
	behavior.viewer_protocol_policy == "allow-all"
	message := sprintf("%s must not serve plain HTTP (allow-all)", [kind])
	finding := tf.finding("terraform/tls/cdn-http", change, message)
}

# METADATA
# title: Content delivery with old TLS
# description: A CloudFront distribution, or a domain of API Gateway, accepts TLS before 1.2 for a name of its own.
# custom:
#   id: terraform/tls/cdn-tls
#   severity: high
#   controls:
#   - nist-800-53r5:SC-8(1)
#   - pci-dss-4.0:4.2.1
#   - iso-27001-2022:A.8.24
#   remediation: Set minimum_protocol_version to TLSv1.2_2021 (API Gateway, security_policy TLS_1_2).
deny contains finding if {
	some entry in minimum_versions
	entry.version in {"SSLv3", "TLSv1", "TLSv1_2016", "TLSv1.1_2016", "TLS_1_0"}
	message := sprintf("the minimum version %s admits TLS before 1.2", [entry.version])
	finding := tf.finding("terraform/tls/cdn-tls", entry.change, message)
}

# The certificate of CloudFront's own name has no choice of version.
minimum_versions contains {"change": change, "version": object.get(certificate, "minimum_protocol_version", "TLSv1")} if {
	some change in tf.of_type("aws_cloudfront_distribution")
	some certificate in tf.blocks(change, "viewer_certificate")
	not tf.is_true(object.get(certificate, "cloudfront_default_certificate", false))
	tf.known(change, "viewer_certificate")
}

minimum_versions contains {"change": change, "version": change.change.after.security_policy} if {
	some change in tf.of_type("aws_api_gateway_domain_name")
}

# METADATA
# title: Origin fetched with plain HTTP or old TLS
# description: >-
#   CloudFront fetches from an origin without TLS (http-only), or may fall back to versions of it before 1.2. A bucket that
#   serves a website has nothing but HTTP, so its endpoint is left alone.
# custom:
#   id: terraform/tls/origin
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-8
#   - pci-dss-4.0:4.2.1
#   remediation: Set origin_protocol_policy to https-only and origin_ssl_protocols to [TLSv1.2].
deny contains finding if {
	some change in tf.of_type("aws_cloudfront_distribution")
	some origin in tf.blocks(change, "origin")
	not contains(object.get(origin, "domain_name", ""), ".s3-website")
	some config in origin.custom_origin_config
	some field in ["origin_protocol_policy", "origin_ssl_protocols"]
	some value in tf.as_list(config[field])
	value in {"http-only", "SSLv3", "TLSv1", "TLSv1.1"}
	message := sprintf("the origin %s must not be fetched with %s", [origin.origin_id, value])
	finding := tf.finding("terraform/tls/origin", change, message)
}

# METADATA
# title: Search domain without TLS
# description: An OpenSearch or Elasticsearch domain answers plain HTTP, or TLS before 1.2. Both are AWS's defaults.
# custom:
#   id: terraform/tls/search-domain
#   severity: high
#   controls:
#   - nist-800-53r5:SC-8(1)
#   - pci-dss-4.0:4.2.1
#   - hipaa:164.312(e)(1)
#   remediation: Set enforce_https to true and tls_security_policy to Policy-Min-TLS-1-2-PFS-2023-10.
deny contains finding if {
	some endpoint in search_endpoints
	tf.is_false(endpoint.options.enforce_https)
	finding := tf.finding("terraform/tls/search-domain", endpoint.change, "enforce_https must be true")
}

deny contains finding if {
	some endpoint in search_endpoints
	endpoint.options.tls_security_policy == "Policy-Min-TLS-1-0-2019-07"
	message := "tls_security_policy must not be Policy-Min-TLS-1-0-2019-07"
	finding := tf.finding("terraform/tls/search-domain", endpoint.change, message)
}

# Without the block both are what AWS takes.
deny contains finding if {
	some change in search_domains
	tf.off(change, "domain_endpoint_options")
	finding := tf.finding("terraform/tls/search-domain", change, "domain_endpoint_options must demand TLS 1.2")
}

search_domains := tf.of_types({"aws_elasticsearch_domain", "aws_opensearch_domain"})

search_endpoints contains {"change": change, "options": options} if {
	some change in search_domains
	some options in tf.blocks(change, "domain_endpoint_options")
}

# METADATA
# title: Cache without TLS
# description: A replication group of ElastiCache moves data without TLS, which is AWS's default.
# custom:
#   id: terraform/tls/cache
#   severity: medium
#   controls:
#   - nist-800-53r5:SC-8
#   - pci-dss-4.0:4.2.1
#   remediation: Set transit_encryption_enabled to true.
deny contains finding if {
	some change in tf.of_type("aws_elasticache_replication_group")
	tf.off(change, "transit_encryption_enabled")
	finding := tf.finding("terraform/tls/cache", change, "transit_encryption_enabled must be true")
}
