//! The protocol as a state machine, explored exhaustively within small bounds: see `docs/model.md`.
//!
//! `types` is the vocabulary, `state` one state of the world, `contracts` what the chain does, `model` who can act,
//! `properties` what must hold, `scope` the bounds and what can be left out, `explore` the checker.

pub mod contracts;
pub mod disputes;
pub mod explore;
pub mod model;
pub mod properties;
pub mod protections;
pub mod scope;
pub mod state;
pub mod types;
