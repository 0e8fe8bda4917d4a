//! `stele init`, and what ships for pipelines: all of it runs as written.
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

use gate::{DEPLOYMENT, check, git, site};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use support::{Site, workspace};

/// The documents of a YAML file.
fn yaml(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_multiple(&text).unwrap()
}

/// Runs a script with `stele` on the path.
fn bash(site: &Site, script: &str, variables: &[(&str, &str)]) -> Output {
    let stele = site.command(&[]);
    let directory = Path::new(stele.get_program())
        .parent()
        .unwrap()
        .display()
        .to_string();
    let path = format!("{directory}:{}", std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command
        .args(["-eo", "pipefail", "-c", script])
        .current_dir(site.path())
        .env("PATH", path);
    command.envs(variables.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_is_scaffolded_passes_and_nothing_is_overwritten() {
    let site = Site::new();
    let made = site.run(&["init"]).exits(0);
    assert_eq!(made.lines().count(), 10, "{made}");
    site.run(&["policy", "fmt", "--check", "policies"]).exits(0);
    assert!(
        site.run(&["policy", "lint", "policies"])
            .exits(0)
            .contains("no findings")
    );
    assert!(
        site.run(&["policy", "test", "policies"])
            .exits(0)
            .contains("PASS")
    );
    let ran = check(&site, &[]);
    assert!(ran.err.contains(" 0 violations, 0 warnings"), "{}", ran.err);
    ran.exits(0);
    // The policies say something.
    let pod = site.path().join("examples/pod.yaml");
    let without = std::fs::read_to_string(&pod)
        .unwrap()
        .replace("    owner: shop\n", "    team: shop\n");
    std::fs::write(&pod, &without).unwrap();
    assert!(check(&site, &[]).exits(1).contains("examples/pod.yaml:6:3"));
    let ran = site.run(&["init"]);
    assert!(
        ran.err.contains("stays as it is") && ran.out.is_empty(),
        "{}{}",
        ran.out,
        ran.err
    );
    assert_eq!(std::fs::read_to_string(&pod).unwrap(), without);
    site.run(&["init", "examples/pod.yaml"])
        .fails(2, &["is no directory"]);
    assert!(
        site.run(&["init", "new/repository"])
            .exits(0)
            .contains("new/repository/CODEOWNERS")
    );
}

#[test]
fn the_scaffolded_pipelines_and_hooks_run() {
    let site = Site::new();
    site.run(&["init"]).exits(0);
    git(&site, &["init", "-q"]);
    git(&site, &["add", "."]);
    let github = &yaml(&site.path().join(".github/workflows/policy.yml"))[0];
    let steps = github["jobs"]["policy"]["steps"].as_array().unwrap();
    let runs = steps.iter().filter_map(|step| step["run"].as_str());
    let gitlab = &yaml(&site.path().join(".gitlab-ci.yml"))[0];
    let script = gitlab["policy"]["script"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str);
    let hooks = yaml(&site.path().join(".pre-commit-config.yaml"))[0]["repos"][0]["hooks"].clone();
    let hooks = hooks
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|hook| hook["entry"].as_str());
    let all: Vec<&str> = runs.chain(script).chain(hooks).collect();
    assert_eq!(all.len(), 11, "{all:?}");
    for command in all {
        let output = bash(&site, command, &[]);
        assert!(
            output.status.success(),
            "{command}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
    }
}

#[test]
fn the_action_runs_and_takes_no_input_for_script() {
    let site = site(&[("a b.yaml", DEPLOYMENT), ("web.yaml", DEPLOYMENT)]);
    let action = &yaml(&workspace().join("action.yml"))[0];
    let steps = action["runs"]["steps"].as_array().unwrap();
    let scripts: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    assert!(scripts.iter().all(|script| !script.contains("${{")));
    let defaults = [
        ("CHECK_PATHS", "web.yaml"),
        ("CHECK_POLICY", ""),
        ("CHECK_ARGS", ""),
        ("CHECK_FORMAT", "github"),
    ];
    let output = site.path().join("output");
    let run = |more: &[(&str, &str)]| {
        let mut variables = defaults.to_vec();
        variables.extend([("CHECK_OUTPUT", ""), ("GITHUB_OUTPUT", output.to_str().unwrap())]);
        variables.extend(more);
        for script in &scripts {
            let ran = bash(&site, script, &variables);
            if !ran.status.success() {
                return ran;
            }
        }
        bash(&site, "true", &[])
    };
    let ran = run(&[]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(
        text(&ran.stdout).contains("::error file=web.yaml,line=13"),
        "{}",
        text(&ran.stdout)
    );
    assert!(run(&[("CHECK_ARGS", "--dry-run --explain")]).status.success());
    std::fs::write(site.path().join("good.yaml"), "a: 1\n").unwrap();
    let ran = run(&[("CHECK_PATHS", "good.yaml\nweb.yaml\n")]);
    assert_eq!(ran.status.code(), Some(1), "the second line is checked");
    assert!(run(&[("CHECK_ARGS", "--explain\n--dry-run\n")]).status.success());
    assert_eq!(run(&[("CHECK_PATHS", "$(touch owned)")]).status.code(), Some(2));
    assert!(!site.path().join("owned").exists());
    let ran = run(&[("CHECK_FORMAT", "sarif"), ("CHECK_OUTPUT", "out.sarif")]);
    assert_eq!(ran.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "report=out.sarif\n");
    let sarif: Value =
        serde_json::from_str(&std::fs::read_to_string(site.path().join("out.sarif")).unwrap()).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
}

#[test]
fn the_component_for_gitlab_and_the_hooks_run() {
    let site = site(&[("web.yaml", DEPLOYMENT)]);
    let component = yaml(&workspace().join("templates/stele-check.yml"));
    assert_eq!(component.len(), 2);
    let script = component[1]["stele-check"]["script"].as_array().unwrap();
    let script: Vec<&str> = script.iter().filter_map(Value::as_str).collect();
    let version = component[0]["spec"]["inputs"]["version"]["default"]
        .as_str()
        .unwrap();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    let run = |args: &str, version: &str| {
        let variables = [
            ("CHECK_PATHS", "web.yaml"),
            ("CHECK_ARGS", args),
            ("STELE_WANTED", version),
            ("STELE_REVISION", ""),
        ];
        bash(&site, &script.join("\n"), &variables)
    };
    assert_eq!(
        run("", "9.9.9").status.code(),
        Some(3),
        "another version is there"
    );
    std::fs::write(site.path().join("other.yaml"), DEPLOYMENT).unwrap();
    let globbed = run("--baseline *.yaml", version);
    assert!(
        text(&globbed.stderr).contains("*.yaml"),
        "{}",
        text(&globbed.stderr)
    );
    let output = run("--fail-on critical", version);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let report = std::fs::read_to_string(site.path().join("gl-code-quality-report.json")).unwrap();
    assert!(report.contains("blocker"), "{report}");
    let hooks = yaml(&workspace().join(".pre-commit-hooks.yaml"))[0].clone();
    let hooks = hooks.as_array().unwrap();
    let check = hooks.iter().find(|hook| hook["id"] == "stele-check").unwrap();
    assert_eq!(
        (&check["pass_filenames"], &check["always_run"]),
        (&false.into(), &true.into())
    );
    for (args, code) in [("", 1), (" --dry-run", 0)] {
        let entry = check["entry"].as_str().unwrap();
        let output = bash(&site, &format!("{entry}{args}"), &[]);
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    }
    assert!(hooks.iter().any(|hook| hook["id"] == "stele-secrets"));
}
