//! `time.*`. A time is nanoseconds since 1970, or `[nanoseconds, zone]`, or `[nanoseconds, zone, layout]`.

use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp, Zoned};
use stele_types::Value;

use super::args::{any, integer, string, wrong};
use super::time_layout::{self, Parsed};
use super::{BuiltinError, Refusal, Session, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

/// The time of the decision.
pub(super) fn now_ns(session: &mut Session<'_>, _: &[Value]) -> Result<Value> {
    Ok(Value::Number(session.time()?.as_nanos().into()))
}

/// The time zones that were compiled in: the machine's own may differ between nodes.
fn zones() -> &'static TimeZoneDatabase {
    static ZONES: std::sync::OnceLock<TimeZoneDatabase> = std::sync::OnceLock::new();
    ZONES.get_or_init(TimeZoneDatabase::bundled)
}

/// A time argument, with its layout if it names one.
fn zoned(args: &[Value], index: usize) -> Result<(Zoned, Option<&str>)> {
    let expected = "either number (ns) or [number (ns), string (tz)]";
    let (nanos, zone, layout) = match any(args, index)? {
        Value::Number(number) => (number, "", None),
        Value::Array(items) => {
            let text = |at: usize| match items.get(at) {
                None => Ok(None),
                Some(Value::String(text)) => Ok(Some(&**text)),
                Some(_) => Err(wrong(args, index, expected)),
            };
            let Some(Value::Number(number)) = items.first() else {
                return Err(wrong(args, index, expected));
            };
            (number, text(1)?.unwrap_or_default(), text(2)?)
        }
        _ => return Err(wrong(args, index, expected)),
    };
    let nanos = nanos.to_i64().ok_or_else(|| failed("timestamp too big"))?;
    let timestamp =
        Timestamp::from_nanosecond(i128::from(nanos)).map_err(|error| failed(error.to_string()))?;
    let zone = match zone {
        "" | "UTC" => TimeZone::UTC,
        "Local" => return Err(Refusal::Unsupported("the local time zone of the machine").into()),
        name => zones()
            .get(name)
            .ok()
            // Names are those of files, so capitals count.
            .filter(|zone| zone.iana_name() == Some(name))
            .ok_or_else(|| failed(format!("unknown time zone {name}")))?,
    };
    Ok((
        timestamp.to_zoned(zone),
        layout.filter(|layout| !layout.is_empty()),
    ))
}

/// Nanoseconds since 1970, which reach from 1677 to 2262.
fn nanos(timestamp: Timestamp) -> Result<Value> {
    let nanos = i64::try_from(timestamp.as_nanosecond());
    Ok(Value::from(
        nanos.map_err(|_| failed("time outside of valid range"))?,
    ))
}

pub(super) fn date(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let date = zoned(args, 0)?.0.date();
    let parts = [
        i64::from(date.year()),
        i64::from(date.month()),
        i64::from(date.day()),
    ];
    Ok(Value::array(parts.map(Value::from)))
}

pub(super) fn clock(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let time = zoned(args, 0)?.0.time();
    Ok(Value::array(
        [time.hour(), time.minute(), time.second()].map(|part| Value::from(i64::from(part))),
    ))
}

pub(super) fn weekday(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    Ok(time_layout::weekday(zoned(args, 0)?.0.weekday()).into())
}

pub(super) fn format(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (time, layout) = zoned(args, 0)?;
    let text = time_layout::format(&time, time_layout::named(layout.unwrap_or("RFC3339Nano")))?;
    session.bytes(text.len())?;
    Ok(text.into())
}

pub(super) fn parse_ns(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let parsed = time_layout::parse(time_layout::named(string(args, 0)?), string(args, 1)?)?;
    instant(&parsed)
}

pub(super) fn parse_rfc3339_ns(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    instant(&time_layout::parse(
        time_layout::named("RFC3339"),
        string(args, 0)?,
    )?)
}

fn instant(parsed: &Parsed) -> Result<Value> {
    let out = || failed("time outside of valid range");
    let civil = civil(parsed)?;
    let utc = civil.to_zoned(TimeZone::UTC).map_err(|_| out())?;
    let offset = Span::new().seconds(parsed.offset);
    nanos(utc.timestamp().checked_sub(offset).map_err(|_| out())?)
}

fn civil(parsed: &Parsed) -> Result<DateTime> {
    let time = DateTime::new(
        parsed.year,
        parsed.month,
        parsed.day,
        parsed.hour,
        parsed.minute,
        parsed.second,
        parsed.nanosecond,
    );
    time.map_err(|error| failed(error.to_string()))
}

/// Units of durations in nanoseconds.
const UNITS: [(&str, i128); 11] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
    // Of 365 days.
    ("y", 31_536_000_000_000_000),
];

/// Go's durations, `1h15m30.918s`, `-1.5h`, `0`, and OPA's days, weeks and years: `1y2w3d`.
pub(super) fn parse_duration_ns(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let text = string(args, 0)?;
    let total = duration(text).ok_or_else(|| failed(format!("time: invalid duration {text:?}")))?;
    Ok(total.into())
}

fn duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_i128;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (name, after) = after.split_at_checked(end)?;
        let (_, unit) = UNITS.iter().find(|(known, _)| *known == name)?;
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(*unit)?)?;
        // Digits that are worth less than a nanosecond are cut; 18 are more than enough.
        let fraction: String = fraction.chars().take(18).collect();
        if !fraction.is_empty() {
            let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
            let part = fraction
                .parse::<i128>()
                .ok()?
                .checked_mul(*unit)?
                .checked_div(scale)?;
            total = total.checked_add(part)?;
        }
        rest = after;
    }
    i64::try_from(if negative { total.checked_neg()? } else { total }).ok()
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Adds years, months and days as Go does: 31 January plus one month is 3 March, or the 2nd in a leap year.
pub(super) fn add_date(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let out = || failed("time outside of valid range");
    let time = zoned(args, 0)?.0;
    let (years, months, days) = (integer(args, 1)?, integer(args, 2)?, integer(args, 3)?);
    let months = years
        .checked_mul(12)
        .and_then(|total| total.checked_add(months))
        .and_then(|total| total.checked_add(i64::from(time.month())))
        .and_then(|total| total.checked_sub(1))
        .ok_or_else(out)?;
    let year = i64::from(time.year())
        .checked_add(months.div_euclid(12))
        .ok_or_else(out)?;
    let month = months.rem_euclid(12).saturating_add(1);
    let first = jiff::civil::Date::new(
        i16::try_from(year).map_err(|_| out())?,
        i8::try_from(month).map_err(|_| out())?,
        1,
    )
    .map_err(|_| out())?;
    let days = days
        .checked_add(i64::from(time.day()))
        .and_then(|days| days.checked_sub(1))
        .ok_or_else(out)?;
    let span = Span::new().try_days(days).map_err(|_| out())?;
    let date = first.checked_add(span).map_err(|_| out())?;
    let moved = date
        .to_datetime(time.time())
        .to_zoned(time.time_zone().clone())
        .map_err(|_| out())?;
    nanos(moved.timestamp())
}

/// The difference as `[years, months, days, hours, minutes, seconds]`, in the zone of the first time, without sign.
pub(super) fn diff(_: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    let (a, b) = (zoned(args, 0)?.0, zoned(args, 1)?.0);
    let b = b.with_time_zone(a.time_zone().clone());
    let (early, late) = if a.timestamp() > b.timestamp() {
        (b, a)
    } else {
        (a, b)
    };
    let parts = |t: &Zoned| {
        [
            i64::from(t.year()),
            i64::from(t.month()),
            i64::from(t.day()),
            i64::from(t.hour()),
            i64::from(t.minute()),
            i64::from(t.second()),
        ]
    };
    let mut difference = [0_i64; 6];
    for ((slot, late), early) in difference.iter_mut().zip(parts(&late)).zip(parts(&early)) {
        *slot = late.saturating_sub(early);
    }
    let [
        mut years,
        mut months,
        mut days,
        mut hours,
        mut minutes,
        mut seconds,
    ] = difference;
    // A unit that came out negative borrows from the next larger one; a month has the days of the earlier time's month.
    let borrow = |small: &mut i64, large: &mut i64, size: i64| {
        if *small < 0 {
            *small = small.saturating_add(size);
            *large = large.saturating_sub(1);
        }
    };
    borrow(&mut seconds, &mut minutes, 60);
    borrow(&mut minutes, &mut hours, 60);
    borrow(&mut hours, &mut days, 24);
    borrow(&mut days, &mut months, i64::from(early.days_in_month()));
    borrow(&mut months, &mut years, 12);
    Ok(Value::array(
        [years, months, days, hours, minutes, seconds].map(Value::from),
    ))
}
