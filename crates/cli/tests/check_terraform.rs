//! What the starter library says of configurations that leave things out.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

#[path = "support/gate.rs"]
mod gate;
mod support;

use gate::{check, site, violations};
use serde_json::Value;

/// What says nothing of an attribute whose default is insecure, with the rule about it, the line of its block, and what mends it there.
const LEFT_OUT: [(&str, &str, &str, &str); 12] = [
    (
        "aws_apigatewayv2_route",
        "",
        "terraform/api_gateway/open-route",
        "authorization_type = \"JWT\"",
    ),
    (
        "aws_cloudfront_distribution",
        "viewer_certificate {",
        "terraform/tls/cdn-tls",
        "minimum_protocol_version = \"TLSv1.2_2021\"",
    ),
    (
        "aws_instance",
        "root_block_device {",
        "terraform/iaas/unencrypted-disk",
        "encrypted = true",
    ),
    (
        "aws_lb_listener",
        "port = 80",
        "terraform/aws/plain-http",
        "protocol = \"TLS\"\nssl_policy = \"x\"",
    ),
    (
        "aws_lb_listener",
        "protocol = \"HTTPS\"",
        "terraform/tls/listener-tls",
        "ssl_policy = \"ELBSecurityPolicy-TLS13-1-2-2021-06\"",
    ),
    (
        "aws_opensearch_domain",
        "",
        "terraform/tls/search-domain",
        "domain_endpoint_options {\nenforce_https = true\ntls_security_policy = \"Policy-Min-TLS-1-2-2019-07\"\n}",
    ),
    // The provider writes protocols in capitals.
    (
        "aws_lb_listener",
        "protocol = \"https\"",
        "terraform/tls/listener-tls",
        "ssl_policy = \"ELBSecurityPolicy-TLS13-1-2-2021-06\"",
    ),
    (
        "azurerm_redis_cache",
        "",
        "terraform/azure_data/old-tls",
        "minimum_tls_version = \"1.2\"",
    ),
    (
        "azurerm_storage_account",
        "",
        "terraform/azure_data/public-blobs",
        "allow_nested_items_to_be_public = false",
    ),
    (
        "azurerm_mssql_server",
        "",
        "terraform/azure_data/public-database",
        "public_network_access_enabled = false",
    ),
    (
        "google_compute_instance",
        "service_account {",
        "terraform/gcp/default-account",
        "email = \"own@x\"",
    ),
    (
        "google_sql_database_instance",
        "settings {",
        "terraform/gcp_data/database-tls",
        "ip_configuration {\nssl_mode = \"ENCRYPTED_ONLY\"\n}",
    ),
];

/// A resource with a line of its body, and behind it another one.
fn resource((kind, line, ..): (&str, &str, &str, &str), more: &str) -> String {
    let end = if line.ends_with('{') { "}\n" } else { "" };
    format!("resource \"{kind}\" \"r\" {{\n{line}\n{more}\n{end}}}\n")
}

#[test]
fn an_insecure_default_is_found_where_its_block_stands() {
    for case in LEFT_OUT {
        let (kind, line, rule, mended) = case;
        let found = |more: &str| {
            let site = site(&[("main.tf", &resource(case, more))]);
            let ran = check(&site, &["--format", "json"]);
            let report: Value = serde_json::from_str(&ran.out).unwrap();
            let findings = report["findings"].as_array().unwrap().clone();
            findings
                .into_iter()
                .filter(|finding| finding["rule"] == rule)
                .map(|finding| finding["start"]["line"].as_u64().unwrap())
                .collect::<Vec<_>>()
        };
        // At the block; a rule that puts values together first is shown at the resource.
        let last = if line.ends_with('{') { 2 } else { 1 };
        let lines = found("");
        assert!(
            !lines.is_empty() && lines.iter().all(|at| *at <= last),
            "{kind} {rule}: {lines:?}"
        );
        assert_eq!(found(mended), [0u64; 0], "{kind} {rule}");
    }
}

#[test]
fn a_function_s_finding_stands_at_the_value_that_it_read() {
    let text = "resource \"aws_security_group\" \"r\" {\n  ingress {\n    from_port   = 22\n    to_port     = 22\n    cidr_blocks = [\n      \"10.0.0.0/8\",\n      \"0.0.0.0/0\",\n    ]\n  }\n}\n\
                resource \"aws_db_instance\" \"d\" {\n  storage_encrypted = false\n}\n";
    let site = site(&[("main.tf", text)]);
    let report = check(&site, &["--format", "json"]).exits(1);
    let found = violations(&report);
    let has = |place: &str, rule: &str| {
        found
            .iter()
            .any(|line| line.starts_with(place) && line.contains(rule))
    };
    assert!(has("main.tf:4:19", "open-admin-port"), "{found:?}");
    assert!(has("main.tf:12:23", "unencrypted-database"), "{found:?}");
}
