//! Reads the text form.

use std::str::FromStr;

use super::lex::{Lexer, Token};
use super::{ParseError, ParseErrorKind};
use crate::ir::{
    Block, BuiltinFunc, Func, Local, Location, MAX_NESTING, Operand, Plan, Policy, Static, Stmt, StmtKind,
    StringIndex,
};

/// Reads a policy. The text is checked for its grammar only; see [`crate::ir::verify()`] for the rest.
///
/// # Errors
/// The first place that does not follow the grammar.
pub fn parse(text: &str) -> Result<Policy, ParseError> {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        depth: 0,
    };
    let mut policy = Policy {
        static_: Static {
            strings: parser.strings("strings", 's')?,
            builtin_funcs: parser.builtins()?,
            files: parser.strings("files", 'f')?,
        },
        ..Policy::default()
    };
    loop {
        let mark = parser.lexer.mark();
        match parser.lexer.next()? {
            Token::End => return Ok(policy),
            Token::Word("plan") => policy.plans.push(parser.plan()?),
            Token::Word("func") => policy.funcs.push(parser.func()?),
            token => return Err(parser.unexpected(mark, "`plan`, `func` or the end", &token)),
        }
    }
}

/// Something that can be read from a statement's field.
pub(in crate::ir) trait Parse: Sized {
    fn parse(parser: &mut Parser<'_>) -> Result<Self, ParseError>;
}

/// The text that is left.
pub(in crate::ir) struct Parser<'a> {
    lexer: Lexer<'a>,
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Reads `name=value`.
    pub(in crate::ir) fn field<T: Parse>(&mut self, name: &str) -> Result<T, ParseError> {
        self.keyword(name)?;
        self.punct('=')?;
        T::parse(self)
    }

    fn unexpected(&mut self, mark: &'a str, expected: &str, found: &Token<'_>) -> ParseError {
        self.lexer.back(mark);
        self.lexer.skip();
        self.lexer.error(ParseErrorKind::Expected {
            expected: expected.to_owned(),
            found: found.describe(),
        })
    }

    /// Reads the next token and converts it, or says what was expected.
    fn token<T>(
        &mut self,
        expected: &str,
        convert: impl FnOnce(&Token<'a>) -> Option<T>,
    ) -> Result<T, ParseError> {
        let mark = self.lexer.mark();
        let token = self.lexer.next()?;
        match convert(&token) {
            Some(value) => Ok(value),
            None => Err(self.unexpected(mark, expected, &token)),
        }
    }

    fn keyword(&mut self, word: &str) -> Result<(), ParseError> {
        self.token(&format!("`{word}`"), |token| {
            (*token == Token::Word(word)).then_some(())
        })
    }

    fn punct(&mut self, sign: char) -> Result<(), ParseError> {
        self.token(&format!("`{sign}`"), |token| {
            (*token == Token::Punct(sign)).then_some(())
        })
    }

    /// Reads `sign` if it comes next.
    fn punct_if(&mut self, sign: char) -> Result<bool, ParseError> {
        let mark = self.lexer.mark();
        let found = self.lexer.next()? == Token::Punct(sign);
        if !found {
            self.lexer.back(mark);
        }
        Ok(found)
    }

    /// Reads a word that starts with `prefix` and goes on with a number.
    fn number<T: FromStr>(&mut self, prefix: &str, expected: &str) -> Result<T, ParseError> {
        let mark = self.lexer.mark();
        let digits = self.token(expected, |token| match token {
            Token::Word(word) => word.strip_prefix(prefix).filter(|rest| is_integer(rest)),
            _ => None,
        })?;
        digits.parse().map_err(|_| {
            self.lexer.back(mark);
            self.lexer.error(ParseErrorKind::NumberRange(digits.to_owned()))
        })
    }

    fn strings(&mut self, title: &str, prefix: char) -> Result<Vec<String>, ParseError> {
        self.keyword(title)?;
        self.punct('{')?;
        let mut list = Vec::new();
        while !self.punct_if('}')? {
            let expected = u32::try_from(list.len()).unwrap_or(u32::MAX);
            let found = self.number::<u32>(prefix.encode_utf8(&mut [0; 4]), "an index")?;
            if found != expected {
                return Err(self.lexer.error(ParseErrorKind::Index { expected, found }));
            }
            list.push(String::parse(self)?);
        }
        Ok(list)
    }

    fn builtins(&mut self) -> Result<Vec<BuiltinFunc>, ParseError> {
        self.keyword("builtins")?;
        self.punct('{')?;
        let mut list = Vec::new();
        while !self.punct_if('}')? {
            list.push(BuiltinFunc {
                name: String::parse(self)?,
                decl: self.lexer.json()?,
            });
        }
        Ok(list)
    }

    fn plan(&mut self) -> Result<Plan, ParseError> {
        Ok(Plan {
            name: String::parse(self)?,
            blocks: Vec::parse(self)?,
        })
    }

    fn func(&mut self) -> Result<Func, ParseError> {
        Ok(Func {
            name: String::parse(self)?,
            path: self.field("path")?,
            params: self.field("params")?,
            return_: self.field("return")?,
            blocks: Vec::parse(self)?,
        })
    }

    fn stmt(&mut self) -> Result<Stmt, ParseError> {
        let mark = self.lexer.mark();
        let name = self.token("the name of a statement", |token| match token {
            Token::Word(word) => Some(*word),
            _ => None,
        })?;
        let Some(kind) = StmtKind::parse_fields(&format!("{name}Stmt"), self)? else {
            self.lexer.back(mark);
            self.lexer.skip();
            return Err(self
                .lexer
                .error(ParseErrorKind::UnknownStatement(name.to_owned())));
        };
        let location = self.token(
            "a location, `@FILE:ROW:COL` or `@FILE:ROW:COL-ROW:COL`",
            |token| match token {
                Token::Word(word) => location(word),
                _ => None,
            },
        )?;
        Ok(Stmt { kind, location })
    }

    fn list<T: Parse>(&mut self) -> Result<Vec<T>, ParseError> {
        self.punct('[')?;
        let mut list = Vec::new();
        while !self.punct_if(']')? {
            list.push(T::parse(self)?);
        }
        Ok(list)
    }
}

/// True for digits with an optional minus.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// `@FILE:ROW:COL`, and `-ROW:COL` behind it when the end is known.
fn location(word: &str) -> Option<Location> {
    let word = word.strip_prefix('@')?;
    let (start, end) = match word.split_once('-') {
        Some((start, end)) => (start, Some(end)),
        None => (word, None),
    };
    let (file, start) = start.split_once(':')?;
    let (row, col) = row_and_column(start)?;
    let (end_row, end_col) = match end {
        Some(end) => row_and_column(end)?,
        None => (0, 0),
    };
    Some(Location {
        file: file.parse().ok()?,
        row,
        col,
        end_row,
        end_col,
    })
}

fn row_and_column(text: &str) -> Option<(u32, u32)> {
    let (row, column) = text.split_once(':')?;
    Some((row.parse().ok()?, column.parse().ok()?))
}

impl Parse for u32 {
    fn parse(parser: &mut Parser<'_>) -> Result<Self, ParseError> {
        parser.number("", "a number")
    }
}

impl Parse for i64 {
    fn parse(parser: &mut Parser<'_>) -> Result<Self, ParseError> {
        parser.number("", "a number")
    }
}

impl Parse for String {
    fn parse(parser: &mut Parser<'_>) -> Result<Self, ParseError> {
        let mark = parser.lexer.mark();
        let quoted = parser.token("a string", |token| match token {
            Token::Text(text) => Some(*text),
            _ => None,
        })?;
        serde_json::from_str(quoted).map_err(|error| {
            parser.lexer.back(mark);
            parser.lexer.skip();
            parser.lexer.error(ParseErrorKind::Json(error.to_string()))
        })
    }
}

impl Parse for Local {
    fn parse(parser: &mut Parser<'_>) -> Result<Self, ParseError> {
        parser.number("%", "a local, `%N`").map(Self)
    }
}

impl Parse for Operand {
    fn parse(parser: &mut Parser<'_>) -> Result<Self, ParseError> {
        parser.token("a local, `true`, `false` or a string constant, `sN`", |token| {
            let Token::Word(word) = token else { return None };
            match *word {
                "true" => Some(Self::Bool(true)),
                "false" => Some(Self::Bool(false)),
                _ => word
                    .strip_prefix('%')
                    .map(|digits| digits.parse().map(Local).map(Self::Local))
                    .or_else(|| {
                        let digits = word.strip_prefix('s')?;
                        Some(digits.parse().map(StringIndex).map(Self::StringIndex))
                    })?
                    .ok(),
            }
        })
    }
}

impl Parse for Block {
    fn parse(parser: &mut Parser<'_>) -> Result<Self, ParseError> {
        parser.punct('{')?;
        parser.depth = parser.depth.saturating_add(1);
        if parser.depth > MAX_NESTING {
            return Err(parser.lexer.error(ParseErrorKind::Depth { limit: MAX_NESTING }));
        }
        let mut stmts = Vec::new();
        while !parser.punct_if('}')? {
            stmts.push(parser.stmt()?);
        }
        parser.depth = parser.depth.saturating_sub(1);
        Ok(Self { stmts })
    }
}

impl<T: Parse> Parse for Vec<T> {
    fn parse(parser: &mut Parser<'_>) -> Result<Self, ParseError> {
        parser.list()
    }
}
