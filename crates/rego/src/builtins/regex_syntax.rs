//! Patterns in Go's syntax (RE2), in the syntax of the crate `regex`.
//!
//! The two differ in details: `\d`, `\s`, `\w` and `\b` are ASCII in Go; in a class `[`, `&`, `~` and `--` mean nothing special; `\Q...\E`
//! quotes; a brace that begins no repetition is a character; a repetition of a repetition and counts above 1,000 are refused; the flags are
//! `i`, `m`, `s` and `U`. What has no counterpart is refused.

use super::{BuiltinError, Refusal, failed};

type Result<T> = std::result::Result<T, BuiltinError>;

/// The largest count of a repetition, and of repetitions in one another, multiplied.
const REPEATS: u32 = 1000;

/// The classes that may stand in a class, as `[:alpha:]` and `[:^alpha:]`.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// A pattern in Go's syntax, in the syntax of the crate `regex`.
///
/// # Errors
/// `Failed` for what Go refuses as well, as far as the crate `regex` would not, and a refusal for what has no counterpart.
pub fn go_regex(pattern: &str) -> Result<String> {
    let mut translator = Translator {
        out: String::with_capacity(pattern.len()),
        chars: pattern.chars().collect(),
        ..Translator::default()
    };
    while let Some(c) = translator.take() {
        translator.item(c)?;
    }
    Ok(translator.out)
}

fn invalid(what: &str) -> BuiltinError {
    failed(format!("error parsing regexp: {what}"))
}

#[derive(Default)]
struct Translator {
    out: String,
    chars: Vec<char>,
    at: usize,
    /// The last item was a repetition.
    repeated: bool,
    /// The last item set flags, and is nothing that could be repeated.
    flags: bool,
    /// How often the last item repeats what is in it at most.
    weight: u32,
    /// The heaviest item of the group around, and of those around it.
    groups: Vec<u32>,
    /// No `:]` follows, so that nobody looks for one again at each of many `[:`.
    unclosed: bool,
}

impl Translator {
    fn peek(&self) -> Option<char> {
        self.ahead(0)
    }

    fn ahead(&self, count: usize) -> Option<char> {
        self.chars.get(self.at.saturating_add(count)).copied()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.skip(1);
        Some(c)
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    /// Whether `c` comes next; it is read then.
    fn next_is(&mut self, c: char) -> bool {
        let is = self.peek() == Some(c);
        if is {
            self.skip(1);
        }
        is
    }

    fn item(&mut self, c: char) -> Result<()> {
        let (repeated, flags) = (self.repeated, self.flags);
        (self.repeated, self.flags) = (false, false);
        match c {
            '*' | '+' | '?' => {
                self.out.push(c);
                return self.repetition(repeated, flags);
            }
            '{' => {
                if let Some((low, high)) = self.counts() {
                    return self.counted(low, high, repeated, flags);
                }
                self.out.push_str("\\{");
            }
            '(' => return self.group(),
            ')' => {
                self.out.push(c);
                self.weight = self.groups.pop().unwrap_or(1);
                self.heavier();
                return Ok(());
            }
            '\\' => self.escape()?,
            '[' => self.class()?,
            '}' | ']' => self.out.extend(['\\', c]),
            _ => self.out.push(c),
        }
        self.weight = 1;
        self.heavier();
        Ok(())
    }

    /// The last item counts for the group that it is in.
    fn heavier(&mut self) {
        if let Some(group) = self.groups.last_mut() {
            *group = self.weight.max(*group);
        }
    }

    /// Behind the sign of a repetition.
    fn repetition(&mut self, repeated: bool, flags: bool) -> Result<()> {
        if repeated {
            return Err(invalid("invalid nested repetition operator"));
        }
        if flags {
            return Err(Refusal::Unsupported("a repetition of flags in a regular expression").into());
        }
        if self.next_is('?') {
            self.out.push('?');
        }
        self.repeated = true;
        Ok(())
    }

    fn counted(&mut self, low: u32, high: Option<u32>, repeated: bool, flags: bool) -> Result<()> {
        let most = high.unwrap_or(low);
        if low > REPEATS || most > REPEATS || most < low {
            return Err(invalid("invalid repeat count"));
        }
        self.weight = self.weight.max(1).saturating_mul(most);
        if most >= 2 && self.weight > REPEATS {
            return Err(invalid("invalid repeat count"));
        }
        self.heavier();
        self.repetition(repeated, flags)
    }

    /// `{n}`, `{n,}` or `{n,m}`, which are written out; `m` as `None` stands for any number. `None` if the brace is a character.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let tail: String = self
            .chars
            .iter()
            .skip(self.at)
            .take_while(|c| **c == ',' || c.is_ascii_digit())
            .collect();
        if self.ahead(tail.len()) != Some('}') {
            return None;
        }
        let (low, high) = tail
            .split_once(',')
            .map_or((tail.as_str(), Some(tail.as_str())), |(low, high)| {
                (low, (!high.is_empty()).then_some(high))
            });
        let number = |text: &str| {
            let plain =
                text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
            (!text.is_empty() && plain).then(|| text.parse().unwrap_or(u32::MAX))
        };
        let counts = (number(low)?, high.map(number));
        let counts = match counts {
            (low, None) => (low, None),
            (low, Some(high)) => (low, Some(high?)),
        };
        self.out.push_str(&format!("{{{tail}}}"));
        self.skip(tail.len().saturating_add(1));
        Some(counts)
    }

    /// Behind an opening parenthesis: `?flags)`, `?flags:`, `?P<name>` and `?<name>` may follow.
    fn group(&mut self) -> Result<()> {
        let rest = (self.peek(), self.ahead(1), self.ahead(2));
        if !matches!(rest, (Some('?'), ..)) {
            self.out.push('(');
            self.groups.push(0);
            return Ok(());
        }
        self.skip(1);
        match rest {
            (_, Some('P'), Some('<')) => self.skip(2),
            (_, Some('<'), _) => self.skip(1),
            _ => return self.flags(),
        }
        let mut name = String::new();
        loop {
            match self.take() {
                Some('>') => break,
                Some(c) if c == '_' || c.is_ascii_alphanumeric() => name.push(c),
                _ => return Err(invalid("invalid named capture")),
            }
        }
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Refusal::Unsupported("a group whose name begins with a digit").into());
        }
        self.out.push_str(&format!("(?P<{name}>"));
        self.groups.push(0);
        Ok(())
    }

    /// Flags up to the end of the group or to a colon. One that is switched on and off is off.
    fn flags(&mut self) -> Result<()> {
        let (mut on, mut off) = (String::new(), String::new());
        let mut negative = false;
        let wrong = || invalid("invalid or unsupported Perl syntax");
        loop {
            match self.take().ok_or_else(wrong)? {
                c @ ('i' | 'm' | 's' | 'U') => {
                    on.retain(|other| other != c);
                    off.retain(|other| other != c);
                    if negative { off.push(c) } else { on.push(c) }
                }
                '-' if !negative => negative = true,
                end @ (':' | ')') if !negative || !off.is_empty() => {
                    let minus = if off.is_empty() { "" } else { "-" };
                    if end == ':' {
                        self.groups.push(0);
                        self.out.push_str(&format!("(?{on}{minus}{off}:"));
                    } else {
                        self.flags = true;
                        if !(on.is_empty() && off.is_empty()) {
                            self.out.push_str(&format!("(?{on}{minus}{off})"));
                        }
                    }
                    return Ok(());
                }
                _ => return Err(wrong()),
            }
        }
    }

    /// Behind a backslash outside of a class.
    fn escape(&mut self) -> Result<()> {
        match self.peek() {
            Some('Q') => {
                self.skip(1);
                self.quoted();
            }
            Some(c @ ('A' | 'z')) => {
                self.skip(1);
                self.out.extend(['\\', c]);
            }
            Some('b') => {
                self.skip(1);
                self.out.push_str(r"(?-u:\b)");
            }
            Some('B') => return Err(Refusal::Unsupported(r"\B in a regular expression").into()),
            Some('C') => return Err(Refusal::Unsupported(r"\C in a regular expression").into()),
            _ => match self.shorthand()? {
                Some(class) => self.out.push_str(&class),
                None => {
                    let c = self.character()?;
                    self.out.push_str(&literal(c));
                }
            },
        }
        Ok(())
    }

    /// Literal text up to `\E`.
    fn quoted(&mut self) {
        let mut text = String::new();
        while let Some(c) = self.take() {
            if c == '\\' && self.next_is('E') {
                break;
            }
            text.push(c);
        }
        self.out.push_str(&regex::escape(&text));
    }

    /// `\d` and its like, behind the backslash, as a class.
    fn shorthand(&mut self) -> Result<Option<String>> {
        let class = match self.peek() {
            Some('d') => "[0-9]",
            Some('s') => r"[\t\n\x0c\r ]",
            Some('w') => "[0-9A-Za-z_]",
            Some('D') => "[^0-9]",
            Some('S') => r"[^\t\n\x0c\r ]",
            Some('W') => "[^0-9A-Za-z_]",
            Some(c @ ('p' | 'P')) => {
                self.skip(1);
                return self.property(c == 'P').map(Some);
            }
            _ => return Ok(None),
        };
        self.skip(1);
        Ok(Some(class.to_owned()))
    }

    /// A category or a script of Unicode, behind `\p`. The crate knows properties besides, which Go does not.
    fn property(&mut self, negated: bool) -> Result<String> {
        let wrong = || invalid("invalid character class range");
        let mut name = String::new();
        match self.take().ok_or_else(wrong)? {
            '{' => loop {
                match self.take().ok_or_else(wrong)? {
                    '}' => break,
                    c => name.push(c),
                }
            },
            c => name.push(c),
        }
        let (name, negated) = match name.strip_prefix('^') {
            Some(name) => (name, !negated),
            None => (name.as_str(), negated),
        };
        if name.contains(['=', ':']) {
            return Err(wrong());
        }
        let sign = if negated { 'P' } else { 'p' };
        ["gc", "sc"]
            .iter()
            .map(|kind| format!("\\{sign}{{{kind}={name}}}"))
            .find(|class| regex::Regex::new(class).is_ok())
            .ok_or_else(wrong)
    }

    /// One character behind a backslash.
    fn character(&mut self) -> Result<char> {
        let c = self
            .take()
            .ok_or_else(|| invalid("trailing backslash at end of expression"))?;
        let wrong = || invalid(&format!("invalid escape sequence: `\\{c}`"));
        let octal = |c: Option<char>| c.and_then(|c| c.to_digit(8));
        Ok(match c {
            // One digit but zero would refer to a group.
            '1'..='7' if octal(self.peek()).is_none() => return Err(wrong()),
            '0'..='7' => {
                let mut code = c.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = octal(self.peek()) else { break };
                    code = code.saturating_mul(8).saturating_add(digit);
                    self.skip(1);
                }
                char::from_u32(code).ok_or_else(wrong)?
            }
            'x' => self.hexadecimal().ok_or_else(wrong)?,
            'a' => '\u{7}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            _ => return Err(wrong()),
        })
    }

    /// `7F` or `{10FFFF}`, behind `\x`.
    fn hexadecimal(&mut self) -> Option<char> {
        let mut digits = String::new();
        if self.next_is('{') {
            while !self.next_is('}') {
                digits.push(self.take()?);
            }
        } else {
            digits.extend([self.take()?, self.take()?]);
        }
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
    }

    /// A class behind its bracket. What begins it may be a closing bracket.
    fn class(&mut self) -> Result<()> {
        self.out.push('[');
        if self.next_is('^') {
            self.out.push('^');
        }
        let open = || invalid("missing closing ]");
        let mut first = true;
        while first || self.peek().ok_or_else(open)? != ']' {
            first = false;
            if let Some(class) = self.posix()? {
                self.out.push_str(&class);
                continue;
            }
            if self.peek() == Some('\\') {
                self.skip(1);
                if let Some(class) = self.shorthand()? {
                    self.out.push_str(&class);
                    continue;
                }
                self.at = self.at.saturating_sub(1);
            }
            let low = self.in_class()?;
            self.out.push_str(&literal(low));
            if self.peek() == Some('-') && !matches!(self.ahead(1), None | Some(']')) {
                self.skip(1);
                let high = self.in_class()?;
                if high < low {
                    return Err(invalid("invalid character class range"));
                }
                self.out.push('-');
                self.out.push_str(&literal(high));
            }
        }
        self.skip(1);
        self.out.push(']');
        Ok(())
    }

    /// A character of a class.
    fn in_class(&mut self) -> Result<char> {
        match self.take().ok_or_else(|| invalid("missing closing ]"))? {
            '\\' => self.character(),
            c => Ok(c),
        }
    }

    /// `[:alpha:]`; a bracket and a colon that are never closed are characters.
    fn posix(&mut self) -> Result<Option<String>> {
        if self.unclosed || (self.peek(), self.ahead(1)) != (Some('['), Some(':')) {
            return Ok(None);
        }
        let rest = self.chars.get(self.at.saturating_add(2)..).unwrap_or_default();
        let Some(end) = rest.windows(2).position(|pair| pair == [':', ']']) else {
            self.unclosed = true;
            return Ok(None);
        };
        let name: String = rest.iter().take(end).collect();
        if !POSIX.contains(&name.strip_prefix('^').unwrap_or(&name)) {
            return Err(invalid("invalid character class range"));
        }
        self.skip(end.saturating_add(4));
        Ok(Some(format!("[:{name}:]")))
    }
}

/// A character that stands for itself, in a class or outside.
fn literal(c: char) -> String {
    if c.is_alphanumeric() {
        c.to_string()
    } else {
        format!("\\x{{{:x}}}", u32::from(c))
    }
}
