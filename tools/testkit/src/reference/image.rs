//! `contracts/reference/ImageProvenance.sol`.

use alloy::sol_types::SolCall;
use stele_types::Value;

use super::abi::ImageProvenance as abi;
use super::{ByHand, Question, object, strings};
use crate::engines::Chance;

pub(super) struct ImageProvenance;

const SPDX: &str = "https://spdx.dev/Document";
const SLSA: &str = "https://slsa.dev/provenance/v1";
const BUILDER: &str = "https://builder.corp.example/release@v1";
const DIGEST: &str = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// As `policies/config/images/data.json`.
fn data() -> abi::Data {
    let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
    abi::Data {
        trustedRegistries: list(&["registry.corp.example", "mirror.corp.example"]),
        trustedBuilders: list(&[BUILDER]),
        sbomPredicates: list(&[SPDX, "https://cyclonedx.org/bom"]),
    }
}

fn image(reference: &str, attestations: &[(&str, &str)]) -> abi::Image {
    abi::Image {
        r#ref: reference.to_owned(),
        attestations: attestations
            .iter()
            .map(|(predicate, builder)| abi::Attestation {
                predicateType: (*predicate).to_owned(),
                builder: (*builder).to_owned(),
            })
            .collect(),
    }
}

fn question(images: Vec<abi::Image>) -> Question {
    let attestation = |attestation: &abi::Attestation| {
        let builder = object([("id", Value::string(&attestation.builder))]);
        let predicate = object([("runDetails", object([("builder", builder)]))]);
        object([
            ("predicateType", Value::string(&attestation.predicateType)),
            ("predicate", predicate),
        ])
    };
    let value = images.iter().map(|image| {
        object([
            ("reference", Value::string(&image.r#ref)),
            (
                "attestations",
                Value::array(image.attestations.iter().map(attestation)),
            ),
        ])
    });
    Question {
        input: object([("images", Value::array(value))]),
        call: abi::evaluateCall { images, data: data() }.abi_encode(),
    }
}

impl ByHand for ImageProvenance {
    fn name(&self) -> &'static str {
        "ImageProvenance"
    }

    fn entry_point(&self) -> &'static str {
        "supply_chain/image/deny"
    }

    fn files(&self) -> &'static [&'static str] {
        &[
            "policies/supply_chain/image/image.rego",
            "policies/lib/images/images.rego",
        ]
    }

    fn data(&self) -> Value {
        let data = data();
        let images = object([
            ("trusted_registries", strings(&data.trustedRegistries)),
            ("trusted_builders", strings(&data.trustedBuilders)),
            ("sbom_predicates", strings(&data.sbomPredicates)),
        ]);
        object([("config", object([("images", images)]))])
    }

    /// One image of the release pipeline, and one from elsewhere.
    fn typical(&self) -> Question {
        let released = format!("registry.corp.example/payments/web{DIGEST}");
        question(vec![
            image(&released, &[(SPDX, ""), (SLSA, BUILDER)]),
            image("docker.io/library/nginx:latest", &[]),
        ])
    }

    fn random(&self, chance: &mut Chance) -> Question {
        let names = [
            "registry.corp.example/a",
            "mirror.corp.example/b/c",
            "localhost/x",
            "localhost:5000/x",
            "nginx",
            "library/nginx:1",
            "/x",
            "evil.example/registry.corp.example/a",
        ];
        let spoilt = DIGEST.replace('0', "G");
        let ends = [DIGEST, "", "@sha256:12", &spoilt, "@a@b", ":latest"];
        let predicates = [
            SPDX,
            SLSA,
            "https://slsa.dev/provenance/",
            "https://slsa.dev/prov",
            "other",
        ];
        let mut images = Vec::new();
        for _ in 0..chance.below(4) {
            let reference = format!("{}{}", chance.word(&names), chance.word(&ends));
            let mut attestations = Vec::new();
            for _ in 0..chance.below(4) {
                attestations.push((chance.word(&predicates), chance.word(&[BUILDER, "someone", ""])));
            }
            images.push(image(&reference, &attestations));
        }
        question(images)
    }

    fn answer(&self, output: &[u8]) -> Option<Value> {
        let found = abi::evaluateCall::abi_decode_returns(output).ok()?;
        Some(Value::array(found.into_iter().map(|finding| {
            object([
                ("id", Value::from(finding.id)),
                ("msg", Value::from(finding.msg)),
                ("resource", Value::from(finding.resource)),
            ])
        })))
    }
}
