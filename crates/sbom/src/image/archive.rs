//! Where an image's parts lie: in a directory, or at places of an archive. Nothing is unpacked to disk.

use super::ImageError;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Entries of an archive of an image: manifests, configurations, layers.
const MAX_ENTRIES: usize = 100_000;
/// Bytes of a manifest, an index or a configuration. Registries take 4 MiB.
const MAX_DOCUMENT: u64 = 16 * 1024 * 1024;

pub(super) enum Store {
    Directory(PathBuf),
    /// Names with offset and length.
    Archive(File, BTreeMap<String, Part>),
}

/// The bytes of a part, and how many there are.
type Opened<'s> = (Box<dyn Read + 's>, u64);

#[derive(Clone)]
pub(super) enum Part {
    At(u64, u64),
    /// Old archives of Docker have the same layer once, and links to it.
    Link(String),
}

/// Whether a file begins as a tar archive does.
pub(super) fn is_archive(path: &Path) -> bool {
    let mut head = [0; 512];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && (head.get(257..262) == Some(b"ustar") || is_compressed(&head))
}

fn is_compressed(head: &[u8]) -> bool {
    head.starts_with(&[0x1F, 0x8B]) || head.starts_with(&[0x28, 0xB5, 0x2F, 0xFD])
}

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, ImageError> {
        if path.is_dir() {
            return Ok(Self::Directory(path.to_owned()));
        }
        let mut file = File::open(path)?;
        let mut head = [0; 4];
        if file.read_exact(&mut head).is_ok() && is_compressed(&head) {
            return Err(ImageError::input(
                "the archive is compressed: unpack it first (gunzip, zstd -d)",
            ));
        }
        file.rewind()?;
        let mut parts = BTreeMap::new();
        let mut archive = tar::Archive::new(&file);
        for entry in archive.entries_with_seek().map_err(damaged)? {
            let entry = entry.map_err(damaged)?;
            let name = clean(&String::from_utf8_lossy(&entry.path_bytes()));
            let kind = entry.header().entry_type();
            if kind.is_file() {
                parts.insert(name, Part::At(entry.raw_file_position(), entry.size()));
            } else if kind.is_symlink() || kind.is_hard_link() {
                let target = entry.link_name_bytes().unwrap_or_default();
                let target = String::from_utf8_lossy(&target).into_owned();
                let target = if kind.is_symlink() {
                    beside(&name, &target)
                } else {
                    clean(&target)
                };
                parts.insert(name, Part::Link(target));
            }
            if parts.len() > MAX_ENTRIES {
                return Err(ImageError::input(format!(
                    "the archive has more than {MAX_ENTRIES} entries"
                )));
            }
        }
        Ok(Self::Archive(file, parts))
    }

    /// A part's bytes, and how many there are.
    pub(super) fn part(&mut self, name: &str) -> Result<Option<Opened<'_>>, ImageError> {
        match self {
            Self::Directory(root) => {
                // Names come from digests and manifests, never from links.
                let name = clean(name);
                let path = root.join(&name);
                match std::fs::symlink_metadata(&path) {
                    Ok(found) if found.is_file() => Ok(Some((Box::new(File::open(path)?), found.len()))),
                    Ok(_) => Err(ImageError::input(format!("{name} is no plain file"))),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(error.into()),
                }
            }
            Self::Archive(file, parts) => {
                let found = match parts.get(&clean(name)) {
                    Some(Part::Link(target)) => parts.get(target),
                    other => other,
                };
                let Some(Part::At(offset, length)) = found.cloned() else {
                    return Ok(None);
                };
                file.seek(SeekFrom::Start(offset))?;
                Ok(Some((Box::new(file.take(length)), length)))
            }
        }
    }

    /// A whole document.
    pub(super) fn document(&mut self, name: &str) -> Result<Option<Vec<u8>>, ImageError> {
        let Some((reader, length)) = self.part(name)? else {
            return Ok(None);
        };
        if length > MAX_DOCUMENT {
            return Err(ImageError::input(format!(
                "{name} has {length} bytes; {MAX_DOCUMENT} is the limit"
            )));
        }
        let mut bytes = Vec::new();
        reader.take(MAX_DOCUMENT).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}

fn damaged(error: std::io::Error) -> ImageError {
    ImageError::input(format!("the archive is damaged: {error}"))
}

/// A path without `.`, `..` and a slash in front: it can't lead anywhere else.
pub(super) fn clean(path: &str) -> String {
    let parts = path.split('/').filter(|part| !["", ".", ".."].contains(part));
    parts.collect::<Vec<_>>().join("/")
}

/// What a relative link next to a name leads to.
fn beside(name: &str, target: &str) -> String {
    let mut parts: Vec<&str> = name.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}
