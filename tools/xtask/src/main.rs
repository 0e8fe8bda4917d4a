//! The one command surface for people, hooks and CI.
fn main() {}
