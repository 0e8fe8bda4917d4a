#!/usr/bin/env python3
"""Resident memory of a node with a large data document, against the same node without it.

Usage: tools/load/memory.py STELE [MEGABYTES]. Linux only: reads VmRSS from /proc. Prints one line of figures.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import urllib.request

POLICY = """# METADATA
# title: Memory
# custom:
#   id: bench/memory
package bench.memory

default allow := false

allow if {
	some role in data.users[input.user].roles
	some permission in data.roles[role].permissions
	permission.action == input.action
	permission.resource == input.resource
}
"""


def document(size):
    """Users and roles, seeded, of about `size` bytes of JSON."""
    pick = random.Random(42)
    actions = ["read", "write", "delete", "list", "approve"]
    roles = {
        f"role-{i}": {"permissions": [{"action": pick.choice(actions), "resource": f"resource-{pick.randrange(50)}"} for _ in range(10)]}
        for i in range(100)
    }
    users, used, i = {}, 0, 0
    while used < size:
        user = {"roles": [f"role-{pick.randrange(100)}" for _ in range(3)], "email": f"user-{i}@corp.example"}
        users[f"user-{i}"] = user
        used += len(json.dumps(user)) + len(f'"user-{i}":,')
        i += 1
    return {"roles": roles, "users": users}


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("no VmRSS")


def measure(stele, data):
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        policies = scratch / "policies" / "bench"
        policies.mkdir(parents=True)
        (policies / "memory.rego").write_text(POLICY)
        if data is not None:
            (scratch / "policies" / "data.json").write_text(json.dumps(data, separators=(",", ":")))
        node = subprocess.Popen(
            [stele, "up", "--listen", "127.0.0.1:0", "--chain-listen", "127.0.0.1:0"],
            cwd=scratch, stdout=subprocess.PIPE, text=True,
        )
        try:
            url = None
            for line in node.stdout:
                if "decision point" in line:
                    url = line.split()[-1]
                if line.startswith("try:"):
                    break
            # A new connection each time, so that every worker builds its engine.
            for i in range(200):
                body = json.dumps({"input": {"user": f"user-{i}", "action": "read", "resource": "resource-1"}}).encode()
                urllib.request.urlopen(urllib.request.Request(f"{url}/v1/data/bench/memory/allow", body)).read()
            # What the start needed and dropped goes back to the system within a second or two.
            time.sleep(5)
            return resident(node.pid)
        finally:
            node.terminate()
            node.wait()


def main():
    stele = str(pathlib.Path(sys.argv[1]).resolve())
    megabytes = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    data = document(int(megabytes * 1e6))
    size = len(json.dumps(data, separators=(",", ":")))
    empty, loaded = measure(stele, None), measure(stele, data)
    print(
        f"data.json {size / 1e6:.1f} MB; resident: empty {empty / 1e6:.1f} MB, loaded {loaded / 1e6:.1f} MB; "
        f"difference {(loaded - empty) / size:.1f} x the document"
    )


main()
