//! Objects: the way from one key to the next, and the order of keys.

use super::{Parsed, Parser, Reader};
use crate::vm::value::shapes::{LOST, Node, Order};
use crate::vm::value::{Kind, Space, Val};

/// How far an object is.
struct Progress {
    /// The shape of its keys so far.
    node: Node,
    /// The step that objects of this shape have taken next.
    next: usize,
    all_known: bool,
}

impl Parser<'_> {
    #[inline(never)]
    pub(super) fn object(&mut self, at: usize, depth: usize, by: usize) -> Parsed {
        if depth >= self.max_depth {
            return self.malformed();
        }
        let mut at = self.skip_space(at.wrapping_add(1));
        if self.peek(at) == Some(b'}') {
            return (self.region.collection(Kind::Object, &[]), at.wrapping_add(1));
        }
        let start = self.reader.stack.len();
        let mut progress = Progress {
            // In a document that stays, keys are places of their own.
            node: if self.common { 0 } else { LOST },
            next: self.reader.shapes.inside(by),
            all_known: true,
        };
        let mut found = match self.expected(at, &mut progress) {
            Some(expected) => expected,
            None => self.first_key(at, &mut progress, by),
        };
        loop {
            let (key, begin) = found;
            let step = progress.next.wrapping_sub(1);
            let (value, end) = self.value(begin, depth.wrapping_add(1), step);
            self.reader.stack.extend_from_slice(&[key, value]);
            if self.reader.stack.len() >= self.parts && self.many() {
                return self.memory();
            }
            if let Some(expected) = self.expected(end, &mut progress) {
                found = expected;
                continue;
            }
            at = self.skip_space(end);
            match self.peek(at) {
                Some(b',') => found = self.key(at.wrapping_add(1), &mut progress),
                Some(b'}') => break,
                _ => return self.malformed(),
            }
        }
        let mut made = self.sorted(start, &progress);
        if self.seen.is_some() {
            made = self.region.index_last(made, self.constants.region);
        }
        self.reader.stack.truncate(start);
        if self.region.words.len() >= self.words && self.many() {
            return self.memory();
        }
        (made, at.wrapping_add(1))
    }

    /// The key that comes after this value in most objects of the shape, if it does so here.
    #[inline]
    fn expected(&self, at: usize, progress: &mut Progress) -> Option<Parsed> {
        let rest = self.bytes.get(at..)?;
        let offset = self.base.wrapping_add(at);
        let (node, key, length) = self.reader.shapes.step(progress.next, offset, rest)?;
        progress.node = node;
        progress.next = progress.next.wrapping_add(1);
        Some((key, at.wrapping_add(length)))
    }

    /// The first key of an object that began in another way the last time.
    #[inline(never)]
    fn first_key(&mut self, at: usize, progress: &mut Progress, by: usize) -> Parsed {
        progress.next = 0;
        let found = self.key(at, progress);
        self.reader.shapes.begin_with(by, progress.next);
        found
    }

    /// The next key, and where its value begins.
    #[inline(never)]
    fn key(&mut self, at: usize, progress: &mut Progress) -> Parsed {
        if progress.node != LOST {
            let rest = self.bytes.get(at..).unwrap_or_default();
            if let Some(followed) = self.reader.shapes.follow(progress.node, rest) {
                progress.node = followed.node;
                progress.next = followed.next;
                let key = followed.key.word(self.base.wrapping_add(at));
                return (key, at.wrapping_add(followed.length));
            }
        }
        self.new_key(at, progress)
    }

    /// As [`Parser::key`], of one that was not expected.
    fn new_key(&mut self, start: usize, progress: &mut Progress) -> Parsed {
        let quote = self.skip_space(start);
        if self.peek(quote) != Some(b'"') {
            return self.malformed();
        }
        let (key, end) = self.string(quote);
        let colon = self.skip_space(end);
        if self.peek(colon) != Some(b':') {
            return self.malformed();
        }
        let begin = self.skip_space(colon.wrapping_add(1));
        let (open, close) = (quote.wrapping_add(1), end.wrapping_sub(1));
        // A key with escapes is shorter than its source.
        let plain = self.text_of(key).len() == close.saturating_sub(open);
        progress.all_known &= key.is_known();
        progress.next = 0;
        progress.node = if plain && key.is_known() {
            let constant = Some(key).filter(|key| matches!(key.space(), Space::Consts));
            let bytes = self.bytes.get(start..begin).unwrap_or_default();
            let range = open.saturating_sub(start)..close.saturating_sub(start);
            self.reader.shapes.learn(progress.node, bytes, range, constant)
        } else {
            LOST
        };
        (key, begin)
    }

    fn text_of(&self, val: Val) -> &str {
        if matches!(val.space(), Space::Consts) {
            self.constants.region.text_of(val)
        } else {
            self.region.text_of(val)
        }
    }

    /// An object of the pairs from `start` on.
    fn sorted(&mut self, start: usize, progress: &Progress) -> Val {
        let Progress { node, all_known, .. } = *progress;
        let Reader { stack, shapes, .. } = &*self.reader;
        let parts = stack.get(start..).unwrap_or_default();
        match shapes.order(node) {
            Order::Sorted => self.region.object(parts, all_known),
            Order::Places(places) => {
                let places = shapes.places(places, parts.len() >> 1);
                self.region.object_in_order(parts, places, all_known)
            }
            Order::Unknown => {
                self.reader.shapes.pave(node);
                self.sort(start, node, all_known)
            }
        }
    }

    /// As [`Parser::sorted`], of a new shape. Of equal keys the last stays.
    fn sort(&mut self, start: usize, node: Node, all_known: bool) -> Val {
        let mut pairs = std::mem::take(&mut self.reader.pairs);
        pairs.clear();
        let parts = self.reader.stack.get(start..).unwrap_or_default();
        for (at, pair) in parts.chunks_exact(2).enumerate() {
            if let [key, value] = pair {
                pairs.push((*key, *value, at as u16));
            }
        }
        // Stable, so of equal keys the last one stands last.
        pairs.sort_by(|a, b| self.text_of(a.0).cmp(self.text_of(b.0)));
        let before = pairs.len();
        pairs.reverse();
        pairs.dedup_by(|later, kept| self.text_of(later.0) == self.text_of(kept.0));
        pairs.reverse();
        self.reader.repeats |= pairs.len() != before;
        self.reader.stack.truncate(start);
        for (key, value, _) in &pairs {
            self.reader.stack.extend([*key, *value]);
        }
        // Few enough to be counted in sixteen bits.
        if pairs.len() == before && node != LOST {
            self.reader.places.clear();
            self.reader.places.extend(pairs.iter().map(|(_, _, at)| *at));
            self.reader.shapes.set_order(node, &self.reader.places);
        }
        self.reader.pairs = pairs;
        let parts = self.reader.stack.get(start..).unwrap_or_default();
        self.region.object(parts, all_known)
    }
}
