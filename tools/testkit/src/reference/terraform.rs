//! `contracts/reference/TerraformNetwork.sol`.

use alloy::primitives::I256;
use alloy::sol_types::SolCall;
use stele_types::Value;

use super::abi::TerraformNetwork as abi;
use super::{ByHand, Question, object, some_words, strings};
use crate::engines::Chance;

pub(super) struct TerraformNetwork;

const GROUP: &str = "aws_security_group";
const DATABASE: &str = "aws_db_instance";

fn rule(networks: &[&str], ipv6: &[&str], from: i32, to: i32, protocol: &str) -> abi::Rule {
    let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    abi::Rule {
        cidrBlocks: list(networks),
        ipv6CidrBlocks: list(ipv6),
        fromPort: I256::try_from(from).unwrap_or_default(),
        toPort: I256::try_from(to).unwrap_or_default(),
        protocol: protocol.to_owned(),
    }
}

fn change(address: &str, kind: &str, actions: &[&str], ingress: Vec<abi::Rule>, public: bool) -> abi::Change {
    abi::Change {
        resourceAddress: address.to_owned(),
        kind: kind.to_owned(),
        actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        ingress,
        publiclyAccessible: public,
    }
}

fn question(changes: Vec<abi::Change>) -> Question {
    let port = |port: I256| Value::from(i64::try_from(port).unwrap_or_default());
    let rule = |rule: &abi::Rule| {
        object([
            ("cidr_blocks", strings(&rule.cidrBlocks)),
            ("ipv6_cidr_blocks", strings(&rule.ipv6CidrBlocks)),
            ("from_port", port(rule.fromPort)),
            ("to_port", port(rule.toPort)),
            ("protocol", Value::string(&rule.protocol)),
        ])
    };
    // A group has rules and a database a flag; other resources have neither.
    let after = |change: &abi::Change| match change.kind.as_str() {
        GROUP => object([("ingress", Value::array(change.ingress.iter().map(rule)))]),
        DATABASE => object([("publicly_accessible", Value::Bool(change.publiclyAccessible))]),
        _ => object([]),
    };
    let value = changes.iter().map(|change| {
        object([
            ("address", Value::string(&change.resourceAddress)),
            ("type", Value::string(&change.kind)),
            (
                "change",
                object([("actions", strings(&change.actions)), ("after", after(change))]),
            ),
        ])
    });
    Question {
        input: object([("resource_changes", Value::array(value))]),
        call: abi::evaluateCall { changes }.abi_encode(),
    }
}

impl ByHand for TerraformNetwork {
    fn name(&self) -> &'static str {
        "TerraformNetwork"
    }

    fn entry_point(&self) -> &'static str {
        "reference/terraform_network/deny"
    }

    fn files(&self) -> &'static [&'static str] {
        &["contracts/reference/terraform_network.rego"]
    }

    fn data(&self) -> Value {
        Value::object([])
    }

    /// Five changes; a group is open to the world for SSH, and a database is public.
    fn typical(&self) -> Question {
        let inner = rule(&["10.0.0.0/8"], &[], 443, 443, "tcp");
        let open = rule(&["0.0.0.0/0"], &[], 22, 22, "tcp");
        question(vec![
            change("aws_s3_bucket.logs", "aws_s3_bucket", &["create"], vec![], false),
            change(
                "aws_security_group.web",
                GROUP,
                &["create"],
                vec![inner.clone(), open],
                false,
            ),
            change("aws_instance.web", "aws_instance", &["update"], vec![], false),
            change("aws_db_instance.main", DATABASE, &["create"], vec![], true),
            change("aws_security_group.old", GROUP, &["delete"], vec![inner], false),
        ])
    }

    fn random(&self, chance: &mut Chance) -> Question {
        let mut changes = Vec::new();
        for _ in 0..chance.below(5) {
            let mut ingress = Vec::new();
            for _ in 0..chance.below(3) {
                let networks = some_words(chance, &["0.0.0.0/0", "10.0.0.0/8"], 2);
                let networks: Vec<&str> = networks.iter().map(String::as_str).collect();
                let ipv6 = some_words(chance, &["::/0", "fc00::/7"], 1);
                let ipv6: Vec<&str> = ipv6.iter().map(String::as_str).collect();
                let ports = [-1, 0, 22, 23, 3389, 65_535];
                let mut port = || ports.get(chance.below(ports.len())).copied().unwrap_or_default();
                let (from, to) = (port(), port());
                ingress.push(rule(
                    &networks,
                    &ipv6,
                    from,
                    to,
                    chance.word(&["tcp", "-1", "udp"]),
                ));
            }
            let actions = some_words(chance, &["create", "update", "delete", "no-op"], 2);
            let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
            let address = chance.word(&["a.b", "a.c", "an.address_of_more_than_thirty_two_bytes"]);
            let kind = chance.word(&[GROUP, GROUP, DATABASE, "aws_instance"]);
            let public = chance.one_in(2);
            changes.push(change(address, kind, &actions, ingress, public));
        }
        question(changes)
    }

    fn answer(&self, output: &[u8]) -> Option<Value> {
        let found = abi::evaluateCall::abi_decode_returns(output).ok()?;
        Some(Value::array(found.into_iter().map(Value::from)))
    }
}
