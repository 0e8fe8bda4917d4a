//! Reading an OPA bundle: a gzipped tar with modules, data files and a `.manifest`.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use stele_rego::RegoVersion;
use stele_types::{Value, json};

use super::{Files, LoadError, LoadLimits, Manifest, is_wanted, version};
use crate::problem::{Problem, Problems};

/// Where the manifest stands in a bundle.
pub(super) const MANIFEST: &str = ".manifest";

/// Unpacks the wanted entries into memory.
pub(super) fn read(bytes: &[u8], limits: &LoadLimits) -> Result<Files, LoadError> {
    // One byte above the limit tells "too large" from "just fits"; tar headers and padding count too, so leave them room.
    let room = limits.total_bytes.saturating_mul(2).saturating_add(1 << 20);
    let mut archive = tar::Archive::new(MultiGzDecoder::new(bytes).take(room));
    let mut files = Files::default();
    let damaged = |error: std::io::Error| LoadError::Archive {
        reason: error.to_string(),
    };
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let raw = entry.path_bytes().into_owned();
        let name = String::from_utf8(raw).map_err(|error| {
            refused(
                &String::from_utf8_lossy(error.as_bytes()),
                "its name is not UTF-8",
            )
        })?;
        let Some(path) = normalise(&name)? else { continue };
        let kind = entry.header().entry_type();
        if kind.is_dir() || matches!(kind, tar::EntryType::XGlobalHeader) {
            continue;
        }
        if !kind.is_file() {
            return Err(refused(&name, "it is neither a file nor a directory"));
        }
        let base = path.rsplit('/').next().unwrap_or_default();
        if path != MANIFEST && !is_wanted(base) {
            continue;
        }
        if files.entries.contains_key(&path) {
            return Err(refused(&name, "the bundle holds it twice"));
        }
        let cap = limits.file_bytes.saturating_add(1);
        let expected = entry
            .header()
            .size()
            .unwrap_or_default()
            .min(cap)
            .min(u64::try_from(bytes.len()).unwrap_or(0));
        let mut contents = Vec::with_capacity(usize::try_from(expected).unwrap_or_default());
        entry
            .by_ref()
            .take(cap)
            .read_to_end(&mut contents)
            .map_err(damaged)?;
        files.put(path, contents, limits)?;
    }
    Ok(files)
}

fn refused(name: &str, reason: &'static str) -> LoadError {
    LoadError::EntryName {
        name: name.to_owned(),
        reason,
    }
}

/// The entry's path without `./` and a leading slash (OPA writes one); `None` for the root itself.
fn normalise(name: &str) -> Result<Option<String>, LoadError> {
    if name.contains('\\') || name.contains('\0') {
        return Err(refused(name, "its name holds a backslash or a zero byte"));
    }
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(refused(name, "its name leads out of the bundle")),
            part => parts.push(part),
        }
    }
    Ok((!parts.is_empty()).then(|| parts.join("/")))
}

/// Takes the manifest out of the files and reads it.
pub(super) fn manifest(files: &mut Files) -> Result<Option<Manifest>, LoadError> {
    let bytes = files.entries.remove(MANIFEST);
    bytes.map(|bytes| parse_manifest(&bytes)).transpose()
}

fn parse_manifest(bytes: &[u8]) -> Result<Manifest, LoadError> {
    let value = json::parse(bytes, &json::Limits::default())
        .map_err(|error| bad_manifest(&format!("it is no JSON: {error}")))?;
    let get = |key: &str| match &value {
        Value::Object(entries) => Ok(entries.get(&Value::from(key))),
        _ => Err(bad_manifest("it is no JSON object")),
    };
    let text = |value: &Value, what: &str| match value {
        Value::String(text) => Ok(text.to_string()),
        _ => Err(bad_manifest(&format!("{what} must be a string"))),
    };
    let revision = get("revision")?
        .map(|value| text(value, "revision"))
        .transpose()?
        .unwrap_or_default();
    let roots = match get("roots")? {
        None | Some(Value::Null) => vec![String::new()],
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| text(item, "each of the roots"))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(bad_manifest("roots must be an array")),
    };
    let rego_version = match get("rego_version")? {
        None | Some(Value::Null) => None,
        Some(value) => Some(version_of(value, "rego_version")?),
    };
    let file_rego_versions = match get("file_rego_versions")? {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(Value::Object(entries)) => entries
            .iter()
            .map(|(glob, value)| {
                let glob = text(glob, "each path in file_rego_versions")?;
                let version = version_of(value, &format!("the version of {glob:?}"))?;
                Ok((glob, version))
            })
            .collect::<Result<BTreeMap<_, _>, LoadError>>()?,
        Some(_) => return Err(bad_manifest("file_rego_versions must be an object")),
    };
    version::compiled(file_rego_versions.keys().map(String::as_str))
        .map_err(|error| bad_manifest(&format!("a glob of file_rego_versions can't be used: {error}")))?;
    Ok(Manifest {
        revision,
        roots,
        rego_version,
        file_rego_versions,
        metadata: get("metadata")?.cloned(),
    })
}

fn version_of(value: &Value, what: &str) -> Result<RegoVersion, LoadError> {
    let number = match value {
        Value::Number(number) => number.to_u64(),
        _ => None,
    };
    number
        .and_then(version::of_number)
        .ok_or_else(|| bad_manifest(&format!("{what} must be 0 or 1")))
}

fn bad_manifest(reason: &str) -> LoadError {
    let problem = Problem::of_file(
        "manifest",
        MANIFEST,
        format!("the manifest is not valid: {reason}"),
    );
    match Problems::none_of(vec![problem]) {
        Err(problems) => LoadError::Invalid(problems),
        Ok(()) => LoadError::Archive {
            reason: reason.to_owned(),
        },
    }
}
