//! Converting a big JSON document for the interpreter piece by piece.
//!
//! A parsed document takes about ten times its text's size, and the interpreter's form of it four to five times; having both at once is what a
//! decision point must not do, because allocators seldom give back what lies between. So a big object or array is
//! split into the texts of its members, and only pieces of a bounded size are ever parsed as a whole. The canonical encoding comes out on
//! the way, for the document's digest.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use stele_types::{Value, encoding, json};

use super::convert::{ConvertError, Interner, to_regorus};

/// Texts of up to this many bytes are parsed as a whole.
const PIECE: usize = 64 * 1024;

/// Why a document can't be converted.
#[derive(Debug)]
pub(crate) enum StreamError {
    /// It is no JSON, or nested too deeply: parse it as a whole for the exact place.
    Json,
    /// The encoding can't hold it.
    Encode(encoding::EncodeError),
    /// The interpreter can't.
    Convert(ConvertError),
}

/// Converts the JSON text `text`; the second value is its canonical encoding.
pub(crate) fn convert(text: &str) -> Result<(regorus::Value, Vec<u8>), StreamError> {
    // Taken at once: a buffer that grows between small allocations leaves holes behind. Untouched pages cost nothing.
    let encoded = Vec::with_capacity(text.len().saturating_mul(3));
    let mut stream = Stream {
        interner: Interner::sharing(),
        encoded,
    };
    let value = stream.piece(text.trim_matches([' ', '\t', '\r', '\n']))?;
    Ok((value, stream.encoded))
}

struct Stream {
    interner: Interner,
    encoded: Vec<u8>,
}

impl Stream {
    fn piece(&mut self, text: &str) -> Result<regorus::Value, StreamError> {
        if text.len() > PIECE {
            if text.starts_with('{') {
                return self.object(text);
            }
            if text.starts_with('[') {
                return self.array(text);
            }
        }
        let value = json::parse(text.as_bytes(), &json::Limits::default()).map_err(|_| StreamError::Json)?;
        encoding::encode_into(&value, &mut self.encoded).map_err(StreamError::Encode)?;
        to_regorus(&value, &mut self.interner).map_err(StreamError::Convert)
    }

    fn object(&mut self, text: &str) -> Result<regorus::Value, StreamError> {
        let members: Members<'_> = serde_json::from_str(text).map_err(|_| StreamError::Json)?;
        let mut container = Container::open(self, encoding::tag::OBJECT, members.0.len(), 2)?;
        // Collected in one block first: a tree that grows between small allocations leaves holes behind.
        let mut out = Vec::with_capacity(members.0.len());
        for (key, member) in members.0 {
            let key = Value::from(&*key);
            container.part(self)?;
            encoding::encode_into(&key, &mut self.encoded).map_err(StreamError::Encode)?;
            let key = to_regorus(&key, &mut self.interner).map_err(StreamError::Convert)?;
            container.part(self)?;
            out.push((key, self.piece(member.get())?));
        }
        container.close(self)?;
        Ok(regorus::Value::from(out.into_iter().collect::<BTreeMap<_, _>>()))
    }

    fn array(&mut self, text: &str) -> Result<regorus::Value, StreamError> {
        let items: Items<'_> = serde_json::from_str(text).map_err(|_| StreamError::Json)?;
        let mut container = Container::open(self, encoding::tag::ARRAY, items.0.len(), 1)?;
        let mut out = Vec::with_capacity(items.0.len());
        for item in items.0 {
            container.part(self)?;
            out.push(self.piece(item.get())?);
        }
        container.close(self)?;
        Ok(regorus::Value::from(out))
    }
}

/// A container whose encoding is being written: tag, body size, count, offsets, parts (`docs/formats/value-encoding.md`).
struct Container {
    start: usize,
    slot: usize,
}

impl Container {
    fn open(stream: &mut Stream, tag: u8, count: usize, parts_each: usize) -> Result<Self, StreamError> {
        let too_large = || StreamError::Encode(encoding::EncodeError::TooLarge);
        let start = stream.encoded.len();
        let count_word = u32::try_from(count).map_err(|_| too_large())?;
        let table = count
            .checked_mul(parts_each)
            .and_then(|slots| slots.checked_mul(4))
            .ok_or_else(too_large)?;
        stream.encoded.push(tag);
        stream.encoded.extend_from_slice(&[0; 4]);
        stream.encoded.extend_from_slice(&count_word.to_be_bytes());
        let slot = stream.encoded.len();
        stream.encoded.resize(slot.saturating_add(table), 0);
        Ok(Self { start, slot })
    }

    /// Notes that the next part starts here.
    fn part(&mut self, stream: &mut Stream) -> Result<(), StreamError> {
        self.patch(stream, self.slot, 0)?;
        self.slot = self.slot.saturating_add(4);
        Ok(())
    }

    fn close(self, stream: &mut Stream) -> Result<(), StreamError> {
        // The size counts what follows the tag and the size field itself.
        self.patch(stream, self.start.saturating_add(1), 5)
    }

    /// Writes the distance from the container's start to the end, less `less`, at `at`.
    fn patch(&self, stream: &mut Stream, at: usize, less: usize) -> Result<(), StreamError> {
        let distance = stream
            .encoded
            .len()
            .saturating_sub(self.start)
            .saturating_sub(less);
        let word =
            u32::try_from(distance).map_err(|_| StreamError::Encode(encoding::EncodeError::TooLarge))?;
        if let Some(slot) = stream.encoded.get_mut(at..at.saturating_add(4)) {
            slot.copy_from_slice(&word.to_be_bytes());
        }
        Ok(())
    }
}

/// The members of an object as texts, sorted by key; of several with one key the last counts, as everywhere in Stele.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut out = Vec::new();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    out.push((key, value));
                }
                // Reversed and sorted stably, the last of equal keys comes first and is the one that is kept.
                out.reverse();
                out.sort_by(|(a, _), (b, _)| a.cmp(b));
                out.dedup_by(|(a, _), (b, _)| a == b);
                Ok(Members(out))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

/// A key, borrowed from the text unless it holds escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The items of an array as texts.
struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Items<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<'de>, A::Error> {
                let mut out = Vec::new();
                while let Some(item) = seq.next_element::<&'de RawValue>()? {
                    out.push(item);
                }
                Ok(Items(out))
            }
        }
        deserializer.deserialize_seq(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(text: &str) {
        let whole = json::parse(text.as_bytes(), &json::Limits::default()).unwrap();
        let (value, encoded) = convert(text).unwrap();
        assert!(value == to_regorus(&whole, &mut Interner::passing()).unwrap());
        assert!(encoded == encoding::encode(&whole).unwrap());
    }

    #[test]
    fn pieces_give_what_the_whole_gives() {
        let long = "x".repeat(2 * PIECE);
        let items: Vec<String> = (0..20_000)
            .map(|i| format!("{{\"n\": {i}, \"f\": {i}.25, \"s\": \"\\u00e9{i}\"}}"))
            .collect();
        let list = format!("[{}]", items.join(" ,\n"));
        for text in [
            "{}".to_owned(),
            format!("\"{long}\""),
            format!("  {{ \"b\": \"{long}\", \"a\\n\": [1, 2], \"b\": \"{long}y\", \"é\": {{}} }}\n"),
            format!(
                "{{\"outer\": {{\"list\": {list}, \"empty\": [], \"n\": 18446744073709551616}}, \"null\": null}}"
            ),
            list,
        ] {
            same(&text);
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        let long = "x".repeat(2 * PIECE);
        for text in [
            format!("{{\"a\": \"{long}\""),
            format!("[\"{long}\", tru]"),
            format!("[\"{long}\"] x"),
            String::new(),
            format!("{{\"a\": \"{long}\", \"b\": 01}}"),
        ] {
            assert!(matches!(convert(&text), Err(StreamError::Json)), "{}", text.len());
        }
        let text = format!("[\"{long}\", 0.12345678901234567890]");
        assert!(matches!(convert(&text), Err(StreamError::Convert(_))));
    }
}
