//! What an automaton does with bytes that no UTF-8 text has where it stands: whatever makes its table smaller.

/// The first byte of a text that is not ASCII ends a character.
const CONTINUES: std::ops::RangeInclusive<usize> = 0x80..=0xbf;

/// A byte that begins a character of several bytes.
pub(super) const BEGINS: usize = 0xc3;

/// Bytes of a character that are still to come after its first one; `None` if it ends with it, or begins none.
fn rest(byte: usize) -> Option<usize> {
    match byte {
        0xc2..=0xdf => Some(1),
        0xe0..=0xef => Some(2),
        0xf0..=0xf4 => Some(3),
        _ => None,
    }
}

/// Sets the successors of each state for bytes that never come there. `rows` has the successor of each state for each byte; `starts` are
/// the states in which a character begins. Between characters, bytes that go on with one do what the first ones of characters do, and
/// within them the other way round, so that all bytes beyond ASCII fall into one class where that can be.
pub(super) fn settle(rows: &mut [Vec<usize>], starts: impl Iterator<Item = usize>) {
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
        for (byte, next) in row.iter().take(256).enumerate() {
            match left.checked_sub(1) {
                Some(less) if CONTINUES.contains(&byte) => work.push((*next, less)),
                None if byte < 0x80 => work.push((*next, 0)),
                None => work.extend(rest(byte).map(|left| (*next, left))),
                Some(_) => {}
            }
        }
    }
    for (row, phases) in rows.iter_mut().zip(&seen) {
        if !phases.contains(&true) {
            row.fill(0);
            continue;
        }
        let between = phases.first() == Some(&true);
        let within = phases.iter().skip(1).any(|phase| *phase);
        let first = row.get(BEGINS).copied().unwrap_or_default();
        let next = row.get(*CONTINUES.start()).copied().unwrap_or_default();
        for (byte, entry) in row.iter_mut().take(256).enumerate() {
            if CONTINUES.contains(&byte) {
                if !within {
                    *entry = first;
                }
            } else if !between {
                *entry = next;
            } else if byte >= 0x80 && rest(byte).is_none() {
                *entry = first;
            }
        }
    }
}
