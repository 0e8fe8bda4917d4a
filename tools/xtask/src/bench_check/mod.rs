//! What `stele check` takes for large inputs, a Terraform plan and a repository of many kinds of files, and until its first finding on one small file. All are made
//! here and are the same every time.

mod plan;
mod repository;
mod startup;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::shell::{cargo, run, say, target_dir};

/// `plan [MEGABYTES] [FILE]`, `repository [FILES] [FOLDER]` or `startup [RUNS]`: writes the input where it is not there yet, and checks it with the starter library.
pub(crate) fn run_bench(arguments: &[String]) -> Result<()> {
    let words = "say `plan`, `repository` or `startup`";
    let (what, rest) = arguments.split_first().context(words)?;
    if what == "startup" {
        let runs = rest.first().map_or(Ok(20), |runs| runs.parse());
        let runs = runs.context("the number of runs is a number")?;
        build()?;
        return startup::measure(&stele()?, &target_dir().join("bench-check/startup"), runs);
    }
    let (default_size, default_place) = match what.as_str() {
        "plan" => (150, "plan.json"),
        "repository" => (5_000, "repository"),
        other => bail!("what is `{other}`? {words}"),
    };
    let size = rest.first().map_or(Ok(default_size), |size| size.parse());
    let size: usize = size.context("the size is a number")?;
    let place = rest.get(1).map(PathBuf::from);
    let place = place.unwrap_or_else(|| target_dir().join("bench-check").join(default_place));
    if place.exists() {
        say(&format!("{} is there already", place.display()));
    } else {
        let parent = place.parent().context("a place below a directory")?;
        std::fs::create_dir_all(parent)?;
        match what.as_str() {
            "plan" => plan::write(&place, size)?,
            _ => repository::write(&place, size)?,
        }
    }
    build()?;
    measure(&place)
}

fn build() -> Result<()> {
    run(cargo(&["build", "--release", "--workspace", "--bin", "stele"]).stdout(Stdio::null()))
}

fn stele() -> Result<PathBuf> {
    Ok(target_dir().join("release/stele").canonicalize()?)
}

/// Checks a path a few times; the system's `time` tells the memory.
fn measure(place: &Path) -> Result<()> {
    let stele = stele()?;
    let place = place.canonicalize()?;
    let elsewhere = place.parent().context("a place below a directory")?;
    for _ in 0..3 {
        let start = Instant::now();
        let mut command = Command::new("/usr/bin/time");
        command
            .args(["-f", "%M KiB at most resident, %U s on processors"])
            .arg(&stele);
        command
            .args(["check", "--dry-run", "--format", "sarif"])
            .arg(&place);
        let status = command.current_dir(elsewhere).stdout(Stdio::null()).status();
        let status = status.context("can't start /usr/bin/time (Debian: apt-get install time)")?;
        say(&format!("{:.2} s, {status}", start.elapsed().as_secs_f64()));
    }
    Ok(())
}
