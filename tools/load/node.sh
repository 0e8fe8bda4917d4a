#!/usr/bin/env bash
# Measures POST /v1/data on a whole node (chain, durable log, anchoring): node.sh STELE [SECONDS] [CONNECTIONS] [receipt]
# With `receipt`, runs without and with receipts take turns.
# Needs wrk (Debian: apt-get install wrk). Prints two lines a run, figures and what a request cost in processor time; the first is a warm-up.
set -euo pipefail
stele=$(realpath "$1") seconds=${2:-10} connections=${3:-32}
here=$(cd "$(dirname "$0")" && pwd)
source "$here/measure.sh"
scratch=$(mktemp -d ./load-node.XXXXXX)
"$stele" --data-dir "$scratch/data" up --policies "$here/k8s/policies" --listen 127.0.0.1:18181 --chain-listen 127.0.0.1:18545 \
    >"$scratch/out" 2>"$scratch/err" &
node=$!
trap 'kill "$node" 2>/dev/null || true; wait "$node" 2>/dev/null || true; rm -rf "$scratch"' EXIT
for _ in $(seq 100); do grep -q '^try:' "$scratch/out" && break; sleep 0.1; done
url=http://127.0.0.1:18181/v1/data/kubernetes/admission/deny
turns=("")
[ "${4:-}" = receipt ] && turns=("" "?receipt=true")
for length in 3s "${seconds}s" "${seconds}s" "${seconds}s"; do
    for turn in "${turns[@]}"; do
        [ ${#turns[@]} -gt 1 ] && echo "${turn:-without}"
        measure "$node" "$length" "$connections" "$url$turn" "$here/k8s/input.json"
    done
done
