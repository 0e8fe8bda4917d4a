//! Test support: fault-injecting store, fake clock, differential engines.
