//! Exact arithmetic. Operands are bounded by [`MAX_DIGITS`](super::MAX_DIGITS), so every result is computed in bounded time.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_integer::Integer;
use num_traits::{Signed, Zero};

use super::{MAX_DIGITS, Number, NumberError, Repr};

#[expect(clippy::arithmetic_side_effects, reason = "big integers do not overflow")]
pub(super) fn negate(value: BigInt) -> BigInt {
    -value
}

/// Powers of ten up to what two numbers at opposite ends of the range need to be aligned.
fn power_of_ten(exponent: i64) -> Result<BigInt, NumberError> {
    if exponent > MAX_DIGITS.saturating_mul(4) {
        return Err(NumberError::OutOfRange);
    }
    let exponent = u32::try_from(exponent).map_err(|_| NumberError::OutOfRange)?;
    Ok(match 10u64.checked_pow(exponent) {
        Some(small) => BigInt::from(small),
        None => BigInt::from(10u8).pow(exponent),
    })
}

/// `value x 10^digits`.
#[expect(clippy::arithmetic_side_effects, reason = "big integers do not overflow")]
pub(super) fn shift_left(value: &BigInt, digits: i64) -> Result<BigInt, NumberError> {
    Ok(if digits == 0 {
        value.clone()
    } else {
        value * power_of_ten(digits)?
    })
}

/// `value / 10^digits`, for a value that is divisible.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "big integers do not overflow; a power of ten is not zero"
)]
pub(super) fn shift_right(value: &BigInt, digits: i64) -> Result<BigInt, NumberError> {
    Ok(value / power_of_ten(digits)?)
}

/// Both coefficients at the smaller of the two exponents.
fn align(a: &Number, b: &Number) -> Result<(BigInt, BigInt, i64), NumberError> {
    let ((a, a_exponent), (b, b_exponent)) = (a.parts(), b.parts());
    let exponent = a_exponent.min(b_exponent);
    let a = shift_left(&a, a_exponent.saturating_sub(exponent))?;
    let b = shift_left(&b, b_exponent.saturating_sub(exponent))?;
    Ok((a, b, exponent))
}

fn magnitude(number: &Number) -> i64 {
    match &number.0 {
        Repr::Int(0) => i64::MIN,
        Repr::Int(small) => i64::from(small.unsigned_abs().ilog10()).saturating_add(1),
        Repr::Decimal(decimal) => decimal.magnitude,
    }
}

pub(super) fn compare(a: &Number, b: &Number) -> Ordering {
    let (sign_a, sign_b) = (a.sign(), b.sign());
    if sign_a != sign_b {
        return sign_a.cmp(&sign_b);
    }
    let by_magnitude = magnitude(a).cmp(&magnitude(b));
    if by_magnitude != Ordering::Equal {
        return if sign_a == Ordering::Less {
            by_magnitude.reverse()
        } else {
            by_magnitude
        };
    }
    // Both exponents lie within MAX_DIGITS of zero, so aligning can't fail.
    align(a, b).map_or(Ordering::Equal, |(a, b, _)| a.cmp(&b))
}

impl Number {
    /// The exact sum.
    #[expect(clippy::arithmetic_side_effects, reason = "big integers do not overflow")]
    pub fn add(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0)
            && let Some(sum) = a.checked_add(*b)
        {
            return Ok(Self(Repr::Int(sum)));
        }
        let (a, b, exponent) = align(self, other)?;
        Self::from_parts(a + b, exponent)
    }

    /// The exact difference.
    pub fn sub(&self, other: &Self) -> Result<Self, NumberError> {
        self.add(&other.neg())
    }

    /// The exact product.
    #[expect(clippy::arithmetic_side_effects, reason = "big integers do not overflow")]
    pub fn mul(&self, other: &Self) -> Result<Self, NumberError> {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0)
            && let Some(product) = a.checked_mul(*b)
        {
            return Ok(Self(Repr::Int(product)));
        }
        let ((a, a_exponent), (b, b_exponent)) = (self.parts(), other.parts());
        Self::from_parts(a * b, a_exponent.saturating_add(b_exponent))
    }

    /// The number with the opposite sign.
    pub fn neg(&self) -> Self {
        match &self.0 {
            Repr::Int(small) => match small.checked_neg() {
                Some(negated) => Self(Repr::Int(negated)),
                None => Self::from(u64::MAX / 2).add_one(),
            },
            Repr::Decimal(decimal) => {
                // -(2^63) is an `Int` although 2^63 is not, so the result goes through the normal form again.
                Self::from_parts(negate(decimal.coefficient.clone()), decimal.exponent)
                    .unwrap_or_else(|_| self.clone())
            }
        }
    }

    /// One more; used only where the sum is known to be in range.
    fn add_one(&self) -> Self {
        self.add(&Self::from(1)).unwrap_or_else(|_| self.clone())
    }

    /// The absolute value.
    pub fn abs(&self) -> Self {
        if self.is_negative() {
            self.neg()
        } else {
            self.clone()
        }
    }

    /// The exact quotient, or [`NumberError::Inexact`] when it has no finite decimal form (`1 / 3`).
    ///
    /// In lowest terms the divisor must be `2^a 5^b`; the quotient then has `max(a, b)` more fractional digits.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "big integers do not overflow; the divisor is not zero"
    )]
    pub fn div(&self, other: &Self) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0)
            && a.checked_rem(*b) == Some(0)
            && let Some(quotient) = a.checked_div(*b)
        {
            return Ok(Self(Repr::Int(quotient)));
        }
        let ((a, a_exponent), (b, b_exponent)) = (self.parts(), other.parts());
        let common = a.gcd(&b);
        let (mut numerator, mut divisor) = (a / &common, b / &common);
        if divisor.is_negative() {
            (numerator, divisor) = (-numerator, -divisor);
        }
        let twos = divisor.trailing_zeros().unwrap_or_default();
        divisor >>= twos;
        let mut fives = 0u64;
        let five = BigInt::from(5u8);
        loop {
            let (quotient, remainder) = divisor.div_rem(&five);
            if !remainder.is_zero() {
                break;
            }
            divisor = quotient;
            fives = fives.saturating_add(1);
        }
        if divisor != BigInt::from(1u8) {
            return Err(NumberError::Inexact);
        }
        let places = twos.max(fives);
        let small = |count: u64| u32::try_from(count).map_err(|_| NumberError::OutOfRange);
        numerator *= BigInt::from(2u8).pow(small(places.saturating_sub(twos))?);
        numerator *= five.pow(small(places.saturating_sub(fives))?);
        let places = i64::try_from(places).map_err(|_| NumberError::OutOfRange)?;
        Self::from_parts(
            numerator,
            a_exponent.saturating_sub(b_exponent).saturating_sub(places),
        )
    }

    /// The quotient to at most `places` fractional digits, rounded half to even; exact when it is finite and short enough.
    ///
    /// The only rounding operation of this type: the caller decides where a quotient without a finite form may stand.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "big integers do not overflow; the divisor is not zero"
    )]
    pub fn div_rounded(&self, other: &Self, places: u16) -> Result<Self, NumberError> {
        if other.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        let (a, b, _) = align(self, other)?;
        let scaled = shift_left(&a, i64::from(places))?;
        let (mut quotient, remainder) = scaled.div_rem(&b);
        let twice = remainder.abs() * BigInt::from(2u8);
        let up = match twice.cmp(&b.abs()) {
            Ordering::Less => false,
            Ordering::Equal => quotient.is_odd(),
            Ordering::Greater => true,
        };
        if up {
            quotient += if a.is_negative() == b.is_negative() { 1 } else { -1 };
        }
        Self::from_parts(quotient, i64::from(places).saturating_neg())
    }

    /// The remainder of integer division that truncates, as Go's and Rego's `%`: it has the sign of `self`.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "big integers do not overflow; the divisor is not zero"
    )]
    pub fn rem(&self, other: &Self) -> Result<Self, NumberError> {
        for operand in [self, other] {
            if !operand.is_integer() {
                return Err(NumberError::NotInteger {
                    number: operand.to_string(),
                });
            }
        }
        if other.is_zero() {
            return Err(NumberError::DivisionByZero);
        }
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0) {
            // The one overflow, i64::MIN % -1, is zero.
            return Ok(Self(Repr::Int(a.checked_rem(*b).unwrap_or_default())));
        }
        let (a, b, exponent) = align(self, other)?;
        Self::from_parts(a % b, exponent)
    }

    /// The fractional digits cut off: the quotient and remainder by `10^-exponent`, rounding down.
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "big integers do not overflow; a power of ten is not zero"
    )]
    fn floor_and_fraction(&self) -> Option<(BigInt, BigInt, BigInt)> {
        match &self.0 {
            Repr::Decimal(decimal) if decimal.exponent < 0 => {
                let unit = power_of_ten(decimal.exponent.saturating_neg()).ok()?;
                let floor = decimal.coefficient.div_floor(&unit);
                let rest = &decimal.coefficient - &floor * &unit;
                Some((floor, rest, unit))
            }
            _ => None,
        }
    }

    /// The largest integer that is not greater.
    pub fn floor(&self) -> Self {
        self.floor_and_fraction()
            .and_then(|(floor, _, _)| Self::from_parts(floor, 0).ok())
            .unwrap_or_else(|| self.clone())
    }

    /// The smallest integer that is not less.
    pub fn ceil(&self) -> Self {
        self.neg().floor().neg()
    }

    /// The nearest integer, halves away from zero (Go's `math.Round`, which Rego's `round` uses).
    #[expect(clippy::arithmetic_side_effects, reason = "big integers do not overflow")]
    pub fn round(&self) -> Self {
        if self.is_negative() {
            return self.neg().round().neg();
        }
        match self.floor_and_fraction() {
            None => self.clone(),
            Some((floor, rest, unit)) => {
                let up = rest * BigInt::from(2u8) >= unit;
                Self::from_parts(floor + BigInt::from(u8::from(up)), 0).unwrap_or_else(|_| self.clone())
            }
        }
    }
}
