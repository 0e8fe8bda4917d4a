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
            format!(r#""root": {spec}.containers.1"#),
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
