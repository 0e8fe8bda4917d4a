//! Where texts come from: standard input, files, archives, Git.

mod archive;
mod files;
mod git;
mod text;
mod zip;

pub use files::{scan_path, scan_reader};
pub use git::{History, repository_root, scan_history, scan_staged};

use crate::allow::Allowlist;
use crate::engine::Scanner;
use crate::finding::{Finding, Problem};
use serde::Serialize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How to scan.
#[derive(Clone, Debug)]
pub struct Options {
    /// Files and blobs above this many bytes are left out, and reported; none: nothing is too large.
    pub max_file_size: Option<u64>,
    /// Whether files that `.gitignore` and its like exclude are scanned too.
    pub include_ignored: bool,
    /// Threads, at least 1.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_file_size: None,
            include_ignored: false,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

/// Told how far a scan is, from any thread.
pub trait Progress: Sync {
    /// How many texts there are; it may be called once they are counted.
    fn total(&self, texts: u64);
    /// A text is done.
    fn done(&self);
}

impl Progress for () {
    fn total(&self, _: u64) {}
    fn done(&self) {}
}

/// An inline directive that allowed nothing, or can't.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdleDirective {
    /// The file.
    pub path: String,
    /// Its line, from 1.
    pub line: u64,
    /// The rule it names.
    pub rule: String,
    /// Whether its reason is missing: then it is not honoured.
    pub without_reason: bool,
}

/// What was scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Files, blobs, and members of archives.
    pub texts: u64,
    /// Their bytes, after decompression.
    pub bytes: u64,
    /// Left out because they are binary.
    pub binary: u64,
    /// Secrets that inline directives or the allowlist allowed.
    pub allowed: u64,
}

/// The outcome of a scan. Findings and problems are in the order of path, line and column, whatever the threads did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Secrets that nothing allows.
    pub findings: Vec<Finding>,
    /// What could not be scanned.
    pub problems: Vec<Problem>,
    /// Directives to clean up.
    pub idle_directives: Vec<IdleDirective>,
    /// Totals.
    pub stats: Stats,
}

impl Report {
    fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.problems.extend(other.problems);
        self.idle_directives.extend(other.idle_directives);
        let (a, b) = (&mut self.stats, other.stats);
        a.texts = a.texts.saturating_add(b.texts);
        a.bytes = a.bytes.saturating_add(b.bytes);
        a.binary = a.binary.saturating_add(b.binary);
        a.allowed = a.allowed.saturating_add(b.allowed);
    }

    fn sort(&mut self) {
        self.findings.sort_by(|a, b| {
            (&a.path, a.line, a.column, &a.rule, &a.layers)
                .cmp(&(&b.path, b.line, b.column, &b.rule, &b.layers))
        });
        self.problems
            .sort_by(|a, b| (&a.path, &a.message).cmp(&(&b.path, &b.message)));
        self.idle_directives
            .sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    }
}

/// Everything a scan needs besides its texts.
#[derive(Clone, Copy)]
pub struct Scan<'s> {
    /// Finds.
    pub scanner: &'s Scanner,
    /// Allows.
    pub allowlist: &'s Allowlist,
    /// Limits.
    pub options: &'s Options,
    /// Told of progress.
    pub progress: &'s dyn Progress,
}

impl Scan<'_> {
    /// Runs `work` on every item, on as many threads as asked for. The worker's scanner is its own.
    fn run<T: Sync>(&self, items: &[T], work: impl Fn(&mut text::Worker<'_>, &T) + Sync) -> Report {
        self.run_with(items, || (), |worker, (), item| work(worker, item))
    }

    /// As [`Scan::run`], with something that each thread makes for itself.
    fn run_with<T: Sync, S>(
        &self,
        items: &[T],
        state: impl Fn() -> S + Sync,
        work: impl Fn(&mut text::Worker<'_>, &mut S, &T) + Sync,
    ) -> Report {
        self.progress.total(items.len() as u64);
        let next = AtomicUsize::new(0);
        let report = Mutex::new(Report::default());
        let threads = self.options.threads.clamp(1, items.len().max(1));
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let mut worker = text::Worker::new(self);
                    let mut state = state();
                    while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                        work(&mut worker, &mut state, item);
                        self.progress.done();
                    }
                    let found = worker.into_report();
                    report
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .add(found);
                });
            }
        });
        let mut report = report
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        report.sort();
        report
    }
}
