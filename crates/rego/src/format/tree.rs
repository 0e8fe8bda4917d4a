//! What a module says, without where and how it is written: the means to tell that a text was only laid out anew.

use std::fmt::Write as _;

use crate::syntax::annotation::Target;
use crate::syntax::ast::{
    Body, Call, Head, HeadKind, Ident, Literal, LiteralKind, Module, Ref, Rule, Segment, TemplatePart, Term,
    TermKind, With,
};

/// The module's tree as text. Two modules with the same outline differ in layout and comments only.
///
/// Spellings that mean the same tree to OPA have one form: `a.b` and `a["b"]`; `p if true`, `p := true` and `p := true if true`;
/// the order of the imports, and keyword imports below `import rego.v1`.
#[must_use]
pub fn outline(module: &Module) -> String {
    let mut out = Outline(String::new());
    out.names("package", &module.package.path);
    let covered = module.imports.iter().any(super::is_rego_v1);
    let mut imports: Vec<String> = module
        .imports
        .iter()
        .filter(|import| !(covered && super::is_keyword_import(import)))
        .map(|import| {
            let mut line = Outline(String::new());
            line.names("import", &import.path);
            line.push(import.alias.as_ref().map_or("", |alias| &alias.name));
            line.0
        })
        .collect();
    imports.sort();
    for import in imports {
        out.push(&import);
    }
    for rule in &module.rules {
        out.rule(rule);
    }
    for annotation in &module.annotations {
        match annotation.target {
            Target::Package | Target::Rule(_) => out.push(&format!("{:?}", annotation.target)),
            Target::Import(_) | Target::Nothing => {}
        }
        for line in annotation.yaml.lines() {
            out.push(line.trim_end());
        }
    }
    out.0
}

/// The texts of a module's comments, sorted, without blanks at their ends.
#[must_use]
pub fn comment_texts(module: &Module) -> Vec<String> {
    let mut texts: Vec<String> = module
        .comments
        .iter()
        .map(|comment| module.source.slice(comment.span).trim_end().to_owned())
        .collect();
    texts.sort();
    texts
}

/// A statement's tree as text, with its modifiers.
#[must_use]
pub fn literal(literal: &Literal) -> String {
    let mut out = Outline(String::new());
    out.literal(literal);
    out.0
}

/// A head's tree as text: name, path, parameters and value.
#[must_use]
pub fn head(head: &Head) -> String {
    let mut out = Outline(String::new());
    out.head(head);
    out.0
}

/// A term's tree as text.
#[must_use]
pub(crate) fn term(term: &Term) -> String {
    let mut out = Outline(String::new());
    out.term(term);
    out.0
}

struct Outline(String);

impl Outline {
    fn push(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// A quoted text, which can't be mistaken for structure.
    fn quoted(&mut self, text: &str) {
        // Writing to a string can't fail.
        let _ = write!(self.0, "{text:?} ");
    }

    fn open(&mut self, kind: &str) {
        self.0.push('(');
        self.0.push_str(kind);
        self.0.push(' ');
    }

    fn close(&mut self) {
        self.0.push(')');
    }

    fn names(&mut self, kind: &str, path: &[Ident]) {
        self.open(kind);
        for name in path {
            self.quoted(&name.name);
        }
        self.close();
    }

    fn rule(&mut self, rule: &Rule) {
        self.open(if rule.default { "default" } else { "rule" });
        self.head(&rule.head);
        let last = rule.elses.len();
        self.condition(rule.body.as_ref(), last == 0);
        for (index, branch) in rule.elses.iter().enumerate() {
            self.open("else");
            self.value(branch.value.as_ref());
            self.condition(branch.body.as_ref(), index.saturating_add(1) == last);
            self.close();
        }
        self.close();
        self.0.push('\n');
    }

    fn head(&mut self, head: &Head) {
        self.open("head");
        self.reference(&head.reference);
        if let Some(args) = &head.args {
            self.all("args", args);
        }
        match &head.kind {
            HeadKind::Contains(member) => {
                self.open("contains");
                self.term(member);
                self.close();
            }
            HeadKind::Value(value) => self.value(value.as_ref()),
        }
        self.close();
    }

    /// A value; none is `true`.
    fn value(&mut self, value: Option<&Term>) {
        self.open("value");
        match value {
            Some(term) => self.term(term),
            None => self.0.push_str("true "),
        }
        self.close();
    }

    /// A condition; behind the last value of a rule, `true` is none.
    fn condition(&mut self, body: Option<&Body>, last: bool) {
        let Some(body) = body else { return };
        let only_true = matches!(
            body.literals.as_slice(),
            [Literal { kind: LiteralKind::Term(Term { kind: TermKind::Bool(true), .. }), with, .. }] if with.is_empty()
        );
        if !(last && only_true) {
            self.body(body);
        }
    }

    fn body(&mut self, body: &Body) {
        self.open("body");
        for literal in &body.literals {
            self.literal(literal);
        }
        self.close();
    }

    fn literal(&mut self, literal: &Literal) {
        match &literal.kind {
            LiteralKind::Term(term) => self.terms("holds", [term]),
            LiteralKind::Assign(left, right) => self.terms("assign", [left, right]),
            LiteralKind::Unify(left, right) => self.terms("unify", [left, right]),
            LiteralKind::Not(inner) => {
                self.open("not");
                self.literal(inner);
                self.close();
            }
            LiteralKind::Logical(inner) => {
                self.open(inner.op.keyword());
                inner.operands.iter().for_each(|operand| self.literal(operand));
                self.close();
            }
            LiteralKind::Group(body) => self.body(body),
            LiteralKind::Some(names) => self.names("some", names),
            LiteralKind::SomeIn {
                key,
                value,
                collection,
            } => self.terms("some-in", key.iter().chain([value, collection])),
            LiteralKind::Every {
                key,
                value,
                domain,
                body,
            } => {
                self.open("every");
                self.names("names", &key.iter().chain([value]).cloned().collect::<Vec<_>>());
                self.term(domain);
                self.body(body);
                self.close();
            }
        }
        self.modifiers(&literal.with);
    }

    fn modifiers(&mut self, with: &[With]) {
        for modifier in with {
            self.open("with");
            self.reference(&modifier.target);
            self.term(&modifier.value);
            self.close();
        }
    }

    fn terms<'t>(&mut self, kind: &str, terms: impl IntoIterator<Item = &'t Term>) {
        self.open(kind);
        for term in terms {
            self.term(term);
        }
        self.close();
    }

    fn all(&mut self, kind: &str, terms: &[Term]) {
        self.terms(kind, terms);
    }

    fn reference(&mut self, reference: &Ref) {
        self.open("ref");
        self.quoted(&reference.root.name);
        self.segments(&reference.path);
        self.close();
    }

    fn segments(&mut self, segments: &[Segment]) {
        for segment in segments {
            match (segment.as_str(), segment) {
                (Some(name), _) => {
                    self.0.push('.');
                    self.quoted(name);
                }
                (None, Segment::Bracket(term)) => self.terms("at", [term]),
                (None, Segment::Dot(_)) => {}
            }
        }
    }

    fn term(&mut self, term: &Term) {
        match &term.kind {
            TermKind::Null => self.0.push_str("null "),
            TermKind::Bool(value) => self.0.push_str(if *value { "true " } else { "false " }),
            TermKind::Number(text) => self.0.push_str(&format!("#{text} ")),
            TermKind::String(text) => self.quoted(text),
            TermKind::Template(parts) => self.template(parts),
            TermKind::Var(name) => self.0.push_str(&format!("${name} ")),
            TermKind::Ref(reference) => self.reference(reference),
            TermKind::Select(base, segments) => {
                self.open("select");
                self.term(base);
                self.segments(segments);
                self.close();
            }
            TermKind::Call(call) => self.call(call),
            TermKind::Infix(op, sides) => self.terms(op.symbol(), [&sides.0, &sides.1]),
            TermKind::Membership(inner) => {
                self.terms("in", inner.key.iter().chain([&inner.value, &inner.collection]));
            }
            TermKind::Array(items) => self.all("array", items),
            TermKind::Set(items) => self.all("set", items),
            TermKind::Object(pairs) => {
                self.terms("object", pairs.iter().flat_map(|(key, value)| [key, value]));
            }
            TermKind::ArrayComprehension(inner) => self.comprehension("array", [&inner.head], &inner.body),
            TermKind::SetComprehension(inner) => self.comprehension("set", [&inner.head], &inner.body),
            TermKind::ObjectComprehension(inner) => {
                self.comprehension("object", [&inner.key, &inner.value], &inner.body);
            }
        }
    }

    fn call(&mut self, call: &Call) {
        self.open("call");
        self.reference(&call.function);
        self.all("args", &call.args);
        self.close();
    }

    fn comprehension<const N: usize>(&mut self, kind: &str, heads: [&Term; N], body: &Body) {
        self.open("each");
        self.terms(kind, heads);
        self.body(body);
        self.close();
    }

    fn template(&mut self, parts: &[TemplatePart]) {
        self.open("template");
        for part in parts {
            match part {
                TemplatePart::Text(text) => self.quoted(text),
                TemplatePart::Term(term, with) => {
                    self.terms("part", [term]);
                    self.modifiers(with);
                }
            }
        }
        self.close();
    }
}
