//! `semver.*`.

use std::cmp::Ordering;

use semver::Version;
use stele_types::Value;

use super::args::{any, string};
use super::{BuiltinError, Session, failed};

fn version(args: &[Value], index: usize) -> Result<Version, BuiltinError> {
    let text = string(args, index)?;
    Version::parse(text).map_err(|_| {
        let operand = index.saturating_add(1);
        failed(format!(
            "operand {operand}: string {text:?} is not a valid SemVer"
        ))
    })
}

pub(super) fn is_valid(_: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    Ok(any(args, 0)?
        .as_str()
        .is_some_and(|text| Version::parse(text).is_ok())
        .into())
}

/// -1, 0 or 1; build metadata does not count.
pub(super) fn compare(_: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    Ok(Value::from(
        match version(args, 0)?.cmp_precedence(&version(args, 1)?) {
            Ordering::Less => -1_i64,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        },
    ))
}
