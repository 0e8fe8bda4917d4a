//! What kind of file something is, by its name and its content.

use stele_types::{InputKind, Value};

use crate::format::{Format, Reading, terraform};

/// How names of other files end that begin with `Dockerfile.`
const NO_DOCKERFILE: [&str; 7] = ["dockerignore", "html", "j2", "json", "md", "tmpl", "txt"];

/// Languages that a Dockerfile may be for (`Dockerfile.go`), and that a file about Dockerfiles may be written in (`dockerfile.go`).
const LANGUAGES: [&str; 7] = ["go", "java", "js", "py", "rb", "rs", "ts"];

/// Whether a name is that of a Dockerfile for something: `Dockerfile.prod`, `Dockerfile-prod`, `Containerfile.go`.
fn is_variant(name: &str) -> bool {
    let small = name.to_lowercase();
    let heads = ["dockerfile", "containerfile"];
    let Some(variant) = heads.iter().find_map(|head| small.strip_prefix(head)) else {
        return false;
    };
    let end = variant.rsplit_once('.').map(|(_, end)| end);
    if end.is_some_and(|end| LANGUAGES.contains(&end)) {
        return name.starts_with(['D', 'C']) && variant.starts_with('.');
    }
    let is_other = end.is_some_and(|end| NO_DOCKERFILE.contains(&end));
    variant.starts_with('.') && !is_other || variant.starts_with(['-', '_']) && end.is_none()
}

/// Whether only the content tells that a file with this name is what [`format_of`] takes it for: `Dockerfile.go` may be Go, `dockerfile-lint` a program.
pub(crate) fn is_unsure(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let end = name.rsplit_once('.').map(|(_, end)| end);
    format_of(path) == Some(Format::Dockerfile)
        && (end.is_some_and(|end| LANGUAGES.contains(&end)) || end.is_none() && name.contains(['-', '_']))
}

/// The format of a file with this name (its path with `/`); `None`: none that is read.
#[must_use]
pub fn format_of(path: &str) -> Option<Format> {
    let written = path.rsplit('/').next().unwrap_or(path);
    let name = written.to_lowercase();
    if name == "dockerfile" || name == "containerfile" || is_variant(written) {
        return Some(Format::Dockerfile);
    }
    let is_dotenv = name == ".env" || name.starts_with(".env.") || name.ends_with(".env");
    if is_dotenv && !name.ends_with(".envrc") {
        return Some(Format::Dotenv);
    }
    let below = path.to_lowercase();
    let of_nginx = below.contains("nginx/") || name.contains("nginx");
    if (of_nginx && name.ends_with(".conf")) || below.contains("nginx/sites-") {
        return Some(Format::Nginx);
    }
    match name.rsplit_once('.')?.1 {
        "json" | "jsonc" => Some(Format::Json),
        "yaml" | "yml" => Some(Format::Yaml),
        "toml" => Some(Format::Toml),
        "dockerfile" | "containerfile" => Some(Format::Dockerfile),
        "nginx" => Some(Format::Nginx),
        "ini" => Some(Format::Ini),
        "properties" => Some(Format::Properties),
        "xml" => Some(Format::Xml),
        "hcl" | "tf" | "tofu" | "tfvars" => Some(Format::Hcl),
        _ => None,
    }
}

/// Whether files with these paths, with the same contents, are the same to policies: the name tells format and kind.
pub(crate) fn is_alike(a: &str, b: &str) -> bool {
    let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
    name(a) == name(b) && format_of(a) == format_of(b) && is_workflow(a) == is_workflow(b)
}

fn is_workflow(path: &str) -> bool {
    path.contains(".github/workflows/")
}

/// Whether what a file says depends on the others of its directory, a Terraform module.
#[must_use]
pub fn is_part_of_module(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    terraform::is_config(name) || name.ends_with(".tfvars") || name.ends_with(".tfvars.json")
}

/// Languages that nothing here evaluates, by the ends of their files' names, with the command that does.
const REFUSED: [(&str, &str, &str); 8] = [
    ("jsonnet", "Jsonnet", "jsonnet FILE | stele check -"),
    ("libsonnet", "Jsonnet", "jsonnet FILE | stele check -"),
    ("cue", "CUE", "cue export FILE | stele check -"),
    ("bicep", "Bicep", "bicep build FILE --stdout | stele check -"),
    ("pkl", "Pkl", "pkl eval -f json FILE | stele check -"),
    ("hocon", "HOCON", "make it JSON, and pipe that to stele check -"),
    ("edn", "EDN", "make it JSON, and pipe that to stele check -"),
    ("vcl", "VCL", "make it JSON, and pipe that to stele check -"),
];

/// The language of a file that is not read, and the command that makes something of it that is.
#[must_use]
pub fn refused(path: &str) -> Option<(&'static str, &'static str)> {
    let end = path.rsplit_once('.')?.1.to_lowercase();
    let found = REFUSED.iter().find(|(refused, ..)| *refused == end);
    found.map(|(_, language, command)| (*language, *command))
}

/// The format that a kind is written in, where the name of the file does not say.
#[must_use]
pub fn usual_format(kind: InputKind) -> Format {
    match kind {
        InputKind::Dockerfile => Format::Dockerfile,
        InputKind::Toml => Format::Toml,
        InputKind::Hcl | InputKind::Terraform => Format::Hcl,
        InputKind::Ini => Format::Ini,
        InputKind::Dotenv => Format::Dotenv,
        InputKind::Properties => Format::Properties,
        InputKind::Xml => Format::Xml,
        InputKind::Nginx => Format::Nginx,
        InputKind::Arm
        | InputKind::Cyclonedx
        | InputKind::Json
        | InputKind::Spdx
        | InputKind::TerraformPlan
        | InputKind::Vulnerabilities => Format::Json,
        InputKind::Cloudformation
        | InputKind::Compose
        | InputKind::Envoy
        | InputKind::GithubActions
        | InputKind::GitlabCi
        | InputKind::Kubernetes
        | InputKind::Openapi
        | InputKind::Yaml => Format::Yaml,
    }
}

/// The kind of a document in a file with this path.
#[must_use]
pub fn kind_of(path: &str, format: Format, document: &Value) -> InputKind {
    match format {
        Format::Dockerfile => InputKind::Dockerfile,
        Format::Toml => InputKind::Toml,
        Format::Hcl => InputKind::Hcl,
        Format::Ini => InputKind::Ini,
        Format::Dotenv => InputKind::Dotenv,
        Format::Properties => InputKind::Properties,
        Format::Xml => InputKind::Xml,
        Format::Nginx => InputKind::Nginx,
        Format::Json => by_content(path, document).unwrap_or(InputKind::Json),
        Format::Yaml => by_content(path, document).unwrap_or(InputKind::Yaml),
    }
}

fn by_content(path: &str, document: &Value) -> Option<InputKind> {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    let has = |key: &str| document.get(key).is_some();
    let name = path.rsplit('/').next().unwrap_or(path);
    document.as_object()?;
    if text("apiVersion").is_some() && text("kind").is_some() {
        return Some(InputKind::Kubernetes);
    }
    if has("resource_changes") && (has("terraform_version") || has("format_version")) {
        return Some(InputKind::TerraformPlan);
    }
    if has("AWSTemplateFormatVersion") || has_aws_resources(document) {
        return Some(InputKind::Cloudformation);
    }
    if text("$schema").is_some_and(|schema| schema.to_lowercase().contains("deploymenttemplate.json")) {
        return Some(InputKind::Arm);
    }
    if text("schema") == Some("stele.vulnerabilities.v1") {
        return Some(InputKind::Vulnerabilities);
    }
    if text("bomFormat") == Some("CycloneDX") {
        return Some(InputKind::Cyclonedx);
    }
    if text("spdxVersion").is_some() {
        return Some(InputKind::Spdx);
    }
    if text("openapi").is_some() || text("swagger").is_some() {
        return Some(InputKind::Openapi);
    }
    if is_envoy(document) {
        return Some(InputKind::Envoy);
    }
    if name == ".gitlab-ci.yml" || name.ends_with(".gitlab-ci.yml") {
        return Some(InputKind::GitlabCi);
    }
    let workflow = is_workflow(path) || (has("on") && has("jobs"));
    if workflow && has("jobs") {
        return Some(InputKind::GithubActions);
    }
    let compose = name.starts_with("compose.") || name.starts_with("docker-compose");
    (compose && has("services")).then_some(InputKind::Compose)
}

/// A bootstrap, whose names may have either form of protocol buffers, or what listeners and clusters are discovered from.
fn is_envoy(document: &Value) -> bool {
    let either = |snake, camel| document.get(snake).or(document.get(camel));
    let fixed = either("static_resources", "staticResources");
    let dynamic = either("dynamic_resources", "dynamicResources");
    let listens = |fixed: &Value| fixed.get("listeners").or(fixed.get("clusters")).is_some();
    let typed = |resource: &Value| {
        let name = resource.get("@type").and_then(Value::as_str);
        name.is_some_and(|name| name.starts_with("type.googleapis.com/envoy."))
    };
    let mut resources = document
        .get("resources")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    document.get("admin").is_some() && (fixed.is_some() || dynamic.is_some())
        || fixed.is_some_and(listens)
        || resources.any(typed)
}

fn has_aws_resources(document: &Value) -> bool {
    let resources = document.get("Resources").and_then(Value::as_object);
    resources.is_some_and(|resources| {
        resources.values().any(|resource| {
            let kind = resource.get("Type").and_then(Value::as_str);
            kind.is_some_and(|kind| kind.starts_with("AWS::"))
        })
    })
}

/// The address of the resource of a plan that a path leads to or into.
fn change_of(kind: InputKind, document: Reading<'_>, path: &[Value]) -> Option<String> {
    let [first, index, ..] = path else { return None };
    let is_plan = matches!(kind, InputKind::Terraform | InputKind::TerraformPlan);
    if !is_plan || first.as_str() != Some("resource_changes") {
        return None;
    }
    document.string(&[first.clone(), index.clone(), "address".into()])
}

/// A path that stays the same when other resources come and go: those of a plan by their address.
#[must_use]
pub(crate) fn stable_path(kind: InputKind, document: Reading<'_>, path: &[Value]) -> Vec<Value> {
    let mut out = path.to_vec();
    if let (Some(address), Some(step)) = (change_of(kind, document, path), out.get_mut(1)) {
        *step = Value::from(address);
    }
    out
}

/// What a document is about at a path, for people: `Deployment/default/web`, `aws_s3_bucket.logs`.
#[must_use]
pub fn resource_of(kind: InputKind, document: Reading<'_>, path: &[Value]) -> Option<String> {
    if let Some(address) = change_of(kind, document, path) {
        return Some(address);
    }
    if kind != InputKind::Kubernetes {
        return None;
    }
    let text = |key: &str| document.string(&["metadata".into(), key.into()]);
    let name = text("name").or_else(|| text("generateName"));
    let name = name.unwrap_or_else(|| "unnamed".to_owned());
    let kind = document.string(&["kind".into()])?;
    let namespace = text("namespace").unwrap_or_else(|| "default".to_owned());
    Some(format!("{kind}/{namespace}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use stele_types::json;

    fn kind(path: &str, text: &str) -> InputKind {
        let document = json::parse(text.as_bytes(), &json::Limits::default()).unwrap();
        kind_of(path, format_of(path).unwrap(), &document)
    }

    #[test]
    fn documents_are_known_by_name_and_content() {
        let cases = [
            (
                "a.yaml",
                r#"{"apiVersion": "v1", "kind": "Pod"}"#,
                InputKind::Kubernetes,
            ),
            (
                "a.json",
                r#"{"format_version": "1.2", "resource_changes": []}"#,
                InputKind::TerraformPlan,
            ),
            (
                "t.json",
                r#"{"Resources": {"x": {"Type": "AWS::S3::Bucket"}}}"#,
                InputKind::Cloudformation,
            ),
            (
                "a/.github/workflows/ci.yml",
                r#"{"on": "push", "jobs": {}}"#,
                InputKind::GithubActions,
            ),
            (".gitlab-ci.yml", r#"{"build": {}}"#, InputKind::GitlabCi),
            (
                "docker-compose.prod.yaml",
                r#"{"services": {}}"#,
                InputKind::Compose,
            ),
            ("b.json", r#"{"bomFormat": "CycloneDX"}"#, InputKind::Cyclonedx),
            ("b.json", r#"{"spdxVersion": "SPDX-2.3"}"#, InputKind::Spdx),
            ("api.yml", r#"{"openapi": "3.1.0"}"#, InputKind::Openapi),
            ("x.json", "[1]", InputKind::Json),
            ("x.yml", r#"{"services": {}}"#, InputKind::Yaml),
            (
                "sub.json",
                r#"{"$schema": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#"}"#,
                InputKind::Arm,
            ),
            ("deep/Dockerfile.prod", "[]", InputKind::Dockerfile),
            ("Dockerfile.go", "[]", InputKind::Dockerfile),
            ("Dockerfile-prod", "[]", InputKind::Dockerfile),
            ("dockerfile_test", "[]", InputKind::Dockerfile),
            ("app.Dockerfile", "[]", InputKind::Dockerfile),
            ("Containerfile", "[]", InputKind::Dockerfile),
            ("Containerfile.dev", "[]", InputKind::Dockerfile),
            ("app.Containerfile", "[]", InputKind::Dockerfile),
            ("Cargo.toml", "{}", InputKind::Toml),
            (
                "e.yaml",
                r#"{"static_resources": {"listeners": []}}"#,
                InputKind::Envoy,
            ),
            (
                "e.json",
                r#"{"staticResources": {"clusters": {}}}"#,
                InputKind::Envoy,
            ),
            (
                "lds.yaml",
                r#"{"resources": [{"@type": "type.googleapis.com/envoy.config.listener.v3.Listener"}]}"#,
                InputKind::Envoy,
            ),
            ("deploy/nginx/site.conf", "{}", InputKind::Nginx),
            ("settings.jsonc", "{}", InputKind::Json),
            ("a/.env.prod", "{}", InputKind::Dotenv),
            ("a/php.ini", "{}", InputKind::Ini),
            ("pom.xml", "{}", InputKind::Xml),
            ("log4j.properties", "{}", InputKind::Properties),
        ];
        for (path, text, expected) in cases {
            assert_eq!(kind(path, text), expected, "{path}");
        }
    }

    #[test]
    fn names_of_other_files_are_not_taken() {
        assert_eq!(format_of("README"), None);
        assert_eq!(format_of("main.rs"), None);
        assert_eq!(format_of("src/dockerfile.rs"), None);
        for other in [
            "Dockerfile.dockerignore",
            "Dockerfile.prod.dockerignore",
            "dockerfile.go",
            "dockerfile-lint.js",
            "Dockerfile_test.go",
            "Dockerfiles",
        ] {
            assert_eq!(format_of(other), None, "{other}");
        }
        for (path, unsure) in [
            ("a/Dockerfile.go", true),
            ("a/dockerfile-lint", true),
            ("a-b/Dockerfile", false),
            ("Dockerfile.prod", false),
            ("a-b.go", false),
        ] {
            assert_eq!(is_unsure(path), unsure, "{path}");
        }
    }
}
