//! Dense automata as byte tables: see `runtime/dfa.lir` for the reader.

use super::automaton::{Alphabet, Rows, minimise, states};
use super::{PatternError, Work};
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::StateID;
use regex_automata::{Anchored, util::start};
use std::collections::BTreeMap;

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

pub(super) fn build(pattern: &str, limit: usize, work: &mut Work) -> Result<Table, PatternError> {
    let nfa = super::nfa::build(pattern, limit, work)?;
    let dfa = states(
        &nfa,
        dense::Config::new().start_kind(StartKind::Unanchored),
        limit,
        work,
    )?;
    let alphabet = Alphabet::new(|byte| dfa.byte_classes().get(byte));
    let mut rows = explore(&dfa, &alphabet).ok_or_else(|| PatternError::Bad("no start state".to_owned()))?;
    super::utf8::settle(&mut rows, &alphabet, std::iter::once(FIRST));
    // The first three keep their places.
    let kinds: Vec<usize> = (0..rows.len()).map(|state| state.min(FIRST)).collect();
    let (rows, _) = minimise(&rows, &kinds, &[FAILED, MATCHED, FIRST], work)?;
    let Packed {
        bytes,
        classes,
        columns,
        width,
    } = pack(&rows, &alphabet, limit)?;
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

/// Packs the rows of an automaton.
pub(super) fn pack(rows: &Rows, alphabet: &Alphabet, limit: usize) -> Result<Packed, PatternError> {
    let (classes, kept) = byte_classes(rows, alphabet);
    let ascii_only = classes.iter().skip(128).all(|class| *class == 0);
    let head = if ascii_only { 128 } else { 256 };
    let columns = kept.len().saturating_add(1);
    let width = if rows.len() <= 256 { 1 } else { 2 };
    let size = columns
        .saturating_mul(rows.len())
        .saturating_mul(width)
        .saturating_add(head);
    if size > limit || rows.len() > 65_536 {
        let size = Some(size);
        return Err(PatternError::TooBig { size, limit });
    }
    let mut bytes: Vec<u8> = classes.iter().take(head).copied().collect();
    for row in rows {
        for class in &kept {
            push(&mut bytes, row.get(*class).copied().unwrap_or_default(), width);
        }
        push(&mut bytes, row.last().copied().unwrap_or_default(), width);
    }
    let narrow = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    Ok(Packed {
        bytes,
        classes: narrow(head),
        columns: narrow(columns),
        width: narrow(width),
    })
}

fn push(bytes: &mut Vec<u8>, entry: usize, width: usize) {
    let [.., high, low] = entry.to_be_bytes();
    if width == 2 {
        bytes.push(high);
    }
    bytes.push(low);
}

/// Rows of all states reachable from the start; the regex crate reports a match one byte late, which is undone here.
fn explore(dfa: &dense::DFA<Vec<u32>>, alphabet: &Alphabet) -> Option<Rows> {
    let start = dfa
        .start_state(&start::Config::new().anchored(Anchored::No))
        .ok()?;
    let fixed = |state: usize, end: usize| {
        vec![state; alphabet.bytes.len()]
            .into_iter()
            .chain([end])
            .collect()
    };
    let mut rows: Rows = vec![fixed(FAILED, 0), fixed(MATCHED, 1)];
    let mut number: BTreeMap<StateID, usize> = BTreeMap::new();
    let mut order = vec![start];
    number.insert(start, FIRST);
    let mut at = 0_usize;
    while let Some(state) = order.get(at).copied() {
        at = at.saturating_add(1);
        let mut row = Vec::with_capacity(alphabet.bytes.len().saturating_add(1));
        for byte in &alphabet.bytes {
            let next = dfa.next_state(state, *byte);
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
        // These are the numbers of the states that the contract's reader goes to, too.
        let end = dfa.next_eoi_state(state);
        row.push(if dfa.is_match_state(end) { MATCHED } else { FAILED });
        rows.push(row);
    }
    Some(rows)
}

/// The class of each byte, where bytes that no row tells apart share one and the greatest has class 0, and for each of these a class of
/// the alphabet that falls into it.
fn byte_classes(rows: &Rows, alphabet: &Alphabet) -> (Vec<u8>, Vec<usize>) {
    let mut names: BTreeMap<Vec<usize>, u8> = BTreeMap::new();
    let mut known: BTreeMap<usize, u8> = BTreeMap::new();
    let (mut classes, mut kept) = (Vec::with_capacity(256), Vec::new());
    for byte in (0..=u8::MAX).rev() {
        let own = alphabet.class(byte);
        let class = *known.entry(own).or_insert_with(|| {
            let column = rows.iter().map(|row| row.get(own).copied().unwrap_or_default());
            *names.entry(column.collect()).or_insert_with(|| {
                kept.push(own);
                u8::try_from(kept.len().saturating_sub(1)).unwrap_or(u8::MAX)
            })
        });
        classes.push(class);
    }
    classes.reverse();
    (classes, kept)
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
