//! Files, and the documents in them.

use std::path::{Path, PathBuf};

use stele_types::{InputKind, Value, sha256};

use crate::evidence::CheckedFile;
use crate::finding::Failure;
use crate::format::{self, Dialect, Document, Format, FormatError, terraform};
use crate::guess::{self, Written};
use crate::kind;
use crate::shape;
use crate::text::{Lines, Position};

/// The longest file that is read, in bytes.
pub const MAX_BYTES: u64 = 512 << 20;

/// What standard input is called.
pub const STANDARD_INPUT: &str = "-";

/// A file to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What it is called in findings, with `/`.
    pub name: String,
    /// Where its text is.
    pub origin: Origin,
    /// What it is, if that was said.
    pub kind: Option<InputKind>,
    /// Where the configuration is that a plan was made from, if that was said; it is looked for beside the plan.
    pub configuration: Option<PathBuf>,
}

/// Where a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In a file.
    File(PathBuf),
    /// Here: it was read from standard input.
    Text(String),
    /// In the files of a Terraform module: those of a directory.
    Module(PathBuf),
}

/// A file that was read.
#[derive(Debug)]
pub struct Input {
    /// What it is called in findings.
    pub name: String,
    /// Its text; of several files the texts one behind the other.
    pub text: String,
    /// The files, if there are several.
    pub parts: Vec<Part>,
    /// Its documents, each with its kind and, in the file, its number.
    pub documents: Vec<(usize, InputKind, Document)>,
    /// What of it can't be read.
    pub failures: Vec<Failure>,
}

/// One of several files whose texts are joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is called in findings.
    pub name: String,
    /// The byte at which it begins, at the beginning of a line.
    pub start: usize,
}

impl Part {
    /// The one that a byte belongs to.
    pub(crate) fn at(parts: &[Self], offset: usize) -> Option<&Self> {
        let behind = parts.partition_point(|part| part.start <= offset);
        parts.get(behind.checked_sub(1)?)
    }
}

impl Input {
    /// The file and the position of the value that a path leads to in one of the documents.
    #[must_use]
    pub fn place(&self, document: &Document, path: &[Value]) -> (&str, Position) {
        let range = document.locate(&self.text, path);
        self.position(&Lines::new(&self.text), range.start)
    }

    /// The files that were read, with their digests.
    pub(crate) fn files(&self) -> Vec<CheckedFile> {
        let file = |path: &str, text: &str| CheckedFile {
            path: path.to_owned(),
            sha256: sha256(&[text.as_bytes()]),
        };
        if self.parts.is_empty() {
            return vec![file(&self.name, &self.text)];
        }
        let ends = self
            .parts
            .iter()
            .skip(1)
            .map(|part| part.start)
            .chain([self.text.len()]);
        let parts = self.parts.iter().zip(ends);
        parts
            .map(|(part, end)| {
                let text = self.text.get(part.start..end).unwrap_or_default();
                // Where the file does not end in a line break, joining added one.
                let shorter = text.strip_suffix('\n').filter(|shorter| {
                    std::fs::metadata(&part.name)
                        .is_ok_and(|found| usize::try_from(found.len()) == Ok(shorter.len()))
                });
                file(&part.name, shorter.unwrap_or(text))
            })
            .collect()
    }

    /// The file that a byte of the text belongs to, and the position there.
    pub(crate) fn position(&self, lines: &Lines, offset: usize) -> (&str, Position) {
        let at = lines.position(&self.text, offset);
        let Some(part) = Part::at(&self.parts, offset) else {
            return (&self.name, at);
        };
        let before = lines.position(&self.text, part.start).line.saturating_sub(1);
        let line = at.line.saturating_sub(before);
        (&part.name, Position { line, ..at })
    }
}

impl Source {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`Failure`]: unreadable, too long, no UTF-8, of no known kind, or not what its name says.
    pub fn read(&self) -> Result<Input, Failure> {
        let failed = |message| self.failure(message);
        let text = match &self.origin {
            Origin::Module(directory) => return self.module(terraform::read(directory, &self.name)),
            Origin::Text(text) if self.kind == Some(InputKind::Terraform) => {
                return self.module(terraform::read_text(text, &self.name));
            }
            Origin::Text(text) if self.written(text) == Some(Written::Terraform) => {
                return self.module(terraform::read_text(text, &self.name));
            }
            Origin::File(path) => text_of(path).map_err(failed)?,
            Origin::Text(text) => text.clone(),
        };
        self.file(text)
    }

    fn module(&self, read: Result<terraform::Read, String>) -> Result<Input, Failure> {
        let read = read.map_err(|message| self.failure(message))?;
        Ok(Input {
            name: self.name.clone(),
            text: read.text,
            parts: read.parts,
            documents: vec![(0, InputKind::Terraform, read.document)],
            failures: read.failures,
        })
    }

    fn file(&self, text: String) -> Result<Input, Failure> {
        let format = self.format(&text)?;
        let failed = |error: FormatError| {
            let at = error
                .offset
                .map(|offset| Lines::new(&text).position(&text, offset));
            let mut message = error.message;
            if format == Format::Yaml && text.contains("{{") {
                message.push_str("; if this is a template, check what it renders to");
            }
            Failure {
                file: self.name.clone(),
                at,
                message,
            }
        };
        let kind_of = |document: &Document| {
            let found = || {
                let kind = kind::kind_of(&self.name, format, document.outline());
                let vague = self.is_unnamed() && [InputKind::Json, InputKind::Yaml].contains(&kind);
                let told = vague.then(|| guess::kind_of(document.outline())).flatten();
                let shaped = || match kind {
                    InputKind::Yaml => shape::kind_of(&self.name, document.outline()),
                    _ => None,
                };
                told.or_else(shaped).unwrap_or(kind)
            };
            self.kind.unwrap_or_else(found)
        };
        let mut documents = format::read(format, &text, Dialect::Core).map_err(failed)?;
        let has = |wanted| documents.iter().any(|document| kind_of(document) == wanted);
        let dialect = match (has(InputKind::Kubernetes), has(InputKind::Cloudformation)) {
            (true, _) => Dialect::Kubernetes,
            (false, true) => Dialect::Cloudformation,
            (false, false) => Dialect::Core,
        };
        if format == Format::Yaml && dialect != Dialect::Core {
            documents = format::read(format, &text, dialect).map_err(failed)?;
        }
        // What is none of the formats that can be told is a text to YAML, of which no policy asks anything.
        let is_text = |document: &Document| document.outline().as_str().is_some();
        if self.kind.is_none() && self.is_unnamed() && documents.iter().all(is_text) {
            return Err(self.failure("what this is can't be told from what it says; say it with --kind"));
        }
        let mut out = Vec::new();
        for (number, document) in documents.into_iter().enumerate() {
            let kind = kind_of(&document);
            if kind == InputKind::Kubernetes {
                let objects = document.objects(&text).map_err(|message| self.failure(message))?;
                out.extend(objects.into_iter().map(|object| (number, kind, object)));
            } else {
                out.push((number, kind, document));
            }
        }
        let mut input = Input {
            name: self.name.clone(),
            text,
            parts: Vec::new(),
            documents: out,
            failures: Vec::new(),
        };
        if let [(_, InputKind::TerraformPlan, _)] = input.documents.as_slice() {
            self.add_configuration(&mut input)?;
        }
        Ok(input)
    }

    /// Joins the files of a plan's configuration to its text, and leads what is in the plan to where it is written there.
    fn add_configuration(&self, input: &mut Input) -> Result<(), Failure> {
        let beside = || match &self.origin {
            Origin::File(path) => path.parent().filter(|directory| terraform::is_module(directory)),
            _ => None,
        };
        let Some(directory) = self.configuration.as_deref().or_else(beside) else {
            return Ok(());
        };
        let directory = if directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            directory
        };
        let read = match terraform::read(directory, &crate::walk::name(directory)) {
            Ok(read) => read,
            Err(_) if self.configuration.is_none() => return Ok(()),
            Err(message) => return Err(self.failure(format!("its configuration {message}"))),
        };
        input.text.reserve_exact(read.text.len().saturating_add(1));
        input.text.push('\n');
        let base = input.text.len();
        input.text.push_str(&read.text);
        let moved = read.parts.into_iter().map(|part| Part {
            start: part.start.saturating_add(base),
            ..part
        });
        let plan = Part {
            name: self.name.clone(),
            start: 0,
        };
        input.parts = std::iter::once(plan).chain(moved).collect();
        let sources = terraform::Sources::new(read.document, base);
        let documents = std::mem::take(&mut input.documents).into_iter();
        let led =
            documents.map(|(number, kind, document)| (number, kind, document.with_sources(sources.clone())));
        input.documents = led.collect();
        Ok(())
    }

    pub(crate) fn format(&self, text: &str) -> Result<Format, Failure> {
        let by_name = kind::format_of(&self.name);
        if let Some(kind) = self.kind {
            let usual = kind::usual_format(kind);
            let fits = by_name.filter(|format| {
                let documents = [Format::Json, Format::Yaml];
                *format == usual || documents.contains(format) && documents.contains(&usual)
            });
            let guessed = || guess(text).filter(|_| [Format::Json, Format::Yaml].contains(&usual));
            return Ok(fits.or_else(guessed).unwrap_or(usual));
        }
        // Many of them look like JSON at their beginning.
        if let Some((language, command)) = kind::refused(&self.name) {
            return Err(self.failure(format!("{language} is not read: {command}")));
        }
        // A text without a name is YAML, of which JSON is a part.
        let unnamed = matches!(self.origin, Origin::Text(_)).then_some(Format::Yaml);
        let told = || match self.written(text)? {
            Written::In(format) => Some(format),
            Written::Terraform => Some(Format::Hcl),
        };
        let format = by_name.or_else(told).or_else(|| guess(text)).or(unnamed);
        format.ok_or_else(|| {
            self.failure("what kind of file this is can't be told from its name; say it with --kind")
        })
    }

    /// Whether it is standard input, which no name tells anything of.
    fn is_unnamed(&self) -> bool {
        matches!(self.origin, Origin::Text(_)) && self.name == STANDARD_INPUT
    }

    /// What standard input is written in, if nobody said.
    fn written(&self, text: &str) -> Option<Written> {
        let asked = self.kind.is_none() && self.is_unnamed();
        let written = asked.then(|| guess::written(text)).flatten();
        let is_terraform = || {
            // A plan may have a hundred megabytes, and is read anyway.
            let may_be = ["\"resource\"", "\"data\""].iter().any(|key| text.contains(key));
            let read = may_be
                .then(|| format::read(Format::Json, text, Dialect::Core).ok())
                .flatten();
            let documents = read.iter().flatten();
            documents.map(Document::outline).any(guess::is_terraform_json)
        };
        match written {
            Some(Written::In(Format::Json)) if is_terraform() => Some(Written::Terraform),
            written => written,
        }
    }

    fn failure(&self, message: impl Into<String>) -> Failure {
        Failure {
            file: self.name.clone(),
            at: None,
            message: message.into(),
        }
    }
}

fn guess(text: &str) -> Option<Format> {
    guess::is_json(text).then_some(Format::Json)
}

/// The directory that a path belongs to, which nothing that it refers to may lead out of: that of the repository, else the current one, else
/// its own.
pub(crate) fn repository_of(path: &Path) -> PathBuf {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let repository = real.ancestors().find(|above| above.join(".git").exists());
    let current = || {
        std::env::current_dir()
            .and_then(|current| current.canonicalize())
            .ok()
    };
    let around = || current().filter(|current| real.starts_with(current));
    repository.map(Path::to_owned).or_else(around).unwrap_or(real)
}

/// A file's text.
pub(crate) fn text_of(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("can't be read: {error}");
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() {
        return Err("is no file".to_owned());
    }
    if found.len() > MAX_BYTES {
        return Err(format!("has {} bytes; {MAX_BYTES} is the limit", found.len()));
    }
    text(std::fs::read(path).map_err(unreadable)?)
}

/// The text that bytes are.
///
/// # Errors
///
/// Why they are none: which byte is not UTF-8, or how to convert what is another encoding by its mark.
pub fn text(bytes: Vec<u8>) -> Result<String, String> {
    let encoding = match bytes.as_slice() {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        _ => None,
    };
    String::from_utf8(bytes).map_err(|error| match encoding {
        Some(encoding) => {
            format!("is not UTF-8 but {encoding}: convert it (`iconv -f {encoding} -t UTF-8 FILE`)")
        }
        None => {
            let at = error.utf8_error().valid_up_to();
            format!("is not UTF-8: byte {at} belongs to no character")
        }
    })
}
