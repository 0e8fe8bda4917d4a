//! Queries against a schema.
//!
//! A walk over the document resolves what it meets and asks the rules; the first broken rule ends it. The rules, and the
//! order in which they are asked, are those of gqlparser v2.5.32, which OPA v1.14 has.

mod overlap;
mod rules;
mod values;

use std::collections::{HashMap, HashSet};

use super::ast::{
    Argument, ArgumentDefinition, Definition, Directive, Field, FieldDefinition, Fragment, Inline, Literal,
    LiteralKind, Operation, QueryDocument, Selection, Spread, Type, Variable,
};
use super::parser::Parsed;
use super::schema::{Schema, typename_field};
use super::{Fault, invalid};
use crate::builtins::Session;

/// The deepest nesting of selections, with fragments in the place of their spreads.
const MAX_EXPANDED_DEPTH: usize = 192;

/// Checks `document` against `schema`.
pub(super) fn validate(schema: &Schema, document: &QueryDocument, session: &mut Session<'_>) -> Parsed<()> {
    let typename = typename_field();
    let mut fragments: HashMap<&str, &Fragment> = HashMap::new();
    for fragment in &document.fragments {
        // The first of several with a name counts.
        fragments.entry(&fragment.name).or_insert(fragment);
    }
    rules::no_cycles(document, &fragments, session)?;
    let mut walker = Walker {
        schema,
        document,
        fragments,
        typename: &typename,
        session,
        fields: vec![Resolved::default(); document.fields],
        operation: None,
        used: Vec::new(),
        walked: HashSet::new(),
        depth: 0,
        operation_names: HashSet::new(),
        fragment_names: HashSet::new(),
        used_fragments: HashSet::new(),
        in_fragments: false,
        compared: HashSet::new(),
        compared_pairs: HashMap::new(),
    };
    for operation in &document.operations {
        walker.walk_operation(operation)?;
    }
    for fragment in &document.fragments {
        walker.walk_fragment(fragment)?;
    }
    Ok(())
}

/// What is known of a field of the query.
#[derive(Clone, Copy, Default)]
struct Resolved<'a> {
    definition: Option<&'a FieldDefinition>,
    /// The type that has the field.
    object: Option<&'a Definition>,
}

/// Where a literal stands.
#[derive(Clone, Copy, Default)]
struct Place<'a> {
    expected: Option<&'a Type>,
    /// There is a default, other than null.
    has_default: bool,
    definition: Option<&'a Definition>,
}

struct Walker<'a, 's, 'b> {
    schema: &'a Schema,
    document: &'a QueryDocument,
    fragments: HashMap<&'a str, &'a Fragment>,
    typename: &'a FieldDefinition,
    session: &'s mut Session<'b>,
    /// By the number of the field.
    fields: Vec<Resolved<'a>>,
    operation: Option<&'a Operation>,
    /// Which variables of the operation are used.
    used: Vec<bool>,
    /// The fragments that this operation or fragment has been through.
    walked: HashSet<&'a str>,
    depth: usize,
    operation_names: HashSet<&'a str>,
    fragment_names: HashSet<&'a str>,
    used_fragments: HashSet<&'a str>,
    /// A definition of a fragment has been walked.
    in_fragments: bool,
    /// State of [`overlap`].
    compared: HashSet<&'a str>,
    compared_pairs: HashMap<(&'a str, &'a str), bool>,
}

impl<'a> Walker<'a, '_, '_> {
    /// Charges for `count` steps.
    fn spend(&mut self, count: usize) -> Parsed<()> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.session
            .budget
            .work(count)
            .map_err(|limit| Fault::Stop(limit.into()))
    }

    fn resolved(&self, field: &Field) -> Resolved<'a> {
        self.fields.get(field.id).copied().unwrap_or_default()
    }

    fn type_named(&self, name: &str) -> Option<&'a Definition> {
        self.schema.types.get(name)
    }

    /// The first variable of the operation with this name, and its number.
    fn variable(&self, name: &str) -> Option<(usize, &'a Variable)> {
        let variables = &self.operation?.variables;
        variables
            .iter()
            .enumerate()
            .find(|(_, variable)| variable.name == name)
    }

    fn walk_operation(&mut self, operation: &'a Operation) -> Parsed<()> {
        self.walked.clear();
        self.operation = Some(operation);
        self.used = operation.variables.iter().map(|variable| variable.used).collect();
        for variable in &operation.variables {
            if self.type_named(variable.of_type.name()).is_none() {
                let message = format!("Unknown type \"{}\".", variable.of_type.name());
                return Err(invalid(variable.pos, message));
            }
        }
        for variable in &operation.variables {
            if let Some(default) = &variable.default {
                let place = Place {
                    expected: Some(&variable.of_type),
                    has_default: default.expected_type_has_default,
                    definition: self.type_named(variable.of_type.name()),
                };
                self.walk_value(default, place)?;
            }
            self.walk_directives(&variable.directives, "VARIABLE_DEFINITION")?;
        }
        let location = match operation.operation.as_str() {
            "query" | "" => "QUERY",
            "mutation" => "MUTATION",
            "subscription" => "SUBSCRIPTION",
            other => {
                return Err(invalid(
                    operation.pos,
                    format!("got unknown operation type {other:?}"),
                ));
            }
        };
        self.walk_directives(&operation.directives, location)?;
        self.walk_selections(self.schema.root(&operation.operation), &operation.selections)?;
        self.operation_rules(operation)?;
        self.operation = None;
        Ok(())
    }

    fn walk_fragment(&mut self, fragment: &'a Fragment) -> Parsed<()> {
        self.walked.clear();
        let definition = self.type_named(&fragment.condition);
        self.walk_directives(&fragment.directives, "FRAGMENT_DEFINITION")?;
        self.walk_selections(definition, &fragment.selections)?;
        self.fragment_rules(fragment, definition)
    }

    fn walk_selections(&mut self, parent: Option<&'a Definition>, selections: &'a [Selection]) -> Parsed<()> {
        if self.depth >= MAX_EXPANDED_DEPTH {
            return Err(Fault::too_deep());
        }
        self.depth = self.depth.saturating_add(1);
        for selection in selections {
            self.spend(1)?;
            match selection {
                Selection::Field(field) => self.walk_field(parent, field)?,
                Selection::Inline(inline) => self.walk_inline(parent, inline)?,
                Selection::Spread(spread) => self.walk_spread(parent, spread)?,
            }
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }

    fn walk_field(&mut self, parent: Option<&'a Definition>, field: &'a Field) -> Parsed<()> {
        self.spend(parent.map_or(0, |parent| parent.fields.len()) >> 4)?;
        let definition = if field.name == "__typename" {
            Some(self.typename)
        } else {
            parent.and_then(|parent| parent.field(&field.name))
        };
        if let Some(known) = self.fields.get_mut(field.id) {
            *known = Resolved {
                definition,
                object: parent,
            };
        }
        let below = definition.and_then(|definition| self.type_named(definition.of_type.name()));
        for argument in &field.arguments {
            self.walk_argument(
                argument,
                definition.and_then(|field| field.argument(&argument.name)),
            )?;
        }
        self.walk_directives(&field.directives, "FIELD")?;
        self.walk_selections(below, &field.selections)?;
        self.field_rules(field)
    }

    fn walk_inline(&mut self, parent: Option<&'a Definition>, inline: &'a Inline) -> Parsed<()> {
        let below = if inline.condition.is_empty() {
            parent
        } else {
            self.type_named(&inline.condition)
        };
        self.walk_directives(&inline.directives, "INLINE_FRAGMENT")?;
        self.walk_selections(below, &inline.selections)?;
        self.inline_rules(inline, parent)
    }

    fn walk_spread(&mut self, parent: Option<&'a Definition>, spread: &'a Spread) -> Parsed<()> {
        self.walk_directives(&spread.directives, "FRAGMENT_SPREAD")?;
        if let Some(fragment) = self.fragments.get(spread.name.as_str()).copied()
            && self.walked.insert(&fragment.name)
        {
            self.walk_selections(self.type_named(&fragment.condition), &fragment.selections)?;
        }
        self.spread_rules(spread, parent)
    }

    fn walk_directives(&mut self, directives: &'a [Directive], location: &str) -> Parsed<()> {
        for directive in directives {
            let definition = self.schema.directives.get(&directive.name);
            for argument in &directive.arguments {
                self.walk_argument(argument, definition.and_then(|of| of.argument(&argument.name)))?;
            }
            self.directive_rules(directive, definition, location)?;
        }
        let mut seen = HashSet::new();
        for directive in directives {
            if !seen.insert(&directive.name) && directive.name != "repeatable" {
                let message = format!(
                    "The directive \"@{}\" can only be used once at this location.",
                    directive.name
                );
                return Err(invalid(directive.pos, message));
            }
        }
        Ok(())
    }

    fn walk_argument(&mut self, argument: &'a Argument, of: Option<&'a ArgumentDefinition>) -> Parsed<()> {
        let place = match of {
            Some(of) => self.place(&of.of_type, of.default.as_ref()),
            None => Place {
                has_default: argument.value.expected_type_has_default,
                ..Place::default()
            },
        };
        self.walk_value(&argument.value, place)
    }

    /// Where a value of this type stands.
    fn place(&self, expected: &'a Type, default: Option<&Literal>) -> Place<'a> {
        Place {
            expected: Some(expected),
            has_default: default.is_some_and(|default| default.kind != LiteralKind::Null),
            definition: self.type_named(expected.name()),
        }
    }

    fn walk_value(&mut self, value: &'a Literal, place: Place<'a>) -> Parsed<()> {
        self.spend(1)?;
        match value.kind {
            LiteralKind::Variable => {
                if let Some((index, _)) = self.variable(&value.raw)
                    && let Some(used) = self.used.get_mut(index)
                {
                    *used = true;
                }
            }
            LiteralKind::Object => {
                for child in &value.children {
                    let field = place.definition.and_then(|of| of.field(&child.name));
                    let below = match field {
                        Some(field) => self.place(&field.of_type, field.default.as_ref()),
                        None => Place {
                            has_default: child.value.expected_type_has_default,
                            ..Place::default()
                        },
                    };
                    self.walk_value(&child.value, below)?;
                }
            }
            LiteralKind::List => {
                let element = place.expected.and_then(Type::element);
                for child in &value.children {
                    let below = Place {
                        expected: element,
                        has_default: child.value.expected_type_has_default,
                        definition: element.and(place.definition),
                    };
                    self.walk_value(&child.value, below)?;
                }
            }
            _ => {}
        }
        self.value_rules(value, place)
    }
}
