#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "tests may panic"
)]
//! `stele lsp` as an editor meets it: a process, messages on its standard input and output.

#[path = "support/lsp.rs"]
mod client;
#[path = "support/peers.rs"]
mod peers;
mod support;

use client::{Client, uri};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use support::Site;

const MAIN: &str = "\
# METADATA
# title: Admission
# custom:
#   severity: high
package k8s.admission

import data.lib.images as img

# METADATA
# title: No latest tags
# description: A tag that moves names no image.
# custom:
#   severity: critical
#   controls: [\"cis:5.1\"]
deny contains msg if {
\tsome container in input.request.containers
\tnot img.pinned(container.image)
\tmsg := sprintf(\"ä𝔸 %s\", [container.name])
}

limit := 3
";

const LIB: &str = "\
package lib.images

# METADATA
# description: Whether the reference names a digest.
pinned(reference) if contains(reference, \"@sha256:\")
";

struct Editor {
    site: Site,
    client: Client,
}

impl Editor {
    /// An editor of a folder with the two files.
    fn start(capabilities: Value) -> Self {
        let site = Site::new();
        fs::create_dir(site.path().join("lib")).unwrap();
        fs::write(site.path().join("main.rego"), MAIN).unwrap();
        fs::write(site.path().join("lib/images.rego"), LIB).unwrap();
        let mut client = Client::spawn(&mut site.command(&["lsp", "--stdio"]));
        let disable = [
            "no-test",
            "missing-metadata",
            "unreachable-rule",
            "undefined-entry-point",
        ];
        let answer = client.initialize(
            site.path(),
            capabilities,
            json!({ "lint": { "disable": disable } }),
        );
        assert_eq!(answer["serverInfo"]["name"], "stele");
        Self { site, client }
    }

    fn plain() -> Self {
        Self::start(json!({ "textDocument": { "hover": { "contentFormat": ["markdown"] } } }))
    }

    fn main(&self) -> PathBuf {
        self.site.path().join("main.rego")
    }

    fn lib(&self) -> PathBuf {
        self.site.path().join("lib/images.rego")
    }

    fn hover(&mut self, path: &Path, text: &str, needle: &str) -> String {
        let found = self.client.at("textDocument/hover", path, place(text, needle));
        found["contents"]["value"].as_str().unwrap_or_default().to_owned()
    }

    fn definition(&mut self, path: &Path, text: &str, needle: &str) -> Vec<String> {
        let found = self
            .client
            .at("textDocument/definition", path, place(text, needle));
        self.locations(&found)
    }

    /// `file:line:column` of locations.
    fn locations(&self, found: &Value) -> Vec<String> {
        let root = format!("{}/", uri(self.site.path()));
        let mut out: Vec<String> = found
            .as_array()
            .into_iter()
            .flatten()
            .map(|location| {
                let start = &location["range"]["start"];
                let file = location["uri"]
                    .as_str()
                    .unwrap()
                    .strip_prefix(&root)
                    .unwrap()
                    .to_owned();
                format!("{file}:{}:{}", start["line"], start["character"])
            })
            .collect();
        out.sort();
        out
    }

    fn labels(&mut self, path: &Path, at: (usize, usize)) -> Vec<String> {
        let found = self.client.at("textDocument/completion", path, at);
        let items = found.as_array().unwrap().iter();
        items
            .map(|item| item["label"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Line and UTF-16 column of the first place of `needle`.
fn place(text: &str, needle: &str) -> (usize, usize) {
    position(&text[..text.find(needle).unwrap_or_else(|| panic!("no {needle}"))])
}

/// Line and UTF-16 column of the end of `text`.
fn position(text: &str) -> (usize, usize) {
    let line = text.rsplit('\n').next().unwrap();
    (text.matches('\n').count(), line.encode_utf16().count())
}

#[test]
fn diagnostics_come_change_and_go() {
    let mut editor = Editor::plain();
    let (main, lib) = (editor.main(), editor.lib());
    editor.client.open(&main, MAIN);
    assert_eq!(editor.client.diagnostics(&main, Some(1)), [] as [&str; 0]);

    // Two mistakes in the syntax, each said, with its hint.
    let broken = format!("{MAIN}\np {{ true }}\n\nq := \n");
    editor.client.change(&main, 2, &broken);
    let found = editor.client.diagnostics(&main, Some(2));
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].starts_with("22:2-22:3 1[v0-syntax]"), "{found:#?}");
    assert!(found[0].contains(" / help: write `p if { ... }`"), "{found:#?}");
    assert!(found[1].contains("1[syntax] expected"), "{found:#?}");

    // Columns count UTF-16 units: the name is unsafe behind characters of two and one units.
    let unsafe_text = MAIN.replace("[container.name])", "[container.name, nope])");
    editor.client.change(&main, 3, &unsafe_text);
    let found = editor.client.diagnostics(&main, Some(3));
    let (line, column) = place(&unsafe_text, "nope");
    assert_eq!(found.len(), 1, "{found:#?}");
    let start = format!("{line}:{column}-{line}:{} 1[unsafe-var]", column + 4);
    assert!(found[0].starts_with(&start), "{start} {found:#?}");

    // Lint; then everything is mended.
    let lint = MAIN.replace(
        "package k8s.admission\n",
        "package k8s.admission\n\nimport data.lib.unused\n",
    );
    editor.client.change(&main, 4, &lint);
    let found = editor.client.diagnostics(&main, Some(4));
    assert!(
        found
            .iter()
            .any(|text| text.contains("2[unused-import]") && text.contains("help: remove it")),
        "{found:#?}"
    );
    editor.client.change(&main, 5, MAIN);
    assert_eq!(editor.client.diagnostics(&main, Some(5)), [] as [&str; 0]);

    // A change on disk reaches the file that depends on it, which nobody has touched.
    fs::write(&lib, LIB.replace("pinned(reference)", "fixed(reference)")).unwrap();
    let changes = json!({ "changes": [{ "uri": uri(&lib), "type": 2 }] });
    editor
        .client
        .notify("workspace/didChangeWatchedFiles", changes.clone());
    let found = editor.client.diagnostics(&main, Some(5));
    assert!(
        found.iter().any(|text| text.contains("1[undefined-function]")),
        "{found:#?}"
    );
    fs::write(&lib, LIB).unwrap();
    editor.client.notify("workspace/didChangeWatchedFiles", changes);
    assert_eq!(editor.client.diagnostics(&main, Some(5)), [] as [&str; 0]);
    assert_eq!(editor.client.shut_down().code(), Some(0));
}

#[test]
fn a_broken_file_does_not_blame_others() {
    let mut editor = Editor::plain();
    let (main, lib) = (editor.main(), editor.lib());
    editor.client.open(&lib, LIB);
    editor.client.diagnostics(&lib, Some(1));
    // While the library is being edited, its function is still known to the policy.
    editor.client.change(&lib, 2, "package lib.images\n\npinned(\n");
    assert_eq!(editor.client.diagnostics(&lib, Some(2)).len(), 1);
    editor.client.open(&main, MAIN);
    assert_eq!(editor.client.diagnostics(&main, Some(1)), [] as [&str; 0]);
    // A file that is gone takes its diagnostics with it.
    let stray = editor.site.path().join("stray.rego");
    fs::write(&stray, "package").unwrap();
    let changes = json!({ "changes": [{ "uri": uri(&stray), "type": 1 }] });
    editor
        .client
        .notify("workspace/didChangeWatchedFiles", changes.clone());
    assert_eq!(editor.client.diagnostics(&stray, None).len(), 1);
    fs::remove_file(&stray).unwrap();
    editor.client.notify("workspace/didChangeWatchedFiles", changes);
    assert_eq!(editor.client.diagnostics(&stray, None), [] as [&str; 0]);
}

#[test]
fn hover_tells_what_is_known() {
    let mut editor = Editor::plain();
    let main = editor.main();
    let text = editor.hover(&main, MAIN, "sprintf");
    assert!(
        text.contains("sprintf(format: string, values: array) -> string"),
        "{text}"
    );
    assert!(text.contains("The format with its verbs"), "{text}");
    let text = editor.hover(&main, MAIN, "deny contains");
    for part in [
        "`data.k8s.admission.deny`",
        "**No latest tags**",
        "A tag that moves names no image.",
        "- severity: critical",
        "- controls: cis:5.1",
        "```rego\ndeny contains msg if {",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let text = editor.hover(&main, MAIN, "limit");
    assert!(text.contains("- severity: high"), "the package's: {text}");
    let text = editor.hover(&main, MAIN, "pinned(container");
    assert!(text.contains("Whether the reference names a digest."), "{text}");
    assert!(text.contains("pinned(reference) if contains("), "{text}");
    let text = editor.hover(&main, MAIN, "img.pinned");
    assert!(text.contains("import data.lib.images as img"), "{text}");
    assert!(text.contains("*package* `data.lib.images`"), "{text}");
    let text = editor.hover(&main, MAIN, "container.image");
    assert!(text.contains("*local* `container`, line 16"), "{text}");
    let text = editor.hover(&main, MAIN, "request");
    assert!(text.contains("`input.request`"), "{text}");
    assert_eq!(
        editor.hover(&main, MAIN, " contains msg"),
        editor.hover(&main, MAIN, "deny contains")
    );
    assert_eq!(editor.hover(&main, MAIN, "title"), "");
    let lib = editor.lib();
    let text = editor.hover(&lib, LIB, "reference, ");
    assert!(text.contains("*parameter* `reference`"), "{text}");
}

#[test]
fn definitions_references_and_symbols() {
    let mut editor = Editor::plain();
    let (main, lib) = (editor.main(), editor.lib());
    assert_eq!(
        editor.definition(&main, MAIN, "pinned(container"),
        ["lib/images.rego:4:0"]
    );
    assert_eq!(
        editor.definition(&main, MAIN, "img.pinned"),
        ["lib/images.rego:0:0"]
    );
    assert_eq!(
        editor.definition(&main, MAIN, "images as"),
        ["lib/images.rego:0:0"]
    );
    assert_eq!(
        editor.definition(&main, MAIN, "container.image"),
        ["main.rego:15:6"]
    );
    assert_eq!(
        editor.definition(&lib, LIB, "reference, "),
        ["lib/images.rego:4:7"]
    );
    // Behind the letters that count two units and one.
    assert_eq!(
        editor.definition(&main, MAIN, "container.name"),
        ["main.rego:15:6"]
    );
    let found = editor
        .client
        .at("textDocument/references", &lib, place(LIB, "pinned"));
    assert_eq!(
        editor.locations(&found),
        ["lib/images.rego:4:0", "main.rego:16:9"]
    );
    let found = editor
        .client
        .at("textDocument/references", &main, place(MAIN, "msg :="));
    assert_eq!(editor.locations(&found), ["main.rego:14:14", "main.rego:17:1"]);
    let found = editor.client.at(
        "textDocument/documentHighlight",
        &main,
        place(MAIN, "container in"),
    );
    assert_eq!(found.as_array().unwrap().len(), 3);
    let found = editor.client.at("textDocument/documentSymbol", &main, (0, 0));
    let names: Vec<&str> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|symbol| symbol["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["data.k8s.admission", "deny", "limit"]);
}

#[test]
fn completion_knows_what_can_stand_there() {
    let mut editor = Editor::plain();
    let main = editor.main();
    editor.client.open(&main, MAIN);
    // In a body, with a new statement under the cursor that does not parse.
    let mut version = 1;
    let mut typed = |editor: &mut Editor, statement: &str| {
        version += 1;
        let at = MAIN.find("\tmsg :=").unwrap();
        let text = format!("{}\t{statement}\n{}", &MAIN[..at], &MAIN[at..]);
        editor.client.change(&main, version, &text);
        editor.labels(&main, position(&text[..at + 1 + statement.len()]))
    };
    let has = |labels: &[String], wanted: &[&str]| {
        for name in wanted {
            assert!(labels.iter().any(|label| label == name), "{name} in {labels:?}");
        }
    };
    has(
        &typed(&mut editor, "co"),
        &[
            "container",
            "msg",
            "limit",
            "img",
            "count",
            "json.marshal",
            "print",
            "input",
            "data",
            "some",
            "every",
        ],
    );
    has(&typed(&mut editor, "input."), &["request"]);
    assert_eq!(typed(&mut editor, "input.request."), ["containers"]);
    assert_eq!(typed(&mut editor, "img."), ["pinned"]);
    assert_eq!(typed(&mut editor, "data."), ["k8s", "lib"]);
    assert_eq!(typed(&mut editor, "x := data.k8s.admission.l"), ["deny", "limit"]);
    let labels = typed(&mut editor, "json.");
    has(&labels, &["json.marshal", "json.filter"]);
    assert!(
        labels.iter().all(|label| label.starts_with("json.")),
        "{labels:?}"
    );
    // A bracket that nothing closes breaks the whole rule; its other lines are still known.
    has(
        &typed(&mut editor, "x := concat(\"\", [co"),
        &["container", "msg"],
    );
    assert_eq!(typed(&mut editor, "x := [input.request."), ["containers"]);
    assert_eq!(typed(&mut editor, "x := \"inp"), [] as [&str; 0]);
    assert_eq!(typed(&mut editor, "# inp"), [] as [&str; 0]);
    let found = editor.labels(&main, place(MAIN, "images as"));
    assert_eq!(found, ["images"]);
}

#[test]
fn imported_keywords_and_what_their_bodies_bind_are_known() {
    let mut editor = Editor::plain();
    let path = editor.site.path().join("joined.rego");
    let text = "\
package joined

import future.keywords.and
import future.keywords.not
import future.keywords.or

p contains x if {
\tx := input.x
\tnot {
\t\tsome inner in input.xs
\t\tinner == x
\t}
\t{ y := input.y; y == 1 } or { y := input.z; y == 2 and x }
}
";
    editor.client.open(&path, text);
    assert_eq!(editor.client.diagnostics(&path, Some(1)), [] as [&str; 0]);
    let at = |needle: &str| {
        let (line, column) = place(text, needle);
        [format!("joined.rego:{line}:{column}")]
    };
    assert_eq!(editor.definition(&path, text, "inner == x"), at("inner in"));
    assert_eq!(editor.definition(&path, text, "x\n\t}"), at("x := input.x"));
    assert_eq!(editor.definition(&path, text, "y == 1"), at("y := input.y"));
    assert_eq!(editor.definition(&path, text, "y == 2"), at("y := input.z"));
    assert_eq!(editor.definition(&path, text, "x }"), at("x := input.x"));
    assert!(
        editor.hover(&path, text, "inner == x").contains("inner"),
        "{text}"
    );

    // What is bound in there is proposed in there, and nowhere else.
    let labels = editor.labels(&path, place(text, " == x"));
    assert!(labels.iter().any(|label| label == "x"), "{labels:?}");
    let mut version = 1;
    let mut typed = |editor: &mut Editor, before: &str, typed: &str| {
        version += 1;
        let at = text.find(before).unwrap();
        let changed = format!("{}{typed}\n{}", &text[..at], &text[at..]);
        editor.client.change(&path, version, &changed);
        editor.labels(&path, position(&changed[..at + typed.len()]))
    };
    let labels = typed(&mut editor, "\t\tinner == x", "\t\tin");
    assert!(labels.iter().any(|label| label == "inner"), "{labels:?}");
    let labels = typed(&mut editor, "\tx := input.x", "\tinput.a o");
    assert!(labels.iter().any(|label| label == "or"), "{labels:?}");
    assert!(labels.iter().any(|label| label == "and"), "{labels:?}");
    assert!(
        labels.iter().all(|label| label != "inner" && label != "y"),
        "{labels:?}"
    );
    assert_eq!(
        typed(&mut editor, "p contains", "import future.keywords."),
        ["and", "not", "or"]
    );
    assert_eq!(typed(&mut editor, "p contains", "import future."), ["keywords"]);
}

#[test]
fn schemas_make_input_known() {
    let mut editor = Editor::plain();
    let path = editor.site.path().join("typed.rego");
    fs::create_dir_all(editor.site.path().join("schemas/aws")).unwrap();
    let schema = r#"{"type": "object", "properties": {"arn": {"type": "string"}}}"#;
    fs::write(editor.site.path().join("schemas/aws/user.json"), schema).unwrap();
    let text = "\
package typed

# METADATA
# schemas:
#   - input: {type: object, properties: {user: {type: object, properties: {name: {type: string}}}}}
#   - input.owner: schema.aws.user
p if {
\tx := input.user.
\ty := input.owner.
}
";
    editor.client.open(&path, text);
    let end = |line: &str| position(&text[..text.find(line).unwrap() + line.len()]);
    assert_eq!(editor.labels(&path, end("input.user.")), ["name"]);
    assert_eq!(editor.labels(&path, end("input.owner.")), ["arn"]);
}

#[test]
fn roots_do_not_see_each_other_and_folders_come_and_go() {
    let site = Site::new();
    for root in ["one", "two"] {
        fs::create_dir(site.path().join(root)).unwrap();
        let text = "package app\n\nlimit := 3\n\ndefault allow := false\n\nallow if input.size < limit\n";
        fs::write(site.path().join(root).join("app.rego"), text).unwrap();
    }
    let one = site.path().join("one/app.rego");
    let lint = json!({ "disable": ["unreachable-rule", "missing-metadata"] });
    let start = |options: Value| {
        let mut client = Client::spawn(&mut site.command(&["lsp"]));
        client.initialize(site.path(), json!({}), options);
        client.open(&one, &fs::read_to_string(&one).unwrap());
        client
    };
    let mut client = start(json!({ "lint": lint }));
    let found = client.diagnostics(&site.path().join("two/app.rego"), None);
    assert!(found[0].contains("[rule-conflict]"), "{found:?}");
    let mut client = start(json!({ "lint": lint, "roots": ["one", "two", "missing"] }));
    assert_eq!(client.diagnostics(&one, Some(1)), [] as [&str; 0]);

    // The library in another folder is known as long as the folder is there.
    let other = Site::new();
    fs::write(other.path().join("lib.rego"), "package lib\n\nf(x) := x\n").unwrap();
    let folder = json!([{ "uri": uri(other.path()), "name": "other" }]);
    let mut client = start(json!({ "lint": lint, "roots": ["one"] }));
    client.diagnostics(&one, Some(1));
    let uses = other.path().join("uses.rego");
    client.open(&uses, "package uses\n\nx := data.lib.f(1)\n");
    assert_eq!(client.diagnostics(&uses, Some(1)).len(), 1, "alone");
    let event =
        json!({ "event": { "added": folder, "removed": [{ "uri": uri(site.path()), "name": "root" }] } });
    client.notify("workspace/didChangeWorkspaceFolders", event);
    // `roots` are below the folders, and the new one has no such directory: its file still stands alone.
    client.change(&uses, 2, "package uses\n\nx := data.lib.f(2)\n");
    assert_eq!(client.diagnostics(&uses, Some(2)).len(), 1, "no such root");
    let mut client = start(json!({ "lint": lint }));
    client.open(&uses, "package uses\n\nx := data.lib.f(1)\n");
    assert_eq!(client.diagnostics(&uses, Some(1)).len(), 1, "alone");
    client.notify(
        "workspace/didChangeWorkspaceFolders",
        json!({ "event": { "added": folder, "removed": [] } }),
    );
    assert_eq!(client.diagnostics(&uses, Some(1)), [] as [&str; 0]);
}

#[test]
fn metadata_and_data_files_are_checked() {
    let mut editor = Editor::plain();
    let (main, data) = (editor.main(), editor.site.path().join("data.json"));
    editor
        .client
        .open(&main, &MAIN.replace("severity: critical", "severity: awful"));
    let found = editor.client.diagnostics(&main, Some(1));
    assert_eq!(found.len(), 1, "{found:?}");
    let expected = "12:14-12:19 1[unknown-severity] `awful` is no severity / help: it is one of";
    assert!(found[0].starts_with(expected), "{found:?}");
    let changes = json!({ "changes": [{ "uri": uri(&data), "type": 1 }] });
    fs::write(&data, "{\n  \"a\": nope\n}").unwrap();
    editor
        .client
        .notify("workspace/didChangeWatchedFiles", changes.clone());
    let found = editor.client.diagnostics(&data, None);
    assert!(found[0].starts_with("1:7-"), "{found:?}");
    fs::write(&data, "{\"limits\": {\"pods\": 3}}").unwrap();
    editor.client.notify("workspace/didChangeWatchedFiles", changes);
    assert_eq!(editor.client.diagnostics(&data, None), [] as [&str; 0]);
    let text = format!("{MAIN}\nmore := data.limits.");
    editor.client.change(&main, 2, &text);
    assert_eq!(editor.labels(&main, position(&text)), ["pods"]);
}

#[test]
fn formatting_and_quick_fixes_are_edits() {
    let mut editor = Editor::plain();
    let main = editor.main();
    let document = json!({ "uri": uri(&main) });
    let format = json!({ "textDocument": document, "options": { "tabSize": 4, "insertSpaces": true } });
    assert_eq!(
        editor.client.request("textDocument/formatting", format.clone()),
        json!([])
    );
    editor.client.open(&main, &MAIN.replace("limit := 3", "limit:=3"));
    let edits = editor.client.request("textDocument/formatting", format.clone());
    assert_eq!(edits.as_array().unwrap().len(), 1, "{edits}");
    assert_eq!(edits[0]["newText"], "limit := 3\n");
    editor
        .client
        .change(&main, 2, &MAIN.replace("limit := 3", "limit := "));
    assert_eq!(
        editor.client.request("textDocument/formatting", format),
        json!([]),
        "it does not parse"
    );

    editor.client.change(
        &main,
        3,
        &MAIN.replace("import data.lib", "import data.lib.no\nimport data.lib"),
    );
    let message = editor
        .client
        .wait("diagnostics", |message| message["params"]["version"] == 3);
    let diagnostics = message["params"]["diagnostics"].clone();
    let range = diagnostics[0]["range"].clone();
    let params =
        json!({ "textDocument": document, "range": range, "context": { "diagnostics": diagnostics } });
    let actions = editor.client.request("textDocument/codeAction", params);
    assert_eq!(actions[0]["title"], "Remove `import data.lib.no`", "{actions}");
    let edit = &actions[0]["edit"]["changes"][uri(&main)][0];
    assert_eq!(edit["newText"], "");
    assert_eq!(edit["range"]["start"], json!({ "line": 6, "character": 0 }));
    assert_eq!(edit["range"]["end"], json!({ "line": 7, "character": 0 }));
}

#[test]
fn positions_are_bytes_where_the_client_wants_that() {
    let mut editor = Editor::start(json!({ "general": { "positionEncodings": ["utf-16", "utf-8"] } }));
    let main = editor.main();
    let (line, _) = place(MAIN, "container.name");
    let column = MAIN.lines().nth(line).unwrap().find("container.name").unwrap();
    let found = editor.client.at("textDocument/definition", &main, (line, column));
    assert_eq!(editor.locations(&found), ["main.rego:15:6"]);
    // An edit in bytes: the text between the quotes.
    editor.client.open(&main, MAIN);
    let quote = MAIN.lines().nth(line).unwrap().find("ä").unwrap();
    let range = json!({ "start": { "line": line, "character": quote }, "end": { "line": line, "character": quote + 6 } });
    editor
        .client
        .edit(&main, 2, json!([{ "range": range, "text": "x" }]));
    assert_eq!(editor.client.diagnostics(&main, Some(2)), [] as [&str; 0]);
    let found = editor
        .client
        .at("textDocument/definition", &main, (line, column - 5));
    assert_eq!(editor.locations(&found), ["main.rego:15:6"]);
}

#[test]
fn nothing_a_client_sends_ends_the_server() {
    let site = Site::new();
    let mut client = Client::spawn(&mut site.command(&["lsp"]));
    let answer = client.ask("textDocument/hover", json!({}));
    assert_eq!(answer["error"]["code"], -32002, "not initialized: {answer}");
    client.notify("textDocument/didOpen", json!({}));
    client.initialize(site.path(), json!({}), json!({ "unknown": 1 }));
    let message = client.wait("a warning", |message| message["method"] == "window/showMessage");
    assert!(
        message["params"]["message"]
            .as_str()
            .unwrap()
            .contains("unknown field `unknown`"),
        "{message}"
    );
    client.raw(b"Content-Length: 9\r\n\r\n{nonsense");
    let answer = client.wait("an error", |message| message["error"]["code"] == -32700);
    assert_eq!(answer["id"], Value::Null);
    client.raw(b"Content-Length: 2\r\n\r\n[]Content-Length: x\r\n\r\n");
    client.wait("an error", |message| message["error"]["code"] == -32600);
    let answer = client.ask("initialize", json!({ "capabilities": {} }));
    assert_eq!(answer["error"]["code"], -32600);
    let answer = client.ask("no/such", json!({}));
    assert_eq!(answer["error"]["code"], -32601);
    let answer = client.ask("textDocument/hover", json!({ "textDocument": 1 }));
    assert_eq!(answer["error"]["code"], -32602);
    client.notify("textDocument/didChange", json!({ "nonsense": true }));
    client.notify("no/such", json!([]));
    let gone = site.path().join("gone.rego");
    client.edit(&gone, 9, json!([{ "text": "package a" }]));
    assert_eq!(client.at("textDocument/hover", &gone, (0, 0)), Value::Null);
    // Places outside of the text, and edits of places that are not there.
    client.open(&gone, "package a\n\np := 𝔸");
    let range =
        json!({ "start": { "line": 900, "character": 7 }, "end": { "line": 1, "character": 4_000_000 } });
    client.edit(&gone, 2, json!([{ "range": range, "text": "\"" }]));
    for method in [
        "hover",
        "definition",
        "references",
        "completion",
        "documentHighlight",
    ] {
        client.at(
            &format!("textDocument/{method}"),
            &gone,
            (4_000_000_000, 4_000_000_000),
        );
        client.at(&format!("textDocument/{method}"), &gone, (2, 6));
    }
    let answer = client.ask("shutdown", Value::Null);
    assert_eq!(answer["result"], Value::Null);
    let answer = client.ask("shutdown", Value::Null);
    assert_eq!(answer["error"]["code"], -32600);
    client.notify("exit", Value::Null);
    let (status, log) = client.exit();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("a message that can't be read"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn every_request_is_answered_once_cancelled_or_not() {
    let mut editor = Editor::plain();
    let main = editor.main();
    let document =
        json!({ "textDocument": { "uri": uri(&main) }, "position": { "line": 0, "character": 0 } });
    let mut bytes = String::new();
    for id in 100..200 {
        for message in [
            json!({ "jsonrpc": "2.0", "id": id, "method": "textDocument/hover", "params": document }),
            json!({ "jsonrpc": "2.0", "method": "$/cancelRequest", "params": { "id": id } }),
        ] {
            let body = message.to_string();
            bytes += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        }
    }
    editor.client.raw(bytes.as_bytes());
    for id in 100..200 {
        let answer = editor.client.wait("an answer", |message| message["id"] == id);
        let cancelled = answer["error"]["code"] == -32800;
        assert!(cancelled || answer["result"].is_null(), "{answer}");
    }
    editor.client.request("textDocument/hover", document);
    let answers = editor
        .client
        .unclaimed()
        .iter()
        .filter(|message| message["id"].is_number());
    assert_eq!(answers.count(), 0, "a second answer");
    assert_eq!(editor.client.shut_down().code(), Some(0));
}

#[test]
fn exit_codes_follow_the_specification() {
    let site = Site::new();
    let mut client = Client::spawn(&mut site.command(&["lsp"]));
    client.initialize(site.path(), json!({}), Value::Null);
    client.notify("exit", Value::Null);
    assert_eq!(client.exit().0.code(), Some(1), "an exit without a shutdown");
    let client = Client::spawn(&mut site.command(&["lsp"]));
    assert_eq!(client.exit().0.code(), Some(1), "the client is gone");
    let client = Client::spawn(&mut site.command(&["lsp", "--set", "log.filter==!"]));
    let (status, log) = client.exit();
    assert_eq!(status.code(), Some(2), "{log}");
}

#[test]
fn files_are_watched_if_the_client_can() {
    let capabilities = json!({ "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } });
    let mut editor = Editor::start(capabilities);
    let request = editor.client.wait("a registration", |message| {
        message["method"] == "client/registerCapability"
    });
    let watchers = &request["params"]["registrations"][0]["registerOptions"]["watchers"];
    assert_eq!(watchers[0]["globPattern"], "**/*.rego");
    editor
        .client
        .send(&json!({ "jsonrpc": "2.0", "id": request["id"], "result": null }));
    assert_eq!(editor.client.shut_down().code(), Some(0));
}

#[test]
fn a_client_of_pygls_understands_it() {
    let Some(peer) = peers::Peer::python("lsp_pygls.py", "pygls.lsp.client") else {
        return;
    };
    let site = Site::new();
    let library = "package lib.images\n\ntrusted(image) if startswith(image, \"registry.example/\")\n";
    let policy = "\
package k8s

import data.lib.images

deny contains msg if {
\tsome image in input.images
\tnot images.trusted(image)
\tnot startswith(image, \"localhost/\")
\tmsg := sprintf(\"𝔸 %s\", [image])
}
";
    fs::write(site.path().join("lib.rego"), library).unwrap();
    fs::write(site.path().join("policy.rego"), policy).unwrap();
    let stele = env!("CARGO_BIN_EXE_stele");
    peer.ok(&[stele, site.path().to_str().unwrap()]);
}
