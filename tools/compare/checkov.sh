#!/bin/sh
# What checkov 3.3 (PyPI, in a virtualenv of its own) and `stele check` take for one repository: that of `cargo xtask bench-check repository`.
# Usage: tools/compare/checkov.sh [FOLDER] [VIRTUALENV] [STELE]
set -eu
folder=$(realpath "${1:-target/bench-check/repository}")
environment=${2:-target/bench-check/checkov}
stele=$(realpath "${3:-target/release/stele}")
if [ ! -x "$environment/bin/checkov" ]; then
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet 'checkov>=3.3,<3.4'
fi
environment=$(realpath "$environment")
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
# Away from any configuration of either.
cd "$results"
echo "checkov $("$environment/bin/checkov" --version)" >&2

# Their exit codes tell that something was found, which is no failure here.
/usr/bin/time -o checkov.time -f '%e %U %S %M' env LOG_LEVEL=ERROR \
    "$environment/bin/checkov" --directory "$folder" --framework kubernetes terraform cloudformation dockerfile github_actions \
    --output json --compact --soft-fail --skip-download --output-file-path "$results" >checkov.out 2>&1 || { tail -5 checkov.out >&2; exit 1; }
/usr/bin/time -o stele.time -f '%e %U %S %M' \
    "$stele" check --dry-run --format json "$folder" >stele.json 2>stele.out || { tail -5 stele.out >&2; exit 1; }

# Which files each of them says something of, and what both took.
"$environment/bin/python" - "$folder" <<'PYTHON'
import json, os, sys

folder = sys.argv[1]
reports = json.load(open("results_json.json"))
reports = reports if isinstance(reports, list) else [reports]
read, checks = set(), 0
for report in reports:
    for verdict in ("passed_checks", "failed_checks"):
        found = report.get("results", {}).get(verdict, [])
        checks += len(found)
        read.update(os.path.normpath(os.path.join(folder, check["file_path"].lstrip("/"))) for check in found)
present = {os.path.join(above, name) for above, _, names in os.walk(folder) for name in names}
stele = json.load(open("stele.json"))
print(f"checkov: {checks} checks of {len(read & present)} of {len(present)} files")
print(f"stele: {stele['checks']} questions about {stele['files']} inputs (a Terraform module is one), {len(stele['findings'])} findings")
times = {}
for name in ("checkov", "stele"):
    # Where a command fails, `time` writes a line about it first.
    wall, user, system, memory = map(float, open(f"{name}.time").read().split("\n")[-2].split())
    times[name] = (wall, user + system)
    print(f"{name}: {wall:.2f} s, {user + system:.2f} s of processors' time, {memory / 1024:.0f} MiB at most resident in one process")
print("ratio: {:.0f}x on the clock, {:.0f}x in processors' time".format(*(a / b for a, b in zip(times["checkov"], times["stele"]))))
PYTHON
