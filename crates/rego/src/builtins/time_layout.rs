//! Go's time layouts: the reference time `Mon Jan 2 15:04:05 MST 2006` written in the wanted form.

use jiff::Zoned;
use jiff::civil::Weekday;

use super::{BuiltinError, Refusal, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

/// The layout that a constant of Go's `time` package stands for; any other text is a layout itself.
pub(super) fn named(layout: &str) -> &str {
    match layout {
        "ANSIC" => "Mon Jan _2 15:04:05 2006",
        "UnixDate" => "Mon Jan _2 15:04:05 MST 2006",
        "RubyDate" => "Mon Jan 02 15:04:05 -0700 2006",
        "RFC822" => "02 Jan 06 15:04 MST",
        "RFC822Z" => "02 Jan 06 15:04 -0700",
        "RFC850" => "Monday, 02-Jan-06 15:04:05 MST",
        "RFC1123" => "Mon, 02 Jan 2006 15:04:05 MST",
        "RFC1123Z" => "Mon, 02 Jan 2006 15:04:05 -0700",
        "RFC3339" => "2006-01-02T15:04:05Z07:00",
        "RFC3339Nano" => "2006-01-02T15:04:05.999999999Z07:00",
        other => other,
    }
}

/// A part of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    Literal(&'a str),
    LongMonth,
    ShortMonth,
    Month {
        padded: bool,
    },
    LongWeekday,
    ShortWeekday,
    Day {
        fill: Option<char>,
    },
    YearDay,
    Hour24,
    Hour12 {
        padded: bool,
    },
    Minute {
        padded: bool,
    },
    Second {
        padded: bool,
    },
    Year,
    ShortYear,
    Noon {
        upper: bool,
    },
    Zone,
    /// `Z` for UTC, colons, seconds, hours only.
    Offset {
        z: bool,
        colon: bool,
        seconds: bool,
        short: bool,
    },
    /// Separator, digits; trailing zeros (and an empty fraction) are cut.
    Fraction {
        separator: char,
        digits: usize,
        cut: bool,
    },
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// What Go recognises, longer forms before their prefixes.
const TOKENS: [(&str, Part<'static>); 34] = [
    ("January", Part::LongMonth),
    ("Jan", Part::ShortMonth),
    ("Monday", Part::LongWeekday),
    ("Mon", Part::ShortWeekday),
    ("MST", Part::Zone),
    ("002", Part::YearDay),
    ("01", Part::Month { padded: true }),
    ("02", Part::Day { fill: Some('0') }),
    ("03", Part::Hour12 { padded: true }),
    ("04", Part::Minute { padded: true }),
    ("05", Part::Second { padded: true }),
    ("06", Part::ShortYear),
    ("15", Part::Hour24),
    ("1", Part::Month { padded: false }),
    ("2006", Part::Year),
    ("2", Part::Day { fill: None }),
    ("_2006", Part::Literal("_2006")),
    ("__2", Part::Literal("__2")),
    ("_2", Part::Day { fill: Some(' ') }),
    ("3", Part::Hour12 { padded: false }),
    ("4", Part::Minute { padded: false }),
    ("5", Part::Second { padded: false }),
    ("PM", Part::Noon { upper: true }),
    ("pm", Part::Noon { upper: false }),
    (
        "-07:00:00",
        Part::Offset {
            z: false,
            colon: true,
            seconds: true,
            short: false,
        },
    ),
    (
        "-070000",
        Part::Offset {
            z: false,
            colon: false,
            seconds: true,
            short: false,
        },
    ),
    (
        "-07:00",
        Part::Offset {
            z: false,
            colon: true,
            seconds: false,
            short: false,
        },
    ),
    (
        "-0700",
        Part::Offset {
            z: false,
            colon: false,
            seconds: false,
            short: false,
        },
    ),
    (
        "-07",
        Part::Offset {
            z: false,
            colon: false,
            seconds: false,
            short: true,
        },
    ),
    (
        "Z07:00:00",
        Part::Offset {
            z: true,
            colon: true,
            seconds: true,
            short: false,
        },
    ),
    (
        "Z070000",
        Part::Offset {
            z: true,
            colon: false,
            seconds: true,
            short: false,
        },
    ),
    (
        "Z07:00",
        Part::Offset {
            z: true,
            colon: true,
            seconds: false,
            short: false,
        },
    ),
    (
        "Z0700",
        Part::Offset {
            z: true,
            colon: false,
            seconds: false,
            short: false,
        },
    ),
    (
        "Z07",
        Part::Offset {
            z: true,
            colon: false,
            seconds: false,
            short: true,
        },
    ),
];

/// A fraction such as `.000` or `,999`, unless a digit follows.
fn fraction(text: &str) -> Option<(Part<'static>, usize)> {
    let separator = text.chars().next().filter(|c| matches!(c, '.' | ','))?;
    let rest = text.get(1..)?;
    let digit = rest.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let digits = rest.chars().take_while(|c| *c == digit).count();
    if rest.get(digits..)?.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some((
        Part::Fraction {
            separator,
            digits,
            cut: digit == '9',
        },
        digits.saturating_add(1),
    ))
}

/// Splits a layout.
fn parts(layout: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut literal, mut at) = (0, 0);
    while let Some(rest) = layout.get(at..).filter(|rest| !rest.is_empty()) {
        let token = TOKENS
            .iter()
            .filter(|(text, part)| {
                // `Jan` and `Mon` only where no lower-case letter follows.
                let whole = |text: &str| {
                    !rest
                        .get(text.len()..)
                        .is_some_and(|tail| tail.starts_with(|c: char| c.is_ascii_lowercase()))
                };
                let short = matches!(part, Part::ShortMonth | Part::ShortWeekday);
                rest.starts_with(text) && (!short || whole(text))
            })
            .max_by_key(|(text, _)| text.len())
            .map(|(text, part)| (*part, text.len()))
            .or_else(|| fraction(rest));
        match token {
            Some((part, length)) => {
                if literal < at {
                    parts.extend(layout.get(literal..at).map(Part::Literal));
                }
                parts.push(part);
                at = at.saturating_add(length);
                literal = at;
            }
            None => at = at.saturating_add(rest.chars().next().map_or(1, char::len_utf8)),
        }
    }
    parts.extend(
        layout
            .get(literal..)
            .filter(|rest| !rest.is_empty())
            .map(Part::Literal),
    );
    parts
}

fn month_name(month: i8) -> &'static str {
    usize::try_from(month)
        .ok()
        .and_then(|month| MONTHS.get(month.checked_sub(1)?))
        .copied()
        .unwrap_or_default()
}

pub(super) fn weekday(day: Weekday) -> &'static str {
    usize::try_from(day.to_monday_zero_offset())
        .ok()
        .and_then(|day| WEEKDAYS.get(day))
        .copied()
        .unwrap_or_default()
}

fn short(name: &str) -> &str {
    name.get(..3).unwrap_or(name)
}

/// Writes a time.
pub(super) fn format(time: &Zoned, layout: &str) -> Result<String> {
    let mut out = String::new();
    for part in parts(layout) {
        let hour12 = match time.hour().rem_euclid(12) {
            0 => 12,
            hour => hour,
        };
        let text = match part {
            Part::Literal(text) => text.to_owned(),
            Part::LongMonth => month_name(time.month()).to_owned(),
            Part::ShortMonth => short(month_name(time.month())).to_owned(),
            Part::Month { padded } => number(time.month(), padded),
            Part::LongWeekday => weekday(time.weekday()).to_owned(),
            Part::ShortWeekday => short(weekday(time.weekday())).to_owned(),
            Part::Day { fill: Some(' ') } => format!("{:>2}", time.day()),
            Part::Day { fill } => number(time.day(), fill.is_some()),
            Part::YearDay => format!("{:03}", time.day_of_year()),
            Part::Hour24 => number(time.hour(), true),
            Part::Hour12 { padded } => number(hour12, padded),
            Part::Minute { padded } => number(time.minute(), padded),
            Part::Second { padded } => number(time.second(), padded),
            Part::Year => format!("{:04}", time.year()),
            Part::ShortYear => format!("{:02}", time.year().rem_euclid(100)),
            Part::Noon { upper } => noon(time.hour() >= 12, upper).to_owned(),
            Part::Zone => zone_name(time),
            Part::Offset {
                z,
                colon,
                seconds,
                short,
            } => offset(time.offset().seconds(), z, colon, (seconds, short)),
            Part::Fraction {
                separator,
                digits,
                cut,
            } => fraction_text(time.subsec_nanosecond(), separator, digits, cut),
        };
        out.push_str(&text);
    }
    Ok(out)
}

fn number(value: i8, padded: bool) -> String {
    if padded {
        format!("{value:02}")
    } else {
        value.to_string()
    }
}

fn noon(after: bool, upper: bool) -> &'static str {
    match (after, upper) {
        (true, true) => "PM",
        (false, true) => "AM",
        (true, false) => "pm",
        (false, false) => "am",
    }
}

/// The zone's abbreviation; zones without one show their offset.
fn zone_name(time: &Zoned) -> String {
    time.time_zone()
        .to_offset_info(time.timestamp())
        .abbreviation()
        .to_owned()
}

fn offset(seconds: i32, z: bool, colon: bool, (with_seconds, short): (bool, bool)) -> String {
    if z && seconds == 0 {
        return "Z".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let total = seconds.unsigned_abs();
    let (hours, minutes, rest) = (
        total.div_euclid(3_600),
        total.div_euclid(60).rem_euclid(60),
        total.rem_euclid(60),
    );
    let separator = if colon { ":" } else { "" };
    let mut out = format!("{sign}{hours:02}");
    if !short {
        out.push_str(&format!("{separator}{minutes:02}"));
    }
    if with_seconds {
        out.push_str(&format!("{separator}{rest:02}"));
    }
    out
}

fn fraction_text(nanosecond: i32, separator: char, digits: usize, cut: bool) -> String {
    let all = format!("{nanosecond:09}");
    let mut wanted: String = all.chars().chain(std::iter::repeat('0')).take(digits).collect();
    if cut {
        wanted.truncate(wanted.trim_end_matches('0').len());
    }
    if wanted.is_empty() {
        wanted
    } else {
        format!("{separator}{wanted}")
    }
}

/// What a text says; the rest has the values of Go's zero time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) year: i16,
    pub(super) month: i8,
    pub(super) day: i8,
    pub(super) hour: i8,
    pub(super) minute: i8,
    pub(super) second: i8,
    pub(super) nanosecond: i32,
    /// Seconds east of UTC.
    pub(super) offset: i64,
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
pub(super) fn parse(layout: &str, text: &str) -> Result<Parsed> {
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
            Part::YearDay => return Err(Refusal::Unsupported("the day of the year in a layout").into()),
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
        Part::Noon { .. } | Part::Zone | Part::YearDay => {}
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
