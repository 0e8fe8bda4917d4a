//! Go's time layouts: the reference time `Mon Jan 2 15:04:05 MST 2006` written in the wanted form.

mod read;
mod write;

use jiff::civil::Weekday;

use super::BuiltinError;

pub(super) use read::{Parsed, parse};
pub(super) use write::format;

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
    YearDay {
        fill: char,
    },
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
    ("002", Part::YearDay { fill: '0' }),
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
    // An underscore before a year.
    ("_2006", Part::Literal("_")),
    ("__2", Part::YearDay { fill: ' ' }),
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
            .map(|(text, part)| match part {
                // What stands for itself; the rest is read again.
                Part::Literal(kept) => (*part, kept.len()),
                _ => (*part, text.len()),
            })
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
