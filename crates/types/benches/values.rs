//! What each decision pays for its body: parse, write and encode a document of about 4.6 KB shaped like an AdmissionReview.
//!
//! `cargo bench -p stele-types --bench values`
#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use stele_types::{Value, encoding, json};

fn main() {
    divan::main();
}

fn document() -> Vec<u8> {
    let container = |name: &str| {
        serde_json::json!({
            "name": name,
            "image": format!("registry.example.com/team/{name}:1.2.3"),
            "ports": [{"containerPort": 8080, "protocol": "TCP"}, {"containerPort": 9090, "protocol": "TCP"}],
            "env": (0..8).map(|n| serde_json::json!({"name": format!("SETTING_{n}"), "value": format!("value \"{n}\"")}))
                .collect::<Vec<_>>(),
            "resources": {"limits": {"cpu": "500m", "memory": "128Mi"}, "requests": {"cpu": "250m", "memory": "64Mi"}},
            "securityContext": {"privileged": false, "runAsNonRoot": true, "runAsUser": 1000,
                "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}},
            "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": true}],
        })
    };
    let containers: Vec<_> = ["web", "proxy", "agent"].into_iter().map(container).collect();
    let review = serde_json::json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "operation": "CREATE",
            "userInfo": {"username": "admin", "groups": ["system:authenticated", "dev"]},
            "object": {
                "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web", "tier": "front"}},
                "spec": {"containers": containers, "hostNetwork": false},
            },
        },
    });
    serde_json::to_vec_pretty(&review).unwrap()
}

fn value() -> Value {
    json::parse(&document(), &json::Limits::default()).unwrap()
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let bytes = document();
    bencher
        .counter(BytesCount::new(bytes.len()))
        .bench_local(|| json::parse(black_box(&bytes), &json::Limits::default()).unwrap());
}

#[divan::bench]
fn write(bencher: Bencher<'_, '_>) {
    let value = value();
    bencher.bench_local(|| json::to_vec(black_box(&value)));
}

#[divan::bench]
fn write_through_serde(bencher: Bencher<'_, '_>) {
    let value = value();
    bencher.bench_local(|| serde_json::to_vec(black_box(&value)).unwrap());
}

#[divan::bench]
fn encode(bencher: Bencher<'_, '_>) {
    let value = value();
    bencher.bench_local(|| encoding::encode(black_box(&value)).unwrap());
}
