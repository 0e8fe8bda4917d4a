//! `docs/builtins.md` says what contracts do with each builtin. `UPDATE_DOCS=1` rewrites it.
#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "test code may panic"
)]

mod common;

use common::plan;
use std::fmt::Write as _;
use std::path::Path;
use stele_contract::{Options, Reason, compile};
use stele_rego::builtins::{Builtin, TABLE};

const HEAD: &str = "# Builtins in contracts

What a policy contract does with each of OPA's builtins when its arguments are known only at run time. `stele_rego::builtins::TABLE` is the list;
`crates/contract/tests/builtin_table.rs` keeps this page true. Partial coverage (Unicode case, time zones and the like) is in
[the contract's format](formats/policy-contract.md).

* *compiled*: by a routine of the contract.
* *literal N*: compiled if argument N is a literal, which becomes an automaton or a format.
* *build time*: no routine. A call whose arguments are known at build time is computed by the compiler if the builtin depends on nothing else; any other
  is refused with its place.

| builtin | arguments | result | contract |
|---|---|---|---|
";

fn status(builtin: &Builtin) -> String {
    let arity = u32::try_from(builtin.arity()).unwrap();
    match compile(&plan::builtin(builtin.name, arity), &Options::default()) {
        Ok(_) => "compiled".to_owned(),
        Err(refusals) => match &refusals[0].reason {
            Reason::NotLiteral(n) => format!("literal {n}"),
            Reason::Unsupported | Reason::Impure => "build time".to_owned(),
            other => panic!("{}: {other}", builtin.name),
        },
    }
}

#[test]
fn the_table_of_builtins_is_true() {
    let mut rows: Vec<String> = TABLE
        .iter()
        .map(|builtin| {
            let types = |text: &str| text.replace('|', " or ");
            let args: Vec<String> = builtin.args.iter().map(|a| types(a)).collect();
            let (args, result) = (args.join(", "), types(builtin.result));
            format!(
                "| `{}` | {args} | {result} | {} |\n",
                builtin.name,
                status(builtin)
            )
        })
        .collect();
    rows.sort();
    let mut page = String::from(HEAD);
    for row in rows {
        write!(page, "{row}").unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/builtins.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    for (old, new) in committed.lines().zip(page.lines()) {
        assert_eq!(old, new, "docs/builtins.md; see the head of this file");
    }
    assert_eq!(committed.len(), page.len());
}
