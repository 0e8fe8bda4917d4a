//! Writing times by a layout.

use jiff::Zoned;

use super::{Part, Result, month_name, parts, short, weekday};

/// Writes a time.
pub(in crate::builtins) fn format(time: &Zoned, layout: &str) -> Result<String> {
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
            Part::YearDay { fill: ' ' } => format!("{:>3}", time.day_of_year()),
            Part::YearDay { .. } => format!("{:03}", time.day_of_year()),
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
