//! Expressions.

use std::sync::LazyLock;

use stele_rego::builtins::{Body, Builtin, Purity, TABLE};

use super::document::{KEYS, NUMBERS, WORDS};
use super::{Known, Scope, Want, Writer};

/// Builtins that contracts take with any arguments.
const CORE: [&str; 72] = [
    "count",
    "abs",
    "floor",
    "ceil",
    "round",
    "numbers.range",
    "numbers.range_step",
    "bits.and",
    "bits.or",
    "bits.xor",
    "bits.negate",
    "bits.lsh",
    "bits.rsh",
    "sum",
    "product",
    "max",
    "min",
    "sort",
    "is_null",
    "is_boolean",
    "is_number",
    "is_string",
    "is_array",
    "is_object",
    "is_set",
    "type_name",
    "union",
    "intersection",
    "array.concat",
    "array.slice",
    "array.reverse",
    "array.flatten",
    "object.get",
    "object.keys",
    "object.union",
    "object.union_n",
    "object.remove",
    "object.filter",
    "object.subset",
    "contains",
    "startswith",
    "endswith",
    "indexof",
    "indexof_n",
    "concat",
    "split",
    "replace",
    "trim",
    "trim_left",
    "trim_right",
    "trim_prefix",
    "trim_suffix",
    "lower",
    "upper",
    "substring",
    "strings.reverse",
    "strings.count",
    "strings.any_prefix_match",
    "strings.any_suffix_match",
    "to_number",
    "format_int",
    "json.unmarshal",
    "json.is_valid",
    "json.marshal",
    "json.filter",
    "json.remove",
    "graph.reachable",
    "units.parse",
    "units.parse_bytes",
    "net.cidr_contains",
    "net.cidr_intersects",
    "net.cidr_is_valid",
];

/// Operators, which have a form of their own, and what only Rego v0 has.
const NOT_CALLED: [&str; 18] = [
    "equal",
    "neq",
    "lt",
    "lte",
    "gt",
    "gte",
    "plus",
    "minus",
    "mul",
    "div",
    "rem",
    "and",
    "or",
    "any",
    "all",
    "re_match",
    "set_diff",
    "net.cidr_overlap",
];

static BUILTINS: LazyLock<(Vec<&'static Builtin>, Vec<&'static Builtin>)> = LazyLock::new(|| {
    let callable = |builtin: &&Builtin| {
        let apart = ["internal.", "cast_"]
            .iter()
            .any(|prefix| builtin.name.starts_with(prefix));
        let apart = apart || NOT_CALLED.contains(&builtin.name);
        let executed = matches!(builtin.body, Body::Function(_));
        builtin.purity == Purity::Pure && executed && !apart && !builtin.relation
    };
    let all: Vec<&Builtin> = TABLE.iter().filter(callable).collect();
    let core = all.iter().copied().filter(|builtin| CORE.contains(&builtin.name));
    (core.collect(), all)
});

impl Writer {
    pub(super) fn literal(&mut self, want: Want) -> String {
        let chance = &mut self.chance;
        match want {
            Want::Number => match chance.word(&NUMBERS) {
                negative if negative.starts_with('-') => format!("({negative})"),
                number => number.to_owned(),
            },
            Want::String => stele_types::json::to_string(&stele_types::Value::string(chance.word(&WORDS))),
            Want::Bool => chance.one_in(2).to_string(),
            Want::Array => {
                let items: Vec<String> = (0..chance.below(4)).map(|_| self.literal(Want::Any)).collect();
                format!("[{}]", items.join(", "))
            }
            Want::Set => {
                let items: Vec<String> = (0..chance.below(4)).map(|_| self.literal(Want::Any)).collect();
                if items.is_empty() {
                    return "set()".to_owned();
                }
                format!("{{{}}}", items.join(", "))
            }
            Want::Object => {
                let pairs: Vec<String> = (0..chance.below(4))
                    .map(|_| format!("{}: {}", self.literal(Want::String), self.literal(Want::Any)))
                    .collect();
                format!("{{{}}}", pairs.join(", "))
            }
            Want::Any => match chance.below(12) {
                0 => "null".to_owned(),
                1 => self.literal(Want::Bool),
                2..=5 => self.literal(Want::Number),
                6..=9 => self.literal(Want::String),
                10 => self.literal(Want::Array),
                _ => self.literal(Want::Object),
            },
        }
    }

    /// An expression that gives what is wanted, most of the time.
    pub(super) fn expression(&mut self, want: Want, scope: &Scope, depth: usize) -> String {
        let want = if self.chance.one_in(10) { Want::Any } else { want };
        if depth == 0 {
            return match self.chance.below(3) {
                0 => self.literal(want),
                1 => self.reference(scope),
                _ => self.variable(want, scope),
            };
        }
        let depth = depth.saturating_sub(1);
        match self.chance.below(12) {
            0 => self.literal(want),
            1 | 2 => self.variable(want, scope),
            3 | 4 => self.reference(scope),
            5 => self.call(want, scope, depth),
            6 => self.comprehension(want, scope, depth),
            7 => self.operation(want, scope, depth),
            8 => self.composite(want, scope, depth),
            _ => self.builtin(want, scope, depth),
        }
    }

    /// A variable of the wanted type, or any variable, or a reference.
    pub(super) fn variable(&mut self, want: Want, scope: &Scope) -> String {
        let fits = |(_, other): &&(String, Want)| want == Want::Any || *other == want;
        let fitting: Vec<&str> = scope
            .variables
            .iter()
            .filter(fits)
            .map(|(name, _)| name.as_str())
            .collect();
        if let Some(name) = self.chance.pick(&fitting) {
            return name.to_owned();
        }
        let any: Vec<&str> = scope.variables.iter().map(|(name, _)| name.as_str()).collect();
        match self.chance.pick(&any) {
            Some(name) => name.to_owned(),
            None => self.reference(scope),
        }
    }

    /// A reference into the input, the base documents, a rule or a variable.
    pub(super) fn reference(&mut self, scope: &Scope) -> String {
        let rules: Vec<Known> = self
            .known
            .iter()
            .filter(|known| known.arity.is_none())
            .cloned()
            .collect();
        let rule = rules.get(self.chance.below(rules.len()));
        let variables: Vec<&str> = scope.variables.iter().map(|(name, _)| name.as_str()).collect();
        let mut out = match (self.chance.below(10), rule) {
            (0 | 1, Some(rule)) => rule.name.clone(),
            (2, Some(rule)) => format!("data.{}", rule.path),
            (3, _) => "data.base".to_owned(),
            (6, _) if self.lib.is_some() => "data.lib".to_owned(),
            (4 | 5, _) if !variables.is_empty() => self.chance.word(&variables).to_owned(),
            _ => "input".to_owned(),
        };
        if out == "data.lib" && self.chance.one_in(2) {
            // A rule that is not known before.
            let names: Vec<&str> = rules
                .iter()
                .filter_map(|rule| rule.path.strip_prefix("lib."))
                .collect();
            match (self.chance.word(&names), self.chance.pick(&variables)) {
                (name, _) if !name.is_empty() && self.chance.one_in(2) => {
                    out.push_str(&format!("[\"{name}\"]"))
                }
                (_, Some(variable)) => out.push_str(&format!("[{variable}]")),
                _ => out.push_str("[_]"),
            }
        }
        let steps = if out == "input" || out.starts_with("data.base") {
            self.chance.below(4)
        } else {
            self.chance.below(3)
        };
        for _ in 0..steps {
            let step = match self.chance.below(10) {
                0 => "[0]".to_owned(),
                1 => "[1]".to_owned(),
                2 => format!("[{}]", self.literal(Want::Any)),
                3 if !variables.is_empty() => format!("[{}]", self.chance.word(&variables)),
                4 => "[_]".to_owned(),
                5 => format!("[\"{}\"]", self.chance.word(&KEYS)),
                _ => format!(".{}", self.chance.word(&["a", "b", "c"])),
            };
            out.push_str(&step);
        }
        out
    }

    /// A call of a function of the policy.
    fn call(&mut self, want: Want, scope: &Scope, depth: usize) -> String {
        let functions: Vec<Known> = self
            .known
            .iter()
            .filter(|known| known.arity.is_some() && (want == Want::Any || known.want == want))
            .cloned()
            .collect();
        let Some(function) = functions.get(self.chance.below(functions.len())) else {
            return self.builtin(want, scope, depth);
        };
        let arguments: Vec<String> = (0..function.arity.unwrap_or(1))
            .map(|_| self.expression(Want::Any, scope, depth))
            .collect();
        format!("{}({})", function.name, arguments.join(", "))
    }

    fn builtin(&mut self, want: Want, scope: &Scope, depth: usize) -> String {
        let (core, all) = &*BUILTINS;
        let table = if self.exotic { all } else { core };
        let gives = |builtin: &&&Builtin| {
            want == Want::Any || builtin.result == "any" || builtin.result.contains(declared(want))
        };
        let fitting: Vec<&Builtin> = table.iter().filter(gives).copied().collect();
        let Some(builtin) = fitting.get(self.chance.below(fitting.len())) else {
            return self.literal(want);
        };
        let arguments: Vec<String> = builtin
            .args
            .iter()
            .map(|declared| self.argument(declared, scope, depth))
            .collect();
        format!("{}({})", builtin.name, arguments.join(", "))
    }

    /// An argument of a declared type; what is of another type is no literal, since compilers refuse those.
    fn argument(&mut self, declared: &str, scope: &Scope, depth: usize) -> String {
        if self.chance.one_in(8) {
            return self.reference(scope);
        }
        match Want::of_declaration(declared, &mut self.chance) {
            Want::Any => self.expression(Want::Any, scope, depth),
            want if self.chance.one_in(3) => self.literal(want),
            want if depth == 0 => self.variable(want, scope),
            want => match self.chance.below(4) {
                0 => self.variable(want, scope),
                1 => self.composite(want, scope, depth),
                2 => self.comprehension(want, scope, depth),
                _ => self.builtin(want, scope, depth.saturating_sub(1)),
            },
        }
    }

    fn operation(&mut self, want: Want, scope: &Scope, depth: usize) -> String {
        let mut operand = |want: Want| {
            // As for builtins: no literals of another type.
            match self.chance.below(4) {
                0 => self.literal(want),
                1 => self.reference(scope),
                _ => self.argument(declared(want), scope, depth),
            }
        };
        match want {
            Want::Number => {
                let (left, right) = (operand(Want::Number), operand(Want::Number));
                format!(
                    "({left} {} {right})",
                    self.chance.word(&["+", "-", "*", "/", "%"])
                )
            }
            Want::Set => {
                let (left, right) = (operand(Want::Set), operand(Want::Set));
                format!("({left} {} {right})", self.chance.word(&["|", "&", "-"]))
            }
            _ => {
                let left = self.expression(Want::Any, scope, depth);
                if self.chance.one_in(3) {
                    let right = self.expression(Want::collection(&mut self.chance.clone()), scope, depth);
                    return format!("({left} in {right})");
                }
                let right = self.expression(Want::Any, scope, depth);
                let operator = self.chance.word(&["==", "!=", "<", "<=", ">", ">="]);
                format!("({left} {operator} {right})")
            }
        }
    }

    /// A collection of expressions, or a template of them.
    fn composite(&mut self, want: Want, scope: &Scope, depth: usize) -> String {
        let count = self.chance.below(3).saturating_add(1);
        let items = |writer: &mut Self| -> Vec<String> {
            (0..count)
                .map(|_| writer.expression(Want::Any, scope, depth))
                .collect()
        };
        match want {
            Want::Array => format!("[{}]", items(self).join(", ")),
            Want::Set => format!("{{{}}}", items(self).join(", ")),
            Want::Object => {
                let pairs: Vec<String> = items(self)
                    .iter()
                    .map(|value| format!("{}: {value}", self.expression(Want::String, scope, 0)))
                    .collect();
                format!("{{{}}}", pairs.join(", "))
            }
            Want::String => {
                let verbs = ["%v", "%s", "%d", "%5v", "%%", "%x", "%q", "%t"];
                let format: String = (0..count).map(|_| self.chance.word(&verbs)).collect();
                format!("sprintf(\"<{format}>\", [{}])", items(self).join(", "))
            }
            _ => self.builtin(want, scope, depth),
        }
    }

    fn comprehension(&mut self, want: Want, scope: &Scope, depth: usize) -> String {
        let mut inner = scope.clone();
        let lines = self.chance.below(2).saturating_add(1);
        let mut statements = vec![self.binding(&mut inner, depth)];
        statements.extend((1..lines).map(|_| self.statement(&mut inner, depth)));
        let body = statements.join("; ");
        let head = self.expression(Want::Any, &inner, depth);
        match want {
            Want::Array | Want::Any => format!("[{head} | {body}]"),
            Want::Set => format!("{{{head} | {body}}}"),
            Want::Object => {
                let key = self.expression(Want::String, &inner, 0);
                format!("{{{key}: {head} | {body}}}")
            }
            Want::Number => format!("count([{head} | {body}])"),
            Want::String | Want::Bool => self.builtin(want, scope, depth),
        }
    }
}

/// How the table of builtins writes a type.
const fn declared(want: Want) -> &'static str {
    match want {
        Want::Any => "any",
        Want::Number => "number",
        Want::String => "string",
        Want::Bool => "boolean",
        Want::Array => "array",
        Want::Object => "object",
        Want::Set => "set",
    }
}
