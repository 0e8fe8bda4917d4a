package terraform.tls_test

import data.lib.terraform_test as plans
import data.terraform.tls

found(doc) := result if {
	denied := tls.deny with input as doc
	result := {finding.id | some finding in denied}
}

origin(policy, versions) := {
	"domain_name": "app.corp.example",
	"origin_id": "app",
	"custom_origin_config": [{"origin_protocol_policy": policy, "origin_ssl_protocols": versions}],
}

distribution(version, viewer, from) := plans.change("aws_cloudfront_distribution", {
	"default_cache_behavior": [{"viewer_protocol_policy": viewer}],
	"origin": [from],
	"viewer_certificate": [{"cloudfront_default_certificate": false, "minimum_protocol_version": version}],
})

search(https, policy) := plans.change("aws_opensearch_domain", {"domain_endpoint_options": [{
	"enforce_https": https,
	"tls_security_policy": policy,
}]})

bad := plans.plan([
	plans.change("aws_lb_listener", {"protocol": "HTTPS", "ssl_policy": "ELBSecurityPolicy-2016-08"}),
	distribution("TLSv1", "allow-all", origin("http-only", ["TLSv1.2"])),
	search(false, "Policy-Min-TLS-1-0-2019-07"),
	plans.change("aws_elasticache_replication_group", {"transit_encryption_enabled": null}),
])

good := plans.plan([
	plans.change("aws_lb_listener", {"protocol": "HTTPS", "ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06"}),
	distribution("TLSv1.2_2021", "redirect-to-https", origin("https-only", ["TLSv1.2"])),
	search(true, "Policy-Min-TLS-1-2-PFS-2023-10"),
	plans.change("aws_elasticache_replication_group", {"transit_encryption_enabled": true}),
])

ids := {
	"terraform/tls/listener-tls", "terraform/tls/cdn-http", "terraform/tls/cdn-tls", "terraform/tls/origin",
	"terraform/tls/search-domain", "terraform/tls/cache",
}

test_policies_of_google_cloud_count if {
	every kind in ["google_compute_ssl_policy", "google_compute_region_ssl_policy"] {
		every after in [
			{"profile": "COMPATIBLE", "min_tls_version": "TLS_1_0"}, {"profile": "MODERN", "min_tls_version": "TLS_1_1"}, {},
		] {
			found(plans.plan([plans.change(kind, after)])) == {"terraform/tls/listener-tls"}
		}
		every after in [{"profile": "MODERN", "min_tls_version": "TLS_1_2"}, {"profile": "RESTRICTED", "min_tls_version": "TLS_1_0"}] {
			found(plans.plan([plans.change(kind, after)])) == set()
		}
		found(plans.later(kind, ["min_tls_version"])) == set()
	}
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
	tls.allow with input as good
	not tls.allow with input as bad
	not tls.allow with input as {}
}

test_message_names_the_policy_and_the_resource if {
	tls.deny == {{
		"id": "terraform/tls/listener-tls",
		"msg": "aws_alb_listener.x: the policy ELBSecurityPolicy-2016-08 admits TLS before 1.2",
		"resource": "aws_alb_listener.x",
	}} with input as plans.one("aws_alb_listener", {"protocol": "HTTPS", "ssl_policy": "ELBSecurityPolicy-2016-08"})
}

test_own_name_of_the_network_has_no_version if {
	certificate := {"cloudfront_default_certificate": true, "minimum_protocol_version": "TLSv1"}
	found(plans.one("aws_cloudfront_distribution", {"viewer_certificate": [certificate]})) == set()
	found(plans.one("aws_api_gateway_domain_name", {"security_policy": "TLS_1_0"})) == {"terraform/tls/cdn-tls"}
	found(plans.one("aws_api_gateway_domain_name", {"security_policy": "TLS_1_2"})) == set()
}

test_websites_in_buckets_have_no_tls if {
	website := object.union(origin("http-only", ["TLSv1.2"]), {"domain_name": "site.s3-website-eu-west-1.amazonaws.com"})
	found(plans.plan([distribution("TLSv1.2_2021", "https-only", website)])) == set()
	old := origin("https-only", ["TLSv1.1", "TLSv1.2"])
	found(plans.plan([distribution("TLSv1.2_2021", "https-only", old)])) == {"terraform/tls/origin"}
}

test_each_half_of_a_search_domain_counts if {
	found(plans.plan([search(true, "Policy-Min-TLS-1-0-2019-07")])) == {"terraform/tls/search-domain"}
	found(plans.plan([search(false, "Policy-Min-TLS-1-2-2019-07")])) == {"terraform/tls/search-domain"}
}

test_unknown_values_are_not_judged if {
	found(plans.later("aws_elasticache_replication_group", ["transit_encryption_enabled"])) == set()
}

test_https_that_is_not_enforced_may_be_text if {
	found(plans.one("aws_opensearch_domain", {"domain_endpoint_options": [{"enforce_https": "false"}]})) == {"terraform/tls/search-domain"}
}

listening(more) := plans.one("aws_lb_listener", object.union({"protocol": "HTTPS"}, more))

test_listeners_without_a_policy_have_the_oldest if {
	old := {"terraform/tls/listener-tls"}
	every policy in [
		"ELBSecurityPolicy-2016-08", "ELBSecurityPolicy-2015-05", "ELBSecurityPolicy-FS-2018-06",
		"ELBSecurityPolicy-FS-1-1-2019-08", "ELBSecurityPolicy-TLS-1-0-2015-04", "ELBSecurityPolicy-TLS-1-1-2017-01",
		"ELBSecurityPolicy-TLS13-1-0-2021-06", "ELBSecurityPolicy-TLS13-1-1-2021-06",
		"ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04", "ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04",
	] {
		found(listening({"ssl_policy": policy})) == old
	}
	every policy in [
		"ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-TLS13-1-3-2021-06", "ELBSecurityPolicy-FS-1-2-2019-08",
		"ELBSecurityPolicy-FS-1-2-Res-2020-10", "ELBSecurityPolicy-TLS-1-2-2017-01", "ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04",
	] {
		found(listening({"ssl_policy": policy})) == set()
	}
	found(listening({})) == old
	found(listening({"ssl_policy": null})) == old
	found(plans.one("aws_lb_listener", {"protocol": "HTTP"})) == set()
	found(plans.plan([plans.unknown("aws_lb_listener", {"protocol": "HTTPS"}, {"ssl_policy": true})])) == set()
}

test_defaults_of_names_of_their_own_are_old if {
	own := {"viewer_certificate": [{"acm_certificate_arn": "arn"}]}
	found(plans.one("aws_cloudfront_distribution", own)) == {"terraform/tls/cdn-tls"}
	default_name := {"viewer_certificate": [{"cloudfront_default_certificate": true}]}
	found(plans.one("aws_cloudfront_distribution", default_name)) == set()
	found(plans.one("aws_opensearch_domain", {})) == {"terraform/tls/search-domain"}
	found(plans.later("aws_opensearch_domain", ["domain_endpoint_options"])) == set()
}

fetching(config) := plans.one("aws_cloudfront_distribution", {"origin": [{"origin_id": "o", "custom_origin_config": [config]}]})

test_one_known_half_of_an_origin_counts if {
	found(fetching({"origin_protocol_policy": "http-only"})) == {"terraform/tls/origin"}
	found(fetching({"origin_ssl_protocols": ["TLSv1"]})) == {"terraform/tls/origin"}
	found(fetching({"origin_protocol_policy": "https-only", "origin_ssl_protocols": ["TLSv1.2"]})) == set()
}
