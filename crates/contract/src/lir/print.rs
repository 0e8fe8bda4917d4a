//! The text form of the low-level IR.

use super::{Expr, Frame, Func, Program, Stmt, Symbol, Var};
use std::fmt::{self, Write};

/// Prints a program so that [`super::parse`] reads it back equal.
#[must_use]
pub fn print(program: &Program) -> String {
    let mut out = String::new();
    for func in program.funcs.values() {
        // Writing to a String cannot fail.
        let _ = print_func(&mut out, func);
    }
    out
}

fn print_func(out: &mut String, func: &Func) -> fmt::Result {
    let name = |i: u32| {
        usize::try_from(i)
            .ok()
            .and_then(|i| func.vars.get(i))
            .map_or("?", String::as_str)
    };
    let params: Vec<&str> = (0..func.params).map(name).collect();
    write!(out, "fn {}({})", func.name, params.join(", "))?;
    if let Some(Var(r)) = func.result() {
        write!(out, " -> {}", name(r))?;
    }
    if func.frame == Frame::Memory {
        out.push_str(" memory");
        let fixed = func.params.saturating_add(u32::from(func.returns));
        let rest = func
            .vars
            .iter()
            .skip(usize::try_from(fixed).unwrap_or(usize::MAX));
        for var in rest {
            write!(out, " {var}")?;
        }
    }
    out.push_str(" {\n");
    Printer { out, func }.body(&func.body, 1)?;
    out.push_str("}\n\n");
    Ok(())
}

struct Printer<'a> {
    out: &'a mut String,
    func: &'a Func,
}

impl Printer<'_> {
    fn var(&mut self, var: Var) {
        let name = usize::try_from(var.0).ok().and_then(|i| self.func.vars.get(i));
        self.out.push_str(name.map_or("?", String::as_str));
    }

    fn body(&mut self, body: &[Stmt], depth: usize) -> fmt::Result {
        for stmt in body {
            for _ in 0..depth {
                self.out.push_str("  ");
            }
            self.stmt(stmt, depth)?;
            self.out.push('\n');
        }
        Ok(())
    }

    fn braces(&mut self, body: &[Stmt], depth: usize) -> fmt::Result {
        self.out.push_str(" {\n");
        self.body(body, depth.saturating_add(1))?;
        for _ in 0..depth {
            self.out.push_str("  ");
        }
        self.out.push('}');
        Ok(())
    }

    fn stmt(&mut self, stmt: &Stmt, depth: usize) -> fmt::Result {
        match stmt {
            Stmt::Let(var, e) => {
                self.out.push_str("let ");
                self.var(*var);
                self.out.push_str(" = ");
                self.expr(e)
            }
            Stmt::Set(var, e) => {
                self.var(*var);
                self.out.push_str(" = ");
                self.expr(e)
            }
            Stmt::Do(e) => self.expr(e),
            Stmt::If(cond, then, els) => {
                self.out.push_str("if ");
                self.expr(cond)?;
                self.braces(then, depth)?;
                if !els.is_empty() {
                    self.out.push_str(" else");
                    self.braces(els, depth)?;
                }
                Ok(())
            }
            Stmt::While(label, cond, body) => {
                write!(self.out, "while '{label} ")?;
                self.expr(cond)?;
                self.braces(body, depth)
            }
            Stmt::Block(label, body) => {
                write!(self.out, "block '{label}")?;
                self.braces(body, depth)
            }
            Stmt::Break(label) => write!(self.out, "break '{label}"),
            Stmt::Continue(label) => write!(self.out, "continue '{label}"),
            Stmt::Leave => self.out.write_str("leave"),
            Stmt::At(p) => write!(self.out, "place {} {} {}", p.file, p.row, p.col),
        }
    }

    fn expr(&mut self, e: &Expr) -> fmt::Result {
        match e {
            Expr::Const(word) => {
                if word.bit_len() <= 32 {
                    write!(self.out, "{word}")
                } else {
                    write!(self.out, "{word:#x}")
                }
            }
            Expr::Var(var) => {
                self.var(*var);
                Ok(())
            }
            Expr::Symbol(symbol) => write!(self.out, "{symbol}"),
            Expr::Tee(var, inner) => {
                self.out.push_str("tee(");
                self.var(*var);
                self.out.push_str(", ");
                self.expr(inner)?;
                self.out.push(')');
                Ok(())
            }
            Expr::Op(op, args) => self.call(op.mnemonic(), args),
            Expr::Call(name, args) => self.call(name, args),
        }
    }

    fn call(&mut self, name: &str, args: &[Expr]) -> fmt::Result {
        write!(self.out, "{name}(")?;
        for (i, arg) in args.iter().enumerate() {
            if i > 0 {
                self.out.push_str(", ");
            }
            self.expr(arg)?;
        }
        self.out.push(')');
        Ok(())
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Const(i) => write!(f, "@const:{i}"),
            Self::Memo(i) => write!(f, "@memo:{i}"),
            Self::Table(i) => write!(f, "@table:{i}"),
            Self::TableSize(i) => write!(f, "@table_size:{i}"),
            Self::MemoBase => f.write_str("@memo_base"),
            Self::MemoSize => f.write_str("@memo_size"),
            Self::PoolBase => f.write_str("@pool_base"),
            Self::PoolSize => f.write_str("@pool_size"),
            Self::PoolCode => f.write_str("@pool_code"),
            Self::Heap => f.write_str("@heap"),
        }
    }
}

impl Symbol {
    /// Reads the text form without the `@`.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let (name, index) = match text.split_once(':') {
            Some((name, index)) => (name, Some(index.parse::<u32>().ok()?)),
            None => (text, None),
        };
        Some(match (name, index) {
            ("const", Some(i)) => Self::Const(i),
            ("memo", Some(i)) => Self::Memo(i),
            ("table", Some(i)) => Self::Table(i),
            ("table_size", Some(i)) => Self::TableSize(i),
            ("memo_base", None) => Self::MemoBase,
            ("memo_size", None) => Self::MemoSize,
            ("pool_base", None) => Self::PoolBase,
            ("pool_size", None) => Self::PoolSize,
            ("pool_code", None) => Self::PoolCode,
            ("heap", None) => Self::Heap,
            _ => return None,
        })
    }
}
