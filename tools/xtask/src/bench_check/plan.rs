//! A plan as `terraform show -json` writes it: planned values, changes, prior state and configuration of the same resources.

use anyhow::Result;
use serde_json::{Value, json};
use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes a plan of about so many megabytes.
pub(super) fn write(path: &Path, megabytes: usize) -> Result<()> {
    let sample: usize = (0..700).map(size).sum();
    let count = megabytes
        .saturating_mul(700_000_000)
        .checked_div(sample)
        .unwrap_or_default();
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    write!(
        out,
        "{{\"format_version\":\"1.2\",\"terraform_version\":\"1.11.4\",\"planned_values\":{{\"root_module\":{{\"resources\":"
    )?;
    list(&mut out, count, |index| Some(planned(index)))?;
    write!(out, "}}}},\"resource_changes\":")?;
    list(&mut out, count, |index| Some(change(index)))?;
    write!(
        out,
        ",\"prior_state\":{{\"format_version\":\"1.0\",\"values\":{{\"root_module\":{{\"resources\":"
    )?;
    list(&mut out, count, |index| is_update(index).then(|| planned(index)))?;
    write!(
        out,
        "}}}}}},\"configuration\":{{\"provider_config\":{{\"aws\":{{\"name\":\"aws\"}}}},\"root_module\":{{\"resources\":"
    )?;
    list(&mut out, count, |index| Some(configured(index)))?;
    writeln!(
        out,
        "}}}},\"timestamp\":\"2026-01-01T00:00:00Z\",\"applyable\":true,\"complete\":true,\"errored\":false}}"
    )?;
    out.flush()?;
    Ok(())
}

fn size(index: usize) -> usize {
    let prior = is_update(index).then(|| planned(index));
    let others = [planned(index), change(index), configured(index)];
    let all = others.into_iter().chain(prior);
    all.map(|value| value.to_string().len()).sum()
}

fn list(out: &mut impl Write, count: usize, item: impl Fn(usize) -> Option<Value>) -> Result<()> {
    write!(out, "[")?;
    let mut first = true;
    for value in (0..count).filter_map(item) {
        if !first {
            write!(out, ",")?;
        }
        first = false;
        serde_json::to_writer(&mut *out, &value)?;
    }
    write!(out, "]")?;
    Ok(())
}

fn is_update(index: usize) -> bool {
    index % 10 < 3
}

const TYPES: [&str; 7] = [
    "aws_s3_bucket",
    "aws_security_group",
    "aws_ebs_volume",
    "aws_db_instance",
    "aws_iam_role",
    "aws_lb_listener",
    "aws_instance",
];

fn kind(index: usize) -> &'static str {
    TYPES
        .iter()
        .cycle()
        .nth(index % 7)
        .copied()
        .unwrap_or("aws_instance")
}

fn values(index: usize) -> Value {
    let tags = json!({"Name": format!("resource-{index}"), "Environment": "production", "CostCenter": "4711", "Owner": format!("team-{}", index % 40)});
    // One in five hundred of a type is wrong.
    let wrong = (index / 7) % 500 == 7;
    let ingress = [22, 443, 8443].map(|port| {
        let from = if wrong { "0.0.0.0/0" } else { "10.0.0.0/8" };
        json!({"from_port": port, "to_port": port, "protocol": "tcp", "self": false, "description": "", "cidr_blocks": [from],
            "ipv6_cidr_blocks": [], "prefix_list_ids": [], "security_groups": []})
    });
    match kind(index) {
        "aws_s3_bucket" => {
            json!({"bucket": format!("data-{index}"), "acl": if wrong { "public-read" } else { "private" }, "force_destroy": false,
            "tags": tags, "versioning": [{"enabled": true, "mfa_delete": false}], "logging": [], "policy": null, "website": [],
            "server_side_encryption_configuration": [{"rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms", "kms_master_key_id": null}]}]}]})
        }
        "aws_security_group" => {
            json!({"name": format!("group-{index}"), "description": "Managed by Terraform", "revoke_rules_on_delete": false, "tags": tags,
            "ingress": ingress,
            "egress": [{"from_port": 0, "to_port": 0, "protocol": "-1", "cidr_blocks": ["0.0.0.0/0"], "self": false}]})
        }
        "aws_ebs_volume" => {
            json!({"availability_zone": "eu-west-1a", "encrypted": !wrong, "size": 100, "type": "gp3", "tags": tags, "timeouts": null, "snapshot_id": null})
        }
        "aws_db_instance" => {
            json!({"identifier": format!("db-{index}"), "engine": "postgres", "engine_version": "16.4", "instance_class": "db.r6g.large", "allocated_storage": 500,
            "publicly_accessible": wrong, "storage_encrypted": true, "backup_retention_period": 14, "multi_az": true, "deletion_protection": true, "tags": tags})
        }
        "aws_iam_role" => {
            json!({"name": format!("role-{index}"), "path": "/", "max_session_duration": 3600, "tags": tags,
            "assume_role_policy": json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}]}).to_string()})
        }
        "aws_lb_listener" => {
            json!({"port": 443, "protocol": if wrong { "HTTP" } else { "HTTPS" }, "ssl_policy": "ELBSecurityPolicy-TLS13-1-2-2021-06", "tags": tags,
            "default_action": [{"type": "forward", "order": 1, "redirect": [], "fixed_response": []}]})
        }
        _ => {
            json!({"ami": format!("ami-{index:017x}"), "instance_type": "m7g.large", "monitoring": true, "tags": tags, "user_data": null, "ebs_optimized": true,
            "metadata_options": [{"http_tokens": "required", "http_endpoint": "enabled"}], "root_block_device": [{"encrypted": true, "volume_size": 50}]})
        }
    }
}

fn address(index: usize) -> Value {
    json!({"address": format!("{}.r{index}", kind(index)), "mode": "managed", "type": kind(index), "name": format!("r{index}"),
        "provider_name": "registry.terraform.io/hashicorp/aws"})
}

fn planned(index: usize) -> Value {
    with(
        address(index),
        [
            ("schema_version", json!(1)),
            ("values", values(index)),
            ("sensitive_values", json!({"tags": {}})),
        ],
    )
}

fn change(index: usize) -> Value {
    let update = is_update(index);
    let change = json!({"actions": [if update { "update" } else { "create" }], "before": if update { values(index) } else { Value::Null }, "after": values(index),
        "after_unknown": {"id": true, "arn": true, "tags": {}, "tags_all": true, "owner_id": true}, "before_sensitive": false, "after_sensitive": {"tags": {}}});
    with(address(index), [("change", change)])
}

fn configured(index: usize) -> Value {
    let attributes = values(index);
    let constant = |(key, value): (&String, &Value)| (key.clone(), json!({"constant_value": value}));
    let expressions: serde_json::Map<String, Value> = attributes
        .as_object()
        .into_iter()
        .flatten()
        .map(constant)
        .collect();
    with(
        address(index),
        [
            ("provider_config_key", json!("aws")),
            ("expressions", Value::Object(expressions)),
        ],
    )
}

fn with<const N: usize>(mut object: Value, more: [(&str, Value); N]) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.extend(more.map(|(key, value)| (key.to_owned(), value)));
    }
    object
}
