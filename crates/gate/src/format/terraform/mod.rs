//! A directory of Terraform's language as one document that has the shape of a plan.
//!
//! Everything is created (`actions: ["create"]`), what the configuration says is `change.after`, and what only running Terraform would tell is missing there and true in
//! `change.after_unknown`, as in a plan. Policies for plans read it without a change.

mod config;
mod configuration;
mod defaults;
mod eval;
mod functions;
mod json_syntax;
mod load;
mod plan;
mod refs;
mod roots;
mod sources;
mod types;
mod world;

use std::path::Path;
use std::rc::Rc;

use super::Document;
use crate::finding::Failure;
use crate::source::Part;
use load::Loader;
use world::{Instance, World};

pub(crate) use load::{is_config, is_module};
pub(crate) use roots::roots;
pub(crate) use sources::Sources;

/// The stack that expressions in expressions are evaluated on, in bytes.
const STACK: usize = 64 << 20;

/// A module that was read.
#[derive(Debug)]
pub(crate) struct Read {
    /// Its files, joined.
    pub(crate) text: String,
    pub(crate) parts: Vec<Part>,
    pub(crate) document: Document,
    pub(crate) failures: Vec<Failure>,
}

/// Reads the module of a directory with those that it calls; `name` is what the directory is called in findings.
///
/// # Errors
///
/// Why nothing of it can be read. What can't be read in part is in `failures`.
pub(crate) fn read(directory: &Path, name: &str) -> Result<Read, String> {
    on_own_stack(|| {
        let mut loader = Loader::new(directory, name);
        let module = loader.load(Path::new(""))?;
        Ok(evaluate(loader, Instance::root(module)))
    })
}

/// Reads a text as the only file of a module.
pub(crate) fn read_text(text: &str, name: &str) -> Result<Read, String> {
    on_own_stack(|| {
        let mut loader = Loader::new(Path::new("."), name);
        let module = loader.of_text(text);
        Ok(evaluate(loader, Instance::root(module)))
    })
}

fn on_own_stack(read: impl FnOnce() -> Result<Read, String> + Send) -> Result<Read, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let started = thread.spawn_scoped(scope, read);
        let started = started.map_err(|error| format!("there is no thread to read it: {error}"))?;
        started.join().map_err(|_| "reading it failed".to_owned())?
    })
}

fn evaluate(loader: Loader, root: Rc<Instance>) -> Read {
    let world = World::new(loader);
    let node = plan::document(&world, &root);
    drop(root);
    let loader = world.finish();
    Read {
        text: loader.text,
        parts: loader.parts,
        document: Document::of_node(node),
        failures: loader.failures,
    }
}
