//! Laying layers over each other: of the files that tell what is installed, those that are left in the end.
//!
//! Rules: <https://github.com/opencontainers/image-spec/blob/main/layer.md>.

use super::archive::Store;
use super::manifest::Layer;
use super::{Found, ImageError, golang, java, packages};
use crate::model::Hash;
use aws_lc_rs::digest::{Context, SHA256};
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use tar::EntryType;

/// Entries of all layers.
const MAX_ENTRIES: u64 = 10_000_000;
/// Bytes that a layer may unpack to: this many, and as many times its size. File systems compress to about a third.
const LEAST_UNPACKED: u64 = if cfg!(test) { 1 << 20 } else { 1 << 30 };
const MAX_RATIO: u64 = 200;
/// Bytes of one file that is read as a whole.
const MAX_FILE: u64 = 256 * 1024 * 1024;
/// What all that is kept may weigh; see [`weight`]. A hard link weighs what a copy does: it is read as one.
const MAX_KEPT: u64 = if cfg!(test) { 1 << 20 } else { 1 << 30 };
/// Bytes that an entry, or a package with its place, takes beside its path.
const OVERHEAD: u64 = 512;
/// Bytes of a file of pnpm's store that is looked at.
const MAX_STORED: u64 = 1 << 20;
/// Bytes of a long name; Linux takes 4096.
const MAX_NAME: u64 = 64 * 1024;
/// Zstandard's window, as a power of two: what its own command takes without being asked to.
const MAX_WINDOW: u32 = 27;

/// What is kept of a file.
#[derive(Clone)]
pub(super) enum Content {
    /// Its bytes.
    Bytes(Arc<[u8]>),
    /// What it says; it would be too large to keep.
    Read(Arc<Found>),
}

/// Bytes that a path with its content takes in the end, roughly. Each package notes the path as its place.
fn weight(path: &str, content: &Content) -> u64 {
    let place = OVERHEAD.saturating_add(path.len() as u64);
    let more = match content {
        Content::Bytes(bytes) => bytes.len() as u64,
        Content::Read(found) => {
            let parts = found.components.len().saturating_add(found.problems.len());
            let purls = found.components.iter().map(|component| component.purl().as_str());
            let messages = found.problems.iter().map(|(_, message)| message.as_str());
            let texts = purls.chain(messages).map(|text| text.len() as u64).sum();
            place.saturating_mul(parts as u64).saturating_add(texts)
        }
    };
    place.saturating_add(more)
}

#[derive(Clone)]
pub(super) struct Kept {
    pub(super) content: Content,
    /// The digest of the layer that brought it, unpacked.
    pub(super) layer: String,
}

#[derive(Default)]
pub(super) struct Files {
    kept: BTreeMap<String, Kept>,
    entries: u64,
    /// What was ever kept weighs; what a later layer hides counts too.
    weight: u64,
}

impl Files {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Kept)> {
        self.kept.iter()
    }

    pub(super) fn bytes_of(&self, path: &str) -> Option<&[u8]> {
        match &self.kept.get(path)?.content {
            Content::Bytes(bytes) => Some(bytes),
            Content::Read(_) => None,
        }
    }

    fn weigh(&mut self, path: &str, content: &Content) -> io::Result<()> {
        self.weight = self.weight.saturating_add(weight(path, content));
        if self.weight > MAX_KEPT {
            return Err(io::Error::other(format!(
                "package databases of more than {MAX_KEPT} bytes, hard links to them counted as copies"
            )));
        }
        Ok(())
    }

    /// Removes what lies below a directory.
    fn remove_below(&mut self, directory: &str) {
        if directory.is_empty() {
            return self.kept.clear();
        }
        let prefix = format!("{directory}/");
        let below: Vec<String> = self
            .kept
            .range(prefix.clone()..)
            .map(|(path, _)| path)
            .take_while(|path| path.starts_with(&prefix))
            .cloned()
            .collect();
        for path in below {
            self.kept.remove(&path);
        }
    }
}

/// A reader that digests what it reads, and fails past its limit instead of ending.
struct Digesting<R> {
    inner: R,
    context: Context,
    left: u64,
}

impl<R: Read> Digesting<R> {
    fn new(inner: R, limit: u64) -> Self {
        Self {
            inner,
            context: Context::new(&SHA256),
            left: limit,
        }
    }

    /// Reads to the end, and compares.
    fn check(mut self, expected: &Hash, what: &str) -> Result<(), ImageError> {
        io::copy(&mut self, &mut io::sink()).map_err(|error| damaged(what, &error))?;
        let found = hex::encode(self.context.finish());
        if found == expected.hex() {
            return Ok(());
        }
        Err(ImageError::input(format!(
            "{what} has the digest sha256:{found}, not sha256:{}: the image was altered or damaged",
            expected.hex()
        )))
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(target)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other("it unpacks to far more than its size allows"))?;
        self.context.update(target.get(..count).unwrap_or_default());
        Ok(count)
    }
}

fn damaged(what: &str, error: &io::Error) -> ImageError {
    ImageError::input(format!("{what} is damaged or beyond the limits: {error}"))
}

pub(super) fn apply(store: &mut Store, layer: &Layer, files: &mut Files) -> Result<(), ImageError> {
    let name = layer.part.as_str();
    let Some((part, length)) = store.part(name)? else {
        return Err(ImageError::input(format!("the layer {name} is missing")));
    };
    let limit = length.saturating_mul(MAX_RATIO).max(LEAST_UNPACKED);
    let mut packed = Digesting::new(part, u64::MAX);
    let mut head = Vec::new();
    (&mut packed)
        .take(4)
        .read_to_end(&mut head)
        .map_err(|error| damaged(name, &error))?;
    let whole = BufReader::new(head.as_slice().chain(&mut packed));
    let reader: Box<dyn Read + '_> = match head.as_slice() {
        [0x1F, 0x8B, ..] => Box::new(flate2::bufread::MultiGzDecoder::new(whole)),
        [0x28, 0xB5, 0x2F, 0xFD] => {
            let mut decoder =
                zstd::stream::read::Decoder::with_buffer(whole).map_err(|error| damaged(name, &error))?;
            decoder
                .window_log_max(MAX_WINDOW)
                .map_err(|error| damaged(name, &error))?;
            Box::new(decoder)
        }
        _ => Box::new(whole),
    };
    let mut unpacked = Digesting::new(reader, limit);
    let id = format!("sha256:{}", layer.diff_id.hex());
    let upper = read_entries(&mut unpacked, &id, files).map_err(|error| damaged(name, &error))?;
    unpacked.check(&layer.diff_id, name)?;
    if let Some(digest) = &layer.digest {
        packed.check(digest, name)?;
    }
    files.kept.extend(upper);
    Ok(())
}

/// What stands before an entry about it.
#[derive(Default)]
struct Extension {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

/// Reads one layer; removes from the layers below what it replaces or hides.
fn read_entries(reader: &mut dyn Read, layer: &str, files: &mut Files) -> io::Result<BTreeMap<String, Kept>> {
    let mut upper = BTreeMap::new();
    // What only hard links name.
    let mut stored: BTreeMap<String, Content> = BTreeMap::new();
    let mut extension = Extension::default();
    let mut archive = tar::Archive::new(reader);
    // Raw: long names are read here, within limits.
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        files.entries = files.entries.saturating_add(1);
        if files.entries > MAX_ENTRIES {
            return Err(io::Error::other(format!("more than {MAX_ENTRIES} entries")));
        }
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => extension.name = Some(long(&mut entry)?),
            EntryType::GNULongLink => extension.link = Some(long(&mut entry)?),
            EntryType::XHeader => pax(&mut entry, &mut extension)?,
            EntryType::XGlobalHeader => {}
            _ => {
                let Extension { name, link } = std::mem::take(&mut extension);
                let name = name.unwrap_or_else(|| entry.header().path_bytes().into_owned());
                let path = path_of(&name)?;
                if hide(&path, kind, files) {
                    continue;
                }
                let link =
                    link.or_else(|| entry.header().link_name_bytes().map(std::borrow::Cow::into_owned));
                stored.remove(&path);
                let content = if kind == EntryType::Link {
                    let target = path_of(&link.unwrap_or_default())?;
                    let found = linked(&target, &upper, files).or_else(|| stored.get(&target).cloned());
                    found.filter(|content| is_read(&path, content, is_executable(entry.header())))
                } else if kind.is_file() && is_stored(&path) && entry.size() <= MAX_STORED {
                    if let Some(content) = manifest(&mut entry)? {
                        files.weigh(&path, &content)?;
                        stored.insert(path.clone(), content);
                    }
                    None
                } else if kind.is_file() {
                    content(&path, &mut entry)?
                } else {
                    None
                };
                if let Some(content) = content {
                    files.weigh(&path, &content)?;
                    let layer = layer.to_owned();
                    upper.insert(path, Kept { content, layer });
                } else {
                    upper.remove(&path);
                }
            }
        }
    }
    Ok(upper)
}

fn long(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut name = Vec::new();
    entry.take(MAX_NAME.saturating_add(1)).read_to_end(&mut name)?;
    if name.len() as u64 > MAX_NAME {
        return Err(io::Error::other(format!("a name of more than {MAX_NAME} bytes")));
    }
    while name.last() == Some(&0) {
        name.pop();
    }
    Ok(name)
}

fn pax(entry: &mut impl Read, extension: &mut Extension) -> io::Result<()> {
    let text = long(entry)?;
    for pair in tar::PaxExtensions::new(&text) {
        let pair = pair?;
        match pair.key_bytes() {
            b"path" => extension.name = Some(pair.value_bytes().to_vec()),
            b"linkpath" => extension.link = Some(pair.value_bytes().to_vec()),
            b"size" => return Err(io::Error::other("a file of more than 8 GiB")),
            _ => {}
        }
    }
    Ok(())
}

/// A path below the root; one that leads out is an attack.
fn path_of(name: &[u8]) -> io::Result<String> {
    let text = String::from_utf8_lossy(name);
    if text.split('/').any(|part| part == "..") {
        return Err(io::Error::other(format!(
            "the path {text:?} leads out of the image"
        )));
    }
    Ok(super::archive::clean(&text))
}

/// Removes what an entry replaces in the layers below; tells whether it is nothing but a whiteout.
fn hide(path: &str, kind: EntryType, files: &mut Files) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    if name == ".wh..wh..opq" {
        files.remove_below(directory);
        return true;
    }
    if let Some(hidden) = name.strip_prefix(".wh.") {
        let hidden = super::archive::clean(&format!("{directory}/{hidden}"));
        files.kept.remove(&hidden);
        files.remove_below(&hidden);
        return true;
    }
    files.kept.remove(path);
    if !kind.is_dir() {
        files.remove_below(path);
    }
    false
}

fn linked(target: &str, upper: &BTreeMap<String, Kept>, files: &Files) -> Option<Content> {
    let found = upper.get(target).or_else(|| files.kept.get(target));
    found.map(|kept| kept.content.clone())
}

/// Whether a path is one of pnpm's store, `.../files/0a/12...` with the digest of the file: the packages that it is in have it as a hard link, which may
/// stand behind it.
fn is_stored(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let (name, shard, files) = (parts.next(), parts.next(), parts.next());
    let name = name.unwrap_or_default();
    let digest = name.strip_suffix("-exec").unwrap_or(name);
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    files == Some("files")
        && shard.is_some_and(|shard| shard.len() == 2 && is_hex(shard))
        && digest.len() >= 38
        && is_hex(digest)
}

/// The bytes of a file that may be the manifest of a package of Node.
fn manifest(entry: &mut impl Read) -> io::Result<Option<Content>> {
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    let has = |key: &[u8]| memchr::memmem::find(&bytes, key).is_some();
    let may_be = bytes.trim_ascii_start().starts_with(b"{") && has(b"\"name\"") && has(b"\"version\"");
    Ok(may_be.then(|| Content::Bytes(bytes.into())))
}

fn is_executable(header: &tar::Header) -> bool {
    header.mode().is_ok_and(|mode| mode & 0o111 != 0)
}

/// Whether a file of this path would have been looked into: a hard link is kept only then.
fn is_read(path: &str, content: &Content, executable: bool) -> bool {
    packages::is_known(path) || matches!(content, Content::Read(_)) && (executable || java::is_archive(path))
}

/// What is to be kept of a file, if anything.
fn content<R: Read>(path: &str, entry: &mut tar::Entry<'_, R>) -> io::Result<Option<Content>> {
    let size = entry.size();
    if packages::is_known(path) || java::is_archive(path) {
        if size > MAX_FILE {
            let mut found = Found::default();
            found.problem(format!(
                "has {size} bytes; {MAX_FILE} is the limit: not looked into"
            ));
            return Ok(Some(Content::Read(Arc::new(found))));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        if java::is_archive(path) {
            return Ok(Some(Content::Read(Arc::new(java::read(path, &bytes)))));
        }
        return Ok(Some(Content::Bytes(bytes.into())));
    }
    if is_executable(entry.header()) {
        return Ok(golang::read(entry)?.map(|found| Content::Read(Arc::new(found))));
    }
    Ok(None)
}
