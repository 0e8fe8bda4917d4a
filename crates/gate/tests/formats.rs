//! Formats as policies see them, and what is no such thing.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

use std::io::{Seek, SeekFrom, Write};

use stele_gate::source::{Input, Origin, Source};
use stele_gate::walk::Sources;
use stele_types::{InputKind, Value, json};

fn read(kind: InputKind, text: &str) -> Result<Input, String> {
    let source = Source {
        name: "-".to_owned(),
        origin: Origin::Text(text.to_owned()),
        kind: Some(kind),
        configuration: None,
    };
    source.read().map_err(|failure| failure.to_string())
}

fn whole(input: &Input) -> Value {
    input.documents[0].2.reading(&input.text).whole().into_owned()
}

fn json_of(input: &Input) -> String {
    json::to_string(&whole(input))
}

/// The text from the place of a path to the end of its line.
fn at<'t>(input: &'t Input, path: &[&str]) -> &'t str {
    let step = |step: &&str| {
        step.parse::<i64>()
            .map_or_else(|_| Value::string(step), Value::from)
    };
    let path: Vec<Value> = path.iter().map(step).collect();
    let range = input.documents[0].2.locate(&input.text, &path);
    &input.text[range]
}

#[test]
fn ini_has_sections() {
    let text = "top = 1\n; comment\n[a b]\nkey = value # why\nn: 4.50\non = true\nq = \"x # y\"\nlong = one \\\n  two\n[empty]\n[a b]\nkey = later\n";
    let input = read(InputKind::Ini, text).unwrap();
    assert_eq!(
        json_of(&input),
        r#"{"DEFAULT":{"top":1},"a b":{"key":"later","long":"one two","n":4.5,"on":true,"q":"x # y"},"empty":{}}"#
    );
    assert_eq!(at(&input, &["a b", "n"]), "4.50");
    assert_eq!(at(&input, &["a b", "key"]), "later");
    assert!(read(InputKind::Ini, "[a\n").unwrap_err().contains("-:1:1"));
    assert!(read(InputKind::Ini, "\nword\n").unwrap_err().contains("-:2:1"));
}

#[test]
fn dotenv_has_texts() {
    let text = "# c\nexport A=1\nB='$A \\n' # c\nC=\"x\n${A}\\n\\$A\"\nD = $A-$NONE #c\nE=\nF: a=b\n";
    let input = read(InputKind::Dotenv, text).unwrap();
    assert_eq!(
        json_of(&input),
        r#"{"A":"1","B":"$A \\n","C":"x\n1\n$A","D":"1-$NONE","E":"","F":"a=b"}"#
    );
    assert_eq!(at(&input, &["D"]), "$A-$NONE");
    assert_eq!(at(&input, &["C"]), "\"x\n${A}\\n\\$A\"");
    assert!(read(InputKind::Dotenv, "A='x\n").unwrap_err().contains("-:1:3"));
    assert!(
        read(InputKind::Dotenv, "A B=1\n")
            .unwrap_err()
            .contains("no name")
    );
    let doubling: String = (0..40).map(|n| format!("A{}=$A{n}$A{n}\n", n + 1)).collect();
    let bomb = format!("A0=xx\n{doubling}");
    assert!(
        read(InputKind::Dotenv, &bomb)
            .unwrap_err()
            .contains("more than 1048576 bytes")
    );
}

#[test]
fn files_of_many_keys_are_read_in_one_go_and_the_last_of_equal_keys_counts() {
    let lines: String = (0..60_000).map(|n| format!("k{} = {n}\n", n % 59_999)).collect();
    let sections: String = (0..60_000)
        .map(|n| format!("[s{n}]\nk = {n}\n[s0]\nk = {n}\n"))
        .collect();
    let of = |kind, text: &str, path: &[&str]| {
        let input = read(kind, text).unwrap();
        let mut value = whole(&input);
        for key in path {
            value = value.get(key).unwrap().clone();
        }
        json::to_string(&value)
    };
    assert_eq!(of(InputKind::Ini, &lines, &["DEFAULT", "k0"]), "59999");
    assert_eq!(of(InputKind::Dotenv, &lines, &["k0"]), "\"59999\"");
    assert_eq!(of(InputKind::Ini, &sections, &["s0", "k"]), "59999");
    assert_eq!(of(InputKind::Ini, &sections, &["s59999", "k"]), "59999");
}

#[test]
fn properties_have_texts() {
    let text = "# c\n! c\na.b = x y \nc:1\nd one \\\n   two\ne\\ f=\\u00e4\\uD83D\\uDE00\\n\nempty\n";
    let input = read(InputKind::Properties, text).unwrap();
    assert_eq!(
        json_of(&input),
        "{\"a.b\":\"x y \",\"c\":\"1\",\"d\":\"one two\",\"e f\":\"\u{e4}\u{1F600}\\n\",\"empty\":\"\"}"
    );
    assert_eq!(at(&input, &["c"]), "1");
    assert!(
        read(InputKind::Properties, "a=\\u12\n")
            .unwrap_err()
            .contains("four hexadecimal")
    );
    assert!(
        read(InputKind::Properties, "a=\\uD83D\n")
            .unwrap_err()
            .contains("of a character")
    );
}

#[test]
fn xml_has_elements_attributes_and_texts() {
    let text = "<?xml version=\"1.0\"?>\n<!DOCTYPE p [<!ENTITY e \"ent\">]>\n<p xmlns:x=\"u\" x:a=\"1\">\n  <d>one &amp; &e;</d>\n  <d> two </d>\n  <e k='v'>t</e><n/>\n</p>\n";
    let input = read(InputKind::Xml, text).unwrap();
    assert_eq!(
        json_of(&input),
        r##"{"p":{"-a":"1","d":["one & ent","two"],"e":{"#content":"t","-k":"v"},"n":""}}"##
    );
    assert_eq!(at(&input, &["p", "d", "1"]), "two");
    assert_eq!(at(&input, &["p", "e", "-k"]), "v");
    assert_eq!(at(&input, &["p", "n"]), "n");
    assert_eq!(at(&input, &["p", "missing"]), "p");
    assert!(
        read(InputKind::Xml, "<a>\n<b></a>")
            .unwrap_err()
            .contains("-:2:4")
    );
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    assert!(read(InputKind::Xml, &deep).unwrap_err().contains("levels deep"));
    let entities: String = (1..9)
        .map(|n| format!("<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10)))
        .collect();
    let bomb = format!("<!DOCTYPE a [<!ENTITY e0 \"ha\">{entities}]><a>&e8;</a>");
    assert!(read(InputKind::Xml, &bomb).unwrap_err().contains("not XML"));
    let file = "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>";
    assert!(read(InputKind::Xml, file).is_err_and(|error| error.contains("not XML")));
}

#[test]
fn nginx_has_directives() {
    let text = "# c\nuser www;\nhttp {\n  log_format main '$remote_addr \"x\"' \"a;b\\n\";\n  server {\n    listen 443 ssl;\n    location ~ \\.php$ { return 301 https://h/${uri}x#y; }\n    content_by_lua_block { local t = {\"}\"} -- }\n ngx.say(1) }\n  }\n}\n";
    let input = read(InputKind::Nginx, text).unwrap();
    assert_eq!(
        json_of(&input),
        concat!(
            r#"[{"args":["www"],"directive":"user"},{"args":[],"block":[{"args":["main","$remote_addr \"x\"","a;b\n"],"directive":"log_format"},"#,
            r#"{"args":[],"block":[{"args":["443","ssl"],"directive":"listen"},{"args":["~","\\.php$"],"block":[{"args":["301","https://h/${uri}x#y"],"directive":"return"}],"#,
            r#""directive":"location"},{"args":[" local t = {\"}\"} -- }\n ngx.say(1) "],"directive":"content_by_lua_block"}],"directive":"server"}],"directive":"http"}]"#
        )
    );
    let listen = ["1", "block", "1", "block", "0"];
    assert_eq!(at(&input, &[&listen[..], &["args", "1"]].concat()), "ssl");
    assert_eq!(at(&input, &[&listen[..], &["directive"]].concat()), "listen");
    for (text, expected) in [
        ("a b", "does not end with `;`"),
        ("http {\n", "-:1:6"),
        ("}", "ends no block"),
        ("a 'x'y;", "in quotes"),
        ("a \"x", "do not end"),
        (";", "a name"),
    ] {
        let error = read(InputKind::Nginx, text).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let deep = format!("{}{}", "a {".repeat(10_000), "}".repeat(10_000));
    assert!(read(InputKind::Nginx, &deep).unwrap_err().contains("levels deep"));
}

#[test]
fn what_has_no_reader_is_refused_with_the_command_that_helps() {
    let directory = tempfile::tempdir().unwrap();
    for (name, expected) in [
        ("a.jsonnet", "Jsonnet is not read: jsonnet FILE"),
        ("a.cue", "cue export"),
        ("a.bicep", "bicep build"),
        ("a.unknown", "say it with --kind"),
    ] {
        let path = directory.path().join(name);
        std::fs::write(&path, "x").unwrap();
        let mut sources = Sources::default();
        sources.add(&path, None);
        let failure = sources.files[0].read().unwrap_err();
        assert!(failure.message.contains(expected), "{failure}");
    }
    let mut sources = Sources::default();
    sources.add(directory.path(), None);
    assert_eq!(sources.files, []);
    assert_eq!(
        sources.refused.keys().collect::<Vec<_>>(),
        [&"Bicep", &"CUE", &"Jsonnet"]
    );
}

/// What reading each file of a directory says, `ok` if nothing.
fn outcomes(directory: &std::path::Path) -> Vec<(String, String)> {
    let mut sources = Sources::default();
    sources.add(directory, None);
    let outcome = |source: &Source| {
        let name = source.name.rsplit('/').next().unwrap().to_owned();
        let message = source
            .read()
            .map_or_else(|failure| failure.message, |_| "ok".to_owned());
        (name, message)
    };
    sources.files.iter().map(outcome).collect()
}

#[test]
fn bad_files_are_told_and_the_others_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(directory.path().join(name), bytes).unwrap();
    let aliases: String = (1..30)
        .map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1))
        .collect();
    write("alias.yaml", format!("a0: &a0 [1]\n{aliases}").as_bytes());
    write("binary.json", b"\x7fELF\x00\x01\xff\xfe");
    write("cut.json", b"{\"a\": [1, 2");
    write("cut.toml", b"a = [1,\n");
    write("cut.xml", b"<a><b>");
    write("cut.yaml", b"a: [1, 2\n");
    write("deep.json", "[".repeat(200_000).as_bytes());
    write(
        "deep.toml",
        format!("a = {}1{}", "[".repeat(5_000), "]".repeat(5_000)).as_bytes(),
    );
    write("deep.yaml", "[".repeat(5_000).as_bytes());
    write(
        "deep.hcl",
        format!("a = {}1{}", "[".repeat(5_000), "]".repeat(5_000)).as_bytes(),
    );
    write("good.yaml", b"a: 1\n");
    write("latin1.yaml", b"a: caf\xe9\n");
    write("nul.env", b"A=\x00\n");
    write("utf16.json", &[0xff, 0xfe, b'{', 0, b'}', 0]);
    // A gigabyte of one line that is not there.
    let mut sparse = std::fs::File::create(directory.path().join("huge.json")).unwrap();
    sparse.seek(SeekFrom::Start(1 << 30)).unwrap();
    sparse.write_all(b"\n").unwrap();
    let mut long = std::fs::File::create(directory.path().join("long.hcl")).unwrap();
    long.seek(SeekFrom::Start(20 << 20)).unwrap();
    long.write_all(b"\n").unwrap();
    let expected = [
        ("alias.yaml", "more than"),
        ("binary.json", "is not UTF-8"),
        ("cut.json", "not JSON"),
        ("cut.toml", "not TOML"),
        ("cut.xml", "not XML"),
        ("cut.yaml", "not YAML"),
        ("deep.hcl", "not HCL"),
        ("deep.json", "not JSON"),
        ("deep.toml", "not TOML"),
        ("deep.yaml", "not YAML"),
        ("good.yaml", "ok"),
        ("huge.json", "is the limit"),
        ("latin1.yaml", "byte 6 belongs to no character"),
        ("long.hcl", "is the limit of HCL"),
        ("nul.env", "ok"),
        ("utf16.json", "is not UTF-8 but UTF-16: convert it (`iconv"),
    ];
    let found = outcomes(directory.path());
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((name, message), (file, expected)) in found.iter().zip(expected) {
        assert_eq!(name, file);
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[cfg(unix)]
#[test]
fn links_in_circles_and_unreadable_files_do_not_stop_a_walk() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    std::fs::create_dir_all(root.join("a/b")).unwrap();
    symlink(root, root.join("a/b/up")).unwrap();
    symlink(root.join("x.json"), root.join("y.json")).unwrap();
    symlink(root.join("y.json"), root.join("x.json")).unwrap();
    std::fs::write(root.join("a/good.json"), "{}").unwrap();
    std::fs::write(root.join("a/secret.json"), "{}").unwrap();
    std::fs::set_permissions(root.join("a/secret.json"), std::fs::Permissions::from_mode(0o0)).unwrap();
    let found = outcomes(root);
    let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["good.json", "secret.json"]);
    assert_eq!(found[0].1, "ok");
    // Root may read everything.
    let is_root = std::fs::read(root.join("a/secret.json")).is_ok();
    assert!(is_root || found[1].1.contains("can't be read"), "{found:?}");
    // A link that is named is followed, a circle of them told.
    let mut sources = Sources::default();
    sources.add(&root.join("x.json"), None);
    assert!(
        sources.files[0]
            .read()
            .unwrap_err()
            .message
            .contains("can't be read")
    );
    let source = Source {
        name: "dev".to_owned(),
        origin: Origin::File("/dev/zero".into()),
        kind: Some(InputKind::Json),
        configuration: None,
    };
    assert!(source.read().unwrap_err().message.contains("is no file"));
}

#[test]
fn lists_in_json_are_the_same_objects_as_in_yaml() {
    let pod = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}"#;
    let cases = [
        format!(r#"{{"kind":"List","apiVersion":"v1","items":[{pod},{{"kind":"List","apiVersion":"v1","items":[{pod}]}}]}}"#),
        // The items of a typed list need not say what they are, and one that says half of it is left as it is.
        r#"{"kind":"PodList","apiVersion":"v1","items":[{"metadata":{"name":"b"}},{"kind":"X"},{"apiVersion":"y"}]}"#.to_owned(),
        format!(r#"{{"kind":"Bundle","apiVersion":"x/v1","items":[{pod}]}}"#),
        r#"{"kind":"List","apiVersion":"v1","items":[]}"#.to_owned(),
        r#"{"kind":"List","apiVersion":"v1","items":{"a":1}}"#.to_owned(),
        r#"{"kind":"List","apiVersion":"v1","items":[1]}"#.to_owned(),
        format!(r#" {{ "items" : [ {pod} , {{"items": null}} ] , "kind" : "List" , "apiVersion": "v1" }} "#),
        format!("{}{pod}{}", r#"{"kind":"List","apiVersion":"v1","items":["#.repeat(12), "]}".repeat(12)),
    ];
    for text in cases {
        let of = |name: &str| {
            let source = Source {
                name: name.to_owned(),
                origin: Origin::Text(text.clone()),
                kind: None,
                configuration: None,
            };
            let input = source.read().map_err(|failure| failure.message)?;
            let documents = input.documents.iter();
            let read = documents.map(|(_, kind, document)| {
                let name = ["metadata".into(), "name".into()];
                let place = &input.text[document.locate(&input.text, &name)];
                let whole = json::to_string(&document.reading(&input.text).whole());
                let named = whole.contains("\"name\"").then(|| place.to_owned());
                (*kind, whole, named)
            });
            Ok::<_, String>(read.collect::<Vec<_>>())
        };
        assert_eq!(of("a.json"), of("a.yaml"), "{text}");
    }
}

#[test]
fn json_may_have_comments_and_trailing_commas() {
    let text = "\u{feff}/* why */ {\n  // é\n  \"a\": [1, {\"b\": \"//x\",},],\n}\n";
    let input = read(InputKind::Json, text).unwrap();
    assert_eq!(json_of(&input), r#"{"a":[1,{"b":"//x"}]}"#);
    assert_eq!(at(&input, &["a", "1", "b"]), "\"//x\"");
    assert_eq!(
        input.text, text,
        "what is shown and recorded is what stands there"
    );
    let error = read(InputKind::Json, "{\n  // why\n  \"a\": tru\n}\n").unwrap_err();
    assert!(error.contains("-:3:"), "{error}");
}

#[test]
fn quoted_yaml_may_go_on_at_the_indentation_of_its_key() {
    let input = read(InputKind::Yaml, "a:\n- b: 'one\n  two'\n  c: 3\n").unwrap();
    assert_eq!(json_of(&input), r#"{"a":[{"b":"one two","c":3}]}"#);
    assert_eq!(at(&input, &["a", "0", "c"]), "3");
}
