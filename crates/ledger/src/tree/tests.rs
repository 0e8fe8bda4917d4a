use proptest::prelude::*;
use stele_types::{LEAF_BYTES, LeafIndex, TreeSize};

use super::*;
use crate::tile::TileId;

/// RFC 6962's definitions, word for word.
struct Naive(Vec<Digest>);

impl Naive {
    fn of(count: usize) -> Self {
        Self((0..count).map(|i| leaf_hash(&leaf(i))).collect())
    }

    fn mth(hashes: &[Digest]) -> Digest {
        match hashes {
            [] => empty_root(),
            [one] => *one,
            _ => {
                let k = hashes.len().next_power_of_two() / 2;
                node_hash(&Self::mth(&hashes[..k]), &Self::mth(&hashes[k..]))
            }
        }
    }

    fn path(m: usize, hashes: &[Digest]) -> Vec<Digest> {
        if hashes.len() == 1 {
            return vec![];
        }
        let k = hashes.len().next_power_of_two() / 2;
        let (mut path, sibling) = if m < k {
            (Self::path(m, &hashes[..k]), Self::mth(&hashes[k..]))
        } else {
            (Self::path(m - k, &hashes[k..]), Self::mth(&hashes[..k]))
        };
        path.push(sibling);
        path
    }

    fn subproof(m: usize, hashes: &[Digest], known: bool) -> Vec<Digest> {
        if m == hashes.len() {
            return if known { vec![] } else { vec![Self::mth(hashes)] };
        }
        let k = hashes.len().next_power_of_two() / 2;
        let (mut path, sibling) = if m <= k {
            (Self::subproof(m, &hashes[..k], known), Self::mth(&hashes[k..]))
        } else {
            (
                Self::subproof(m - k, &hashes[k..], false),
                Self::mth(&hashes[..k]),
            )
        };
        path.push(sibling);
        path
    }
}

fn leaf(i: usize) -> [u8; LEAF_BYTES] {
    let mut bytes = [0; LEAF_BYTES];
    bytes[24..32].copy_from_slice(&(i as u64).to_be_bytes());
    bytes
}

fn rows(count: usize) -> TileRows {
    let mut rows = TileRows::new();
    for i in 0..count {
        rows.push(&leaf(i));
    }
    rows
}

fn size(count: usize) -> TreeSize {
    TreeSize::new(count as u64)
}

fn index(i: usize) -> LeafIndex {
    LeafIndex::new(i as u64)
}

#[test]
fn known_roots() {
    // Roots of the test vectors of the certificate-transparency reference implementation: leaves "", 00, 10, 2021, 3031, ...
    let leaves: [&[u8]; 4] = [b"", &[0x00], &[0x10], &[0x20, 0x21]];
    let hashes: Vec<_> = leaves.iter().map(|l| leaf_hash(l)).collect();
    assert_eq!(
        empty_root().to_hex(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    assert_eq!(
        Naive::mth(&hashes[..1]).to_hex(),
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    assert_eq!(
        Naive::mth(&hashes[..2]).to_hex(),
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    );
    assert_eq!(
        Naive::mth(&hashes[..3]).to_hex(),
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    );
    assert_eq!(
        Naive::mth(&hashes).to_hex(),
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
    );
}

#[test]
fn all_small_trees_agree_with_the_definition() {
    let naive = Naive::of(70);
    let rows = rows(70);
    for n in 0..=70 {
        let expected = Naive::mth(&naive.0[..n]);
        assert_eq!(root(&rows, size(n)).unwrap(), expected);
        for m in 0..n {
            let path = inclusion_proof(&rows, index(m), size(n)).unwrap();
            assert_eq!(path, Naive::path(m, &naive.0[..n]));
            verify::inclusion(&naive.0[m], index(m), size(n), &path, &expected).unwrap();
        }
        for m in 0..=n {
            let path = consistency_proof(&rows, size(m), size(n)).unwrap();
            if m > 0 {
                assert_eq!(path, Naive::subproof(m, &naive.0[..n], true));
            }
            verify::consistency(size(m), size(n), &Naive::mth(&naive.0[..m]), &expected, &path).unwrap();
        }
    }
}

/// Of a path that is too short or too long nothing is computed: what it leads to would be a root of nothing.
#[test]
fn a_path_of_another_length_is_no_path() {
    let rows = rows(20);
    for n in 1..=20 {
        for m in 0..n {
            let path = inclusion_proof(&rows, index(m), size(n)).unwrap();
            let mut longer = path.clone();
            longer.push(Digest::ZERO);
            let shorter = (0..path.len()).map(|length| &path[..length]);
            for other in shorter.chain([longer.as_slice()]) {
                assert_eq!(
                    verify::root_of_inclusion(&Digest::ZERO, index(m), size(n), other),
                    Err(verify::ProofError::Length { found: other.len() }),
                    "leaf {m} of {n}"
                );
            }
        }
    }
}

#[test]
fn impossible_requests_are_refused() {
    let rows = rows(3);
    assert!(matches!(
        inclusion_proof(&rows, index(3), size(3)),
        Err(TreeError::NoSuchLeaf { .. })
    ));
    assert!(matches!(
        consistency_proof(&rows, size(3), size(2)),
        Err(TreeError::NotOlder { .. })
    ));
    assert!(matches!(
        inclusion_proof(&rows, index(0), size(400)),
        Err(TreeError::Source(_))
    ));
    let hash = Digest::ZERO;
    assert!(verify::inclusion(&hash, index(0), size(0), &[], &hash).is_err());
    assert!(verify::consistency(size(2), size(1), &hash, &hash, &[]).is_err());
    assert!(verify::consistency(size(1), size(2), &hash, &hash, &[]).is_err());
    assert!(
        verify::consistency(size(0), size(2), &hash, &hash, &[]).is_err(),
        "the empty tree has one root only"
    );
    assert!(verify::inclusion(&hash, index(0), size(u64::MAX as usize), &[hash; 64], &hash).is_err());
}

#[test]
fn forgetting_full_tiles_keeps_the_edge() {
    let total = 256 * 3 + 17;
    let naive = Naive::of(total);
    let mut edge = rows(total);
    let full = edge.full_tiles();
    let names: Vec<_> = full.iter().map(|tile| tile.id.path()).collect();
    assert_eq!(
        names,
        [
            "tile/entries/000",
            "tile/entries/001",
            "tile/entries/002",
            "tile/0/000",
            "tile/0/001",
            "tile/0/002"
        ]
    );
    let names: Vec<_> = edge.partial_tiles().iter().map(|tile| tile.id.path()).collect();
    assert_eq!(
        names,
        ["tile/entries/003.p/17", "tile/0/003.p/17", "tile/1/000.p/3"]
    );
    edge.forget(size(total));
    assert!(edge.full_tiles().is_empty());
    assert_eq!(edge.partial_tiles(), rows(total).partial_tiles());
    assert_eq!(edge.node(8, 2).unwrap(), Naive::mth(&naive.0[512..768]));
    assert_eq!(edge.node(0, 5), Err(rows::NotInMemory(TileId::hashes(0, 0))));
    assert_eq!(root(&edge, size(total)).unwrap(), Naive::mth(&naive.0));
    assert_eq!(edge.leaf(770).unwrap(), leaf(770));
    assert_eq!(edge.leaf(5), None);

    let partials = edge.partial_tiles();
    let mut resumed = TileRows::resume(size(total), partials[0].bytes.clone(), |level| {
        let tile = &partials[usize::from(level) + 1];
        tile.id.read_hashes(&tile.bytes)
    })
    .unwrap();
    for i in total..1100 {
        assert_eq!(resumed.push(&leaf(i)), edge.push(&leaf(i)));
    }
    assert_eq!(
        root(&resumed, size(1100)).unwrap(),
        Naive::mth(&Naive::of(1100).0)
    );
    assert_eq!(resumed.full_tiles(), edge.full_tiles());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_inclusion_proofs_fail(n in 1usize..300, m: prop::sample::Index, at: prop::sample::Index, bit in 0usize..256) {
        let m = m.index(n);
        let rows = rows(n);
        let whole = root(&rows, size(n)).unwrap();
        let hash = leaf_hash(&leaf(m));
        let path = inclusion_proof(&rows, index(m), size(n)).unwrap();
        let check = |hash: &Digest, i, n, path: &[Digest]| verify::inclusion(hash, index(i), size(n), path, &whole);
        prop_assert!(check(&hash, m, n, &path).is_ok());
        let mut longer = path.clone();
        longer.push(whole);
        prop_assert!(check(&hash, m, n, &longer).is_err());
        prop_assert!(check(&leaf_hash(&leaf(m + 1)), m, n, &path).is_err());
        if !path.is_empty() {
            let mut bent = path.clone();
            let at = at.index(path.len());
            bent[at].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(check(&hash, m, n, &bent).is_err());
            prop_assert!(check(&hash, m, n, &path[1..]).is_err());
            prop_assert!(check(&hash, m ^ 1, n, &path).is_err());
        }
    }

    #[test]
    fn damaged_consistency_proofs_fail(n in 2usize..300, m: prop::sample::Index, at: prop::sample::Index, bit in 0usize..256) {
        let m = 1 + m.index(n - 1);
        let rows = rows(n);
        let (old, new) = (root(&rows, size(m)).unwrap(), root(&rows, size(n)).unwrap());
        let path = consistency_proof(&rows, size(m), size(n)).unwrap();
        prop_assert!(verify::consistency(size(m), size(n), &old, &new, &path).is_ok());
        let mut bent = path.clone();
        let at = at.index(path.len());
        bent[at].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify::consistency(size(m), size(n), &old, &new, &bent).is_err());
        prop_assert!(verify::consistency(size(m), size(n), &old, &new, &path[1..]).is_err());
        prop_assert!(verify::consistency(size(m), size(n), &new, &new, &path).is_err());
        prop_assert!(verify::consistency(size(m), size(n), &old, &old, &path).is_err());
    }

    #[test]
    fn garbage_proofs_never_panic(m: u64, n: u64, path in proptest::collection::vec(any::<[u8; 32]>().prop_map(Digest), 0..70)) {
        let hash = Digest::ZERO;
        prop_assert!(verify::inclusion(&hash, LeafIndex::new(m), TreeSize::new(n), &path, &hash).is_err());
        if m != n {
            prop_assert!(verify::consistency(TreeSize::new(m), TreeSize::new(n), &hash, &hash, &path).is_err());
        }
    }
}
