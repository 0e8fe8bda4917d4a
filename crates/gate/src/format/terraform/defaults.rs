//! What providers do where a configuration says nothing.
//!
//! A plan tells it, a configuration does not: there an attribute that is left out would pass whatever a policy says of its value. Here stand the
//! defaults that are insecure of the attributes that the starter library reads, where it does not take their absence for that value itself. Source: the
//! documentation of the providers' resources, <https://registry.terraform.io/>; where that names none, what the cloud's API does.

use super::eval::truth;
use crate::node::{Entry, Node, NodeKind};
use stele_types::Value;

/// An attribute that is left out.
pub(super) struct Default {
    /// Types of resources.
    types: &'static [&'static str],
    /// Blocks, then the attribute or the block that is missing.
    path: &'static [&'static str],
    says: Says,
    unless: Unless,
}

/// What the provider takes.
enum Says {
    Text(&'static str),
    Bool(bool),
    /// One block.
    Block(&'static [(&'static str, Says)]),
}

/// Beside what the default does not hold, in the same body.
enum Unless {
    Never,
    /// This attribute is set.
    Set(&'static str),
    /// This attribute is set, or that one is true.
    SetOrTrue(&'static str, &'static str),
    /// This one is not.
    Unset(&'static str),
    /// This one is, surely, none of these.
    Other(&'static str, &'static [&'static str]),
}

const LISTENERS: &[&str] = &["aws_alb_listener", "aws_lb_listener"];
const MACHINES: &[&str] = &["aws_instance", "aws_launch_configuration"];
const SEARCH: &[&str] = &["aws_elasticsearch_domain", "aws_opensearch_domain"];
const OLD_TLS: Says = Says::Text("Policy-Min-TLS-1-0-2019-07");
const PLAIN_SQL: Says = Says::Text("ALLOW_UNENCRYPTED_AND_ENCRYPTED");

const fn row(
    types: &'static [&'static str],
    path: &'static [&'static str],
    says: Says,
    unless: Unless,
) -> Default {
    Default {
        types,
        path,
        says,
        unless,
    }
}

/// All of them. One may rest on one before it.
static DEFAULTS: [Default; 16] = [
    row(
        &["aws_apigatewayv2_route"],
        &["authorization_type"],
        Says::Text("NONE"),
        Unless::Never,
    ),
    row(
        &["aws_cloudfront_distribution"],
        &["viewer_certificate", "minimum_protocol_version"],
        Says::Text("TLSv1"),
        Unless::Never,
    ),
    row(
        MACHINES,
        &["root_block_device", "encrypted"],
        Says::Bool(false),
        Unless::Never,
    ),
    row(
        MACHINES,
        &["ebs_block_device", "encrypted"],
        Says::Bool(false),
        Unless::SetOrTrue("snapshot_id", "no_device"),
    ),
    row(
        &["aws_launch_template"],
        &["block_device_mappings", "ebs", "encrypted"],
        Says::Bool(false),
        Unless::Set("snapshot_id"),
    ),
    // A listener of a gateway load balancer has neither.
    row(
        LISTENERS,
        &["protocol"],
        Says::Text("HTTP"),
        Unless::Unset("port"),
    ),
    row(
        LISTENERS,
        &["ssl_policy"],
        Says::Text("ELBSecurityPolicy-2016-08"),
        Unless::Other("protocol", &["HTTPS", "TLS"]),
    ),
    row(
        SEARCH,
        &["domain_endpoint_options"],
        Says::Block(&[
            ("enforce_https", Says::Bool(false)),
            ("tls_security_policy", OLD_TLS),
        ]),
        Unless::Never,
    ),
    row(
        SEARCH,
        &["domain_endpoint_options", "tls_security_policy"],
        OLD_TLS,
        Unless::Never,
    ),
    row(
        &[
            "azurerm_cosmosdb_account",
            "azurerm_mssql_server",
            "azurerm_redis_cache",
        ],
        &["public_network_access_enabled"],
        Says::Bool(true),
        Unless::Never,
    ),
    row(
        &["azurerm_postgresql_flexible_server"],
        &["public_network_access_enabled"],
        Says::Bool(true),
        Unless::Set("delegated_subnet_id"),
    ),
    row(
        &["azurerm_redis_cache"],
        &["minimum_tls_version"],
        Says::Text("1.0"),
        Unless::Never,
    ),
    row(
        &["azurerm_storage_account"],
        &["allow_nested_items_to_be_public"],
        Says::Bool(true),
        // As it was called before version 3.
        Unless::Set("allow_blob_public_access"),
    ),
    row(
        &["google_compute_instance", "google_compute_instance_template"],
        &["service_account", "email"],
        Says::Text("PROJECT_NUMBER-compute@developer.gserviceaccount.com"),
        Unless::Never,
    ),
    row(
        &["google_sql_database_instance"],
        &["settings", "ip_configuration"],
        Says::Block(&[("ipv4_enabled", Says::Bool(true)), ("ssl_mode", PLAIN_SQL)]),
        Unless::Never,
    ),
    row(
        &["google_sql_database_instance"],
        &["settings", "ip_configuration", "ssl_mode"],
        PLAIN_SQL,
        Unless::Set("require_ssl"),
    ),
];

/// Adds to the values of a resource what its provider takes for what is left out, null, or an empty text. It stands where its block does.
pub(super) fn fill(kind: &str, after: &mut Node) {
    if LISTENERS.contains(&kind) {
        capitalize(after, "protocol");
    }
    for default in &DEFAULTS {
        if default.types.contains(&kind) {
            default.fill(after, default.path);
        }
    }
}

/// Writes a text as the provider keeps it.
fn capitalize(body: &mut Node, name: &str) {
    if let NodeKind::Object(entries) = &mut body.kind
        && let Some(entry) = entries.iter_mut().find(|entry| entry.key == name)
        && let NodeKind::Scalar(Value::String(text)) = &entry.value.kind
    {
        entry.value.kind = NodeKind::Scalar(Value::string(&text.to_ascii_uppercase()));
    }
}

impl Default {
    fn fill(&self, body: &mut Node, path: &[&str]) {
        let range = body.range.clone();
        match (&mut body.kind, path) {
            // Blocks.
            (NodeKind::Array(bodies) | NodeKind::Set(bodies), _) => {
                bodies.iter_mut().for_each(|body| self.fill(body, path));
            }
            (NodeKind::Object(entries), [name]) if !self.unless.holds(entries) => {
                match entries.iter_mut().find(|entry| entry.key == *name) {
                    None => entries.push(Entry::new(name, self.says.node(range))),
                    Some(entry) if is_unset(&entry.value) => {
                        entry.value = self.says.node(entry.value.range.clone());
                    }
                    Some(_) => {}
                }
            }
            (NodeKind::Object(entries), [block, rest @ ..]) if !rest.is_empty() => {
                if let Some(entry) = entries.iter_mut().find(|entry| entry.key == *block) {
                    self.fill(&mut entry.value, rest);
                }
            }
            _ => {}
        }
    }
}

impl Unless {
    fn holds(&self, entries: &[Entry]) -> bool {
        let value = |name: &str| {
            let entry = entries.iter().find(|entry| entry.key == name);
            entry.map(|entry| &entry.value).filter(|value| !is_unset(value))
        };
        match self {
            Self::Never => false,
            Self::Set(name) => value(name).is_some(),
            Self::SetOrTrue(name, flag) => value(name).is_some() || value(flag).and_then(truth) == Some(true),
            Self::Unset(name) => value(name).is_none(),
            Self::Other(name, words) => value(name)
                .and_then(Node::as_str)
                .is_none_or(|word| !words.contains(&word)),
        }
    }
}

impl Says {
    fn node(&self, range: std::ops::Range<usize>) -> Node {
        match self {
            Self::Text(text) => Node::scalar(range, Value::string(text)),
            Self::Bool(value) => Node::scalar(range, Value::Bool(*value)),
            Self::Block(members) => {
                let entries = members
                    .iter()
                    .map(|(name, says)| Entry::new(name, says.node(range.clone())));
                let block = Node::object(range.clone(), entries.collect());
                Node::array(range, vec![block])
            }
        }
    }
}

/// Whether nothing is said: providers take an empty text for that too.
fn is_unset(node: &Node) -> bool {
    node.kind == NodeKind::Scalar(Value::Null) || node.as_str() == Some("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(says: &Says) -> String {
        match says {
            Says::Text(text) => format!("`{text}`"),
            Says::Bool(value) => format!("`{value}`"),
            Says::Block(members) => {
                let members = members
                    .iter()
                    .map(|(name, says)| format!("`{name}` {}", shown(says)));
                format!("a block with {}", members.collect::<Vec<_>>().join(" and "))
            }
        }
    }

    fn condition(unless: &Unless) -> String {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| format!("`{word}`"))
                .collect::<Vec<_>>()
                .join(" or ")
        };
        match unless {
            Unless::Never => String::new(),
            Unless::Set(name) => format!("`{name}` is not set"),
            Unless::SetOrTrue(name, flag) => format!("`{name}` is not set and `{flag}` is not true"),
            Unless::Unset(name) => format!("`{name}` is set"),
            Unless::Other(name, other) => format!("`{name}` is {}", words(other)),
        }
    }

    /// A resource that leaves out what a row is about, and has what makes the row hold.
    fn leaving_out(default: &Default, kind: &str) -> String {
        let condition = match &default.unless {
            Unless::Never | Unless::Set(_) | Unless::SetOrTrue(..) => String::new(),
            Unless::Unset(name) => format!("{name} = 80\n"),
            Unless::Other(name, words) => format!("{name} = \"{}\"\n", words[0]),
        };
        let (_, blocks) = default.path.split_last().unwrap();
        let body = blocks
            .iter()
            .rev()
            .fold(condition, |body, block| format!("{block} {{\n{body}}}\n"));
        format!("resource \"{kind}\" \"r\" {{\n{body}}}\n")
    }

    /// What the plan of a resource has at a row's path.
    fn planned(text: &str, path: &[&str]) -> Option<Value> {
        let read = super::super::read_text(text, "main.tf").unwrap();
        assert_eq!(read.failures, [], "{text}");
        let document = read.document.into_node().to_value();
        let change = document.get("resource_changes")?.as_array()?.first()?;
        let after = change.get("change")?.get("after")?;
        let step = |at: &Value, name: &&str| {
            at.as_array()
                .map_or(Some(at), |list| list.first())?
                .get(name)
                .cloned()
        };
        path.iter().try_fold(after.clone(), |at, name| step(&at, name))
    }

    #[test]
    fn each_stands_in_the_plan_of_a_resource_that_leaves_it_out() {
        for default in &DEFAULTS {
            for kind in default.types {
                let text = leaving_out(default, kind);
                let expected = default.says.node(0..0).to_value();
                assert_eq!(planned(&text, default.path), Some(expected), "{text}");
                // Of other resources nothing is said.
                let other = text.replacen(kind, "other", 1);
                assert_eq!(planned(&other, default.path), None, "{other}");
            }
        }
    }

    #[test]
    fn none_stands_beside_what_it_does_not_hold_with() {
        for default in &DEFAULTS {
            let (name, value) = match &default.unless {
                Unless::Never => continue,
                Unless::Set(name) => (name, "\"x\""),
                Unless::SetOrTrue(_, flag) => (flag, "true"),
                Unless::Unset(name) => (name, "null"),
                Unless::Other(name, _) => (name, "\"GENEVE\""),
            };
            let (_, blocks) = default.path.split_last().unwrap();
            let body = format!("{name} = {value}\n");
            let body = blocks
                .iter()
                .rev()
                .fold(body, |body, block| format!("{block} {{\n{body}}}\n"));
            let text = format!("resource \"{}\" \"r\" {{\n{body}}}\n", default.types[0]);
            assert_eq!(planned(&text, default.path), None, "{text}");
        }
    }

    /// The table in docs/check.md. `UPDATE_DOCS=1` writes it.
    #[test]
    fn the_documentation_has_them_all() {
        let mut table = String::from("| resource | left out | taken for | if |\n|---|---|---|---|\n");
        for default in &DEFAULTS {
            let types: Vec<String> = default.types.iter().map(|name| format!("`{name}`")).collect();
            table.push_str(&format!(
                "| {} | `{}` | {} | {} |\n",
                types.join(", "),
                default.path.join("."),
                shown(&default.says),
                condition(&default.unless)
            ));
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/check.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (before, rest) = page.split_once("<!-- defaults -->\n").unwrap();
        let (found, after) = rest.split_once("<!-- end of defaults -->").unwrap();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            let page = format!("{before}<!-- defaults -->\n{table}<!-- end of defaults -->{after}");
            std::fs::write(path, page).unwrap();
        } else {
            assert_eq!(found, table, "UPDATE_DOCS=1 writes it");
        }
    }
}
