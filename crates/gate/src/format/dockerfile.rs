//! Dockerfiles: a list of instructions, each with the keys that conftest gives them.
//!
//! | key | value |
//! |---|---|
//! | `Cmd` | the instruction in lower case, `from` |
//! | `SubCmd` | of `ONBUILD` and `HEALTHCHECK` what follows, in lower case, else empty |
//! | `Flags` | options such as `--platform=linux/amd64` |
//! | `Value` | the words, or the items of the JSON form; one string where the instruction takes the rest of the line |
//! | `JSON` | whether it was the JSON form |
//! | `Original` | the instruction as written, lines joined |
//! | `Stage` | the number of the `FROM` that it follows, from 0 |
//!
//! See <https://docs.docker.com/reference/dockerfile/>.

use std::ops::Range;

use stele_types::Value;

use super::FormatError;
use crate::node::{Entry, Node, NodeKind};

/// Instructions that take the rest of the line as it is, unless that is a JSON array.
const WHOLE: [&str; 4] = ["run", "cmd", "entrypoint", "shell"];
const KNOWN: [&str; 18] = [
    "add",
    "arg",
    "cmd",
    "copy",
    "entrypoint",
    "env",
    "expose",
    "from",
    "healthcheck",
    "label",
    "maintainer",
    "onbuild",
    "run",
    "shell",
    "stopsignal",
    "user",
    "volume",
    "workdir",
];

pub(super) fn read(text: &str) -> Result<Node, FormatError> {
    let mut items = Vec::new();
    let mut stage: i64 = -1;
    for logical in lines(text)? {
        let instruction = Instruction::new(&logical)?;
        if instruction.name == "from" {
            stage = stage.saturating_add(1);
        } else if stage < 0 && instruction.name != "arg" {
            let message = format!("{} stands before the first FROM", instruction.name.to_uppercase());
            return Err(FormatError::at(logical.start(), message));
        }
        items.push(instruction.node(stage.max(0)));
    }
    if stage < 0 {
        return Err(FormatError::at(0, "not a Dockerfile: there is no FROM"));
    }
    Ok(Node {
        range: 0..text.len(),
        kind: NodeKind::Array(items),
    })
}

/// An instruction with continued lines joined; each character with the byte that it comes from.
struct Logical {
    text: String,
    /// For each byte of `text`, and its end, the byte in the file.
    offsets: Vec<usize>,
}

impl Logical {
    fn start(&self) -> usize {
        self.offsets.first().copied().unwrap_or_default()
    }

    /// The bytes in the file that a part of the joined text comes from.
    fn range(&self, part: Range<usize>) -> Range<usize> {
        let at = |index: usize| self.offsets.get(index).copied();
        let start = at(part.start).unwrap_or_default();
        let last = part.end.checked_sub(1).filter(|last| *last >= part.start);
        start..last.and_then(at).map_or(start, |last| last.saturating_add(1))
    }

    fn part(&self, slice: &str) -> Range<usize> {
        let from = (slice.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        self.range(from..from.saturating_add(slice.len()))
    }

    fn push(&mut self, text: &str, offset: usize) {
        self.text.push_str(text);
        let end = offset.saturating_add(text.len());
        self.offsets.extend(offset..end);
    }
}

/// Joins continued lines, leaves out comments and empty lines, and keeps heredocs with their instruction.
fn lines(text: &str) -> Result<Vec<Logical>, FormatError> {
    let escape = escape(text);
    let mut out = Vec::new();
    let mut current: Option<Logical> = None;
    let mut heredocs: Vec<String> = Vec::new();
    let mut offset = 0usize;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset = offset.saturating_add(line.len());
        let line = line.trim_end_matches(['\n', '\r']);
        if let Some(end) = heredocs.first() {
            if line.trim_start_matches('\t') == end {
                heredocs.remove(0);
            }
            if let Some(logical) = &mut current {
                logical.push("\n", start.saturating_sub(1));
                logical.push(line, start);
            }
            if heredocs.is_empty() {
                out.extend(current.take());
            }
            continue;
        }
        let body = line.trim_start();
        let indent = line.len().saturating_sub(body.len());
        if body.starts_with('#') || body.is_empty() {
            continue;
        }
        let trimmed = body.trim_end();
        let (part, continued) = match trimmed.strip_suffix(escape) {
            Some(part) => (part, true),
            None => (trimmed, false),
        };
        let logical = current.get_or_insert_with(|| Logical {
            text: String::new(),
            offsets: Vec::new(),
        });
        logical.push(part, start.saturating_add(indent));
        if continued {
            continue;
        }
        heredocs = heredoc_ends(&logical.text);
        if heredocs.is_empty() {
            out.extend(current.take());
        }
    }
    if let Some(end) = heredocs.first() {
        let message = format!("the heredoc that ends with `{end}` is not closed");
        return Err(FormatError::at(text.len(), message));
    }
    out.extend(current);
    out.retain(|logical| !logical.text.trim().is_empty());
    Ok(out)
}

/// The escape character: a directive in the first comments may change it.
fn escape(text: &str) -> char {
    let directives = text.lines().take_while(|line| line.trim_start().starts_with('#'));
    for line in directives {
        let directive = line.trim_start().trim_start_matches('#').trim();
        if let Some(("escape", "`")) = directive
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
        {
            return '`';
        }
    }
    '\\'
}

/// The words that end the heredocs of a `RUN`, `COPY` or `ADD`.
fn heredoc_ends(text: &str) -> Vec<String> {
    let name = text.split_whitespace().next().unwrap_or_default().to_lowercase();
    if !["run", "copy", "add"].contains(&name.as_str()) {
        return Vec::new();
    }
    let words = text.split_whitespace().filter_map(|word| word.strip_prefix("<<"));
    let ends = words.map(|word| word.trim_start_matches('-').trim_matches(['"', '\'']));
    let is_name = |word: &&str| {
        !word.is_empty()
            && word
                .chars()
                .all(|character| character.is_alphanumeric() || character == '_')
    };
    ends.filter(is_name).map(str::to_owned).collect()
}

struct Instruction<'l> {
    logical: &'l Logical,
    name: String,
    sub: String,
    flags: Vec<&'l str>,
    rest: &'l str,
}

impl<'l> Instruction<'l> {
    fn new(logical: &'l Logical) -> Result<Self, FormatError> {
        let (word, rest) = split_word(&logical.text);
        let name = word.to_lowercase();
        if !KNOWN.contains(&name.as_str()) {
            let message = format!("not a Dockerfile: `{word}` is no instruction");
            return Err(FormatError::at(logical.start(), message));
        }
        let mut out = Self {
            logical,
            name,
            sub: String::new(),
            flags: Vec::new(),
            rest,
        };
        out.take_flags();
        if out.name == "onbuild" || out.name == "healthcheck" {
            let (word, rest) = split_word(out.rest);
            out.sub = word.to_lowercase();
            out.rest = rest;
            out.take_flags();
        }
        Ok(out)
    }

    fn take_flags(&mut self) {
        while self.rest.starts_with("--") {
            let (flag, rest) = split_word(self.rest);
            self.flags.push(flag);
            self.rest = rest;
        }
    }

    fn node(&self, stage: i64) -> Node {
        let range = self.logical.range(0..self.logical.text.len());
        let text = |part: &str| Node::scalar(range.clone(), Value::string(part));
        let (values, json) = self.values();
        let flags = self.flags.iter().map(|flag| self.string(flag)).collect();
        let entries = [
            ("Cmd", text(&self.name)),
            ("Flags", self.list(flags)),
            ("JSON", Node::scalar(range.clone(), Value::Bool(json))),
            ("Original", text(&self.logical.text)),
            ("Stage", Node::scalar(range.clone(), Value::from(stage))),
            ("SubCmd", text(&self.sub)),
            ("Value", self.list(values)),
        ];
        let entry = |(key, value): (&str, Node)| Entry {
            key: key.to_owned(),
            key_range: range.clone(),
            value,
        };
        Node {
            range: range.clone(),
            kind: NodeKind::Object(entries.into_iter().map(entry).collect()),
        }
    }

    fn list(&self, items: Vec<Node>) -> Node {
        Node {
            range: self.logical.range(0..self.logical.text.len()),
            kind: NodeKind::Array(items),
        }
    }

    fn string(&self, part: &str) -> Node {
        Node::scalar(self.logical.part(part), Value::string(part))
    }

    fn values(&self) -> (Vec<Node>, bool) {
        let rest = self.rest.trim();
        if rest.starts_with('[')
            && let Ok(items) = serde_json::from_str::<Vec<String>>(rest)
        {
            let place = self.logical.part(rest);
            let item = |item: &String| Node::scalar(place.clone(), Value::string(item));
            return (items.iter().map(item).collect(), true);
        }
        let command = if self.sub.is_empty() {
            &self.name
        } else {
            &self.sub
        };
        if rest.is_empty() {
            return (Vec::new(), false);
        }
        if WHOLE.contains(&command.as_str()) {
            return (vec![self.string(rest)], false);
        }
        (
            words(rest).into_iter().map(|word| self.string(word)).collect(),
            false,
        )
    }
}

/// The first word, and what follows it.
fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word, rest.trim_start())
}

/// Words; quotes keep blanks together.
fn words(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, mut quote) = (None, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            (None, blank) if blank.is_whitespace() => {
                if let Some(from) = start.take() {
                    out.extend(text.get(from..at));
                }
                continue;
            }
            _ => {}
        }
        start.get_or_insert(at);
    }
    out.extend(start.and_then(|from| text.get(from..)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# syntax=docker/dockerfile:1\nARG V=1\nFROM --platform=linux/amd64 alpine:$V AS build\n\
        RUN apk add \\\n    # why\n    curl && \\\n  rm -rf /tmp\nCOPY --chown=app \"a b\" c /d/\nCMD [\"sh\", \"-c\"]\n\
        FROM scratch\nRUN <<EOF\necho hi\nEOF\nHEALTHCHECK --interval=5s CMD curl x\nuser root\n";

    fn field(node: &Node, index: usize, key: &str) -> Value {
        node.to_value().as_array().unwrap()[index]
            .get(key)
            .unwrap()
            .clone()
    }

    #[test]
    fn instructions_are_read_as_conftest_has_them() {
        let node = read(FILE).unwrap();
        let commands: Vec<Value> = (0..9).map(|index| field(&node, index, "Cmd")).collect();
        let expected = [
            "arg",
            "from",
            "run",
            "copy",
            "cmd",
            "from",
            "run",
            "healthcheck",
            "user",
        ];
        assert_eq!(commands, expected.map(Value::from));
        assert_eq!(
            field(&node, 1, "Flags"),
            Value::array(["--platform=linux/amd64".into()])
        );
        assert_eq!(
            field(&node, 1, "Value"),
            Value::array(["alpine:$V".into(), "AS".into(), "build".into()])
        );
        assert_eq!(
            field(&node, 2, "Value"),
            Value::array(["apk add curl && rm -rf /tmp".into()])
        );
        assert_eq!(
            field(&node, 3, "Value"),
            Value::array(["\"a b\"".into(), "c".into(), "/d/".into()])
        );
        assert_eq!(field(&node, 4, "JSON"), Value::Bool(true));
        assert_eq!(field(&node, 4, "Value"), Value::array(["sh".into(), "-c".into()]));
        assert_eq!(
            field(&node, 6, "Value"),
            Value::array(["<<EOF\necho hi\nEOF".into()])
        );
        assert_eq!(
            (field(&node, 6, "Stage"), field(&node, 7, "SubCmd")),
            (1.into(), "cmd".into())
        );
        let place = node.place(&[8.into(), "Value".into(), 0.into()]);
        assert_eq!(&FILE[place.range], "root");
        let joined = node.place(&[2.into(), "Value".into(), 0.into()]).range;
        assert!(FILE[joined].starts_with("apk add \\"));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "hello\n", "RUN x\n", "FROM a\nRUN <<E\nx\n"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("# escape=`\nFROM a `\n  AS b\n").is_ok());
    }
}
