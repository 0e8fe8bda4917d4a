//! `contracts/reference/Rbac.sol`.

use alloy::sol_types::SolCall;
use stele_types::Value;

use super::abi::Rbac as abi;
use super::{ByHand, Question, object, strings};
use crate::engines::Chance;

const USERS: usize = 20;
const ROLES: usize = 10;
const PERMISSIONS: usize = 5;
const ACTIONS: [&str; 5] = ["read", "write", "delete", "list", "approve"];

pub(super) struct Rbac;

/// Numbers spread over a range, so that users share roles and roles share resources.
fn spread(a: usize, b: usize, range: usize) -> usize {
    a.wrapping_add(b).checked_rem(range).unwrap_or_default()
}

fn users() -> Vec<abi::User> {
    let role = |user: usize, n: usize| {
        let role = spread(user.wrapping_mul(3), n.wrapping_mul(4), ROLES);
        format!("role-{role}")
    };
    (0..USERS)
        .map(|user| abi::User {
            name: format!("user-{user}"),
            roles: (0..3).map(|n| role(user, n)).collect(),
        })
        .collect()
}

fn roles() -> Vec<abi::Role> {
    let permission = |role: usize, n: usize| {
        let action = ACTIONS.get(spread(role, n, ACTIONS.len())).copied();
        let resource = spread(role.wrapping_mul(7), n.wrapping_mul(5), 20);
        abi::Permission {
            action: action.unwrap_or_default().to_owned(),
            resource: format!("resource-{resource}"),
        }
    };
    (0..ROLES)
        .map(|role| abi::Role {
            name: format!("role-{role}"),
            permissions: (0..PERMISSIONS).map(|n| permission(role, n)).collect(),
        })
        .collect()
}

fn question(user: &str, action: &str, resource: &str) -> Question {
    let texts = [("user", user), ("action", action), ("resource", resource)];
    let call = abi::evaluateCall {
        input: abi::Input {
            user: user.to_owned(),
            action: action.to_owned(),
            resource: resource.to_owned(),
        },
        data: abi::Data {
            roles: roles(),
            users: users(),
        },
    };
    Question {
        input: object(texts.map(|(key, text)| (key, Value::string(text)))),
        call: call.abi_encode(),
    }
}

impl ByHand for Rbac {
    fn name(&self) -> &'static str {
        "Rbac"
    }

    fn entry_point(&self) -> &'static str {
        "reference/rbac/allow"
    }

    fn files(&self) -> &'static [&'static str] {
        &["contracts/reference/rbac.rego"]
    }

    fn data(&self) -> Value {
        let permission = |permission: &abi::Permission| {
            object([
                ("action", Value::string(&permission.action)),
                ("resource", Value::string(&permission.resource)),
            ])
        };
        let roles = roles().into_iter().map(|role| {
            let permissions = Value::array(role.permissions.iter().map(permission));
            (Value::from(role.name), object([("permissions", permissions)]))
        });
        let users = users()
            .into_iter()
            .map(|user| (Value::from(user.name), object([("roles", strings(&user.roles))])));
        object([("roles", Value::object(roles)), ("users", Value::object(users))])
    }

    /// The last permission of the user's second role, of a user in the middle.
    fn typical(&self) -> Question {
        let user = "user-11";
        let users = users();
        let name = users.get(11).and_then(|user| user.roles.get(1));
        let role = roles().into_iter().find(|role| Some(&role.name) == name);
        let permission = role.and_then(|role| role.permissions.into_iter().next_back());
        permission.map_or_else(
            || question(user, "read", "resource-0"),
            |permission| question(user, &permission.action, &permission.resource),
        )
    }

    fn random(&self, chance: &mut Chance) -> Question {
        let user = format!("user-{}", chance.below(USERS.saturating_add(2)));
        let resource = format!("resource-{}", chance.below(21));
        question(&user, chance.word(&ACTIONS), &resource)
    }

    fn answer(&self, output: &[u8]) -> Option<Value> {
        abi::evaluateCall::abi_decode_returns(output)
            .ok()
            .map(Value::Bool)
    }
}
