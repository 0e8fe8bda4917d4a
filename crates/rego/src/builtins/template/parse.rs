//! Templates as trees.

use super::{Base, BuiltinError, Command, Function, MAX_DEPTH, Node, Operand, Pipeline, failed, unsupported};

type Parsed<T> = Result<T, BuiltinError>;

/// Functions and keywords of Go's templates that are refused.
const REFUSED: [&str; 14] = [
    "block", "break", "call", "continue", "define", "html", "js", "nil", "print", "printf", "println",
    "slice", "template", "urlquery",
];

/// Parses a template.
pub(super) fn parse(text: &str) -> Parsed<Vec<Node>> {
    let mut parser = Parser {
        pieces: split(text)?.into_iter(),
        variables: vec![String::new()],
        depth: 0,
    };
    let (nodes, end) = parser.nodes()?;
    match end {
        End::Text => Ok(nodes),
        End::Closed => Err(failed("template: unexpected {{end}}")),
        End::Else(_) => Err(failed("template: unexpected {{else}}")),
    }
}

/// A stretch of text, or the inside of an action.
enum Piece<'a> {
    Text(&'a str),
    Action(&'a str),
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Splits at the delimiters, without comments and with text trimmed where a delimiter asks for it.
fn split(text: &str) -> Parsed<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut trim = false;
    loop {
        let (before, after) = match rest.split_once("{{") {
            Some((before, after)) => (before, Some(after)),
            None => (rest, None),
        };
        let trims_before = after.is_some_and(|after| marks_trim(after.strip_prefix('-')));
        let mut before = if trim {
            before.trim_start_matches(SPACE)
        } else {
            before
        };
        if trims_before {
            before = before.trim_end_matches(SPACE);
        }
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let Some(mut inside) = after else {
            return Ok(pieces);
        };
        if trims_before {
            inside = inside.get(1..).unwrap_or_default();
        }
        let (action, left) = if inside.trim_start_matches(SPACE).starts_with("/*") {
            comment(inside)?
        } else {
            let end = action_end(inside)?;
            let (action, left) = inside.split_at_checked(end).unwrap_or((inside, ""));
            (Some(action), left.strip_prefix("}}").unwrap_or(left))
        };
        trim = false;
        match action {
            Some(action) => {
                let trimmed = action.strip_suffix('-').filter(|inner| inner.ends_with(SPACE));
                trim = trimmed.is_some();
                pieces.push(Piece::Action(trimmed.unwrap_or(action)));
                rest = left;
            }
            None => {
                // What a comment leaves begins with its closing delimiter.
                let marker = left.trim_start_matches(SPACE);
                if let Some(after) = marker.strip_prefix("-}}").filter(|_| marker.len() < left.len()) {
                    trim = true;
                    rest = after;
                } else if let Some(after) = left.strip_prefix("}}") {
                    rest = after;
                } else {
                    return Err(failed("template: comment ends before closing delimiter"));
                }
            }
        }
    }
}

/// Is this what follows the `-` of a trim marker?
fn marks_trim(after: Option<&str>) -> bool {
    after.is_some_and(|after| after.starts_with(SPACE))
}

/// Skips a comment. What is left begins right behind it.
fn comment(inside: &str) -> Parsed<(Option<&str>, &str)> {
    let start = inside.trim_start_matches(SPACE);
    if start.len() != inside.len() && !marks_trim(Some(inside)) {
        return Err(unsupported("a template with this comment"));
    }
    let body = start.strip_prefix("/*").unwrap_or(start);
    match body.split_once("*/") {
        Some((_, left)) => Ok((None, left)),
        None => Err(failed("template: unclosed comment")),
    }
}

/// Where the action ends: at `}}` outside of strings.
fn action_end(inside: &str) -> Parsed<usize> {
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for (index, next) in inside.char_indices() {
        match quote {
            Some('`') if next == '`' => quote = None,
            Some('`') => {}
            Some(_) if escaped => escaped = false,
            Some(_) if next == '\\' => escaped = true,
            Some(open) if next == open => quote = None,
            Some(_) if next == '\n' => return Err(failed("template: unterminated quoted string")),
            Some(_) => {}
            None if matches!(next, '"' | '`' | '\'') => quote = Some(next),
            None if inside.get(index..).is_some_and(|rest| rest.starts_with("}}")) => return Ok(index),
            None => {}
        }
    }
    Err(failed("template: unclosed action"))
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A name, with the fields right behind it.
    Name(String),
    Variable(String, Vec<String>),
    /// `.` alone, or fields.
    Dot(Vec<String>),
    Text(String),
    Integer(i64),
    Open,
    Close(Vec<String>),
    Pipe,
    Comma,
    Declare,
    Assign,
}

/// Reads `.a.b` right at the start.
fn fields(rest: &mut &str) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(after) = rest.strip_prefix('.') {
        let name = name_at(after);
        if name.is_empty() {
            break;
        }
        found.push(name.to_owned());
        *rest = after.get(name.len()..).unwrap_or_default();
    }
    found
}

fn name_at(text: &str) -> &str {
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let name = text.get(..end).unwrap_or_default();
    if name.starts_with(|c: char| c.is_numeric()) {
        return "";
    }
    name
}

fn tokens(action: &str) -> Parsed<Vec<Token>> {
    let mut found: Vec<Token> = Vec::new();
    let mut rest = action.trim_start_matches(SPACE);
    // Two operands need space between them.
    let mut spaced = true;
    while let Some(next) = rest.chars().next() {
        let after = rest.get(next.len_utf8()..).unwrap_or_default();
        let is_operand = !matches!(next, ')' | '|' | ',' | ':' | '=' | '(');
        if is_operand && !spaced {
            return Err(unsupported("a template with this action"));
        }
        let token = match next {
            '(' => {
                rest = after;
                Token::Open
            }
            ')' => {
                rest = after;
                Token::Close(fields(&mut rest))
            }
            '|' => {
                rest = after;
                Token::Pipe
            }
            ',' => {
                rest = after;
                Token::Comma
            }
            '=' => {
                rest = after;
                Token::Assign
            }
            ':' if after.starts_with('=') => {
                rest = after.get(1..).unwrap_or_default();
                Token::Declare
            }
            '$' => {
                let name = name_at(after);
                rest = after.get(name.len()..).unwrap_or_default();
                Token::Variable(name.to_owned(), fields(&mut rest))
            }
            '.' => {
                let found = fields(&mut rest);
                if found.is_empty() {
                    rest = after;
                }
                Token::Dot(found)
            }
            '`' => {
                let (text, left) = after.split_once('`').unwrap_or((after, ""));
                rest = left;
                Token::Text(text.to_owned())
            }
            '"' => quoted(after, &mut rest)?,
            '-' | '0'..='9' => integer(&mut rest)?,
            _ => {
                let name = name_at(rest);
                if name.is_empty() {
                    return Err(unsupported("a template with this action"));
                }
                rest = rest.get(name.len()..).unwrap_or_default();
                Token::Name(name.to_owned())
            }
        };
        let separates = matches!(
            token,
            Token::Open | Token::Pipe | Token::Comma | Token::Declare | Token::Assign
        );
        found.push(token);
        let trimmed = rest.trim_start_matches(SPACE);
        spaced = separates || trimmed.len() != rest.len();
        rest = trimmed;
    }
    Ok(found)
}

/// A string behind its first quote.
fn quoted<'a>(after: &'a str, rest: &mut &'a str) -> Parsed<Token> {
    let mut text = String::new();
    let mut chars = after.chars();
    loop {
        match chars.next() {
            None => return Err(failed("template: unterminated quoted string")),
            Some('"') => break,
            Some('\\') => text.push(match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(same @ ('"' | '\\')) => same,
                _ => return Err(unsupported("a template string with this escape")),
            }),
            Some(next) => text.push(next),
        }
    }
    *rest = chars.as_str();
    Ok(Token::Text(text))
}

/// A decimal integer; Go has many more forms of numbers.
fn integer(rest: &mut &str) -> Parsed<Token> {
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.' | '_' | '+'));
    let (text, left) = rest
        .split_at_checked(end.unwrap_or(rest.len()))
        .unwrap_or((rest, ""));
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    match text.parse() {
        Ok(number) if plain => {
            *rest = left;
            Ok(Token::Integer(number))
        }
        _ => Err(unsupported("a template with a number that is no plain integer")),
    }
}

/// What ends a list of nodes.
enum End {
    /// The end of the template.
    Text,
    Closed,
    /// With what follows the word.
    Else(Vec<Token>),
}

struct Parser<'a> {
    pieces: std::vec::IntoIter<Piece<'a>>,
    /// The variables in scope.
    variables: Vec<String>,
    depth: usize,
}

impl Parser<'_> {
    fn deeper(&mut self) -> Parsed<()> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_DEPTH {
            return Err(unsupported("a template nested too deeply"));
        }
        Ok(())
    }

    fn nodes(&mut self) -> Parsed<(Vec<Node>, End)> {
        self.deeper()?;
        let mut nodes = Vec::new();
        let end = loop {
            let action = match self.pieces.next() {
                None => break End::Text,
                Some(Piece::Text(text)) => {
                    nodes.push(Node::Text(text.to_owned()));
                    continue;
                }
                Some(Piece::Action(action)) => tokens(action)?,
            };
            let keyword = match action.first() {
                Some(Token::Name(name)) => name.as_str(),
                Some(_) => "",
                None => return Err(failed("template: missing value for command")),
            };
            let left = action.get(1..).unwrap_or_default();
            match keyword {
                "end" if left.is_empty() => break End::Closed,
                "else" => break End::Else(left.to_vec()),
                "if" | "with" | "range" => nodes.push(self.block(keyword, left)?),
                _ => nodes.push(Node::Action(self.pipeline(&action, "action")?)),
            }
        };
        self.depth = self.depth.saturating_sub(1);
        Ok((nodes, end))
    }

    fn block(&mut self, keyword: &str, header: &[Token]) -> Parsed<Node> {
        let scope = self.variables.len();
        let pipeline = self.pipeline(header, keyword)?;
        let inner = self.variables.len();
        let (then, end) = self.nodes()?;
        self.variables.truncate(inner);
        let otherwise = match end {
            End::Closed => Vec::new(),
            End::Text => return Err(failed("template: unexpected EOF")),
            End::Else(left) => match left.split_first() {
                None => {
                    let (nodes, end) = self.nodes()?;
                    match end {
                        End::Closed => nodes,
                        End::Text => return Err(failed("template: unexpected EOF")),
                        End::Else(_) => return Err(failed("template: expected end; found {{else}}")),
                    }
                }
                // It shares the `end` of what it belongs to.
                Some((Token::Name(word), header)) if word == "if" && keyword == "if" => {
                    self.deeper()?;
                    let node = self.block("if", header)?;
                    self.depth = self.depth.saturating_sub(1);
                    vec![node]
                }
                Some(_) => return Err(unsupported("a template with this {{else}}")),
            },
        };
        self.variables.truncate(scope);
        Ok(match keyword {
            "if" => Node::If {
                condition: pipeline,
                then,
                otherwise,
            },
            "with" => Node::With {
                value: pipeline,
                then,
                otherwise,
            },
            _ => Node::Range {
                over: pipeline,
                body: then,
                otherwise,
            },
        })
    }

    fn pipeline(&mut self, tokens: &[Token], context: &str) -> Parsed<Pipeline> {
        let mut rest = tokens;
        let (mut variables, mut declares) = (Vec::new(), false);
        let head: Vec<&Token> = tokens.iter().take(4).collect();
        match head.as_slice() {
            [Token::Variable(name, fields), Token::Declare | Token::Assign, ..] if fields.is_empty() => {
                variables.push(name.clone());
                declares = head.get(1) == Some(&&Token::Declare);
                rest = tokens.get(2..).unwrap_or_default();
            }
            [
                Token::Variable(key, none),
                Token::Comma,
                Token::Variable(value, also_none),
                Token::Declare,
            ] if context == "range" && none.is_empty() && also_none.is_empty() => {
                variables = vec![key.clone(), value.clone()];
                declares = true;
                rest = tokens.get(4..).unwrap_or_default();
            }
            _ => {}
        }
        let sets_here = !variables.is_empty() && !declares;
        if (sets_here && context != "action") || variables.iter().any(String::is_empty) {
            return Err(unsupported("a template with this assignment"));
        }
        if sets_here {
            self.known(&variables)?;
        }
        let mut cursor = Cursor { rest };
        let commands = self.commands(&mut cursor)?;
        if !cursor.rest.is_empty() {
            return Err(unsupported("a template with this action"));
        }
        if declares {
            self.variables.extend(variables.iter().cloned());
        }
        Ok(Pipeline {
            variables,
            declares,
            commands,
        })
    }

    fn known(&self, names: &[String]) -> Parsed<()> {
        match names.iter().find(|name| !self.variables.contains(name)) {
            Some(name) => Err(failed(format!("template: undefined variable \"${name}\""))),
            None => Ok(()),
        }
    }

    fn commands(&mut self, cursor: &mut Cursor<'_>) -> Parsed<Vec<Command>> {
        let mut commands = vec![self.command(cursor, true)?];
        while cursor.take(&Token::Pipe) {
            let command = self.command(cursor, false)?;
            commands.push(command);
        }
        Ok(commands)
    }

    fn command(&mut self, cursor: &mut Cursor<'_>, first: bool) -> Parsed<Command> {
        if let Some((Token::Name(name), rest)) = cursor.rest.split_first()
            && !matches!(name.as_str(), "true" | "false")
        {
            let function = function(name)?;
            cursor.rest = rest;
            let mut operands = Vec::new();
            while let Some(operand) = self.operand(cursor)? {
                operands.push(operand);
            }
            return Ok(Command::Call(function, operands));
        }
        let Some(operand) = self.operand(cursor)? else {
            return Err(failed("template: missing value for command"));
        };
        let done = matches!(cursor.rest.first(), None | Some(Token::Pipe | Token::Close(_)));
        if !first || !done {
            return Err(unsupported("a template that calls what is no function"));
        }
        Ok(Command::Operand(operand))
    }

    /// The operand that comes next, if one does.
    fn operand(&mut self, cursor: &mut Cursor<'_>) -> Parsed<Option<Operand>> {
        let Some((token, rest)) = cursor.rest.split_first() else {
            return Ok(None);
        };
        let (base, fields) = match token {
            Token::Dot(fields) => (Base::Dot, fields.clone()),
            Token::Variable(name, fields) => {
                self.known(std::slice::from_ref(name))?;
                (Base::Variable(name.clone()), fields.clone())
            }
            Token::Text(text) => (Base::Text(text.clone()), Vec::new()),
            Token::Integer(number) => (Base::Integer(*number), Vec::new()),
            Token::Name(name) if name == "true" || name == "false" => {
                (Base::Bool(name == "true"), Vec::new())
            }
            Token::Name(name) => {
                function(name)?;
                return Err(unsupported("a template with a function for an argument"));
            }
            Token::Open => {
                cursor.rest = rest;
                self.deeper()?;
                let commands = self.commands(cursor)?;
                self.depth = self.depth.saturating_sub(1);
                let Some((Token::Close(fields), left)) = cursor.rest.split_first() else {
                    return Err(failed("template: unclosed left paren"));
                };
                cursor.rest = left;
                let inner = Pipeline {
                    variables: Vec::new(),
                    declares: false,
                    commands,
                };
                return Ok(Some(Operand {
                    base: Base::Nested(Box::new(inner)),
                    fields: fields.clone(),
                }));
            }
            Token::Close(_) | Token::Pipe => return Ok(None),
            Token::Comma | Token::Declare | Token::Assign => {
                return Err(unsupported("a template with this action"));
            }
        };
        cursor.rest = rest;
        Ok(Some(Operand { base, fields }))
    }
}

struct Cursor<'t> {
    rest: &'t [Token],
}

impl Cursor<'_> {
    fn take(&mut self, wanted: &Token) -> bool {
        match self.rest.split_first() {
            Some((token, rest)) if token == wanted => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }
}

fn function(name: &str) -> Parsed<Function> {
    Ok(match name {
        "and" => Function::And,
        "or" => Function::Or,
        "not" => Function::Not,
        "eq" => Function::Eq,
        "ne" => Function::Ne,
        "lt" => Function::Lt,
        "le" => Function::Le,
        "gt" => Function::Gt,
        "ge" => Function::Ge,
        "len" => Function::Len,
        "index" => Function::Index,
        _ if REFUSED.contains(&name) => return Err(unsupported("a template with this function or keyword")),
        _ => return Err(failed(format!("template: function \"{name}\" not defined"))),
    })
}
