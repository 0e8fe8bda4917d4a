//! Texts that took time with the square of their length: each of them took minutes. What is read here in a moment is no measurement.

use super::*;

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

#[track_caller]
fn is_read(format: Format, text: &str) {
    read(format, text, Dialect::Core).unwrap();
}

#[track_caller]
fn is_refused(format: Format, text: &str, why: &str) {
    let error = read(format, text, Dialect::Core).unwrap_err();
    assert!(error.message.contains(why), "{}", error.message);
}

#[test]
fn lines_that_go_on() {
    is_read(Format::Ini, &format!("a=\\\n{}", "x\\\n".repeat(2_000_000)));
    let slashes = "\\".repeat(2_000_001);
    let text = format!("a={slashes}\n{}x\n", "\\\n".repeat(2_000_000));
    is_read(Format::Properties, &text);
}

#[test]
fn braces_and_values_of_environments() {
    is_read(
        Format::Dotenv,
        &lines(4, |_| format!("A={}\n", "${".repeat(400_000))),
    );
    let bomb = format!(
        "A={}\n{}",
        "x".repeat(1 << 20),
        lines(10_000, |n| format!("B{n}=$A\n"))
    );
    is_refused(Format::Dotenv, &bomb, "bomb");
}

#[test]
fn heredocs_of_a_dockerfile() {
    let count = 1_000_000;
    let text = format!("FROM a\nRUN {}\n{}", "<<A ".repeat(count), "A\n".repeat(count));
    is_read(Format::Dockerfile, &text);
}

/// A file of ten megabytes took four gigabytes.
#[test]
fn files_whose_values_take_much_memory() {
    is_refused(Format::Dockerfile, &"FROM a\n".repeat(200_000), "instructions");
    is_refused(
        Format::Dockerfile,
        &format!("FROM a\n#{}", "x".repeat(16 << 20)),
        "16777216 is the limit",
    );
    is_refused(Format::Toml, &"#".repeat((64 << 20) + 1), "67108864 is the limit");
}

#[test]
fn elements_of_xml() {
    is_read(
        Format::Xml,
        &format!("<r>{}</r>", lines(300_000, |n| format!("<a{n}/>"))),
    );
    is_refused(
        Format::Xml,
        &format!("<r>{}", "<a</".repeat(4_000_000)),
        "not XML",
    );
    let attributes = lines(300_000, |n| format!(" a{n}='>'"));
    is_refused(Format::Xml, &format!("<r{attributes}/>"), "attributes");
    let declared = format!("<!DOCTYPE r [<!ENTITY e \"<r{attributes}/>\">]><r>&e;</r>");
    is_refused(Format::Xml, &declared, "attributes");
    let namespaces = lines(60_000, |n| format!("<a xmlns:a{n}='u'>"));
    is_refused(Format::Xml, &format!("<r>{namespaces}"), "");
    let flat = lines(60_000, |n| format!("<a xmlns:a{n}='u'/>"));
    is_refused(Format::Xml, &format!("<r>{flat}</r>"), "prefixes");
    let entities = lines(60_000, |n| format!("<!ENTITY e{n} 'x'>"));
    is_refused(Format::Xml, &format!("<!DOCTYPE r [{entities}]><r/>"), "entities");
    // What stands in comments and texts is no tag.
    let long = " a=''".repeat(1_000);
    is_read(
        Format::Xml,
        &format!("<r><!-- <a{long}> --><![CDATA[<a{long}>]]><?p <a{long}> ?></r>"),
    );
}

#[test]
fn members_of_hcl() {
    is_read(Format::Hcl, &lines(200_000, |n| format!("b{n} {{}}\n")));
    is_read(
        Format::Hcl,
        &lines(100_000, |n| format!("resource \"a\" \"b{n}\" {{}}\n")),
    );
    let keys = |count| format!("a = {{\n{}}}\n", lines(count, |n| format!("k{n} = 1\n")));
    is_read(Format::Hcl, &keys(5_000));
    is_refused(Format::Hcl, &keys(300_000), "an object with 300000 keys");
    is_refused(
        Format::Hcl,
        &lines(40, |n| keys(9_000).replacen('a', &format!("a{n}"), 1)),
        "too many keys",
    );
}

/// Each was a level of the document, and the stack had an end.
#[test]
fn labels_of_hcl() {
    is_refused(
        Format::Hcl,
        &format!("b {}{{}}\n", "\"x\" ".repeat(100_000)),
        "labels",
    );
}

/// The file was read once more for each key that stands twice.
#[test]
fn keys_that_stand_twice_in_a_large_file() {
    let twice = lines(70, |n| format!("  k{n}  = 1\n  k{n}  = 2\n"));
    let text = format!("a = {{\n{twice}}}\nb = [\n{}]\n", "1,\n".repeat(1_300_000));
    let error = read(Format::Hcl, &text, Dialect::Core).unwrap_err();
    assert!(error.message.contains("redefined"), "{}", error.message);
    let given_up = text.find("k20 ");
    assert!(error.offset < given_up, "it was read too often");
}
