//! `stele decide --receipt`: what it shows and keeps, and what it refuses.

use serde_json::Value;
use stele_chain::client::Account;
use stele_types::Receipt;

use crate::support::{self, Node, Site, example, workspace};
use crate::{INPUT, PATH, input};

#[test]
fn deciding_at_a_node_keeps_its_receipt() {
    let site = Site::new();
    site.run(&["decide", "kubernetes/admission", "--receipt", "r.json"])
        .fails(3, &["no node runs", "--node"]);
    let node = site.up();
    let policy = "kubernetes/admission";
    let decide = |site: &Site, more: &[&str]| {
        let args = ["decide", policy, "--input", &input(), "--receipt", "r.json"];
        site.run(&[&args[..], more].concat())
    };
    let out = decide(&site, &[]).exits(1);
    assert!(out.starts_with("kubernetes/admission: DENY\n{"), "{out}");
    let check = ["receipt", "check", "r.json", "--input", &input()];
    let held = site.run(&[&check[..], &["--rpc", &node.rpc()]].concat()).exits(0);
    assert!(held.starts_with("the receipt holds"), "{held}");
    strangers_ask(&node);
    several_policies(&site, &[]);
    one_is_left_out(&site, &node);
    who_is_known(&site, &Site::new(), &node);
    // Not what was meant: nothing is shown of an answer that somebody else signed, and nothing kept.
    let other = "0x0000000000000000000000000000000000000001";
    decide(&site, &[]).fails(2, &["r.json is there already"]);
    std::fs::remove_file(site.path().join("r.json")).unwrap();
    let ran = decide(&site, &["--operator", other]);
    assert!(
        ran.err.contains("WORTH NOTHING") && ran.err.contains("not by 0x"),
        "{}",
        ran.err
    );
    assert_eq!(ran.exits(1), "");
    assert!(!site.path().join("r.json").exists());
    site.run(&["decide", "no/such", "--receipt", "r.json"])
        .fails(2, &["no policy at `no/such` is in force"]);
    decide(&site, &["--receipt", "no/such/dir.json"]).fails(2, &["cannot be used multiple times"]);
    site.run(&["decide", policy, "--receipt", "no/such/dir.json"])
        .fails(2, &["no/such/dir.json", "nothing was asked"]);
    site.run(&["decide", policy, "--receipt", "r.json", "--explain"])
        .fails(2, &["cannot be used with"]);
    node.interrupt();
    let node = site.up_with(&["--set", "server.receipts.enabled=false"]);
    decide(&site, &[]).fails(2, &["signs no receipts"]);
    node.interrupt();
}

/// Anybody can ask, at the node's address; the JSON names the files.
fn strangers_ask(node: &Node) {
    let (stranger, url) = (Site::new(), format!("http://{}/", node.address));
    let good = workspace().join("examples/kubernetes/pod-hardened.json");
    let ask = [
        "decide",
        "kubernetes/admission/deny",
        "--input",
        good.to_str().unwrap(),
    ];
    let ask = [
        &ask[..],
        &["--receipt", "mine.json", "--node", &url, "--format", "json"],
    ]
    .concat();
    let answer: Value = serde_json::from_str(&stranger.run(&ask).exits(0)).unwrap();
    assert_eq!(
        (&answer["decision"], &answer["decisions"][0]["receipt"]),
        (&"allow".into(), &"mine.json".into())
    );
    let check = ["receipt", "check", "mine.json", "--input", good.to_str().unwrap()];
    stranger.run(&check).exits(0);
    several_policies(&stranger, &["--node", &url]);
}

/// Several policies answer: nothing shows that none is left out, so each is to be asked by its name, as it is said.
fn several_policies(site: &Site, more: &[&str]) {
    let input = input();
    let all = ["decide", "kubernetes", "--input", &input, "--receipt", "all.json"];
    let ran = site.run(&[&all[..], more].concat());
    assert!(!site.path().join("all.json").exists());
    let proposed: Vec<_> = ran
        .err
        .lines()
        .filter_map(|line| line.trim().strip_prefix("stele "))
        .collect();
    let count = format!("puts {} decisions together", proposed.len());
    assert!(proposed.len() > 2 && ran.err.contains(&count), "{}", ran.err);
    for command in proposed {
        let words: Vec<&str> = command.split_whitespace().collect();
        let asked = site.run(&words);
        assert!(words[1].starts_with("kubernetes/"), "{command}");
        assert!(
            asked.code <= 1 && asked.out.starts_with(words[1]),
            "{command}: {asked:?}"
        );
        assert!(site.path().join(words.last().unwrap()).exists(), "{command}");
    }
    assert_eq!(ran.exits(1), "");
}

/// A node may strip its answer of the decision that denies, with its receipt: what is known to be in force says so.
fn one_is_left_out(site: &Site, node: &Node) {
    let honest = node.json("POST", "/v1/data/kubernetes?receipt=true", &example(INPUT));
    let denying = node.json("POST", PATH, &example(INPUT));
    let path = |receipt: &Value| {
        let receipt = Receipt::from_json(receipt.to_string().as_bytes()).unwrap();
        receipt.leaf.entry_point
    };
    let hidden = path(&denying["receipts"][0]);
    let mut lie = honest.clone();
    lie["result"]
        .as_object_mut()
        .unwrap()
        .remove("admission")
        .unwrap();
    let receipts = lie["receipts"].as_array_mut().unwrap();
    let whole = receipts.len();
    receipts.retain(|one| path(one) != hidden);
    assert_eq!(receipts.len() + 1, whole);
    let mut alone = lie.clone();
    alone["receipts"].as_array_mut().unwrap().truncate(1);
    let input = input();
    let all = ["decide", "kubernetes", "--input", &input, "--receipt", "all.json"];
    for lie in [&lie, &alone] {
        let ask = |more: &[&str]| {
            let url = support::answering("200 OK\r\nStele-Decision: allow", lie.to_string());
            site.run(&[&all[..], &["--node", &url], more].concat())
        };
        let ran = ask(&["--rpc", &node.rpc()]);
        for part in [
            "WORTH NOTHING",
            "LEFT OUT: `kubernetes/admission`",
            "stele decide kubernetes/admission --input",
            "--rpc http",
        ] {
            assert!(ran.err.contains(part), "{part}: {}", ran.err);
        }
        assert_eq!(
            (ran.exits(1).as_str(), site.path().join("all.json").exists()),
            ("", false)
        );
    }
    let url = support::answering("200 OK\r\nStele-Decision: allow", lie.to_string());
    let ran = site.run(&[&all[..], &["--node", &url]].concat());
    assert!(ran.err.contains("is the node's word here"), "{}", ran.err);
}

/// Whose promise it is: the node's own word, unless the chain or the data directory's deployment says more.
fn who_is_known(site: &Site, stranger: &Site, node: &Node) {
    let url = format!("http://{}", node.address);
    let deployment = std::fs::read(site.data().join("deployment.json")).unwrap();
    let deployment: Value = serde_json::from_slice(&deployment).unwrap();
    let ask = |site: &Site, file: &str, more: &[&str]| {
        let input = input();
        let args = ["decide", "kubernetes/admission", "--input", &input];
        site.run(&[&args[..], &["--receipt", file, "--node", &url], more].concat())
    };
    let ran = ask(stranger, "alone.json", &[]);
    assert!(
        ran.err
            .contains("nobody checked that this node and its ledger exist"),
        "{}",
        ran.err
    );
    let ran = ask(site, "beside.json", &[]);
    assert!(
        ran.err.contains("nobody checked that this node is registered"),
        "{}",
        ran.err
    );
    let (rpc, contract) = (node.rpc(), deployment["challenge"].as_str().unwrap());
    let ran = ask(stranger, "chain.json", &["--rpc", &rpc, "--contract", contract]);
    assert!(!ran.err.contains("nobody checked"), "{}", ran.err);
    assert!(ran.exits(1).starts_with("kubernetes/admission: DENY"));
    // Another deployment's ledger.
    let mut other = deployment.clone();
    other["ledger"] = "0x0000000000000000000000000000000000000009".into();
    let elsewhere = Site::new();
    std::fs::create_dir_all(elsewhere.data()).unwrap();
    std::fs::write(elsewhere.data().join("deployment.json"), other.to_string()).unwrap();
    let ran = ask(&elsewhere, "other.json", &[]);
    assert!(ran.err.contains("not the data directory's"), "{}", ran.err);
    assert_eq!(ran.exits(1), "");
    // Somebody makes a key, and promises by it.
    let mut answer = node.json("POST", PATH, &example(INPUT));
    let mut made_up = Receipt::from_json(answer["receipts"][0].to_string().as_bytes()).unwrap();
    let nobody = Account::from_key(&[0x5e; 32]).unwrap();
    made_up.node = nobody.node_address();
    made_up.leaf.node = made_up.node;
    let promise = stele_ledger::receipt::check(&made_up).unwrap().promise;
    made_up.signature = nobody.sign_digest(&promise.digest()).unwrap();
    answer["receipts"] =
        serde_json::json!([serde_json::from_slice::<Value>(&made_up.to_json().unwrap()).unwrap()]);
    let ask = |file: &str, more: &[&str]| {
        let url = support::answering("200 OK\r\nStele-Decision: deny", answer.to_string());
        let input = input();
        let args = ["decide", "kubernetes/admission", "--input", &input];
        stranger.run(&[&args[..], &["--receipt", file, "--node", &url], more].concat())
    };
    assert!(ask("made-up.json", &[]).err.contains("nobody checked"));
    let ran = ask("refused.json", &["--rpc", &rpc, "--contract", contract]);
    assert!(
        ran.err.contains("does not know") && ran.err.contains("is not active"),
        "{}",
        ran.err
    );
    assert_eq!(ran.exits(1), "");
    assert!(!stranger.path().join("refused.json").exists());
}

/// What a node may make of its answer: the path that was asked, the answer's head and body, the exit code, and what is said of it.
type Lie = (&'static str, String, String, i32, &'static str);

const ASKED: &str = "kubernetes/admission";

fn head(verdict: &str) -> String {
    format!("200 OK\r\nStele-Decision: {verdict}")
}

/// Receipts that don't hold for what they come with.
fn lies(node: &Node, honest: &Value) -> Vec<Lie> {
    let mut altered = honest.clone();
    altered["result"]["deny"] = serde_json::json!([]);
    assert_ne!(altered, *honest);
    let mut stripped = honest.clone();
    stripped.as_object_mut().unwrap().remove("receipts");
    let other = node.json("POST", PATH, b"{\"input\":{\"kind\":\"Pod\"}}");
    // Receipts that hold, for other decisions about the same input; the answer is whatever the node likes.
    let rule = "/v1/data/kubernetes/admission/deny?receipt=true";
    let rule = node.json("POST", rule, &example(INPUT));
    let (mut foreign, mut two) = (altered.clone(), altered.clone());
    foreign["receipts"] = rule["receipts"].clone();
    let again = node.json("POST", PATH, &example(INPUT));
    two["receipts"] = serde_json::json!([honest["receipts"][0], again["receipts"][0]]);
    let part = serde_json::json!({"result": "fine", "receipts": rule["receipts"]});
    let asked =
        |verdict: &str, answer: &Value, problem| (ASKED, head(verdict), answer.to_string(), 1, problem);
    vec![
        asked("deny", &altered, "another one than the receipt promises"),
        asked("deny", &stripped, "has no receipt"),
        asked("deny", &other, "another input"),
        asked("allow", &foreign, "at another path than"),
        asked("allow", &two, "puts 2 decisions together"),
        (
            "kubernetes/admission/deny/0",
            head("allow"),
            part.to_string(),
            1,
            "ask for `kubernetes/admission/deny`",
        ),
    ]
}

/// The verdict is not in the receipt, so nothing lenient is believed that the result contradicts, and nothing unknown.
fn verdicts(honest: &Value) -> Vec<Lie> {
    let said = |head: String, code, problem| (ASKED, head, honest.to_string(), code, problem);
    let unknown = "Stele-Decision is none of";
    vec![
        said(head("allow"), 1, "calls it `allow`"),
        said(head("undetermined"), 1, "calls it `undetermined`"),
        said(head("Deny"), 2, unknown),
        said(head("deny\r\nStele-Decision: allow"), 2, unknown),
        said("200 OK".to_owned(), 2, unknown),
        (ASKED, head("deny"), "{".to_owned(), 2, "makes no sense"),
    ]
}

#[test]
fn an_answer_that_its_receipt_does_not_promise_is_not_shown() {
    let (site, proxy) = (Site::new(), Site::new());
    let node = site.up();
    let honest = node.json("POST", PATH, &example(INPUT));
    let ask = |path: &str, head: &str, answer: String| {
        let url = support::answering(head, answer);
        let input = input();
        let args = ["decide", path, "--input", &input, "--receipt", "r.json"];
        proxy.run(&[&args[..], &["--node", &url]].concat())
    };
    let lies = lies(&node, &honest).into_iter().chain(verdicts(&honest));
    for (path, head, answer, code, problem) in lies {
        let ran = ask(path, &head, answer);
        assert!(ran.err.contains(problem), "{problem}: {}", ran.err);
        assert_eq!((ran.out.as_str(), ran.code), ("", code), "{problem}: {}", ran.err);
        assert!(!proxy.path().join("r.json").exists());
    }
    let out = ask(ASKED, &head("deny"), honest.to_string()).exits(1);
    assert!(out.starts_with("kubernetes/admission: DENY"), "{out}");
    only_the_log_says_that_a_decision_is_missing(&proxy);
    node.interrupt();
}

/// Any server has a 404.
fn only_the_log_says_that_a_decision_is_missing(site: &Site) {
    let check = |body: String| {
        let url = support::answering("404 Not Found", body);
        site.run(&["receipt", "check", "r.json", "--log", &url])
    };
    check("no such page".to_owned()).fails(3, &["can't be asked", "404"]);
    let error = |message: &str| {
        let error = serde_json::json!({"code": "resource_not_found", "message": message});
        error.to_string()
    };
    check(error("there is nothing at /v1/decisions")).fails(3, &["can't be asked", "there is nothing at"]);
    let receipt = Receipt::from_json(&std::fs::read(site.path().join("r.json")).unwrap()).unwrap();
    let missing = format!("no decision {} in the log", receipt.decision_id);
    let out = check(error(&missing)).exits(0);
    assert!(out.contains("NOT THERE"), "{out}");
}
