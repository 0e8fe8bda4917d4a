//! What an automaton does with bytes that no UTF-8 text has where it stands: whatever makes its table smaller.

use super::automaton::{Alphabet, Rows};

/// The first byte that goes on with a character, and one that begins a character of several bytes.
const CONTINUES: u8 = 0x80;
const BEGINS: u8 = 0xc3;

/// Where a byte stands in a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// It is one.
    Whole,
    /// After the first byte.
    Later,
    /// It is the first one, before so many others.
    First(usize),
    /// Nowhere.
    Never,
}

/// Where a byte stands in a character.
pub(super) fn place(byte: u8) -> Place {
    match byte {
        0..=0x7f => Place::Whole,
        CONTINUES..=0xbf => Place::Later,
        0xc2..=0xdf => Place::First(1),
        0xe0..=0xef => Place::First(2),
        0xf0..=0xf4 => Place::First(3),
        _ => Place::Never,
    }
}

/// Sets the successors of each state for bytes that never come there. `starts` are the states in which a character begins. Between
/// characters, bytes that go on with one do what the first ones of characters do, and within them the other way round, so that all bytes
/// beyond ASCII fall into one class where that can be. States that only such bytes led to have no way to them any more.
pub(super) fn settle(rows: &mut Rows, alphabet: &Alphabet, starts: impl Iterator<Item = usize>) {
    let mut seen = vec![[false; 4]; rows.len()];
    let mut work: Vec<(usize, usize)> = starts.map(|state| (state, 0)).collect();
    while let Some((state, left)) = work.pop() {
        let Some(mark) = seen.get_mut(state).and_then(|phases| phases.get_mut(left)) else {
            continue;
        };
        if std::mem::replace(mark, true) {
            continue;
        }
        let Some(row) = rows.get(state) else { continue };
        for (byte, next) in alphabet.bytes.iter().zip(row) {
            match (left.checked_sub(1), place(*byte)) {
                (Some(less), Place::Later) => work.push((*next, less)),
                (None, Place::Whole) => work.push((*next, 0)),
                (None, Place::First(left)) => work.push((*next, left)),
                _ => {}
            }
        }
    }
    for (row, phases) in rows.iter_mut().zip(&seen) {
        let between = phases.first() == Some(&true);
        let within = phases.iter().skip(1).any(|phase| *phase);
        let of = |byte| row.get(alphabet.class(byte)).copied().unwrap_or_default();
        let (first, next) = (of(BEGINS), of(CONTINUES));
        for (byte, entry) in alphabet.bytes.iter().zip(row.iter_mut()) {
            match place(*byte) {
                Place::Later if !within => *entry = first,
                Place::Whole | Place::First(_) | Place::Never if !between => *entry = next,
                Place::Never => *entry = first,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_never_come_do_what_others_do() {
        let alphabet = Alphabet::new(|byte| byte == b'x');
        // State 1 stands between characters; 2, 3 and 4 before the last bytes of one.
        let row = |whole: usize, later: usize, first: [usize; 3]| {
            let entry = |byte: &u8| match place(*byte) {
                Place::Whole if *byte == b'x' => 0,
                Place::Whole => whole,
                Place::Later => later,
                Place::First(more) => first[more - 1],
                Place::Never => 5,
            };
            alphabet
                .bytes
                .iter()
                .map(entry)
                .chain([0])
                .collect::<Vec<usize>>()
        };
        let never = row(5, 5, [5; 3]);
        let mut rows = vec![
            row(0, 0, [0; 3]),
            row(1, 5, [2, 3, 4]),
            row(5, 1, [5; 3]),
            row(5, 2, [5; 3]),
            row(5, 3, [5; 3]),
            never,
        ];
        settle(&mut rows, &alphabet, std::iter::once(1));
        let of = |state: usize, byte: u8| rows[state][alphabet.class(byte)];
        assert_eq!([0x80, 0xc0, 0xc3, 0xff].map(|byte| of(1, byte)), [2; 4]);
        assert_eq!([b'x', b'a', 0xe2, 0xf0].map(|byte| of(1, byte)), [0, 1, 3, 4]);
        for (state, next) in [(2, 1), (3, 2), (4, 3)] {
            assert_eq!(
                [b'x', b'a', 0x80, 0xc0, 0xc3, 0xff].map(|byte| of(state, byte)),
                [next; 6]
            );
        }
    }
}
