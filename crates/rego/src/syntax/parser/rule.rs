//! Rules: heads, `if`, `else`, `default`, and the v0 forms of them.

use super::{Parse, Parser};
use crate::diagnostic::Code;
use crate::source::Span;
use crate::syntax::ast::{Body, Else, Head, HeadKind, Ref, Rule, Segment, Term, TermKind};
use crate::syntax::token::{Keyword, Tok};

impl Parser<'_> {
    /// A rule; in v0 it may have several bodies, which are as many rules.
    pub(super) fn rule(&mut self, out: &mut Vec<Rule>) -> Parse<()> {
        let start = self.span();
        if self.at_keyword(Keyword::Default) {
            out.push(self.default_rule(start)?);
            return Ok(());
        }
        if self.at_keyword(Keyword::Else) {
            let help = "`else` follows the closing brace or the value of the rule that it belongs to";
            return Err(self.error_help(start, Code::Syntax, "this `else` belongs to no rule", help));
        }
        if self.at_keyword(Keyword::With) {
            let help = "write `p := x if x := q with input as ...`";
            return Err(self.error_help(
                start,
                Code::Syntax,
                "`with` modifies statements of a body, not values",
                help,
            ));
        }
        self.refuse_joined_rules()?;
        let mut head = self.head()?;
        if self.v0 && !self.at_keyword(Keyword::If) {
            head = old_set(head);
        }
        let bare = matches!(head.kind, HeadKind::Value(None));
        let contains = matches!(head.kind, HeadKind::Contains(_));
        let mut bodies = self.rule_bodies(&head)?;
        let body = bodies.pop();
        for body in bodies {
            let rule = Rule {
                span: start.to(body.span),
                default: false,
                head: head.clone(),
                body: Some(body),
                elses: Vec::new(),
            };
            out.push(rule);
        }
        // A function that stands alone holds for all arguments that match, as in OPA.
        let stands_alone = head.args.is_some() && (self.newline() || self.at(&Tok::Eof));
        if body.is_none() && bare && !stands_alone {
            return Err(self.no_value(&head));
        }
        let mut elses = Vec::new();
        while self.at_keyword(Keyword::Else) {
            if contains {
                let span = self.span();
                return Err(self.error(span, Code::InvalidHead, "a `contains` rule can't have an `else`"));
            }
            elses.push(self.else_branch()?);
        }
        out.push(Rule {
            span: start.to(self.previous),
            default: false,
            head,
            body,
            elses,
        });
        Ok(())
    }

    fn default_rule(&mut self, start: Span) -> Parse<Rule> {
        self.advance();
        let (reference, args) = self.head_name()?;
        if !self.eat(&Tok::Assign) && !self.eat(&Tok::Unify) {
            let help = Some("a default has a value: `default allow := false`");
            return Err(self.unexpected_help("`:=`", help));
        }
        let value = self.expression(false)?;
        let span = reference.span.to(self.previous);
        if self.at_keyword(Keyword::If)
            || self.at_keyword(Keyword::Else)
            || (self.at(&Tok::LBrace) && !self.newline())
        {
            let span = self.span();
            return Err(self.error(span, Code::InvalidHead, "a default can't have a condition"));
        }
        let head = Head {
            span,
            reference,
            args: parameters(args),
            kind: HeadKind::Value(Some(value)),
        };
        Ok(Rule {
            span: start.to(self.previous),
            default: true,
            head,
            body: None,
            elses: Vec::new(),
        })
    }

    fn head_name(&mut self) -> Parse<(Ref, Option<Vec<Term>>)> {
        let keyword_name = self.keyword_is_name();
        let root = self.ident("a rule", keyword_name)?;
        let start = root.span;
        self.height = 0;
        let path = self.segments()?;
        let reference = Ref {
            span: start.to(self.previous),
            root,
            path,
        };
        let args = if self.glued(0, &Tok::LParen) {
            let args = self.nested(Self::call_args)?;
            Some(args)
        } else {
            None
        };
        Ok((reference, args))
    }

    fn head(&mut self) -> Parse<Head> {
        let start = self.span();
        let (reference, args) = self.head_name()?;
        if args.is_some() && (self.glued(0, &Tok::Dot) || self.glued(0, &Tok::LBracket)) {
            let span = self.span();
            return Err(self.error(
                span,
                Code::InvalidHead,
                "nothing may follow a function's parameters but its value",
            ));
        }
        let kind = if self.at_keyword(Keyword::Contains) {
            let span = self.span();
            self.advance();
            let member = self.expression(false)?;
            if args.is_some() {
                return Err(self.error(span, Code::InvalidHead, "a function can't be a set of members"));
            }
            HeadKind::Contains(member)
        } else if self.eat(&Tok::Assign) || self.eat(&Tok::Unify) {
            HeadKind::Value(Some(self.expression(false)?))
        } else {
            HeadKind::Value(None)
        };
        Ok(Head {
            span: start.to(self.previous),
            reference,
            args: parameters(args),
            kind,
        })
    }

    /// `if { ... }`, `if statement`, or the braces of v0 without `if`, of which there may be several.
    fn rule_bodies(&mut self, head: &Head) -> Parse<Vec<Body>> {
        if self.eat_keyword(Keyword::If) {
            return Ok(vec![self.if_body()?]);
        }
        if !self.v0 && self.at(&Tok::LBrace) {
            // Reported; what follows is parsed as if `if` had been there.
            self.v0_body(head);
        }
        let mut bodies = Vec::new();
        while self.at(&Tok::LBrace) {
            bodies.push(self.nested(Self::braced_body)?);
        }
        Ok(bodies)
    }

    fn if_body(&mut self) -> Parse<Body> {
        if self.at(&Tok::LBrace) {
            return self.nested(Self::braced_body);
        }
        let start = self.span();
        let literal = self.nested(Self::literal)?;
        Ok(Body {
            span: start.to(self.previous),
            literals: vec![literal],
        })
    }

    fn else_branch(&mut self) -> Parse<Else> {
        let start = self.span();
        self.advance();
        let value = if self.eat(&Tok::Assign) || self.eat(&Tok::Unify) {
            Some(self.expression(false)?)
        } else {
            None
        };
        let body = if self.eat_keyword(Keyword::If) {
            Some(self.if_body()?)
        } else if self.at(&Tok::LBrace) {
            if !self.v0 {
                let span = self.span();
                let help = "write `else := value if { ... }`";
                let message = "Rego v1 needs `if` before the body of an `else`";
                self.error_help(span, Code::V0Syntax, message, help);
            }
            Some(self.nested(Self::braced_body)?)
        } else {
            None
        };
        if value.is_none() && body.is_none() {
            return Err(self.unexpected_help(
                "a value or a condition",
                Some("write `else := value` or `else if { ... }`"),
            ));
        }
        Ok(Else {
            span: start.to(self.previous),
            value,
            body,
        })
    }

    /// Reports a body without `if`, with the v1 form of this head.
    fn v0_body(&mut self, head: &Head) {
        let span = self.span();
        let help = match (&head.kind, old_member(head)) {
            (HeadKind::Value(None), Some((name, member))) if head.args.is_none() => {
                format!(
                    "write `{} contains {} if {{ ... }}`",
                    self.source.slice(name),
                    self.source.slice(member)
                )
            }
            _ => format!("write `{} if {{ ... }}`", self.source.slice(head.span)),
        };
        self.error_help(
            span,
            Code::V0Syntax,
            "Rego v1 needs `if` before the body of a rule",
            help,
        );
    }

    /// Reports a head that stands alone.
    fn no_value(&mut self, head: &Head) -> super::Failed {
        if let (Some((name, member)), None) = (old_member(head), &head.args) {
            let help = format!(
                "write `{} contains {}`",
                self.source.slice(name),
                self.source.slice(member)
            );
            return self.error_help(
                head.span,
                Code::V0Syntax,
                "Rego v1 needs `contains` for the members of a set",
                help,
            );
        }
        if !self.newline() && !self.at(&Tok::Eof) {
            return self.unexpected("`:=`, `contains` or `if` after the rule's name");
        }
        let name = self.source.slice(head.span).to_owned();
        let help = format!("write `{name} := value` or `{name} if {{ ... }}`");
        self.error_help(
            head.span,
            Code::Syntax,
            "this rule has neither value nor condition",
            help,
        )
    }
}

/// `name[member]` of v0 as `name contains member`.
fn old_set(mut head: Head) -> Head {
    let is_value = !matches!(head.kind, HeadKind::Value(None)) || head.args.is_some();
    if is_value || head.reference.path.len() != 1 {
        return head;
    }
    match head.reference.path.pop() {
        Some(Segment::Bracket(member)) => {
            head.reference.span = head.reference.root.span;
            head.kind = HeadKind::Contains(member);
        }
        other => head.reference.path.extend(other),
    }
    head
}

/// The parts of `name[member]`, the v0 form of `name contains member`.
fn old_member(head: &Head) -> Option<(Span, Span)> {
    match head.reference.path.as_slice() {
        [before @ .., Segment::Bracket(Term { span, kind })] if !matches!(kind, TermKind::Null) => {
            let name = before
                .iter()
                .fold(head.reference.root.span, |name, segment| name.to(segment.span()));
            Some((name, *span))
        }
        _ => None,
    }
}

/// The parameters of a function. As in OPA, a name with empty parentheses is that of a rule: `deny() := "x"` is `deny := "x"`.
fn parameters(args: Option<Vec<Term>>) -> Option<Vec<Term>> {
    args.filter(|args| !args.is_empty())
}
