#!/usr/bin/env bash
# Measures the engines that are installed beside ours, on this machine: tools/engines/run.sh
# regorus and Cedar are built from crates.io; OPA is measured when `opa` is on the path. Compare only figures of one run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}
scratch=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT

echo "== machine: $(nproc) x $(sed -n 's/^model name.*: //p' /proc/cpuinfo 2>/dev/null | head -1), $(date -u +%F)"
echo "== stele and regorus: input bytes to decision bytes"
(cd "$root" && cargo bench -q -p stele-rego --bench engines -- rbac k8s tfplan)
echo "== stele and Cedar"
cargo run -q --release --manifest-path "$here/Cargo.toml"

if ! command -v opa >/dev/null; then
    echo "== OPA: no 'opa' on the path, left out"
    exit 0
fi
opa version | head -1
cargo run -q --release --manifest-path "$here/Cargo.toml" -- --write "$scratch"
for name in rbac k8s tfplan; do
    dir=$scratch/$name
    echo "== OPA, $name: evaluation alone"
    opa bench --data "$dir/policy.rego" --data "$dir/data.json" --input "$dir/input.json" --format pretty "$(cat "$dir/query")" |
        grep -E 'ns/op|percentile|timer_rego_query_eval_ns_(50|median|99)' || true
done
if ! command -v wrk >/dev/null; then
    echo "== OPA server: no 'wrk' on the path, left out"
    exit 0
fi
for name in rbac k8s tfplan; do
    dir=$scratch/$name
    path=$(sed 's/^data\.//; s/\./\//g' "$dir/query")
    opa run --server --addr 127.0.0.1:18182 --log-level error "$dir/policy.rego" "$dir/data.json" &
    server=$!
    for _ in $(seq 100); do curl -fs http://127.0.0.1:18182/health >/dev/null && break; sleep 0.1; done
    echo "== OPA server, $name, 32 connections"
    wrk -t2 -c32 -d6s -s "$here/../load/post.lua" "http://127.0.0.1:18182/v1/data/$path" -- "$dir/input.json" | tail -1
    kill "$server" && wait "$server" 2>/dev/null || true
    server=
done
