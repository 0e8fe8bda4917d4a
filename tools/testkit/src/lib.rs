//! Test support: fault-injecting store, fake clock, differential engines.
//!
//! Each part is behind a feature, so that a crate's tests build only what they use.

pub mod clock;
#[cfg(feature = "engines")]
pub mod engines;
#[cfg(feature = "evm")]
pub mod evm;
#[cfg(feature = "engines")]
pub mod fuzz;
pub mod peers;
#[cfg(feature = "store")]
pub mod records;
#[cfg(feature = "engines")]
pub mod reference;
#[cfg(feature = "store")]
pub mod store;
