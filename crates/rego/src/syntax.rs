//! Text to syntax tree: lexer, parser and the tree itself.

pub mod annotation;
pub mod ast;
pub mod deps;
mod lexer;
mod parser;
pub(crate) mod token;
pub mod visit;

pub use parser::{parse, parse_lenient, parse_query};
pub use token::Comment;
