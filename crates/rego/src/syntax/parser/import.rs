//! `package` and `import` clauses.

use super::{Parse, Parser};
use crate::diagnostic::Code;
use crate::source::Span;
use crate::syntax::ast::{Ident, Import, Package};
use crate::syntax::token::{Keyword, Tok};

/// The most names in a path.
const MAX_NAMES: usize = 120;

impl Parser<'_> {
    pub(super) fn package(&mut self) -> Parse<Package> {
        let start = self.span();
        if !self.eat_keyword(Keyword::Package) {
            let help = Some("a Rego file starts with a package clause, e.g. `package kubernetes.admission`");
            return Err(self.unexpected_help("`package`", help));
        }
        if self.newline() {
            return Err(self.unexpected("the package's name on the same line"));
        }
        let mut path = self.constant_path("the package's name")?;
        // `package data.a` is `package a`.
        if path.len() > 1 && path.first().is_some_and(|first| first.name.as_ref() == "data") {
            path.remove(0);
        }
        if !self.newline() && !matches!(self.tok(), Tok::Eof | Tok::Semicolon) {
            return Err(self.unexpected("the end of the package clause"));
        }
        Ok(Package {
            span: start.to(self.previous),
            path,
        })
    }

    /// `a.b["c"]`, all constant.
    fn constant_path(&mut self, wanted: &str) -> Parse<Vec<Ident>> {
        let mut path = vec![self.ident(wanted, true)?];
        loop {
            if self.glued(0, &Tok::Dot) {
                self.advance();
                path.push(self.ident("a name after the dot", true)?);
            } else if self.glued(0, &Tok::LBracket) {
                self.advance();
                let span = self.span();
                let Tok::String(name) = self.tok().clone() else {
                    return Err(self.unexpected("a constant string in the brackets"));
                };
                self.advance();
                path.push(Ident { name, span });
                self.expect(&Tok::RBracket, "`]`")?;
            } else {
                return Ok(path);
            }
            if path.len() > MAX_NAMES {
                let span = self.span();
                return Err(self.error(span, Code::TooComplex, "this path has too many names"));
            }
        }
    }

    pub(super) fn import(&mut self) -> Parse<Import> {
        let start = self.span();
        self.advance();
        let path = self.constant_path("the path to import")?;
        let alias = if self.eat_keyword(Keyword::As) {
            Some(self.ident("the import's new name", false)?)
        } else {
            None
        };
        let import = Import {
            span: start.to(self.previous),
            path,
            alias,
        };
        self.check_import(&import)?;
        if !self.newline() && !matches!(self.tok(), Tok::Eof | Tok::Semicolon) {
            return Err(self.unexpected("the end of the import"));
        }
        Ok(import)
    }

    fn check_import(&mut self, import: &Import) -> Parse<()> {
        let names: Vec<&str> = import.path.iter().map(|ident| ident.name.as_ref()).collect();
        let span = import
            .path
            .iter()
            .fold(Span::new(u32::MAX, 0), |span, ident| span.to(ident.span));
        match names.as_slice() {
            ["data" | "input", ..] => {}
            ["rego", "v1"] | ["future", "keywords"] => {
                if let Some(alias) = &import.alias {
                    return Err(self.error(alias.span, Code::InvalidImport, "this import can't be renamed"));
                }
            }
            [
                "future",
                "keywords",
                "in" | "every" | "if" | "contains" | "not" | "and" | "or",
            ] => {}
            ["future", ..] => {
                let help = "the keywords are `not`, `and` and `or`, and `in`, `every`, `if` and `contains`, which Rego v1 has without";
                return Err(self.error_help(span, Code::InvalidImport, "unknown keyword import", help));
            }
            ["rego", ..] => {
                let help = "only `import rego.v1` exists";
                return Err(self.error_help(span, Code::InvalidImport, "unknown import below `rego`", help));
            }
            _ => {
                let help = "imports start with `data` or `input`";
                return Err(self.error_help(span, Code::InvalidImport, "this path can't be imported", help));
            }
        }
        if let Some(name) = import.name()
            && !crate::syntax::ast::is_identifier(&name.name)
        {
            let help = "give it a name: `import ... as name`";
            return Err(self.error_help(
                name.span,
                Code::InvalidImport,
                "this import has no usable name",
                help,
            ));
        }
        Ok(())
    }
}
