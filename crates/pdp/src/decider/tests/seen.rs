//! What comes out of a decision, for comparing one with another.

use stele_types::json;

use super::*;

/// What callers and the log get of an answer, whichever way the documents took.
#[derive(Debug, PartialEq)]
pub(super) struct Seen {
    answer: Result<(Option<String>, bool), String>,
    decisions: Vec<(DecisionId, Option<String>, Judgement, EntryPoint, bool)>,
    /// Record and leaf, and the mask.
    evidence: Vec<(String, Option<stele_types::Leaf>, Option<Value>)>,
}

pub(super) fn seen(answer: &Result<Answer, Failure>) -> Seen {
    let text = |value: &Option<Value>| value.as_ref().map(json::to_string);
    let evidence = match answer {
        Ok(answer) => answer
            .decisions
            .iter()
            .filter_map(|decision| decision.evidence.as_ref())
            .collect(),
        Err(failure) => failure.evidence.iter().collect::<Vec<_>>(),
    };
    let stored = |evidence: &&Evidence| match &evidence.documents {
        Documents::InRecord { mask } => {
            let record = evidence.record.to_json().unwrap();
            (
                String::from_utf8(record).unwrap(),
                evidence.record.leaf().ok(),
                mask.clone(),
            )
        }
        Documents::Rendered(rendered) => {
            assert_eq!((&evidence.record.input, &evidence.record.result), (&None, &None));
            let mut record = Vec::new();
            evidence.record.write_json_with(rendered, &mut record).unwrap();
            let leaf = evidence.record.leaf_with(rendered).ok();
            (String::from_utf8(record).unwrap(), leaf, None)
        }
    };
    Seen {
        answer: match answer {
            Ok(answer) => {
                if let Some(json) = &answer.json {
                    assert_eq!(
                        Some(String::from_utf8(json.clone()).unwrap()),
                        text(&answer.value)
                    );
                }
                Ok((text(&answer.value), answer.without_input))
            }
            Err(failure) => Err(failure.error.to_string()),
        },
        decisions: answer.as_ref().map_or(Vec::new(), |answer| {
            let seen = |one: &Decision| {
                (
                    one.id,
                    text(&one.result),
                    one.judgement.clone(),
                    one.entry_point.clone(),
                    one.in_force,
                )
            };
            answer.decisions.iter().map(seen).collect()
        }),
        evidence: evidence.iter().map(stored).collect(),
    }
}
