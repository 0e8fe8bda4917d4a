"""Runs verify.py on many proofs in one process, as if each were a run of its own, and prints VERIFIED or FAILED for each.

    verify_many.py VERIFY KEY PROOF..."""

import contextlib
import io
import sys


def main():
    script, key, *proofs = sys.argv[1:]
    with open(script, encoding="utf-8") as file:
        code = compile(file.read(), script, "exec")
    for proof in proofs:
        sys.argv = [script, proof, "--key", key]
        said, status = io.StringIO(), 0
        with contextlib.redirect_stdout(said):
            try:
                exec(code, {"__name__": "__main__", "__doc__": ""})
            except SystemExit as end:
                status = end.code
        last = said.getvalue().splitlines()[-1]
        if (status, last) == (0, "VERIFIED"):
            print("VERIFIED")
        elif status == 1 and last.startswith("FAILED"):
            print("FAILED")
        else:
            sys.exit(f"{proof}: {status} {last}")


main()
