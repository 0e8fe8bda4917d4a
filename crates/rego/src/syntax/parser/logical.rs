//! `and`, `or`, and what they join: statements, statements in parentheses, bodies in braces. Grammar as in OPA's reference, "Rego
//! Keywords: and, or" and "Rego Keyword: not".

use std::collections::HashMap;

use super::{Parse, Parser};
use crate::syntax::ast::{Literal, LiteralKind, Logical, LogicalOp};
use crate::syntax::token::{Keyword, Tok, Token};

impl Parser<'_> {
    /// `a or b or c`, or less. What it gives has modifiers only if it is in parentheses.
    pub(super) fn disjunction(&mut self) -> Parse<Literal> {
        self.joined(LogicalOp::Or, true, Self::conjunction)
    }

    fn conjunction(&mut self, first: bool) -> Parse<Literal> {
        self.joined(LogicalOp::And, first, Self::operand)
    }

    /// Operands of one keyword, which groups from the left.
    fn joined(
        &mut self,
        op: LogicalOp,
        first: bool,
        operand: fn(&mut Self, bool) -> Parse<Literal>,
    ) -> Parse<Literal> {
        let start = self.span();
        let mut left = operand(self, first)?;
        let mut height = self.height;
        while self.joins(&left, op) {
            self.advance();
            self.height = 0;
            let right = operand(self, false)?;
            let span = start.to(self.previous);
            self.built_over(height.max(self.height), span)?;
            height = self.height;
            let logical = Logical { op, left, right };
            left = Literal {
                span,
                kind: LiteralKind::Logical(Box::new(logical)),
                with: Vec::new(),
            };
        }
        self.height = height;
        Ok(left)
    }

    /// Whether `op` stands here and may follow `left`. A name that is called on the next line is a statement of its own.
    fn joins(&self, left: &Literal, op: LogicalOp) -> bool {
        let keyword = match op {
            LogicalOp::And => Keyword::And,
            LogicalOp::Or => Keyword::Or,
        };
        let declares = matches!(left.kind, LiteralKind::Some(_) | LiteralKind::SomeIn { .. });
        self.at(&Tok::Keyword(keyword)) && !declares && !(self.newline() && self.keyword_is_name())
    }

    /// One operand; `first` if nothing stands before it in its statement.
    fn operand(&mut self, first: bool) -> Parse<Literal> {
        let start = self.span();
        let joins = self.future.and || self.future.or;
        if joins && self.at(&Tok::LBrace) && self.ends_operand(first) {
            return self.group();
        }
        if joins && self.at(&Tok::LParen) && self.ends_operand(false) && self.holds_statement() {
            return self.parenthesised();
        }
        let kind = self.simple_literal()?;
        Ok(Literal {
            span: start.to(self.previous),
            kind,
            with: Vec::new(),
        })
    }

    /// The body, or the statement in parentheses, that `not` negates; `None` if this is an expression.
    pub(super) fn negated_group(&mut self) -> Parse<Option<Literal>> {
        if self.future.not && self.at(&Tok::LBrace) && self.ends_operand(false) {
            return self.group().map(Some);
        }
        if self.future.not && self.at(&Tok::LParen) && self.ends_operand(false) && self.holds_statement() {
            return self.parenthesised().map(Some);
        }
        Ok(None)
    }

    fn group(&mut self) -> Parse<Literal> {
        let body = self.nested(Self::braced_body)?;
        Ok(Literal {
            span: body.span,
            kind: LiteralKind::Group(body),
            with: Vec::new(),
        })
    }

    fn parenthesised(&mut self) -> Parse<Literal> {
        let start = self.span();
        self.advance();
        let mut literal = self.nested(Self::literal)?;
        self.expect(&Tok::RParen, "`)`")?;
        literal.span = start.to(self.previous);
        Ok(literal)
    }

    /// The place of the token that closes the bracket here.
    fn closer(&self) -> Option<usize> {
        self.closers.get(&self.position).copied()
    }

    /// Whether the brackets that open here hold all of an operand, and no operator goes on with them; with `joined`, `and` or `or`
    /// must follow, or `with` in a statement in parentheses: elsewhere `{x} with input as y` is a set, as it was before there were
    /// bodies in braces.
    fn ends_operand(&self, joined: bool) -> bool {
        let next = self
            .closer()
            .and_then(|closer| self.tokens.get(closer.saturating_add(1)));
        let Some(Token {
            tok: follows, spaced, ..
        }) = next
        else {
            return true;
        };
        match follows {
            Tok::Keyword(Keyword::And | Keyword::Or) => true,
            Tok::Keyword(Keyword::With) => !joined || self.behind_parenthesis(),
            _ if joined => false,
            Tok::Dot | Tok::LBracket => *spaced,
            Tok::Keyword(Keyword::In) | Tok::Comma | Tok::Assign | Tok::Unify => false,
            Tok::Eq | Tok::Ne | Tok::Lt | Tok::Le | Tok::Gt | Tok::Ge => false,
            Tok::Plus | Tok::Minus | Tok::Star | Tok::Slash | Tok::Percent | Tok::Pipe | Tok::Amp => false,
            _ => true,
        }
    }

    fn behind_parenthesis(&self) -> bool {
        let before = self.position.checked_sub(1).and_then(|at| self.tokens.get(at));
        before.is_some_and(|token| token.tok == Tok::LParen)
    }

    /// Whether there is `and`, `or`, `with` or `not` in the parentheses that open here, in no other brackets inside of them.
    fn holds_statement(&self) -> bool {
        let Some(closer) = self.closer() else { return false };
        let mut depth = 0u32;
        let inside = self.tokens.get(self.position..closer).unwrap_or(&[]);
        for (at, token) in inside.iter().enumerate() {
            let is_name = || {
                let next = inside.get(at.saturating_add(1));
                next.is_some_and(|next| !next.spaced && matches!(next.tok, Tok::Dot | Tok::LBracket))
            };
            match token.tok {
                Tok::LBrace | Tok::LBracket | Tok::TemplateOpen => depth = depth.saturating_add(1),
                Tok::RBrace | Tok::RBracket | Tok::TemplateClose => depth = depth.saturating_sub(1),
                Tok::Keyword(Keyword::And | Keyword::Or | Keyword::With | Keyword::Not)
                    if depth == 0 && !is_name() =>
                {
                    return true;
                }
                _ => {}
            }
        }
        false
    }

    /// What to do about a keyword that stands where a value is expected.
    pub(super) fn logical_help(&self) -> Option<&'static str> {
        matches!(self.tok(), Tok::Keyword(Keyword::And | Keyword::Or)).then_some(
            "`and` and `or` join statements of a body; they have no value that could be assigned, passed or compared",
        )
    }
}

/// Where each bracket closes.
pub(super) fn closers(tokens: &[Token]) -> HashMap<usize, usize> {
    let mut open = Vec::new();
    let mut out = HashMap::new();
    for (at, token) in tokens.iter().enumerate() {
        match token.tok {
            Tok::LBrace | Tok::LBracket | Tok::LParen | Tok::TemplateOpen => open.push(at),
            Tok::RBrace | Tok::RBracket | Tok::RParen | Tok::TemplateClose => {
                out.extend(open.pop().map(|start| (start, at)));
            }
            _ => {}
        }
    }
    out
}
