//! Arithmetic and comparison.
//!
//! Sums, differences, products and finite quotients are exact, where OPA rounds what is not an integer to 64 bits of mantissa.
//! A quotient without a finite decimal form is OPA's: rounded to 64 bits, then the shortest decimal that rounds to it.

use num_bigint::BigInt;
use num_integer::Integer as _;
use num_traits::{One as _, Signed as _, Zero as _};
use stele_types::{Number, NumberError, Value};

use super::args::{any, number, wrong};
use super::{BuiltinError, Session, bad_operand, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

macro_rules! compare {
    ($($name:ident $op:tt;)+) => { $(
        /// Comparison in Rego's total order.
        pub(super) fn $name(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
            Ok((any(args, 0)? $op any(args, 1)?).into())
        }
    )+ };
}

compare! {
    equal ==;
    neq !=;
    lt <;
    lte <=;
    gt >;
    gte >=;
}

pub(super) fn plus(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(number(args, 0)?.add(number(args, 1)?)?.into())
}

/// The difference of two numbers or of two sets.
pub(super) fn minus(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    match (any(args, 0)?, any(args, 1)?) {
        (Value::Number(a), Value::Number(b)) => Ok(a.sub(b)?.into()),
        (Value::Set(a), Value::Set(b)) => Ok(Value::set(a.difference(b).cloned())),
        (Value::Number(_), _) => Err(wrong(args, 1, "number")),
        (Value::Set(_), _) => Err(wrong(args, 1, "set")),
        _ => Err(wrong(args, 0, "one of {number, set}")),
    }
}

pub(super) fn mul(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(number(args, 0)?.mul(number(args, 1)?)?.into())
}

pub(super) fn div(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = (number(args, 0)?, number(args, 1)?);
    if b.is_zero() {
        return Err(failed("divide by zero"));
    }
    match a.div(b) {
        Err(NumberError::Inexact) => Ok(rounded_quotient(a, b).ok_or(NumberError::OutOfRange)?.into()),
        quotient => Ok(quotient?.into()),
    }
}

pub(super) fn rem(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = (number(args, 0)?, number(args, 1)?);
    if !a.is_integer() || !b.is_integer() {
        return Err(failed("modulo on floating-point number"));
    }
    if b.is_zero() {
        return Err(failed("modulo by zero"));
    }
    Ok(a.rem(b)?.into())
}

pub(super) fn abs(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(number(args, 0)?.abs().into())
}

pub(super) fn ceil(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(number(args, 0)?.ceil().into())
}

pub(super) fn floor(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(number(args, 0)?.floor().into())
}

pub(super) fn round(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(number(args, 0)?.round().into())
}

/// `number` as a fraction of integers, the denominator positive.
#[expect(clippy::arithmetic_side_effects, reason = "big integers do not overflow")]
fn fraction(number: &Number) -> Option<(BigInt, BigInt)> {
    let text = number.to_scientific();
    let (coefficient, exponent) = text.split_once('e')?;
    let coefficient: BigInt = coefficient.parse().ok()?;
    let exponent: i32 = exponent.parse().ok()?;
    let power = BigInt::from(10).pow(exponent.unsigned_abs());
    Some(if exponent < 0 {
        (coefficient, power)
    } else {
        (coefficient * power, BigInt::one())
    })
}

/// Rounds `n / d` (both positive) to a mantissa of 64 bits, half to even: the value is mantissa x 2^exponent.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "big integers do not overflow; exponents are bounded by the size of numbers; d is not zero"
)]
fn round64(n: &BigInt, d: &BigInt) -> Option<(BigInt, i64)> {
    let bits = |x: &BigInt| i64::try_from(x.bits()).ok();
    // The quotient of the shifted fraction has 64 or 65 bits.
    let mut exponent = bits(n)? - bits(d)? - 64;
    loop {
        let (n, d) = match u64::try_from(exponent) {
            Ok(shift) => (n.clone(), d << shift),
            Err(_) => (n << exponent.unsigned_abs(), d.clone()),
        };
        let (mut mantissa, rest) = n.div_rem(&d);
        if mantissa.bits() > 64 {
            exponent += 1;
            continue;
        }
        let twice = rest * 2;
        if twice > d || (twice == d && mantissa.is_odd()) {
            mantissa += 1;
        }
        // One more may have carried into a 65th bit; such a mantissa is even.
        return Some(if mantissa.bits() > 64 {
            (mantissa >> 1, exponent + 1)
        } else {
            (mantissa, exponent)
        });
    }
}

/// The shortest decimal that rounds to the same 64-bit mantissa as `a / b`.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "big integers do not overflow; exponents are small"
)]
fn rounded_quotient(a: &Number, b: &Number) -> Option<Number> {
    let ((an, ad), (bn, bd)) = (fraction(a)?, fraction(b)?);
    let (n, d) = (an * bd, ad * bn);
    let negative = n.is_negative() != d.is_negative();
    let target = round64(&n.abs(), &d.abs())?;
    let (n, d) = match u64::try_from(target.1) {
        Ok(shift) => (&target.0 << shift, BigInt::one()),
        Err(_) => (target.0.clone(), BigInt::one() << target.1.unsigned_abs()),
    };
    // The decimal exponent of the first digit: 10^magnitude <= n/d < 10^(magnitude+1).
    let digits = |x: &BigInt| i64::try_from(x.to_str_radix(10).len()).ok();
    let mut magnitude = digits(&n)? - digits(&d)?;
    let scaled = |magnitude: i64| match u32::try_from(magnitude) {
        Ok(up) => (n.clone(), &d * BigInt::from(10).pow(up)),
        Err(_) => (
            &n * BigInt::from(10).pow(u32::try_from(magnitude.unsigned_abs()).unwrap_or(0)),
            d.clone(),
        ),
    };
    let (low, high) = scaled(magnitude);
    if low < high {
        magnitude -= 1;
    }
    // 21 digits always suffice for 64 bits.
    for places in 0..=21 {
        let exponent = magnitude - places;
        let (top, bottom) = scaled(exponent);
        let (mut decimal, rest) = top.div_rem(&bottom);
        let twice: BigInt = rest * 2;
        if twice > bottom || (twice == bottom && decimal.is_odd()) {
            decimal += 1;
        }
        let candidate = Number::parse(&format!("{decimal}e{exponent}")).ok()?;
        let (cn, cd) = fraction(&candidate)?;
        if round64(&cn, &cd)? == target {
            return Some(if negative { candidate.neg() } else { candidate });
        }
    }
    None
}

/// A number that must be an integer of any size.
fn big(args: &[Value], index: usize) -> Result<BigInt> {
    number(args, index)?.to_bigint().ok_or_else(|| {
        bad_operand(format!(
            "operand {} must be integer number",
            index.saturating_add(1)
        ))
    })
}

fn from_big(value: BigInt) -> Result<Value> {
    Ok(Number::try_from(value)?.into())
}

macro_rules! bits {
    ($($name:ident $op:tt;)+) => { $(
        /// Bitwise, on two's complement of unlimited width.
        pub(super) fn $name(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
            from_big(big(args, 0)? $op big(args, 1)?)
        }
    )+ };
}

bits! {
    bits_and &;
    bits_or |;
    bits_xor ^;
}

pub(super) fn bits_negate(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    from_big(!big(args, 0)?)
}

/// How far to shift; what is longer than any number, shifts as far as the longest.
fn shift(args: &[Value]) -> Result<u32> {
    let shift = big(args, 1)?;
    if shift.is_negative() {
        return Err(bad_operand(
            "operand 2 must be an unsigned integer number but got a negative integer",
        ));
    }
    Ok(u32::try_from(shift).unwrap_or(u32::MAX))
}

#[expect(
    clippy::arithmetic_side_effects,
    reason = "big integers do not overflow; the shift is bounded"
)]
pub(super) fn bits_lsh(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (value, shift) = (big(args, 0)?, shift(args)?);
    // Numbers have at most 4,096 digits, which is less than 16,384 bits.
    if shift > 16_384 && !value.is_zero() {
        return Err(NumberError::OutOfRange.into());
    }
    from_big(value << shift)
}

#[expect(clippy::arithmetic_side_effects, reason = "big integers do not overflow")]
pub(super) fn bits_rsh(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    from_big(big(args, 0)? >> shift(args)?)
}

/// The number cut to an integer, in base 2, 8, 10 or 16.
pub(super) fn format_int(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let value = number(args, 0)?;
    let radix = match number(args, 1)?.to_i64() {
        Some(2) => 2,
        Some(8) => 8,
        Some(10) => 10,
        Some(16) => 16,
        _ => return Err(bad_operand("operand 2 must be one of {2, 8, 10, 16}")),
    };
    let cut = if value.is_negative() {
        value.ceil()
    } else {
        value.floor()
    };
    let cut = cut.to_bigint().ok_or(NumberError::OutOfRange)?;
    Ok(cut.to_str_radix(radix).into())
}

pub(super) fn range(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    steps(session, &big(args, 0)?, &big(args, 1)?, &BigInt::one())
}

pub(super) fn range_step(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let step = big(args, 2)?;
    if !step.is_positive() {
        return Err(failed("numbers.range_step: step must be a positive integer"));
    }
    steps(session, &big(args, 0)?, &big(args, 1)?, &step)
}

/// From `start` to `stop`, both included, up or down.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "big integers do not overflow; the step is positive"
)]
fn steps(session: &mut Session<'_>, start: &BigInt, stop: &BigInt, step: &BigInt) -> Result<Value> {
    let count = (stop - start).abs() / step + 1;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    session.elements(count)?;
    let step = if start <= stop { step.clone() } else { -step };
    let mut items = Vec::with_capacity(count);
    let mut at = start.clone();
    for _ in 0..count {
        items.push(from_big(at.clone())?);
        at += &step;
    }
    Ok(items.into())
}

#[cfg(test)]
pub(super) fn quotient_for_tests(a: i64, b: i64) -> Option<String> {
    rounded_quotient(&Number::from(a), &Number::from(b)).map(|n| n.to_string())
}
