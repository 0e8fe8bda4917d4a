#!/bin/sh
# Plays every lie and shows how it is caught; needs Rust and nothing else.
set -e
cd "$(dirname "$0")/../.."
cargo build --quiet --package stele --package stele-tampered-node
exec cargo run --quiet --package stele-tampered-node
