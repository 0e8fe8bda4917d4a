//! Bodies and their statements.

use super::{Failed, Parse, Parser};
use crate::diagnostic::Code;
use crate::source::Span;
use crate::syntax::ast::{Body, Ident, Literal, LiteralKind, Term, TermKind, With};
use crate::syntax::token::{Keyword, Tok};

impl Parser<'_> {
    /// `{ statements }`.
    pub(super) fn braced_body(&mut self) -> Parse<Body> {
        let start = self.span();
        self.expect(&Tok::LBrace, "`{`")?;
        let literals = self.literals(&Tok::RBrace)?;
        self.expect(&Tok::RBrace, "`}`")?;
        let span = start.to(self.previous);
        if literals.is_empty() && self.diagnostics.is_empty() {
            return Err(self.error_help(
                span,
                Code::Syntax,
                "this body is empty",
                "write `true` for no condition",
            ));
        }
        Ok(Body { span, literals })
    }

    /// The body of a comprehension, up to its closing bracket, which stays.
    pub(super) fn comprehension_body(&mut self, end: &Tok) -> Parse<Body> {
        let start = self.span();
        let literals = self.nested(|parser| parser.literals(end))?;
        let span = start.to(self.previous);
        if literals.is_empty() && self.diagnostics.is_empty() {
            return Err(self.error(span, Code::Syntax, "this comprehension has no condition"));
        }
        Ok(Body { span, literals })
    }

    /// Statements up to `end`, which stays. Goes on after a bad statement.
    pub(super) fn literals(&mut self, end: &Tok) -> Parse<Vec<Literal>> {
        let mut literals = Vec::new();
        let mut height = 0;
        loop {
            while self.eat(&Tok::Semicolon) {}
            if self.at(end) || self.at(&Tok::Eof) {
                break;
            }
            let parsed = self.literal().and_then(|literal| {
                if self.at(end) || self.at(&Tok::Semicolon) || self.at(&Tok::Eof) || self.newline() {
                    Ok(literal)
                } else {
                    Err(self.after_literal())
                }
            });
            match parsed {
                Ok(literal) => {
                    height = height.max(self.height);
                    literals.push(literal);
                }
                Err(Failed) => self.skip_literal(end)?,
            }
        }
        self.height = height;
        Ok(literals)
    }

    fn after_literal(&mut self) -> Failed {
        let help = match self.tok() {
            Tok::Comma => Some(
                "statements are separated by `;` or line breaks; put the union's operands in parentheses if this is a list",
            ),
            Tok::LBracket | Tok::LParen => Some("there must be no space between a name and its bracket"),
            Tok::Unify | Tok::Assign => Some("a statement has one `=` or `:=`"),
            Tok::Keyword(Keyword::And | Keyword::Or) => Some(
                "`some`, `every` and `with` stand inside of an operand: `{ some x in xs; p(x) } or q`, `(p with input as x) or q`",
            ),
            Tok::Ident => self.unimported(),
            _ => None,
        };
        self.unexpected_help(
            "the end of the statement (`;`, a line break or a closing bracket)",
            help,
        )
    }

    /// What to do about `a or b` where `or` is not imported, when one of the names is here or was before.
    pub(super) fn unimported(&self) -> Option<&'static str> {
        let names = [self.span(), self.previous].map(|span| self.source.slice(span));
        match names {
            ["and", _] | [_, "and"] if !self.future.and => {
                Some("`and` joins statements below `import future.keywords.and`")
            }
            ["or", _] | [_, "or"] if !self.future.or => {
                Some("`or` joins statements below `import future.keywords.or`")
            }
            _ => None,
        }
    }

    /// Skips what is left of a bad statement. Fails if the enclosing construct seems to have ended unclosed.
    fn skip_literal(&mut self, end: &Tok) -> Parse<()> {
        let mut depth = 0u32;
        let start = self.position;
        loop {
            if self.at(&Tok::Eof)
                || (self.first_column() && !matches!(self.tok(), Tok::RBrace | Tok::RBracket | Tok::RParen))
            {
                return Err(Failed);
            }
            if depth == 0 {
                if self.at(end) || (self.newline() && self.position > start) {
                    return Ok(());
                }
                if self.eat(&Tok::Semicolon) {
                    return Ok(());
                }
            }
            match self.tok() {
                Tok::LBrace | Tok::LBracket | Tok::LParen | Tok::TemplateOpen => {
                    depth = depth.saturating_add(1)
                }
                Tok::RBrace | Tok::RBracket | Tok::RParen | Tok::TemplateClose => {
                    depth = depth.saturating_sub(1)
                }
                _ => {}
            }
            self.advance();
        }
    }

    /// One statement with its modifiers.
    pub(super) fn literal(&mut self) -> Parse<Literal> {
        let start = self.span();
        self.height = 0;
        let Literal { kind, mut with, .. } = self.disjunction()?;
        let mut height = self.height;
        if !with.is_empty() && self.at_keyword(Keyword::With) {
            let help = "write all of them in the parentheses, or all of them behind";
            let message = "this statement has modifiers in its parentheses and behind them";
            return Err(self.error_help(self.span(), Code::Syntax, message, help));
        }
        while self.at_keyword(Keyword::With) {
            with.push(self.with()?);
            height = height.max(self.height);
        }
        let span = start.to(self.previous);
        self.built_over(height, span)?;
        Ok(Literal { span, kind, with })
    }

    /// One statement without modifiers, `and` and `or`.
    pub(super) fn simple_literal(&mut self) -> Parse<LiteralKind> {
        if self.at_keyword(Keyword::Some) {
            self.some()
        } else if self.at_keyword(Keyword::Every) {
            self.every()
        } else if self.eat_keyword(Keyword::Not) {
            self.negation()
        } else {
            self.expression_literal()
        }
    }

    fn negation(&mut self) -> Parse<LiteralKind> {
        let start = self.span();
        for (keyword, name) in [
            (Keyword::Some, "some"),
            (Keyword::Every, "every"),
            (Keyword::Not, "not"),
        ] {
            if self.at_keyword(keyword) {
                let help = "put it into braces below `import future.keywords.not`, or into a rule of its own, and negate that";
                return Err(self.error_help(start, Code::Syntax, format!("`{name}` can't be negated"), help));
            }
        }
        let inner = match self.negated_group()? {
            Some(inner) => inner,
            None => Literal {
                kind: self.negated_expression()?,
                span: start.to(self.previous),
                with: Vec::new(),
            },
        };
        Ok(LiteralKind::Not(Box::new(inner)))
    }

    /// What `not` negates, if that is no body and no statement in parentheses. Those need an import, which an error says.
    fn negated_expression(&mut self) -> Parse<LiteralKind> {
        let brackets = matches!(self.tok(), Tok::LBrace | Tok::LParen) && !self.future.not;
        let reported = self.diagnostics.len();
        let parsed = self.expression_literal();
        if brackets && parsed.is_err() {
            let help = "`not { ... }` and `not (... or ...)` negate whole bodies and statements below `import future.keywords.not`";
            if let Some(found) = self.diagnostics.get_mut(reported) {
                found.help = Some(help.to_owned());
            }
        }
        parsed
    }

    pub(super) fn expression_literal(&mut self) -> Parse<LiteralKind> {
        let left = self.expression(true)?;
        let height = self.height;
        let assign = if self.eat(&Tok::Assign) {
            true
        } else if self.eat(&Tok::Unify) {
            false
        } else {
            return Ok(LiteralKind::Term(left));
        };
        let right = self.expression(true)?;
        self.height = self.height.max(height);
        Ok(if assign {
            LiteralKind::Assign(left, right)
        } else {
            LiteralKind::Unify(left, right)
        })
    }

    fn some(&mut self) -> Parse<LiteralKind> {
        let start = self.span();
        self.advance();
        let mut terms = vec![self.infix_expression()?];
        let mut height = self.height;
        while self.eat(&Tok::Comma) {
            terms.push(self.infix_expression()?);
            height = height.max(self.height);
        }
        if !self.eat_keyword(Keyword::In) {
            return self.some_names(terms);
        }
        let collection = self.infix_expression()?;
        self.height = self.height.max(height);
        let mut terms = terms.into_iter();
        match (terms.next(), terms.next(), terms.next()) {
            (Some(value), None, _) => Ok(LiteralKind::SomeIn {
                key: None,
                value,
                collection,
            }),
            (Some(key), Some(value), None) => Ok(LiteralKind::SomeIn {
                key: Some(key),
                value,
                collection,
            }),
            _ => {
                let help = "write `some value in xs` or `some key, value in xs`";
                Err(self.error_help(
                    start,
                    Code::Syntax,
                    "`some ... in` takes at most a key and a value",
                    help,
                ))
            }
        }
    }

    fn some_names(&mut self, terms: Vec<Term>) -> Parse<LiteralKind> {
        let mut names = Vec::new();
        for term in terms {
            let TermKind::Var(name) = term.kind else {
                let help = "`some` declares names; to iterate write `some x in xs`";
                return Err(self.error_help(term.span, Code::Syntax, "this is not a name", help));
            };
            names.push(Ident {
                name,
                span: term.span,
            });
        }
        Ok(LiteralKind::Some(names))
    }

    fn every(&mut self) -> Parse<LiteralKind> {
        self.advance();
        let first = self.ident("a name after `every`", false)?;
        let second = if self.eat(&Tok::Comma) {
            Some(self.ident("the value's name", false)?)
        } else {
            None
        };
        self.expect_keyword(Keyword::In, "`in`")?;
        let domain = self.infix_expression()?;
        let height = self.height;
        let body = self.nested(Self::braced_body)?;
        self.height = self.height.max(height);
        let (key, value) = match second {
            Some(value) => (Some(first), value),
            None => (None, first),
        };
        Ok(LiteralKind::Every {
            key,
            value,
            domain,
            body,
        })
    }

    pub(super) fn with(&mut self) -> Parse<With> {
        let start = self.span();
        self.advance();
        let keyword_name = self.keyword_is_name();
        let root = self.ident("what to replace: `input`, `data` or a function", keyword_name)?;
        let at: Span = root.span;
        self.height = 0;
        let path = self.segments()?;
        let height = self.height;
        let target = crate::syntax::ast::Ref {
            span: at.to(self.previous),
            root,
            path,
        };
        self.expect_keyword(Keyword::As, "`as` and the replacement")?;
        let value = self.expression(false)?;
        self.height = self.height.max(height);
        Ok(With {
            span: start.to(self.previous),
            target,
            value,
        })
    }
}
