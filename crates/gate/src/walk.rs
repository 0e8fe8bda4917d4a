//! Which files of a directory are checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use stele_types::InputKind;
use walkdir::{DirEntry, WalkDir};

use crate::finding::Failure;
use crate::format::{is_dockerfile, terraform};
use crate::source::{Origin, Source, text_of};
use crate::{kind, kustomize};

/// Directories that hold other people's files, or no files of the repository at all.
const LEFT_OUT: [&str; 4] = [".git", ".hg", ".terraform", "node_modules"];

/// What is to be checked.
#[derive(Debug, Default)]
pub struct Sources {
    /// Files, in order of their names below each path.
    pub files: Vec<Source>,
    /// What could not be looked at.
    pub failures: Vec<Failure>,
    /// Templates of Helm charts, which are no YAML before they are rendered.
    pub templates: usize,
    /// Patches of Kustomize, which say nothing of what they leave alone.
    pub patches: usize,
    /// Links to directories, and those whose names tell what the files are.
    pub links: usize,
    /// How many files are in languages that are not read, by language, with the command that evaluates one.
    pub refused: BTreeMap<&'static str, (usize, &'static str)>,
    seen: BTreeSet<PathBuf>,
    /// What is left out as long as no kustomization names it among its resources.
    held: Vec<(PathBuf, Source)>,
    /// What the kustomizations are made of.
    resources: BTreeSet<PathBuf>,
}

impl Sources {
    /// Once, however many of the paths lead there.
    fn push(&mut self, path: &Path, kind: Option<InputKind>) {
        let plain = path.strip_prefix("./").unwrap_or(path);
        if self.seen.insert(plain.to_owned()) {
            self.files.push(Source {
                name: name(path),
                origin: Origin::File(path.to_owned()),
                kind,
                configuration: None,
            });
        }
    }

    /// The module of a directory, once.
    fn push_module(&mut self, directory: &Path, kind: Option<InputKind>) {
        let directory = if directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            directory
        };
        // Not the path of any file.
        if self.seen.insert(directory.join("*.tf")) {
            let name = name(directory);
            self.files.push(Source {
                name: if name.is_empty() { ".".to_owned() } else { name },
                origin: Origin::Module(directory.to_owned()),
                kind,
                configuration: None,
            });
        }
    }

    /// Adds a file, or the files of a directory whose names tell what they are. Links are not followed.
    pub fn add(&mut self, path: &Path, kind: Option<InputKind>) {
        if !path.is_dir() {
            match path.parent().filter(|_| is_module_file(path, kind)) {
                Some(directory) => self.push_module(directory, kind),
                None => self.push(path, kind),
            }
            return;
        }
        let mut modules: BTreeSet<PathBuf> = BTreeSet::new();
        let mut patches: BTreeSet<PathBuf> = BTreeSet::new();
        let first = self.files.len();
        let walk = WalkDir::new(path).sort_by_file_name().into_iter();
        for entry in walk.filter_entry(|entry| entry.depth() == 0 || !is_left_out(entry)) {
            match entry {
                Ok(entry) if entry.file_type().is_file() && is_module_file(entry.path(), kind) => {
                    modules.extend(entry.path().parent().map(Path::to_owned));
                }
                Ok(entry) if entry.file_type().is_file() => {
                    if kustomize::NAMES.iter().any(|name| entry.file_name() == *name) {
                        let named = kustomize::named(entry.path());
                        patches.extend(named.patches);
                        self.resources.extend(named.resources);
                    }
                    self.add_found(entry.path(), kind);
                }
                Ok(entry) if entry.path_is_symlink() && is_of_note(entry.path()) => {
                    self.links = self.links.saturating_add(1);
                }
                Ok(_) => {}
                Err(error) => self.failures.push(Failure {
                    file: error.path().map(name).unwrap_or_default(),
                    at: None,
                    message: format!("can't be read: {error}"),
                }),
            }
        }
        for directory in terraform::roots(&modules) {
            self.push_module(directory, kind);
        }
        self.leave_out(first, &patches);
        // Reports go by name.
        self.files.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// Leaves out patches among the files from one on, and takes back those that a kustomization found now is made of.
    fn leave_out(&mut self, first: usize, patches: &BTreeSet<PathBuf>) {
        let found = self.files.split_off(first.min(self.files.len()));
        for source in found {
            match &source.origin {
                Origin::File(path) if patches.contains(path) => self.held.push((path.clone(), source)),
                _ => self.files.push(source),
            }
        }
        for (path, source) in std::mem::take(&mut self.held) {
            let plain = path.strip_prefix("./").unwrap_or(&path);
            if self.resources.contains(&path) {
                self.seen.insert(plain.to_owned());
                self.files.push(source);
            } else {
                self.seen.remove(plain);
                self.held.push((path, source));
            }
        }
        self.held.sort_by(|a, b| a.0.cmp(&b.0));
        self.held.dedup_by(|a, b| a.0 == b.0);
        let is_named = |path: &Path| self.seen.contains(path.strip_prefix("./").unwrap_or(path));
        self.held.retain(|(path, _)| !is_named(path));
        self.patches = self.held.len();
    }

    fn add_found(&mut self, path: &Path, kind: Option<InputKind>) {
        // Values of variables are read where they are used.
        let is_values = path.extension().is_some_and(|end| end == "tfvars");
        if is_values || kind::format_of(&name(path)).is_none() {
            if let Some((language, command)) = kind::refused(&name(path)) {
                let (count, _) = self.refused.entry(language).or_insert((0, command));
                *count = count.saturating_add(1);
            }
            return;
        }
        if kind::is_unsure(&name(path)) && text_of(path).is_ok_and(|text| !is_dockerfile(&text)) {
            return;
        }
        if is_template(path) {
            self.templates = self.templates.saturating_add(1);
            return;
        }
        self.push(path, kind);
    }
}

/// Whether something might have been checked behind a link.
fn is_of_note(link: &Path) -> bool {
    link.is_dir() || kind::format_of(&name(link)).is_some()
}

/// Whether a file is read as a part of the Terraform module of its directory.
fn is_module_file(path: &Path, kind: Option<InputKind>) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    kind.is_none_or(|kind| kind == InputKind::Terraform) && name.is_some_and(terraform::is_config)
}

/// Whether a directory's files are somebody else's.
pub(crate) fn is_left_out(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_str();
    entry.file_type().is_dir() && name.is_some_and(|name| LEFT_OUT.contains(&name))
}

/// A file below `templates` of a Helm chart.
fn is_template(path: &Path) -> bool {
    let mut above = path.ancestors().skip(1);
    above.any(|directory| {
        let is_templates = directory.file_name().is_some_and(|name| name == "templates");
        let chart = directory.parent().map(|chart| chart.join("Chart.yaml"));
        is_templates && chart.is_some_and(|chart| chart.is_file())
    })
}

/// The path with `/` and without a leading `./`.
pub(crate) fn name(path: &Path) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    let text = path.to_string_lossy();
    if std::path::MAIN_SEPARATOR == '/' {
        text.into_owned()
    } else {
        text.replace(std::path::MAIN_SEPARATOR, "/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_the_files_that_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for file in [
            "a/pod.yaml",
            "a/main.rs",
            "a/Dockerfile.rs",
            ".github/workflows/ci.yml",
            "node_modules/x/package.json",
            "chart/Chart.yaml",
            "chart/templates/deep/pod.yaml",
            "over/patch.yaml",
            "Dockerfile",
        ] {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::fs::write(
            root.join("over/kustomization.yaml"),
            "patches: [{path: patch.yaml}]\n",
        )
        .unwrap();
        std::fs::write(root.join("a/Dockerfile.go"), "# base\nFROM golang:1\n").unwrap();
        #[cfg(unix)]
        for (target, link) in [
            ("..", "a/loop"),
            ("pod.yaml", "a/other.yaml"),
            ("main.rs", "a/b.rs"),
        ] {
            std::os::unix::fs::symlink(target, root.join(link)).unwrap();
        }
        let mut sources = Sources::default();
        sources.add(root, None);
        let below = |source: &Source| {
            let Origin::File(path) = &source.origin else {
                return String::new();
            };
            path.strip_prefix(root).unwrap().display().to_string()
        };
        let found: Vec<String> = sources.files.iter().map(below).collect();
        assert_eq!(
            found,
            [
                ".github/workflows/ci.yml",
                "Dockerfile",
                "a/Dockerfile.go",
                "a/pod.yaml",
                "chart/Chart.yaml",
                "over/kustomization.yaml"
            ]
        );
        assert_eq!((sources.templates, sources.failures.len()), (1, 0));
        assert_eq!(sources.patches, 1);
        #[cfg(unix)]
        assert_eq!(sources.links, 2, "what no policy is for is not said");
        sources.add(&root.join("a"), None);
        assert_eq!(sources.files.len(), 6, "found already");
        sources.add(&root.join("over/patch.yaml"), None);
        assert_eq!(sources.files.len(), 7, "what is named is checked");
        sources.add(&root.join("over"), None);
        assert_eq!(sources.files.len(), 7);
    }

    #[test]
    fn what_is_a_patch_here_and_a_resource_there_is_checked() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for (file, text) in [
            (
                "over/kustomization.yaml",
                "patches: [{path: both.yaml}, {path: patch.yaml}]\n",
            ),
            ("over/both.yaml", ""),
            ("over/patch.yaml", ""),
            ("whole/kustomization.yaml", "resources: [../over/both.yaml]\n"),
        ] {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let names = |sources: &Sources| -> Vec<String> {
            let found = sources.files.iter().map(|source| Path::new(&source.name));
            let below = found.map(|path| path.strip_prefix(root).unwrap().display().to_string());
            below
                .filter(|name| !name.ends_with("kustomization.yaml"))
                .collect()
        };
        let mut sources = Sources::default();
        sources.add(root, None);
        assert_eq!(
            (names(&sources), sources.patches),
            (vec!["over/both.yaml".to_owned()], 1)
        );
        // The kustomization that it is a resource of is found later.
        let mut sources = Sources::default();
        sources.add(&root.join("over"), None);
        assert_eq!((names(&sources), sources.patches), (vec![], 2));
        sources.add(&root.join("whole"), None);
        assert_eq!(
            (names(&sources), sources.patches),
            (vec!["over/both.yaml".to_owned()], 1)
        );
        sources.add(&root.join("over"), None);
        assert_eq!(
            (names(&sources), sources.patches),
            (vec!["over/both.yaml".to_owned()], 1)
        );
    }

    #[test]
    fn a_file_that_is_named_is_taken_whatever_it_is_called() {
        let mut sources = Sources::default();
        sources.add(Path::new("./no/such"), Some(InputKind::Json));
        assert_eq!(sources.files[0].name, "no/such");
    }
}
