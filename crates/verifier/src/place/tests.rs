use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::http::{StatusCode, Uri};
use stele_ledger::tree::Edge;
use stele_types::Timestamp;

use super::*;
use crate::replay::tests::{NODE, decided};

type Files = Arc<Mutex<HashMap<String, Vec<u8>>>>;

/// Three leaves, a second apart from a date on, and the tree's head.
fn log(from: u64) -> ([Leaf; 3], Head) {
    let leaf = decided("door/allow").leaf().unwrap();
    let leaves = [0, 1, 2].map(|number| Leaf {
        time: Timestamp(from + number * 1_000_000_000),
        ..leaf
    });
    let mut edge = Edge::default();
    for leaf in &leaves {
        edge.push(leaf_hash(&leaf.to_bytes()));
    }
    let head = Head {
        size: edge.size(),
        root: edge.root(),
    };
    (leaves, head)
}

const ENTRIES: &str = "tile/entries/000.p/3";
const HASHES: &str = "tile/0/000.p/3";

/// The tiles of a tree of these leaves.
fn tiles(leaves: &[Leaf]) -> HashMap<String, Vec<u8>> {
    let (mut entries, mut hashes) = (Vec::new(), Vec::new());
    for leaf in leaves {
        let bytes = leaf.to_bytes();
        entries.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
        entries.extend(bytes);
        hashes.extend(leaf_hash(&bytes).0);
    }
    [(ENTRIES, entries), (HASHES, hashes)]
        .map(|(path, bytes)| (path.to_owned(), bytes))
        .into()
}

/// A node that serves files.
async fn serve(files: HashMap<String, Vec<u8>>) -> (Source, Files) {
    let files: Files = Arc::new(Mutex::new(files));
    let held = Arc::clone(&files);
    let app = axum::Router::new().fallback(move |uri: Uri| {
        let found = held
            .lock()
            .unwrap()
            .get(uri.path().trim_start_matches('/'))
            .cloned();
        async move { found.ok_or(StatusCode::NOT_FOUND) }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (Source::new(&base, None).unwrap(), files)
}

fn known(index: u64, leaf: Leaf) -> Sought {
    Sought {
        hash: Some(leaf_hash(&leaf.to_bytes())),
        leaf: Some(leaf),
        ..Sought::at(LeafIndex::new(index))
    }
}

fn is_unauthentic<T: std::fmt::Debug>(found: Result<T, VerifierError>) -> bool {
    matches!(found.unwrap_err(), VerifierError::Unauthentic { .. })
}

#[tokio::test]
async fn spoiled_tiles_say_nothing_and_right_ones_still_do() {
    let (leaves, head) = log(1_000_000_000);
    let (source, files) = serve(tiles(&leaves)).await;
    let sought = known(2, leaves[2]);
    // A leaf that is not what was seen: the one that was seen is enough.
    let (others, _) = log(9_000_000_000);
    let mut spoiled = tiles(&others);
    files
        .lock()
        .unwrap()
        .insert(ENTRIES.to_owned(), spoiled.remove(ENTRIES).unwrap());
    let entry = source.entry(sought, head).await.unwrap().unwrap();
    assert_eq!((entry.leaf, entry.index.get()), (leaves[2], 2));
    // Of which only the hash is known, or nothing: nothing can be said, not even that it is another one.
    let by_hash = Sought { leaf: None, ..sought };
    assert!(is_unauthentic(source.entry(by_hash, head).await));
    assert!(is_unauthentic(source.entry(Sought::at(sought.index), head).await));
    // The hashes too, of a tree that nobody has anchored.
    files
        .lock()
        .unwrap()
        .insert(HASHES.to_owned(), spoiled.remove(HASHES).unwrap());
    assert!(is_unauthentic(source.entry(sought, head).await));
    *files.lock().unwrap() = tiles(&leaves);
    for sought in [sought, by_hash, Sought::at(sought.index)] {
        assert_eq!(source.entry(sought, head).await.unwrap().unwrap(), entry);
    }
}

#[tokio::test]
async fn only_the_anchored_tree_itself_says_that_another_decision_stands_there() {
    let (leaves, _) = log(1_000_000_000);
    let (others, anchored) = log(9_000_000_000);
    let (source, files) = serve(tiles(&others)).await;
    let sought = known(1, leaves[1]);
    assert_eq!(source.entry(sought, anchored).await.unwrap(), None);
    let first = known(0, others[0]);
    let evidence = |first, second| source.misdating(NODE, (4, anchored), first, second);
    assert_eq!(evidence(first, sought).await.unwrap(), None);
    assert_eq!(
        evidence(known(0, leaves[0]), known(1, others[1])).await.unwrap(),
        None
    );
    let found = evidence(first, known(1, others[1])).await.unwrap().unwrap();
    assert_eq!(
        (found.anchor, found.first.leaf, found.second.leaf),
        (4, others[0], others[1])
    );
    files.lock().unwrap().remove(HASHES);
    assert!(matches!(
        source.entry(sought, anchored).await.unwrap_err(),
        VerifierError::Source { .. }
    ));
}
