//! One text after another: windows over readers, places, allowlists.

use super::{IdleDirective, Report, Scan};
use crate::engine::{Hit, MARGIN, Scanner};
use crate::finding::{CommitInfo, Finding, Problem, ProblemKind};
use crate::layer::{Layer, OpenRuns};
use crate::place::Place;
use std::io::{self, Read};

/// What a window answers for. Texts up to this size are one window.
const CORE: usize = 4 * 1024 * 1024;

/// How far a text is looked at for NUL bytes, as Git does.
const HEAD: usize = 8000;

/// One thread's scanner and what it found.
pub(crate) struct Worker<'s> {
    scanner: Scanner,
    scan: &'s Scan<'s>,
    buffer: Vec<u8>,
    core: usize,
    report: Report,
}

impl<'s> Worker<'s> {
    pub(crate) fn new(scan: &'s Scan<'s>) -> Self {
        Self {
            scanner: scan.scanner.clone(),
            scan,
            buffer: Vec::new(),
            core: CORE,
            report: Report::default(),
        }
    }

    pub(crate) fn into_report(self) -> Report {
        self.report
    }

    /// How many findings there are so far.
    pub(crate) fn findings(&self) -> usize {
        self.report.findings.len()
    }

    /// Says of all findings from this one on which blob and commit they come from.
    pub(crate) fn attribute(&mut self, from: usize, order: u64, commit: impl FnOnce() -> Option<CommitInfo>) {
        let new = self.report.findings.get_mut(from..).unwrap_or_default();
        if new.is_empty() {
            return;
        }
        let commit = commit();
        for finding in new {
            finding.order = order;
            finding.commit.clone_from(&commit);
        }
    }

    /// Notes what could not be scanned.
    pub(crate) fn problem(&mut self, path: &str, kind: ProblemKind, message: impl Into<String>) {
        self.report.problems.push(Problem {
            path: path.to_owned(),
            kind,
            message: message.into(),
        });
    }

    /// Whether a text of this size is to be left out; if so, that is noted.
    pub(crate) fn too_large(&mut self, path: &str, size: u64) -> bool {
        let Some(limit) = self.scan.options.max_file_size else {
            return false;
        };
        if size > limit {
            self.problem(
                path,
                ProblemKind::Skipped,
                format!("has {size} bytes, and --max-file-size is {limit}"),
            );
        }
        size > limit
    }

    /// Scans what a reader gives, unless it is binary. `head` are bytes that were read already.
    pub(crate) fn text(&mut self, path: &str, head: &[u8], reader: &mut dyn Read) -> io::Result<()> {
        match head {
            [0xFF, 0xFE, ..] => self.windows(path, &mut Utf16::new(head.chain(reader), true)),
            [0xFE, 0xFF, ..] => self.windows(path, &mut Utf16::new(head.chain(reader), false)),
            _ if is_binary(head) => {
                self.report.stats.binary = self.report.stats.binary.saturating_add(1);
                Ok(())
            }
            _ => self.windows(path, &mut head.chain(reader)),
        }
    }

    fn windows(&mut self, path: &str, reader: &mut dyn Read) -> io::Result<()> {
        self.report.stats.texts = self.report.stats.texts.saturating_add(1);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        let outcome = self.windows_in(path, reader, &mut buffer);
        if buffer.capacity() <= CORE.saturating_mul(2) {
            self.buffer = buffer;
        }
        outcome
    }

    fn windows_in(&mut self, path: &str, reader: &mut dyn Read, buffer: &mut Vec<u8>) -> io::Result<()> {
        let (mut base, mut start) = (0_u64, 0_usize);
        let mut place = Place::START;
        let mut open = OpenRuns::default();
        let mut failure = None;
        loop {
            let wanted = start.saturating_add(self.core).saturating_add(MARGIN);
            let missing = wanted.saturating_sub(buffer.len()) as u64;
            let before = buffer.len();
            // What could be read before an error is scanned all the same.
            failure = failure.or(reader.take(missing).read_to_end(buffer).err());
            let read = buffer.len().saturating_sub(before) as u64;
            self.report.stats.bytes = self.report.stats.bytes.saturating_add(read);
            let done = read < missing || failure.is_some();
            let end = if done {
                buffer.len()
            } else {
                buffer.len().saturating_sub(MARGIN)
            };
            let found = self.scanner.window(buffer, start..end, base, open);
            self.report.stats.allowed = self.report.stats.allowed.saturating_add(found.allowed as u64);
            let mut at = (start, place);
            for hit in &found.hits {
                at = step(buffer, at, hit.span.start.saturating_sub(base) as usize);
                let stop = step(buffer, at, hit.span.end.saturating_sub(base) as usize);
                self.report_hit(path, hit, at.1, stop.1);
            }
            let mut at = (start, place);
            for directive in &found.directives {
                at = step(buffer, at, directive.offset.saturating_sub(base) as usize);
                if !directive.used {
                    self.report.idle_directives.push(IdleDirective {
                        path: path.to_owned(),
                        line: at.1.line,
                        rule: directive.rule.clone(),
                        without_reason: directive.reason.is_empty(),
                    });
                }
            }
            if done {
                return failure.map_or(Ok(()), Err);
            }
            place = step(buffer, (start, place), end).1;
            let cut = end.saturating_sub(MARGIN);
            open = open.at(buffer, cut);
            buffer.drain(..cut);
            base = base.saturating_add(cut as u64);
            start = end.saturating_sub(cut);
        }
    }

    fn report_hit(&mut self, path: &str, hit: &Hit, from: Place, to: Place) {
        let fingerprint = hit.fingerprint(path);
        if self.scan.allowlist.allows(path, hit, &fingerprint) {
            self.report.stats.allowed = self.report.stats.allowed.saturating_add(1);
            return;
        }
        self.report.findings.push(Finding {
            rule: hit.rule.id.as_str().into(),
            description: hit.rule.name.as_str().into(),
            severity: hit.severity,
            path: path.to_owned(),
            line: from.line,
            column: from.column,
            end_line: to.line,
            end_column: to.column,
            layers: hit.layers.iter().copied().map(Layer::name).collect(),
            secret: hit.redacted(),
            detail: hit.detail.clone(),
            fingerprint,
            commit: None,
            identity: hit.identity,
            order: 0,
        });
    }
}

/// The place at an offset, counted on from another.
fn step(buffer: &[u8], (offset, place): (usize, Place), to: usize) -> (usize, Place) {
    match buffer.get(offset..to) {
        Some(between) => (to, place.after(between)),
        None => (offset, place),
    }
}

/// Whether a text is binary: it has a NUL byte near its beginning.
fn is_binary(head: &[u8]) -> bool {
    memchr::memchr(0, head.get(..HEAD).unwrap_or(head)).is_some()
}

/// UTF-16 read as UTF-8; what is no UTF-16 becomes U+FFFD.
struct Utf16<R> {
    inner: R,
    little: bool,
    high: Option<u16>,
    out: Vec<u8>,
    started: bool,
}

impl<R: Read> Utf16<R> {
    fn new(inner: R, little: bool) -> Self {
        Self {
            inner,
            little,
            high: None,
            out: Vec::new(),
            started: false,
        }
    }

    /// Decodes the next piece into `out`; leaves it empty at the end.
    fn refill(&mut self) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.inner.by_ref().take(64 * 1024).read_to_end(&mut bytes)?;
        let mut units: Vec<u16> = self.high.take().into_iter().collect();
        units.extend(bytes.chunks_exact(2).filter_map(|pair| match pair {
            [first, second] if self.little => Some(u16::from_le_bytes([*first, *second])),
            [first, second] => Some(u16::from_be_bytes([*first, *second])),
            _ => None,
        }));
        if !bytes.is_empty() && units.last().is_some_and(|unit| (0xD800..0xDC00).contains(unit)) {
            self.high = units.pop();
        }
        let mut utf8 = [0; 4];
        for decoded in char::decode_utf16(units) {
            let character = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
            if self.started || character != '\u{FEFF}' {
                self.out.extend(character.encode_utf8(&mut utf8).bytes());
            }
            self.started = true;
        }
        if self.out.is_empty() && !bytes.is_empty() {
            return self.refill();
        }
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if self.out.is_empty() {
            self.refill()?;
        }
        let count = target.len().min(self.out.len());
        for (to, from) in target.iter_mut().zip(self.out.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
