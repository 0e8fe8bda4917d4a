//! Dense automata as byte tables: see `runtime/dfa.lir` for the reader.

use super::PatternError;
use regex_automata::dfa::{Automaton, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::{Anchored, util::start};
use std::collections::BTreeMap;

/// Memory that building an automaton may take, in bytes.
pub(super) const BUILD_LIMIT: usize = 4 << 20;

/// Row indices that every table has.
const FAILED: usize = 0;
const MATCHED: usize = 1;
const FIRST: usize = 2;

/// A table for the contract's reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// The classes of bytes, then the rows.
    pub(crate) bytes: Vec<u8>,
    /// Bytes that have a class of their own, 128 or 256; the others have class 0.
    pub(crate) classes: u64,
    /// Entries in a row: one a class and one for the end of the text.
    pub(crate) columns: u64,
    /// Bytes of an entry, 1 or 2.
    pub(crate) width: u64,
}

/// A complete automaton: the next row for each byte and, last, for the end of the text.
type Rows = Vec<Vec<usize>>;

pub(super) fn build(pattern: &str, limit: usize) -> Result<Table, PatternError> {
    let nfa = super::nfa::build(pattern, limit)?;
    let dfa = dense::Builder::new()
        .configure(
            dense::Config::new()
                .dfa_size_limit(Some(BUILD_LIMIT))
                .determinize_size_limit(Some(BUILD_LIMIT)),
        )
        .build_from_nfa(&nfa)
        .map_err(|e| match e.is_size_limit_exceeded() {
            true => PatternError::TooBig {
                size: BUILD_LIMIT,
                limit,
            },
            false => PatternError::Bad(describe(&e)),
        })?;
    let mut rows = explore(&dfa).ok_or_else(|| PatternError::Bad("no start state".to_owned()))?;
    super::utf8::settle(&mut rows, std::iter::once(FIRST));
    let Packed {
        bytes,
        classes,
        columns,
        width,
    } = pack(&minimise(rows), FAILED, limit)?;
    Ok(Table {
        bytes,
        classes,
        columns,
        width,
    })
}

/// An automaton as contracts hold it.
pub(super) struct Packed {
    /// The class of each byte, or of each that is ASCII where all others have class 0, then a row for each state: its successor for each class, and the one at the end of the text.
    pub(super) bytes: Vec<u8>,
    /// Bytes that have a class of their own, 128 or 256.
    pub(super) classes: u64,
    pub(super) columns: u64,
    /// Bytes of an entry.
    pub(super) width: u64,
}

/// Packs the rows of an automaton; `none` stands where there is no successor.
pub(super) fn pack(rows: &[Vec<usize>], none: usize, limit: usize) -> Result<Packed, PatternError> {
    let (classes, count) = byte_classes(rows);
    let ascii_only = classes.iter().skip(128).all(|class| *class == 0);
    let head = if ascii_only { 128 } else { 256 };
    let columns = count.saturating_add(1);
    let width = if rows.len() <= 256 { 1 } else { 2 };
    let size = columns
        .saturating_mul(rows.len())
        .saturating_mul(width)
        .saturating_add(head);
    if size > limit || rows.len() > 65_536 {
        return Err(PatternError::TooBig { size, limit });
    }
    let mut bytes: Vec<u8> = classes.iter().take(head).copied().collect();
    for row in rows {
        for class in 0..count {
            let byte = classes
                .iter()
                .position(|c| usize::from(*c) == class)
                .unwrap_or_default();
            push(&mut bytes, row.get(byte).copied().unwrap_or(none), width);
        }
        push(&mut bytes, row.last().copied().unwrap_or(none), width);
    }
    let narrow = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    Ok(Packed {
        bytes,
        classes: narrow(head),
        columns: narrow(columns),
        width: narrow(width),
    })
}

pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    text.lines().last().unwrap_or_default().trim().to_owned()
}

fn push(bytes: &mut Vec<u8>, entry: usize, width: usize) {
    let [.., high, low] = entry.to_be_bytes();
    if width == 2 {
        bytes.push(high);
    }
    bytes.push(low);
}

/// Rows of all states reachable from the start; the regex crate reports a match one byte late, which is undone here.
fn explore(dfa: &dense::DFA<Vec<u32>>) -> Option<Rows> {
    let start = dfa
        .start_state(&start::Config::new().anchored(Anchored::No))
        .ok()?;
    let mut rows: Rows = vec![vec![FAILED; 257], vec![MATCHED; 257]];
    let mut number: BTreeMap<StateID, usize> = BTreeMap::new();
    let mut order = vec![start];
    number.insert(start, FIRST);
    let mut at = 0_usize;
    while let Some(state) = order.get(at).copied() {
        at = at.saturating_add(1);
        let mut row = Vec::with_capacity(257);
        for byte in 0..=u8::MAX {
            let next = dfa.next_state(state, byte);
            row.push(if dfa.is_match_state(next) {
                MATCHED
            } else if dfa.is_dead_state(next) || dfa.is_quit_state(next) {
                FAILED
            } else {
                let fresh = order.len().saturating_add(FIRST);
                *number.entry(next).or_insert_with(|| {
                    order.push(next);
                    fresh
                })
            });
        }
        let end = dfa.next_eoi_state(state);
        row.push(if dfa.is_match_state(end) { MATCHED } else { FAILED });
        rows.push(row);
    }
    Some(rows)
}

/// Moore's partition refinement; the first three rows keep their places.
fn minimise(rows: Rows) -> Rows {
    let mut group: Vec<usize> = (0..rows.len()).map(|i| i.min(FIRST)).collect();
    loop {
        let mut names: BTreeMap<(usize, Vec<usize>), usize> = BTreeMap::new();
        let mut next = Vec::with_capacity(rows.len());
        for (i, row) in rows.iter().enumerate() {
            let own = group.get(i).copied().unwrap_or_default();
            let image = row
                .iter()
                .map(|t| group.get(*t).copied().unwrap_or_default())
                .collect();
            let fresh = names.len();
            next.push(*names.entry((own, image)).or_insert(fresh));
        }
        let stable = names.len() == group.iter().collect::<std::collections::BTreeSet<_>>().len();
        group = next;
        if stable {
            break;
        }
    }
    let mut kept: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        if let Some(g) = group.get(i) {
            kept.entry(*g).or_insert_with(|| {
                row.iter()
                    .map(|t| group.get(*t).copied().unwrap_or_default())
                    .collect()
            });
        }
    }
    kept.into_values().collect()
}

/// Bytes that no row tells apart share a class; the greatest byte has class 0.
fn byte_classes(rows: &[Vec<usize>]) -> (Vec<u8>, usize) {
    let mut names: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
    let mut classes = Vec::with_capacity(256);
    for byte in (0..256_usize).rev() {
        let column = rows
            .iter()
            .map(|row| row.get(byte).copied().unwrap_or(FAILED))
            .collect();
        let fresh = names.len();
        let class = *names.entry(column).or_insert(fresh);
        classes.push(u8::try_from(class).unwrap_or(u8::MAX));
    }
    classes.reverse();
    (classes, names.len())
}

#[cfg(test)]
impl Table {
    /// Runs the table as the contract does.
    pub(super) fn is_match(&self, text: &str) -> bool {
        let (columns, width) = (self.columns as usize, self.width as usize);
        let head = self.classes as usize;
        let class = |byte: u8| self.bytes[..head].get(usize::from(byte)).copied().unwrap_or(0);
        let entry = |state: usize, column: usize| {
            let at = head + (state * columns + column) * width;
            self.bytes[at..at + width]
                .iter()
                .fold(0, |n, b| n << 8 | usize::from(*b))
        };
        let mut state = FIRST;
        for byte in text.bytes() {
            if state > MATCHED {
                state = entry(state, usize::from(class(byte)));
            }
        }
        if state > MATCHED {
            state = entry(state, columns - 1);
        }
        state == MATCHED
    }
}
