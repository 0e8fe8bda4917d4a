//! The rule that fields with one name in the answer are one field.
//!
//! Selections are compared pairwise, with each other and through the fragments that they spread.

use std::collections::{HashMap, HashSet};

use super::super::ast::{Argument, DefinitionKind, Field, Pos, Selection, Spread, Type};
use super::super::invalid;
use super::super::parser::Parsed;
use super::{Fault, MAX_EXPANDED_DEPTH, Walker};

/// Two fields that can't be merged.
struct Conflict {
    name: String,
    because: String,
    pos: Option<Pos>,
}

/// The fields of a selection by their names in the answer, and the fragments spread in it.
#[derive(Default)]
struct Collected<'a> {
    /// In the order in which the names appear.
    order: Vec<&'a str>,
    fields: HashMap<&'a str, Vec<&'a Field>>,
    spreads: Vec<&'a Spread>,
}

impl<'a> Collected<'a> {
    fn add(&mut self, selections: &'a [Selection]) {
        for selection in selections {
            match selection {
                Selection::Field(field) => {
                    let name = field.response_name();
                    let fields = self.fields.entry(name).or_insert_with(|| {
                        self.order.push(name);
                        Vec::new()
                    });
                    fields.push(field);
                }
                Selection::Inline(inline) => self.add(&inline.selections),
                Selection::Spread(spread) => self.spreads.push(spread),
            }
        }
    }

    fn ids(&self) -> Vec<usize> {
        let fields = self.order.iter().filter_map(|name| self.fields.get(name));
        fields.flatten().map(|field| field.id).collect()
    }

    fn size(&self) -> usize {
        self.order.len().saturating_add(self.spreads.len())
    }
}

type Found = Parsed<Option<Conflict>>;

impl<'a> Walker<'a, '_, '_> {
    /// There must be no two fields in this selection that can't be merged.
    pub(super) fn no_conflicts(&mut self, selections: &'a [Selection]) -> Parsed<()> {
        if selections.is_empty() {
            return Ok(());
        }
        let Some(conflict) = self.conflict_within(selections)? else {
            return Ok(());
        };
        let message = format!(
            "Fields \"{}\" conflict because {}. Use different aliases on the fields to fetch both if this was intentional.",
            conflict.name, conflict.because
        );
        Err(invalid(conflict.pos, message))
    }

    fn collect(&mut self, selections: &'a [Selection]) -> Parsed<Collected<'a>> {
        let mut collected = Collected::default();
        collected.add(selections);
        self.spend(collected.size())?;
        Ok(collected)
    }

    fn conflict_within(&mut self, selections: &'a [Selection]) -> Found {
        let own = self.collect(selections)?;
        for fields in own.order.iter().filter_map(|name| own.fields.get(name)) {
            for (index, left) in fields.iter().enumerate() {
                for right in fields.iter().skip(index.saturating_add(1)) {
                    if let Some(conflict) = self.conflict(false, left, right, 0)? {
                        return Ok(Some(conflict));
                    }
                }
            }
        }
        self.compared.clear();
        for (index, spread) in own.spreads.iter().enumerate() {
            if let Some(conflict) = self.conflict_with_fragment(false, &own, spread, 0)? {
                return Ok(Some(conflict));
            }
            for other in own.spreads.iter().skip(index.saturating_add(1)) {
                if let Some(conflict) = self.conflict_of_fragments(false, spread, other, 0)? {
                    return Ok(Some(conflict));
                }
            }
        }
        Ok(None)
    }

    fn conflict_with_fragment(
        &mut self,
        exclusive: bool,
        own: &Collected<'a>,
        spread: &'a Spread,
        depth: usize,
    ) -> Found {
        let Some(fragment) = self.fragments.get(spread.name.as_str()).copied() else {
            return Ok(None);
        };
        if !self.compared.insert(&spread.name) {
            return Ok(None);
        }
        let other = self.collect(&fragment.selections)?;
        if own.ids() == other.ids() {
            // Never compared with itself.
            return Ok(None);
        }
        if let Some(conflict) = self.conflict_between(exclusive, own, &other, depth)? {
            return Ok(Some(conflict));
        }
        for inner in other.spreads.iter().filter(|inner| inner.name != spread.name) {
            if let Some(conflict) = self.conflict_with_fragment(exclusive, own, inner, deeper(depth)?)? {
                return Ok(Some(conflict));
            }
        }
        Ok(None)
    }

    fn conflict_of_fragments(
        &mut self,
        exclusive: bool,
        left: &'a Spread,
        right: &'a Spread,
        depth: usize,
    ) -> Found {
        self.spend(1)?;
        let pair = (left.name.as_str(), right.name.as_str());
        if pair.0 == pair.1 {
            return Ok(None);
        }
        // Compared as not exclusive covers both.
        let done = self.compared_pairs.get(&pair);
        if done.is_some_and(|was_exclusive| exclusive || !was_exclusive) {
            return Ok(None);
        }
        self.compared_pairs.insert(pair, exclusive);
        self.compared_pairs.insert((pair.1, pair.0), exclusive);
        let fragment = |name| self.fragments.get(name).copied();
        let (Some(of_left), Some(of_right)) = (fragment(pair.0), fragment(pair.1)) else {
            return Ok(None);
        };
        let in_left = self.collect(&of_left.selections)?;
        let in_right = self.collect(&of_right.selections)?;
        if let Some(conflict) = self.conflict_between(exclusive, &in_left, &in_right, depth)? {
            return Ok(Some(conflict));
        }
        let below = deeper(depth)?;
        for inner in &in_right.spreads {
            if let Some(conflict) = self.conflict_of_fragments(exclusive, left, inner, below)? {
                return Ok(Some(conflict));
            }
        }
        for inner in &in_left.spreads {
            if let Some(conflict) = self.conflict_of_fragments(exclusive, inner, right, below)? {
                return Ok(Some(conflict));
            }
        }
        Ok(None)
    }

    fn conflict_between(
        &mut self,
        exclusive: bool,
        left: &Collected<'a>,
        right: &Collected<'a>,
        depth: usize,
    ) -> Found {
        for name in &left.order {
            let (Some(lefts), Some(rights)) = (left.fields.get(name), right.fields.get(name)) else {
                continue;
            };
            for of_left in lefts {
                for of_right in rights {
                    if let Some(conflict) = self.conflict(exclusive, of_left, of_right, depth)? {
                        return Ok(Some(conflict));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Compares two fields with one name in the answer.
    fn conflict(&mut self, exclusive: bool, left: &'a Field, right: &'a Field, depth: usize) -> Found {
        self.spend(1)?;
        let (of_left, of_right) = (self.resolved(left), self.resolved(right));
        let (Some(left_object), Some(right_object)) = (of_left.object, of_right.object) else {
            return Ok(None);
        };
        let exclusive = exclusive
            || (left_object.name != right_object.name
                && left_object.kind == DefinitionKind::Object
                && right_object.kind == DefinitionKind::Object
                && of_left.definition.is_some()
                && of_right.definition.is_some());
        let conflict = |because: String| {
            Ok(Some(Conflict {
                name: left.response_name().to_owned(),
                because,
                pos: right.pos,
            }))
        };
        if !exclusive {
            if left.name != right.name {
                return conflict(format!(
                    "\"{}\" and \"{}\" are different fields",
                    left.name, right.name
                ));
            }
            if !same_arguments(&left.arguments, &right.arguments) {
                return conflict("they have differing arguments".to_owned());
            }
        }
        if let (Some(of_left), Some(of_right)) = (of_left.definition, of_right.definition)
            && self.types_conflict(&of_left.of_type, &of_right.of_type)
        {
            return conflict(format!(
                "they return conflicting types \"{}\" and \"{}\"",
                of_left.of_type, of_right.of_type
            ));
        }
        match self.conflict_below(exclusive, &left.selections, &right.selections, deeper(depth)?)? {
            Some(inner) => conflict(format!(
                "subfields \"{}\" conflict because {}",
                inner.name, inner.because
            )),
            None => Ok(None),
        }
    }

    fn conflict_below(
        &mut self,
        exclusive: bool,
        left: &'a [Selection],
        right: &'a [Selection],
        depth: usize,
    ) -> Found {
        let left = self.collect(left)?;
        let right = self.collect(right)?;
        if let Some(conflict) = self.conflict_between(exclusive, &left, &right, depth)? {
            return Ok(Some(conflict));
        }
        for (own, spreads) in [(&left, &right.spreads), (&right, &left.spreads)] {
            for spread in spreads {
                self.compared = HashSet::new();
                if let Some(conflict) = self.conflict_with_fragment(exclusive, own, spread, depth)? {
                    return Ok(Some(conflict));
                }
            }
        }
        for of_left in &left.spreads {
            for of_right in &right.spreads {
                if let Some(conflict) = self.conflict_of_fragments(exclusive, of_left, of_right, depth)? {
                    return Ok(Some(conflict));
                }
            }
        }
        Ok(None)
    }

    fn types_conflict(&self, left: &Type, right: &Type) -> bool {
        match (left.element(), right.element()) {
            (Some(left), Some(right)) => return self.types_conflict(left, right),
            (None, None) => {}
            _ => return true,
        }
        if left.non_null != right.non_null {
            return true;
        }
        match (self.type_named(left.name()), self.type_named(right.name())) {
            (Some(left), Some(right)) => left.is_leaf() && right.is_leaf() && left.name != right.name,
            _ => false,
        }
    }
}

fn deeper(depth: usize) -> Parsed<usize> {
    if depth >= MAX_EXPANDED_DEPTH {
        return Err(Fault::too_deep());
    }
    Ok(depth.saturating_add(1))
}

/// As in OPA, lists and objects are not looked into.
fn same_arguments(left: &[Argument], right: &[Argument]) -> bool {
    left.len() == right.len()
        && left.iter().all(|left| {
            right.iter().any(|right| {
                left.name == right.name
                    && left.value.kind == right.value.kind
                    && left.value.raw == right.value.raw
            })
        })
}
