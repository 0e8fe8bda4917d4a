//! A record as JSON, member by member: what `Serialize` makes of it, without its cost, because each decision pays for it.

use serde::Serialize;

use super::commit::result_digest;
use super::{DecisionRecord, RecordError};
use crate::json::{self, write_string};
use crate::{Digest, Salt, Value, Violation, commit};

/// Input and result of a decision as an engine rendered them, for a record whose own `input` and `result` are empty: so nobody
/// has to build a [`Value`] only to write it out again.
///
/// INVARIANT: the texts are what [`json::write`] makes of the values, and the digests are those of the leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The input as compact JSON; `None` when it is undefined.
    pub input: Option<Vec<u8>>,
    /// The commitment to the input's canonical bytes with the record's salt.
    pub input_commitment: Digest,
    /// The result as compact JSON; `None` when it is undefined.
    pub result: Option<Vec<u8>>,
    /// SHA-256 of the canonical bytes of the result's JSON projection.
    pub result_digest: Digest,
}

impl DecisionRecord {
    /// The JSON that is stored and shown.
    pub fn to_json(&self) -> Result<Vec<u8>, RecordError> {
        let (input, result) = (self.input.as_ref(), self.result.as_ref());
        let (input, result) = (input.map(json::to_vec), result.map(json::to_vec));
        let mut out = Vec::with_capacity(2_048);
        self.write(input.as_deref(), result.as_deref(), &mut out)?;
        Ok(out)
    }

    /// Appends the same JSON with rendered documents in place of the record's own.
    pub fn write_json_with(&self, rendered: &Rendered, out: &mut Vec<u8>) -> Result<(), RecordError> {
        self.write(rendered.input.as_deref(), rendered.result.as_deref(), out)
    }

    /// The members in the order of the fields; absent and empty ones are left out, as the attributes on the fields say.
    fn write(
        &self,
        input: Option<&[u8]>,
        result: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordError> {
        let mut members = Members { out, first: true };
        members.serde("decision_id", &self.decision_id)?;
        members.serde("timestamp", &self.timestamp)?;
        members.serde("node", &self.node)?;
        members.text("policy_id", self.policy_id.as_str());
        members.serde("policy_version", &self.policy_version)?;
        members.text("path", self.path.as_str());
        members.serde("data_digest", &self.data_digest)?;
        members.raw("input", input);
        if let Some(salt) = &self.input_salt {
            members.serde("input_salt", salt)?;
        }
        members.raw("result", result);
        members.serde("detail_salt", &self.detail_salt)?;
        members.non_empty("labels", &self.labels, self.labels.is_empty())?;
        members.non_empty("metrics", &self.metrics, self.metrics.is_empty())?;
        members.non_empty("bundles", &self.bundles, self.bundles.is_empty())?;
        let cache = self.nd_builtin_cache.as_ref().map(json::to_vec);
        members.raw("nd_builtin_cache", cache.as_deref());
        if let Some(commitment) = &self.nd_builtin_cache_commitment {
            members.serde("nd_builtin_cache_commitment", commitment)?;
        }
        let texts = [
            ("requested_by", &self.requested_by),
            ("actor", &self.actor),
            ("resource", &self.resource),
            ("enforcement_point", &self.enforcement_point),
            ("trace_id", &self.trace_id),
            ("span_id", &self.span_id),
        ];
        for (name, text) in texts {
            members.optional(name, text.as_deref());
        }
        members.serde("latency_ns", &self.latency_ns)?;
        if !self.violations.is_empty() {
            members.name("violations");
            write_list(&self.violations, members.out, violation);
        }
        if let Some(commitment) = &self.violations_commitment {
            members.serde("violations_commitment", commitment)?;
        }
        members.optional("error", self.error.as_deref());
        members.non_empty("erased", &self.erased, self.erased.is_empty())?;
        members.non_empty("masked", &self.masked, self.masked.is_empty())?;
        out.push(b'}');
        Ok(())
    }
}

/// The members of one object.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Members<'_> {
    fn name(&mut self, name: &str) {
        self.out.push(if std::mem::take(&mut self.first) {
            b'{'
        } else {
            b','
        });
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        write_string(text, self.out);
    }

    fn optional(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn texts(&mut self, name: &str, texts: &[String]) {
        self.name(name);
        write_list(texts, self.out, |text, out| write_string(text, out));
    }

    /// JSON that is written already.
    fn raw(&mut self, name: &str, json: Option<&[u8]>) {
        if let Some(json) = json {
            self.name(name);
            self.out.extend_from_slice(json);
        }
    }

    fn serde(&mut self, name: &str, value: &impl Serialize) -> Result<(), RecordError> {
        self.name(name);
        Ok(serde_json::to_writer(&mut *self.out, value)?)
    }

    fn non_empty(&mut self, name: &str, value: &impl Serialize, empty: bool) -> Result<(), RecordError> {
        if empty {
            return Ok(());
        }
        self.serde(name, value)
    }
}

/// Appends the RFC 8785 (JCS) text of violations.
///
/// JCS writes strings as `serde_json` does and orders members by name; a violation has nothing but strings and lists of strings, so
/// members in order are all it takes.
pub(super) fn write_violations(violations: &[Violation], out: &mut Vec<u8>) {
    write_list(violations, out, |violation, out| {
        let mut members = Members { out, first: true };
        if !violation.controls.is_empty() {
            members.texts("controls", &violation.controls);
        }
        members.text("message", &violation.message);
        members.text("policy_id", violation.policy_id.as_str());
        members.optional("remediation", violation.remediation.as_deref());
        members.optional("resource", violation.resource.as_deref());
        members.text("rule", &violation.rule);
        members.text("severity", violation.severity.as_str());
        out.push(b'}');
    });
}

/// A violation in the order of its fields.
fn violation(violation: &Violation, out: &mut Vec<u8>) {
    let mut members = Members { out, first: true };
    members.text("policy_id", violation.policy_id.as_str());
    members.text("rule", &violation.rule);
    members.text("message", &violation.message);
    members.text("severity", violation.severity.as_str());
    members.optional("resource", violation.resource.as_deref());
    members.optional("remediation", violation.remediation.as_deref());
    if !violation.controls.is_empty() {
        members.texts("controls", &violation.controls);
    }
    out.push(b'}');
}

fn write_list<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (at, item) in items.iter().enumerate() {
        if at != 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

impl Rendered {
    /// Of the bytes that an engine rendered: of the input its JSON and its canonical bytes, both empty when it is undefined; of the result its
    /// JSON, and the value itself.
    ///
    /// # Errors
    /// When the result does not fit the canonical encoding.
    pub fn new(
        salt: &Salt,
        (input, canonical): (&[u8], &[u8]),
        (result_json, result): (&[u8], Option<&Value>),
    ) -> Result<Self, RecordError> {
        let present = |json: &[u8]| (!json.is_empty()).then(|| json.to_vec());
        Ok(Self {
            input: present(input),
            input_commitment: commit(salt, canonical),
            result: present(result_json),
            result_digest: result_digest(result)?,
        })
    }
}
