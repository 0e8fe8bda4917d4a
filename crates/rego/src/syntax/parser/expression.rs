//! Operators, calls, references and primary terms.

use std::sync::Arc;

use super::{Parse, Parser};
use crate::diagnostic::Code;
use crate::source::Span;
use crate::syntax::ast::{Call, Ident, InfixOp, Membership, Ref, Segment, TemplatePart, Term, TermKind};
use crate::syntax::token::{Keyword, Tok};

impl Parser<'_> {
    /// An expression with `in`; `pair` allows `key, value in xs`.
    pub(super) fn expression(&mut self, pair: bool) -> Parse<Term> {
        let start = self.span();
        let mut term = self.infix_expression()?;
        let mut height = self.height;
        let mut key = None;
        if pair && self.at(&Tok::Comma) {
            self.advance();
            key = Some(std::mem::replace(&mut term, self.infix_expression()?));
            height = height.max(self.height);
            if !self.at_keyword(Keyword::In) {
                return Err(self.unexpected_help(
                    "`in`",
                    Some("`key, value in collection` is the only use of a comma here"),
                ));
            }
        }
        while self.eat_keyword(Keyword::In) {
            let collection = self.infix_expression()?;
            height = height.max(self.height);
            let membership = Membership {
                key: key.take(),
                value: term,
                collection,
            };
            term = self.term_from(start, TermKind::Membership(Box::new(membership)));
            self.built_over(height, term.span)?;
            height = self.height;
        }
        self.height = height;
        Ok(term)
    }

    /// An expression without `in`, `:=` and `=`.
    pub(super) fn infix_expression(&mut self) -> Parse<Term> {
        self.infix(1)
    }

    fn infix(&mut self, least: u8) -> Parse<Term> {
        let start = self.span();
        let mut left = self.unary()?;
        let mut height = self.height;
        while let Some(op) = self.operator() {
            let precedence = op.precedence();
            if precedence < least {
                break;
            }
            self.advance();
            let right = self.infix(precedence.saturating_add(1))?;
            height = height.max(self.height);
            left = self.term_from(start, TermKind::Infix(op, Box::new((left, right))));
            self.built_over(height, left.span)?;
            height = self.height;
        }
        self.height = height;
        Ok(left)
    }

    fn operator(&self) -> Option<InfixOp> {
        Some(match self.tok() {
            Tok::Eq => InfixOp::Equal,
            Tok::Ne => InfixOp::NotEqual,
            Tok::Lt => InfixOp::Less,
            Tok::Le => InfixOp::LessEqual,
            Tok::Gt => InfixOp::Greater,
            Tok::Ge => InfixOp::GreaterEqual,
            Tok::Plus => InfixOp::Plus,
            Tok::Minus => InfixOp::Minus,
            Tok::Star => InfixOp::Times,
            Tok::Slash => InfixOp::Divide,
            Tok::Percent => InfixOp::Remainder,
            Tok::Amp => InfixOp::And,
            Tok::Pipe if !self.pipe_ends => InfixOp::Or,
            _ => return None,
        })
    }

    fn unary(&mut self) -> Parse<Term> {
        let start = self.span();
        if !self.at(&Tok::Minus) {
            return self.primary();
        }
        self.advance();
        if !self.at(&Tok::Number) {
            let message = "a minus stands before a number only";
            let help = "subtract from zero: `0 - x`";
            return Err(self.error_help(start, Code::Syntax, message, help));
        }
        let digits = self.source.slice(self.span());
        let span = start.to(self.span());
        self.advance();
        self.height = 1;
        Ok(Term {
            span,
            kind: TermKind::Number(format!("-{digits}").into()),
        })
    }

    /// A term with the segments and calls that follow it.
    fn primary(&mut self) -> Parse<Term> {
        let start = self.span();
        self.height = 1;
        if self.at(&Tok::Ident) || self.keyword_is_name() {
            return self.name();
        }
        let kind = match self.tok().clone() {
            Tok::Number => self.constant(TermKind::Number(self.source.slice(start).into())),
            Tok::String(text) => self.constant(TermKind::String(text)),
            Tok::Keyword(Keyword::Null) => self.constant(TermKind::Null),
            Tok::Keyword(Keyword::True) => self.constant(TermKind::Bool(true)),
            Tok::Keyword(Keyword::False) => self.constant(TermKind::Bool(false)),
            Tok::TemplateStart => return self.nested(Self::template),
            Tok::LBracket => return self.nested(Self::array).and_then(|term| self.select(term)),
            Tok::LBrace => return self.nested(Self::braces).and_then(|term| self.select(term)),
            Tok::LParen => return self.nested(Self::parentheses).and_then(|term| self.select(term)),
            Tok::Keyword(keyword) => return Err(self.misplaced_keyword(keyword)),
            _ => return Err(self.no_expression()),
        };
        Ok(Term { span: start, kind })
    }

    fn constant(&mut self, kind: TermKind) -> TermKind {
        self.advance();
        kind
    }

    fn misplaced_keyword(&mut self, keyword: Keyword) -> super::Failed {
        let help = match keyword {
            Keyword::Not => "`not` negates whole statements only",
            Keyword::Some | Keyword::Every => "`some` and `every` start a statement",
            Keyword::And | Keyword::Or => return self.misplaced_logical(),
            _ => "this is a keyword and can't be a variable's name",
        };
        self.unexpected_help("an expression", Some(help))
    }

    /// `and` or `or` where an expression is expected: a name that has become a keyword, or a join without left operand.
    fn misplaced_logical(&mut self) -> super::Failed {
        let help = self.keyword_as_name();
        self.unexpected_help("an expression", help)
    }

    /// Nothing that starts an expression is here; when the line ends here, what it ends with is the culprit.
    fn no_expression(&mut self) -> super::Failed {
        if self.newline() && !self.at(&Tok::Bad) && self.position > 0 {
            let before = self.previous;
            let message = format!("expected an expression after `{}`", self.source.slice(before));
            return self.error(before, Code::Syntax, message);
        }
        self.unexpected("an expression")
    }

    fn parentheses(&mut self) -> Parse<Term> {
        let start = self.span();
        self.advance();
        let mut term = self.expression(true)?;
        if self.at(&Tok::Assign) || self.at(&Tok::Unify) {
            return Err(self.unexpected_help(
                "`)`",
                Some("assignment is a statement, not an expression; compare with `==`"),
            ));
        }
        self.expect(&Tok::RParen, "`)`")?;
        term.span = start.to(self.previous);
        Ok(term)
    }

    /// A variable, reference or call.
    fn name(&mut self) -> Parse<Term> {
        let span = self.span();
        let root = self.ident("a name", true)?;
        self.height = 1;
        let path = self.segments()?;
        if self.glued(0, &Tok::LParen) {
            return self.call(root, path).and_then(|term| self.select(term));
        }
        let reference = Ref {
            span: span.to(self.previous),
            root,
            path,
        };
        Ok(reference_term(reference))
    }

    fn call(&mut self, root: Ident, path: Vec<Segment>) -> Parse<Term> {
        let start = root.span;
        let function = Ref {
            span: start.to(self.previous),
            root,
            path,
        };
        if function.constant().is_none() {
            return Err(self.error(function.span, Code::Syntax, "a function's name must be constant"));
        }
        if function.path.is_empty()
            && function.root.name.as_ref() == "set"
            && self.token_at(1).is_some_and(|t| t.tok == Tok::RParen)
        {
            self.advance();
            self.advance();
            self.height = 1;
            return Ok(self.term_from(start, TermKind::Set(Vec::new())));
        }
        let args = self.nested(Self::call_args)?;
        let height = self.height;
        let term = self.term_from(start, TermKind::Call(Box::new(Call { function, args })));
        self.built_over(height, term.span)?;
        Ok(term)
    }

    /// `(a, b)`; the opening parenthesis is here.
    pub(super) fn call_args(&mut self) -> Parse<Vec<Term>> {
        self.advance();
        self.terms(&Tok::RParen, "`,` or `)`")
    }

    /// The segments `.a`, `[b]` that follow directly. Raises `self.height` to the highest of them.
    pub(super) fn segments(&mut self) -> Parse<Vec<Segment>> {
        let mut path = Vec::new();
        let mut height = self.height;
        loop {
            if self.glued(0, &Tok::Dot) {
                self.advance();
                if self.token_at(0).is_some_and(|token| token.spaced) {
                    return Err(self.unexpected("a name directly after the dot"));
                }
                path.push(Segment::Dot(self.ident("a name after the dot", true)?));
            } else if self.glued(0, &Tok::LBracket) {
                self.advance();
                let term = self.nested(|parser| parser.expression(false))?;
                height = height.max(self.height);
                self.expect(&Tok::RBracket, "`]`")?;
                path.push(Segment::Bracket(term));
            } else {
                break;
            }
        }
        self.height = height;
        self.built_over(height, self.previous)?;
        Ok(path)
    }

    /// Adds the segments that follow a term that is no name.
    fn select(&mut self, base: Term) -> Parse<Term> {
        if !self.glued(0, &Tok::Dot) && !self.glued(0, &Tok::LBracket) {
            return Ok(base);
        }
        let start = base.span;
        let path = self.segments()?;
        let height = self.height;
        let term = self.term_from(start, TermKind::Select(Box::new(base), path));
        self.built_over(height, term.span)?;
        Ok(term)
    }

    /// `$"text {expression} text"`.
    fn template(&mut self) -> Parse<Term> {
        let start = self.span();
        self.advance();
        let mut parts = Vec::new();
        let mut height = 0;
        loop {
            match self.tok().clone() {
                Tok::TemplateEnd => break self.advance(),
                Tok::TemplateText(text) => {
                    self.advance();
                    parts.push(TemplatePart::Text(text));
                }
                Tok::TemplateOpen => {
                    self.advance();
                    let term = self.nested(|parser| parser.expression(false))?;
                    height = height.max(self.height);
                    let mut with = Vec::new();
                    while self.at_keyword(Keyword::With) {
                        with.push(self.with()?);
                        height = height.max(self.height);
                    }
                    self.expect(&Tok::TemplateClose, "`}`")?;
                    parts.push(TemplatePart::Term(term, with));
                }
                _ => return Err(self.unexpected("the rest of the interpolated string")),
            }
        }
        let term = self.term_from(start, TermKind::Template(parts));
        self.built_over(height, term.span)?;
        Ok(term)
    }
}

/// A reference, or a bare name if it has no segments.
fn reference_term(reference: Ref) -> Term {
    let span: Span = reference.span;
    let kind = if reference.path.is_empty() {
        let name: Arc<str> = reference.root.name;
        TermKind::Var(name)
    } else {
        TermKind::Ref(Box::new(reference))
    };
    Term { span, kind }
}
