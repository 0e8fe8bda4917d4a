//! `docs/builtins.md` says what the code does: the page is made here, from the registry and from what the compiler takes.
//!
//! `UPDATE_DOCS=1 cargo test -p stele-contract --test builtin_table` writes it anew.
#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "test code may panic"
)]
#![allow(dead_code, reason = "the helpers serve several test binaries")]

mod common;

use std::fmt::Write as _;
use std::path::PathBuf;

use common::plan;
use stele_contract::{Options, Reason, compile};
use stele_rego::builtins::{Builtin, Purity, Refusal, TABLE};

/// Builtins that refuse some arguments that OPA takes.
const IN_PART: [&str; 5] = [
    "json.match_schema",
    "json.verify_schema",
    "rego.parse_module",
    "strings.render_template",
    "yaml.is_valid",
];

const HEAD: &str = "# Builtin functions

Made from the code by `crates/contract/tests/builtin_table.rs`, which fails when this page says anything else. Change the code, then run
`UPDATE_DOCS=1 cargo test -p stele-contract --test builtin_table`.

* **Engines**: the virtual machine that decides and explains, and the reference evaluator. Both execute the same functions; what one refuses, both refuse.
  *in part*: some arguments are refused, see [divergences from OPA](opa-divergences.md). Of a text that is a module, `rego.parse_module` gives no tree.
* **Contract**: the EVM contract compiled from a policy. *constants*: only where all arguments are known when the contract is built. *literal n*:
  argument n must be a literal, from which a table is built. Where a routine covers a part only (Unicode case, time zones and the like),
  [the contract's format](formats/policy-contract.md) says so.
* **Depends on**: *context* is the time of the decision, which is recorded with it. What depends on the *world*, on chance or on the process is
  answered by the host of the evaluation and recorded in the decision's `nd_builtin_cache`, from which the decision can be repeated. It is
  refused where there is no host: in contracts, in log masks, in tests without a `with`, in queries over HTTP.

A refusal is an error with a reason, never a wrong or an undefined result. OPA's operators stand under the names that OPA's plans give them:
`a + b` is `plus`. Not listed, because nothing of them is left when a policy runs: `print` (`internal.print` where it is kept), `rego.metadata.rule` and
`rego.metadata.chain` (settled by the compiler), `:=`, `=` and `some`.
";

/// What contracts do with a builtin.
fn in_contracts(builtin: &Builtin) -> String {
    let mut literals = vec![None; builtin.arity()];
    loop {
        let Err(refusals) = compile(
            &plan::partly_literal(builtin.name, &literals),
            &Options::default(),
        ) else {
            let needed = literals
                .iter()
                .enumerate()
                .filter(|(_, literal)| literal.is_some());
            let needed: Vec<String> = needed
                .map(|(index, _)| format!("literal {}", index + 1))
                .collect();
            return if needed.is_empty() {
                "yes".to_owned()
            } else {
                needed.join(", ")
            };
        };
        let refusal = refusals.first().expect("a refusal");
        match refusal.reason {
            Reason::NotLiteral(place) => {
                let literal = literals.get_mut(place - 1).expect("an argument");
                if literal.is_some() {
                    // No text will do: a list is wanted.
                    return format!("literal 1, literal {place}");
                }
                *literal = Some("a");
            }
            Reason::Unsupported
                if builtin.refusal().is_none() && builtin.purity == Purity::Pure && !builtin.relation =>
            {
                return "constants".to_owned();
            }
            Reason::Unsupported | Reason::Impure => return "no".to_owned(),
            _ => panic!("{}: {refusal}", builtin.name),
        }
    }
}

fn in_engines(builtin: &Builtin) -> String {
    match builtin.refusal() {
        None if IN_PART.contains(&builtin.name) => "in part".to_owned(),
        None => "yes".to_owned(),
        Some(Refusal::Impure) => "refused: not repeatable".to_owned(),
        Some(Refusal::Unimplemented) => "refused: not implemented".to_owned(),
        Some(other) => format!("refused: {other}"),
    }
}

fn page() -> String {
    let mut builtins: Vec<&Builtin> = TABLE.iter().collect();
    builtins.sort_by_key(|builtin| builtin.name);
    let rows: Vec<[String; 5]> = builtins
        .iter()
        .map(|builtin| {
            let signature = format!("({}) {}", builtin.args.join(", "), builtin.result).replace('|', "\\|");
            let depends = match builtin.purity {
                Purity::Pure => "arguments",
                Purity::Contextual => "context",
                Purity::Impure => "world",
            };
            [
                format!("`{}`", builtin.name),
                signature,
                in_engines(builtin),
                in_contracts(builtin),
                depends.to_owned(),
            ]
        })
        .collect();
    let count = |column: usize, wanted: &str| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.filter(|cell| cell.as_str() == wanted).count()
    };
    let (all, engines, contracts, constants) = (
        rows.len(),
        count(2, "yes"),
        count(3, "yes"),
        count(3, "constants"),
    );
    let partly = count(2, "in part");
    let literal = rows.iter().filter(|row| row[3].starts_with("literal")).count();
    let mut page = format!(
        "{HEAD}\nOf {all} builtins the engines execute {engines} and {partly} in part; contracts compute {contracts} of any arguments, {literal} with some literal arguments and \
         {constants} of constants.\n\n| builtin | arguments and result | engines | contract | depends on |\n|---|---|---|---|---|\n"
    );
    for row in &rows {
        writeln!(page, "| {} |", row.join(" | ")).unwrap();
    }
    page
}

#[test]
fn the_page_says_what_the_code_does() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/builtins.md");
    let wanted = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    let stale: Vec<&str> = wanted
        .lines()
        .filter(|line| !found.lines().any(|other| other == *line))
        .collect();
    assert!(
        found == wanted,
        "docs/builtins.md is out of date (UPDATE_DOCS=1 writes it):\n{}",
        stale.join("\n")
    );
}

#[test]
fn the_columns_tell_builtins_apart() {
    let contract = |name| in_contracts(stele_rego::builtins::find(name).unwrap());
    assert_eq!(contract("plus"), "yes");
    assert_eq!(contract("regex.match"), "literal 1");
    assert_eq!(contract("http.send"), "no");
    assert_eq!(contract("time.now_ns"), "yes");
    assert_eq!(contract("graphql.is_valid"), "constants");
}
