//! `and`, `or`, and `not` with bodies.

use super::{Chance, Scope, Writer};

/// The keywords that a policy imports.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Keywords {
    /// `and` and `or`.
    joins: bool,
    /// `not`, which then negates bodies, statements in parentheses, and all of what an expression takes.
    not: bool,
}

impl Writer {
    /// Decides for the keywords of the policy; gives their imports.
    pub(super) fn keywords(&mut self, chance: &mut Chance) -> String {
        self.keywords.joins = chance.one_in(2);
        self.keywords.not = self.keywords.joins && !chance.one_in(4);
        let mut out = String::new();
        if self.keywords.joins {
            out.push_str("import future.keywords.and\nimport future.keywords.or\n");
        }
        if self.keywords.not {
            out.push_str("import future.keywords.not\n");
        }
        out
    }

    /// Now and then, a statement with these keywords, if there are any.
    pub(super) fn logical(&mut self, scope: &Scope, depth: usize) -> Option<String> {
        if !self.keywords.joins || depth == 0 || !self.chance.one_in(3) {
            return None;
        }
        let statement = if self.chance.one_in(5) {
            self.negation(scope, depth)
        } else {
            self.joined(scope, depth)
        };
        if self.chance.one_in(8) {
            return Some(self.with(&statement, scope));
        }
        Some(statement)
    }

    /// Two operands or more. What `and` joins is not set apart, so that precedence decides.
    fn joined(&mut self, scope: &Scope, depth: usize) -> String {
        let mut out = self.operand(scope, depth);
        let one = self.chance.one_in(2);
        for _ in 0..=self.chance.below(3) {
            let keyword = if one {
                "or"
            } else {
                self.chance.word(&["and", "or"])
            };
            let operand = self.operand(scope, depth);
            out.push_str(&format!(" {keyword} {operand}"));
        }
        out
    }

    fn operand(&mut self, scope: &Scope, depth: usize) -> String {
        match self.chance.below(9) {
            _ if depth == 0 => self.single(scope, depth),
            0 | 1 => self.braces(scope, depth),
            2 => format!("({})", self.joined(scope, depth.saturating_sub(1))),
            3 => self.negation(scope, depth),
            4 => {
                let condition = self.single(scope, depth);
                // What modifiers take goes over nothing either.
                format!("({})", self.with(&condition, scope).replace("[_]", "[0]"))
            }
            _ => self.single(scope, depth),
        }
    }

    fn negation(&mut self, scope: &Scope, depth: usize) -> String {
        match self.chance.below(4) {
            0 | 1 if self.keywords.not => format!("not {}", self.braces(scope, depth)),
            2 if self.keywords.not => format!("not ({})", self.joined(scope, depth.saturating_sub(1))),
            _ => format!("not {}", self.single(scope, depth)),
        }
    }

    /// A body with variables of its own.
    fn braces(&mut self, scope: &Scope, depth: usize) -> String {
        let mut inner = scope.clone();
        let statements: Vec<String> = (0..=self.chance.below(2))
            .map(|_| self.statement(&mut inner, depth.saturating_sub(1)))
            .collect();
        format!("{{ {} }}", statements.join("; "))
    }

    /// A condition that is an operand as it stands: it goes over nothing, and starts with no braces, which would be a body.
    pub(super) fn single(&mut self, scope: &Scope, depth: usize) -> String {
        let condition = self.condition(scope, depth).replace("[_]", "[0]");
        if condition.starts_with('{') {
            return format!("({condition})");
        }
        condition
    }
}
