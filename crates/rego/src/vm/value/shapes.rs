//! The shapes of objects seen in JSON: which keys follow one another, and how they are sorted.
//!
//! Objects of one kind have the same keys in the same order, and white space too, in one document and in the next. A parser that
//! knows the shape compares the bytes from one value to the next with those expected, instead of scanning the key, looking
//! it up and sorting the object afterwards.
//!
//! The shapes are a tree: a node is a sequence of keys, its children are the keys that came next. It is bounded; a full tree
//! is thrown away before the next document.
//!
//! Beside the tree there are *steps*: the keys on the way from a node to the end of the first object that took it, one behind the other,
//! each with the comma before it. A parser that is on such a way looks at the next step only; where an object turns off, the tree says
//! where to, and there the next way begins.

use std::ops::Range;

use super::{Space, Val};

/// The most nodes.
const NODES: usize = 1 << 12;
/// The most bytes of keys.
const TEXT: usize = 1 << 17;
/// The most bytes between two values that are followed.
const LONGEST: usize = 192;
/// The most children of one node; objects with ever new keys have no shape.
const CHILDREN: u32 = 12;
/// First keys are found through this many lists.
const HEADS: usize = 256;

/// A node's number; 0 is the root, the object without keys.
pub(super) type Node = u32;

/// In place of a node: this object's keys are not followed any more.
pub(super) const LOST: Node = Node::MAX;

/// The bytes from one value to the next.
#[derive(Debug, Clone, Copy)]
struct Literal {
    /// The first sixteen of them, and which of their bits count.
    first: u128,
    mask: u128,
    /// Where all of them are in [`Shapes::text`].
    start: u32,
    length: u16,
}

/// The word of a key: that of a constant, or of a place in the document.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    word: u64,
    /// How many times the offset of what was compared is part of the word.
    factor: u64,
}

impl Key {
    /// The word, where what was compared begins at this offset in the region.
    #[inline]
    pub(super) const fn word(self, offset: usize) -> Val {
        Val(self.word.wrapping_add((offset as u64).wrapping_mul(self.factor)))
    }

    /// The same key, when what was compared begins a byte earlier.
    const fn behind_comma(self) -> Self {
        Self {
            word: self.word.wrapping_add(self.factor),
            ..self
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    literal: Literal,
    key: Key,
    parent: Node,
    child: Node,
    sibling: Node,
    children: u32,
    order: Order,
    /// The step that comes next; 0 when there is none.
    next: u32,
}

/// A key on a way that was taken before.
#[derive(Debug, Clone, Copy)]
struct Step {
    literal: Literal,
    key: Key,
    node: Node,
    /// The first step of the object that its value was, or had as an element, the last time.
    inside: u32,
}

/// What nothing equals: no JSON has so many zeros, or as much text.
const END: Step = Step {
    literal: Literal {
        first: 0,
        mask: u128::MAX,
        start: 0,
        length: u16::MAX,
    },
    key: Key { word: 0, factor: 0 },
    node: LOST,
    inside: 0,
};

/// How the keys on the way to a node are sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Not known.
    Unknown,
    /// As they come.
    Sorted,
    /// By these positions, in [`Shapes::order`].
    Places(u32),
}

/// The shapes that a worker has seen.
#[derive(Debug, Default)]
pub(crate) struct Shapes {
    entries: Vec<Entry>,
    steps: Vec<Step>,
    text: Vec<u8>,
    heads: Vec<Node>,
    orders: Vec<u16>,
    /// The nodes of a way being made.
    way: Vec<Node>,
}

/// A key that was expected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Followed {
    pub(super) node: Node,
    /// How many bytes there are before its value.
    pub(super) length: usize,
    pub(super) key: Key,
    /// The step that comes next.
    pub(super) next: usize,
}

/// How many bytes are compared at once.
const BLOCK: usize = 16;

/// The list that a first key is in.
fn head(bytes: &[u8]) -> usize {
    // After the quote, in a document without white space; of no matter otherwise.
    let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
    usize::from(byte(1).wrapping_mul(37).wrapping_add(byte(2))) & (HEADS - 1)
}

/// The first sixteen bytes; zeros where there are none.
#[inline]
fn block(bytes: &[u8]) -> u128 {
    match bytes.first_chunk() {
        Some(chunk) => u128::from_le_bytes(*chunk),
        None => {
            let bytes = bytes.iter().rev();
            bytes.fold(0, |block, byte| block << 8 | u128::from(*byte))
        }
    }
}

impl Literal {
    /// These bytes, at most [`LONGEST`] and a comma, at `start` in the text.
    fn new(bytes: &[u8], start: usize) -> Self {
        let bits = bytes.len().saturating_mul(8).min(128) as u32;
        let mask = u128::MAX
            .checked_shr(128_u32.saturating_sub(bits))
            .unwrap_or_default();
        Self {
            first: block(bytes) & mask,
            mask,
            start: start as u32,
            length: bytes.len() as u16,
        }
    }
}

impl Shapes {
    /// Forgets everything. What it knows holds for the constants of one program only.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.steps.clear();
        self.text.clear();
        self.orders.clear();
        self.heads.clear();
    }

    /// Makes ready for a document.
    pub(super) fn begin(&mut self) {
        if self.entries.len() >= NODES || self.text.len() >= TEXT || self.orders.len() >= TEXT {
            self.clear();
        }
        if self.entries.is_empty() {
            self.heads.resize(HEADS, 0);
            self.entries.push(Entry {
                literal: END.literal,
                key: END.key,
                parent: 0,
                child: 0,
                sibling: 0,
                children: 0,
                order: Order::Sorted,
                next: 0,
            });
            self.steps.push(END);
        }
    }

    /// The node reached by the key that `rest` begins with.
    #[inline]
    pub(super) fn follow(&self, node: Node, rest: &[u8]) -> Option<Followed> {
        let mut at = if node == 0 {
            *self.heads.get(head(rest))?
        } else {
            self.entries.get(node as usize)?.child
        };
        let first = block(rest);
        while at != 0 {
            let entry = self.entries.get(at as usize)?;
            if (first ^ entry.literal.first) & entry.literal.mask == 0 && self.same_tail(&entry.literal, rest)
            {
                return Some(Followed {
                    node: at,
                    length: entry.literal.length.into(),
                    key: entry.key,
                    next: entry.next as usize,
                });
            }
            at = entry.sibling;
        }
        None
    }

    /// The step of this number, if `rest` begins with its key: the node it leads to, the word of the key, and the bytes before the value.
    #[inline]
    pub(super) fn step(&self, number: usize, offset: usize, rest: &[u8]) -> Option<(Node, Val, usize)> {
        let step = self.steps.get(number)?;
        // Near the end of the document the tree is good enough.
        let first = u128::from_le_bytes(*rest.first_chunk()?);
        let same = (first ^ step.literal.first) & step.literal.mask == 0;
        (same && self.same_tail(&step.literal, rest))
            .then(|| (step.node, step.key.word(offset), step.literal.length.into()))
    }

    /// Whether what comes after the first sixteen bytes is the same.
    #[inline]
    fn same_tail(&self, literal: &Literal, rest: &[u8]) -> bool {
        let length = usize::from(literal.length);
        if length <= BLOCK {
            return rest.len() >= length;
        }
        let start = literal.start as usize;
        let bytes = self.text.get(start..start.wrapping_add(length));
        bytes.is_some() && rest.get(..length) == bytes
    }

    /// Adds a child that [`Shapes::follow`] has not found. `key` is the range of the key in `bytes`.
    pub(super) fn learn(
        &mut self,
        node: Node,
        bytes: &[u8],
        key: Range<usize>,
        constant: Option<Val>,
    ) -> Node {
        let full = self.entries.len() >= NODES || self.text.len() >= TEXT;
        if node == LOST || bytes.len() > LONGEST || full {
            return LOST;
        }
        let next = self.entries.len() as Node;
        let Some(parent) = self.entries.get_mut(node as usize) else {
            return LOST;
        };
        if node != 0 && parent.children >= CHILDREN {
            return LOST;
        }
        parent.children = parent.children.saturating_add(1);
        let first = if node == 0 {
            let Some(head) = self.heads.get_mut(head(bytes)) else {
                return LOST;
            };
            head
        } else {
            &mut parent.child
        };
        let sibling = std::mem::replace(first, next);
        let key_word = match constant {
            Some(constant) => Key {
                word: constant.0,
                factor: 0,
            },
            None => Key {
                word: Val::string(Space::Scratch, key.start as u32, key.len() as u64, true).0,
                factor: Val::OFFSET,
            },
        };
        // For steps.
        self.text.push(b',');
        let literal = Literal::new(bytes, self.text.len());
        self.text.extend_from_slice(bytes);
        self.entries.push(Entry {
            literal,
            key: key_word,
            parent: node,
            child: 0,
            sibling,
            children: 0,
            order: Order::Unknown,
            next: 0,
        });
        next
    }

    /// The first step of the object that was under this step the last time.
    #[inline]
    pub(super) fn inside(&self, step: usize) -> usize {
        self.steps.get(step).map_or(0, |step| step.inside as usize)
    }

    /// Remembers that the object under a step begins with what comes before the step `second`.
    pub(super) fn begin_with(&mut self, step: usize, second: usize) {
        let first = second.saturating_sub(1);
        if let Some(step) = self.steps.get_mut(step) {
            step.inside = first as u32;
        }
    }

    /// Makes the steps to a node where an object ended, from where on there are none.
    pub(super) fn pave(&mut self, node: Node) {
        self.way.clear();
        let mut at = node;
        while let Some(entry) = self.entries.get(at as usize)
            && at != 0
            && entry.next == 0
        {
            self.way.push(at);
            at = entry.parent;
        }
        if self.way.is_empty() || self.steps.len() >= NODES {
            return;
        }
        for node in self.way.iter().rev() {
            let Some(entry) = self.entries.get_mut(*node as usize) else {
                return;
            };
            let (mut literal, mut key) = (entry.literal, entry.key);
            if entry.parent != 0 {
                let start = (literal.start as usize).saturating_sub(1);
                let end = start.wrapping_add(literal.length.into()).wrapping_add(1);
                literal = Literal::new(self.text.get(start..end).unwrap_or_default(), start);
                key = key.behind_comma();
            }
            self.steps.push(Step {
                literal,
                key,
                node: *node,
                inside: 0,
            });
            entry.next = self.steps.len() as u32;
        }
        self.steps.push(END);
    }

    /// The order of an object that ends here.
    pub(super) fn order(&self, node: Node) -> Order {
        self.entries
            .get(node as usize)
            .map_or(Order::Unknown, |entry| entry.order)
    }

    /// The positions of an order of `count` keys.
    pub(super) fn places(&self, start: u32, count: usize) -> &[u16] {
        let start = start as usize;
        self.orders
            .get(start..start.wrapping_add(count))
            .unwrap_or_default()
    }

    /// Remembers the order of the objects that end here.
    pub(super) fn set_order(&mut self, node: Node, places: &[u16]) {
        let start = self.orders.len();
        let Some(entry) = self.entries.get_mut(node as usize) else {
            return;
        };
        if places.is_sorted() {
            entry.order = Order::Sorted;
        } else if start < TEXT {
            entry.order = Order::Places(start as u32);
            self.orders.extend_from_slice(places);
        }
    }
}
