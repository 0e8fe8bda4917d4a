//! `providers.aws.sign_req`: Signature Version 4 of Amazon Web Services, as OPA applies it to requests of `http.send`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use stele_types::Value;

use super::args::{number, object};
use super::encoding::go_json;
use super::pki::scheme::Hash;
use super::urls::Url;
use super::{BuiltinError, Session, bad_operand};
use crate::nd::HTTP_SEND_PARAMETERS;

type Result<T> = std::result::Result<T, BuiltinError>;
type Object = BTreeMap<Value, Value>;
type Headers = BTreeMap<String, String>;

/// What the configuration must say.
const CONFIGURATION: &[&str] = &[
    "aws_access_key",
    "aws_region",
    "aws_secret_access_key",
    "aws_service",
];
/// Headers that something on the way may change.
const UNSIGNED: &[&str] = &["authorization", "user-agent", "x-amzn-trace-id"];

fn member<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(&Value::string(name))
}

/// The text of a member; the empty string if it is none.
fn text<'a>(object: &'a Object, name: &str) -> &'a str {
    member(object, name).and_then(Value::as_str).unwrap_or_default()
}

/// Fails when a name is of the kind that `is_bad` says.
fn check(operand: usize, what: &str, names: impl Iterator<Item = Value>) -> Result<()> {
    let names: BTreeSet<Value> = names.collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(bad_operand(format!(
        "operand {operand} {what}: {}",
        Value::from(names)
    )))
}

/// Fails unless `object` has these members, all strings.
fn strings(operand: usize, object: &Object, names: &[&str], what: &str) -> Result<()> {
    let of = |bad: fn(Option<&Value>) -> bool| {
        let names = names.iter().filter(move |name| bad(member(object, name)));
        names.map(|name| Value::string(name))
    };
    check(
        operand,
        &format!("missing required {what}"),
        of(|value| value.is_none()),
    )?;
    let invalid = of(|value| value.and_then(Value::as_str).is_none());
    check(operand, &format!("invalid values for required {what}"), invalid)
}

/// What is signed, and for whom.
struct Signing<'a> {
    request: &'a Object,
    configuration: &'a Object,
    /// The hash of the body, in hex, or that it is not signed.
    payload: String,
    /// `20260102T030405Z`
    time: String,
}

impl Signing<'_> {
    fn date(&self) -> &str {
        self.time.split_once('T').map_or("", |(date, _)| date)
    }

    fn service(&self) -> &str {
        text(self.configuration, "aws_service")
    }

    fn scope(&self) -> String {
        let region = text(self.configuration, "aws_region");
        format!("{}/{region}/{}/aws4_request", self.date(), self.service())
    }

    /// The headers that the signature needs.
    fn own_headers(&self, host: &str) -> Headers {
        let mut headers = Headers::new();
        headers.insert("host".into(), host.into());
        headers.insert("x-amz-date".into(), self.time.clone());
        if matches!(self.service(), "s3" | "glacier") {
            headers.insert("x-amz-content-sha256".into(), self.payload.clone());
        }
        let token = text(self.configuration, "aws_session_token");
        if !token.is_empty() {
            headers.insert("x-amz-security-token".into(), token.into());
        }
        headers
    }

    /// The value of the header `Authorization`.
    fn authorization(&self, url: &Url<'_>, signed: &Headers) -> String {
        let names: Vec<&str> = signed.keys().map(String::as_str).collect();
        let names = names.join(";");
        let mut canonical = format!(
            "{}\n{}\n{}\n",
            text(self.request, "method"),
            url.escaped_path(),
            url.query
        );
        for (name, value) in signed {
            canonical.push_str(&format!("{name}:{value}\n"));
        }
        canonical.push_str(&format!("\n{names}\n{}", self.payload));
        let scope = self.scope();
        let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", self.time, digest(&canonical));
        let mut key = format!("AWS4{}", text(self.configuration, "aws_secret_access_key")).into_bytes();
        for part in scope.split('/').chain([to_sign.as_str()]) {
            key = Hash::Sha256.mac(&key, part.as_bytes()).as_ref().to_vec();
        }
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope},SignedHeaders={names},Signature={}",
            text(self.configuration, "aws_access_key"),
            hex::encode(key)
        )
    }
}

fn digest(text: &str) -> String {
    hex::encode(Hash::Sha256.digest(text.as_bytes()))
}

/// The hash of the body, or that it is not signed.
fn payload(request: &Object, configuration: &Object) -> Result<String> {
    match member(configuration, "disable_payload_signing") {
        None | Some(Value::Bool(false)) => {}
        Some(Value::Bool(true)) => return Ok("UNSIGNED-PAYLOAD".into()),
        Some(_) => {
            return Err(bad_operand(
                "operand 2 invalid value for 'disable_payload_signing' in AWS config",
            ));
        }
    }
    Ok(match (member(request, "raw_body"), member(request, "body")) {
        (Some(raw), _) => digest(raw.as_str().unwrap_or_default()),
        (None, Some(body)) => digest(&go_json(&body.to_json_projection())),
        (None, None) => digest(""),
    })
}

/// The request with the headers that sign it.
pub(super) fn sign_req(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (request, configuration) = (object(args, 0)?, object(args, 1)?);
    strings(2, configuration, CONFIGURATION, "AWS config parameters(s)")?;
    let time = number(args, 2)?.to_i64();
    let time =
        time.ok_or_else(|| bad_operand("operand 3 could not convert time_ns value into a unix timestamp"))?;
    let time = Timestamp::from_nanosecond(time.into()).map_err(|error| bad_operand(error.to_string()))?;
    let known = |name: &&Value| {
        !name
            .as_str()
            .is_some_and(|name| HTTP_SEND_PARAMETERS.contains(&name))
    };
    check(
        1,
        "invalid request parameters(s)",
        request.keys().filter(known).cloned(),
    )?;
    strings(1, request, &["method", "url"], "request parameters(s)")?;
    let given = match member(request, "headers") {
        None => BTreeMap::new(),
        Some(headers) => headers
            .as_object()
            .ok_or_else(|| {
                bad_operand(format!(
                    "operand 1 headers must be object but got {}",
                    headers.type_name()
                ))
            })?
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().unwrap_or_default(),
                    value.as_str().unwrap_or_default(),
                )
            })
            .collect(),
    };
    let url = Url::parse(text(request, "url"))?;
    let signing = Signing {
        request,
        configuration,
        payload: payload(request, configuration)?,
        time: time.strftime("%Y%m%dT%H%M%SZ").to_string(),
    };
    let own = signing.own_headers(url.host);
    let mut signed = own.clone();
    for (name, value) in &given {
        let name = name.to_lowercase();
        if !UNSIGNED.contains(&name.as_str()) {
            signed.insert(name, (*value).to_owned());
        }
    }
    let authorization = signing.authorization(&url, &signed);
    let mut headers: Object = given
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    headers.insert("Authorization".into(), authorization.into());
    headers.extend(own.into_iter().map(|(name, value)| (name.into(), value.into())));
    let mut request = request.clone();
    request.insert("headers".into(), headers.into());
    session.elements(request.len())?;
    Ok(request.into())
}
