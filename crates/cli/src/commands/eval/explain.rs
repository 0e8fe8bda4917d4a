//! How a result came about, as `opa eval --explain` tells it.

use serde::Serialize;
use stele_rego::trace::{self, Map, Trace};

/// How many events are kept.
pub(super) const MAX_EVENTS: usize = 1_000_000;

/// Which events are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// None
    #[default]
    Off,
    /// What `trace(...)` said, and the rules around it
    Notes,
    /// Expressions that did not hold, and the rules around them
    Fails,
    /// Everything
    Full,
    /// Everything
    Debug,
}

impl Mode {
    pub(crate) const fn trace(self) -> trace::Mode {
        match self {
            Self::Off => trace::Mode::Off,
            Self::Notes => trace::Mode::Notes,
            Self::Fails => trace::Mode::Fails,
            Self::Full => trace::Mode::Full,
            Self::Debug => trace::Mode::Debug,
        }
    }
}

/// An explanation: OPA's events, and its lines for people.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Explanation {
    events: Vec<serde_json::Value>,
    #[serde(skip)]
    pub(crate) lines: Vec<String>,
}

impl Explanation {
    /// The events that a mode shows.
    pub(super) fn new(mode: Mode, map: &Map, trace: Trace) -> Self {
        let dropped = trace.dropped;
        let shown = mode.trace().filter(trace.events);
        let mut lines = map.pretty(&shown);
        if dropped > 0 {
            lines.push(format!("... and {dropped} more events"));
        }
        Self {
            events: shown.iter().map(|event| map.to_json(event)).collect(),
            lines,
        }
    }
}
