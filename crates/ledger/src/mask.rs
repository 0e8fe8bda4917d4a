//! Masking: what must not reach the disk, in the format of OPA's `system.log.mask`.
//!
//! The mask is a set (or array) whose members are JSON pointers, to be removed, or objects
//! `{"op": "remove" | "upsert", "path": ..., "value": ...}`. Pointers start with `/input`, `/result` or
//! `/nd_builtin_cache`. The leaf is computed before masking, so the log commits to the whole decision.
//!
//! Where the masked part lies decides what else goes: with any part of the input its salt (who has it could guess
//! the rest), with any part of the result the violations (they quote it), with any part of the builtin cache all of it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use stele_types::{DecisionRecord, RecordError, Value};

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaskRule {
    /// What to put in place; `None` removes.
    pub replacement: Option<Value>,
    /// The pointer as it was written.
    pub pointer: String,
    field: Field,
    steps: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Input,
    Result,
    NdBuiltinCache,
}

/// Why a mask can't be applied. Nothing is stored then: what should have been hidden must not be written.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// The mask as a whole has the wrong type.
    #[error("the mask must be a set or array of JSON pointers or objects, but it is of type {found}")]
    NotAList {
        /// Its type.
        found: &'static str,
    },
    /// A member is not an instruction.
    #[error("mask member {member} is wrong: {problem}")]
    Rule {
        /// The member as JSON, cut to 120 characters.
        member: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A commitment to a dropped part can't be computed.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Reads the result of `data.system.log.mask`.
pub fn parse(mask: &Value) -> Result<Vec<MaskRule>, MaskError> {
    match mask {
        Value::Set(items) => items.iter().map(parse_rule).collect(),
        Value::Array(items) => items.iter().map(parse_rule).collect(),
        other => Err(MaskError::NotAList {
            found: other.type_name(),
        }),
    }
}

fn parse_rule(member: &Value) -> Result<MaskRule, MaskError> {
    let fail = |problem| MaskError::Rule {
        member: member.to_string().chars().take(120).collect(),
        problem,
    };
    let (pointer, replacement) = match member {
        Value::String(pointer) => (pointer.as_ref(), None),
        Value::Object(_) => {
            let path = member
                .get("path")
                .and_then(Value::as_str)
                .ok_or_else(|| fail("`path` must be a string"))?;
            match member.get("op").and_then(Value::as_str) {
                Some("remove") => (path, None),
                Some("upsert") => (
                    path,
                    Some(
                        member
                            .get("value")
                            .cloned()
                            .ok_or_else(|| fail("`upsert` needs a `value`"))?,
                    ),
                ),
                _ => return Err(fail("`op` must be `remove` or `upsert`")),
            }
        }
        _ => return Err(fail("it is neither a string nor an object")),
    };
    let mut steps = pointer.split('/');
    if steps.next() != Some("") {
        return Err(fail("a path must start with `/`"));
    }
    let field = match steps.next() {
        Some("input") => Field::Input,
        Some("result") => Field::Result,
        Some("nd_builtin_cache") => Field::NdBuiltinCache,
        _ => {
            return Err(fail(
                "a path must start with `/input`, `/result` or `/nd_builtin_cache`",
            ));
        }
    };
    let steps = steps
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
        .collect();
    Ok(MaskRule {
        replacement,
        pointer: pointer.to_owned(),
        field,
        steps,
    })
}

/// Applies the instructions in order. A removal that finds nothing leaves no trace, as in OPA.
pub fn apply(record: &mut DecisionRecord, rules: &[MaskRule]) -> Result<(), MaskError> {
    if rules.is_empty() {
        return Ok(());
    }
    // Pointers speak of JSON, so sets have to become arrays first.
    record.result = record.result.take().map(|result| result.to_json_projection());
    let violations = record.commit_violations()?;
    let cache = record.nd_builtin_cache.clone();
    let mut touched = Vec::new();
    for rule in rules {
        let target = match rule.field {
            Field::Input => &mut record.input,
            Field::Result => &mut record.result,
            Field::NdBuiltinCache => &mut record.nd_builtin_cache,
        };
        let changed = match &rule.replacement {
            None => remove(target, &rule.steps),
            Some(value) => upsert(target, &rule.steps, value),
        };
        if changed {
            touched.push(rule.field);
            let list = if rule.replacement.is_some() {
                &mut record.masked
            } else {
                &mut record.erased
            };
            list.push(rule.pointer.clone());
        }
    }
    if touched.contains(&Field::Result) && !record.violations.is_empty() {
        record.violations.clear();
        record.violations_commitment = Some(violations);
        record.erased.push("/violations".to_owned());
    }
    if touched.contains(&Field::NdBuiltinCache) || touched.contains(&Field::Input) {
        // As a whole: its commitment is that of the whole. It repeats parts of the input, and hides behind the input's salt.
        record.nd_builtin_cache = cache;
        record.erased.retain(|pointer| pointer != "/nd_builtin_cache");
        record.withhold_nd_builtin_cache()?;
    }
    if touched.contains(&Field::Input) {
        record.input_salt = None;
    }
    Ok(())
}

fn remove(target: &mut Option<Value>, steps: &[String]) -> bool {
    if steps.is_empty() {
        return target.take().is_some();
    }
    target.as_mut().is_some_and(|value| remove_within(value, steps))
}

/// Removes a member; an array's element becomes `null`, so that the positions of the others, which further
/// instructions may name, stay what they are.
fn remove_within(value: &mut Value, steps: &[String]) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return false;
    };
    match value {
        Value::Object(map) => {
            let key = Value::string(step);
            if !map.contains_key(&key) {
                return false;
            }
            let map = Arc::make_mut(map);
            if rest.is_empty() {
                return map.remove(&key).is_some();
            }
            map.get_mut(&key)
                .is_some_and(|member| remove_within(member, rest))
        }
        Value::Array(items) => match step.parse::<usize>() {
            Ok(at) if at < items.len() => Arc::make_mut(items).get_mut(at).is_some_and(|item| {
                if rest.is_empty() {
                    *item = Value::Null;
                    return true;
                }
                remove_within(item, rest)
            }),
            _ => false,
        },
        _ => false,
    }
}

fn upsert(target: &mut Option<Value>, steps: &[String], new: &Value) -> bool {
    if steps.is_empty() {
        *target = Some(new.clone());
        return true;
    }
    let value = target.get_or_insert_with(|| Value::object([]));
    upsert_within(value, steps, new)
}

/// Puts a value in place; missing objects on the way are made, everything else on the way must be there.
fn upsert_within(value: &mut Value, steps: &[String], new: &Value) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        *value = new.clone();
        return true;
    };
    match value {
        Value::Object(map) => {
            let map: &mut BTreeMap<Value, Value> = Arc::make_mut(map);
            let member = map
                .entry(Value::string(step))
                .or_insert_with(|| Value::object([]));
            upsert_within(member, rest, new)
        }
        Value::Array(items) => match step.parse::<usize>() {
            Ok(at) => Arc::make_mut(items)
                .get_mut(at)
                .is_some_and(|item| upsert_within(item, rest, new)),
            Err(_) => false,
        },
        _ => false,
    }
}
