//! Collections under construction.

use super::*;

/// Few enough keys to meet again, more than the index begins at.
fn keys() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(prop_oneof![super::scalar(), super::value()], 1..60)
}

proptest! {
    #[test]
    fn objects_are_maps(
        keys in keys(),
        steps in proptest::collection::vec((any::<proptest::sample::Index>(), 0..3_i64, any::<bool>(), any::<u8>()), 0..150),
    ) {
        let mut fixture = Fixture::new();
        let mut builders = Builders::default();
        let mut wanted: BTreeMap<Value, Value> = BTreeMap::new();
        let mut object = builders.begin(Kind::Object, &[], &fixture.heap());
        for (pick, number, once, way) in steps {
            let key = &keys[pick.index(keys.len())];
            let (value, number) = (Value::from(number), Val::small(number).unwrap());
            let conflict = once && wanted.get(key).is_some_and(|old| *old != value);
            let word = fixture.bring(key, way);
            let inserted = builders.insert(object, word, number, once, &fixture.heap());
            prop_assert_eq!(inserted, if conflict { Inserted::Conflict } else { Inserted::Yes });
            if !conflict {
                wanted.insert(key.clone(), value);
            }
            // Now and then somebody reads it, and it grows again from a copy.
            if way % 16 == 0 {
                let sealed = builders.seal(object, &mut fixture.heap());
                prop_assert_eq!(fixture.value(sealed), Some(Value::from(wanted.clone())));
                let parts = fixture.heap().parts(sealed).to_vec();
                object = builders.begin(Kind::Object, &parts, &fixture.heap());
            }
        }
        let sealed = builders.seal(object, &mut fixture.heap());
        prop_assert_eq!(fixture.heap().parts(sealed).len(), wanted.len() * 2);
        prop_assert_eq!(fixture.value(sealed), Some(Value::from(wanted)));
    }

    #[test]
    fn sets_are_sets_and_arrays_are_lists(
        members in keys(),
        picks in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..300),
    ) {
        let mut fixture = Fixture::new();
        let mut builders = Builders::default();
        // Both at once: builders do not disturb one another.
        let mut set = builders.begin(Kind::Set, &[], &fixture.heap());
        let array = builders.begin(Kind::Array, &[], &fixture.heap());
        let (mut wanted, mut list) = (BTreeSet::new(), Vec::new());
        for (pick, way) in picks {
            let member = &members[pick.index(members.len())];
            let word = fixture.bring(member, way);
            builders.add(set, word, &fixture.heap());
            builders.append(array, word);
            wanted.insert(member.clone());
            list.push(member.clone());
            if way % 32 == 0 {
                let sealed = builders.seal(set, &mut fixture.heap());
                prop_assert_eq!(fixture.value(sealed), Some(Value::from(wanted.clone())));
                let parts = fixture.heap().parts(sealed).to_vec();
                set = builders.begin(Kind::Set, &parts, &fixture.heap());
            }
        }
        let (set, array) = (builders.seal(set, &mut fixture.heap()), builders.seal(array, &mut fixture.heap()));
        prop_assert_eq!(fixture.heap().parts(set).len(), wanted.len());
        prop_assert_eq!(fixture.value(set), Some(Value::from(wanted)));
        prop_assert_eq!(fixture.value(array), Some(Value::from(list)));
    }
}

#[test]
fn builders_are_used_again() {
    let mut fixture = Fixture::new();
    let mut builders = Builders::default();
    for round in 0..3_i64 {
        let object = builders.begin(Kind::Object, &[], &fixture.heap());
        for key in 0..100 {
            let (key, value) = (Val::small(key).unwrap(), Val::small(round).unwrap());
            let inserted = builders.insert(object, key, value, true, &fixture.heap());
            assert_eq!(inserted, Inserted::Yes);
        }
        if round == 1 {
            // Given up, not sealed.
            builders.clear();
            continue;
        }
        assert_eq!(builders.bytes(), 1600);
        let sealed = builders.seal(object, &mut fixture.heap());
        assert_eq!(builders.bytes(), 0);
        let wanted = Value::object((0..100).map(|key| (Value::from(key), Value::from(round))));
        assert_eq!(fixture.value(sealed), Some(wanted));
        if round == 0 {
            builders.shrink();
        }
    }
}
