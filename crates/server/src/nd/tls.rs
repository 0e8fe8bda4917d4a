//! The TLS parameters of `http.send`.

use std::path::{Component, Path};

use reqwest::{Certificate, ClientBuilder, Identity};

use super::SendError;
use super::request::Fields;

/// A text in the request, or a file below the operator's directory.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Source {
    Text(String),
    File(String),
}

/// Who is trusted, and as whom the client shows itself. Connections are shared by requests with equal options only.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct TlsOptions {
    ca: Option<Source>,
    /// The system's authorities beside `ca`.
    with_system: bool,
    certificate: Option<(Source, Source)>,
    /// The name that the server must prove, where it is not the URL's.
    pub(super) server_name: Option<String>,
    insecure: bool,
}

impl std::fmt::Debug for TlsOptions {
    /// Without keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsOptions")
            .field("server_name", &self.server_name)
            .field("insecure", &self.insecure)
            .finish_non_exhaustive()
    }
}

/// Reads the parameters that start with `tls_`.
pub(super) fn options(fields: &Fields<'_>) -> Result<TlsOptions, SendError> {
    for name in ["tls_ca_cert", "tls_client_cert", "tls_client_key"] {
        if fields.text(&format!("{name}_env_variable"))?.is_some() {
            return Err(SendError::Refused(format!(
                "`{name}_env_variable`: the environment of the server is not readable; put the text into a file in \
                 `server.nd_builtins.tls_dir` and name it with `{name}_file`"
            )));
        }
    }
    let source = |name: &str| -> Result<Option<Source>, SendError> {
        // As OPA: lines may be separated by `\n` in two characters.
        let text = fields.text(name)?.filter(|text| !text.is_empty());
        let text = text.map(|text| Source::Text(text.replace("\\n", "\n")));
        let file = fields
            .text(&format!("{name}_file"))?
            .filter(|file| !file.is_empty());
        Ok(text.or_else(|| file.map(|file| Source::File(file.to_owned()))))
    };
    Ok(TlsOptions {
        ca: source("tls_ca_cert")?,
        with_system: fields.flag("tls_use_system_certs")?.unwrap_or(false),
        certificate: source("tls_client_cert")?.zip(source("tls_client_key")?),
        server_name: fields
            .text("tls_server_name")?
            .filter(|name| !name.is_empty())
            .map(str::to_owned),
        insecure: fields.flag("tls_insecure_skip_verify")?.unwrap_or(false),
    })
}

impl TlsOptions {
    /// Puts the options into a client.
    pub(super) fn apply(
        &self,
        mut client: ClientBuilder,
        dir: &Path,
        allow_insecure: bool,
    ) -> Result<ClientBuilder, SendError> {
        let bad =
            |what: &str, error: reqwest::Error| SendError::Invalid(format!("`{what}`: {}", causes(&error)));
        if let Some(ca) = &self.ca {
            let pem = read(ca, "tls_ca_cert", dir)?;
            let found = Certificate::from_pem_bundle(&pem).map_err(|error| bad("tls_ca_cert", error))?;
            if found.is_empty() {
                return Err(SendError::Invalid(
                    "`tls_ca_cert` has no certificate in PEM".to_owned(),
                ));
            }
            client = if self.with_system {
                client.tls_certs_merge(found)
            } else {
                client.tls_certs_only(found)
            };
        }
        if let Some((certificate, key)) = &self.certificate {
            let mut pem = read(certificate, "tls_client_cert", dir)?;
            pem.push(b'\n');
            pem.extend(read(key, "tls_client_key", dir)?);
            let identity = Identity::from_pem(&pem).map_err(|error| bad("tls_client_cert", error))?;
            client = client.identity(identity);
        }
        if self.insecure {
            if !allow_insecure {
                return Err(SendError::Refused(
                    "`tls_insecure_skip_verify` is not allowed: name the server's authority with `tls_ca_cert`, or set \
                     `server.nd_builtins.allow_insecure_tls`"
                        .to_owned(),
                ));
            }
            client = client.tls_danger_accept_invalid_certs(true);
        }
        Ok(client)
    }
}

fn read(source: &Source, what: &str, dir: &Path) -> Result<Vec<u8>, SendError> {
    let name = match source {
        Source::Text(text) => return Ok(text.clone().into_bytes()),
        Source::File(name) => name,
    };
    if dir.as_os_str().is_empty() {
        return Err(SendError::Refused(format!(
            "`{what}_file`: no file may be read; name the directory of such files in `server.nd_builtins.tls_dir`"
        )));
    }
    let plain = Path::new(name)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !plain {
        return Err(SendError::Refused(format!(
            "`{what}_file`: {name} must be the path of a file in `server.nd_builtins.tls_dir`, relative to it"
        )));
    }
    std::fs::read(dir.join(name))
        .map_err(|error| SendError::Invalid(format!("`{what}_file`: can't read {name}: {error}")))
}

/// An error with everything it came from.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}
