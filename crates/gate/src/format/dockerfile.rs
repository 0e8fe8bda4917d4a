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

use std::collections::VecDeque;
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

/// More instructions are refused: each takes two kilobytes of memory, whatever it says.
const MAX_INSTRUCTIONS: usize = 100_000;

pub(super) fn read(text: &str) -> Result<Node, FormatError> {
    let mut items = Vec::new();
    let mut stage: i64 = -1;
    for logical in lines(text)? {
        let instruction = Instruction::new(&logical)?;
        if items.len() >= MAX_INSTRUCTIONS {
            let message = format!("more than {MAX_INSTRUCTIONS} instructions");
            return Err(FormatError::at(logical.start(), message));
        }
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
    let mut heredocs: VecDeque<Heredoc> = VecDeque::new();
    let mut offset = 0usize;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset = offset.saturating_add(line.len());
        let line = line.trim_end_matches(['\n', '\r']);
        if let Some(heredoc) = heredocs.front() {
            if heredoc.ends_at(line) {
                heredocs.pop_front();
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
        // Two escape characters are an escaped one, and no continuation.
        let before = trimmed
            .strip_suffix(escape)
            .filter(|part| !part.ends_with(escape));
        let (part, continued) = before.map_or((trimmed, false), |part| (part, true));
        let logical = current.get_or_insert_with(|| Logical {
            text: String::new(),
            offsets: Vec::new(),
        });
        logical.push(part, start.saturating_add(indent));
        if continued {
            continue;
        }
        heredocs = heredocs_of(&logical.text).into();
        if heredocs.is_empty() {
            out.extend(current.take());
        }
    }
    if let Some(Heredoc { end, .. }) = heredocs.front() {
        let message = format!("the heredoc that ends with `{end}` is not closed");
        return Err(FormatError::at(text.len(), message));
    }
    out.extend(current);
    out.retain(|logical| !logical.text.trim().is_empty());
    Ok(out)
}

/// The escape character, which a directive may change. Directives end at the first line that is none.
fn escape(text: &str) -> char {
    for line in text.lines() {
        let directive = line
            .trim_start()
            .strip_prefix('#')
            .and_then(|comment| comment.split_once('='))
            .map(|(key, value)| (key.trim().to_lowercase(), value.trim()));
        match directive {
            Some((_, "")) => break,
            Some((key, value)) if key == "escape" => return if value == "`" { '`' } else { '\\' },
            Some((key, _)) if key == "syntax" || key == "check" => {}
            _ => break,
        }
    }
    '\\'
}

/// Lines that follow an instruction up to an end word.
struct Heredoc {
    end: String,
    /// Tabs may stand before the end word: `<<-`.
    tabs: bool,
}

impl Heredoc {
    /// The heredoc that a word begins: `<<EOF`, `<<-"EOF"`, `3<<EOF`.
    fn of(word: &str) -> Option<Self> {
        let word = word.trim_start_matches(|character: char| character.is_ascii_digit());
        let word = word.strip_prefix("<<")?;
        let (word, tabs) = word.strip_prefix('-').map_or((word, false), |word| (word, true));
        let end = word.trim_matches(['"', '\'']);
        let named = |character: char| character.is_alphanumeric() || "_-.".contains(character);
        (!end.is_empty() && end.chars().all(named)).then(|| Self {
            end: end.to_owned(),
            tabs,
        })
    }

    fn ends_at(&self, line: &str) -> bool {
        let line = if self.tabs {
            line.trim_start_matches('\t')
        } else {
            line
        };
        line == self.end
    }
}

/// The heredocs of a `RUN`, `COPY` or `ADD`. Their words escape with a backslash, whatever the directive says.
fn heredocs_of(text: &str) -> Vec<Heredoc> {
    let mut names = text.split_whitespace().map(str::to_lowercase);
    let name = names.find(|name| name != "onbuild").unwrap_or_default();
    if !["run", "copy", "add"].contains(&name.as_str()) {
        return Vec::new();
    }
    let words = words(text, Some('\\'));
    words.into_iter().filter_map(Heredoc::of).collect()
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
            words(rest, None)
                .into_iter()
                .map(|word| self.string(word))
                .collect(),
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

/// Words; quotes keep blanks together. An escape character, outside single quotes, takes its meaning from the next one.
fn words(text: &str, escape: Option<char>) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, mut quote, mut escaped) = (None, None, false);
    for (at, character) in text.char_indices() {
        let literal = std::mem::take(&mut escaped);
        match (quote, character) {
            _ if literal => {}
            (None | Some('"'), escaping) if Some(escaping) == escape => escaped = true,
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

    /// The first value of the instructions after the `FROM`, whose number is that of the values.
    fn firsts(text: &str) -> Vec<String> {
        let node = read(&format!("{text}\n")).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let value = node.to_value();
        let first = |item: &Value| item.get("Value").unwrap().as_array().unwrap()[0].clone();
        let texts = value.as_array().unwrap().iter().skip(1).map(first);
        texts.map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn an_escaped_escape_continues_nothing() {
        assert_eq!(
            firsts("FROM a\nRUN dir C:\\\\\nUSER root"),
            ["dir C:\\\\", "root"]
        );
        assert_eq!(firsts("FROM a\nRUN a \\\n\\\nb"), ["a b"]);
        assert_eq!(firsts("# escape=`\nFROM a\nRUN a``\nUSER root"), ["a``", "root"]);
    }

    #[test]
    fn directives_end_at_the_first_line_that_is_none() {
        let with = |head: &str| firsts(&format!("{head}\nFROM a\nRUN a `\n  b"));
        for head in [
            "# escape=`",
            "#Escape = `",
            "# syntax=docker/dockerfile:1\n# check=skip=all\n# escape=`",
        ] {
            assert_eq!(with(head), ["a b"], "{head}");
        }
        for head in [
            "# a comment\n# escape=`",
            "# other=1\n# escape=`",
            "\n# escape=`",
            "## escape=`",
        ] {
            let text = format!("{head}\nFROM a\nRUN a `\nUSER root\nRUN b \\\n  c");
            assert_eq!(firsts(&text), ["a `", "root", "b c"], "{head}");
        }
    }

    #[test]
    fn heredocs_begin_and_end_as_for_docker() {
        for (text, expected) in [
            // Tabs before the end word only with a dash.
            ("RUN <<E\n\tE\nE\nUSER u", &["<<E\n\tE\nE", "u"][..]),
            ("RUN <<-E\n\tE\nUSER u", &["<<-E\n\tE", "u"]),
            // None within quotes, or where the operator is not the word's beginning.
            ("RUN echo 'a <<E b'\nUSER u", &["echo 'a <<E b'", "u"]),
            ("RUN echo \"\\\" <<E\"\nUSER u", &["echo \"\\\" <<E\"", "u"]),
            ("RUN cat <<<E\nUSER u", &["cat <<<E", "u"]),
            // A quote that is escaped opens nothing.
            (
                "RUN echo it\\'s <<E\nx\nE\nUSER u",
                &["echo it\\'s <<E\nx\nE", "u"],
            ),
            // Quoted, for a file descriptor, several, and of another name.
            (
                "RUN 3<<E <<'F-1'\nE\nx\nF-1\nUSER u",
                &["3<<E <<'F-1'\nE\nx\nF-1", "u"],
            ),
            ("ONBUILD RUN <<E\nx\nE\nUSER u", &["<<E\nx\nE", "u"]),
        ] {
            assert_eq!(firsts(&format!("FROM a\n{text}")), expected, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "hello\n", "RUN x\n", "FROM a\nRUN <<E\nx\n"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("# escape=`\nFROM a `\n  AS b\n").is_ok());
    }
}
