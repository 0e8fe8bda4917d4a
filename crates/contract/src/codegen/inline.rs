//! Which runtime routines are written out where they are called.
//!
//! A call costs 27 gas beside its work (return address, two jumps and their destinations), as much as the work of the smallest
//! routines. Policy functions stay functions, because a tracer tells them apart by their code.

use crate::lir::{Expr, Frame, Func, Program, Stmt, walk_exprs};
use std::collections::{BTreeMap, BTreeSet};

/// Largest routine (estimated bytes of code) that is written out at each of its calls.
pub(crate) const GENEROUS: usize = 48;

/// The same for contracts that would not fit the code limit otherwise; the first that fits is taken.
pub(crate) const SPARING: [usize; 2] = [24, 0];

/// A routine that is called once costs nothing to write out, but a function that grows too far costs the stack its reach.
const ONCE: usize = 400;

/// Names of the functions that have no code of their own.
pub(super) fn choose(program: &Program, entry: &str, limit: usize) -> BTreeSet<String> {
    let graph: Graph<'_> = program
        .funcs
        .iter()
        .map(|(name, func)| (name.as_str(), callees(func)))
        .collect();
    let calls = calls(program);
    let cyclic = perhaps_cyclic(&graph);
    let mut search = Search {
        program,
        calls: &calls,
        graph: &graph,
        cyclic: &cyclic,
        limit,
        sizes: BTreeMap::new(),
        open: Vec::new(),
        chosen: BTreeSet::new(),
    };
    for name in program.funcs.keys().filter(|name| *name != entry) {
        search.size(name);
    }
    search.chosen
}

/// What each function calls, in order of first use, and how often.
type Graph<'a> = BTreeMap<&'a str, Callees<'a>>;
type Callees<'a> = Vec<(&'a str, usize)>;

fn callees(func: &Func) -> Callees<'_> {
    let mut found: Callees<'_> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    walk_exprs(&func.body, &mut |e| {
        if let Expr::Call(name, _) = e {
            let fresh = found.len();
            let place = *places.entry(name).or_insert(fresh);
            match found.get_mut(place) {
                Some((_, times)) => *times = times.saturating_add(1),
                None => found.push((name, 1)),
            }
        }
    });
    found
}

/// The functions that cycles lead to and that lead to cycles; no other can call itself.
fn perhaps_cyclic<'a>(graph: &Graph<'a>) -> BTreeSet<&'a str> {
    let mut callers: BTreeMap<&str, Vec<&'a str>> = BTreeMap::new();
    for (name, callees) in graph {
        for (callee, _) in callees.iter().filter(|(callee, _)| graph.contains_key(callee)) {
            callers.entry(callee).or_default().push(name);
        }
    }
    let down = |name: &str| -> Vec<&'a str> {
        let callees = graph.get(name).into_iter().flatten().map(|(callee, _)| *callee);
        callees.filter(|callee| graph.contains_key(callee)).collect()
    };
    let up = |name: &str| callers.get(name).cloned().unwrap_or_default();
    let all: BTreeSet<&str> = graph.keys().copied().collect();
    without_ends(without_ends(all, &down, &up), &up, &down)
}

/// Takes out what nothing is behind, again and again.
fn without_ends<'a>(
    mut left: BTreeSet<&'a str>,
    behind: &dyn Fn(&str) -> Vec<&'a str>,
    before: &dyn Fn(&str) -> Vec<&'a str>,
) -> BTreeSet<&'a str> {
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &left {
        let behind = behind(name).into_iter().filter(|next| left.contains(next));
        count.insert(name, behind.count());
    }
    let mut ends: Vec<&str> = count
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| *name)
        .collect();
    while let Some(name) = ends.pop() {
        left.remove(name);
        for next in before(name) {
            if let Some(count) = count.get_mut(next) {
                *count = count.saturating_sub(1);
                if *count == 0 && left.contains(next) {
                    ends.push(next);
                }
            }
        }
    }
    left
}

/// How often each function is called.
fn calls(program: &Program) -> BTreeMap<&str, usize> {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for func in program.funcs.values() {
        walk_exprs(&func.body, &mut |e| {
            if let Expr::Call(name, _) = e {
                let times = found.entry(name).or_default();
                *times = times.saturating_add(1);
            }
        });
    }
    found
}

struct Search<'a> {
    program: &'a Program,
    calls: &'a BTreeMap<&'a str, usize>,
    graph: &'a Graph<'a>,
    /// The only ones that may recurse.
    cyclic: &'a BTreeSet<&'a str>,
    limit: usize,
    /// Size of each function with the routines written out in it.
    sizes: BTreeMap<&'a str, usize>,
    /// Functions whose size is being found: to call one of them is to recurse.
    open: Vec<&'a str>,
    chosen: BTreeSet<String>,
}

impl<'a> Search<'a> {
    /// What a call of the function adds to the code of its caller.
    fn call(&mut self, name: &'a str) -> usize {
        let size = self.size(name);
        if self.chosen.contains(name) { size } else { 9 }
    }

    fn size(&mut self, name: &'a str) -> usize {
        if let Some(size) = self.sizes.get(name) {
            return *size;
        }
        let Some(func) = self
            .program
            .funcs
            .get(name)
            .filter(|_| !self.open.contains(&name))
        else {
            return usize::MAX;
        };
        self.open.push(name);
        let mut size = own_size(func);
        let graph = self.graph;
        for (callee, times) in graph.get(name).into_iter().flatten() {
            size = size.saturating_add(self.call(callee).min(ONCE).saturating_mul(*times));
        }
        self.open.pop();
        let once = self.calls.get(name) == Some(&1);
        let fits = size <= self.limit || once && size <= ONCE;
        if func.frame == Frame::Stack && fits && !self.recurses(name) {
            self.chosen.insert(name.to_owned());
        }
        self.sizes.insert(name, size);
        size
    }

    /// Whether the function may call itself, directly or not.
    fn recurses(&self, name: &str) -> bool {
        if !self.cyclic.contains(name) {
            return false;
        }
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut work = vec![name];
        while let Some(next) = work.pop() {
            for (callee, _) in self.graph.get(next).into_iter().flatten() {
                if *callee == name {
                    return true;
                }
                if seen.insert(callee) {
                    work.push(callee);
                }
            }
        }
        false
    }
}

/// Bytes of the function's code without its calls, by estimate.
fn own_size(func: &Func) -> usize {
    let mut size = statements(&func.body);
    walk_exprs(&func.body, &mut |e| {
        let bytes = match e {
            Expr::Const(word) => word.byte_len().saturating_add(1),
            Expr::Var(_) | Expr::Op(..) => 1,
            Expr::Symbol(_) => 3,
            Expr::Tee(..) => 3,
            Expr::Call(..) => 0,
        };
        size = size.saturating_add(bytes);
    });
    size
}

fn statements(body: &[Stmt]) -> usize {
    body.iter()
        .map(|stmt| match stmt {
            Stmt::Let(..) => 1,
            Stmt::Set(..) => 2,
            Stmt::If(_, then, els) if els.is_empty() => statements(then).saturating_add(5),
            Stmt::If(_, then, els) => statements(then)
                .saturating_add(statements(els))
                .saturating_add(10),
            Stmt::While(_, _, body) => statements(body).saturating_add(11),
            Stmt::Block(_, body) => statements(body).saturating_add(1),
            Stmt::Break(_) | Stmt::Continue(_) | Stmt::Leave => 4,
            Stmt::Do(_) | Stmt::At(_) => 0,
        })
        .fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lir::parse;

    const PROGRAM: &str = "
        fn main() { mstore(0, add(twice(1), twice(2))) mstore(0, once(even(rule(4)))) mstore(0, add(rule(5), large(large(6)))) }
        fn twice(n) -> r { r = add(n, n) }
        fn once(n) -> r { r = mul(n, 3) if n { r = add(r, large(n)) } }
        fn even(n) -> r { if n { r = odd(sub(n, 1)) leave } r = 1 }
        fn odd(n) -> r { if n { r = even(sub(n, 1)) } }
        fn rule(n) -> r memory { r = n }
        fn large(n) -> r { r = mul(0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff, sub(n, 0xffffffffffffffffffffffffffffffff)) }
    ";

    #[test]
    fn small_routines_and_those_called_once_are_written_out() {
        let program = parse(PROGRAM, &BTreeMap::new()).unwrap();
        let chosen = |limit| -> Vec<String> { choose(&program, "main", limit).into_iter().collect() };
        // Never: what recurses, and policy functions.
        assert_eq!(chosen(GENEROUS), ["once", "twice"]);
        assert_eq!(chosen(60), ["large", "once", "twice"]);
        assert_eq!(chosen(0), ["once"]);
    }

    #[test]
    fn only_what_is_on_a_cycle_may_recurse() {
        let program = parse(PROGRAM, &BTreeMap::new()).unwrap();
        let graph = program
            .funcs
            .iter()
            .map(|(name, func)| (name.as_str(), callees(func)));
        let graph: Graph<'_> = graph.collect();
        let cyclic: Vec<&str> = perhaps_cyclic(&graph).into_iter().collect();
        assert_eq!(cyclic, ["even", "odd"]);
        let of_main: Vec<(&str, usize)> = graph["main"].clone();
        assert!(of_main.contains(&("twice", 2)), "{of_main:?}");
    }
}
