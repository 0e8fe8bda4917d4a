//! Sending requests: one client for each set of TLS options, redirects and retries.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use reqwest::Client;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::SendError;
use super::request::HttpRequest;
use super::response::HttpResponse;
use super::rules::{NotPublic, Rules};
use super::tls::{TlsOptions, causes};
use crate::config::NdConfig;

/// Redirects followed at most.
const REDIRECTS: u32 = 10;
/// Clients kept at most: policies choose the options.
const CLIENTS: usize = 64;
/// The first wait before another attempt; it doubles up to the last.
const RETRY: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(60);
/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(60);

/// The clients.
pub(super) struct Clients {
    rules: Arc<Rules>,
    tls_dir: PathBuf,
    allow_insecure: bool,
    made: Mutex<HashMap<Key, Client>>,
}

/// What a client is made for: its TLS options, and the host that stands behind another name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    tls: TlsOptions,
    behind: Option<String>,
}

/// One hop of a request.
struct Hop {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Clients {
    pub(super) fn new(rules: Arc<Rules>, config: &NdConfig) -> Self {
        Self {
            rules,
            tls_dir: config.tls_dir.clone(),
            allow_insecure: config.allow_insecure_tls,
            made: Mutex::default(),
        }
    }

    /// Sends a request with further headers; tries again as often as it asks when the exchange fails.
    pub(super) async fn send(
        &self,
        request: &HttpRequest,
        more: &[(HeaderName, HeaderValue)],
        limit: usize,
    ) -> Result<HttpResponse, SendError> {
        let mut wait = RETRY;
        let mut attempt = 0;
        loop {
            let exchange = tokio::time::timeout(request.timeout, self.exchange(request, more, limit));
            let result = exchange.await.unwrap_or_else(|_| {
                Err(SendError::Network(format!(
                    "{} {}: request timed out",
                    request.method, request.url
                )))
            });
            match result {
                Err(SendError::Network(_)) if attempt < request.retries => {
                    attempt = attempt.saturating_add(1);
                    tokio::time::sleep(wait).await;
                    wait = wait.saturating_mul(2).min(RETRY_MOST);
                }
                done => return done,
            }
        }
    }

    /// One attempt, with its redirects.
    async fn exchange(
        &self,
        request: &HttpRequest,
        more: &[(HeaderName, HeaderValue)],
        limit: usize,
    ) -> Result<HttpResponse, SendError> {
        let mut hop = Hop {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
        };
        for (name, value) in more {
            hop.headers.insert(name.clone(), value.clone());
        }
        for _ in 0..=REDIRECTS {
            let response = self.hop(request, &hop).await?;
            match request
                .follow_redirects
                .then(|| target(&hop.url, &response))
                .flatten()
            {
                None => return whole(response, limit).await,
                Some(next) => hop = hop.redirected(next?, response.status()),
            }
        }
        Err(SendError::Network(format!(
            "{} {}: stopped after {REDIRECTS} redirects",
            request.method, request.url
        )))
    }

    async fn hop(&self, request: &HttpRequest, hop: &Hop) -> Result<reqwest::Response, SendError> {
        self.rules.check_url(&hop.url).map_err(SendError::Refused)?;
        let host = host_header(&hop.headers)?;
        if let Some((host, port)) = &host {
            // A server that stands for several hosts answers by this header.
            self.rules.check_host(host, *port).map_err(SendError::Refused)?;
        }
        let name = request.tls.server_name.clone().or(host.map(|(host, _)| host));
        let name = name.filter(|_| hop.url.scheme() == "https" && hop.url.host() == request.url.host());
        let (client, url, headers) = self.addressed(request, hop, name)?;
        client
            .request(hop.method.clone(), url)
            .headers(headers)
            .body(hop.body.clone())
            .send()
            .await
            .map_err(|error| failed(&error))
    }

    /// The client for a hop, and the URL and headers that it takes. A server that has to prove another name is asked under that name,
    /// which resolves to the URL's host.
    fn addressed(
        &self,
        request: &HttpRequest,
        hop: &Hop,
        name: Option<String>,
    ) -> Result<(Client, Url, HeaderMap), SendError> {
        let (mut url, mut headers) = (hop.url.clone(), hop.headers.clone());
        let own = url.host_str().unwrap_or_default().to_owned();
        let Some(name) = name.filter(|name| *name != own) else {
            let client = self.client(&request.tls, None)?;
            return Ok((client, url, headers));
        };
        let bad = || SendError::Invalid(format!("`{name}` can't be the name of a server"));
        if !matches!(Host::parse(&name), Ok(Host::Domain(_))) {
            return Err(bad());
        }
        if !headers.contains_key(header::HOST) {
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            let value = HeaderValue::from_str(&format!("{own}{port}")).map_err(|_| bad())?;
            headers.insert(header::HOST, value);
        }
        url.set_host(Some(&name)).map_err(|_| bad())?;
        let client = self.client(&request.tls, Some(own))?;
        Ok((client, url, headers))
    }

    fn client(&self, tls: &TlsOptions, behind: Option<String>) -> Result<Client, SendError> {
        let key = Key {
            tls: tls.clone(),
            behind,
        };
        let made = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made().get(&key) {
            return Ok(known.clone());
        }
        let builder = Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("stele/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Guard {
                rules: Arc::clone(&self.rules),
                behind: key.behind.clone(),
            }));
        let client = key
            .tls
            .apply(builder, &self.tls_dir, self.allow_insecure)?
            .build()
            .map_err(|error| SendError::Invalid(causes(&error)))?;
        let mut made = made();
        if made.len() >= CLIENTS {
            made.clear();
        }
        made.insert(key, client.clone());
        Ok(client)
    }
}

impl Hop {
    /// What is asked next, as browsers and Go do it: only 307 and 308 keep method and body.
    fn redirected(self, url: Url, status: StatusCode) -> Self {
        let mut headers = self.headers;
        if url.origin() != self.url.origin() {
            for private in [header::AUTHORIZATION, header::COOKIE, header::HOST] {
                headers.remove(private);
            }
        }
        if matches!(
            status,
            StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
        ) {
            return Self { url, headers, ..self };
        }
        headers.remove(header::CONTENT_TYPE);
        let method = if self.method == Method::HEAD {
            Method::HEAD
        } else {
            Method::GET
        };
        Self {
            method,
            url,
            headers,
            body: Vec::new(),
        }
    }
}

/// Where a response sends us, if it does.
fn target(from: &Url, response: &reqwest::Response) -> Option<Result<Url, SendError>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?;
    let bad = |what: &str| SendError::Network(format!("{from}: {what}"));
    let Some(location) = location.to_str().ok() else {
        return Some(Err(bad("redirected to what is no URL")));
    };
    Some(match from.join(location) {
        Ok(next) if from.scheme() == "https" && next.scheme() == "http" => {
            Err(bad("redirected from https to http, which is not followed"))
        }
        Ok(next) => Ok(next),
        Err(error) => Err(bad(&format!("redirected to {location}: {error}"))),
    })
}

/// The host and port that a `Host` header names.
fn host_header(headers: &HeaderMap) -> Result<Option<(String, Option<u16>)>, SendError> {
    let Some(value) = headers.get(header::HOST) else {
        return Ok(None);
    };
    let authority = value
        .to_str()
        .ok()
        .and_then(|text| text.parse::<http::uri::Authority>().ok());
    let authority = authority.filter(|authority| !authority.as_str().contains('@'));
    let authority = authority
        .ok_or_else(|| SendError::Invalid("the header host must be a host, and a port".to_owned()))?;
    Ok(Some((authority.host().to_owned(), authority.port_u16())))
}

/// Reads a response to its end, if that comes within the limit.
async fn whole(mut response: reqwest::Response, limit: usize) -> Result<HttpResponse, SendError> {
    let too_long = || {
        SendError::Network(format!(
            "the response is longer than the {limit} bytes of `server.nd_builtins.response_bytes`"
        ))
    };
    let declared = response
        .content_length()
        .and_then(|length| usize::try_from(length).ok());
    if declared.is_some_and(|length| length > limit) && response.status() != StatusCode::NOT_MODIFIED {
        return Err(too_long());
    }
    let status = response.status();
    let reason = response.extensions().get::<hyper::ext::ReasonPhrase>();
    let reason = reason.and_then(|reason| std::str::from_utf8(reason.as_bytes()).ok());
    let reason = reason
        .or(status.canonical_reason())
        .unwrap_or_default()
        .to_owned();
    let headers = response.headers().clone();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResponse {
        status: status.as_u16(),
        reason,
        headers,
        body,
    })
}

fn failed(error: &reqwest::Error) -> SendError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(found) = cause {
        if let Some(refused) = found.downcast_ref::<NotPublic>() {
            return SendError::Refused(refused.to_string());
        }
        cause = found.source();
    }
    SendError::Network(causes(error))
}

/// Resolves names to those of their addresses that may be asked. Whatever is connected to has passed here, or is an address in a URL, which
/// is listed as it stands.
struct Guard {
    rules: Arc<Rules>,
    /// The host that stands behind whatever name is asked.
    behind: Option<String>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let host = self.behind.clone().unwrap_or_else(|| name.as_str().to_owned());
        let rules = Arc::clone(&self.rules);
        Box::pin(async move {
            let bare = host.trim_start_matches('[').trim_end_matches(']');
            let literal = self::literal(bare);
            let found: Vec<SocketAddr> = tokio::net::lookup_host((bare, 0)).await?.collect();
            let (allowed, others): (Vec<SocketAddr>, Vec<SocketAddr>) = found
                .into_iter()
                .partition(|addr| literal || rules.allows(addr.ip()));
            if allowed.is_empty() && !others.is_empty() {
                let addresses: Vec<String> = others.iter().map(|addr| addr.ip().to_string()).collect();
                let addresses = addresses.join(", ");
                return Err(NotPublic { host, addresses }.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn literal(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok()
}
