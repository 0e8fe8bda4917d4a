//! The log's writer gets a processor before the threads that wait for it. A file of its own: it looks at the process's threads.
#![cfg(target_os = "linux")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod common;

use std::fs;
use std::sync::Arc;

use common::{open, record};
use stele_testkit::store::{Disk, FaultStore};

/// The nice value of the thread of that name: the 17th field behind the name in `stat` (`proc_pid_stat(5)`).
fn nice_of(name: &str) -> Option<i32> {
    fs::read_dir("/proc/self/task").unwrap().find_map(|task| {
        let stat = fs::read_to_string(task.unwrap().path().join("stat")).ok()?;
        let (before, after) = stat.rsplit_once(") ")?;
        before.ends_with(name).then_some(())?;
        after.split(' ').nth(16)?.parse().ok()
    })
}

#[test]
fn the_writer_comes_first_where_that_is_allowed() {
    // Whether it is allowed is seen by a thread that asks for the same.
    let allowed = std::thread::spawn(|| rustix::process::setpriority_process(None, -10).is_ok());
    let own = rustix::process::getpriority_process(None).unwrap();
    let expected = if allowed.join().unwrap() { -10 } else { own };
    let ledger = open(&Arc::new(FaultStore::new(Disk::new()))).unwrap();
    ledger.append_and_wait(record(0)).unwrap();
    assert_eq!(nice_of("ledger-writer"), Some(expected));
}
