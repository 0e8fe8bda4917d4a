//! How long it takes from starting `stele check` on one file to its end, findings shown: the whole library is compiled each time.

use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::repository;
use crate::shell::say;

/// Checks one file of each kind so many times, after once that does not count.
pub(super) fn measure(stele: &Path, directory: &Path, runs: usize) -> Result<()> {
    ensure!(runs > 0, "one run at least");
    std::fs::create_dir_all(directory)?;
    for (name, text) in repository::wrong_files() {
        std::fs::write(directory.join(name), text)?;
        once(stele, directory, name)?;
        let mut found = Vec::new();
        for _ in 0..runs {
            found.push(once(stele, directory, name)?);
        }
        let (wall, processors): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let mean = processors.iter().sum::<f64>() * 1000.0 / runs as f64;
        say(&format!(
            "{name}: median {:.1} ms, least {:.1} ms, worst {:.1} ms of {runs}; {mean:.0} ms of processors' time on average",
            at(&wall, 2),
            at(&wall, usize::MAX),
            at(&wall, 1)
        ));
    }
    Ok(())
}

/// Of the sorted times the one behind all but a part of them, in milliseconds: the worst of 1, the median of 2, the least of many.
fn at(times: &[Duration], part: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let place = match part {
        1 => 0,
        2 => sorted.len() / 2,
        _ => sorted.len().saturating_sub(1),
    };
    sorted.get(place).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

/// The time on the clock, and the seconds of all processors, which the system counts in hundredths.
fn once(stele: &Path, directory: &Path, name: &str) -> Result<(Duration, f64)> {
    let mut command = Command::new("/usr/bin/time");
    command.args(["-f", "%U %S"]).arg(stele);
    command.args(["check", "--dry-run", name]).current_dir(directory);
    let begin = Instant::now();
    let output = command.output();
    let elapsed = begin.elapsed();
    let output = output.context("can't start /usr/bin/time (Debian: apt-get install time)")?;
    ensure!(
        output.status.success() && !output.stdout.is_empty(),
        "stele found nothing in {name}"
    );
    let errors = String::from_utf8(output.stderr)?;
    let last = errors.lines().last().unwrap_or_default();
    let seconds: Result<Vec<f64>, _> = last.split(' ').map(str::parse).collect();
    Ok((
        elapsed,
        seconds.context("`time` says something else")?.iter().sum(),
    ))
}
