//! What the Go linker writes into a program about itself: <https://pkg.go.dev/debug/buildinfo>, since Go 1.18.

use super::Found;
use crate::model::{Component, Ecosystem};
use std::io::{self, Read};

const MAGIC: &[u8; 14] = b"\xff Go buildinf:";
/// Bytes from the magic to the first text.
const HEADER: usize = 32;
/// Set in the header where the texts follow it; older programs have pointers to them.
const INLINE: u8 = 2;
/// Bytes of the information that are read; a thousand modules take a tenth of it.
const MAX_INFO: usize = 2 * 1024 * 1024;
/// Times that the magic may stand where it means nothing.
const MAX_TRIES: usize = 64;
const CHUNK: u64 = 1024 * 1024;
/// The linker puts this many bytes around the list of modules, so that it is found in memory.
const MARK: usize = 16;

/// What a program says; `None` if it is none, or none of Go.
pub(super) fn read(reader: &mut impl Read) -> io::Result<Option<Found>> {
    let mut window = Vec::new();
    reader.take(4).read_to_end(&mut window)?;
    if !is_program(&window) {
        return Ok(None);
    }
    let (mut from, mut tried) = (0_usize, 0_usize);
    loop {
        let rest = window.get(from..).unwrap_or_default();
        let Some(at) = memchr::memmem::find(rest, MAGIC).and_then(|at| at.checked_add(from)) else {
            // The magic may stand across the boundary.
            window.drain(..window.len().saturating_sub(MAGIC.len()));
            from = 0;
            if reader.take(CHUNK).read_to_end(&mut window)? == 0 {
                return Ok(None);
            }
            continue;
        };
        while window.len().saturating_sub(at) < MAX_INFO && reader.take(CHUNK).read_to_end(&mut window)? > 0 {
        }
        if let Some((version, modules)) = texts(window.get(at..).unwrap_or_default()) {
            return Ok(Some(modules_of(version, modules)));
        }
        // Something else that has these bytes in it, such as a reader of them.
        from = at.saturating_add(MAGIC.len());
        tried = tried.saturating_add(1);
        if tried == MAX_TRIES {
            let mut found = Found::default();
            found.problem("looks like a program of Go, and what it says of itself can't be read");
            return Ok(Some(found));
        }
    }
}

/// ELF, PE, and Mach-O in both orders and as several in one.
fn is_program(head: &[u8]) -> bool {
    let starts = [
        &b"\x7fELF"[..],
        b"MZ",
        b"\xfe\xed\xfa",
        b"\xcf\xfa\xed\xfe",
        b"\xce\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
    ];
    starts.iter().any(|start| head.starts_with(start))
}

/// Go's version and the list of modules.
fn texts(window: &[u8]) -> Option<(&str, &str)> {
    if window.get(15)? & INLINE == 0 {
        return None;
    }
    let (version, rest) = text(window.get(HEADER..)?)?;
    let version = std::str::from_utf8(version).ok()?;
    if !version.starts_with("go1") && !version.starts_with("devel") {
        return None;
    }
    let (modules, _) = text(rest)?;
    let end = modules.len().checked_sub(MARK);
    let plain = end.and_then(|end| modules.get(MARK..end)).unwrap_or_default();
    Some((version, std::str::from_utf8(plain).ok()?))
}

/// A text behind its length, which is a varint.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0_usize;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        let shift = u32::try_from(at).ok()?.checked_mul(7)?;
        length |= usize::from(byte & 0x7F).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            let start = at.checked_add(1)?;
            return bytes.get(start..)?.split_at_checked(length);
        }
    }
    None
}

fn modules_of(version: &str, modules: &str) -> Found {
    let mut found = Found::default();
    let number = version
        .split([' ', '-'])
        .next()
        .and_then(|word| word.strip_prefix("go"));
    if let Some(number) = number {
        found.add(Component::new(Ecosystem::Go, "stdlib", Some(number)));
    }
    let mut pending: Option<Vec<&str>> = None;
    for line in modules.lines().chain([""]) {
        let fields: Vec<&str> = line.split('\t').collect();
        if fields.first() == Some(&"=>") {
            // What stands in place of the module before.
            pending = Some(fields);
            continue;
        }
        if let Some(module) = pending.take() {
            add(&module, &mut found);
        }
        if ["dep", "mod"].contains(&fields.first().copied().unwrap_or_default()) {
            pending = Some(fields);
        }
    }
    found
}

fn add(fields: &[&str], found: &mut Found) {
    let (Some(path), Some(version)) = (fields.get(1), fields.get(2)) else {
        return;
    };
    // A program that was built in its own repository has no version.
    if *version == "(devel)" || version.is_empty() {
        return;
    }
    let component = Component::new(Ecosystem::Go, path, Some(version)).map(|mut component| {
        if let Some(sum) = fields.get(3).filter(|sum| !sum.is_empty()) {
            component
                .properties
                .insert("stele:go:h1".to_owned(), (*sum).to_owned());
        }
        component
    });
    found.add(component);
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A program as far as it is read here.
    pub(in crate::image) fn program(version: &str, modules: &str) -> Vec<u8> {
        let mut bytes = b"\x7fELF".to_vec();
        bytes.extend([0; 1000]);
        bytes.extend(MAGIC);
        bytes.extend([8, INLINE]);
        bytes.extend([0; 16]);
        let marked = format!("{0}{modules}{0}", "0123456789abcdef");
        for text in [version, &marked] {
            let mut length = text.len();
            while length >= 0x80 {
                bytes.push((length & 0x7F) as u8 | 0x80);
                length >>= 7;
            }
            bytes.push(length as u8);
            bytes.extend(text.bytes());
        }
        bytes
    }

    fn purls(bytes: &[u8]) -> Option<Vec<String>> {
        let found = read(&mut &*bytes).unwrap()?;
        Some(
            found
                .components
                .iter()
                .map(|component| component.purl().to_string())
                .collect(),
        )
    }

    #[test]
    fn modules_and_replacements() {
        let modules = "path\tx\nmod\texample.org/x\t(devel)\t\ndep\tgithub.com/a/b\tv1.0.0\th1:abc=\ndep\told\tv1\t\n=>\texample.org/fork\tv2.0.0\th1:x=\nbuild\t-x=y\n";
        let expected = [
            "pkg:golang/stdlib@1.22.1",
            "pkg:golang/github.com/a/b@v1.0.0",
            "pkg:golang/example.org/fork@v2.0.0",
        ];
        assert_eq!(purls(&program("go1.22.1", modules)).unwrap(), expected);
    }

    #[test]
    fn the_magic_may_stand_anywhere_and_may_be_none() {
        let mut bytes = b"\x7fELF".to_vec();
        bytes.extend(MAGIC);
        bytes.resize(CHUNK as usize - 1003, 0);
        bytes.extend(program("go1.20", "dep\ta.b/c\tv1\t\n"));
        assert_eq!(purls(&bytes).unwrap().len(), 2);
        assert_eq!(purls(b"\x7fELF no go"), None);
        assert_eq!(purls(b"#!/bin/sh"), None);
        let whole = program("go1.20", "dep\ta.b/c\tv1\t\n");
        for end in 0..whole.len() {
            let _ = purls(&whole[..end]);
        }
    }
}
