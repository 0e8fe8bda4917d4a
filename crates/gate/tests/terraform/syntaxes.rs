//! The same module in both syntaxes is the same document.

use crate::{changes, document, messages, module, place};

/// HCL and JSON.
const PAIRS: [(&str, &str); 9] = [
    // One block as an object, several as a list, blocks in blocks, a comment in each body.
    (
        r#"
resource "aws_security_group" "a" {
  name = "x"
  ingress {
    from_port   = 22
    cidr_blocks = ["0.0.0.0/0"]
  }
  egress {
    from_port = 1
  }
  egress {
    from_port = 2
  }
  tags = { Name = "x", team = "y" }
}
resource "aws_s3_bucket_server_side_encryption_configuration" "b" {
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}
"#,
        r#"{"//": "top", "resource": {"//": {"of": "types"},
"aws_security_group": {"//": "names", "a": {"//": {"metadata": {"path": "x"}},
  "name": "x",
  "ingress": {"//": "nested", "from_port": 22, "cidr_blocks": ["0.0.0.0/0"]},
  "egress": [{"from_port": 1, "//": 1}, {"from_port": 2}],
  "tags": {"Name": "x", "team": "y"}}},
"aws_s3_bucket_server_side_encryption_configuration": {"b": [{"rule": [{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}}]}]}}}"#,
    ),
    // Expressions as strings, in keys too; literal braces.
    (
        r#"
variable "p" {
  type    = number
  default = 22
}
variable "u" {}
locals {
  tags = { "${var.p}" = "p-${var.p}" }
}
resource "a" "r" {
  port     = var.p
  name     = "$${x} ${var.p}"
  list     = [var.p, "b"]
  secret   = var.u
  settings = { "k.${var.p}" = { inner = var.u } }
  tags     = local.tags
  rule {
    ports = [for p in [1, 2] : p + 1]
  }
}
"#,
        r#"{"variable": {"p": {"type": "number", "default": 22}, "u": {}},
"locals": {"tags": {"${var.p}": "p-${var.p}"}},
"resource": {"a": {"r": {"port": "${var.p}", "name": "$${x} ${var.p}", "list": ["${var.p}", "b"], "secret": "${var.u}",
  "settings": {"k.${var.p}": {"inner": "${var.u}"}}, "tags": "${local.tags}", "rule": {"ports": "${[for p in [1, 2] : p + 1]}"}}}}}"#,
    ),
    // What says something to Terraform only.
    (
        r#"
resource "a" "r" {
  count      = 2
  depends_on = [a.s]
  n          = count.index
  lifecycle {
    prevent_destroy = true
  }
  connection {
    host = "h"
  }
  provisioner "local-exec" {
    command = "true"
  }
}
resource "a" "s" {
  for_each = { x = { on = true }, y = { on = false } }
  enabled  = each.value.on
}
"#,
        r#"{"resource": {"a": {"r": {"count": 2, "depends_on": ["a.s"], "n": "${count.index}", "lifecycle": {"prevent_destroy": true},
  "connection": {"host": "h"}, "provisioner": {"local-exec": {"command": "true"}}},
  "s": {"for_each": {"x": {"on": true}, "y": {"on": false}}, "enabled": "${each.value.on}"}}}}"#,
    ),
    // Dynamic blocks, in and beside others.
    (
        r#"
variable "u" {}
resource "a" "r" {
  ingress {
    port = 1
  }
  dynamic "ingress" {
    for_each = { a = 22 }
    iterator = it
    content {
      port = it.value
      dynamic "deep" {
        for_each = [it.key]
        content {
          on = deep.value
        }
      }
    }
  }
  dynamic "rule" {
    for_each = var.u
    content {
      cidr = "0.0.0.0/0"
      filter {
        on = true
      }
    }
  }
}
"#,
        r#"{"variable": {"u": {}}, "resource": {"a": {"r": {"ingress": {"port": 1}, "dynamic": {
  "ingress": {"for_each": {"a": 22}, "iterator": "it", "content": {"port": "${it.value}",
    "dynamic": {"deep": {"for_each": ["${it.key}"], "content": {"on": "${deep.value}"}}}}},
  "rule": [{"for_each": "${var.u}", "content": [{"cidr": "0.0.0.0/0", "filter": {"on": true}}]}]}}}}}"#,
    ),
    // Other resources' blocks, and what they leave out.
    (
        r#"
resource "a" "r" {
  rule {
    on = true
  }
}
resource "b" "s" {
  on  = a.r.rule[0].on
  off = a.r.rule[0].off
}
"#,
        r#"{"resource": {"a": {"r": {"rule": {"on": true}}}, "b": {"s": {"on": "${a.r.rule[0].on}", "off": "${a.r.rule[0].off}"}}}}"#,
    ),
    // Maps and blocks of one name.
    (
        r#"
resource "google_compute_instance" "i" {
  metadata = { block-project-ssh-keys = false, enable_oslogin = true }
  labels   = { env = "x" }
}
resource "kubernetes_deployment" "d" {
  metadata {
    name   = "d"
    labels = { app = "x" }
  }
  spec {
    selector {
      match_labels = { app = "x" }
    }
  }
}
resource "kubernetes_service" "s" {
  spec {
    selector = { app = "x" }
  }
}
resource "aws_lambda_function" "f" {
  environment {
    variables = { a = "b" }
  }
  tracing_config {
    mode = "Active"
  }
}
"#,
        r#"{"resource": {"google_compute_instance": {"i": {"metadata": {"block-project-ssh-keys": false, "enable_oslogin": true}, "labels": {"env": "x"}}},
"kubernetes_deployment": {"d": {"metadata": {"name": "d", "labels": {"app": "x"}}, "spec": {"selector": {"match_labels": {"app": "x"}}}}},
"kubernetes_service": {"s": {"spec": {"selector": {"app": "x"}}}},
"aws_lambda_function": {"f": {"environment": {"variables": {"a": "b"}}, "tracing_config": {"mode": "Active"}}}}}"#,
    ),
    // What has objects and no blocks.
    (
        "resource \"kubernetes_manifest\" \"m\" {\n  manifest = { kind = \"Pod\", spec = { host_pid = true } }\n}\n",
        r#"{"resource": {"kubernetes_manifest": {"m": {"manifest": {"kind": "Pod", "spec": {"host_pid": true}}}}}}"#,
    ),
    // Other blocks of the top; providers have blocks as well.
    (
        r#"
terraform {
  required_version = ">= 1"
}
provider "aws" {
  region = "eu-west-1"
  default_tags {
    tags = { a = "b" }
  }
}
data "aws_iam_policy_document" "d" {
  statement {
    actions = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}
output "o" {
  value     = data.aws_iam_policy_document.d.statement
  sensitive = true
}
"#,
        r#"{"terraform": {"required_version": ">= 1"}, "provider": {"aws": [{"region": "eu-west-1", "default_tags": {"tags": {"a": "b"}}}]},
"data": {"aws_iam_policy_document": {"d": {"statement": {"actions": ["*"], "principals": {"type": "AWS", "identifiers": ["*"]}}}}},
"output": {"o": {"value": "${data.aws_iam_policy_document.d.statement}", "sensitive": true}}}"#,
    ),
    // Defaults of providers go into blocks that are there.
    (
        "resource \"aws_instance\" \"i\" {\n  root_block_device {\n  }\n  ebs_block_device {\n    device_name = \"x\"\n  }\n}\n",
        r#"{"resource": {"aws_instance": {"i": {"root_block_device": {}, "ebs_block_device": {"device_name": "x"}}}}}"#,
    ),
];

#[test]
fn both_syntaxes_say_the_same() {
    for (hcl, json) in PAIRS {
        let (hcl, json) = (module(&[("main.tf", hcl)]), module(&[("main.tf.json", json)]));
        assert_eq!(messages(&hcl), Vec::<String>::new());
        assert_eq!(messages(&json), Vec::<String>::new());
        assert_eq!(changes(&json), changes(&hcl));
        assert_eq!(document(&json), document(&hcl));
    }
}

#[test]
fn blocks_called_by_modules_are_values() {
    let called = "variable \"rules\" {}\nresource \"a\" \"r\" {\n  dynamic \"rule\" {\n    for_each = var.rules\n    content {\n      port = rule.value.port\n    }\n  }\n}\n";
    let hcl = module(&[
        (
            "main.tf",
            "module \"m\" {\n  source = \"./m\"\n  rules  = { a = { port = 22 } }\n}\n",
        ),
        ("m/main.tf", called),
    ]);
    let json = module(&[
        (
            "main.tf.json",
            r#"{"module": {"m": {"//": "x", "source": "./m", "rules": {"a": {"port": 22}}}}}"#,
        ),
        ("m/main.tf", called),
    ]);
    assert_eq!(document(&json), document(&hcl));
}

#[test]
fn places_are_those_of_the_json_text() {
    let text = "{\"resource\": {\"a\": {\"r\": {\n\"rule\": {\"on\": true},\n\"list\": [{\"x\": 1},\n{\"x\": 2}]}}}}";
    let input = module(&[("main.tf.json", text)]);
    let at = |rest: &[&str]| {
        place(
            &input,
            &[&["resource_changes", "0", "change", "after"], rest].concat(),
        )
    };
    assert_eq!(at(&["rule", "0", "on"]), "main.tf.json:2:16");
    assert_eq!(at(&["rule", "0", "off"]), "main.tf.json:2:1");
    assert_eq!(at(&["list", "1", "x"]), "main.tf.json:4:7");
    assert_eq!(at(&["list", "1", "y"]), "main.tf.json:4:1");
}
