//! Where a contract's gas goes.

use std::collections::BTreeMap;

use revm::Inspector;
use revm::interpreter::Interpreter;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::Jumps;
use stele_contract::Contract;
use stele_types::Value;

use super::{GAS, Reference, ReferenceError, error};
use crate::evm::Deployed;

/// Gas by routine of the low-level program and by Rego line. A line is charged with the routines it uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// By routine, without what it calls; most expensive first.
    pub routines: Vec<(String, u64)>,
    /// By Rego line, `file:row`, or the phase outside of rules; most expensive first.
    pub lines: Vec<(String, u64)>,
    /// By Rego line and routine.
    pub uses: Vec<(String, u64)>,
}

struct Meter<'a> {
    contract: &'a Contract,
    left: u64,
    routine: usize,
    /// The line that the last policy code belongs to.
    line: String,
    routines: BTreeMap<usize, u64>,
    lines: BTreeMap<String, u64>,
    uses: BTreeMap<(String, usize), u64>,
}

impl<CTX> Inspector<CTX, EthInterpreter> for Meter<'_> {
    fn step(&mut self, interp: &mut Interpreter<EthInterpreter>, _context: &mut CTX) {
        self.charge(interp.gas.remaining());
        let pc = u32::try_from(interp.bytecode.pc()).unwrap_or(u32::MAX);
        let after = self.contract.routines.partition_point(|(start, _)| *start <= pc);
        self.routine = after.saturating_sub(1);
        if let Some(place) = self.contract.source_map.lookup(pc) {
            self.line = format!("{}:{}", place.file, place.row);
        } else if let Some((_, name)) = self.contract.routines.get(self.routine)
            && matches!(name.as_str(), "main" | "argument" | "respond" | "answer")
        {
            self.line.clone_from(name);
        }
    }
}

impl Meter<'_> {
    fn charge(&mut self, left: u64) {
        let used = self.left.saturating_sub(left);
        self.left = left;
        let routine = self.routines.entry(self.routine).or_default();
        *routine = routine.saturating_add(used);
        let line = self.lines.entry(self.line.clone()).or_default();
        *line = line.saturating_add(used);
        let both = self.uses.entry((self.line.clone(), self.routine)).or_default();
        *both = both.saturating_add(used);
    }
}

fn ranked(found: impl Iterator<Item = (String, u64)>) -> Vec<(String, u64)> {
    let mut found: Vec<_> = found.filter(|(_, gas)| *gas > 0).collect();
    found.sort_by_key(|(_, gas)| std::cmp::Reverse(*gas));
    found
}

impl Reference {
    /// Where the compiled contract's gas goes on an input.
    ///
    /// # Errors
    /// It reverted, or can't hold the input.
    pub fn profile(&self, input: &Value) -> Result<Profile, ReferenceError> {
        let call = self.call(input)?;
        let intrinsic = super::call_data_gas(&call).saturating_add(21_000);
        let mut meter = Meter {
            contract: &self.compiled,
            left: GAS.saturating_sub(intrinsic),
            routine: 0,
            line: "main".to_owned(),
            routines: BTreeMap::new(),
            lines: BTreeMap::new(),
            uses: BTreeMap::new(),
        };
        Deployed::new(&self.compiled.runtime)
            .inspect(call, GAS, &mut meter)
            .map_err(|why| error(self.name(), why))?;
        let name = |at: usize| {
            let routine = self.compiled.routines.get(at);
            routine.map(|(_, name)| name.clone()).unwrap_or_default()
        };
        Ok(Profile {
            routines: ranked(meter.routines.iter().map(|(at, gas)| (name(*at), *gas))),
            lines: ranked(meter.lines.into_iter()),
            uses: ranked(
                meter
                    .uses
                    .iter()
                    .map(|((line, at), gas)| (format!("{line} {}", name(*at)), *gas)),
            ),
        })
    }
}
