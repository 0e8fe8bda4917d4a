//! How fast secrets are found: writes a corpus of generated source once, then scans it.
//!
//! `cargo xtask bench-secrets [MEGABYTES] [FOLDER]`: FOLDER, if it is there already, is scanned as it is.
#![allow(
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "a measuring program, with the generator of the tests"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Chance, corpus, expand};
use std::path::{Path, PathBuf};
use std::time::Instant;
use stele_secrets::source::{Options, Scan, scan_path};
use stele_secrets::{Allowlist, RuleSet, Scanner};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let megabytes: usize = arguments
        .next()
        .map_or(1000, |text| text.parse().expect("MEGABYTES is a number"));
    let folder = arguments.next().map_or_else(
        || std::env::temp_dir().join(format!("stele-secrets-{megabytes}")),
        PathBuf::from,
    );
    if !folder.is_dir() {
        generate(&folder, megabytes);
        println!("wrote {megabytes} MB to {}", folder.display());
    }
    let started = Instant::now();
    let scanner = Scanner::new(RuleSet::built_in().unwrap()).unwrap();
    let ready = started.elapsed();
    let (allowlist, options) = (Allowlist::default(), Options::default());
    let scan = Scan {
        scanner: &scanner,
        allowlist: &allowlist,
        options: &options,
        progress: &(),
    };
    let report = scan_path(&scan, &folder, None).unwrap();
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{} texts, {:.1} MB, {} secrets, {} threads: {seconds:.2} s, {:.0} MB/s (rules ready after {:.0} ms)",
        report.stats.texts,
        report.stats.bytes as f64 / 1e6,
        report.findings.len(),
        options.threads,
        report.stats.bytes as f64 / 1e6 / seconds,
        ready.as_secs_f64() * 1e3
    );
}

/// Files of 2 to 200 KB in folders of a hundred, a token in every hundredth.
fn generate(folder: &Path, megabytes: usize) {
    let mut chance = Chance::new("throughput");
    let (mut written, mut number) = (0, 0);
    while written < megabytes * 1_000_000 {
        let kind = corpus::KINDS[chance.below(corpus::KINDS.len())];
        let size = 2000 + chance.below(200) * chance.below(1000);
        let mut text = corpus::file(kind, size, &mut chance);
        if number % 100 == 99 {
            text.push_str(&expand("\ntoken = \"ghp_<alnum:30><base62crc>\"\n", &mut chance));
        }
        let parent = folder.join(format!("{:04}", number / 100));
        std::fs::create_dir_all(&parent).expect("the folder can be made");
        std::fs::write(parent.join(format!("{number}.{kind}")), &text).expect("the disk has room");
        written += text.len();
        number += 1;
    }
}
