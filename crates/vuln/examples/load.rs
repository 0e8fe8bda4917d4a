//! How fast OSV data are imported and packages matched: `cargo xtask bench-vuln [RECORDS] [PACKAGES]`. Everything is made up, and the same each time.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    reason = "a program that measures prints what it measured, and counts far below any limit"
)]

use jiff::Timestamp;
use serde_json::{Value, json};
use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;
use stele_vuln::import::{Limits, Options};
use stele_vuln::report::Report;
use stele_vuln::{Package, Store, Vex, import, scan};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Ecosystems with the form of their package URLs.
const ECOSYSTEMS: [(&str, &str, &str); 5] = [
    ("npm", "pkg:npm/", ""),
    ("PyPI", "pkg:pypi/", ""),
    ("Maven", "pkg:maven/org.example/", ""),
    ("crates.io", "pkg:cargo/", ""),
    ("Debian:12", "pkg:deb/debian/", "?distro=debian-12"),
];

/// Each fifth package of an ecosystem has many advisories, as the well-known ones have.
fn package_of(record: usize) -> usize {
    if record.is_multiple_of(3) {
        record % 50
    } else {
        record % 20_000
    }
}

fn record(number: usize, now: Timestamp) -> Value {
    let (ecosystem, ..) = ECOSYSTEMS[number % ECOSYSTEMS.len()];
    let package = package_of(number / ECOSYSTEMS.len());
    let name = match ecosystem {
        "Maven" => format!("org.example:package-{package}"),
        _ => format!("package-{package}"),
    };
    let (major, minor) = (number % 9, number % 40);
    let versions: Vec<String> = (0..30).map(|patch| format!("{major}.{minor}.{patch}")).collect();
    json!({
        "schema_version": "1.7.3", "id": format!("OWN-2026-{number:06}"), "modified": now, "published": "2026-01-01T00:00:00Z",
        "aliases": [format!("CVE-2026-{number:06}")],
        "summary": "Made up to measure", "details": "A paragraph of about as many characters as advisories have. ".repeat(20),
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],
        "references": [{"type": "WEB", "url": "https://example.org/advisory"}],
        "affected": [{"package": {"ecosystem": ecosystem, "name": name}, "versions": versions,
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": format!("{major}.0.0")}, {"fixed": format!("{major}.{minor}.30")}]}]}],
    })
}

fn package(number: usize) -> Option<Package> {
    let (_, front, end) = ECOSYSTEMS[number % ECOSYSTEMS.len()];
    let name = number / ECOSYSTEMS.len();
    Package::of_purl(
        &format!("{front}package-{name}@{}.{}.1{end}", number % 9, number % 40),
        None,
    )
}

/// The most memory that was held, in MiB, where the system says so.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? / 1024)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let records: usize = arguments.next().map_or(Ok(100_000), |text| text.parse())?;
    let packages: usize = arguments.next().map_or(Ok(5_000), |text| text.parse())?;
    let home = std::env::temp_dir().join(format!("stele-vuln-{}", std::process::id()));
    std::fs::create_dir_all(&home)?;
    let measured = measure(&home, records, packages);
    std::fs::remove_dir_all(&home)?;
    measured
}

fn measure(home: &Path, records: usize, count: usize) -> Result<(), Box<dyn Error>> {
    let now = Timestamp::now();
    let archive = home.join("all.zip");
    let mut writer = ZipWriter::new(std::fs::File::create(&archive)?);
    let mut bytes = 0;
    for number in 0..records {
        writer.start_file(format!("OWN-2026-{number:06}.json"), SimpleFileOptions::default())?;
        let text = record(number, now).to_string();
        bytes += text.len();
        writer.write_all(text.as_bytes())?;
    }
    writer.finish()?;
    let options = Options {
        add: false,
        now,
        limits: Limits::default(),
    };
    let start = Instant::now();
    let done = import(&home.join("vuln"), &[archive], &options, &|_| ())?;
    let took = start.elapsed().as_secs_f64();
    let size = std::fs::metadata(home.join("vuln/osv.redb"))?.len();
    println!(
        "import: {} records ({} MB unpacked) in {took:.2} s, {} MB on disk, at most {} MiB of memory",
        done.taken,
        bytes / 1_000_000,
        size / 1_000_000,
        memory().unwrap_or_default(),
    );
    let packages: Vec<Package> = (0..count).filter_map(package).collect();
    let start = Instant::now();
    let store = Store::open(&home.join("vuln"))?.ok_or("no store")?;
    let found = scan(&store, &packages, &mut Vex::default(), None, &|_| ())?;
    let report = Report {
        scan: &found,
        packages: &packages,
        name: "load",
        now,
    };
    let summary = report.summary();
    println!("match: {:.3} s: {summary}", start.elapsed().as_secs_f64());
    Ok(())
}
