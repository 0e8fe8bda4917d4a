//! `rego.metadata.rule()` and `rego.metadata.chain()`: constants, made of the `# METADATA` blocks that apply to the calling rule.
//!
//! A block that may mean something else to OPA's YAML reader, or that has keys whose form OPA changes (`schemas`, `compile`), is
//! an error where it would be shown.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::hir::{Expr, Path};
use super::package_path;
use crate::syntax::annotation::{Annotation, Target};
use crate::syntax::ast::{Module, Rule, Segment, TermKind};

type Outcome<T> = Result<T, String>;

/// What `rego.metadata.rule()` gives in this rule: its own annotations, without those of anything around it.
pub(crate) fn rule(modules: &[Module], module: usize, rule: usize) -> Outcome<Expr> {
    let own = scoped(own_blocks(modules, module, rule), "rule")?;
    Ok(expr(&Json::Object(own.into_iter().next().unwrap_or_default())))
}

/// What `rego.metadata.chain()` gives in this rule: the annotations of the rule, its document, its package and the packages around
/// that, each with its path.
pub(crate) fn chain(modules: &[Module], module: usize, rule: usize) -> Outcome<Expr> {
    let Some((package, path)) = place(modules, module, rule)? else {
        return Err("no rule calls it".to_owned());
    };
    let mut links = Vec::new();
    for own in scoped(own_blocks(modules, module, rule), "rule")? {
        links.push(link(&path, Some(own)));
    }
    if links.is_empty() {
        links.push(link(&path, None));
    }
    let document = blocks_of_rules(modules, &path)?;
    if let Some(found) = scoped(document, "document")?.into_iter().next() {
        links.push(link(&path, Some(found)));
    }
    if let Some(found) = scoped(blocks_of_package(modules, &package), "package")?
        .into_iter()
        .next()
    {
        links.push(link(&package, Some(found)));
    }
    for length in (1..=package.len()).rev() {
        let around: Path = package.iter().take(length).cloned().collect();
        if let Some(found) = scoped(blocks_of_package(modules, &around), "subpackages")?
            .into_iter()
            .next()
        {
            links.push(link(&around, Some(found)));
        }
    }
    Ok(expr(&Json::Array(links)))
}

fn link(path: &Path, annotations: Option<Map<String, Json>>) -> Json {
    let names = path.iter().map(|name| Json::from(name.as_ref())).collect();
    let mut link = Map::from_iter([("path".to_owned(), Json::Array(names))]);
    if let Some(annotations) = annotations {
        link.insert("annotations".to_owned(), Json::Object(annotations));
    }
    Json::Object(link)
}

/// The package of a rule, and the rule's path below `data` as far as it is constant.
fn place(modules: &[Module], module: usize, rule: usize) -> Outcome<Option<(Path, Path)>> {
    let Some(module) = modules.get(module) else {
        return Ok(None);
    };
    match module.rules.get(rule) {
        Some(rule) => Ok(Some((package_path(module), path_of(module, rule)?))),
        None => Ok(None),
    }
}

fn path_of(module: &Module, rule: &Rule) -> Outcome<Path> {
    let constant = rule.head.constant_path();
    let next = rule.head.reference.path.get(constant.len().saturating_sub(1));
    if let Some(Segment::Bracket(term)) = next
        && !matches!(term.kind, TermKind::Var(_) | TermKind::Ref(_) | TermKind::Call(_))
    {
        return Err("the rule's name has a part that is neither a name nor a variable".to_owned());
    }
    Ok(package_path(module).into_iter().chain(constant).collect())
}

/// The blocks on a rule, the closest first.
fn own_blocks(modules: &[Module], module: usize, rule: usize) -> Vec<&Annotation> {
    let module = modules.get(module);
    let mut blocks: Vec<&Annotation> = module
        .into_iter()
        .flat_map(|module| module.rule_annotations(rule))
        .collect();
    blocks.reverse();
    blocks
}

/// The blocks on all rules with this path.
fn blocks_of_rules<'m>(modules: &'m [Module], path: &Path) -> Outcome<Vec<&'m Annotation>> {
    let mut found = Vec::new();
    for module in modules {
        for block in &module.annotations {
            let Target::Rule(index) = block.target else {
                continue;
            };
            if let Some(rule) = module.rules.get(index)
                && path_of(module, rule)? == *path
            {
                found.push(block);
            }
        }
    }
    Ok(found)
}

/// The blocks on the clauses of this package.
fn blocks_of_package<'m>(modules: &'m [Module], path: &Path) -> Vec<&'m Annotation> {
    modules
        .iter()
        .filter(|module| package_path(module) == *path)
        .flat_map(Module::package_annotations)
        .collect()
}

/// Those of the blocks that have this scope, as OPA shows them.
fn scoped(blocks: Vec<&Annotation>, wanted: &str) -> Outcome<Vec<Map<String, Json>>> {
    let mut found = Vec::new();
    for block in blocks {
        let raw = read(block)?;
        let scope = scope_of(&raw, block.target)?;
        if scope == wanted {
            found.push(shown(&raw, scope)?);
        }
    }
    Ok(found)
}

fn read(block: &Annotation) -> Outcome<Map<String, Json>> {
    // YAML 1.1 takes 010 for eight, YAML 1.2 for ten.
    let octal = block.yaml.split([' ', '\n', ',', '[', '{', ':']).any(|word| {
        let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
        digits.starts_with('0')
            && digits
                .get(1..)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    if octal && block.yaml.contains("custom") {
        return Err("a METADATA block has a number with a leading zero".to_owned());
    }
    let options = serde_saphyr::options! { strict_booleans: true };
    match serde_saphyr::from_str_with_options(&block.yaml, options) {
        Ok(Json::Object(raw)) => Ok(raw),
        Ok(_) => Err("a METADATA block is no mapping".to_owned()),
        Err(error) => Err(format!(
            "a METADATA block can't be read: {}",
            error.without_snippet()
        )),
    }
}

fn scope_of(raw: &Map<String, Json>, target: Target) -> Outcome<&str> {
    match raw.get("scope") {
        Some(Json::String(scope)) => Ok(scope),
        Some(_) => Err("a scope must be text".to_owned()),
        None => Ok(match target {
            Target::Rule(_) if raw.get("entrypoint") == Some(&Json::Bool(true)) => "document",
            Target::Rule(_) => "rule",
            _ => "package",
        }),
    }
}

/// The annotations in OPA's form: what is empty is left out.
fn shown(raw: &Map<String, Json>, scope: &str) -> Outcome<Map<String, Json>> {
    let mut out = Map::from_iter([("scope".to_owned(), Json::from(scope))]);
    for (key, value) in raw {
        let value = match (key.as_str(), value) {
            ("title" | "description", Json::String(_)) | ("entrypoint", Json::Bool(true)) => value.clone(),
            ("entrypoint", Json::Bool(false)) => continue,
            ("organizations", Json::Array(names)) if names.iter().all(Json::is_string) => value.clone(),
            ("authors", Json::Array(authors)) => authors.iter().map(author).collect::<Outcome<_>>()?,
            ("related_resources", Json::Array(resources)) => {
                resources.iter().map(resource).collect::<Outcome<_>>()?
            }
            ("custom", Json::Object(_)) => {
                certain(value)?;
                value.clone()
            }
            (
                "title" | "description" | "entrypoint" | "organizations" | "authors" | "related_resources"
                | "custom" | "schemas" | "compile" | "labels",
                _,
            ) => return Err(format!("`{key}` of a METADATA block can't be shown")),
            _ => continue,
        };
        let empty = match &value {
            Json::String(text) => text.is_empty(),
            Json::Array(items) => items.is_empty(),
            Json::Object(map) => map.is_empty(),
            _ => false,
        };
        if !empty {
            out.insert(key.clone(), value);
        }
    }
    Ok(out)
}

/// `Name <address>`, or an object with `name` and `email`.
fn author(raw: &Json) -> Outcome<Json> {
    let (name, email) = match raw {
        Json::String(text) => {
            let mut words: Vec<&str> = text.split_whitespace().collect();
            let address = words
                .last()
                .and_then(|last| last.strip_prefix('<')?.strip_suffix('>'));
            if address.is_some() {
                words.pop();
            }
            (words.join(" "), address.unwrap_or_default().to_owned())
        }
        Json::Object(map) => {
            let text = |key| map.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
            (text("name"), text("email"))
        }
        _ => return Err("an author must be text or an object".to_owned()),
    };
    if name.is_empty() && email.is_empty() {
        return Err("an author needs a name or an address".to_owned());
    }
    Ok(object([("name", name), ("email", email)]))
}

/// An address, or an object with `ref` and `description`.
fn resource(raw: &Json) -> Outcome<Json> {
    let (target, description) = match raw {
        Json::String(text) => (text.clone(), String::new()),
        Json::Object(map) => {
            let text = |key| map.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
            (text("ref"), text("description"))
        }
        _ => return Err("a related resource must be text or an object".to_owned()),
    };
    // OPA shows the address as Go's parser writes it again.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@&=+,;".contains(c);
    if target.is_empty() || !target.chars().all(plain) {
        return Err(format!("the address `{target}` can't be shown"));
    }
    Ok(object([("ref", target), ("description", description)]))
}

/// Without what is empty.
fn object<const N: usize>(pairs: [(&str, String); N]) -> Json {
    let filled = pairs.into_iter().filter(|(_, text)| !text.is_empty());
    Json::Object(
        filled
            .map(|(key, text)| (key.to_owned(), Json::from(text)))
            .collect(),
    )
}

/// Does every YAML reader take it so? Texts that look like times or odd numbers may have stood without quotes.
fn certain(value: &Json) -> Outcome<()> {
    match value {
        Json::String(text) => {
            let digits = |c: char| c.is_ascii_digit();
            let number = text.strip_prefix(['+', '-']).unwrap_or(text);
            let year = text.find(|c| !digits(c)) == Some(4) && text.get(4..5) == Some("-");
            let odd = number.starts_with(digits)
                && number.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && (number.starts_with('0') || number.contains('_'));
            if year || odd {
                return Err(format!("`{text}` of a METADATA block may be read in two ways"));
            }
            Ok(())
        }
        Json::Number(number) if number.is_f64() => {
            let plain = number
                .as_f64()
                .is_some_and(|number| (1e-4..1e15).contains(&number.abs()));
            if plain {
                Ok(())
            } else {
                Err(format!(
                    "the number {number} of a METADATA block may be written in two ways"
                ))
            }
        }
        Json::Array(items) => items.iter().try_for_each(certain),
        Json::Object(map) => map.values().try_for_each(certain),
        Json::Null | Json::Bool(_) | Json::Number(_) => Ok(()),
    }
}

fn expr(value: &Json) -> Expr {
    match value {
        Json::Null => Expr::Null,
        Json::Bool(value) => Expr::Bool(*value),
        Json::Number(number) => Expr::Number(Arc::from(number.to_string())),
        Json::String(text) => Expr::String(Arc::from(text.as_str())),
        Json::Array(items) => Expr::Array(items.iter().map(expr).collect()),
        Json::Object(map) => Expr::Object(
            map.iter()
                .map(|(key, value)| (Expr::String(Arc::from(key.as_str())), expr(value)))
                .collect(),
        ),
    }
}
