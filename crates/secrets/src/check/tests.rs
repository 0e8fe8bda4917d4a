use super::*;

#[test]
fn checksums_have_their_published_values() {
    // The token of GitHub's announcement's discussion, revoked; in two parts, so that scanners leave this file alone.
    assert_eq!(base62_crc32(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), "0mLq17");
    assert!(base62_crc32_holds(
        [&b"ghp_zQWBuTSOoRi4A9sp"[..], b"HcVY5ncnsDkxkJ0mLq17"]
            .concat()
            .as_slice()
    ));
    assert!(!base62_crc32_holds(
        [&b"ghp_zQWBuTSOoRi4A9sp"[..], b"HcVY5ncnsDkxkJ0mLq18"]
            .concat()
            .as_slice()
    ));
    // CRC-32's check value is 0xCBF43926.
    assert_eq!(grafana_crc32(b"123456789"), "2639f4cb");
    assert_eq!(routable_crc32(b"123456789"), "1kl8mjq");
}

#[test]
fn bech32_takes_the_vectors_of_bip_173() {
    for valid in [
        "A12UEL5L",
        "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw",
        "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
    ] {
        assert!(bech32_holds(valid.as_bytes()), "{valid}");
    }
    for invalid in [
        "A12UEL5M",
        "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxx",
        "li1dgmt3b",
        "nothing",
    ] {
        assert!(!bech32_holds(invalid.as_bytes()), "{invalid}");
    }
}

#[test]
fn an_access_key_names_its_account() {
    // The worked example of Be'ery's note.
    let id = [&b"ASIAQNZGKIQY"[..], b"56JQ7WML"].concat();
    assert_eq!(account_of_access_key(&id).as_deref(), Some("029608264753"));
    assert_eq!(account_of_access_key(b"AKIAIOSFODNN7EXAMPLE"), None);
    assert_eq!(account_of_access_key(b"AKIA"), None);
}

/// The bits are those of Be'ery's note: a 1, the 40 of the account, and others.
#[test]
fn every_account_is_named() {
    let id = |account: u64| {
        let bits = (1 << 44) | account << 4;
        let digits: Vec<u8> = (0..9)
            .rev()
            .map(|place| {
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::try_from(bits >> (5 * place) & 31).unwrap()]
            })
            .collect();
        account_of_access_key(&[b"AKIA", digits.as_slice(), b"AAAAAAA"].concat())
    };
    for account in [
        0,
        29_608_264_753,
        687_194_767_359,
        687_194_767_360,
        999_999_999_999,
    ] {
        assert_eq!(id(account), Some(format!("{account:012}")));
    }
    assert_eq!(id(1_000_000_000_000), None, "accounts have twelve digits");
}

#[test]
fn keys_of_azure_have_one_of_two_lengths() {
    let answer = |bytes: usize| Check::Base64Key.run(STANDARD.encode(vec![7; bytes]).as_bytes(), b"");
    for (bytes, wanted) in [(32, true), (64, true), (31, false), (48, false), (65, false)] {
        assert_eq!(answer(bytes) == Answer::Yes(None), wanted, "{bytes}");
    }
}

#[test]
fn values_of_settings_are_told_from_words_and_references() {
    for words in [
        "oauth2-token-v1",
        "kubernetes.io/service-account-token",
        "${DB_PASSWORD}",
        "{{ vault.secret }}",
        "sha256",
        "getenv('X1')",
        "550e8400-e29b-41d4-a716-446655440000",
        "x-amz-security-token",
        "arn:aws:secretsmanager:us-east-1:1:secret:a1b2c3d4e5",
        "https://example.org/a1b2c3d4e5f6",
        "user2 password3 text4",
        "getElementsByTagName2",
        "useOAuth2ForLogin",
        "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjF9.invalid",
    ] {
        assert!(!is_random(words.as_bytes()), "{words}");
    }
    for random in [
        "a8Kd02nXq9Lm3Zp1",
        "prod-9f8e7d6c5b4a39281706",
        "a8Kd02nX$q9Lm3Zp1$k2",
        "eyJhbGciOiJkaXIifQ..a8Kd02nXq9Lm3Zp1.q9Lm3Zp1.x1",
        "eyJ1c2VyIjoxfQ.a8Kd02.nXq9Lm3Zp1Kd02n",
        "bcrypt$a8Kd02nXq9Lm3Zp1$k2",
        "md5$a8Kd02nXq9Lm3Zp1$k2q9Lm3Zp1",
        "pbkdf2$a8Kd02nXq9Lm3Zp1$k2q9Lm3Zp1",
        "pbkdf2_sha256$870000$Z63pGJ7nre48hf$rQpKczAmijs96xaPVJifpT3F9k",
        "scrypt:32768:8:1$Z63pGJ7nre48hf$rQpKczAmijs96xaPVJifpT3F9k",
    ] {
        assert!(is_random(random.as_bytes()), "{random}");
    }
}

#[test]
fn hashes_of_passwords_have_the_form_of_their_method() {
    let base64 = |bytes: usize| STANDARD.encode(vec![0x5A; bytes]);
    let hexadecimal = |bytes: usize| "7f3a".repeat(bytes / 2);
    for hash in [
        format!("pbkdf2_sha256$870000$Z63pGJ7nre48hf${}", base64(32)),
        format!("pbkdf2_sha1$1000$Z63pGJ7nre48hf${}", base64(20)),
        format!("scrypt$16384$Z63pGJ7nre48hf$8$5${}", base64(64)),
        format!(
            "argon2$argon2id$v=19$m=102400,t=2,p=8$WjYzcEdKN25y${}",
            base64(32)
        ),
        format!(
            "bcrypt_sha256$$2b$12${}",
            "a8Kd02nXq9Lm3Zp1".repeat(4).get(..53).unwrap()
        ),
        format!("scrypt:32768:8:1$Z63pGJ7nre48hf${}", hexadecimal(64)),
        format!("pbkdf2:sha256:600000$Z63pGJ7nre48hf${}", hexadecimal(32)),
    ] {
        assert!(is_password_hash(hash.as_bytes()), "{hash}");
        let cut = &hash[..hash.len() - 4];
        assert!(
            !is_password_hash(cut.as_bytes()) || hash.starts_with("argon2"),
            "{cut}"
        );
    }
}

#[test]
fn a_token_ends_where_its_signature_can() {
    let encode = |text: &str| URL_SAFE.encode(text).trim_end_matches('=').to_owned();
    let begun = |algorithm: &str| {
        let header = encode(&format!(r#"{{"alg":"{algorithm}"}}"#));
        format!("{header}.{}.", encode(r#"{"sub":"a"}"#))
    };
    let token = format!("{}{}", begun("HS256"), "a7".repeat(21) + "a");
    for (behind, kept) in [("", 0), ("--", 0), ("_", 0), ("-prod", 5), ("7", 1)] {
        let taken = format!("{token}{behind}");
        assert_eq!(jwt_length(taken.as_bytes()), token.len() + kept, "{behind}");
        assert!(is_jwt(taken.as_bytes(), b""), "{behind}");
    }
    // RSA's over lines, and with a line behind it that is none of it.
    let line = "a7".repeat(38);
    let first = format!("{}{line}", begun("RS256"));
    assert!(is_jwt(
        first.as_bytes(),
        format!("\n{line}\r\n  {line}\n").as_bytes()
    ));
    assert!(!is_jwt(
        first.as_bytes(),
        format!("\n{line}\nand {line}").as_bytes()
    ));
    assert!(!is_jwt(first.as_bytes(), format!(" {line}{line}").as_bytes()));
}

#[test]
fn a_token_has_two_json_objects() {
    let encode = |text: &str| URL_SAFE.encode(text).trim_end_matches('=').to_owned();
    let token = |header: &str, payload: &str, signature: usize| {
        let signature = URL_SAFE.encode(vec![7; signature]);
        let signature = signature.trim_end_matches('=');
        format!("{}.{}.{signature}", encode(header), encode(payload))
    };
    assert!(is_jwt(
        token(r#"{"alg":"HS256"}"#, r#"{"sub":"a"}"#, 32).as_bytes(),
        b""
    ));
    assert!(!is_jwt(
        token(r#"{"typ":"JWT"}"#, r#"{"sub":"a"}"#, 32).as_bytes(),
        b""
    ));
    assert!(!is_jwt(token(r#"{"alg":"HS256"}"#, "[1]", 32).as_bytes(), b""));
    assert!(!is_jwt(b"eyJ.eyJ", b""));
    // Lengths of signatures by algorithm, such as are too short, and longer ones: hexadecimal digits, DER.
    for (algorithm, length, is) in [
        ("HS256", 20, false),
        ("HS256", 31, false),
        ("HS256", 64, true),
        ("ES256", 71, true),
        ("ES384", 103, true),
        ("HS384", 48, true),
        ("HS512", 64, true),
        ("RS256", 256, true),
        ("PS512", 512, true),
        ("RS256", 20, false),
        ("ES256", 64, true),
        ("ES384", 96, true),
        ("ES512", 132, true),
        ("ES512", 64, false),
        ("EdDSA", 64, true),
        ("own", 20, true),
    ] {
        let header = format!(r#"{{"alg":"{algorithm}"}}"#);
        let token = token(&header, r#"{"sub":"a"}"#, length);
        assert_eq!(is_jwt(token.as_bytes(), b""), is, "{algorithm} {length}");
    }
}
