//! Cedar, with the `rbac` workload in its own terms: users are in roles, a resource says which roles may do what with it, and
//! there is a policy for each action.

use std::collections::{BTreeMap, HashMap, HashSet};

use anyhow::Context as _;
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request,
    RestrictedExpression,
};
use serde::Deserialize;
use serde_json::Value;

const ACTIONS: [&str; 5] = ["read", "write", "delete", "list", "approve"];

/// Policies and entities, ready to decide.
pub(crate) struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    user: EntityTypeName,
    action: EntityTypeName,
    resource: EntityTypeName,
}

/// A question as it comes over the wire.
#[derive(Deserialize)]
struct Question<'q> {
    user: &'q str,
    action: &'q str,
    resource: &'q str,
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

impl Cedar {
    pub(crate) fn new(data: &Value) -> anyhow::Result<Self> {
        let policies: String = ACTIONS
            .iter()
            .map(|action| {
                format!("permit(principal, action == Action::\"{action}\", resource) when {{ principal in resource.{action} }};\n")
            })
            .collect();
        let (user, role): (EntityTypeName, EntityTypeName) = ("User".parse()?, "Role".parse()?);
        let resource: EntityTypeName = "Resource".parse()?;
        let mut entities = Vec::new();
        for (name, one) in data["users"].as_object().context("no users")? {
            let roles = one["roles"].as_array().context("no roles")?;
            let parents = roles.iter().filter_map(Value::as_str).map(|name| uid(&role, name));
            entities.push(Entity::new(uid(&user, name), HashMap::new(), parents.collect())?);
        }
        let mut granted: BTreeMap<&str, HashMap<&str, HashSet<EntityUid>>> = BTreeMap::new();
        for (name, one) in data["roles"].as_object().context("no roles")? {
            entities.push(Entity::new(uid(&role, name), HashMap::new(), HashSet::new())?);
            for permission in one["permissions"].as_array().context("no permissions")? {
                let text = |key: &str| permission[key].as_str().context("no text");
                let actions = granted.entry(text("resource")?).or_default();
                actions.entry(text("action")?).or_default().insert(uid(&role, name));
            }
        }
        for (name, mut actions) in granted {
            let roles = ACTIONS.map(|action| {
                let roles = actions.remove(action).unwrap_or_default();
                let roles = roles.into_iter().map(RestrictedExpression::new_entity_uid);
                (action.to_owned(), RestrictedExpression::new_set(roles))
            });
            entities.push(Entity::new(uid(&resource, name), HashMap::from(roles), HashSet::new())?);
        }
        Ok(Self {
            authorizer: Authorizer::new(),
            policies: policies.parse()?,
            entities: Entities::from_entities(entities, None)?,
            user,
            action: "Action".parse()?,
            resource,
        })
    }

    fn make(&self, question: &Question<'_>) -> anyhow::Result<Request> {
        Ok(Request::new(
            uid(&self.user, question.user),
            uid(&self.action, question.action),
            uid(&self.resource, question.resource),
            Context::empty(),
            None,
        )?)
    }

    /// A request, made beforehand.
    pub(crate) fn request(&self, question: &Value) -> anyhow::Result<Request> {
        let text = |key: &str| question[key].as_str().context("no text");
        self.make(&Question {
            user: text("user")?,
            action: text("action")?,
            resource: text("resource")?,
        })
    }

    pub(crate) fn decide(&self, request: &Request) -> bool {
        let response = self.authorizer.is_authorized(request, &self.policies, &self.entities);
        response.decision() == Decision::Allow
    }

    /// From the bytes of a question to the bytes of its answer.
    pub(crate) fn decide_bytes(&self, input: &[u8]) -> anyhow::Result<&'static [u8]> {
        let request = self.make(&serde_json::from_slice(input)?)?;
        Ok(if self.decide(&request) { b"true" } else { b"false" })
    }
}
