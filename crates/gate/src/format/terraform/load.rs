//! The files of module directories, joined to one text.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::config::{self, Attr, Body, Module};
use super::json_syntax;
use crate::finding::Failure;
use crate::format::{FormatError, json};
use crate::source::{Part, repository_of, text_of};
use crate::text::Lines;

/// More files of one module and those that it calls are not read.
const MAX_FILES: usize = 5_000;
/// More text neither, in bytes.
const MAX_TEXT: usize = 64 << 20;

/// Of one module, no more places that can't be read are told.
const MAX_PROBLEMS: usize = 1_000;

/// Reads each directory once.
#[derive(Debug)]
pub(super) struct Loader {
    /// All files, each from the beginning of a line.
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
    pub(super) failures: Vec<Failure>,
    modules: HashMap<PathBuf, Rc<Module>>,
    /// Nothing outside of it is read.
    boundary: PathBuf,
    /// How the root module is called, and where it is.
    name: String,
    root: PathBuf,
}

impl Loader {
    /// For a directory; `name` is what it is called in findings.
    pub(super) fn new(root: &Path, name: &str) -> Self {
        Self {
            text: String::new(),
            parts: Vec::new(),
            failures: Vec::new(),
            modules: HashMap::new(),
            boundary: repository_of(root),
            name: name.to_owned(),
            root: root.to_owned(),
        }
    }

    /// The module of a directory below (or beside) the root module's; an error says why there is none.
    pub(super) fn load(&mut self, below: &Path) -> Result<Rc<Module>, String> {
        let unreadable = |error: std::io::Error| format!("can't be read: {error}");
        let directory = self.root.join(below).canonicalize().map_err(unreadable)?;
        if !directory.starts_with(&self.boundary) {
            return Err("is outside of the repository".to_owned());
        }
        if let Some(module) = self.modules.get(&directory) {
            return Ok(module.clone());
        }
        let is_root = below.as_os_str().is_empty();
        let path = if is_root { ".".to_owned() } else { slashed(below) };
        let mut module = Module {
            path,
            ..Module::default()
        };
        let mut problems = Vec::new();
        for file in self.names(&directory).map_err(unreadable)? {
            let name = join(&self.name, &join(&slashed(below), &file));
            match self.file(&directory.join(&file), &name) {
                Ok(Content::Body(body)) => module.add(body, is_override(&file), &mut problems),
                Ok(Content::Values(values)) if is_root => {
                    module
                        .values
                        .extend(values.into_iter().map(|attr| (attr.name.clone(), attr)));
                }
                Ok(Content::Values(_)) => {}
                Err(failure) => self.failures.push(failure),
            }
        }
        self.report(problems);
        module.settle();
        let module = Rc::new(module);
        self.modules.insert(directory, module.clone());
        Ok(module)
    }

    /// The module that a text is.
    pub(super) fn of_text(&mut self, text: &str) -> Rc<Module> {
        let mut module = Module {
            path: ".".to_owned(),
            ..Module::default()
        };
        let mut problems = Vec::new();
        match self.content(text, &self.name.clone()) {
            Ok(Content::Body(body)) => module.add(body, false, &mut problems),
            Ok(Content::Values(_)) => {}
            Err(failure) => self.failures.push(failure),
        }
        self.report(problems);
        module.settle();
        Rc::new(module)
    }

    /// A file for `file(...)`: below the root module's directory, if it is in the repository.
    pub(super) fn text_below(&self, path: &str, limit: u64) -> Option<String> {
        let path = self.root.join(path).canonicalize().ok()?;
        let fits = std::fs::metadata(&path).ok()?.len() <= limit;
        (fits && path.starts_with(&self.boundary)).then(|| text_of(&path).ok())?
    }

    /// Adds failures at bytes of the joined text; of very many the first.
    pub(super) fn report(&mut self, mut problems: Vec<(usize, String)>) {
        problems.sort();
        let more = problems.len().saturating_sub(MAX_PROBLEMS);
        problems.truncate(MAX_PROBLEMS);
        // The lines of a file are found once.
        let mut of: Option<(usize, Lines)> = None;
        for (at, message) in problems {
            let number = self.parts.partition_point(|part| part.start <= at);
            let part = number.checked_sub(1).and_then(|number| self.parts.get(number));
            let end = self.parts.get(number).map_or(self.text.len(), |next| next.start);
            let start = part.map_or(0, |part| part.start);
            let text = self.text.get(start..end).unwrap_or_default();
            let (_, lines) = match of.take().filter(|(known, _)| *known == start) {
                Some(known) => of.insert(known),
                None => of.insert((start, Lines::new(text))),
            };
            self.failures.push(Failure {
                file: part.map_or_else(|| self.name.clone(), |part| part.name.clone()),
                at: Some(lines.position(text, at.saturating_sub(start))),
                message,
            });
        }
        if more > 0 {
            self.failures.push(Failure {
                file: self.name.clone(),
                at: None,
                message: format!("{more} more places can't be read, after the first {MAX_PROBLEMS}"),
            });
        }
    }

    /// The names of a directory's files that count, those that override last.
    fn names(&self, directory: &Path) -> std::io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(directory)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if is_config(&name) || is_values(&name) {
                names.push(name);
            }
        }
        names.sort_by_key(|name| {
            (
                is_override(name),
                is_values(name) && !name.starts_with("terraform."),
                name.clone(),
            )
        });
        Ok(names)
    }

    fn file(&mut self, path: &Path, name: &str) -> Result<Content, Failure> {
        let failed = |message: String| Failure {
            file: name.to_owned(),
            at: None,
            message,
        };
        if self.parts.len() >= MAX_FILES {
            return Err(failed(format!(
                "is not read: {MAX_FILES} files of modules are the limit"
            )));
        }
        let real = path
            .canonicalize()
            .map_err(|error| failed(format!("can't be read: {error}")))?;
        if !real.starts_with(&self.boundary) {
            return Err(failed("is a link out of the repository".to_owned()));
        }
        let text = text_of(&real).map_err(failed)?;
        if self.text.len().saturating_add(text.len()) > MAX_TEXT {
            return Err(failed(format!(
                "is not read: {MAX_TEXT} bytes of modules are the limit"
            )));
        }
        self.content(&text, name)
    }

    fn content(&mut self, text: &str, name: &str) -> Result<Content, Failure> {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        let base = self.text.len();
        self.text.push_str(text);
        self.parts.push(Part {
            name: name.to_owned(),
            start: base,
        });
        let read = content(text, name, base).map_err(|error| Failure {
            file: name.to_owned(),
            at: error.offset.map(|offset| Lines::new(text).position(text, offset)),
            message: error.message,
        });
        if let Ok(Content::Body(body)) = &read {
            let broken = json_syntax::unreadable(body).into_iter().take(MAX_BROKEN);
            let message = "the template in this text can't be read: what it says is unknown";
            self.report(broken.map(|at| (at, message.to_owned())).collect());
        }
        read
    }
}

/// Longer files in JSON are refused, in bytes: what they say takes two hundred times as much memory.
const MAX_JSON: usize = 8 << 20;

/// Of one file, no more templates that can't be read are told.
const MAX_BROKEN: usize = 16;

enum Content {
    Body(Body),
    Values(Vec<Attr>),
}

fn content(text: &str, name: &str, base: usize) -> Result<Content, FormatError> {
    let is_json =
        has_end(name, &[".json"]) || (!has_end(name, &[".tf", ".tofu", ".tfvars"]) && json_like(text));
    // The name is a path, and what a file is, its last part says.
    let last = name.rsplit('/').next().unwrap_or(name);
    if is_json && text.len() > MAX_JSON {
        return Err(FormatError {
            offset: None,
            message: format!(
                "has {} bytes; {MAX_JSON} is the limit of Terraform's JSON",
                text.len()
            ),
        });
    }
    Ok(match (is_json, is_values(last)) {
        (true, true) => Content::Values(json_syntax::values_of_json(json::node(text, base)?)),
        (true, false) => Content::Body(json_syntax::of_json(json::node(text, base)?)?),
        (false, true) => Content::Values(config::parse(text, base)?.attrs),
        (false, false) => Content::Body(config::parse(text, base)?),
    })
}

fn json_like(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// Whether a file is a part of the module of its directory.
pub(crate) fn is_config(name: &str) -> bool {
    let hidden = name.starts_with(['.', '#']) || name.ends_with('~');
    !hidden && has_end(name, &[".tf", ".tf.json", ".tofu", ".tofu.json"])
}

/// Whether a directory holds a module.
pub(crate) fn is_module(directory: &Path) -> bool {
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    let mut files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    files.any(|file| file.file_name().to_str().is_some_and(is_config))
}

/// Whether Terraform takes a file's values without being told.
fn is_values(name: &str) -> bool {
    ["terraform.tfvars", "terraform.tfvars.json"].contains(&name)
        || has_end(name, &[".auto.tfvars", ".auto.tfvars.json"])
}

fn is_override(name: &str) -> bool {
    let ends = [".tf.json", ".tofu.json", ".tf", ".tofu"];
    let stem = ends.iter().find_map(|end| name.strip_suffix(end));
    stem.is_some_and(|stem| stem == "override" || stem.ends_with("_override"))
}

fn has_end(name: &str, ends: &[&str]) -> bool {
    ends.iter().any(|end| name.ends_with(end))
}

fn slashed(path: &Path) -> String {
    let parts = path.components().map(|part| match part {
        // What stands before the first slash.
        Component::RootDir => "".into(),
        part => part.as_os_str().to_string_lossy(),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// A path without `.` and with as few `..` as can be told without looking.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// Names of files below a directory that may be the current one.
fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() || directory == "." {
        return name.to_owned();
    }
    let joined = plain(&Path::new(directory).join(name));
    slashed(&joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_the_slashes_that_they_are_written_with() {
        for path in ["/a/b.tf", "a/b.tf", "../b.tf"] {
            assert_eq!(slashed(Path::new(path)), path);
        }
        assert_eq!(join("/a", "b.tf"), "/a/b.tf");
    }

    #[test]
    fn overrides_are_told_by_the_end_of_their_names() {
        for name in [
            "override.tf",
            "a_override.tf",
            "a.b_override.tf",
            "override.tf.json",
            "a.b_override.tf.json",
            "a_override.tofu",
        ] {
            assert!(is_override(name), "{name}");
        }
        for name in [
            "a_override.b.tf",
            "override.a.tf",
            "overrides.tf",
            "a.tf",
            "a_override.auto.tfvars",
        ] {
            assert!(!is_override(name), "{name}");
        }
    }
}
