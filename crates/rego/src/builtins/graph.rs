//! `graph.*`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use stele_types::Value;

use super::args::{collection, elements, object};
use super::{BuiltinError, Session};

type Result<T> = std::result::Result<T, BuiltinError>;
type Graph = BTreeMap<Value, Value>;

/// The neighbours of a node; none if what is listed for it is no collection. `None` if the node is not in the graph.
fn neighbours<'a>(graph: &'a Graph, node: &Value) -> Option<Vec<&'a Value>> {
    graph.get(node).map(|edges| elements(edges).unwrap_or_default())
}

pub(super) fn reachable(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let graph = object(args, 0)?;
    let mut queue: VecDeque<&Value> = collection(args, 1)?.into();
    let mut reached = BTreeSet::new();
    while let Some(node) = queue.pop_front() {
        let Some(next) = neighbours(graph, node) else {
            continue;
        };
        if reached.contains(node) {
            continue;
        }
        session.elements(next.len().saturating_add(1))?;
        reached.insert(node.clone());
        queue.extend(next);
    }
    Ok(reached.into())
}

/// All maximal paths from the initial nodes, without repeating a node.
pub(super) fn reachable_paths(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let graph = object(args, 0)?;
    let mut paths = BTreeSet::new();
    for root in collection(args, 1)? {
        let Some(next) = neighbours(graph, root) else {
            continue;
        };
        if next.is_empty() {
            paths.insert(Value::array([root.clone()]));
        }
        for neighbour in next {
            extend(session, graph, neighbour, &mut vec![root.clone()], &mut paths)?;
        }
    }
    Ok(paths.into())
}

/// Goes on from the end of `path` to `node`.
fn extend(
    session: &mut Session<'_>,
    graph: &Graph,
    node: &Value,
    path: &mut Vec<Value>,
    paths: &mut BTreeSet<Value>,
) -> Result<()> {
    session.elements(path.len())?;
    let next = if path.contains(node) {
        None
    } else {
        neighbours(graph, node)
    };
    let Some(next) = next else {
        // A cycle, or a node that is not in the graph: the path ends before it.
        paths.insert(Value::array(path.iter().cloned()));
        return Ok(());
    };
    path.push(node.clone());
    if next.is_empty() {
        paths.insert(Value::array(path.iter().cloned()));
    }
    // The depth is bounded by the number of nodes; the stack is not, so long chains are refused.
    if path.len() > 1_000 {
        return Err(super::Refusal::Unsupported("paths longer than 1,000 nodes").into());
    }
    for neighbour in next {
        extend(session, graph, neighbour, path, paths)?;
    }
    path.pop();
    Ok(())
}
