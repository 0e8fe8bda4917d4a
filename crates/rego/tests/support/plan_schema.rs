//! The JSON Schema of plans that OPA publishes (openpolicyagent.org/schemas/ir/v1/plan.schema.json) as a table: which fields each object has,
//! and of what type they are. Every object refuses fields beyond these.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

/// What a field holds.
#[derive(Clone, Copy)]
enum Is {
    Integer,
    Text,
    /// An object or null, with anything inside.
    Opaque,
    /// `{"type": "local" | "string_index" | "bool", "value": ...}`.
    Operand,
    /// Statements in `{"stmts": [...]}`.
    Block,
    /// An object with the fields given.
    Object(&'static [Field]),
    /// A list; null where the flag says that it may be.
    List(&'static Is, bool),
}

type Field = (&'static str, Is, Need);

#[derive(Clone, Copy, PartialEq)]
enum Need {
    Required,
    Optional,
}

use Is::{Block, Integer, List, Object, Opaque, Operand, Text};
use Need::{Optional, Required};

const POLICY: Is = Object(&[
    ("static", STATIC, Optional),
    (
        "plans",
        Object(&[("plans", List(&PLAN, true), Required)]),
        Optional,
    ),
    (
        "funcs",
        Object(&[("funcs", List(&FUNC, true), Required)]),
        Optional,
    ),
]);

const STATIC: Is = Object(&[
    ("strings", List(&TEXT_CONSTANT, false), Optional),
    ("files", List(&TEXT_CONSTANT, false), Optional),
    ("builtin_funcs", List(&BUILTIN, false), Optional),
]);

const TEXT_CONSTANT: Is = Object(&[("value", Text, Required)]);
const BUILTIN: Is = Object(&[("name", Text, Required), ("decl", Opaque, Required)]);
const PLAN: Is = Object(&[("name", Text, Required), ("blocks", BLOCKS, Required)]);
const FUNC: Is = Object(&[
    ("name", Text, Required),
    ("path", List(&Text, false), Optional),
    ("params", LOCALS, Required),
    ("return", Integer, Required),
    ("blocks", BLOCKS, Required),
]);
const BLOCKS: Is = List(&Block, true);
const LOCALS: Is = List(&Integer, true);
const OPERANDS: Is = List(&Operand, true);

/// The fields of a statement beside its location.
fn statement(name: &str) -> Option<&'static [Field]> {
    Some(match name {
        "ArrayAppendStmt" => &[("array", Integer, Required), ("value", Operand, Required)],
        "AssignIntStmt" | "MakeNumberIntStmt" => {
            &[("target", Integer, Required), ("value", Integer, Required)]
        }
        "AssignVarOnceStmt" | "AssignVarStmt" | "LenStmt" => {
            &[("source", Operand, Required), ("target", Integer, Required)]
        }
        "BlockStmt" => &[("blocks", BLOCKS, Required)],
        "BreakStmt" => &[("index", Integer, Required)],
        "CallDynamicStmt" => &[
            ("args", LOCALS, Required),
            ("path", OPERANDS, Required),
            ("result", Integer, Required),
        ],
        "CallStmt" => &[
            ("args", OPERANDS, Required),
            ("func", Text, Required),
            ("result", Integer, Required),
        ],
        "DotStmt" => &[
            ("key", Operand, Required),
            ("source", Operand, Required),
            ("target", Integer, Required),
        ],
        "EqualStmt" | "NotEqualStmt" => &[("a", Operand, Required), ("b", Operand, Required)],
        "IsArrayStmt" | "IsObjectStmt" | "IsSetStmt" => &[("source", Operand, Required)],
        "IsDefinedStmt" | "IsUndefinedStmt" | "ReturnLocalStmt" => &[("source", Integer, Required)],
        "MakeArrayStmt" => &[("capacity", Integer, Required), ("target", Integer, Required)],
        "MakeNullStmt" | "MakeObjectStmt" | "MakeSetStmt" | "ResetLocalStmt" => {
            &[("target", Integer, Required)]
        }
        "MakeNumberRefStmt" => &[
            ("index", Integer, Required),
            ("Index", Integer, Optional),
            ("target", Integer, Required),
        ],
        "NopStmt" => &[],
        "NotStmt" => &[("block", Block, Required)],
        "ObjectInsertOnceStmt" | "ObjectInsertStmt" => &[
            ("key", Operand, Required),
            ("object", Integer, Required),
            ("value", Operand, Required),
        ],
        "ObjectMergeStmt" => &[
            ("a", Integer, Required),
            ("b", Integer, Required),
            ("target", Integer, Required),
        ],
        "ResultSetAddStmt" => &[("value", Integer, Required)],
        "ScanStmt" => &[
            ("block", Block, Required),
            ("key", Integer, Required),
            ("source", Integer, Required),
            ("value", Integer, Required),
        ],
        "SetAddStmt" => &[("set", Integer, Required), ("value", Operand, Required)],
        "WithStmt" => &[
            ("block", Block, Required),
            ("local", Integer, Required),
            ("path", LOCALS, Required),
            ("value", Operand, Required),
        ],
        _ => return None,
    })
}

const LOCATION: &[Field] = &[
    ("file", Integer, Required),
    ("row", Integer, Required),
    ("col", Integer, Required),
    ("end_row", Integer, Required),
    ("end_col", Integer, Required),
];

/// Checks a plan, and adds the names of its statements to `statements`. The error says what is wrong where.
pub(crate) fn check(plan: &Json, statements: &mut BTreeSet<String>) -> Result<(), String> {
    is(POLICY, plan, "plan", statements)
}

fn is(what: Is, json: &Json, at: &str, statements: &mut BTreeSet<String>) -> Result<(), String> {
    let fits = match (what, json) {
        (Integer, json) => json.is_i64() || json.is_u64(),
        (Text, Json::String(_)) | (Opaque, Json::Object(_) | Json::Null) | (List(_, true), Json::Null) => {
            true
        }
        (Operand, Json::Object(operand)) => {
            operand.len() == 2
                && match operand.get("type").and_then(Json::as_str) {
                    Some("bool") => operand["value"].is_boolean(),
                    Some("local" | "string_index") => operand["value"].is_i64() || operand["value"].is_u64(),
                    _ => false,
                }
        }
        (Block, Json::Null) => !at.ends_with(']'),
        (Block, Json::Object(block)) => return stmts(block, at, statements),
        (Object(fields), Json::Object(object)) => return has(&[fields], object, at, statements),
        (List(each, _), Json::Array(items)) => {
            return items
                .iter()
                .enumerate()
                .try_for_each(|(n, item)| is(*each, item, &format!("{at}[{n}]"), statements));
        }
        _ => false,
    };
    fits.then_some(())
        .ok_or_else(|| format!("{at}: {json} does not fit"))
}

fn stmts(block: &Map<String, Json>, at: &str, statements: &mut BTreeSet<String>) -> Result<(), String> {
    let list = match block.get("stmts") {
        Some(Json::Array(list)) if block.len() == 1 => list,
        _ => return Err(format!("{at}: a block is `stmts` alone, a list")),
    };
    for (n, stmt) in list.iter().enumerate() {
        let at = format!("{at}.stmts[{n}]");
        let (Some(name), Some(Json::Object(body)), 2) = (
            stmt["type"].as_str(),
            stmt.get("stmt"),
            stmt.as_object().map_or(0, Map::len),
        ) else {
            return Err(format!("{at}: a statement is `type` and `stmt`"));
        };
        let fields = statement(name).ok_or_else(|| format!("{at}: there is no {name}"))?;
        statements.insert(name.to_owned());
        has(&[fields, LOCATION], body, &format!("{at}.{name}"), statements)?;
    }
    Ok(())
}

fn has(
    tables: &[&[Field]],
    object: &Map<String, Json>,
    at: &str,
    statements: &mut BTreeSet<String>,
) -> Result<(), String> {
    let fields = || tables.iter().copied().flatten();
    if let Some(more) = object.keys().find(|key| fields().all(|(name, ..)| name != key)) {
        return Err(format!("{at} has `{more}`, which the schema does not know"));
    }
    for (name, what, need) in fields() {
        match object.get(*name) {
            Some(value) => is(*what, value, &format!("{at}.{name}"), statements)?,
            None if *need == Required => return Err(format!("{at} lacks `{name}`")),
            None => {}
        }
    }
    Ok(())
}
