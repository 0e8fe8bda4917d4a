//! The driver: plan in, contract out.

use crate::asm::{self, AsmError, Assembled, Item, Label};
use crate::codegen::{self, CodegenError, Generated};
use crate::error::{InternalError, Reason, Refusal};
use crate::layout::Layout;
use crate::lir::{self, Program, Var};
use crate::lower::{self, Lowered};
use crate::runtime;
use crate::source_map::{PolicyFunction, SourceMap};
use crate::{CREATION_PREFIX, Options};
use alloy_primitives::keccak256;
use std::collections::BTreeMap;
use stele_rego::ir;
use stele_types::{Digest, EntryPoint};

/// Entry points that are named to who asked for one that there is none of.
const SHOWN: usize = 16;

/// An entry point of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractEntryPoint {
    /// Path, `kubernetes/admission/deny`; a plan of another form of name (`eval`) keeps its name.
    pub path: String,
    /// SHA-256 of the path: the `entryPoint` argument of `evaluate`.
    pub id: Digest,
}

/// A compiled policy.
#[derive(Clone, Debug)]
pub struct Contract {
    /// The deployed code.
    pub runtime: Vec<u8>,
    /// Init code that deploys `runtime`; it takes no arguments.
    pub creation: Vec<u8>,
    /// keccak256 of `runtime`, as the EVM's `EXTCODEHASH` gives it.
    pub code_hash: Digest,
    /// Entry points in the plan's order.
    pub entry_points: Vec<ContractEntryPoint>,
    /// Bytes of `runtime` that are code; the constants and tables behind them are data.
    pub code_size: usize,
    /// Program counter to Rego line.
    pub source_map: SourceMap,
    /// First program counter and name of every function of the low-level program, ascending, for profiles.
    pub routines: Vec<(u32, String)>,
    /// The linked low-level program in its text form, for `--emit ir`.
    pub program: Program,
    /// The assembly, for `--emit asm`.
    pub assembly: Vec<Item>,
}

/// The id that selects an entry point: SHA-256 of its path.
#[must_use]
pub fn entry_point_id(path: &str) -> Digest {
    match EntryPoint::new(path) {
        Ok(entry) => entry.hash(),
        Err(_) => stele_types::sha256(&[path.as_bytes()]),
    }
}

/// Compiles the plan's entry points (all of them, or those of [`Options::entry_points`]) into one contract. The same plan
/// and options give the same bytes.
///
/// # Errors
/// Everything that can't be compiled, each with its place: unsupported or impure builtins, numbers without an exact form,
/// code above the size limit, plans that break a rule of the intermediate representation.
pub fn compile(policy: &ir::Policy, options: &Options) -> Result<Contract, Vec<Refusal>> {
    let policy = &stele_rego::optimise(policy);
    let mut plans: Vec<(&ir::Plan, [u8; 32])> = Vec::new();
    for plan in &policy.plans {
        if options
            .entry_points
            .as_ref()
            .is_none_or(|list| list.contains(&plan.name))
        {
            plans.push((plan, entry_point_id(&plan.name).0));
        }
    }
    for name in options.entry_points.iter().flatten() {
        if policy.plan(name).is_none() {
            let known: Vec<&str> = policy.plans.iter().map(|plan| plan.name.as_str()).collect();
            let shown = known.get(..SHOWN).map_or_else(
                || known.join(", "),
                |some| {
                    format!(
                        "{} and {} more",
                        some.join(", "),
                        known.len().saturating_sub(SHOWN)
                    )
                },
            );
            return Err(vec![Refusal::whole(name, Reason::NoEntryPoint(shown))]);
        }
    }
    let lowered = lower::lower(policy, &plans, options)?;
    let Built {
        program,
        generated,
        assembled,
        functions,
    } = build(lowered, options.max_code_size.min(crate::EIP170_LIMIT))?;
    let size = assembled.bytes.len();
    if size > options.max_code_size {
        let reason = Reason::CodeSize {
            size,
            limit: options.max_code_size,
        };
        return Err(vec![Refusal::whole("contract", reason)]);
    }
    let source_map = SourceMap::new(&assembled, &generated.places, &policy.static_.files, functions);
    let entry_points = plans
        .iter()
        .map(|(plan, id)| ContractEntryPoint {
            path: plan.name.clone(),
            id: Digest(*id),
        })
        .collect();
    Ok(Contract {
        creation: creation_code(&assembled.bytes),
        code_hash: Digest(keccak256(&assembled.bytes).0),
        routines: routines(&generated, &assembled),
        runtime: assembled.bytes,
        code_size: assembled.code_len,
        entry_points,
        source_map,
        program,
        assembly: generated.items,
    })
}

/// What the phases after lowering make.
struct Built {
    program: Program,
    generated: Generated,
    assembled: Assembled,
    functions: Vec<PolicyFunction>,
}

/// Links, verifies, generates, verifies again, assembles. Of code that is longer than `target` a shorter form is made, if there is
/// one.
fn build(lowered: Lowered, target: usize) -> Result<Built, InternalError> {
    let Lowered {
        mut program,
        pool,
        memo_slots,
        tables,
        debug,
    } = lowered;
    let library = runtime::library()?;
    runtime::link(&mut program, library);
    lir::verify(&program)?;
    let layout = Layout::new(&program, memo_slots, pool, tables.iter().map(Vec::len).collect());
    let mut made = code(&program, &layout, &tables, codegen::GENEROUS);
    for limit in codegen::SPARING {
        if too_long(&made, target) {
            made = shorter(made, code(&program, &layout, &tables, limit)).0;
        }
    }
    if too_long(&made, target) {
        let mut plain = program.clone();
        lower::look_up_plainly(&mut plain);
        lower::match_slowly(&mut plain);
        runtime::link(&mut plain, library);
        lir::verify(&plain)?;
        let (best, replaced) = shorter(made, code(&plain, &layout, &tables, 0));
        made = best;
        if replaced {
            program = plain;
        }
    }
    let (generated, assembled) = made?;
    let functions = policy_functions(&debug, &layout, &generated, &assembled);
    Ok(Built {
        program,
        generated,
        assembled,
        functions,
    })
}

/// The shorter of two forms of the code, and whether it is the second.
fn shorter(
    first: Result<(Generated, Assembled), InternalError>,
    second: Result<(Generated, Assembled), InternalError>,
) -> (Result<(Generated, Assembled), InternalError>, bool) {
    let replaced = match (&first, &second) {
        (Ok((_, first)), Ok((_, second))) => second.bytes.len() <= first.bytes.len(),
        (Ok(_), Err(_)) => false,
        (Err(_), _) => true,
    };
    (if replaced { second } else { first }, replaced)
}

/// Whether code is longer than `target`, or was not made for its length.
fn too_long(made: &Result<(Generated, Assembled), InternalError>, target: usize) -> bool {
    match made {
        Ok((_, assembled)) => assembled.bytes.len() > target,
        Err(
            InternalError::Codegen(CodegenError::TooDeep { .. }) | InternalError::Asm(AsmError::TooLong(_)),
        ) => true,
        Err(_) => false,
    }
}

/// Code with routines of at most `limit` bytes written out where they are called.
fn code(
    program: &Program,
    layout: &Layout,
    tables: &[Vec<u8>],
    limit: usize,
) -> Result<(Generated, Assembled), InternalError> {
    let mut generated = codegen::generate(program, layout, runtime::ENTRY, tables.len(), limit)?;
    generated.items = asm::simplify(generated.items);
    asm::verify(&generated.items)?;
    let mut data = vec![(generated.pool, layout.pool_bytes().to_vec())];
    data.extend(generated.tables.iter().copied().zip(tables.iter().cloned()));
    let assembled = asm::assemble(&generated.items, &data)?;
    Ok((generated, assembled))
}

fn names(generated: &Generated) -> BTreeMap<Label, &str> {
    generated
        .functions
        .iter()
        .map(|(name, label)| (*label, name.as_str()))
        .collect()
}

fn routines(generated: &Generated, assembled: &Assembled) -> Vec<(u32, String)> {
    let names = names(generated);
    assembled
        .functions
        .iter()
        .filter_map(|(label, pc)| Some((*pc, (*names.get(label)?).to_owned())))
        .collect()
}

/// Where each policy function's code and variables ended up.
fn policy_functions(
    debug: &BTreeMap<String, lower::Debug>,
    layout: &Layout,
    generated: &Generated,
    assembled: &Assembled,
) -> Vec<PolicyFunction> {
    let by_label = names(generated);
    let ends = assembled.functions.iter().skip(1).map(|(_, pc)| *pc);
    let ends = ends.chain([u32::try_from(assembled.code_len).unwrap_or(u32::MAX)]);
    let mut found = Vec::new();
    for ((label, start), end) in assembled.functions.iter().zip(ends) {
        let Some(name) = by_label.get(label) else { continue };
        let (Some(debug), Some(frame)) = (debug.get(*name), layout.frame(name)) else {
            continue;
        };
        let address = |var: Var| frame.saturating_add(u64::from(var.0).saturating_mul(32));
        found.push(PolicyFunction {
            name: debug.name.clone(),
            start: *start,
            end,
            variables: debug
                .variables
                .iter()
                .map(|(var, text)| (address(*var), text.clone()))
                .collect(),
            result: debug.result.map(address),
        });
    }
    found
}

/// Init code: copies the runtime code behind itself to memory and returns it.
fn creation_code(runtime: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(runtime.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut code = CREATION_PREFIX.to_vec();
    if let Some(size) = code.get_mut(1..3) {
        size.copy_from_slice(&[high, low]);
    }
    code.extend(runtime);
    code
}
