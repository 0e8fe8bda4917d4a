//! What goes wrong at the command line: a clear message, the documented exit code, nothing lost.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod support;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use support::{Site, example, workspace};

#[test]
fn a_busy_port_is_an_environment_error_that_says_how_to_mend_it() {
    let site = Site::new();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    site.run(&["up", "--listen", &address, "--chain-listen", "127.0.0.1:0"])
        .fails(3, &[&address, "in use"]);
    site.run(&["up", "--listen", "127.0.0.1:0", "--chain-listen", &address])
        .fails(3, &[&address, "--chain-listen"]);
    // Nothing half-done stays behind.
    site.up().interrupt();
}

#[test]
fn a_data_directory_in_use_names_its_owner() {
    let site = Site::new();
    let node = site.up();
    site.run(&["up", "--listen", "127.0.0.1:0", "--chain-listen", "127.0.0.1:0"])
        .fails(3, &["in use by process", "--data-dir"]);
    node.interrupt();
}

#[test]
fn a_key_file_with_loose_permissions_stops_the_node() {
    let site = Site::new();
    site.up().interrupt();
    let key = site.data().join("keys/node.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    site.run(&["up", "--listen", "127.0.0.1:0", "--chain-listen", "127.0.0.1:0"])
        .fails(3, &["chmod 600", "node.key"]);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    site.up().interrupt();
}

#[test]
fn a_directory_of_another_chain_is_refused() {
    let (site, other) = (Site::new(), Site::new());
    site.up().interrupt();
    other.up().interrupt();
    std::fs::copy(
        other.data().join("deployment.json"),
        site.data().join("deployment.json"),
    )
    .unwrap();
    std::fs::remove_dir_all(site.data().join("chain")).unwrap();
    site.run(&["up", "--listen", "127.0.0.1:0", "--chain-listen", "127.0.0.1:0"])
        .fails(3, &["belongs to another chain"]);
}

#[test]
fn damaged_files_are_named() {
    let site = Site::new();
    let node = site.up();
    node.json(
        "POST",
        "/v1/data/kubernetes/admission",
        &example("kubernetes/pod-privileged.json"),
    );
    node.interrupt();
    std::fs::write(site.data().join("deployment.json"), "{").unwrap();
    site.run(&["policy", "list"])
        .fails(2, &["deployment.json is damaged"]);
}

#[test]
fn commands_without_a_node_say_how_to_get_one() {
    let site = Site::new();
    site.run(&["policy", "list"]).fails(3, &["stele up"]);
    site.run(&["decision", "list"]).fails(3, &["stele up"]);
    site.run(&["prove", "latest"]).fails(3, &["stele up"]);
}

#[test]
fn bad_arguments_are_usage_errors() {
    let site = Site::new();
    site.run(&["--set", "server.listen", "config", "show"])
        .fails(2, &["KEY=VALUE"]);
    site.run(&["--set", "server.nothing=1", "config", "show"])
        .fails(2, &["nothing"]);
    site.run(&["verify", "nothing.json"]).fails(2, &["nothing.json"]);
    std::fs::write(site.path().join("no.json"), "[1]").unwrap();
    site.run(&["verify", "no.json"]).fails(2, &["no.json"]);
    site.run(&["policy", "test", "/no/such/directory"])
        .fails(2, &["/no/such/directory"]);
}

#[test]
fn what_is_no_proof_no_receipt_and_no_key_is_named_and_its_cause_told_once() {
    let site = Site::new();
    let node = site.up();
    let input = example("kubernetes/pod-privileged.json");
    let answer = node.json("POST", "/v1/data/kubernetes/admission?receipt=true", &input);
    std::fs::write(site.path().join("answer.json"), answer.to_string()).unwrap();
    site.run(&["prove", "latest", "-o", "proof.json"]).exits(0);
    std::fs::write(site.path().join("empty"), "").unwrap();
    std::fs::write(site.path().join("secret"), "not for the terminal").unwrap();
    for (arguments, cause) in [
        (&["verify", "empty"][..], "empty: not a proof bundle: EOF"),
        (
            &["challenge", "--proof", "empty", "--yes"],
            "empty: not a proof bundle: EOF",
        ),
        (
            &["receipt", "check", "empty", "--no-input"],
            "empty: not a receipt: EOF",
        ),
        (
            &["challenge", "--receipt", "empty", "--yes"],
            "empty: not a receipt: EOF",
        ),
    ] {
        let told = site.run(arguments);
        assert_eq!(told.err.matches("EOF").count(), 1, "{}", told.err);
        told.fails(2, &[cause]);
    }
    let key = site.run(&["verify", "proof.json", "--key", "secret"]);
    assert!(!key.err.contains("terminal"), "{}", key.err);
    key.fails(2, &["secret holds no public key"]);
    site.run(&["verify", "proof.json", "--key", "nothing"])
        .fails(2, &["`nothing` is neither a file nor a public key"]);
    site.run(&["verify", "proof.json", "--key", "."])
        .fails(2, &["can't read ."]);
    let check = ["receipt", "check", "answer.json", "--no-input", "--log"];
    let at = |log| site.run(&[&check[..], &[log]].concat());
    at("ftp://x").fails(2, &["an http or https URL", "ftp://x"]);
    at("http://127.0.0.1:1").fails(3, &["http://127.0.0.1:1", "refused"]);
    node.interrupt();
}

#[test]
fn deciding_without_a_server_uses_the_exit_code() {
    let site = Site::new();
    let plan = workspace().join("examples/terraform/plan.json");
    let good = workspace().join("examples/kubernetes/pod-hardened.json");
    let out = site
        .run(&["decide", "terraform/aws", "--input", plan.to_str().unwrap()])
        .exits(1);
    assert!(out.contains("DENY") && out.contains("SSH (port 22)"), "{out}");
    site.run(&[
        "decide",
        "kubernetes/admission",
        "--input",
        good.to_str().unwrap(),
    ])
    .exits(0);
    site.run(&["decide", "no/such/policy", "--input", plan.to_str().unwrap()])
        .fails(2, &["no policy at `no/such/policy`"]);
    std::fs::write(site.path().join("bad.json"), "{\"a\": }").unwrap();
    site.run(&["decide", "terraform/aws", "--input", "bad.json"])
        .fails(2, &["bad.json", "line 1"]);
}

#[test]
fn a_policy_that_does_not_parse_is_shown_with_the_culprit_underlined() {
    let site = Site::new();
    std::fs::create_dir(site.path().join("p")).unwrap();
    std::fs::write(site.path().join("p/a.rego"), "package a\n\nallow if input.x ==\n").unwrap();
    site.run(&["build", "p", "-o", "dist"]).fails(2, &["a.rego", "^"]);
    assert!(!site.path().join("dist").exists());
    let ran = site.run(&["policy", "lint", "p"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("a.rego:"), "{}", ran.out);
}

#[test]
fn a_data_directory_that_can_not_be_made_is_named() {
    let site = Site::new();
    std::fs::write(site.path().join("file"), "").unwrap();
    site.run(&["--data-dir", "file/x", "up"]).fails(3, &["file/x"]);
}
