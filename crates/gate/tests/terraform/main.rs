//! Modules of Terraform's language as policies see them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod blocks;
mod hostile;
mod known;
mod syntaxes;
mod types;

use std::borrow::Cow;
use std::path::Path;

use stele_gate::source::{Input, Origin, Source};
use stele_gate::walk::Sources;
use stele_types::{Value, json};

/// The module of a directory with these files.
fn module(files: &[(&str, &str)]) -> Input {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), files);
    read(directory.path())
}

fn write(directory: &Path, files: &[(&str, &str)]) {
    // Else the current directory would be the repository.
    std::fs::create_dir_all(directory.join(".git")).unwrap();
    for (name, text) in files {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn read(directory: &Path) -> Input {
    read_as(directory, ".")
}

fn read_as(directory: &Path, name: &str) -> Input {
    let origin = Origin::Module(directory.to_owned());
    let source = Source {
        name: name.to_owned(),
        origin,
        kind: None,
        configuration: None,
    };
    source.read().unwrap()
}

fn document(input: &Input) -> &Value {
    match input.documents[0].2.reading(&input.text).whole() {
        Cow::Borrowed(value) => value,
        Cow::Owned(_) => panic!("what is evaluated is no text"),
    }
}

fn changes(input: &Input) -> Vec<&Value> {
    document(input)
        .get("resource_changes")
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .collect()
}

fn addresses(input: &Input) -> Vec<&str> {
    changes(input)
        .into_iter()
        .map(|change| change.get("address").unwrap().as_str().unwrap())
        .collect()
}

/// `after` and `after_unknown` of the only resource.
fn after(input: &Input) -> (String, String) {
    let [change] = changes(input)[..] else {
        panic!("{:?}", addresses(input))
    };
    let change = change.get("change").unwrap();
    let text = |key| json::to_string(change.get(key).unwrap());
    (text("after"), text("after_unknown"))
}

/// What an expression comes to, `unknown` if that is so.
fn value(expression: &str) -> String {
    let text = format!("variable \"u\" {{}}\nresource \"t\" \"r\" {{\n  a = {expression}\n}}\n");
    let input = module(&[("main.tf", &text)]);
    assert_eq!(input.failures, [], "{expression}");
    let (after, unknown) = after(&input);
    if unknown == r#"{"a":true}"# {
        return "unknown".to_owned();
    }
    after
        .strip_prefix("{\"a\":")
        .unwrap()
        .strip_suffix('}')
        .unwrap()
        .to_owned()
}

/// The line of the text that a path leads to, with the file and the column.
fn place(input: &Input, path: &[&str]) -> String {
    let step = |step: &&str| {
        step.parse::<i64>()
            .map_or_else(|_| Value::string(step), Value::from)
    };
    let path: Vec<Value> = path.iter().map(step).collect();
    let (file, at) = input.place(&input.documents[0].2, &path);
    format!("{file}:{}:{}", at.line, at.column)
}

#[test]
fn expressions_come_to_values() {
    let cases = [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3 > 8 && !false", "true"),
        ("7 % 4 == 3 ? \"a\" : \"b\"", "\"a\""),
        ("\"${1 + 1}-${true}\"", "\"2-true\""),
        ("\"a%{ if 1 < 2 ~}  b  %{ else }c%{ endif }\"", "\"ab  \""),
        ("[for x in [1, 2, 3] : x * 2 if x > 1]", "[4,6]"),
        (
            "{for k, v in {a = 1, b = 2} : upper(k) => v}",
            "{\"A\":1,\"B\":2}",
        ),
        (
            "{for x in [\"a\", \"b\", \"a\"] : x => 1...}",
            "{\"a\":[1,1],\"b\":[1]}",
        ),
        ("[{n = 1}, {n = 2}][*].n", "[1,2]"),
        ("{a = [1, 2]}.a[1]", "2"),
        ("merge({a = 1, b = 1}, {b = 2})", "{\"a\":1,\"b\":2}"),
        ("concat([1], [2, 3])", "[1,2,3]"),
        ("flatten([[1], [[2]]])", "[1,2]"),
        ("lookup({a = 1}, \"b\", 5)", "5"),
        ("join(\",\", sort(toset([\"b\", \"a\", \"b\"])))", "\"a,b\""),
        ("split(\",\", \"a,b\")", "[\"a\",\"b\"]"),
        ("split(\",\", \"\")", "[\"\"]"),
        ("split(\"\", \"ab\")", "[\"a\",\"b\"]"),
        ("length(setsubtract(range(40000), range(40000, 80000)))", "40000"),
        (
            "length(setintersection(range(40000), range(20000, 60000)))",
            "20000",
        ),
        ("replace(\"a-b\", \"/[a-z]/\", \"x\")", "\"x-x\""),
        ("format(\"%s-%03d\", \"a\", 7)", "\"a-007\""),
        ("regex(\"([a-z])([0-9])\", \"x1\")", "[\"x\",\"1\"]"),
        ("substr(\"hello\", -3, 2)", "\"ll\""),
        ("cidrsubnet(\"10.0.0.0/16\", 8, 2)", "\"10.0.2.0/24\""),
        (
            "cidrsubnets(\"10.1.0.0/16\", 4, 4, 8)",
            "[\"10.1.0.0/20\",\"10.1.16.0/20\",\"10.1.32.0/24\"]",
        ),
        ("cidrhost(\"10.0.0.0/24\", -2)", "\"10.0.0.254\""),
        ("jsondecode(\"{\\\"a\\\": [1]}\")", "{\"a\":[1]}"),
        ("jsonencode({a = 1})", "\"{\\\"a\\\":1}\""),
        ("coalesce(null, \"\", \"x\")", "\"x\""),
        ("range(3)", "[0,1,2]"),
        ("setproduct([\"a\"], [1, 2])", "[[\"a\",1],[\"a\",2]]"),
        ("var.u", "unknown"),
        ("\"x-${var.u}\"", "unknown"),
        ("var.u ? 1 : 2", "unknown"),
        ("false && var.u", "false"),
        ("timestamp()", "unknown"),
        ("[1][5]", "unknown"),
        ("[1, var.u]", "[1,null]"),
        ("{a = 1, b = var.u}", "{\"a\":1}"),
        ("cidrsubnet(\"10.0.0.0/30\", 8, 2)", "unknown"),
        ("cidrsubnet(\"10.0.0.0/16\", 2, 4)", "unknown"),
        ("element([], 1)", "unknown"),
        ("-9223372036854775807 - 2", "-9223372036854775809"),
        ("1 / 0", "unknown"),
        ("pow(10, 100)", "unknown"),
        ("<<-E\n    a\n      b\n  E\n", "\"a\\n  b\\n\""),
    ];
    for (expression, expected) in cases {
        assert_eq!(value(expression), expected, "{expression}");
    }
}

const WEB: &str = "resource \"aws_security_group\" \"web\" {
  name = local.name
  dynamic \"ingress\" {
    for_each = var.ports
    iterator = port
    content {
      from_port   = port.value
      cidr_blocks = [\"0.0.0.0/0\"]
    }
  }
  egress {
    from_port = 1
  }
  egress {
    from_port = aws_x.y.port
  }
  lifecycle {
    prevent_destroy = true
  }
}
locals {
  name = \"${var.stage}-web\"
}
";

#[test]
fn values_come_through_variables_locals_and_blocks_and_stand_where_they_are_used() {
    let input = module(&[
        ("main.tf", WEB),
        (
            "variables.tf",
            "variable \"stage\" {\n  default = \"dev\"\n}\nvariable \"ports\" {}\n",
        ),
        ("terraform.tfvars", "ports = [22]\n"),
        ("z.auto.tfvars.json", "{\"stage\": \"prod\"}"),
    ]);
    assert_eq!(input.failures, []);
    let (after, unknown) = after(&input);
    assert_eq!(
        after,
        r#"{"egress":[{"from_port":1},{}],"ingress":[{"cidr_blocks":["0.0.0.0/0"],"from_port":22}],"name":"prod-web"}"#
    );
    assert_eq!(
        unknown,
        r#"{"egress":[{},{"from_port":true}],"ingress":[{"cidr_blocks":[false]}]}"#
    );
    let at = |rest: &[&str]| {
        place(
            &input,
            &[&["resource_changes", "0", "change", "after"], rest].concat(),
        )
    };
    assert_eq!(at(&["name"]), "main.tf:2:10");
    assert_eq!(at(&["ingress", "0", "from_port"]), "main.tf:7:21");
    assert_eq!(at(&["ingress", "0", "cidr_blocks", "0"]), "main.tf:8:22");
    assert_eq!(at(&["egress", "1", "from_port"]), "main.tf:15:17");
    assert_eq!(
        at(&["missing"]),
        "main.tf:1:1",
        "the resource that it is missing from"
    );
}

#[test]
fn count_and_for_each_make_instances_where_they_are_known() {
    let text = "resource \"a\" \"n\" {\n  count = 2\n  i = count.index\n}\nresource \"a\" \"k\" {\n  for_each = { x = 1, y = var.u }\n  v = each.value\n}\n\
        resource \"a\" \"none\" {\n  count = 0\n}\nresource \"a\" \"some\" {\n  count = var.u\n  i = count.index\n  c = 1\n}\nvariable \"u\" {}\n";
    let input = module(&[("main.tf", text)]);
    assert_eq!(
        addresses(&input),
        ["a.k[\"x\"]", "a.k[\"y\"]", "a.n[0]", "a.n[1]", "a.some"]
    );
    let all: Vec<String> = changes(&input)
        .iter()
        .map(|change| json::to_string(change.get("change").unwrap().get("after").unwrap()))
        .collect();
    assert_eq!(
        all,
        [r#"{"v":1}"#, "{}", r#"{"i":0}"#, r#"{"i":1}"#, r#"{"c":1}"#]
    );
}

#[test]
fn modules_of_the_repository_get_what_they_are_called_with() {
    let files = [
        (
            "live/main.tf",
            "module \"b\" {\n  source = \"../modules/bucket\"\n  for_each = toset([\"x\", \"y\"])\n  acl = \"public-${each.key}\"\n}\nresource \"a\" \"r\" {\n  n = module.b[\"y\"].name\n}\n",
        ),
        (
            "modules/bucket/main.tf",
            "variable \"acl\" {}\nresource \"aws_s3_bucket\" \"this\" {\n  acl = var.acl\n}\noutput \"name\" {\n  value = \"n-${aws_s3_bucket.this.acl}\"\n}\n",
        ),
    ];
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &files);
    let input = read_as(&directory.path().join("live"), "live");
    assert_eq!(input.failures, []);
    assert_eq!(
        addresses(&input),
        [
            "a.r",
            "module.b[\"x\"].aws_s3_bucket.this",
            "module.b[\"y\"].aws_s3_bucket.this"
        ]
    );
    let of = |index: usize| {
        json::to_string(
            changes(&input)[index]
                .get("change")
                .unwrap()
                .get("after")
                .unwrap(),
        )
    };
    assert_eq!(
        (of(0), of(2)),
        (
            r#"{"n":"n-public-y"}"#.to_owned(),
            r#"{"acl":"public-y"}"#.to_owned()
        )
    );
    assert_eq!(
        place(&input, &["resource_changes", "2", "change", "after", "acl"]),
        "modules/bucket/main.tf:3:9"
    );
}

#[test]
fn a_module_that_another_one_surely_calls_is_not_checked_for_itself() {
    let directory = tempfile::tempdir().unwrap();
    let call = |source: &str, more: &str| format!("module \"m\" {{\n  source = \"{source}\"\n{more}}}\n");
    write(
        directory.path(),
        &[
            ("live/main.tf", &call("../called", "")),
            ("called/main.tf", &call("../deeper", "")),
            ("deeper/main.tf", ""),
            ("perhaps/main.tf", ""),
            ("other/main.tf", &call("../perhaps", "  count = 0\n")),
            ("one/main.tf", &call("../two", "")),
            ("two/main.tf", &call("../one", "")),
        ],
    );
    let mut sources = Sources::default();
    sources.add(directory.path(), None);
    let names: Vec<&str> = sources
        .files
        .iter()
        .map(|source| source.name.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(names, ["live", "one", "other", "perhaps", "two"]);
    let mut named = Sources::default();
    named.add(&directory.path().join("called/main.tf"), None);
    assert!(matches!(&named.files[0].origin, Origin::Module(path) if path.ends_with("called")));
}

#[test]
fn the_json_syntax_says_the_same() {
    let text = r#"{"variable": {"n": {"default": "x"}}, "//": "note",
"resource": {"aws_s3_bucket": {"logs": {"acl": "a-${var.n}", "tags": {"k": "${var.n}"}, "count": 1}}}}"#;
    let input = module(&[("main.tf.json", text)]);
    assert_eq!(input.failures, []);
    assert_eq!(after(&input).0, r#"{"acl":"a-x","tags":{"k":"x"}}"#);
    let path = ["resource_changes", "0", "change", "after", "tags", "k"];
    assert_eq!(place(&input, &path), "main.tf.json:2:76");
}

/// They were unknown, which no rule objects to, and nothing said so.
#[test]
fn templates_of_the_json_syntax_that_can_t_be_read_are_reported() {
    let text = r#"{"resource": {"a": {"r": {"x": "a-${var.", "y": [{"k": "%{ if }"}], "tags": {"${": 1, "K": "z"},
"z": "${1}", "own": {"p": "${(}"}}}}, "output": {"o": {"value": "${"}}, "variable": {"v": {"default": "${"}}}"#;
    let input = module(&[("main.tf.json", text)]);
    let failures: Vec<String> = input.failures.iter().map(ToString::to_string).collect();
    let message = "the template in this text can't be read: what it says is unknown";
    let at = ["1:32", "1:56", "1:78", "2:27", "2:65"];
    assert_eq!(failures, at.map(|at| format!("main.tf.json:{at}: {message}")));
    assert_eq!(addresses(&input), ["a.r"]);
}

#[test]
fn override_files_come_last() {
    let input = module(&[
        ("a_override.tf", "resource \"a\" \"r\" {\n  x = 2\n}\n"),
        ("main.tf", "resource \"a\" \"r\" {\n  x = 1\n  y = 1\n}\n"),
    ]);
    assert_eq!(input.failures, []);
    assert_eq!(after(&input).0, r#"{"x":2,"y":1}"#);
    assert_eq!(
        place(&input, &["resource_changes", "0", "change", "after", "x"]),
        "a_override.tf:2:7"
    );
}

fn messages(input: &Input) -> Vec<String> {
    input.failures.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_wrong_with_a_file_does_not_stop_the_others() {
    let input = module(&[
        ("bad.tf", "resource \"a\" \"r\" {\n  x = [1,\n}\n"),
        ("good.tf", "resource \"a\" \"ok\" {}\nresource \"a\" \"ok\" {}\n"),
        ("latin.tf", "x"),
    ]);
    assert_eq!(addresses(&input), ["a.ok"]);
    let messages = messages(&input);
    assert_eq!(messages.len(), 3, "{messages:?}");
    assert!(messages[0].starts_with("bad.tf:3:"), "{messages:?}");
    assert!(
        messages
            .iter()
            .any(|message| message.contains("good.tf:2:1") && message.contains("twice"))
    );
}

/// Texts that would never end, or would fill the memory, and what is said of each.
fn bombs() -> Vec<(String, &'static str)> {
    let doubled: String = (0..60)
        .map(|n| format!("l{n} = [local.l{}, local.l{}]\n", n + 1, n + 1))
        .collect();
    let texts: String = (0..60)
        .map(|n| format!("l{n} = \"${{local.l{}}}${{local.l{}}}\"\n", n + 1, n + 1))
        .collect();
    let chain: String = (0..3_000).map(|n| format!("l{n} = local.l{}\n", n + 1)).collect();
    let nested: String = (0..200).map(|n| format!("l{n} = [local.l{}]\n", n + 1)).collect();
    vec![
        (
            "locals {\n  a = local.b\n  b = local.a\n}\nresource \"a\" \"r\" { x = local.a }".to_owned(),
            "depends on itself",
        ),
        (
            "resource \"a\" \"r\" {\n  x = a.r.x\n}".to_owned(),
            "depends on itself",
        ),
        (
            "resource \"a\" \"r\" {\n  count = 1000000000\n}".to_owned(),
            "more than 1024 instances",
        ),
        (
            "resource \"a\" \"r\" {\n  for_each = toset([for i in range(5000) : \"k${i}\"])\n}".to_owned(),
            "more than 1024",
        ),
        (
            "resource \"a\" \"r\" {\n  x = range(1000000000)\n}".to_owned(),
            "more than 100000 elements",
        ),
        (
            "resource \"a\" \"r\" {\n  x = setproduct(range(5000), range(5000))\n}".to_owned(),
            "more than 100000 elements",
        ),
        (
            format!("locals {{\n{doubled}l60 = 1\n}}\nresource \"a\" \"r\" {{ x = local.l0 }}"),
            "more than 1000000 values",
        ),
        (
            format!("locals {{\n{texts}l60 = \"x\"\n}}\nresource \"a\" \"r\" {{ x = local.l0 }}"),
            "more than 67108864 bytes",
        ),
        (
            format!("locals {{\n{chain}l3000 = 1\n}}\nresource \"a\" \"r\" {{ x = local.l0 }}"),
            "levels deep",
        ),
        (
            format!("locals {{\n{nested}l200 = 1\n}}\nresource \"a\" \"r\" {{ x = local.l0 }}"),
            "levels deep",
        ),
        (
            format!(
                "resource \"a\" \"r\" {{\n  x = {}1{}\n}}",
                "[".repeat(5_000),
                "]".repeat(5_000)
            ),
            "nest",
        ),
        (
            format!("resource \"a\" \"r\" {{\n  x = 1{}\n}}", " + 1".repeat(5_000)),
            "128",
        ),
    ]
}

#[test]
fn circles_and_bombs_are_told_and_bounded() {
    let modules = [
        (
            "module \"m\" {\n  source = \"./\"\n}".to_owned(),
            "more than 16 deep",
        ),
        (
            "module \"m\" {\n  source = \"../../../../../../../../../../../tmp\"\n}".to_owned(),
            "outside of the repository",
        ),
        (
            "module \"m\" {\n  source = \"./missing\"\n}".to_owned(),
            "can't be read",
        ),
    ];
    for (text, expected) in bombs().into_iter().chain(modules) {
        let input = module(&[("main.tf", &text)]);
        let messages = messages(&input);
        assert!(
            messages.iter().any(|message| message.contains(expected)),
            "{expected}: {messages:?}"
        );
    }
}

#[test]
fn configuration_says_what_refers_to_what() {
    let text = "provider \"aws\" {\n  region = \"eu-west-1\"\n}\nresource \"aws_s3_bucket\" \"b\" {}\nresource \"aws_s3_bucket_acl\" \"a\" {\n  bucket = aws_s3_bucket.b.id\n  acl = \"private\"\n}\n";
    let input = module(&[("main.tf", text)]);
    let configuration = document(&input).get("configuration").unwrap();
    let root = configuration.get("root_module").unwrap();
    let resources = root.get("resources").unwrap().as_array().unwrap();
    assert_eq!(
        json::to_string(resources[1].get("expressions").unwrap()),
        r#"{"acl":{"constant_value":"private"},"bucket":{"references":["aws_s3_bucket.b","aws_s3_bucket.b.id"]}}"#
    );
    let provider = configuration.get("provider_config").unwrap().get("aws").unwrap();
    assert_eq!(
        json::to_string(provider),
        r#"{"expressions":{"region":{"constant_value":"eu-west-1"}},"name":"aws"}"#
    );
}

#[test]
fn a_plan_leads_back_to_its_configuration() {
    let plan = r#"{"format_version": "1.2", "terraform_version": "1.11.4",
"planned_values": {"root_module": {"resources": [{"address": "a.n[1]", "type": "a", "values": {"acl": "x"}}]}},
"resource_changes": [
  {"address": "a.n[1]", "type": "a", "change": {"after": {"acl": "x", "rule": [{"on": true}], "computed": 1}}},
  {"address": "module.m[\"k\"].b.o", "type": "b", "change": {"after": {"v": 1}}},
  {"address": "c.gone", "type": "c", "change": {"after": {"v": 1}}}]}"#;
    let main = "variable \"n\" {}\nresource \"a\" \"n\" {\n  count = var.n\n  acl = \"x\"\n  rule {\n    on = true\n  }\n}\nmodule \"m\" {\n  source = \"./m\"\n}\n";
    let files = [
        ("plan.json", plan),
        ("main.tf", main),
        ("m/main.tf", "resource \"b\" \"o\" {\n  v = 1\n}\n"),
    ];
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &files);
    let mut source = Source {
        name: "plan.json".to_owned(),
        origin: Origin::File(directory.path().join("plan.json")),
        kind: None,
        configuration: None,
    };
    let input = source.read().unwrap();
    let at = |path: &[&str]| {
        let place = place(&input, path);
        place.rsplit('/').next().unwrap().to_owned()
    };
    let change = |index: &'static str, rest: &[&'static str]| {
        at(&[&["resource_changes", index, "change", "after"], rest].concat())
    };
    assert_eq!(change("0", &["acl"]), "main.tf:4:9");
    assert_eq!(change("0", &["rule", "0", "on"]), "main.tf:6:10");
    assert_eq!(
        change("0", &["computed"]),
        "main.tf:2:1",
        "the resource that does not say it"
    );
    assert_eq!(at(&["resource_changes", "0", "change", "actions"]), "main.tf:2:1");
    assert_eq!(
        at(&["planned_values", "root_module", "resources", "0", "values", "acl"]),
        "main.tf:4:9"
    );
    assert!(place(&input, &["resource_changes", "1", "change", "after", "v"]).ends_with("/m/main.tf:2:7"));
    assert_eq!(
        change("2", &["v"]),
        "plan.json:6:64",
        "what is not written there stays where it is"
    );
    assert_eq!(at(&["terraform_version"]), "plan.json:1:48");
    source.configuration = Some(directory.path().join("missing"));
    assert!(
        source
            .read()
            .unwrap_err()
            .message
            .contains("its configuration can't be read")
    );
}

#[test]
fn values_of_a_directory_below_are_read_too() {
    let directory = tempfile::tempdir().unwrap();
    let files = [
        (
            "infra/main.tf",
            "variable \"acl\" {\n  default = \"private\"\n}\nresource \"a\" \"r\" {\n  acl = var.acl\n}\n",
        ),
        ("infra/terraform.tfvars", "acl = \"public-read\"\n"),
    ];
    write(directory.path(), &files);
    let input = read_as(&directory.path().join("infra"), "infra");
    assert_eq!(input.failures, []);
    assert_eq!(after(&input).0, r#"{"acl":"public-read"}"#);
}
