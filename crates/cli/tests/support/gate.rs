#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "each test file uses part of it; tests may panic"
)]
//! What tests of `stele check` share.

use crate::support::{Ran, Site};
use serde_json::Value;

/// Violates three policies for pods.
pub const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      hostNetwork: true
      containers:
      - name: one
        image: nginx@sha256:0123456789012345678901234567890123456789012345678901234567890123
        securityContext:
          privileged: yes # as Kubernetes reads it
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: p, namespace: prod}
  spec:
    hostPID: true
    containers: []
";

/// Violates one policy for plans.
pub const PLAN: &str = r#"{"format_version": "1.2", "terraform_version": "1.9.0", "resource_changes": [
  {"address": "aws_s3_bucket.ok", "mode": "managed", "type": "aws_s3_bucket", "name": "ok",
   "change": {"actions": ["create"], "after": {"acl": "private"}}},
  {"address": "aws_s3_bucket.logs", "mode": "managed", "type": "aws_s3_bucket", "name": "logs",
   "change": {"actions": ["create"], "after": {"bucket": "x", "acl": "public-read"}}}]}"#;

/// A site with files.
pub fn site(files: &[(&str, &str)]) -> Site {
    let site = Site::new();
    for (name, text) in files {
        site.write(name, text);
    }
    site
}

/// Runs `stele check`.
pub fn check(site: &Site, args: &[&str]) -> Ran {
    site.run(&[&["check"], args].concat())
}

/// The findings that fail, as `FILE:LINE:COLUMN-COLUMN RULE RESOURCE`.
pub fn violations(report: &str) -> Vec<String> {
    let report: Value = serde_json::from_str(report).unwrap();
    let found = report["findings"].as_array().unwrap().iter();
    let found = found.filter(|finding| finding["enforcement"] == "deny");
    found
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
            format!(
                "{}:{}:{}-{} {} {}",
                text("file"),
                finding["start"]["line"],
                finding["start"]["column"],
                finding["end"]["column"],
                text("rule"),
                text("resource")
            )
        })
        .collect()
}

/// Runs `git` in a site.
pub fn git(site: &Site, args: &[&str]) {
    let mut command = std::process::Command::new("git");
    command.current_dir(site.path()).args(args);
    for (key, value) in [("NAME", "Someone"), ("EMAIL", "someone@example.com")] {
        command.env(format!("GIT_AUTHOR_{key}"), value);
        command.env(format!("GIT_COMMITTER_{key}"), value);
    }
    assert!(command.status().unwrap().success(), "git {args:?}");
}

/// Seed of a signing key.
const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
/// Its public key, from RFC 8032, section 7.1, test 1.
pub const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

/// Writes the signing key to `gate.key`.
pub fn key(site: &Site) {
    use std::os::unix::fs::PermissionsExt;
    let path = site.path().join("gate.key");
    std::fs::write(&path, format!("{SEED}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Has `stele check` write a statement.
pub const ATTEST: [&str; 4] = ["--attest", "vsa.json", "--key", "gate.key"];
