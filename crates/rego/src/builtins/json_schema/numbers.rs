//! Numbers in schemas: which are certain, and how messages write them.

use stele_types::{Number, NumberError, Value};

use super::super::BuiltinError;
use super::unsupported;

/// Numbers whose text and whose equality don't change on the way through 64-bit floating point.
pub(super) fn is_certain(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            text.len() <= 15
                && !text.contains(['e', 'E'])
                && !text.trim_start_matches('-').starts_with("0.00000")
        }
        Value::Array(items) => items.iter().all(is_certain),
        Value::Object(map) => map.values().all(is_certain),
        _ => true,
    }
}

/// Whether a number is a whole multiple of another.
pub(super) fn is_multiple(number: &Number, of: &Number) -> Result<bool, BuiltinError> {
    match number.div(of) {
        Ok(quotient) => Ok(quotient.is_integer()),
        Err(NumberError::Inexact) => Ok(false),
        Err(_) => Err(unsupported("a multiple of a number of this size")),
    }
}

/// Digits that survive the way through 64 binary digits, which is what the library keeps.
const DIGITS: usize = 18;

/// A bound as the library prints it: the shortest digits, with an exponent below 1e-4 and from 1e6 on.
pub(super) fn bound(number: &Number) -> Result<String, BuiltinError> {
    let unknown = || unsupported("the message about a bound of this size");
    let scientific = number.to_scientific();
    let (sign, scientific) = match scientific.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", scientific.as_str()),
    };
    let (digits, exponent) = scientific.split_once('e').ok_or_else(unknown)?;
    let exponent: i64 = exponent.parse().map_err(|_| unknown())?;
    if digits.len() > DIGITS {
        return Err(unknown());
    }
    let behind_first = i64::try_from(digits.len()).unwrap_or(i64::MAX).saturating_sub(1);
    let power = exponent.saturating_add(behind_first);
    if (-4..6).contains(&power) {
        return Ok(number.to_string());
    }
    let (first, rest) = digits.split_at_checked(1).ok_or_else(unknown)?;
    let point = if rest.is_empty() { "" } else { "." };
    let direction = if power < 0 { '-' } else { '+' };
    Ok(format!(
        "{sign}{first}{point}{rest}e{direction}{:02}",
        power.unsigned_abs()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_read_as_gos() {
        for (number, text) in [
            ("0", "0"),
            ("-7", "-7"),
            ("2.50", "2.5"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("999999", "999999"),
            ("1000000", "1e+06"),
            ("-1234567.5", "-1.2345675e+06"),
            ("1e120", "1e+120"),
        ] {
            assert_eq!(bound(&Number::parse(number).unwrap()).unwrap(), text, "{number}");
        }
        assert!(bound(&Number::parse("1234567890123456789").unwrap()).is_err());
    }

    #[test]
    fn multiples_are_exact() {
        let number = |text: &str| Number::parse(text).unwrap();
        for (a, b, wanted) in [
            ("10", "5", true),
            ("7", "5", false),
            ("0.3", "0.1", true),
            ("1", "3", false),
            ("0", "0.7", true),
            ("1e300", "0.25", true),
            ("1", "0.3", false),
        ] {
            assert_eq!(is_multiple(&number(a), &number(b)).unwrap(), wanted, "{a} {b}");
        }
    }
}
