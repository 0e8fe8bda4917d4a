//! Who may bring disputes, and how often.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use stele_types::{Digest, sha256};

use crate::dispute::Jury;

/// The door to the jury.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) jury: Jury,
    tokens: Vec<Digest>,
    limits: Limits,
}

/// Why somebody is turned away.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// No token, or one that is not known.
    Stranger,
    /// The token was used too often.
    TooMany {
        /// After how many seconds there is room again.
        seconds: u64,
    },
}

impl Gate {
    pub(crate) fn new(jury: Jury) -> Self {
        let tokens = jury.config.tokens.iter();
        Self {
            tokens: tokens.filter_map(|token| token.parse().ok()).collect(),
            limits: Limits::new(jury.config.per_minute),
            jury,
        }
    }

    pub(crate) fn admit(&self, headers: &HeaderMap, now: Instant) -> Result<(), Turned> {
        let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value
            .and_then(|value| value.strip_prefix("Bearer "))
            .map(str::trim);
        // Digests are compared, so the time it takes tells nothing of a token.
        let digest = token.map(|token| sha256(&[token.as_bytes()]));
        let digest = digest.filter(|digest| self.tokens.contains(digest));
        self.limits.take(digest.ok_or(Turned::Stranger)?, now)
    }
}

/// So many uses a minute of each key, at once or spread (the generic cell rate algorithm, ITU-T I.371).
#[derive(Debug)]
struct Limits {
    /// What one use takes.
    interval: Duration,
    /// How far uses may run ahead.
    burst: Duration,
    /// Until when each key's uses last.
    until: Mutex<HashMap<Digest, Instant>>,
}

impl Limits {
    fn new(per_minute: u32) -> Self {
        let minute = Duration::from_secs(60);
        let interval = minute.checked_div(per_minute).unwrap_or(minute);
        Self {
            interval,
            burst: minute.saturating_sub(interval),
            until: Mutex::default(),
        }
    }

    fn take(&self, key: Digest, now: Instant) -> Result<(), Turned> {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let held = until.entry(key).or_insert(now);
        let ahead = held.saturating_duration_since(now);
        if let Some(over) = ahead.checked_sub(self.burst).filter(|over| !over.is_zero()) {
            let seconds = over.as_secs().saturating_add(1);
            return Err(Turned::TooMany { seconds });
        }
        let start = if ahead.is_zero() { now } else { *held };
        *held = start.checked_add(self.interval).unwrap_or(start);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_its_own_minute() {
        let limits = Limits::new(3);
        let start = Instant::now();
        let (one, two) = (Digest([1; 32]), Digest([2; 32]));
        let at = |seconds| start + Duration::from_secs(seconds);
        for _ in 0..3 {
            assert_eq!(limits.take(one, start), Ok(()));
        }
        assert_eq!(limits.take(one, start), Err(Turned::TooMany { seconds: 21 }));
        assert_eq!(limits.take(two, start), Ok(()));
        // A refused attempt costs nothing: there is room again after a third of a minute, for one.
        assert_eq!(limits.take(one, at(20)), Ok(()));
        assert!(limits.take(one, at(20)).is_err());
        for _ in 0..3 {
            assert_eq!(limits.take(one, at(200)), Ok(()));
        }
        assert!(limits.take(one, at(200)).is_err());
    }
}
