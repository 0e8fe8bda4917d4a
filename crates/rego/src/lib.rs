//! Rego parser, resolver, planner, IR, builtins and evaluator; pure: no I/O, no clock.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "tests may panic"
    )
)]

pub mod builtins;
pub mod eval;
pub mod ir;
pub mod nd;

mod compile;
mod diagnostic;
pub mod format;
mod optimise;
pub mod partial;
mod source;
pub mod syntax;
pub mod trace;
pub mod vm;

pub use compile::{
    CompileOptions, Negation, QueryScope, Schemas, check, compile, compile_query, compile_query_in,
    compile_query_traced, compile_traced,
};
pub use diagnostic::{Code, Diagnostic};
pub use optimise::optimise;
pub use source::{FutureKeywords, LineColumn, RegoVersion, SourceFile, Span};
pub use syntax::{ast, parse, parse_lenient, parse_query};
