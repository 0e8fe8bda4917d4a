//! Which schemas hold for a rule: those that the `schemas` of the `# METADATA` around it name.

use std::sync::Arc;

use serde_json::Value as Json;

use super::schema::{Schemas, type_of};
use super::shape::Type;
use crate::compile::hir::{Path, Root};
use crate::compile::package_path;
use crate::compile::tree::RuleId;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::annotation::{Annotation, Target};
use crate::syntax::ast::Module;

/// The type of a document or a part of it.
#[derive(Clone, Debug)]
pub(super) struct Known {
    root: Root,
    path: Path,
    document: Type,
}

/// What holds for one rule; what stands later wins.
pub(super) type Documents = Vec<Known>;

/// The type of a document that starts with `path`, and how many names of the path it covers.
pub(super) fn find(documents: &[Known], root: Root, path: &[Arc<str>]) -> Option<(Type, usize)> {
    documents
        .iter()
        .filter(|known| known.root == root && path.starts_with(&known.path))
        .max_by_key(|known| known.path.len())
        .map(|known| (known.document.clone(), known.path.len()))
}

/// What holds for rules without annotations, and for queries: the schema without a name is the input's.
pub(super) fn everywhere(schemas: &Schemas) -> Documents {
    let input = schemas.get("schema").map(|schema| Known {
        root: Root::Input,
        path: Vec::new(),
        document: type_of(schema),
    });
    input.into_iter().collect()
}

/// Collects what holds for each rule. Annotations are read once.
pub(super) struct Annotations<'m> {
    modules: &'m [Module],
    everywhere: Documents,
    /// What packages say for themselves and for those below.
    packages: Vec<(Path, bool, Documents)>,
    /// What rules say for all rules of their path, by that path.
    documents: Vec<(Path, Documents)>,
    rules: Vec<(RuleId, Documents)>,
}

impl<'m> Annotations<'m> {
    pub(super) fn read(modules: &'m [Module], schemas: &Schemas, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut found = Self {
            modules,
            everywhere: everywhere(schemas),
            packages: Vec::new(),
            documents: Vec::new(),
            rules: Vec::new(),
        };
        for (index, module) in modules.iter().enumerate() {
            for block in &module.annotations {
                if !block.yaml.contains("schemas") {
                    continue;
                }
                match block_of(block, schemas) {
                    Ok(documents) if documents.is_empty() => {}
                    Ok(documents) => found.add(index, block, documents),
                    Err(message) => diagnostics.push(
                        Diagnostic::new(&module.source, block.span, Code::Type, message).with_help(
                            "`schemas` is a list: `- input: schema.NAME`, or a schema in place of the name",
                        ),
                    ),
                }
            }
        }
        found
    }

    fn add(&mut self, module: usize, block: &Annotation, documents: Documents) {
        let Some(ast) = self.modules.get(module) else {
            return;
        };
        let package = package_path(ast);
        match (block.target, block.scope()) {
            (Target::Rule(rule), Some("document")) => {
                if let Some(rule) = ast.rules.get(rule) {
                    let path = package.into_iter().chain(rule.head.constant_path()).collect();
                    self.documents.push((path, documents));
                }
            }
            (Target::Rule(rule), _) => self.rules.push((RuleId { module, rule }, documents)),
            (Target::Package, scope) => {
                self.packages
                    .push((package, scope == Some("subpackages"), documents));
            }
            (Target::Import(_) | Target::Nothing, _) => {}
        }
    }

    /// Whether any schema is of the input.
    pub(super) fn know_input(&self) -> bool {
        let packages = self.packages.iter().map(|(.., documents)| documents);
        let rules = self.rules.iter().map(|(_, documents)| documents);
        let documents = self.documents.iter().map(|(_, documents)| documents);
        let all = packages.chain(rules).chain(documents).chain([&self.everywhere]);
        all.flatten().any(|known| known.root == Root::Input)
    }

    /// What holds for a rule.
    pub(super) fn of(&self, id: RuleId) -> Documents {
        let mut out = Vec::new();
        // `find` takes the last of those that are equally long, so the outermost come first.
        out.extend(self.everywhere.iter().cloned());
        let Some(module) = self.modules.get(id.module) else {
            return out;
        };
        let package = package_path(module);
        let mut around: Vec<_> = self
            .packages
            .iter()
            .filter(|(path, below, _)| *path == package || (*below && package.starts_with(path)))
            .collect();
        around.sort_by_key(|(path, below, _)| (path.len(), !*below));
        out.extend(
            around
                .into_iter()
                .flat_map(|(.., documents)| documents.iter().cloned()),
        );
        if let Some(rule) = module.rules.get(id.rule) {
            let path: Path = package.into_iter().chain(rule.head.constant_path()).collect();
            let same = self.documents.iter().filter(|(known, _)| *known == path);
            out.extend(same.flat_map(|(_, documents)| documents.iter().cloned()));
        }
        let own = self.rules.iter().filter(|(known, _)| *known == id);
        out.extend(own.flat_map(|(_, documents)| documents.iter().cloned()));
        out
    }
}

/// The `schemas` of a block. Names are looked up only when there are schemas to look in, as OPA does.
fn block_of(block: &Annotation, schemas: &Schemas) -> Result<Documents, String> {
    // What else is wrong with a block is for those who show or need it.
    let Ok(Json::Object(read)) = serde_saphyr::from_str::<Json>(&block.yaml) else {
        return Ok(Vec::new());
    };
    let Some(list) = read.get("schemas") else {
        return Ok(Vec::new());
    };
    let list = list.as_array().ok_or("`schemas` must be a list")?;
    let mut out = Vec::new();
    for entry in list.iter().filter_map(Json::as_object).flatten() {
        let (path, schema) = entry;
        let mut names = path.split('.');
        let root = match names.next() {
            Some("input") => Root::Input,
            Some("data") => Root::Data,
            _ => return Err(format!("`{path}` is not below `input` or `data`")),
        };
        let document = match schema {
            Json::String(name) => match schemas.get(&name_of(name)) {
                Some(schema) => type_of(schema),
                None if schemas.is_empty() => continue,
                None => return Err(unknown(name, schemas)),
            },
            Json::Object(_) => type_of(schema),
            _ => return Err(format!("the schema of `{path}` is neither a name nor a schema")),
        };
        out.push(Known {
            root,
            path: names.map(Arc::from).collect(),
            document,
        });
    }
    Ok(out)
}

/// `schema.a` for `schema.a` and `schema["a"]`.
fn name_of(written: &str) -> String {
    written.replace("[\"", ".").replace("\"]", "")
}

fn unknown(name: &str, schemas: &Schemas) -> String {
    let names: Vec<&str> = schemas.names().collect();
    format!("there is no schema `{name}`; there are {}", names.join(", "))
}
