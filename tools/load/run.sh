#!/usr/bin/env bash
# Measures POST /v1/data with durable evidence: run.sh POLICY_DIR PATH INPUT.json [SECONDS] [CONNECTIONS]
# Needs wrk (Debian: apt-get install wrk). The log goes to a fresh directory under the current one, so choose the disk to be measured.
set -euo pipefail
policies=$1 path=$2 input=$3 seconds=${4:-10} connections=${5:-32}
here=$(cd "$(dirname "$0")" && pwd)
source "$here/measure.sh"
address=127.0.0.1:18181
log=$(mktemp -d ./load-log.XXXXXX)
cargo build --release -q -p stele-server --example load_server --manifest-path "$here/../../Cargo.toml"
target=${CARGO_TARGET_DIR:-$here/../../target}
coproc server { exec "$target/release/examples/load_server" "$policies" "$log" "$address" 2>"$log/server.err"; }
trap 'kill "$server_PID" 2>/dev/null || true; rm -rf "$log"' EXIT
for _ in $(seq 50); do curl -fs "http://$address/health/ready" >/dev/null && break; sleep 0.1; done
measure "$server_PID" 3s "$connections" "http://$address/v1/data/$path" "$input" >/dev/null
measure "$server_PID" "${seconds}s" "$connections" "http://$address/v1/data/$path" "$input"
