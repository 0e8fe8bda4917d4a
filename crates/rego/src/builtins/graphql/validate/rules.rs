//! The rules about operations, fields, fragments and directives.

use std::collections::{HashMap, HashSet};

use super::super::ast::{
    Argument, ArgumentDefinition, Definition, DefinitionKind, Directive, DirectiveDefinition, Field,
    Fragment, Inline, Operation, Pos, QueryDocument, Selection, Spread,
};
use super::super::invalid;
use super::super::parser::Parsed;
use super::{Fault, Walker};
use crate::builtins::Session;

/// From this many lists in lists on, introspection is refused.
const MAX_INTROSPECTION_LISTS: usize = 3;

/// No fragment may contain itself.
///
/// Goes first: everything else relies on it.
pub(super) fn no_cycles(
    document: &QueryDocument,
    fragments: &HashMap<&str, &Fragment>,
    session: &mut Session<'_>,
) -> Parsed<()> {
    let mut done: HashSet<&str> = HashSet::new();
    for start in &document.fragments {
        if done.contains(start.name.as_str()) {
            continue;
        }
        // Each fragment on the way with the spreads in it that are still to follow.
        let mut path: Vec<(&str, Vec<&Spread>)> = vec![(&start.name, spreads(&start.selections))];
        let mut on_path: HashSet<&str> = HashSet::from([start.name.as_str()]);
        while let Some((name, left)) = path.last_mut() {
            let step = session.budget.work(1);
            step.map_err(|limit| Fault::Stop(limit.into()))?;
            let Some(spread) = left.pop() else {
                done.insert(name);
                on_path.remove(name);
                path.pop();
                continue;
            };
            if on_path.contains(spread.name.as_str()) {
                let message = format!("Cannot spread fragment \"{}\" within itself.", spread.name);
                return Err(invalid(spread.pos, message));
            }
            if let Some(fragment) = fragments.get(spread.name.as_str())
                && !done.contains(fragment.name.as_str())
            {
                on_path.insert(&fragment.name);
                path.push((&fragment.name, spreads(&fragment.selections)));
            }
        }
    }
    Ok(())
}

/// All spreads below.
fn spreads(selections: &[Selection]) -> Vec<&Spread> {
    let mut found = Vec::new();
    let mut left: Vec<&[Selection]> = vec![selections];
    while let Some(selections) = left.pop() {
        for selection in selections {
            match selection {
                Selection::Field(field) => left.push(&field.selections),
                Selection::Inline(inline) => left.push(&inline.selections),
                Selection::Spread(spread) => found.push(spread),
            }
        }
    }
    found
}

/// What an argument list lacks.
fn missing<'d>(given: &[Argument], wanted: &'d [ArgumentDefinition]) -> Option<&'d ArgumentDefinition> {
    wanted.iter().find(|wanted| {
        wanted.of_type.non_null
            && wanted.default.is_none()
            && !given.iter().any(|given| given.name == wanted.name)
    })
}

fn unique_arguments(arguments: &[Argument]) -> Parsed<()> {
    let mut seen = HashSet::new();
    for argument in arguments {
        if !seen.insert(&argument.name) {
            let message = format!("There can be only one argument named \"{}\".", argument.name);
            return Err(invalid(argument.pos, message));
        }
    }
    Ok(())
}

impl<'a> Walker<'a, '_, '_> {
    pub(super) fn operation_rules(&mut self, operation: &'a Operation) -> Parsed<()> {
        if self.schema.root(&operation.operation).is_none() {
            let message = format!(
                "Schema does not support operation type \"{}\"",
                operation.operation
            );
            return Err(invalid(operation.pos, message));
        }
        if operation.name.is_empty() && self.document.operations.len() > 1 {
            let message = "This anonymous operation must be the only defined operation.";
            return Err(invalid(operation.pos, message));
        }
        let unused = operation
            .variables
            .iter()
            .zip(&self.used)
            .find(|(_, used)| !**used);
        if let Some((variable, _)) = unused {
            let mut message = format!("Variable \"${}\" is never used", variable.name);
            if !operation.name.is_empty() {
                message.push_str(&format!(" in operation \"{}\"", operation.name));
            }
            message.push('.');
            return Err(invalid(variable.pos, message));
        }
        self.no_conflicts(&operation.selections)?;
        if operation.operation == "subscription" {
            self.one_field(operation)?;
        }
        if !self.operation_names.insert(&operation.name) {
            let message = format!("There can be only one operation named \"{}\".", operation.name);
            return Err(invalid(operation.pos, message));
        }
        let mut seen = HashSet::new();
        for variable in &operation.variables {
            if !seen.insert(&variable.name) {
                let message = format!("There can be only one variable named \"${}\".", variable.name);
                return Err(invalid(variable.pos, message));
            }
        }
        for variable in &operation.variables {
            let definition = self.type_named(variable.of_type.name());
            if definition.is_some_and(|definition| !definition.is_input()) {
                let message = format!(
                    "Variable \"${}\" cannot be non-input type \"{}\".",
                    variable.name, variable.of_type
                );
                return Err(invalid(variable.pos, message));
            }
        }
        Ok(())
    }

    /// A subscription has one field, which is not introspection.
    fn one_field(&mut self, operation: &'a Operation) -> Parsed<()> {
        let title = if operation.name.is_empty() {
            "Anonymous Subscription".to_owned()
        } else {
            format!("Subscription {:?}", operation.name)
        };
        let mut names: Vec<(&str, Option<Pos>)> = Vec::new();
        let mut fragments = HashSet::new();
        self.top_fields(&operation.selections, &mut names, &mut fragments)?;
        let mut seen = HashSet::new();
        names.retain(|(name, _)| seen.insert(*name));
        if let Some((_, pos)) = names.get(1) {
            return Err(invalid(
                *pos,
                format!("{title} must select only one top level field."),
            ));
        }
        if let Some((_, pos)) = names.iter().find(|(name, _)| name.starts_with("__")) {
            let message = format!("{title} must not select an introspection top level field.");
            return Err(invalid(*pos, message));
        }
        Ok(())
    }

    fn top_fields(
        &mut self,
        selections: &'a [Selection],
        names: &mut Vec<(&'a str, Option<Pos>)>,
        fragments: &mut HashSet<&'a str>,
    ) -> Parsed<()> {
        self.spend(selections.len())?;
        for selection in selections {
            match selection {
                Selection::Field(field) => names.push((&field.name, field.pos)),
                Selection::Inline(inline) => self.top_fields(&inline.selections, names, fragments)?,
                Selection::Spread(spread) => {
                    let Some(fragment) = self.fragments.get(spread.name.as_str()).copied() else {
                        return Ok(());
                    };
                    if fragments.insert(&fragment.name) {
                        self.top_fields(&fragment.selections, names, fragments)?;
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn field_rules(&mut self, field: &'a Field) -> Parsed<()> {
        let known = self.resolved(field);
        if let (Some(object), None) = (known.object, known.definition) {
            let message = format!(
                "Cannot query field \"{}\" on type \"{}\".",
                field.name, object.name
            );
            return Err(invalid(field.pos, message));
        }
        if let (Some(object), Some(definition)) = (known.object, known.definition) {
            let stray = field
                .arguments
                .iter()
                .find(|given| definition.argument(&given.name).is_none());
            if let Some(stray) = stray {
                let message = format!(
                    "Unknown argument \"{}\" on field \"{}.{}\".",
                    stray.name, object.name, field.name
                );
                return Err(invalid(field.pos, message));
            }
        }
        if matches!(field.name.as_str(), "__schema" | "__type") && self.too_many_lists(field, 0)? {
            return Err(invalid(field.pos, "Maximum introspection depth exceeded"));
        }
        if self.operation.is_some() {
            // Without an operation the fragment itself is checked.
            self.no_conflicts(&field.selections)?;
        }
        if let Some(definition) = known.definition {
            if let Some(missing) = missing(&field.arguments, &definition.arguments) {
                let message = format!(
                    "Field \"{}\" argument \"{}\" of type \"{}\" is required, but it was not provided.",
                    field.name, missing.name, missing.of_type
                );
                return Err(invalid(field.pos, message));
            }
            let of_type = self.type_named(definition.of_type.name());
            if of_type.is_some_and(Definition::is_leaf) && !field.selections.is_empty() {
                let message = format!(
                    "Field \"{}\" must not have a selection since type \"{}\" has no subfields.",
                    field.name,
                    definition.of_type.name()
                );
                return Err(invalid(field.pos, message));
            }
            if of_type.is_some_and(|of| !of.is_leaf()) && field.selections.is_empty() {
                let message = format!(
                    "Field \"{0}\" of type \"{1}\" must have a selection of subfields. Did you mean \"{0} {{ ... }}\"?",
                    field.name, definition.of_type
                );
                return Err(invalid(field.pos, message));
            }
        }
        unique_arguments(&field.arguments)
    }

    /// Are there too many lists in lists below a field of introspection?
    fn too_many_lists(&mut self, field: &'a Field, lists: usize) -> Parsed<bool> {
        let is_list = matches!(
            field.name.as_str(),
            "fields" | "interfaces" | "possibleTypes" | "inputFields"
        );
        let lists = lists.saturating_add(usize::from(is_list));
        if lists >= MAX_INTROSPECTION_LISTS {
            return Ok(true);
        }
        self.too_many_lists_in(&field.selections, lists, 0)
    }

    fn too_many_lists_in(&mut self, selections: &'a [Selection], lists: usize, depth: usize) -> Parsed<bool> {
        self.spend(selections.len())?;
        if depth > super::MAX_EXPANDED_DEPTH {
            return Err(Fault::too_deep());
        }
        let below = depth.saturating_add(1);
        for selection in selections {
            let found = match selection {
                Selection::Field(field) => {
                    let is_list = matches!(
                        field.name.as_str(),
                        "fields" | "interfaces" | "possibleTypes" | "inputFields"
                    );
                    let lists = lists.saturating_add(usize::from(is_list));
                    lists >= MAX_INTROSPECTION_LISTS
                        || self.too_many_lists_in(&field.selections, lists, below)?
                }
                Selection::Inline(inline) => self.too_many_lists_in(&inline.selections, lists, below)?,
                Selection::Spread(spread) => match self.fragments.get(spread.name.as_str()).copied() {
                    Some(fragment) => self.too_many_lists_in(&fragment.selections, lists, below)?,
                    None => false,
                },
            };
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn inline_rules(&mut self, inline: &'a Inline, parent: Option<&'a Definition>) -> Parsed<()> {
        let condition = &inline.condition;
        let of_type = self.type_named(condition);
        if of_type.is_some_and(|of| !of.is_composite()) {
            let message = format!("Fragment cannot condition on non composite type \"{condition}\".");
            return Err(invalid(inline.pos, message));
        }
        if !condition.is_empty() && of_type.is_none() {
            return Err(invalid(inline.pos, format!("Unknown type \"{condition}\".")));
        }
        self.no_conflicts(&inline.selections)?;
        if let Some(parent) = parent
            && !self.may_be(parent, condition)?
        {
            let message = format!(
                "Fragment cannot be spread here as objects of type \"{}\" can never be of type \"{condition}\".",
                parent.name
            );
            return Err(invalid(inline.pos, message));
        }
        Ok(())
    }

    pub(super) fn fragment_rules(
        &mut self,
        fragment: &'a Fragment,
        of: Option<&'a Definition>,
    ) -> Parsed<()> {
        let (name, condition) = (&fragment.name, &fragment.condition);
        if of.is_some_and(|of| !of.is_composite()) {
            let message =
                format!("Fragment \"{name}\" cannot condition on non composite type \"{condition}\".");
            return Err(invalid(fragment.pos, message));
        }
        if of.is_none() {
            return Err(invalid(fragment.pos, format!("Unknown type \"{condition}\".")));
        }
        self.in_fragments = true;
        if !self.used_fragments.contains(name.as_str()) {
            return Err(invalid(
                fragment.pos,
                format!("Fragment \"{name}\" is never used."),
            ));
        }
        self.no_conflicts(&fragment.selections)?;
        if !self.fragment_names.insert(name) {
            let message = format!("There can be only one fragment named \"{name}\".");
            return Err(invalid(fragment.pos, message));
        }
        Ok(())
    }

    pub(super) fn spread_rules(&mut self, spread: &'a Spread, parent: Option<&'a Definition>) -> Parsed<()> {
        let Some(fragment) = self.fragments.get(spread.name.as_str()).copied() else {
            return Err(invalid(
                spread.pos,
                format!("Unknown fragment \"{}\".", spread.name),
            ));
        };
        if !self.in_fragments {
            self.used_fragments.insert(&spread.name);
        }
        if let Some(parent) = parent
            && !self.may_be(parent, &fragment.condition)?
        {
            let message = format!(
                "Fragment \"{}\" cannot be spread here as objects of type \"{}\" can never be of type \"{}\".",
                spread.name, parent.name, fragment.condition
            );
            return Err(invalid(spread.pos, message));
        }
        Ok(())
    }

    /// May a value of type `parent` be one of type `condition`? Yes, where another rule has the say.
    fn may_be(&mut self, parent: &'a Definition, condition: &str) -> Parsed<bool> {
        let own = [parent.name.clone()];
        let parents = match parent.kind {
            DefinitionKind::Object => own.as_slice(),
            DefinitionKind::Interface | DefinitionKind::Union => self.schema.possible_types(&parent.name),
            _ => return Ok(true),
        };
        if self.type_named(condition).is_none_or(|of| !of.is_composite()) {
            return Ok(true);
        }
        let possible = self.schema.possible_types(condition);
        self.spend(parents.len().saturating_add(possible.len()) >> 4)?;
        let parents: HashSet<&String> = parents.iter().collect();
        Ok(possible.iter().any(|name| parents.contains(name)))
    }

    pub(super) fn directive_rules(
        &mut self,
        directive: &'a Directive,
        definition: Option<&'a DirectiveDefinition>,
        location: &str,
    ) -> Parsed<()> {
        let (pos, name) = (directive.pos, &directive.name);
        let Some(definition) = definition else {
            return Err(invalid(pos, format!("Unknown directive \"@{name}\".")));
        };
        let stray = directive
            .arguments
            .iter()
            .find(|given| definition.argument(&given.name).is_none());
        if let Some(stray) = stray {
            let message = format!("Unknown argument \"{}\" on directive \"@{name}\".", stray.name);
            return Err(invalid(pos, message));
        }
        if !definition.locations.iter().any(|allowed| allowed == location) {
            return Err(invalid(
                pos,
                format!("Directive \"@{name}\" may not be used on {location}."),
            ));
        }
        if let Some(missing) = missing(&directive.arguments, &definition.arguments) {
            let message = format!(
                "Directive \"@{name}\" argument \"{}\" of type \"{}\" is required, but it was not provided.",
                missing.name, missing.of_type
            );
            return Err(invalid(pos, message));
        }
        unique_arguments(&directive.arguments)
    }
}
