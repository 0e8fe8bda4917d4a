use std::collections::BTreeMap;

use super::*;
use crate::json;

fn v(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}

#[test]
fn order_is_regos() {
    let ascending = [
        Value::Null,
        v("false"),
        v("true"),
        v("-1"),
        v("0.5"),
        v("1e30"),
        v("\"\""),
        v("\"B\""),
        v("\"a\""),
        v("\"é\""),
        v("[]"),
        v("[1]"),
        v("[1,0]"),
        v("[2]"),
        v("{}"),
        v(r#"{"a":1}"#),
        v(r#"{"a":1,"b":0}"#),
        v(r#"{"a":2}"#),
        v(r#"{"b":0}"#),
        Value::set([]),
        Value::set([v("1")]),
        Value::set([v("1"), v("2")]),
        Value::set([v("2")]),
    ];
    for (i, a) in ascending.iter().enumerate() {
        for (j, b) in ascending.iter().enumerate() {
            assert_eq!(a.cmp(b), i.cmp(&j), "{a:?} against {b:?}");
        }
    }
}

#[test]
fn projection_turns_sets_into_arrays_and_keys_into_text() {
    let value = Value::object([
        (v("1"), Value::set([v("2"), v("1")])),
        (v("[true]"), v("null")),
        (v("\"k\""), Value::array([Value::set([])])),
    ]);
    assert!(!value.is_json());
    let projected = value.to_json_projection();
    assert!(projected.is_json());
    assert_eq!(
        json::to_string(&projected),
        r#"{"1":[1,2],"[true]":null,"k":[[]]}"#
    );
    assert_eq!(json::to_string(&value), json::to_string(&projected));
    assert_eq!(
        serde_json::to_string(&value).unwrap(),
        json::to_string(&projected)
    );
    let plain = v(r#"{"a":[1]}"#);
    assert!(matches!(plain.json_projection(), Cow::Borrowed(_)));
    let clash = Value::object([(v("1"), v("\"number\"")), (v("\"1\""), v("\"string\""))]);
    assert_eq!(clash.to_json_projection(), v(r#"{"1":"string"}"#));
    assert_eq!(json::to_string(&clash), r#"{"1":"string"}"#);
}

#[test]
fn serde_keeps_numbers_exact() {
    let text = r#"{"a":0.1234567890123456789012345,"b":123456789012345678901234567890,"c":[1.50,18446744073709551615]}"#;
    let value: Value = serde_json::from_str(text).unwrap();
    assert_eq!(value, v(text));
    let back = serde_json::to_string(&value).unwrap();
    assert_eq!(back, text.replace("1.50", "1.5"));

    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Holder {
        input: Option<Value>,
        map: BTreeMap<String, Value>,
    }
    let holder = Holder {
        input: Some(v(text)),
        map: [("k".to_owned(), v(text))].into(),
    };
    let bytes = serde_json::to_vec(&holder).unwrap();
    assert_eq!(serde_json::from_slice::<Holder>(&bytes).unwrap(), holder);
    assert_eq!(serde_json::from_slice::<Value>(b"null").unwrap(), Value::Null);
    assert!(serde_json::from_slice::<Value>(b"{").is_err());
}

#[test]
fn serde_works_without_raw_text() {
    let tree = serde_json::json!({"a": [1, -2, 0.5, "x", null, true, {}], "b": {"c": []}});
    let value: Value = serde_json::from_value(tree.clone()).unwrap();
    assert_eq!(value, v(&tree.to_string()));

    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Holder { value: Value },
    }
    let Untagged::Holder { value } =
        serde_json::from_str(r#"{"value":{"x":[1,0.25,null,"s",{"y":false}]}}"#).unwrap();
    assert_eq!(value, v(r#"{"x":[1,0.25,null,"s",{"y":false}]}"#));
}

#[test]
fn lookups() {
    let value = v(r#"{"a":[10,20],"b":null}"#);
    assert_eq!(value.get("b"), Some(&Value::Null));
    assert_eq!(value.get("c"), None);
    assert_eq!(value.get("a").unwrap().index(&v("1")), Some(&v("20")));
    assert_eq!(value.get("a").unwrap().index(&v("-1")), None);
    assert_eq!(value.get("a").unwrap().index(&v("0.5")), None);
    assert_eq!(Value::set([v("1")]).index(&v("1")), Some(&v("1")));
    assert_eq!(format!("{:?}", Value::set([v("1")])), "{1}");
}
