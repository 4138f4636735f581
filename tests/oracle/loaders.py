#!/usr/bin/env python3
"""Compares what we read with what loaders read: EDK II's decompress libraries and U-Boot's environment.

    tests/oracle/tools.sh build/oracle
    cargo build --release -p kiwame-xtask --example opened
    tests/oracle/loaders.py build/oracle target/release/examples/opened [MUTANTS]

Streams are made with the compressors of EDK II and with Python's lzma, environments here; then MUTANTS (2000 by default)
of each kind: fields of headers, bits, bytes set, cut, inserted, doubled, joined, bytes behind. What the loader reads is
what its own code gives, compiled from Debian's sources with a check of every access to memory.

The rule: where we open a stream, or take a setting, and note nothing ambiguous, the loader does the same and gets the
same bytes. The other way round is counted only: we may be stricter. Genuine ones must be accepted by both.
"""

import hashlib
import json
import lzma
import os
import random
import struct
import subprocess
import sys
import tempfile
import uuid
import zlib

GUIDS = {
    "t": "A31280AD-481E-41B6-95E8-127F4C984779",
    "l": "EE4E5898-3914-4259-9D6E-DC7BD79403CF",
    "x": "D42AE6BD-1352-4BFB-909A-CA72A6EAE889",
    "b": "3D532050-5CDA-4FD0-879E-0F7F630D5AFB",
}
NAMES = {"e": "EFI 1.1", "t": "Tiano", "l": "LZMA", "x": "LZMA, x86", "b": "Brotli"}


def guid(text):
    return uuid.UUID(text).bytes_le


def section(kind, body):
    return struct.pack("<I", 4 + len(body) | kind << 24) + body


def volume(kind, body):
    """A firmware volume with one file, whose section has that body."""
    if kind == "e":
        inner = section(1, body[:4] + b"\1" + body[4:])
    else:
        inner = section(2, guid(GUIDS[kind]) + struct.pack("<HH", 24, 1) + body)
    size = 24 + len(inner)
    file = bytearray(guid("AAAAAAAA-1111-2222-3333-444444444444") + b"\0\0\x02\0" + struct.pack("<I", size)[:3] + b"\0")
    file[0x10] = -sum(file) & 0xff
    file[0x11], file[0x17] = 0xaa, 0xf8
    total = (0x48 + size + 0x3f) // 0x10 * 0x10
    head = bytearray(bytes(16) + guid("8C8CE578-8A3D-4F1C-9935-896185C32DD3") + struct.pack("<Q", total) + b"_FVH"
                     + struct.pack("<IHHHBB", 0x4feff, 0x48, 0, 0, 0, 2) + struct.pack("<IIII", total // 0x10, 0x10, 0, 0))
    struct.pack_into("<H", head, 0x32, -sum(struct.unpack("<36H", head)) & 0xffff)
    image = bytes(head) + bytes(file) + inner
    return image + b"\xff" * (total - len(image))


def contents(chance):
    raw = lambda body: section(0x19, body)
    text = b"".join(chance.choice([b"driver ", b"loader ", b"boot ", b"\0\0\0\0", b"\xe8\x10\0\0\0"]) for _ in range(300))
    noise = bytes(chance.randrange(256) for _ in range(700))
    mixed = bytes(chance.choice(b"\xe8\xe9\0\xff\x90abc") for _ in range(2500))
    return [raw(b"x"), raw(text), raw(noise), raw(mixed), raw(bytes(20000)), raw(text * 4 + noise + text)]


def genuine(tools, chance):
    """Bodies of sections by kind, as the tools of EDK II make them."""
    made = {kind: [] for kind in NAMES}

    def run(tool, *options):
        with tempfile.TemporaryDirectory() as folder:
            source, target = os.path.join(folder, "in"), os.path.join(folder, "out")
            with open(source, "wb") as file:
                file.write(content)
            subprocess.run([os.path.join(tools, tool), "-e", *options, "-o", target, source], check=True,
                           stdout=subprocess.DEVNULL)
            with open(target, "rb") as file:
                return file.read()

    for content in contents(chance):
        made["e"].append(struct.pack("<I", len(content)) + run("TianoCompress", "--uefi", "-q"))
        made["t"].append(run("TianoCompress", "-q"))
        made["l"].append(run("LzmaCompress", "-q"))
        made["x"].append(run("LzmaCompress", "-q", "--f86"))
        made["b"] += [run("BrotliCompress", "-q", quality) for quality in ("1", "5", "9", "11")]
        for properties in (dict(), dict(lc=0, lp=2, pb=0), dict(lc=4, lp=0), dict(lc=1, lp=3, pb=4, dict_size=1 << 12)):
            filters = [dict(dict(id=lzma.FILTER_LZMA1, preset=6, dict_size=1 << 16), **properties)]
            stream = lzma.compress(content, format=lzma.FORMAT_ALONE, filters=filters)
            made["l"].append(stream[:5] + struct.pack("<Q", len(content)) + stream[13:])
    return made


def literals(chance, content, width):
    """Literals alone, in blocks of chance: the stream of no compressor, and sound. Odd ones are made of it below."""
    bits = []

    def put(value, count):
        bits.extend(format(value, f"0{count}b") if count else "")

    step = chance.choice([7, 40, 300, len(content)])
    for start in range(0, len(content), step):
        block = content[start:start + step]
        put(len(block), 16)
        # The Extra Set is one symbol, which is length 8; the Char&Len Set has 256 lengths of it.
        put(0, 5), put(10, 5), put(256, 9)
        put(0, width), put(chance.randrange(1 << width) if chance.random() < 0.2 else 0, width)
        for byte in block:
            put(byte, 8)
    if chance.random() < 0.2:
        put(chance.randrange(1 << 7), 7)
    bits.extend("0" * (-len(bits) % 8))
    data = bytes(int("".join(bits[at:at + 8]), 2) for at in range(0, len(bits), 8)) + chance.choice([b"", b"\0", b"\0\0"])
    return struct.pack("<II", len(data), len(content)) + data


def mutant(chance, body, others, head):
    """A changed copy; of a header's first bytes as often as of all others."""
    body = bytearray(body)
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        place = chance.randrange(min(head, len(body)) if chance.random() < 0.4 else len(body)) if body else 0
        what = chance.randrange(10)
        if what <= 3:
            body[place:place + 1] = bytes([body[place] ^ 1 << chance.randrange(8)]) if body else b""
        elif what == 4:
            body[place:place + 1] = bytes([chance.choice([0, 1, 0x7f, 0x80, 0xff, chance.randrange(256)])])
        elif what == 5:
            del body[chance.randrange(len(body) + 1):]
        elif what == 6:
            body += bytes(chance.choice([0, 0xff, chance.randrange(256)]) for _ in range(chance.randrange(1, 20)))
        elif what == 7:
            body[place:place] = body[place:place + chance.randrange(1, 9)]
        elif what == 8:
            del body[place:place + chance.randrange(1, 5)]
        else:
            other = chance.choice(others)
            body[place:] = other[chance.randrange(len(other)):]
    return bytes(body)


def sizes_changed(chance, kind, body):
    """A copy whose stated sizes are others, near and far."""
    body = bytearray(body)
    fields = {"e": [(0, 4), (4, 4), (8, 4)], "t": [(0, 4), (4, 4)], "l": [(0, 1), (1, 4), (5, 8)], "x": [(0, 1), (1, 4), (5, 8)],
              "b": [(0, 8), (8, 8)]}[kind]
    for start, length in chance.sample(fields, chance.randrange(1, len(fields) + 1)):
        value = int.from_bytes(body[start:start + length], "little")
        value = chance.choice([value + 1, value - 1, value // 2, value * 2, 0, (1 << 8 * length) - 1, chance.randrange(1 << 16)])
        body[start:start + length] = (value % (1 << 8 * length)).to_bytes(length, "little")
    return bytes(body)


def ours(example, images):
    feed = b"".join(struct.pack("<I", len(image)) + image for image in images)
    lines = subprocess.run([example], input=feed, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    assert len(lines) == len(images), (len(lines), len(images))
    return [json.loads(line) for line in lines]


def theirs(tools, kind, bodies):
    feed = b"".join(kind.encode() + struct.pack("<I", len(body)) + body for body in bodies)
    answer = subprocess.run([os.path.join(tools, "edk2")], input=feed, stdout=subprocess.PIPE, check=True,
                            env=dict(os.environ, ASAN_OPTIONS="allocator_may_return_null=1")).stdout
    results, at = [], 0
    for _ in bodies:
        size, = struct.unpack_from("<q", answer, at)
        at += 8
        results.append(answer[at:at + size] if size >= 0 else None)
        at += max(size, 0)
    return results


def holds(space, content):
    """True when the pieces that we measured are those of the content, and tile it."""
    pieces = sorted(space["pieces"])
    ends = [0] + [offset + length for offset, length, _ in pieces]
    tiled = ends[-1] == len(content) == space["size"] and all(piece[0] == end for piece, end in zip(pieces, ends))
    return tiled and all(hashlib.sha256(content[o:o + n]).hexdigest() == digest for o, n, digest in pieces)


def compare_streams(tools, example, chance, count):
    wrong = 0
    made = genuine(tools, chance)
    for kind, name in NAMES.items():
        bodies = list(made[kind])
        first = len(bodies)
        others = made[kind] + made["t" if kind == "e" else "e"]
        while len(bodies) < first + count:
            body = chance.choice(made[kind])
            if kind in "et" and chance.random() < 0.2:
                content = chance.choice(contents(chance)[:4])
                body = literals(chance, content, 4 if kind == "e" else 5)
                body = struct.pack("<I", len(content)) + body if kind == "e" else body
                body = body if chance.random() < 0.5 else mutant(chance, body, others, 12)
            elif kind in "et" and chance.random() < 0.1:
                # The other algorithm where this one is meant.
                body = chance.choice(made["t"])
                body = struct.pack("<I", struct.unpack_from("<I", body, 4)[0]) + body if kind == "e" else body
                body = body if chance.random() < 0.5 else mutant(chance, body, others, 12)
            elif chance.random() < 0.25:
                body = sizes_changed(chance, kind, body)
            else:
                body = mutant(chance, body, others, {"b": 24}.get(kind, 16))
            bodies.append(body)
        ask = [volume(kind, body) for body in bodies]
        seen = {"both": 0, "equal, and said to be ambiguous": 0, "only theirs": 0, "neither": 0, "only ours, or otherwise": 0}
        for number, (body, we, they) in enumerate(zip(bodies, ours(example, ask), theirs(tools, kind, bodies))):
            accepted = bool(we["spaces"]) and not we["ambiguous"]
            if we["spaces"] == [] and they == b"" and not we["ambiguous"]:
                accepted = True
            equal = they is not None and (holds(we["spaces"][0], they) if we["spaces"] else they == b"")
            if accepted and not equal:
                seen["only ours, or otherwise"] += 1
                wrong += 1
                keep(f"{kind}-{number}", body)
                print(f"  {name} {number}: ours {we}, theirs {None if they is None else len(they)}")
            elif accepted:
                seen["both"] += 1
            elif equal:
                seen["equal, and said to be ambiguous"] += 1
            else:
                seen["only theirs" if they is not None else "neither"] += 1
            # A short stream without matches is sound as Tiano too; who packs such a one records it.
            if number < first and not (equal and we["ambiguous"] in ([], ["uefi-section/two-readings"])):
                wrong += 1
                keep(f"{kind}-genuine-{number}", body)
                print(f"  {name} {number}: genuine, ours {we['ambiguous']}, theirs {None if they is None else len(they)}")
        print(f"{name}: {first} genuine, {len(bodies) - first} mutants: " + ", ".join(f"{what} {n}" for what, n in seen.items()))
    return wrong


def keep(name, body):
    os.makedirs("build/oracle/kept", exist_ok=True)
    with open(f"build/oracle/kept/{name}", "wb") as file:
        file.write(body)


def environment(text, size, order, flags):
    data = (text + bytes(size))[:size - 4 - flags]
    return struct.pack(order + "I", zlib.crc32(data)) + b"\1" * flags + data


def compare_environments(tools, example, chance, count):
    base = [b"bootcmd=run boot_a", b"boot_a=load mmc 0 ${addr} a; bootm", b"ethaddr=02:00:00:00:00:01", b"serial=12",
            b"empty=", b"escaped=a\\\\b", b"baudrate=115200"]
    wrong, seen = 0, {"both": 0, "only theirs": 0, "neither": 0, "only ours, or otherwise": 0}
    boards, images = [], []
    for number in range(count):
        size, order, flags = chance.choice([0x400, 0x800, 0x1000, 0x1400]), chance.choice("<>"), chance.randrange(2)
        text = b"\0".join(base) + b"\0\0"
        if number >= 8:
            text = bytearray(text)
            for _ in range(chance.choice([1, 1, 2, 4])):
                place, what = chance.randrange(len(text)), chance.randrange(6)
                if what == 0:
                    text[place] = chance.choice(b"\0= \t#\\a;\xff\n")
                elif what == 1:
                    text[place:place] = chance.choice([b"\0", b"=", b" ", b"#", b"\\", b"\0\0", b"\0bootcmd=x\0", b"\0=\0", b"\0x\0"])
                elif what == 2:
                    del text[place:place + chance.randrange(1, 6)]
                elif what == 3:
                    text += chance.choice([b"behind=1\0", b"\xff" * 40, b"\0\0x=y\0\0"])
                elif what == 4:
                    text[place:place] = text[chance.randrange(len(text)):][:chance.randrange(1, 40)]
                else:
                    start = bytes(text).rfind(b"\0", 0, place) + 1
                    text[start:start] = chance.choice([b" ", b"\t", b"#", b"=", b"\\", b"\0"])
        # What the board reads is mostly what was written.
        board = (size, order, flags)
        if number >= 8 and chance.random() < 0.2:
            board = (chance.choice([0x400, 0x800, size]), chance.choice("<>"), chance.randrange(2))
        image = environment(bytes(text), size, order, flags)
        images.append(image + b"\xff" * (0x2000 - len(image)))
        boards.append(board)
    for number, (image, (size, order, flags), we) in enumerate(zip(images, boards, ours(example, images))):
        command = [os.path.join(tools, "uboot-env"), hex(size), "big" if order == ">" else "little", str(flags)]
        result = subprocess.run(command, input=image, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
        fields = result.stdout.split(b"\0")[:-1]
        they = dict(zip(fields[::2], fields[1::2])) if result.returncode == 0 else None
        facts = {"env-size": hex(size), "crc-order": command[2], "redundant": str(bool(flags)).lower()}
        accepted = we["facts"] == facts and not we["ambiguous"]
        settings = {bytes.fromhex(name): bytes.fromhex(value) for name, value in we["settings"]}
        # An empty setting is none.
        equal = they is not None and {name: value for name, value in settings.items() if value} == they
        if accepted and not equal or number < 8 and not accepted:
            seen["only ours, or otherwise"] += 1
            wrong += 1
            keep(f"env-{number}", image)
            print(f"  environment {number}: ours {settings} {we['ambiguous']}, theirs {they}")
        else:
            seen["both" if accepted else "neither" if they is None else "only theirs"] += 1
    print(f"environments: {count}: " + ", ".join(f"{what} {n}" for what, n in seen.items()))
    return wrong


def main():
    tools, example = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
    seed = int(os.environ.get("SEED", "1"))
    wrong = compare_environments(tools, example, random.Random(seed), count)
    wrong += compare_streams(tools, example, random.Random(seed), count)
    print(f"{wrong} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
