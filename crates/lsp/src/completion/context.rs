//! What stands before the cursor.

/// What the text before the cursor is part of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// A comment or a string: nothing to complete.
    Prose,
    /// A path: the parts before the last dot, and the offset at which the unfinished last part starts.
    Path {
        /// The finished parts; none when nothing but one word has been written.
        parts: Vec<String>,
        /// A part that is not constant (`[i]`, a call) is among them.
        open: bool,
        /// Where the path starts.
        start: usize,
        /// Where the unfinished part starts.
        partial: usize,
        /// The clause at the cursor is an import.
        import: bool,
        /// Nothing but the path stands before the cursor on its line, and the line is not indented.
        statement: bool,
    },
}

/// What stands before `offset`, which is a character boundary.
pub(crate) fn context(text: &str, offset: usize) -> Context {
    let before = text.get(..offset).unwrap_or(text);
    if in_prose(before) {
        return Context::Prose;
    }
    let line_start = before.rfind('\n').map_or(0, |at| at.saturating_add(1));
    let line = before.get(line_start..).unwrap_or_default();
    let mut rest = line;
    let partial_text = take_word(&mut rest);
    let partial = offset.saturating_sub(partial_text.len());
    let mut parts = Vec::new();
    let mut open = false;
    while let Some(path) = rest.strip_suffix('.') {
        rest = path;
        match take_part(&mut rest) {
            Some(Part::Name(name)) => parts.push(name.to_owned()),
            Some(Part::Brackets(found)) => {
                for part in found {
                    match part {
                        Some(name) => parts.push(name),
                        None => open = true,
                    }
                }
            }
            None => {
                open = true;
                break;
            }
        }
    }
    parts.reverse();
    let start = line_start.saturating_add(rest.len());
    Context::Path {
        parts,
        open,
        start,
        partial,
        import: rest.trim() == "import",
        statement: rest.is_empty(),
    }
}

enum Part<'a> {
    Name(&'a str),
    /// A name with brackets behind it, from the right to the left; `None` for what is not constant.
    Brackets(Vec<Option<String>>),
}

/// Takes a finished part of a path off the end: `name`, `name["key"]`, `name[i]`.
fn take_part<'a>(rest: &mut &'a str) -> Option<Part<'a>> {
    if !rest.ends_with(']') {
        let name = take_word(rest);
        return (!name.is_empty()).then_some(Part::Name(name));
    }
    let mut out = Vec::new();
    while let Some(inside) = rest.strip_suffix(']') {
        let at = opening(inside)?;
        let content = inside.get(at.saturating_add(1)..)?.trim();
        out.push(constant(content));
        *rest = inside.get(..at)?;
    }
    let name = take_word(rest);
    if name.is_empty() {
        return None;
    }
    out.push(Some(name.to_owned()));
    Some(Part::Brackets(out))
}

/// Where the bracket opens that closes behind `inside`.
fn opening(inside: &str) -> Option<usize> {
    let mut depth = 0u32;
    for (at, character) in inside.char_indices().rev() {
        match character {
            ']' => depth = depth.saturating_add(1),
            '[' if depth == 0 => return Some(at),
            '[' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn constant(content: &str) -> Option<String> {
    let text = content.strip_prefix('"')?.strip_suffix('"')?;
    (!text.contains(['"', '\\'])).then(|| text.to_owned())
}

/// Takes the name off the end; empty when there is none.
fn take_word<'a>(rest: &mut &'a str) -> &'a str {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let kept = rest.trim_end_matches(word).len();
    let (before, name) = rest.split_at_checked(kept).unwrap_or((rest, ""));
    *rest = before;
    name
}

/// Whether a text ends inside of a comment or a string.
fn in_prose(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let closed = match c {
            '#' => chars.any(|c| c == '\n'),
            '`' => chars.any(|c| c == '`'),
            '"' => close_string(&mut chars),
            _ => true,
        };
        if !closed {
            return true;
        }
    }
    false
}

/// Goes past the end of a string, which is its quote or, when that is forgotten, the line's end.
fn close_string(chars: &mut std::str::Chars<'_>) -> bool {
    while let Some(c) = chars.next() {
        match c {
            '"' | '\n' => return true,
            '\\' => {
                chars.next();
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `parts|partial`, with `~` where something is not constant; `-` for prose.
    fn at_end(text: &str) -> String {
        match context(text, text.len()) {
            Context::Prose => "-".to_owned(),
            Context::Path {
                parts,
                open,
                partial,
                import,
                ..
            } => format!(
                "{}{}{}|{}",
                if import { "import " } else { "" },
                parts.join("."),
                if open { "~" } else { "" },
                &text[partial..]
            ),
        }
    }

    #[test]
    fn paths_before_the_cursor() {
        for (text, expected) in [
            ("", "|"),
            ("p if {\n\tinput.", "input|"),
            ("x := input.a[\"b c\"].d", "input.a.b c|d"),
            ("x := input.a[i].d", "input.a~|d"),
            ("x := input.a[f(x[1])][\"z\"].d", "input.a.z~|d"),
            ("count(js", "|js"),
            ("json.fil", "json|fil"),
            ("f(x).", "~|"),
            ("import data.", "import data|"),
            ("\timport", "|import"),
            ("x # comm", "-"),
            ("x := \"str", "-"),
            ("x := \"a\\\"b", "-"),
            ("x := `raw\n\"", "-"),
            ("x := \"# not a comment\"; y", "|y"),
            ("x := \"forgotten\ny", "|y"),
            ("# done\nä := ab", "|ab"),
        ] {
            assert_eq!(at_end(text), expected, "{text:?}");
        }
    }
}
