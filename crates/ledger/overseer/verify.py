#!/usr/bin/env python3
"""Verifies a copy of a Noroshi ledger: python3 verify.py FOLDER VKEY [--earlier CHECKPOINT] [--now MICROSECONDS]

Needs nothing but Python 3.9 and shares no code with the program it judges. It reads the checkpoint (C2SP tlog-checkpoint,
a signed note under Ed25519), every entry bundle and every tile (C2SP tlog-tiles), recomputes the tree of RFC 6962 from the
leaves, and follows each decision to its end. Give it a checkpoint that you kept, and it proves that the log only grew.
Exit code 0: sound. 5: faults, one per line. 2: used wrongly.
"""
import argparse, base64, hashlib, json, pathlib, re, sys, time

FAULTS = []


def fault(code, place, text):
    FAULTS.append(f"{place}: {text} [{code}]")


# Ed25519 verification from the definition (RFC 8032, sections 5.1 and 6). Nothing secret passes through it.
P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - x2) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def point(octets):
    y = int.from_bytes(octets, "little")
    x = recover_x(y & (1 << 255) - 1, y >> 255)
    y &= (1 << 255) - 1
    return None if x is None else (x, y, 1, x * y % P)


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(n, a):
    total = (0, 1, 1, 0)
    while n:
        total, a, n = (add(total, a) if n & 1 else total), add(a, a), n >> 1
    return total


BASE = point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    a, r, s = point(key), point(signature[:32]), int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= Q:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % Q
    left, right = times(s, BASE), add(r, times(h, a))
    return all((left[i] * right[2] - right[i] * left[2]) % P == 0 for i in (0, 1))


def unbase64(text):
    octets = base64.b64decode(text, validate=True)
    if base64.b64encode(octets).decode() != text:
        raise ValueError("not canonical base64")
    return octets


def checkpoint(note, vkey):
    """The size and root of a checkpoint whose signature holds, or None and why."""
    try:
        name, ident, key = vkey.split("+", 2)
        key = unbase64(key)
        if bytes.fromhex(ident) != hashlib.sha256(name.encode() + b"\n" + key).digest()[:4] or key[:1] != b"\x01":
            return None, "the verifier key is malformed or of an unknown algorithm"
        text, signatures = note.decode("utf-8").rsplit("\n\n", 1)
        text += "\n"
        origin, size, root, *_ = text.split("\n")
        if re.search(r"[\x00-\x09\x0b-\x1f]", note.decode()) or not signatures.endswith("\n"):
            return None, "not a signed note"
        if origin != name or size != str(int(size)) or int(size) < 0 or len(unbase64(root)) != 32:
            return None, "not a checkpoint of this log"
        for line in signatures[:-1].split("\n"):
            dash, signer, octets = line.split(" ")
            octets = unbase64(octets)
            if (dash, signer, octets[:4]) == ("\u2014", name, bytes.fromhex(ident)):
                good = ed25519(key[1:], text.encode(), octets[4:])
                return ((int(size), unbase64(root)), None) if good else (None, "the signature does not fit the text")
        return None, "not signed under this verifier key"
    except ValueError as error:
        return None, f"malformed: {error}"


def leaf_hash(octets):
    return hashlib.sha256(b"\x00" + octets).digest()


def root_of(hashes):
    """RFC 6962, section 2.1."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    split = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + root_of(hashes[:split]) + root_of(hashes[split:])).digest()


def tile_path(row, n, width):
    groups = [f"{n % 1000:03}"]
    while n >= 1000:
        n //= 1000
        groups.insert(0, f"x{n % 1000:03}")
    return f"tile/{row}/{'/'.join(groups)}" + (f".p/{width}" if width < 256 else "")


def read(folder, row, n, width):
    """The file, or the full or a wider one that has replaced it."""
    for wide in [width, 256, *range(width + 1, 256)]:
        path = tile_path(row, n, wide)
        if (folder / path).is_file():
            return path, wide, (folder / path).read_bytes()
    fault("ledger-file-missing", tile_path(row, n, width), "a file that the checkpoint needs is not there")
    return tile_path(row, n, width), width, None


def bundle(path, wide, octets):
    """The leaves of an entry bundle, each with its offset; says where the bytes stop making sense."""
    leaves, at = [], 0
    while len(octets) >= at + 2 and len(leaves) < wide:
        end = at + 2 + int.from_bytes(octets[at:at + 2], "big")
        if end > len(octets):
            break
        leaves.append((at + 2, octets[at + 2:end]))
        at = end
    if at != len(octets) or len(leaves) != wide:
        fault("ledger-file-length", f"{path}, byte {at}", f"{len(leaves)} leaves were read where {wide} are due")
    return leaves


UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
KINDS = ("decided", "refused", "done", "abandoned", "carried", "recorded")


def unique(pairs):
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def whole(value):
    return type(value) is int and -2**63 <= value < 2**63


def parse(octets):
    """The leaf, if the bytes are the canonical bytes of one (RFC 8785, restricted to whole numbers)."""
    leaf = json.loads(octets.decode("utf-8"), object_pairs_hook=unique)
    fact = lambda it: isinstance(it, (bool, str)) or whole(it) or (
        isinstance(it, list) and all(isinstance(part, str) for part in it))
    good = (isinstance(leaf, dict) and set(leaf) | {"decision"} == {"at", "decision", "facts", "id", "kind", "v"}
            and whole(leaf["v"]) and leaf["v"] == 1 and whole(leaf["at"]) and leaf["kind"] in KINDS and isinstance(leaf["facts"], dict)
            and all(isinstance(leaf.get(it, ""), str) for it in ("id", "decision")) and UUID.fullmatch(leaf["id"])
            and ("decision" not in leaf or UUID.fullmatch(leaf["decision"])) and all(map(fact, leaf["facts"].values())))
    if not good:
        raise ValueError("not a leaf of encoding 1")
    if json.dumps(leaf, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() != octets:
        raise ValueError("not the canonical bytes")
    return leaf


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("vkey", help="the verifier key: name+id+base64")
    parser.add_argument("--earlier", type=pathlib.Path, help="a checkpoint of this log that you kept")
    parser.add_argument("--now", type=int, default=time.time_ns() // 1000, help="microseconds since 1970 (UTC)")
    ask = parser.parse_args()
    note = ask.folder / "checkpoint"
    head, why = checkpoint(note.read_bytes(), ask.vkey) if note.is_file() else (None, "there is no checkpoint")
    if head is None:
        fault("ledger-checkpoint", "checkpoint", why)
        return 0, {}, [], []
    size, root = head
    leaves, hashes = [], []
    for n in range((size + 255) // 256):
        width = min(256, size - 256 * n)
        path, wide, octets = read(ask.folder, "entries", n, width)
        found = bundle(path, wide, octets)[:width] if octets is not None else []
        leaves += [(f"{path}, leaf {256 * n + i}, byte {at}", leaf) for i, (at, leaf) in enumerate(found)]
        if len(found) < width:
            break
    hashes = [leaf_hash(leaf) for _, leaf in leaves]
    # The hashes of each level against their tiles; a difference at level 0 may be the leaf's or the tile's fault.
    level, row = hashes, 0
    honest = len(hashes) == size and root_of(hashes) == root
    while level:
        for n in range((len(level) + 255) // 256):
            width = min(256, (size >> 8 * row) - 256 * n)
            path, wide, octets = read(ask.folder, row, n, width)
            if octets is None:
                continue
            if len(octets) != 32 * wide:
                fault("ledger-file-length", f"{path}, byte {min(len(octets), 32 * wide)}", f"{wide} hashes are due")
            for i, known in enumerate(level[256 * n:256 * n + width]):
                if octets[32 * i:32 * i + 32] not in (known, b""):
                    if row or honest:
                        fault("ledger-tile-altered", f"{path}, byte {32 * i}", "not the hash computed from the leaves")
                    else:
                        fault("ledger-entry-altered", leaves[256 * n + i][0], f"not the leaf whose hash is in {path}")
                    break
        level = [root_of(level[i:i + 256]) for i in range(0, len(level) - 255, 256)]
        row += 1
    if len(hashes) == size and not honest:
        fault("ledger-root-differs", "checkpoint", "its root is not the one computed from the leaves")
    # What the leaves say.
    counts, ids, decided, closed = {}, set(), {}, set()
    for place, octets in leaves:
        try:
            leaf = parse(octets)
        except (ValueError, KeyError, RecursionError) as error:
            fault("ledger-leaf", place, str(error))
            continue
        kind, decision = leaf["kind"], leaf.get("decision")
        counts[kind] = counts.get(kind, 0) + 1
        if leaf["id"] in ids:
            fault("ledger-leaf-repeated", place, "two leaves bear this id")
        ids.add(leaf["id"])
        if kind in ("decided", "done", "abandoned") and decision is None:
            fault("ledger-decision-unnamed", place, "it does not say which decision it is")
        elif kind == "decided":
            if decision in decided:
                fault("ledger-decision-repeated", place, "this decision was recorded before")
            expires = leaf["facts"].get("expires")
            decided.setdefault(decision, expires if whole(expires) else None)
        elif kind in ("done", "abandoned"):
            if decision not in decided:
                fault("ledger-closed-undecided", place, "no decision was recorded before it")
            elif decision in closed:
                fault("ledger-closed-twice", place, "this decision had ended before")
            closed.add(decision)
    if ask.earlier:
        old, why = checkpoint(ask.earlier.read_bytes(), ask.vkey)
        if old is None:
            fault("ledger-earlier-unreadable", str(ask.earlier), why)
        elif old[0] > size:
            fault("ledger-history-shrunk", "checkpoint", f"{size} leaves, and {old[0]} in the checkpoint kept earlier")
        elif len(hashes) >= old[0] and root_of(hashes[:old[0]]) != old[1]:
            fault("ledger-history-rewritten", "checkpoint", f"the first {old[0]} leaves are not those of that time")
    waiting = {decision: expires for decision, expires in decided.items() if decision not in closed}
    overdue = sorted(it for it, expires in waiting.items() if expires is not None and expires < ask.now)
    return size, counts, sorted(set(waiting) - set(overdue)), overdue


if __name__ == "__main__":
    size, counts, waiting, overdue = main()
    for line in FAULTS:
        print(line)
    print(f"{size} leaves:", ", ".join(f"{kind} {counts[kind]}" for kind in sorted(counts)) or "none read")
    print(f"open decisions: {len(waiting)}; past their expiry: {len(overdue)}", *overdue)
    print("SOUND" if not FAULTS else f"{len(FAULTS)} FAULTS")
    sys.exit(5 if FAULTS else 0)
