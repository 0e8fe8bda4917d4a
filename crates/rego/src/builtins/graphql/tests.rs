#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use stele_types::Value;

use crate::builtins::{BuiltinError, Function, Session};
use crate::eval::{Budget, Context, LimitKind, Limits};

const SCHEMA: &str = r#"
  interface Pet { name: String!  friends(first: Int = 3): [Pet!] }
  type Dog implements Pet { name: String!  friends(first: Int = 3): [Pet!]  barks: Boolean  size(unit: Unit!): Float }
  type Cat implements Pet { name: String!  friends(first: Int = 3): [Pet!]  meows: Boolean  barks: String }
  union Animal = Dog | Cat
  enum Unit { METER FOOT }
  scalar Any
  input Filter { name: String!  limit: Int = 10  inner: Filter  tags: [String!] }
  input Pick @oneOf { id: ID  name: String }
  type Query {
    pet(id: ID): Pet
    dog: Dog
    cat: Cat
    animal: Animal
    find(filter: Filter, pick: Pick, any: Any, ids: [Int!]): [Pet]
  }
  type Subscription { born: Pet  died: Pet }
"#;

fn call(function: Function, args: &[&Value]) -> Result<Value, BuiltinError> {
    let limits = Limits::default();
    let mut session = Session::new(Context::default(), Budget::new(limits));
    let args: Vec<Value> = args.iter().map(|arg| (*arg).clone()).collect();
    function(&mut session, &args)
}

fn text(text: &str) -> Value {
    Value::string(text)
}

/// Why the query is not valid; nothing if it is.
fn fault(query: &str) -> Option<String> {
    let result = call(super::parse, &[&text(query), &text(SCHEMA)]);
    let valid = call(super::is_valid, &[&text(query), &text(SCHEMA)]).unwrap();
    assert_eq!(valid, Value::from(result.is_ok()), "{query}");
    result.err().map(|error| error.to_string())
}

#[track_caller]
fn valid(query: &str) {
    assert_eq!(fault(query), None, "{query}");
}

#[track_caller]
fn broken(query: &str, wanted: &str) {
    let found = fault(query).unwrap_or_default();
    assert!(
        found.contains(wanted),
        "{query}\nwanted: {wanted}\nfound: {found}"
    );
}

#[track_caller]
fn bad_schema(schema: &str, wanted: &str) {
    let found = call(super::parse, &[&text(""), &text(schema)])
        .unwrap_err()
        .to_string();
    assert!(
        found.contains(wanted),
        "{schema}\nwanted: {wanted}\nfound: {found}"
    );
    assert_eq!(
        call(super::schema_is_valid, &[&text(schema)]),
        Ok(Value::from(false))
    );
}

#[track_caller]
fn good_schema(schema: &str) {
    assert_eq!(
        call(super::schema_is_valid, &[&text(schema)]),
        Ok(Value::from(true)),
        "{schema}"
    );
}

#[test]
fn fields_must_exist_and_have_the_right_selections() {
    valid("{ dog { name barks size(unit: METER) } pet { __typename ... on Dog { barks } } }");
    broken(
        "{ dog { meows } }",
        "Cannot query field \"meows\" on type \"Dog\"",
    );
    broken("{ dog }", "must have a selection of subfields");
    broken("{ dog { name { __typename } } }", "must not have a selection");
    broken(
        "mutation { x }",
        "Schema does not support operation type \"mutation\"",
    );
    broken(
        "{ dog { size } }",
        "argument \"unit\" of type \"Unit!\" is required",
    );
    broken(
        "{ dog { size(unit: METER, unit: FOOT) } }",
        "only one argument named \"unit\"",
    );
    broken(
        "{ dog { name(a: 1) } }",
        "Unknown argument \"a\" on field \"Dog.name\"",
    );
}

#[test]
fn fragments_must_fit_and_be_used() {
    valid("{ pet { ...F } } fragment F on Pet { name ... on Cat { meows } }");
    broken("{ pet { ...F } }", "Unknown fragment \"F\"");
    broken(
        "{ pet { name } } fragment F on Pet { name }",
        "Fragment \"F\" is never used",
    );
    broken(
        "{ pet { ...F } } fragment F on Nix { name }",
        "Unknown type \"Nix\"",
    );
    broken(
        "{ pet { ... on Unit { __typename } } }",
        "non composite type \"Unit\"",
    );
    broken("{ dog { ... on Cat { name } } }", "can never be of type \"Cat\"");
    broken(
        "{ dog { ...F } } fragment F on Cat { name }",
        "Fragment \"F\" cannot be spread here",
    );
    let twice = "{ pet { ...F } } fragment F on Pet { name } fragment F on Pet { name }";
    broken(twice, "only one fragment named \"F\"");
    let cycle = "{ pet { ...F } } fragment F on Pet { friends { ...G } } fragment G on Pet { ...F }";
    broken(cycle, "within itself");
}

#[test]
fn variables_must_be_defined_used_and_fit() {
    valid("query Q($id: ID) { pet(id: $id) { name } }");
    valid("query ($u: Unit = METER) { dog { size(unit: $u) } }");
    broken("{ pet(id: $id) { name } }", "Variable \"$id\" is not defined");
    broken(
        "query Q($id: ID) { dog { name } }",
        "Variable \"$id\" is never used in operation \"Q\"",
    );
    broken("query ($id: ID, $id: ID) { pet(id: $id) { name } }", "never used");
    broken(
        "query ($u: Unit) { dog { size(unit: $u) } }",
        "used in position expecting type \"Unit!\"",
    );
    broken("query ($u: Dog) { dog { size(unit: $u) } }", "used in position");
    broken("query ($u: Dog) { find(any: $u) { name } }", "used in position");
    broken("query ($u: Nix) { dog { name } }", "Unknown type \"Nix\"");
}

#[test]
fn literals_must_have_the_type() {
    valid(
        r#"{ find(filter: {name: "a", tags: ["b"], inner: {name: "c"}}, any: {x: [1, {y: 2}]}) { name } }"#,
    );
    valid("{ pet(id: 4) { name } }");
    broken(
        "{ find(filter: {}) { name } }",
        "\"Filter.name\" of required type \"String!\"",
    );
    broken(
        "{ find(filter: {name: 1}) { name } }",
        "String cannot represent a non string value: 1",
    );
    broken(
        r#"{ find(filter: {name: "a", b: 1}) { name } }"#,
        "Field \"b\" is not defined by type \"Filter\"",
    );
    broken(
        r#"{ find(filter: {name: "a", name: "b"}) { name } }"#,
        "only one input field named \"name\"",
    );
    broken(
        "{ find(ids: [null]) { name } }",
        "Expected value of type \"Int!\", found null",
    );
    broken(
        "{ find(ids: [99999999999999999999]) { name } }",
        "non 32-bit signed integer",
    );
    broken("{ find(pick: {}) { name } }", "must specify exactly one key");
    broken("{ find(pick: {id: null}) { name } }", "must be non-null");
    broken(
        "query ($n: String) { find(pick: {name: $n}) { name } }",
        "must be non-nullable",
    );
    broken(
        "{ dog { size(unit: INCH) } }",
        "Value \"INCH\" does not exist in \"Unit!\" enum",
    );
    broken(
        "{ dog { size(unit: \"METER\") } }",
        "cannot represent non-enum value: \"METER\"",
    );
}

#[test]
fn directives_must_be_known_and_in_place() {
    valid("query ($b: Boolean!) { dog @skip(if: $b) @include(if: true) { name } }");
    broken("{ dog @nix { name } }", "Unknown directive \"@nix\"");
    broken(
        "{ dog @skip { name } }",
        "argument \"if\" of type \"Boolean!\" is required",
    );
    broken(
        "query @skip(if: true) { dog { name } }",
        "may not be used on QUERY",
    );
    broken(
        "{ dog @skip(if: true) @skip(if: true) { name } }",
        "only be used once",
    );
}

#[test]
fn fields_of_one_name_must_be_one() {
    valid("{ dog { name name } dog { barks } }");
    valid("{ animal { ... on Dog { x: barks } ... on Cat { y: barks } } }");
    broken(
        "{ dog { x: name x: barks } }",
        "\"name\" and \"barks\" are different fields",
    );
    broken(
        "{ pet(id: 1) { name } pet(id: 2) { name } }",
        "differing arguments",
    );
    broken(
        "{ animal { ... on Dog { barks } ... on Cat { barks } } }",
        "conflicting types \"Boolean\" and \"String\"",
    );
    broken("{ dog { x: name } dog { x: barks } }", "subfields \"x\" conflict");
    let through = "{ dog { ...A ...B } } fragment A on Dog { x: name } fragment B on Dog { x: barks }";
    broken(through, "different fields");
}

#[test]
fn operations() {
    valid("query A { dog { name } } query B { dog { name } }");
    valid("");
    broken(
        "query A { dog { name } } query A { dog { name } }",
        "only one operation named \"A\"",
    );
    broken(
        "{ dog { name } } query A { dog { name } }",
        "must be the only defined operation",
    );
    broken(
        "subscription S { born { name } died { name } }",
        "must select only one top level field",
    );
    let introspection = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }";
    broken(introspection, "Maximum introspection depth");
    valid("{ __type(name: \"Dog\") { fields { name } } }");
}

#[test]
fn schemas() {
    good_schema("type Query { a: Int } extend type Query { b: Int }");
    good_schema("interface I { a(x: Int): I } type T implements I { a(x: Int, y: Int = 1): T }");
    bad_schema("type A { x: Nix }", "Undefined type Nix");
    bad_schema("type A { x: Int } type A { y: Int }", "Cannot redeclare type A");
    bad_schema("scalar Int", "Cannot redeclare type Int");
    bad_schema(
        "directive @a on FIELD directive @a on FIELD",
        "Cannot redeclare directive a",
    );
    good_schema("directive @skip on FIELD");
    bad_schema(
        "type A { x: Int } extend input A { y: Int }",
        "Cannot extend type A",
    );
    bad_schema("type A { x: Int x: Int }", "Field A.x can only be defined once");
    bad_schema("type A { __x: Int }", "must not begin with");
    bad_schema("type A { x(a: A): Int }", "not a valid input type");
    bad_schema(
        "input I { x: A } type A { y: Int }",
        "field must be one of SCALAR, ENUM, INPUT_OBJECT",
    );
    bad_schema("enum E { true }", "non-enum value true");
    bad_schema("union U = E enum E { A }", "must be OBJECT");
    bad_schema("type A @deprecated { x: Int }", "not applicable on OBJECT");
    bad_schema("type A { x: Int @nix }", "Undefined directive nix");
    bad_schema("scalar S @specifiedBy", "cannot be null");
    bad_schema(
        "directive @a(x: Int @a) on ARGUMENT_DEFINITION",
        "cannot refer to itself",
    );
    bad_schema(
        "interface I { a: Int } type T implements I { b: Int }",
        "must have a field called a",
    );
    bad_schema(
        "interface I { a: Int! } type T implements I { a: Int }",
        "must have type Int!",
    );
    bad_schema(
        "interface I { a(x: Int): Int } type T implements I { a: Int }",
        "missing x",
    );
    bad_schema(
        "interface I { a: Int } type T implements I { a(x: Int!): Int }",
        "x is required",
    );
    let inherited =
        "interface I { a: Int } interface J implements I { a: Int } type T implements J { a: Int }";
    bad_schema(inherited, "must implement I");
    bad_schema("schema { query: Nix }", "does not exist");
    bad_schema(
        "schema { query: A } schema { query: A } type A { x: Int }",
        "multiple schema entry points",
    );
}

#[test]
fn trees_show_comments_where_opa_has_them() {
    let schema = "# one\n\"text\"\n# two\ntype A {\n # three\n x: Int\n # four\n}\n# five";
    let tree = call(super::parse_schema, &[&text(schema)]).unwrap();
    let json = stele_types::json::to_string(&tree);
    let group = |key: &str, comment: &str| format!("\"{key}\":{{\"List\":[{{\"Value\":\"# {comment}\"}}]}}");
    for (key, comment) in [
        ("BeforeDescriptionComment", "one"),
        ("AfterDescriptionComment", "two"),
        ("AfterDescriptionComment", "three"),
        ("EndOfDefinitionComment", "four"),
        ("Comment", "five"),
    ] {
        assert!(json.contains(&group(key, comment)), "{key} {comment}: {json}");
    }
    let tree = call(super::parse_query, &[&text("# one\nquery Q { # two\n a }")]).unwrap();
    let json = stele_types::json::to_string(&tree);
    assert!(
        json.contains(&group("Comment", "one")) && json.contains(&group("Comment", "two")),
        "{json}"
    );
}

#[test]
fn trees_can_be_given_back() {
    let schema = call(super::parse_schema, &[&text(SCHEMA)]).unwrap();
    let query =
        "query Q($id: ID = 4) { pet(id: $id) @skip(if: false) { a: name friends(first: 2) { name } } }";
    let query = call(super::parse_query, &[&text(query)]).unwrap();
    let both = Value::array([query.clone(), schema.clone()]);
    assert_eq!(call(super::parse, &[&query, &schema]), Ok(both));
    // OPA takes a spread in an object for a field.
    let spread = "{ pet { ...F } } fragment F on Pet { name }";
    let spread = call(super::parse_query, &[&text(spread)]).unwrap();
    assert_eq!(call(super::is_valid, &[&spread, &schema]), Ok(Value::from(false)));
}

#[test]
fn objects_that_are_no_trees_are_not_valid() {
    let tree = |json: &str| {
        stele_types::json::parse(json.as_bytes(), &stele_types::json::Limits::default()).unwrap()
    };
    let schema = text(SCHEMA);
    for json in [
        r#"{"Operations": 1}"#,
        r#"{"Operations": [1]}"#,
        r#"{"Operations": [{"Operation": "nix"}]}"#,
        r#"{"Operations": [{"VariableDefinitions": [{"Variable": "a"}]}]}"#,
    ] {
        assert_eq!(
            call(super::is_valid, &[&tree(json), &schema]),
            Ok(Value::from(false)),
            "{json}"
        );
    }
    let other_case = tree(r#"{"operations": []}"#);
    let refused = call(super::is_valid, &[&other_case, &schema]);
    assert!(matches!(refused, Err(BuiltinError::Refused(_))), "{refused:?}");
    assert_eq!(
        call(super::is_valid, &[&Value::from(1), &schema]),
        Ok(Value::from(false))
    );
    assert!(matches!(
        call(super::parse, &[&Value::from(1), &schema]),
        Err(BuiltinError::Type(_))
    ));
}

#[test]
fn deep_documents_are_refused() {
    let deep = |open: &str, close: &str| format!("{{ a{}b{} }}", open.repeat(20_000), close.repeat(20_000));
    let list = format!("{{ a(x: {}1{}) }}", "[".repeat(20_000), "]".repeat(20_000));
    let of_type = format!(
        "query ($a: {}Int{}) {{ b }}",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    for query in [deep("{a", "}"), deep("{...", "}"), list, of_type] {
        let result = call(super::is_valid, &[&text(&query), &text(SCHEMA)]);
        assert!(matches!(result, Err(BuiltinError::Refused(_))), "{result:?}");
    }
    let chain: String = (0..5_000)
        .map(|index| format!("fragment F{index} on Pet {{ friends {{ ...F{} }} }} ", index + 1))
        .collect();
    let chain = format!("{{ pet {{ ...F0 }} }} {chain} fragment F5000 on Pet {{ name }}");
    let result = call(super::is_valid, &[&text(&chain), &text(SCHEMA)]);
    assert!(matches!(result, Err(BuiltinError::Refused(_))), "{result:?}");
    let mut tree = Value::object([]);
    for _ in 0..2_000 {
        tree = Value::object([(text("SelectionSet"), Value::array([tree]))]);
    }
    let tree = Value::object([(text("Operations"), Value::array([tree]))]);
    let result = call(super::is_valid, &[&tree, &text(SCHEMA)]);
    assert!(matches!(result, Err(BuiltinError::Refused(_))), "{result:?}");
}

#[test]
fn costly_documents_meet_the_limit() {
    // Each fragment spreads the next one many times.
    let fragments: String = (0..24)
        .map(|index| {
            let spreads = format!("a: fields {{ ...F{0} }} b: fields {{ ...F{0} }} ", index + 1).repeat(8);
            format!("fragment F{index} on __Type {{ {spreads} }} ")
        })
        .collect();
    let query = format!(
        "{{ __type(name: \"a\") {{ ofType {{ name }} ...F0 }} }} {fragments} fragment F24 on __Type {{ name }}"
    );
    let limits = Limits {
        instructions: 100_000,
        ..Limits::default()
    };
    let mut session = Session::new(Context::default(), Budget::new(limits));
    let result = super::is_valid(&mut session, &[text(&query), text(SCHEMA)]);
    let stopped = matches!(result, Err(BuiltinError::Limit(LimitKind::Instructions)))
        || result == Ok(Value::from(false));
    assert!(stopped, "{result:?}");
}

#[test]
fn whatever_the_text_there_is_an_answer() {
    let pieces = [
        "{", "}", "(", ")", "a", "on", "...", "\"", "\"\"\"", "$", "@", ":", "1", "[", "]", "type", "extend",
        "#", "\n", "é",
    ];
    let mut state = 7_u64;
    for _ in 0..3_000 {
        let mut document = String::new();
        for _ in 0..12 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let index = usize::try_from(state >> 33).unwrap() % pieces.len();
            document.push_str(pieces.get(index).unwrap());
        }
        let _ = call(super::parse_query, &[&text(&document)]);
        let _ = call(super::parse_schema, &[&text(&document)]);
        assert!(call(super::is_valid, &[&text(&document), &text(SCHEMA)]).is_ok());
    }
}
