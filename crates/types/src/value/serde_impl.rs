//! serde for [`Value`]: exact in both directions with `serde_json`'s text form.
//!
//! `serde_json` is built without arbitrary precision, so numbers beyond 64 bits travel as raw JSON text. Through
//! formats or adaptors without raw text (`#[serde(flatten)]`, untagged enums, YAML) a fraction is read as a double
//! and becomes the shortest decimal of that double; [`crate::json`] has no such limit.

use std::fmt;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

use super::Value;
use crate::{Number, json};

/// The name by which `serde_json` recognises a request for raw text. When it changes, reading falls back to doubles;
/// a test pins that it still works.
const RAW: &str = "$serde_json::private::RawValue";

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => serialize_number(number, serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serialize_all(items.iter(), items.len(), serializer),
            Self::Set(items) => serialize_all(items.iter(), items.len(), serializer),
            Self::Object(map) if map.keys().all(|key| matches!(key, Self::String(_))) => {
                let mut out = serializer.serialize_map(Some(map.len()))?;
                for (key, value) in map.iter() {
                    out.serialize_entry(key.as_str().unwrap_or_default(), value)?;
                }
                out.end()
            }
            Self::Object(_) => self.to_json_projection().serialize(serializer),
        }
    }
}

fn serialize_all<'a, S: Serializer>(
    items: impl Iterator<Item = &'a Value>,
    count: usize,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut out = serializer.serialize_seq(Some(count))?;
    for item in items {
        out.serialize_element(item)?;
    }
    out.end()
}

fn serialize_number<S: Serializer>(number: &Number, serializer: S) -> Result<S::Ok, S::Error> {
    if let Some(integer) = number.to_i64() {
        return serializer.serialize_i64(integer);
    }
    if let Some(integer) = number.to_u64() {
        return serializer.serialize_u64(integer);
    }
    let raw = RawValue::from_string(number.to_string()).map_err(S::Error::custom)?;
    raw.serialize(serializer)
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(RAW, Top)
    }
}

/// Takes raw JSON text where the format offers it, and any self-describing form elsewhere.
struct Top;

impl<'de> Visitor<'de> for Top {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(Any)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let Some(key) = map.next_key_seed(Any)? else {
            return Ok(Value::object([]));
        };
        if key.as_str() == Some(RAW) {
            let text: String = map.next_value()?;
            return json::parse(text.as_bytes(), &json::Limits::default()).map_err(de::Error::custom);
        }
        let first = map.next_value()?;
        read_map(vec![(key, first)], map)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Value, A::Error> {
        Any.visit_seq(seq)
    }
}

fn read_map<'de, A: MapAccess<'de>>(mut pairs: Vec<(Value, Value)>, mut map: A) -> Result<Value, A::Error> {
    while let Some(key) = map.next_key_seed(Any)? {
        pairs.push((key, map.next_value()?));
    }
    Ok(Value::object(pairs))
}

/// Reads whatever a self-describing format holds. Keys are read with it directly: they are never raw text.
struct Any;

impl<'de> DeserializeSeed<'de> for Any {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::string(text))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::from(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        read_map(Vec::new(), map)
    }
}
