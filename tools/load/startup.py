#!/usr/bin/env python3
"""Time from starting `stele up` to the first decision served, from nothing and resumed: startup.py STELE [RUNS]."""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

BODY = json.dumps({"input": {"request": {"object": {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": []}}}}}).encode()


def start(stele, directory):
    begin = time.monotonic()
    node = subprocess.Popen(
        [stele, "up", "--listen", "127.0.0.1:0", "--chain-listen", "127.0.0.1:0"],
        cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    for line in node.stdout:
        if "decision point" in line:
            url = line.split()[-1]
        if line.startswith("try:"):
            break
    answer = urllib.request.urlopen(urllib.request.Request(f"{url}/v1/data/kubernetes/admission", BODY)).read()
    elapsed = time.monotonic() - begin
    assert json.loads(answer)["result"]["allow"] is True, answer
    node.terminate()
    node.wait()
    return elapsed


def main():
    stele = str(pathlib.Path(sys.argv[1]).resolve())
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    cold, resumed = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as directory:
            cold.append(start(stele, directory))
            resumed.append(start(stele, directory))
    for name, times in (("cold", cold), ("resumed", resumed)):
        print(f"{name}: median {statistics.median(times):.3f} s, worst {max(times):.3f} s of {runs}")


main()
