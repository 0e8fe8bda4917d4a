//! Source code and what lies beside it, generated: nothing in it is a secret, and much looks like one.

use super::Chance;
use std::fmt::Write as _;

const WORDS: &[&str] = &[
    "access",
    "account",
    "admin",
    "api",
    "auth",
    "bearer",
    "buffer",
    "cache",
    "client",
    "config",
    "connection",
    "cookie",
    "create",
    "credential",
    "data",
    "decode",
    "default",
    "deploy",
    "digest",
    "encode",
    "error",
    "event",
    "field",
    "file",
    "filter",
    "find",
    "format",
    "group",
    "handle",
    "hash",
    "header",
    "index",
    "input",
    "issuer",
    "key",
    "length",
    "level",
    "limit",
    "list",
    "login",
    "map",
    "message",
    "method",
    "model",
    "module",
    "name",
    "node",
    "object",
    "option",
    "output",
    "parse",
    "password",
    "path",
    "policy",
    "private",
    "process",
    "public",
    "query",
    "read",
    "record",
    "refresh",
    "registry",
    "request",
    "reset",
    "response",
    "result",
    "role",
    "route",
    "schema",
    "secret",
    "server",
    "service",
    "session",
    "sign",
    "source",
    "state",
    "status",
    "store",
    "stream",
    "string",
    "table",
    "target",
    "token",
    "type",
    "update",
    "user",
    "value",
    "verify",
    "write",
];

fn word(chance: &mut Chance) -> &'static str {
    WORDS[chance.below(WORDS.len())]
}

fn camel(chance: &mut Chance) -> String {
    let mut out = word(chance).to_owned();
    for _ in 0..chance.below(3) {
        let next = word(chance);
        out.push_str(&next[..1].to_uppercase());
        out.push_str(&next[1..]);
    }
    out
}

fn snake(chance: &mut Chance) -> String {
    let parts: Vec<&str> = (0..=chance.below(3)).map(|_| word(chance)).collect();
    parts.join("_")
}

fn uuid(chance: &mut Chance) -> String {
    let hex = |chance: &mut Chance, length| chance.text("0123456789abcdef", length);
    format!(
        "{}-{}-4{}-a{}-{}",
        hex(chance, 8),
        hex(chance, 4),
        hex(chance, 3),
        hex(chance, 3),
        hex(chance, 12)
    )
}

const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The kinds of files, by their extension.
pub const KINDS: &[&str] = &[
    "rs", "js", "min.js", "lock", "json", "yaml", "py", "md", "csv", "css", "log", "tf",
];

/// A file of a kind, of about this many bytes.
pub fn file(kind: &str, bytes: usize, chance: &mut Chance) -> String {
    let mut out = String::with_capacity(bytes + 1024);
    while out.len() < bytes {
        match kind {
            "rs" => rust(&mut out, chance),
            "js" => javascript(&mut out, chance),
            "min.js" => minified(&mut out, chance),
            "lock" => lock(&mut out, chance),
            "json" => json(&mut out, chance),
            "yaml" => yaml(&mut out, chance),
            "py" => python(&mut out, chance),
            "md" => prose(&mut out, chance),
            "csv" => csv(&mut out, chance),
            "css" => css(&mut out, chance),
            "log" => log(&mut out, chance),
            _ => terraform(&mut out, chance),
        }
    }
    out
}

fn rust(out: &mut String, chance: &mut Chance) {
    let (a, b, c) = (snake(chance), snake(chance), camel(chance));
    let number = chance.below(10_000);
    writeln!(
        out,
        "/// Returns the {a} of a {b}.\npub fn {a}({b}: &str, limit: usize) -> Result<String, Error> {{\n    let {a}_token = {b}.get({number}).ok_or(Error::{c})?;\n    let secret_key: &str = \"{a}\";\n    if {b}.len() > limit {{ return Err(Error::new(\"{b} is longer than {{limit}}\")); }}\n    const PASSWORD_{number}: &str = env!(\"APP_PASSWORD\");\n    Ok(format!(\"{{}}:{{}}\", {a}_token, secret_key))\n}}\n"
    )
    .unwrap();
}

fn javascript(out: &mut String, chance: &mut Chance) {
    let (a, b) = (camel(chance), camel(chance));
    writeln!(
        out,
        "export async function {a}({b}) {{\n  const apiKey = process.env.{}_API_KEY;\n  const password = document.getElementById('{b}-password').value;\n  const token = await fetch(`/api/{a}/${{{b}}}`, {{ headers: {{ Authorization: `Bearer ${{apiKey}}` }} }});\n  return {{ accessToken: token.access_token, passwordHint: '{} {}' }};\n}}\n",
        snake(chance).to_uppercase(),
        word(chance),
        word(chance)
    )
    .unwrap();
}

fn minified(out: &mut String, chance: &mut Chance) {
    let letter = |chance: &mut Chance| char::from(b'a' + chance.below(26) as u8);
    let (a, b, c, d) = (letter(chance), letter(chance), letter(chance), letter(chance));
    write!(
        out,
        "!function({a},{b}){{var {c}={a}[{}],{d}=\"{}\";return{{password:{c}.p,token:{b}?{c}.t:null,secret:!0,apiKey:{d}+\"{}\"}}}}({a},{});",
        chance.below(99_999),
        camel(chance),
        snake(chance).replace('_', "-"),
        chance.below(999)
    )
    .unwrap();
}

fn lock(out: &mut String, chance: &mut Chance) {
    let name = snake(chance).replace('_', "-");
    writeln!(
        out,
        "[[package]]\nname = \"{name}\"\nversion = \"{}.{}.{}\"\nsource = \"registry+https://registry.example.test/index\"\nchecksum = \"{}\"\n\n\"{name}@^{}\":\n  resolved \"https://registry.example.test/{name}/-/{name}-{}.tgz#{}\"\n  integrity sha512-{}==\n",
        chance.below(9),
        chance.below(40),
        chance.below(20),
        chance.text("0123456789abcdef", 64),
        chance.below(9),
        chance.below(9),
        chance.text("0123456789abcdef", 40),
        chance.text(BASE64, 86)
    )
    .unwrap();
}

fn json(out: &mut String, chance: &mut Chance) {
    writeln!(
        out,
        "{{\"id\":\"{}\",\"{}\":{{\"sha256\":\"{}\",\"etag\":\"{}\",\"secretName\":\"{}-tls\",\"tokenType\":\"Bearer\",\"passwordPolicy\":\"min-length-{}\",\"credentialsRef\":\"{}/{}\",\"key\":{}}}}}",
        uuid(chance),
        camel(chance),
        chance.text("0123456789abcdef", 64),
        chance.text("0123456789abcdef", 32),
        word(chance),
        chance.below(64),
        snake(chance),
        snake(chance),
        chance.below(1_000_000)
    )
    .unwrap();
}

fn yaml(out: &mut String, chance: &mut Chance) {
    writeln!(
        out,
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {0}-credentials\n  uid: {1}\n  annotations:\n    checksum/config: {2}\nspec:\n  image: registry.example.test/{0}@sha256:{3}\n  env:\n    - name: DB_PASSWORD\n      valueFrom: {{ secretKeyRef: {{ name: {0}, key: password }} }}\n    - name: API_TOKEN\n      value: \"{{{{ .Values.{0}.token }}}}\"\n---",
        snake(chance).replace('_', "-"),
        uuid(chance),
        chance.text("0123456789abcdef", 64),
        chance.text("0123456789abcdef", 64)
    )
    .unwrap();
}

fn python(out: &mut String, chance: &mut Chance) {
    let (a, b) = (snake(chance), snake(chance));
    writeln!(
        out,
        "def {a}({b}, password=None, token: str = \"\"):\n    \"\"\"Connects with the {b}; the password is read from the environment.\"\"\"\n    secret = os.environ.get(\"{}_SECRET\", \"changeme\")\n    url = f\"postgresql://{{user}}:{{password}}@{{host}}:5432/{b}\"\n    return Client(url, api_key=settings.API_KEY, auth_token={a}_token, timeout={})\n",
        b.to_uppercase(),
        chance.below(300)
    )
    .unwrap();
}

fn prose(out: &mut String, chance: &mut Chance) {
    for _ in 0..12 {
        write!(out, "{} ", word(chance)).unwrap();
    }
    writeln!(
        out,
        "\n\nSet `{}_TOKEN=<your token>` and `password: your-password-here`. See commit {} and https://docs.example.test/{}?id={}.\n",
        snake(chance).to_uppercase(),
        chance.text("0123456789abcdef", 40),
        snake(chance),
        uuid(chance)
    )
    .unwrap();
}

fn csv(out: &mut String, chance: &mut Chance) {
    writeln!(
        out,
        "{},{},{}@example.test,{}.{},{},{}",
        chance.below(1_000_000),
        word(chance),
        word(chance),
        chance.below(90),
        chance.below(999_999),
        uuid(chance),
        chance.text("0123456789ABCDEF", 16)
    )
    .unwrap();
}

fn css(out: &mut String, chance: &mut Chance) {
    let length = 400 + chance.below(3000);
    writeln!(
        out,
        ".{}-{}{{color:#{};background:url(data:image/png;base64,iVBORw0KGgo{})}}",
        word(chance),
        word(chance),
        chance.text("0123456789abcdef", 6),
        chance.text(BASE64, length)
    )
    .unwrap();
}

fn log(out: &mut String, chance: &mut Chance) {
    writeln!(
        out,
        "2024-{:02}-{:02}T{:02}:00:00Z INFO {}: token={} refreshed for user {} request_id={} GET /{}/{}?page={}&sort=%2Bname%20asc 200",
        1 + chance.below(12),
        1 + chance.below(28),
        chance.below(24),
        word(chance),
        word(chance),
        chance.below(99_999),
        uuid(chance),
        word(chance),
        word(chance),
        chance.below(50)
    )
    .unwrap();
}

fn terraform(out: &mut String, chance: &mut Chance) {
    writeln!(
        out,
        "resource \"aws_db_instance\" \"{0}\" {{\n  identifier = \"{0}-{1}\"\n  password   = var.{0}_password\n  kms_key_id = \"arn:aws:kms:eu-west-1:{2}:key/{3}\"\n  secret_arn = aws_secretsmanager_secret.{0}.arn\n}}\n",
        snake(chance),
        chance.below(100),
        chance.text("123456789", 12),
        uuid(chance)
    )
    .unwrap();
}
