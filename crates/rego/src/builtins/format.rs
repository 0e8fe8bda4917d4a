//! `sprintf`: Go's verbs for the three kinds of arguments that OPA passes on: integers, floats, and text (everything else, in
//! Rego syntax).

use num_bigint::BigInt;
use num_traits::{Signed as _, ToPrimitive as _};
use stele_types::Value;

use super::args::{array, string};
use super::{BuiltinError, Refusal, Session, failed, text};

type Result<T> = std::result::Result<T, BuiltinError>;

/// The widest field or longest precision; Go's limit is a million.
const WIDEST: usize = 1_000_000;

enum Arg {
    Int(BigInt),
    Float(f64),
    Text(String),
}

impl Arg {
    fn new(value: &Value) -> Self {
        match value {
            Value::Number(number) => match number.to_bigint() {
                Some(integer) => Self::Int(integer),
                None => Self::Float(number.to_f64()),
            },
            other => Self::Text(text::plain(other)),
        }
    }

    /// The name of the Go type.
    fn go_type(&self) -> &'static str {
        match self {
            Self::Int(value) if value.to_i64().is_some() => "int",
            Self::Int(_) => "*big.Int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
        }
    }

    /// As `%v` shows it.
    fn show(&self) -> String {
        match self {
            Self::Int(value) => value.to_string(),
            Self::Float(value) => general(*value, None, false),
            Self::Text(text) => text.clone(),
        }
    }
}

/// What stands between `%` and the verb.
#[derive(Default)]
struct Spec {
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

pub(super) fn sprintf(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let format = string(args, 0)?;
    let values: Vec<Arg> = array(args, 1)?.iter().map(Arg::new).collect();
    let mut values_left = values.iter();
    let mut out = String::with_capacity(format.len());
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let (spec, after) = spec(after)?;
        session.bytes(spec.width.unwrap_or(0).max(spec.precision.unwrap_or(0)))?;
        let mut chars = after.chars();
        match chars.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(verb) => match values_left.next() {
                None => out.push_str(&format!("%!{verb}(MISSING)")),
                Some(value) => verb_of(verb, &spec, value, &mut out)?,
            },
        }
        rest = chars.as_str();
    }
    out.push_str(rest);
    let extra: Vec<String> = values_left
        .map(|value| format!("{}={}", value.go_type(), value.show()))
        .collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    session.bytes(out.len())?;
    Ok(out.into())
}

/// Reads flags, width and precision.
fn spec(mut text: &str) -> Result<(Spec, &str)> {
    let mut spec = Spec::default();
    loop {
        let flag = match text.as_bytes().first() {
            Some(b'-') => &mut spec.minus,
            Some(b'+') => &mut spec.plus,
            Some(b'#') => &mut spec.sharp,
            Some(b' ') => &mut spec.space,
            Some(b'0') => &mut spec.zero,
            _ => break,
        };
        *flag = true;
        text = text.get(1..).unwrap_or_default();
    }
    (spec.width, text) = number(text)?;
    if let Some(after) = text.strip_prefix('.') {
        let (precision, after) = number(after)?;
        (spec.precision, text) = (Some(precision.unwrap_or(0)), after);
    }
    if text.starts_with(['*', '[']) {
        return Err(Refusal::Unsupported("arguments for width, precision or position in a format").into());
    }
    Ok((spec, text))
}

fn number(text: &str) -> Result<(Option<usize>, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    if digits.is_empty() {
        return Ok((None, rest));
    }
    match digits.parse() {
        Ok(value) if value <= WIDEST => Ok((Some(value), rest)),
        _ => Err(failed("a width or precision in the format is too large")),
    }
}

fn verb_of(verb: char, spec: &Spec, value: &Arg, out: &mut String) -> Result<()> {
    if verb == 'T' {
        pad(spec, "", value.go_type(), false, out);
        return Ok(());
    }
    let done = match value {
        Arg::Int(value) => int(verb, spec, value, out),
        Arg::Float(value) => float(verb, spec, *value, out)?,
        Arg::Text(value) => string_verb(verb, spec, value, out)?,
    };
    if !done {
        out.push_str(&format!("%!{verb}({}={})", value.go_type(), value.show()));
    }
    Ok(())
}

/// Adds sign and body, padded to the width. Zeros go between sign and body.
fn pad(spec: &Spec, sign: &str, body: &str, zeros: bool, out: &mut String) {
    let length = sign.chars().count().saturating_add(body.chars().count());
    let fill = spec.width.unwrap_or(0).saturating_sub(length);
    let (before, between, after) = match (spec.minus, zeros && spec.zero) {
        (true, _) => (0, 0, fill),
        (false, true) => (0, fill, 0),
        (false, false) => (fill, 0, 0),
    };
    out.extend(std::iter::repeat_n(' ', before));
    out.push_str(sign);
    out.extend(std::iter::repeat_n('0', between));
    out.push_str(body);
    out.extend(std::iter::repeat_n(' ', after));
}

fn sign(spec: &Spec, negative: bool) -> &'static str {
    match (negative, spec.plus, spec.space) {
        (true, _, _) => "-",
        (false, true, _) => "+",
        (false, false, true) => " ",
        (false, false, false) => "",
    }
}

fn int(verb: char, spec: &Spec, value: &BigInt, out: &mut String) -> bool {
    let digits = |radix| value.magnitude().to_str_radix(radix);
    let (prefix, body) = match verb {
        'd' | 'v' => ("", digits(10)),
        // Integers beyond 64 bits format themselves, and take %s too.
        's' if value.to_i64().is_none() => ("", digits(10)),
        'b' => (if spec.sharp { "0b" } else { "" }, digits(2)),
        'o' => (if spec.sharp { "0" } else { "" }, digits(8)),
        'O' => ("0o", digits(8)),
        'x' => (if spec.sharp { "0x" } else { "" }, digits(16)),
        'X' => (if spec.sharp { "0X" } else { "" }, digits(16).to_uppercase()),
        'c' | 'q' | 'U' => return code_point(verb, spec, value, out),
        _ => return false,
    };
    // A precision is the least number of digits, and turns zero padding off.
    let body = match spec.precision {
        Some(0) if value.magnitude().bits() == 0 => String::new(),
        Some(least) => format!("{}{body}", "0".repeat(least.saturating_sub(body.len()))),
        None => body,
    };
    let sign = format!("{}{prefix}", sign(spec, value.is_negative()));
    pad(spec, &sign, &body, spec.precision.is_none(), out);
    true
}

fn code_point(verb: char, spec: &Spec, value: &BigInt, out: &mut String) -> bool {
    let c = value
        .to_u32()
        .and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER);
    let body = match verb {
        'c' => c.to_string(),
        'q' if c == '\'' => "'\\''".to_owned(),
        'q' if c == '"' => "'\"'".to_owned(),
        'q' => {
            let quoted = text::quote(&c.to_string());
            format!("'{}'", quoted.trim_matches('"'))
        }
        _ => match value.to_u64() {
            Some(number) => format!("U+{number:04X}"),
            None => return false,
        },
    };
    pad(spec, "", &body, false, out);
    true
}

fn string_verb(verb: char, spec: &Spec, value: &str, out: &mut String) -> Result<bool> {
    if spec.zero && spec.width.is_some() {
        return Err(Refusal::Unsupported("zero padding of text in a format").into());
    }
    let cut: String = match spec.precision {
        Some(most) => value.chars().take(most).collect(),
        None => value.to_owned(),
    };
    let body = match verb {
        's' | 'v' => cut,
        'q' if spec.plus || spec.sharp => {
            return Err(Refusal::Unsupported("%q with + or # in a format").into());
        }
        'q' => text::quote(&cut),
        'x' | 'X' if spec.sharp || spec.space || spec.precision.is_some() => {
            return Err(Refusal::Unsupported("%x of text with flags in a format").into());
        }
        'x' => hex::encode(value),
        'X' => hex::encode_upper(value),
        _ => return Ok(false),
    };
    pad(spec, "", &body, false, out);
    Ok(true)
}

fn float(verb: char, spec: &Spec, value: f64, out: &mut String) -> Result<bool> {
    if spec.sharp {
        return Err(Refusal::Unsupported("floats with # in a format").into());
    }
    let magnitude = value.abs();
    let body = match verb {
        'v' | 'g' => general(magnitude, spec.precision, false),
        'G' => general(magnitude, spec.precision, true),
        'f' | 'F' => format!("{magnitude:.*}", spec.precision.unwrap_or(6)),
        'e' => exponential(&format!("{magnitude:.*e}", spec.precision.unwrap_or(6)), 'e'),
        'E' => exponential(&format!("{magnitude:.*e}", spec.precision.unwrap_or(6)), 'E'),
        'b' | 'x' | 'X' => {
            return Err(Refusal::Unsupported("binary forms of floats in a format").into());
        }
        _ => return Ok(false),
    };
    pad(spec, sign(spec, value.is_sign_negative()), &body, true, out);
    Ok(true)
}

/// Rust's `1.5e7` as Go's `1.5e+07`.
fn exponential(text: &str, letter: char) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}{letter}{sign}{digits:0>2}")
}

/// Go's `%g`: the shortest form, or `precision` significant digits; exponents below -4 or from the precision (6 for the shortest
/// form) on are written out.
fn general(value: f64, precision: Option<usize>, upper: bool) -> String {
    let letter = if upper { 'E' } else { 'e' };
    let scientific = match precision {
        None => format!("{value:e}"),
        Some(digits) => format!("{value:.*e}", digits.max(1).saturating_sub(1)),
    };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = if mantissa.contains('.') {
        mantissa.trim_end_matches('0').trim_end_matches('.')
    } else {
        mantissa
    };
    let threshold = match precision {
        None => 6,
        Some(digits) => i32::try_from(digits.max(1)).unwrap_or(i32::MAX),
    };
    if exponent < -4 || exponent >= threshold {
        return exponential(&format!("{mantissa}e{exponent}"), letter);
    }
    let digits = mantissa.trim_start_matches('-').replace('.', "");
    let places = i32::try_from(digits.len())
        .unwrap_or(i32::MAX)
        .saturating_sub(1)
        .saturating_sub(exponent);
    let plain = match usize::try_from(places) {
        Ok(places) if exponent >= 0 => {
            let (whole, fraction) = digits
                .split_at_checked(digits.len().saturating_sub(places))
                .unwrap_or((&digits, ""));
            if fraction.is_empty() {
                whole.to_owned()
            } else {
                format!("{whole}.{fraction}")
            }
        }
        Ok(places) => format!("0.{digits:0>places$}"),
        Err(_) => format!(
            "{digits}{}",
            "0".repeat(usize::try_from(places.unsigned_abs()).unwrap_or(0))
        ),
    };
    if value.is_sign_negative() {
        format!("-{plain}")
    } else {
        plain
    }
}
