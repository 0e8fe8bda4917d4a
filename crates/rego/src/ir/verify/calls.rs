//! Who calls whom.

use std::collections::HashMap;

use super::VerifyErrorKind;
use crate::ir::{Block, Operand, Policy, StmtKind};

/// The callable names of a policy and the call graph of its functions.
pub(super) struct Calls<'a> {
    policy: &'a Policy,
    funcs: HashMap<&'a str, usize>,
    builtins: HashMap<&'a str, Option<usize>>,
}

impl<'a> Calls<'a> {
    pub(super) fn new(policy: &'a Policy) -> Self {
        let funcs = policy
            .funcs
            .iter()
            .enumerate()
            .map(|(n, func)| (func.name.as_str(), n))
            .collect();
        let builtins = policy
            .static_
            .builtin_funcs
            .iter()
            .map(|builtin| {
                (
                    builtin.name.as_str(),
                    builtin.arity().filter(|_| !builtin.is_variadic()),
                )
            })
            .collect();
        Self {
            policy,
            funcs,
            builtins,
        }
    }

    /// Checks a call by name.
    pub(super) fn check(&self, name: &str, args: usize) -> Result<(), VerifyErrorKind> {
        let func = self.funcs.get(name).and_then(|n| self.policy.funcs.get(*n));
        let arity = match (func, self.builtins.get(name)) {
            (Some(func), _) => func.params.len(),
            (None, Some(Some(arity))) => *arity,
            (None, Some(None)) => return Ok(()),
            (None, None) => return Err(VerifyErrorKind::UnknownFunction(name.to_owned())),
        };
        if arity == args {
            return Ok(());
        }
        Err(VerifyErrorKind::Arity {
            func: name.to_owned(),
            arity,
            args,
        })
    }

    /// Checks a dynamic call against every function that it may reach.
    pub(super) fn check_dynamic(&self, path: &[Operand], args: usize) -> Result<(), VerifyErrorKind> {
        self.reachable(path)
            .into_iter()
            .try_for_each(|n| match self.policy.funcs.get(n) {
                Some(func) if func.params.len() != args => Err(VerifyErrorKind::Arity {
                    func: func.name.clone(),
                    arity: func.params.len(),
                    args,
                }),
                _ => Ok(()),
            })
    }

    /// The functions whose path a dynamic path may equal.
    fn reachable(&self, path: &[Operand]) -> Vec<usize> {
        let fits = |name: &String, operand: &Operand| match operand {
            Operand::Local(_) => true,
            Operand::Bool(_) => false,
            Operand::StringIndex(index) => self.policy.string(*index) == Some(name.as_str()),
        };
        let matches = |names: &[String]| {
            names.len() == path.len() && names.iter().zip(path).all(|(name, operand)| fits(name, operand))
        };
        self.policy
            .funcs
            .iter()
            .enumerate()
            .filter(|(_, func)| matches(&func.path))
            .map(|(n, _)| n)
            .collect()
    }

    fn callees(&self, blocks: &'a [Block], found: &mut Vec<usize>) {
        for stmt in blocks.iter().flat_map(|block| &block.stmts) {
            match &stmt.kind {
                StmtKind::Call { func, .. } => found.extend(self.funcs.get(func.as_str())),
                StmtKind::CallDynamic { path, .. } => found.extend(self.reachable(path)),
                kind => self.callees(kind.nested(), found),
            }
        }
    }

    /// The names along a cycle of calls, the first repeated at the end.
    pub(super) fn cycle(&self) -> Option<Vec<String>> {
        let graph: Vec<Vec<usize>> = self
            .policy
            .funcs
            .iter()
            .map(|func| {
                let mut found = Vec::new();
                self.callees(&func.blocks, &mut found);
                found.sort_unstable();
                found.dedup();
                found
            })
            .collect();
        let cycle = find_cycle(&graph)?;
        Some(
            cycle
                .iter()
                .filter_map(|n| self.policy.funcs.get(*n))
                .map(|func| func.name.clone())
                .collect(),
        )
    }
}

/// A cycle of `graph`, found by depth-first search without recursion (call chains may be long).
fn find_cycle(graph: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut done = vec![false; graph.len()];
    for start in 0..graph.len() {
        // The nodes of the current chain, each with its successors that are still to be visited.
        let mut chain: Vec<(usize, std::slice::Iter<'_, usize>)> = Vec::new();
        let mut on_chain = vec![false; graph.len()];
        let mut next = Some(start);
        loop {
            match next {
                Some(node) if on_chain.get(node) == Some(&true) => {
                    let mut cycle: Vec<usize> =
                        chain.iter().map(|(n, _)| *n).skip_while(|n| *n != node).collect();
                    cycle.push(node);
                    return Some(cycle);
                }
                Some(node) if done.get(node) == Some(&false) => {
                    set(&mut on_chain, node, true);
                    chain.push((node, graph.get(node).map(|to| to.iter()).unwrap_or_default()));
                }
                _ => {}
            }
            let Some((node, successors)) = chain.last_mut() else {
                break;
            };
            next = successors.next().copied();
            if next.is_none() {
                set(&mut done, *node, true);
                set(&mut on_chain, *node, false);
                chain.pop();
            }
        }
    }
    None
}

fn set(flags: &mut [bool], at: usize, value: bool) {
    if let Some(flag) = flags.get_mut(at) {
        *flag = value;
    }
}
