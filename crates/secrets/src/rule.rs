//! Rules: what a credential looks like, and where its vendor says so.

use crate::Error;
use crate::check::Check;
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// The rules of this program, by group of vendors.
const BUILT_IN: &[(&str, &str)] = &[
    ("ai.toml", include_str!("../rules/ai.toml")),
    ("cloud.toml", include_str!("../rules/cloud.toml")),
    ("code.toml", include_str!("../rules/code.toml")),
    ("commerce.toml", include_str!("../rules/commerce.toml")),
    ("communication.toml", include_str!("../rules/communication.toml")),
    ("data.toml", include_str!("../rules/data.toml")),
    ("generic.toml", include_str!("../rules/generic.toml")),
    ("keys.toml", include_str!("../rules/keys.toml")),
    ("operations.toml", include_str!("../rules/operations.toml")),
    ("platform.toml", include_str!("../rules/platform.toml")),
];

const BUILT_IN_ORIGIN: &str = "the built-in rules";

/// Bytes before its keyword plus bytes from there on that a rule may look at. Windows overlap by a multiple of it.
pub(crate) const MAX_REACH: usize = 8 * 1024;

/// How bad it is if the credential gets out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Limited to test data, or public by design in some uses.
    Low,
    /// Reads, or acts within narrow limits.
    Medium,
    /// Acts for a person or a service.
    #[default]
    High,
    /// Acts for a whole organization, or can't be revoked at one place.
    Critical,
}

impl std::fmt::Display for Severity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

/// One kind of credential.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Lower case, digits and `-`.
    pub id: String,
    /// What it finds, e.g. "GitHub personal access token".
    pub name: String,
    /// Who issues it.
    pub vendor: String,
    /// Where the format, or its use, is documented.
    pub source: String,
    /// How bad a leak is.
    #[serde(default)]
    pub severity: Severity,
    /// Literals, one of which every match contains; compared without regard to ASCII case. A match starts with it unless `before` is set.
    pub keywords: Vec<String>,
    /// Regular expression over bytes. The group `secret` is the secret; without one, the whole match is.
    pub pattern: String,
    /// Least Shannon entropy of the secret, bits per byte.
    #[serde(default)]
    pub entropy: f64,
    /// What else must hold.
    #[serde(default)]
    pub check: Check,
    /// Whether a person may have chosen the secret: then it is not hashed into the fingerprint, and nothing of it is shown.
    #[serde(default)]
    pub guessable: bool,
    /// Of overlapping findings, those of a lower rank are dropped.
    #[serde(default = "default_rank")]
    pub rank: u8,
    /// How many bytes before its keyword a match may start.
    #[serde(default)]
    pub before: usize,
    /// How many bytes from its keyword on a match may end.
    #[serde(default = "default_reach")]
    pub reach: usize,
    /// Texts the rule must find something in, as templates; see `docs/secrets.md`.
    #[serde(default)]
    pub positive: Vec<String>,
    /// Texts the rule must find nothing in, as templates.
    #[serde(default)]
    pub negative: Vec<String>,
}

fn default_rank() -> u8 {
    10
}

fn default_reach() -> usize {
    512
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    #[serde(default)]
    rule: Vec<Rule>,
}

/// Rules that are known to be usable.
///
/// INVARIANT: ids are unique, every rule has at least one keyword of three bytes or more, its pattern compiles, and `before + reach` is at most
/// 8 KiB.
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub(crate) rules: Vec<Arc<Rule>>,
    pub(crate) patterns: Vec<Pattern>,
}

/// A rule's regular expression, compiled when its keyword is first met: compiling all takes longer than scanning a small repository.
#[derive(Debug)]
pub(crate) struct Pattern {
    shared: Arc<OnceLock<Option<Regex>>>,
    /// A clone with scratch memory of its own: sharing that between threads is slow.
    own: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The expression; none if it does not compile, which [`RuleSet`] excludes for rules of a file and the tests for the others.
    pub(crate) fn regex(&self, rule: &Rule) -> Option<&Regex> {
        self.own
            .get_or_init(|| self.shared.get_or_init(|| compile(&rule.pattern).ok()).clone())
            .as_ref()
    }
}

impl Clone for Pattern {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            own: OnceLock::new(),
        }
    }
}

impl RuleSet {
    /// Whether a text is what the tokens of a rule begin with, and no more: a keyword at which the token itself begins, not a word that may stand before one or be a password.
    pub(crate) fn is_prefix(&self, text: &[u8]) -> bool {
        let is_token =
            |rule: &&Arc<Rule>| !rule.guessable && rule.before == 0 && !rule.pattern.contains("?P<secret>");
        let mut keywords = self.rules.iter().filter(is_token).flat_map(|rule| &rule.keywords);
        let is_word = text.iter().all(u8::is_ascii_alphabetic);
        !is_word && keywords.any(|keyword| keyword.as_bytes() == text)
    }

    /// The rules inside the program.
    ///
    /// # Errors
    ///
    /// [`Error::Rules`] or [`Error::Rule`] if the program was built with broken rules; its tests exclude that.
    pub fn built_in() -> Result<Self, Error> {
        let mut all = Vec::new();
        for (file, text) in BUILT_IN {
            all.extend(parse(&format!("{BUILT_IN_ORIGIN}, {file}"), text)?);
        }
        Self::checked(BUILT_IN_ORIGIN, all, false)
    }

    /// These rules and those of a rules file; a rule there replaces the one with its id here.
    ///
    /// # Errors
    ///
    /// [`Error::Rules`] if the text is no rules file, [`Error::Rule`] if a rule can't be used.
    pub fn with_file(self, origin: &str, text: &str) -> Result<Self, Error> {
        let own = parse(origin, text)?;
        Self::checked(origin, own.clone(), true)?;
        let mut by_id: BTreeMap<String, Rule> = self
            .rules
            .into_iter()
            .map(|rule| (rule.id.clone(), Arc::unwrap_or_clone(rule)))
            .collect();
        for rule in own {
            by_id.insert(rule.id.clone(), rule);
        }
        Self::checked(origin, by_id.into_values().collect(), false)
    }

    fn checked(origin: &str, rules: Vec<Rule>, compiled: bool) -> Result<Self, Error> {
        let mut set = Self {
            rules: Vec::with_capacity(rules.len()),
            patterns: Vec::with_capacity(rules.len()),
        };
        let mut ids = std::collections::BTreeSet::new();
        for rule in rules {
            let broken = |message: String| Error::Rule {
                origin: origin.to_owned(),
                rule: rule.id.clone(),
                message,
            };
            if !ids.insert(rule.id.clone()) {
                return Err(broken("the id is taken".into()));
            }
            check_shape(&rule).map_err(&broken)?;
            let regex = OnceLock::new();
            if compiled {
                let _ = regex.set(Some(compile(&rule.pattern).map_err(&broken)?));
            }
            set.patterns.push(Pattern {
                shared: Arc::new(regex),
                own: OnceLock::new(),
            });
            set.rules.push(Arc::new(rule));
        }
        Ok(set)
    }

    /// All rules, in the order of their groups.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(Arc::as_ref)
    }

    /// The rule with an id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.iter().find(|rule| rule.id == id)
    }
}

fn parse(origin: &str, text: &str) -> Result<Vec<Rule>, Error> {
    let file: RuleFile = toml::from_str(text).map_err(|cause| Error::Rules {
        origin: origin.to_owned(),
        message: cause.to_string().trim_end().to_owned(),
    })?;
    Ok(file.rule)
}

fn check_shape(rule: &Rule) -> Result<(), String> {
    let id_is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if rule.id.is_empty() || !rule.id.bytes().all(id_is_plain) {
        return Err("an id has lower-case letters, digits and `-`".into());
    }
    if rule.keywords.is_empty() {
        return Err("it has no keyword".into());
    }
    if let Some(short) = rule.keywords.iter().find(|keyword| keyword.len() < 3) {
        return Err(format!("the keyword `{short}` is shorter than three bytes"));
    }
    if rule.before.saturating_add(rule.reach) > MAX_REACH {
        return Err(format!("`before` and `reach` exceed {MAX_REACH} bytes together"));
    }
    Ok(())
}

fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::builder()
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .configure(Regex::config().utf8_empty(false).dfa(false))
        .build(pattern)
        .map_err(|cause| match cause.syntax_error() {
            Some(syntax) => format!("the pattern is no regular expression: {syntax}"),
            None => format!("the pattern can't be compiled: {cause}"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        RuleSet::built_in()
            .unwrap()
            .with_file("mine.toml", text)
            .unwrap_err()
            .to_string()
    }

    fn rule(extra: &str) -> String {
        format!(
            "[[rule]]\nid = \"mine\"\nname = \"n\"\nvendor = \"v\"\nsource = \"s\"\nkeywords = [\"mine_\"]\n{extra}\n"
        )
    }

    #[test]
    fn every_built_in_pattern_compiles() {
        let rules = RuleSet::built_in().unwrap();
        for (rule, pattern) in rules.rules.iter().zip(&rules.patterns) {
            assert!(
                pattern.regex(rule).is_some(),
                "{}: {:?}",
                rule.id,
                compile(&rule.pattern)
            );
        }
    }

    #[test]
    fn broken_rules_are_refused_with_their_reason() {
        assert!(refused("[[rule]]\nid = 1").starts_with("rules in mine.toml: "));
        assert!(
            refused(&rule("pattern = 'mine_['"))
                .starts_with("rule mine in mine.toml: the pattern is no regular")
        );
        assert!(refused(&rule("pattern = 'mine_'\nreach = 9000")).contains("exceed 8192 bytes"));
        assert!(refused(&rule("pattern = 'mine_'\nhue = 1")).contains("hue"));
        let short = rule("pattern = 'mine_'").replace("mine_\"]", "mi\"]");
        assert!(refused(&short).contains("shorter than three bytes"));
        let twice = format!("{0}{0}", rule("pattern = 'mine_'"));
        assert!(refused(&twice).contains("the id is taken"));
        let id = rule("pattern = 'mine_'").replace("\"mine\"", "\"Mine\"");
        assert!(refused(&id).contains("an id has lower-case letters"));
    }

    #[test]
    fn a_rule_of_ones_own_is_added_and_may_replace() {
        let built_in = RuleSet::built_in().unwrap();
        let count = built_in.iter().count();
        let more = built_in
            .with_file("mine.toml", &rule("pattern = 'mine_'"))
            .unwrap();
        assert_eq!(more.iter().count(), count + 1);
        let again = more.with_file("mine.toml", &rule("pattern = 'mine_x'")).unwrap();
        assert_eq!(again.iter().count(), count + 1);
        assert_eq!(again.get("mine").unwrap().pattern, "mine_x");
    }
}
