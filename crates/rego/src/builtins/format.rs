//! `sprintf`: Go's verbs for the three kinds of arguments that OPA passes on: integers, floats, and text (everything else, in
//! Rego syntax).

use num_bigint::BigInt;
use num_traits::{Signed as _, ToPrimitive as _};
use stele_types::Value;

use super::args::{array, string};
use super::{BuiltinError, Refusal, Session, text};

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
    let mut reader = Reader {
        rest: format,
        values: &values,
        next: 0,
        reordered: false,
        good: true,
    };
    let mut out = String::with_capacity(format.len());
    let mut charged = 0_usize;
    while let Some((before, after)) = reader.rest.split_once('%') {
        out.push_str(before);
        reader.rest = after;
        let spec = reader.spec(&mut out);
        session.bytes(spec.width.unwrap_or(0).max(spec.precision.unwrap_or(0)))?;
        reader.verb(&spec, &mut out)?;
        session.bytes(out.len().saturating_sub(charged))?;
        charged = out.len();
    }
    out.push_str(reader.rest);
    let unread = values.get(reader.next..).unwrap_or_default();
    // Who names arguments by position may leave some out.
    if !unread.is_empty() && !reader.reordered {
        let extra: Vec<String> = unread
            .iter()
            .map(|value| format!("{}={}", value.go_type(), value.show()))
            .collect();
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    session.bytes(out.len().saturating_sub(charged))?;
    Ok(out.into())
}

/// Reads a format as Go's `fmt` does: flags, position, width, precision, verb.
struct Reader<'a> {
    /// What is not read yet.
    rest: &'a str,
    values: &'a [Arg],
    /// The argument that the next verb takes.
    next: usize,
    /// Whether any position was given.
    reordered: bool,
    /// Whether the positions of this verb are good.
    good: bool,
}

impl Reader<'_> {
    /// Reads what stands between `%` and the verb. Complaints about it go before what the verb writes.
    fn spec(&mut self, out: &mut String) -> Spec {
        let mut spec = Spec::default();
        self.good = true;
        while let Some(flag) = match self.rest.as_bytes().first() {
            Some(b'-') => Some(&mut spec.minus),
            Some(b'+') => Some(&mut spec.plus),
            Some(b'#') => Some(&mut spec.sharp),
            Some(b' ') => Some(&mut spec.space),
            Some(b'0') => Some(&mut spec.zero),
            _ => None,
        } {
            *flag = true;
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        let mut positioned = self.position();
        if self.skip('*') {
            match self.number_argument() {
                Some(width) => {
                    spec.minus |= width < 0;
                    spec.zero &= width >= 0;
                    spec.width = usize::try_from(width.unsigned_abs()).ok();
                }
                None => out.push_str("%!(BADWIDTH)"),
            }
            positioned = false;
        } else {
            spec.width = self.number();
            // The position stands right before the verb or a star.
            self.good &= !(positioned && spec.width.is_some());
        }
        // A dot at the end is a verb.
        if self.rest.len() > 1 && self.skip('.') {
            self.good &= !positioned;
            positioned = self.position();
            if self.skip('*') {
                spec.precision = self
                    .number_argument()
                    .and_then(|precision| usize::try_from(precision).ok());
                if spec.precision.is_none() {
                    out.push_str("%!(BADPREC)");
                }
                positioned = false;
            } else {
                spec.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !positioned {
            self.position();
        }
        spec
    }

    fn skip(&mut self, c: char) -> bool {
        let after = self.rest.strip_prefix(c);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    /// Reads a position, `[2]`, and goes to that argument. Whether there is one that can be read.
    fn position(&mut self) -> bool {
        let Some(inner) = self.rest.strip_prefix('[') else {
            return false;
        };
        self.reordered = true;
        // The shortest position has three bytes; what is shorter, as `[]` at the end, is no position.
        let Some((digits, after)) = inner.split_once(']').filter(|_| inner.len() > 1) else {
            self.good = false;
            self.rest = inner;
            return false;
        };
        self.rest = after;
        let position = decimal(digits);
        let index = position.and_then(|position| position.checked_sub(1));
        match index.filter(|index| *index < self.values.len()) {
            Some(index) => self.next = index,
            None => self.good = false,
        }
        position.is_some()
    }

    /// Reads a number of the format. One that is too large takes the rest of the format with it, as in Go.
    fn number(&mut self) -> Option<usize> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit());
        let (digits, after) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        if digits.is_empty() {
            return None;
        }
        let number = decimal(digits);
        self.rest = if number.is_some() { after } else { "" };
        number
    }

    /// Takes an argument for a width or a precision; none if it is no integer, or too large.
    fn number_argument(&mut self) -> Option<i64> {
        let value = self.values.get(self.next)?;
        self.next = self.next.saturating_add(1);
        let Arg::Int(number) = value else { return None };
        let most = u64::try_from(WIDEST).unwrap_or(u64::MAX);
        number.to_i64().filter(|number| number.unsigned_abs() <= most)
    }

    /// Reads the verb, and writes its argument.
    fn verb(&mut self, spec: &Spec, out: &mut String) -> Result<()> {
        let mut chars = self.rest.chars();
        let verb = chars.next();
        self.rest = chars.as_str();
        match (verb, self.values.get(self.next)) {
            (None, _) => out.push_str("%!(NOVERB)"),
            (Some('%'), _) => out.push('%'),
            (Some(verb), _) if !self.good => out.push_str(&format!("%!{verb}(BADINDEX)")),
            (Some(verb), None) => out.push_str(&format!("%!{verb}(MISSING)")),
            (Some(verb), Some(value)) => {
                verb_of(verb, spec, value, out)?;
                self.next = self.next.saturating_add(1);
            }
        }
        Ok(())
    }
}

/// A number of digits, unless Go calls it too large: it looks before it takes the next digit.
fn decimal(digits: &str) -> Option<usize> {
    let (before, _) = digits.split_at_checked(digits.len().checked_sub(1)?)?;
    let large = !before.is_empty() && before.parse::<usize>().ok().is_none_or(|number| number > WIDEST);
    let number = digits.bytes().all(|digit| digit.is_ascii_digit()) && !large;
    number.then(|| digits.parse().ok()).flatten()
}

fn verb_of(verb: char, spec: &Spec, value: &Arg, out: &mut String) -> Result<()> {
    if verb == 'T' {
        let kind = value.go_type();
        let cut = spec.precision.and_then(|most| kind.get(..most));
        pad(spec, "", cut.unwrap_or(kind), false, out);
        return Ok(());
    }
    let done = match value {
        Arg::Int(value) => int(verb, spec, value, out),
        Arg::Float(value) => float(verb, spec, *value, out)?,
        Arg::Text(value) => string_verb(verb, spec, value, out)?,
    };
    if !done {
        // Integers beyond 64 bits complain for themselves, and not as a pointer.
        let kind = value.go_type().trim_start_matches('*');
        out.push_str(&format!("%!{verb}({kind}="));
        // With the flags of the verb, as Go has it.
        verb_of('v', spec, value, out)?;
        out.push(')');
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
