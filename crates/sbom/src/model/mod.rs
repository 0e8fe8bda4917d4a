//! What a bill of materials is made of. Every text in it was checked when it was made.

mod address;
mod component;
mod hash;
mod inventory;
mod licence;
mod purl;
mod text;

pub use component::{Component, Location, Scope, SourcePackage};
pub use hash::{Hash, HashAlgorithm};
pub use inventory::{Inventory, Problem, ProblemKind, Subject, SubjectKind};
pub use licence::Licence;
pub use purl::{Ecosystem, Purl};
pub use text::{Invalid, Name, Version};
