//! Machine-applicable remediation: what a policy says should stand where something else does.
//!
//! An entry of a rule, or the rule's metadata, carries `fix`: an object with `value`, and `path` where it is not the finding's own, or a list of such. Only a string, number,
//! boolean or null that stands in the source is replaced, at its place, so nothing else changes. A text is taken only if, read again, it
//! differs from the old one in those values and nothing else: what an alias, a quoted word or a derived value would drag along is refused.

use std::collections::BTreeMap;
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
    /// The new text.
    pub text: String,
    /// How many values are replaced in it.
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
        let own = edit
            .get("path")
            .map(|path| path.as_array().map(<[Value]>::to_vec));
        let steps = own.unwrap_or_else(|| Some(path.to_vec()))?;
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

/// Applies the fixes of findings in one file. Returns the new text, if there is any, and what of the fixes was left out, for people: of two that overlap
/// the first wins.
///
/// # Errors
///
/// What is wrong, when the file can't be read any more, or the new text would say something else than it should.
pub fn apply(source: &Source, findings: &[&Finding]) -> Result<(Option<Fixed>, Vec<String>), String> {
    let input = source.read().map_err(|failure| failure.to_string())?;
    let mut taken: BTreeMap<(usize, usize), String> = BTreeMap::new();
    let mut expected: Vec<Value> = input
        .documents
        .iter()
        .map(|(_, _, document)| document.reading(&input.text).whole().into_owned())
        .collect();
    let mut left = Vec::new();
    for finding in findings {
        let Some(fix) = &finding.fix else { continue };
        let place = format!(
            "{}:{}: the fix of {}",
            finding.file,
            finding.start.line,
            finding.id()
        );
        match spans(&input, fix) {
            Err(reason) => left.push(format!("{place} can't be applied: {reason}")),
            Ok(spans) if spans.iter().any(|(span, text)| overlaps(&taken, span, text)) => {
                left.push(format!(
                    "{place} overlaps another one and was left out; check again after that"
                ));
            }
            Ok(spans) => {
                for (edit, (span, text)) in fix.edits.iter().zip(spans) {
                    taken.insert((span.start, span.end), text);
                    if let Some(document) = expected.get_mut(edit.document) {
                        *document = replaced(document, &edit.steps, &edit.value);
                    }
                }
            }
        }
    }
    if taken.is_empty() {
        return Ok((None, left));
    }
    let mut text = input.text.clone();
    for ((start, end), new) in taken.iter().rev() {
        if text.get(*start..*end).is_some() {
            text.replace_range(*start..*end, new);
        }
    }
    verify(source, &text, &expected)?;
    let edits = taken.len();
    Ok(((text != input.text).then_some(Fixed { text, edits }), left))
}

/// Where each value of a fix stands, and the text for it.
fn spans(input: &Input, fix: &Fix) -> Result<Vec<(Range<usize>, String)>, String> {
    let span = |edit: &Edit| {
        if !input.parts.is_empty() {
            return Err("the value comes from several files; mend it by hand");
        }
        let (_, kind, document) = input.documents.get(edit.document).ok_or("the file has changed")?;
        let scalar = |value: &Value| !matches!(value, Value::Array(_) | Value::Object(_) | Value::Set(_));
        match document.reading(&input.text).at(&edit.steps) {
            None => return Err("the value is not in the file, and only what is there is replaced"),
            Some(old) if !scalar(&old) || !scalar(&edit.value) => return Err("it is no single value"),
            Some(_) => {}
        }
        let range = document.locate(&input.text, &edit.steps);
        let old = input.text.get(range.clone()).unwrap_or_default();
        if old.is_empty() {
            return Err("the value has no place of its own in the file");
        }
        Ok((range, written(&edit.value, *kind, old)))
    };
    fix.edits
        .iter()
        .map(|edit| span(edit).map_err(str::to_owned))
        .collect()
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

fn replaced(value: &Value, path: &[Value], new: &Value) -> Value {
    let Some((step, rest)) = path.split_first() else {
        return new.clone();
    };
    match value {
        Value::Array(items) => {
            let wanted = index(step);
            Value::array(
                items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| match Some(at) == wanted {
                        true => replaced(item, rest, new),
                        false => item.clone(),
                    }),
            )
        }
        Value::Object(members) => Value::object(members.iter().map(|(key, member)| match key == step {
            true => (key.clone(), replaced(member, rest, new)),
            false => (key.clone(), member.clone()),
        })),
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
        Err("would say something else besides the fix, as where a value is an alias or is given twice; mend it by hand".to_owned())
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
