//! The route table: one list that the router, the `Allow` headers and the OpenAPI test all read.

use http::Method;

use super::ApiError;

/// What a route does; the dispatcher matches on it exhaustively.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Decide with an input from the body.
    DataPost,
    /// Decide with an input from the query string, or none.
    DataGet,
    /// Webhook style: the body is the input, the answer is the bare document.
    DataV0,
    /// `POST /`: the default decision, webhook style.
    Default,
    /// A mutation that only the registry may make.
    Refused,
    /// All policy modules in force.
    Policies,
    /// The modules of one policy, or one module.
    Policy,
    /// Ad-hoc query from the query string.
    QueryGet,
    /// Ad-hoc query from the body.
    QueryPost,
    /// Partial evaluation of a query.
    Compile,
    /// The configuration in force.
    Config,
    /// Bundles, log, anchors.
    Status,
    /// Liveness and, when asked, bundles and plugins.
    Health,
    /// The process answers.
    HealthLive,
    /// Policies are in force, the log takes records.
    HealthReady,
    /// Prometheus text.
    Metrics,
    /// The OpenAPI document.
    OpenApi,
    /// The newest signed checkpoint.
    Checkpoint,
    /// The newest checkpoint that was anchored.
    Anchored,
    /// A static file of the log.
    Tile,
    /// Decisions, newest first.
    Decisions,
    /// One decision record.
    Decision,
    /// The proof bundle of one decision.
    Proof,
    /// That one decision is in the log.
    Inclusion,
    /// Why a decision came out as it did.
    Explain,
    /// Erase input and salts of a record.
    Erase,
    /// Re-hash the whole log.
    Fsck,
    /// Stored records in the order of the log.
    Records,
    /// A bundle by its digest.
    Bundle,
    /// Policies in force with versions and contracts.
    Registry,
}

/// One method on one path template.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// HTTP method.
    pub method: &'static str,
    /// Path; `{name}` takes one segment, `{*name}` all the rest.
    pub template: &'static str,
    /// What it does.
    pub endpoint: Endpoint,
}

const fn route(method: &'static str, template: &'static str, endpoint: Endpoint) -> Route {
    Route {
        method,
        template,
        endpoint,
    }
}

/// All routes; the busiest first, because the router reads from the top.
pub const ROUTES: &[Route] = &[
    route("POST", "/v1/data/{*path}", Endpoint::DataPost),
    route("GET", "/v1/data/{*path}", Endpoint::DataGet),
    route("POST", "/v1/data", Endpoint::DataPost),
    route("GET", "/v1/data", Endpoint::DataGet),
    route("POST", "/v0/data/{*path}", Endpoint::DataV0),
    route("POST", "/v0/data", Endpoint::DataV0),
    route("POST", "/", Endpoint::Default),
    route("PUT", "/v1/data/{*path}", Endpoint::Refused),
    route("PATCH", "/v1/data/{*path}", Endpoint::Refused),
    route("DELETE", "/v1/data/{*path}", Endpoint::Refused),
    route("PUT", "/v1/data", Endpoint::Refused),
    route("PATCH", "/v1/data", Endpoint::Refused),
    route("DELETE", "/v1/data", Endpoint::Refused),
    route("GET", "/v1/policies", Endpoint::Policies),
    route("GET", "/v1/policies/{*id}", Endpoint::Policy),
    route("PUT", "/v1/policies/{*id}", Endpoint::Refused),
    route("PATCH", "/v1/policies/{*id}", Endpoint::Refused),
    route("DELETE", "/v1/policies/{*id}", Endpoint::Refused),
    route("GET", "/v1/query", Endpoint::QueryGet),
    route("POST", "/v1/query", Endpoint::QueryPost),
    route("POST", "/v1/compile", Endpoint::Compile),
    route("GET", "/v1/config", Endpoint::Config),
    route("GET", "/v1/status", Endpoint::Status),
    route("GET", "/health", Endpoint::Health),
    route("GET", "/health/live", Endpoint::HealthLive),
    route("GET", "/health/ready", Endpoint::HealthReady),
    route("GET", "/metrics", Endpoint::Metrics),
    route("GET", "/openapi.json", Endpoint::OpenApi),
    route("GET", "/checkpoint", Endpoint::Checkpoint),
    route("GET", "/checkpoint/anchored", Endpoint::Anchored),
    route("GET", "/tile/{*path}", Endpoint::Tile),
    route("GET", "/v1/decisions", Endpoint::Decisions),
    route("GET", "/v1/decisions/{id}", Endpoint::Decision),
    route("GET", "/v1/decisions/{id}/proof", Endpoint::Proof),
    route("GET", "/v1/decisions/{id}/inclusion", Endpoint::Inclusion),
    route("GET", "/v1/decisions/{id}/explain", Endpoint::Explain),
    route("POST", "/v1/decisions/{id}/erase", Endpoint::Erase),
    route("POST", "/v1/audit/fsck", Endpoint::Fsck),
    route("GET", "/v1/records", Endpoint::Records),
    route("GET", "/v1/bundles/{version}", Endpoint::Bundle),
    route("GET", "/v1/registry", Endpoint::Registry),
];

/// A route found, with what its placeholder took (still percent-encoded).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Matched<'p> {
    /// What to do.
    pub(crate) endpoint: Endpoint,
    /// The placeholder's text; empty when the template has none.
    pub(crate) capture: &'p str,
}

/// Finds the route for a request. `HEAD` is served as `GET`.
///
/// # Errors
/// 404 for an unknown path, 405 for a known path with another method.
pub(crate) fn find<'p>(method: &Method, path: &'p str) -> Result<Matched<'p>, ApiError> {
    let wanted = if method == Method::HEAD {
        "GET"
    } else {
        method.as_str()
    };
    let trimmed = if path.len() > 1 {
        path.strip_suffix('/').unwrap_or(path)
    } else {
        path
    };
    let mut allowed: Vec<&'static str> = Vec::new();
    for route in ROUTES {
        let Some(capture) = capture(route.template, trimmed) else {
            continue;
        };
        if route.method == wanted {
            return Ok(Matched {
                endpoint: route.endpoint,
                capture,
            });
        }
        if !allowed.contains(&route.method) {
            allowed.push(route.method);
        }
    }
    if allowed.is_empty() {
        return Err(ApiError::not_found(format!(
            "there is nothing at {path}; GET /openapi.json lists the paths"
        )));
    }
    Err(ApiError::method_not_allowed(method.as_str(), allowed.join(", ")))
}

/// What the template's placeholder takes of the path, or nothing when they don't match.
fn capture<'p>(template: &str, path: &'p str) -> Option<&'p str> {
    let Some((literal, rest)) = template.split_once('{') else {
        return (template == path).then_some("");
    };
    let tail = path.strip_prefix(literal)?;
    let (name, after) = rest.split_once('}')?;
    let taken = tail.strip_suffix(after)?;
    let whole = name.starts_with('*') || !taken.contains('/');
    (!taken.is_empty() && whole).then_some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(method: &str, path: &'static str) -> Result<Matched<'static>, ApiError> {
        find(&Method::from_bytes(method.as_bytes()).unwrap(), path)
    }

    #[test]
    fn paths_find_their_endpoint() {
        let cases = [
            (
                "POST",
                "/v1/data/kubernetes/admission",
                Endpoint::DataPost,
                "kubernetes/admission",
            ),
            ("POST", "/v1/data/", Endpoint::DataPost, ""),
            ("HEAD", "/health", Endpoint::Health, ""),
            ("POST", "/", Endpoint::Default, ""),
            ("GET", "/v1/policies/a/b.rego", Endpoint::Policy, "a/b.rego"),
            ("GET", "/v1/decisions/x", Endpoint::Decision, "x"),
            ("GET", "/v1/decisions/x/proof", Endpoint::Proof, "x"),
            ("POST", "/v1/decisions/x/erase", Endpoint::Erase, "x"),
            ("GET", "/tile/0/000", Endpoint::Tile, "0/000"),
        ];
        for (method, path, endpoint, capture) in cases {
            assert_eq!(
                at(method, path).unwrap(),
                Matched { endpoint, capture },
                "{method} {path}"
            );
        }
    }

    #[test]
    fn unknown_paths_and_methods_differ() {
        assert_eq!(
            at("GET", "/v2/data").unwrap_err().status,
            http::StatusCode::NOT_FOUND
        );
        assert_eq!(
            at("GET", "/v1/database").unwrap_err().status,
            http::StatusCode::NOT_FOUND
        );
        let error = at("PATCH", "/v1/query").unwrap_err();
        assert_eq!(
            (error.status, error.allow.as_deref()),
            (http::StatusCode::METHOD_NOT_ALLOWED, Some("GET, POST"))
        );
    }

    #[test]
    fn no_route_is_listed_twice() {
        for (index, route) in ROUTES.iter().enumerate() {
            assert!(
                !ROUTES[index + 1..]
                    .iter()
                    .any(|other| other.method == route.method && other.template == route.template),
                "{} {}",
                route.method,
                route.template
            );
        }
    }
}
