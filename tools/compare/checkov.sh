#!/bin/sh
# How long checkov 3.3 (PyPI) takes for the repository that `cargo xtask bench-check repository` makes, in a virtualenv of its own.
# Usage: tools/compare/checkov.sh [FOLDER] [VIRTUALENV]
set -eu
folder=${1:-target/bench-check/repository}
environment=${2:-target/bench-check/checkov}
if [ ! -x "$environment/bin/checkov" ]; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet 'checkov>=3.3,<3.4'
fi
"$environment/bin/checkov" --version
export LOG_LEVEL=ERROR
# Checkov's exit code tells that something was found, which is no failure here.
exec /usr/bin/time -f '%e s, %M KiB at most resident, %U s on processors' \
    "$environment/bin/checkov" --directory "$folder" --framework kubernetes terraform cloudformation dockerfile github_actions \
    --output json --quiet --compact --soft-fail --output-file-path "$environment"
