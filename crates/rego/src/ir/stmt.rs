//! The statements. One table, [`statements!`], yields the enum, its names, and the JSON form in both directions.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::{ParseError, Parser, Printer};
use super::{Block as BlockBody, Local, Location, Operand, json};

/// A statement with the place in the source that it was compiled from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stmt {
    /// What to do.
    pub kind: StmtKind,
    /// Where it comes from.
    pub location: Location,
}

impl Stmt {
    /// Pairs `kind` with `location`.
    #[must_use]
    pub fn new(kind: StmtKind, location: Location) -> Self {
        Self { kind, location }
    }
}

/// Defines [`StmtKind`], the wire form of each statement, and the conversions between the two.
///
/// JSON of a statement: `{"type": "DotStmt", "stmt": {FIELDS..., "file": F, "col": C, "row": R, "end_col": C, "end_row": R}}`.
/// Plans of OPA before it knew where statements end lack the last two.
macro_rules! statements {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident ($json:literal) {
            $( $(#[doc = $fdoc:literal])+ $(#[serde($($attr:tt)*)])? $field:ident : $ty:ty , )*
        }
    )+) => {
        /// The operation of a statement.
        ///
        /// "Undefined" below means: execution leaves the innermost block, as by a break of index 0. A statement that
        /// reads an undefined local is undefined unless it says otherwise. A look-up, length or call that is undefined leaves its target
        /// undefined too; a function is called even if an argument is undefined, a builtin is not.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum StmtKind {
            $( $(#[doc = $doc])+ $name { $( $(#[doc = $fdoc])+ $field: $ty, )* }, )+
        }

        impl StmtKind {
            /// Every name of a statement in JSON.
            pub const NAMES: &'static [&'static str] = &[$($json),+];

            /// The statement's name in JSON, `DotStmt`.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $( Self::$name { .. } => $json, )+
                }
            }

            /// Prints the fields for the text form.
            pub(super) fn print_fields(&self, printer: &mut Printer<'_>) {
                match self {
                    $( Self::$name { $($field),* } => {
                        $( printer.field(stringify!($field), $field); )*
                    } )+
                }
            }

            /// Reads the fields of the statement `name` (as in JSON) from the text form; `None` if there is no such statement.
            pub(super) fn parse_fields(name: &str, parser: &mut Parser<'_>) -> Result<Option<Self>, ParseError> {
                // One function a statement: parsing recurses, so the frames must stay small.
                $(
                    #[allow(non_snake_case, unused_variables, reason = "named after the statement; it may have no field")]
                    fn $name(parser: &mut Parser<'_>) -> Result<StmtKind, ParseError> {
                        Ok(StmtKind::$name { $( $field: parser.field(stringify!($field))?, )* })
                    }
                )+
                match name {
                    $( $json => $name(parser).map(Some), )+
                    _ => Ok(None),
                }
            }
        }

        /// The statement's fields and location, borrowed, in OPA's order.
        enum BodyRef<'a> {
            $( $name { $( $field: &'a $ty, )* location: Location }, )+
        }

        impl<'a> From<&'a Stmt> for BodyRef<'a> {
            fn from(stmt: &'a Stmt) -> Self {
                let location = stmt.location;
                match &stmt.kind {
                    $( StmtKind::$name { $($field),* } => Self::$name { $($field,)* location }, )+
                }
            }
        }

        impl Serialize for BodyRef<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $( Self::$name { $($field,)* location } => {
                        #[derive(Serialize)]
                        struct Body<'a> {
                            $( $(#[serde($($attr)*)])? $field: &'a $ty, )*
                            file: u32,
                            col: u32,
                            row: u32,
                            end_col: u32,
                            end_row: u32,
                            #[serde(skip)]
                            _lifetime: std::marker::PhantomData<&'a ()>,
                        }
                        let body = Body {
                            $($field,)*
                            file: location.file,
                            col: location.col,
                            row: location.row,
                            end_col: location.end_col,
                            end_row: location.end_row,
                            _lifetime: std::marker::PhantomData,
                        };
                        body.serialize(serializer)
                    } )+
                }
            }
        }

        mod wire {
            use super::*;

            $(
                #[derive(Deserialize)]
                pub(super) struct $name {
                    $( $(#[serde($($attr)*)])? pub(super) $field: $ty, )*
                    #[serde(default)]
                    pub(super) file: u32,
                    #[serde(default)]
                    pub(super) col: u32,
                    #[serde(default)]
                    pub(super) row: u32,
                    #[serde(default)]
                    pub(super) end_col: u32,
                    #[serde(default)]
                    pub(super) end_row: u32,
                }
            )+

            #[derive(Deserialize)]
            #[serde(tag = "type", content = "stmt")]
            pub(super) enum Stmt {
                $( #[serde(rename = $json)] $name($name), )+
            }
        }

        impl From<wire::Stmt> for Stmt {
            fn from(stmt: wire::Stmt) -> Self {
                match stmt {
                    $( wire::Stmt::$name(body) => Self {
                        location: Location {
                            file: body.file,
                            row: body.row,
                            col: body.col,
                            end_row: body.end_row,
                            end_col: body.end_col,
                        },
                        kind: StmtKind::$name { $( $field: body.$field, )* },
                    }, )+
                }
            }
        }
    };
}

statements! {
    /// Appends `value` to the array in `array`. Here and in the other statements that grow a collection, no other value changes that
    /// the collection was assigned to, inserted into or passed to before.
    ArrayAppend("ArrayAppendStmt") {
        /// The element.
        value: Operand,
        /// The local that holds the array.
        array: Local,
    }
    /// Sets `target` to an integer.
    AssignInt("AssignIntStmt") {
        /// The integer.
        value: i64,
        /// The local to set.
        target: Local,
    }
    /// Sets `target` to `source` once: an error (conflict) when it already holds a different value, and no effect when
    /// it holds an equal one. This is how a complete rule with two bodies conflicts.
    AssignVarOnce("AssignVarOnceStmt") {
        /// The value.
        source: Operand,
        /// The local to set.
        target: Local,
    }
    /// Sets `target` to `source`.
    AssignVar("AssignVarStmt") {
        /// The value.
        source: Operand,
        /// The local to set.
        target: Local,
    }
    /// Executes nested blocks one after the other; a block that is left early only ends itself. Always defined.
    Block("BlockStmt") {
        /// The blocks.
        #[serde(deserialize_with = "json::null_is_empty")]
        blocks: Vec<BlockBody>,
    }
    /// Leaves `index + 1` blocks: 0 leaves the block that holds the statement, 1 also the block around it, and so on.
    /// The bodies of `Block`, `Scan`, `Not` and `With` count. In the body of a `Scan`, 0 goes on with the next element.
    Break("BreakStmt") {
        /// How many enclosing blocks to leave besides the innermost.
        index: u32,
    }
    /// Calls the function whose path equals `path`. Without such a function the statement is undefined. When there is one
    /// and its result is undefined, execution leaves *three* blocks (a break of index 2): OPA puts the statement into a
    /// block of alternatives, and an undefined rule must not fall through to the alternative that reads base data.
    CallDynamic("CallDynamicStmt") {
        /// Locals to pass.
        #[serde(deserialize_with = "json::null_is_empty")]
        args: Vec<Local>,
        /// Local that takes the result.
        result: Local,
        /// Path of the function.
        #[serde(deserialize_with = "json::null_is_empty")]
        path: Vec<Operand>,
    }
    /// Calls a function or builtin by name. Undefined when its result is.
    Call("CallStmt") {
        /// Name of the function or builtin.
        func: String,
        /// Arguments.
        #[serde(deserialize_with = "json::null_is_empty")]
        args: Vec<Operand>,
        /// Local that takes the result.
        result: Local,
    }
    /// Looks `key` up in `source`: an object's key, an array's index, a set's member. Undefined when absent.
    Dot("DotStmt") {
        /// The collection.
        source: Operand,
        /// The key.
        key: Operand,
        /// Local that takes the value.
        target: Local,
    }
    /// Undefined unless `a` and `b` are equal.
    Equal("EqualStmt") {
        /// One side.
        a: Operand,
        /// The other side.
        b: Operand,
    }
    /// Undefined unless `source` is an array.
    IsArray("IsArrayStmt") {
        /// The value to test.
        source: Operand,
    }
    /// Undefined unless `source` is defined.
    IsDefined("IsDefinedStmt") {
        /// The local to test.
        source: Local,
    }
    /// Undefined unless `source` is an object.
    IsObject("IsObjectStmt") {
        /// The value to test.
        source: Operand,
    }
    /// Undefined unless `source` is a set.
    IsSet("IsSetStmt") {
        /// The value to test.
        source: Operand,
    }
    /// Undefined unless `source` is undefined.
    IsUndefined("IsUndefinedStmt") {
        /// The local to test.
        source: Local,
    }
    /// Sets `target` to the number of elements of a collection, or of characters of a string. Undefined for others.
    Len("LenStmt") {
        /// The collection.
        source: Operand,
        /// Local that takes the length.
        target: Local,
    }
    /// Sets `target` to an empty array.
    MakeArray("MakeArrayStmt") {
        /// How many elements will follow; a hint.
        capacity: u32,
        /// The local to set.
        target: Local,
    }
    /// Sets `target` to null.
    MakeNull("MakeNullStmt") {
        /// The local to set.
        target: Local,
    }
    /// Sets `target` to an integer.
    MakeNumberInt("MakeNumberIntStmt") {
        /// The integer.
        value: i64,
        /// The local to set.
        target: Local,
    }
    /// Sets `target` to the number whose decimal text is a string constant.
    MakeNumberRef("MakeNumberRefStmt") {
        /// Index of the text in [`super::Static::strings`]. (In JSON it stands twice, as `index` and as `Index`, which older readers know.)
        #[serde(flatten, with = "json::number_index")]
        index: u32,
        /// The local to set.
        target: Local,
    }
    /// Sets `target` to an empty object.
    MakeObject("MakeObjectStmt") {
        /// The local to set.
        target: Local,
    }
    /// Sets `target` to an empty set.
    MakeSet("MakeSetStmt") {
        /// The local to set.
        target: Local,
    }
    /// Does nothing.
    Nop("NopStmt") {
    }
    /// Undefined unless `a` and `b` differ.
    NotEqual("NotEqualStmt") {
        /// One side.
        a: Operand,
        /// The other side.
        b: Operand,
    }
    /// Undefined if the block runs to its end; defined if the block is left early by an undefined statement.
    Not("NotStmt") {
        /// The negated statements.
        block: BlockBody,
    }
    /// Inserts a key into the object in `object` once: an error (conflict) when the key has a different value.
    ObjectInsertOnce("ObjectInsertOnceStmt") {
        /// The key.
        key: Operand,
        /// The value.
        value: Operand,
        /// The local that holds the object.
        object: Local,
    }
    /// Inserts a key into the object in `object`, replacing its value.
    ObjectInsert("ObjectInsertStmt") {
        /// The key.
        key: Operand,
        /// The value.
        value: Operand,
        /// The local that holds the object.
        object: Local,
    }
    /// Sets `target` to the recursive merge of two objects; where both have a key that is not an object in both, `a`
    /// wins. The value of `a` unless both are objects.
    ObjectMerge("ObjectMergeStmt") {
        /// The object that wins.
        a: Local,
        /// The object that gives way.
        b: Local,
        /// Local that takes the merged object.
        target: Local,
    }
    /// Makes `target` undefined.
    ResetLocal("ResetLocalStmt") {
        /// The local to reset.
        target: Local,
    }
    /// Adds a value to the result set of the plan.
    ResultSetAdd("ResultSetAddStmt") {
        /// The value.
        value: Local,
    }
    /// Returns from the function with the value of `source`, which may be undefined.
    ReturnLocal("ReturnLocalStmt") {
        /// The result.
        source: Local,
    }
    /// Executes the block for every element of `source`, with `key` and `value` set: index and element of an array, key
    /// and value of an object, member and member of a set. A scalar has no elements. Always defined.
    Scan("ScanStmt") {
        /// The collection.
        source: Local,
        /// Local that takes the key.
        key: Local,
        /// Local that takes the value.
        value: Local,
        /// What to execute for each element.
        block: BlockBody,
    }
    /// Adds a value to the set in `set`.
    SetAdd("SetAddStmt") {
        /// The member.
        value: Operand,
        /// The local that holds the set.
        set: Local,
    }
    /// Executes the block with `local` (input, data, or what they were replaced by) changed: the value at `path` (string
    /// constants; empty means the whole document) becomes `value`, with missing or non-object intermediate nodes
    /// created. Afterwards `local` has its old value again. Undefined when the block was left early.
    With("WithStmt") {
        /// The local to change.
        local: Local,
        /// Indices of the string constants that make up the path.
        #[serde(deserialize_with = "json::null_is_empty")]
        path: Vec<u32>,
        /// The replacement.
        value: Operand,
        /// What to execute.
        block: BlockBody,
    }
}

impl Serialize for Stmt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_struct("Stmt", 2)?;
        json.serialize_field("type", self.kind.name())?;
        json.serialize_field("stmt", &BodyRef::from(self))?;
        json.end()
    }
}

impl<'de> Deserialize<'de> for Stmt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        wire::Stmt::deserialize(deserializer).map(Self::from)
    }
}
