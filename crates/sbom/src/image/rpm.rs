//! RPM's database in SQLite: `rpmdb.sqlite`. Only what a table of blobs takes is read of SQLite's format, so that no SQL library has to be
//! linked; <https://www.sqlite.org/fileformat2.html>. The blobs are headers of RPM: <https://rpm-software-management.github.io/rpm/manual/format_header.html>.
//!
//! The formats before it (Berkeley DB, ndb) are refused.

use super::Found;
use super::distro::Distro;
use super::packages::link;
use crate::model::{Component, Ecosystem, Licence, Name, Purl, SourcePackage, Version};
use std::collections::{BTreeSet, HashMap};

const DIRECTORIES: [&str; 2] = ["var/lib/rpm/", "usr/lib/sysimage/rpm/"];
/// Pages that are visited: each once, so that loops end.
const MAX_PAGES: usize = 4_000_000;
/// Bytes of one package's header. RPM itself takes 256 MiB.
const MAX_HEADER: usize = 64 * 1024 * 1024;

pub(super) fn is_database(path: &str) -> bool {
    let name = DIRECTORIES
        .iter()
        .find_map(|directory| path.strip_prefix(directory));
    name.is_some_and(|name| ["rpmdb.sqlite", "Packages", "Packages.db"].contains(&name))
}

pub(super) fn read(path: &str, bytes: &[u8], distro: &Distro, found: &mut Found) {
    if !path.ends_with("rpmdb.sqlite") {
        return found.problem(
            "is in a format of RPM before SQLite, which is not read: convert it with rpmdb --rebuilddb",
        );
    }
    match blobs(bytes) {
        Some(blobs) => packages(&blobs, distro, found),
        None => found.problem("is damaged, or no database of RPM"),
    }
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<usize> {
    let field = bytes.get(at..at.checked_add(length)?)?;
    Some(
        field
            .iter()
            .fold(0, |number, byte| number << 8 | usize::from(*byte)),
    )
}

/// A number of up to nine bytes, and how many it took.
fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0_u64;
    for step in 0..9_usize {
        let byte = *bytes.get(at.checked_add(step)?)?;
        if step == 8 {
            return Some((value << 8 | u64::from(byte), 9));
        }
        value = value << 7 | u64::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            return Some((value, step.checked_add(1)?));
        }
    }
    None
}

struct Database<'b> {
    bytes: &'b [u8],
    page_size: usize,
    usable: usize,
}

/// The second columns of the table `Packages`.
fn blobs(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    if !bytes.starts_with(b"SQLite format 3\0") {
        return None;
    }
    let page_size = match number(bytes, 16, 2)? {
        1 => 65536,
        size if size.is_power_of_two() && size >= 512 => size,
        _ => return None,
    };
    let usable = page_size
        .checked_sub(number(bytes, 20, 1)?)
        .filter(|usable| *usable >= 480)?;
    let database = Database {
        bytes,
        page_size,
        usable,
    };
    let schema = database.rows(1)?;
    let root = schema.iter().find_map(|row| {
        let columns = columns(row)?;
        let text = |at: usize| columns.get(at).copied();
        let is_table = text(0) == Some(b"table") && text(1) == Some(b"Packages");
        let root = text(3).filter(|_| is_table)?;
        number(root, 0, root.len())
    })?;
    let rows = database.rows(root)?;
    rows.iter()
        .map(|row| columns(row)?.get(1).map(|blob| blob.to_vec()))
        .collect()
}

/// The values of a record, as bytes.
fn columns(row: &[u8]) -> Option<Vec<&[u8]>> {
    let (header, mut at) = varint(row, 0)?;
    let header = usize::try_from(header).ok()?;
    let mut body = header;
    let mut columns = Vec::new();
    while at < header {
        let (kind, took) = varint(row, at)?;
        at = at.checked_add(took)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            // Blobs are even, texts odd.
            other => usize::try_from(other.checked_sub(12)? / 2).ok()?,
        };
        let end = body.checked_add(length)?;
        columns.push(row.get(body..end)?);
        body = end;
    }
    Some(columns)
}

impl<'b> Database<'b> {
    fn page(&self, number: usize) -> Option<&'b [u8]> {
        let start = number.checked_sub(1)?.checked_mul(self.page_size)?;
        self.bytes.get(start..start.checked_add(self.page_size)?)
    }

    /// The records of a table, from its root on.
    fn rows(&self, root: usize) -> Option<Vec<Vec<u8>>> {
        let (mut rows, mut total) = (Vec::new(), 0_usize);
        let mut seen = BTreeSet::new();
        let mut open = vec![root];
        while let Some(number_of_page) = open.pop() {
            if !seen.insert(number_of_page) || seen.len() > MAX_PAGES {
                return None;
            }
            let page = self.page(number_of_page)?;
            // The first page begins with the database's header.
            let head = if number_of_page == 1 { 100 } else { 0 };
            let kind = number(page, head, 1)?;
            let cells = number(page, head.checked_add(3)?, 2)?;
            let inner = kind == 5;
            if !inner && kind != 13 {
                return None;
            }
            let pointers = head.checked_add(if inner { 12 } else { 8 })?;
            for cell in 0..cells {
                let at = number(page, pointers.checked_add(cell.checked_mul(2)?)?, 2)?;
                if inner {
                    open.push(number(page, at, 4)?);
                } else {
                    let record = self.record(page, at)?;
                    // Records that share pages would be an attack.
                    total = total
                        .checked_add(record.len())
                        .filter(|total| *total <= self.bytes.len())?;
                    rows.push(record);
                }
            }
            if inner {
                open.push(number(page, head.checked_add(8)?, 4)?);
            }
        }
        Some(rows)
    }

    /// A record, with the pages that it goes on to.
    fn record(&self, page: &[u8], at: usize) -> Option<Vec<u8>> {
        let (length, took) = varint(page, at)?;
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= MAX_HEADER)?;
        let at = at.checked_add(took)?;
        let (_, took) = varint(page, at)?;
        let start = at.checked_add(took)?;
        let most = self.usable.checked_sub(35)?;
        let here = if length <= most {
            length
        } else {
            // Section 1.6, "B-tree Cell Format": how much stays on a leaf of a table.
            let least = self
                .usable
                .checked_sub(12)?
                .checked_mul(32)?
                .checked_div(255)?
                .checked_sub(23)?;
            let over = self.usable.checked_sub(4)?;
            let fits = least.checked_add(length.checked_sub(least)?.checked_rem(over)?)?;
            if fits <= most { fits } else { least }
        };
        let end = start.checked_add(here)?;
        let mut record = page.get(start..end)?.to_vec();
        let mut next = if here < length { number(page, end, 4)? } else { 0 };
        while record.len() < length {
            let page = self.page(next)?;
            next = number(page, 0, 4)?;
            let left = length.checked_sub(record.len())?.min(self.usable.checked_sub(4)?);
            record.extend(page.get(4..left.checked_add(4)?)?);
        }
        Some(record)
    }
}

/// Texts of one tag that are read: a kernel provides some ten thousand.
const MAX_TEXTS: usize = 200_000;

/// Tags of a header: <https://rpm-software-management.github.io/rpm/manual/tags.html>.
const NAME: usize = 1000;
const VERSION: usize = 1001;
const RELEASE: usize = 1002;
const EPOCH: usize = 1003;
const LICENCE: usize = 1014;
const ARCH: usize = 1022;
const SOURCE: usize = 1044;
const PROVIDES: usize = 1047;
const REQUIRES: usize = 1049;

struct Header<'b> {
    index: HashMap<usize, (usize, usize, usize)>,
    data: &'b [u8],
}

impl<'b> Header<'b> {
    fn parse(blob: &'b [u8]) -> Option<Self> {
        let entries = number(blob, 0, 4)?;
        let length = number(blob, 4, 4)?;
        let start = entries.checked_mul(16)?.checked_add(8)?;
        let data = blob.get(start..start.checked_add(length)?)?;
        let mut index = HashMap::new();
        for entry in 0..entries {
            let at = entry.checked_mul(16)?.checked_add(8)?;
            let field = |offset: usize| number(blob, at.checked_add(offset)?, 4);
            index.insert(field(0)?, (field(4)?, field(8)?, field(12)?));
        }
        Some(Self { index, data })
    }

    fn texts(&self, tag: usize) -> Vec<String> {
        let Some((kind, offset, count)) = self.index.get(&tag).copied() else {
            return Vec::new();
        };
        // String, array of strings, and string in several languages.
        if ![6, 8, 9].contains(&kind) {
            return Vec::new();
        }
        let rest = self.data.get(offset..).unwrap_or_default();
        let texts = rest.split(|byte| *byte == 0).take(count.min(MAX_TEXTS));
        texts
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .collect()
    }

    fn text(&self, tag: usize) -> String {
        self.texts(tag).into_iter().next().unwrap_or_default()
    }

    fn epoch(&self) -> Option<usize> {
        let (kind, offset, _) = self.index.get(&EPOCH).copied()?;
        number(self.data, offset, 4).filter(|_| kind == 4)
    }
}

fn packages(blobs: &[Vec<u8>], distro: &Distro, found: &mut Found) {
    let mut wanted = Vec::new();
    let mut provided: HashMap<String, Purl> = HashMap::new();
    for blob in blobs {
        let Some(header) = Header::parse(blob) else {
            found.problem("a package's header is damaged: it is left out");
            continue;
        };
        // Keys that signatures are checked with lie among the packages.
        if header.text(NAME) == "gpg-pubkey" {
            continue;
        }
        match package(&header, distro) {
            Ok(component) => {
                for name in header.texts(PROVIDES).into_iter().chain([header.text(NAME)]) {
                    provided.entry(name).or_insert_with(|| component.purl().clone());
                }
                wanted.push(header.texts(REQUIRES));
                found.components.push(component);
            }
            Err(error) => found.problem(format!("a package is left out: {error}")),
        }
    }
    link(found, wanted, &provided);
}

fn package(header: &Header<'_>, distro: &Distro) -> Result<Component, crate::model::Invalid> {
    let epoch = header
        .epoch()
        .filter(|epoch| *epoch > 0)
        .map(|epoch| epoch.to_string())
        .unwrap_or_default();
    let version = format!("{}-{}", header.text(VERSION), header.text(RELEASE));
    let source = header.text(SOURCE);
    let qualifiers = [
        ("arch", header.text(ARCH)),
        ("distro", distro.qualifier()),
        ("epoch", epoch),
    ];
    let qualifiers = qualifiers.each_ref().map(|(key, value)| (*key, value.as_str()));
    let namespace = distro.id.as_deref();
    let mut component = Component::qualified(
        Ecosystem::Rpm,
        namespace,
        &header.text(NAME),
        Some(&version),
        &qualifiers,
    )?;
    component.licences.extend(Licence::parse(&header.text(LICENCE)));
    // `bash-5.1.8-6.el9.src.rpm`
    let stem = source
        .strip_suffix(".src.rpm")
        .or_else(|| source.strip_suffix(".nosrc.rpm"));
    let parts = stem.and_then(|stem| {
        let (rest, release) = stem.rsplit_once('-')?;
        let (name, version) = rest.rsplit_once('-')?;
        Some((
            Name::new(name).ok()?,
            Version::new(&format!("{version}-{release}")).ok()?,
        ))
    });
    component.source = parts.map(|(name, version)| SourcePackage { name, version });
    Ok(component)
}

#[cfg(test)]
mod tests {
    use super::super::distro::tests::distro;
    use super::*;

    const DATABASE: &[u8] = include_bytes!("../../tests/data/rpmdb.sqlite");

    #[test]
    fn a_database_that_sqlite_wrote() {
        let mut found = Found::default();
        let release = distro("ID=rocky\nVERSION_ID=9.4\n");
        read("var/lib/rpm/rpmdb.sqlite", DATABASE, &release, &mut found);
        assert!(found.problems.is_empty(), "{:?}", found.problems);
        // And a key; every tenth package is larger than a page.
        assert_eq!(found.components.len(), 60);
        let purls: Vec<_> = found
            .components
            .iter()
            .map(|component| component.purl().as_str())
            .collect();
        let first = "pkg:rpm/rocky/package0@1.0-1.el9?arch=x86_64&distro=rocky-9.4&epoch=2";
        assert!(purls.contains(&first), "{:?}", purls.first());
        let second = found
            .components
            .iter()
            .find(|component| component.name().as_str() == "package1")
            .unwrap();
        assert_eq!(second.source.as_ref().unwrap().name.as_str(), "source1");
        assert_eq!(second.dependencies.len(), 1);
        assert_eq!(second.licences.iter().next().unwrap().as_str(), "MIT");
    }

    #[test]
    fn damage_is_reported_and_old_formats_are_refused() {
        for end in (0..DATABASE.len()).step_by(1013) {
            let mut found = Found::default();
            read(
                "var/lib/rpm/rpmdb.sqlite",
                &DATABASE[..end],
                &distro(""),
                &mut found,
            );
            assert_eq!(found.problems.len(), 1, "{end}");
        }
        for at in (0..DATABASE.len()).step_by(97) {
            let mut bytes = DATABASE.to_vec();
            bytes[at] ^= 0xFF;
            read(
                "var/lib/rpm/rpmdb.sqlite",
                &bytes,
                &distro(""),
                &mut Found::default(),
            );
        }
        let mut found = Found::default();
        read("var/lib/rpm/Packages", b"x", &distro(""), &mut found);
        assert!(found.problems[0].1.contains("--rebuilddb"));
    }
}
