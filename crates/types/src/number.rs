//! Exact decimal numbers of any precision.
//!
//! Policies compare, hash and prove numbers, so no operation here ever rounds: what can't be represented is an error.
//! Integers of 64 bits stay inline; everything else is a coefficient times a power of ten.

mod arithmetic;
mod convert;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use num_bigint::{BigInt, Sign};
use num_traits::ToPrimitive;

/// A number may have at most this many digits before and this many after its decimal point.
///
/// Wide enough for every IEEE double written out exactly (1,074 digits), small enough that no input makes arithmetic slow.
pub const MAX_DIGITS: i64 = 4_096;

/// Why a number could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// Not a JSON number.
    #[error("`{text}` is not a number")]
    Syntax {
        /// The offending text, cut to 80 characters.
        text: String,
    },
    /// More digits than [`MAX_DIGITS`] on one side of the decimal point.
    #[error("the number has more than {MAX_DIGITS} digits before or after its decimal point")]
    OutOfRange,
    /// Division or remainder by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// The quotient has no finite decimal form.
    #[error("the quotient has no finite decimal form")]
    Inexact,
    /// The operation is defined for integers only.
    #[error("`{number}` is not an integer")]
    NotInteger {
        /// The offending number.
        number: String,
    },
    /// Needs more than 18 fractional digits or more than 256 bits in fixed point.
    #[error(
        "{number} can't be represented in a contract input: contracts compute with 18 fractional digits in a \
         signed 256-bit word"
    )]
    NotFixed18 {
        /// The offending number.
        number: String,
    },
    /// A float that is no number.
    #[error("infinities and NaN are not numbers")]
    NotFinite,
}

/// An exact decimal number.
///
/// Equality, order and hash are those of the value: `1`, `1.0` and `10e-1` are the same number.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(Repr);

/// INVARIANT: a value that is an integer of 64 bits is always `Int`, so equal values have equal representations.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Int(i64),
    Decimal(Arc<Decimal>),
}

/// `coefficient x 10^exponent`.
///
/// INVARIANT: the coefficient is not zero and not divisible by ten; `magnitude` is `exponent` plus the number of
/// digits of the coefficient (so `10^(magnitude-1) <= |value| < 10^magnitude`); `exponent >= -MAX_DIGITS` and
/// `magnitude <= MAX_DIGITS`. Made by [`Number::from_parts`] only.
#[derive(PartialEq, Eq, Hash)]
struct Decimal {
    coefficient: BigInt,
    exponent: i64,
    magnitude: i64,
}

impl Number {
    /// Zero.
    pub const ZERO: Self = Self(Repr::Int(0));

    /// `coefficient x 10^exponent`, brought into the one normal form.
    fn from_parts(coefficient: BigInt, exponent: i64) -> Result<Self, NumberError> {
        if coefficient.sign() == Sign::NoSign {
            return Ok(Self::ZERO);
        }
        let digits = coefficient.magnitude().to_str_radix(10);
        let significant = digits.trim_end_matches('0').len();
        let zeros = digits.len().saturating_sub(significant);
        let zeros = i64::try_from(zeros).map_err(|_| NumberError::OutOfRange)?;
        let coefficient = if zeros == 0 {
            coefficient
        } else {
            arithmetic::shift_right(&coefficient, zeros)?
        };
        let exponent = exponent.checked_add(zeros).ok_or(NumberError::OutOfRange)?;
        let magnitude = i64::try_from(significant)
            .ok()
            .and_then(|count| count.checked_add(exponent))
            .ok_or(NumberError::OutOfRange)?;
        if exponent < MAX_DIGITS.saturating_neg() || magnitude > MAX_DIGITS {
            return Err(NumberError::OutOfRange);
        }
        if exponent >= 0 && magnitude <= 19 {
            let integer = arithmetic::shift_left(&coefficient, exponent)?;
            if let Some(small) = integer.to_i64() {
                return Ok(Self(Repr::Int(small)));
            }
        }
        Ok(Self(Repr::Decimal(Arc::new(Decimal {
            coefficient,
            exponent,
            magnitude,
        }))))
    }

    /// The coefficient and exponent: the value is `coefficient x 10^exponent`.
    fn parts(&self) -> (BigInt, i64) {
        match &self.0 {
            Repr::Int(small) => (BigInt::from(*small), 0),
            Repr::Decimal(decimal) => (decimal.coefficient.clone(), decimal.exponent),
        }
    }

    /// Reads a JSON number (RFC 8259 section 6): `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        if let Some(small) = parse_small(text.as_bytes()) {
            return Ok(Self(Repr::Int(small)));
        }
        parse_general(text)
    }

    /// True when the number has no fractional part.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Int(_) => true,
            Repr::Decimal(decimal) => decimal.exponent >= 0,
        }
    }

    /// True for zero.
    pub fn is_zero(&self) -> bool {
        matches!(self.0, Repr::Int(0))
    }

    /// True for numbers below zero.
    pub fn is_negative(&self) -> bool {
        self.sign() == Ordering::Less
    }

    /// Sign of the number, as its order relative to zero.
    pub fn sign(&self) -> Ordering {
        match &self.0 {
            Repr::Int(small) => small.cmp(&0),
            Repr::Decimal(decimal) => match decimal.coefficient.sign() {
                Sign::Minus => Ordering::Less,
                Sign::NoSign => Ordering::Equal,
                Sign::Plus => Ordering::Greater,
            },
        }
    }

    /// The normalised scientific form of wide numbers in the value encoding: coefficient, `e`, exponent.
    ///
    /// The coefficient has no trailing zero, so equal numbers give equal text: 1200 is `12e2`, 0.5 is `5e-1`, 7 is `7e0`.
    pub fn to_scientific(&self) -> String {
        let (coefficient, exponent) = self.parts();
        let digits = coefficient.to_str_radix(10);
        let significant = digits.trim_end_matches('0');
        let zeros = digits.len().saturating_sub(significant.len());
        if significant.is_empty() || significant == "-" {
            return "0e0".to_owned();
        }
        let exponent = exponent.saturating_add(i64::try_from(zeros).unwrap_or(i64::MAX));
        format!("{significant}e{exponent}")
    }
}

/// At most 18 digits with an optional minus and no superfluous zero; everything else is left to [`parse_general`].
fn parse_small(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    match digits {
        [] => return None,
        [b'0'] => return Some(0),
        [b'0', ..] => return None,
        _ if digits.len() > 18 => return None,
        _ => {}
    }
    let mut value = 0i64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value
            .wrapping_mul(10)
            .wrapping_add(i64::from(digit.wrapping_sub(b'0')));
    }
    Some(if negative { value.wrapping_neg() } else { value })
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn parse_general(text: &str) -> Result<Number, NumberError> {
    let syntax = || NumberError::Syntax {
        text: text.chars().take(80).collect(),
    };
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, rest) = split_digits(unsigned);
    if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
        return Err(syntax());
    }
    let (fraction, rest) = match rest.strip_prefix('.') {
        None => ("", rest),
        Some(after) => {
            let (fraction, rest) = split_digits(after);
            if fraction.is_empty() {
                return Err(syntax());
            }
            (fraction, rest)
        }
    };
    let exponent_text = match rest.strip_prefix(['e', 'E']) {
        None if rest.is_empty() => "0",
        None => return Err(syntax()),
        Some(after) => {
            let digits = after.strip_prefix(['+', '-']).unwrap_or(after);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(syntax());
            }
            after
        }
    };
    let fraction = fraction.trim_end_matches('0');
    let whole = whole.trim_start_matches('0');
    let mut digits = String::with_capacity(whole.len().saturating_add(fraction.len()));
    digits.push_str(whole);
    digits.push_str(fraction);
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(Number::ZERO);
    }
    // Checked before the digits are converted: conversion is quadratic, and the text may be megabytes long.
    let exponent: i64 = exponent_text.parse().map_err(|_| NumberError::OutOfRange)?;
    let exponent = i64::try_from(fraction.len())
        .ok()
        .and_then(|shift| exponent.checked_sub(shift))
        .ok_or(NumberError::OutOfRange)?;
    let trimmed = significant.trim_end_matches('0');
    let zeros = significant.len().saturating_sub(trimmed.len());
    let exponent = i64::try_from(zeros)
        .ok()
        .and_then(|z| exponent.checked_add(z))
        .ok_or(NumberError::OutOfRange)?;
    if trimmed.len() > usize::try_from(MAX_DIGITS.saturating_mul(2)).unwrap_or(usize::MAX) {
        return Err(NumberError::OutOfRange);
    }
    let coefficient = match trimmed.parse::<i64>() {
        Ok(small) => BigInt::from(small),
        Err(_) => BigInt::parse_bytes(trimmed.as_bytes(), 10).ok_or_else(syntax)?,
    };
    let signed = if text.starts_with('-') {
        arithmetic::negate(coefficient)
    } else {
        coefficient
    };
    Number::from_parts(signed, exponent)
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0) {
            return a.cmp(b);
        }
        arithmetic::compare(self, other)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        Self::parse(text)
    }
}

impl fmt::Display for Number {
    /// Plain decimal without an exponent; integers without a point.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimal = match &self.0 {
            Repr::Int(small) => return small.fmt(f),
            Repr::Decimal(decimal) => decimal,
        };
        let digits = decimal.coefficient.magnitude().to_str_radix(10);
        let sign = if decimal.coefficient.sign() == Sign::Minus {
            "-"
        } else {
            ""
        };
        let out = if decimal.exponent >= 0 {
            let zeros = usize::try_from(decimal.exponent).unwrap_or_default();
            format!("{sign}{digits}{}", "0".repeat(zeros))
        } else if decimal.magnitude > 0 {
            let point = usize::try_from(decimal.magnitude).unwrap_or_default();
            let (whole, fraction) = digits.split_at_checked(point).unwrap_or((&digits, ""));
            format!("{sign}{whole}.{fraction}")
        } else {
            let zeros = usize::try_from(decimal.magnitude.saturating_neg()).unwrap_or_default();
            format!("{sign}0.{}{digits}", "0".repeat(zeros))
        };
        f.pad(&out)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
