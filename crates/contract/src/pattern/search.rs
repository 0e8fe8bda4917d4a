//! Automata that find where a match ends: see `runtime/search.lir` for the reader.

use super::PatternError;
use super::table::{BUILD_LIMIT, Packed, describe, pack};
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::primitives::{PatternID, StateID};
use regex_automata::{Anchored, util::start};
use std::collections::BTreeMap;

/// Entry of a state that no match can be reached from. Its row holds the start states instead.
const DEAD: usize = 0;

/// A table for the contract's search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Search {
    /// The classes of bytes, then the rows. The first row has the start state for each class of the byte before the place where
    /// the match must begin, and, last, for the beginning of the text. Every other row has the next state for each class and,
    /// last, 1 if the end of the text ends a match.
    pub(crate) bytes: Vec<u8>,
    /// Bytes that have a class of their own, 128 or 256; the others have class 0.
    pub(crate) classes: u64,
    /// Entries in a row.
    pub(crate) columns: u64,
    /// Bytes of an entry, 1 or 2.
    pub(crate) width: u64,
    /// The states from 1 to this tell that a match ended before the byte that led there.
    pub(crate) matching: u64,
    /// Whether the pattern has groups.
    pub(crate) captures: bool,
}

/// The next state for each byte, and 1 in the last column where the end of the text ends a match.
type Rows = Vec<Vec<usize>>;

pub(super) fn build(pattern: &str, limit: usize) -> Result<Search, PatternError> {
    let too_big = || PatternError::TooBig {
        size: BUILD_LIMIT,
        limit,
    };
    let nfa = super::nfa::build(pattern, limit)?;
    let config = dense::Config::new()
        .start_kind(StartKind::Anchored)
        .dfa_size_limit(Some(BUILD_LIMIT))
        .determinize_size_limit(Some(BUILD_LIMIT));
    let dfa = dense::Builder::new()
        .configure(config)
        .build_from_nfa(&nfa)
        .map_err(|e| match e.is_size_limit_exceeded() {
            true => too_big(),
            false => PatternError::Bad(describe(&e)),
        })?;
    let (starts, mut rows, matching) =
        explore(&dfa).ok_or_else(|| PatternError::Bad("no table of states".to_owned()))?;
    super::utf8::settle(&mut rows, starts.iter().copied());
    let (starts, rows, matching) = minimise(starts, &rows, matching);
    let captures = nfa.group_info().group_len(PatternID::ZERO) > 1;
    encode(starts, rows, matching, captures, limit)
}

/// The start states, the rows of all states (the dead one, those that tell of a match, the others), and how many tell of one.
fn explore(dfa: &dense::DFA<Vec<u32>>) -> Option<(Vec<usize>, Rows, usize)> {
    let from = |before: Option<u8>| {
        let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
        dfa.start_state(&config).ok()
    };
    // No character ends with a byte above 0xbf.
    let mut starts: Vec<StateID> = (0..=u8::MAX)
        .map(|b| from(Some(b.min(0xbf))))
        .collect::<Option<_>>()?;
    starts.push(from(None)?);
    let mut order: Vec<StateID> = Vec::new();
    let mut seen: BTreeMap<StateID, usize> = BTreeMap::new();
    let mut work = starts.clone();
    while let Some(state) = work.pop() {
        if dfa.is_quit_state(state) {
            return None;
        }
        if dfa.is_dead_state(state) || seen.contains_key(&state) {
            continue;
        }
        seen.insert(state, order.len());
        order.push(state);
        work.extend((0..=u8::MAX).map(|byte| dfa.next_state(state, byte)));
    }
    order.sort_by_key(|state| (!dfa.is_match_state(*state), seen.get(state).copied()));
    let number: BTreeMap<StateID, usize> = order
        .iter()
        .enumerate()
        .map(|(i, state)| (*state, i.saturating_add(1)))
        .collect();
    let index = |state: StateID| number.get(&state).copied().unwrap_or(DEAD);
    let mut rows = vec![vec![DEAD; 257]];
    rows.extend(order.iter().map(|state| {
        let mut row: Vec<usize> = (0..=u8::MAX)
            .map(|byte| index(dfa.next_state(*state, byte)))
            .collect();
        row.push(usize::from(dfa.is_match_state(dfa.next_eoi_state(*state))));
        row
    }));
    let matching = order.iter().filter(|state| dfa.is_match_state(**state)).count();
    Some((starts.into_iter().map(index).collect(), rows, matching))
}

/// Moore's partition refinement. Groups are numbered in the order of their first states, so the dead state stays first and those
/// that tell of a match stay together.
fn minimise(starts: Vec<usize>, rows: &Rows, matching: usize) -> (Vec<usize>, Rows, usize) {
    let kind = |i: usize| match i {
        DEAD => 0,
        i if i <= matching => 1,
        _ => 2,
    };
    let mut group: Vec<usize> = (0..rows.len()).map(kind).collect();
    let of = |group: &[usize], state: usize| group.get(state).copied().unwrap_or(DEAD);
    let image = |group: &[usize], row: &[usize]| -> Vec<usize> {
        let (end, bytes) = row.split_last().unwrap_or((&0, &[]));
        bytes.iter().map(|s| of(group, *s)).chain([*end]).collect()
    };
    loop {
        let mut names: BTreeMap<(usize, Vec<usize>), usize> = BTreeMap::new();
        let mut next = Vec::with_capacity(rows.len());
        for (own, row) in group.iter().zip(rows) {
            let fresh = names.len();
            next.push(*names.entry((*own, image(&group, row))).or_insert(fresh));
        }
        let stable = names.len() == group.iter().collect::<std::collections::BTreeSet<_>>().len();
        group = next;
        if stable {
            break;
        }
    }
    let mut kept: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (own, row) in group.iter().zip(rows) {
        kept.entry(*own).or_insert_with(|| image(&group, row));
    }
    // The last of the states may share the group of an earlier one.
    let matching = (1..=matching).map(|state| of(&group, state)).max().unwrap_or(0);
    (
        starts.into_iter().map(|s| of(&group, s)).collect(),
        kept.into_values().collect(),
        matching,
    )
}

fn encode(
    starts: Vec<usize>,
    mut rows: Rows,
    matching: usize,
    captures: bool,
    limit: usize,
) -> Result<Search, PatternError> {
    if let Some(first) = rows.first_mut() {
        *first = starts;
    }
    let Packed {
        bytes,
        classes,
        columns,
        width,
    } = pack(&rows, DEAD, limit)?;
    let matching = u64::try_from(matching).unwrap_or(u64::MAX);
    Ok(Search {
        bytes,
        classes,
        columns,
        width,
        matching,
        captures,
    })
}
