#!/usr/bin/env python3
"""Checks a Stele proof.json without any of Stele's code, written from docs/formats/*.md. Needs Python 3.9, nothing else.

    verify.py PROOF --key VKEY|FILE [--rpc URL --ledger ADDRESS]

One line a check. Exit code 0: all passed, 1: one failed (the rest is not reached), 2: usage, 3: the chain can't be asked."""
import argparse, base64, datetime, decimal, hashlib, itertools, json, os, re, sys, urllib.request


def need(condition, reason):
    if not condition:
        raise ValueError(reason)

def unhex(text, size, prefix=""):
    need(re.fullmatch(prefix + "[0-9a-f]{%d}" % (2 * size), text), f"not {size} bytes in lower-case hex: {text:.90}")
    return bytes.fromhex(text[len(prefix):])
def unbase64(text):
    need(base64.b64encode(base64.b64decode(text, validate=True)).decode() == text, "base64 with stray bits")
    return base64.b64decode(text)

def members(value, needed, optional=""):
    missing, unknown = set(needed.split()) - value.keys(), value.keys() - set(needed.split()) - set(optional.split())
    need(not missing and not unknown, f"missing members {sorted(missing)}, unknown {sorted(unknown)}")
sha256 = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
once = lambda pairs: need(len(dict(pairs)) == len(pairs), "an object has a member twice") or dict(pairs)
counter = lambda value: need(type(value) is int and 0 <= value < 2**64, f"not an integer of 64 bits: {value}") or value
address = lambda text: unhex(text.lower(), 20, "0x")  # the case of the letters (EIP-55) is compared where it is known

# ---- Ed25519 (RFC 8032, section 5.1.7); points are (X, Y, Z, T)
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
def add(p, q):
    a, b, c, d = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0]), 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)
def times(scalar, base):
    total = (0, 1, 1, 0)
    for bit in f"{scalar:b}":
        total = add(total, total)
        total = add(total, base) if bit == "1" else total
    return total
def point(data):
    y, odd = int.from_bytes(data, "little") % 2**255, data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    need(y < P and (x * x - square) % P == 0 and (x or not odd), "not a point of the curve")
    x = P - x if x % 2 != odd else x
    return (x, y, 1, x * y % P)
def signed(public, message, signature):
    s, base = int.from_bytes(signature[32:], "little"), point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = times(s, base), add(point(signature[:32]), times(k, point(public)))
    return s < L and all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))

# ---- value-encoding.md and RFC 8785
def encode(value, depth=0):
    need(depth <= 128, "a value is nested deeper than 128")
    u32 = lambda number: number.to_bytes(4, "big")
    if value is None or isinstance(value, bool):
        return bytes([0 if value is None else 1 + value])
    if isinstance(value, str):
        return b"\x05" + u32(len(value.encode())) + value.encode()
    if isinstance(value, (int, decimal.Decimal)):
        sign, digits, exponent = (value < 0, [abs(value)], 0) if isinstance(value, int) else value.as_tuple()
        number = int("".join(map(str, digits))) * (-1 if sign else 1)
        while number and number % 10 == 0:
            number, exponent = number // 10, exponent + 1
        if number == 0 or -18 <= exponent <= 60 and -(2**255) <= number * 10 ** (exponent + 18) < 2**255:
            return b"\x03" + (number and number * 10 ** (exponent + 18)).to_bytes(32, "big", signed=True)
        text = f"{number}e{exponent}".encode()
        return b"\x04" + u32(len(text)) + text
    parts = value if isinstance(value, list) else [part for key in sorted(value, key=str.encode) for part in (key, value[key])]
    parts = [encode(part, depth + 1) for part in parts]
    *offsets, end = itertools.accumulate(map(len, parts), initial=9 + 4 * len(parts))
    return bytes([6 + isinstance(value, dict)]) + b"".join([u32(end - 5), u32(len(value)), *map(u32, offsets), *parts])
def jcs(value):  # of objects, lists and texts; members stand in the order of their UTF-16
    utf16 = lambda member: member[0].encode("utf-16-be")
    ordered = lambda v: {k: ordered(i) for k, i in sorted(v.items(), key=utf16)} if isinstance(v, dict) else [ordered(i) for i in v] if isinstance(v, list) else v
    return json.dumps(ordered(value), ensure_ascii=False, separators=(",", ":")).encode()

# ---- record.md and leaf.md
TEXTS = "actor enforcement_point error requested_by resource span_id trace_id"
OTHERS = " bundles erased input input_salt labels masked metrics nd_builtin_cache nd_builtin_cache_commitment result violations violations_commitment"
def details(record, salt, input_salt, withheld):
    violations, cache = record.get("violations", []), None
    [members(item, "message policy_id rule severity", "controls remediation resource") for item in violations]
    if not violations and "violations_commitment" in record and withheld("violations"):
        committed = unhex(record["violations_commitment"], 32)
    else:
        committed = sha256(salt, jcs([{key: item[key] for key in item if item[key] not in (None, [])} for item in violations]))
    if "nd_builtin_cache" in record:
        cache = sha256(input_salt or salt, encode(record["nd_builtin_cache"])).hex()
    elif "nd_builtin_cache_commitment" in record and withheld("nd_builtin_cache"):
        cache = unhex(record["nd_builtin_cache_commitment"], 32).hex()
    return {name: record.get(name) for name in TEXTS.split()} | {
        "bundles": record.get("bundles", {}), "labels": record.get("labels", {}), "latency_ns": str(counter(record["latency_ns"])),
        "metrics": {name: str(counter(value)) for name, value in record.get("metrics", {}).items()},
        "nd_builtin_cache": cache, "policy_id": record["policy_id"], "violations": committed.hex()}
def compare(record, leaf):
    members(record, "data_digest decision_id detail_salt latency_ns node path policy_id policy_version timestamp", TEXTS + OTHERS)
    gone = record.get("erased", []) + record.get("masked", [])
    withheld = lambda name: any(text == "/" + name or text.startswith(f"/{name}/") for text in gone)
    time = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z", record["timestamp"])
    need(time and re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", record["decision_id"]), "malformed timestamp or decision_id")
    seconds = (datetime.datetime.fromisoformat(time[1]) - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1)
    salt, input_salt = unhex(record["detail_salt"], 32), unhex(record["input_salt"], 32) if "input_salt" in record else None
    need(input_salt or withheld("input"), "the input's salt is missing, and the input is not withheld")
    need(record.get("error") is None or "result" not in record, "the record has both a result and an error")
    canonical = lambda name: encode(record[name]) if name in record else b""
    words = {
        "decision_id": bytes.fromhex(record["decision_id"].replace("-", "")), "timestamp": (seconds * 10**9 + int(time[2])).to_bytes(8, "big"),
        "node": address(record["node"]), "policy_version": unhex(record["policy_version"], 32), "path": sha256(record["path"].encode()),
        "input": None if withheld("input") else sha256(input_salt, canonical("input")), "data_digest": unhex(record["data_digest"], 32),
        "result": None if withheld("result") else bytes(32) if record.get("error") is not None else sha256(canonical("result")),
        "details": sha256(salt, jcs(details(record, salt, input_salt, withheld)))}
    differ = [name for at, (name, word) in enumerate(words.items()) if word and leaf[32 * at:32 * at + 32] != word.rjust(32, b"\0")]
    need(not differ, f"not what the leaf commits to: {', '.join(differ)}")
    return ", ".join(name if word else f"{name} withheld" for name, word in words.items())

# ---- proof.md
def checkpoint(note, vkey):
    name, key_id, key = vkey.split("+", 2)
    public = unbase64(key)
    need(len(public) == 33 and public[0] == 1 and sha256(name.encode(), b"\n", public)[:4].hex() == key_id, "not an Ed25519 verifier key")
    text, mark, lines = note.rpartition("\n\n")
    need(mark and lines.endswith("\n") and re.fullmatch("[^\0-\x09\x0b-\x1f\x7f]*", note), "not a signed note")
    lines = [re.fullmatch(r"— ([^\s+]+) (\S+)", line) or need(False, "a malformed signature line") for line in lines[:-1].split("\n")]
    ours = [blob[4:] for line in lines for blob in [unbase64(line[2])] if line[1] == name and blob[:4].hex() == key_id]
    need(any(len(blob) == 64 and signed(public[1:], text.encode() + b"\n", blob) for blob in ours), f"not signed by {vkey}")
    origin, size, root, *extensions = text.split("\n")
    need(origin == name and re.fullmatch("0|[1-9][0-9]*", size) and len(unbase64(root)) == 32 and all(extensions), "not a checkpoint of this log")
    return origin, int(size), unbase64(root)
def inclusion(leaf, index, size, path, root):  # RFC 9162, section 2.1.3.2
    need(0 <= index < size, "the leaf lies behind the end of the tree")
    node, last, found = index, size - 1, sha256(b"\0", leaf)
    for sibling in path:
        need(last > 0, "the path is too long")
        right = node % 2 or node == last
        found = sha256(b"\1", sibling, found) if right else sha256(b"\1", found, sibling)
        while right and node % 2 == 0 and node:
            node, last = node // 2, last // 2
        node, last = node // 2, last // 2
    need(last == 0 and found == root, "the path does not lead to the signed root")
def ask_chain(url, ledger, anchor):
    def call(method, *params):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        answer = json.load(urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"}), timeout=30))
        need(answer.get("result") is not None, f"the chain answers {method} with {answer.get('error')}")
        return answer["result"]
    need(anchor, "the proof has no anchor yet: the chain can't confirm it")
    need(int(call("eth_chainId"), 16) == anchor["chain_id"], "another chain")
    need(ledger and address(ledger) == address(anchor["contract"]), f"the proof names the contract {anchor['contract']}, the trusted one is {ledger}")
    # anchorCovering(address,uint64) -> (bool found, uint256 index, (bytes32 root, uint64 size, uint64 blockNumber, uint64 time))
    arguments = address(anchor["node"]).rjust(32, b"\0") + (anchor["size"] - 1).to_bytes(32, "big")
    held = call("eth_call", {"to": ledger, "data": "0x9aae68d0" + arguments.hex()}, "latest")[2:]
    held = [held[at:at + 64] for at in range(0, len(held), 64)]
    need(len(held) == 6 and int(held[0], 16) == 1 and held[2] == anchor["root"] and int(held[3], 16) == anchor["size"], "the chain does not hold this anchor")
    mined = call("eth_getTransactionReceipt", "0x" + anchor["tx_hash"])
    need(mined["blockHash"] == "0x" + anchor["block_hash"] and int(mined["blockNumber"], 16) == anchor["block_number"], "the transaction is not in that block")
def verify(proof, vkey, rpc, ledger):
    members(proof, "checkpoint format inclusion index leaf record", "anchor")
    need(proof["format"] == "stele-proof-v1", f"unknown format {proof['format']}")
    record, leaf, anchor = proof["record"], unhex(proof["leaf"], 288), proof.get("anchor")
    need(all(leaf[32 * word:32 * word + 32 - size] == bytes(32 - size) for word, size in enumerate((16, 8, 20))), "the leaf's padding is not zero")
    yield "leaf layout"
    origin, size, root = checkpoint(proof["checkpoint"], vkey)
    yield f"checkpoint of {origin} at size {size}"
    inclusion(leaf, counter(proof["index"]), size, [unhex(node, 32) for node in proof["inclusion"]], root)
    yield f"inclusion of leaf {proof['index']}"
    yield f"record: {compare(record, leaf)}"
    if re.fullmatch("stele/0x[0-9a-fA-F]{40}", origin):
        need(record["node"] == origin[6:], "the log is another node's")
        yield "node of the log"
    if anchor:
        members(anchor, "block_hash block_number chain_id contract node root size tx_hash")
        unhex(anchor["tx_hash"], 32), unhex(anchor["block_hash"], 32), counter(anchor["block_number"]), counter(anchor["chain_id"]), address(anchor["contract"])
        need((counter(anchor["size"]), unhex(anchor["root"], 32), anchor["node"]) == (size, root, record["node"]), "the anchor is of something else")
        yield f"anchor, as claimed, in block {anchor['block_number']} of chain {anchor['chain_id']}"
    if rpc:
        ask_chain(rpc, ledger, anchor)
        yield "anchor held by the chain"
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("proof", type=argparse.FileType("rb"))
    parser.add_argument("--key", required=True), parser.add_argument("--rpc"), parser.add_argument("--ledger")
    given = parser.parse_args()
    key = open(given.key).read() if os.path.isfile(given.key) else given.key
    getattr(sys, "set_int_max_str_digits", int)(0)  # numbers may have 4,096 digits on either side of the point
    try:
        proof = json.loads(given.proof.read().decode(), parse_float=decimal.Decimal, object_pairs_hook=once, parse_constant=lambda name: need(False, name))
        for check in verify(proof, key.strip(), given.rpc, given.ledger):
            print("ok     ", check)
    except OSError as error:
        sys.exit(print("the chain can't be asked:", error, file=sys.stderr) or 3)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        sys.exit(print("FAILED ", error) or 1)
    print("VERIFIED")

main()
