//! What a text without a name is, such as that of standard input: told by what it says alone.

use hcl_edit::structure::{Body, Structure};
use stele_types::{InputKind, Value};

use crate::format::{Format, is_dockerfile, is_nginx, parse_hcl};

/// What a text is written in, as far as it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// Terraform's language, in either syntax.
    Terraform,
    /// Another format.
    In(Format),
}

/// The blocks of Terraform's language, and how many labels each has.
const BLOCKS: [(&str, usize); 14] = [
    ("action", 2),
    ("check", 1),
    ("data", 2),
    ("ephemeral", 2),
    ("import", 0),
    ("locals", 0),
    ("module", 1),
    ("moved", 0),
    ("output", 1),
    ("provider", 1),
    ("removed", 0),
    ("resource", 2),
    ("terraform", 0),
    ("variable", 1),
];

/// What the text of standard input is written in; `None`: perhaps YAML.
pub(crate) fn written(text: &str) -> Option<Written> {
    let text = text.trim_start_matches('\u{feff}');
    let begin = text.trim_start();
    if is_json(text) {
        return Some(Written::In(Format::Json));
    }
    if begin.starts_with('<') {
        return Some(Written::In(Format::Xml));
    }
    if is_dockerfile(text) {
        return Some(Written::In(Format::Dockerfile));
    }
    // One that can't be parsed is told by its heads, so that it is reported instead of read as something else.
    let headed = text.lines().any(is_head);
    match parse_hcl(text) {
        Ok(body) if is_terraform(&body) => Some(Written::Terraform),
        Ok(body) if body.iter().any(Structure::is_block) => Some(Written::In(Format::Hcl)),
        Err(_) if headed => Some(Written::Terraform),
        _ if is_nginx(text) => Some(Written::In(Format::Nginx)),
        _ => None,
    }
}

/// JSON can be told by its first character.
pub(crate) fn is_json(text: &str) -> bool {
    text.trim_start_matches('\u{feff}')
        .trim_start()
        .starts_with(['{', '['])
}

fn is_terraform(body: &Body) -> bool {
    let known = |structure: &Structure| {
        structure.as_block().is_some_and(|block| {
            let found = (block.ident.as_str(), block.labels.len());
            BLOCKS.contains(&found)
        })
    };
    !body.is_empty() && body.iter().all(known)
}

/// Whether a line begins a resource or a data source: `resource "aws_s3_bucket" "logs" {`.
fn is_head(line: &str) -> bool {
    let Some((block, labels)) = line.split_once(' ') else {
        return false;
    };
    let labels: Vec<&str> = labels.split_whitespace().collect();
    let [first, second, "{" | "{}", ..] = labels.as_slice() else {
        return false;
    };
    let quoted = |label: &str| label.len() > 2 && label.starts_with('"') && label.ends_with('"');
    ["resource", "data"].contains(&block) && quoted(first) && quoted(second)
}

/// Whether JSON is a file of Terraform's: all of it are blocks, and one of those says what there is.
pub(crate) fn is_terraform_json(document: &Value) -> bool {
    let Some(members) = document.as_object() else {
        return false;
    };
    let name = |key: &Value| key.as_str().unwrap_or_default().to_owned();
    let known =
        |key: &Value| key.as_str() == Some("//") || BLOCKS.iter().any(|(block, _)| *block == name(key));
    // `{"resource": {TYPE: {NAME: {...}}}}`
    let telling = members.iter().any(|(key, value)| {
        let types = value.as_object().into_iter().flatten();
        let mut types = types.map(|(_, named)| named.as_object());
        ["resource", "data"].contains(&name(key).as_str()) && types.any(|named| named.is_some())
    });
    telling && members.iter().all(|(key, _)| known(key))
}

/// The kind of a document that the names of files tell where there is one.
pub(crate) fn kind_of(document: &Value) -> Option<InputKind> {
    let members = document.as_object()?;
    let services = document.get("services").and_then(Value::as_object);
    let is_service = |service: &Value| ["image", "build"].iter().any(|key| service.get(key).is_some());
    if services.is_some_and(|services| services.values().any(is_service)) {
        return Some(InputKind::Compose);
    }
    let is_job = |job: &Value| ["script", "trigger"].iter().any(|key| job.get(key).is_some());
    let jobs = members.values().any(is_job);
    let stages = document
        .get("stages")
        .is_some_and(|stages| stages.as_array().is_some());
    (jobs || stages && document.get("include").is_some()).then_some(InputKind::GitlabCi)
}
