//! What each name in a module means.
//!
//! The rules are the compiler's: parameters and declared locals hide imports, imports hide the package's rules; a name that is none
//! of these is a local of the body that uses it outside of its closures.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use stele_rego::Span;
use stele_rego::ast::{
    Body, Call, Comprehension, HeadKind, Ident, Import, Literal, LiteralKind, Module, Ref, Rule, Segment,
    Term, TermKind, With,
};
use stele_rego::builtins::{self, Builtin};
use stele_rego::syntax::visit::{self, Visitor};

use crate::special::{self, Special};

/// A path below `data` or `input`.
pub(crate) type Path = Vec<Arc<str>>;

/// What a name means.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// The local with this index in [`Names::locals`].
    Local(usize),
    /// The import with this index in the module.
    Import(usize),
    /// The document with this path: a rule, a package or data.
    Data(Path),
    /// A part of the input.
    Input(Path),
    /// A builtin function.
    Builtin(&'static Builtin),
    /// A function that the compiler settles.
    Special(&'static Special),
}

/// A name where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Occurrence {
    pub(crate) span: Span,
    pub(crate) target: Target,
    /// It defines what it names.
    pub(crate) declares: bool,
}

/// A variable.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) name: Arc<str>,
    /// Where it stands first.
    pub(crate) span: Span,
    /// Where it can be used.
    pub(crate) scope: Span,
    /// The function's parameter, not a variable of a body.
    pub(crate) parameter: bool,
}

/// The names of a module.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) occurrences: Vec<Occurrence>,
    pub(crate) locals: Vec<Local>,
}

impl Names {
    /// Resolves the names of a module, in whose package there are these rules.
    pub(crate) fn of(module: &Module, rules: &BTreeSet<Arc<str>>) -> Self {
        let mut binder = Binder::new(module, rules);
        binder.clauses();
        for rule in &module.rules {
            binder.rule(rule);
        }
        binder.out
    }

    /// The smallest name around an offset; one that ends there counts if none starts there.
    pub(crate) fn at(&self, offset: usize) -> Option<&Occurrence> {
        let offset = u32::try_from(offset).ok()?;
        self.occurrences
            .iter()
            .filter(|found| found.span.start <= offset && offset <= found.span.end)
            .min_by_key(|found| {
                let width = found.span.end.saturating_sub(found.span.start);
                (found.span.end == offset, width)
            })
    }
}

struct Binder<'a> {
    module: &'a Module,
    rules: &'a BTreeSet<Arc<str>>,
    package: Path,
    imports: HashMap<Arc<str>, usize>,
    /// The locals in reach, the innermost scope last.
    scopes: Vec<HashMap<Arc<str>, usize>>,
    out: Names,
}

/// A name with its place.
type Placed = (Arc<str>, Span);

impl<'a> Binder<'a> {
    fn new(module: &'a Module, rules: &'a BTreeSet<Arc<str>>) -> Self {
        let imports = module.imports.iter().enumerate();
        let imports = imports.filter_map(|(index, import)| Some((import.name()?.name.clone(), index)));
        Self {
            module,
            rules,
            package: module.package.path.iter().map(|name| name.name.clone()).collect(),
            imports: imports.collect(),
            scopes: Vec::new(),
            out: Names::default(),
        }
    }

    fn put(&mut self, span: Span, target: Target, declares: bool) {
        self.out.occurrences.push(Occurrence {
            span,
            target,
            declares,
        });
    }

    /// The package clause and the imports.
    fn clauses(&mut self) {
        let module = self.module;
        let mut path = Path::new();
        for name in &module.package.path {
            path.push(name.name.clone());
            let whole = path.len() == module.package.path.len();
            self.put(name.span, Target::Data(path.clone()), whole);
        }
        for (index, import) in module.imports.iter().enumerate() {
            self.import(index, import);
        }
    }

    fn import(&mut self, index: usize, import: &Import) {
        let Some((root, rest)) = import.path.split_first() else {
            return;
        };
        let Some(mut target) = root_document(&root.name) else {
            return;
        };
        self.put(root.span, target.clone(), false);
        for name in rest {
            extend(&mut target, &name.name);
            self.put(name.span, target.clone(), false);
        }
        if let Some(alias) = &import.alias {
            self.put(alias.span, Target::Import(index), true);
        }
    }

    /// What a name means here; none for the wildcard and for what is not defined.
    fn resolve(&self, name: &Arc<str>) -> Option<Target> {
        if let Some(local) = self.scopes.iter().rev().find_map(|scope| scope.get(name)) {
            return Some(Target::Local(*local));
        }
        self.resolve_global(name)
    }

    fn resolve_global(&self, name: &Arc<str>) -> Option<Target> {
        if let Some(index) = self.imports.get(name) {
            return Some(Target::Import(*index));
        }
        if self.rules.contains(name) {
            let mut path = self.package.clone();
            path.push(name.clone());
            return Some(Target::Data(path));
        }
        root_document(name)
    }

    /// A name, and the constant parts behind it.
    fn path(&mut self, root: &Ident, start: Option<Target>, segments: &[Segment]) {
        let Some(mut target) = start else { return };
        self.put(root.span, target.clone(), false);
        if let Target::Import(index) = target {
            match self.module.imports.get(index).and_then(import_target) {
                Some(document) => target = document,
                None => return,
            }
        }
        if !matches!(target, Target::Data(_) | Target::Input(_)) {
            return;
        }
        for segment in segments {
            let Some(name) = segment.as_str() else { return };
            extend(&mut target, name);
            self.put(segment.span(), target.clone(), false);
        }
    }

    /// A function's name where it is called or replaced.
    fn function(&mut self, function: &Ref) {
        let start = self.resolve_global(&function.root.name);
        // A rule named `object` hides no `object.get`, only a function of that very name does.
        let hidden =
            match &start {
                None => false,
                Some(Target::Data(_)) if !function.path.is_empty() => self.module.rules.iter().any(|rule| {
                    rule.head.args.is_some() && rule.head.reference.dotted() == function.dotted()
                }),
                Some(_) => true,
            };
        if !hidden && let Some(builtin) = function.dotted().and_then(|name| builtin(&name)) {
            return self.put(function.span, builtin, false);
        }
        self.path(&function.root, start, &function.path);
    }

    /// Opens a scope with what is declared in it and what is used in it without a declaration.
    fn open(&mut self, span: Span, declared: Vec<Placed>, free: Vec<Placed>, parameter: bool) {
        self.scopes.push(HashMap::new());
        for (name, at) in declared {
            self.declare(name, at, span, parameter);
        }
        for (name, at) in free {
            if self.resolve(&name).is_none() {
                self.declare(name, at, span, parameter);
            }
        }
    }

    fn declare(&mut self, name: Arc<str>, at: Span, scope: Span, parameter: bool) {
        let index = self.out.locals.len();
        let Some(names) = self.scopes.last_mut() else {
            return;
        };
        if name.as_ref() == "_" || names.contains_key(&name) {
            return;
        }
        names.insert(name.clone(), index);
        self.out.locals.push(Local {
            name,
            span: at,
            scope,
            parameter,
        });
    }

    fn close(&mut self) {
        self.scopes.pop();
    }

    /// Opens the scope of a body. `terms` are those that stand outside of it and see its locals.
    fn open_body(&mut self, span: Span, body: Option<&Body>, terms: &[&Term]) {
        let literals = body.map(|body| body.literals.as_slice()).unwrap_or_default();
        let mut declared = Vec::new();
        for literal in literals {
            declarations(literal, &mut declared);
        }
        let mut free = Free::default();
        terms.iter().for_each(|term| free.term(term));
        literals.iter().for_each(|literal| free.literal(literal));
        self.open(span, declared, free.0, false);
    }

    fn comprehension(&mut self, span: Span, heads: &[&Term], body: &Body) {
        self.open_body(span, Some(body), heads);
        heads.iter().for_each(|term| self.term(term));
        self.body(body);
        self.close();
    }
}

impl Visitor for Binder<'_> {
    fn rule(&mut self, rule: &Rule) {
        let head = &rule.head;
        let mut path = self.package.clone();
        path.push(head.reference.root.name.clone());
        self.put(head.reference.root.span, Target::Data(path.clone()), true);
        for segment in &head.reference.path {
            let Some(name) = segment.as_str() else { break };
            path.push(Arc::from(name));
            self.put(segment.span(), Target::Data(path.clone()), true);
        }
        let args = head.args.as_deref().unwrap_or_default();
        let mut parameters = Vec::new();
        args.iter().for_each(|arg| pattern(arg, &mut parameters));
        self.open(rule.span, parameters, Vec::new(), true);
        args.iter().for_each(|arg| self.term(arg));

        let brackets = head.reference.path.iter().filter_map(|segment| match segment {
            Segment::Bracket(term) => Some(term),
            Segment::Dot(_) => None,
        });
        let value = match &head.kind {
            HeadKind::Value(value) => value.as_ref(),
            HeadKind::Contains(member) => Some(member),
        };
        let terms: Vec<&Term> = brackets.chain(value).collect();
        let span = rule
            .body
            .as_ref()
            .map_or(head.span, |body| head.span.to(body.span));
        self.open_body(span, rule.body.as_ref(), &terms);
        terms.iter().for_each(|term| self.term(term));
        if let Some(body) = &rule.body {
            self.body(body);
        }
        self.close();

        for branch in &rule.elses {
            let terms: Vec<&Term> = branch.value.iter().collect();
            self.open_body(branch.span, branch.body.as_ref(), &terms);
            terms.iter().for_each(|term| self.term(term));
            if let Some(body) = &branch.body {
                self.body(body);
            }
            self.close();
        }
        self.close();
    }

    fn literal(&mut self, literal: &Literal) {
        match &literal.kind {
            LiteralKind::Every {
                key,
                value,
                domain,
                body,
            } => {
                self.term(domain);
                let names: Vec<Placed> = key.iter().chain([value]).map(placed).collect();
                self.open(literal.span, names.clone(), Vec::new(), false);
                for (name, span) in names {
                    self.variable(&name, span);
                }
                self.open_body(body.span, Some(body), &[]);
                self.body(body);
                self.close();
                self.close();
                literal.with.iter().for_each(|with| self.with(with));
            }
            LiteralKind::Group(body) => {
                self.open_body(body.span, Some(body), &[]);
                self.body(body);
                self.close();
                literal.with.iter().for_each(|with| self.with(with));
            }
            LiteralKind::Some(names) => {
                for name in names {
                    self.variable(&name.name, name.span);
                }
                literal.with.iter().for_each(|with| self.with(with));
            }
            _ => visit::walk_literal(self, literal),
        }
    }

    fn with(&mut self, with: &With) {
        self.function(&with.target);
        visit::walk_with(self, with);
    }

    fn term(&mut self, term: &Term) {
        match &term.kind {
            TermKind::Var(name) => self.variable(name, term.span),
            TermKind::ArrayComprehension(inner) | TermKind::SetComprehension(inner) => {
                let Comprehension { head, body } = inner.as_ref();
                self.comprehension(term.span, &[head], body);
            }
            TermKind::ObjectComprehension(inner) => {
                self.comprehension(term.span, &[&inner.key, &inner.value], &inner.body);
            }
            _ => visit::walk_term(self, term),
        }
    }

    fn reference(&mut self, reference: &Ref) {
        let start = self.resolve(&reference.root.name);
        self.path(&reference.root, start, &reference.path);
        visit::walk_ref(self, reference);
    }

    fn call(&mut self, call: &Call) {
        self.function(&call.function);
        for arg in &call.args {
            self.term(arg);
        }
    }
}

impl Binder<'_> {
    fn variable(&mut self, name: &Arc<str>, span: Span) {
        let Some(target) = self.resolve(name) else { return };
        let declares = match &target {
            Target::Local(index) => self
                .out
                .locals
                .get(*index)
                .is_some_and(|local| local.span == span),
            _ => false,
        };
        self.put(span, target, declares);
    }
}

fn builtin(name: &str) -> Option<Target> {
    let special = || special::find(name).map(Target::Special);
    builtins::find(name).map(Target::Builtin).or_else(special)
}

fn root_document(name: &str) -> Option<Target> {
    match name {
        "data" => Some(Target::Data(Path::new())),
        "input" => Some(Target::Input(Path::new())),
        _ => None,
    }
}

fn extend(target: &mut Target, name: &str) {
    if let Target::Data(path) | Target::Input(path) = target {
        path.push(Arc::from(name));
    }
}

/// The document that an import stands for.
pub(crate) fn import_target(import: &Import) -> Option<Target> {
    let (root, rest) = import.path.split_first()?;
    let mut target = root_document(&root.name)?;
    rest.iter().for_each(|name| extend(&mut target, &name.name));
    Some(target)
}

fn placed(name: &Ident) -> Placed {
    (name.name.clone(), name.span)
}

/// The names that a pattern declares: `x`, `[x, y]`, `{"k": x}`.
fn pattern(term: &Term, out: &mut Vec<Placed>) {
    match &term.kind {
        TermKind::Var(name) => out.push((name.clone(), term.span)),
        TermKind::Array(terms) => terms.iter().for_each(|term| pattern(term, out)),
        TermKind::Object(pairs) => pairs.iter().for_each(|(_, value)| pattern(value, out)),
        _ => {}
    }
}

fn declarations(literal: &Literal, out: &mut Vec<Placed>) {
    match &literal.kind {
        LiteralKind::Assign(left, _) => pattern(left, out),
        LiteralKind::Some(names) => out.extend(names.iter().map(placed)),
        LiteralKind::SomeIn { key, value, .. } => {
            key.iter().chain([value]).for_each(|term| pattern(term, out));
        }
        _ => {}
    }
}

/// The names that a body uses outside of its closures, in order.
#[derive(Default)]
struct Free(Vec<Placed>);

impl Visitor for Free {
    fn literal(&mut self, literal: &Literal) {
        match &literal.kind {
            LiteralKind::Every { domain, .. } => self.term(domain),
            LiteralKind::Group(_) => {}
            _ => visit::walk_literal(self, literal),
        }
    }

    fn with(&mut self, with: &With) {
        self.term(&with.value);
    }

    fn term(&mut self, term: &Term) {
        match &term.kind {
            TermKind::Var(name) => self.0.push((name.clone(), term.span)),
            TermKind::ArrayComprehension(_)
            | TermKind::SetComprehension(_)
            | TermKind::ObjectComprehension(_)
            | TermKind::Template(_) => {}
            _ => visit::walk_term(self, term),
        }
    }

    fn reference(&mut self, reference: &Ref) {
        self.0.push(placed(&reference.root));
        visit::walk_ref(self, reference);
    }

    fn call(&mut self, call: &Call) {
        for arg in &call.args {
            self.term(arg);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stele_rego::SourceFile;

    /// Each name with what it means, in the order of the text: `x=local@offset`.
    fn outline(text: &str) -> Vec<String> {
        let source = SourceFile::new("t.rego", text);
        let module = stele_rego::parse(&source).unwrap_or_else(|problems| panic!("{problems:?}"));
        let rules = module.rules.iter().map(|rule| rule.head.name().clone()).collect();
        let names = Names::of(&module, &rules);
        let mut found: Vec<(Span, String)> = names
            .occurrences
            .iter()
            .map(|found| {
                let target = match &found.target {
                    Target::Local(index) => {
                        let local = &names.locals[*index];
                        format!(
                            "{}{}",
                            if local.parameter { "parameter" } else { "local" },
                            local.span.start
                        )
                    }
                    Target::Import(index) => format!("import{index}"),
                    Target::Data(path) => format!("data.{}", path.join(".")),
                    Target::Input(path) => format!("input.{}", path.join(".")),
                    Target::Builtin(builtin) => format!("builtin.{}", builtin.name),
                    Target::Special(special) => format!("special.{}", special.name),
                };
                let sign = if found.declares { ":=" } else { "=" };
                (found.span, format!("{}{sign}{target}", source.slice(found.span)))
            })
            .collect();
        found.sort();
        found.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn rules_imports_builtins_and_input() {
        let found = outline(
            "package a.b\nimport data.lib.x as y\nimport input.user\np if y.f(user.name, count(input[\"k\"].z)) with data.q as r\nr.s := json.marshal(1) if print(1)\n",
        );
        let expected = "a=data.a b:=data.a.b data=data. lib=data.lib x=data.lib.x y:=import0 input=input. user=input.user \
             p:=data.a.b.p y=import0 f=data.lib.x.f user=import1 name=input.user.name count=builtin.count input=input. \
             \"k\"=input.k z=input.k.z data=data. q=data.q r=data.a.b.r r:=data.a.b.r s:=data.a.b.r.s \
             json.marshal=builtin.json.marshal print=special.print";
        assert_eq!(found.join(" "), expected);
    }

    #[test]
    fn locals_belong_to_their_scopes() {
        let text = "package t\nf(x) := y if {\n\ty := [x | some x in x.z; w := x]\n\tk = y[i]\n\tevery i, v in y { v > x; u := v }\n} else := x\nq contains i if some i, _ in input\n";
        let found = outline(text);
        let place = |needle: &str| text.find(needle).unwrap();
        let count = |name: String| found.iter().filter(|other| **other == name).count();
        let parameter = place("x) :=");
        assert_eq!(count(format!("x:=parameter{parameter}")), 1, "{found:?}");
        // In `every`, and in the value of the `else`.
        assert_eq!(count(format!("x=parameter{parameter}")), 2, "{found:?}");
        let inner = place("x in x.z");
        assert_eq!(count(format!("x:=local{inner}")), 1, "{found:?}");
        assert_eq!(count(format!("x=local{inner}")), 3, "{found:?}");
        let y = place("y := [");
        assert_eq!(count(format!("y:=local{y}")), 1, "{found:?}");
        assert_eq!(count(format!("y=local{y}")), 3, "{found:?}");
        // `i` of the unification is the body's, that of `every` its own.
        assert_eq!(count(format!("i:=local{}", place("i]"))), 1, "{found:?}");
        assert_eq!(count(format!("i:=local{}", place("i, v"))), 1, "{found:?}");
        // The head of a set sees the variable of its body.
        assert_eq!(count(format!("i=local{}", place("i, _"))), 1, "{found:?}");
    }

    #[test]
    fn the_name_at_an_offset() {
        let text = "package t\np := count(input.a)\n";
        let module = stele_rego::parse(&SourceFile::new("t.rego", text)).unwrap();
        let names = Names::of(&module, &BTreeSet::from([Arc::from("p")]));
        let at = |needle: &str| {
            names
                .at(text.find(needle).unwrap())
                .map(|found| found.target.clone())
        };
        assert!(matches!(at("count"), Some(Target::Builtin(builtin)) if builtin.name == "count"));
        assert!(matches!(at("a)"), Some(Target::Input(path)) if path.len() == 1));
        assert!(matches!(at("p :="), Some(Target::Data(_))));
        assert!(matches!(at("(input"), Some(Target::Builtin(_))), "it ends there");
        assert!(at(":=").is_none());
    }
}
