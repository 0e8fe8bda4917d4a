//! Builtins that are compiled from their literal arguments, and those that need constants of their own.

use super::func::FuncCx;
use super::{call, constant, op};
use crate::error::Reason;
use crate::layout;
use crate::lir::{Expr, Program, Stmt, Symbol, walk_exprs_mut};
use crate::op::Op;
use crate::pattern::{PatternError, Table, WORK};
use stele_rego::ir::{Local, Location, Operand};

/// Unicode White_Space, which Go's `strings.TrimSpace` removes.
const WHITE_SPACE: &str = "\t\n\u{b}\u{c}\r \u{85}\u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\
                           \u{2008}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}";

/// Pieces of a format whose calls stand within one another: each keeps a word on the stack while those inside it run.
const NESTED: usize = 16;

/// A piece of a format.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Verb(char),
}

impl FuncCx<'_, '_> {
    /// Lowers the builtins of this module; false if it is another one.
    pub(super) fn special(
        &mut self,
        func: &str,
        args: &[Operand],
        result: Local,
        at: Location,
        out: &mut Vec<Stmt>,
    ) -> bool {
        match (func, args) {
            ("sprintf", [format, list]) => self.sprintf(*format, *list, result, at, out),
            ("time.now_ns", []) => {
                // Contextual: the time of the decision, recorded with it.
                let context = op(Op::Mload, vec![constant(layout::CONTEXT)]);
                let name = self.cx.text("time_ns");
                self.builtin_result(func, call("context_value", vec![context, name]), result, at, out);
            }
            ("trim_space", [text]) => {
                let text = self.operand(*text, at, out);
                let set = self.cx.text(WHITE_SPACE);
                self.builtin_result(func, call("b_trim", vec![text, set]), result, at, out);
            }
            ("regex.match", [pattern, text]) => match self.literal_text(*pattern) {
                Some(literal) => {
                    let table = self.cx.patterns.regex(&literal, self.cx.options);
                    self.automaton(func, table, *text, result, at, out);
                }
                None => self.refuse(at, func, Reason::NotLiteral(1)),
            },
            ("glob.match", [pattern, delimiters, text]) => {
                let separators = if self.literal_null(*delimiters) {
                    Some(Vec::new())
                } else {
                    // OPA's default for an empty list is the dot.
                    self.literal_list(*delimiters)
                        .map(|l| if l.is_empty() { vec![".".to_owned()] } else { l })
                };
                match (self.literal_text(*pattern), separators) {
                    (Some(literal), Some(separators)) => {
                        let table = self.cx.patterns.glob(&literal, separators, self.cx.options);
                        self.automaton(func, table, *text, result, at, out);
                    }
                    (None, _) => self.refuse(at, func, Reason::NotLiteral(1)),
                    (_, None) => self.refuse(at, func, Reason::NotLiteral(2)),
                }
            }
            _ => return self.search(func, args, result, at, out),
        }
        true
    }

    /// Lowers the builtins that search for a literal pattern; false if it is another one.
    fn search(
        &mut self,
        func: &str,
        args: &[Operand],
        result: Local,
        at: Location,
        out: &mut Vec<Stmt>,
    ) -> bool {
        let (routine, place, operands): (_, usize, Vec<Operand>) = match (func, args) {
            ("regex.find_n", [pattern, text, n]) => ("b_regex_find", 1, vec![*pattern, *text, *n]),
            ("regex.find_all_string_submatch_n", [pattern, text, n]) => {
                ("b_regex_submatch", 1, vec![*pattern, *text, *n])
            }
            ("regex.split", [pattern, text]) => ("b_regex_split", 1, vec![*pattern, *text]),
            ("regex.replace", [text, pattern, new]) => ("b_regex_replace", 2, vec![*pattern, *text, *new]),
            _ => return false,
        };
        let Some((literal, operands)) = operands
            .split_first()
            .and_then(|(pattern, rest)| Some((self.literal_text(*pattern)?, rest)))
        else {
            self.refuse(at, func, Reason::NotLiteral(place));
            return true;
        };
        let built = self.cx.patterns.search(&literal, self.cx.options);
        let table = match built {
            Ok(table) if table.captures && routine == "b_regex_submatch" => {
                let reason = Reason::BadPattern("contracts find whole matches, not groups".to_owned());
                self.refuse(at, func, reason);
                return true;
            }
            Ok(_) if routine == "b_regex_replace" && self.names_groups(operands) => {
                let reason =
                    Reason::BadPattern("contracts put in fixed text, without groups such as `$1`".to_owned());
                self.refuse(at, func, reason);
                return true;
            }
            Ok(table) => table,
            Err(error) => {
                self.refuse_pattern(func, error, at);
                return true;
            }
        };
        let mut words: Vec<Expr> = operands.iter().map(|o| self.operand(*o, at, out)).collect();
        if routine == "b_regex_split" {
            words.push(constant(u64::from(literal.is_empty())));
        }
        let index = self.cx.table(table.bytes);
        let table = vec![
            Expr::Symbol(Symbol::Table(index)),
            Expr::Symbol(Symbol::TableSize(index)),
            constant(table.classes),
            constant(table.columns),
            constant(table.width),
            constant(table.matching),
        ];
        words.push(call("search_table", table));
        self.builtin_result(func, call(routine, words), result, at, out);
        true
    }

    /// Whether the new text of `regex.replace`, which stands behind the text, is a literal that names groups.
    fn names_groups(&self, operands: &[Operand]) -> bool {
        operands
            .get(1)
            .and_then(|new| self.literal_text(*new))
            .is_some_and(|new| new.contains('$'))
    }

    fn refuse_pattern(&mut self, func: &str, error: PatternError, at: Location) {
        let reason = match error {
            PatternError::NotRead => Reason::PatternNotRead,
            PatternError::TooDear => Reason::PatternsTooDear { limit: WORK },
            PatternError::Bad(why) => Reason::BadPattern(why),
            PatternError::TooBig { size, limit } => Reason::PatternTooBig { size, limit },
        };
        self.refuse(at, func, reason);
    }

    fn automaton(
        &mut self,
        func: &str,
        table: Result<Table, PatternError>,
        text: Operand,
        result: Local,
        at: Location,
        out: &mut Vec<Stmt>,
    ) {
        let table = match table {
            Ok(table) => table,
            Err(error) => return self.refuse_pattern(func, error, at),
        };
        let text = self.operand(text, at, out);
        let index = self.cx.table(table.bytes);
        let args = vec![
            text,
            Expr::Symbol(Symbol::Table(index)),
            Expr::Symbol(Symbol::TableSize(index)),
            constant(table.classes),
            constant(table.columns),
        ];
        let routine = if table.width == 1 { "dfa" } else { "dfa_wide" };
        self.builtin_result(func, call(routine, args), result, at, out);
    }

    /// The text grows at the end of the heap.
    fn sprintf(&mut self, format: Operand, list: Operand, result: Local, at: Location, out: &mut Vec<Stmt>) {
        let Some(literal) = self.literal_text(format) else {
            return self.refuse(at, "sprintf", Reason::NotLiteral(1));
        };
        let pieces = match parse_format(&literal) {
            Ok(pieces) => pieces,
            Err(why) => return self.refuse(at, "sprintf", Reason::BadPattern(why)),
        };
        if let Some(elements) = self.take_elided(list) {
            let words = elements.iter().map(|e| self.operand(*e, at, out)).collect();
            let text = self.text_of_pieces(pieces, words, out);
            return self.assign(result, text, out);
        }
        let args = self.operand(list, at, out);
        let verbs = pieces.iter().filter(|p| matches!(p, Piece::Verb(_))).count();
        let temp = self.temp();
        let count = u64::try_from(verbs).unwrap_or(u64::MAX);
        out.push(Stmt::Set(
            temp,
            call("sprintf_args", vec![args.clone(), constant(count)]),
        ));
        let words = (0..count)
            .map(|i| call("elem", vec![args.clone(), constant(i)]))
            .collect();
        let mut then = Vec::new();
        let text = self.text_of_pieces(pieces, words, &mut then);
        then.push(Stmt::Set(temp, text));
        out.push(Stmt::If(Expr::Var(temp), then, Vec::new()));
        self.builtin_result("sprintf", Expr::Var(temp), result, at, out);
    }

    /// The text of the pieces of a format, with `words` for the verbs. Each call writes behind what the one inside it wrote, and
    /// reads words that none of them changes, so that the order of arguments does not matter.
    fn text_of_pieces(&mut self, pieces: Vec<Piece>, words: Vec<Expr>, out: &mut Vec<Stmt>) -> Expr {
        let mut reached = None;
        let free = op(Op::Mload, vec![constant(layout::FREE)]);
        let mut end = op(Op::Add, vec![free, constant(5)]);
        let mut words = words.into_iter();
        for (number, piece) in pieces.into_iter().enumerate() {
            if number > 0 && number.is_multiple_of(NESTED) {
                let temp = *reached.get_or_insert_with(|| self.temp());
                out.push(Stmt::Set(temp, end));
                end = Expr::Var(temp);
            }
            end = match piece {
                Piece::Text(text) => {
                    let text = self.cx.text(&text);
                    call("put_str", vec![end, text])
                }
                Piece::Verb(verb) => {
                    let verb = constant(u64::from(u32::from(verb)));
                    let word = words.next().unwrap_or(constant(0));
                    call("put_arg", vec![end, word, verb])
                }
            };
        }
        call("text_close", vec![end])
    }
}

/// Texts are matched byte by byte, which costs gas and saves code.
pub(crate) fn match_slowly(program: &mut Program) {
    for func in program.funcs.values_mut() {
        walk_exprs_mut(&mut func.body, &mut |e| {
            if let Expr::Call(name, _) = e
                && name == "dfa"
            {
                *name = "dfa_slow".to_owned();
            }
        });
    }
}

/// How many arguments a format takes; `None` if contracts do not cover it.
pub(super) fn verbs(format: &str) -> Option<usize> {
    let pieces = parse_format(format).ok()?;
    Some(pieces.iter().filter(|p| matches!(p, Piece::Verb(_))).count())
}

/// Splits a format into texts and the verbs that contracts cover.
fn parse_format(format: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some('%') => text.push('%'),
            Some(verb @ ('s' | 'd' | 'v')) => {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                }
                pieces.push(Piece::Verb(verb));
            }
            Some(other) => return Err(format!("verb %{other}; contracts have %s, %d, %v and %%")),
            None => return Err("the format ends in %".to_owned()),
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_split_into_texts_and_verbs() {
        let text = |t: &str| Piece::Text(t.to_owned());
        assert_eq!(
            parse_format("a %s: 100%% of %d%v").unwrap(),
            [
                text("a "),
                Piece::Verb('s'),
                text(": 100% of "),
                Piece::Verb('d'),
                Piece::Verb('v')
            ]
        );
        assert!(parse_format("%5d").is_err());
        assert!(parse_format("50%").is_err());
        assert!(parse_format("%[1]s").is_err());
        assert!(parse_format("%*d").is_err());
    }
}
