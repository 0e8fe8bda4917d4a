//! Automata as rows of numbered states, which are made as few as they can be.

use super::{BUILD_LIMIT, PatternError, Work, utf8};
use regex_automata::dfa::dense;
use regex_automata::nfa::thompson::NFA;
use std::collections::{BTreeMap, BTreeSet};

/// A row for each state: the next state for each class of the alphabet and, last, a mark that tells what the end of the text does: 1 if
/// it matches, else 0.
pub(super) type Rows = Vec<Vec<usize>>;

/// How many times as many states as could fit are looked at: minimising joins some of them.
const SLACK: usize = 8;

/// States that are always looked at. Minimising joins nearly all of those of a text of fixed length that may begin anywhere, as
/// `AKIA[0-9A-Z]{16}` does.
const STATES: usize = 16_384;

/// Members of sets of states that are looked at while one entry of a row is.
const MEMBERS: usize = 32;

/// How often all rows are gone through besides minimising them.
const PASSES: usize = 8;

/// Memory of an automaton besides its states, in bytes.
const HEAD: usize = 1 << 14;

/// Builds the automaton of states; it ends as soon as there are too many of them for a table of `limit` bytes.
pub(super) fn states(
    nfa: &NFA,
    config: dense::Config,
    limit: usize,
    work: &mut Work,
) -> Result<dense::DFA<Vec<u32>>, PatternError> {
    let (columns, stride) = (nfa.byte_classes().alphabet_len(), nfa.byte_classes().stride2());
    let rows = |width: usize| limit.checked_div(columns.saturating_mul(width)).unwrap_or(0);
    let fit = rows(2).max(rows(1).min(256));
    let most = fit.saturating_mul(SLACK).max(STATES);
    let row = 4_usize.checked_shl(u32::try_from(stride).unwrap_or(u32::MAX));
    let row = row.unwrap_or(usize::MAX);
    let size = most.saturating_mul(row).saturating_add(HEAD).min(BUILD_LIMIT);
    let config = config
        .dfa_size_limit(Some(size))
        .determinize_size_limit(Some(BUILD_LIMIT));
    match dense::Builder::new().configure(config).build_from_nfa(nfa) {
        Ok(built) => {
            let states = built.memory_usage().checked_div(row).unwrap_or(0);
            // Each state is a set of the NFA's, which is gone through for each class, faster than rows are.
            let sets = states.saturating_mul(nfa.states().len()).min(BUILD_LIMIT);
            work.take(sets.checked_div(MEMBERS).unwrap_or(0), columns)?;
            // The rows are gone through to read them, to settle them in each of four phases, and to pack them.
            work.take(states.saturating_mul(PASSES), columns)?;
            Ok(built)
        }
        Err(e) if e.is_size_limit_exceeded() => {
            work.take_unfinished();
            Err(PatternError::TooBig { size: None, limit })
        }
        Err(e) => Err(PatternError::Bad(super::describe(&e))),
    }
}

/// Classes of bytes that neither an automaton nor the form of UTF-8 tells apart.
pub(super) struct Alphabet {
    /// The class of each byte.
    of: Vec<usize>,
    /// The first byte of each class.
    pub(super) bytes: Vec<u8>,
}

impl Alphabet {
    /// The classes of bytes for which `key` and their place in a character are the same.
    pub(super) fn new<K: Ord>(key: impl Fn(u8) -> K) -> Self {
        let mut names = BTreeMap::new();
        let (mut of, mut bytes) = (Vec::with_capacity(256), Vec::new());
        for byte in 0..=u8::MAX {
            let fresh = names.len();
            let class = *names.entry((key(byte), utf8::place(byte))).or_insert(fresh);
            if class == fresh {
                bytes.push(byte);
            }
            of.push(class);
        }
        Self { of, bytes }
    }

    /// The class of a byte.
    pub(super) fn class(&self, byte: u8) -> usize {
        self.of.get(usize::from(byte)).copied().unwrap_or_default()
    }
}

fn at(list: &[usize], index: usize) -> usize {
    list.get(index).copied().unwrap_or_default()
}

/// The next states of a row.
fn successors(row: &[usize]) -> &[usize] {
    row.split_last().map_or(&[], |(_, states)| states)
}

/// Moore's partition refinement of the states that `roots` lead to. `kinds` tells states apart that must not be joined, 1 those where a
/// match is found. Gives the rows of the groups, in the order of their first states, and the group of each state.
pub(super) fn minimise(
    rows: &Rows,
    kinds: &[usize],
    roots: &[usize],
    work: &mut Work,
) -> Result<(Rows, Vec<usize>), PatternError> {
    let states = reachable(rows, roots);
    let columns = rows.first().map_or(0, Vec::len);
    // What is equal is as far from a match. That tells apart at once what refining would in as many rounds as the longest text has bytes.
    let far = distances(rows, kinds);
    let mut names = BTreeMap::new();
    let mut group = vec![0; rows.len()];
    for state in &states {
        let end = rows.get(*state).and_then(|row| row.last());
        let fresh = names.len();
        if let Some(own) = group.get_mut(*state) {
            *own = *names
                .entry((at(kinds, *state), end, at(&far, *state)))
                .or_insert(fresh);
        }
    }
    let mut count = names.len();
    loop {
        work.take(states.len(), columns)?;
        let mut names: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        let mut next = group.clone();
        for state in &states {
            let row = rows.get(*state).map_or(&[][..], |row| successors(row));
            let image = std::iter::once(state)
                .chain(row)
                .map(|s| at(&group, *s))
                .collect();
            let fresh = names.len();
            if let Some(own) = next.get_mut(*state) {
                *own = *names.entry(image).or_insert(fresh);
            }
        }
        group = next;
        if names.len() == count {
            break;
        }
        count = names.len();
    }
    let mut kept: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for state in &states {
        let Some(row) = rows.get(*state) else { continue };
        kept.entry(at(&group, *state)).or_insert_with(|| {
            let end = row.last().copied();
            let next = successors(row).iter().map(|s| at(&group, *s));
            next.chain(end).collect()
        });
    }
    Ok((kept.into_values().collect(), group))
}

fn reachable(rows: &Rows, roots: &[usize]) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut work = roots.to_vec();
    while let Some(state) = work.pop() {
        if found.insert(state) {
            work.extend(rows.get(state).map_or(&[][..], |row| successors(row)));
        }
    }
    found
}

/// Bytes of the shortest text that leads from each state to a match; `usize::MAX` where none does.
fn distances(rows: &Rows, kinds: &[usize]) -> Vec<usize> {
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    let mut work = Vec::new();
    for (state, row) in rows.iter().enumerate() {
        for next in successors(row) {
            if let Some(list) = before.get_mut(*next) {
                list.push(state);
            }
        }
        if at(kinds, state) == 1 || row.last() == Some(&1) {
            work.push(state);
        }
    }
    let mut far = vec![usize::MAX; rows.len()];
    let mut distance = 0_usize;
    while !work.is_empty() {
        let mut further = Vec::new();
        for state in work {
            let Some(own) = far.get_mut(state).filter(|own| **own == usize::MAX) else {
                continue;
            };
            *own = distance;
            further.extend(before.get(state).into_iter().flatten().copied());
        }
        distance = distance.saturating_add(1);
        work = further;
    }
    far
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_joined_and_those_without_a_way_to_them_left_out() {
        // 2 and 3 do the same; nothing leads to 4.
        let rows = vec![
            vec![0, 0, 0],
            vec![2, 3, 0],
            vec![0, 2, 1],
            vec![0, 3, 1],
            vec![1, 1, 0],
        ];
        let (kept, group) = minimise(&rows, &[0, 2, 2, 2, 2], &[0, 1], &mut Work::default()).unwrap();
        assert_eq!(kept, [[0, 0, 0], [2, 2, 0], [0, 2, 1]]);
        assert_eq!(group[..4], [0, 1, 2, 2]);
    }

    #[test]
    fn distances_are_those_of_shortest_texts() {
        let rows = vec![vec![0, 0, 0], vec![0, 2, 0], vec![1, 3, 0], vec![0, 0, 1]];
        assert_eq!(distances(&rows, &[0, 2, 2, 2]), [usize::MAX, 2, 1, 0]);
    }
}
