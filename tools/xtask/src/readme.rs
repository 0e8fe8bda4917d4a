//! Runs the README's two commands as written, and the walk through that follows them.

use crate::shell::{cargo, root, run, say, target_dir};
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long `stele up` may take once it is built; a bound on a hang, not a benchmark.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A line of the README's walk through: the command and the exit code it promises.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    command: String,
    exit_code: i32,
}

/// `cargo xtask readme`.
pub(crate) fn run_readme() -> Result<()> {
    let text = std::fs::read_to_string(root().join("README.md")).context("can't read README.md")?;
    let main_job = main_job(&text)?;
    run(&mut cargo(&["build", "--release"]))?;
    let data = root().join(".stele");
    if data.exists() {
        bail!(
            "{} is in the way: the README starts from a fresh clone",
            data.display()
        );
    }
    let outcome = (|| {
        let mut node = start(&main_job)?;
        let outcome = walk(&steps(&text)?);
        stop(&mut node)?;
        outcome
    })();
    let _ = std::fs::remove_dir_all(&data);
    outcome
}

/// The README's first command, word by word.
fn main_job(text: &str) -> Result<Vec<String>> {
    let line = text
        .lines()
        .find(|line| line.starts_with("cargo run --release -- up"))
        .context("README.md has no `cargo run --release -- up`")?;
    Ok(line
        .split('#')
        .next()
        .unwrap_or(line)
        .split_whitespace()
        .map(Into::into)
        .collect())
}

/// The commands of the block marked `<!-- walk -->`; `# exit N` after a command promises another exit code than 0.
fn steps(text: &str) -> Result<Vec<Step>> {
    let block = text
        .split("<!-- walk -->")
        .nth(1)
        .context("README.md has no <!-- walk --> block")?;
    let steps: Vec<Step> = block
        .lines()
        .skip_while(|line| !line.starts_with("```"))
        .skip(1)
        .take_while(|line| !line.starts_with("```"))
        .filter(|line| !line.trim().is_empty())
        .map(|line| {
            let (command, comment) = line.split_once(" #").unwrap_or((line, ""));
            let promised = comment
                .split("exit ")
                .nth(1)
                .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
            Step {
                command: command.trim().into(),
                exit_code: promised.and_then(|code| code.parse().ok()).unwrap_or(0),
            }
        })
        .collect();
    if steps.is_empty() {
        bail!("the <!-- walk --> block of README.md is empty");
    }
    Ok(steps)
}

fn start(words: &[String]) -> Result<Child> {
    say(&format!("$ {}", words.join(" ")));
    let (program, args) = words.split_first().context("empty command")?;
    let mut child = Command::new(program)
        .args(args)
        .current_dir(root())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().context("no standard output")?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            say(&format!("  {line}"));
            let _ = sender.send(line);
        }
    });
    loop {
        match receiver.recv_timeout(START_LIMIT) {
            Ok(line) if line.contains("try:") => return Ok(child),
            Ok(_) => {}
            Err(error) => {
                let _ = child.kill();
                bail!("`stele up` did not say it is ready: {error}");
            }
        }
    }
}

/// Stops the node as Ctrl-C does and waits for a clean exit.
fn stop(child: &mut Child) -> Result<()> {
    // `cargo run` replaces itself with the program on Unix, so the signal reaches the node.
    run(Command::new("kill").args(["-INT", &child.id().to_string()]))?;
    let status = child.wait()?;
    if !status.success() {
        bail!("`stele up` ended with {status} after an interrupt");
    }
    Ok(())
}

fn walk(steps: &[Step]) -> Result<()> {
    let binaries = target_dir().join("release");
    let path = std::env::var("PATH").unwrap_or_default();
    for step in steps {
        say(&format!("$ {}", step.command));
        let status = Command::new("bash")
            .args(["-o", "pipefail", "-c", &step.command])
            .current_dir(root())
            .env("PATH", format!("{}:{path}", Path::new(&binaries).display()))
            .status()?;
        if status.code() != Some(step.exit_code) {
            bail!(
                "`{}` ended with {status}; the README promises exit code {}",
                step.command,
                step.exit_code
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_carry_their_promised_exit_code() {
        let text = "x\n<!-- walk -->\n\n```sh\nstele policy list   # what is in force\nstele decide x   # exit 1: denied\n```\n";
        let expected = [("stele policy list", 0), ("stele decide x", 1)];
        let steps = steps(text).unwrap();
        let found: Vec<_> = steps
            .iter()
            .map(|step| (step.command.as_str(), step.exit_code))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_readme_without_a_walk_is_an_error() {
        assert!(steps("nothing").is_err());
        assert!(main_job("nothing").is_err());
    }
}
