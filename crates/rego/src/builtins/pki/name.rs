//! Distinguished names (RFC 5280 section 4.1.2.4) in the form that Go's have in JSON.

use num_bigint::BigInt;
use stele_types::{Number, Value};

use super::der::{self, Cursor, Item};
use super::json::{base64, numbers, object};

/// The lists that Go sorts attributes of type `2.5.4.N` into.
const LISTS: [(u64, &str); 7] = [
    (6, "Country"),
    (7, "Locality"),
    (8, "Province"),
    (9, "StreetAddress"),
    (10, "Organization"),
    (11, "OrganizationalUnit"),
    (17, "PostalCode"),
];

/// A string of any of ASN.1's types; nothing if it is not one, or not valid.
fn text(item: &Item<'_>) -> Option<String> {
    let bytes = item.content;
    let printable = |b: &u8| b.is_ascii_alphanumeric() || b" '()*+,-./:=?&".contains(b);
    match item.tag {
        0x0c => String::from_utf8(bytes.to_vec()).ok(),
        0x12 if !bytes.iter().all(|b| b.is_ascii_digit() || *b == b' ') => None,
        0x13 if !bytes.iter().all(printable) => None,
        0x12 | 0x13 | 0x16 => bytes.is_ascii().then(|| String::from_utf8(bytes.to_vec()).ok())?,
        // T.61 is read as Latin-1.
        0x14 => Some(bytes.iter().copied().map(char::from).collect()),
        0x1e => {
            let (pairs, []) = bytes.as_chunks::<2>() else {
                return None;
            };
            let points: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            String::from_utf16(points.strip_suffix(&[0]).unwrap_or(&points)).ok()
        }
        _ => None,
    }
}

/// A value of an attribute.
pub(crate) fn value(item: &Item<'_>) -> Option<Value> {
    match item.tag {
        der::INTEGER => number(&der::integer(item.content)?),
        der::OCTET_STRING => Some(base64(item.content)),
        der::BOOLEAN => der::boolean(item.content).map(Value::from),
        der::NULL => Some(Value::Null),
        der::OID => Some(numbers(&der::arcs(item.content)?)),
        _ => text(item).map(Value::from),
    }
}

fn number(integer: &BigInt) -> Option<Value> {
    Number::try_from(integer.clone()).ok().map(Value::Number)
}

/// A name; nothing if it is broken.
pub(crate) fn name(raw: &[u8]) -> Option<Value> {
    let (mut common, mut serial) = (Value::from(""), Value::from(""));
    let mut all = Vec::new();
    let mut lists: [Vec<Value>; 7] = Default::default();
    for set in Cursor::new(Cursor::only(raw, der::SEQUENCE)?).items()? {
        for attribute in Cursor::new(Some(set).filter(|set| set.tag == der::SET)?.content).items()? {
            let mut fields = Cursor::new(attribute.content);
            let kind = der::arcs(fields.expect(der::OID)?)?;
            let item = fields.item()?;
            let value = value(&item)?;
            all.push(object([("Type", numbers(&kind)), ("Value", value.clone())]));
            let ([2, 5, 4, last], Value::String(_)) = (kind.as_slice(), &value) else {
                continue;
            };
            match last {
                3 => common = value,
                5 => serial = value,
                _ => {
                    let list = LISTS.iter().position(|(kind, _)| kind == last);
                    lists
                        .get_mut(list.unwrap_or(usize::MAX))
                        .into_iter()
                        .for_each(|list| list.push(value.clone()));
                }
            }
        }
    }
    let or_null = |list: Vec<Value>| if list.is_empty() { Value::Null } else { list.into() };
    let fixed = [
        ("CommonName", common),
        ("SerialNumber", serial),
        ("Names", or_null(all)),
        ("ExtraNames", Value::Null),
    ];
    let lists = LISTS
        .iter()
        .zip(lists)
        .map(|((_, name), list)| (*name, or_null(list)));
    Some(object(fixed.into_iter().chain(lists)))
}
