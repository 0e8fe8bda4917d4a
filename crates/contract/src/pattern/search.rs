//! Automata that find where a match ends: see `runtime/search.lir` for the reader.

use super::automaton::{Alphabet, Rows, minimise, states};
use super::table::{Packed, pack};
use super::{PatternError, Work};
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

pub(super) fn build(pattern: &str, limit: usize, work: &mut Work) -> Result<Search, PatternError> {
    let nfa = super::nfa::build(pattern, limit, work)?;
    let dfa = states(
        &nfa,
        dense::Config::new().start_kind(StartKind::Anchored),
        limit,
        work,
    )?;
    let broken = || PatternError::Bad("no table of states".to_owned());
    let (before, begin) = starts(&dfa).ok_or_else(broken)?;
    let start = |byte: u8| before.get(usize::from(byte)).copied().unwrap_or(begin);
    let alphabet = Alphabet::new(|byte| (dfa.byte_classes().get(byte), start(byte)));
    let first = alphabet
        .bytes
        .iter()
        .map(|byte| start(*byte))
        .chain([begin])
        .collect();
    let (starts, mut rows, matching) = explore(&dfa, &alphabet, first).ok_or_else(broken)?;
    super::utf8::settle(&mut rows, &alphabet, starts.iter().copied());
    let kind = |state: usize| match state {
        DEAD => 0,
        state if state <= matching => 1,
        _ => 2,
    };
    // Groups are numbered in the order of their first states, so the dead state stays first and those that tell of a match together.
    let kinds: Vec<usize> = (0..rows.len()).map(kind).collect();
    let roots: Vec<usize> = starts.iter().copied().chain([DEAD]).collect();
    let (mut rows, group) = minimise(&rows, &kinds, &roots, work)?;
    let of = |state: usize| group.get(state).copied().unwrap_or(DEAD);
    if let Some(row) = rows.first_mut() {
        *row = starts.into_iter().map(of).collect();
    }
    let Packed {
        bytes,
        classes,
        columns,
        width,
    } = pack(&rows, &alphabet, limit)?;
    let matching = (1..=matching).map(of).max().unwrap_or(0);
    Ok(Search {
        bytes,
        classes,
        columns,
        width,
        matching: u64::try_from(matching).unwrap_or(u64::MAX),
        captures: nfa.group_info().group_len(PatternID::ZERO) > 1,
    })
}

/// The start states by the byte before the place where the match must begin, and that at the beginning of the text.
fn starts(dfa: &dense::DFA<Vec<u32>>) -> Option<(Vec<StateID>, StateID)> {
    let from = |before: Option<u8>| {
        let config = start::Config::new().anchored(Anchored::Yes).look_behind(before);
        dfa.start_state(&config).ok()
    };
    // No character ends with a byte above 0xbf.
    let before = (0..=u8::MAX)
        .map(|b| from(Some(b.min(0xbf))))
        .collect::<Option<_>>()?;
    Some((before, from(None)?))
}

/// The numbers of the start states, the rows of all states (the dead one, those that tell of a match, the others), and how many tell of one.
fn explore(
    dfa: &dense::DFA<Vec<u32>>,
    alphabet: &Alphabet,
    starts: Vec<StateID>,
) -> Option<(Vec<usize>, Rows, usize)> {
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
        work.extend(alphabet.bytes.iter().map(|byte| dfa.next_state(state, *byte)));
    }
    order.sort_by_key(|state| (!dfa.is_match_state(*state), seen.get(state).copied()));
    let number: BTreeMap<StateID, usize> = order
        .iter()
        .enumerate()
        .map(|(i, state)| (*state, i.saturating_add(1)))
        .collect();
    let index = |state: StateID| number.get(&state).copied().unwrap_or(DEAD);
    let mut rows = vec![vec![DEAD; alphabet.bytes.len().saturating_add(1)]];
    rows.extend(order.iter().map(|state| {
        let next = alphabet
            .bytes
            .iter()
            .map(|byte| index(dfa.next_state(*state, *byte)));
        let end = usize::from(dfa.is_match_state(dfa.next_eoi_state(*state)));
        next.chain([end]).collect::<Vec<usize>>()
    }));
    let matching = order.iter().filter(|state| dfa.is_match_state(**state)).count();
    Some((starts.into_iter().map(index).collect(), rows, matching))
}
