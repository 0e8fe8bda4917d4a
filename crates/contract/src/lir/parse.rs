//! Reads the text form: functions, and expression macros (`macro name(a, b) = expr`) that only the runtime library uses.

use super::lex::{Spanned, Token, lex};
use super::{Expr, Frame, Func, Place, Program, Stmt, Symbol, Var};
use crate::op::Op;
use alloy_primitives::U256;
use std::collections::BTreeMap;

/// A syntax error in the text form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// Macros that later files may use.
#[derive(Clone, Default)]
pub(crate) struct Macros(BTreeMap<String, Macro>);

#[derive(Clone)]
struct Macro {
    params: Vec<String>,
    body: Expr,
}

/// Parses a program. `$NAME` is looked up in `named`.
///
/// # Errors
/// The first syntax error, unknown name or duplicate definition.
pub fn parse(text: &str, named: &BTreeMap<String, U256>) -> Result<Program, ParseError> {
    let mut program = Program::default();
    parse_into(text, named, &mut Macros::default(), &mut program)?;
    Ok(program)
}

/// Parses one file of a program of several.
pub(crate) fn parse_into(
    text: &str,
    named: &BTreeMap<String, U256>,
    macros: &mut Macros,
    program: &mut Program,
) -> Result<(), ParseError> {
    let tokens = lex(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        at: 0,
        named,
        macros,
        scope: Scope::default(),
    };
    while parser.at < tokens.len() {
        match parser.name()?.as_str() {
            "fn" => {
                let func = parser.func()?;
                let name = func.name.clone();
                if program.funcs.insert(name.clone(), func).is_some() {
                    return parser.fail(&format!("`{name}` is defined twice"));
                }
            }
            "macro" => parser.define_macro()?,
            other => return parser.fail(&format!("expected `fn` or `macro`, found `{other}`")),
        }
    }
    Ok(())
}

#[derive(Default)]
struct Scope {
    vars: Vec<String>,
    visible: Vec<(String, Var)>,
}

impl Scope {
    fn declare(&mut self, name: String) -> Var {
        let var = Var(u32::try_from(self.vars.len()).unwrap_or(u32::MAX));
        self.vars.push(name.clone());
        self.visible.push((name, var));
        var
    }

    fn find(&self, name: &str) -> Option<Var> {
        self.visible
            .iter()
            .rev()
            .find(|(n, _)| n == name)
            .map(|(_, v)| *v)
    }
}

struct Parser<'a> {
    tokens: &'a [Spanned],
    at: usize,
    named: &'a BTreeMap<String, U256>,
    macros: &'a mut Macros,
    scope: Scope,
}

impl Parser<'_> {
    fn fail<T>(&self, message: &str) -> Result<T, ParseError> {
        let before = self.at.saturating_sub(1);
        let line = self
            .tokens
            .get(before)
            .or_else(|| self.tokens.last())
            .map_or(0, |t| t.line);
        Err(ParseError {
            line,
            message: message.to_owned(),
        })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|t| &t.token)
    }

    fn take(&mut self) -> Result<Token, ParseError> {
        let token = self.peek().cloned();
        self.at = self.at.saturating_add(1);
        match token {
            Some(token) => Ok(token),
            None => self.fail("unexpected end"),
        }
    }

    fn name(&mut self) -> Result<String, ParseError> {
        match self.take()? {
            Token::Name(name) => Ok(name),
            other => self.fail(&format!("expected a name, found {other:?}")),
        }
    }

    fn label(&mut self) -> Result<String, ParseError> {
        match self.take()? {
            Token::Label(name) => Ok(name),
            other => self.fail(&format!("expected a label, found {other:?}")),
        }
    }

    fn eat(&mut self, punct: char) -> bool {
        let found = self.peek() == Some(&Token::Punct(punct));
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    fn expect(&mut self, punct: char) -> Result<(), ParseError> {
        if self.eat(punct) {
            Ok(())
        } else {
            self.fail(&format!("expected `{punct}`"))
        }
    }

    fn eat_name(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(name)) if name == word);
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    fn names(&mut self) -> Result<Vec<String>, ParseError> {
        let mut names = Vec::new();
        self.expect('(')?;
        while !self.eat(')') {
            names.push(self.name()?);
            self.eat(',');
        }
        Ok(names)
    }

    fn define_macro(&mut self) -> Result<(), ParseError> {
        let name = self.name()?;
        let params = self.names()?;
        self.expect('=')?;
        self.scope = Scope::default();
        for param in &params {
            self.scope.declare(param.clone());
        }
        let body = self.expr()?;
        match self.macros.0.insert(name.clone(), Macro { params, body }) {
            None => Ok(()),
            Some(_) => self.fail(&format!("macro `{name}` is defined twice")),
        }
    }

    fn func(&mut self) -> Result<Func, ParseError> {
        let name = self.name()?;
        self.scope = Scope::default();
        let params = self.names()?;
        let count = u32::try_from(params.len()).unwrap_or(u32::MAX);
        for param in params {
            self.scope.declare(param);
        }
        let returns = self.eat('>');
        if returns {
            let result = self.name()?;
            self.scope.declare(result);
        }
        let mut frame = Frame::Stack;
        if self.eat_name("memory") {
            frame = Frame::Memory;
            while self.peek() != Some(&Token::Punct('{')) {
                let var = self.name()?;
                self.scope.declare(var);
            }
        }
        let body = self.body()?;
        let vars = std::mem::take(&mut self.scope.vars);
        Ok(Func {
            name,
            params: count,
            returns,
            frame,
            vars,
            body,
        })
    }

    fn body(&mut self) -> Result<Vec<Stmt>, ParseError> {
        self.expect('{')?;
        let depth = self.scope.visible.len();
        let mut body = Vec::new();
        while !self.eat('}') {
            body.push(self.stmt()?);
        }
        self.scope.visible.truncate(depth);
        Ok(body)
    }

    fn number(&mut self) -> Result<u32, ParseError> {
        match self.take()? {
            Token::Word(word) => u32::try_from(word).or_else(|_| self.fail("number too big")),
            other => self.fail(&format!("expected a number, found {other:?}")),
        }
    }

    fn stmt(&mut self) -> Result<Stmt, ParseError> {
        let word = self.name()?;
        Ok(match word.as_str() {
            "let" => {
                let name = self.name()?;
                self.expect('=')?;
                let value = self.expr()?;
                Stmt::Let(self.scope.declare(name), value)
            }
            "if" => {
                let cond = self.expr()?;
                let then = self.body()?;
                let els = if self.eat_name("else") {
                    self.body()?
                } else {
                    Vec::new()
                };
                Stmt::If(cond, then, els)
            }
            "while" => {
                let label = self.label()?;
                let cond = self.expr()?;
                Stmt::While(label, cond, self.body()?)
            }
            "block" => {
                let label = self.label()?;
                Stmt::Block(label, self.body()?)
            }
            "break" => Stmt::Break(self.label()?),
            "continue" => Stmt::Continue(self.label()?),
            "leave" => Stmt::Leave,
            "place" => Stmt::At(Place {
                file: self.number()?,
                row: self.number()?,
                col: self.number()?,
            }),
            _ if self.eat('=') => {
                let Some(var) = self.scope.find(&word) else {
                    return self.fail(&format!("unknown variable `{word}`"));
                };
                Stmt::Set(var, self.expr()?)
            }
            _ => Stmt::Do(self.application(word)?),
        })
    }

    fn expr(&mut self) -> Result<Expr, ParseError> {
        match self.take()? {
            Token::Word(word) => Ok(Expr::Const(word)),
            Token::Named(name) => match self.named.get(&name) {
                Some(word) => Ok(Expr::Const(*word)),
                None => self.fail(&format!("unknown constant `${name}`")),
            },
            Token::Symbol(name) => match Symbol::from_text(&name) {
                Some(symbol) => Ok(Expr::Symbol(symbol)),
                None => self.fail(&format!("unknown symbol `@{name}`")),
            },
            Token::Name(name) if self.peek() == Some(&Token::Punct('(')) => self.application(name),
            Token::Name(name) => match self.scope.find(&name) {
                Some(var) => Ok(Expr::Var(var)),
                None => self.fail(&format!("unknown variable `{name}`")),
            },
            other => self.fail(&format!("expected an expression, found {other:?}")),
        }
    }

    fn application(&mut self, name: String) -> Result<Expr, ParseError> {
        self.expect('(')?;
        let mut args = Vec::new();
        while !self.eat(')') {
            args.push(self.expr()?);
            self.eat(',');
        }
        if name == "tee" {
            return match <[Expr; 2]>::try_from(args) {
                Ok([Expr::Var(var), value]) => Ok(Expr::Tee(var, Box::new(value))),
                _ => self.fail("`tee` takes a variable and a value"),
            };
        }
        if let Some(op) = Op::parse(&name) {
            return Ok(Expr::Op(op, args));
        }
        match self.macros.0.get(&name) {
            Some(definition) if definition.params.len() == args.len() => {
                Ok(substitute(&definition.body, &args))
            }
            Some(_) => self.fail(&format!("wrong number of arguments of macro `{name}`")),
            None => Ok(Expr::Call(name, args)),
        }
    }
}

fn substitute(body: &Expr, args: &[Expr]) -> Expr {
    let all = |list: &[Expr]| list.iter().map(|e| substitute(e, args)).collect();
    match body {
        Expr::Var(var) => usize::try_from(var.0)
            .ok()
            .and_then(|i| args.get(i))
            .unwrap_or(body)
            .clone(),
        Expr::Op(op, list) => Expr::Op(*op, all(list)),
        Expr::Call(name, list) => Expr::Call(name.clone(), all(list)),
        Expr::Const(_) | Expr::Symbol(_) | Expr::Tee(..) => body.clone(),
    }
}
