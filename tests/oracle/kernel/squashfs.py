#!/usr/bin/env python3
"""Compares what we list of squashfs images with what Linux 6.1 lists: of genuine ones, and of thousands that were changed.

    cargo build --release -p kiwame-verifier --example listing --example affirms
    tests/oracle/kernel/squashfs.py [--mutants N] [--seed S] [--keep FOLDER] LISTING

Genuine images, made here with many options of mksquashfs and gensquashfs, must be listed as Linux lists them, with nothing
ambiguous in them. Of changed ones two things are counted. A *false accept*: Linux lists something else than for the genuine
image (or does not mount it), and we say that listing, content, normal form and defects are the same, or `verify` affirms it
under a policy that accepts whatever was packed anew. A *disagreement*: we list something else than Linux and call nothing
ambiguous. Any of either ends with exit status 1.

The changes are made by a reader and writer of the format that stand here and share nothing with the core. Linux is
Debian's user-mode-linux (uml.py), whose squashfs is built without extended attributes: those are not compared.

Needs root (devices), user-mode-linux, squashfs-tools, squashfs-tools-ng, gcc, libc6-dev (Debian).
"""

import argparse
import collections
import concurrent.futures
import copy
import lzma
import os
import pathlib
import random
import struct
import subprocess
import sys
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import uml  # noqa: E402

NONE = 0xFFFFFFFFFFFFFFFF
SUPER = [("magic", 4), ("inodes", 4), ("mkfs_time", 4), ("block_size", 4), ("fragments", 4), ("compression", 2),
         ("block_log", 2), ("flags", 2), ("ids", 2), ("major", 2), ("minor", 2), ("root", 8), ("used", 8), ("id_table", 8),
         ("xattr_table", 8), ("inode_table", 8), ("directory_table", 8), ("fragment_table", 8), ("lookup_table", 8)]
BASE = [("type", 2), ("mode", 2), ("uid", 2), ("gid", 2), ("mtime", 4), ("number", 4)]
BODIES = {
    1: [("start", 4), ("nlink", 4), ("size", 2), ("offset", 2), ("parent", 4)],
    8: [("nlink", 4), ("size", 4), ("start", 4), ("parent", 4), ("count", 2), ("offset", 2), ("xattr", 4)],
    2: [("start", 4), ("fragment", 4), ("offset", 4), ("size", 4)],
    9: [("start", 8), ("size", 8), ("sparse", 8), ("nlink", 4), ("fragment", 4), ("offset", 4), ("xattr", 4)],
    3: [("nlink", 4), ("size", 4)], 10: [("nlink", 4), ("size", 4)],
    4: [("nlink", 4), ("rdev", 4)], 5: [("nlink", 4), ("rdev", 4)],
    11: [("nlink", 4), ("rdev", 4), ("xattr", 4)], 12: [("nlink", 4), ("rdev", 4), ("xattr", 4)],
    6: [("nlink", 4)], 7: [("nlink", 4)], 13: [("nlink", 4), ("xattr", 4)], 14: [("nlink", 4), ("xattr", 4)],
}


def number(data, at, width):
    return int.from_bytes(data[at:at + width], "little")


def record(data, at, fields):
    values = {}
    for name, width in fields:
        values[name] = number(data, at, width)
        at += width
    return values, at


class Inode:
    """Fields by name, what follows them, and for a directory its runs of entries and its index."""

    def __init__(self):
        self.fields, self.tail, self.runs, self.index = {}, b"", [], []


class Run:
    def __init__(self, base, entries):
        self.base, self.entries = base, entries


class Name:
    def __init__(self, name, kind, delta, inode):
        self.name, self.kind, self.delta, self.inode = name, kind, delta, inode


class Image:
    """An image whose metadata is not compressed, taken apart, and written again."""

    def __init__(self, data):
        self.super, _ = record(data, 0, SUPER)
        s = self.super
        self.data = data[96:s["inode_table"]]
        self.raw = data
        self.gap = b""
        self.pack = False
        self.cuts = {"inode": [], "directory": []}
        self.inodes, self.by_place = [], {}
        table, listings = self.table(s["inode_table"], s["directory_table"]), None
        first = min(self.arrays(data), default=s["used"])
        listings = self.table(s["directory_table"], first)
        at = 0
        while at < len(table):
            at = self.inode(table, at)
        self.order = []
        for inode in self.inodes:
            if inode.fields["type"] in (1, 8):
                self.listing(inode, listings)
        self.root = self.by_place[place(s["root"])]
        counts = {"id": 4 * s["ids"], "fragment": 16 * s["fragments"], "lookup": 8 * s["inodes"]}
        self.tables = {}
        for name, size in counts.items():
            start = s[name + "_table"]
            if start != NONE and size:
                self.tables[name] = self.pointed(start, size)
        if "lookup" in self.tables:
            refs = [number(self.tables["lookup"], 8 * i, 8) for i in range(s["inodes"])]
            self.exports = [self.by_place[place(ref)] for ref in refs]
        self.xattrs = data[xattr_start(data, s):s["used"]] if s["xattr_table"] != NONE else None

    def arrays(self, data):
        s = self.super
        for name in ("id_table", "fragment_table", "lookup_table"):
            if s[name] != NONE and (name != "fragment_table" or s["fragments"]):
                yield number(data, s[name], 8)

    def table(self, start, end):
        out = b""
        while start < end:
            size = number(self.raw, start, 2)
            assert size & 0x8000, "packed"
            out += self.raw[start + 2:start + 2 + (size & 0x7FFF)]
            start += 2 + (size & 0x7FFF)
        return out

    def pointed(self, start, size):
        starts = [number(self.raw, start + 8 * i, 8) for i in range((size + 8191) // 8192)]
        return b"".join(self.table(at, at + 1) for at in starts)

    def inode(self, table, start):
        inode = Inode()
        inode.fields, at = record(table, start, BASE)
        body, at = record(table, at, BODIES[inode.fields["type"]])
        inode.fields |= body
        kind, size = inode.fields["type"], inode.fields.get("size", 0)
        if kind in (2, 9):
            block = self.super["block_size"]
            blocks = size // block if inode.fields["fragment"] != 0xFFFFFFFF else -(-size // block)
            inode.tail = table[at:at + 4 * blocks]
        elif kind in (3, 10):
            inode.tail = table[at:at + size + (4 if kind == 10 else 0)]
        at += len(inode.tail)
        for _ in range(inode.fields.get("count", 0)):
            length = number(table, at + 8, 4) + 1
            inode.index.append([number(table, at, 4), table[at + 12:at + 12 + length]])
            at += 12 + length
        self.inodes.append(inode)
        self.by_place[start] = inode
        return at

    def listing(self, inode, table):
        f = inode.fields
        at = f["start"] // 8194 * 8192 + f["offset"]
        end = at + f["size"] - 3
        while at < end:
            count, start, base = number(table, at, 4), number(table, at + 4, 4), number(table, at + 8, 4)
            at += 12
            run = Run(base, [])
            for _ in range(count + 1):
                offset, delta, kind, size = (number(table, at + 2 * i, 2) for i in range(4))
                target = self.by_place[start // 8194 * 8192 + offset]
                run.entries.append(Name(table[at + 8:at + 9 + size], kind, delta, target))
                at += 9 + size
            inode.runs.append(run)

    def build(self, fix=True):
        """The image, everything in its place. Directories that `fix` leaves alone keep stated sizes."""
        s = dict(self.super)
        out = bytearray(self.raw[:96]) + self.data + self.gap
        for inode in self.inodes:
            inode.bytes = sum(width for _, width in BASE + BODIES[inode.fields["type"]]) + len(inode.tail)
            inode.bytes += sum(12 + len(name) for _, name in inode.index) + len(getattr(inode, "junk", b""))
        at = 0
        for inode in self.inodes:
            inode.place = at
            at += inode.bytes
        listings = bytearray()
        for inode in self.inodes:
            if inode.fields["type"] not in (1, 8):
                continue
            inode.listing = len(listings)
            text = b"".join(self.run(run) for run in inode.runs)
            if fix and not hasattr(inode, "stated"):
                inode.fields["size"] = len(text) + 3 if text else inode.fields["size"]
            listings += text + getattr(inode, "behind", b"")
        inode_table = b"".join(self.write(inode, listings) for inode in self.inodes)
        s["inode_table"] = len(out)
        out += self.blocks(inode_table, "inode")
        s["directory_table"] = len(out)
        out += self.blocks(bytes(listings), "directory")
        s["root"] = self.reference(self.root.place)
        if "lookup" in self.tables:
            self.tables["lookup"] = b"".join(struct.pack("<Q", self.reference(inode.place)) for inode in self.exports)
            s["inodes"] = len(self.exports) if fix else s["inodes"]
        for name in ("fragment", "lookup", "id"):
            if name not in self.tables:
                continue
            starts = []
            for start in range(0, len(self.tables[name]), 8192):
                piece = self.tables[name][start:start + 8192]
                starts.append(struct.pack("<Q", len(out)))
                out += struct.pack("<H", 0x8000 | len(piece)) + piece
            s[name + "_table"] = len(out)
            out += b"".join(starts)
        if self.xattrs is not None:
            move = len(out) - xattr_start(self.raw, self.super)
            text = bytearray(self.xattrs)
            header = self.super["xattr_table"] - xattr_start(self.raw, self.super)
            for at in [header] + list(range(header + 16, len(text), 8)):
                struct.pack_into("<Q", text, at, number(text, at, 8) + move)
            s["xattr_table"] = len(out) + header
            out += text
        s["used"] = len(out)
        out[:96] = b"".join(s[name].to_bytes(width, "little") for name, width in SUPER)
        return bytes(out) + b"\0" * (-len(out) % 4096)

    def run(self, run):
        first = run.entries[0].inode.place // 8192 * 8194 if run.entries else 0
        text = struct.pack("<III", len(run.entries) - 1 & 0xFFFFFFFF, first, run.base & 0xFFFFFFFF)
        for entry in run.entries:
            offset = entry.inode.place - first // 8194 * 8192
            text += struct.pack("<HHHH", offset & 0xFFFF, entry.delta & 0xFFFF, entry.kind & 0xFFFF, len(entry.name) - 1)
            text += entry.name
        return text

    def write(self, inode, listings):
        f = inode.fields
        if f["type"] in (1, 8) and not hasattr(inode, "led"):
            f["start"], f["offset"] = self.reference(inode.listing, "directory") >> 16, inode.listing % 8192
        f["count"] = len(inode.index)
        text = b"".join((f[name] & (1 << 8 * width) - 1).to_bytes(width, "little")
                        for name, width in BASE + BODIES[f["type"]]) + inode.tail
        for entry in inode.index:
            where = entry[2] if len(entry) > 2 else self.reference(inode.listing + entry[0], "directory") >> 16
            text += struct.pack("<III", entry[0], where, len(entry[1]) - 1) + entry[1]
        return text + getattr(inode, "junk", b"")

    def reference(self, place, table="inode"):
        for number, cut in enumerate(self.cuts[table]):
            if place < cut:
                break
        start, at = 0, 0
        for length in self.lengths(table):
            if place < start + length:
                return at << 16 | place - start
            start, at = start + length, at + length + 2
        return at << 16 | place - start

    def lengths(self, table):
        yield from self.cuts[table]
        while True:
            yield 8192

    def blocks(self, text, table):
        out, at = b"", 0
        for length in self.lengths(table):
            if at >= len(text):
                return out
            piece = text[at:at + length]
            packed = zlib.compress(piece, 9) if self.pack else piece
            out += struct.pack("<H", len(packed) | (0 if self.pack else 0x8000)) + packed
            at += length
        return out


def place(reference):
    return (reference >> 16) // 8194 * 8192 + (reference & 0xFFFF)


def xattr_start(data, s):
    return number(data, s["xattr_table"], 8)


# --- changes to a taken apart image


def directories(image, least=1):
    return [i for i in image.inodes if i.fields["type"] in (1, 8) and sum(len(r.entries) for r in i.runs) >= least]


def some_entry(image, pick):
    run = pick.choice([run for inode in directories(image) for run in inode.runs if run.entries])
    return run, pick.randrange(len(run.entries))


def drop_entry(image, pick):
    run, at = some_entry(image, pick)
    del run.entries[at]


def double_entry(image, pick):
    run, at = some_entry(image, pick)
    run.entries.insert(at, copy.copy(run.entries[at]))


def swap_entries(image, pick):
    run, at = some_entry(image, pick)
    other = pick.randrange(len(run.entries))
    run.entries[at], run.entries[other] = run.entries[other], run.entries[at]


def swap_names(image, pick):
    run, at = some_entry(image, pick)
    other = pick.choice(run.entries)
    run.entries[at].name, other.name = other.name, run.entries[at].name


def move_entry(image, pick):
    run, at = some_entry(image, pick)
    other, to = some_entry(image, pick)
    entry = run.entries.pop(at)
    other.entries.insert(to, entry)
    if pick.random() < 0.5:
        other.entries.sort(key=lambda entry: entry.name)


def add_entry(image, pick):
    run, at = some_entry(image, pick)
    new = copy.copy(run.entries[at])
    new.name = pick.choice([b"zz", b"passwd", b"\xff", new.name + b"x", new.name[:-1] or b"0", b"a" * 255, b"a" * 256, b".", b"a/b"])
    run.entries.append(new)
    if pick.random() < 0.7:
        run.entries.sort(key=lambda entry: entry.name)
    if pick.random() < 0.5:
        new.inode.fields["nlink"] = new.inode.fields.get("nlink", 1) + 1


def rename_entry(image, pick):
    run, at = some_entry(image, pick)
    name = bytearray(run.entries[at].name)
    name[pick.randrange(len(name))] = pick.choice([0, 0x2F, 0x41, 0x7F, 0x80, 0xFF, pick.randrange(256)])
    run.entries[at].name = bytes(name)


def turn_entry(image, pick):
    run, at = some_entry(image, pick)
    other = pick.choice(image.inodes)
    run.entries[at].inode = other
    if pick.random() < 0.7:
        run.entries[at].delta = other.fields["number"] - run.base
        run.entries[at].kind = (other.fields["type"] - 1) % 7 + 1


def swap_inodes(image, pick):
    """Two entries change their inodes, with numbers that stay."""
    run, at = some_entry(image, pick)
    other, to = some_entry(image, pick)
    a, b = run.entries[at], other.entries[to]
    a.inode, b.inode = b.inode, a.inode
    if pick.random() < 0.5:
        a.kind, b.kind = b.kind, a.kind
    if pick.random() < 0.5:
        a.inode.fields["number"], b.inode.fields["number"] = b.inode.fields["number"], a.inode.fields["number"]


def split_run(image, pick):
    inode = pick.choice(directories(image, 2))
    at = pick.randrange(len(inode.runs))
    run = inode.runs[at]
    cut = pick.randrange(len(run.entries) + 1)
    base = run.base if pick.random() < 0.5 else run.base + 1
    tail = Run(base, run.entries[cut:])
    for entry in tail.entries:
        entry.delta -= base - run.base
    inode.runs[at:at + 1] = [Run(run.base, run.entries[:cut]), tail]


def join_runs(image, pick):
    inode = pick.choice(directories(image))
    if len(inode.runs) < 2:
        return split_run(image, pick)
    at = pick.randrange(len(inode.runs) - 1)
    first, second = inode.runs[at:at + 2]
    for entry in second.entries:
        entry.delta += second.base - first.base
    inode.runs[at:at + 2] = [Run(first.base, first.entries + second.entries)]


def swap_runs(image, pick):
    inode = pick.choice(directories(image, 2))
    if len(inode.runs) < 2:
        split_run(image, pick)
    pick.shuffle(inode.runs)


def change_base(image, pick):
    run, _ = some_entry(image, pick)
    step = pick.choice([1, -1, 5, 0x10000, 1 << 31])
    run.base += step
    if pick.random() < 0.6:
        for entry in run.entries:
            entry.delta -= step


def change_index(image, pick):
    indexed = [i for i in directories(image) if i.index] or [i for i in directories(image) if i.fields["type"] == 8]
    if not indexed:
        return change_size(image, pick)
    inode = pick.choice(indexed)
    starts, at = [], 0
    for run in inode.runs:
        starts.append((at, run.entries[0].name if run.entries else b"x"))
        at += len(image.run(run)) if hasattr(image.root, "place") else 0
    how = pick.randrange(7)
    if how == 0 and inode.index:
        del inode.index[pick.randrange(len(inode.index))]
    elif how == 1 and inode.index:
        inode.index.insert(0, list(inode.index[0]))
    elif how == 2 and inode.index:
        inode.index[0][0] += pick.choice([1, -1, 12, 8192, 100])
    elif how == 3 and inode.index:
        inode.index[0][1] = pick.choice([b"a", b"\xff", inode.index[0][1][:-1] + b"!", inode.index[0][1] + b"a", b"a" * 300])
    elif how == 4 and inode.index:
        inode.index[0] = inode.index[0][:2] + [pick.choice([0, 8194, 16388, 1, 0xFFFFFFFF])]
    elif how == 5 and starts:
        inode.index.insert(0, list(pick.choice(starts)))
    else:
        inode.index.reverse()
        inode.index.append([0, b"b"])


def change_size(image, pick):
    inode = pick.choice(directories(image, 0))
    inode.fields["size"] += pick.choice([-3, -1, 1, 3, 8, 12, 20, 100, -12, -50])
    inode.fields["size"] = max(0, inode.fields["size"])
    inode.stated = True


def lead_away(image, pick):
    inode, other = pick.choice(directories(image, 0)), pick.choice(directories(image))
    inode.led = True
    image.build()
    inode.fields["start"], inode.fields["offset"] = other.fields["start"], other.fields["offset"]
    if pick.random() < 0.7:
        inode.fields["size"], inode.stated = other.fields["size"], True


def behind_listing(image, pick):
    inode = pick.choice(directories(image))
    run, at = some_entry(image, pick)
    image.build()
    inode.behind = image.run(Run(run.base, run.entries[at:at + 1]))
    if pick.random() < 0.5:
        inode.fields["size"] += len(inode.behind)
        inode.stated = True


def cut_blocks(image, pick):
    table = pick.choice(["inode", "directory"])
    image.cuts[table] = [pick.choice([1, 16, 100, 1000, 4096, 8191]) for _ in range(pick.randrange(1, 4))]


def add_inode(image, pick):
    inode = copy.deepcopy(pick.choice([i for i in image.inodes if i.fields["type"] not in (1, 8)]))
    inode.fields["number"] = pick.choice([len(image.inodes) + 1, 1, 0])
    image.inodes.insert(pick.randrange(len(image.inodes) + 1), inode)
    if "lookup" in image.tables and pick.random() < 0.5:
        image.exports.append(inode)


def move_inode(image, pick):
    inode = image.inodes.pop(pick.randrange(len(image.inodes)))
    image.inodes.insert(pick.randrange(len(image.inodes)), inode)


def junk(image, pick):
    pick.choice(image.inodes).junk = bytes(pick.randrange(256) for _ in range(pick.choice([1, 4, 40])))


def gap(image, pick):
    image.gap = bytes(pick.randrange(256) for _ in range(pick.choice([1, 8, 512])))


def change_exports(image, pick):
    if "lookup" not in image.tables:
        return drop_entry(image, pick)
    how = pick.randrange(3)
    if how == 0:
        image.exports[pick.randrange(len(image.exports))] = pick.choice(image.inodes)
    elif how == 1:
        image.exports.append(pick.choice(image.inodes))
    else:
        image.exports.pop()


def change_table(image, pick):
    name = pick.choice(["id", "fragment"])
    if name not in image.tables:
        name = "id"
    width, field = {"id": (4, "ids"), "fragment": (16, "fragments")}[name]
    rows = [image.tables[name][at:at + width] for at in range(0, len(image.tables[name]), width)]
    how = pick.randrange(4)
    if how == 0:
        rows.append(pick.choice(rows))
    elif how == 1:
        pick.shuffle(rows)
    elif how == 2 and len(rows) > 1:
        rows.pop()
    else:
        row = bytearray(pick.choice(rows))
        row[pick.randrange(width)] ^= 1 << pick.randrange(8)
        rows[pick.randrange(len(rows))] = bytes(row)
    image.tables[name] = b"".join(rows)
    if pick.random() < 0.8:
        image.super[field] = len(rows)


def change_field(image, pick):
    """Any field of any inode, with the value of a neighbour, a limit, or one bit turned."""
    inode = pick.choice(image.inodes)
    name = pick.choice(sorted(inode.fields))
    if name == "type":
        return change_type(inode, pick)
    same = [i.fields[name] for i in image.inodes if name in i.fields]
    old = inode.fields[name]
    inode.fields[name] = pick.choice([pick.choice(same), 0, 1, old ^ 1 << pick.randrange(16), old + 1, max(0, old - 1), 0xFFFF, 0xFFFFFFFF, 3])
    if name == "size":
        inode.stated = True
    if name in ("start", "offset"):
        inode.led = True


def change_type(inode, pick):
    kind = inode.fields["type"]
    alike = [other for other in BODIES if BODIES[other] == BODIES[kind] and other != kind]
    if alike:
        inode.fields["type"] = pick.choice(alike)
    else:
        inode.fields["mode"] |= pick.choice([0x1000, 0x2000, 0x4000, 0x6000, 0x8000, 0xA000, 0xC000, 0xF000])


def change_mode(image, pick):
    inode = pick.choice(image.inodes)
    inode.fields["mode"] ^= pick.choice([0x1000, 0x2000, 0x4000, 0x8000, 0xF000, 0o4000, 0o111])


def change_tail(image, pick):
    tailed = [inode for inode in image.inodes if inode.tail]
    inode = pick.choice(tailed)
    tail = bytearray(inode.tail)
    at = pick.randrange(len(tail))
    tail[at] = pick.choice([0, 1, 0xFF, tail[at] ^ 1 << pick.randrange(8)])
    inode.tail = bytes(tail)


CHANGES = [drop_entry, double_entry, swap_entries, swap_names, move_entry, add_entry, rename_entry, turn_entry, swap_inodes,
           split_run, join_runs, swap_runs, change_base, change_index, change_index, change_size, lead_away, behind_listing,
           cut_blocks, add_inode, move_inode, junk, gap, change_exports, change_table, change_field, change_field,
           change_field, change_mode, change_tail]


# --- changes to bytes


def places(data):
    """Where fields of the superblock, of metadata headers and of tables stand."""
    at = 0
    for name, width in SUPER:
        yield at, width
        at += width
    s, _ = record(data, 0, SUPER)
    for start, end in ((s["inode_table"], s["directory_table"]), (s["directory_table"], s["used"])):
        at = start
        while at < end:
            yield at, 2
            at += 2 + (number(data, at, 2) & 0x7FFF)
            if start == s["directory_table"] and len(data) - at < 100:
                break


def flip(data, pick):
    data = bytearray(data)
    for _ in range(pick.choice([1, 1, 1, 2, 3])):
        used = number(data, 40, 8)
        area = pick.choice([(0, 96), (96, used), (number(data, 64, 8), used), (0, len(data))])
        low, high = min(area), min(max(area), len(data))
        data[pick.randrange(low, max(high, low + 1)) % len(data)] ^= 1 << pick.randrange(8)
    return bytes(data)


def field(data, pick):
    data = bytearray(data)
    at, width = pick.choice(list(places(data)))
    if at + width > len(data):
        return flip(data, pick)
    old = number(data, at, width)
    values = [0, 1, old + 1, old - 1, old ^ 1 << pick.randrange(8 * width), (1 << 8 * width) - 1, old ^ 0x8000, pick.choice(list(places(data)))[0]]
    data[at:at + width] = (pick.choice(values) & (1 << 8 * width) - 1).to_bytes(width, "little")
    return bytes(data)


def streams(data, codec):
    """Streams of the codec that stand in the image, as (start, length)."""
    found = []
    s, _ = record(data, 0, SUPER)
    if codec == "gzip":
        for at in range(96, s["used"] - 8):
            if data[at] & 0x8F == 8 and number(data[at:at + 2][::-1], 0, 2) % 31 == 0 and data[at] >> 4 <= 7:
                try:
                    decoder = zlib.decompressobj()
                    decoder.decompress(data[at:s["used"]])
                    if decoder.eof:
                        found.append((at, s["used"] - at - len(decoder.unused_data)))
                except zlib.error:
                    pass
    elif codec == "xz":
        at = data.find(b"\xfd7zXZ\0", 96)
        while at >= 0:
            try:
                decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ)
                decoder.decompress(data[at:s["used"]])
                found.append((at, s["used"] - at - len(decoder.unused_data)))
            except lzma.LZMAError:
                pass
            at = data.find(b"\xfd7zXZ\0", at + 1)
    return found


def packed_again(data, codec, pick):
    """A stream is packed in another way, in the same or fewer bytes where that can be; sums are right."""
    known = streams(data, codec)
    if not known:
        return flip(data, pick)
    at, length = pick.choice(known)
    old = data[at:at + length]
    if codec == "gzip":
        content = zlib.decompress(old)
        if pick.random() < 0.3:
            content = bytearray(content)
            content[pick.randrange(len(content))] ^= 1 << pick.randrange(8)
        window, level = pick.choice([9, 10, 12, 15]), pick.choice([1, 6, 9])
        packer = zlib.compressobj(level, zlib.DEFLATED, window, 9, pick.choice([0, 1, 2, 3, 4]))
        new = packer.compress(bytes(content)) + packer.flush()
        if pick.random() < 0.3:
            new = bytes([new[0] | 0x20 & 0, new[1]]) + new[2:]
        if pick.random() < 0.2:
            head = pick.choice([0x08, 0x78, 0x88, 0xF8])
            flags = pick.choice([0, 0x20, 0x80])
            flags += -(head * 256 + flags) % 31
            new = bytes([head, flags & 0xFF]) + new[2:]
    else:
        content = lzma.decompress(old)
        check = pick.choice([lzma.CHECK_CRC32, lzma.CHECK_CRC64, lzma.CHECK_NONE, lzma.CHECK_SHA256])
        filters = [{"id": lzma.FILTER_LZMA2, "dict_size": pick.choice([4096, 8192, 65536, 1 << 17, 1 << 20, 1 << 23]),
                    "lc": pick.choice([0, 3]), "pb": pick.choice([0, 2])}]
        if pick.random() < 0.4:
            kind = pick.choice([lzma.FILTER_X86, lzma.FILTER_ARM, lzma.FILTER_DELTA, lzma.FILTER_POWERPC])
            filters.insert(0, {"id": kind} | ({"dist": 4} if kind == lzma.FILTER_DELTA else {}))
        new = lzma.compress(content, lzma.FORMAT_XZ, check, filters=filters)
    if len(new) > length:
        return flip(data, pick)
    out = bytearray(data)
    out[at:at + len(new)] = new
    # The length in front of a block of metadata is corrected; elsewhere the rest of the old stream stays behind.
    if number(data, at - 2, 2) == length and pick.random() < 0.9:
        if length - len(new) == 0:
            return bytes(out)
    return bytes(out)


# --- the run


def tree(folder):
    """Everything a file system can hold, in few entries."""
    pick = random.Random(1)
    (folder / "etc").mkdir(parents=True)
    (folder / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    (folder / "etc/shadow").write_text("root:*:1::::::\n")
    (folder / "bin").mkdir()
    (folder / "bin/tool").write_bytes(b"".join(b"%d line of a tool\n" % pick.randrange(99) for _ in range(900)))
    os.link(folder / "bin/tool", folder / "bin/alias")
    (folder / "bin/random").write_bytes(pick.randbytes(9000))
    (folder / "bin/copy").write_bytes((folder / "bin/random").read_bytes())
    with open(folder / "bin/sparse", "wb") as file:
        file.write(b"begin")
        file.seek(20000)
        file.write(b"end")
    (folder / "bin/exact").write_bytes(b"text " * 2048 + b"x" * (12288 - 10240))
    (folder / "bin/empty").touch()
    os.symlink("tool", folder / "bin/link")
    os.chmod(folder / "bin/tool", 0o4755)
    (folder / "dev").mkdir()
    os.mknod(folder / "dev/console", 0o20600, os.makedev(5, 1))
    os.mknod(folder / "dev/disk", 0o60660, os.makedev(300, 70000))
    os.mkfifo(folder / "dev/fifo")
    (folder / "many/sub/deep").mkdir(parents=True)
    (folder / "many/none").mkdir()
    for at in range(45):
        (folder / f"many/{at:02}{'long' * 58}").touch()
    (folder / "many/sub/deep/file").write_text("deep\n")
    os.chown(folder / "etc/shadow", 0, 42)
    os.chown(folder / "bin/random", 70000, 70001)
    os.setxattr(folder / "bin/tool", "user.note", b"value")
    os.setxattr(folder / "etc", "trusted.t", b"y")
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (1700000000, 1700000000), follow_symlinks=False)


OPTIONS = {
    "plain": "-noI -noX -noId -b 4K", "plain-none": "-noI -noD -noF -noX -noId -b 4K -no-exports",
    "gzip": "-comp gzip -b 4K", "xz": "-comp xz -b 8K", "lzo": "-comp lzo -b 4K", "lz4": "-comp lz4 -b 4K",
    "zstd": "-comp zstd -b 4K",
}
GENUINE = OPTIONS | {
    "xz-dict": "-comp xz -Xdict-size 8K -b 16K", "xz-bcj": "-comp xz -Xbcj x86,arm,armthumb,powerpc,sparc,ia64",
    "gzip-window": "-comp gzip -Xcompression-level 9 -Xwindow-size 8", "gzip-fixed": "-comp gzip -Xstrategy fixed,huffman_only",
    "lz4-high": "-comp lz4 -Xhc", "zstd-22": "-comp zstd -Xcompression-level 22", "lzo-1": "-comp lzo -Xalgorithm lzo1x_1",
    "no-i": "-noI", "no-d": "-noD", "no-f": "-noF", "no-x": "-noX", "no-id": "-noId", "always": "-always-use-fragments",
    "no-fragments": "-no-fragments", "no-exports": "-no-exports", "no-duplicates": "-no-duplicates", "no-xattrs": "-no-xattrs",
    "all-root": "-all-root", "tail": "-tailends", "no-sparse": "-no-sparse", "no-hardlinks": "-no-hardlinks",
    "4k": "-b 4K", "64k": "-b 64K", "1m": "-b 1M",
}
OTHER = {"ng-" + name: f"-c {name} {more}" for name, more in
         [("gzip", "-x -k"), ("xz", "-x -e"), ("lzo", ""), ("lz4", "-e -k"), ("zstd", "-b 4096 -x")]}


class Kernel:
    def __init__(self, jobs):
        self.work = uml.work_folder()
        self.jobs = jobs
        (self.work / "initrd").write_bytes(uml.lister(self.work))
        self.boots = 0

    def list(self, images):
        """What Linux lists of images by name; `None` for one that ended it."""
        names = list(images)
        batches = [names[at:at + 100] for at in range(0, len(names), 100)]
        found = {}
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for part in pool.map(lambda batch: self.batch(batch, images), batches):
                found |= part
        return found

    def batch(self, names, images):
        found = {}
        while names:
            self.boots += 1
            folder = self.work / f"h{self.boots}-{names[0]}"
            folder.mkdir()
            for name in names:
                (folder / name).write_bytes(images[name])
            (folder / "list").write_text("\n".join(names) + "\n")
            uml.boot(folder, self.work / "initrd", "squashfs", 30 + 2 * len(names))
            done = uml.read(folder / "out")
            uml.remove(folder)
            if not done:
                found[names[0]] = None
            found |= done
            names = [name for name in names if name not in found]
        return found


def same(mine, genuine):
    """Whether a policy that accepts another encoding would accept it."""
    outside = lambda line: [leaf for leaf in line["leaves"] if leaf[0].count("/") or leaf[0] not in ("squashfs:superblock",) and not leaf[0].startswith("squashfs:files")]  # noqa: E731
    return (bool(mine["normal"]) and mine["normal"] == genuine["normal"] and mine["entries"] == genuine["entries"]
            and set(mine["ambiguous"]) <= set(genuine["ambiguous"]) and mine["limits"] == 0
            and outside(mine) == outside(genuine))


def plain(listing):
    """Without the numbers of inodes, but with the sets that they make."""
    if listing is None or listing[1]:
        return None
    sets = {}
    out = {}
    for path, entry in listing[0].items():
        if isinstance(entry, int):
            out[path] = entry
        else:
            out[path] = entry._replace(ino=sets.setdefault(entry.ino, path))
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("listing")
    parser.add_argument("--mutants", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    kernel = Kernel(arguments.jobs)
    ours = uml.Ours(arguments.listing, "squashfs")
    try:
        bad = run(arguments, kernel, ours)
    finally:
        uml.remove(kernel.work)
    return 1 if bad else 0


def run(arguments, kernel, ours):
    work = kernel.work
    tree(work / "tree")
    images = {}
    for name, options in GENUINE.items():
        make(["mksquashfs", work / "tree", work / "one", "-noappend", "-quiet", "-no-progress", *options.split()], work, name, images)
    for name, options in OTHER.items():
        make(["gensquashfs", "-D", work / "tree", "-q", "-f", *options.split(), work / "one"], work, name, images)
    bad = genuine(images, kernel, ours)
    pick = random.Random(arguments.seed)
    mutants, origin = {}, {}
    for base in ("plain", "plain-none"):
        built = Image(images[base]).build()
        assert built == images[base], base
    while len(mutants) < arguments.mutants:
        base = pick.choice(["plain"] * 6 + ["plain-none"] * 3 + list(OPTIONS))
        data, what = change(images[base], base, pick)
        if data and data != images[base]:
            name = f"m{len(mutants):05}"
            mutants[name] = data
            origin[name] = (base, what)
    return bad + compare(arguments, images, mutants, origin, kernel, ours)


def make(command, work, name, images):
    (work / "one").unlink(missing_ok=True)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    images[name] = (work / "one").read_bytes()
    images[name] += b"\0" * (-len(images[name]) % 4096)


def change(data, base, pick):
    how = pick.random()
    if base.startswith("plain") and how < 0.8:
        image = Image(data)
        image.build()
        steps = [pick.choice(CHANGES) for _ in range(pick.choice([1, 1, 1, 2]))]
        try:
            for step in steps:
                step(image, pick)
            return image.build(), "+".join(step.__name__ for step in steps)
        except (struct.error, IndexError, OverflowError, ValueError):
            return None, ""
    if base in ("gzip", "xz") and how < 0.5:
        return packed_again(data, base, pick), "packed again"
    if how < 0.9:
        return flip(data, pick), "flip"
    return field(data, pick), "field"


def genuine(images, kernel, ours):
    found = kernel.list(images)
    bad = 0
    for name, line in zip(images, ask(images, kernel, ours)):
        theirs, error = found[name] or ({}, "ended")
        differences = uml.differences(theirs, line["entries"])
        ambiguous = [what for what in line["ambiguous"] if not what.startswith("files/name-folds")]
        if error or differences or ambiguous or line["limits"]:
            bad += 1
            print(f"genuine {name}: error {error}, {differences[:3]}, {ambiguous[:3]}")
    print(f"{len(images)} genuine images, {bad} with differences")
    return bad


def ask(images, kernel, ours):
    folder = kernel.work / "ours"
    folder.mkdir(exist_ok=True)
    for name, data in images.items():
        (folder / name).write_bytes(data)
    return ours.ask([folder / name for name in images])


def verify(listing, bases, folder):
    """Which mutants `verify` affirms, by name; they and what they were made of lie in the folder."""
    out = {}
    for base in sorted(set(bases.values())):
        copies = {name: folder / name for name, of in bases.items() if of == base}
        out |= uml.affirmed(listing, folder / base, copies)
    return out


def compare(arguments, images, mutants, origin, kernel, ours):
    before = dict(zip(images, ask(images, kernel, ours)))
    genuine_lists = {name: plain(found) for name, found in kernel.list({name: images[name] for name in OPTIONS}).items()}
    lists = kernel.list(mutants)
    counts, bad = collections.Counter(), []
    lines = ask(mutants, kernel, ours)
    verified = verify(arguments.listing, {name: base for name, (base, _) in origin.items()}, kernel.work / "ours")
    for (name, data), line in zip(mutants.items(), lines):
        base, what = origin[name]
        theirs = lists.get(name)
        other = plain(theirs) != genuine_lists[base]
        counts["affirmed by verify"] += verified[name]
        accepted = same(line, before[base]) or verified[name]
        counts["Linux ended" if theirs is None else "Linux does not mount" if theirs[1] else "Linux lists"] += 1
        counts["Linux lists something else"] += other
        counts["same to us"] += accepted
        counts["ambiguous to us"] += bool(line["ambiguous"])
        if other and accepted:
            bad.append(("false accept", name, base, what, theirs and theirs[1]))
        # LZMA is read as kernels with a patch read it; Linux does not mount it.
        if not line["ambiguous"] and not line["limits"] and number(data, 20, 2) != 2:
            differences = uml.differences(theirs[0], line["entries"]) if theirs and not theirs[1] else ["not mounted"]
            if differences:
                bad.append(("disagreement", name, base, what, differences[:2]))
    for kind, name, *more in bad[:60]:
        print(kind, name, *more)
        if arguments.keep:
            arguments.keep.mkdir(exist_ok=True, parents=True)
            (arguments.keep / f"{kind.split()[0]}-{name}").write_bytes(mutants[name])
    kinds = collections.Counter(kind for kind, *_ in bad)
    print(f"{len(mutants)} changed images: {dict(counts)}; false accepts {kinds['false accept']}, disagreements {kinds['disagreement']}")
    return len(bad)


if __name__ == "__main__":
    sys.exit(main())
