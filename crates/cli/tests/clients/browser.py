"""Drops files on a page in headless Chromium, as a person would, and prints what the page then says: one JSON object a proof.

    browser.py CHROMIUM PAGE KEY PROOF...

KEY is a file with the log's verifier key; it is dropped before each proof. Speaks the DevTools protocol over a pair of pipes, so it needs no port
and no package."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

# Answers once the page has said what it found.
FOUND = """new Promise(done => {
  const verdict = document.getElementById("verdict");
  const look = () => verdict.dataset.verdict && done({
    verdict: verdict.dataset.verdict,
    checks: Array.from(document.querySelectorAll("#checks tr"), row => [row.dataset.check, row.dataset.outcome, row.cells[2].textContent]),
  });
  new MutationObserver(look).observe(verdict, { attributes: true });
  look();
})"""
KEY_TAKEN = """new Promise(done => { const look = () => document.getElementById("key").value ? done(true) : setTimeout(look, 5); look(); })"""


class Browser:
    """One tab."""

    def __init__(self, program, profile):
        (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()

        def pipes():
            # Chromium reads commands from descriptor 3 and writes to 4; copies first, so that neither end is overwritten.
            read, write = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self.errors = tempfile.TemporaryFile()
        # The sandbox needs rights that a container may not have; the page is our own.
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        self.process = subprocess.Popen([program, *arguments, "about:blank"], preexec_fn=pipes, close_fds=False, stderr=self.errors)
        os.close(theirs_in)
        os.close(theirs_out)
        self.out, self.into, self.last, self.session = os.fdopen(ours_out, "wb"), os.fdopen(ours_in, "rb"), 0, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")

    def receive(self):
        message = bytearray()
        while (byte := self.into.read(1)) != b"\0":
            if not byte:
                self.errors.seek(0)
                sys.exit(f"Chromium went away:\n{self.errors.read().decode()}")
            message += byte
        return json.loads(message)

    def send(self, method, params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params} | ({"sessionId": self.session} if self.session else {})
        self.out.write(json.dumps(message).encode() + b"\0")
        self.out.flush()
        return self.last

    def call(self, method, **params):
        number = self.send(method, params)
        while (message := self.receive()).get("id") != number:
            pass
        if "error" in message:
            sys.exit(f"{method}: {message['error']}")
        return message["result"]

    def open(self, page):
        self.send("Page.navigate", {"url": page.as_uri()})
        while self.receive().get("method") != "Page.loadEventFired":
            pass

    def drop(self, file):
        data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=100, y=100, data=data)

    def evaluate(self, expression):
        return self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)["result"]["value"]

    def close(self):
        self.call("Browser.close")
        self.process.wait()


def main():
    program, page, key, *proofs = sys.argv[1:]
    page, key = pathlib.Path(page).resolve(), pathlib.Path(key).resolve()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        for proof in proofs:
            browser.open(page)
            browser.drop(key)
            browser.evaluate(KEY_TAKEN)
            browser.drop(pathlib.Path(proof).resolve())
            print(json.dumps({"proof": proof} | browser.evaluate(FOUND)), flush=True)
        browser.close()


main()
