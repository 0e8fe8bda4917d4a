//! Everything that was found.

use super::address::plain;
use super::component::Component;
use super::purl::Purl;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What kind of thing a bill of materials is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    /// A directory of sources.
    Application,
    /// A container image.
    Container,
}

/// What a bill of materials is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its kind.
    pub kind: SubjectKind,
    /// What people call it.
    pub name: String,
    /// Its version, if it has one: a tag, or a digest.
    pub version: Option<String>,
}

/// Whose fault it is that something could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProblemKind {
    /// The file says less than is needed; what it does say was taken.
    Incomplete,
    /// The file is damaged, too large, or not what its name says.
    Input,
    /// The file can't be read.
    Environment,
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: Option<u32>,
    /// Whose fault it is.
    pub kind: ProblemKind,
    /// What is wrong, and how to mend it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// What something is made of: each package once, by its package URL, however often and in whatever order it was found.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// What it is about.
    pub subject: Subject,
    components: BTreeMap<Purl, Component>,
    direct: BTreeSet<Purl>,
    /// Files that were read.
    pub files: BTreeSet<String>,
    /// What could not be read.
    pub problems: BTreeSet<Problem>,
}

impl Inventory {
    /// Nothing yet.
    #[must_use]
    pub fn new(subject: Subject) -> Self {
        Self {
            subject,
            components: BTreeMap::new(),
            direct: BTreeSet::new(),
            files: BTreeSet::new(),
            problems: BTreeSet::new(),
        }
    }

    /// Adds a package, or to what is known of it.
    pub fn add(&mut self, mut component: Component) {
        component.forget_credentials();
        match self.components.get_mut(component.purl()) {
            Some(known) => known.absorb(component),
            None => {
                self.components.insert(component.purl().clone(), component);
            }
        }
    }

    /// Notes what could not be read. What is quoted of a file loses the credentials of addresses.
    pub fn note(&mut self, mut problem: Problem) {
        problem.message = plain(&problem.message).into_owned();
        self.problems.insert(problem);
    }

    /// The subject needs this package itself.
    pub fn add_direct(&mut self, purl: Purl) {
        self.direct.insert(purl);
    }

    /// All packages, by their package URLs.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.components.values()
    }

    /// The package with this URL.
    #[must_use]
    pub fn get(&self, purl: &Purl) -> Option<&Component> {
        self.components.get(purl)
    }

    /// How many packages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.components.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// What the subject needs itself: what lock files call direct, and what no other package needs, so that all hangs together.
    #[must_use]
    pub fn direct(&self) -> BTreeSet<&Purl> {
        let needed: BTreeSet<&Purl> = self
            .components
            .values()
            .flat_map(|component| {
                component
                    .dependencies
                    .iter()
                    .filter(|purl| *purl != component.purl())
            })
            .collect();
        self.components
            .keys()
            .filter(|purl| self.direct.contains(*purl) || !needed.contains(purl))
            .collect()
    }
}
