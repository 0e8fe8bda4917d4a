//! Low-level IR to assembly.
//!
//! Calling convention: the caller pushes the return address and the arguments left to right; the callee leaves the result in
//! their place. Stack-frame functions keep `[return address, arguments, result, locals]` on the stack and reach them with
//! `DUP`/`SWAP` (at most 16 deep: deeper is an error of the compiler, never a wrong program). Memory-frame functions store
//! their arguments in their static frame on entry.

mod func;
mod inline;
mod shape;

pub(crate) use inline::{GENEROUS, SPARING};

use crate::asm::{Item, Label};
use crate::layout::Layout;
use crate::lir::{Func, Place, Program};
use std::collections::{BTreeMap, BTreeSet};

/// A function that the stack machine cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CodegenError {
    /// More than 16 words between the top of the stack and a variable.
    #[error("function `{func}`: variable `{var}` is out of reach of DUP16/SWAP16")]
    TooDeep {
        /// The function.
        func: String,
        /// The variable.
        var: String,
    },
    /// A reference that the verifier should have rejected.
    #[error("function `{func}`: unresolved `{name}`")]
    Unresolved {
        /// The function.
        func: String,
        /// What is missing.
        name: String,
    },
}

/// Assembly items with their data labels and source places.
#[derive(Clone, Debug)]
pub(crate) struct Generated {
    /// The code, entry function first.
    pub(crate) items: Vec<Item>,
    /// Label of the constant pool.
    pub(crate) pool: Label,
    /// Labels of the data tables.
    pub(crate) tables: Vec<Label>,
    /// Places that `Item::Mark` refers to.
    pub(crate) places: Vec<Place>,
    /// Labels of the functions, by name.
    pub(crate) functions: BTreeMap<String, Label>,
}

/// State shared by all functions.
struct Module<'a> {
    layout: &'a Layout,
    program: &'a Program,
    items: Vec<Item>,
    next_label: u32,
    functions: BTreeMap<String, Label>,
    /// Functions that are written out where they are called.
    inlined: BTreeSet<String>,
    /// Functions that are called and have no code yet.
    wanted: BTreeSet<&'a str>,
    pool: Label,
    tables: Vec<Label>,
    places: Vec<Place>,
    place_index: BTreeMap<Place, u32>,
    /// Labels that some jump names; others need no code of their own.
    referenced: BTreeSet<Label>,
}

impl<'a> Module<'a> {
    /// The function, if its calls are replaced by its code.
    fn inlined(&self, name: &str) -> Option<&'a Func> {
        let func = self.program.funcs.get(name)?;
        self.inlined.contains(name).then_some(func)
    }

    /// The label of a function that will be needed.
    fn called(&mut self, name: &str) -> Option<Label> {
        if let Some(label) = self.functions.get(name) {
            return Some(*label);
        }
        let (name, _) = self.program.funcs.get_key_value(name)?;
        let label = self.label();
        self.functions.insert(name.clone(), label);
        self.wanted.insert(name);
        Some(label)
    }

    fn label(&mut self) -> Label {
        let label = Label(self.next_label);
        self.next_label = self.next_label.saturating_add(1);
        label
    }

    fn place(&mut self, place: Place) -> u32 {
        let next = u32::try_from(self.places.len()).unwrap_or(u32::MAX);
        let index = *self.place_index.entry(place).or_insert(next);
        if index == next {
            self.places.push(place);
        }
        index
    }
}

/// Generates the whole program; `entry` comes first and is jumped into by the EVM itself. Routines of at most `limit` bytes are
/// written out where they are called.
///
/// # Errors
/// A function that does not fit the stack, or an unresolved reference.
pub(crate) fn generate(
    program: &Program,
    layout: &Layout,
    entry: &str,
    tables: usize,
    limit: usize,
) -> Result<Generated, CodegenError> {
    let mut module = Module {
        layout,
        program,
        items: Vec::new(),
        next_label: 0,
        functions: BTreeMap::new(),
        inlined: inline::choose(program, entry, limit),
        wanted: BTreeSet::new(),
        pool: Label(0),
        tables: Vec::new(),
        places: Vec::new(),
        place_index: BTreeMap::new(),
        referenced: BTreeSet::new(),
    };
    module.pool = module.label();
    for _ in 0..tables {
        let label = module.label();
        module.tables.push(label);
    }
    let mut next = Some(entry);
    module.called(entry);
    while let Some(name) = next {
        module.wanted.remove(name);
        let func = program.funcs.get(name).ok_or_else(|| CodegenError::Unresolved {
            func: entry.to_owned(),
            name: name.to_owned(),
        })?;
        func::function(&mut module, func, name == entry)?;
        next = module.wanted.first().copied();
    }
    let Module {
        items,
        pool,
        tables,
        places,
        functions,
        ..
    } = module;
    Ok(Generated {
        items,
        pool,
        tables,
        places,
        functions,
    })
}
