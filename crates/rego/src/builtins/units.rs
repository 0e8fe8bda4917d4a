//! `units.parse` and `units.parse_bytes`.

use stele_types::{Number, Value};

use super::args::string;
use super::{BuiltinError, Session, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

/// The longest exponent of scientific notation.
const EXPONENT_DIGITS: usize = 6;

/// Splits `10.5GiB` into amount and unit. `e` starts an exponent if a digit or sign follows; `10e` is ten exa.
fn split(text: &str) -> Result<(&str, &str)> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let sign = |at: usize| bytes.get(at).is_some_and(|b| matches!(b, b'+' | b'-'));
    let mut at = 0_usize;
    while let Some(byte) = bytes.get(at) {
        let next = at.saturating_add(1);
        match byte {
            b'0'..=b'9' | b'.' | b'+' | b'-' => at = next,
            b'e' | b'E' if digit(next) || sign(next) => {
                let start = if sign(next) { next.saturating_add(1) } else { next };
                let digits = bytes
                    .iter()
                    .skip(start)
                    .take_while(|b| b.is_ascii_digit())
                    .count();
                if digits > EXPONENT_DIGITS {
                    return Err(failed("exponent too large"));
                }
                at = start;
            }
            _ => break,
        }
    }
    Ok(text.split_at_checked(at).unwrap_or((text, "")))
}

/// The amount, as Go reads a rational: digits may be missing on one side of the point.
fn amount(text: &str) -> Result<Number> {
    let error = || failed("could not parse amount to a number");
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let at = rest.find(['e', 'E']).unwrap_or(rest.len());
    let (mantissa, exponent) = rest.split_at_checked(at).ok_or_else(error)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(error());
    }
    let whole = whole.trim_start_matches('0');
    let text = format!("{sign}{}.{}{exponent}", pad(whole), pad(fraction));
    Number::parse(&text).map_err(|_| error())
}

fn pad(digits: &str) -> &str {
    if digits.is_empty() { "0" } else { digits }
}

/// The factor of a unit letter: power of 1,000, or of 1,024 for the binary ones.
fn factor(letter: char, binary: bool) -> Option<Number> {
    let power = "kmgtpe".find(letter)?;
    let power = u32::try_from(power).ok()?.checked_add(1)?;
    let base: u64 = if binary { 1_024 } else { 1_000 };
    Some(Number::from(base.checked_pow(power)?))
}

/// `10K`, `1.5Mi`, `100m` (milli; `M` is mega).
pub(super) fn parse(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?.replace('"', "");
    if text.contains(' ') {
        return Err(failed("units.parse: spaces not allowed in resource strings"));
    }
    let (digits, unit) = split(&text)?;
    if digits.is_empty() {
        return Err(failed("units.parse: no amount provided"));
    }
    let unknown = || failed(format!("units.parse: unit {unit} not recognized"));
    let amount_of = amount(digits);
    let mut letters = unit.chars();
    let (letter, rest) = (letters.next(), letters.as_str().to_lowercase());
    let product = match (letter, rest.as_str()) {
        (None, _) => amount_of?,
        // One thousandth, as exactly as OPA means it: the double that is nearest to it would show in the tenth digit.
        (Some('m'), "") => amount_of?.mul(&Number::parse("0.001")?)?,
        (Some(letter), "" | "i") => {
            let factor = factor(letter.to_ascii_lowercase(), rest == "i").ok_or_else(unknown)?;
            amount_of?.mul(&factor)?
        }
        _ => return Err(unknown()),
    };
    if product.is_integer() {
        return Ok(product.into());
    }
    // Ten fractional digits, halves away from zero.
    let shift = Number::from(10_000_000_000_i64);
    Ok(product.mul(&shift)?.round().div(&shift)?.into())
}

/// `10KB`, `1.5mib`: bytes, cut to an integer. `m` is mega here.
pub(super) fn parse_bytes(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?.to_lowercase().replace('"', "");
    if text.contains(' ') {
        return Err(failed(
            "units.parse_bytes: spaces not allowed in resource strings",
        ));
    }
    let (digits, unit) = split(&text)?;
    if digits.is_empty() {
        return Err(failed("units.parse_bytes: no byte amount provided"));
    }
    let unknown = || failed(format!("units.parse_bytes: byte unit {unit} not recognized"));
    let mut letters = unit.chars();
    let product = match (letters.next(), letters.as_str()) {
        (None, _) => amount(digits)?,
        (Some(letter), rest @ ("" | "b" | "i" | "ib")) => {
            let factor = factor(letter, rest.starts_with('i')).ok_or_else(unknown)?;
            amount(digits)?.mul(&factor)?
        }
        _ => return Err(unknown()),
    };
    Ok(if product.is_negative() {
        product.ceil()
    } else {
        product.floor()
    }
    .into())
}
