//! `crypto.x509.parse_and_verify_certificates`: is the last certificate trusted by the first one?

use jiff::Timestamp;
use stele_types::Value;

use super::args::{elements, object, string};
use super::pki::chain::{self, ChainError, Link, Purpose};
use super::pki::extensions::USAGES;
use super::x509::{certificates, certificates_der, extended};
use super::{BuiltinError, Refusal, Session, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

/// Instructions charged for each signature that may be checked.
const CHECK_WORK: u64 = 10_000;
/// Go's number for the authentication of servers, which is what chains are for by default.
const SERVER: u8 = 1;

fn untrusted() -> Value {
    vec![false.into(), Vec::new().into()].into()
}

/// A failure of the arguments' form makes them untrusted; limits stay limits.
fn or_untrusted<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(BuiltinError::Failed(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

fn time(nanoseconds: impl Into<i128>) -> Result<Timestamp> {
    Timestamp::from_nanosecond(nanoseconds.into()).map_err(|error| failed(error.to_string()))
}

/// What is no chain is untrusted whatever the purpose is, an error included.
fn verify(
    session: &mut Session<'_>,
    text: &str,
    purpose: Result<Purpose<'_>>,
    value: fn(&Link<'_>) -> Value,
) -> Result<Value> {
    let Some(bytes) = or_untrusted(certificates_der(text))? else {
        return Ok(untrusted());
    };
    let Some(links) = or_untrusted(certificates(session, &bytes))? else {
        return Ok(untrusted());
    };
    let count = u64::try_from(links.len()).unwrap_or(u64::MAX);
    let checks = count.saturating_mul(count).min(u64::from(chain::MOST_CHECKS));
    session.budget.work(checks.saturating_mul(CHECK_WORK))?;
    let purpose = purpose?;
    let chain = match chain::verify(&links, &purpose) {
        Ok(chain) => chain,
        Err(ChainError::Untrusted) => return Ok(untrusted()),
        Err(ChainError::Unsupported(what)) => return Err(Refusal::Unsupported(what).into()),
    };
    let chain: Vec<Value> = chain.into_iter().map(value).collect();
    Ok(vec![true.into(), chain.into()].into())
}

/// `[true, chain]`, the leaf first, or `[false, []]`, at the time of the decision.
pub(super) fn parse_and_verify(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let purpose = Purpose {
        host: "",
        time: time(session.time()?.as_nanos())?,
        usages: vec![SERVER],
    };
    verify(session, string(args, 0)?, Ok(purpose), extended)
}

/// Go's numbers for key usages.
fn usages(value: &Value) -> Result<Vec<u8>> {
    let names = elements(value).ok_or_else(|| failed("'KeyUsages' should be an Array or Set"))?;
    let mut usages = Vec::new();
    for name in names.into_iter().filter_map(Value::as_str) {
        let known = USAGES
            .iter()
            .position(|(_, known)| *known == name.trim_matches('"'));
        let known = known.and_then(|known| u8::try_from(known).ok());
        usages.push(known.ok_or_else(|| failed(format!("invalid entries for 'KeyUsages' found: [{name}]")))?);
    }
    Ok(usages)
}

/// The same for a host, a time and key usages.
pub(super) fn parse_and_verify_with_options(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    object(args, 1)?;
    let purpose = Purpose {
        host: "",
        time: time(session.time()?.as_nanos())?,
        usages: Vec::new(),
    };
    verify(session, text, with_options(args, purpose), |link| {
        link.value.clone()
    })
}

/// A purpose with what the second argument says of it.
fn with_options<'a>(args: &'a [Value], mut purpose: Purpose<'a>) -> Result<Purpose<'a>> {
    for (name, value) in object(args, 1)? {
        match name.as_str() {
            Some("DNSName") => {
                let host = value
                    .as_str()
                    .ok_or_else(|| failed("'DNSName' should be a string"))?;
                purpose.host = host.trim_matches('"');
            }
            Some("CurrentTime") => {
                let number = value
                    .as_number()
                    .ok_or_else(|| failed("'CurrentTime' should be a number"))?;
                let number = number.to_i64();
                purpose.time =
                    time(number.ok_or_else(|| failed("'CurrentTime' should be a valid int64 number"))?)?;
            }
            Some("MaxConstraintComparisons") => {
                // Name constraints are refused, so there is nothing to count.
                let number = value.as_number().and_then(stele_types::Number::to_i64);
                number.ok_or_else(|| failed("'MaxConstraintComparisons' should be a valid number"))?;
            }
            Some("KeyUsages") => purpose.usages = usages(value)?,
            Some(_) => return Err(failed("invalid key option")),
            None => {}
        }
    }
    if purpose.usages.is_empty() {
        purpose.usages.push(SERVER);
    }
    Ok(purpose)
}
