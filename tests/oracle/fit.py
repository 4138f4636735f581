#!/usr/bin/python3
"""Compares what we say of signed FITs with U-Boot's own fit_check_sign: of genuine ones, and of changed ones.

    cargo build --release -p kiwame-xtask --example claims && cargo build --release -p kiwame-verifier --example inspect
    tests/oracle/fit.py FOLDER EXAMPLES [MUTANTS [FOLDER_TO_KEEP_MUTANTS_IN]]

FOLDER is where tools.sh built U-Boot's tools, EXAMPLES where the examples lie. mkimage signs FITs here, with a key of this run,
and puts the key into a tree of its own as makers do. Of each FIT U-Boot says whether the signature of the default configuration
and the hashes of its images hold. We say which bytes that signature covers, whether each hash agrees, and what is ambiguous.
Ours holds when openssl verifies the signature over those bytes, the hashes agree, and nothing is ambiguous.

    theirs alone   U-Boot starts it, and ours does not hold: the bytes that we name are not those that it checks, or the FIT is
                   ambiguous to us (counted apart)
    ours alone     ours holds, and U-Boot refuses it

Ours alone, and theirs alone without anything ambiguous, are errors. Needs mkimage of FOLDER, openssl, dtc, python3-libfdt.
"""

import collections
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import libfdt

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import trees  # noqa: E402

QUIET = [libfdt.NOTFOUND]
NOP = struct.pack(">I", 4)


def make(work, tools):
    """Signed FITs with data inside and outside, and the key as U-Boot carries it."""
    trees.make(work)
    (work / "key.dts").write_text("/dts-v1/; / { };")
    subprocess.run(["dtc", "-I", "dts", "-O", "dtb", "-p", "4096", "-o", "key.dtb", "key.dts"], cwd=work, check=True)
    # Small images: a mutant is a copy.
    (work / "kernel").write_bytes(bytes(number * 7 & 0xFF for number in range(3001)))
    for name, options in (("inside", []), ("outside", ["-E"])):
        command = [tools / "mkimage", *options, "-f", "made.its", "-k", work, "-K", "key.dtb", "-r", f"{name}.itb"]
        subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return {name: (work / f"{name}.itb").read_bytes() for name in ("inside", "outside")}


class Tree:
    """Where nodes and properties of a FIT lie, by libfdt."""

    def __init__(self, data):
        self.data = data
        self.tree = libfdt.FdtRo(data)
        _, self.total, self.struct, self.strings = struct.unpack_from(">IIII", data)
        self.strings_size, self.struct_size = struct.unpack_from(">II", data, 32)
        self.nodes, self.properties = [], []
        self.walk(0)

    def walk(self, node):
        self.nodes.append(self.struct + node)
        at = self.tree.first_property_offset(node, QUIET)
        while at >= 0:
            length, name = struct.unpack_from(">II", self.data, self.struct + at + 4)
            self.properties.append((self.struct + at, length, name))
            at = self.tree.next_property_offset(at, QUIET)
        child = self.tree.first_subnode(node, QUIET)
        while child >= 0:
            self.walk(child)
            child = self.tree.next_subnode(child, QUIET)


def put(data, at, new):
    return data[:at] + new + data[at + len(new):]


def changed(data, tree, pick):
    """One FIT with one or two changes, and what they were."""
    words = []
    for _ in range(pick.choice([1, 1, 1, 2])):
        at, length, name = pick.choice(tree.properties)
        other = pick.choice(tree.properties)
        node = pick.choice(tree.nodes)
        act = pick.randrange(13)
        if act == 0 and length:
            place = at + 12 + pick.randrange(length)
            data = put(data, place, bytes([data[place] ^ 1 << pick.randrange(8)]))
        elif act == 1:
            data = put(data, at + 8, struct.pack(">I", other[2]))
        elif act == 2:
            data = put(data, at, NOP * ((12 + length + 3) // 4))
        elif act == 3 and other[1] == length:
            both = tree.data[at + 12:at + 12 + length], tree.data[other[0] + 12:other[0] + 12 + length]
            data = put(put(data, at + 12, both[1]), other[0] + 12, both[0])
        elif act == 4:
            data = put(data, at + 4, struct.pack(">I", pick.choice([0, 1, length ^ 1, max(0, length - 4)])))
        elif act == 5:
            data = put(data, node + 4 + pick.randrange(4), pick.choice([b"a", b"@", b"\0", b"1"]))
        elif act == 6:
            place = 4 + 4 * pick.randrange(9)
            old, = struct.unpack_from(">I", data, place)
            data = put(data, place, struct.pack(">I", (old + pick.choice([1, 4, -4, 8, 1 << 16])) % (1 << 32)))
        elif act == 7:
            place = tree.strings + pick.randrange(tree.strings_size)
            data = put(data, place, bytes([data[place] ^ 1 << pick.randrange(7)]))
        elif act == 8:
            data += bytes(pick.choice([1, 4, 512]))
        elif act == 9:
            place = pick.randrange(len(data))
            data = put(data, place, bytes([data[place] ^ 1 << pick.randrange(8)]))
        elif act == 10 and length:
            # Padding behind a value.
            data = put(data, at + 12 + length, b"\x5a" * (-length % 4))
        elif act == 11:
            # A property that U-Boot does not know, in the place of another one.
            data = put(data, at + 8, struct.pack(">I", pick.randrange(tree.strings_size)))
        else:
            data = put(data, at, tree.data[other[0]:other[0] + min(12 + other[1], 12 + length)])
        words.append(f"{act} at {at:#x}")
    return data, "; ".join(words)


def theirs(tools, work, path):
    command = [tools / "fit_check_sign", "-f", path, "-k", work / "key.dtb"]
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def ours(examples, work, path):
    """Whether ours holds, and whether anything is ambiguous."""
    out = subprocess.run([examples / "inspect", "inspect", "--format", "json", path], stdout=subprocess.PIPE).stdout
    report = json.loads(out)
    ambiguous = any(finding["severity"] == "medium" for finding in report["findings"])
    tree = {region["path"]: region for region in report["regions"]}
    name = default(tree)
    around = f"device-tree:root/node:configurations/node:{name}/"
    parts = {tree[around + "property:" + part]["attributes"].get("value") for part in ("kernel", "fdt") if around + "property:" + part in tree}
    mine = [f"device-tree:root/node:images/node:{part}/" for part in parts]
    checked = [region["attributes"].get("checked") for path, region in tree.items() if path.startswith(tuple(mine))]
    wrong = any(fact not in (None, "equal") for fact in checked)
    algorithms = [region["attributes"].get("value") for path, region in tree.items()
                  if path.startswith(around + "node:signature") and path.endswith("/property:algo")]
    raw = path.read_bytes()
    lines = subprocess.run([examples / "claims", path], stdout=subprocess.PIPE, text=True).stdout.splitlines()
    place = tree.get(f"device-tree:root/node:configurations/node:{name}", {"offset": 0, "length": 0})
    inside = lambda at: place["offset"] <= at < place["offset"] + place["length"]  # noqa: E731
    mine = [line.split(" ") for line in lines]
    mine = [claim for claim in mine if inside(int(claim[3].split("+")[0]))]
    signed = bool(mine) and all(verified(work, raw, claim) for claim in mine)
    # openssl is told the algorithm.
    return signed and algorithms == ["sha256,rsa2048"] and not wrong and not ambiguous, ambiguous


def default(tree):
    """The name of the default configuration; the first one where none is named."""
    path = "device-tree:root/node:configurations/property:default"
    if path in tree:
        return str(tree[path]["attributes"].get("value"))
    first = [path for path in tree if path.startswith("device-tree:root/node:configurations/node:")]
    return first[0].split("/")[2].removeprefix("node:") if first else ""


def verified(work, raw, claim):
    _, _, signed, signature = claim
    cut = lambda place: (lambda start, length: raw[start:start + length])(*map(int, place.split("+")))  # noqa: E731
    (work / "signed").write_bytes(b"".join(cut(place) for place in signed.split(",") if place))
    (work / "signature").write_bytes(cut(signature))
    command = ["openssl", "dgst", "-sha256", "-verify", work / "public.pem", "-signature", work / "signature", work / "signed"]
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def main():
    folder, examples = map(pathlib.Path, sys.argv[1:3])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 500
    keep = pathlib.Path(sys.argv[4]) if len(sys.argv) > 4 else None
    tools, bad = (folder / "uboot-tools/tools").resolve(), 0
    counts, pick = collections.Counter(), random.Random(1)
    with tempfile.TemporaryDirectory() as place:
        work = pathlib.Path(place)
        made = make(work, tools)
        for name in made:
            path = work / f"{name}.itb"
            pair = theirs(tools, work, path), ours(examples.resolve(), work, path)
            print(f"genuine {name}: U-Boot {pair[0]}, ours {pair[1]}")
            bad += pair != (True, (True, False))
        trees_of = {name: Tree(data) for name, data in made.items()}
        for number in range(count):
            name = pick.choice(list(made))
            data, words = changed(made[name], trees_of[name], pick)
            path = work / "mutant.itb"
            path.write_bytes(data)
            their, (our, ambiguous) = theirs(tools, work, path), ours(examples.resolve(), work, path)
            counts[{(1, 1): "both", (0, 0): "neither", (0, 1): "ours alone", (1, 0): "theirs alone"}[their, our]] += 1
            if their and not our and ambiguous:
                counts["of theirs alone, ambiguous to us"] += 1
            elif their != our:
                bad += 1
                print(f"mutant {number} of {name}: {words}: U-Boot {their}, ours {our}, ambiguous {ambiguous}")
                if keep:
                    (keep / f"mutant-{number}.itb").write_bytes(data)
    print(f"FITs: {count} mutants: {dict(sorted(counts.items()))}; {bad} differences")
    return min(bad, 1)


if __name__ == "__main__":
    sys.exit(main())
