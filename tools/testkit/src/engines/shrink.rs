//! Making a failing case small enough to read.

use std::sync::Arc;

use stele_types::Value;

use super::{Case, Module, Policy};

/// Takes lines out of the modules and parts out of the input and data, as long as `fails` says that the case still fails.
///
/// `fails` is asked at most `most` times.
pub fn shrink(case: Case, most: usize, mut fails: impl FnMut(&Case) -> bool) -> Case {
    let mut left = most;
    let mut best = case;
    loop {
        let before = size(&best);
        best = lines(best, &mut left, &mut fails);
        best = documents(best, &mut left, &mut fails);
        if left == 0 || size(&best) == before {
            return best;
        }
    }
}

/// Asks for a candidate, if it may still ask.
fn accept(candidate: &Case, left: &mut usize, fails: &mut impl FnMut(&Case) -> bool) -> bool {
    let Some(rest) = left.checked_sub(1) else {
        return false;
    };
    *left = rest;
    fails(candidate)
}

fn size(case: &Case) -> usize {
    let text = |module: &Module| module.text.len();
    let documents = nodes(case.policy.data()).saturating_add(case.input.as_ref().map_or(0, nodes));
    case.policy
        .modules()
        .iter()
        .map(text)
        .fold(documents, usize::saturating_add)
}

fn nodes(value: &Value) -> usize {
    let sum = |items: &mut dyn Iterator<Item = &Value>| items.map(nodes).fold(1, usize::saturating_add);
    match value {
        Value::Array(items) => sum(&mut items.iter()),
        Value::Set(items) => sum(&mut items.iter()),
        Value::Object(pairs) => sum(&mut pairs.iter().flat_map(|(key, value)| [key, value])),
        Value::String(text) => text.len().saturating_add(1),
        _ => 1,
    }
}

/// The case with other modules.
fn with_modules(case: &Case, modules: Vec<Module>) -> Case {
    let entry_points = vec![case.entry_point.clone()];
    Case {
        policy: Policy::new(modules, entry_points, case.policy.data().clone()),
        ..case.clone()
    }
}

/// Leaves out runs of lines, long ones first.
fn lines(mut best: Case, left: &mut usize, fails: &mut impl FnMut(&Case) -> bool) -> Case {
    for module in 0..best.policy.modules().len() {
        let count = |case: &Case| {
            let module = case.policy.modules().get(module);
            module.map_or(0, |module| module.text.lines().count())
        };
        let mut run = count(&best);
        while run > 0 && *left > 0 {
            let mut from = 0;
            while from < count(&best) && *left > 0 {
                let mut modules = best.policy.modules().to_vec();
                if let Some(module) = modules.get_mut(module) {
                    let end = from.saturating_add(run);
                    let kept = module.text.lines().enumerate();
                    let kept = kept.filter(|(n, _)| *n < from || *n >= end);
                    module.text = kept.flat_map(|(_, line)| [line, "\n"]).collect();
                }
                let candidate = with_modules(&best, modules);
                if accept(&candidate, left, fails) {
                    best = candidate;
                } else {
                    from = from.saturating_add(run);
                }
            }
            run = run.checked_div(2).unwrap_or(0);
        }
    }
    best
}

/// Leaves out or simplifies parts of the input and of the data.
fn documents(mut best: Case, left: &mut usize, fails: &mut impl FnMut(&Case) -> bool) -> Case {
    loop {
        let mut inputs: Vec<Option<Value>> = Vec::new();
        if let Some(input) = &best.input {
            inputs.push(None);
            inputs.extend(simpler(input).into_iter().map(Some));
        }
        let of_input = inputs.into_iter().map(|input| Case {
            input,
            ..best.clone()
        });
        let data = simpler(best.policy.data()).into_iter();
        let of_data = data.filter(|data| data.as_object().is_some()).map(|data| Case {
            policy: Policy::new(
                best.policy.modules().to_vec(),
                vec![best.entry_point.clone()],
                data,
            ),
            ..best.clone()
        });
        let found = of_input
            .chain(of_data)
            .filter(|candidate| size(candidate) < size(&best))
            .find(|candidate| accept(candidate, left, fails));
        match found {
            Some(found) => best = found,
            None => return best,
        }
    }
}

/// Values with one part left out or made null.
fn simpler(value: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    match value {
        Value::Array(items) => {
            out.push(Value::array([]));
            for (at, item) in items.iter().enumerate() {
                let others = |n: &usize| *n != at;
                let kept = items.iter().enumerate().filter(|(n, _)| others(n));
                out.push(Value::array(kept.map(|(_, item)| item.clone())));
                out.extend(simpler(item).into_iter().map(|simple| {
                    let replaced = items.iter().enumerate();
                    Value::array(
                        replaced.map(|(n, item)| if n == at { simple.clone() } else { item.clone() }),
                    )
                }));
            }
        }
        Value::Set(items) => {
            out.push(Value::set([]));
            for item in items.iter() {
                out.push(Value::set(items.iter().filter(|other| *other != item).cloned()));
            }
        }
        Value::Object(pairs) => {
            out.push(Value::object([]));
            for (key, item) in pairs.iter() {
                let mut without = Arc::clone(pairs);
                Arc::make_mut(&mut without).remove(key);
                out.push(Value::Object(without));
                out.extend(simpler(item).into_iter().map(|simple| {
                    let mut replaced = Arc::clone(pairs);
                    Arc::make_mut(&mut replaced).insert(key.clone(), simple);
                    Value::Object(replaced)
                }));
            }
        }
        Value::String(text) if text.len() > 1 => {
            out.push(Value::string(""));
            out.extend(text.chars().next().map(|first| Value::string(&first.to_string())));
        }
        _ => {}
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use stele_types::EntryPoint;

    #[test]
    fn what_does_not_matter_goes() {
        let text = "package a\n\nb := 1 if {\n\tinput.x\n\tinput.y\n}\n\nc := 2\n\nd := 3\n";
        let entry_point = EntryPoint::new("a/b").unwrap();
        let module = Module {
            name: "a.rego".to_owned(),
            text: text.to_owned(),
        };
        let data = Value::object([("q".into(), 1.into())]);
        let input = Value::object([
            ("x".into(), Value::array([1.into(), 2.into(), "long text".into()])),
            ("y".into(), 7.into()),
        ]);
        let case = Case {
            policy: Policy::new(vec![module], vec![entry_point.clone()], data),
            entry_point,
            input: Some(input),
        };
        let fails = |case: &Case| {
            let has_y = case.policy.modules()[0].text.contains("input.y");
            has_y && case.input.as_ref().is_some_and(|input| input.get("x").is_some())
        };
        let small = shrink(case.clone(), 10_000, fails);
        assert_eq!(small.policy.modules()[0].text, "\tinput.y\n");
        assert_eq!(small.input, Some(Value::object([("x".into(), Value::array([]))])));
        assert_eq!(small.policy.data(), &Value::object([]));
        assert_eq!(shrink(case.clone(), 0, fails).to_string(), case.to_string());
    }
}
