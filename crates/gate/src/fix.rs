//! Machine-applicable remediation: what a policy says should stand where something else does.
//!
//! An entry of a rule, or the rule's metadata, carries `fix`: an object with `value`, and `path` where it is not the finding's own, or `at` from there on, or a list of such. A string,
//! number, boolean or null that stands in the source is replaced, at its place; a key that is missing is added behind the last one of the mapping that it is missing from. Nothing else
//! changes: a text is taken only if, read again, it differs from the old one in those values and nothing else. What an alias, a quoted word or a derived value would drag
//! along is refused; the other fixes of the file are not.

mod insert;
mod part;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::Serialize;
use stele_types::{InputKind, Value, json};

use crate::finding::{Finding, Step};
use crate::node::index;
use crate::source::{Input, Origin, Source};

/// What mends a finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Fix {
    /// In the policy's order.
    pub edits: Vec<Edit>,
}

/// One value that should stand elsewhere than another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Edit {
    /// Where, from the document down.
    pub path: Vec<Step>,
    /// What should stand there.
    pub value: Value,
    #[serde(skip)]
    steps: Vec<Value>,
    /// Which of the documents that were made of the file.
    #[serde(skip)]
    document: usize,
}

/// A file as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The text that was read.
    pub before: String,
    /// The new text.
    pub text: String,
    /// How many values are replaced or added in it.
    pub edits: usize,
}

/// The fix that an entry of a rule carries, or else the rule's metadata.
pub(crate) fn of(
    entry: Option<&Value>,
    rule: Option<&Value>,
    path: &[Value],
    document: usize,
) -> Option<Fix> {
    let fix = entry.and_then(|entry| entry.get("fix")).or(rule)?;
    let edit = |edit: &Value| {
        let steps = match (edit.get("path"), edit.get("at")) {
            (Some(own), _) => own.as_array()?.to_vec(),
            (None, Some(at)) => below(path, at.as_array()?),
            (None, None) => path.to_vec(),
        };
        Some(Edit {
            path: steps.iter().map(Step::of).collect(),
            value: edit.get("value")?.clone(),
            steps,
            document,
        })
    };
    let edits = match fix.as_array() {
        Some(list) => list.iter().map(edit).collect::<Option<Vec<_>>>()?,
        None => vec![edit(fix)?],
    };
    (!edits.is_empty()).then_some(Fix { edits })
}

/// Where keys lead from what a finding shows. That may lie on the way already: the last of them may be missing, or the first.
fn below(path: &[Value], keys: &[Value]) -> Vec<Value> {
    let gone = (0..=keys.len()).rev().find(|gone| {
        let start = keys.get(..*gone).unwrap_or_default();
        path.ends_with(start)
    });
    let kept = path.len().saturating_sub(gone.unwrap_or_default());
    [path.get(..kept).unwrap_or_default(), keys].concat()
}

/// The value that a path leads to.
fn at<'v>(value: &'v Value, path: &[Value]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, step| value.index(step))
}

/// What a fix does to the text.
enum Change {
    /// Other text in these bytes.
    Replace(Range<usize>, String),
    /// Keys, one below the other, that are missing from the mapping at the end of a path.
    Add(Vec<Value>, Vec<Value>, insert::Place),
}

/// What all fixes of a file come to.
#[derive(Clone)]
struct Draft {
    /// Texts by the bytes that they replace.
    replaced: BTreeMap<(usize, usize), String>,
    /// New members of a mapping, by its document and path.
    added: BTreeMap<(usize, Vec<Value>), (insert::Place, Value)>,
    /// The documents as they should be.
    expected: Vec<Value>,
    edits: usize,
}

/// A fix that can be written.
struct Planned<'f> {
    /// For people: where it is, and whose.
    place: String,
    fix: &'f Fix,
    changes: Vec<Change>,
}

/// Applies the fixes of findings in one file. Returns the new text, if there is any, and what of the fixes was left out, for people: of two that overlap
/// the first wins, and what would drag something else along is left.
///
/// # Errors
///
/// What is wrong, when the file can't be read any more, or the new text would say something else than it should, whichever fixes are taken.
pub fn apply(source: &Source, findings: &[&Finding]) -> Result<(Option<Fixed>, Vec<String>), String> {
    let input = source.read().map_err(|failure| failure.to_string())?;
    let documents = input.documents.iter();
    let nothing = Draft {
        replaced: BTreeMap::new(),
        added: BTreeMap::new(),
        expected: documents
            .map(|(_, _, document)| document.reading(&input.text).whole().into_owned())
            .collect(),
        edits: 0,
    };
    let mut draft = nothing.clone();
    let mut left = Vec::new();
    let mut planned = Vec::new();
    for finding in findings {
        let Some(fix) = &finding.fix else { continue };
        let place = format!(
            "{}:{}: the fix of {}",
            finding.file,
            finding.start.line,
            finding.id()
        );
        match changes(source, &input, fix) {
            Err(reason) => left.push(format!("{place} can't be applied: {reason}")),
            Ok(changes) if draft.excludes_any(fix, &changes) => {
                left.push(format!(
                    "{place} overlaps another one and was left out; check again after that"
                ));
            }
            Ok(changes) => {
                draft.take_all(fix, &changes);
                planned.push(Planned { place, fix, changes });
            }
        }
    }
    if draft.edits == 0 {
        return Ok((None, left));
    }
    let mut text = draft.text(&input.text);
    if let Err(problem) = verify(source, &text, &draft.expected) {
        let kept = part::fitting(source, &input.text, &nothing, &planned).ok_or(problem.clone())?;
        let others = planned.iter().enumerate().filter(|(at, _)| !kept.contains(at));
        left.extend(others.map(|(_, fix)| format!("{} was left out: the file {problem}", fix.place)));
        draft = nothing;
        for fix in planned.iter().enumerate().filter(|(at, _)| kept.contains(at)) {
            draft.take_all(fix.1.fix, &fix.1.changes);
        }
        text = draft.text(&input.text);
    }
    let edits = draft.edits;
    let before = input.text;
    Ok(((text != before).then_some(Fixed { before, text, edits }), left))
}

impl Draft {
    fn expected(&self, edit: &Edit) -> Option<&Value> {
        self.expected.get(edit.document)
    }

    fn excludes_any(&self, fix: &Fix, changes: &[Change]) -> bool {
        let mut all = fix.edits.iter().zip(changes);
        all.any(|(edit, change)| self.excludes(edit, change))
    }

    fn take_all(&mut self, fix: &Fix, changes: &[Change]) {
        let all = fix.edits.iter().zip(changes);
        all.for_each(|(edit, change)| self.take(edit, change));
    }

    /// Whether something else is to stand there already.
    fn excludes(&self, edit: &Edit, change: &Change) -> bool {
        match change {
            Change::Replace(span, text) => overlaps(&self.replaced, span, text),
            Change::Add(above, keys, _) => {
                let document = self.expected(edit);
                let there = |steps: &[Value]| document.and_then(|document| at(document, steps));
                let mut on_the_way = (0..keys.len()).map(|depth| {
                    let steps = [above.as_slice(), keys.get(..depth).unwrap_or_default()].concat();
                    let is_open =
                        |value: &Value| value.as_object().is_some() || depth == 0 && *value == Value::Null;
                    there(&steps).is_none_or(is_open)
                });
                let other = there(&edit.steps).is_some_and(|value| *value != edit.value);
                other || !on_the_way.all(|open| open)
            }
        }
    }

    fn take(&mut self, edit: &Edit, change: &Change) {
        match change {
            Change::Replace(span, text) => {
                let old = self.replaced.insert((span.start, span.end), text.clone());
                self.edits = self.edits.saturating_add(usize::from(old.is_none()));
            }
            Change::Add(above, keys, place) => {
                let known = self.expected(edit).and_then(|document| at(document, &edit.steps));
                self.edits = self.edits.saturating_add(usize::from(known.is_none()));
                let key = (edit.document, above.clone());
                let none = || (place.clone(), Value::object([]));
                let (_, members) = self.added.entry(key).or_insert_with(none);
                *members = replaced(members, keys, &edit.value);
            }
        }
        if let Some(document) = self.expected.get_mut(edit.document) {
            *document = replaced(document, &edit.steps, &edit.value);
        }
    }

    fn text(&self, before: &str) -> String {
        let replaced = self.replaced.iter();
        let mut changes: Vec<(usize, usize, usize, String)> = replaced
            .map(|((start, end), text)| (*start, *end, 0, text.clone()))
            .collect();
        for ((_, above), (place, members)) in &self.added {
            // Two mappings may end in one place: the inner one goes on first.
            let order = usize::MAX.saturating_sub(above.len());
            let end = place.offset.saturating_add(place.replaces);
            changes.push((place.offset, end, order, place.render(members)));
        }
        changes.sort();
        // What an alias stands for has one place: what is added to it under several paths is added once, and whether it should be is seen afterwards.
        let mut added = BTreeSet::new();
        changes.retain(|(start, end, _, text)| start != end || added.insert((*start, text.clone())));
        let mut text = before.to_owned();
        for (start, end, _, new) in changes.iter().rev() {
            if text.get(*start..*end).is_some() {
                text.replace_range(*start..*end, new);
            }
        }
        text
    }
}

/// What a fix does to the text, edit by edit.
fn changes(source: &Source, input: &Input, fix: &Fix) -> Result<Vec<Change>, String> {
    if !input.parts.is_empty() {
        return Err("the value comes from several files; mend it by hand".to_owned());
    }
    let change = |edit: &Edit| {
        let (_, kind, document) = input.documents.get(edit.document).ok_or("the file has changed")?;
        let Some(old) = document.reading(&input.text).at(&edit.steps) else {
            return addition(source, input, edit);
        };
        if is_collection(&old) || is_collection(&edit.value) {
            return Err("it is no single value");
        }
        let range = document.locate(&input.text, &edit.steps);
        let text = input.text.get(range.clone()).unwrap_or_default();
        if text.is_empty() {
            return Err("the value has no place of its own in the file");
        }
        let new = written(&edit.value, *kind, text);
        Ok(Change::Replace(range, new))
    };
    fix.edits
        .iter()
        .map(|edit| change(edit).map_err(str::to_owned))
        .collect()
}

const fn is_collection(value: &Value) -> bool {
    matches!(value, Value::Array(_) | Value::Object(_) | Value::Set(_))
}

/// Keys for what is missing, in the deepest mapping of its path that is there.
fn addition(source: &Source, input: &Input, edit: &Edit) -> Result<Change, &'static str> {
    let missing = "the value is not in the file, and nothing is there that it could be added to";
    let (_, kind, document) = input.documents.get(edit.document).ok_or("the file has changed")?;
    let depths = (0..edit.steps.len()).rev();
    let mut paths = depths.filter_map(|depth| edit.steps.split_at_checked(depth));
    let (above, keys) = paths
        .find(|(above, _)| document.reading(&input.text).has(above))
        .ok_or(missing)?;
    if keys.iter().any(|key| key.as_str().is_none()) {
        return Err(missing);
    }
    let format = source.format(&input.text).map_err(|_| "the file has changed")?;
    let mapping = document.node(&input.text, above).ok_or(missing)?;
    let parent = above.split_last().and_then(|(key, around)| {
        let is_empty = mapping.kind == crate::node::NodeKind::Scalar(Value::Null);
        let node = document.node(&input.text, around).filter(|_| is_empty)?;
        Some((node, key))
    });
    let parent = parent.as_ref().map(|(node, key)| (node, *key));
    let place = insert::place(&input.text, format, *kind, &mapping, parent)?;
    Ok(Change::Add(above.to_vec(), keys.to_vec(), place))
}

/// A value as a file of this kind would have it.
fn written(value: &Value, kind: InputKind, old: &str) -> String {
    let Some(text) = value.as_str() else {
        return json::to_string(value);
    };
    if kind == InputKind::Dockerfile {
        return text.to_owned();
    }
    let plain = |text: &str| {
        let mut characters = text.chars();
        let first = characters
            .next()
            .is_some_and(|c| c.is_ascii_alphabetic() || c == '/');
        let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
        first
            && characters.all(|c| c.is_ascii_alphanumeric() || "-_./@".contains(c))
            && !words.contains(&text.to_ascii_lowercase().as_str())
    };
    // As the old value was written, if the new one can be written so; that it is read as it should is seen afterwards.
    match old.chars().next() {
        Some('\'') if !text.contains(['\'', '\n']) => format!("'{text}'"),
        Some('"' | '\'') => json::to_string(value),
        _ if plain(text) => text.to_owned(),
        _ => json::to_string(value),
    }
}

fn overlaps(taken: &BTreeMap<(usize, usize), String>, span: &Range<usize>, text: &str) -> bool {
    taken.iter().any(|((start, end), other)| {
        let same = *start == span.start && *end == span.end && other == text;
        !same && *start < span.end && span.start < *end
    })
}

/// A value with another one at the end of a path; mappings take keys that they don't have.
fn replaced(value: &Value, path: &[Value], new: &Value) -> Value {
    let Some((step, rest)) = path.split_first() else {
        return new.clone();
    };
    match value {
        // What is empty becomes a mapping.
        Value::Null if step.as_str().is_some() => {
            Value::object([(step.clone(), replaced(&Value::object([]), rest, new))])
        }
        Value::Array(items) => {
            let wanted = index(step);
            let item = |(at, item): (usize, &Value)| match Some(at) == wanted {
                true => replaced(item, rest, new),
                false => item.clone(),
            };
            Value::array(items.iter().enumerate().map(item))
        }
        Value::Object(members) => {
            let own = members.get(step).cloned();
            let own = replaced(&own.unwrap_or_else(|| Value::object([])), rest, new);
            let others = members.iter().filter(|(key, _)| *key != step);
            let others = others.map(|(key, member)| (key.clone(), member.clone()));
            Value::object(others.chain([(step.clone(), own)]))
        }
        _ => value.clone(),
    }
}

/// Reads the new text as the file is read, and compares.
fn verify(source: &Source, text: &str, expected: &[Value]) -> Result<(), String> {
    let again = Source {
        origin: Origin::Text(text.to_owned()),
        ..source.clone()
    };
    let input = again
        .read()
        .map_err(|failure| format!("would not be readable any more: {failure}"))?;
    let found = input
        .documents
        .iter()
        .map(|(_, kind, document)| (*kind, document.reading(&input.text).whole()));
    let same = found.len() == expected.len()
        && found.zip(expected).all(|((kind, found), wanted)| match kind {
            InputKind::Dockerfile => without_original(&found) == without_original(wanted),
            _ => *found == *wanted,
        });
    if same {
        Ok(())
    } else {
        Err("would say something else besides the fix, as where several places share a value by an alias, or a key is given twice; mend that by hand".to_owned())
    }
}

/// The instructions of a Dockerfile without their text, which changes with the values in it.
fn without_original(value: &Value) -> Value {
    let steps = value.as_array().unwrap_or_default().iter();
    Value::array(steps.map(|step| {
        let members = step.as_object().into_iter().flatten();
        let kept = members.filter(|(key, _)| key.as_str() != Some("Original"));
        Value::object(kept.map(|(key, member)| (key.clone(), member.clone())))
    }))
}

#[cfg(test)]
mod tests;
