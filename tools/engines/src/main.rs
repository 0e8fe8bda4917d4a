//! Other policy engines beside the virtual machine, in one run: `cargo run --release --manifest-path tools/engines/Cargo.toml`.
//!
//! Without arguments: Cedar on the `rbac` workload. With `--write DIR`: the workloads as files, for engines that are programs
//! (`run.sh` hands them to `opa`).

mod cedar;
mod ours;
#[allow(dead_code, reason = "one workload is for the virtual machine alone")]
#[path = "../../../crates/rego/benches/workloads/mod.rs"]
mod workloads;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use cedar::Cedar;
use ours::Ours;

/// Rounds of all questions for each engine; the engines take turns.
const ROUNDS: usize = 200;
/// Questions in a round.
const QUESTIONS: usize = 1_000;

/// A way to answer a question.
type Way<'a> = (&'a str, Box<dyn FnMut(usize) -> bool + 'a>);

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.as_slice() {
        [] => compare(),
        [flag, dir] if flag == "--write" => write(Path::new(dir)),
        _ => anyhow::bail!("usage: stele-engines [--write DIR]"),
    }
}

/// Writes the workloads: `NAME/policy.rego`, `NAME/data.json`, `NAME/input.json`, and `NAME/query` with the rule asked for.
fn write(dir: &Path) -> anyhow::Result<()> {
    for workload in [workloads::rbac(), workloads::k8s(), workloads::tfplan()] {
        let name = workload.file.trim_end_matches(".rego");
        let dir = dir.join(name);
        fs::create_dir_all(&dir).with_context(|| format!("can't make {}", dir.display()))?;
        fs::write(dir.join("policy.rego"), &workload.policy)?;
        fs::write(dir.join("data.json"), &workload.data)?;
        fs::write(dir.join("input.json"), &workload.input)?;
        fs::write(dir.join("query"), format!("data.{}\n", workload.entry_point.replace('/', ".")))?;
    }
    Ok(())
}

/// Every question there is: each user, each permission that some role has, and one that no role has.
fn questions(data: &Value) -> anyhow::Result<Vec<Value>> {
    let users = data["users"].as_object().context("no users")?;
    let roles = data["roles"].as_object().context("no roles")?;
    let mut permissions: Vec<&Value> = roles
        .values()
        .flat_map(|role| role["permissions"].as_array().into_iter().flatten())
        .collect();
    permissions.sort_by_key(|permission| permission.to_string());
    permissions.dedup();
    let none = json!({"action": "approve", "resource": "resource-none"});
    permissions.push(&none);
    let questions = users.keys().flat_map(|user| {
        permissions.iter().map(move |permission| {
            let mut question = (*permission).clone();
            question["user"] = json!(user);
            question
        })
    });
    Ok(questions.collect())
}

fn compare() -> anyhow::Result<()> {
    let workload = workloads::rbac();
    let data: Value = serde_json::from_slice(&workload.data)?;
    let all = questions(&data)?;
    let cedar = Cedar::new(&data)?;
    let mut ours = Ours::new(&workload)?;

    let mut allowed = 0_usize;
    for question in &all {
        let bytes = question.to_string().into_bytes();
        let answers = [
            ours.decide(&bytes)? == b"true",
            cedar.decide(&cedar.request(question)?),
            cedar.decide_bytes(&bytes)? == b"true",
        ];
        ensure!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{question}: ours, Cedar, Cedar from bytes answer {answers:?}"
        );
        allowed += usize::from(answers[0]);
    }
    let input: Value = serde_json::from_slice(&workload.input)?;
    ensure!(all.contains(&input), "the workload's own question is not among them");
    println!("{} questions, {allowed} of them allowed: all answers agree", all.len());

    let step = all.len() / QUESTIONS;
    let asked: Vec<Value> = all.iter().step_by(step).take(QUESTIONS).cloned().collect();
    let bytes: Vec<Vec<u8>> = asked.iter().map(|question| question.to_string().into_bytes()).collect();
    let requests: Vec<_> = asked.iter().map(|question| cedar.request(question)).collect::<Result<_, _>>()?;
    let workload_request = cedar.request(&input)?;
    let mut same = Ours::new(&workload)?;
    let mut ways: Vec<Way<'_>> = vec![
        ("stele, 1,000 questions, bytes to bytes", Box::new(|at| ours.decide(&bytes[at]).is_ok_and(|answer| answer == b"true"))),
        ("cedar, 1,000 questions, bytes to bytes", Box::new(|at| cedar.decide_bytes(&bytes[at]).is_ok_and(|answer| answer == b"true"))),
        ("cedar, 1,000 questions, requests made before", Box::new(|at| cedar.decide(&requests[at]))),
        ("stele, the workload's question, bytes to bytes", Box::new(|_| same.decide(&workload.input).is_ok_and(|answer| answer == b"true"))),
        ("cedar, the workload's question, bytes to bytes", Box::new(|_| cedar.decide_bytes(&workload.input).is_ok_and(|answer| answer == b"true"))),
        ("cedar, the workload's question, request made before", Box::new(|_| cedar.decide(&workload_request))),
    ];
    let mut times: Vec<Vec<Duration>> = vec![Vec::with_capacity(ROUNDS); ways.len()];
    for _ in 0..ROUNDS {
        for ((_, decide), times) in ways.iter_mut().zip(&mut times) {
            let start = Instant::now();
            let yes = (0..QUESTIONS).filter(|at| std::hint::black_box(decide(*at))).count();
            times.push(start.elapsed());
            ensure!(yes > 0, "nothing was allowed");
        }
    }
    println!("microseconds a decision, one thread: least and median of {ROUNDS} rounds of {QUESTIONS}, the engines in turn");
    for ((name, _), times) in ways.iter().zip(&mut times) {
        times.sort_unstable();
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / QUESTIONS as f64;
        println!("{name}: {:.2} {:.2}", micros(times[0]), micros(times[times.len() / 2]));
    }
    Ok(())
}
