//! The parser: what queries and schemas share. [`query`] and [`schema`] have the rest.

mod query;
mod schema;

use super::ast::{Argument, Child, Comments, Directive, Literal, LiteralKind, Pos, Type, TypeKind};
use super::lexer::{Kind, Lexer, Token};
use super::{Fault, invalid};

pub(super) use query::parse_query;
pub(super) use schema::parse_schema;

/// The deepest nesting of selections, literals and types.
pub(super) const MAX_DEPTH: usize = 96;

pub(super) type Parsed<T> = Result<T, Fault>;

struct Parser<'a> {
    lexer: Lexer<'a>,
    peeked: Option<Token>,
    /// The comments right before the peeked token.
    comments: Comments,
    depth: usize,
    /// How many fields there have been.
    fields: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            lexer: Lexer::new(text),
            peeked: None,
            comments: Comments::new(),
            depth: 0,
            fields: 0,
        }
    }

    /// The next token, which stays.
    fn peek(&mut self) -> &Token {
        if self.peeked.is_none() {
            self.comments.clear();
        }
        let (lexer, comments) = (&mut self.lexer, &mut self.comments);
        self.peeked.get_or_insert_with(|| {
            loop {
                let token = lexer.read();
                if token.kind != Kind::Comment {
                    return token;
                }
                comments.push(token.value);
            }
        })
    }

    fn peek_kind(&mut self) -> Kind {
        self.peek().kind
    }

    fn peek_pos(&mut self) -> Option<Pos> {
        Some(self.peek().pos)
    }

    /// The comments before the next token.
    fn comments_here(&mut self) -> Comments {
        self.peek();
        self.comments.clone()
    }

    fn next(&mut self) -> Token {
        self.peek();
        self.comments.clear();
        self.peeked.take().unwrap_or_else(|| self.lexer.read())
    }

    fn unexpected(&mut self) -> Fault {
        let token = self.peek();
        unexpected_token(token)
    }

    fn expect(&mut self, kind: Kind) -> Parsed<Token> {
        let token = self.peek();
        if token.kind == kind {
            return Ok(self.next());
        }
        let message = format!("Expected {}, found {}", kind.text(), token.kind.text());
        Err(invalid(Some(token.pos), message))
    }

    /// Takes this keyword and gives the comments before it.
    fn expect_keyword(&mut self, keyword: &str) -> Parsed<Comments> {
        let token = self.peek();
        if token.kind == Kind::Name && token.value == keyword {
            let comments = self.comments_here();
            self.next();
            return Ok(comments);
        }
        Err(invalid(
            Some(token.pos),
            format!("Expected {keyword:?}, found {token}"),
        ))
    }

    fn skip(&mut self, kind: Kind) -> bool {
        let found = self.peek_kind() == kind;
        if found {
            self.next();
        }
        found
    }

    fn name(&mut self) -> Parsed<String> {
        self.expect(Kind::Name).map(|token| token.value)
    }

    /// Items between `start` and `end`, possibly none. Nothing, if `start` is not next.
    fn many<T>(
        &mut self,
        start: Kind,
        end: Kind,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        if self.skip(start) {
            while self.peek_kind() != end {
                items.push(item(self)?);
            }
            self.next();
        }
        Ok(items)
    }

    /// At least one item between `start` and `end`, and the comments before `end`. Nothing, if `start` is not next.
    fn some<T>(
        &mut self,
        start: Kind,
        end: Kind,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<(Vec<T>, Comments)> {
        let mut items = Vec::new();
        if !self.skip(start) {
            return Ok((items, Comments::new()));
        }
        while self.peek_kind() != end {
            items.push(item(self)?);
        }
        if items.is_empty() {
            let token = self.peek();
            let message = format!("expected at least one definition, found {}", token.kind.text());
            return Err(invalid(Some(token.pos), message));
        }
        let comments = self.comments_here();
        self.next();
        Ok((items, comments))
    }

    /// Goes one level down.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Fault::too_deep());
        }
        self.depth = self.depth.saturating_add(1);
        let result = inner(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    fn variable(&mut self) -> Parsed<String> {
        self.expect(Kind::Dollar)?;
        self.name()
    }

    fn arguments(&mut self, constant: bool) -> Parsed<Vec<Argument>> {
        let (arguments, _) = self.some(Kind::ParenL, Kind::ParenR, |parser| {
            let pos = parser.peek_pos();
            let comments = parser.comments_here();
            let name = parser.name()?;
            parser.expect(Kind::Colon)?;
            let value = parser.literal(constant)?;
            Ok(Argument {
                name,
                value,
                pos,
                comments,
            })
        })?;
        Ok(arguments)
    }

    fn directives(&mut self, constant: bool) -> Parsed<Vec<Directive>> {
        let mut directives = Vec::new();
        while self.skip(Kind::At) {
            let pos = self.peek_pos();
            let name = self.name()?;
            let arguments = self.arguments(constant)?;
            directives.push(Directive { name, arguments, pos });
        }
        Ok(directives)
    }

    fn type_reference(&mut self) -> Parsed<Type> {
        let list = self.skip(Kind::BracketL);
        let pos = self.peek_pos();
        let kind = if list {
            let of = self.nested(Self::type_reference)?;
            self.expect(Kind::BracketR)?;
            TypeKind::List(Box::new(of))
        } else {
            TypeKind::Named(self.name()?)
        };
        let non_null = self.skip(Kind::Bang);
        Ok(Type { kind, non_null, pos })
    }

    fn literal(&mut self, constant: bool) -> Parsed<Literal> {
        let token = self.peek();
        let kind = match (token.kind, token.value.as_str()) {
            (Kind::BracketL | Kind::BraceL, _) => return self.nested(|parser| parser.collection(constant)),
            (Kind::Dollar, _) if !constant => {
                let pos = self.peek_pos();
                let raw = self.variable()?;
                return Ok(literal(LiteralKind::Variable, raw, pos));
            }
            (Kind::Int, _) => LiteralKind::Int,
            (Kind::Float, _) => LiteralKind::Float,
            (Kind::String, _) => LiteralKind::String,
            (Kind::BlockString, _) => LiteralKind::Block,
            (Kind::Name, "true" | "false") => LiteralKind::Boolean,
            (Kind::Name, "null") => LiteralKind::Null,
            (Kind::Name, _) => LiteralKind::Enum,
            _ => return Err(self.unexpected()),
        };
        let token = self.next();
        Ok(literal(kind, token.value, Some(token.pos)))
    }

    /// A list or an object.
    fn collection(&mut self, constant: bool) -> Parsed<Literal> {
        let pos = self.peek_pos();
        let comments = self.comments_here();
        let (kind, children) = if self.peek_kind() == Kind::BracketL {
            let items = self.many(Kind::BracketL, Kind::BracketR, |parser| {
                let value = parser.literal(constant)?;
                Ok(Child {
                    name: String::new(),
                    value,
                    pos: None,
                    comments: Comments::new(),
                })
            })?;
            (LiteralKind::List, items)
        } else {
            let fields = self.many(Kind::BraceL, Kind::BraceR, |parser| {
                let pos = parser.peek_pos();
                let comments = parser.comments_here();
                let name = parser.name()?;
                parser.expect(Kind::Colon)?;
                let value = parser.literal(constant)?;
                Ok(Child {
                    name,
                    value,
                    pos,
                    comments,
                })
            })?;
            (LiteralKind::Object, fields)
        };
        Ok(Literal {
            children,
            comments,
            ..literal(kind, String::new(), pos)
        })
    }
}

fn unexpected_token(token: &Token) -> Fault {
    invalid(Some(token.pos), format!("Unexpected {token}"))
}

/// A literal without children. OPA's parser has dropped its comments by the time it makes one.
fn literal(kind: LiteralKind, raw: String, pos: Option<Pos>) -> Literal {
    Literal {
        raw,
        children: Vec::new(),
        kind,
        pos,
        comments: Comments::new(),
        expected_type_has_default: false,
    }
}
