//! The files of the workspace: those below the roots from disk, and over them what clients have open.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lsp_types::Uri;
use stele_policy::load;
use stele_policy::problem::Problem;
use stele_rego::SourceFile;
use stele_rego::ast::Module;
use stele_types::Value;
use walkdir::{DirEntry, WalkDir};

use crate::document::{Document, FileId};

/// How many directory entries of a root are looked at: enough for any repository, and an end where someone opens `/`.
const MAX_ENTRIES: usize = 200_000;
/// The greatest data file that is read, in bytes.
const MAX_DATA: u64 = 64 << 20;

/// The data document of a root.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) value: Value,
    pub(crate) problems: Vec<Problem>,
    /// The files it was read from.
    files: Vec<PathBuf>,
}

impl Data {
    fn empty() -> Arc<Self> {
        Arc::new(Self {
            value: Value::object([]),
            problems: Vec::new(),
            files: Vec::new(),
        })
    }
}

#[derive(Debug, Default)]
struct File {
    open: Option<Arc<Document>>,
    disk: Option<Arc<Document>>,
    /// The last module without a mistake: what stands in for a broken file when others are checked.
    sound: Option<Arc<Module>>,
}

impl File {
    fn current(&self) -> Option<&Arc<Document>> {
        self.open.as_ref().or(self.disk.as_ref())
    }

    fn note_sound(&mut self) {
        let sound = self.current().filter(|document| document.is_sound());
        if let Some(module) = sound.and_then(|document| document.module.clone()) {
            self.sound = Some(module);
        }
    }
}

/// The files that belong together: those of one root, or a single file outside of all roots.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    /// In order of their paths.
    pub(crate) documents: Vec<Arc<Document>>,
    /// For each document the last module without a mistake.
    pub(crate) sound: Vec<Option<Arc<Module>>>,
    pub(crate) data: Arc<Data>,
    /// The directory; `None` for a single file.
    pub(crate) root: Option<PathBuf>,
}

/// All files.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    roots: Vec<PathBuf>,
    files: BTreeMap<FileId, File>,
    data: BTreeMap<PathBuf, Arc<Data>>,
}

impl Workspace {
    /// Reads everything below the roots; what is open stays open.
    pub(crate) fn set_roots(&mut self, roots: Vec<PathBuf>) {
        self.roots = roots;
        self.data.clear();
        for file in self.files.values_mut() {
            file.disk = None;
        }
        for root in self.roots.clone() {
            self.read_root(&root, true);
        }
        // The names of open files depend on the roots.
        let open: Vec<Arc<Document>> = self.files.values().filter_map(|file| file.open.clone()).collect();
        for document in open {
            self.open(&document.uri, document.version, document.text().to_owned());
        }
        self.drop_forgotten();
    }

    pub(crate) fn roots(&self) -> &[PathBuf] {
        &self.roots
    }

    /// Reads the data files of a root, and its modules if asked to.
    fn read_root(&mut self, root: &Path, with_modules: bool) {
        let (mut documents, mut files) = (Vec::new(), Vec::new());
        let walk = WalkDir::new(root).sort_by_file_name().into_iter();
        let entries = walk.filter_entry(|entry| entry.depth() == 0 || !is_left_out(entry));
        for (count, entry) in entries.enumerate() {
            if count >= MAX_ENTRIES {
                tracing::warn!(
                    "{} has more than {MAX_ENTRIES} entries; the rest is not read",
                    root.display()
                );
                break;
            }
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    tracing::warn!("{error}");
                    continue;
                }
            };
            let name = entry.file_name().to_string_lossy();
            if name.ends_with(".rego") {
                if with_modules {
                    self.read_file(entry.path());
                }
            } else if load::is_wanted(&name) {
                files.push(entry.path().to_owned());
                documents.extend(read_data(root, entry.path()));
            }
        }
        let (value, problems) = load::place_documents(documents);
        let data = Data {
            value,
            problems,
            files,
        };
        self.data.insert(root.to_owned(), Arc::new(data));
    }

    /// Reads one module from disk, or forgets it if it is gone.
    fn read_file(&mut self, path: &Path) {
        let id = FileId::Path(path.to_owned());
        let text = match std::fs::metadata(path) {
            Ok(found) if found.is_file() => read_text(path, found.len()),
            _ => None,
        };
        let name = self.name(&id);
        let file = self.files.entry(id.clone()).or_default();
        file.disk = text.and_then(|text| {
            let uri = id.uri()?;
            Some(Arc::new(Document::new(id, uri, None, &name, text)))
        });
        file.note_sound();
    }

    /// Something on disk was made, changed or removed.
    pub(crate) fn changed_on_disk(&mut self, uri: &Uri) {
        let FileId::Path(path) = FileId::of(uri) else {
            return;
        };
        let Some(root) = self.root_of(&path).map(Path::to_owned) else {
            return;
        };
        let below = path.strip_prefix(&root).unwrap_or(&path);
        if below.iter().any(|part| is_left_out_name(&part.to_string_lossy())) {
            return;
        }
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if name.ends_with(".rego") {
            self.read_file(&path);
        } else if load::is_wanted(&name) || path.is_dir() {
            self.read_root(&root, path.is_dir());
        } else if !path.exists() {
            // A directory may be gone, and what was in it.
            let inside: Vec<PathBuf> = self
                .files
                .keys()
                .filter_map(|id| match id {
                    FileId::Path(file) if file.starts_with(&path) => Some(file.clone()),
                    _ => None,
                })
                .collect();
            for file in inside {
                self.read_file(&file);
            }
            let data = self.data.get(&root);
            if data.is_some_and(|data| data.files.iter().any(|file| file.starts_with(&path))) {
                self.read_root(&root, false);
            }
        }
        self.drop_forgotten();
    }

    pub(crate) fn open(&mut self, uri: &Uri, version: Option<i32>, text: String) {
        let id = FileId::of(uri);
        let name = self.name(&id);
        let document = Document::new(id.clone(), uri.clone(), version, &name, text);
        let file = self.files.entry(id).or_default();
        file.open = Some(Arc::new(document));
        file.note_sound();
    }

    pub(crate) fn close(&mut self, uri: &Uri) {
        let id = FileId::of(uri);
        if let Some(file) = self.files.get_mut(&id) {
            file.open = None;
        }
        // It may have been saved since it was read last.
        if let FileId::Path(path) = &id
            && self.root_of(path).is_some()
        {
            self.read_file(path);
        }
        self.drop_forgotten();
    }

    fn drop_forgotten(&mut self) {
        self.files.retain(|_, file| file.current().is_some());
    }

    /// The file as it is now.
    pub(crate) fn document(&self, uri: &Uri) -> Option<Arc<Document>> {
        self.files.get(&FileId::of(uri)).and_then(File::current).cloned()
    }

    /// The file, if a client has it open.
    pub(crate) fn open_document(&self, uri: &Uri) -> Option<Arc<Document>> {
        self.files.get(&FileId::of(uri))?.open.clone()
    }

    /// The innermost root that a path is below.
    fn root_of(&self, path: &Path) -> Option<&Path> {
        self.roots
            .iter()
            .filter(|root| path.starts_with(root))
            .max_by_key(|root| root.as_os_str().len())
            .map(PathBuf::as_path)
    }

    /// The path below the root with `/`; a single file's name.
    fn name(&self, id: &FileId) -> String {
        let FileId::Path(path) = id else {
            return "untitled.rego".to_owned();
        };
        let below = self
            .root_of(path)
            .and_then(|root| path.strip_prefix(root).ok())
            .or_else(|| path.file_name().map(Path::new))
            .unwrap_or(path);
        let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        parts.join("/")
    }

    fn group(&self, id: &FileId) -> Option<&Path> {
        match id {
            FileId::Path(path) => self.root_of(path),
            FileId::Other(_) => None,
        }
    }

    /// The files that belong together with this one.
    pub(crate) fn set_of(&self, id: &FileId) -> Set {
        match self.group(id) {
            Some(root) => self.root_set(root),
            None => self.single(id),
        }
    }

    /// All sets.
    pub(crate) fn sets(&self) -> Vec<Set> {
        let mut sets: Vec<Set> = self.roots.iter().map(|root| self.root_set(root)).collect();
        let singles = self.files.keys().filter(|id| self.group(id).is_none());
        sets.extend(singles.map(|id| self.single(id)));
        sets
    }

    fn root_set(&self, root: &Path) -> Set {
        let files = self.files.iter().filter(|(id, _)| self.group(id) == Some(root));
        let data = self.data.get(root).cloned().unwrap_or_else(Data::empty);
        Set::new(files.map(|(_, file)| file), data, Some(root.to_owned()))
    }

    fn single(&self, id: &FileId) -> Set {
        Set::new(self.files.get(id).into_iter(), Data::empty(), None)
    }
}

impl Set {
    fn new<'a>(files: impl Iterator<Item = &'a File>, data: Arc<Data>, root: Option<PathBuf>) -> Self {
        let (mut documents, mut sound) = (Vec::new(), Vec::new());
        for file in files {
            if let Some(document) = file.current() {
                documents.push(document.clone());
                sound.push(file.sound.clone());
            }
        }
        Self {
            documents,
            sound,
            data,
            root,
        }
    }

    /// The documents that have a module, with it.
    pub(crate) fn modules(&self) -> impl Iterator<Item = (&Arc<Document>, &Arc<Module>)> {
        self.documents
            .iter()
            .filter_map(|document| Some((document, document.module.as_ref()?)))
    }
}

fn read_text(path: &Path, size: u64) -> Option<String> {
    if size > u64::try_from(SourceFile::MAX_BYTES).unwrap_or(u64::MAX) {
        tracing::warn!("{} has {size} bytes and is left out", path.display());
        return None;
    }
    match std::fs::read(path).map(String::from_utf8) {
        Ok(Ok(text)) => Some(text),
        Ok(Err(error)) => {
            tracing::warn!("{} is not UTF-8: {error}", path.display());
            None
        }
        Err(error) => {
            tracing::warn!("can't read {}: {error}", path.display());
            None
        }
    }
}

/// A data file's path below the root and its contents.
fn read_data(root: &Path, path: &Path) -> Option<(String, Vec<u8>)> {
    let found = std::fs::metadata(path).ok()?;
    if !found.is_file() || found.len() > MAX_DATA {
        return None;
    }
    let below = path.strip_prefix(root).ok()?;
    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    match std::fs::read(path) {
        Ok(bytes) => Some((parts.join("/"), bytes)),
        Err(error) => {
            tracing::warn!("can't read {}: {error}", path.display());
            None
        }
    }
}

fn is_left_out(entry: &DirEntry) -> bool {
    is_left_out_name(&entry.file_name().to_string_lossy())
}

/// Hidden files and directories, as everywhere; and other people's packages.
fn is_left_out_name(name: &str) -> bool {
    name.starts_with('.') || name == "node_modules"
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::str::FromStr;

    fn uri(path: &Path) -> Uri {
        FileId::Path(path.to_owned()).uri().unwrap()
    }

    fn names(set: &Set) -> Vec<String> {
        let documents = set.documents.iter();
        documents
            .map(|document| document.source.name().to_string())
            .collect()
    }

    #[test]
    fn open_files_lie_over_those_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("b/.git")).unwrap();
        fs::write(root.join("b/a.rego"), "package a\n").unwrap();
        fs::write(root.join("b/.git/no.rego"), "package no\n").unwrap();
        fs::write(root.join("b/data.json"), r#"{"x": 1}"#).unwrap();
        let mut workspace = Workspace::default();
        workspace.set_roots(vec![root.clone()]);
        let id = FileId::Path(root.join("b/a.rego"));
        assert_eq!(names(&workspace.set_of(&id)), ["b/a.rego"]);
        assert_eq!(
            stele_types::json::to_string(&workspace.set_of(&id).data.value),
            r#"{"b":{"x":1}}"#
        );

        let open = uri(&root.join("b/a.rego"));
        workspace.open(&open, Some(3), "package a\n\np := ".to_owned());
        let set = workspace.set_of(&id);
        assert_eq!(set.documents[0].version, Some(3));
        assert!(!set.documents[0].is_sound());
        assert!(set.sound[0].is_some(), "what was on disk was sound");
        fs::write(root.join("b/a.rego"), "package other\n").unwrap();
        workspace.changed_on_disk(&open);
        assert_eq!(
            workspace.document(&open).unwrap().version,
            Some(3),
            "the open text wins"
        );
        workspace.close(&open);
        assert_eq!(workspace.document(&open).unwrap().text(), "package other\n");
        fs::remove_dir_all(root.join("b")).unwrap();
        workspace.changed_on_disk(&uri(&root.join("b")));
        assert!(workspace.document(&open).is_none());
        let data = &workspace.set_of(&id).data.value;
        assert_eq!(stele_types::json::to_string(data), "{}");
    }

    #[test]
    fn a_file_outside_of_all_roots_stands_alone() {
        let mut workspace = Workspace::default();
        for name in ["untitled:1", "untitled:2"] {
            let uri = Uri::from_str(name).unwrap();
            workspace.open(&uri, Some(1), "package a\n".to_owned());
            assert_eq!(workspace.set_of(&FileId::of(&uri)).documents.len(), 1);
        }
        assert_eq!(workspace.sets().len(), 2);
        workspace.close(&Uri::from_str("untitled:1").unwrap());
        assert_eq!(workspace.sets().len(), 1);
    }
}
