//! Globs of OPA's `glob.match` as regular expressions.
//!
//! `*` any characters but separators, `**` any characters, `?` one character but separators, `[abc]`, `[!abc]`, `[a-z]`, `[!a-z]`,
//! `{a,b}` alternatives (of globs), `\` takes the next character literally.

/// Rewrites a glob, or says what is wrong with it.
pub(super) fn translate(pattern: &str, separators: &[String]) -> Result<String, String> {
    let mut excluded = String::new();
    for separator in separators {
        let mut chars = separator.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => excluded.push_str(&literal(c)),
            _ => return Err(format!("separator `{separator}` is not one character")),
        }
    }
    let one = if excluded.is_empty() {
        "(?s:.)".to_owned()
    } else {
        format!("[^{excluded}]")
    };
    let mut out = String::from("\\A(?:");
    let mut depth = 0_usize;
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.next_if_eq(&'*').is_some() => out.push_str("(?s:.)*"),
            '*' => {
                out.push_str(&one);
                out.push('*');
            }
            '?' => out.push_str(&one),
            '[' => out.push_str(&class(&mut chars)?),
            '{' => {
                depth = depth.saturating_add(1);
                out.push_str("(?:");
            }
            ',' if depth > 0 => out.push('|'),
            '}' if depth > 0 => {
                depth = depth.saturating_sub(1);
                out.push(')');
            }
            '}' | ']' => return Err(format!("unexpected `{c}`")),
            '\\' => match chars.next() {
                Some(c) => out.push_str(&literal(c)),
                None => return Err("trailing backslash".to_owned()),
            },
            _ => out.push_str(&literal(c)),
        }
    }
    if depth > 0 {
        return Err("missing closing }".to_owned());
    }
    out.push_str(")\\z");
    Ok(out)
}

fn literal(c: char) -> String {
    format!("\\x{{{:x}}}", u32::from(c))
}

/// Either a range of two characters or a list.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    let negated = chars.next_if_eq(&'!').is_some();
    let mut members = Vec::new();
    loop {
        match chars.next() {
            Some(']') => break,
            Some('\\') => members.extend(chars.next()),
            Some(c) => members.push(c),
            None => return Err("missing closing ]".to_owned()),
        }
    }
    let body = match members.as_slice() {
        [] => return Err("empty class".to_owned()),
        [low, '-', high] if low <= high => format!("{}-{}", literal(*low), literal(*high)),
        list if list.contains(&'-') => return Err("a class is one range or a list".to_owned()),
        list => list.iter().copied().map(literal).collect(),
    };
    Ok(format!("[{}{body}]", if negated { "^" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::super::glob;

    #[test]
    fn globs_match_as_in_opa() {
        let dot = vec![".".to_owned()];
        for (pattern, separators, text, expected) in [
            ("*.github.com", &dot, "api.github.com", true),
            ("*.github.com", &dot, "api.cdn.github.com", false),
            ("api.**.com", &dot, "api.cdn.github.com", true),
            ("*", &Vec::new(), "a.b\nc", true),
            ("?at", &vec!["f".to_owned()], "fat", false),
            ("{cat,bat,[fr]at}", &dot, "rat", true),
            ("[!a-c]at", &dot, "bat", false),
            (r"\*", &dot, "*", true),
            (r"\*", &dot, "a", false),
            ("s3:Get*", &vec![":".to_owned()], "s3:GetObject", true),
            ("{a,b*{c,d}}", &dot, "bxd", true),
        ] {
            assert_eq!(
                glob(pattern, separators, 1 << 16).unwrap().is_match(text),
                expected,
                "{pattern} {text}"
            );
        }
    }
}
