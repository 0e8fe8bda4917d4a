//! What a challenge is made of, checked here as the contract will check it: nothing is published in vain.

use super::subject::Subject;
use crate::artifact;
use crate::exit::EnvironmentContext;
use crate::home::Home;
use crate::output;
use crate::query::evm;
use anyhow::{Context, Result, bail};
use std::path::Path;
use stele_chain::client::{ActiveVersion, ChallengeClaim, ChallengeVerdict, Challenged, Governance};
use stele_ledger::proof::ProofBundle;
use stele_types::{Salt, Value, encoding, json, sha256};

/// A decision that can be challenged, as far as that can be told without the chain.
pub(super) struct Evidence {
    pub(super) subject: Subject,
    input: Vec<u8>,
    salt: Salt,
    data: Value,
    data_bytes: Vec<u8>,
}

/// What the policy contract says when it is executed in this process.
pub(super) enum Expected {
    /// The recorded result.
    Same,
    /// Another result; `None` is a conflict.
    Other(Option<Vec<u8>>),
}

impl Evidence {
    /// Takes a proof apart and finds the data of its policy version.
    pub(super) fn gather(proof: &ProofBundle, home: &Home, bundle: Option<&Path>) -> Result<Self> {
        let subject = Subject::of(proof)?;
        let (record, leaf) = (&subject.record, &subject.leaf);
        let salt = match record.input_salt {
            Some(salt) if !record.is_withheld("input") => salt,
            _ => bail!(
                "the input of decision {} was masked or erased: nobody can have it re-executed",
                record.decision_id
            ),
        };
        let input = match &record.input {
            Some(input) => encoding::encode_contract(input)
                .context("a contract can't hold the input, so the decision can't be challenged")?,
            None => Vec::new(),
        };
        let data = artifact::data_of(home, bundle, leaf.policy_version)?;
        let data_bytes = encoding::encode_contract(&data)
            .context("a contract can't hold the data document, so the decision can't be challenged")?;
        let digest = sha256(&[&data_bytes]);
        if digest != leaf.data_digest {
            bail!(
                "the decision was made on data with digest {}, the bundle's has {digest}: the node used other data than its version's",
                leaf.data_digest
            );
        }
        Ok(Self {
            subject,
            input,
            salt,
            data,
            data_bytes,
        })
    }

    /// Asks the chain for the rest, and re-executes the decision here.
    pub(super) async fn prepare(&self, governance: &Governance) -> Result<(ChallengeClaim, Expected)> {
        let anchor = self.subject.anchored(governance).await?;
        let (activation, version) = self.activation(governance).await?;
        let code = governance
            .client()
            .code(version.contract)
            .await
            .environment("the chain")?;
        let expected = self.execute(&code)?;
        let claim = ChallengeClaim {
            leaf: self.subject.leaf,
            index: self.subject.index,
            anchor,
            inclusion: self.subject.inclusion.clone(),
            policy: self.subject.record.policy_id.clone(),
            activation,
            input_salt: self.salt,
            input: self.input.clone(),
            data: self.data_bytes.clone(),
        };
        Ok((claim, expected))
    }

    /// The activation that put the leaf's version in force at its time, with its number.
    async fn activation(&self, governance: &Governance) -> Result<(u64, ActiveVersion)> {
        let found = governance
            .activation_of(
                &self.subject.record.policy_id,
                self.subject.leaf.policy_version,
                self.subject.leaf.time,
            )
            .await
            .environment("the chain")?;
        found.with_context(|| {
            format!(
                "version {} of {} was not in force at {}: that alone shows a wrong record, but the chain can't re-execute it",
                self.subject.leaf.policy_version, self.subject.record.policy_id, self.subject.leaf.time
            )
        })
    }

    /// Executes the contract's code in this process.
    fn execute(&self, code: &[u8]) -> Result<Expected> {
        let call = evm::call(
            self.subject.record.path.as_str(),
            self.subject.record.input.as_ref(),
            &self.data_bytes,
            self.subject.leaf.time,
        )?;
        let result = match evm::execute(code, &call) {
            Ok((result, _)) => Some(result),
            Err(failure) if failure.has_code("eval_conflict_error") => None,
            Err(failure) => {
                // What the record says is a hint and no more: a node that lies would say it of every lie.
                let said = self.subject.record.labels.get("challengeable_reason");
                let said = said.map_or_else(String::new, |reason| format!(", as its record says ({reason})"));
                return Err(failure).context(format!(
                    "the policy's contract can't re-execute this decision{said}; nothing was sent"
                ));
            }
        };
        let same = result
            .as_ref()
            .is_some_and(|result| sha256(&[result]) == self.subject.leaf.result_digest);
        Ok(if same {
            Expected::Same
        } else {
            Expected::Other(result)
        })
    }

    /// Shows on standard error what becomes public, all of it.
    pub(super) fn disclose(&self, governance: &Governance, expected: &Expected) {
        let deployment = governance.deployment();
        let record = &self.subject.record;
        output::note(format!(
            "A challenge publishes the following on chain {} (contract {}), for ever, together with the proof of inclusion:\n",
            deployment.chain_id, deployment.challenge
        ));
        for (name, value) in [
            ("decision", record.decision_id.to_string()),
            ("time", self.subject.leaf.time.to_string()),
            ("node", self.subject.leaf.node.to_string()),
            (
                "policy",
                format!("{} {}", record.policy_id, self.subject.leaf.policy_version),
            ),
            ("entry point", record.path.to_string()),
            (
                "recorded",
                format!("result with SHA-256 {}", self.subject.leaf.result_digest),
            ),
            ("input salt", hex::encode(self.salt.0)),
        ] {
            output::note(format!("  {name:<12} {value}"));
        }
        let input = record
            .input
            .as_ref()
            .map_or_else(|| "undefined".to_owned(), json::to_string_pretty);
        output::note(format!("\ninput ({} bytes on chain):\n{input}", self.input.len()));
        let data = json::to_string_pretty(&self.data);
        output::note(format!(
            "\ndata ({} bytes on chain):\n{data}\n",
            self.data_bytes.len()
        ));
        if let Expected::Other(result) = expected {
            output::note(format!("what the policy says:\n{}\n", shown(result.as_deref())));
        }
        output::note(match expected {
            Expected::Same => {
                "Re-executed here, the policy gives the recorded result: the chain will uphold it, and the input be public for nothing."
            }
            Expected::Other(_) => {
                "Re-executed here, the policy gives ANOTHER result than the recorded one: the chain will suspend the node."
            }
        });
    }

    /// The outcome in words.
    pub(super) fn verdict_text(&self, challenged: &Challenged) -> String {
        let (decision, node) = (self.subject.record.decision_id, self.subject.leaf.node);
        let paid = format!(
            "transaction {}, {} gas",
            challenged.transaction,
            challenged.gas_used.get()
        );
        match &challenged.verdict {
            ChallengeVerdict::Upheld => {
                format!("upheld: decision {decision} of node {node} is what the policy says ({paid})")
            }
            ChallengeVerdict::Refuted { conflict, result, .. } => {
                let said = shown((!conflict).then_some(result));
                format!(
                    "REFUTED: decision {decision}; node {node} is suspended ({paid})\nthe policy says: {said}"
                )
            }
        }
    }
}

/// A contract's result as JSON.
fn shown(result: Option<&[u8]>) -> String {
    match result {
        None => "nothing: its rules contradict each other".to_owned(),
        Some([]) => "undefined".to_owned(),
        Some(bytes) => encoding::decode(bytes, &encoding::Limits::default()).map_or_else(
            |_| format!("0x{}", hex::encode(bytes)),
            |value| json::to_string(&value),
        ),
    }
}
