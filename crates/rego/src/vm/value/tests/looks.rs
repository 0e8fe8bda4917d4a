//! Looking at values: order, equality, lookups, the canonical encoding.

use stele_types::encoding;

use super::*;

/// Two values that are often alike.
fn pair() -> impl Strategy<Value = (Value, Value)> {
    prop_oneof![
        (super::value(), super::value()),
        super::value().prop_map(|value| (value.clone(), value)),
        // The same beginning, and then more.
        (
            proptest::collection::vec(super::scalar(), 0..4),
            proptest::collection::vec(super::scalar(), 0..2)
        )
            .prop_map(|(start, more)| {
                let longer = start.iter().cloned().chain(more);
                (Value::array(start.clone()), Value::array(longer))
            }),
        (super::scalar(), super::scalar()),
    ]
}

proptest! {
    #[test]
    fn order_and_equality_are_those_of_values((a, b) in pair(), ways in any::<(u8, u8)>()) {
        let mut fixture = Fixture::new();
        let (x, y) = (fixture.bring(&a, ways.0), fixture.bring(&b, ways.1));
        let heap = fixture.heap();
        prop_assert_eq!(heap.cmp(x, y), a.cmp(&b));
        prop_assert_eq!(heap.cmp(y, x), b.cmp(&a));
        prop_assert_eq!(heap.eq(x, y), a == b);
        prop_assert_eq!(heap.eq(y, x), a == b);
        // What is the same word is the same value.
        prop_assert!(x != y || a == b);
    }

    #[test]
    fn lookups_are_those_of_values(value in super::value(), key in super::scalar(), ways in any::<(u8, u8)>()) {
        let mut fixture = Fixture::new();
        let source = fixture.bring(&value, ways.0);
        // Every key there is, and one that perhaps is not.
        let mut keys: Vec<Value> = match &value {
            Value::Object(map) => map.keys().cloned().collect(),
            Value::Set(set) => set.iter().cloned().collect(),
            Value::Array(items) => (-1..=items.len() as i64).map(Value::from).collect(),
            _ => Vec::new(),
        };
        keys.push(key);
        for key in keys {
            let val = fixture.bring(&key, ways.1);
            let found = fixture.heap().index(source, val);
            prop_assert_eq!(fixture.value(found), value.index(&key).cloned(), "under {}", key);
            if let Some(text) = key.as_str() {
                let found = fixture.heap().field_by_text(source, text);
                prop_assert_eq!(fixture.value(found), value.get(text).cloned());
            }
        }
    }

    #[test]
    fn what_is_told_of_a_value_is_so(value in super::value(), way in any::<u8>()) {
        let mut fixture = Fixture::new();
        let val = fixture.bring(&value, way);
        let heap = fixture.heap();
        prop_assert_eq!(heap.type_name(val), value.type_name());
        prop_assert_eq!(heap.as_text(val), value.as_str());
        let number = heap.number(val);
        prop_assert_eq!(number.as_deref(), value.as_number());
        let length = match &value {
            Value::String(text) => Some(text.chars().count()),
            Value::Array(items) => Some(items.len()),
            Value::Set(items) => Some(items.len()),
            Value::Object(map) => Some(map.len()),
            _ => None,
        };
        prop_assert_eq!(heap.length(val), length);
    }

    #[test]
    fn the_encoding_is_that_of_values(value in super::value(), way in any::<u8>()) {
        let mut fixture = Fixture::new();
        let val = fixture.bring(&value, way);
        let mut out = b"before".to_vec();
        fixture.heap().encode(val, &mut out).unwrap();
        let bytes = out.split_off(6);
        prop_assert_eq!(&bytes, &encoding::encode(&value).unwrap());
        prop_assert_eq!(encoding::decode(&bytes, &encoding::Limits::default()).unwrap(), value);
    }

    #[test]
    fn the_encoding_can_be_written_over_what_was_there(
        values in proptest::collection::vec((super::value(), any::<u8>()), 1..6)
    ) {
        let mut fixture = Fixture::new();
        let (mut out, mut projected) = (vec![0xaa; 7], vec![0xbb; 7]);
        for (value, way) in values {
            let val = fixture.bring(&value, way);
            let length = fixture.heap().encode_over(val, &mut out).unwrap();
            prop_assert_eq!(&out[..length], &encoding::encode(&value).unwrap());
            let length = fixture.heap().encode_projected_over(val, &mut projected).unwrap();
            prop_assert_eq!(&projected[..length], &encoding::encode(&value.json_projection()).unwrap());
        }
    }

    #[test]
    fn sorting_keeps_each_once_and_the_last_of_equal_keys(
        pairs in proptest::collection::vec((super::scalar(), super::number(), any::<u8>()), 0..20)
    ) {
        let mut fixture = Fixture::new();
        let mut parts = Vec::new();
        for (key, value, way) in &pairs {
            let key = fixture.bring(key, *way);
            parts.extend([key, fixture.scratch.number(value.clone())]);
        }
        let mut members: Vec<Val> = parts.iter().copied().step_by(2).collect();
        fixture.heap().sort_pairs(&mut parts);
        fixture.heap().sort_members(&mut members);
        let map: BTreeMap<Value, Value> =
            pairs.iter().map(|(key, value, _)| (key.clone(), Value::Number(value.clone()))).collect();
        let (object, set) = (
            fixture.scratch.collection(Kind::Object, &parts),
            fixture.scratch.collection(Kind::Set, &members),
        );
        let keys: BTreeSet<Value> = map.keys().cloned().collect();
        prop_assert_eq!(parts.len(), map.len() * 2);
        prop_assert_eq!(members.len(), keys.len());
        prop_assert_eq!(fixture.value(object), Some(Value::from(map)));
        prop_assert_eq!(fixture.value(set), Some(Value::from(keys)));
    }
}

/// Texts around the size that is copied at once, at the end of their region and before it.
#[test]
fn texts_of_all_lengths_are_encoded() {
    for length in 0..80 {
        let text = |letter: &str| Value::from(letter.repeat(length).as_str());
        let value = Value::array([text("a"), text("b"), Value::from(""), text("é")]);
        let mut fixture = Fixture::new();
        let val = fixture.load(&value);
        let mut out = Vec::new();
        fixture.heap().encode(val, &mut out).unwrap();
        assert_eq!(out, encoding::encode(&value).unwrap(), "{length}");
    }
}

#[test]
fn values_nested_too_deeply_have_no_encoding() {
    let mut fixture = Fixture::new();
    let mut value = Value::Null;
    for depth in 0..=encoding::MAX_DEPTH + 2 {
        let val = fixture.load(&value);
        let mut out = Vec::new();
        let encoded = fixture.heap().encode(val, &mut out).map(|()| out);
        assert_eq!(encoded, encoding::encode(&value), "depth {depth}");
        let (mut over, heap) = (b"what was there".to_vec(), fixture.heap());
        let length = heap.encode_projected_over(val, &mut over);
        let projected = encoding::encode(&value.json_projection());
        assert_eq!(
            length.map(|length| over[..length].to_vec()),
            projected,
            "depth {depth}"
        );
        assert_eq!(encoded.is_ok(), depth <= encoding::MAX_DEPTH);
        value = if depth % 2 == 0 {
            Value::array([value])
        } else {
            Value::set([value])
        };
    }
}

/// Objects large enough for an index, in every way in which they come, looked up with keys that come in every way.
#[test]
fn large_objects_are_looked_up_as_values_are() {
    for count in [16_i64, 17, 100, 3_000] {
        let mut pairs: Vec<(Value, Value)> = (0..count)
            .map(|number| (format!("key-{}", number * 7).as_str().into(), number.into()))
            .collect();
        let constants = super::constant_texts();
        pairs.extend(
            constants
                .iter()
                .map(|text| (text.as_str().into(), text.as_str().into())),
        );
        let strings = Value::object(pairs.clone());
        pairs.push((5.into(), "five".into()));
        let mixed = Value::object(pairs);
        for object in [strings, mixed] {
            let json = stele_types::json::to_vec(&object);
            let back = Fixture::new().load_json(&json, &stele_types::json::Limits::default());
            assert_eq!(back, Ok(object.to_json_projection()));
            for way in 0..3 {
                let mut fixture = Fixture::new();
                let source = fixture.bring(&object, way);
                let keys = (0..count * 7).map(|number| Value::from(format!("key-{number}").as_str()));
                let others = [5.into(), "5".into(), "".into(), Value::Null, Value::array([])];
                let constants = constants.iter().map(|text| Value::from(text.as_str()));
                for (at, key) in keys.chain(others).chain(constants).enumerate() {
                    let val = fixture.bring(&key, u8::try_from(at % 3).unwrap());
                    let found = fixture.heap().index(source, val);
                    assert_eq!(
                        fixture.value(found),
                        object.index(&key).cloned(),
                        "{count}, {way}: {key}"
                    );
                }
                assert_eq!(fixture.value(source), Some(object.clone()));
            }
        }
    }
}
