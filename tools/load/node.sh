#!/usr/bin/env bash
# Measures POST /v1/data on a whole node (chain, durable log, anchoring): node.sh STELE [SECONDS] [CONNECTIONS] [receipt|opa]
# With `receipt`, runs without and with receipts take turns; with `opa`, runs of the node and of OPA's own server (`opa` on the path, its
# decision log off) on the same policy and input do.
# Needs wrk (Debian: apt-get install wrk). Prints two lines a run, figures and what a request cost in processor time; the first is a warm-up.
set -euo pipefail
stele=$(realpath "$1") seconds=${2:-10} connections=${3:-32}
here=$(cd "$(dirname "$0")" && pwd)
source "$here/measure.sh"
scratch=$(mktemp -d ./load-node.XXXXXX)
"$stele" --data-dir "$scratch/data" up --policies "$here/k8s/policies" --listen 127.0.0.1:18181 --chain-listen 127.0.0.1:18545 \
    >"$scratch/out" 2>"$scratch/err" &
node=$!
opa=
trap 'kill $node $opa 2>/dev/null || true; wait $node $opa 2>/dev/null || true; rm -rf "$scratch"' EXIT
for _ in $(seq 100); do grep -q '^try:' "$scratch/out" && break; sleep 0.1; done
path=/v1/data/kubernetes/admission/deny
turns=(node)
case ${4:-} in
"") ;;
receipt) turns=(node receipt) ;;
opa)
    turns=(node opa)
    opa run --server --addr 127.0.0.1:18182 --log-level error "$here/k8s/policies" >"$scratch/opa" 2>&1 &
    opa=$!
    for _ in $(seq 100); do curl -fs http://127.0.0.1:18182/health >/dev/null && break; sleep 0.1; done
    ;;
*)
    echo "node.sh: '$4' is neither 'receipt' nor 'opa'" >&2
    exit 2
    ;;
esac
for length in 3s "${seconds}s" "${seconds}s" "${seconds}s"; do
    for turn in "${turns[@]}"; do
        pid=$node url=http://127.0.0.1:18181$path
        case $turn in
        receipt) url+="?receipt=true" ;;
        opa) pid=$opa url=http://127.0.0.1:18182$path ;;
        esac
        [ ${#turns[@]} -gt 1 ] && echo "$turn"
        measure "$pid" "$length" "$connections" "$url" "$here/k8s/input.json"
    done
done
