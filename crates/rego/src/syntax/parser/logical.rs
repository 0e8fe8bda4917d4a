//! `and`, `or`, and what they join: statements, statements in parentheses, bodies in braces. Grammar as in OPA's reference, "Rego
//! Keywords: and, or" and "Rego Keyword: not".

use std::collections::HashMap;

use super::{Parse, Parser};
use crate::diagnostic::Code;
use crate::source::Span;
use crate::syntax::ast::{Body, InfixOp, Literal, LiteralKind, Logical, LogicalOp, TermKind};
use crate::syntax::token::{Keyword, Tok, Token};

/// The longest text that is repeated in a hint, in bytes.
const SHOWN: usize = 60;

impl Parser<'_> {
    /// `a or b or c`, or less. What it gives has modifiers only if it is in parentheses.
    pub(super) fn disjunction(&mut self) -> Parse<Literal> {
        self.joined(LogicalOp::Or, true, Self::conjunction)
    }

    fn conjunction(&mut self, first: bool) -> Parse<Literal> {
        self.joined(LogicalOp::And, first, Self::operand)
    }

    /// Operands of one keyword, as many as there are: a chain nests no deeper than a pair.
    fn joined(
        &mut self,
        op: LogicalOp,
        first: bool,
        operand: fn(&mut Self, bool) -> Parse<Literal>,
    ) -> Parse<Literal> {
        let start = self.span();
        let left = operand(self, first)?;
        if !self.joins(&left, op) {
            return Ok(left);
        }
        let mut height = self.height;
        let mut operands = match left {
            // `(a or b) or c` is `a or b or c`.
            Literal {
                kind: LiteralKind::Logical(inner),
                with,
                ..
            } if inner.op == op && with.is_empty() => inner.operands,
            left => vec![left],
        };
        while operands.last().is_some_and(|last| self.joins(last, op)) {
            self.advance();
            self.height = 0;
            operands.push(operand(self, false)?);
            height = height.max(self.height);
        }
        let span = start.to(self.previous);
        self.built_over(height, span)?;
        Ok(Literal {
            span,
            kind: LiteralKind::Logical(Box::new(Logical { op, operands })),
            with: Vec::new(),
        })
    }

    /// Whether `op` stands here and may follow `left`.
    fn joins(&self, left: &Literal, op: LogicalOp) -> bool {
        let keyword = match op {
            LogicalOp::And => Keyword::And,
            LogicalOp::Or => Keyword::Or,
        };
        self.at(&Tok::Keyword(keyword))
            && !matches!(
                left.kind,
                LiteralKind::Some(_) | LiteralKind::SomeIn { .. } | LiteralKind::Every { .. }
            )
    }

    /// The keyword that joins operands here.
    fn joining(&self) -> Option<&'static str> {
        match self.tok() {
            Tok::Keyword(Keyword::And) => Some("and"),
            Tok::Keyword(Keyword::Or) => Some("or"),
            _ => None,
        }
    }

    /// One operand; `first` if nothing stands before it in its statement.
    fn operand(&mut self, first: bool) -> Parse<Literal> {
        let start = self.span();
        let joins = self.future.and || self.future.or;
        if joins && self.at(&Tok::LBrace) && self.ends_operand(first) {
            return self.group("an operand", "");
        }
        if joins && self.at(&Tok::LParen) && self.ends_operand(false) && self.holds_statement() {
            return self.parenthesised(!first);
        }
        let braces = joins && self.at(&Tok::LBrace);
        if !first && self.at_keyword(Keyword::Every) {
            let help = "put it into braces: `{ every x in xs { ... } }`";
            return Err(self.error_help(start, Code::Syntax, "`every` can't be an operand", help));
        }
        let kind = self.simple_literal()?;
        let span = start.to(self.previous);
        if braces && (!first || self.joining().is_some()) {
            return Err(self.value_in_braces(span, "an operand", ""));
        }
        Ok(Literal {
            span,
            kind,
            with: Vec::new(),
        })
    }

    /// The body, or the statement in parentheses, that `not` negates; `None` if this is an expression.
    pub(super) fn negated_group(&mut self) -> Parse<Option<Literal>> {
        if !self.future.not {
            return Ok(None);
        }
        if self.at(&Tok::LBrace) {
            if self.ends_operand(false) {
                return self.group("what `not` negates", "not ").map(Some);
            }
            let start = self.span();
            self.expression_literal()?;
            return Err(self.value_in_braces(start.to(self.previous), "what `not` negates", "not "));
        }
        if self.at(&Tok::LParen) && self.ends_operand(false) && self.holds_statement() {
            return self.parenthesised(true).map(Some);
        }
        Ok(None)
    }

    /// A body in braces, of `what`, which follows `prefix`.
    fn group(&mut self, what: &str, prefix: &str) -> Parse<Literal> {
        let start = self.span();
        let holds_value = self.holds_value();
        let reported = self.diagnostics.len();
        let body = self.nested(Self::braced_body);
        if holds_value && self.diagnostics.len() > reported {
            let closed = self.tok_before() == Some(&Tok::RBrace);
            self.diagnostics.truncate(reported);
            let span = if closed { start.to(self.previous) } else { start };
            return Err(self.value_in_braces(span, what, prefix));
        }
        let body = body?;
        self.refuse_union(&body, prefix)?;
        Ok(Literal {
            span: body.span,
            kind: LiteralKind::Group(body),
            with: Vec::new(),
        })
    }

    fn tok_before(&self) -> Option<&Tok> {
        let before = self.position.checked_sub(1)?;
        self.tokens.get(before).map(|token| &token.tok)
    }

    /// Reports a set or object, or an expression that starts with one, where braces are a body's.
    fn value_in_braces(&mut self, span: Span, what: &str, prefix: &str) -> super::Failed {
        let text = self.source.slice(span);
        let shown = if text.len() <= SHOWN && !text.contains('\n') {
            text
        } else {
            "{...}"
        };
        let help =
            format!("write `{prefix}({shown})` for the value; without parentheses, braces here are a body");
        let message = format!("{what} can't start with the braces of a set or object");
        self.error_help(span, Code::Syntax, message, help)
    }

    /// `{ a | b }` is a comprehension to the reader, and a union as a body: neither is taken.
    fn refuse_union(&mut self, body: &Body, prefix: &str) -> Parse<()> {
        let Some(Literal {
            kind: LiteralKind::Term(term),
            ..
        }) = body.literals.first()
        else {
            return Ok(());
        };
        if !matches!(term.kind, TermKind::Infix(InfixOp::Or, _))
            || self.source.slice(term.span).starts_with('(')
        {
            return Ok(());
        }
        let help = format!(
            "write `{prefix}({{x | ...}})` for a comprehension, or `{prefix}{{ (x | y) }}` for a union of sets"
        );
        let message = "these braces could hold a comprehension or a union of sets";
        Err(self.error_help(body.span, Code::Syntax, message, help))
    }

    /// A statement in parentheses; `operand` if a keyword stands before it.
    fn parenthesised(&mut self, operand: bool) -> Parse<Literal> {
        let start = self.span();
        let inner = self.position.saturating_add(1);
        if let Some(closer) = self.closers.get(&inner)
            && self
                .tokens
                .get(inner)
                .is_some_and(|token| token.tok == Tok::LBrace)
            && let Some(with) = self.tokens.get(closer.saturating_add(1))
            && with.tok == Tok::Keyword(Keyword::With)
        {
            let help = "write modifiers behind the statements of the body: `{ p with input as x }`; a set or object needs parentheses of its own";
            let message = "modifiers can't follow a body in braces";
            return Err(self.error_help(with.span, Code::Syntax, message, help));
        }
        self.advance();
        let mut literal = self.nested(Self::literal)?;
        if matches!(literal.kind, LiteralKind::Every { .. }) {
            let help = "put it into braces: `{ every x in xs { ... } }`";
            return Err(self.error_help(
                literal.span,
                Code::Syntax,
                "`every` can't be in parentheses",
                help,
            ));
        }
        self.expect(&Tok::RParen, "`)`")?;
        let last = literal.with.last().map(|with| with.span.end);
        let one = !matches!(literal.kind, LiteralKind::Logical(_));
        let doubled = last.is_some_and(|end| end < literal.span.end);
        literal.span = start.to(self.previous);
        if last.is_some() && one && (doubled || !operand && self.joining().is_none()) {
            let help = "drop the parentheses; they set `with` apart in operands of `and`, `or` and `not`";
            let message = "a statement with modifiers is in parentheses for nothing";
            return Err(self.error_help(literal.span, Code::Syntax, message, help));
        }
        Ok(literal)
    }

    /// The place of the token that closes the bracket here.
    fn closer(&self) -> Option<usize> {
        self.closers.get(&self.position).copied()
    }

    /// Whether the brackets that open here hold all of an operand, and no operator goes on with them; with `joined`, `and` or `or`
    /// must follow: elsewhere braces are a set, as they were before there were bodies in braces.
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
            _ if joined => false,
            Tok::Dot | Tok::LBracket => *spaced,
            Tok::Keyword(Keyword::In) | Tok::Comma | Tok::Assign | Tok::Unify => false,
            Tok::Eq | Tok::Ne | Tok::Lt | Tok::Le | Tok::Gt | Tok::Ge => false,
            Tok::Plus | Tok::Minus | Tok::Star | Tok::Slash | Tok::Percent | Tok::Pipe | Tok::Amp => false,
            _ => true,
        }
    }

    /// The tokens between the bracket here and the one that closes it, with how many brackets are open around each.
    fn inside(&self) -> impl Iterator<Item = (u32, &Token, Option<&Token>)> {
        let closer = self.closer().unwrap_or(self.position);
        let inside = self
            .tokens
            .get(self.position.saturating_add(1)..closer)
            .unwrap_or(&[]);
        let mut depth = 0u32;
        inside.iter().enumerate().map(move |(at, token)| {
            match token.tok {
                Tok::LBrace | Tok::LBracket | Tok::LParen | Tok::TemplateOpen => {
                    depth = depth.saturating_add(1)
                }
                Tok::RBrace | Tok::RBracket | Tok::RParen | Tok::TemplateClose => {
                    depth = depth.saturating_sub(1)
                }
                _ => {}
            }
            (depth, token, inside.get(at.saturating_add(1)))
        })
    }

    /// Whether the braces that open here hold a set, an object or a comprehension, if they can't hold a body.
    fn holds_value(&self) -> bool {
        self.inside()
            .any(|(depth, token, _)| depth == 0 && matches!(token.tok, Tok::Comma | Tok::Colon | Tok::Pipe))
    }

    /// Whether there is `and`, `or`, `with` or `not` in the parentheses that open here, in parentheses only.
    pub(super) fn holds_statement(&self) -> bool {
        let is_name = |next: Option<&Token>| {
            next.is_some_and(|next| !next.spaced && matches!(next.tok, Tok::Dot | Tok::LBracket))
        };
        let mut others = 0u32;
        for (_, token, next) in self.inside() {
            match token.tok {
                Tok::LBrace | Tok::LBracket | Tok::TemplateOpen => others = others.saturating_add(1),
                Tok::RBrace | Tok::RBracket | Tok::TemplateClose => others = others.saturating_sub(1),
                Tok::Keyword(Keyword::And | Keyword::Or | Keyword::With | Keyword::Not)
                    if others == 0 && !is_name(next) =>
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

    /// What to do about an imported keyword that stands where a name or an operand is expected.
    pub(super) fn keyword_as_name(&self) -> Option<&'static str> {
        match self.tok() {
            Tok::Keyword(Keyword::And) => {
                Some("below `import future.keywords.and`, `and` joins two statements and can't be a name")
            }
            Tok::Keyword(Keyword::Or) => {
                Some("below `import future.keywords.or`, `or` joins two statements and can't be a name")
            }
            _ => None,
        }
    }

    /// Reports a keyword behind a rule that is complete.
    pub(super) fn refuse_joined_rules(&mut self) -> Parse<()> {
        if self.joining().is_none() || self.first_column() {
            return Ok(());
        }
        let help = if self.tok_before() == Some(&Tok::RBrace) {
            Some("behind `if`, braces are the rule's body: write `p if { { a; b } or c }`")
        } else {
            self.logical_help()
        };
        Err(self.unexpected_help("the end of the rule", help))
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
