//! An honest node and dishonest ones on one chain: each plays one lie, and is caught.
//!
//! The honest node, its chain, the challenger and the verifier are the real `stele`; the contracts are the real ones. A
//! dishonest node is made here, of the same libraries, with a registered key: nothing in the product can lie.

pub mod honest;
pub mod liar;
pub mod lies;
pub mod serve;

use anyhow::Result;

/// What became of one lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The kind of lie.
    pub lie: &'static str,
    /// What the node did.
    pub did: String,
    /// Who noticed.
    pub noticed_by: &'static str,
    /// The check that failed.
    pub check: &'static str,
    /// The transaction, the refusal or the accusation.
    pub evidence: String,
    /// Whether the node may still anchor.
    pub active: bool,
    /// What that leaves the node with.
    pub afterwards: &'static str,
}

/// Plays everything, in the order of the README. `report` is told each outcome as it comes.
///
/// # Errors
///
/// When the environment fails, or a lie is not caught as it should be.
pub async fn play(stele: &std::path::Path, mut report: impl FnMut(&Outcome) -> Result<()>) -> Result<()> {
    let world = honest::World::start(stele).await?;
    for number in 0..lies::COUNT {
        report(&lies::play(&world, number).await?)?;
    }
    report(&lies::honest(&world).await?)
}
