//! Tokens to syntax tree, by recursive descent with precedence climbing.
//!
//! Errors are recorded and the parser goes on: at the next statement of a body, or at the next token in the first
//! column. Nesting is limited, so that no input can exhaust the stack, here or in the passes that follow.

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FutureKeywords, RegoVersion, SourceFile, Span};
use crate::syntax::annotation::{self, Target};
use crate::syntax::ast::{Body, Ident, Import, MAX_HEIGHT, Module, Package, Rule, Term};
use crate::syntax::lexer::{self, Lexed};
use crate::syntax::token::{Keyword, Tok, Token};

mod body;
mod collection;
mod dialect;
mod expression;
mod import;
mod logical;
mod rule;
#[cfg(test)]
mod tests;

/// Deepest nesting of brackets and bodies.
const MAX_DEPTH: u32 = 80;
/// Most diagnostics reported for one file.
const MAX_DIAGNOSTICS: usize = 64;

/// Parses a module.
///
/// # Errors
/// Everything that is wrong with the text, in its order; at least one diagnostic.
pub fn parse(source: &SourceFile) -> Result<Module, Vec<Diagnostic>> {
    match parse_lenient(source) {
        (Some(module), diagnostics) if diagnostics.is_empty() => Ok(module),
        (_, diagnostics) => Err(diagnostics),
    }
}

/// Parses as much of a module as can be parsed: what is broken (a statement of a body, a rule) is left out. For editors, whose
/// text is broken most of the time; never for decisions.
///
/// Returns the module, unless its package clause can't be read, and everything that is wrong with the text, in its order.
#[must_use]
pub fn parse_lenient(source: &SourceFile) -> (Option<Module>, Vec<Diagnostic>) {
    if let Err(diagnostics) = check_size(source) {
        return (None, diagnostics);
    }
    let lexed = lexer::lex(source);
    let comments = lexed.comments.clone();
    let mut parser = Parser::new(source, lexed);
    let parts = parser.module();
    let diagnostics = match (&parts, parser.diagnostics.is_empty()) {
        (Some(_), true) => Vec::new(),
        _ => parser.finish(),
    };
    let module = parts.map(|(package, statements)| {
        let annotations = annotation::collect(source, &comments, &statements.starts(package.span));
        Module {
            source: source.clone(),
            package,
            imports: statements.imports,
            rules: statements.rules,
            comments,
            annotations,
        }
    });
    (module, diagnostics)
}

/// Parses a query: statements separated by `;` or line breaks.
///
/// # Errors
/// Everything that is wrong with the text, in its order; at least one diagnostic.
pub fn parse_query(source: &SourceFile) -> Result<Body, Vec<Diagnostic>> {
    check_size(source)?;
    let mut parser = Parser::new(source, lexer::lex(source));
    let start = parser.span();
    let literals = parser.literals(&Tok::Eof);
    if let Ok(literals) = literals
        && parser.diagnostics.is_empty()
    {
        if literals.is_empty() {
            parser.error(start, Code::Syntax, "this query is empty");
        } else {
            return Ok(Body {
                span: start.to(parser.previous),
                literals,
            });
        }
    }
    Err(parser.finish())
}

fn check_size(source: &SourceFile) -> Result<(), Vec<Diagnostic>> {
    if source.text().len() <= SourceFile::MAX_BYTES {
        return Ok(());
    }
    let message = format!("this file is larger than {} bytes", SourceFile::MAX_BYTES);
    Err(vec![Diagnostic::new(
        source,
        Span::default(),
        Code::TooComplex,
        message,
    )])
}

/// The diagnostic is recorded; give up on the construct at hand.
struct Failed;

type Parse<T> = Result<T, Failed>;

/// The statements of a module after its package clause.
#[derive(Default)]
struct Statements {
    imports: Vec<Import>,
    rules: Vec<Rule>,
}

impl Statements {
    /// Where each statement starts, in order.
    fn starts(&self, package: Span) -> Vec<(u32, Target)> {
        let mut out = vec![(package.start, Target::Package)];
        out.extend(
            self.imports
                .iter()
                .enumerate()
                .map(|(index, import)| (import.span.start, Target::Import(index))),
        );
        out.extend(
            self.rules
                .iter()
                .enumerate()
                .map(|(index, rule)| (rule.span.start, Target::Rule(index))),
        );
        out.sort_by_key(|(start, _)| *start);
        out
    }
}

struct Parser<'a> {
    source: &'a SourceFile,
    /// What v1 dropped is accepted.
    v0: bool,
    /// The keywords that imports bring.
    future: FutureKeywords,
    /// Where each bracket closes, if that matters with those keywords.
    closers: HashMap<usize, usize>,
    tokens: Vec<Token>,
    position: usize,
    /// The span of the token consumed last.
    previous: Span,
    diagnostics: Vec<Diagnostic>,
    depth: u32,
    /// The height of the node built last.
    height: u32,
    /// `|` ends the expression at hand, because it may start the body of a comprehension.
    pipe_ends: bool,
}

impl<'a> Parser<'a> {
    fn new(source: &'a SourceFile, lexed: Lexed) -> Self {
        let mut tokens = lexed.tokens;
        let v0 = source.version() == RegoVersion::V0 && dialect::old_names(source, &mut tokens);
        let future = dialect::future_keywords(source, &mut tokens);
        Self {
            source,
            v0,
            future,
            closers: if future == FutureKeywords::default() {
                HashMap::new()
            } else {
                logical::closers(&tokens)
            },
            tokens,
            position: 0,
            previous: Span::default(),
            diagnostics: lexed.diagnostics,
            depth: 0,
            height: 0,
            pipe_ends: false,
        }
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
        self.diagnostics.dedup_by_key(|diagnostic| diagnostic.span.start);
        self.diagnostics.truncate(MAX_DIAGNOSTICS);
        if self.diagnostics.is_empty() {
            self.error(Span::default(), Code::Syntax, "this file can't be parsed");
        }
        self.diagnostics
    }

    // Tokens.

    fn token_at(&self, ahead: usize) -> Option<&Token> {
        self.tokens
            .get(self.position.saturating_add(ahead))
            .or_else(|| self.tokens.last())
    }

    fn tok(&self) -> &Tok {
        self.token_at(0).map_or(&Tok::Eof, |token| &token.tok)
    }

    fn span(&self) -> Span {
        self.token_at(0).map_or(self.previous, |token| token.span)
    }

    fn newline(&self) -> bool {
        self.token_at(0).is_none_or(|token| token.newline)
    }

    fn first_column(&self) -> bool {
        self.token_at(0).is_some_and(|token| token.first_column)
    }

    /// Whether the token `ahead` is `tok`, directly behind the one before it.
    fn glued(&self, ahead: usize, tok: &Tok) -> bool {
        self.token_at(ahead)
            .is_some_and(|token| !token.spaced && token.tok == *tok)
    }

    fn advance(&mut self) {
        self.previous = self.span();
        if self.position.saturating_add(1) < self.tokens.len() {
            self.position = self.position.saturating_add(1);
        }
    }

    fn at(&self, tok: &Tok) -> bool {
        self.tok() == tok
    }

    fn eat(&mut self, tok: &Tok) -> bool {
        if self.at(tok) {
            self.advance();
            return true;
        }
        false
    }

    /// Whether the keyword stands here as a keyword, and not as the first name of a reference (`not.x`).
    fn at_keyword(&self, keyword: Keyword) -> bool {
        self.at(&Tok::Keyword(keyword)) && !self.keyword_is_name()
    }

    fn eat_keyword(&mut self, keyword: Keyword) -> bool {
        if self.at_keyword(keyword) {
            self.advance();
            return true;
        }
        false
    }

    /// Whether the keyword here is the first name of a reference: a dot and a name, or a bracket, follow directly.
    fn keyword_is_name(&self) -> bool {
        match self.tok() {
            Tok::Keyword(Keyword::True | Keyword::False | Keyword::Null) => self.glued(1, &Tok::Dot),
            Tok::Keyword(Keyword::Contains | Keyword::And | Keyword::Or) if self.glued(1, &Tok::LParen) => {
                true
            }
            Tok::Keyword(_) => self.glued(1, &Tok::Dot) || self.glued(1, &Tok::LBracket),
            _ => false,
        }
    }

    fn expect(&mut self, tok: &Tok, wanted: &str) -> Parse<()> {
        if self.eat(tok) {
            Ok(())
        } else {
            Err(self.unexpected(wanted))
        }
    }

    fn expect_keyword(&mut self, keyword: Keyword, wanted: &str) -> Parse<()> {
        if self.eat_keyword(keyword) {
            Ok(())
        } else {
            Err(self.unexpected(wanted))
        }
    }

    /// A name: an identifier, or a keyword where `keywords` allows it.
    fn ident(&mut self, wanted: &str, keywords: bool) -> Parse<Ident> {
        let good = match self.tok() {
            Tok::Ident => true,
            Tok::Keyword(_) => keywords,
            _ => false,
        };
        if !good {
            let help = self.keyword_as_name();
            return Err(self.unexpected_help(wanted, help));
        }
        let span = self.span();
        self.advance();
        Ok(Ident {
            name: self.source.slice(span).into(),
            span,
        })
    }

    // Errors.

    fn error(&mut self, span: Span, code: Code, message: impl Into<String>) -> Failed {
        self.diagnostics
            .push(Diagnostic::new(self.source, span, code, message));
        Failed
    }

    fn error_help(
        &mut self,
        span: Span,
        code: Code,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Failed {
        self.diagnostics
            .push(Diagnostic::new(self.source, span, code, message).with_help(help));
        Failed
    }

    /// The token here is not what is `wanted`.
    fn unexpected(&mut self, wanted: &str) -> Failed {
        self.unexpected_help(wanted, None)
    }

    fn unexpected_help(&mut self, wanted: &str, help: Option<&str>) -> Failed {
        // The lexer has reported what is no token.
        if self.at(&Tok::Bad) {
            return Failed;
        }
        let span = self.span();
        let help = help.or_else(|| self.logical_help()).or_else(|| self.unimported());
        let found = match self.tok() {
            Tok::Eof => "the end of the file".to_owned(),
            Tok::TemplateText(_) | Tok::TemplateStart | Tok::String(_) => "a string".to_owned(),
            _ => format!("`{}`", self.source.slice(span)),
        };
        let mut diagnostic = Diagnostic::new(
            self.source,
            span,
            Code::Syntax,
            format!("expected {wanted}, found {found}"),
        );
        diagnostic.help = help.map(str::to_owned);
        self.diagnostics.push(diagnostic);
        Failed
    }

    // Limits.

    /// Runs `parse` one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.depth >= MAX_DEPTH {
            let span = self.span();
            return Err(self.too_complex(span));
        }
        self.depth = self.depth.saturating_add(1);
        let pipe_ends = std::mem::take(&mut self.pipe_ends);
        let result = parse(self);
        self.pipe_ends = pipe_ends;
        self.depth = self.depth.saturating_sub(1);
        result
    }

    /// Notes that a node was built over children of this height.
    fn built_over(&mut self, children: u32, span: Span) -> Parse<()> {
        self.height = children.saturating_add(1);
        if self.height > MAX_HEIGHT {
            Err(self.too_complex(span))
        } else {
            Ok(())
        }
    }

    fn too_complex(&mut self, span: Span) -> Failed {
        // Unwinding would report each level on the way out; the file is beyond repair, so skip to its end.
        self.position = self.tokens.len().saturating_sub(1);
        let help = "split the expression over several rules or variables";
        self.error_help(span, Code::TooComplex, "this expression nests too deeply", help)
    }

    // Modules.

    fn module(&mut self) -> Option<(Package, Statements)> {
        let package = self.package();
        if package.is_err() {
            self.skip_statement();
        }
        let mut statements = Statements::default();
        while !self.at(&Tok::Eof) {
            let before = self.position;
            if self.eat(&Tok::Semicolon) {
                continue;
            }
            if self.statement(&mut statements).is_err() {
                if self.position == before {
                    self.advance();
                }
                self.skip_statement();
            }
        }
        package.ok().map(|package| (package, statements))
    }

    fn statement(&mut self, statements: &mut Statements) -> Parse<()> {
        if self.at_keyword(Keyword::Import) {
            statements.imports.push(self.import()?);
        } else if self.at_keyword(Keyword::Package) {
            let span = self.span();
            return Err(self.error(span, Code::Syntax, "a file has one package clause, at its top"));
        } else {
            self.rule(&mut statements.rules)?;
        }
        Ok(())
    }

    /// Skips to the next token in the first column that can start a statement.
    fn skip_statement(&mut self) {
        while !self.at(&Tok::Eof) {
            let closer = matches!(self.tok(), Tok::RBrace | Tok::RBracket | Tok::RParen | Tok::Bad);
            if self.first_column() && !closer {
                return;
            }
            self.advance();
        }
    }

    /// A term with the span from `start` to the token consumed last.
    fn term_from(&self, start: Span, kind: crate::syntax::ast::TermKind) -> Term {
        Term {
            span: start.to(self.previous),
            kind,
        }
    }
}
