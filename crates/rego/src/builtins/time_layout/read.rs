//! Reading times by a layout.

use super::{MONTHS, Part, Result, WEEKDAYS, parts, short};
use crate::builtins::{Refusal, failed};

/// What a text says; the rest has the values of Go's zero time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::builtins) struct Parsed {
    pub(in crate::builtins) year: i16,
    pub(in crate::builtins) month: i8,
    pub(in crate::builtins) day: i8,
    pub(in crate::builtins) hour: i8,
    pub(in crate::builtins) minute: i8,
    pub(in crate::builtins) second: i8,
    pub(in crate::builtins) nanosecond: i32,
    /// Seconds east of UTC.
    pub(in crate::builtins) offset: i64,
}

/// The text that is left to read.
struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a str> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Between `least` and `most` digits.
    fn digits(&mut self, least: usize, most: usize) -> Option<&'a str> {
        let count = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least { None } else { self.take(count) }
    }

    fn small(&mut self, least: usize, low: i8, high: i8) -> Option<i8> {
        self.digits(least, 2)?
            .parse()
            .ok()
            .filter(|value| (low..=high).contains(value))
    }

    /// One of `names`, in full or by its first three letters, whatever the case; its position.
    fn name(&mut self, names: &[&str], in_full: bool) -> Option<usize> {
        let found = names.iter().enumerate().find_map(|(n, name)| {
            let name = if in_full { name } else { short(name) };
            let start = self.0.get(..name.len())?;
            start.eq_ignore_ascii_case(name).then_some((n, name.len()))
        })?;
        self.take(found.1)?;
        Some(found.0)
    }

    fn literal(&mut self, text: &str) -> Option<()> {
        // A space in the layout stands for any number of spaces.
        for c in text.chars() {
            if c == ' ' {
                self.0 = self.0.strip_prefix(' ').unwrap_or(self.0).trim_start_matches(' ');
            } else {
                self.0 = self.0.strip_prefix(c)?;
            }
        }
        Some(())
    }

    fn offset(&mut self, z: bool, colon: bool, (seconds, short): (bool, bool)) -> Option<i64> {
        if z && let Some(rest) = self.0.strip_prefix('Z') {
            self.0 = rest;
            return Some(0);
        }
        let sign = match self.take(1)? {
            "+" => 1,
            "-" => -1,
            _ => return None,
        };
        let mut part = |first: bool, high: i64| -> Option<i64> {
            if colon && !first {
                self.0 = self.0.strip_prefix(':')?;
            }
            self.digits(2, 2)?.parse().ok().filter(|value| *value <= high)
        };
        let hours = part(true, 24)?;
        let minutes = if short { 0 } else { part(false, 60)? };
        let rest = if seconds { part(false, 60)? } else { 0 };
        hours
            .checked_mul(3_600)?
            .checked_add(minutes.checked_mul(60)?)?
            .checked_add(rest)?
            .checked_mul(sign)
    }

    /// Digits after a separator as nanoseconds.
    fn nanoseconds(&mut self, separator: bool, exact: Option<usize>) -> Option<i32> {
        if separator {
            self.0 = self.0.strip_prefix(['.', ','])?;
        }
        let digits = match exact {
            Some(count) => self.digits(count, count)?,
            None => self.digits(1, usize::MAX)?,
        };
        digits
            .chars()
            .chain(std::iter::repeat('0'))
            .take(9)
            .collect::<String>()
            .parse()
            .ok()
    }
}

/// Reads `text` by `layout`.
pub(in crate::builtins) fn parse(layout: &str, text: &str) -> Result<Parsed> {
    let error = || failed(format!("parsing time {text:?} as {layout:?}: it does not fit"));
    let mut parsed = Parsed {
        year: 0,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        nanosecond: 0,
        offset: 0,
    };
    let mut reader = Reader(text);
    let mut afternoon = None;
    let list = parts(layout);
    for (n, part) in list.iter().enumerate() {
        match part {
            Part::Noon { upper } => {
                let found = ["AM", "am", "PM", "pm"].iter().position(|name| {
                    reader.0.starts_with(name) && (name.starts_with(char::is_uppercase) == *upper)
                });
                afternoon = Some(found.ok_or_else(error)? >= 2);
                reader.take(2).ok_or_else(error)?;
            }
            Part::Zone => parsed.offset = zone(&mut reader)?.ok_or_else(error)?,
            Part::YearDay { .. } => {
                return Err(Refusal::Unsupported("the day of the year in a layout").into());
            }
            part => {
                step(*part, &mut reader, &mut parsed).ok_or_else(error)?;
                let fraction_follows = matches!(list.get(n.saturating_add(1)), Some(Part::Fraction { .. }));
                // A fraction after the seconds is read even if the layout has none.
                if matches!(part, Part::Second { .. }) && !fraction_follows {
                    let digit = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
                    if reader.0.strip_prefix(['.', ',']).is_some_and(digit) {
                        parsed.nanosecond = reader.nanoseconds(true, None).ok_or_else(error)?;
                    }
                }
            }
        }
    }
    if !reader.0.is_empty() {
        return Err(error());
    }
    parsed.hour = match (afternoon, parsed.hour) {
        (Some(true), hour) if hour < 12 => hour.saturating_add(12),
        (Some(false), 12) => 0,
        (_, hour) => hour,
    };
    Ok(parsed)
}

/// Reads one part; `None` if the text does not fit.
fn step(part: Part<'_>, reader: &mut Reader<'_>, parsed: &mut Parsed) -> Option<()> {
    let month = |position: usize| i8::try_from(position.checked_add(1)?).ok();
    let least = |padded: bool| if padded { 2 } else { 1 };
    match part {
        Part::Literal(text) => reader.literal(text)?,
        Part::LongMonth => parsed.month = month(reader.name(&MONTHS, true)?)?,
        Part::ShortMonth => parsed.month = month(reader.name(&MONTHS, false)?)?,
        Part::Month { padded } => parsed.month = reader.small(least(padded), 1, 12)?,
        // The weekday is read and not checked, as in Go.
        Part::LongWeekday => drop(reader.name(&WEEKDAYS, true)?),
        Part::ShortWeekday => drop(reader.name(&WEEKDAYS, false)?),
        Part::Day { fill } => {
            if fill == Some(' ') {
                reader.0 = reader.0.strip_prefix(' ').unwrap_or(reader.0);
            }
            parsed.day = reader.small(least(fill == Some('0')), 1, 31)?;
        }
        Part::Hour24 => parsed.hour = reader.small(2, 0, 23)?,
        Part::Hour12 { padded } => parsed.hour = reader.small(least(padded), 0, 12)?,
        Part::Minute { padded } => parsed.minute = reader.small(least(padded), 0, 59)?,
        Part::Second { padded } => parsed.second = reader.small(least(padded), 0, 59)?,
        Part::Year => parsed.year = reader.digits(4, 4)?.parse().ok()?,
        Part::ShortYear => {
            let year: i16 = reader.digits(2, 2)?.parse().ok()?;
            parsed.year = year.checked_add(if year >= 69 { 1_900 } else { 2_000 })?;
        }
        Part::Offset {
            z,
            colon,
            seconds,
            short,
        } => {
            parsed.offset = reader.offset(z, colon, (seconds, short))?;
        }
        Part::Fraction {
            digits, cut: false, ..
        } => {
            parsed.nanosecond = reader.nanoseconds(true, Some(digits))?;
        }
        Part::Fraction { .. } => {
            if reader.0.starts_with(['.', ',']) {
                parsed.nanosecond = reader.nanoseconds(true, None)?;
            }
        }
        Part::Noon { .. } | Part::Zone | Part::YearDay { .. } => {}
    }
    Some(())
}

/// A zone's abbreviation. Only UTC has one meaning; Go takes any other for UTC with a made-up name, except for those of the local zone.
fn zone(reader: &mut Reader<'_>) -> Result<Option<i64>> {
    if reader.0.starts_with("UTC") {
        return Ok(reader.take(3).map(|_| 0));
    }
    let letters = reader.0.bytes().take_while(u8::is_ascii_uppercase).count();
    if reader.0.starts_with("GMT+") || reader.0.starts_with("GMT-") {
        return Err(Refusal::Unsupported("GMT with an offset in a time").into());
    }
    Ok(if (3..=5).contains(&letters) {
        reader.take(letters).map(|_| 0)
    } else {
        None
    })
}
