//! Explores every scope and prints what was visited: `cargo run --release -p stele-model`.

use std::io::Write as _;
use std::process::ExitCode;

use stele_model::explore::explore;
use stele_model::scope::Scope;

fn main() -> std::io::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let mut clean = true;
    for scope in Scope::all() {
        let name = scope.name;
        let report = explore(scope, None);
        writeln!(out, "{name}: {} states, depth {}", report.states, report.depth)?;
        for (invariant, path) in &report.broken {
            writeln!(out, "BROKEN: {invariant}\n{path}")?;
        }
        for sight in &report.missed {
            writeln!(out, "NEVER SEEN: {sight}")?;
        }
        clean &= report.is_clean();
    }
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
