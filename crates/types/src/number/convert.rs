//! Conversions: machine integers, floats, and the contracts' fixed point.

use num_bigint::BigInt;
use num_traits::ToPrimitive;

use super::{Number, NumberError, Repr, arithmetic};

/// Fractional digits of a contract's numbers.
const FIXED_DIGITS: i64 = 18;
const FIXED_ONE: i128 = 1_000_000_000_000_000_000;

macro_rules! from_small {
    ($($type:ty),+) => {$(
        impl From<$type> for Number {
            fn from(value: $type) -> Self {
                Self(Repr::Int(i64::from(value)))
            }
        }
    )+};
}

from_small!(i8, i16, i32, i64, u8, u16, u32);

macro_rules! from_wide {
    ($($type:ty),+) => {$(
        impl From<$type> for Number {
            fn from(value: $type) -> Self {
                match i64::try_from(value) {
                    Ok(small) => Self(Repr::Int(small)),
                    // At most 39 digits, far below the limit, so this can't fail.
                    Err(_) => Self::from_parts(BigInt::from(value), 0).unwrap_or(Self::ZERO),
                }
            }
        }
    )+};
}

from_wide!(u64, i128, u128, usize, isize);

impl TryFrom<BigInt> for Number {
    type Error = NumberError;

    fn try_from(value: BigInt) -> Result<Self, NumberError> {
        Self::from_parts(value, 0)
    }
}

impl Number {
    /// The shortest decimal that reads back as this double: 0.1 becomes one tenth, not its nearest binary fraction.
    pub fn from_f64(value: f64) -> Result<Self, NumberError> {
        if !value.is_finite() {
            return Err(NumberError::NotFinite);
        }
        Self::parse(&format!("{value:e}"))
    }

    /// The value when it is an integer of 64 bits.
    pub fn to_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Int(small) => Some(small),
            Repr::Decimal(_) => None,
        }
    }

    /// The value when it is an unsigned integer of 64 bits.
    pub fn to_u64(&self) -> Option<u64> {
        match &self.0 {
            Repr::Int(small) => u64::try_from(*small).ok(),
            Repr::Decimal(_) => self.to_bigint()?.to_u64(),
        }
    }

    /// The value when it is an integer.
    pub fn to_bigint(&self) -> Option<BigInt> {
        if !self.is_integer() {
            return None;
        }
        let (coefficient, exponent) = self.parts();
        arithmetic::shift_left(&coefficient, exponent).ok()
    }

    /// The nearest double (ties to even); infinite beyond the range of doubles. For display and statistics only.
    pub fn to_f64(&self) -> f64 {
        self.to_scientific().parse().unwrap_or(f64::NAN)
    }

    /// The value times 10^18 as a two's complement 256-bit word, big endian: the contracts' form.
    pub fn to_fixed18(&self) -> Result<[u8; 32], NumberError> {
        match &self.0 {
            // |i64| x 10^18 is below 2^124.
            Repr::Int(small) => {
                let scaled = i128::from(*small)
                    .checked_mul(FIXED_ONE)
                    .ok_or_else(|| self.not_fixed())?;
                Ok(widen(&scaled.to_be_bytes()).unwrap_or_default())
            }
            Repr::Decimal(decimal) => {
                let shift = decimal.exponent.saturating_add(FIXED_DIGITS);
                // 2^255 has 77 digits, 18 of them fractional here.
                if shift < 0 || decimal.magnitude > 60 {
                    return Err(self.not_fixed());
                }
                let scaled = arithmetic::shift_left(&decimal.coefficient, shift)?;
                widen(&scaled.to_signed_bytes_be()).ok_or_else(|| self.not_fixed())
            }
        }
    }

    /// The number that [`Number::to_fixed18`] maps to this word. Every word is a number.
    pub fn from_fixed18(word: &[u8; 32]) -> Self {
        let scaled = BigInt::from_signed_bytes_be(word);
        // At most 77 digits with exponent -18, far below the limit, so this can't fail.
        Self::from_parts(scaled, FIXED_DIGITS.saturating_neg()).unwrap_or(Self::ZERO)
    }

    fn not_fixed(&self) -> NumberError {
        let scientific = self.to_scientific();
        NumberError::NotFixed18 {
            number: scientific.chars().take(80).collect(),
        }
    }
}

/// Sign-extends a two's complement big-endian integer to 32 bytes; `None` when it is longer than that.
fn widen(bytes: &[u8]) -> Option<[u8; 32]> {
    let pad = if bytes.first().is_some_and(|b| *b >= 0x80) {
        0xff
    } else {
        0
    };
    let mut word = [pad; 32];
    let start = word.len().checked_sub(bytes.len())?;
    word.get_mut(start..)?.copy_from_slice(bytes);
    Some(word)
}
