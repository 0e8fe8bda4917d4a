//! Tokens of Rego.

use std::sync::Arc;

use crate::source::Span;

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tok {
    Eof,
    /// An identifier that is no keyword; its text is the span's.
    Ident,
    Keyword(Keyword),
    /// A number as written, without sign.
    Number,
    /// A string, decoded.
    String(Arc<str>),
    /// `$"` or ``$` ``: what follows up to [`Tok::TemplateEnd`] are its parts.
    TemplateStart,
    /// Literal text of an interpolated string, decoded.
    TemplateText(Arc<str>),
    /// `{` that opens an interpolated expression.
    TemplateOpen,
    /// `}` that closes an interpolated expression.
    TemplateClose,
    TemplateEnd,
    LBrace,
    RBrace,
    LBracket,
    RBracket,
    LParen,
    RParen,
    Comma,
    Semicolon,
    Colon,
    Dot,
    Assign,
    Unify,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Pipe,
    Amp,
    /// Text that is no token; the lexer has reported it.
    Bad,
}

/// The words with a meaning of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    Package,
    Import,
    As,
    Default,
    Not,
    Else,
    With,
    Some,
    Every,
    In,
    If,
    Contains,
    True,
    False,
    Null,
    /// Only where `future.keywords.and` is imported.
    And,
    /// Only where `future.keywords.or` is imported.
    Or,
}

impl Keyword {
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        Some(match text {
            "package" => Self::Package,
            "import" => Self::Import,
            "as" => Self::As,
            "default" => Self::Default,
            "not" => Self::Not,
            "else" => Self::Else,
            "with" => Self::With,
            "some" => Self::Some,
            "every" => Self::Every,
            "in" => Self::In,
            "if" => Self::If,
            "contains" => Self::Contains,
            "true" => Self::True,
            "false" => Self::False,
            "null" => Self::Null,
            _ => return None,
        })
    }
}

/// A token with its place.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) tok: Tok,
    pub(crate) span: Span,
    /// A line break lies between this token and the one before.
    pub(crate) newline: bool,
    /// White space or a comment lies between this token and the one before.
    pub(crate) spaced: bool,
    /// The token stands in the first column of its line.
    pub(crate) first_column: bool,
}

/// A `# ...` comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment {
    /// From the `#` to the end of the line.
    pub span: Span,
}
