//! Functions of lists, sets, maps and numbers. Elements stay at the places where they were written.

use std::collections::BTreeSet;

use stele_types::{Number, Value};

use super::{Call, all_known};
use crate::format::terraform::eval::{is_known, number_of, text_of, truth};
use crate::format::terraform::refs::indexed;
use crate::format::terraform::types::{is_partial, list_of, same, set_of, unified};
use crate::node::{Entry, Node, NodeKind, last_of_equal};

/// More elements of one list are not made.
const MAX_ITEMS: usize = 100_000;

pub(super) fn call(name: &str, call: &Call<'_>) -> Option<Node> {
    lists(name, call)
        .or_else(|| chosen(name, call))
        .or_else(|| maps(name, call))
        .or_else(|| sets(name, call))
        .or_else(|| numbers(name, call))
}

fn lists(name: &str, call: &Call<'_>) -> Option<Node> {
    Some(match name {
        "length" => {
            // What is unknown may be what another element is.
            let arg = call.arg(0).filter(|arg| !is_partial(arg))?;
            let length = match &arg.kind {
                NodeKind::Array(items) | NodeKind::Set(items) => items.len(),
                NodeKind::Object(entries) => entries.len(),
                NodeKind::Scalar(Value::String(text)) => text.chars().count(),
                _ => return None,
            };
            call.scalar(i64::try_from(length).ok()?)
        }
        "concat" => {
            let mut out = Vec::new();
            for index in 0..call.args.len() {
                out.extend_from_slice(call.items(index)?);
            }
            call.ordered(out)
        }
        "flatten" => {
            let mut out = Vec::new();
            let mut is_partial = false;
            flatten(call.arg(0)?, &mut out, &mut is_partial)?;
            list_of(call.range.clone(), out, is_partial)
        }
        "tolist" => call.ordered(unified(call.items(0)?.to_vec())),
        "reverse" => call.ordered(call.items(0)?.iter().rev().cloned().collect()),
        "compact" => {
            let items = call.items(0)?;
            let is_something = |item: &&Node| text_of(item).is_some_and(|text| !text.is_empty());
            if !all_known(call) {
                return None;
            }
            call.array(items.iter().filter(is_something).cloned().collect())
        }
        "element" => {
            let items = whole(call)?;
            let length = i64::try_from(items.len()).ok()?;
            let index = call.integer(1)?.checked_rem_euclid(length)?;
            items.get(usize::try_from(index).ok()?)?.clone()
        }
        "slice" => {
            let at = |index| usize::try_from(call.integer(index)?).ok();
            call.array(whole(call)?.get(at(1)?..at(2)?)?.to_vec())
        }
        "one" => match call.items(0)? {
            [] => call.scalar(Value::Null),
            [only] => only.clone(),
            _ => return None,
        },
        "index" => {
            let wanted = call.arg(1)?;
            let mut items = whole(call)?.iter();
            let is_wanted = |item: &Node| same(item, wanted, &|| false) != Some(false);
            let at = items.position(is_wanted)?;
            same(call.items(0)?.get(at)?, wanted, &|| false)?;
            call.scalar(i64::try_from(at).ok()?)
        }
        "contains" => {
            let wanted = call.arg(1)?;
            let items = call.items(0)?;
            let same = |item| same(item, wanted, &|| false);
            let all: Vec<Option<bool>> = items.iter().map(same).collect();
            if !all.contains(&Some(true)) && all.contains(&None) {
                return None;
            }
            call.scalar(all.contains(&Some(true)))
        }
        "range" => range(call)?,
        _ => return None,
    })
}

fn chosen(name: &str, call: &Call<'_>) -> Option<Node> {
    Some(match name {
        "chunklist" => {
            let size = usize::try_from(call.integer(1)?).ok().filter(|size| *size > 0)?;
            let chunk = |items: &[Node]| call.array(items.to_vec());
            call.array(whole(call)?.chunks(size).map(chunk).collect())
        }
        "sort" => {
            let texts = call.items(0)?.iter().map(|item| Some((text_of(item)?, item)));
            let mut texts: Vec<_> = texts.collect::<Option<_>>()?;
            texts.sort_by(|a, b| a.0.cmp(&b.0));
            call.array(texts.into_iter().map(|(_, item)| item.clone()).collect())
        }
        "alltrue" | "anytrue" => {
            let items: Vec<bool> = call.items(0)?.iter().map(truth).collect::<Option<_>>()?;
            let all = name == "alltrue";
            call.scalar(if all {
                items.iter().all(|item| *item)
            } else {
                items.contains(&true)
            })
        }
        "coalesce" => first(call, |node| {
            !matches!(&node.kind, NodeKind::Scalar(Value::Null))
                && !matches!(&node.kind, NodeKind::Scalar(Value::String(text)) if text.is_empty())
        })?,
        "coalescelist" => first(
            call,
            |node| matches!(&node.kind, NodeKind::Array(items) | NodeKind::Set(items) if !items.is_empty()),
        )?,
        _ => return None,
    })
}

/// The first argument that is something, unless what is before it may be.
fn first(call: &Call<'_>, is_something: impl Fn(&Node) -> bool) -> Option<Node> {
    for arg in &call.args {
        if arg.kind == NodeKind::Unknown {
            return None;
        }
        if is_something(arg) {
            return Some(arg.clone());
        }
    }
    None
}

/// The elements of the first argument, if it is known how many there are and in which order.
fn whole<'c>(call: &'c Call<'_>) -> Option<&'c [Node]> {
    call.items(0).filter(|_| !call.arg(0).is_some_and(is_partial))
}

fn flatten(node: &Node, out: &mut Vec<Node>, partial: &mut bool) -> Option<()> {
    *partial |= is_partial(node);
    let (NodeKind::Array(items) | NodeKind::Set(items)) = &node.kind else {
        return None;
    };
    for item in items {
        match &item.kind {
            NodeKind::Array(_) | NodeKind::Set(_) => flatten(item, out, partial)?,
            // It may be a list.
            NodeKind::Unknown => return None,
            _ => out.push(item.clone()),
        }
    }
    Some(())
}

fn range(call: &Call<'_>) -> Option<Node> {
    let numbers: Vec<i64> = (0..call.args.len())
        .map(|index| call.integer(index))
        .collect::<Option<_>>()?;
    let (start, end, step) = match *numbers.as_slice() {
        [end] => (0, end, 1),
        [start, end] => (start, end, if start <= end { 1 } else { -1 }),
        [start, end, step] => (start, end, step),
        _ => return None,
    };
    if step == 0 {
        return None;
    }
    let mut out = Vec::new();
    let mut at = start;
    while (step > 0 && at < end) || (step < 0 && at > end) {
        if out.len() >= MAX_ITEMS {
            let message = format!("range makes more than {MAX_ITEMS} elements");
            call.scope.world.problem(call.range.start, message);
            return None;
        }
        out.push(call.scalar(at));
        at = at.checked_add(step)?;
    }
    Some(call.array(out))
}

fn maps(name: &str, call: &Call<'_>) -> Option<Node> {
    Some(match name {
        "merge" => {
            let mut out: Vec<Entry> = Vec::new();
            for (index, arg) in call.args.iter().enumerate() {
                if arg.kind != NodeKind::Scalar(Value::Null) {
                    out.extend_from_slice(call.entries(index)?);
                }
            }
            call.object(last_of_equal(out))
        }
        "tomap" => call.object(call.entries(0)?.to_vec()),
        "keys" => {
            let mut keys: Vec<&Entry> = call.entries(0)?.iter().collect();
            keys.sort_by(|a, b| a.key.cmp(&b.key));
            let key = |entry: &Entry| Node::scalar(entry.key_range.clone(), Value::string(&entry.key));
            call.array(keys.into_iter().map(key).collect())
        }
        "values" => {
            let mut entries: Vec<&Entry> = call.entries(0)?.iter().collect();
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            call.array(entries.into_iter().map(|entry| entry.value.clone()).collect())
        }
        "lookup" => {
            let from = call.arg(0)?;
            let key = call.arg(1).filter(|key| is_known(key))?;
            let default = || match &from.kind {
                NodeKind::Object(_) => call.arg(2),
                _ => None,
            };
            indexed(from, key).or_else(default)?.clone()
        }
        "zipmap" => {
            let (keys, values) = (call.items(0)?, call.items(1)?);
            if call.args.iter().any(is_partial) {
                return None;
            }
            let pair = |(key, value): (&Node, &Node)| Some(Entry::new(&text_of(key)?, value.clone()));
            let entries: Vec<Entry> = keys.iter().zip(values).map(pair).collect::<Option<_>>()?;
            call.object(last_of_equal(entries))
        }
        _ => return None,
    })
}

fn sets(name: &str, call: &Call<'_>) -> Option<Node> {
    match name {
        "toset" | "distinct" | "setunion" | "setintersection" | "setsubtract" | "setproduct" => {}
        _ => return None,
    }
    // What is known of a set stays, whatever else is in it.
    let keeps =
        matches!(name, "toset" | "setunion") && call.args.iter().all(|arg| arg.kind != NodeKind::Unknown);
    if !keeps && !all_known(call) {
        return None;
    }
    let lists: Vec<&[Node]> = (0..call.args.len())
        .map(|index| call.items(index))
        .collect::<Option<_>>()?;
    let (head, rest) = lists.split_first()?;
    let sizes = lists.iter().map(|list| list.len());
    if !call.scope.world.budget.charge(sizes.sum()) {
        return None;
    }
    let held: Vec<BTreeSet<Value>> = rest
        .iter()
        .map(|list| list.iter().map(Node::to_value).collect())
        .collect();
    let kept: Vec<Node> = match name {
        "setunion" => lists.concat(),
        "setintersection" => {
            let in_all = |item: &&Node| {
                let item = item.to_value();
                held.iter().all(|list| list.contains(&item))
            };
            head.iter().filter(in_all).cloned().collect()
        }
        "setsubtract" => {
            let in_none = |item: &&Node| {
                let item = item.to_value();
                !held.iter().any(|list| list.contains(&item))
            };
            head.iter().filter(in_none).cloned().collect()
        }
        "setproduct" => return product(call, &lists),
        _ => head.to_vec(),
    };
    if name != "distinct" {
        return Some(set_of(call.range.clone(), kept));
    }
    let mut seen = BTreeSet::new();
    let once = unified(kept).into_iter();
    Some(call.array(once.filter(|item| seen.insert(item.to_value())).collect()))
}

fn product(call: &Call<'_>, lists: &[&[Node]]) -> Option<Node> {
    let mut rows: Vec<Vec<Node>> = vec![Vec::new()];
    for list in lists {
        if rows.len().saturating_mul(list.len()) > MAX_ITEMS {
            let message = format!("setproduct makes more than {MAX_ITEMS} elements");
            call.scope.world.problem(call.range.start, message);
            return None;
        }
        let longer = |row: &Vec<Node>| {
            let row = row.clone();
            list.iter()
                .map(move |item| [row.as_slice(), std::slice::from_ref(item)].concat())
        };
        rows = rows.iter().flat_map(longer).collect();
    }
    let rows = rows.into_iter().map(|row| call.array(row)).collect();
    let are_sets = |arg: &Node| matches!(arg.kind, NodeKind::Set(_));
    Some(if call.args.iter().all(are_sets) {
        set_of(call.range.clone(), rows)
    } else {
        call.array(rows)
    })
}

fn numbers(name: &str, call: &Call<'_>) -> Option<Node> {
    let number = |index: usize| number_of(call.arg(index)?);
    Some(match name {
        "abs" => call.scalar(number(0)?.abs()),
        "ceil" => call.scalar(number(0)?.ceil()),
        "floor" => call.scalar(number(0)?.floor()),
        "max" | "min" => {
            let all: Vec<Number> = call.args.iter().map(number_of).collect::<Option<_>>()?;
            let found = if name == "max" {
                all.into_iter().max()
            } else {
                all.into_iter().min()
            };
            call.scalar(found?)
        }
        "sum" => {
            let mut sum = Number::ZERO;
            for item in call.items(0)? {
                sum = sum.add(&number_of(item)?).ok()?;
            }
            call.scalar(sum)
        }
        "pow" => {
            let (base, power) = (call.integer(0)?, call.integer(1)?);
            call.scalar(base.checked_pow(u32::try_from(power).ok()?)?)
        }
        "signum" => call.scalar(call.integer(0)?.signum()),
        "parseint" => {
            let base = u32::try_from(call.integer(1)?)
                .ok()
                .filter(|base| (2..=36).contains(base))?;
            call.scalar(i64::from_str_radix(&call.text(0)?, base).ok()?)
        }
        _ => return None,
    })
}
