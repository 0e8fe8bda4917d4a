//! Lock files: which there are, and what they say.

mod bundler;
mod cargo;
mod composer;
mod draft;
mod go;
mod gradle;
mod json;
mod lines;
mod maven;
mod npm;
mod nuget;
mod pip;
mod pnpm;
mod poetry;
mod python;
mod requirement;
mod uv;
mod yaml;
mod yarn;

pub(crate) use composer::licence as composer_licence;
pub(crate) use npm::licence as npm_licence;

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
    tree: &'a dyn Tree,
}

impl File<'_> {
    fn text(&self) -> &str {
        self.text
    }

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

/// The text of a file by its path relative to another; none if there is none, or it lies outside of what is scanned.
fn beside(file: &File<'_>, relative: &str) -> Option<String> {
    file.tree.read(&path_beside(file.path, relative)?).ok().flatten()
}

/// The path of a file by its path relative to another; none if it leads outside.
fn path_beside(path: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            other => parts.push(other),
        }
    }
    Some(parts.join("/"))
}

/// What stands before and behind the first `@` that is not a scope's: a package's name, and its version, range or address.
fn npm_split(id: &str) -> (&str, &str) {
    let at = id.char_indices().skip(1).find(|(_, c)| *c == '@');
    let (name, rest) = id.split_at(at.map_or(id.len(), |(at, _)| at));
    (name, rest.strip_prefix('@').unwrap_or(rest))
}

/// The qualifier that says where a package of npm comes from, if not from the registry that everybody uses.
fn npm_place(name: &str, address: &str) -> (&'static str, String) {
    let usual = ["https://registry.npmjs.org/", "https://registry.yarnpkg.com/"];
    if address.is_empty() || usual.iter().any(|registry| address.starts_with(registry)) {
        return ("repository_url", String::new());
    }
    let is_git = address.starts_with("git") || address.contains(".git#") || address.ends_with(".git");
    if is_git {
        let plain = address.replacen('#', "@", 1);
        let scheme = if plain.starts_with("git") { "" } else { "git+" };
        return ("vcs_url", format!("{scheme}{plain}"));
    }
    let encoded = name.replace('/', "%2f");
    let registry = address.split_once("/-/").and_then(|(front, _)| {
        let own = [name, encoded.as_str()]
            .into_iter()
            .find_map(|name| front.strip_suffix(name));
        own.map(|registry| registry.trim_end_matches('/'))
    });
    match registry {
        Some(registry) => ("repository_url", registry.to_owned()),
        None => ("download_url", address.to_owned()),
    }
}

type Reader = fn(&File<'_>) -> Result<Draft, Failure>;

/// A kind of lock file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockKind {
    /// `Cargo.lock`.
    Cargo,
    /// `package-lock.json` and `npm-shrinkwrap.json`.
    Npm,
    /// `pnpm-lock.yaml`.
    Pnpm,
    /// `yarn.lock`.
    Yarn,
    /// `requirements.txt`, whatever stands before or behind that word, and text files in `requirements/`.
    Requirements,
    /// `Pipfile.lock`.
    Pipfile,
    /// `poetry.lock` and `pdm.lock`.
    Poetry,
    /// `uv.lock`.
    Uv,
    /// `go.mod`.
    GoMod,
    /// `go.sum`.
    GoSum,
    /// `pom.xml`.
    Maven,
    /// `gradle.lockfile`.
    Gradle,
    /// `packages.lock.json`.
    NuGet,
    /// `Gemfile.lock`.
    Bundler,
    /// `composer.lock`.
    Composer,
}

impl LockKind {
    /// The kind of a file, by its name; `None` if it is none.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        Some(match name {
            "Cargo.lock" => Self::Cargo,
            "package-lock.json" | "npm-shrinkwrap.json" => Self::Npm,
            "pnpm-lock.yaml" => Self::Pnpm,
            "yarn.lock" => Self::Yarn,
            "Pipfile.lock" => Self::Pipfile,
            "poetry.lock" | "pdm.lock" => Self::Poetry,
            "uv.lock" => Self::Uv,
            "go.mod" => Self::GoMod,
            "go.sum" => Self::GoSum,
            "pom.xml" => Self::Maven,
            "gradle.lockfile" | "buildscript-gradle.lockfile" => Self::Gradle,
            "packages.lock.json" => Self::NuGet,
            "Gemfile.lock" | "gems.locked" => Self::Bundler,
            "composer.lock" => Self::Composer,
            _ if is_requirements(path, name) => Self::Requirements,
            _ => return None,
        })
    }

    /// Whether a program writes it in lines, so that it may be cut and still be read.
    const fn ends_in_line_break(self) -> bool {
        matches!(
            self,
            Self::Pnpm | Self::Yarn | Self::GoMod | Self::GoSum | Self::Gradle | Self::Bundler
        )
    }

    fn reader(self) -> Reader {
        match self {
            Self::Cargo => cargo::read,
            Self::Npm => npm::read,
            Self::Pnpm => pnpm::read,
            Self::Yarn => yarn::read,
            Self::Requirements => pip::requirements,
            Self::Pipfile => pip::pipfile,
            Self::Poetry => poetry::read,
            Self::Uv => uv::read,
            Self::GoMod => go::read,
            Self::GoSum => go::sum,
            Self::Maven => maven::read,
            Self::Gradle => gradle::read,
            Self::NuGet => nuget::read,
            Self::Bundler => bundler::read,
            Self::Composer => composer::read,
        }
    }
}

fn is_requirements(path: &str, name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".txt") else {
        return false;
    };
    let directory = path.rsplit('/').nth(1);
    stem.starts_with("requirements") || stem.ends_with("requirements") || directory == Some("requirements")
}

/// Reads all lock files of a directory. What can't be read is among the inventory's problems.
#[must_use]
pub fn scan(tree: &dyn Tree, subject: Subject) -> Inventory {
    let mut inventory = Inventory::new(subject);
    let (files, failures) = tree.files();
    for (path, error) in failures {
        inventory.note(unreadable(path, &error));
    }
    let mut drafts = Vec::new();
    for path in files {
        if let Some(kind) = LockKind::of_path(&path) {
            let draft = scan_file(tree, kind, &path, &mut inventory);
            drafts.extend(draft.map(|draft| (path, draft)));
        }
    }
    let projects = drafts.iter().filter_map(|(_, draft)| draft.project());
    let own = projects
        .map(|purl| purl.without_qualifiers().to_owned())
        .collect();
    for (path, draft) in drafts {
        draft.add_to(&path, &own, &mut inventory);
    }
    inventory
}

/// What a file says; what is wrong with it as a whole is noted.
fn scan_file(tree: &dyn Tree, kind: LockKind, path: &str, inventory: &mut Inventory) -> Option<Draft> {
    // It was listed a moment ago.
    let gone = || ReadError::Environment("it is gone, or its name is not UTF-8".to_owned());
    let text = match tree.read(path).and_then(|text| text.ok_or_else(gone)) {
        Ok(text) => text,
        Err(error) => {
            inventory.note(unreadable(path.to_owned(), &error));
            return None;
        }
    };
    let file = File {
        path,
        text: &text,
        lines: Lines::new(&text),
        tree,
    };
    inventory.files.insert(path.to_owned());
    match kind.reader()(&file) {
        Ok(mut draft) => {
            if kind.ends_in_line_break() && !text.is_empty() && !text.ends_with('\n') {
                let last = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
                draft.incomplete(
                    last,
                    "ends within a line, which its tool does not write: it may be cut",
                );
            }
            Some(draft)
        }
        Err(failure) => {
            inventory.note(Problem {
                file: path.to_owned(),
                line: failure.line,
                kind: ProblemKind::Input,
                message: failure.message,
            });
            None
        }
    }
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
