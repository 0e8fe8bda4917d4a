//! The formatter: a module laid out as `opa fmt` (1.x, Rego v1) lays it out.
//!
//! Tabs indent, blank lines are kept to one, imports are sorted within their groups, rules start with `:=`, `contains`
//! and `if`. What stands on several lines in brackets stays on several lines, one line of the source to a line of the
//! result; everything else is joined. No comment is lost: one that stands where no line ends moves to the end of its line.
//!
//! INVARIANT: the result parses to the same tree (see [`tree::outline`]); [`format()`] checks that and refuses otherwise.

mod collection;
mod comments;
mod rule;
mod statement;
mod term;
#[cfg(test)]
mod tests;
pub mod tree;
mod writer;

use crate::diagnostic::Diagnostic;
use crate::source::{FutureKeywords, SourceFile, Span};
use crate::syntax::ast::{Ident, Import, Module, Rule, future_keywords, is_identifier};
use crate::syntax::parse;
use crate::syntax::token::Keyword;

use comments::Comments;
use writer::Writer;

/// Why a text can't be formatted.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It is no Rego v1.
    #[error("the text can't be parsed")]
    Syntax(Vec<Diagnostic>),
    /// Formatting would change what the module says: a defect of the formatter. The text is best left alone.
    #[error("formatting {file} would change its meaning ({what}); this is a defect of the formatter")]
    Changed {
        /// The file's name.
        file: String,
        /// What would be lost.
        what: &'static str,
    },
}

/// Formats a module. One that is written in v0 comes out in v1.
///
/// # Errors
/// The diagnostics of the parser; or [`FormatError::Changed`] if the result would not say the same.
pub fn format(source: &SourceFile) -> Result<String, FormatError> {
    let module = parse(source).map_err(FormatError::Syntax)?;
    let text = layout(&module);
    let changed = |what| FormatError::Changed {
        file: source.name().to_string(),
        what,
    };
    let again = SourceFile::new(source.name().clone(), text.as_str());
    let again = parse(&again).map_err(|_| changed("the syntax"))?;
    if tree::outline(&module) != tree::outline(&again) {
        return Err(changed("the syntax tree"));
    }
    if tree::comment_texts(&module) != tree::comment_texts(&again) {
        return Err(changed("the comments"));
    }
    Ok(text)
}

fn layout(module: &Module) -> String {
    let mut formatter = Formatter {
        source: &module.source,
        out: Writer::default(),
        comments: Comments::new(&module.source, &module.comments),
        long_heads: module.rules.iter().any(has_long_head),
        minus_continues: false,
        future: module.source.future().with(future_keywords(&module.imports)),
    };
    formatter.module(module);
    formatter.out.finish()
}

/// Whether a head has so many segments that all heads of its module are written with dots.
fn has_long_head(rule: &Rule) -> bool {
    use crate::syntax::ast::HeadKind;
    let segments = rule.head.reference.path.len();
    segments > 1 || (segments == 1 && matches!(rule.head.kind, HeadKind::Contains(_)))
}

struct Formatter<'a> {
    source: &'a SourceFile,
    out: Writer,
    comments: Comments<'a>,
    /// Heads of two parts are written `a.b`; otherwise `a["b"]`, as OPA does.
    long_heads: bool,
    /// The next term begins a line on which a `-` would go on with the statement above.
    minus_continues: bool,
    /// The keywords that the module has.
    future: FutureKeywords,
}

/// A statement of a module.
enum Item<'m> {
    Import(&'m Import),
    Rule(&'m Rule),
}

impl Item<'_> {
    fn start(&self) -> u32 {
        match self {
            Self::Import(import) => import.span.start,
            Self::Rule(rule) => rule.span.start,
        }
    }
}

impl<'a> Formatter<'a> {
    fn line(&self, offset: u32) -> u32 {
        self.source.line(offset)
    }

    fn module(&mut self, module: &Module) {
        self.comments_before(module.package.span.start);
        self.out.text("package ");
        self.constant_path(&module.package.path);
        self.end_line(module.package.span.end);
        self.out.blank();
        let mut items: Vec<Item<'_>> = module.imports.iter().map(Item::Import).collect();
        items.extend(module.rules.iter().map(Item::Rule));
        items.sort_by_key(Item::start);
        let covered = module.imports.iter().any(is_rego_v1);
        let mut imports = Vec::new();
        let mut items = items.into_iter().peekable();
        while let Some(item) = items.next() {
            match item {
                // `import rego.v1` says all that the keyword imports say.
                Item::Import(import) if covered && is_keyword_import(import) => {}
                Item::Import(import) => imports.push(import),
                Item::Rule(rule) => {
                    self.imports(&std::mem::take(&mut imports));
                    let next = match items.peek() {
                        Some(Item::Rule(next)) => Some(*next),
                        _ => None,
                    };
                    self.rule_in_module(rule, next);
                }
            }
        }
        self.imports(&imports);
        self.comments_before(u32::MAX);
    }

    /// Imports without rules between them: sorted within the groups that blank lines make.
    fn imports(&mut self, imports: &[&Import]) {
        let mut rest = imports;
        while let Some((first, after)) = rest.split_first() {
            let mut last = self.line(first.span.start);
            let more = after
                .iter()
                .take_while(|import| {
                    let line = self.source.line(import.span.start);
                    let near = line.saturating_sub(last) <= 1;
                    last = line;
                    near
                })
                .count();
            let (group, others) = rest.split_at(more.saturating_add(1).min(rest.len()));
            rest = others;
            self.comments_before(first.span.start);
            let mut lines: Vec<(&Import, Option<Span>)> = group
                .iter()
                .map(|import| (*import, self.comments.at_end_of_line(import.span.end)))
                .collect();
            lines.sort_by(|(left, _), (right, _)| import_key(left).cmp(&import_key(right)));
            for (import, comment) in lines {
                self.out.text("import ");
                self.constant_path(&import.path);
                if let Some(alias) = &import.alias {
                    self.out.text(" as ");
                    self.out.text(&alias.name);
                }
                self.finish_line(comment);
            }
            self.out.blank();
        }
    }

    fn rule_in_module(&mut self, rule: &Rule, next: Option<&Rule>) {
        self.comments_before(rule.span.start);
        let start = self.out.len();
        self.rule(rule);
        self.end_line(rule.span.end);
        let one_line = self.out.lines_since(start) == 1;
        let adjacent = next.is_some_and(|next| {
            let line = self.line(rule.span.start).saturating_add(1);
            groupable(next) && self.line(next.span.start) == line
        });
        if !(one_line && adjacent && groupable(rule)) {
            self.out.blank();
        }
    }

    /// `a.b["odd name"]`, all constant.
    fn constant_path(&mut self, path: &[Ident]) {
        for (index, ident) in path.iter().enumerate() {
            if index == 0 {
                self.out.text(&ident.name);
            } else {
                self.constant_segment(&ident.name, ident.span);
            }
        }
    }

    /// `.name`, or `["name"]` where a dot can't stand or a keyword was quoted.
    fn constant_segment(&mut self, name: &str, span: Span) {
        let source = self.source;
        let written = source.slice(span);
        let quoted = written.starts_with(['"', '`']);
        if is_identifier(name) && !(quoted && Keyword::from_text(name).is_some()) {
            self.out.text(".");
            self.out.text(name);
        } else if quoted {
            self.out.text("[");
            self.out.text(written);
            self.out.text("]");
        } else {
            self.out.text(&format!("[{name:?}]"));
        }
    }

    // Lines and comments.

    /// Writes the comments that stand before `offset`, each on its line, with the blank lines around them.
    fn comments_before(&mut self, offset: u32) {
        let mut last = None;
        let mut in_metadata = false;
        while let Some(comment) = self.comments.next_before(offset) {
            let line = self.line(comment.start);
            let text = self.comments.text(comment);
            let marker = is_metadata_marker(text);
            if let Some(before) = last {
                let gap = line.saturating_sub(before) > 1;
                if gap || (in_metadata && marker) {
                    self.out.blank();
                    in_metadata = false;
                }
            }
            in_metadata |= marker;
            self.out.text(text);
            self.out.newline();
            last = Some(line);
        }
        let gap = last.is_some_and(|last| offset != u32::MAX && self.line(offset).saturating_sub(last) > 1);
        if gap {
            self.out.blank();
        }
    }

    /// Ends the line; what is written so far stands before `upto` in the source. Takes the comment that belongs here.
    fn end_line(&mut self, upto: u32) {
        let comment = self.comments.at_end_of_line(upto);
        self.finish_line(comment);
    }

    fn finish_line(&mut self, comment: Option<Span>) {
        if let Some(comment) = comment {
            self.out.text(" ");
            let text = self.comments.text(comment);
            self.out.text(text);
        }
        self.out.newline();
    }

    /// The offset just past the first `wanted` in the source from `from` on.
    fn past(&self, from: u32, wanted: char) -> u32 {
        let rest = self.source.text().get(from as usize..).unwrap_or("");
        let length = rest
            .find(wanted)
            .map_or(0, |at| at.saturating_add(wanted.len_utf8()));
        from.saturating_add(u32::try_from(length).unwrap_or(0))
    }
}

/// Whether a rule may stand directly below or above another one of its sort.
fn groupable(rule: &Rule) -> bool {
    !rule.default && rule.elses.is_empty() && rule.body.as_ref().is_none_or(|body| body.literals.len() < 2)
}

fn import_key(import: &Import) -> (Vec<&str>, &str) {
    let path = import.path.iter().map(|ident| ident.name.as_ref()).collect();
    (
        path,
        import.alias.as_ref().map_or("", |alias| alias.name.as_ref()),
    )
}

fn starts_with(import: &Import, names: &[&str]) -> bool {
    import.path.len() >= names.len()
        && import
            .path
            .iter()
            .zip(names)
            .all(|(ident, name)| ident.name.as_ref() == *name)
}

fn is_rego_v1(import: &Import) -> bool {
    starts_with(import, &["rego", "v1"])
}

/// Whether an import brings nothing but keywords that `rego.v1` brings too.
fn is_keyword_import(import: &Import) -> bool {
    starts_with(import, &["future", "keywords"])
        && future_keywords(std::slice::from_ref(import)) == FutureKeywords::default()
}

fn is_metadata_marker(comment: &str) -> bool {
    comment
        .strip_prefix('#')
        .is_some_and(|text| text.trim() == "METADATA")
}
