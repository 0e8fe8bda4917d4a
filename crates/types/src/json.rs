//! JSON text of values: a bounded, exact parser and a deterministic writer.

mod parse;
mod scan;
#[cfg(test)]
mod tests;
mod write;

pub use parse::{JsonError, JsonErrorKind, Limits, outline, parse, parse_unique};
pub use scan::plain_run;
pub use write::{to_string, to_string_pretty, to_vec, write, write_string};
