//! `stele secrets scan`, as a person or a hook runs it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod support;

use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};
use support::{Site, workspace};

/// A token in DigitalOcean's form, put together here so that none stands in this file.
fn token(digit: char) -> String {
    format!("dop_{}_{}", "v1", format!("93f1c07be55ad2e{digit}").repeat(4))
}

fn run(site: &Site, args: &[&str]) -> (i32, String, String) {
    let output = site
        .command(&[&["secrets", "scan"], args].concat())
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn findings_are_redacted_and_fail() {
    let site = Site::new();
    std::fs::write(site.path().join("a.env"), format!("# x\nT={}\n", token('0'))).unwrap();
    let (code, out, err) = run(&site, &["."]);
    assert_eq!(code, 1, "{err}");
    assert!(out.starts_with("a.env:2:3: critical[digitalocean-personal-access-token]: DigitalOcean personal access token: dop_...[71 bytes]\n  fingerprint "), "{out}");
    assert!(out.ends_with("\n1 secret found\n"));
    assert!(err.contains("scanned 1 text, "), "{err}");
    assert!(!out.contains("93f1c07be55a") && !err.contains("93f1c07be55a"));
    std::fs::write(site.path().join("a.env"), "nothing").unwrap();
    assert_eq!(run(&site, &["."]).0, 0);
}

#[test]
fn json_and_sarif_say_the_same() {
    let site = Site::new();
    std::fs::write(site.path().join("a b.env"), format!("T={}\n", token('0'))).unwrap();
    let (code, out, _) = run(&site, &["--format", "json"]);
    assert_eq!(code, 1);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["findings"][0]["column"], 3);
    assert_eq!(json["stats"]["texts"], 1);
    let (code, out, _) = run(&site, &["--format", "sarif", "."]);
    assert_eq!(code, 1);
    let sarif: Value = serde_json::from_str(&out).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "digitalocean-personal-access-token");
    assert_eq!(
        sarif["runs"][0]["tool"]["driver"]["rules"][0]["id"],
        result["ruleId"]
    );
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "a%20b.env");
    assert_eq!(
        place["region"],
        serde_json::json!({"startLine": 1, "startColumn": 3, "endLine": 1, "endColumn": 74})
    );
    assert_eq!(
        result["partialFingerprints"]["steleSecret/v1"],
        json["findings"][0]["fingerprint"]
    );
}

#[test]
fn standard_input_and_single_files_are_taken() {
    let site = Site::new();
    let mut child = site
        .command(&["secrets", "scan", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(token('1').as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("(standard input):1:1: "));
    std::fs::write(site.path().join("one"), token('2')).unwrap();
    assert_eq!(run(&site, &["one"]).0, 1);
    let (code, _, err) = run(&site, &["-", "--git"]);
    assert_eq!(code, 2);
    assert!(err.contains("standard input has no history"), "{err}");
}

#[test]
fn a_baseline_leaves_new_secrets_only() {
    let site = Site::new();
    std::fs::write(site.path().join("a"), format!("{}\n", token('0'))).unwrap();
    let (code, out, err) = run(&site, &[".", "--write-baseline", "known.json"]);
    assert_eq!((code, out.as_str()), (0, "no secrets found\n"));
    assert!(err.contains("1 finding in known.json now"), "{err}");
    let written = std::fs::read_to_string(site.path().join("known.json")).unwrap();
    assert!(!written.contains("93f1c07be55a"));
    std::fs::write(
        site.path().join("a"),
        format!("\n\n{}\n{}\n", token('0'), token('1')),
    )
    .unwrap();
    let (code, out, err) = run(&site, &[".", "--baseline", "known.json"]);
    assert_eq!(code, 1);
    assert!(
        out.starts_with("a:4:1: ") && out.ends_with("\n1 secret found\n"),
        "{out}"
    );
    assert!(err.contains("1 in the baseline"), "{err}");
    std::fs::write(site.path().join("a"), "clean").unwrap();
    let (code, _, err) = run(&site, &[".", "--baseline", "known.json"]);
    assert_eq!(code, 0);
    assert!(err.contains("which is there no more"), "{err}");
    std::fs::write(site.path().join("known.json"), "{}").unwrap();
    let (code, _, err) = run(&site, &[".", "--baseline", "known.json"]);
    assert_eq!(code, 2);
    assert!(err.contains("baseline known.json: "), "{err}");
}

#[test]
fn allowing_needs_a_reason_and_what_is_unused_is_reported() {
    let site = Site::new();
    let mark = concat!("stele:", "allow-secret");
    let rule = "digitalocean-personal-access-token";
    std::fs::write(
        site.path().join("a"),
        format!(
            "{} # {mark} {rule} made for a test\n# {mark} {rule}\n{}\nx # {mark} {rule} idle\n",
            token('0'),
            token('1')
        ),
    )
    .unwrap();
    std::fs::write(site.path().join("b"), token('2')).unwrap();
    let list = site.path().join(".stele-secrets.toml");
    let entries = "[[allow]]\nreason = \"fixture\"\npaths = [\"b\"]\n[[allow]]\nreason = \"old\"\npaths = [\"b\"]\nexpires = \"2020-01-01\"\n";
    std::fs::write(&list, entries).unwrap();
    let (code, out, err) = run(&site, &["."]);
    assert_eq!(code, 1);
    assert!(
        out.starts_with("a:3:1: ") && out.ends_with("\n1 secret found\n"),
        "{out}"
    );
    for line in [
        &format!("warning: a:2: {mark} {rule} has no reason and allows nothing; write one after the rule"),
        &format!("warning: a:4: {mark} {rule} allows nothing here; remove it"),
        "entry 2 (old) has expired; remove it",
        "; 2 allowed",
    ] {
        assert!(err.contains(line), "no `{line}` in\n{err}");
    }
    std::fs::write(&list, "[[allow]]\npaths = [\"b\"]\n").unwrap();
    let (code, _, err) = run(&site, &["."]);
    assert_eq!(code, 2);
    assert!(err.contains("reason"), "{err}");
}

#[test]
fn rules_of_ones_own_are_taken_and_checked() {
    let site = Site::new();
    std::fs::write(site.path().join("a"), "acme_0123456789abcdef77").unwrap();
    let rule = "[[rule]]\nid = \"acme\"\nname = \"Acme key\"\nvendor = \"Acme\"\nsource = \"https://acme.test\"\nkeywords = [\"acme_\"]\npattern = 'acme_[0-9a-f]{18}'\n";
    std::fs::write(site.path().join("mine.toml"), rule).unwrap();
    let (code, out, _) = run(&site, &["a", "--rules", "mine.toml"]);
    assert_eq!(code, 0, "a counter is a stand-in: {out}");
    std::fs::write(site.path().join("a"), "acme_93f1c07be55ad2e877").unwrap();
    let (code, out, _) = run(&site, &["a", "--rules", "mine.toml"]);
    assert_eq!(code, 1, "{out}");
    std::fs::write(site.path().join("mine.toml"), rule.replace("{18}", "{18")).unwrap();
    let (code, _, err) = run(&site, &["a", "--rules", "mine.toml"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("rule acme in mine.toml: the pattern is no regular expression"),
        "{err}"
    );
}

#[test]
fn errors_have_their_exit_codes() {
    let site = Site::new();
    let (code, _, err) = run(&site, &["none"]);
    assert_eq!(
        (code, err.contains("none: no such file or directory")),
        (2, true),
        "{err}"
    );
    let (code, _, err) = run(&site, &["--git"]);
    assert_eq!(
        (code, err.contains("not in a Git repository")),
        (2, true),
        "{err}"
    );
    assert_eq!(run(&site, &["--git", "--staged"]).0, 2);
    std::fs::write(
        site.path().join("cut.gz"),
        [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0x4B],
    )
    .unwrap();
    let (code, out, err) = run(&site, &["."]);
    assert_eq!((code, out.as_str()), (2, "no secrets found\n"));
    assert!(
        err.contains("warning: cut.gz!/cut: the archive is damaged"),
        "{err}"
    );
    let (code, _, err) = run(&site, &[".", "--max-file-size", "5"]);
    assert_eq!(
        (code, err.contains("note: cut.gz: has 11 bytes")),
        (0, true),
        "{err}"
    );
}

#[cfg(unix)]
#[test]
fn what_can_not_be_read_is_an_error_of_the_environment() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new();
    let path = site.path().join("locked");
    std::fs::write(&path, "x").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        // The super-user reads everything.
        return;
    }
    let (code, _, err) = run(&site, &["."]);
    assert_eq!(code, 3);
    assert!(
        err.contains("locked: can't be read") && err.contains("1 file could not be read"),
        "{err}"
    );
}

#[test]
fn a_hook_stops_a_commit_that_adds_a_secret() {
    let site = Site::new();
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .args(args)
            .current_dir(site.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{args:?}");
    };
    git(&["init", "-q"]);
    std::fs::write(site.path().join("a"), token('3')).unwrap();
    assert_eq!(run(&site, &["--staged"]).0, 0);
    git(&["add", "a"]);
    let (code, out, _) = run(&site, &["--staged"]);
    assert_eq!(code, 1);
    assert!(out.starts_with("a:1:1: "), "{out}");
    git(&[
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@example.test",
        "commit",
        "-q",
        "-m",
        "add",
    ]);
    assert_eq!(run(&site, &["--staged"]).0, 0);
    let (code, out, _) = run(&site, &["--git"]);
    assert_eq!(code, 1);
    assert!(
        out.contains("\n  commit ") && out.contains(" by A <a@example.test> at "),
        "{out}"
    );
    let (code, _, err) = run(&site, &["--since", "nowhere"]);
    assert_eq!(
        (code, err.contains("`nowhere` names no commit")),
        (2, true),
        "{err}"
    );
}

#[test]
fn this_repository_is_clean() {
    let output = Site::new()
        .command(&["secrets", "scan"])
        .arg(workspace())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    assert!(
        !err.contains("allows nothing") && !err.contains("has expired"),
        "{err}"
    );
}
