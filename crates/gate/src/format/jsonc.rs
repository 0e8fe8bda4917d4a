//! JSON with comments and trailing commas, in which editors, compilers and frameworks are configured (`tsconfig.json`, `devcontainer.json`,
//! `appsettings.json`). What strict readers of JSON refuse they refuse whatever is found here.
//!
//! Only bytes are replaced, each by a space, so that every place stays what it was.
//! See <https://code.visualstudio.com/docs/languages/json#_json-with-comments>.

/// Longer texts have to be JSON: nobody writes such a configuration by hand.
const MAX_BYTES: usize = 16 << 20;

/// The text without comments and trailing commas; `None`: it has none.
pub(super) fn plain(text: &str) -> Option<String> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    // The last byte that says something, and the comma that may be one too many.
    let mut before = b'[';
    let mut comma = None;
    while let Some(byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let mut length = 1;
        match byte {
            b'"' => length = string(rest),
            b'/' => {
                // What begins none, or one without an end, makes the text no JSON of any kind; nobody looks at the rest, and not for each slash anew.
                length = comment(rest)?;
                blank(&mut out, at, length);
            }
            b',' if !matches!(before, b'[' | b'{' | b',' | b':') => comma = Some(at),
            b']' | b'}' => {
                if let Some(comma) = comma {
                    blank(&mut out, comma, 1);
                }
            }
            _ => {}
        }
        let says = !byte.is_ascii_whitespace() && *byte != b'/';
        if says {
            before = *byte;
        }
        if says && *byte != b',' {
            comma = None;
        }
        at = at.saturating_add(length);
    }
    let changed = out != bytes;
    String::from_utf8(out).ok().filter(|_| changed)
}

fn blank(out: &mut [u8], start: usize, length: usize) {
    if let Some(part) = out.get_mut(start..start.saturating_add(length)) {
        part.fill(b' ');
    }
}

/// How long the string is that a text begins with.
fn string(text: &[u8]) -> usize {
    let mut at = 1;
    loop {
        match text.get(at) {
            None => return text.len(),
            Some(b'"') => return at.saturating_add(1),
            Some(b'\\') => at = at.saturating_add(2),
            Some(_) => at = at.saturating_add(1),
        }
    }
}

/// How long the comment is that a text begins with; `None` if it is none, or has no end.
fn comment(text: &[u8]) -> Option<usize> {
    if text.starts_with(b"//") {
        return Some(text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len()));
    }
    let inside = text.strip_prefix(b"/*")?;
    let end = inside.windows(2).position(|two| two == b"*/");
    end.map(|end| end.saturating_add(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_trailing_commas_become_spaces() {
        for (text, expected) in [
            ("{\"a\": 1, // é\n}", "{\"a\": 1       \n}"),
            ("/* a\n*/{\"a\": [1,],\n}", "       {\"a\": [1 ] \n}"),
            (
                "{\"a\": \"// \\\" ,]\", /* , */ \"b\": 1}",
                "{\"a\": \"// \\\" ,]\",         \"b\": 1}",
            ),
        ] {
            let found = plain(text).unwrap();
            assert_eq!(found, expected);
            assert_eq!(found.len(), text.len());
        }
    }

    #[test]
    fn what_has_no_meaning_stays() {
        for text in [
            "{\"a\": 1}",
            "[,]",
            "{\"a\":,}",
            "[1,,]",
            "{\"a\": 1 / 2}",
            "/* {}",
            "\"a",
            "\"\\",
        ] {
            let again = plain(text).unwrap_or_else(|| text.to_owned());
            let still = serde_json::from_str::<serde_json::Value>(&again).is_err();
            assert!(still || text == "{\"a\": 1}", "{text}: {again}");
        }
    }

    /// Each of them was followed to the end of the text: a megabyte took minutes.
    #[test]
    fn slashes_without_end_are_looked_at_once() {
        for part in ["/ ", "/* ", "1 / "] {
            assert_eq!(plain(&part.repeat(MAX_BYTES / part.len())), None, "{part}");
        }
    }
}
