//! Go's regular expressions (RE2 syntax) in the regex crate's syntax.

/// Rewrites a pattern, or says what is not covered.
pub(super) fn translate(pattern: &str) -> Result<String, String> {
    let mut t = Translator {
        out: String::new(),
        rest: pattern.chars().collect(),
        at: 0,
    };
    while let Some(c) = t.take() {
        t.item(c)?;
    }
    Ok(t.out)
}

struct Translator {
    out: String,
    rest: Vec<char>,
    at: usize,
}

impl Translator {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek();
        self.at = self.at.saturating_add(1);
        c
    }

    fn item(&mut self, c: char) -> Result<(), String> {
        match c {
            '\\' => self.escape(false),
            '[' => self.class(),
            '(' => self.group(),
            '*' | '+' | '?' => {
                self.out.push(c);
                self.after_repetition()
            }
            '{' => self.braces(),
            // The regex crate wants a literal brace escaped.
            '}' => {
                self.out.push_str("\\}");
                Ok(())
            }
            _ => {
                self.out.push(c);
                Ok(())
            }
        }
    }

    /// Go refuses a repetition of a repetition, the regex crate does not.
    fn after_repetition(&mut self) -> Result<(), String> {
        if self.peek() == Some('?') {
            self.at = self.at.saturating_add(1);
            self.out.push('?');
        }
        match self.peek() {
            Some('*' | '+' | '?') => Err("invalid nested repetition operator".to_owned()),
            _ => Ok(()),
        }
    }

    /// `{n}`, `{n,}` and `{n,m}` repeat; any other brace is a character to Go.
    fn braces(&mut self) -> Result<(), String> {
        let tail: String = self
            .rest
            .iter()
            .skip(self.at)
            .take_while(|c| **c != '}')
            .collect();
        let closed = self.rest.get(self.at.saturating_add(tail.chars().count())) == Some(&'}');
        let (low, high) = tail.split_once(',').unwrap_or((&tail, ""));
        let number = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if closed && number(low) && (high.is_empty() || number(high)) {
            self.at = self.at.saturating_add(tail.chars().count()).saturating_add(1);
            if [low, high]
                .iter()
                .any(|n| n.parse::<u32>().is_ok_and(|n| n > 1000) || n.len() > 4)
            {
                return Err("repetition above 1000".to_owned());
            }
            self.out.push_str(&format!("{{{tail}}}"));
            return self.after_repetition();
        }
        self.out.push_str("\\{");
        Ok(())
    }

    /// `(?flags)`, `(?:`, `(?P<name>`, `(?<name>`.
    fn group(&mut self) -> Result<(), String> {
        self.out.push('(');
        if self.peek() != Some('?') {
            return Ok(());
        }
        let head: String = self.rest.iter().skip(self.at).take(3).collect();
        if head.starts_with("?P<")
            || (head.starts_with("?<") && !matches!(head.chars().nth(2), Some('=' | '!')))
        {
            return Ok(());
        }
        self.at = self.at.saturating_add(1);
        self.out.push('?');
        while let Some(c) = self.take() {
            self.out.push(c);
            match c {
                'i' | 'm' | 's' | 'U' | '-' => {}
                ':' | ')' => return Ok(()),
                _ => return Err(format!("group flag `{c}`")),
            }
        }
        Err("missing closing )".to_owned())
    }

    /// An escape; Perl classes are ASCII in Go.
    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let Some(c) = self.take() else {
            return Err("trailing backslash".to_owned());
        };
        let text = match c {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            's' => "[\\t\\n\\f\\r ]",
            'S' => "[^\\t\\n\\f\\r ]",
            'b' if !in_class => "(?-u:\\b)",
            'A' | 'z' if !in_class => {
                self.out.extend(['\\', c]);
                return Ok(());
            }
            'a' | 'f' | 't' | 'n' | 'r' | 'v' | 'x' | 'p' | 'P' => {
                self.out.extend(['\\', c]);
                return Ok(());
            }
            '0'..='7' => return Err("octal escape".to_owned()),
            _ if c.is_ascii_punctuation() => {
                if "<>".contains(c) {
                    self.out.push(c);
                } else {
                    self.out.extend(['\\', c]);
                }
                return Ok(());
            }
            _ => return Err(format!("escape `\\{c}`")),
        };
        self.out.push_str(text);
        Ok(())
    }

    /// A bracketed class. The regex crate nests classes and has set operators, which are plain characters to Go.
    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.peek() == Some('^') {
            self.at = self.at.saturating_add(1);
            self.out.push('^');
        }
        let mut first = true;
        while let Some(c) = self.take() {
            match c {
                ']' if !first => {
                    self.out.push(']');
                    return Ok(());
                }
                '\\' => self.escape(true)?,
                '[' if self.peek() == Some(':') => self.posix()?,
                '[' | ']' | '&' | '~' => self.out.extend(['\\', c]),
                '-' if self.peek() == Some('-') => return Err("`--` in a class".to_owned()),
                _ => self.out.push(c),
            }
            first = false;
        }
        Err("missing closing ]".to_owned())
    }

    /// `[:alpha:]` inside a class.
    fn posix(&mut self) -> Result<(), String> {
        self.out.push('[');
        while let Some(c) = self.take() {
            self.out.push(c);
            if c == ']' {
                return Ok(());
            }
        }
        Err("missing closing ]".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::regex;

    fn matches(pattern: &str, text: &str) -> bool {
        regex(pattern, 1 << 16).unwrap().is_match(text)
    }

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        for (pattern, text, expected) in [
            (
                "^sha256:[0-9a-f]{64}$",
                &format!("sha256:{}", "0a".repeat(32)),
                true,
            ),
            (
                "^sha256:[0-9a-f]{64}$",
                &format!("sha256:{}", "0A".repeat(32)),
                false,
            ),
            ("b+", &"abbc".to_owned(), true),
            ("^b+$", &"abbc".to_owned(), false),
            ("", &"".to_owned(), true),
            ("^$", &"a".to_owned(), false),
            (r"^\d+$", &"12".to_owned(), true),
            (r"^\d+$", &"١٢".to_owned(), false),
            (r"^[\w.-]+$", &"a-b.c_d".to_owned(), true),
            (r"^\s$", &"\u{b}".to_owned(), false),
            (r"^.$", &"é".to_owned(), true),
            (r"^[^a]$", &"é".to_owned(), true),
            (r"(?i)^HeLLo", &"hello there".to_owned(), true),
            (r"\bfoo\b", &"a foo b".to_owned(), true),
            (r"\bfoo\b", &"afoo b".to_owned(), false),
            (r"^a{2,3}$", &"aaaa".to_owned(), false),
            (r"^a{,3}$", &"a{,3}".to_owned(), true),
            (r"^[[a]$", &"[".to_owned(), true),
            (r"^[a&&b]$", &"&".to_owned(), true),
            (r"^\<a\>$", &"<a>".to_owned(), true),
            (r"a|^b", &"cb".to_owned(), false),
            (r"(?m)^b$", &"a\nb\nc".to_owned(), true),
            (r"^[]a]$", &"]".to_owned(), true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text:?}");
        }
    }

    #[test]
    fn what_differs_is_refused() {
        for pattern in [
            "a**", "(?x)a", r"\Qa\E", "a(", "[a", r"\B", "a{1001}", "(?=a)", "(?<!a)", r"\1",
        ] {
            assert!(regex(pattern, 1 << 16).is_err(), "{pattern}");
        }
    }

    #[test]
    fn automata_that_are_small_at_last_are_not_given_up() {
        for pattern in [
            "AKIA[0-9A-Z]{16}|PRIVATE KEY-----|aws_secret_access_key",
            "^(?:[^b]*a){3}$",
        ] {
            assert!(regex(pattern, 8192).is_ok(), "{pattern}");
        }
        let error = regex("(?s)^.*a.{20}b$", 8192).unwrap_err();
        assert_eq!(
            error,
            super::super::PatternError::TooBig {
                size: None,
                limit: 8192
            }
        );
    }

    #[test]
    fn big_automata_are_refused_with_their_size() {
        let error = regex("^[a-z]{400}$", 1024).unwrap_err();
        assert!(
            matches!(error, super::super::PatternError::TooBig { limit: 1024, .. }),
            "{error:?}"
        );
    }
}
