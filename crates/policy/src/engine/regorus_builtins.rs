//! Builtins that a decision must not take from the interpreter.
//!
//! regorus asks its extensions before its own builtins, which is how the contextual ones are put in and the impure ones refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use super::EvalContext;
use super::builtins::IMPURE_BUILTINS;

/// Starts the error message of a refused builtin; [`super::failure`] reads its name back.
pub(super) const IMPURE_MARK: &str = "impure builtin: ";
/// Says that the request carries no time.
pub(super) const NO_TIME: &str = "time.now_ns: the request carries no time";

/// The context that the extensions of one engine read. Only that engine's thread touches it.
#[derive(Debug, Default, Clone)]
pub(super) struct SharedContext {
    now_ns: Arc<AtomicI64>,
    has_time: Arc<AtomicBool>,
}

impl SharedContext {
    pub(super) fn set(&self, context: EvalContext<'_>) {
        self.has_time.store(context.now_ns.is_some(), Ordering::Relaxed);
        self.now_ns
            .store(context.now_ns.unwrap_or_default(), Ordering::Relaxed);
    }

    fn now(&self) -> Option<i64> {
        self.has_time
            .load(Ordering::Relaxed)
            .then(|| self.now_ns.load(Ordering::Relaxed))
    }
}

/// Puts the contextual builtins in and takes the impure ones out.
pub(super) fn install(engine: &mut regorus::Engine, context: &SharedContext) -> Result<(), String> {
    let reader = context.clone();
    let now = move |_: Vec<regorus::Value>| match reader.now() {
        Some(now) => Ok(regorus::Value::from(now)),
        None => Err(std::io::Error::other(NO_TIME).into()),
    };
    add(engine, "time.now_ns", 0, Box::new(now))?;
    for (name, arguments) in IMPURE_BUILTINS {
        let refuse =
            move |_: Vec<regorus::Value>| Err(std::io::Error::other(format!("{IMPURE_MARK}{name}")).into());
        add(engine, name, arguments, Box::new(refuse))?;
    }
    Ok(())
}

fn add(
    engine: &mut regorus::Engine,
    name: &str,
    arguments: u8,
    extension: Box<dyn regorus::Extension>,
) -> Result<(), String> {
    engine
        .add_extension(name.to_owned(), arguments, extension)
        .map_err(|error| error.to_string())
}
