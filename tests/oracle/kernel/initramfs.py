#!/usr/bin/env python3
"""Compares what we list of initial file systems (cpio) with what Linux 6.1 unpacks: genuine ones, and changed ones.

    cargo build --release -p kiwame-verifier --example listing --example affirms
    tests/oracle/kernel/initramfs.py [--mutants N] [--seed S] [--keep FOLDER] LISTING

As squashfs.py, with one boot of user-mode Linux for each archive: the archive lies behind one that holds the lister. `/dev`,
`/dev/console` and `/root` are there before; they are compared where the archive has them.

Needs root (devices), user-mode-linux, cpio, busybox, gcc, libc6-dev (Debian).
"""

import argparse
import collections
import concurrent.futures
import gzip
import os
import pathlib
import random
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import squashfs  # noqa: E402
import uml  # noqa: E402

FIELDS = "ino mode uid gid nlink mtime size maj min rmaj rmin namesize sum".split()
BUILT_IN = {b"/dev", b"/dev/console", b"/root"}


class Record:
    """One entry; sizes are those of name and data unless they are stated."""

    def __init__(self, magic, values, name, data):
        self.magic, self.values, self.name, self.data = magic, values, name, data
        self.stated, self.padding, self.digits = {}, b"\0\0\0", None

    def copy(self):
        new = Record(self.magic, dict(self.values), self.name, self.data)
        new.stated, new.padding, new.digits = dict(self.stated), self.padding, self.digits
        return new

    def write(self):
        values = self.values | {"size": len(self.data), "namesize": len(self.name)} | self.stated
        text = self.magic + b"".join(b"%08X" % (values[field] & 0xFFFFFFFF) for field in FIELDS)
        if self.digits:
            at, value = self.digits
            text = text[:at] + value + text[at + len(value):]
        text += self.name
        text += self.padding[:-len(text) % 4]
        return text + self.data + self.padding[:-len(self.data) % 4]


def read(data):
    records, at = [], 0
    while True:
        values = {field: int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i, field in enumerate(FIELDS)}
        name = at + 110
        start = name + values["namesize"] + 3 & ~3
        end = start + values["size"] + 3 & ~3
        record = Record(data[at:at + 6], values, data[name:name + values["namesize"]], data[start:start + values["size"]])
        records.append(record)
        at = end
        if record.name == b"TRAILER!!!\0":
            return records


def write(records, pad=512):
    text = b"".join(record.write() for record in records)
    return text + b"\0" * (-len(text) % pad)


# --- changes


def some(records, pick):
    return pick.choice(records[:-1]) if len(records) > 1 else records[0]


def drop(records, pick):
    records.remove(pick.choice(records))


def double(records, pick):
    new = some(records, pick).copy()
    if pick.random() < 0.5:
        new.data = new.data[::-1]
    records.insert(pick.randrange(len(records)), new)


def swap(records, pick):
    a, b = pick.randrange(len(records)), pick.randrange(len(records))
    records[a], records[b] = records[b], records[a]


def move(records, pick):
    records.insert(pick.randrange(len(records)), records.pop(pick.randrange(len(records))))


def rename(records, pick):
    record = some(records, pick)
    name = record.name[:-1]
    other = some(records, pick).name[:-1]
    record.name = pick.choice([
        name + b"/\0", name + b"\0\0", name + b"\0x\0", b"/" + name + b"\0", b"./" + name + b"\0", b"//" + name + b"\0",
        b"../" + name + b"\0", name.replace(b"/", b"//") + b"\0", name.replace(b"/", b"/./") + b"\0", name, b"\0", b"",
        other + b"\0", other + b"/" + name + b"\0", name + b"x\0", b"a" * 256 + b"\0", b"./" * 2040 + name + b"\0",
        b"x" * 4096 + b"\0", b".\0", b"/\0", b"..\0", name + b"\0" * 600, b"TRAILER!!!\0", b"etc/../" + name + b"\0", name + b"/.\0",
        b"new/" + name + b"\0"])


def change(records, pick):
    record, field = pick.choice(records), pick.choice(FIELDS[:6] + FIELDS[7:11] + ["sum", "mode", "nlink", "ino"])
    old = record.values[field]
    same = [other.values[field] for other in records]
    record.values[field] = pick.choice([pick.choice(same), 0, 1, 2, old + 1, old ^ 1 << pick.randrange(32), old | 0x10000, old + 0x100, 0xFFFFFFFF])


def change_mode(records, pick):
    record = some(records, pick)
    kind = pick.choice([0, 0o010000, 0o020000, 0o040000, 0o060000, 0o100000, 0o120000, 0o140000, 0o170000])
    record.values["mode"] = record.values["mode"] & 0o7777 | kind


def change_size(records, pick):
    record, field = pick.choice(records), pick.choice(["size", "namesize"])
    size = {"size": len(record.data), "namesize": len(record.name)}[field]
    record.stated[field] = pick.choice([0, 1, size + 1, max(0, size - 1), size + 4, size + 110, 4096, 4097, 0xFFFFFFFF, 0x7FFFFFFF])


def change_data(records, pick):
    record = some(records, pick)
    record.data = pick.choice([b"", b"x", record.data + b"\0", record.data + b"more", record.data[:1] + b"\0" + record.data[1:],
                               b"y" * 4095, b"y" * 4096, b"y" * 4097, some(records, pick).data])


def change_digits(records, pick):
    record = pick.choice(records)
    at = 6 + 8 * pick.randrange(13)
    old = record.write()[at:at + 8]
    record.digits = pick.choice([
        (at, old.lower()), (at, b"0x" + old[2:]), (at, b" " + old[1:]), (at, b"+" + old[1:]), (at, b"-" + old[1:]),
        (at, old[:7] + b"G"), (at, old[:4] + b"\0" + old[5:]), (at + pick.randrange(8), bytes([pick.randrange(256)])),
        (0, pick.choice([b"070707", b"070702", b"070701", b"070703", b"\xc7\x71"]))])


def change_padding(records, pick):
    pick.choice(records).padding = pick.choice([b"\1\0\0", b"\0\0\x90", b"070"])


def checked(records, pick):
    for record in records if pick.random() < 0.5 else [pick.choice(records)]:
        record.magic = b"070702"
        if pick.random() < 0.9:
            record.values["sum"] = sum(record.data) & 0xFFFFFFFF


def link(records, pick):
    a, b = some(records, pick), some(records, pick)
    for field in ("ino", "maj", "min"):
        b.values[field] = a.values[field]
    a.values["nlink"] = b.values["nlink"] = 2
    how = pick.random()
    if how < 0.3:
        b.values["maj"] += pick.choice([1, 0x100, 0x10000])
    elif how < 0.5:
        b.data = b""
    elif how < 0.7:
        a.data, b.data = b.data, a.data
    elif how < 0.9:
        b.values["mode"], b.values["uid"], b.data = a.values["mode"], a.values["uid"], b""


def shift_data(records, pick):
    """The data of names of one inode come with another of them."""
    linked = [record for record in records if record.values["nlink"] > 1 and record.values["mode"] >> 12 == 8]
    if len(linked) < 2:
        return drop(records, pick)
    a, b = pick.sample(linked, 2)
    a.data, b.data = b.data, a.data


def end(records, pick):
    trailer = records[-1].copy()
    if pick.random() < 0.5:
        change([trailer], pick)
    records.insert(pick.randrange(len(records)), trailer)


CHANGES = [drop, double, swap, move, rename, rename, rename, change, change, change, change_mode, change_size, change_data,
           change_digits, change_padding, checked, link, link, shift_data, end]


def bytes_changed(data, pick):
    data = bytearray(data)
    how = pick.randrange(5)
    at = pick.randrange(len(data))
    if how == 0:
        data[at] ^= 1 << pick.randrange(8)
    elif how == 1:
        del data[at:]
    elif how == 2:
        del data[at:at + pick.choice([1, 2, 4, 16])]
    elif how == 3:
        data[at:at] = bytes(pick.choice([1, 2, 4, 512]))
    else:
        tail = pick.choice([b"junk", bytes(data[:at]), bytes(data), b"\0\0" + bytes(data), gzip.compress(bytes(data[:at]), mtime=0)])
        data += tail
    return bytes(data)


# --- the run


def archives(work):
    squashfs.tree(work / "tree")
    tree = work / "tree"
    for at in range(5, 45):
        (tree / f"many/{at:02}{'long' * 58}").unlink()
    (tree / "root").mkdir()
    (tree / "lib").symlink_to("bin")
    made = {}
    for name, command in {
        "gnu": "find . | sort | cpio -o -H newc --quiet", "crc": "find . | sort | cpio -o -H crc --quiet",
        "reproducible": "find * | sort | cpio -o -H newc --quiet --reproducible -R 0:0",
        "busybox": "find . | sort | busybox cpio -o -H newc",
    }.items():
        made[name] = subprocess.run(command, shell=True, cwd=tree, check=True, capture_output=True).stdout
    records = read(made["gnu"])
    for record in records:
        if record.values["mode"] >> 12 == 10:
            record.data += b"\0"
        record.name = record.name.removeprefix(b"./")
    # As the kernel's own gen_init_cpio and dracut write them.
    made["kernel"] = write(records)
    for record in records:
        record.name += b"\0" * (-(110 + len(record.name)) % 512 if len(record.data) > 8192 else 0)
    made["aligned"] = write(records)
    made["two"] = write([records[0], records[-1]]) + made["gnu"]
    made["early"] = made["reproducible"] + b"\0" * 1024 + made["kernel"]
    return made


class Kernel:
    def __init__(self, jobs):
        self.work, self.jobs = uml.work_folder(), jobs
        self.lister = uml.lister(self.work, modules=False)

    def list(self, images):
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            return dict(zip(images, pool.map(self.one, images.items())))

    def one(self, image):
        name, data = image
        folder = self.work / f"h-{name}"
        folder.mkdir()
        (folder / "initrd").write_bytes(self.lister + data)
        uml.boot(folder, folder / "initrd", "initramfs", 60)
        found = uml.read(folder / "out").get("initramfs")
        uml.remove(folder)
        return found


def unpacked(found, ours):
    """Without what is there before and in no archive."""
    entries = {path: entry for path, entry in found[0].items() if path not in BUILT_IN or path.decode() in ours or path.decode() + "/" in ours}
    if b"/" in entries:
        entries[b"/"] = entries[b"/"]._replace(mtime=int(ours["/"]["modified"], 0)) if "/" in ours else entries[b"/"]
    return entries


def plain(found):
    sets, out = {}, {}
    for path, entry in found[0].items():
        if isinstance(entry, int):
            out[path] = entry
        else:
            entry = entry._replace(ino=sets.setdefault(entry.ino, path), size=0 if entry.type == "dir" else entry.size)
            # The root changes when the lister is unpacked.
            out[path] = entry._replace(mtime=0) if path in BUILT_IN | {b"/"} else entry
    return out


def same(mine, before):
    outside = lambda line: [leaf for leaf in line["leaves"] if leaf[0] != "cpio:files"]  # noqa: E731
    return (bool(mine["normal"]) and mine["normal"] == before["normal"] and mine["entries"] == before["entries"]
            and set(mine["ambiguous"]) <= set(before["ambiguous"]) and mine["limits"] == 0 and outside(mine) == outside(before))


def ask(images, kernel, ours):
    folder = kernel.work / "ours"
    folder.mkdir(exist_ok=True)
    for name, data in images.items():
        (folder / name).write_bytes(data)
    return dict(zip(images, ours.ask([folder / name for name in images])))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("listing")
    parser.add_argument("--mutants", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=pathlib.Path)
    arguments = parser.parse_args()
    kernel = Kernel(arguments.jobs)
    try:
        return 1 if run(arguments, kernel, uml.Ours(arguments.listing, "cpio")) else 0
    finally:
        uml.remove(kernel.work)


def run(arguments, kernel, ours):
    images = archives(kernel.work)
    lists, lines = kernel.list(images), ask(images, kernel, ours)
    bad = 0
    for name, found in lists.items():
        line = lines[name]
        differences = uml.differences(unpacked(found, line["entries"]), line["entries"]) if found else ["ended"]
        ambiguous = [what for what in line["ambiguous"] if not what.startswith("files/name-folds")]
        if differences or ambiguous or line["limits"]:
            bad += 1
            print(f"genuine {name}: {differences[:3]}, {ambiguous[:3]}")
    print(f"{len(images)} genuine archives, {bad} with differences")
    pick, mutants, origin = random.Random(arguments.seed), {}, {}
    while len(mutants) < arguments.mutants:
        base = pick.choice(["gnu"] * 4 + ["crc", "reproducible", "kernel"])
        if pick.random() < 0.12:
            data, what = bytes_changed(images[base], pick), "bytes"
        else:
            records = read(images[base])
            steps = [pick.choice(CHANGES) for _ in range(pick.choice([1, 1, 1, 2]))]
            for step in steps:
                step(records, pick)
            data, what = write(records), "+".join(step.__name__ for step in steps)
        if data != images[base]:
            name = f"m{len(mutants):05}"
            mutants[name], origin[name] = data, (base, what)
    return bad + compare(arguments, lists, lines, mutants, origin, kernel, ours)


def compare(arguments, before, lines, mutants, origin, kernel, ours):
    lists, counts, bad = kernel.list(mutants), collections.Counter(), []
    asked = ask(mutants, kernel, ours)
    bases = {name: base for name, (base, _) in origin.items()}
    verified = squashfs.verify(arguments.listing, bases, kernel.work / "ours")
    for name, line in asked.items():
        (base, what), found = origin[name], lists[name]
        other = found is None or plain(found) != plain(before[base])
        counts["affirmed by verify"] += verified[name]
        accepted = same(line, lines[base]) or verified[name]
        counts["Linux ended"] += found is None
        counts["Linux lists something else"] += other
        counts["same to us"] += accepted
        counts["ambiguous to us"] += bool(line["ambiguous"])
        if other and accepted:
            bad.append(("false accept", name, base, what))
        if not line["ambiguous"] and not line["limits"]:
            differences = uml.differences(unpacked(found, line["entries"]), line["entries"]) if found else ["ended"]
            if differences:
                bad.append(("disagreement", name, base, what, differences[:2]))
    for kind, name, *more in bad[:60]:
        print(kind, name, *more)
        if arguments.keep:
            arguments.keep.mkdir(exist_ok=True, parents=True)
            (arguments.keep / f"{kind.split()[0]}-{name}").write_bytes(mutants[name])
    kinds = collections.Counter(kind for kind, *_ in bad)
    print(f"{len(mutants)} changed archives: {dict(counts)}; false accepts {kinds['false accept']}, disagreements {kinds['disagreement']}")
    return len(bad)


if __name__ == "__main__":
    sys.exit(main())
