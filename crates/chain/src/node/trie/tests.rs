use std::collections::BTreeMap;

use alloy::primitives::{B256, U256, keccak256};
use alloy_trie::proof::verify_proof;
use alloy_trie::{HashBuilder, Nibbles};
use proptest::prelude::*;

use super::*;

/// The root by alloy-trie's builder, from all leaves at once.
fn reference(leaves: &BTreeMap<B256, Vec<u8>>) -> B256 {
    let mut builder = HashBuilder::default();
    for (key, value) in leaves {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    builder.root()
}

/// Keys that share long beginnings, so that every kind of node and of collapse occurs.
fn key(seed: u16) -> B256 {
    let mut key = [0_u8; 32];
    key[0] = (seed & 3) as u8;
    key[1] = ((seed >> 2) & 3) as u8;
    key[17] = ((seed >> 4) & 1) as u8;
    key[31] = ((seed >> 5) & 3) as u8;
    key.into()
}

fn value(seed: u16) -> Vec<u8> {
    // Short values make nodes under 32 bytes, which are embedded in their parent.
    if seed.is_multiple_of(3) {
        vec![1]
    } else {
        alloy::rlp::encode(U256::from(seed) << 200)
    }
}

#[test]
fn the_empty_trie_has_the_known_root() {
    let mut store = BTreeMap::new();
    assert_eq!(
        update(&mut store, b"x", &Updates::new()).unwrap(),
        EMPTY_ROOT_HASH
    );
    assert_eq!(root(&store, b"x").unwrap(), EMPTY_ROOT_HASH);
    assert!(store.is_empty());
}

#[test]
fn ten_thousand_hashed_keys_in_batches() {
    let (mut store, mut leaves) = (BTreeMap::new(), BTreeMap::new());
    for batch in 0..100_u64 {
        let updates: Updates = (0..100_u64)
            .map(|i| {
                (
                    keccak256((batch * 100 + i).to_be_bytes()),
                    Some(alloy::rlp::encode(U256::from(i + 1))),
                )
            })
            .collect();
        leaves.extend(updates.iter().map(|(key, value)| (*key, value.clone().unwrap())));
        assert_eq!(update(&mut store, &[], &updates).unwrap(), reference(&leaves));
    }
    let updates: Updates = leaves.keys().map(|key| (*key, None)).collect();
    assert_eq!(update(&mut store, &[], &updates).unwrap(), EMPTY_ROOT_HASH);
    assert!(store.is_empty(), "deleting all keys leaves no node behind");
}

#[test]
fn a_missing_node_is_an_error_and_not_another_root() {
    let mut store = BTreeMap::new();
    let updates: Updates = (0..64).map(|seed| (key(seed), Some(value(seed)))).collect();
    update(&mut store, &[], &updates).unwrap();
    let inner = store.keys().find(|key| key.len() == 1).cloned().unwrap();
    store.remove(&inner);
    let touched: Updates = (0..64).map(|seed| (key(seed), Some(vec![9]))).collect();
    let error = update(&mut store, &[], &touched).unwrap_err();
    assert!(error.to_string().contains("is missing"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// After any sequence of batches: the root is the reference's, the nodes are exactly those of a trie built in
    /// one go, another owner's nodes are untouched, and every key's proof (present or absent) verifies.
    #[test]
    fn any_updates_agree_with_the_reference(
        batches in prop::collection::vec(prop::collection::vec((0_u16..128, prop::option::weighted(0.6, 0_u16..50)), 0..24), 1..8),
    ) {
        let mut store = BTreeMap::new();
        update(&mut store, b"\xff", &Updates::from([(key(1), Some(vec![7]))])).unwrap();
        let stranger = store.clone();
        let mut leaves = BTreeMap::new();
        for batch in batches {
            let updates: Updates = batch.into_iter().map(|(seed, new)| (key(seed), new.map(value))).collect();
            for (key, value) in &updates {
                match value {
                    Some(value) => leaves.insert(*key, value.clone()),
                    None => leaves.remove(key),
                };
            }
            let found = update(&mut store, &[], &updates).unwrap();
            prop_assert_eq!(found, reference(&leaves));
            prop_assert_eq!(root(&store, &[]).unwrap(), found);
        }
        let mut fresh = stranger;
        let all: Updates = leaves.iter().map(|(key, value)| (*key, Some(value.clone()))).collect();
        let expected = update(&mut fresh, &[], &all).unwrap();
        prop_assert_eq!(&store, &fresh);
        for seed in 0..128 {
            let proof = proof(&store, &[], key(seed)).unwrap();
            verify_proof(expected, Nibbles::unpack(key(seed)), leaves.get(&key(seed)).cloned(), &proof).unwrap();
        }
    }
}
