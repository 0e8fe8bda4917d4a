//! The runtime library: routines shared by all policies, written in the text form of the low-level IR. Only those that a
//! contract uses are linked.

use crate::abi;
use crate::lir::{Macros, ParseError, Program, callees, parse_into};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// The files in order: a macro must stand before its first use.
const FILES: &[&str] = &[
    include_str!("core.lir"),
    include_str!("collections.lir"),
    include_str!("codec.lir"),
    include_str!("compare.lir"),
    include_str!("text.lir"),
    include_str!("aggregates.lir"),
    include_str!("sets.lir"),
    include_str!("strings.lir"),
    include_str!("arith.lir"),
    include_str!("numbers.lir"),
    include_str!("json.lir"),
    include_str!("jsonread.lir"),
    include_str!("format.lir"),
    include_str!("trees.lir"),
    include_str!("units.lir"),
    include_str!("encode.lir"),
    include_str!("hash.lir"),
    include_str!("time.lir"),
    include_str!("versions.lir"),
    include_str!("patch.lir"),
    include_str!("net.lir"),
    include_str!("dfa.lir"),
    include_str!("search.lir"),
    include_str!("project.lir"),
    include_str!("abi.lir"),
    include_str!("stubs.lir"),
];

/// The function that the EVM enters.
pub(crate) const ENTRY: &str = "main";

/// The whole library, read once: a node builds dozens of contracts when it starts.
///
/// # Errors
/// A syntax error in one of the files, which the tests exclude.
pub(crate) fn library() -> Result<&'static Program, ParseError> {
    static LIBRARY: LazyLock<Result<Program, ParseError>> = LazyLock::new(parse);
    LIBRARY.as_ref().map_err(Clone::clone)
}

fn parse() -> Result<Program, ParseError> {
    let named = abi::named_constants();
    let mut macros = Macros::default();
    let mut program = Program::default();
    for file in FILES {
        parse_into(file, &named, &mut macros, &mut program)?;
    }
    Ok(program)
}

/// Adds to `program` the entry function and the library functions that it uses, directly or not; functions it defines itself take
/// precedence. Library functions that nothing calls are taken out.
pub(crate) fn link(program: &mut Program, library: &Program) {
    let of_library = |name: &str| library.funcs.contains_key(name);
    let mut work: Vec<String> = program
        .funcs
        .iter()
        .filter(|(name, _)| !of_library(name))
        .flat_map(|(_, func)| callees(func))
        .map(str::to_owned)
        .collect();
    work.push(ENTRY.to_owned());
    let mut called = BTreeSet::new();
    while let Some(name) = work.pop() {
        if !called.insert(name.clone()) {
            continue;
        }
        if !program.funcs.contains_key(&name)
            && let Some(func) = library.funcs.get(&name)
        {
            program.funcs.insert(name.clone(), func.clone());
        }
        if let Some(func) = program.funcs.get(&name) {
            work.extend(callees(func).into_iter().map(str::to_owned));
        }
    }
    program
        .funcs
        .retain(|name, _| called.contains(name) || !of_library(name));
}
