//! Prints a policy.

use std::fmt::Write as _;

use crate::ir::{Block, Func, Local, Operand, Plan, Policy, Stmt, StringIndex};

/// The text form of `policy`.
#[must_use]
pub fn print(policy: &Policy) -> String {
    let mut printer = Printer {
        policy,
        out: String::new(),
        indent: 0,
        mentioned: Vec::new(),
    };
    printer.strings("strings", 's', &policy.static_.strings);
    printer.line("builtins {");
    for builtin in &policy.static_.builtin_funcs {
        printer.line(&format!("  {} {}", quoted(&builtin.name), builtin.decl));
    }
    printer.line("}");
    printer.strings("files", 'f', &policy.static_.files);
    for plan in &policy.plans {
        printer.plan(plan);
    }
    for func in &policy.funcs {
        printer.func(func);
    }
    printer.out
}

/// Something that can be printed in a statement's field.
pub(in crate::ir) trait Print {
    fn print(&self, printer: &mut Printer<'_>);
}

/// The text so far.
pub(in crate::ir) struct Printer<'a> {
    policy: &'a Policy,
    out: String,
    indent: usize,
    /// String constants that the current line mentions.
    mentioned: Vec<StringIndex>,
}

impl Printer<'_> {
    /// Prints one field of a statement.
    pub(in crate::ir) fn field(&mut self, name: &str, value: &dyn Print) {
        self.text(" ");
        self.text(name);
        self.text("=");
        value.print(self);
    }

    fn text(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Starts a line with the current indent.
    fn start(&mut self) {
        for _ in 0..self.indent {
            self.out.push_str("  ");
        }
    }

    fn line(&mut self, text: &str) {
        self.start();
        self.text(text);
        self.end();
    }

    /// Ends the line, with the mentioned constants as a comment.
    fn end(&mut self) {
        for (n, index) in std::mem::take(&mut self.mentioned).into_iter().enumerate() {
            self.text(if n == 0 { " # " } else { ", " });
            self.text(&quoted(self.policy.string(index).unwrap_or("?")));
        }
        self.text("\n");
    }

    fn strings(&mut self, title: &str, prefix: char, list: &[String]) {
        self.line(&format!("{title} {{"));
        for (index, value) in list.iter().enumerate() {
            self.line(&format!("  {prefix}{index} {}", quoted(value)));
        }
        self.line("}");
    }

    fn plan(&mut self, plan: &Plan) {
        self.text("plan ");
        self.text(&quoted(&plan.name));
        self.text(" ");
        plan.blocks.print(self);
        self.end();
    }

    fn func(&mut self, func: &Func) {
        self.text("func ");
        self.text(&quoted(&func.name));
        self.field("path", &func.path);
        self.field("params", &func.params);
        self.field("return", &func.return_);
        self.text(" ");
        func.blocks.print(self);
        self.end();
    }

    fn stmt(&mut self, stmt: &Stmt) {
        self.start();
        let name = stmt.kind.name();
        self.text(name.strip_suffix("Stmt").unwrap_or(name));
        stmt.kind.print_fields(self);
        let at = stmt.location;
        let _ = write!(self.out, " @{}:{}:{}", at.file, at.row, at.col);
        if (at.end_row, at.end_col) != (0, 0) {
            let _ = write!(self.out, "-{}:{}", at.end_row, at.end_col);
        }
        self.end();
    }

    fn list<T>(&mut self, items: &[T], mut print: impl FnMut(&mut Self, &T)) {
        self.text("[");
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                self.text(" ");
            }
            print(self, item);
        }
        self.text("]");
    }
}

/// `text` as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Print for u32 {
    fn print(&self, printer: &mut Printer<'_>) {
        printer.text(&self.to_string());
    }
}

impl Print for i64 {
    fn print(&self, printer: &mut Printer<'_>) {
        printer.text(&self.to_string());
    }
}

impl Print for String {
    fn print(&self, printer: &mut Printer<'_>) {
        printer.text(&quoted(self));
    }
}

impl Print for Local {
    fn print(&self, printer: &mut Printer<'_>) {
        printer.text(&self.to_string());
    }
}

impl Print for Operand {
    fn print(&self, printer: &mut Printer<'_>) {
        if let Self::StringIndex(index) = *self {
            printer.mentioned.push(index);
        }
        printer.text(&self.to_string());
    }
}

impl Print for Block {
    fn print(&self, printer: &mut Printer<'_>) {
        printer.text("{");
        printer.end();
        printer.indent = printer.indent.saturating_add(1);
        for stmt in &self.stmts {
            printer.stmt(stmt);
        }
        printer.indent = printer.indent.saturating_sub(1);
        printer.start();
        printer.text("}");
    }
}

macro_rules! print_lists {
    ($($item:ty),+) => { $(
        impl Print for Vec<$item> {
            fn print(&self, printer: &mut Printer<'_>) {
                printer.list(self, |printer, item| item.print(printer));
            }
        }
    )+ };
}

print_lists!(u32, Local, Operand, String, Block);
