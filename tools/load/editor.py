#!/usr/bin/env python3
"""How long an editor waits for `stele lsp`.

Usage: editor.py STELE [MODULES]. Makes a workspace of MODULES (1,000) modules with 20 rules each, opens one of them and prints the
milliseconds from starting to the first diagnostics, from a change to its diagnostics (the server waits 150 ms for further changes), and
to the answers of the other requests; medians of five, but for the start.
"""

import json
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PATIENCE = 300
RULE = """
deny_{n} contains msg if {{
	some item in input.request.items_{n}
	item.level > {n}
	util.known(item.name)
	msg := sprintf("%s has level %d", [item.name, item.level])
}}
"""


def make(root, modules):
    (root / "util.rego").write_text('package big.util\n\nknown(x) if startswith(x, "a")\n')
    for number in range(modules):
        rules = "".join(RULE.format(n=n) for n in range(20))
        text = f"package big.m{number}\n\nimport data.big.util\n{rules}"
        (root / f"m{number}.rego").write_text(text)


class Client:
    def __init__(self, stele):
        self.process = subprocess.Popen([stele, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.inbox = queue.Queue()
        self.id = 0
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        out = self.process.stdout
        while header := out.readline():
            out.readline()
            self.inbox.put(json.loads(out.read(int(header.split(b":")[1]))))

    def send(self, message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def notify(self, method, params):
        self.send({"method": method, "params": params})

    def wait(self, fits):
        while not fits(message := self.inbox.get(timeout=PATIENCE)):
            pass
        return message

    def request(self, method, params):
        self.id += 1
        self.send({"id": self.id, "method": method, "params": params})
        return self.wait(lambda message: message.get("id") == self.id)

    def diagnostics(self, version):
        self.wait(lambda message: message.get("params", {}).get("version") == version)


def timed(action):
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def main(stele, modules):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root, modules)
        path = root / "m7.rego"
        text, uri = path.read_text(), path.as_uri()
        began = time.perf_counter()
        client = Client(stele)
        folders = [{"uri": root.as_uri(), "name": "big"}]
        client.request("initialize", {"capabilities": {}, "workspaceFolders": folders})
        client.notify("initialized", {})
        document = {"uri": uri, "languageId": "rego", "version": 1, "text": text}
        client.notify("textDocument/didOpen", {"textDocument": document})
        client.diagnostics(1)
        print(f"start to diagnostics: {(time.perf_counter() - began) * 1000:.0f} ms")

        def change(version):
            changed = {"uri": uri, "version": version}
            contents = [{"text": f"{text}\nlast := {version}\n"}]
            client.notify("textDocument/didChange", {"textDocument": changed, "contentChanges": contents})
            client.diagnostics(version)

        took = statistics.median(timed(lambda version=version: change(version)) for version in range(2, 7))
        print(f"change to diagnostics: {took:.0f} ms")
        call = text.split("\n").index("\tutil.known(item.name)")
        place = {"textDocument": {"uri": uri}, "position": {"line": call, "character": 7}}
        place["context"] = {"includeDeclaration": True, "triggerKind": 1}
        for name in ["hover", "definition", "references", "completion"]:
            took = statistics.median(timed(lambda: client.request(f"textDocument/{name}", place)) for _ in range(5))
            print(f"{name}: {took:.1f} ms")
        client.request("shutdown", None)
        client.notify("exit", None)
        client.process.wait(PATIENCE)


main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000)
