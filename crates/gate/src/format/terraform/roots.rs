//! Which modules are checked for themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::config::{self, Module};
use super::load::{is_config, plain};
use crate::format::hcl;
use crate::source::text_of;

/// Of module directories those that no other one calls: what is called is checked with the values that it is called with. A call that may not happen (`count`,
/// `for_each`) does not count, and neither do calls in a circle.
pub(crate) fn roots(modules: &BTreeSet<PathBuf>) -> Vec<&Path> {
    let calls: BTreeMap<&Path, BTreeSet<PathBuf>> = modules
        .iter()
        .map(|module| (module.as_path(), calls(module)))
        .collect();
    let called: BTreeSet<&Path> = calls.values().flatten().map(PathBuf::as_path).collect();
    let by_plain: BTreeMap<PathBuf, &Path> = calls.keys().map(|module| (plain(module), *module)).collect();
    let mut covered = BTreeSet::new();
    let mut next: Vec<&Path> = calls
        .keys()
        .copied()
        .filter(|module| !called.contains(plain(module).as_path()))
        .collect();
    let mut out = next.clone();
    while let Some(module) = next.pop() {
        for callee in calls.get(module).into_iter().flatten() {
            let known = by_plain.get(callee).copied();
            next.extend(known.filter(|known| covered.insert(*known)));
        }
    }
    let alone: Vec<&Path> = calls
        .keys()
        .copied()
        .filter(|module| !covered.contains(module))
        .collect();
    out.extend(alone);
    out.sort_unstable();
    out.dedup();
    out
}

/// The directories that a module surely calls.
fn calls(module: &Path) -> BTreeSet<PathBuf> {
    let files = std::fs::read_dir(module).into_iter().flatten().flatten();
    let files = files.filter(|file| file.file_name().to_str().is_some_and(is_config));
    let mut out = BTreeSet::new();
    for file in files {
        let text = text_of(&file.path()).unwrap_or_default();
        let may_call = text.contains("module") && (text.contains("\"./") || text.contains("\"../"));
        if !may_call || text.len() > hcl::MAX_BYTES {
            continue;
        }
        // What is wrong with it is told when it is read.
        let mut found = Module::default();
        if let Ok(body) = config::parse(&text, 0) {
            found.add(body, true, &mut Vec::new());
        }
        for call in found.calls.values() {
            let conditional = call.body.attr("count").is_some() || call.body.attr("for_each").is_some();
            let source = call.body.attr("source").and_then(|attr| match &attr.expr {
                config::Expr::Hcl(expression, _) => expression.as_str(),
                _ => None,
            });
            if let Some(source) = source.filter(|source| !conditional && source.starts_with('.')) {
                out.insert(plain(&module.join(source)));
            }
        }
    }
    out
}
