//! The table of builtins.

use super::{
    Body, Builtin, Function, Purity, Refusal, aggregates, aws, chance, cidr, collections, crypto, encoding,
    format, glob, globs_intersect, graph, graphql, json_patch, json_paths, jwt, numbers, objects, regex,
    semver, strings, subset, template, time, types, units, urlquery, uuid,
};

const fn pure(
    name: &'static str,
    args: &'static [&'static str],
    result: &'static str,
    function: Function,
) -> Builtin {
    let body = Body::Function(function);
    Builtin {
        name,
        args,
        result,
        purity: Purity::Pure,
        body,
        relation: false,
    }
}

/// Its result depends on its arguments only, but nobody has written it yet.
const fn missing(name: &'static str, args: &'static [&'static str], result: &'static str) -> Builtin {
    let body = Body::Refused(Refusal::Unimplemented);
    Builtin {
        name,
        args,
        result,
        purity: Purity::Pure,
        body,
        relation: false,
    }
}

/// Its result depends on the outside world or on chance.
const fn impure(name: &'static str, args: &'static [&'static str], result: &'static str) -> Builtin {
    let body = Body::Refused(Refusal::Impure);
    Builtin {
        name,
        args,
        result,
        purity: Purity::Impure,
        body,
        relation: false,
    }
}

/// Its result depends on the outside world or on chance, as far as the context carries either.
const fn from_context(
    name: &'static str,
    args: &'static [&'static str],
    result: &'static str,
    function: Function,
) -> Builtin {
    Builtin {
        purity: Purity::Impure,
        ..pure(name, args, result, function)
    }
}

const COLLECTION: &str = "array|set";

/// Every builtin of OPA v1.14 that a plan may call, and a few deprecated ones.
pub const TABLE: &[Builtin] = &[
    // Comparison
    pure("equal", &["any", "any"], "boolean", numbers::equal),
    pure("neq", &["any", "any"], "boolean", numbers::neq),
    pure("lt", &["any", "any"], "boolean", numbers::lt),
    pure("lte", &["any", "any"], "boolean", numbers::lte),
    pure("gt", &["any", "any"], "boolean", numbers::gt),
    pure("gte", &["any", "any"], "boolean", numbers::gte),
    // Numbers
    pure("plus", &["number", "number"], "number", numbers::plus),
    pure(
        "minus",
        &["number|set", "number|set"],
        "number|set",
        numbers::minus,
    ),
    pure("mul", &["number", "number"], "number", numbers::mul),
    pure("div", &["number", "number"], "number", numbers::div),
    pure("rem", &["number", "number"], "number", numbers::rem),
    pure("abs", &["number"], "number", numbers::abs),
    pure("ceil", &["number"], "number", numbers::ceil),
    pure("floor", &["number"], "number", numbers::floor),
    pure("round", &["number"], "number", numbers::round),
    pure("numbers.range", &["number", "number"], "array", numbers::range),
    pure(
        "numbers.range_step",
        &["number", "number", "number"],
        "array",
        numbers::range_step,
    ),
    pure("format_int", &["number", "number"], "string", numbers::format_int),
    pure(
        "to_number",
        &["null|boolean|number|string"],
        "number",
        types::to_number,
    ),
    pure("bits.and", &["number", "number"], "number", numbers::bits_and),
    pure("bits.or", &["number", "number"], "number", numbers::bits_or),
    pure("bits.xor", &["number", "number"], "number", numbers::bits_xor),
    pure("bits.negate", &["number"], "number", numbers::bits_negate),
    pure("bits.lsh", &["number", "number"], "number", numbers::bits_lsh),
    pure("bits.rsh", &["number", "number"], "number", numbers::bits_rsh),
    from_context("rand.intn", &["string", "number"], "number", chance::intn),
    // Aggregates
    pure(
        "count",
        &["array|object|set|string"],
        "number",
        aggregates::count_of,
    ),
    pure("sum", &[COLLECTION], "number", aggregates::sum),
    pure("product", &[COLLECTION], "number", aggregates::product),
    pure("max", &[COLLECTION], "any", aggregates::max),
    pure("min", &[COLLECTION], "any", aggregates::min),
    pure("sort", &[COLLECTION], "array", aggregates::sort),
    pure("all", &[COLLECTION], "boolean", aggregates::all),
    pure("any", &[COLLECTION], "boolean", aggregates::any_of),
    pure(
        "internal.member_2",
        &["any", "any"],
        "boolean",
        aggregates::member,
    ),
    pure(
        "internal.member_3",
        &["any", "any", "any"],
        "boolean",
        aggregates::member_with_key,
    ),
    // Arrays and sets
    pure("array.concat", &["array", "array"], "array", collections::concat),
    pure("array.flatten", &["array"], "array", collections::flatten),
    pure("array.reverse", &["array"], "array", collections::reverse),
    pure(
        "array.slice",
        &["array", "number", "number"],
        "array",
        collections::slice,
    ),
    pure("and", &["set", "set"], "set", collections::and),
    pure("or", &["set", "set"], "set", collections::or),
    pure("intersection", &["set"], "set", collections::intersection),
    pure("union", &["set"], "set", collections::union),
    // Objects
    pure("object.get", &["object", "any", "any"], "any", objects::get),
    pure("object.keys", &["object"], "set", objects::keys),
    pure(
        "object.remove",
        &["object", "array|object|set"],
        "object",
        objects::remove,
    ),
    pure(
        "object.filter",
        &["object", "array|object|set"],
        "object",
        objects::filter,
    ),
    pure("object.union", &["object", "object"], "object", objects::union),
    pure("object.union_n", &["array"], "object", objects::union_n),
    pure(
        "object.subset",
        &["array|object|set", "array|object|set"],
        "boolean",
        subset::subset,
    ),
    pure(
        "json.filter",
        &["object", COLLECTION],
        "object",
        json_paths::filter,
    ),
    pure(
        "json.remove",
        &["object", COLLECTION],
        "object",
        json_paths::remove,
    ),
    pure("json.patch", &["any", "array"], "any", json_patch::patch),
    missing("json.match_schema", &["string|object", "string|object"], "array"),
    missing("json.verify_schema", &["string|object"], "array"),
    // Strings
    pure("concat", &["string", COLLECTION], "string", strings::concat),
    pure("contains", &["string", "string"], "boolean", strings::contains),
    pure(
        "startswith",
        &["string", "string"],
        "boolean",
        strings::startswith,
    ),
    pure("endswith", &["string", "string"], "boolean", strings::endswith),
    pure("indexof", &["string", "string"], "number", strings::indexof),
    pure("indexof_n", &["string", "string"], "array", strings::indexof_n),
    pure(
        "substring",
        &["string", "number", "number"],
        "string",
        strings::substring,
    ),
    pure("lower", &["string"], "string", strings::lower),
    pure("upper", &["string"], "string", strings::upper),
    pure("split", &["string", "string"], "array", strings::split),
    pure(
        "replace",
        &["string", "string", "string"],
        "string",
        strings::replace,
    ),
    pure(
        "strings.replace_n",
        &["object", "string"],
        "string",
        strings::replace_n,
    ),
    pure("trim", &["string", "string"], "string", strings::trim),
    pure("trim_left", &["string", "string"], "string", strings::trim_left),
    pure("trim_right", &["string", "string"], "string", strings::trim_right),
    pure(
        "trim_prefix",
        &["string", "string"],
        "string",
        strings::trim_prefix,
    ),
    pure(
        "trim_suffix",
        &["string", "string"],
        "string",
        strings::trim_suffix,
    ),
    pure("trim_space", &["string"], "string", strings::trim_space),
    pure("sprintf", &["string", "array"], "string", format::sprintf),
    pure("strings.reverse", &["string"], "string", strings::reverse),
    pure(
        "strings.count",
        &["string", "string"],
        "number",
        strings::count_of,
    ),
    pure(
        "strings.any_prefix_match",
        &["array|set|string", "array|set|string"],
        "boolean",
        strings::any_prefix_match,
    ),
    pure(
        "strings.any_suffix_match",
        &["array|set|string", "array|set|string"],
        "boolean",
        strings::any_suffix_match,
    ),
    pure(
        "strings.render_template",
        &["string", "object"],
        "string",
        template::render_template,
    ),
    pure(
        "internal.template_string",
        &["array"],
        "string",
        strings::template_string,
    ),
    pure("internal.print", &["array"], "boolean", strings::print),
    pure("trace", &["string"], "boolean", strings::trace),
    // Regular expressions and globs
    pure("regex.is_valid", &["any"], "boolean", regex::is_valid),
    pure("regex.match", &["string", "string"], "boolean", regex::matches),
    pure("re_match", &["string", "string"], "boolean", regex::matches),
    pure("regex.split", &["string", "string"], "array", regex::split),
    pure(
        "regex.find_n",
        &["string", "string", "number"],
        "array",
        regex::find_n,
    ),
    pure(
        "regex.find_all_string_submatch_n",
        &["string", "string", "number"],
        "array",
        regex::find_all_string_submatch_n,
    ),
    pure(
        "regex.replace",
        &["string", "string", "string"],
        "string",
        regex::replace,
    ),
    pure(
        "regex.template_match",
        &["string", "string", "string", "string"],
        "boolean",
        regex::template_match,
    ),
    pure(
        "regex.globs_match",
        &["string", "string"],
        "boolean",
        globs_intersect::matches,
    ),
    pure(
        "glob.match",
        &["string", "null|array", "string"],
        "boolean",
        glob::matches,
    ),
    pure("glob.quote_meta", &["string"], "string", glob::quote_meta),
    // Types
    pure("type_name", &["any"], "string", types::type_name),
    pure("is_null", &["any"], "boolean", types::is_null),
    pure("is_boolean", &["any"], "boolean", types::is_boolean),
    pure("is_number", &["any"], "boolean", types::is_number),
    pure("is_string", &["any"], "boolean", types::is_string),
    pure("is_array", &["any"], "boolean", types::is_array),
    pure("is_object", &["any"], "boolean", types::is_object),
    pure("is_set", &["any"], "boolean", types::is_set),
    pure("cast_array", &["any"], "array", types::cast_array),
    pure("cast_boolean", &["any"], "boolean", types::cast_boolean),
    pure("cast_null", &["any"], "null", types::cast_null),
    pure("cast_object", &["any"], "object", types::cast_object),
    pure("cast_set", &["any"], "set", types::cast_set),
    pure("cast_string", &["any"], "string", types::cast_string),
    // Encodings
    pure("base64.encode", &["string"], "string", encoding::base64_encode),
    pure("base64.decode", &["string"], "string", encoding::base64_decode),
    pure("base64.is_valid", &["any"], "boolean", encoding::base64_is_valid),
    pure(
        "base64url.encode",
        &["string"],
        "string",
        encoding::base64url_encode,
    ),
    pure(
        "base64url.encode_no_pad",
        &["string"],
        "string",
        encoding::base64url_encode_no_pad,
    ),
    pure(
        "base64url.decode",
        &["string"],
        "string",
        encoding::base64url_decode,
    ),
    pure("hex.encode", &["string"], "string", encoding::hex_encode),
    pure("hex.decode", &["string"], "string", encoding::hex_decode),
    pure("urlquery.encode", &["string"], "string", urlquery::encode),
    pure("urlquery.decode", &["string"], "string", urlquery::decode),
    pure(
        "urlquery.encode_object",
        &["object"],
        "string",
        urlquery::encode_object,
    ),
    pure(
        "urlquery.decode_object",
        &["string"],
        "object",
        urlquery::decode_object,
    ),
    pure("json.marshal", &["any"], "string", encoding::json_marshal),
    pure(
        "json.marshal_with_options",
        &["any", "object"],
        "string",
        encoding::json_marshal_with_options,
    ),
    pure("json.unmarshal", &["string"], "any", encoding::json_unmarshal),
    pure("json.is_valid", &["any"], "boolean", encoding::json_is_valid),
    missing("yaml.marshal", &["any"], "string"),
    missing("yaml.unmarshal", &["string"], "any"),
    missing("yaml.is_valid", &["any"], "boolean"),
    // Hashes, MACs, certificates, tokens
    pure("crypto.md5", &["string"], "string", crypto::md5),
    pure("crypto.sha1", &["string"], "string", crypto::sha1),
    pure("crypto.sha256", &["string"], "string", crypto::sha256),
    pure(
        "crypto.hmac.md5",
        &["string", "string"],
        "string",
        crypto::hmac_md5,
    ),
    pure(
        "crypto.hmac.sha1",
        &["string", "string"],
        "string",
        crypto::hmac_sha1,
    ),
    pure(
        "crypto.hmac.sha256",
        &["string", "string"],
        "string",
        crypto::hmac_sha256,
    ),
    pure(
        "crypto.hmac.sha512",
        &["string", "string"],
        "string",
        crypto::hmac_sha512,
    ),
    pure(
        "crypto.hmac.equal",
        &["string", "string"],
        "boolean",
        crypto::hmac_equal,
    ),
    missing("crypto.parse_private_keys", &["string"], "array"),
    missing("crypto.x509.parse_certificates", &["string"], "array"),
    impure("crypto.x509.parse_and_verify_certificates", &["string"], "array"),
    impure(
        "crypto.x509.parse_and_verify_certificates_with_options",
        &["string", "object"],
        "array",
    ),
    missing("crypto.x509.parse_certificate_request", &["string"], "object"),
    missing("crypto.x509.parse_keypair", &["string", "string"], "object"),
    missing("crypto.x509.parse_rsa_private_key", &["string"], "object"),
    pure("io.jwt.decode", &["string"], "array", jwt::decode),
    Builtin {
        purity: Purity::Contextual,
        ..pure(
            "io.jwt.decode_verify",
            &["string", "object"],
            "array",
            jwt::decode_verify,
        )
    },
    pure(
        "io.jwt.encode_sign",
        &["object", "object", "object"],
        "string",
        jwt::encode_sign,
    ),
    pure(
        "io.jwt.encode_sign_raw",
        &["string", "string", "string"],
        "string",
        jwt::encode_sign_raw,
    ),
    pure(
        "io.jwt.verify_eddsa",
        &["string", "string"],
        "boolean",
        jwt::verify_eddsa,
    ),
    pure(
        "io.jwt.verify_es256",
        &["string", "string"],
        "boolean",
        jwt::verify_es256,
    ),
    pure(
        "io.jwt.verify_es384",
        &["string", "string"],
        "boolean",
        jwt::verify_es384,
    ),
    pure(
        "io.jwt.verify_es512",
        &["string", "string"],
        "boolean",
        jwt::verify_es512,
    ),
    pure(
        "io.jwt.verify_hs256",
        &["string", "string"],
        "boolean",
        jwt::verify_hs256,
    ),
    pure(
        "io.jwt.verify_hs384",
        &["string", "string"],
        "boolean",
        jwt::verify_hs384,
    ),
    pure(
        "io.jwt.verify_hs512",
        &["string", "string"],
        "boolean",
        jwt::verify_hs512,
    ),
    pure(
        "io.jwt.verify_ps256",
        &["string", "string"],
        "boolean",
        jwt::verify_ps256,
    ),
    pure(
        "io.jwt.verify_ps384",
        &["string", "string"],
        "boolean",
        jwt::verify_ps384,
    ),
    pure(
        "io.jwt.verify_ps512",
        &["string", "string"],
        "boolean",
        jwt::verify_ps512,
    ),
    pure(
        "io.jwt.verify_rs256",
        &["string", "string"],
        "boolean",
        jwt::verify_rs256,
    ),
    pure(
        "io.jwt.verify_rs384",
        &["string", "string"],
        "boolean",
        jwt::verify_rs384,
    ),
    pure(
        "io.jwt.verify_rs512",
        &["string", "string"],
        "boolean",
        jwt::verify_rs512,
    ),
    pure(
        "providers.aws.sign_req",
        &["object", "object", "number"],
        "object",
        aws::sign_req,
    ),
    // Time
    Builtin {
        purity: Purity::Contextual,
        ..pure("time.now_ns", &[], "number", time::now_ns)
    },
    pure("time.date", &["array|number"], "array", time::date),
    pure("time.clock", &["array|number"], "array", time::clock),
    pure("time.weekday", &["array|number"], "string", time::weekday),
    pure(
        "time.add_date",
        &["array|number", "number", "number", "number"],
        "number",
        time::add_date,
    ),
    pure(
        "time.diff",
        &["array|number", "array|number"],
        "array",
        time::diff,
    ),
    pure("time.format", &["array|number"], "string", time::format),
    pure("time.parse_ns", &["string", "string"], "number", time::parse_ns),
    pure(
        "time.parse_rfc3339_ns",
        &["string"],
        "number",
        time::parse_rfc3339_ns,
    ),
    pure(
        "time.parse_duration_ns",
        &["string"],
        "number",
        time::parse_duration_ns,
    ),
    // Versions, units, networks, graphs, identifiers
    pure("semver.compare", &["string", "string"], "number", semver::compare),
    pure("semver.is_valid", &["any"], "boolean", semver::is_valid),
    pure("units.parse", &["string"], "number", units::parse),
    pure("units.parse_bytes", &["string"], "number", units::parse_bytes),
    pure(
        "net.cidr_contains",
        &["string", "string"],
        "boolean",
        cidr::contains,
    ),
    pure(
        "net.cidr_overlap",
        &["string", "string"],
        "boolean",
        cidr::contains,
    ),
    pure(
        "net.cidr_intersects",
        &["string", "string"],
        "boolean",
        cidr::intersects,
    ),
    pure(
        "net.cidr_contains_matches",
        &["array|object|set|string", "array|object|set|string"],
        "set",
        cidr::contains_matches,
    ),
    pure("net.cidr_expand", &["string"], "set", cidr::expand),
    pure("net.cidr_is_valid", &["any"], "boolean", cidr::is_valid),
    pure("net.cidr_merge", &[COLLECTION], "set", cidr::merge),
    impure("net.lookup_ip_addr", &["string"], "set"),
    pure(
        "graph.reachable",
        &["object", COLLECTION],
        "set",
        graph::reachable,
    ),
    pure(
        "graph.reachable_paths",
        &["object", COLLECTION],
        "set",
        graph::reachable_paths,
    ),
    Builtin {
        relation: true,
        ..pure("walk", &["any"], "array", collections::walk)
    },
    pure("uuid.parse", &["string"], "object", uuid::parse),
    impure("uuid.rfc4122", &["string"], "string"),
    // Other languages
    pure(
        "graphql.is_valid",
        &["string|object", "string|object"],
        "boolean",
        graphql::is_valid,
    ),
    pure(
        "graphql.parse",
        &["string|object", "string|object"],
        "array",
        graphql::parse,
    ),
    pure(
        "graphql.parse_and_verify",
        &["string|object", "string|object"],
        "array",
        graphql::parse_and_verify,
    ),
    pure("graphql.parse_query", &["string"], "object", graphql::parse_query),
    pure(
        "graphql.parse_schema",
        &["string"],
        "object",
        graphql::parse_schema,
    ),
    pure(
        "graphql.schema_is_valid",
        &["string|object"],
        "boolean",
        graphql::schema_is_valid,
    ),
    missing("rego.parse_module", &["string", "string"], "object"),
    // The outside world
    impure("http.send", &["object"], "object"),
    from_context("opa.runtime", &[], "object", chance::runtime),
];
