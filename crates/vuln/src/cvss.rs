//! How bad it is: CVSS vectors, or a database's own word.

use crate::osv::{Affected, Severity as Stated};
use polycvss::{Score, Vector};
use std::fmt;
use stele_types::Severity;

/// The qualitative scale of CVSS, and `Unknown`: below each rating that is one of a vulnerability, above `None`, so that what somebody says is harmless does not hide what
/// nobody has rated yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// 0.0, or no vulnerability at all.
    None,
    /// Nobody says.
    #[default]
    Unknown,
    /// 0.1 to 3.9.
    Low,
    /// 4.0 to 6.9.
    Medium,
    /// 7.0 to 8.9.
    High,
    /// 9.0 to 10.0.
    Critical,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::None => "none",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

impl Level {
    /// <https://www.first.org/cvss/v4.0/specification-document#Qualitative-Severity-Rating-Scale>
    const fn of_tenths(tenths: u8) -> Self {
        match tenths {
            0 => Self::None,
            1..=39 => Self::Low,
            40..=69 => Self::Medium,
            70..=89 => Self::High,
            _ => Self::Critical,
        }
    }

    pub(crate) fn of_word(word: &str) -> Self {
        match word.to_lowercase().as_str() {
            "critical" => Self::Critical,
            "high" | "important" => Self::High,
            "medium" | "moderate" => Self::Medium,
            "low" | "minor" | "negligible" | "unimportant" => Self::Low,
            "none" => Self::None,
            _ => Self::Unknown,
        }
    }
}

/// A rating; the derived order is that of how bad it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rating {
    /// On the qualitative scale.
    pub level: Level,
    /// The score in tenths, where there is a vector: 98 is 9.8.
    pub tenths: Option<u8>,
    /// The vector.
    pub vector: Option<String>,
}

impl Rating {
    /// Of what an advisory says of a package: the latest version of CVSS, else the word of the database.
    pub(crate) fn of(affected: &Affected) -> Self {
        let scored = ["CVSS_V4", "CVSS_V3", "CVSS_V2"].into_iter().find_map(|kind| {
            let stated = affected.severity.iter().filter(|stated| stated.kind == kind);
            stated.filter_map(Self::of_vector).max()
        });
        let words = affected
            .severity
            .iter()
            .filter(|stated| !stated.kind.starts_with("CVSS"));
        let words = words
            .map(|stated| stated.score.as_str())
            .chain(affected.word.as_deref());
        let level = words.map(Level::of_word).max().unwrap_or_default();
        scored.unwrap_or(Self {
            level,
            tenths: None,
            vector: None,
        })
    }

    fn of_vector(stated: &Stated) -> Option<Self> {
        let vector: Vector = stated.score.trim().parse().ok()?;
        let tenths = tenths(&Score::from(vector).to_string())?;
        Some(Self {
            level: Level::of_tenths(tenths),
            tenths: Some(tenths),
            vector: Some(stated.score.trim().to_owned()),
        })
    }

    pub(crate) fn at_least_critical(mut self) -> Self {
        self.level = Level::Critical;
        self
    }

    /// The score, if there is a vector.
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        self.tenths.map(|tenths| f64::from(tenths) / 10.0)
    }

    /// What decides whether a run fails. What nobody has rated counts as high: it may be anything.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self.level {
            Level::None | Level::Low => Severity::Low,
            Level::Medium => Severity::Medium,
            Level::Unknown | Level::High => Severity::High,
            Level::Critical => Severity::Critical,
        }
    }
}

/// `9.8` as 98.
fn tenths(score: &str) -> Option<u8> {
    let (whole, part) = score.split_once('.').unwrap_or((score, "0"));
    let whole: u8 = whole.parse().ok()?;
    whole
        .checked_mul(10)?
        .checked_add(part.parse().ok()?)
        .filter(|tenths| *tenths <= 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(kind: &str, vector: &str) -> Option<u8> {
        let affected = Affected {
            severity: vec![Stated {
                kind: kind.to_owned(),
                score: vector.to_owned(),
            }],
            ..Affected::default()
        };
        Rating::of(&affected).tenths
    }

    /// Vectors and scores that FIRST publishes: <https://www.first.org/cvss/v4-0/examples>, <https://www.first.org/cvss/v3-1/examples>,
    /// <https://www.first.org/cvss/v2/guide>.
    #[test]
    fn scores_are_those_that_first_publishes() {
        for (kind, vector, tenths) in [
            (
                "CVSS_V4",
                "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
                73,
            ),
            (
                "CVSS_V4",
                "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
                77,
            ),
            (
                "CVSS_V4",
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H",
                100,
            ),
            (
                "CVSS_V4",
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N",
                88,
            ),
            ("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61),
            ("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64),
            ("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 75),
            ("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98),
            ("CVSS_V3", "CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 31),
            ("CVSS_V2", "AV:N/AC:L/Au:N/C:N/I:N/A:C", 78),
            ("CVSS_V2", "AV:N/AC:L/Au:N/C:C/I:C/A:C", 100),
            ("CVSS_V2", "AV:L/AC:H/Au:N/C:C/I:C/A:C", 62),
        ] {
            assert_eq!(score(kind, vector), Some(tenths), "{vector}");
        }
    }

    #[test]
    fn the_latest_version_counts_and_words_where_there_is_none() {
        let stated = |kind: &str, score: &str| Stated {
            kind: kind.to_owned(),
            score: score.to_owned(),
        };
        let mut affected = Affected {
            severity: vec![
                stated("CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"),
                stated(
                    "CVSS_V4",
                    "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
                ),
            ],
            word: Some("low".into()),
            ..Affected::default()
        };
        assert_eq!(Rating::of(&affected).tenths, Some(73));
        affected.severity = vec![stated("CVSS_V3", "nonsense")];
        assert_eq!(Rating::of(&affected).level, Level::Low);
        affected.severity = vec![stated("Ubuntu", "medium")];
        assert_eq!(Rating::of(&affected).level, Level::Medium);
        affected = Affected::default();
        let unknown = Rating::of(&affected);
        assert_eq!(
            (unknown.level, unknown.severity()),
            (Level::Unknown, Severity::High)
        );
    }
}
