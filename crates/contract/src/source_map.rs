//! Program counter to Rego source, and what a tracer needs besides: where functions begin and end, which variable holds the
//! value of which expression, and which jumps mean "undefined".

use crate::asm::Assembled;
use crate::lir::Place;
use std::collections::BTreeMap;

/// A source place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourcePlace {
    /// File name as in the plan.
    pub file: String,
    /// Line, from 1.
    pub row: u32,
    /// Column, from 1.
    pub col: u32,
}

/// The code and the variables of a rule, user function or entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFunction {
    /// Its name in the plan, `g0.data.authz.allow`; an entry point's is its path.
    pub name: String,
    /// Its first program counter, where calls jump to.
    pub start: u32,
    /// The first program counter behind it.
    pub end: u32,
    /// Memory addresses of its variables, with the expression whose value is stored there.
    pub variables: BTreeMap<u64, String>,
    /// Memory address of its result; an entry point has none.
    pub result: Option<u64>,
}

impl PolicyFunction {
    /// What it is called in Rego: `data.authz.allow` of `g0.data.authz.allow`.
    #[must_use]
    pub fn rule(&self) -> &str {
        rule_name(&self.name)
    }
}

/// The path of a plan's function without the mark of what `with` replaced.
pub(crate) fn rule_name(func: &str) -> &str {
    match func.split_once('.') {
        Some((mark, path)) if path.starts_with("data.") && mark.starts_with('g') => path,
        _ => func,
    }
}

/// Maps each program counter to the statement it was compiled from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceMap {
    /// `(first program counter, file, row, col)`, ascending; file 0 with row 0 means no source (runtime library).
    entries: Vec<(u32, Place)>,
    files: Vec<String>,
    functions: Vec<PolicyFunction>,
    returns: Vec<u32>,
    undefined: Vec<u32>,
}

impl SourceMap {
    pub(crate) fn new(
        assembled: &Assembled,
        places: &[Place],
        files: &[String],
        functions: Vec<PolicyFunction>,
    ) -> Self {
        let place = |i: u32| usize::try_from(i).ok().and_then(|i| places.get(i)).copied();
        let entries = assembled
            .marks
            .iter()
            .filter_map(|(pc, mark)| Some((*pc, place(*mark)?)))
            .collect();
        Self {
            entries,
            files: files.to_vec(),
            functions,
            returns: assembled.returns.clone(),
            undefined: assembled.undefined.clone(),
        }
    }

    /// The statement whose code contains the counter; `None` inside the runtime library and the entry code.
    #[must_use]
    pub fn lookup(&self, pc: u32) -> Option<SourcePlace> {
        let after = self.entries.partition_point(|(start, _)| *start <= pc);
        let (_, place) = self.entries.get(after.checked_sub(1)?)?;
        if place.row == 0 {
            return None;
        }
        let file = usize::try_from(place.file)
            .ok()
            .and_then(|i| self.files.get(i))?
            .clone();
        Some(SourcePlace {
            file,
            row: place.row,
            col: place.col,
        })
    }

    /// The rule or entry point whose code contains the counter; `None` inside the runtime library.
    #[must_use]
    pub fn function(&self, pc: u32) -> Option<&PolicyFunction> {
        let after = self.functions.partition_point(|f| f.start <= pc);
        self.functions.get(after.checked_sub(1)?).filter(|f| pc < f.end)
    }

    /// Whether the instruction is the jump that returns from a function.
    #[must_use]
    pub fn returns(&self, pc: u32) -> bool {
        self.returns.binary_search(&pc).is_ok()
    }

    /// Whether the instruction is a conditional jump that is taken when the statement is undefined.
    #[must_use]
    pub fn undefined(&self, pc: u32) -> bool {
        self.undefined.binary_search(&pc).is_ok()
    }

    /// All entries: first program counter and place.
    pub fn entries(&self) -> impl Iterator<Item = (u32, SourcePlace)> + '_ {
        self.entries
            .iter()
            .filter_map(|(pc, _)| Some((*pc, self.lookup(*pc)?)))
    }
}
