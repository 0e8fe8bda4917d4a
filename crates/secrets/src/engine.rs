//! The scan of one text: keywords, candidates, layers, overlaps.

use crate::Error;
use crate::check::Answer;
use crate::entropy;
use crate::finding::redact;
use crate::inline::{self, Directive};
use crate::layer::{self, Layer, OpenRuns};
use crate::rule::{Pattern, Rule, RuleSet, Severity};
use aho_corasick::automaton::Automaton;
use aho_corasick::dfa::DFA;
use aho_corasick::{MatchKind, StartKind};
use aws_lc_rs::digest;
use regex_automata::{Anchored, Input};
use std::ops::Range;
use std::sync::Arc;

/// How many encodings may lie in each other.
pub const MAX_DEPTH: usize = 3;

/// Bytes that a window shows on both sides of the part that it answers for. A hit starts in the part; it spans at most a segment with its
/// overlap, as does another that overlaps it and may push it out.
pub(crate) const MARGIN: usize = 64 * 1024;

/// Rules of what is assigned to a name: there stands also what a program looks for tokens with.
const ASSIGNMENTS: [&str; 2] = ["generic-secret", "environment-secret"];

/// One match in a text, not yet tied to a file.
#[derive(Clone)]
pub struct Hit {
    /// The rule.
    pub rule: Arc<Rule>,
    /// The secret's bytes in the text; where something was decoded, the bytes that encode it.
    pub span: Range<u64>,
    /// What was decoded, from the outside in.
    pub layers: Vec<Layer>,
    /// Its rule's, or a lesser one for what stands in a place of tests.
    pub severity: Severity,
    /// What the secret says of its owner.
    pub detail: Option<String>,
    /// What stands before the secret in the match: with a guessable one, the fingerprint is made of it.
    pub(crate) context: Vec<u8>,
    pub(crate) secret: Vec<u8>,
    pub(crate) identity: [u8; 32],
}

impl Hit {
    /// The secret as reports show it.
    #[must_use]
    pub fn redacted(&self) -> String {
        redact(&self.secret, self.rule.guessable)
    }

    /// Names the hit at a path: 32 hexadecimal digits.
    ///
    /// Of an issued token, this is SHA-256 over rule and token, cut to 128 bits: whoever can guess it can guess the token anyway. A chosen
    /// password could be guessed from its hash; so its fingerprint is made of rule, path and what stands before it in the match.
    #[must_use]
    pub fn fingerprint(&self, path: &str) -> String {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"stele secret fingerprint 1\0");
        hash.update(self.rule.id.as_bytes());
        hash.update(b"\0");
        if self.rule.guessable {
            hash.update(path.as_bytes());
            hash.update(b"\0");
            hash.update(&self.context);
        } else {
            hash.update(&self.secret);
        }
        let digest = hash.finish();
        hex::encode(digest.as_ref().get(..16).unwrap_or_default())
    }
}

impl std::fmt::Debug for Hit {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {:?} {}", self.rule.id, self.span, self.redacted())
    }
}

/// Finds secrets in bytes. A clone shares the automaton and has its own scratch memory: give each thread one.
#[derive(Clone)]
pub struct Scanner {
    rules: Arc<RuleSet>,
    patterns: Vec<Pattern>,
    keywords: Arc<DFA>,
    /// Per keyword, the rules it belongs to; none is the inline directive.
    owners: Arc<Vec<Vec<usize>>>,
}

/// What was found in a text or a window of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) hits: Vec<Hit>,
    pub(crate) directives: Vec<Directive>,
    /// Hits that a directive allowed.
    pub(crate) allowed: usize,
}

impl Scanner {
    /// A scanner for these rules.
    ///
    /// # Errors
    ///
    /// [`Error::Keywords`] if there are too many keywords for one automaton.
    pub fn new(rules: RuleSet) -> Result<Self, Error> {
        let mut keywords: Vec<Vec<u8>> = vec![inline::MARK.to_vec()];
        let mut owners: Vec<Vec<usize>> = vec![Vec::new()];
        for (index, rule) in rules.rules.iter().enumerate() {
            for keyword in &rule.keywords {
                let lower = keyword.to_ascii_lowercase().into_bytes();
                match keywords.iter().position(|known| *known == lower) {
                    Some(at) => {
                        if let Some(owner) = owners.get_mut(at) {
                            owner.push(index);
                        }
                    }
                    None => {
                        keywords.push(lower);
                        owners.push(vec![index]);
                    }
                }
            }
        }
        let automaton = DFA::builder()
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .ascii_case_insensitive(true)
            .prefilter(false)
            .build(&keywords)?;
        Ok(Self {
            patterns: rules.patterns.clone(),
            rules: Arc::new(rules),
            keywords: Arc::new(automaton),
            owners: Arc::new(owners),
        })
    }

    /// The rules in use.
    #[must_use]
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Everything in a text that no inline directive allows, in the order of offsets.
    #[must_use]
    pub fn scan(&self, text: &[u8]) -> Vec<Hit> {
        self.window(text, 0..text.len(), 0, OpenRuns::default()).hits
    }

    /// What starts in `core`, which is a part of `bytes`; `base` is the offset of `bytes` in the whole text, `open` the encoded runs that began
    /// before it. The rest of `bytes` only shows what is around.
    pub(crate) fn window(&self, bytes: &[u8], core: Range<usize>, base: u64, open: OpenRuns) -> Found {
        let mut hits = Vec::new();
        let mut directives = Vec::new();
        self.search(bytes, 0, &mut hits, Some(&mut directives));
        for segment in layer::segments(bytes, open) {
            let Some(piece) = bytes.get(segment.start..segment.end) else {
                continue;
            };
            self.decode(segment.layer, piece, segment.start, 1, &mut hits);
        }
        let mut hits = without_overlaps(hits);
        let before = hits.len();
        hits.retain(|hit| {
            !allowed(bytes, hit, &mut directives) || !core.contains(&(hit.span.start as usize))
        });
        let allowed = before.saturating_sub(hits.len());
        hits.retain(|hit| core.contains(&(hit.span.start as usize)));
        directives.retain(|directive| core.contains(&(directive.offset as usize)));
        for hit in &mut hits {
            hit.span = hit.span.start.saturating_add(base)..hit.span.end.saturating_add(base);
        }
        for directive in &mut directives {
            directive.offset = directive.offset.saturating_add(base);
        }
        Found {
            hits,
            directives,
            allowed,
        }
    }

    /// Looks into a decoded piece, and into what is encoded within.
    fn decode(&self, layer: Layer, piece: &[u8], start: usize, depth: usize, hits: &mut Vec<Hit>) {
        let text = layer::decode(layer, piece);
        let mut inner = Vec::new();
        self.search(&text, depth, &mut inner, None);
        if depth < MAX_DEPTH {
            for segment in layer::segments(&text, OpenRuns::default()) {
                if let Some(piece) = text.get(segment.start..segment.end) {
                    self.decode(
                        segment.layer,
                        piece,
                        segment.start,
                        depth.saturating_add(1),
                        &mut inner,
                    );
                }
            }
        }
        for mut hit in inner {
            let first = layer::origin(layer, piece, hit.span.start as usize);
            // What begins in the overlap belongs to the next piece.
            if first >= layer::SEGMENT {
                continue;
            }
            let last = layer::origin(layer, piece, (hit.span.end as usize).saturating_sub(1));
            hit.span =
                (start.saturating_add(first) as u64)..(start.saturating_add(last).saturating_add(1) as u64);
            hit.layers.insert(0, layer);
            hits.push(hit);
        }
    }

    /// Runs the automaton over a text and the rules on what it finds.
    fn search(
        &self,
        bytes: &[u8],
        depth: usize,
        hits: &mut Vec<Hit>,
        mut directives: Option<&mut Vec<Directive>>,
    ) {
        let automaton = self.keywords.as_ref();
        let free = aho_corasick::Anchored::No;
        let Ok(mut state) = automaton.start_state(free) else {
            return;
        };
        // The library's own iteration over overlapping matches takes three times as long a byte as this.
        for (at, byte) in bytes.iter().enumerate() {
            state = automaton.next_state(free, state, *byte);
            if !automaton.is_special(state) || !automaton.is_match(state) {
                continue;
            }
            let end = at.saturating_add(1);
            for index in 0..automaton.match_len(state) {
                let keyword = automaton.match_pattern(state, index);
                let start = end.saturating_sub(automaton.pattern_len(keyword));
                self.keyword(
                    bytes,
                    keyword.as_usize(),
                    start..end,
                    depth,
                    hits,
                    directives.as_deref_mut(),
                );
            }
        }
    }

    /// Looks at what a keyword may begin.
    fn keyword(
        &self,
        bytes: &[u8],
        keyword: usize,
        span: Range<usize>,
        depth: usize,
        hits: &mut Vec<Hit>,
        directives: Option<&mut Vec<Directive>>,
    ) {
        let owners = self.owners.get(keyword).map(Vec::as_slice).unwrap_or_default();
        if owners.is_empty() {
            if let Some(directives) = directives {
                directives.extend(inline::read(bytes, span.start, &self.rules));
            }
            return;
        }
        for index in owners {
            if let (Some(rule), Some(pattern)) = (self.rules.rules.get(*index), self.patterns.get(*index))
                && let Some(regex) = pattern.regex(rule)
            {
                let before = hits.len();
                candidate(rule, regex, bytes, span.clone(), depth, hits);
                // What tokens of another rule begin with is none yet: `"api_key": "ABSK..." + rest`.
                let new = hits.get(before..).and_then(<[Hit]>::first);
                let assigned = ASSIGNMENTS.contains(&rule.id.as_str());
                if new.is_some_and(|hit| assigned && self.rules.is_prefix(&hit.secret)) {
                    hits.pop();
                }
            }
        }
    }
}

/// Runs a rule around its keyword.
fn candidate(
    rule: &Arc<Rule>,
    regex: &regex_automata::meta::Regex,
    bytes: &[u8],
    keyword: Range<usize>,
    depth: usize,
    hits: &mut Vec<Hit>,
) {
    let from = keyword.start.saturating_sub(rule.before);
    let to = bytes.len().min(keyword.start.saturating_add(rule.reach));
    let anchored = if rule.before == 0 {
        Anchored::Yes
    } else {
        Anchored::No
    };
    let mut from = from;
    loop {
        let input = Input::new(bytes).span(from..to).anchored(anchored);
        if regex.search_half(&input).is_none() {
            return;
        }
        let mut captures = regex.create_captures();
        regex.search_captures(&input, &mut captures);
        let Some(whole) = captures.get_match() else {
            return;
        };
        if whole.start() > keyword.start {
            return;
        }
        let secret = captures
            .get_group_by_name("secret")
            .unwrap_or(whole.span())
            .range();
        if whole.end() >= keyword.end
            && let Some(hit) = judge(rule, bytes, whole.start(), secret, depth)
        {
            // A rule may have several keywords in one match.
            let known = hits
                .iter()
                .rev()
                .take(8)
                .any(|other| other.rule.id == hit.rule.id && other.span == hit.span);
            if !known {
                hits.push(hit);
            }
            return;
        }
        if anchored == Anchored::Yes {
            return;
        }
        from = whole.start().saturating_add(1);
    }
}

/// Whether a match is a secret.
fn judge(rule: &Arc<Rule>, bytes: &[u8], start: usize, span: Range<usize>, depth: usize) -> Option<Hit> {
    let secret = bytes.get(span.clone())?;
    if secret.is_empty() || continues(bytes, &span) {
        return None;
    }
    let span = span.start..span.start.saturating_add(rule.check.length(secret));
    let secret = bytes.get(span.clone())?;
    let behind = bytes.get(span.end..).unwrap_or_default();
    let severity = match rule.guessable.then(|| host(behind)).flatten() {
        Some(Host::Nobody) => return None,
        Some(Host::Test) => Severity::Low,
        None => rule.severity,
    };
    let detail = match rule.check.run(secret, behind) {
        Answer::No => return None,
        Answer::Proven(detail) => detail,
        Answer::Yes(detail) => {
            if entropy::is_stand_in(secret) || entropy::shannon(secret) < rule.entropy {
                return None;
            }
            detail
        }
    };
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(rule.id.as_bytes());
    hash.update(b"\0");
    hash.update(secret);
    let mut identity = [0; 32];
    identity.copy_from_slice(hash.finish().as_ref());
    Some(Hit {
        rule: Arc::clone(rule),
        span: (span.start as u64)..(span.end as u64),
        layers: Vec::with_capacity(depth),
        severity,
        detail,
        context: bytes.get(start..span.start).unwrap_or_default().to_vec(),
        secret: secret.to_vec(),
        identity,
    })
}

/// A host that a password is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    /// One that there can't be.
    Nobody,
    /// One of tests, or of who has taken `.test` for the inside.
    Test,
}

/// More bytes of an authority are not looked at: a name of the DNS has 253.
const AUTHORITY: usize = 512;

/// The reserved host that a password is for, if `@` and that host with at most a port are all of the authority: names for documentation and tests, RFC 2606 and RFC 6761
/// section 6. Of several hosts, or with a second `@`, it is none.
fn host(behind: &[u8]) -> Option<Host> {
    let rest = behind.strip_prefix(b"@")?;
    let is_end = |byte: &u8| {
        matches!(
            byte,
            b'/' | b'?' | b'#' | b'"' | b'\'' | b'`' | b'<' | b'>' | b')' | b'\\'
        ) || byte.is_ascii_whitespace()
    };
    let near = rest.get(..AUTHORITY).unwrap_or(rest);
    let end = near.iter().position(is_end).unwrap_or(near.len());
    if end == AUTHORITY {
        return None;
    }
    let mut authority = rest.get(..end).unwrap_or_default().to_ascii_lowercase();
    // Of the sentence.
    while let Some(b'.' | b',' | b';') = authority.last() {
        authority.pop();
    }
    let mut parts = authority.splitn(2, |byte| *byte == b':');
    let (host, port) = (parts.next()?, parts.next().unwrap_or_default());
    let is_name = host
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if !is_name || !port.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut labels = host.rsplit(|byte| *byte == b'.');
    match (labels.next()?, labels.next()?) {
        (b"example" | b"invalid", _) | (b"com" | b"net" | b"org", b"example") => Some(Host::Nobody),
        (b"test", _) => Some(Host::Test),
        _ => None,
    }
}

/// Whether the word goes on left or right of a secret: then it is part of something else. An escape such as `\n` before it is no word.
fn continues(bytes: &[u8], span: &Range<usize>) -> bool {
    let first = bytes.get(span.start).copied().unwrap_or(b' ');
    let last = bytes.get(span.end.saturating_sub(1)).copied().unwrap_or(b' ');
    let word = |byte: &u8| byte.is_ascii_alphanumeric();
    let before = span.start.checked_sub(1).and_then(|at| bytes.get(at));
    let escaped = matches!(before, Some(b'n' | b'r' | b't'))
        && span.start.checked_sub(2).and_then(|at| bytes.get(at)) == Some(&b'\\');
    let left = word(&first) && before.is_some_and(word) && !escaped;
    let right = word(&last)
        && bytes
            .get(span.end)
            .is_some_and(|byte| word(byte) || *byte == b'_');
    left || right
}

/// Leaves out what a hit of a higher rank overlaps, and what the same rule found in a layer again.
fn without_overlaps(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by(|a, b| {
        (a.span.start, a.span.end, &a.rule.id, &a.layers).cmp(&(
            b.span.start,
            b.span.end,
            &b.rule.id,
            &b.layers,
        ))
    });
    hits.dedup_by(|a, b| a.span == b.span && a.rule.id == b.rule.id && a.layers == b.layers);
    // A span is at most a segment with its overlap long, so only that many bytes back can reach a hit.
    let reach = (layer::SEGMENT.saturating_add(layer::OVERLAP)) as u64;
    let beaten: Vec<bool> = hits
        .iter()
        .enumerate()
        .map(|(at, hit)| {
            let beats = |other: &Hit| {
                let overlap = other.span.start < hit.span.end && hit.span.start < other.span.end;
                let higher = (other.rule.rank, std::cmp::Reverse(other.layers.len()))
                    > (hit.rule.rank, std::cmp::Reverse(hit.layers.len()));
                overlap && (other.rule.rank > hit.rule.rank || (higher && other.identity == hit.identity))
            };
            let (left, right) = hits.split_at(at);
            left.iter()
                .rev()
                .take_while(|other| other.span.start.saturating_add(reach) > hit.span.start)
                .any(beats)
                || right
                    .iter()
                    .take_while(|other| other.span.start < hit.span.end)
                    .any(beats)
        })
        .collect();
    let mut beaten = beaten.into_iter();
    hits.retain(|_| !beaten.next().unwrap_or(false));
    hits
}

/// Whether an inline directive allows a hit; it is then marked as used.
fn allowed(bytes: &[u8], hit: &Hit, directives: &mut [Directive]) -> bool {
    let mut allowed = false;
    // They are in their order, and those that are far away cover nothing.
    let reach = inline::REACH as u64;
    let from = hit.span.start.saturating_sub(reach);
    let first = directives.partition_point(|directive| directive.offset < from);
    let near = directives.get_mut(first..).unwrap_or_default().iter_mut();
    for directive in near
        .take_while(|directive| directive.offset <= hit.span.start.saturating_add(reach))
        .filter(|directive| directive.rule == hit.rule.id && !directive.reason.is_empty())
    {
        if inline::covers(bytes, directive.offset as usize, hit.span.start as usize) {
            directive.used = true;
            allowed = true;
        }
    }
    allowed
}
