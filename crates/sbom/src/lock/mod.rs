//! Lock files: which there are, and what they say.

mod cargo;
#[allow(dead_code, reason = "readers to come use all of it")]
mod draft;
#[allow(dead_code, reason = "readers to come use all of it")]
mod lines;

use crate::model::{Inventory, Location, Problem, ProblemKind, Subject};
use crate::tree::{ReadError, Tree};
use draft::Draft;
use lines::Lines;

/// Why a file can't be used: a line, if there is one, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    line: Option<u32>,
    message: String,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self {
            line: None,
            message: message.into(),
        }
    }

    fn at(line: u32, message: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            message: message.into(),
        }
    }
}

/// One file that is being read.
pub(crate) struct File<'a> {
    path: &'a str,
    text: &'a str,
    lines: Lines,
    #[allow(dead_code, reason = "readers to come look beside their file")]
    tree: &'a dyn Tree,
}

impl File<'_> {
    fn at(&self, line: u32) -> Location {
        Location {
            file: self.path.to_owned(),
            line: Some(line),
            layer: None,
        }
    }

    /// The place of a byte.
    fn place(&self, offset: usize) -> Location {
        self.at(self.lines.of(offset))
    }
}

/// The whole file as TOML.
fn toml_document<T: serde::de::DeserializeOwned>(file: &File<'_>) -> Result<T, Failure> {
    toml::from_str(file.text).map_err(|error| {
        let message = format!("not TOML: {}", error.message());
        match error.span() {
            Some(span) => Failure::at(file.lines.of(span.start), message),
            None => Failure::new(message),
        }
    })
}

type Reader = fn(&File<'_>) -> Result<Draft, Failure>;

/// A kind of lock file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockKind {
    /// `Cargo.lock`.
    Cargo,
}

impl LockKind {
    /// The kind of a file, by its name; `None` if it is none.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        Some(match name {
            "Cargo.lock" => Self::Cargo,
            _ => return None,
        })
    }

    fn reader(self) -> Reader {
        match self {
            Self::Cargo => cargo::read,
        }
    }
}

/// Reads all lock files of a directory. What can't be read is among the inventory's problems.
#[must_use]
pub fn scan(tree: &dyn Tree, subject: Subject) -> Inventory {
    let mut inventory = Inventory::new(subject);
    let (files, failures) = tree.files();
    for (path, error) in failures {
        inventory.problems.insert(unreadable(path, &error));
    }
    for path in files {
        if let Some(kind) = LockKind::of_path(&path) {
            scan_file(tree, kind, path, &mut inventory);
        }
    }
    inventory
}

fn scan_file(tree: &dyn Tree, kind: LockKind, path: String, inventory: &mut Inventory) {
    let text = match tree.read(&path) {
        Ok(Some(text)) => text,
        // It was there a moment ago.
        Ok(None) => return,
        Err(error) => {
            inventory.problems.insert(unreadable(path, &error));
            return;
        }
    };
    let file = File {
        path: &path,
        text: &text,
        lines: Lines::new(&text),
        tree,
    };
    match kind.reader()(&file) {
        Ok(draft) => draft.add_to(&path, inventory),
        Err(failure) => {
            inventory.problems.insert(Problem {
                file: path.clone(),
                line: failure.line,
                kind: ProblemKind::Input,
                message: failure.message,
            });
        }
    }
    inventory.files.insert(path);
}

fn unreadable(file: String, error: &ReadError) -> Problem {
    let kind = match error {
        ReadError::Input(_) => ProblemKind::Input,
        ReadError::Environment(_) => ProblemKind::Environment,
    };
    Problem {
        file,
        line: None,
        kind,
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
