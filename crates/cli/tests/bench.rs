#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]
//! `stele policy bench` beside what `opa bench` documents. No figure is judged here.

mod support;

use serde_json::Value;
use support::{Ran, Site};

fn bench(site: &Site, args: &[&str]) -> Ran {
    site.run(
        &[
            &[
                "policy",
                "bench",
                "--duration",
                "5",
                "-d",
                "p.rego",
                "-i",
                "in.json",
            ],
            args,
        ]
        .concat(),
    )
}

fn site() -> Site {
    let site = Site::new();
    std::fs::write(site.path().join("p.rego"), "package p\n\nq if input.n > 1\n").unwrap();
    std::fs::write(site.path().join("in.json"), r#"{"n": 2}"#).unwrap();
    site
}

#[test]
fn every_engine_is_measured() {
    let site = site();
    for engine in ["vm", "evm", "regorus"] {
        let text = bench(&site, &["--engine", engine, "--format", "json", "data.p.q"]).exits(0);
        let run: Value = serde_json::from_str(&text).unwrap();
        let samples = run["N"].as_u64().unwrap();
        assert!(samples > 0 && run["T"].as_u64().unwrap() > 0, "{run}");
        let extra = |name: &str| {
            run["Extra"][format!("histogram_timer_rego_query_eval_ns_{name}")]
                .as_f64()
                .unwrap()
        };
        assert!(
            extra("min") <= extra("median") && extra("median") <= extra("99%"),
            "{run}"
        );
        assert!(
            extra("99%") <= extra("max") && extra("min") <= extra("mean"),
            "{run}"
        );
    }
}

#[test]
fn runs_are_repeated_and_printed_as_asked() {
    let site = site();
    let lines = bench(&site, &["--count", "3", "-f", "gobench", "data.p.q"]).exits(0);
    assert_eq!(lines.lines().count(), 3);
    assert!(
        lines
            .lines()
            .all(|line| line.starts_with("BenchmarkSteleEval") && line.ends_with("ns/op"))
    );
    let table = bench(&site, &["data.p.q"]).exits(0);
    for name in ["samples", "ns/op", "histogram_timer_rego_query_eval_ns_99.9%"] {
        assert!(table.contains(name), "{table}");
    }
}

#[test]
fn undefined_and_wrong_queries_are_not_measured() {
    let site = site();
    bench(&site, &["data.p.nothing"]).fails(1, &["undefined"]);
    bench(&site, &["--allow-undefined", "data.p.nothing"]).exits(0);
    bench(&site, &["x"]).fails(2, &["rego_unsafe_var_error"]);
    bench(&site, &["--count", "0", "data.p.q"]).exits(2);
}
