//! Program counter to Rego source.

use crate::lir::Place;

/// A source place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourcePlace {
    /// File name as in the plan.
    pub file: String,
    /// Line, from 1.
    pub row: u32,
    /// Column, from 1.
    pub col: u32,
}

/// Maps each program counter to the statement it was compiled from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceMap {
    /// `(first program counter, file, row, col)`, ascending; file 0 with row 0 means no source (runtime library).
    entries: Vec<(u32, Place)>,
    files: Vec<String>,
}

impl SourceMap {
    pub(crate) fn new(marks: &[(u32, u32)], places: &[Place], files: &[String]) -> Self {
        let place = |i: u32| usize::try_from(i).ok().and_then(|i| places.get(i)).copied();
        let entries = marks
            .iter()
            .filter_map(|(pc, mark)| Some((*pc, place(*mark)?)))
            .collect();
        Self {
            entries,
            files: files.to_vec(),
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

    /// All entries: first program counter and place.
    pub fn entries(&self) -> impl Iterator<Item = (u32, SourcePlace)> + '_ {
        self.entries
            .iter()
            .filter_map(|(pc, _)| Some((*pc, self.lookup(*pc)?)))
    }
}
