#!/usr/bin/env python3
"""Writes the descriptions of rule-*.toml beside it: small file systems that Linux reads otherwise than they look.

Nodes as `include/uapi/linux/jffs2.h` of Linux describes them, little-endian, in erase blocks of 16 KiB.
"""

import hashlib
import pathlib
import struct
import zlib

ERASE, SIZE = 0x4000, 0x18000
FILE, DIR, LINK = 0o100000, 0o040000, 0o120000


def crc(data):
    return zlib.crc32(data, 0xFFFFFFFF) ^ 0xFFFFFFFF


def head(kind, length):
    words = struct.pack("<HHI", 0x1985, kind, length)
    return words + struct.pack("<I", crc(struct.pack("<HHI", 0x1985, kind | 0x2000, length)))


def padded(node):
    return node + b"\xff" * (-len(node) % 4)


def dirent(parent, version, ino, name, kind=8):
    node = head(0xE001, 40 + len(name)) + struct.pack("<IIIIBBH", parent, version, ino, 1, len(name), kind, 0)
    return padded(node + struct.pack("<II", crc(node), crc(name)) + name)


def inode(ino, version, mode, data=b"", packing=0, size=None, dsize=None, mtime=1):
    size = len(data) if size is None else size
    dsize = size if dsize is None else dsize
    node = head(0xE002, 68 + len(data))
    node += struct.pack("<IIIHHIIIIIIIBBH", ino, version, mode, 0, 0, size, 1, mtime, 1, 0, len(data), dsize, packing, 0, 0)
    node += struct.pack("<I", crc(data))
    return padded(node + struct.pack("<I", crc(node[:60])) + data)


def xattr(xid, version, name, value, prefix=2):
    data = name + b"\0" + value
    node = head(0xE008, (32 + len(data) + 3) // 4 * 4)
    node += struct.pack("<IIBBHI", xid, version, prefix, len(name), len(value), crc(data))
    return padded(node + struct.pack("<I", crc(node)) + data)


def xref(ino, xid, sequence):
    node = head(0xE009, 28) + struct.pack("<III", ino, xid, sequence)
    return node + struct.pack("<I", crc(node))


def plain(kind, payload=b""):
    return padded(head(kind, 12 + len(payload)) + payload)


def padding(payload):
    return plain(0x2004, payload)


def summary(block, entries):
    """What fills a block up: with these entries instead of the true ones, where given."""
    length = ERASE - len(block)
    body = b"".join(entries)
    body += b"\xff" * (length - 40 - len(body)) + struct.pack("<II", len(block), 0x02851885)
    node = head(0x2006, length) + struct.pack("<IIII", len(entries), 12, 0, crc(body))
    return node + struct.pack("<I", crc(node[:24])) + body


def entry(at, node):
    kind, length = struct.unpack_from("<2xHI", node)
    if kind == 0xE002:
        return struct.pack("<H8s2I", kind, node[12:20], at, length)
    if kind == 0xE001:
        return struct.pack("<HII12s2s", kind, length, at, node[12:24], node[28:30]) + node[40:length]
    if kind == 0xE008:
        return struct.pack("<H8s2I", kind, node[12:20], at, length)
    return struct.pack("<HI", kind, at)


CLEAN = plain(0x2003)
NONE = bytes.fromhex("0000000200200000000000000000000000000000")
ALL = bytes.fromhex("01000002ffffffff00000000ffffffff00000000")
NOTES = b"closed: true\n" * 8
TARGET = b"a-name-that-is-long-enough-to-be-packed-" + b"x" * 40


def tree():
    return [
        inode(1, 1, DIR | 0o755), dirent(1, 1, 2, b"data", 4), inode(2, 1, DIR | 0o755),
        dirent(2, 1, 3, b"notes"), inode(3, 1, FILE | 0o644, NOTES),
        dirent(2, 2, 4, b"tool"), inode(4, 1, FILE | 0o755, b"\x7fnot really a program"),
        dirent(2, 3, 5, b"link", 10), inode(5, 1, LINK | 0o777, TARGET),
        xattr(1, 1, b"capability", NONE), xref(4, 1, 2),
    ]


def image(*blocks):
    data = b"".join(block + b"\xff" * (-len(block) % ERASE) for block in blocks)
    return data + b"\xff" * (SIZE - len(data))


def but(old, *new):
    """The tree with one node replaced."""
    nodes = tree()
    assert old in nodes
    return CLEAN + b"".join(b"".join(new) if node == old else node for node in nodes)


def summed(wrong=None):
    block, entries = CLEAN, []
    for node in tree():
        entries.append(entry(len(block), wrong.get(node, node) if wrong else node))
        block += node
    return block + summary(block, entries)


def samples():
    good = CLEAN + b"".join(tree())
    notes, link = inode(3, 1, FILE | 0o644, NOTES), inode(5, 1, LINK | 0o777, TARGET)
    tool = inode(4, 1, FILE | 0o755, b"\x7fnot really a program")
    packed = inode(3, 1, FILE | 0o644, zlib.compress(NOTES, 9), 6, len(NOTES))
    hidden = inode(3, 2, FILE | 0o644, b"closed: false\n")
    yield "tree", "files, a link and an attribute", image(good)
    yield "repacked", "the same with one file packed", image(but(notes, packed))
    space = ERASE - len(good)
    inside = (hidden + b"\xff" * (space + 0x100))[:space - 12] + CLEAN + b"\xff" * 0x100
    yield "over-block", "a padding node goes over the end of its block: Linux scans inside", image(good + padding(inside))
    late = b"\xff" * 0x200 + dirent(2, 9, 0, b"added", 0)
    yield "behind-erased", "a deletion in a block that begins erased: Linux does not look there", image(
        good + dirent(2, 8, 6, b"added") + inode(6, 1, FILE | 0o644, b"added\n"), late)
    yield "summed", "a summary as sumtool writes it", image(summed())
    yield "summed-otherwise", "a summary says that a name is another file", image(
        summed({dirent(2, 1, 3, b"notes"): dirent(2, 1, 4, b"notes")}))
    first, second = xattr(1, 1, b"capability", NONE), xattr(1, 2, b"capability", ALL)
    yield "attribute-version", "two nodes of one attribute, the newer one first", image(but(first, second, first))
    yield "reference-deleted", "a later reference says that the attribute is gone", image(good + xref(4, 1, 3))
    yield "packed-link", "a link whose target is packed: Linux does not unpack it", image(
        but(link, inode(5, 1, LINK | 0o777, zlib.compress(TARGET, 9), 6, len(TARGET))))
    yield "no-type", "a mode without a type", image(but(tool, inode(4, 1, 0o755, b"\x7fnot really a program")))
    yield "behind-stream", "bytes behind a zlib stream", image(
        but(notes, inode(3, 1, FILE | 0o644, zlib.compress(NOTES, 9) + b"more", 6, len(NOTES))))
    yield "padding-payload", "a padding node that holds something", image(good + padding(b"hidden words"))
    yield "shorter", "a file that ends before it says: Linux cuts it off", image(
        but(notes, inode(3, 1, FILE | 0o644, NOTES, 0, len(NOTES) + 9, len(NOTES))))


def describe(about, data):
    lines = [f'about = "{about}"', f'sha256 = "{hashlib.sha256(data).hexdigest()}"', "part = ["]
    at = 0
    while at < len(data):
        end = at
        if data[at] == 0xFF:
            while end < len(data) and data[end] == 0xFF:
                end += 1
        if end - at >= 16:
            lines.append(f"    {{ at = {at:#x}, fill = 255, count = {end - at} }},")
            at = end
            continue
        end = data.find(b"\xff" * 16, at)
        end = min(len(data) if end < 0 else end, at + 48)
        lines.append(f'    {{ at = {at:#x}, hex = "{data[at:end].hex()}" }},')
        at = end
    return "\n".join([*lines, "]", ""])


if __name__ == "__main__":
    folder = pathlib.Path(__file__).resolve().parent
    for name, about, data in samples():
        (folder / f"rule-{name}.toml").write_text(describe(about, data))
