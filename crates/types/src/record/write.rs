//! A record as JSON, member by member: what `Serialize` makes of it, without its cost, because each decision pays for it.

use std::collections::BTreeMap;
use std::io::Write as _;

use super::commit::{Detail, result_digest};
use super::{BundleRevision, DecisionRecord, RecordError};
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
        self.write(input.as_deref(), result.as_deref(), &mut out);
        Ok(out)
    }

    /// Appends the same JSON with rendered documents in place of the record's own.
    pub fn write_json_with(&self, rendered: &Rendered, out: &mut Vec<u8>) -> Result<(), RecordError> {
        self.write(rendered.input.as_deref(), rendered.result.as_deref(), out);
        Ok(())
    }

    /// The members in the order of the fields; absent and empty ones are left out, as the attributes on the fields say.
    fn write(&self, input: Option<&[u8]>, result: Option<&[u8]>, out: &mut Vec<u8>) {
        let mut members = Members { out, first: true };
        members.plain("decision_id", format_args!("{}", self.decision_id));
        members.plain("timestamp", format_args!("{}", self.timestamp));
        members.bytes("node", &self.node.text());
        members.text("policy_id", self.policy_id.as_str());
        members.digest("policy_version", &self.policy_version.0);
        members.text("path", self.path.as_str());
        members.digest("data_digest", &self.data_digest);
        members.raw("input", input);
        if let Some(salt) = &self.input_salt {
            salt.with_hex(|digits| members.bytes("input_salt", digits.as_bytes()));
        }
        members.raw("result", result);
        self.detail_salt
            .with_hex(|digits| members.bytes("detail_salt", digits.as_bytes()));
        members.map("labels", &self.labels, |label, out| write_string(label, out));
        members.map("metrics", &self.metrics, |count, out| {
            // Writing to memory does not fail.
            let _ = write!(out, "{count}");
        });
        members.map("bundles", &self.bundles, bundle);
        let cache = self.nd_builtin_cache.as_ref().map(json::to_vec);
        members.raw("nd_builtin_cache", cache.as_deref());
        if let Some(commitment) = &self.nd_builtin_cache_commitment {
            members.digest("nd_builtin_cache_commitment", commitment);
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
        members.name("latency_ns");
        let _ = write!(members.out, "{}", self.latency_ns);
        if !self.violations.is_empty() {
            members.name("violations");
            write_list(&self.violations, members.out, violation);
        }
        if let Some(commitment) = &self.violations_commitment {
            members.digest("violations_commitment", commitment);
        }
        members.optional("error", self.error.as_deref());
        for (name, pointers) in [("erased", &self.erased), ("masked", &self.masked)] {
            if !pointers.is_empty() {
                members.texts(name, pointers);
            }
        }
        out.push(b'}');
    }
}

/// The members of one object.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Members<'_> {
    /// Names are ours, and need no escaping.
    fn name(&mut self, name: &str) {
        let separator = if std::mem::take(&mut self.first) {
            b'{'
        } else {
            b','
        };
        self.out.reserve(name.len().saturating_add(4));
        self.out.extend_from_slice(&[separator, b'"']);
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

    /// A text that needs no escaping.
    fn bytes(&mut self, name: &str, text: &[u8]) {
        self.name(name);
        self.out.push(b'"');
        self.out.extend_from_slice(text);
        self.out.push(b'"');
    }

    /// As [`Members::bytes`], of what is written as it is.
    fn plain(&mut self, name: &str, text: std::fmt::Arguments<'_>) {
        self.name(name);
        // Writing to memory does not fail.
        let _ = write!(self.out, "\"{text}\"");
    }

    fn digest(&mut self, name: &str, digest: &Digest) {
        digest.with_hex(|digits| self.bytes(name, digits.as_bytes()));
    }

    /// The same, or `null`.
    fn digest_or_null(&mut self, name: &str, digest: Option<&Digest>) {
        match digest {
            Some(digest) => self.digest(name, digest),
            None => self.raw(name, Some(b"null")),
        }
    }

    fn text_or_null(&mut self, name: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(name, text),
            None => self.raw(name, Some(b"null")),
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

    /// Nothing when it is empty.
    fn map<K: AsRef<str>, T>(&mut self, name: &str, map: &BTreeMap<K, T>, write: impl Fn(&T, &mut Vec<u8>)) {
        if !map.is_empty() {
            self.name(name);
            write_map(map, self.out, write);
        }
    }
}

fn write_map<K: AsRef<str>, T>(map: &BTreeMap<K, T>, out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'{');
    for (at, (name, value)) in map.iter().enumerate() {
        if at != 0 {
            out.push(b',');
        }
        write_string(name.as_ref(), out);
        out.push(b':');
        write(value, out);
    }
    out.push(b'}');
}

fn bundle(bundle: &BundleRevision, out: &mut Vec<u8>) {
    let mut members = Members { out, first: true };
    members.text("revision", &bundle.revision);
    out.push(b'}');
}

/// Appends what `Serialize` makes of the details, which is their RFC 8785 (JCS) text where all names that callers choose are ASCII.
pub(super) fn write_detail(detail: &Detail<'_>, out: &mut Vec<u8>) {
    let mut members = Members { out, first: true };
    members.text_or_null("actor", detail.actor.as_deref());
    members.name("bundles");
    write_map(detail.bundles, members.out, bundle);
    members.text_or_null("enforcement_point", detail.enforcement_point.as_deref());
    members.text_or_null("error", detail.error.as_deref());
    members.name("labels");
    write_map(detail.labels, members.out, |label, out| write_string(label, out));
    members.text("latency_ns", &detail.latency_ns);
    members.name("metrics");
    write_map(&detail.metrics, members.out, |count, out| {
        write_string(count, out)
    });
    members.digest_or_null("nd_builtin_cache", detail.nd_builtin_cache.as_ref());
    members.text("policy_id", detail.policy_id);
    members.text_or_null("requested_by", detail.requested_by.as_deref());
    members.text_or_null("resource", detail.resource.as_deref());
    members.text_or_null("span_id", detail.span_id.as_deref());
    members.text_or_null("trace_id", detail.trace_id.as_deref());
    members.digest("violations", &detail.violations);
    out.push(b'}');
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
