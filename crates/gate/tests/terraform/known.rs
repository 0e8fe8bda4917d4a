//! What is known of other resources, of sets in part, and of what is left out.

use stele_types::json;

use crate::{addresses, changes, document, module, place, value};

/// `after` and `after_unknown` of the resource with this address.
fn of(text: &str, address: &str) -> (String, String) {
    let input = module(&[("main.tf", text)]);
    assert_eq!(input.failures, [], "{text}");
    let found = changes(&input)
        .into_iter()
        .find(|change| change.get("address").unwrap().as_str() == Some(address));
    let change = found.unwrap().get("change").unwrap();
    let text = |key| json::to_string(change.get(key).unwrap());
    (text("after"), text("after_unknown"))
}

#[test]
fn what_is_known_of_a_set_stays() {
    let cases = [
        ("toset([\"22\", var.u])", "[null,\"22\"]"),
        ("setunion([\"22\", var.u], [\"80\"])", "[null,\"22\",\"80\"]"),
        ("[for p in toset([\"22\", var.u]) : p]", "[null,\"22\"]"),
        ("contains(toset([\"22\", var.u]), \"22\")", "true"),
        // Which they are, how many, and in which order is not known.
        ("contains(toset([\"22\", var.u]), \"80\")", "unknown"),
        ("length(toset([\"22\", var.u]))", "unknown"),
        ("tolist(toset([\"22\", var.u]))[1]", "unknown"),
        ("concat(toset([\"22\", var.u]), [\"80\"])[1]", "unknown"),
        ("toset([\"22\", var.u]) == toset([\"22\"])", "unknown"),
        ("setsubtract([\"22\"], [var.u])", "unknown"),
        ("length(toset([\"22\", var.u])[*])", "unknown"),
        (
            "length(toset([{a = 1, b = var.u}, {a = 1, b = \"x\"}])[*].a)",
            "unknown",
        ),
        ("length([for o in toset([{a = 1, b = var.u}]) : o.a])", "unknown"),
        ("length(reverse(toset([\"22\", var.u])))", "unknown"),
        ("reverse(toset([\"22\", var.u]))[0]", "unknown"),
        ("length(slice(toset([\"22\", var.u]), 0, 1))", "unknown"),
        ("length(chunklist(toset([\"22\", var.u]), 1))", "unknown"),
        ("length(flatten([toset([\"22\", {a = var.u}])]))", "unknown"),
        ("element(toset([\"22\", var.u]), 1)", "unknown"),
        ("index(toset([\"22\", var.u]), \"22\")", "unknown"),
        ("zipmap([\"a\", \"b\"], toset([\"22\", var.u]))[\"b\"]", "unknown"),
        ("length(distinct(toset([\"22\", var.u])))", "unknown"),
        ("length(compact(toset([\"22\", var.u])))", "unknown"),
        ("length(sort(toset([\"22\", var.u])))", "unknown"),
        ("length(values({a = toset([\"22\", var.u])})[0])", "unknown"),
        ("length(setproduct(toset([\"22\", var.u]), [1, 2]))", "unknown"),
        (
            "length({for v in toset([\"22\", var.u]) : \"k\" => v...}[\"k\"])",
            "unknown",
        ),
        ("\"%{for v in toset([\"22\", var.u])}x%{endfor}\"", "unknown"),
        ("toset(var.u)", "unknown"),
    ];
    for (expression, expected) in cases {
        let found = value(expression);
        assert_eq!(found, expected, "{expression}");
    }
}

#[test]
fn each_known_key_has_an_instance_and_one_stands_for_the_rest() {
    let text = "variable \"u\" {}\nresource \"a\" \"r\" {\n  for_each = toset([\"x\", var.u])\n  name = each.key\n}\n";
    let input = module(&[("main.tf", text)]);
    assert_eq!(addresses(&input), ["a.r[\"x\"]", "a.r"]);
    assert_eq!(of(text, "a.r[\"x\"]").0, r#"{"name":"x"}"#);
    assert_eq!(of(text, "a.r").1, r#"{"name":true}"#);
    let text = "variable \"u\" {}\nresource \"a\" \"r\" {\n  dynamic \"ingress\" {\n    for_each = toset([\"22\", var.u])\n    content {\n      port = ingress.value\n    }\n  }\n}\n";
    assert_eq!(
        of(text, "a.r"),
        (
            r#"{"ingress":[{},{"port":"22"}]}"#.to_owned(),
            r#"{"ingress":[true,{}]}"#.to_owned()
        )
    );
}

const OTHERS: &str = r#"
variable "u" {}
resource "a" "counted" {
  count = 2
  acl   = count.index == 1 ? "public-read" : "private"
}
resource "a" "keyed" {
  for_each = { x = "private", y = "public-read" }
  acl      = each.value
}
resource "a" "nested" {
  rule {
    acl = "private"
  }
  dynamic "rule" {
    for_each = ["public-read"]
    content {
      acl = rule.value
    }
  }
  names = ["one", "two"]
}
resource "a" "unknown" {
  count = var.u
  acl   = "private"
}
data "d" "found" {
  for_each = toset(["k"])
  name     = each.key
}
"#;

#[test]
fn instances_and_blocks_of_other_resources_are_known_by_index_and_key() {
    let cases = [
        ("a.counted[1].acl", "\"public-read\""),
        ("a.counted.1.acl", "\"public-read\""),
        ("a.counted[*].acl", "[\"private\",\"public-read\"]"),
        ("a.counted[5].acl", "unknown"),
        ("length(a.counted)", "2"),
        ("a.counted[0].arn", "unknown"),
        ("a.counted[*].arn", "unknown"),
        ("a.keyed[\"y\"].acl", "\"public-read\""),
        ("a.keyed[\"z\"].acl", "unknown"),
        ("values(a.keyed)[*].acl", "[\"private\",\"public-read\"]"),
        ("[for k, b in a.keyed : b.acl if k == \"y\"]", "[\"public-read\"]"),
        ("a.nested.rule[1].acl", "\"public-read\""),
        ("a.nested.rule[*].acl", "[\"private\",\"public-read\"]"),
        ("a.nested.names[1]", "\"two\""),
        ("a.nested.other[0].acl", "unknown"),
        ("a.unknown[0].acl", "unknown"),
        ("length(a.unknown)", "unknown"),
        ("data.d.found[\"k\"].name", "\"k\""),
    ];
    for (expression, expected) in cases {
        let text = format!("{OTHERS}resource \"t\" \"r\" {{\n  v = {expression}\n}}\n");
        let (after, unknown) = of(&text, "t.r");
        let found = if unknown == r#"{"v":true}"# {
            "unknown"
        } else {
            after.strip_prefix("{\"v\":").unwrap().strip_suffix('}').unwrap()
        };
        assert_eq!(found, expected, "{expression}");
    }
}

/// What a resource leaves out its provider may say: no answer may rest on it.
#[test]
fn a_resource_is_more_than_what_is_written_of_it() {
    let text = |expression: &str| {
        format!(
            r#"
resource "s" "one" {{
  name = "n"
  rule {{ port = 22 }}
}}
resource "s" "many" {{
  for_each = {{ a = 1 }}
  name     = "n"
  tags     = {{ x = "y" }}
}}
resource "t" "r" {{
  a = {expression}
}}
"#
        )
    };
    let cases = [
        (r#"lookup(s.one, "public", true)"#, None),
        (r#"lookup(s.many["a"], "public", true)"#, None),
        (r#"contains(keys(s.one), "public")"#, None),
        (r#"merge({public = false}, s.one).public"#, None),
        ("length(s.one)", None),
        ("length([for k, v in s.one : k])", None),
        (r#"s.one == {name = "n", rule = [{port = 22}]}"#, None),
        (r#"lookup(s.one.rule[0], "open", false)"#, None),
        (r#"jsonencode(s.one)"#, None),
        (r#"values(s.many)[0] == {name = "n", tags = {x = "y"}}"#, None),
        (r#"lookup(s.one, "name", "m")"#, Some(r#"{"a":"n"}"#)),
        ("s.one.name", Some(r#"{"a":"n"}"#)),
        ("s.one.rule[0].port", Some(r#"{"a":22}"#)),
        ("s.one[*].name", Some(r#"{"a":["n"]}"#)),
        ("values(s.many)[*].name", Some(r#"{"a":["n"]}"#)),
        ("[for s in s.many : s.name]", Some(r#"{"a":["n"]}"#)),
        ("length(s.many)", Some(r#"{"a":1}"#)),
        (r#"length(s.many["a"].tags)"#, Some(r#"{"a":1}"#)),
    ];
    for (expression, expected) in cases {
        let (after, unknown) = of(&text(expression), "t.r");
        match expected {
            Some(expected) => assert_eq!(after, expected, "{expression}"),
            None => assert_eq!(unknown, r#"{"a":true}"#, "{expression}"),
        }
    }
}

/// Each asks for one of many: the many are not counted again for each.
#[test]
fn references_by_key_cost_what_they_name() {
    let users: Vec<String> = (0..150)
        .map(|user| format!("u{user} = {{ a = 1, b = 2, c = 3, d = 4 }}"))
        .collect();
    let mut text = format!("locals {{\n  users = {{\n{}\n  }}\n}}\n", users.join("\n"));
    text.push_str("resource \"s\" \"user\" {\n  for_each = local.users\n  name = each.key\n}\n");
    for key in ["one", "two", "three", "four"] {
        text.push_str(&format!(
            "resource \"t\" \"{key}\" {{\n  for_each = local.users\n  name = s.user[each.key].name\n  id = s.user[each.key].id\n}}\n"
        ));
    }
    let (after, unknown) = of(&text, "t.four[\"u7\"]");
    assert_eq!(
        (after.as_str(), unknown.as_str()),
        (r#"{"name":"u7"}"#, r#"{"id":true}"#)
    );
}

#[test]
fn resources_that_need_each_other_are_reported_and_end() {
    let text = "resource \"a\" \"b\" {\n  count = 1\n  x = a.c[0].x\n}\nresource \"a\" \"c\" {\n  count = 1\n  x = a.b[0].x\n}\n";
    let input = module(&[("main.tf", text)]);
    assert!(
        input
            .failures
            .iter()
            .all(|failure| failure.message.contains("depends on itself")),
        "{:?}",
        input.failures
    );
    assert!(!input.failures.is_empty());
}

#[test]
fn what_is_left_out_is_what_the_provider_takes() {
    let cases = [
        ("aws_apigatewayv2_route", "", r#"{"authorization_type":"NONE"}"#),
        (
            "aws_apigatewayv2_route",
            "authorization_type = null",
            r#"{"authorization_type":"NONE"}"#,
        ),
        (
            "aws_apigatewayv2_route",
            "authorization_type = \"JWT\"",
            r#"{"authorization_type":"JWT"}"#,
        ),
        // Nobody knows it, and nobody says it.
        ("aws_apigatewayv2_route", "authorization_type = var.u", "{}"),
        ("aws_lb_listener", "", "{}"),
        ("aws_lb_listener", "port = 80", r#"{"port":80,"protocol":"HTTP"}"#),
        (
            "aws_lb_listener",
            "protocol = \"TLS\"",
            r#"{"protocol":"TLS","ssl_policy":"ELBSecurityPolicy-2016-08"}"#,
        ),
        (
            "aws_lb_listener",
            "protocol = \"tls\"",
            r#"{"protocol":"TLS","ssl_policy":"ELBSecurityPolicy-2016-08"}"#,
        ),
        ("aws_lb_listener", "protocol = var.u", "{}"),
        (
            "aws_instance",
            "root_block_device {}",
            r#"{"root_block_device":[{"encrypted":false}]}"#,
        ),
        (
            "aws_instance",
            "ebs_block_device {\n    snapshot_id = \"s\"\n  }",
            r#"{"ebs_block_device":[{"snapshot_id":"s"}]}"#,
        ),
        ("aws_instance", "", "{}"),
        (
            "aws_opensearch_domain",
            "",
            r#"{"domain_endpoint_options":[{"enforce_https":false,"tls_security_policy":"Policy-Min-TLS-1-0-2019-07"}]}"#,
        ),
        // An empty text is nothing.
        (
            "aws_instance",
            "ebs_block_device {\n    snapshot_id = \"\"\n  }",
            r#"{"ebs_block_device":[{"encrypted":false,"snapshot_id":""}]}"#,
        ),
        (
            "aws_apigatewayv2_route",
            "authorization_type = \"\"",
            r#"{"authorization_type":"NONE"}"#,
        ),
        (
            "aws_instance",
            "ebs_block_device {\n    no_device = true\n  }",
            r#"{"ebs_block_device":[{"no_device":true}]}"#,
        ),
        (
            "aws_instance",
            "ebs_block_device {\n    no_device = false\n  }",
            r#"{"ebs_block_device":[{"encrypted":false,"no_device":false}]}"#,
        ),
        // Providers differ by their version.
        ("aws_redshift_cluster", "", "{}"),
        ("other", "", "{}"),
    ];
    for (kind, body, expected) in cases {
        let text = format!("variable \"u\" {{}}\nresource \"{kind}\" \"r\" {{\n  {body}\n}}\n");
        assert_eq!(of(&text, &format!("{kind}.r")).0, expected, "{text}");
    }
    // Data is what it is.
    let input = module(&[("main.tf", "data \"aws_lb_listener\" \"r\" {\n  port = 80\n}\n")]);
    assert!(!json::to_string(document(&input)).contains("HTTP"));
}

#[test]
fn a_default_stands_where_its_block_does() {
    let text = "resource \"aws_instance\" \"r\" {\n  root_block_device {\n    volume_size = 8\n  }\n}\n";
    let input = module(&[("main.tf", text)]);
    let path = [
        "resource_changes",
        "0",
        "change",
        "after",
        "root_block_device",
        "0",
        "encrypted",
    ];
    let found = place(&input, &path);
    assert!(found.contains("main.tf:2:3"), "{found}");
}
