//! Vectors of RFC 7515 and RFC 8037, and what the conformance cases do not pin.

use stele_types::{Timestamp, Value, json};

use super::super::{Body, BuiltinError, Session, base64, find};
use crate::eval::{Budget, Context, LimitKind, Limits};

fn call_within(limits: Limits<'_>, name: &str, args: &[Value]) -> Result<Value, BuiltinError> {
    let Body::Function(function) = find(name).unwrap().body else {
        panic!("{name} is refused")
    };
    let context = Context::at(Timestamp::from_nanos(1_300_000_000_000_000_000));
    function(&mut Session::new(context, Budget::new(limits)), args)
}

/// The result as JSON.
fn call(name: &str, args: &[Value]) -> String {
    match call_within(Limits::default(), name, args) {
        Ok(value) => json::to_string(&value),
        Err(error) => format!("error: {error}"),
    }
}

fn document(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}

/// What `io.jwt.decode_verify` says first.
fn valid(token: &str, constraints: &str) -> String {
    let result = call("io.jwt.decode_verify", &[token.into(), document(constraints)]);
    if result.starts_with('[') {
        json::to_string(document(&result).as_array().unwrap().first().unwrap())
    } else {
        result
    }
}

fn quoted(text: &str) -> String {
    json::to_string(&text.into())
}

const CLAIMS: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

/// A token signed with HMAC under `secret`.
fn sign(header: &str, payload: &str, secret: &str) -> String {
    let signed = format!(
        "{}.{}",
        base64::encode_url(header.as_bytes()),
        base64::encode_url(payload.as_bytes())
    );
    let mac = crate::builtins::pki::scheme::Hash::Sha256.mac(secret.as_bytes(), signed.as_bytes());
    format!("{signed}.{}", base64::encode_url(mac.as_ref()))
}

const HS256: &str = r#"{"alg":"HS256"}"#;

#[test]
fn rfc_7515_a1_hmac() {
    let token = format!(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{CLAIMS}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
    let key = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
    assert_eq!(valid(&token, &format!(r#"{{"cert":{}}}"#, quoted(key))), "true");
    let late = format!(r#"{{"cert":{},"time":1300819380000000000}}"#, quoted(key));
    assert_eq!(valid(&token, &late), "false");
    let decoded = document(&call("io.jwt.decode", &[token.as_str().into()]));
    let want = r#"[{"alg":"HS256","typ":"JWT"},{"exp":1300819380,"http://example.com/is_root":true,"iss":"joe"},
        "7418dfb49799e0254ffa607dd8adbbba16d4254d69d6bff05b58055853848d79"]"#;
    assert_eq!(decoded, document(want));
}

#[test]
fn rfc_7515_a3_ecdsa() {
    let token = format!(
        "eyJhbGciOiJFUzI1NiJ9.{CLAIMS}.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    let key = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    assert_eq!(
        call("io.jwt.verify_es256", &[token.as_str().into(), key.into()]),
        "true"
    );
    assert_eq!(
        call("io.jwt.verify_es384", &[token.as_str().into(), key.into()]),
        "false"
    );
    assert_eq!(valid(&token, &format!(r#"{{"cert":{}}}"#, quoted(key))), "true");
    // The same numbers under another name, and a point that is not on the curve.
    let off = key.replace("f83O", "f84O");
    let error = call(
        "io.jwt.verify_es256",
        &[token.as_str().into(), off.as_str().into()],
    );
    assert_eq!(
        error,
        "error: failed to parse a JWK key (set): the point is not on the curve"
    );
    // A private key verifies nothing, as in OPA.
    let private = key.replace(
        "\"x\"",
        "\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\",\"x\"",
    );
    assert_eq!(
        call(
            "io.jwt.verify_es256",
            &[token.as_str().into(), private.as_str().into()]
        ),
        "false"
    );
}

#[test]
fn rfc_8037_a5_ed25519() {
    let token = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    assert_eq!(call("io.jwt.verify_eddsa", &[token.into(), key.into()]), "true");
    let other = token.replace("RXhh", "RYhh");
    assert_eq!(call("io.jwt.verify_eddsa", &[other.into(), key.into()]), "false");
    assert_eq!(
        call("io.jwt.decode", &[token.into()]),
        "error: invalid JSON: line 1, column 1 (byte 0): expected a value"
    );
}

#[test]
fn the_key_that_is_named_is_the_one() {
    let key = |kid: &str, alg: &str, k: &str| {
        format!(
            r#"{{"kty":"oct","kid":"{kid}","alg":"{alg}","k":"{}"}}"#,
            base64::encode_url(k.as_bytes())
        )
    };
    let cert = |keys: &[String]| {
        format!(
            r#"{{"cert":{}}}"#,
            quoted(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")))
        )
    };
    let named = sign(r#"{"alg":"HS256","kid":"b"}"#, "{}", "two");
    let (one, two) = (key("a", "HS256", "one"), key("b", "HS256", "two"));
    assert_eq!(valid(&named, &cert(&[one.clone(), two.clone()])), "true");
    assert_eq!(
        valid(
            &named,
            &cert(&[key("b", "HS256", "one"), key("c", "HS256", "two")])
        ),
        "false"
    );
    assert_eq!(
        valid(&named, &cert(&[one.clone(), key("c", "HS256", "two")])),
        "true"
    );
    assert_eq!(
        valid(&named, &cert(&[one.clone(), key("c", "HS384", "two")])),
        "false"
    );
    // A key for an algorithm that nobody knows does not even verify what names it.
    assert_eq!(valid(&named, &cert(&[key("b", "XY1", "two")])), "false");
    assert_eq!(valid(&named, &cert(&[])), "false");
}

#[test]
fn constraints_are_checked() {
    let token = sign(
        HS256,
        r#"{"iss":"joe","aud":["a","b"],"nbf":1300000000,"exp":1300000000.5}"#,
        "s",
    );
    for (constraints, want) in [
        (r#"{"secret":"s","aud":"a"}"#, "true"),
        (r#"{"secret":"t","aud":"a"}"#, "false"),
        (r#"{"secret":"s"}"#, "false"),
        (r#"{"secret":"s","aud":"b","iss":"joe","alg":"HS256"}"#, "true"),
        (r#"{"secret":"s","aud":"b","iss":"jim"}"#, "false"),
        (r#"{"secret":"s","aud":"b","alg":"HS384"}"#, "false"),
        (r#"{"secret":"s","aud":"b","time":1299999999999999000}"#, "false"),
        (r#"{"secret":"s","aud":"b","time":1300000000499999000}"#, "true"),
        (r#"{"secret":"s","aud":"b","time":1300000000500000000}"#, "false"),
        (r#"{"aud":"b"}"#, "error: no key constraint"),
        (r#"{"secret":""}"#, "error: no key constraint"),
        (
            r#"{"secret":"s","cert":"{\"keys\":[]}"}"#,
            "error: duplicate key constraints",
        ),
        (
            r#"{"secret":"s","time":-1}"#,
            "error: token time constraint: must not be negative",
        ),
        (
            r#"{"secret":"s","time":"1"}"#,
            "error: token time constraint: must be a number",
        ),
        (r#"{"secret":1}"#, "error: secret constraint: must be a string"),
        (
            r#"{"secret":"s","sub":"x"}"#,
            "error: unknown token validation constraint: \"sub\"",
        ),
    ] {
        assert_eq!(valid(&token, constraints), want, "{constraints}");
    }
}

#[test]
fn headers_that_must_not_pass_do_not() {
    for (header, want) in [
        (r#"{"alg":"none"}"#, "false"),
        (r#"{"typ":"JWT"}"#, "false"),
        (r#"{"alg":"RS256"}"#, "false"),
        (r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#, "false"),
        (r#"{"alg":"HS256","crit":["exp"]}"#, "true"),
        (
            r#"{"alg":"HS256","crit":[]}"#,
            "error: crit: must be a nonempty list",
        ),
        (r#"{"alg":"HS256","crit":"b64"}"#, "error: crit: must be a list"),
        (r#"{"alg":1}"#, "error: alg: must be a string"),
        (
            r#"{"alg":"HS256","enc":"x"}"#,
            "error: JWT is a JWE object, which is not supported",
        ),
        (r#"{"alg":"none","alg":"HS256"}"#, "true"),
        ("[]", "error: bad JWT header: decoded JSON type was not an Object"),
    ] {
        assert_eq!(
            valid(&sign(header, "{}", "s"), r#"{"secret":"s"}"#),
            want,
            "{header}"
        );
    }
    let unsigned = sign(r#"{"alg":"none"}"#, "{}", "s");
    let unsigned = unsigned.rsplit_once('.').unwrap().0;
    assert_eq!(valid(&format!("{unsigned}."), r#"{"secret":"s"}"#), "false");
}

#[test]
fn nested_tokens_are_opened() {
    let inner = sign(HS256, r#"{"a":1}"#, "s");
    let outer = sign(r#"{"alg":"HS256","cty":"JWT"}"#, &inner, "s");
    assert_eq!(valid(&outer, r#"{"secret":"s"}"#), "true");
    let forged = sign(
        r#"{"alg":"HS256","cty":"jwt"}"#,
        &sign(HS256, r#"{"a":1}"#, "t"),
        "s",
    );
    assert_eq!(valid(&forged, r#"{"secret":"s"}"#), "false");
    let quoted = sign(r#"{"alg":"HS256","cty":"JWT"}"#, &format!("\"{inner}\""), "s");
    assert_eq!(
        call("io.jwt.decode", &[quoted.as_str().into()]),
        call("io.jwt.decode", &[inner.as_str().into()])
    );
}

#[test]
fn work_with_keys_is_charged() {
    let key = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let limits = Limits {
        instructions: 500,
        ..Limits::default()
    };
    let result = call_within(limits, "io.jwt.verify_eddsa", &["e30.e30.".into(), key.into()]);
    assert_eq!(result, Err(LimitKind::Instructions.into()));
}

/// Signs claims with a key and verifies them with its public part; says what the token is.
fn signed(alg: &str, private: &str, public: &str) -> String {
    let header = document(&format!(r#"{{"alg":"{alg}"}}"#));
    let token = call(
        "io.jwt.encode_sign",
        &[header, document(r#"{"a":"<1>"}"#), document(private)],
    );
    let token = document(&token).as_str().unwrap().to_owned();
    assert_eq!(
        valid(&token, &format!(r#"{{"cert":{}}}"#, quoted(public))),
        "true",
        "{alg}"
    );
    token
}

#[test]
fn signatures_are_deterministic_and_verify() {
    let public = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let private = public.replace(
        "\"x\"",
        "\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\",\"x\"",
    );
    let token = signed("ES256", &private, public);
    assert_eq!(token, signed("ES256", &private, public));
    assert!(
        token.starts_with("eyJhbGciOiJFUzI1NiJ9.eyJhIjoiXHUwMDNjMVx1MDAzZSJ9."),
        "as Go writes JSON: {token}"
    );
    let public = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let private = public.replace(
        "\"x\"",
        "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\",\"x\"",
    );
    signed("EdDSA", &private, public);
    let raw = |header: &str, payload: &str, key: &str| {
        call(
            "io.jwt.encode_sign_raw",
            &[header.into(), payload.into(), key.into()],
        )
    };
    assert_eq!(
        raw(
            r#"{"alg":"EdDSA","typ":"text"}"#,
            "Example of Ed25519 signing",
            &private
        )
        .split('.')
        .nth(1),
        Some("RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc")
    );
    // RFC 8037 A.4, which OPA would refuse for want of a type: its payload is not JSON.
    assert_eq!(
        raw(r#"{"alg":"EdDSA"}"#, "Example", &private),
        "error: type is JWT but payload is not JSON"
    );
}

#[test]
fn keys_sign_with_their_algorithm_only() {
    let oct = r#"{"kty":"oct","k":"c2VjcmV0"}"#;
    let sign = |alg: &str, key: &str| {
        let header = document(&format!(r#"{{"alg":"{alg}"}}"#));
        call("io.jwt.encode_sign", &[header, document("{}"), document(key)])
    };
    assert_eq!(
        sign("HS512", oct),
        "\"eyJhbGciOiJIUzUxMiJ9.e30.P_BilX5OMTZKsBDTFb9h2C5aNxDSLeVYdFVlW-kFPt8qhmCbCCSc59tt4AGdEHRhjIdKjE-Q-d0Se3XEk0_EuQ\""
    );
    assert_eq!(sign("none", oct), "error: unknown JWS algorithm: none");
    assert_eq!(sign("HS256", r#"{"keys":[]}"#), "error: no keys found in JWK set");
    assert_eq!(
        sign("HS256", r#"{"kty":"oct","k":""}"#),
        "error: the key is empty"
    );
    let okp = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}"#;
    assert_eq!(sign("ES256", okp), "error: the key is not for the algorithm");
    assert_eq!(sign("HS256", okp), "error: the key is not for the algorithm");
}
