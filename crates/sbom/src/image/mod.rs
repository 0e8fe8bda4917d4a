//! Container images: archives of `docker save`, and OCI layouts as directories or archives.
//!
//! Layers are laid over each other as the image specification says, whiteouts included, but of all files only those are kept that tell what is installed. Everything
//! is bounded, every digest is checked, and nothing is ever written to disk. Specification: <https://github.com/opencontainers/image-spec>.

mod archive;
mod distro;
mod golang;
mod java;
mod layer;
mod manifest;
mod packages;
mod rpm;
#[cfg(test)]
mod tests;

use crate::model::{Component, Inventory, Location, Problem, ProblemKind, Subject, SubjectKind};
use archive::Store;
use layer::{Content, Files, Kept};
use std::path::Path;

/// Why an image can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It is damaged, none, or beyond the limits.
    #[error("{0}")]
    Input(String),
    /// The system refuses.
    #[error("can't be read: {0}")]
    Io(#[from] std::io::Error),
}

impl ImageError {
    fn input(message: impl Into<String>) -> Self {
        Self::Input(message.into())
    }
}

/// Whether a path is an image: an OCI layout, or an archive with one.
#[must_use]
pub fn is_image(path: &Path) -> bool {
    path.join("oci-layout").is_file() || archive::is_archive(path)
}

/// Reads an image. `platform` chooses among several (`linux/amd64`), `name` is what the document calls it. `progress` is told of each layer how many are done, and
/// how many there are.
///
/// # Errors
///
/// [`ImageError`] if manifest, configuration or a layer can't be read, a digest does not fit, or a limit is exceeded: of such an image nothing is
/// certain. What is wrong with single packages is among the inventory's problems.
pub fn scan_image(
    path: &Path,
    name: Option<&str>,
    platform: Option<&str>,
    progress: &dyn Fn(usize, usize),
) -> Result<Inventory, ImageError> {
    let mut store = Store::open(path)?;
    let image = manifest::read(&mut store, platform)?;
    let mut inventory = Inventory::new(Subject {
        kind: SubjectKind::Container,
        name: name.map_or_else(
            || image.name.clone().unwrap_or_else(|| named(path)),
            str::to_owned,
        ),
        version: Some(image.digest.clone()),
    });
    let mut files = Files::default();
    for (done, layer) in image.layers.iter().enumerate() {
        progress(done, image.layers.len());
        layer::apply(&mut store, layer, &mut files)?;
    }
    progress(image.layers.len(), image.layers.len());
    let distro = distro::of(&files);
    for (path, kept) in files.iter() {
        inventory.files.insert(path.clone());
        read(path, kept, &distro, &mut inventory);
    }
    Ok(inventory)
}

fn named(path: &Path) -> String {
    path.file_stem()
        .map_or_else(|| "image".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// What one reader made of one file.
#[derive(Clone, Default)]
struct Found {
    components: Vec<Component>,
    problems: Vec<(ProblemKind, String)>,
}

impl Found {
    fn add(&mut self, component: Result<Component, crate::model::Invalid>) {
        match component {
            Ok(component) => self.components.push(component),
            Err(error) => self.problem(format!("a package is left out: {error}")),
        }
    }

    fn problem(&mut self, message: impl Into<String>) {
        self.problems.push((ProblemKind::Input, message.into()));
    }

    /// Notes that a file says less than is needed.
    fn incomplete(&mut self, message: impl Into<String>) {
        self.problems.push((ProblemKind::Incomplete, message.into()));
    }
}

fn read(path: &str, kept: &Kept, distro: &distro::Distro, inventory: &mut Inventory) {
    let found = match &kept.content {
        Content::Bytes(bytes) => packages::read(path, bytes, distro),
        Content::Read(found) => Found::clone(found),
    };
    for component in found.components {
        inventory.add(component.found_at(Location {
            file: path.to_owned(),
            line: None,
            layer: Some(kept.layer.clone()),
        }));
    }
    for (kind, message) in found.problems {
        inventory.note(Problem {
            file: path.to_owned(),
            line: None,
            kind,
            message,
        });
    }
}
