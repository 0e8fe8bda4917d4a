use stele_types::{EntryPoint, Value, json};

use super::*;
use crate::vm::{Input, Program, Request, Worker};
use crate::{CompileOptions, SourceFile, compile_traced, parse};

const LIBRARY: &str = r#"package lib

pod_spec := input.spec if input.kind == "Pod"

pod_spec := input.spec.template.spec if input.kind == "Deployment"

containers contains container if some container in pod_spec.containers

pinned(image) if contains(image, "@")

runs_as_root(container) if container.securityContext.runAsUser == 0
"#;

const POLICY: &str = r#"package a

import data.lib

deny contains {"msg": sprintf("%s is privileged", [container.name])} if {
	some container in lib.containers
	container.securityContext.privileged == true
}

deny contains msg if {
	some container in lib.containers
	not container.resources.limits.memory
	msg := concat(" ", [container.name, "has no limit"])
}

deny contains sprintf("%s is not pinned", [container.name]) if {
	some container in lib.containers
	not lib.pinned(container.image)
}

deny contains sprintf("host namespace %s", [field]) if {
	some field in ["hostPID", "hostIPC"]
	lib.pod_spec[field] == true
}

deny contains "root" if {
	some container in lib.containers
	lib.runs_as_root(container)
}

deny contains "labels" if {
	labels := object.get(input, ["metadata", "labels"], {})
	not labels.team
}

deny contains "escalates" if {
	some container in lib.containers
	container.name == "two"
	object.get(container, ["securityContext", "allowPrivilegeEscalation"], true) != false
}

deny contains "ports" if count([port | some port in lib.pod_spec.containers[_].ports; port.hostPort > 0]) > 0

warn contains volume.name if some volume in lib.pod_spec.volumes

other if input.kind
"#;

const INPUT: &str = r#"{
	"kind": "Deployment",
	"metadata": {"name": "x", "labels": {"app": "x"}},
	"spec": {"template": {"spec": {
		"hostIPC": true,
		"volumes": [{"name": "v"}],
		"containers": [
			{"name": "one", "image": "a@sha256:1", "resources": {"limits": {"memory": "1Gi"}}},
			{"name": "two", "image": "b:latest", "resources": {"limits": {}}, "ports": [{"hostPort": 0}, {"hostPort": 80}],
				"securityContext": {"privileged": true, "runAsUser": 0}}
		]
	}}}
}"#;

/// The derivations of `data.a.RULE`: each value with the paths of its reasons.
fn derived(policy: &str, rule: &str, input: &str) -> Vec<String> {
    let modules = [("a.rego", policy), ("lib.rego", LIBRARY)]
        .map(|(name, text)| parse(&SourceFile::new(name, text)).unwrap());
    let entry_point = format!("a/{rule}");
    let entry_points = [EntryPoint::new(&entry_point).unwrap()];
    let (plan, map) = compile_traced(&modules, &entry_points, &CompileOptions::default()).unwrap();
    let program = Program::new(&plan).unwrap();
    let data = program.data(&Value::object([])).unwrap();
    let input = json::parse(input.as_bytes(), &json::Limits::default()).unwrap();
    let mut provenance = Provenance::new(&map, [&["a".to_owned(), rule.to_owned()][..]], 100);
    let mut worker = Worker::default();
    let request = Request::new(&entry_point, Input::Value(&input));
    let outcome = worker
        .evaluate_probed(&program, &data, &request, &mut provenance)
        .unwrap();
    let mut lines: Vec<String> = provenance.derivations(&outcome).iter().map(shown).collect();
    lines.sort();
    lines
}

fn shown(derivation: &Derivation) -> String {
    let path = |read: &Read| {
        let keys = read.path.iter();
        let keys: Vec<String> = keys
            .map(|key| key.as_str().map_or_else(|| key.to_string(), str::to_owned))
            .collect();
        keys.join(".")
    };
    let paths: Vec<String> = derivation.reasons().into_iter().map(path).collect();
    format!("{}: {}", derivation.value, paths.join(" "))
}

#[test]
fn values_are_derived_from_what_their_conditions_read() {
    let spec = "spec.template.spec";
    assert_eq!(
        derived(POLICY, "deny", INPUT),
        [
            format!(r#""escalates": {spec}.containers.1.securityContext.allowPrivilegeEscalation"#),
            format!(r#""host namespace hostIPC": {spec}.hostIPC"#),
            "\"labels\": metadata.labels.team".to_owned(),
            format!(r#""ports": {spec}.containers.1.ports.1.hostPort"#),
            format!(r#""root": {spec}.containers.1.securityContext.runAsUser"#),
            format!(r#""two has no limit": {spec}.containers.1.resources.limits.memory"#),
            format!(r#""two is not pinned": {spec}.containers.1.image"#),
            format!(r#"{{"msg":"two is privileged"}}: {spec}.containers.1.securityContext.privileged"#),
        ]
    );
}

#[test]
fn without_a_condition_it_is_what_was_named() {
    assert_eq!(
        derived(POLICY, "warn", INPUT),
        ["\"v\": spec.template.spec.volumes.0.name"]
    );
}

#[test]
fn an_attempt_that_failed_leaves_nothing() {
    let policy = "package a\n\ndeny contains x if {\n\tsome x in input.xs\n\tinput.allowed[x] == false\n\tinput.mode == \"on\"\n}\n";
    let input = r#"{"xs": ["p", "q", "r"], "allowed": {"p": true, "q": false}, "mode": "on"}"#;
    assert_eq!(derived(policy, "deny", input), ["\"q\": mode"]);
}

#[test]
fn what_is_handed_on_was_made_for_the_reasons_of_its_maker() {
    let policy = "package a\n\nfindings contains {\"m\": c.name} if {\n\tsome c in input.cs\n\tc.bad\n}\n\n\
                  all contains f if some f in findings\n\ndeny contains f if {\n\tsome f in all\n\tinput.strict\n}\n";
    let input = r#"{"cs": [{"name": "x", "bad": true}], "strict": true}"#;
    assert_eq!(derived(policy, "deny", input), [r#"{"m":"x"}: cs.0.bad"#]);
}

#[test]
fn only_as_many_are_kept_as_may_be() {
    let policy = "package a\n\ndeny contains x if some x in numbers.range(1, 150)\n";
    assert_eq!(derived(policy, "deny", "{}").len(), 100);
}

#[test]
fn what_a_function_read_was_read_by_its_caller() {
    let policy = r#"package a

deny contains sprintf("%s off", [r.name]) if {
	some r in input.resources
	off(r, "encrypted")
}

deny contains sprintf("%s open on %d", [r.name, port]) if {
	some r in input.resources
	some port in [22, 80]
	covers(r, port)
}

deny contains sprintf("%s is old", [r.name]) if {
	some r in input.resources
	not recent(r)
}

deny contains problem if {
	some r in input.resources
	some problem in problems(r)
}

off(r, field) if unset(r.after, field)

unset(after, field) if not after[field]

unset(after, field) if lower(after[field]) == "false"

covers(r, port) if {
	number(r.after.from) <= port
	number(r.after.to) >= port
}

number(x) := x if is_number(x)

number(x) := to_number(x) if is_string(x)

recent(r) if r.after.version == 2

problems(r) := {"acl" | r.after.acl == "public"} | {"log" | not r.after.log}
"#;
    let input = r#"{"resources": [
        {"name": "p", "after": {"encrypted": true, "from": 1, "to": 2, "version": 2, "log": 1}},
        {"name": "q", "after": {"encrypted": "false", "from": "79", "to": 90, "version": 2, "acl": "public", "log": 1}},
        {"name": "r", "after": {"from": 0, "to": 0, "version": 1, "log": 1}}
    ]}"#;
    assert_eq!(
        derived(policy, "deny", input),
        [
            // A function that gives several things: nobody knows which was read for what.
            "\"acl\": resources.1",
            "\"q off\": resources.1.after.encrypted",
            "\"q open on 80\": resources.1.after.to",
            "\"r is old\": resources.2",
            "\"r off\": resources.2.after.encrypted",
        ]
    );
}

#[test]
fn what_is_looked_for_in_a_collection_is_the_element() {
    let policy = r#"package a

deny contains "open" if "0.0.0.0/0" in input.rule.cidrs

deny contains "port" if {
	some port in [22, 80]
	port in input.rule.ports
}

deny contains "value" if "x" in input.rule.named

deny contains "function" if open(input.rule)

deny contains "closed" if not "10.0.0.0/8" in input.rule.cidrs

open(rule) if "::/0" in rule.cidrs
"#;
    let input =
        r#"{"rule": {"cidrs": ["1.2.3.4/32", "0.0.0.0/0", "::/0"], "ports": [80], "named": {"k": "x"}}}"#;
    assert_eq!(
        derived(policy, "deny", input),
        [
            "\"closed\": rule.cidrs",
            "\"function\": rule.cidrs.2",
            "\"open\": rule.cidrs.1",
            "\"port\": rule.ports.0",
            "\"value\": rule.named.k",
        ]
    );
}

#[test]
fn an_empty_collection_is_the_one_that_was_read() {
    let policy = r#"package a

deny contains sprintf("%s counted", [r.name]) if {
	some r in input.rs
	count(r.rules) == 0
}

deny contains sprintf("%s equal", [r.name]) if {
	some r in input.rs
	r.rules == []
}

deny contains sprintf("%s none", [r.name]) if {
	some r in input.rs
	none(r.rules)
}

deny contains sprintf("%s lacks", [r.name]) if {
	some r in input.rs
	not lacking(r.tags)
}

deny contains sprintf("%s named", [r.name]) if {
	some r in input.rs
	rules := object.get(r, "rules", [])
	count([x | some x in rules; x.on]) == 0
}

deny contains sprintf("%s below", [r.name]) if {
	some r in input.rs
	not r.tags.team
}

none(list) if count(list) == 0

lacking(tags) if tags.team

deny contains sprintf("%s blocks", [r.name]) if {
	some r in input.rs
	count(blocks(r, "rules")) == 0
}

blocks(r, name) := [block | some block in r[name]]

deny contains sprintf("%s without", [r.name]) if {
	some r in input.rs
	r.rules == []
	count(of_type("x")) == 0
}

of_type(type) := {r.name | some r in input.rs; r.type == type}
"#;
    let input = r#"{"a": [], "o": {}, "rs": [
        {"name": "p", "type": "y", "rules": [{"on": true}], "tags": {"team": "x"}},
        {"name": "q", "type": "y", "rules": [], "tags": {}},
        {"name": "r", "type": "y", "rules": [], "tags": {}}
    ]}"#;
    let mut expected = Vec::new();
    for (index, name) in [(1, "q"), (2, "r")] {
        for (message, path) in [
            ("below", "tags.team"),
            ("blocks", "rules"),
            ("counted", "rules"),
            ("equal", "rules"),
            ("lacks", "tags"),
            ("named", "rules"),
            ("none", "rules"),
            ("without", "rules"),
        ] {
            expected.push(format!("\"{name} {message}\": rs.{index}.{path}"));
        }
    }
    assert_eq!(derived(policy, "deny", input), expected);
    let same = policy.replace("input.rs", "data.a.all") + "\nall := input.rs\n";
    assert_eq!(derived(&same, "deny", input), expected);
}

#[test]
fn a_condition_on_a_variable_is_about_what_it_was_given() {
    let policy = r#"package a

deny contains "floats" if {
	some r in input.rs
	image := r.image
	not r.build
	floats(image)
}

deny contains "lower" if {
	some r in input.rs
	image := r.image
	plain := lower(image)
	r.on == true
	plain == "x:latest"
}

deny contains "port" if {
	some r in input.rs
	some port in r.ports
	not r.build
	port < 1024
}

deny contains sprintf("key %s", [key]) if {
	some key, r in input.rs[0].named
	r.on == true
	startswith(key, "k")
}

deny contains "within" if {
	some r in input.rs
	r.on == true
	not small(r)
}

small(r) if r.size == 1

floats(image) if endswith(image, ":latest")
"#;
    let input =
        r#"{"rs": [{"image": "X:latest", "on": true, "ports": [8080, 22], "named": {"k": {"on": true}}}]}"#;
    assert_eq!(
        derived(policy, "deny", input),
        [
            "\"floats\": rs.0.image",
            // A key has no place of its own.
            "\"key k\": rs.0.named.k.on",
            "\"lower\": rs.0.image",
            "\"port\": rs.0.ports.1",
            "\"within\": rs.0.on",
        ]
    );
}
