//! `uuid.parse`.

use std::collections::BTreeMap;

use stele_types::Value;

use super::args::string;
use super::{BuiltinError, Session, failed};

/// 100-nanosecond intervals between 1582-10-15, where UUID time starts, and 1970-01-01.
const GREGORIAN_TO_UNIX: i64 = 0x01b2_1dd2_1381_4000;

/// Accepts the plain, URN, braced and undashed forms. Version and variant, and for versions 1 and 2 what they encode.
pub(super) fn parse(_: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    let text = string(args, 0)?;
    // The type of argument of Go's parser: exactly these four lengths.
    let uuid = uuid::Uuid::try_parse(text).map_err(|error| failed(format!("invalid UUID: {error}")))?;
    let bytes = uuid.as_bytes();
    let version = i64::from(bytes.get(6).copied().unwrap_or_default() >> 4);
    let mut fields = BTreeMap::new();
    let mut set = |name: &str, value: Value| fields.insert(Value::from(name), value);
    set("version", version.into());
    set(
        "variant",
        variant(bytes.get(8).copied().unwrap_or_default()).into(),
    );
    if matches!(version, 1 | 2) {
        let (low, middle, high, rest) = uuid.as_fields();
        let time = i64::from(low) | (i64::from(middle) << 32) | (i64::from(high & 0x0fff) << 48);
        set(
            "time",
            time.wrapping_sub(GREGORIAN_TO_UNIX).wrapping_mul(100).into(),
        );
        let [sequence_high, sequence_low, node @ ..] = rest;
        let sequence = (i64::from(*sequence_high) << 8 | i64::from(*sequence_low)) & 0x3fff;
        set("clocksequence", sequence.into());
        let hex: Vec<String> = node.iter().map(|byte| format!("{byte:02x}")).collect();
        set("nodeid", hex.join("-").into());
        set(
            "macvariables",
            mac_kind(node.first().copied().unwrap_or_default()).into(),
        );
        if version == 2 {
            set("id", i64::from(low).into());
            set("domain", domain(*sequence_low).into());
        }
    }
    Ok(fields.into())
}

fn variant(byte: u8) -> &'static str {
    match byte {
        b if b & 0xc0 == 0x80 => "RFC4122",
        b if b & 0xe0 == 0xc0 => "Microsoft",
        b if b & 0xe0 == 0xe0 => "Future",
        _ => "Reserved",
    }
}

fn mac_kind(first: u8) -> &'static str {
    match first & 0b11 {
        0b11 => "local:multicast",
        0b01 => "global:multicast",
        0b10 => "local:unicast",
        _ => "global:unicast",
    }
}

fn domain(byte: u8) -> String {
    match byte {
        0 => "Person".to_owned(),
        1 => "Group".to_owned(),
        2 => "Org".to_owned(),
        other => format!("Domain{other}"),
    }
}
