#!/usr/bin/env python3
"""Checks a published draw from its files, sharing no code with the program that made it. See DRAW.md.

    pip install -r verify-draw.requirements.txt
    python3 verify-draw.py FOLDER [--entry N] [--key HEX] [--json]
    python3 verify-draw.py FOLDER --acknowledged FILE [--key HEX]... [--json]

The second holds an acknowledgement, which a fan was given on joining, against the roster in the folder.

Exits with 0 if the draw holds, or the entry is in the roster; with 1 and one line per fault if not, or if the entry was left out;
with 2 if it could not be checked.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from py_ecc.bls.g2_primitives import subgroup_check
    from py_ecc.bls.hash_to_curve import hash_to_G1
    from py_ecc.bls.point_compression import decompress_G1, decompress_G2
    from py_ecc.optimized_bls12_381 import G2, is_inf, pairing
except ImportError as missing:
    sys.exit(print(f"{missing.name} is missing: pip install -r verify-draw.requirements.txt", file=sys.stderr) or 2)

CHUNK = 1024
NAMED_MAX = 8
STATEMENT_MAX = 16 << 20
ACKNOWLEDGEMENT_MAX = 1 << 16
TRIED_MAX = 10_000
DOMAIN = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"

# drand's quicknet, https://api.drand.sh/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/info
QUICKNET = {
    "name": "quicknet",
    "hash": "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    "public_key": "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
    "period_s": 3,
    "genesis_s": 1692803367,
    "group_hash": "f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e",
}


class Hex:
    """The shape of a text of so many bytes in lower-case hexadecimal."""

    def __init__(self, size):
        self.size = size

    def holds(self, value):
        return isinstance(value, str) and len(value) == 2 * self.size and set(value) <= set("0123456789abcdef")


# The shapes of the statements: a field's value is a type, a range of integers, a Hex, a dict of fields, [items], or a tuple of
# shapes where null may stand or any of them.
I64, U64, U32 = range(-(1 << 63), 1 << 63), range(1 << 64), range(1 << 32)
SALE = {"id": str, "name": str, "event": str}
SIGNER = {"key_id": str, "ed25519": Hex(32)}
CHAIN = {
    "name": str, "hash": Hex(32), "public_key": Hex(96), "period_s": range(1, 1 << 32), "genesis_s": I64, "group_hash": Hex(32),
}
COMMITMENT = {
    "format": str, "sale": SALE, "commitment": Hex(32), "published_ms": I64,
    "beacon": ({"chain": CHAIN, "delay_s": U32}, {"chain": CHAIN, "delay_s": U32, "unprovable_after_s": U32}), "signer": SIGNER,
}
ROSTER = {
    "format": str, "sale": SALE, "closed_ms": I64, "published_ms": I64, "size": I64, "root": Hex(32),
    "chunks": [Hex(32)], "signer": SIGNER,
}
BEACON = {
    "chain": CHAIN, "delay_s": U32, "earliest_ms": I64, "round": U64, "signature": Hex(48), "randomness": Hex(32),
}
HASHED = ["commitment.json", "commitment.sig", "roster.json", "roster.sig", "roster.txt", "numbers.txt"]
DRAW = {
    "format": str, "provable": bool, "sale": SALE, "commitment": Hex(32), "committed_ms": I64, "closed_ms": I64,
    "roster": {"size": I64, "root": Hex(32), "published_ms": I64}, "beacon": (BEACON,), "secret": Hex(32),
    "seed": Hex(32), "drawn_ms": I64, "files": {name: Hex(32) for name in HASHED}, "signer": SIGNER,
}
BATCH = {
    "format": str, "sale": str, "first": I64, "last": I64, "size": I64, "root": Hex(32), "acknowledged_ms": I64, "signer": SIGNER,
}
ACKNOWLEDGEMENT = {"statement": BATCH, "signature": str, "line": str, "index": U64, "path": [Hex(32)]}


def misshapen(value, shape, where="it"):
    """The first place where a value has not its shape, or None."""
    if isinstance(shape, tuple):
        wrong = [misshapen(value, one, where) for one in shape]
        return None if value is None or None in wrong else wrong[0]
    if isinstance(shape, range):
        return None if type(value) is int and value in shape else f"{where} is no integer from {shape[0]} to {shape[-1]}"
    if isinstance(shape, Hex):
        return None if shape.holds(value) else f"{where} is not {2 * shape.size} lower-case hexadecimal digits"
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{where} is not a list"
        return next(filter(None, (misshapen(item, shape[0], f"{where}[{n}]") for n, item in enumerate(value))), None)
    if isinstance(shape, dict):
        if not isinstance(value, dict) or list(value) != list(shape):
            return f"{where} has not the fields {', '.join(shape)}, in this order"
        return next(filter(None, (misshapen(value[name], shape[name], name) for name in shape)), None)
    return None if type(value) is shape else f"{where} is not of type {shape.__name__}"


class Fault(Exception):
    """Something that does not hold."""

    def __init__(self, file, what, entry=None):
        super().__init__(what)
        self.file, self.what, self.entry = file, what, entry

    def __str__(self):
        return f"{self.file}, entry {self.entry}: {self.what}" if self.entry else f"{self.file}: {self.what}"


def sha256(data):
    return hashlib.sha256(data).digest()


def whole(folder, name, expected=None):
    try:
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read(STATEMENT_MAX + 1)
    except OSError as fault:
        raise Fault(name, f"cannot be read: {fault.strerror}") from None
    if len(data) > STATEMENT_MAX:
        raise Fault(name, f"is longer than {STATEMENT_MAX} bytes")
    if expected and sha256(data).hex() != expected:
        raise Fault(name, f"was changed: its SHA-256 is {sha256(data).hex()}, draw.json says {expected}")
    return data


def statement(folder, stem, format, shape, hashes=None):
    """Reads NAME.json, whose bytes NAME.sig signs."""
    json_file, sig_file = f"{stem}.json", f"{stem}.sig"
    data = whole(folder, json_file, hashes and hashes[json_file])
    sig = whole(folder, sig_file, hashes and hashes[sig_file])
    try:
        text = data.decode()
        said = json.loads(text)
    except ValueError as fault:
        raise Fault(json_file, f"cannot be read: {fault}") from None
    if not isinstance(said, dict) or said.get("format") != format:
        got = said.get("format") if isinstance(said, dict) else None
        raise Fault(json_file, f"the format is {got!r}; this reads {format!r}")
    if wrong := misshapen(said, shape):
        raise Fault(json_file, wrong)
    if spelled(said) != text:
        raise Fault(json_file, "is not in the one spelling that is signed")
    signature = sixty_four(sig.removesuffix(b"\n"))
    if not signature or base64.b64encode(signature) + b"\n" != sig:
        raise Fault(sig_file, "the signature is not one line of base64 with 64 bytes")
    if not signed_by(said["signer"], signature, data):
        key = said["signer"]["ed25519"]
        raise Fault(json_file, f"{sig_file} is not the signature of this statement by {key}: one of the two was changed")
    return said


def spelled(said):
    """A statement in its one spelling."""
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def sixty_four(text):
    """The 64 bytes of a signature in base64, or None."""
    try:
        signature = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return signature if len(signature) == 64 else None


def signed_by(signer, signature, data):
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer["ed25519"])).verify(signature, data)
        return True
    except (InvalidSignature, ValueError):
        return False


# --- the Merkle tree of RFC 6962 ---


def leaf_hash(data):
    return sha256(b"\0" + data)


def root_of(hashes):
    if not hashes:
        return sha256(b"")
    while len(hashes) > 1:
        pairs = [sha256(b"\1" + hashes[n] + hashes[n + 1]) for n in range(0, len(hashes) - 1, 2)]
        hashes = pairs + hashes[len(hashes) & ~1 :]
    return hashes[0]


def path_of(hashes, index):
    """The definition, RFC 6962 2.1.1."""
    if len(hashes) == 1:
        return []
    split = 1 << ((len(hashes) - 1).bit_length() - 1)
    if index < split:
        return path_of(hashes[:split], index) + [root_of(hashes[split:])]
    return path_of(hashes[split:], index - split) + [root_of(hashes[:split])]


def root_from(leaf, index, size, path):
    """RFC 9162 2.1.3.2."""
    at, last, got = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            got = sha256(b"\1" + sibling + got)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            got = sha256(b"\1" + got + sibling)
        at, last = at >> 1, last >> 1
    return got if last == 0 else None


# --- the beacon ---


def chain_hash(chain):
    return sha256(
        chain["period_s"].to_bytes(4, "big") + chain["genesis_s"].to_bytes(8, "big", signed=True)
        + bytes.fromhex(chain["public_key"]) + bytes.fromhex(chain["group_hash"]) + chain["name"].encode()
    ).hex()


def round_at_or_after(chain, time_ms):
    return -(-max(0, time_ms - chain["genesis_s"] * 1000) // (chain["period_s"] * 1000)) + 1


def time_of_ms(chain, number):
    return (chain["genesis_s"] + (number - 1) * chain["period_s"]) * 1000


def beacon_faults(chain, number, signature):
    """Why a signature is not the chain's for a round."""
    if chain_hash(chain) != chain["hash"]:
        return [f"chain {chain['name']} calls itself {chain['hash']}, but its parameters hash to {chain_hash(chain)}"]
    raw = bytes.fromhex(chain["public_key"])
    try:
        key = decompress_G2((int.from_bytes(raw[:48], "big"), int.from_bytes(raw[48:], "big")))
        if is_inf(key) or not subgroup_check(key):
            raise ValueError("not in the curve's group")
    except ValueError as fault:
        return [f"the public key of chain {chain['name']} is not a key: {fault}"]
    try:
        point = decompress_G1(int.from_bytes(signature, "big"))
        if is_inf(point) or not subgroup_check(point):
            raise ValueError("not in the curve's group")
    except ValueError as fault:
        return [f"not a beacon's signature: {fault}"]
    signed = pairing(G2, point)

    def signs(other):
        message = sha256(other.to_bytes(8, "big"))
        return pairing(key, hash_to_G1(message, DOMAIN, hashlib.sha256)) == signed

    if signs(number):
        return []
    for near in [number - 1, number + 1, number - 2, number + 2]:
        if near in U64 and signs(near):
            return [f"this is the signature of round {near}; the rule asks for round {number}"]
    return [f"the key of chain {chain['name']} did not sign round {number} so: another key's or chain's signature"]


# --- the parts of a check; each yields its faults ---


def against_statements(draw, before, roster):
    def same(what, equal, file):
        if not equal:
            yield Fault("draw.json", f"{what} is not the one of {file}")

    if before:
        used, rule = draw["beacon"], before["beacon"]
        if used and rule:
            kept = all(used[name] == rule[name] for name in ("chain", "delay_s"))
        else:
            kept = not used and (not rule or draw["drawn_ms"] >= without_beacon_from(rule, draw["closed_ms"]))
        yield from same("the sale", draw["sale"] == before["sale"], "commitment.json")
        yield from same("the commitment", draw["commitment"] == before["commitment"], "commitment.json")
        yield from same("the commitment's time", draw["committed_ms"] == before["published_ms"], "commitment.json")
        yield from same("the beacon's rule", kept, "commitment.json")
    if roster:
        summary = {name: roster[name] for name in ("size", "root", "published_ms")}
        yield from same("the sale", draw["sale"] == roster["sale"], "roster.json")
        yield from same("the time of the close", draw["closed_ms"] == roster["closed_ms"], "roster.json")
        yield from same("the roster's size, root or time", draw["roster"] == summary, "roster.json")
        yield from chunks_fit(roster)


def chunks_fit(roster):
    expected = -(-max(0, roster["size"]) // CHUNK)
    if len(roster["chunks"]) != expected:
        yield Fault("roster.json", f"has {len(roster['chunks'])} chunks, not {expected}")
    root = root_of([bytes.fromhex(chunk) for chunk in roster["chunks"]]).hex()
    if root != roster["root"]:
        yield Fault("roster.json", f"its chunks lead to the root {root}, not to {roster['root']}")


def without_beacon_from(rule, closed_ms):
    """From when on a draw may be made without the beacon that its rule asks for."""
    if "unprovable_after_s" not in rule:
        return float("inf")
    number = round_at_or_after(rule["chain"], closed_ms + rule["delay_s"] * 1000)
    return time_of_ms(rule["chain"], number) + rule["unprovable_after_s"] * 1000


def unprovable(before, roster, with_beacon):
    """Why the order could have been known or chosen."""
    if before["published_ms"] >= roster["closed_ms"]:
        yield "the commitment was published after the lobby had closed"
    rule = before["beacon"]
    if not rule:
        yield "it has no beacon: who knew the secret could know the order before the roster was fixed"
        return
    if not with_beacon:
        yield "the beacon's round was not had in time, and the draw went on without it: who knew the secret could know the order"
        return
    chain = rule["chain"]
    if chain != QUICKNET:
        yield f"{chain['name']} is no public chain: who holds its key could know the order beforehand"
    number = round_at_or_after(chain, roster["closed_ms"] + rule["delay_s"] * 1000)
    if roster["published_ms"] >= time_of_ms(chain, number):
        yield "the roster was published when the beacon's round was already known"


def computed(draw):
    """What everyone can compute from draw.json alone."""
    secret = bytes.fromhex(draw["secret"])
    commitment = sha256(b"usher-draw-commitment/1\n" + secret).hex()
    if commitment != draw["commitment"]:
        yield Fault("draw.json", f"the secret's commitment is {commitment}, not {draw['commitment']}")
    randomness = b""
    if used := draw["beacon"]:
        chain, signature = used["chain"], bytes.fromhex(used["signature"])
        earliest = draw["closed_ms"] + used["delay_s"] * 1000
        if earliest != used["earliest_ms"]:
            yield Fault("draw.json", f"the close and the delay make {earliest}, not {used['earliest_ms']}")
        number = round_at_or_after(chain, earliest)
        if number != used["round"]:
            yield Fault("draw.json", f"this is the signature of round {used['round']}; the rule asks for round {number}")
        for what in beacon_faults(chain, used["round"], signature):
            yield Fault("draw.json", what)
        if sha256(signature).hex() != used["randomness"]:
            got = sha256(signature).hex()
            yield Fault("draw.json", f"the randomness of round {used['round']} is {got}, not {used['randomness']}")
        randomness = bytes.fromhex(used["randomness"])
    message = bytes.fromhex(draw["roster"]["root"]) + draw["roster"]["size"].to_bytes(8, "big") + randomness
    seed = hmac.digest(secret, message, "sha256").hex()
    if seed != draw["seed"]:
        yield Fault("draw.json", f"secret, roster and beacon make the seed {seed}, not {draw['seed']}")


class List:
    """A file whose lines have known lengths."""

    def __init__(self, folder, name):
        self.name, self.hash, self.faults = name, hashlib.sha256(), []
        try:
            self.file = open(os.path.join(folder, name), "rb", buffering=1 << 16)
        except OSError as fault:
            raise Fault(name, f"cannot be read: {fault.strerror}") from None

    def line(self, length, entry):
        line = self.file.read(length)
        if len(line) < length:
            raise Fault(self.name, "the file ends in or before this line", entry)
        self.hash.update(line)
        return line

    def fault(self, what, entry=None):
        self.faults.append(Fault(self.name, what, entry))

    def end(self, expected):
        if len(self.faults) > NAMED_MAX:
            more = len(self.faults) - NAMED_MAX
            self.faults[NAMED_MAX:] = [Fault(self.name, f"{more} further entries are wrong")]
        if self.file.read(1):
            self.fault("goes on after its last line")
        elif self.hash.hexdigest() != expected and not self.faults:
            self.fault(f"its SHA-256 is {self.hash.hexdigest()}, draw.json says {expected}")
        self.file.close()


def check_roster(folder, draw, chunks):
    """The faults of roster.txt, and the leaves."""
    listed, leaves, size = List(folder, "roster.txt"), [], draw["roster"]["size"]
    place, named = Hex(16), 0
    for entry in range(1, size + 1):
        head = f"{entry} plc_".encode()
        line = listed.line(len(head) + 32 + 18, entry)
        leaf, tail = line[: len(head) + 32], line[len(head) + 32 :]
        leaves.append(leaf_hash(leaf))
        if not leaf.startswith(head) or not place.holds(leaf[len(head) :].decode("latin-1")):
            listed.fault(f"should be {head.decode()!r} and 32 digits, is {leaf!r}", entry)
        elif tail != f" {leaves[-1][:8].hex()}\n".encode():
            listed.fault(f"the line was changed: its hash begins with {leaves[-1][:8].hex()}, it says {tail!r}", entry)
        if entry == size or entry % CHUNK == 0:
            first = (entry - 1) // CHUNK * CHUNK
            stated = chunks and first // CHUNK < len(chunks) and chunks[first // CHUNK]
            if stated and root_of(leaves[first:]).hex() != stated and len(listed.faults) == named:
                what = f"this entry was changed, or one up to entry {entry}: their hash is not the one in roster.json"
                listed.fault(what, first + 1)
            named = len(listed.faults)
    root = root_of(leaves).hex()
    if root != draw["roster"]["root"] and not listed.faults:
        listed.fault(f"its root is {root}, draw.json says {draw['roster']['root']}")
    listed.end(draw["files"]["roster.txt"])
    return listed.faults, leaves


def order(seed, size):
    """The entries in the order of their numbers."""
    return sorted(range(1, size + 1), key=lambda entry: hmac.digest(seed, entry.to_bytes(8, "big"), "sha256"))


def check_numbers(folder, draw, entries):
    listed = List(folder, "numbers.txt")
    for number, entry in enumerate(entries, 1):
        expected = f"{number} {entry}\n".encode()
        line = listed.line(len(expected), entry)
        if line != expected:
            listed.fault(f"line {number} should be {expected!r}, is {line!r}", entry)
    listed.end(draw["files"]["numbers.txt"])
    return listed.faults


def verify(folder, key, asked):
    """The faults, and what was found out if there are none."""
    faults = []

    def kept(part, *arguments):
        try:
            return part(*arguments)
        except Fault as fault:
            faults.append(fault)
            return None

    draw = kept(statement, folder, "draw", "usher-draw/1", DRAW)
    if not draw:
        return faults, None
    before = kept(statement, folder, "commitment", "usher-draw-commitment/1", COMMITMENT, draw["files"])
    roster = kept(statement, folder, "roster", "usher-draw-roster/1", ROSTER, draw["files"])
    for file, said in [("commitment.json", before), ("roster.json", roster), ("draw.json", draw)]:
        if key and said and said["signer"]["ed25519"] != key:
            faults.append(Fault(file, f"is signed by {said['signer']['ed25519']}, not by {key}"))
    size = draw["roster"]["size"]
    if not 0 <= size < 1 << 32:
        return faults + [Fault("draw.json", f"a roster of {size} entries cannot be")], None
    faults += against_statements(draw, before, roster)
    reasons = []
    if before and roster:
        reasons = list(unprovable(before, roster, draw["beacon"] is not None))
        if draw["provable"] == bool(reasons):
            what = "; ".join(reasons) or "nothing speaks against it"
            faults.append(Fault("draw.json", f"says provable: {draw['provable']}, but {what}"))
    faults += computed(draw)
    found = {"draw": draw, "unprovable": reasons, "entry": None}
    if listed := kept(check_roster, folder, draw, roster and roster["chunks"]):
        more, leaves = listed
        entries = order(bytes.fromhex(draw["seed"]), size)
        faults += more + (kept(check_numbers, folder, draw, entries) or [])
        if asked and asked <= size and not faults:
            path = path_of(leaves, asked - 1)
            proved = root_from(leaves[asked - 1], asked - 1, size, path).hex() == draw["roster"]["root"]
            assert proved, "a path leads to its own root"
            found["entry"] = {"entry": asked, "number": entries.index(asked) + 1, "proof": [step.hex() for step in path]}
    return faults, found


# --- an acknowledgement against the roster ---


def own_line(line, first, last):
    """The entry and the leaf of an acknowledged line, or the part of it that is wrong."""
    parts = line.split(" ")
    if len(parts) != 3:
        return None, f"line: should be an entry, a place and 16 digits, is {line!r}"
    entry, place, digits = parts
    if not (len(entry) < 20 and entry.isascii() and entry.isdigit() and entry[0] != "0" and int(entry) in I64):
        return None, f"entry: {entry!r} is none"
    if not place.startswith("plc_") or not Hex(16).holds(place[4:]):
        return None, f"place: should be 'plc_' and 32 digits, is {place!r}"
    if not Hex(8).holds(digits):
        return None, f"line: should end with 16 digits, ends with {digits!r}"

    def check(number):
        return leaf_hash(f"{number} {place}".encode())[:8].hex()

    if check(entry) != digits:
        for right in range(first, min(last, first + TRIED_MAX - 1) + 1):
            if check(right) == digits:
                return None, f"entry: it was changed from {right} to {entry}"
        return None, f"place: it was changed, or the digits that end the line: its hash begins with {check(entry)}, it says {digits}"
    if not first <= int(entry) <= last:
        return None, f"entry: {entry} is none of its batch, which has {first} to {last}"
    return (int(entry), f"{entry} {place}"), None


def genuine(file):
    """The acknowledgement in a file, its entry and leaf if it holds, and what does not."""
    faults = []

    def fault(what):
        faults.append(Fault("acknowledgement", what))

    with open(file, "rb") as opened:
        data = opened.read(ACKNOWLEDGEMENT_MAX + 1)
    if len(data) > ACKNOWLEDGEMENT_MAX:
        fault(f"format: it is longer than {ACKNOWLEDGEMENT_MAX} bytes")
        return None, None, faults
    try:
        said = json.loads(data.decode())
        wrong = misshapen(said, ACKNOWLEDGEMENT)
    except ValueError as unread:
        wrong = str(unread)
    if not wrong and said["statement"]["format"] != "usher-draw-acknowledgement/1":
        wrong = f"it is {said['statement']['format']!r}; this reads 'usher-draw-acknowledgement/1'"
    if wrong:
        fault(f"format: {wrong}")
        return None, None, faults
    batch, signature = said["statement"], sixty_four(said["signature"])
    if not signature or base64.b64encode(signature).decode() != said["signature"]:
        fault("signature: it is not base64 of 64 bytes")
    elif not signed_by(batch["signer"], signature, spelled(batch).encode(errors="surrogatepass")):
        fault(f"signature: it is not {batch['signer']['ed25519']}'s of this statement: one of the two was changed")
    own, wrong = own_line(said["line"], batch["first"], batch["last"])
    if wrong:
        fault(wrong)
    if not faults:
        path = [bytes.fromhex(step) for step in said["path"]]
        inside = said["index"] < batch["size"]
        led = inside and root_from(leaf_hash(own[1].encode()), said["index"], batch["size"], path)
        if not led or led.hex() != batch["root"]:
            fault(f"path: {len(path)} hashes do not lead from leaf {said['index']} of {batch['size']} to the root {batch['root']}")
    return said, own if not faults else None, faults


def listed(folder, roster, entry):
    """The leaf that roster.txt has for an entry, from the chunk that roster.json fixes."""
    first = (entry - 1) // CHUNK * CHUNK + 1
    last = min(roster["size"], first + CHUNK - 1)
    digits, low, start = 1, 1, 0
    while low < first:
        start += (min(first, low * 10) - low) * (digits + 55)
        digits, low = digits + 1, low * 10
    try:
        with open(os.path.join(folder, "roster.txt"), "rb") as file:
            file.seek(start)
            lines = [file.read(len(str(at)) + 55) for at in range(first, last + 1)]
    except OSError as fault:
        raise Fault("roster.txt", f"cannot be read: {fault.strerror}") from None
    if len(lines[-1]) < len(str(last)) + 55:
        raise Fault("roster.txt", f"ends before entry {last}")
    leaves = [line[:-18] for line in lines]
    if root_of([leaf_hash(leaf) for leaf in leaves]).hex() != roster["chunks"][first // CHUNK]:
        what = f"this entry was changed, or one up to entry {last}: their hash is not in roster.json"
        raise Fault("roster.txt", what, first)
    return leaves[entry - first].decode("latin-1")


def acknowledged(folder, file, keys):
    """The faults, or else the acknowledgement, its entry and leaf, and the roster's leaf for the entry or None."""
    said, own, faults = genuine(file)
    if not said:
        return faults, None
    try:
        roster = statement(folder, "roster", "usher-draw-roster/1", ROSTER)
    except Fault as fault:
        return faults + [fault], None
    faults += chunks_fit(roster)
    if said["statement"]["sale"] != roster["sale"]["id"]:
        what = f"sale: it is of {said['statement']['sale']!r}, the roster of {roster['sale']['id']}"
        faults.append(Fault("acknowledgement", what))
    keys = keys or [roster["signer"]["ed25519"]]
    for name, part, signer in [("acknowledgement", "key: ", said["statement"]["signer"]), ("roster.json", "", roster["signer"])]:
        if signer["ed25519"] not in keys:
            faults.append(Fault(name, f"{part}it is signed by {signer['ed25519']}, not by {' or '.join(keys)}"))
    if faults:
        return faults, None
    try:
        return [], (said, own, listed(folder, roster, own[0]) if own[0] <= roster["size"] else None)
    except Fault as fault:
        return [fault], None


def tell_acknowledged(folder, file, keys, as_json):
    try:
        faults, found = acknowledged(folder, file, keys)
    except OSError as fault:
        print(f"cannot open {file}: {fault.strerror}", file=sys.stderr)
        return 2
    if faults:
        told = {"genuine": False, "faults": [vars(fault) for fault in faults]}
        print(*([json.dumps(told)] if as_json else faults), sep="\n")
        return 1
    said, (entry, leaf), instead = found
    left_out = instead != leaf
    batch = said["statement"]
    if as_json:
        same = {name: batch[name] for name in ("sale", "acknowledged_ms", "signer")}
        told = {"genuine": True, "in_roster": not left_out, "instead": instead if left_out else None, "entry": entry, "leaf": leaf}
        print(json.dumps({**told, **same}))
    else:
        print(f"{leaf!r} was acknowledged for {batch['sale']} at {batch['acknowledged_ms']} ms since 1970,")
        print(f"  signed by key {batch['signer']['key_id']}, {batch['signer']['ed25519']}")
        if not left_out:
            print("It is in the roster.")
        elif instead:
            print(f"LEFT OUT: for entry {entry} the roster has {instead!r}. This acknowledgement proves it.")
        else:
            print(f"LEFT OUT: the roster ends before entry {entry}. This acknowledgement proves it.")
    return 1 if left_out else 0


def main():
    options = argparse.ArgumentParser(description="Checks a published draw from its files.")
    options.add_argument("folder", help="the folder of the files, or its draw.json")
    options.add_argument("--entry", type=int, help="also say which number this entry was drawn")
    options.add_argument("--acknowledged", metavar="FILE", help="hold this acknowledgement against the roster, and check nothing else")
    options.add_argument("--key", action="append", default=[],
        help="refuse statements that another Ed25519 key signed (64 hexadecimal digits); with --acknowledged it may be given again")
    options.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    asked = options.parse_args()
    folder = asked.folder if os.path.isdir(asked.folder) else os.path.dirname(asked.folder) or "."
    if asked.acknowledged:
        return tell_acknowledged(folder, asked.acknowledged, asked.key, asked.json)
    faults, found = verify(folder, asked.key[-1] if asked.key else None, asked.entry)
    if faults:
        if asked.json:
            print(json.dumps({"holds": False, "faults": [vars(fault) for fault in faults]}))
        else:
            print(*faults, sep="\n")
        return 1
    draw, entry = found["draw"], found["entry"]
    if asked.entry and not entry:
        print(f"there is no entry {asked.entry}: the roster has 1 to {draw['roster']['size']}", file=sys.stderr)
        return 1
    if asked.json:
        names = {"size": draw["roster"]["size"], "root": draw["roster"]["root"], "signer": draw["signer"]}
        same = {name: draw[name] for name in ("provable", "sale", "seed")}
        print(json.dumps({"holds": True, "unprovable": found["unprovable"], "entry": entry, **same, **names}))
        return 0
    print(f"The draw of {draw['sale']['name']!r} ({draw['sale']['event']}, {draw['sale']['id']}) holds.")
    print(f"  {draw['roster']['size']} entries; signed by key {draw['signer']['key_id']}, {draw['signer']['ed25519']}")
    if entry:
        print(f"  entry {entry['entry']} drew number {entry['number']}; it is in the roster")
    for reason in found["unprovable"]:
        print(f"Not provable, and says so: {reason}.")
    if draw["provable"]:
        print("Provable: nobody could have known or chosen this order.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
