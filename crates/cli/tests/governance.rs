//! A change of policy through the registry: proposed, approved by two roles, activated, followed, rolled back.
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

use support::{Node, Site, eventually};

const POLICY: &str = "web/headers";

/// A copy of the library in which `web/headers` has another message.
fn changed(site: &Site, name: &str) -> String {
    let message = "any site may frame the page";
    site.changed_library(
        name,
        "web/headers/headers.rego",
        message,
        &format!("{name}: framing"),
    )
}

fn messages(node: &Node) -> String {
    let answer = node.json(
        "POST",
        "/v1/data/web/headers/deny",
        br#"{"input": {"headers": {}}}"#,
    );
    answer["result"].to_string()
}

#[test]
fn a_change_takes_effect_after_two_roles_approved_it_and_is_rolled_back_by_one() {
    let site = Site::new();
    let node = site.up_with(&["--set", "server.registry.poll_ms=100"]);
    let source = changed(&site, "reviewed");
    let policy = |args: &[&str]| {
        let mut all = vec!["policy"];
        all.extend(args);
        site.run(&all)
    };
    policy(&[
        "propose",
        POLICY,
        "--source",
        &source,
        "--uri",
        "https://git.example/commit/1",
    ])
    .exits(0);
    policy(&["activate", POLICY]).fails(2, &["PolicyRegistry"]);
    assert!(
        policy(&["approve", POLICY, "--role", "security", "--source", &source])
            .exits(0)
            .contains("1 of 2")
    );
    policy(&["approve", POLICY, "--role", "security", "--source", &source]).fails(2, &["PolicyRegistry"]);
    policy(&["activate", POLICY]).fails(2, &["PolicyRegistry"]);
    // Whoever reviewed something else does not get to approve this.
    let other = changed(&site, "other");
    policy(&["approve", POLICY, "--role", "platform", "--source", &other])
        .fails(2, &["review the source that was proposed", "git.example"]);
    assert!(
        messages(&node).contains("any site may frame"),
        "nothing may be in force before activation"
    );
    policy(&["approve", POLICY, "--role", "platform", "--source", &source]).exits(0);
    policy(&["activate", POLICY]).exits(0);
    eventually("the node follows the activation", || {
        messages(&node).contains("reviewed: framing").then_some(())
    });

    assert!(policy(&["rollback", POLICY]).exits(0).contains("in force again"));
    eventually("the node follows the rollback", || {
        messages(&node).contains("any site may frame").then_some(())
    });
    let all = policy(&["list", "--all"]).exits(0);
    assert!(all.contains("rolledback"), "{all}");
    node.interrupt();
}

#[test]
fn the_author_can_not_approve_and_an_unchanged_source_is_no_proposal() {
    let site = Site::new();
    let node = site.up();
    site.run(&["policy", "propose", POLICY])
        .fails(2, &["in force already"]);
    let source = changed(&site, "reviewed");
    site.run(&["policy", "propose", POLICY, "--source", &source])
        .exits(0);
    let author = site.data().join("keys/author.key");
    site.run(&[
        "policy",
        "approve",
        POLICY,
        "--role",
        "security",
        "--source",
        &source,
        "--key",
        author.to_str().unwrap(),
    ])
    .fails(2, &["PolicyRegistry"]);
    site.run(&["policy", "approve", POLICY, "--role", "responder"])
        .fails(2, &["security, platform and compliance"]);
    site.run(&["policy", "rollback", POLICY])
        .fails(2, &["PolicyRegistry"]);
    node.interrupt();
}

#[test]
fn a_policy_that_asks_other_hosts_is_governed_without_a_contract_unless_it_must_be_challengeable() {
    let site = Site::new();
    let node = site.up();
    let source = site.path().join("impure");
    std::fs::create_dir_all(source.join("app")).unwrap();
    let text = "# METADATA\n# custom:\n#   id: app\npackage app\n\ndefault allow := false\n\nallow if http.send({\"method\": \"get\", \"url\": input.url}).status_code == 200\n";
    let strict = text.replace("id: app", "id: app\n#   require_challengeable: true");
    let source_path = source.to_str().unwrap();
    let propose = ["policy", "propose", "app", "--source", source_path];
    std::fs::write(source.join("app/app.rego"), strict).unwrap();
    site.run(&propose).fails(2, &["http.send", "app/app.rego", "9"]);
    std::fs::write(source.join("app/app.rego"), text).unwrap();
    site.run(&propose)
        .fails(2, &["http.send", "app/app.rego", "8", "--without-contract"]);
    let mut without = propose.to_vec();
    without.push("--without-contract");
    site.run(&without).exits(0);
    for role in ["security", "platform"] {
        site.run(&[
            "policy",
            "approve",
            "app",
            "--role",
            role,
            "--source",
            source_path,
        ])
        .exits(0);
    }
    site.run(&["policy", "activate", "app"]).exits(0);

    // What is in force is decided, and asks whom the operator lists.
    let peer = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let input = site.path().join("input.json");
    let url = format!("{{\"url\": \"http://{}/\"}}", peer.local_addr().unwrap());
    std::fs::write(&input, url).unwrap();
    std::thread::spawn(move || {
        let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        for mut stream in peer.incoming().map_while(Result::ok) {
            let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
            let _ = std::io::Write::write_all(&mut stream, answer);
        }
    });
    let ask = ["decide", "app/allow", "--input", input.to_str().unwrap()];
    eventually("the node follows the activation", || {
        (!site.run(&ask).err.contains("no policy at")).then_some(())
    });
    node.interrupt();
    site.run(&ask)
        .fails(2, &["http.send has no answer", "server.nd_builtins.allow_net"]);
    let mut listed = ask.to_vec();
    listed.extend(["--set", "server.nd_builtins.allow_net=[\"127.0.0.1\"]"]);
    site.run(&listed).exits(0);
}

#[test]
fn a_node_without_role_keys_serves_what_is_in_force_and_changes_nothing() {
    let site = Site::new();
    site.up().interrupt();
    for role in [
        "admin",
        "author",
        "security",
        "platform",
        "compliance",
        "responder",
    ] {
        std::fs::remove_file(site.data().join(format!("keys/{role}.key"))).unwrap();
    }
    // A policy that the registry does not know must not need the author's key, let alone come into force.
    let more = site.path().join("policies/app");
    std::fs::create_dir_all(&more).unwrap();
    std::fs::write(
        more.join("app.rego"),
        "# METADATA\n# custom:\n#   id: app\npackage app\n\ndefault allow := false\n",
    )
    .unwrap();
    let node = site.up();
    assert!(!node.banner.contains("DEVELOPMENT MODE"), "{}", node.banner);
    assert!(messages(&node).contains("any site may frame"));
    assert!(!site.run(&["policy", "list"]).exits(0).contains("app "));
    node.interrupt();

    std::fs::remove_file(site.data().join("keys/node.key")).unwrap();
    site.run(&["up", "--listen", "127.0.0.1:0", "--chain-listen", "127.0.0.1:0"])
        .fails(3, &["is not registered", "NodeRegistry"]);
}
