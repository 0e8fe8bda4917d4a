//! Known vulnerabilities of packages: [OSV](https://ossf.github.io/osv-schema/) data in an embedded store, and what it says of the packages of a bill of materials.
//!
//! [`import()`] fills a [`Store`]; [`scan`] matches [`Package`]s with it, each by its ecosystem's [`order`] of versions; [`Vex`] says which findings don't count, and why;
//! [`report`] makes findings of the gate and the input of policies of it. Nothing here reads a clock or asks a network.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        reason = "tests may panic"
    )
)]

mod bill;
mod cvss;
mod ecosystem;
pub mod import;
mod matching;
pub mod order;
mod osv;
mod package;
pub mod report;
mod scan;
mod store;
mod vex;

pub use bill::{BillError, read_bill};
pub use cvss::Rating;
pub use ecosystem::{Distro, Known};
pub use import::{ImportError, Imported, import};
pub use osv::{Advisory, Affected, Event, Record, RecordError};
pub use package::{Package, Place};
pub use scan::{Found, Scan, Suppressed, Unchecked, ecosystems, scan};
pub use store::{DataInfo, ImportInfo, Store, StoreError};
pub use vex::{Statement, Vex, VexProblem};
