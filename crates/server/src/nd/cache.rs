//! Responses kept for later decisions.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use stele_types::Timestamp;

use super::response::HttpResponse;

/// What an entry takes beside its texts, in bytes, approximately.
const OVERHEAD: usize = 512;

/// Statuses that OPA keeps.
const CACHEABLE: [u16; 11] = [200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501];

/// A bounded map; when it is full, the oldest entries go first, as in OPA.
#[derive(Debug)]
pub(super) struct Cache {
    limit: usize,
    bytes: usize,
    entries: HashMap<String, Entry>,
    /// Keys in the order in which they were put, each with the number of its putting; those that were replaced or removed since are skipped.
    order: VecDeque<(String, u64)>,
    put: u64,
}

/// A kept response.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) response: Arc<HttpResponse>,
    /// From then on it is stale.
    pub(super) expires: Timestamp,
    bytes: usize,
    put: u64,
}

impl Cache {
    /// A cache of at most this many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            bytes: 0,
            entries: HashMap::new(),
            order: VecDeque::new(),
            put: 0,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Entry> {
        self.entries.get(key).cloned()
    }

    pub(super) fn put(&mut self, key: &str, response: Arc<HttpResponse>, expires: Timestamp) {
        self.remove(key);
        let bytes = weight(key, &response);
        if bytes > self.limit {
            return;
        }
        while self.bytes.saturating_add(bytes) > self.limit
            || self.order.len() > self.entries.len().saturating_mul(2).saturating_add(64)
        {
            let Some((oldest, put)) = self.order.pop_front() else {
                break;
            };
            if self.entries.get(&oldest).is_some_and(|entry| entry.put == put) {
                self.remove(&oldest);
            }
        }
        self.put = self.put.wrapping_add(1);
        let put = self.put;
        self.bytes = self.bytes.saturating_add(bytes);
        self.order.push_back((key.to_owned(), put));
        let entry = Entry {
            response,
            expires,
            bytes,
            put,
        };
        self.entries.insert(key.to_owned(), entry);
    }

    pub(super) fn remove(&mut self, key: &str) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes = self.bytes.saturating_sub(entry.bytes);
            self.order.retain(|(_, put)| *put != entry.put);
        }
    }
}

fn weight(key: &str, response: &HttpResponse) -> usize {
    let headers = response.headers.iter().fold(0_usize, |sum, (name, value)| {
        sum.saturating_add(name.as_str().len())
            .saturating_add(value.len())
    });
    let texts = headers.saturating_add(response.body.len());
    texts
        .saturating_add(key.len().saturating_mul(2))
        .saturating_add(OVERHEAD)
}

/// Until when a response may be used; `None` when it may not be kept. What is stale at once is kept if it can be asked whether it still
/// holds.
pub(super) fn expiry(response: &HttpResponse, force: Option<Duration>, now: Timestamp) -> Option<Timestamp> {
    if !CACHEABLE.contains(&response.status) {
        return None;
    }
    if let Some(force) = force {
        return Some(after(now, force));
    }
    let control = Control::read(&response.headers);
    if control.no_store {
        return None;
    }
    let until = if control.no_cache {
        None
    } else if let Some(age) = control.max_age {
        // As in OPA, the age counts from the response's own date; without one it can't be known.
        date(&response.headers, &header::DATE).map(|date| after(date, age))
    } else {
        date(&response.headers, &header::EXPIRES)
    };
    match until {
        Some(until) if until > now => Some(until),
        _ if conditions(response).is_empty() => None,
        _ => Some(now),
    }
}

/// Headers that ask whether a response still holds.
pub(super) fn conditions(response: &HttpResponse) -> Vec<(HeaderName, HeaderValue)> {
    let pairs = [
        (header::ETAG, header::IF_NONE_MATCH),
        (header::LAST_MODIFIED, header::IF_MODIFIED_SINCE),
    ];
    let condition = |(from, to)| Some((to, response.headers.get(from)?.clone()));
    pairs.into_iter().filter_map(condition).collect()
}

fn after(time: Timestamp, duration: Duration) -> Timestamp {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(time.as_nanos().saturating_add(nanos))
}

fn date(headers: &HeaderMap, name: &HeaderName) -> Option<Timestamp> {
    let text = headers.get(name)?.to_str().ok()?;
    let time: SystemTime = httpdate::parse_http_date(text).ok()?;
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    Some(after(Timestamp::from_nanos(0), since))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Control {
    no_store: bool,
    no_cache: bool,
    max_age: Option<Duration>,
}

impl Control {
    /// The directives of RFC 9111, section 5.2.2, that matter here.
    fn read(headers: &HeaderMap) -> Self {
        let mut control = Self::default();
        let values = headers.get_all(header::CACHE_CONTROL).iter();
        let texts: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        for part in texts.iter().flat_map(|text| text.split(',')) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name.trim().to_ascii_lowercase().as_str() {
                "no-store" => control.no_store = true,
                "no-cache" => control.no_cache = true,
                "max-age" => {
                    // What can't be read is stale.
                    let seconds = value.trim().trim_matches('"').parse::<u32>().unwrap_or(0);
                    control.max_age = Some(Duration::from_secs(seconds.into()));
                }
                _ => {}
            }
        }
        control
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(headers: &[(&str, &str)], body: usize) -> HttpResponse {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        HttpResponse {
            status: 200,
            reason: String::new(),
            headers: headers.collect(),
            body: vec![b'x'; body],
        }
    }

    const SECOND: u64 = 1_000_000_000;
    const DATE: &str = "Thu, 01 Jan 1970 00:01:40 GMT";

    fn expires(headers: &[(&str, &str)], force: Option<u64>) -> Option<u64> {
        let now = Timestamp::from_nanos(110 * SECOND);
        let until = expiry(&response(headers, 0), force.map(Duration::from_secs), now)?;
        Some(until.as_nanos() / SECOND)
    }

    #[test]
    fn headers_say_how_long_a_response_holds() {
        let control = |value| [("cache-control", value), ("date", DATE)];
        assert_eq!(expires(&control("public, max-age=60"), None), Some(160));
        assert_eq!(expires(&control("Max-Age=\"60\""), None), Some(160));
        assert_eq!(
            expires(&control("max-age=5"), None),
            None,
            "it was stale when it came"
        );
        assert_eq!(expires(&control("max-age=x"), None), None);
        assert_eq!(expires(&[("cache-control", "max-age=60")], None), None, "no date");
        assert_eq!(expires(&control("max-age=60, no-store"), None), None);
        assert_eq!(
            expires(&[("expires", "Thu, 01 Jan 1970 00:03:20 GMT")], None),
            Some(200)
        );
        assert_eq!(expires(&[("expires", "0")], None), None);
        assert_eq!(
            expires(&[("expires", "0"), ("etag", "\"a\"")], None),
            Some(110),
            "kept to be asked about"
        );
        let fresh = [
            ("cache-control", "no-cache, max-age=60"),
            ("date", DATE),
            ("etag", "\"a\""),
        ];
        assert_eq!(expires(&fresh, None), Some(110));
        assert_eq!(expires(&control("no-store"), Some(7)), Some(117), "forced");
        let mut error = response(&[], 0);
        error.status = 500;
        assert_eq!(
            expiry(&error, Some(Duration::from_secs(7)), Timestamp::from_nanos(0)),
            None
        );
    }

    #[test]
    fn the_oldest_go_when_it_is_full_and_its_bytes_are_those_of_its_entries() {
        let mut cache = Cache::new(4 * (OVERHEAD + 100));
        let time = Timestamp::from_nanos(1);
        for round in 0..1_000_u32 {
            let key = format!("{}", round % 7);
            cache.put(&key, Arc::new(response(&[], (round % 5) as usize * 20)), time);
            assert!(cache.bytes <= cache.limit);
            let sum: usize = cache.entries.values().map(|entry| entry.bytes).sum();
            assert_eq!(cache.bytes, sum);
            assert!(cache.get(&key).is_some());
            assert!(
                cache.order.len() <= 2 * cache.entries.len() + 80,
                "{}",
                cache.order.len()
            );
        }
        cache.put("big", Arc::new(response(&[], 10_000)), time);
        assert!(cache.get("big").is_none());
        let mut none = Cache::new(0);
        none.put("a", Arc::new(response(&[], 0)), time);
        assert!(none.get("a").is_none());
    }
}
