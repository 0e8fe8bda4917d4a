//! Path segments and query parameters.

use super::ApiError;

/// Decoded query parameters, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    /// Decodes a query string.
    ///
    /// # Errors
    /// 400 when a percent escape is broken or does not spell UTF-8.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        let Some(query) = query else {
            return Ok(Self::default());
        };
        let pairs = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name, true)?, decode(value, true)?))
            })
            .collect::<Result<_, ApiError>>()?;
        Ok(Self { pairs })
    }

    /// The first value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A boolean as OPA reads it: present and empty, or `true`, is true.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.is_empty() || value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// A number, if the parameter is there.
    ///
    /// # Errors
    /// 400 when it isn't one.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.get(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    ApiError::invalid(format!("parameter `{name}` must be a whole number, not `{text}`"))
                })
            })
            .transpose()
    }
}

/// Splits a path's rest into decoded segments. One trailing slash is ignored, as OPA does.
///
/// # Errors
/// 400 when a percent escape is broken, does not spell UTF-8, or a segment is empty.
pub(crate) fn decode_segments(rest: &str) -> Result<Vec<String>, ApiError> {
    let rest = rest.strip_prefix('/').unwrap_or(rest);
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    rest.split('/')
        .map(|segment| {
            if segment.is_empty() {
                return Err(ApiError::invalid(format!("path `{rest}` has an empty segment")));
            }
            decode(segment, false)
        })
        .collect()
}

/// Percent-decodes; in a query string a plus is a space.
fn decode(text: &str, plus: bool) -> Result<String, ApiError> {
    if !text.bytes().any(|byte| byte == b'%' || (plus && byte == b'+')) {
        return Ok(text.to_owned());
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'%' => {
                let Some(byte) = tail.split_at_checked(2).and_then(|(pair, after)| {
                    rest = after;
                    hex_pair(pair)
                }) else {
                    return Err(ApiError::invalid(format!("`{text}` has a broken percent escape")));
                };
                bytes.push(byte);
            }
            b'+' if plus => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).map_err(|_| ApiError::invalid(format!("`{text}` does not decode to UTF-8")))
}

/// Two hexadecimal digits as a byte.
fn hex_pair(pair: &[u8]) -> Option<u8> {
    let [high, low] = pair else { return None };
    let high = char::from(*high).to_digit(16)?;
    let low = char::from(*low).to_digit(16)?;
    u8::try_from((high << 4) | low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_decode() {
        let params = Params::parse(Some("pretty&q=a%20b+c&metrics=true&explain=")).unwrap();
        assert!(params.flag("pretty") && params.flag("metrics") && params.flag("explain"));
        assert!(!params.flag("q") && !params.flag("absent"));
        assert_eq!(params.get("q"), Some("a b c"));
    }

    #[test]
    fn broken_escapes_are_refused() {
        for query in ["q=%", "q=%4", "q=%zz", "q=%ff"] {
            assert_eq!(
                Params::parse(Some(query)).unwrap_err().code,
                "invalid_parameter",
                "{query}"
            );
        }
    }

    #[test]
    fn numbers_are_checked() {
        let params = Params::parse(Some("limit=x")).unwrap();
        assert!(params.number("limit").unwrap_err().message.contains("limit"));
        assert_eq!(params.number("absent").unwrap(), None);
    }

    #[test]
    fn segments_decode_one_by_one() {
        assert_eq!(decode_segments("/a/b%2Fc/").unwrap(), ["a", "b/c"]);
        assert_eq!(decode_segments("/").unwrap(), Vec::<String>::new());
        assert_eq!(decode_segments("/a+b").unwrap(), ["a+b"]);
        assert!(decode_segments("/a//b").is_err());
    }
}
