//! Where lines come from: a terminal with line editing, or a pipe.

use std::io::{BufRead, IsTerminal, Lines as IoLines, StdinLock};

use anyhow::{Context, Result};
use rustyline::error::ReadlineError;

/// Gives line after line.
pub(super) trait Lines {
    /// The next line; `None` at the end. `continued` says that the statement began on an earlier line.
    fn next(&mut self, prompt: &str, continued: bool) -> Result<Option<String>>;
}

/// Standard input.
pub(super) enum Source {
    Terminal(Box<rustyline::DefaultEditor>),
    Pipe(IoLines<StdinLock<'static>>),
}

impl Source {
    /// Edits lines when both ends are a terminal.
    pub(super) fn open() -> Result<Self> {
        if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
            let editor = rustyline::DefaultEditor::new().context("can't use the terminal")?;
            Ok(Self::Terminal(Box::new(editor)))
        } else {
            Ok(Self::Pipe(std::io::stdin().lock().lines()))
        }
    }

    /// Whether a person is at the other end.
    pub(super) fn is_interactive(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }
}

impl Lines for Source {
    fn next(&mut self, prompt: &str, continued: bool) -> Result<Option<String>> {
        match self {
            Self::Terminal(editor) => {
                let dots = "| ";
                match editor.readline(if continued { dots } else { prompt }) {
                    Ok(line) => {
                        let _ = editor.add_history_entry(line.as_str());
                        Ok(Some(line))
                    }
                    // Ctrl-C drops the line, and ends a statement of several lines as an empty one does.
                    Err(ReadlineError::Interrupted) => Ok(Some(String::new())),
                    Err(ReadlineError::Eof) => Ok(None),
                    Err(error) => Err(error).context("can't read from the terminal"),
                }
            }
            Self::Pipe(lines) => lines.next().transpose().context("can't read from standard input"),
        }
    }
}

/// Whether a text ends inside of brackets or of a raw string. Strings and comments are passed over.
pub(super) fn is_open(text: &str) -> bool {
    let mut depth = 0_i32;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '(' | '[' | '{' => depth = depth.saturating_add(1),
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '#' => {
                chars.by_ref().find(|char| *char == '\n');
            }
            '`' => {
                let closed = chars.by_ref().any(|char| char == '`');
                if !closed {
                    return true;
                }
            }
            '"' => loop {
                match chars.next() {
                    Some('\\') => {
                        chars.next();
                    }
                    // A string ends with its line: the parser shall say what is wrong.
                    Some('"' | '\n') | None => break,
                    Some(_) => {}
                }
            },
            _ => {}
        }
    }
    depth > 0
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn brackets_outside_of_strings_and_comments_keep_a_statement_open() {
        for open in ["p if {\n", "x := [1,\n", "f(\"}\"", "x := `a\n", "p if { # }\n"] {
            assert!(is_open(open), "{open}");
        }
        for closed in [
            "p if { true }\n",
            "x := \"{\"\n",
            "# {\n",
            "x := `{`\n",
            ")\n",
            "\"\\\"{\"",
            "\"{\n",
        ] {
            assert!(!is_open(closed), "{closed}");
        }
    }
}
