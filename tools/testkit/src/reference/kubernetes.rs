//! `contracts/reference/KubernetesPod.sol`.

use alloy::sol_types::SolCall;
use stele_types::Value;

use super::abi::KubernetesPod as abi;
use super::{ByHand, Question, object};
use crate::engines::Chance;

pub(super) struct KubernetesPod;

fn container(name: &str, image: &str, privileged: bool, limits: [&str; 2]) -> abi::Container {
    let [cpu, memory] = limits.map(str::to_owned);
    abi::Container {
        name: name.to_owned(),
        image: image.to_owned(),
        privileged,
        cpuLimit: cpu,
        memoryLimit: memory,
    }
}

fn question(input: abi::Input) -> Question {
    let container = |container: &abi::Container| {
        let limits = [("cpu", &container.cpuLimit), ("memory", &container.memoryLimit)];
        let limits = limits.into_iter().filter(|(_, limit)| !limit.is_empty());
        let limits = Value::object(limits.map(|(key, limit)| (Value::string(key), Value::string(limit))));
        object([
            ("name", Value::string(&container.name)),
            ("image", Value::string(&container.image)),
            ("resources", object([("limits", limits)])),
            (
                "securityContext",
                object([("privileged", Value::Bool(container.privileged))]),
            ),
        ])
    };
    let labels = input
        .labels
        .iter()
        .map(|label| (Value::string(&label.key), Value::string(&label.value)));
    let spec = object([
        ("containers", Value::array(input.containers.iter().map(container))),
        ("hostNetwork", Value::Bool(input.hostNetwork)),
    ]);
    let metadata = object([("labels", Value::object(labels))]);
    let request = object([
        ("kind", object([("kind", Value::string(&input.kind))])),
        ("object", object([("metadata", metadata), ("spec", spec)])),
    ]);
    Question {
        input: object([("request", request)]),
        call: abi::evaluateCall { input }.abi_encode(),
    }
}

impl ByHand for KubernetesPod {
    fn name(&self) -> &'static str {
        "KubernetesPod"
    }

    fn entry_point(&self) -> &'static str {
        "reference/kubernetes_pod/deny"
    }

    fn files(&self) -> &'static [&'static str] {
        &["contracts/reference/kubernetes_pod.rego"]
    }

    fn data(&self) -> Value {
        Value::object([])
    }

    /// Three containers, of which one is as it should be.
    fn typical(&self) -> Question {
        let label = |key: &str, value: &str| abi::Label {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        question(abi::Input {
            kind: "Pod".to_owned(),
            labels: vec![
                label("app", "web"),
                label("pod-template-hash", "7d4b9c"),
                label("version", "1.4.2"),
            ],
            hostNetwork: true,
            containers: vec![
                container(
                    "web",
                    "registry.corp.example/payments/web:1.4.2",
                    false,
                    ["500m", "256Mi"],
                ),
                container("sidecar", "docker.io/envoyproxy/envoy:v1.31", true, ["200m", ""]),
                container("agent", "mirror.corp.example/obs/agent:3.2", false, ["", ""]),
            ],
        })
    }

    fn random(&self, chance: &mut Chance) -> Question {
        let images = [
            "registry.corp.example/a:1",
            "registry.corp.example/",
            "registry.corp.example",
            "mirror.corp.example/b",
            "mirror.corp.examplf/b",
            "nginx",
            "",
        ];
        let names = ["a", "b", "a container with a name of more than thirty-two bytes"];
        let mut containers = Vec::new();
        for _ in 0..chance.below(4) {
            let limits = [chance.word(&["", "1", "500m"]), chance.word(&["", "1Gi"])];
            let privileged = chance.one_in(3);
            containers.push(container(
                chance.word(&names),
                chance.word(&images),
                privileged,
                limits,
            ));
        }
        let keys = ["app", "owner", "version"];
        let wanted = chance.below(8);
        let labels = keys.iter().enumerate().filter(|(n, _)| wanted & (1 << n) != 0);
        let labels = labels.map(|(_, key)| abi::Label {
            key: (*key).to_owned(),
            value: "x".to_owned(),
        });
        question(abi::Input {
            kind: chance.word(&["Pod", "Pod", "Pod", "Deployment"]).to_owned(),
            labels: labels.collect(),
            hostNetwork: chance.one_in(2),
            containers,
        })
    }

    fn answer(&self, output: &[u8]) -> Option<Value> {
        let found = abi::evaluateCall::abi_decode_returns(output).ok()?;
        Some(Value::array(found.into_iter().map(Value::from)))
    }
}
