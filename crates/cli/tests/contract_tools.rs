#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]
//! Plans and contracts outside of governance: `stele build --target plan`, `stele contract build`, `stele contract inspect`.

mod support;

use serde_json::{Value, json};
use support::{Site, workspace};

const POLICY: &str = "package authz\n\ndefault allow := false\n\nallow if input.user == \"admin\"\n\n\
                      lucky if rand.intn(\"x\", 2) == 1\n";

fn site() -> Site {
    let site = Site::new();
    std::fs::write(site.path().join("authz.rego"), POLICY).unwrap();
    site
}

fn plan(site: &Site, entry_point: &str) {
    site.run(&[
        "build",
        "authz.rego",
        "--target",
        "plan",
        "-e",
        entry_point,
        "-o",
        "out",
    ])
    .exits(0);
}

#[test]
fn a_plan_is_written_for_named_entry_points() {
    let site = site();
    plan(&site, "authz/allow");
    let text = std::fs::read_to_string(site.path().join("out/plan.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["plans"]["plans"][0]["name"], json!("authz/allow"));
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["funcs", "plans", "static"]);
    let strings = document["static"]["strings"].as_array().unwrap();
    assert!(strings.contains(&json!({"value": "admin"})), "{strings:?}");
    site.run(&["build", "authz.rego", "-t", "plan", "-e", "authz/nothing"])
        .fails(2, &["authz/nothing"]);
    site.run(&["build", "authz.rego", "-t", "plan"])
        .fails(2, &["--entrypoint"]);
    site.run(&["build", "authz.rego", "-e", "authz/allow"])
        .fails(2, &["--target plan"]);
}

#[test]
fn policies_are_planned_without_contracts() {
    let site = Site::new();
    let policies = workspace().join("policies");
    let args = [
        "build",
        policies.to_str().unwrap(),
        "-t",
        "plan",
        "-o",
        "out",
        "--format",
        "json",
    ];
    let listed: Value = serde_json::from_str(&site.run(&args).exits(0)).unwrap();
    assert!(listed.as_array().unwrap().len() >= 30, "{listed}");
    let folder = site.path().join("out/kubernetes/admission");
    assert!(folder.join("plan.json").exists());
    assert!(!folder.join("contract.json").exists());
}

#[test]
fn what_can_not_become_a_contract_is_built_without_one_when_that_is_asked_for() {
    let site = Site::new();
    let policy = |id: &str, demand: bool, body: &str| {
        let demand = if demand {
            "#   require_challengeable: true\n"
        } else {
            ""
        };
        let text = format!("# METADATA\n# custom:\n#   id: {id}\n{demand}package {id}\n\n{body}\n");
        std::fs::create_dir_all(site.path().join("p")).unwrap();
        std::fs::write(site.path().join(format!("p/{id}.rego")), text).unwrap();
    };
    policy("plain", false, "deny contains \"no\" if input.x == 1");
    policy("lucky", false, "deny contains \"no\" if input.x == 1");
    let build = |more: &[&str]| site.run(&[&["build", "p", "-o", "out"], more].concat());
    build(&[]).exits(0);
    let contract = site.path().join("out/lucky/contract.json");
    assert!(contract.exists());
    policy("lucky", false, "deny contains \"no\" if rand.intn(\"x\", 2) == 1");
    let earlier = std::fs::read(&contract).unwrap();
    build(&[]).fails(2, &["policy lucky can't become a contract", "--without-contract"]);
    assert_eq!(
        std::fs::read(&contract).unwrap(),
        earlier,
        "nothing is half applied"
    );
    let ran = build(&["--without-contract"]);
    assert!(
        ran.err.contains("policy lucky can't become a contract"),
        "{}",
        ran.err
    );
    let table = ran.exits(0);
    assert!(table.contains("none"), "{table}");
    // The contract of an earlier version would be taken for this one's.
    assert!(!contract.exists());
    for file in ["lucky/bundle.tar.gz", "lucky/plan.json", "plain/contract.json"] {
        assert!(site.path().join("out").join(file).exists(), "{file}");
    }
    policy("lucky", true, "deny contains \"no\" if rand.intn(\"x\", 2) == 1");
    build(&["--without-contract"]).fails(2, &["require_challengeable"]);
    site.run(&["contract", "inspect", "authz.rego"])
        .fails(2, &["authz.rego"]);
    std::fs::write(site.path().join("authz.rego"), POLICY).unwrap();
    site.run(&["contract", "inspect", "authz.rego"])
        .fails(2, &["no policy", "custom.id"]);
}

#[test]
fn a_plan_becomes_the_same_contract_each_time() {
    let site = site();
    plan(&site, "authz/allow");
    let build = |output: &str| {
        let args = [
            "contract",
            "build",
            "--plan",
            "out/plan.json",
            "-o",
            output,
            "--format",
            "json",
        ];
        let text = site.run(&args).exits(0);
        let written = std::fs::read_to_string(site.path().join(output).join("contract.json")).unwrap();
        let (shown, written): (Value, Value) = (
            serde_json::from_str(&text).unwrap(),
            serde_json::from_str(&written).unwrap(),
        );
        assert_eq!(shown, written);
        written
    };
    let first = build("one");
    assert_eq!(first, build("two"));
    assert_eq!(first["entry_points"][0]["path"], json!("authz/allow"));
    let runtime = first["runtime"].as_str().unwrap();
    assert_eq!(
        u64::try_from(runtime.len()).unwrap(),
        first["size"].as_u64().unwrap() * 2 + 2
    );
    site.run(&[
        "contract",
        "build",
        "--plan",
        "out/plan.json",
        "-e",
        "authz/other",
    ])
    .fails(2, &["authz/other", "no such entry point; there are: authz/"]);
}

#[test]
fn what_is_no_plan_is_refused() {
    let site = site();
    plan(&site, "authz/allow");
    let path = site.path().join("broken.json");
    for (text, message) in [
        ("[1]", "no plan of OPA's"),
        (r#"{"static": {}}"#, "no entry point"),
    ] {
        std::fs::write(&path, text).unwrap();
        site.run(&["contract", "build", "--plan", "broken.json"])
            .fails(2, &["broken.json", message]);
    }
    let text = std::fs::read_to_string(site.path().join("out/plan.json")).unwrap();
    // A string that does not exist.
    let broken = text.replacen(
        r#""type":"string_index","value":0"#,
        r#""type":"string_index","value":999"#,
        1,
    );
    assert_ne!(broken, text);
    std::fs::write(&path, broken).unwrap();
    site.run(&["contract", "build", "--plan", "broken.json"])
        .fails(2, &["breaks a rule of its format"]);
}

#[test]
fn a_contract_is_measured() {
    let site = Site::new();
    let policies = workspace().join("policies");
    let input = workspace().join("examples/kubernetes/pod-privileged.json");
    let inspect = |more: &[&str]| {
        let args = [
            &[
                "contract",
                "inspect",
                policies.to_str().unwrap(),
                "--policy",
                "kubernetes/admission",
            ],
            more,
        ]
        .concat();
        site.run(&args).exits(0)
    };
    let measured = |more: &[&str]| -> Value {
        let reports: Value = serde_json::from_str(&inspect(&[&["--format", "json"], more].concat())).unwrap();
        reports[0].clone()
    };
    let idle = measured(&[]);
    let size = idle["size"].as_u64().unwrap();
    assert!(size > 0 && size <= idle["size_limit"].as_u64().unwrap(), "{idle}");
    // Yellow paper: a transaction that creates costs 53,000, and each byte of code 200.
    assert!(
        idle["deploy_gas"].as_u64().unwrap() > 53_000 + 200 * size,
        "{idle}"
    );
    let busy = measured(&["-i", input.to_str().unwrap()]);
    let gas = |report: &Value, path: &str| {
        let all = report["entry_points"].as_array().unwrap();
        let entry = all.iter().find(|entry| entry["path"] == json!(path)).unwrap();
        entry["execution_gas"].as_u64().unwrap()
    };
    let path = "kubernetes/admission/deny";
    assert!(gas(&busy, path) > gas(&idle, path), "{busy}\n{idle}");
    let table = inspect(&[]);
    assert!(table.contains("DEPLOY GAS") && table.contains(path), "{table}");
}

#[test]
fn what_is_refused_is_listed_with_its_place() {
    let site = site();
    plan(&site, "authz/lucky");
    let ran = site.run(&[
        "contract",
        "inspect",
        "--plan",
        "out/plan.json",
        "--format",
        "json",
    ]);
    let reports: Value = serde_json::from_str(&ran.exits(2)).unwrap();
    assert_eq!(reports[0]["size"], json!(null));
    let refused = &reports[0]["refused"][0];
    assert_eq!(refused["construct"], json!("rand.intn"));
    assert_eq!(
        (&refused["file"], &refused["row"]),
        (&json!("authz.rego"), &json!(7))
    );
    let text = site
        .run(&["contract", "inspect", "--plan", "out/plan.json"])
        .exits(2);
    assert!(text.contains("refused: authz.rego:7:"), "{text}");
}

#[test]
fn every_stage_is_printed() {
    let site = site();
    plan(&site, "authz/allow");
    let emit = |stage: &str| {
        site.run(&["contract", "build", "--plan", "out/plan.json", "--emit", stage])
            .exits(0)
    };
    let parsed = |stage: &str| -> Value { serde_json::from_str(&emit(stage)).unwrap() };
    let written = std::fs::read_to_string(site.path().join("out/plan.json")).unwrap();
    assert_eq!(parsed("plan"), serde_json::from_str::<Value>(&written).unwrap());
    site.run(&["contract", "build", "--plan", "out/plan.json", "-o", "out"])
        .exits(0);
    let contract = std::fs::read_to_string(site.path().join("out/contract.json")).unwrap();
    let contract: Value = serde_json::from_str(&contract).unwrap();
    assert_eq!(json!(emit("bytecode").trim_end()), contract["runtime"]);
    let map = parsed("map");
    let rows: Vec<&Value> = map
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["row"])
        .collect();
    assert!(rows.contains(&&json!(5)), "the rule's line: {map}");
    assert!(
        emit("asm").lines().any(|line| line.trim() == "CALLDATACOPY"),
        "inputs are copied in"
    );
    assert_eq!(parsed("abi")[0]["name"], json!("evaluate"));
    assert!(emit("ir").lines().any(|line| line.starts_with("fn p0(")));
    assert!(!site.path().join("dist").exists());
}

#[test]
fn one_policy_of_several_is_compiled() {
    let site = Site::new();
    let policies = workspace().join("policies");
    let build = |more: &[&str]| {
        site.run(
            &[
                &[
                    "contract",
                    "build",
                    policies.to_str().unwrap(),
                    "--format",
                    "json",
                ],
                more,
            ]
            .concat(),
        )
    };
    build(&[]).fails(2, &["--policy", "web/headers"]);
    let file: Value = serde_json::from_str(&build(&["--policy", "web/headers"]).exits(0)).unwrap();
    assert!(file["size"].as_u64().unwrap() > 0);
}
