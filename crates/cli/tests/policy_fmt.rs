//! `stele policy fmt`, as `opa fmt`.
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

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use support::{Ran, Site, workspace};

const UGLY: &str =
    "package  a\n\n\nimport data.z\nimport data.y\nallow if { input.x == 1 ; input.y } # why\n";
const PRETTY: &str =
    "package a\n\nimport data.y\nimport data.z\n\nallow if {\n\tinput.x == 1\n\tinput.y\n} # why\n";

/// A directory `p` with a file to format, a formatted one, a nested one, a hidden one and one that is no policy.
fn site() -> Site {
    let site = Site::new();
    let root = site.path().join("p");
    std::fs::create_dir_all(root.join("deeper/.hidden")).unwrap();
    for (file, text) in [
        ("ugly.rego", UGLY),
        ("pretty.rego", PRETTY),
        ("deeper/ugly.rego", UGLY),
        ("deeper/.hidden/ugly.rego", UGLY),
        ("ugly.txt", UGLY),
    ] {
        std::fs::write(root.join(file), text).unwrap();
    }
    site
}

fn text(site: &Site, file: &str) -> String {
    std::fs::read_to_string(site.path().join("p").join(file)).unwrap()
}

fn with_stdin(site: &Site, args: &[&str], input: &str) -> Ran {
    let mut child = site
        .command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ran::from(child.wait_with_output().unwrap())
}

#[test]
fn a_file_is_printed_formatted_and_left_alone() {
    let site = site();
    let out = site.run(&["policy", "fmt", "p/ugly.rego"]).exits(0);
    assert_eq!(out, PRETTY);
    assert_eq!(text(&site, "ugly.rego"), UGLY);
}

#[test]
fn standard_input_is_formatted_with_and_without_a_dash() {
    let site = Site::new();
    assert_eq!(with_stdin(&site, &["policy", "fmt"], UGLY).exits(0), PRETTY);
    assert_eq!(with_stdin(&site, &["policy", "fmt", "-"], UGLY).exits(0), PRETTY);
    with_stdin(&site, &["policy", "fmt", "-w", "-"], UGLY).fails(2, &["--write"]);
    with_stdin(&site, &["policy", "fmt", "-", "x"], UGLY).fails(2, &["can't be combined"]);
}

#[test]
fn a_directory_is_listed_below_and_written_in_place() {
    let site = site();
    let listed = site.run(&["policy", "fmt", "--list", "p"]).exits(0);
    assert_eq!(listed, "p/deeper/ugly.rego\np/ugly.rego\n");
    site.run(&["policy", "fmt", "--list", "--fail", "p"]).exits(1);
    let file = site.path().join("p/ugly.rego");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let out = site.run(&["policy", "fmt", "--write", "p"]).exits(0);
    assert_eq!(out, "");
    assert_eq!(text(&site, "ugly.rego"), PRETTY);
    assert_eq!(text(&site, "deeper/ugly.rego"), PRETTY);
    assert_eq!(text(&site, "deeper/.hidden/ugly.rego"), UGLY);
    assert_eq!(text(&site, "ugly.txt"), UGLY);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    assert_eq!(std::fs::read_dir(site.path().join("p")).unwrap().count(), 4);
    assert_eq!(site.run(&["policy", "fmt", "-l", "--fail", "p"]).exits(0), "");
}

#[test]
fn a_link_stays_a_link_when_its_file_is_written() {
    let site = site();
    let link = site.path().join("link.rego");
    std::os::unix::fs::symlink("p/ugly.rego", &link).unwrap();
    site.run(&["policy", "fmt", "-w", "link.rego"]).exits(0);
    assert!(link.is_symlink());
    assert_eq!(text(&site, "ugly.rego"), PRETTY);
}

#[test]
fn a_diff_shows_both_texts_and_fail_makes_it_count() {
    let site = site();
    let out = site.run(&["policy", "fmt", "-d", "p/ugly.rego"]).exits(0);
    for line in [
        "--- p/ugly.rego",
        "-package  a",
        "+package a",
        " import data.z",
        "+\tinput.y",
    ] {
        assert!(out.lines().any(|found| found == line), "no `{line}` in\n{out}");
    }
    assert_eq!(site.run(&["policy", "fmt", "-d", "p/pretty.rego"]).exits(0), "");
    site.run(&["policy", "fmt", "-d", "--fail", "p/ugly.rego"])
        .exits(1);
    let ran = site.run(&["policy", "fmt", "--fail", "p/ugly.rego"]);
    assert_eq!(ran.out, "");
    ran.fails(1, &["p/ugly.rego is not formatted"]);
}

#[test]
fn what_does_not_parse_is_shown_and_the_rest_is_formatted() {
    let site = site();
    std::fs::write(
        site.path().join("p/bad.rego"),
        "package a\n\nallow if input.x ==\n",
    )
    .unwrap();
    site.run(&["policy", "fmt", "-w", "p"])
        .fails(2, &["p/bad.rego:3", "^", "1 file can't be formatted"]);
    assert_eq!(text(&site, "ugly.rego"), PRETTY);
    assert_eq!(text(&site, "bad.rego"), "package a\n\nallow if input.x ==\n");
    site.run(&["policy", "fmt", "no/such.rego"])
        .fails(2, &["can't read no/such.rego"]);
    std::fs::write(site.path().join("p/latin.rego"), b"package a # caf\xe9\n").unwrap();
    site.run(&["policy", "fmt", "p/latin.rego"])
        .fails(2, &["not UTF-8 (byte 15)"]);
}

#[test]
fn the_starter_library_is_formatted() {
    let site = Site::new();
    let policies = workspace().join("policies");
    let out = site
        .run(&["policy", "fmt", "--list", "--fail", policies.to_str().unwrap()])
        .exits(0);
    assert_eq!(out, "");
}
