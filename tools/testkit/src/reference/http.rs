//! `contracts/reference/HttpAuthz.sol`.

use alloy::sol_types::SolCall;
use stele_types::Value;

use super::abi::HttpAuthz as abi;
use super::{ByHand, Question, object, some_words, strings};
use crate::engines::Chance;

pub(super) struct HttpAuthz;

type Grants<'a> = &'a [(&'a str, &'a [&'a str])];

/// As `policies/config/http/data.json`.
const ROLES: [(&str, Grants<'static>); 3] = [
    (
        "admin",
        &[
            ("documents", &["read", "list", "create", "update", "delete"]),
            ("users", &["read", "list", "update"]),
        ],
    ),
    ("editor", &[("documents", &["read", "list", "create"])]),
    ("viewer", &[("documents", &["read", "list"])]),
];
const METHODS: [(&str, &str); 6] = [
    ("DELETE", "delete"),
    ("GET", "read"),
    ("HEAD", "read"),
    ("PATCH", "update"),
    ("POST", "create"),
    ("PUT", "update"),
];

fn data() -> abi::Data {
    let grant = |(collection, actions): &(&str, &[&str])| abi::Grant {
        collection: (*collection).to_owned(),
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
    };
    abi::Data {
        roles: ROLES
            .iter()
            .map(|(name, grants)| abi::Role {
                name: (*name).to_owned(),
                grants: grants.iter().map(grant).collect(),
            })
            .collect(),
        methods: METHODS
            .iter()
            .map(|(method, action)| abi::Method {
                method: (*method).to_owned(),
                action: (*action).to_owned(),
            })
            .collect(),
    }
}

fn question(input: abi::Input) -> Question {
    let user = &input.user;
    let value = object([
        ("method", Value::string(&input.method)),
        ("path", strings(&input.path)),
        (
            "user",
            object([
                ("id", Value::string(&user.id)),
                ("roles", strings(&user.roles)),
                ("suspended", Value::Bool(user.suspended)),
                ("mfa", Value::Bool(user.mfa)),
                ("tenant", Value::string(&user.tenant)),
            ]),
        ),
        (
            "resource",
            object([
                ("owner", Value::string(&input.resource.owner)),
                ("tenant", Value::string(&input.resource.tenant)),
            ]),
        ),
    ]);
    Question {
        input: value,
        call: abi::evaluateCall { input, data: data() }.abi_encode(),
    }
}

impl ByHand for HttpAuthz {
    fn name(&self) -> &'static str {
        "HttpAuthz"
    }

    fn entry_point(&self) -> &'static str {
        "http/authz/allow"
    }

    fn files(&self) -> &'static [&'static str] {
        &["policies/http/authz/authz.rego"]
    }

    fn data(&self) -> Value {
        let data = data();
        let grants = |role: &abi::Role| {
            let grants = role.grants.iter();
            Value::object(grants.map(|grant| (Value::string(&grant.collection), strings(&grant.actions))))
        };
        let roles = data
            .roles
            .iter()
            .map(|role| (Value::string(&role.name), grants(role)));
        let methods = data
            .methods
            .iter()
            .map(|method| (Value::string(&method.method), Value::string(&method.action)));
        let http = object([
            ("roles", Value::object(roles)),
            ("methods", Value::object(methods)),
        ]);
        object([("config", object([("http", http)]))])
    }

    /// An editor makes a document.
    fn typical(&self) -> Question {
        question(abi::Input {
            method: "POST".to_owned(),
            path: vec!["documents".to_owned()],
            user: abi::User {
                id: "alice".to_owned(),
                roles: vec!["viewer".to_owned(), "editor".to_owned()],
                suspended: false,
                mfa: true,
                tenant: "acme".to_owned(),
            },
            resource: abi::Resource {
                owner: "bob".to_owned(),
                tenant: "acme".to_owned(),
            },
        })
    }

    fn random(&self, chance: &mut Chance) -> Question {
        let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
        let people = [
            "alice",
            "bob",
            "a person whose name does not fit into one word of 32 bytes",
        ];
        let tenants = ["acme", "acme", "umbrella"];
        question(abi::Input {
            method: chance.word(&methods).to_owned(),
            path: some_words(chance, &["documents", "users", "42", "other"], 2),
            user: abi::User {
                id: chance.word(&people).to_owned(),
                roles: some_words(chance, &["admin", "editor", "viewer", "nobody"], 3),
                suspended: chance.one_in(6),
                mfa: chance.one_in(2),
                tenant: chance.word(&tenants).to_owned(),
            },
            resource: abi::Resource {
                owner: chance.word(&people).to_owned(),
                tenant: chance.word(&tenants).to_owned(),
            },
        })
    }

    fn answer(&self, output: &[u8]) -> Option<Value> {
        abi::evaluateCall::abi_decode_returns(output)
            .ok()
            .map(Value::Bool)
    }
}
