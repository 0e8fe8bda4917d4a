//! `http.send` and `net.lookup_ip_addr`: what decisions may ask of other hosts.
//!
//! Nothing may be asked unless the operator lists the host ([`NdConfig::allow_net`](crate::config::NdConfig::allow_net)). What a listed name resolves
//! to must be a public address, or one in a network that the operator lists as well; redirects are held to the same rules. Calls run on a
//! runtime of their own, whatever thread decides, and end with the decision's time.

mod address;
mod cache;
mod client;
mod request;
mod response;
mod rules;
#[cfg(test)]
mod tests;
mod tls;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stele_pdp::{NdBounds, NdHost};
use stele_policy::nd::NdError;
use stele_types::{Timestamp, Value};
use tokio::runtime::{Builder, Runtime};

use crate::config::NdConfig;
use crate::error::ServerError;
use cache::Cache;
use client::Clients;
use request::HttpRequest;
use response::HttpResponse;
use rules::Rules;

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum SendError {
    /// The operator does not allow it. Ends the evaluation.
    #[error("{0}")]
    Refused(String),
    /// The request object is not one.
    #[error("{0}")]
    Invalid(String),
    /// The exchange failed.
    #[error("{0}")]
    Network(String),
}

/// Asks other hosts.
pub struct Outside {
    inner: Arc<Inner>,
    /// Always there until it is dropped.
    runtime: Option<Runtime>,
}

struct Inner {
    rules: Arc<Rules>,
    clients: Clients,
    cache: Mutex<Cache>,
    timeout: Duration,
    response_bytes: usize,
}

impl Outside {
    /// What the configuration allows to ask; `None` when it allows nothing.
    ///
    /// # Errors
    /// [`ServerError`]: a value that can't be used, or a thread that can't be started.
    pub fn new(config: &NdConfig) -> Result<Option<Self>, ServerError> {
        let rules = Arc::new(Rules::new(config)?);
        if config.allow_net.is_empty() {
            return Ok(None);
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("stele-outside")
            .enable_all()
            .build()
            .map_err(|source| ServerError::Thread {
                what: "outside",
                source,
            })?;
        Ok(Some(Self {
            inner: Arc::new(Inner {
                clients: Clients::new(Arc::clone(&rules), config),
                rules,
                cache: Mutex::new(Cache::new(config.cache_bytes)),
                timeout: Duration::from_millis(config.timeout_ms),
                response_bytes: config.response_bytes,
            }),
            runtime: Some(runtime),
        }))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        // Waits for nobody: whoever drops it may be on a runtime, which must not block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outside")
            .field("rules", &self.inner.rules)
            .finish_non_exhaustive()
    }
}

impl NdHost for Outside {
    fn call(&self, name: &'static str, args: &[Value], bounds: NdBounds) -> Result<Value, NdError> {
        let stopping = || NdError::Refused("the server is stopping".to_owned());
        let runtime = self.runtime.as_ref().ok_or_else(stopping)?;
        let (inner, args) = (Arc::clone(&self.inner), args.to_vec());
        let (done, answer) = std::sync::mpsc::sync_channel(1);
        runtime.spawn(async move {
            let work = inner.answer(name, &args, bounds.time);
            let answer = match bounds.left {
                None => work.await,
                Some(left) => tokio::time::timeout(left, work)
                    .await
                    .unwrap_or(Err(NdError::Deadline)),
            };
            // Nobody waits any more when the evaluation was given up.
            let _ = done.send(answer);
        });
        answer.recv().unwrap_or_else(|_| Err(stopping()))
    }
}

impl Inner {
    async fn answer(&self, name: &str, args: &[Value], time: Timestamp) -> Result<Value, NdError> {
        match (name, args) {
            ("http.send", [request @ Value::Object(_)]) => self.send(request, time).await,
            ("net.lookup_ip_addr", [Value::String(host)]) => self.lookup(host).await,
            _ => Err(NdError::Refused(format!("{name} is not available"))),
        }
    }

    /// The addresses of a host, as texts.
    async fn lookup(&self, host: &str) -> Result<Value, NdError> {
        self.rules.check_host(host, None).map_err(NdError::Refused)?;
        let found = tokio::net::lookup_host((host, 0))
            .await
            .map_err(|error| NdError::Failed(format!("lookup {host}: {error}")))?;
        Ok(Value::set(found.map(|addr| Value::from(addr.ip().to_string()))))
    }

    /// A response object, or an error object where the request asks for one.
    async fn send(&self, object: &Value, time: Timestamp) -> Result<Value, NdError> {
        let raise = request::raises(object).map_err(|error| NdError::Failed(error.to_string()))?;
        match self.response(object, time).await {
            Ok(value) => Ok(value),
            Err(SendError::Refused(message)) => Err(NdError::Refused(message)),
            Err(error) if raise => Err(NdError::Failed(error.to_string())),
            Err(error) => Ok(response::failure(&error)),
        }
    }

    async fn response(&self, object: &Value, time: Timestamp) -> Result<Value, SendError> {
        let request = HttpRequest::read(object, self.timeout)?;
        let Some(caching) = &request.caching else {
            let response = self.clients.send(&request, &[], self.response_bytes).await?;
            return response.to_value(request.decode);
        };
        let known = self.cache().get(&caching.key);
        let response = match known {
            Some(entry) if time < entry.expires => entry.response,
            Some(entry) => match self.revalidated(&request, &entry.response).await? {
                Some(response) => self.keep(caching, response, time),
                None => self.fetched(&request, caching, time).await?,
            },
            None => self.fetched(&request, caching, time).await?,
        };
        response.to_value(request.decode)
    }

    async fn fetched(
        &self,
        request: &HttpRequest,
        caching: &request::Caching,
        time: Timestamp,
    ) -> Result<Arc<HttpResponse>, SendError> {
        let response = self.clients.send(request, &[], self.response_bytes).await?;
        Ok(self.keep(caching, response, time))
    }

    /// Asks whether a stale response still holds. `None`: it is not known, ask in full.
    async fn revalidated(
        &self,
        request: &HttpRequest,
        stale: &HttpResponse,
    ) -> Result<Option<HttpResponse>, SendError> {
        let conditions = cache::conditions(stale);
        if conditions.is_empty() {
            return Ok(None);
        }
        let response = self
            .clients
            .send(request, &conditions, self.response_bytes)
            .await?;
        Ok(match response.status {
            200 => Some(response),
            304 => Some(stale.refreshed(response)),
            _ => None,
        })
    }

    fn keep(&self, caching: &request::Caching, response: HttpResponse, time: Timestamp) -> Arc<HttpResponse> {
        let response = Arc::new(response);
        match cache::expiry(&response, caching.force, time) {
            Some(expires) => self.cache().put(&caching.key, Arc::clone(&response), expires),
            None => self.cache().remove(&caching.key),
        }
        response
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        // A cache is whole after every operation, whoever panicked.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
