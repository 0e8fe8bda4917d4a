//! Ordered rules to OPA's intermediate representation.
//!
//! A group of rules becomes one function per *context*. A context says what `with` has replaced around the call: functions, and
//! documents that rules would compute. What `with` gives to `input` and to base data is a matter of run time and needs no
//! context. The outermost context is 0, so its functions are named `g0.data...` as OPA names them.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::CompileOptions;
use super::hir::{Branch, Function, Path, Rule};
use super::tree::{GroupId, Node, NodeId, RuleId, Tree, ref_text};
use crate::builtins;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir;
use crate::source::{SourceFile, Span};
use crate::trace::{self, Map};

mod body;
mod builder;
mod data;
mod group;
mod points;
mod term;
mod with;

use builder::Builder;

/// The problem is recorded; give up on the function at hand.
pub(crate) struct Failed;

pub(crate) type Plan<T> = Result<T, Failed>;

/// What replaces a function.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mock {
    Function(Function),
    /// A value, which every function of the context takes as a parameter; they are ordered as the replaced functions are.
    Value,
}

/// What `with` has replaced around a call.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Context {
    /// Paths below which documents are base data, whatever the rules say.
    pub(crate) shadows: BTreeSet<Path>,
    pub(crate) mocks: BTreeMap<Function, Mock>,
}

impl Context {
    /// The functions that are replaced by values, in the order of the parameters.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Function> {
        self.mocks
            .iter()
            .filter(|(_, mock)| **mock == Mock::Value)
            .map(|(function, _)| function)
    }

    pub(crate) fn is_shadowed(&self, path: &[Arc<str>]) -> bool {
        !self.shadows.is_empty() && self.shadows.iter().any(|shadow| path.starts_with(shadow))
    }
}

/// How many statements a plan of these sources may have.
fn statements(sources: &[SourceFile], options: &CompileOptions) -> usize {
    let bytes = sources
        .iter()
        .map(|source| source.text().len())
        .fold(0_usize, usize::saturating_add);
    options.max_statements.saturating_add(bytes.saturating_mul(2))
}

/// An index into [`Planner::contexts`].
pub(crate) type ContextId = usize;

/// What is being planned: constants, functions done and functions to do.
pub(crate) struct Planner<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) rules: &'a HashMap<RuleId, Rule>,
    pub(crate) sources: &'a [SourceFile],
    pub(crate) diagnostics: &'a mut Vec<Diagnostic>,
    /// What the points of a traced plan stand for.
    pub(crate) trace: Option<&'a mut Map>,
    max_functions: usize,
    /// Statements that the plan may still have.
    statements_left: usize,
    strings: HashMap<String, u32>,
    policy: ir::Policy,
    contexts: Vec<Context>,
    context_ids: BTreeMap<Context, ContextId>,
    names: HashMap<(ContextId, GroupId), String>,
    queue: VecDeque<(ContextId, GroupId)>,
    builtins: BTreeSet<String>,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(
        tree: &'a Tree,
        rules: &'a HashMap<RuleId, Rule>,
        sources: &'a [SourceFile],
        options: &CompileOptions,
        diagnostics: &'a mut Vec<Diagnostic>,
        trace: Option<&'a mut Map>,
    ) -> Self {
        let mut policy = ir::Policy::default();
        policy.static_.files = sources.iter().map(|source| source.name().to_string()).collect();
        Self {
            tree,
            rules,
            sources,
            diagnostics,
            trace,
            max_functions: options.max_functions,
            statements_left: statements(sources, options),
            strings: HashMap::new(),
            policy,
            contexts: vec![Context::default()],
            context_ids: BTreeMap::from([(Context::default(), 0)]),
            names: HashMap::new(),
            queue: VecDeque::new(),
            builtins: BTreeSet::new(),
        }
    }

    /// Plans an entry point: a path below `data`.
    pub(crate) fn entry_point(&mut self, name: &str, path: &Path) {
        let file = self.file_of(path);
        let mut builder = Builder::new(self, 0, file, Vec::new());
        let Ok(blocks) = builder.entry_point(path) else {
            return;
        };
        self.policy.plans.push(ir::Plan {
            name: name.to_owned(),
            blocks,
        });
    }

    /// Plans a query: each solution adds the object of its variables to the result set.
    pub(crate) fn query(&mut self, name: &str, file: usize, branch: &Branch) {
        let mut builder = Builder::new(self, 0, file, Vec::new());
        let Ok(blocks) = builder.query(branch) else { return };
        self.policy.plans.push(ir::Plan {
            name: name.to_owned(),
            blocks,
        });
    }

    /// Plans all functions that the plans reach.
    pub(crate) fn finish(mut self) -> ir::Policy {
        while let Some((context, group)) = self.queue.pop_front() {
            self.function(context, group);
            // What is too large is said once, and said it must be: by the next function if this one just fitted.
            if self.is_full() && !self.diagnostics.is_empty() {
                break;
            }
        }
        self.policy.funcs.sort_by(|a, b| a.name.cmp(&b.name));
        for name in std::mem::take(&mut self.builtins) {
            if let Some(decl) = builtins::find(&name).map(builtins::Builtin::decl) {
                self.policy
                    .static_
                    .builtin_funcs
                    .push(ir::BuiltinFunc { name, decl });
            }
        }
        if self.trace.is_some() {
            // It takes any number of arguments.
            let decl = serde_json::json!({"type": "function", "variadic": {"type": "any"}});
            self.policy.static_.builtin_funcs.push(ir::BuiltinFunc {
                name: trace::POINT.to_owned(),
                decl,
            });
        }
        self.policy
    }

    fn function(&mut self, context: ContextId, group: GroupId) {
        let Some(name) = self.names.get(&(context, group)).cloned() else {
            return;
        };
        let Some(found) = self.tree.groups.get(group).cloned() else {
            return;
        };
        let first = found.rules.first().or(found.default.as_ref());
        let file = first.map_or(0, |rule| rule.module);
        let values = self
            .contexts
            .get(context)
            .map_or(0, |context| context.values().count());
        let mut builder = Builder::new(self, context, file, Vec::new());
        let Ok((params, result, blocks)) = builder.group(&found, values) else {
            return;
        };
        let path = std::iter::once(format!("g{context}"))
            .chain(found.path.iter().map(ToString::to_string))
            .collect();
        self.policy.funcs.push(ir::Func {
            name,
            path,
            params,
            return_: result,
            blocks,
        });
    }

    /// Counts a statement.
    pub(crate) fn count_statement(&mut self) {
        self.statements_left = self.statements_left.saturating_sub(1);
    }

    /// Whether the plan may have no more statements.
    pub(crate) fn is_full(&self) -> bool {
        self.statements_left == 0
    }

    // Constants.

    pub(crate) fn string(&mut self, text: &str) -> u32 {
        if let Some(index) = self.strings.get(text) {
            return *index;
        }
        let index = u32::try_from(self.policy.static_.strings.len()).unwrap_or(u32::MAX);
        self.policy.static_.strings.push(text.to_owned());
        self.strings.insert(text.to_owned(), index);
        index
    }

    pub(crate) fn uses_builtin(&mut self, name: &str) {
        self.builtins.insert(name.to_owned());
    }

    pub(crate) fn location(&self, file: usize, span: Span) -> ir::Location {
        let Some(source) = self.sources.get(file) else {
            return ir::Location::default();
        };
        let (row, col) = source.row_and_byte_column(span.start);
        let (end_row, end_col) = source.row_and_byte_column(span.end);
        ir::Location {
            file: u32::try_from(file).unwrap_or(0),
            row,
            col,
            end_row,
            end_col,
        }
    }

    /// The file of a rule at, above or below a path.
    fn file_of(&self, path: &Path) -> usize {
        let mut groups: Vec<GroupId> = self.tree.document(path).into_iter().collect();
        if let Some(node) = self.tree.node(path) {
            self.tree.documents_below(node, &mut groups);
        }
        let rules = groups
            .iter()
            .filter_map(|group| self.tree.groups.get(*group))
            .flat_map(|group| group.rules.iter());
        rules.map(|rule| rule.module).min().unwrap_or(0)
    }

    // Functions and contexts.

    /// The name of a group's function in a context; it will be planned.
    pub(crate) fn function_name(&mut self, context: ContextId, group: GroupId) -> Plan<String> {
        if let Some(name) = self.names.get(&(context, group)) {
            return Ok(name.clone());
        }
        let Some(found) = self.tree.groups.get(group) else {
            return Err(Failed);
        };
        if self.names.len() >= self.max_functions {
            return Err(Failed);
        }
        let name = format!("g{context}.{}", ref_text(&found.path));
        self.names.insert((context, group), name.clone());
        self.queue.push_back((context, group));
        Ok(name)
    }

    pub(crate) fn context(&self, id: ContextId) -> Context {
        self.contexts.get(id).cloned().unwrap_or_default()
    }

    pub(crate) fn context_id(&mut self, context: Context) -> ContextId {
        if let Some(id) = self.context_ids.get(&context) {
            return *id;
        }
        let id = self.contexts.len();
        self.contexts.push(context.clone());
        self.context_ids.insert(context, id);
        id
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&'a Node> {
        self.tree.nodes.get(id)
    }

    pub(crate) fn report(
        &mut self,
        file: usize,
        span: Span,
        code: Code,
        message: &str,
        help: &str,
    ) -> Failed {
        if let Some(source) = self.sources.get(file) {
            self.diagnostics
                .push(Diagnostic::new(source, span, code, message).with_help(help));
        }
        Failed
    }
}
