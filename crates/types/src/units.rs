//! Newtypes for counts and positions that must not be mixed up.
//!
//! None of them converts implicitly: `new` and `get` are the only ways in and out. Arithmetic is checked.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Zero.
            pub const ZERO: Self = Self(0);

            /// Wraps a plain number.
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The plain number.
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The sum, or `None` when it does not fit 64 bits.
            pub const fn checked_add(self, count: u64) -> Option<Self> {
                match self.0.checked_add(count) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }

            /// The difference, or `None` when it would be negative.
            pub const fn checked_sub(self, count: u64) -> Option<Self> {
                match self.0.checked_sub(count) {
                    Some(rest) => Some(Self(rest)),
                    None => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

unit!(
    /// Position of a leaf in its log; the first leaf has index 0.
    LeafIndex
);
unit!(
    /// Number of leaves in a tree.
    TreeSize
);
unit!(
    /// Number of a block on its chain; the genesis block is 0.
    BlockNumber
);
unit!(
    /// EVM gas.
    Gas
);
unit!(
    /// EIP-155 chain id.
    ChainId
);

impl LeafIndex {
    /// The size of the smallest tree that holds this leaf. Saturates at the largest 64-bit size.
    pub const fn tree_size(self) -> TreeSize {
        TreeSize(self.0.saturating_add(1))
    }
}

impl TreeSize {
    /// The index that the next leaf will get.
    pub const fn next_index(self) -> LeafIndex {
        LeafIndex(self.0)
    }

    /// The index of the last leaf, or `None` for the empty tree.
    pub const fn last_index(self) -> Option<LeafIndex> {
        match self.0.checked_sub(1) {
            Some(index) => Some(LeafIndex(index)),
            None => None,
        }
    }

    /// True when a tree of this size holds the leaf.
    pub const fn contains(self, index: LeafIndex) -> bool {
        index.0 < self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_checked() {
        assert_eq!(Gas::new(2).checked_sub(3), None);
        assert_eq!(Gas::new(u64::MAX).checked_add(1), None);
        assert_eq!(TreeSize::ZERO.last_index(), None);
        assert_eq!(TreeSize::new(3).last_index(), Some(LeafIndex::new(2)));
        assert!(
            TreeSize::new(3).contains(LeafIndex::new(2)) && !TreeSize::new(3).contains(LeafIndex::new(3))
        );
        assert_eq!("17".parse::<ChainId>().unwrap(), ChainId::new(17));
    }
}
