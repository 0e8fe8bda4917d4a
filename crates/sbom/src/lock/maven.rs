//! `pom.xml`: what is declared, without a network. Format: <https://maven.apache.org/pom.html>.
//!
//! Properties and managed versions are looked up in the file and in its parents, as far as those are in the repository. What a parent or a bill of materials
//! elsewhere says is unknown: such a package has no version, and that is reported. What packages need themselves is not in the file.

use super::draft::Draft;
use super::lines::Lines;
use super::{Failure, File};
use crate::model::{Component, Ecosystem, Purl, Scope};
use roxmltree::{Document, Node};
use std::collections::BTreeMap;

/// Parents of parents.
const MAX_PARENTS: usize = 16;
/// Properties in properties.
const MAX_EXPANSIONS: usize = 32;
/// Bytes that a text with properties may become.
const MAX_TEXT: usize = 4096;
/// Elements and texts of a file.
const MAX_NODES: u32 = 1_000_000;

/// What a file and its parents say; the nearest counts.
#[derive(Default)]
struct Model {
    properties: BTreeMap<String, String>,
    /// `group:artifact`, to version and scope.
    managed: BTreeMap<String, (Option<String>, Option<String>)>,
    /// A parent or an imported bill of materials that is not here.
    missing: Option<String>,
}

struct Dependency {
    line: u32,
    group: String,
    artifact: String,
    version: Option<String>,
    scope: Option<String>,
    optional: bool,
    import: bool,
    classifier: Option<String>,
    kind: Option<String>,
}

fn parse(text: &str) -> Result<Document<'_>, Failure> {
    let options = roxmltree::ParsingOptions {
        nodes_limit: MAX_NODES,
        ..roxmltree::ParsingOptions::default()
    };
    Document::parse_with_options(text, options)
        .map_err(|error| Failure::at(error.pos().row, format!("not XML: {error}")))
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.tag_name().name() == name)
}

fn text_of(node: Node<'_, '_>, name: &str) -> Option<String> {
    let text = child(node, name)?.text()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

pub(super) fn read(file: &File<'_>) -> Result<Draft, Failure> {
    let document = parse(file.text)?;
    let project = document.root_element();
    if project.tag_name().name() != "project" {
        return Err(Failure::at(1, "is no project of Maven"));
    }
    let mut model = Model::default();
    collect(file, project, file.path, &mut model, 0);
    let mut draft = Draft::default();
    draft.set_project(project_of(&model));
    let declared = child(project, "dependencies")
        .map(|list| dependencies(&document, list))
        .unwrap_or_default();
    for dependency in declared {
        add(file, &model, dependency, &mut draft);
    }
    Ok(draft)
}

/// The project itself as other modules of the repository name it.
fn project_of(model: &Model) -> Option<Purl> {
    let name = resolve(model, "${project.groupId}:${project.artifactId}")?;
    let version = resolve(model, "${project.version}")?;
    let project = Component::new(Ecosystem::Maven, &name, Some(&version)).ok()?;
    Some(project.purl().clone())
}

/// Adds what a project says to what is known already, and then its parent.
fn collect(file: &File<'_>, project: Node<'_, '_>, path: &str, model: &mut Model, depth: usize) {
    let parent = child(project, "parent");
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            model.properties.entry(name.to_owned()).or_insert(value);
        }
    };
    for name in ["groupId", "artifactId", "version"] {
        let inherited = || {
            parent
                .and_then(|parent| text_of(parent, name))
                .filter(|_| name != "artifactId")
        };
        let value = text_of(project, name).or_else(inherited);
        set(&format!("project.{name}"), value.clone());
        set(&format!("pom.{name}"), value);
        set(
            &format!("project.parent.{name}"),
            parent.and_then(|parent| text_of(parent, name)),
        );
    }
    for property in child(project, "properties")
        .into_iter()
        .flat_map(|list| list.children())
    {
        if property.is_element() {
            set(
                property.tag_name().name(),
                property.text().map(|text| text.trim().to_owned()),
            );
        }
    }
    let managed = child(project, "dependencyManagement").and_then(|managed| child(managed, "dependencies"));
    for entry in managed
        .map(|list| dependencies(project.document(), list))
        .unwrap_or_default()
    {
        if entry.import {
            model
                .missing
                .get_or_insert_with(|| format!("{}:{}", entry.group, entry.artifact));
        } else {
            let key = format!("{}:{}", entry.group, entry.artifact);
            model.managed.entry(key).or_insert((entry.version, entry.scope));
        }
    }
    if let Some(parent) = parent {
        let name = ["groupId", "artifactId"]
            .map(|name| text_of(parent, name).unwrap_or_default())
            .join(":");
        if depth >= MAX_PARENTS || !follow(file, parent, path, model, depth) {
            model.missing.get_or_insert(name);
        }
    }
}

/// Reads the parent if it is in the repository, and is the one that is meant.
fn follow(file: &File<'_>, parent: Node<'_, '_>, path: &str, model: &mut Model, depth: usize) -> bool {
    let relative = match child(parent, "relativePath") {
        // An empty path means: not from here.
        Some(node) => node.text().unwrap_or_default().trim().to_owned(),
        None => "../pom.xml".to_owned(),
    };
    if relative.is_empty() {
        return false;
    }
    let directory = format!("{}/pom.xml", relative.trim_end_matches('/'));
    let candidates = [relative.as_str(), directory.as_str()]
        .into_iter()
        .filter(|path| path.ends_with(".xml"));
    for candidate in candidates {
        let Some(above) = super::path_beside(path, candidate) else {
            continue;
        };
        let Some(text) = file.tree.read(&above).ok().flatten() else {
            continue;
        };
        let Ok(document) = parse(&text) else {
            return false;
        };
        let root = document.root_element();
        if text_of(root, "artifactId") != text_of(parent, "artifactId") {
            return false;
        }
        collect(file, root, &above, model, depth.saturating_add(1));
        return true;
    }
    false
}

fn dependencies(document: &Document<'_>, list: Node<'_, '_>) -> Vec<Dependency> {
    let mut found = Vec::new();
    // The parser counts them anew for each place.
    let lines = Lines::new(document.input_text());
    for node in list
        .children()
        .filter(|node| node.tag_name().name() == "dependency")
    {
        found.push(Dependency {
            line: lines.of(node.range().start),
            group: text_of(node, "groupId").unwrap_or_default(),
            artifact: text_of(node, "artifactId").unwrap_or_default(),
            version: text_of(node, "version"),
            scope: text_of(node, "scope"),
            optional: text_of(node, "optional").as_deref() == Some("true"),
            import: text_of(node, "scope").as_deref() == Some("import"),
            classifier: text_of(node, "classifier"),
            kind: text_of(node, "type"),
        });
    }
    found
}

/// A text with its properties put in; `None` if one is not known.
fn resolve(model: &Model, text: &str) -> Option<String> {
    let mut text = text.to_owned();
    for _ in 0..MAX_EXPANSIONS {
        let Some((before, rest)) = text.split_once("${") else {
            return Some(text);
        };
        let (name, after) = rest.split_once('}')?;
        let value = model.properties.get(name)?;
        text = format!("{before}{value}{after}");
        if text.len() > MAX_TEXT {
            return None;
        }
    }
    None
}

fn add(file: &File<'_>, model: &Model, dependency: Dependency, draft: &mut Draft) {
    let line = dependency.line;
    let name = format!("{}:{}", dependency.group, dependency.artifact);
    let Some(resolved) = resolve(model, &name) else {
        return draft.incomplete(
            line,
            format!("{name} has a property that is not in the repository: it is left out"),
        );
    };
    let managed = [&name, &resolved]
        .into_iter()
        .find_map(|name| model.managed.get(name));
    let written = dependency
        .version
        .clone()
        .or_else(|| managed.and_then(|(version, _)| version.clone()));
    // A range is no version.
    let version = written
        .as_deref()
        .and_then(|text| resolve(model, text))
        .filter(|text| !text.contains(['[', '(', ',']));
    let kind = dependency
        .kind
        .as_deref()
        .filter(|kind| *kind != "jar")
        .unwrap_or_default();
    let qualifiers = [
        ("classifier", dependency.classifier.as_deref().unwrap_or_default()),
        ("type", kind),
    ];
    let component = Component::qualified(Ecosystem::Maven, None, &resolved, version.as_deref(), &qualifiers);
    let Some(node) = draft.try_add(line, component.map(|component| component.found_at(file.at(line)))) else {
        return;
    };
    let scope = dependency
        .scope
        .or_else(|| managed.and_then(|(_, scope)| scope.clone()));
    let scope = match scope.as_deref() {
        Some("test") => Scope::Development,
        _ if dependency.optional => Scope::Optional,
        _ => Scope::Required,
    };
    draft.direct(node, scope);
    if let Some(component) = draft.node_mut(node) {
        component.scope = scope;
        component.requirement = written.clone().filter(|_| version.is_none());
    }
    if version.is_none() {
        let elsewhere = match (&written, &model.missing) {
            (Some(written), _) => format!("{written} can't be resolved within the repository"),
            (None, Some(missing)) => format!("it is managed elsewhere, perhaps in {missing}"),
            (None, None) => "none is declared".to_owned(),
        };
        draft.incomplete(line, format!("{resolved} has no version here: {elsewhere}"));
    }
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{component, inventory, problems, purls};
    use crate::model::Scope;

    fn dependency(artifact: &str, more: &str) -> String {
        format!("<dependency>\n<groupId>g</groupId><artifactId>{artifact}</artifactId>{more}</dependency>\n")
    }

    #[test]
    fn properties_parents_and_managed_versions() {
        let parent = format!(
            "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><groupId>top</groupId><artifactId>parent</artifactId><version>7</version>\
             <properties><v>1.${{minor}}</v><minor>0</minor></properties>\
             <dependencyManagement><dependencies>{}{}</dependencies></dependencyManagement></project>",
            dependency("managed", "<version>3.0</version><scope>test</scope>"),
            dependency("bom", "<version>1</version><type>pom</type><scope>import</scope>")
        );
        let text = format!(
            "<?xml version=\"1.0\"?>\n<project>\n<parent><groupId>top</groupId><artifactId>parent</artifactId><version>7</version></parent>\n\
             <artifactId>app</artifactId><properties><minor>5</minor></properties>\n<dependencies>\n{}{}{}{}{}{}</dependencies></project>",
            dependency("a", "<version>${v}</version>"),
            dependency("managed", ""),
            dependency("elsewhere", ""),
            dependency("range", "<version>[1,2)</version>"),
            dependency(
                "own",
                "<version>${project.version}</version><optional>true</optional>"
            ),
            dependency("c", "<version>1</version><classifier>linux</classifier>"),
        );
        let found = inventory(&[("pom.xml", &parent), ("app/pom.xml", &text)]);
        assert_eq!(
            purls(&found),
            [
                "pkg:maven/g/a@1.5",
                "pkg:maven/g/c@1?classifier=linux",
                "pkg:maven/g/elsewhere",
                "pkg:maven/g/managed@3.0",
                "pkg:maven/g/own@7",
                "pkg:maven/g/range",
            ]
        );
        assert_eq!(component(&found, "g/managed").scope, Scope::Development);
        assert_eq!(component(&found, "g/own").scope, Scope::Optional);
        assert_eq!(component(&found, "g/range").requirement.as_deref(), Some("[1,2)"));
        assert_eq!(
            component(&found, "g/a").locations.iter().next().unwrap().line,
            Some(6)
        );
        assert_eq!(
            problems(&found),
            [
                "app/pom.xml:10: g:elsewhere has no version here: it is managed elsewhere, perhaps in g:bom",
                "app/pom.xml:12: g:range has no version here: [1,2) can't be resolved within the repository",
            ]
        );
    }

    #[test]
    fn modules_of_the_repository_are_no_packages() {
        let parent = "<project><groupId>top</groupId><artifactId>parent</artifactId><version>${revision}</version>\
             <properties><revision>7</revision></properties></project>";
        let module = |artifact: &str, needs: &str| {
            format!(
                "<project><parent><groupId>top</groupId><artifactId>parent</artifactId><version>${{revision}}</version></parent>\
                 <artifactId>{artifact}</artifactId><dependencies>{needs}</dependencies></project>"
            )
        };
        let sibling = |version: &str, more: &str| {
            format!(
                "<dependency><groupId>top</groupId><artifactId>core</artifactId><version>{version}</version>{more}</dependency>"
            )
        };
        let core = module("core", &dependency("a", "<version>1</version>"));
        let app = module(
            "app",
            &format!(
                "{}{}{}",
                sibling("${project.version}", ""),
                sibling("7", "<type>test-jar</type>"),
                sibling("6", "")
            ),
        );
        let found = inventory(&[
            ("pom.xml", parent),
            ("app/pom.xml", &app),
            ("core/pom.xml", &core),
        ]);
        // One that was published before is somebody's package.
        assert_eq!(purls(&found), ["pkg:maven/g/a@1", "pkg:maven/top/core@6"]);
        assert_eq!(found.direct().len(), 2);
        assert!(problems(&found).is_empty(), "{:?}", found.problems);
    }

    /// The lines before each were counted: this took minutes.
    #[test]
    fn tens_of_thousands_of_dependencies() {
        let one = |n: usize| {
            format!(
                "<dependency><groupId>g</groupId><artifactId>a{n}</artifactId><version>1</version></dependency>\n"
            )
        };
        let all: String = (0..60_000).map(one).collect();
        let text = format!("<project><dependencies>\n{all}</dependencies></project>");
        let document = super::parse(&text).unwrap();
        let list = super::child(document.root_element(), "dependencies").unwrap();
        assert_eq!(super::dependencies(&document, list).last().unwrap().line, 60_001);
    }

    #[test]
    fn loops_bombs_and_damage_end() {
        let looped = "<project><parent><groupId>g</groupId><artifactId>a</artifactId><relativePath>pom.xml</relativePath></parent>\
             <artifactId>a</artifactId><properties><x>${y}${y}</x><y>${x}${x}</y></properties><dependencies>\
             <dependency><groupId>g</groupId><artifactId>b</artifactId><version>${x}</version></dependency></dependencies></project>";
        assert_eq!(purls(&inventory(&[("pom.xml", looped)])), ["pkg:maven/g/b"]);
        let found = problems(&inventory(&[("pom.xml", "<project>\n<a></b></project>")]));
        assert!(found[0].starts_with("pom.xml:2: not XML"), "{found:?}");
        let entity = "<!DOCTYPE p [<!ENTITY a \"x\">]><project>&a;</project>";
        assert_eq!(problems(&inventory(&[("pom.xml", entity)])).len(), 1);
    }
}
