#!/usr/bin/env python3
"""Checks a Stele proof.json without any of Stele's code, written from docs/formats/*.md. Needs Python 3.9, nothing else.

    verify.py PROOF --key VKEY|FILE [--rpc URL --ledger ADDRESS]

One line a check. Exit code 0: all passed, 1: one failed (the rest is not reached), 2: usage, 3: the chain can't be asked."""
import argparse, base64, datetime, hashlib, itertools, json, os, re, sys, urllib.request

def need(condition, reason):
    if not condition:
        raise ValueError(reason)
unhex = lambda text, size: need(re.fullmatch("[0-9a-f]{%d}" % (2 * size), text), f"not {size} bytes in lower-case hex: {text!r:.90}") or bytes.fromhex(text)
def unbase64(text):
    need(base64.b64encode(base64.b64decode(text, validate=True)).decode() == text, "base64 with stray bits")
    return base64.b64decode(text)
def members(value, needed, optional=""):
    missing, unknown = set(needed.split()) - value.keys(), value.keys() - set(needed.split()) - set(optional.split())
    need(not missing and not unknown, f"missing members {sorted(missing)}, unknown {sorted(unknown)}")
sha256 = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
once = lambda pairs: need(len(dict(pairs)) == len(pairs), "an object has a member twice") or dict(pairs)

# ---- what JSON may hold
class Number:  # an exact one: coefficient times ten to the exponent, and its text
    def __init__(self, text):
        sign, whole, fraction, exponent = re.fullmatch(r"(-?)(\d+)(?:\.(\d+))?(?:[eE](.+))?", text).groups("")
        digits = (whole + fraction).lstrip("0")
        self.text, self.coefficient = text, digits.rstrip("0")
        self.exponent = int(exponent or 0) - len(fraction) + len(digits) - len(self.coefficient) if digits else 0
        need(max(-self.exponent, len(self.coefficient) + self.exponent) <= 4096, "a number has more than 4,096 digits on a side of its point")
        self.coefficient = int(sign + (self.coefficient or "0"))
def counter(value):
    need(type(value) is Number and re.fullmatch(r"\d{1,20}", value.text) and int(value.text) < 2**64, "not an integer of 64 bits")
    return int(value.text)
text = lambda value: need(type(value) is str, "not a text") or value
texts = lambda items: need(type(items) is list and items, "not a list of texts, or an empty one") or [text(item) for item in items]
named = lambda value, kind: need(type(value) is dict and value, "not an object, or an empty one") or {name: kind(value[name]) for name in value}
path = lambda value: need(re.fullmatch(r"(?!(.*/)?\.\.?(/|$))[\w.:-]+(/[\w.:-]+)*", value, re.ASCII) and len(value) <= 512, "not a policy's path") or value
depth = lambda value: 1 + max(map(depth, value.values() if type(value) is dict else value), default=0) if type(value) in (dict, list) else 0

# ---- addresses, whose case is EIP-55's
def keccak(data):  # Keccak-256, which is not SHA3-256, of less than 136 bytes
    block, lfsr = bytearray(data.ljust(136, b"\0")), 1
    block[len(data)], block[135] = 1, 128
    a = [int.from_bytes(block[8 * at:8 * at + 8], "little") for at in range(17)] + [0] * 8
    turn = lambda lane, by: (lane << by % 64 | lane >> 64 - by % 64) % 2**64
    for _ in range(24):
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        a = [lane ^ c[(at + 4) % 5] ^ turn(c[(at + 1) % 5], 1) for at, lane in enumerate(a)]
        x, y, moved = 1, 0, a[1]
        for step in range(1, 25):
            x, y = y, (2 * x + 3 * y) % 5
            moved, a[x + 5 * y] = a[x + 5 * y], turn(moved, step * (step + 1) // 2)
        a = [lane ^ ~a[at // 5 * 5 + (at + 1) % 5] & a[at // 5 * 5 + (at + 2) % 5] for at, lane in enumerate(a)]
        for bit in range(7):
            lfsr = lfsr << 1 ^ (lfsr >> 7) * 0x171
            a[0] ^= (lfsr >> 1 & 1) << (1 << bit) - 1
    return b"".join(lane.to_bytes(8, "little") for lane in a[:4])
def address(text):
    low = unhex(text[2:].lower(), 20).hex()
    need(text == "0x" + "".join(a.upper() if mark > "7" else a for a, mark in zip(low, keccak(low.encode()).hex())), "not an address as EIP-55 writes it")
    return bytes.fromhex(low)

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
        total = add(add(total, total), base) if bit == "1" else add(total, total)
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
def encode(value):
    u32 = lambda number: number.to_bytes(4, "big")
    if value is None or isinstance(value, bool):
        return bytes([0 if value is None else 1 + value])
    if isinstance(value, str):
        return b"\x05" + u32(len(value.encode())) + value.encode()
    if isinstance(value, Number):
        number, exponent = value.coefficient, value.exponent
        if number == 0 or -18 <= exponent <= 60 and -(2**255) <= number * 10 ** (exponent + 18) < 2**255:
            return b"\x03" + (number and number * 10 ** (exponent + 18)).to_bytes(32, "big", signed=True)
        text = f"{number}e{exponent}".encode()
        return b"\x04" + u32(len(text)) + text
    parts = value if isinstance(value, list) else [part for key in sorted(value, key=str.encode) for part in (key, value[key])]
    parts = [encode(part) for part in parts]
    *offsets, end = itertools.accumulate(map(len, parts), initial=9 + 4 * len(parts))
    return bytes([6 + isinstance(value, dict)]) + b"".join([u32(end - 5), u32(len(value)), *map(u32, offsets), *parts])
def jcs(value):  # of objects, lists and texts; members stand in the order of their UTF-16
    utf16 = lambda member: member[0].encode("utf-16-be")
    ordered = lambda v: {k: ordered(i) for k, i in sorted(v.items(), key=utf16)} if isinstance(v, dict) else [ordered(i) for i in v] if isinstance(v, list) else v
    return json.dumps(ordered(value), ensure_ascii=False, separators=(",", ":")).encode()

# ---- record.md and leaf.md
TEXTS = "actor enforcement_point error requested_by resource span_id trace_id"
OTHERS = " bundles erased input input_salt labels masked metrics nd_builtin_cache nd_builtin_cache_commitment result violations violations_commitment"
def violation(item):
    members(item, "message policy_id rule severity", "controls remediation resource")
    [texts(item[name]) if name == "controls" else text(item[name]) for name in item], path(item["policy_id"])
    need(item["severity"] in ("low", "medium", "high", "critical"), "no such severity")
def details(record, salt, input_salt, withheld):
    violations, cache = record.get("violations", []), None
    need(type(violations) is list and (violations or "violations" not in record), "no list of violations, or an empty one")
    [violation(item) for item in violations]
    committed = unhex(record["violations_commitment"], 32) if "violations_commitment" in record else None
    committed = committed if committed and not violations and withheld("violations") else sha256(salt, jcs(violations))
    stand_in = unhex(record["nd_builtin_cache_commitment"], 32).hex() if "nd_builtin_cache_commitment" in record else None
    if "nd_builtin_cache" in record:
        cache = sha256(input_salt or salt, encode(record["nd_builtin_cache"])).hex()
    elif withheld("nd_builtin_cache"):
        cache = stand_in
    known = lambda name, kind: named(record[name], kind) if name in record else {}
    return {name: text(record[name]) if name in record else None for name in TEXTS.split()} | {
        "bundles": known("bundles", lambda item: members(item, "revision") or named(item, text)), "labels": known("labels", text),
        "latency_ns": str(counter(record["latency_ns"])), "metrics": known("metrics", lambda item: str(counter(item))),
        "nd_builtin_cache": cache, "policy_id": path(record["policy_id"]), "violations": committed.hex()}
def compare(record, leaf):
    members(record, "data_digest decision_id detail_salt latency_ns node path policy_id policy_version timestamp", TEXTS + OTHERS)
    gone = [pointer for name in ("erased", "masked") if name in record for pointer in texts(record[name])]
    need(all(depth(record[name]) <= 128 for name in ("input", "result", "nd_builtin_cache") if name in record), "a value is nested deeper than 128")
    withheld = lambda name: any(pointer == "/" + name or pointer.startswith(f"/{name}/") for pointer in gone)
    time = re.fullmatch(r"(\d{4}-\d\d-\d\dT(?!24)\d\d:\d\d:\d\d)\.(\d{9})Z", record["timestamp"], re.ASCII)
    need(time and re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", record["decision_id"]), "malformed timestamp or decision_id")
    seconds = (datetime.datetime.fromisoformat(time[1]) - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1)
    salt, input_salt = unhex(record["detail_salt"], 32), unhex(record["input_salt"], 32) if "input_salt" in record else None
    need(input_salt or withheld("input"), "the input's salt is missing, and the input is not withheld")
    need(not {"error", "result"} <= record.keys(), "the record has both a result and an error")
    canonical = lambda name: encode(record[name]) if name in record else b""
    words = {
        "decision_id": bytes.fromhex(record["decision_id"].replace("-", "")), "timestamp": (seconds * 10**9 + int(time[2])).to_bytes(8, "big"),
        "node": address(record["node"]), "policy_version": unhex(record["policy_version"], 32), "path": sha256(path(record["path"]).encode()),
        "input": None if withheld("input") else sha256(input_salt, canonical("input")), "data_digest": unhex(record["data_digest"], 32),
        "result": None if withheld("result") else bytes(32) if "error" in record else sha256(canonical("result")),
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
    need(mark and lines.endswith("\n") and re.fullmatch("[^\0-\x09\x0b-\x1f\x7f-\x9f]*", note) and len(note.encode()) <= 65536, "not a signed note")
    lines = [re.fullmatch(r"— ([^\s+]+) (\S+)", line) or need(False, "a malformed signature line") for line in lines[:-1].split("\n")]
    blobs = [(line[1], unbase64(line[2])) for line in lines]
    need(all(len(blob) >= 4 for _, blob in blobs), "a signature is too short")
    ours = [blob[4:] for signer, blob in blobs if signer == name and blob[:4].hex() == key_id]
    need(any(len(blob) == 64 and signed(public[1:], text.encode() + b"\n", blob) for blob in ours), f"not signed by {vkey}")
    origin, size, root, *extensions = text.split("\n")
    need(origin == name and re.fullmatch("0|[1-9][0-9]{0,19}", size) and int(size) < 2**64 and len(unbase64(root)) == 32 and all(extensions), "not a checkpoint of this log")
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
    need(int(call("eth_chainId"), 16) == counter(anchor["chain_id"]), "another chain")
    need(ledger and ledger.lower() == anchor["contract"].lower(), f"the proof names the contract {anchor['contract']}, the trusted one is {ledger}")
    # anchorCovering(address,uint64) -> (bool found, uint256 index, (bytes32 root, uint64 size, uint64 blockNumber, uint64 time))
    arguments = address(anchor["node"]).rjust(32, b"\0") + (counter(anchor["size"]) - 1).to_bytes(32, "big")
    held = call("eth_call", {"to": ledger, "data": "0x9aae68d0" + arguments.hex()}, "latest")[2:]
    held = [held[at:at + 64] for at in range(0, len(held), 64)]
    need(len(held) == 6 and int(held[0], 16) == 1 and held[2] == anchor["root"] and int(held[3], 16) == counter(anchor["size"]), "the chain does not hold this anchor")
    mined = call("eth_getTransactionReceipt", "0x" + anchor["tx_hash"])
    need(mined["blockHash"] == "0x" + anchor["block_hash"] and int(mined["blockNumber"], 16) == counter(anchor["block_number"]), "the transaction is not in that block")
def verify(proof, vkey, rpc, ledger):
    members(proof, "checkpoint format inclusion index leaf record", "anchor")
    need(proof["format"] == "stele-proof-v1", "unknown format")
    record, leaf, anchor = proof["record"], unhex(proof["leaf"], 288), proof.get("anchor")
    need(all(leaf[32 * word:32 * word + 32 - size] == bytes(32 - size) for word, size in enumerate((16, 8, 20))), "the leaf's padding is not zero")
    yield "leaf layout"
    origin, size, root = checkpoint(proof["checkpoint"], vkey)
    yield f"checkpoint of {origin} at size {size}"
    need(type(proof["inclusion"]) is list, "the path is no list")
    inclusion(leaf, counter(proof["index"]), size, [unhex(node, 32) for node in proof["inclusion"]], root)
    yield f"inclusion of leaf {counter(proof['index'])}"
    yield f"record: {compare(record, leaf)}"
    if re.fullmatch("stele/0x[0-9a-fA-F]{40}", origin):
        need(record["node"] == origin[6:], "the log is another node's")
        yield "node of the log"
    if "anchor" in proof:
        members(anchor, "block_hash block_number chain_id contract node root size tx_hash")
        unhex(anchor["tx_hash"], 32), unhex(anchor["block_hash"], 32), counter(anchor["block_number"]), counter(anchor["chain_id"]), address(anchor["contract"])
        need((counter(anchor["size"]), unhex(anchor["root"], 32), anchor["node"]) == (size, root, record["node"]), "the anchor is of something else")
        yield f"anchor, as claimed, in block {counter(anchor['block_number'])} of chain {counter(anchor['chain_id'])}"
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
        source = given.proof.read(2**28 + 1)
        need(len(source) <= 2**28, "larger than 256 MiB")
        proof = json.loads(source.decode(), parse_int=Number, parse_float=Number, object_pairs_hook=once, parse_constant=lambda name: need(False, name))
        json.dumps(proof, ensure_ascii=False, default=lambda number: number.text).encode()  # fails on half of a surrogate pair
        for check in verify(proof, key.strip(), given.rpc, given.ledger):
            print("ok     ", check)
    except OSError as error:
        sys.exit(print("the chain can't be asked:", error, file=sys.stderr) or 3)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, RecursionError) as error:
        sys.exit(print("FAILED ", error) or 1)
    print("VERIFIED")

main()
