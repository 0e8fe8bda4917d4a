//! Configuration of nginx, as a list of its directives: `{"directive": "listen", "args": ["443", "ssl"], "block": [...]}`, the shape that crossplane made usual.
//!
//! Words are divided as nginx divides them (`ngx_conf_read_token` in <https://github.com/nginx/nginx/blob/master/src/core/ngx_conf_file.c>): quotes count at the beginning of a word only, a
//! comment too; a backslash keeps the next character in the word; `${` does not begin a block. What `include` names is not read. The blocks of Lua
//! (`content_by_lua_block { ... }`) are one text.

use std::ops::Range;

use stele_types::Value;

use super::{FormatError, MAX_DEPTH};
use crate::node::{Entry, Node};

/// More directives and arguments are refused.
const MAX_WORDS: usize = 2_000_000;

pub(super) fn read(text: &str) -> Result<Node, FormatError> {
    let start = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut reader = Reader {
        text,
        at: start,
        words: 0,
    };
    let directives = reader.block(None, 0)?;
    Ok(Node::array(0..text.len(), directives))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    words: usize,
}

/// A word, or what stands between words.
enum Token {
    Word(String, Range<usize>),
    End(usize),
    Open(usize),
    Close(usize),
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn step(&mut self, over: char) {
        self.at = self.at.saturating_add(over.len_utf8());
    }

    /// Directives up to the end of their block.
    fn block(&mut self, opened: Option<usize>, depth: usize) -> Result<Vec<Node>, FormatError> {
        if depth > MAX_DEPTH / 4 {
            let message = format!("blocks nested more than {} levels deep", MAX_DEPTH / 4);
            return Err(FormatError::at(opened.unwrap_or_default(), message));
        }
        let mut out = Vec::new();
        loop {
            match (self.token()?, opened) {
                (None, None) => return Ok(out),
                (None, Some(at)) => return Err(FormatError::at(at, "this block does not end")),
                (Some(Token::Close(_)), Some(_)) => return Ok(out),
                (Some(Token::Close(at)), None) => return Err(FormatError::at(at, "`}` ends no block")),
                (Some(Token::End(at) | Token::Open(at)), _) => {
                    return Err(FormatError::at(at, "a directive has a name"));
                }
                (Some(Token::Word(name, range)), _) => out.push(self.directive(&name, range, depth)?),
            }
        }
    }

    fn directive(&mut self, name: &str, range: Range<usize>, depth: usize) -> Result<Node, FormatError> {
        let mut args: Vec<Node> = Vec::new();
        let mut block = None;
        loop {
            match self.token()? {
                Some(Token::Word(word, range)) => args.push(Node::scalar(range, Value::string(&word))),
                Some(Token::End(_)) => break,
                Some(Token::Open(at)) if name.ends_with("_by_lua_block") => {
                    args.push(self.lua(at)?);
                    break;
                }
                Some(Token::Open(at)) => {
                    let directives = self.block(Some(at), depth.saturating_add(1))?;
                    block = Some(Node::array(range.clone(), directives));
                    break;
                }
                Some(Token::Close(at)) => {
                    return Err(FormatError::at(at, format!("`;` is missing behind `{name}`")));
                }
                None => {
                    return Err(FormatError::at(
                        range.start,
                        format!("`{name}` does not end with `;`"),
                    ));
                }
            }
        }
        let all = args.last().map_or(range.end, |last| last.range.end);
        let whole = range.start..all;
        let mut entries = vec![
            Entry::new("directive", Node::scalar(range.clone(), Value::string(name))),
            Entry {
                key: "args".to_owned(),
                key_range: whole.clone(),
                value: Node::array(whole.clone(), args),
            },
        ];
        entries.extend(block.map(|block| Entry::new("block", block)));
        Ok(Node::object(whole, entries))
    }

    fn token(&mut self) -> Result<Option<Token>, FormatError> {
        self.words = self.words.saturating_add(1);
        if self.words > MAX_WORDS {
            return Err(FormatError::at(self.at, format!("more than {MAX_WORDS} words")));
        }
        loop {
            let start = self.at;
            let Some(letter) = self.peek() else {
                return Ok(None);
            };
            let mark = |make: fn(usize) -> Token| Ok(Some(make(start)));
            match letter {
                ' ' | '\t' | '\r' | '\n' => self.step(letter),
                '#' => {
                    let rest = self.text.get(start..).unwrap_or_default();
                    self.at = start.saturating_add(rest.find('\n').unwrap_or(rest.len()));
                }
                ';' => {
                    self.step(letter);
                    return mark(Token::End);
                }
                '{' => {
                    self.step(letter);
                    return mark(Token::Open);
                }
                '}' => {
                    self.step(letter);
                    return mark(Token::Close);
                }
                '"' | '\'' => return self.quoted(letter).map(Some),
                _ => return Ok(Some(self.word())),
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Token, FormatError> {
        let start = self.at;
        self.step(quote);
        let mut word = String::new();
        while let Some(letter) = self.peek() {
            self.step(letter);
            if letter == quote {
                let ends = self
                    .peek()
                    .is_none_or(|next| next.is_ascii_whitespace() || matches!(next, ';' | '{' | ')'));
                if !ends {
                    return Err(FormatError::at(
                        self.at,
                        "a word in quotes ends with a space, `;` or `{`",
                    ));
                }
                return Ok(Token::Word(word, start..self.at));
            }
            self.letter(letter, &mut word);
        }
        Err(FormatError::at(start, "the quotes do not end"))
    }

    fn word(&mut self) -> Token {
        let start = self.at;
        let mut word = String::new();
        while let Some(letter) = self.peek() {
            let is_variable = letter == '{' && word.ends_with('$');
            if letter.is_ascii_whitespace() || letter == ';' || (letter == '{' && !is_variable) {
                break;
            }
            self.step(letter);
            self.letter(letter, &mut word);
        }
        Token::Word(word, start..self.at)
    }

    /// Takes a character, or an escaped one: of those `\t`, `\r` and `\n`, quotes and the backslash lose it.
    fn letter(&mut self, letter: char, word: &mut String) {
        let next = self.peek().filter(|_| letter == '\\');
        let Some(next) = next else {
            word.push(letter);
            return;
        };
        self.step(next);
        match next {
            't' => word.push('\t'),
            'r' => word.push('\r'),
            'n' => word.push('\n'),
            '"' | '\'' | '\\' => word.push(next),
            other => word.extend(['\\', other]),
        }
    }

    /// Lua up to the brace that ends it; braces in its texts and comments do not count.
    fn lua(&mut self, opened: usize) -> Result<Node, FormatError> {
        let start = self.at;
        let mut depth = 1usize;
        while let Some(letter) = self.peek() {
            let before = self.at;
            self.step(letter);
            match letter {
                '{' => depth = depth.saturating_add(1),
                '}' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        let code = self.text.get(start..before).unwrap_or_default();
                        return Ok(Node::scalar(start..before, Value::string(code)));
                    }
                }
                '"' | '\'' => {
                    while let Some(inner) = self.peek() {
                        self.step(inner);
                        match inner {
                            '\\' => {
                                if let Some(escaped) = self.peek() {
                                    self.step(escaped);
                                }
                            }
                            inner if inner == letter || inner == '\n' => break,
                            _ => {}
                        }
                    }
                }
                '-' if self.peek() == Some('-') => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    self.at = self.at.saturating_add(rest.find('\n').unwrap_or(rest.len()));
                }
                _ => {}
            }
        }
        Err(FormatError::at(opened, "this block does not end"))
    }
}
