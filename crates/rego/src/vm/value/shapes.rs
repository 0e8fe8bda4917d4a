//! The shapes of objects seen in JSON: which keys follow one another, and how they are sorted.
//!
//! Objects of one kind have the same keys in the same order, and white space too, in one document and in the next. A parser that
//! knows the shape compares the bytes from one value to the next with those expected, instead of scanning the key, looking
//! it up and sorting the object afterwards.
//!
//! The shapes are a tree: a node is a sequence of keys, its children are the keys that came next. It is bounded; a full tree
//! is thrown away before the next document.

use std::ops::Range;

use super::Val;

/// The most nodes.
const NODES: usize = 1 << 12;
/// The most bytes of keys.
const TEXT: usize = 1 << 17;
/// The most bytes between two values that are followed.
const LONGEST: usize = 192;
/// The most children of one node; objects with ever new keys have no shape.
const CHILDREN: u32 = 12;
/// First keys are found through this many lists.
const HEADS: usize = 64;

/// A node's number; 0 is the root, the object without keys.
pub(super) type Node = u32;

/// In place of a node: this object's keys are not followed any more.
pub(super) const LOST: Node = Node::MAX;

#[derive(Debug, Clone, Copy)]
struct Entry {
    /// The first sixteen bytes, and which of their bits count.
    first: u128,
    mask: u128,
    /// All bytes from what comes before the key to where its value begins, in [`Shapes::text`].
    start: u32,
    length: u16,
    /// Where the key is in them, without its quotes.
    key: u16,
    key_length: u16,
    /// The constant that equals the key; undefined if none does.
    constant: Val,
    child: Node,
    sibling: Node,
    children: u32,
    order: Order,
}

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
    text: Vec<u8>,
    heads: Vec<Node>,
    orders: Vec<u16>,
}

/// A key that was expected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Followed {
    pub(super) node: Node,
    /// How many bytes there are before its value.
    pub(super) length: usize,
    /// Where the key is in them.
    pub(super) key: usize,
    pub(super) key_length: usize,
    /// The constant that equals it; undefined if none does.
    pub(super) constant: Val,
}

/// How many bytes are compared at once.
const BLOCK: usize = 16;

/// The list that a first key is in.
fn head(bytes: &[u8]) -> usize {
    // After the quote, in a document without white space; of no matter otherwise.
    let byte = |at: usize| bytes.get(at).copied().unwrap_or_default();
    usize::from(byte(1).wrapping_mul(5).wrapping_add(byte(2))) & (HEADS - 1)
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

fn block_at(bytes: &[u8], at: usize) -> u128 {
    bytes.get(at..).map_or(0, block)
}

impl Shapes {
    /// Forgets everything. What it knows holds for the constants of one program only.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
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
                first: 0,
                mask: 0,
                start: 0,
                length: 0,
                key: 0,
                key_length: 0,
                constant: Val::UNDEFINED,
                child: 0,
                sibling: 0,
                children: 0,
                order: Order::Sorted,
            });
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
            if (first ^ entry.first) & entry.mask == 0 && self.same_tail(entry, rest) {
                return Some(Followed {
                    node: at,
                    length: entry.length.into(),
                    key: entry.key.into(),
                    key_length: entry.key_length.into(),
                    constant: entry.constant,
                });
            }
            at = entry.sibling;
        }
        None
    }

    /// Whether what comes after the first sixteen bytes is the same.
    #[inline]
    fn same_tail(&self, entry: &Entry, rest: &[u8]) -> bool {
        let length = usize::from(entry.length);
        if length <= BLOCK {
            return rest.len() >= length;
        }
        let start = entry.start as usize;
        let bytes = self.text.get(start..start.wrapping_add(length));
        let (Some(bytes), Some(rest)) = (bytes, rest.get(..length)) else {
            return false;
        };
        // The last block overlaps the one before.
        let last = length.saturating_sub(BLOCK);
        let same = |at: usize| block_at(bytes, at) == block_at(rest, at);
        same(last) && (BLOCK..last).step_by(BLOCK).all(same)
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
        let bits = bytes.len().saturating_mul(8).min(128) as u32;
        let mask = u128::MAX
            .checked_shr(128_u32.saturating_sub(bits))
            .unwrap_or_default();
        // All of these lengths are at most `LONGEST`.
        self.entries.push(Entry {
            first: block(bytes) & mask,
            mask,
            start: self.text.len() as u32,
            length: bytes.len() as u16,
            key: key.start as u16,
            key_length: key.len() as u16,
            constant: constant.unwrap_or(Val::UNDEFINED),
            child: 0,
            sibling,
            children: 0,
            order: Order::Unknown,
        });
        self.text.extend_from_slice(bytes);
        next
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
