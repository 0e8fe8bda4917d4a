//! What policy authors touch: load, metadata, lint, test, coverage, explain, bundles; the Engine trait.
