#!/usr/bin/env python3
"""Compares what we list of JFFS2 images with what Linux lists, genuine ones and changed ones.

    cargo build --release -p kiwame-xtask --example items && cargo build --release -p kiwame-verifier --example affirms
    tests/oracle/kernel/jffs2.py [--mutants N] [--seed N] [--corpus FOLDER] [--keep FOLDER] ITEMS

ITEMS is the example `items` of crates/formats, or a program beside it; `affirms` lies there too. Genuine images are made by mkfs.jffs2 and sumtool with many options, and
written by Linux itself in the guest: files rewritten, renamed, deleted, cut off, with attributes, links and devices, and
cut off from power. Of those no defect may be ambiguous, and both lists must be the same. Then they are changed, by a
reader of nodes of its own that repairs checksums or not: fields, records inserted, removed, doubled, moved, cut, joined.

    false accept   Linux lists something else, and our list, facts, contents and defects are those of the genuine image, or
                   `verify` affirms it as a part that the device writes or that may be packed anew
    disagreement   no defect is ambiguous, and we list something else than Linux

Either is an error. Needs root (owners, devices), mtd-utils, and what guest.py needs. Standard library only.
"""

import argparse
import collections
import functools
import hashlib
import json
import os
import pathlib
import random
import stat
import struct
import subprocess
import sys
import tempfile
import urllib.parse
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import guest  # noqa: E402
import uml  # noqa: E402

# ---- nodes, as include/uapi/linux/jffs2.h describes them

FORMS = {
    0xE001: ("dirent", 40, [("pino", 12, 4), ("version", 16, 4), ("ino", 20, 4), ("mctime", 24, 4), ("nsize", 28, 1),
                            ("type", 29, 1), ("unused", 30, 2), ("node_crc", 32, 4), ("name_crc", 36, 4)]),
    0xE002: ("inode", 68, [("ino", 12, 4), ("version", 16, 4), ("mode", 20, 4), ("uid", 24, 2), ("gid", 26, 2),
                           ("isize", 28, 4), ("atime", 32, 4), ("mtime", 36, 4), ("ctime", 40, 4), ("offset", 44, 4),
                           ("csize", 48, 4), ("dsize", 52, 4), ("compr", 56, 1), ("usercompr", 57, 1), ("flags", 58, 2),
                           ("data_crc", 60, 4), ("node_crc", 64, 4)]),
    0xE008: ("xattr", 32, [("xid", 12, 4), ("version", 16, 4), ("xprefix", 20, 1), ("name_len", 21, 1),
                           ("value_len", 22, 2), ("data_crc", 24, 4), ("node_crc", 28, 4)]),
    0xE009: ("xref", 28, [("ino", 12, 4), ("xid", 16, 4), ("xseqno", 20, 4), ("node_crc", 24, 4)]),
    0x2006: ("summary", 32, [("sum_num", 12, 4), ("cln_mkr", 16, 4), ("padded", 20, 4), ("sum_crc", 24, 4),
                             ("node_crc", 28, 4)]),
}
HEAD = [("magic", 0, 2), ("nodetype", 2, 2), ("totlen", 4, 4), ("hdr_crc", 8, 4)]


def crc(data):
    return zlib.crc32(data, 0xFFFFFFFF) ^ 0xFFFFFFFF


class Node:
    """The bytes of a node, filled up to four, and its fields."""

    def __init__(self, data, big):
        self.data, self.big = bytearray(data), big

    def order(self):
        return "big" if self.big else "little"

    def kind(self):
        return int.from_bytes(self.data[2:4], self.order()) | 0x2000

    def fields(self):
        return HEAD + FORMS.get(self.kind(), ("", 12, []))[2]

    def get(self, name):
        _, at, size = next(field for field in self.fields() if field[0] == name)
        return int.from_bytes(self.data[at:at + size], self.order())

    def set(self, name, value):
        _, at, size = next(field for field in self.fields() if field[0] == name)
        self.data[at:at + size] = (value % (1 << 8 * size)).to_bytes(size, self.order())

    def repair(self):
        """Makes every checksum right that the fields still allow."""
        head = Node(self.data[:12], self.big)
        head.set("nodetype", head.get("nodetype") | 0x2000)
        self.set("hdr_crc", crc(head.data[:8]))
        kind = self.kind()
        if len(self.data) < FORMS.get(kind, ("", 12, []))[1]:
            return self
        clean = bytearray(self.data)
        clean[2:4] = head.data[2:4]
        if kind == 0xE001:
            self.set("name_crc", crc(self.data[40:40 + self.get("nsize")]))
            self.set("node_crc", crc(self.data[:32]))
        elif kind == 0xE002:
            self.set("data_crc", crc(self.data[68:68 + self.get("csize")]))
            self.set("node_crc", crc(self.data[:60]))
        elif kind == 0xE008:
            size = self.get("name_len") + 1 + self.get("value_len")
            self.set("data_crc", crc(self.data[32:32 + size]))
            self.set("node_crc", crc(self.data[:28]))
        elif kind == 0xE009:
            self.set("node_crc", crc(self.data[:24]))
        elif kind == 0x2006:
            self.set("sum_crc", crc(self.data[32:self.get("totlen")]))
            self.set("node_crc", crc(self.data[:24]))
        return self

    def copy(self):
        return Node(self.data, self.big)


@functools.lru_cache(maxsize=256)
def nodes_of(data, big=False):
    """(offset, node) of every node, found word by word."""
    at, found = 0, []
    order = "big" if big else "little"
    magic = (0x1985).to_bytes(2, order)
    while (at := data.find(magic, at)) >= 0 and at + 12 <= len(data):
        if at % 4:
            at += 1
            continue
        head = data[at:at + 12]
        if int.from_bytes(head[:2], order) == 0x1985:
            node = Node(head, big)
            good = node.copy()
            good.set("nodetype", good.get("nodetype") | 0x2000)
            size = node.get("totlen")
            if crc(good.data[:8]) == node.get("hdr_crc") and 12 <= size <= len(data) - at:
                size += -size % 4
                found.append((at, Node(data[at:at + size], big)))
                at += size
                continue
        at += 4
    return found


# ---- what we list

def ours(items, images):
    """By image: entries by path, a fingerprint of all that is compared, ids of ambiguous defects, limits."""
    lists = {}
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        for start in range(0, len(images), 200):
            command = [items]
            for image in images[start:start + 200]:
                (folder / image.name).write_bytes(image.data.ljust(image.size, b"\xff"))
                command += ["--erase-block", str(image.erase), folder / image.name]
            out = subprocess.run(command, check=True, capture_output=True).stdout
            for line in out.splitlines():
                item = json.loads(line)
                if "image" in item:
                    name = pathlib.Path(item["image"]).name
                    lists[name] = []
                else:
                    lists[name].append(item)
            for image in images[start:start + 200]:
                (folder / image.name).unlink()
    return {image.name: Ours(lists[image.name], image) for image in images}


class Ours:
    LISTED = {"file", "symbolic-link", "block-device", "character-device", "whiteout", "fifo", "socket"}

    def __init__(self, lines, image):
        self.ambiguous = sorted(line["defect"] for line in lines if line.get("ambiguous"))
        self.limits = [line for line in lines if "limit" in line]
        regions = [line for line in lines if "kind" in line]
        self.facts = next((r["facts"] for r in reversed(regions) if r["kind"] == "jffs2-nodes" and r["facts"]), {})
        self.normal = next((r["normal"] for r in regions if "normal" in r), None)
        self.recognised = any(region["path"] == "partition:part/jffs2:files" for region in regions)
        self.unknown = [r["length"] for r in regions if r["leaf"] and r["kind"] in ("jffs2-unread", "jffs2-free")
                        and r["content"] == "Unknown"]
        inside = [r for r in regions if "/decoded:content/" in r["path"] or r["path"].endswith("/entry:rest")]
        self.entries, self.leaves, self.rest = {}, collections.defaultdict(list), []
        for region in inside:
            path = region["path"].split("/jffs2:files/decoded:content", 1)[-1]
            name, _, behind = path.partition("/decoded:content")
            words = [urllib.parse.unquote_to_bytes(part.partition(":")[2]) for part in name.split("/")[1:]]
            if name.endswith("/entry:rest"):
                self.rest.append((behind, region.get("sha256")))
            elif behind or path.endswith("/decoded:content"):
                if region["leaf"] and region["length"]:
                    self.leaves[b"/" + b"/".join(words)].append((region["offset"], region["length"], region.get("sha256")))
            elif name.endswith("/entry:self"):
                self.entries[b"/" + b"/".join(words[:-1]) if len(words) > 1 else b""] = region
            elif region["kind"] in self.LISTED:
                self.entries[b"/" + b"/".join(words)] = region

    def fingerprint(self, strict=True):
        """All that appraisal compares. Without `strict`, without what a device may write under a rule."""
        entries = sorted((path, entry["kind"], sorted(entry["facts"].items())) for path, entry in self.entries.items())
        leaves = sorted((path, leaves) for path, leaves in self.leaves.items())
        more = (self.rest, self.normal, self.unknown) if strict else ()
        return repr((entries, leaves, sorted(self.facts.items()), self.ambiguous, self.limits, more))


def value_of(entry, theirs):
    """One entry of ours in the kernel's terms, where it can be told."""
    facts = entry["facts"]
    kinds = {"file": stat.S_IFREG, "directory": stat.S_IFDIR, "symbolic-link": stat.S_IFLNK, "fifo": stat.S_IFIFO,
             "block-device": stat.S_IFBLK, "character-device": stat.S_IFCHR, "whiteout": stat.S_IFCHR,
             "socket": stat.S_IFSOCK}
    return {
        "mode": kinds[entry["kind"]] | int(facts["mode"], 8), "uid": int(facts["uid"], 0), "gid": int(facts["gid"], 0),
        "mtime": int(facts["modified"], 0),
        "device": tuple(map(int, facts["device"].split(":"))) if "device" in facts else (0, 0),
        "nlink": int(facts.get("links", "1"), 0),
    }


def acl(raw):
    """A POSIX list in the form that Linux hands out, from the one that JFFS2 stores."""
    if len(raw) < 4 or raw[:4] != struct.pack("<I", 1):
        return None
    out, at = struct.pack("<I", 2), 4
    while at + 4 <= len(raw):
        tag, perm = struct.unpack_from("<HH", raw, at)
        at += 4
        who = 0xFFFFFFFF
        if tag in (2, 8):
            if at + 4 > len(raw):
                return None
            who, = struct.unpack_from("<I", raw, at)
            at += 4
        out += struct.pack("<HHI", tag, perm, who)
    return out if at == len(raw) else None


def xattrs_of(shown):
    """Our words for attributes as pairs, or None where a value was shortened."""
    pairs = set()
    for word in [] if shown == "none" else shown.split(" "):
        name, _, value = word.partition("=")
        name = urllib.parse.unquote_to_bytes(name)
        try:
            value = bytes.fromhex(value.removeprefix("0x"))
        except ValueError:
            return None
        if name.startswith(b"system.posix_acl"):
            value = acl(value)
        pairs.add((name, value))
    return pairs


def compare(our, linux):
    """What differs between the two lists, in words."""
    if linux.error:
        return [f"Linux: {linux.error}"]
    wrong = []
    for path in sorted(our.entries.keys() ^ linux.entries.keys()):
        wrong.append(f"{path!r} only {'ours' if path in our.entries else 'Linux'}")
    for path in our.entries.keys() & linux.entries.keys():
        theirs, entry = linux.entries[path], our.entries[path]
        if isinstance(theirs, str):
            wrong.append(f"{path!r} {theirs}")
            continue
        mine = value_of(entry, theirs)
        if stat.S_ISDIR(mine["mode"]):
            mine.pop("nlink")
            if path == b"" and not theirs.mtime:
                mine["mtime"] = 0
        if not stat.S_ISCHR(mine["mode"]) and not stat.S_ISBLK(mine["mode"]):
            mine["device"] = (0, 0)
        if entry["facts"].get("hard-link"):
            mine.pop("nlink", None)
        wrong += [f"{path!r} {key}: ours {value}, Linux {getattr(theirs, key)}" for key, value in mine.items()
                  if getattr(theirs, key) != value]
        if theirs.type != mine["mode"] >> 12 and path:
            wrong.append(f"{path!r} readdir says {theirs.type}")
        if entry["kind"] == "symbolic-link":
            target = guest.unhex(theirs.target) if not theirs.target.startswith("e") else None
            if entry["facts"]["target"] not in (target and target.decode("utf-8", "replace"), target and target.hex()):
                wrong.append(f"{path!r} target: ours {entry['facts']['target']}, Linux {theirs.target}")
        if theirs.xattrs.startswith("e"):
            wrong.append(f"{path!r} attributes: Linux {theirs.xattrs}")
        else:
            words = [word.split("=") for word in theirs.xattrs.split(",")] if theirs.xattrs != "-" else []
            seen = {(guest.unhex(n), None if v.startswith("e") else guest.unhex(v)) for n, v in words}
            mine = xattrs_of(entry["facts"]["xattrs"])
            # Linux reads it and hands out no capability of a form that it does not know.
            unknown = {name for name, value in seen if value is None and name == b"security.capability"}
            if mine is not None:
                mine = {(name, None if name in unknown else value) for name, value in mine}
            if mine is not None and mine != seen:
                wrong.append(f"{path!r} attributes: ours {mine}, Linux {seen}")
        if entry["kind"] == "file" and not entry["facts"].get("hard-link"):
            wrong += content(path, our.leaves.get(path, []), theirs)
    return wrong


def content(path, leaves, theirs):
    size = sum(length for _, length, _ in leaves)
    if size != theirs.size:
        return [f"{path!r} size: ours {size}, Linux {theirs.size}"]
    kind, said = theirs.content[0], theirs.content[1:]
    if kind == "h":
        data = guest.unhex(said)
        good = all(hashlib.sha256(data[at:at + length]).hexdigest() == sha for at, length, sha in leaves)
    elif kind == "s":
        good = [sha for _, _, sha in leaves] == [said] or len(leaves) > 1
    else:
        good = False
    return [] if good else [f"{path!r} content: Linux {theirs.content[:40]}"]


# ---- genuine images

def tree(folder, seed):
    """Files with everything that JFFS2 can hold."""
    chance = random.Random(seed)
    def file(path, data, mode=0o644, owner=(0, 0)):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        os.chown(target, *owner)
        target.chmod(mode)
    file("etc/settings", b"option hostname router\n" * 3, owner=(0, 5))
    file("etc/notes", b"".join(b"line %d\n" % n for n in range(900)))
    file("bin/tool", bytes(chance.randrange(256) for _ in range(5000)) + bytes(9000), 0o4755, (1000, 100))
    file("bin/empty", b"")
    file("var/zeros", bytes(20000))
    file("var/one", b"x")
    (folder / "etc/link").symlink_to("settings")
    (folder / "etc/long").symlink_to("/" + "a/" * 100 + "b")
    os.link(folder / "etc/notes", folder / "var/same")
    os.mknod(folder / "var/tty", 0o20620, os.makedev(4, 65))
    os.mknod(folder / "var/disk", 0o60600, os.makedev(259, 70000))
    os.mkfifo(folder / "var/pipe", 0o600)
    for number in range(6):
        file(f"many/{chance.randrange(10 ** chance.randrange(1, 60))}", bytes(chance.randrange(3) for _ in range(300)))
    (folder / "void").mkdir(mode=0o700)
    for path in sorted(folder.rglob("*")):
        os.utime(path, (1700000000 + seed, 1700000000 + len(str(path))), follow_symlinks=False)


def attributes(folder):
    """Attributes, where the folder can hold them."""
    for path, name, value in [("bin/tool", "security.capability", bytes.fromhex("0100000200200000" + "00" * 12)),
                              ("etc/settings", "user.note", b"some words"), ("etc/notes", "trusted.x", bytes(40)),
                              ("etc", "user.note", b"some words"), ("bin/empty", "user.none", b"")]:
        os.setxattr(folder / path, name, value)


# In the words of busybox; a power cut where the first sign is !.
SCRIPTS = {
    "rewrite": "echo new > etc/settings; echo more >> etc/notes; cat bin/tool > etc/copy",
    "uci": "cp etc/settings etc/.settings.uci-Ab12Cd; echo x >> etc/.settings.uci-Ab12Cd; mv etc/.settings.uci-Ab12Cd etc/settings",
    "delete": "rm bin/tool etc/link var/tty; rm -r many; echo x > tmpfile; rm tmpfile",
    "cutoff": "truncate -s 100 etc/notes; truncate -s 9000 etc/notes; echo end >> etc/notes; truncate -s 0 var/zeros; truncate -s 30000 var/one",
    "links": "ln etc/settings etc/hard; ln -s settings etc/soft; ln -s /abc/def x; chown -h 5:6 etc/link; mknod n c 1 3; mknod b b 259 70000; mkfifo p; mkdir -p d/e/f; mv d/e d/g; chmod 2755 d",
    "attrs": "attr etc/settings user.a 6162; attr etc/settings user.a 6364; attr etc user.b 00ff; attr bin/tool security.capability 0100000200200000000000000000000000000000; attr etc/notes user.c 01; unattr etc/notes user.c; cp etc/settings y; attr y user.a 6364; rm y; attr bin/empty trusted.t ''",
    "log": "for i in $(seq 150); do echo line $i with some words >> var/log; done; for i in $(seq 20); do cp etc/notes var/n; done",
    "rename": "mkdir q; for i in 1 2 3; do echo $i > q/a; mv q/a q/b; mv etc/settings q/a; mv q/a etc/settings; done; mv etc/notes bin/notes; mv bin/notes etc/notes",
    "pokes": "dd if=bin/tool of=var/one bs=1 count=700 seek=3000 conv=notrunc; dd if=bin/tool of=etc/notes bs=1 count=10 seek=5 conv=notrunc; dd if=bin/tool of=etc/notes bs=100 count=2 seek=41 conv=notrunc; sync",
    "mounted": "sleep 4",
    "cut": "!echo new > etc/settings; sync; rm var/one; mkdir z; echo a > z/a; mv z/a z/b",
    "cut-attrs": "!attr etc/settings user.a 6162; cp bin/tool z; attr z user.a 6162",
}
ERASE = [8, 16, 64, 128, 256]


def genuine(folder):
    """Images that mkfs.jffs2 and sumtool make, and of each of some of them what Linux makes of it."""
    images = []
    def make(name, source, erase, options, blocks=None, summary=None):
        size = max(blocks or 8, 6) * erase * 1024
        target = folder / f"{name}.img"
        command = ["mkfs.jffs2", "-r", source, "-e", f"{erase}KiB", "-o", target, "-l", *options]
        subprocess.run(command, check=True, capture_output=True)
        if summary is not None:
            subprocess.run(["sumtool", "-i", target, "-o", f"{target}.sum", "-e", f"{erase}KiB", "-l", *summary],
                           check=True, capture_output=True)
            target = pathlib.Path(f"{target}.sum")
        data = target.read_bytes()
        size = max(size, (len(data) // (erase * 1024) + 3) * erase * 1024)
        images.append(guest.Image(name, data.ljust(size, b"\xff"), erase * 1024, size))
    plain, more = folder / "plain", folder / "more"
    plain.mkdir()
    tree(plain, 1)
    more.mkdir()
    tree(more, 2)
    attributes(more)
    for erase in ERASE:
        make(f"plain{erase}", plain, erase, [])
        make(f"pad{erase}", plain, erase, ["-p", "-q"])
        make(f"bare{erase}", plain, erase, ["-n"])
        make(f"attr{erase}", more, erase, ["--with-xattr"])
        make(f"sum{erase}", plain, erase, [], summary=[])
        make(f"sumattr{erase}", more, erase, ["--with-xattr"], summary=["-p"])
        make(f"sumbare{erase}", plain, erase, ["-n"], summary=["-n"])
    for number, words in enumerate([["-x", "zlib"], ["-x", "rtime"], ["-x", "zlib", "-x", "rtime"], ["-X", "lzo"], ["-m", "none"],
                                    ["-m", "size", "-X", "lzo"], ["-U"], ["-P"], ["-f"], ["-s", "1024"], ["-s", "16384"]]):
        make(f"option{number}", plain, 32, words)
    return images


def written(images):
    """What Linux makes of some of them."""
    tasks = []
    for image in images:
        # Without clean markers, on a medium that has them, Linux crashes when it reads its own summaries (BUG in
        # sum_link_node_ref): not among these.
        if image.name in ("plain16", "attr16", "sum64", "sumattr64", "attr64"):
            for name, script in SCRIPTS.items():
                size = image.size + 8 * image.erase
                tasks.append(guest.Image(f"{image.name}-{name}", image.data, image.erase, size, script))
    made = []
    for task in tasks:
        made.append(task)
    lists = guest.run(made, batch=40)
    out = []
    for task in tasks:
        listing = lists[task.name]
        if listing.error or not listing.dump:
            print(f"{task.name}: {listing.error}")
            continue
        out.append(guest.Image(task.name, listing.dump, task.erase, task.size))
    return out


# ---- changed images

def interesting(chance, size):
    return chance.choice([0, 1, 2, 3, 4, 8, 12, 0x7F, 0x80, 0xFF, 0xFFFF, 0xFFFFFFFF, chance.randrange(1 << 8 * size),
                          1 << chance.randrange(8 * size)])


class Mutator:
    def __init__(self, image, chance):
        self.image, self.chance = image, chance
        self.data = bytearray(image.data)
        self.nodes = nodes_of(image.data)
        self.real = [at for at, node in self.nodes if node.kind() in FORMS]
        self.by = dict(self.nodes)

    def pick(self, *kinds):
        chosen = [at for at in self.real if not kinds or self.by[at].kind() in kinds]
        return self.chance.choice(chosen or self.real)

    def write(self, at, node):
        self.data[at:at + len(node.data)] = node.data
        del self.data[self.image.size:]

    def field(self):
        at = self.pick()
        node = self.by[at].copy()
        for _ in range(self.chance.choice([1, 1, 1, 2])):
            name, _, size = self.chance.choice(node.fields())
            old = node.get(name)
            value = self.chance.choice([interesting(self.chance, size), old + 1, old - 1, old ^ 1 << self.chance.randrange(8 * size)])
            node.set(name, value)
        if self.chance.random() < 0.85:
            node.repair()
        self.write(at, node)
        return f"field {name} of {node.kind():04x} at {at:#x}"

    def payload(self):
        at = self.pick(0xE001, 0xE002, 0xE008, 0x2006)
        node = self.by[at].copy()
        head = FORMS[node.kind()][1]
        if len(node.data) > head:
            place = self.chance.randrange(head, len(node.data))
            node.data[place] = self.chance.choice([0, 0xFF, ord("/"), ord("."), node.data[place] ^ 1 << self.chance.randrange(8)])
        if self.chance.random() < 0.85:
            node.repair()
        self.write(at, node)
        return f"payload of {node.kind():04x} at {at:#x}"

    def free(self, block=None):
        """Where free space begins in a block that has some."""
        erase = self.image.erase
        found = []
        for start in range(0, self.image.size, erase):
            inside = [(at, node) for at, node in self.nodes if start <= at < start + erase]
            end = max([at + len(node.data) for at, node in inside] or [start])
            if start + erase - end > 200:
                found.append(end)
        return self.chance.choice(found or [0])

    def new(self):
        """A node that says something new of something that is there."""
        chance = self.chance
        node = self.by[self.pick(0xE001, 0xE002, 0xE002, 0xE008, 0xE009)].copy()
        kind = node.kind()
        if kind == 0xE009:
            node.set("xseqno", node.get("xseqno") + chance.choice([0, 1, 2, 3]))
            node.set("xid", node.get("xid") + chance.choice([0, 0, 1]))
        else:
            node.set("version", node.get("version") + chance.choice([-1, 0, 1, 1, 1, 100, 1 << 31]))
        if kind == 0xE001:
            if chance.random() < 0.5:
                node.set("ino", chance.choice([0, 1, 2, 3, 7, 999]))
            if chance.random() < 0.3:
                node.set("pino", chance.choice([0, 1, 2, 3, 7, 999]))
            if chance.random() < 0.4 and len(node.data) > 41:
                node.data[40] = chance.choice(b"abc/.\0")
        elif kind == 0xE002:
            what = chance.choice(["mode", "data", "isize", "offset", "plain", "none"])
            if what == "mode":
                node.set("mode", node.get("mode") ^ 1 << chance.randrange(16))
            elif what == "data" and node.get("csize"):
                node.data[68 + chance.randrange(node.get("csize"))] ^= 1 << chance.randrange(8)
            elif what == "isize":
                node.set("isize", chance.choice([0, 1, 100, 5000, node.get("isize") + 1]))
            elif what == "offset":
                node.set("offset", chance.choice([0, 1, 4096, node.get("isize")]))
            elif what == "plain":
                text = b"replaced " * chance.randrange(1, 30)
                node.data = node.data[:68] + text + b"\xff" * (-len(text) % 4)
                for name, value in [("totlen", 68 + len(text)), ("csize", len(text)), ("dsize", len(text)), ("compr", 0)]:
                    node.set(name, value)
                if chance.random() < 0.7:
                    node.set("offset", 0)
                    node.set("isize", len(text))
        elif kind == 0xE008 and len(node.data) > 34:
            node.data[chance.randrange(32, len(node.data))] ^= 1 << chance.randrange(8)
        return node.repair()

    def insert(self):
        at, node = self.free(), self.new()
        if self.chance.random() < 0.2:
            at += self.chance.choice([4, 8, 16, 64, 256, 1024])
        at += -at % 4
        if self.chance.random() < 0.1:
            at = (at // self.image.erase + 1) * self.image.erase - self.chance.choice([4, 12, 40, 68, 100])
        self.write(at, node)
        return f"new {node.kind():04x} at {at:#x}"

    def replace(self):
        at = self.pick()
        node = self.new()
        if len(node.data) > len(self.by[at].data):
            return self.insert()
        self.write(at, node)
        return f"new {node.kind():04x} over {at:#x}"

    def remove(self):
        at = self.pick()
        how = self.chance.choice(["erase", "zero", "obsolete", "padding", "joined"])
        node = self.by[at].copy()
        if how == "erase":
            node.data[:] = b"\xff" * len(node.data)
        elif how == "zero":
            node.data[:] = bytes(len(node.data))
        elif how == "obsolete":
            node.set("nodetype", node.get("nodetype") & ~0x2000)
        elif how == "padding":
            node.set("nodetype", 0x2004)
            node.repair()
        else:
            size = self.chance.choice([len(node.data) * 2, len(node.data) + 100, self.image.erase])
            node.set("nodetype", self.chance.choice([0x2004, node.kind()]))
            node.set("totlen", size)
            node.repair()
        self.write(at, node)
        return f"{how} {at:#x}"

    def double(self):
        at, to = self.pick(), self.free()
        self.write(to + -to % 4, self.by[at])
        return f"double {at:#x}"

    def move(self):
        one, other = self.pick(), self.pick()
        a, b = self.by[one], self.by[other]
        if len(a.data) == len(b.data):
            self.write(one, b)
            self.write(other, a)
            return f"swap {one:#x} {other:#x}"
        to = self.free()
        self.write(to + -to % 4, a)
        self.data[one:one + len(a.data)] = b"\xff" * len(a.data) if self.chance.random() < 0.5 else bytes(len(a.data))
        return f"move {one:#x}"

    def cut(self):
        at = self.pick()
        node = self.by[at].copy()
        place = self.chance.randrange(4, len(node.data))
        node.data[place:] = b"\xff" * (len(node.data) - place)
        self.write(at, node)
        return f"cut {at:#x} at {place}"

    def blocks(self):
        erase = self.image.erase
        count = self.image.size // erase
        one, other = self.chance.randrange(count), self.chance.randrange(count)
        a = bytes(self.data[one * erase:(one + 1) * erase])
        b = bytes(self.data[other * erase:(other + 1) * erase])
        self.data[one * erase:(one + 1) * erase] = b
        if self.chance.random() < 0.7:
            self.data[other * erase:(other + 1) * erase] = a
        return f"blocks {one} {other}"

    def head(self):
        """Space at the beginning of a block."""
        start = self.chance.randrange(self.image.size // self.image.erase) * self.image.erase
        size = self.chance.choice([4, 12, 32, 40, 252, 256, 260])
        self.data[start:start + size] = self.chance.choice([b"\xff", b"\0"]) * size
        return f"head of {start:#x}"

    def unknown(self):
        at = self.free()
        node = Node(bytes(12) + os.urandom(0) + b"\xff" * self.chance.choice([0, 4, 100]), False)
        node.set("magic", self.chance.choice([0x1985, 0x1985, 0x1985, 0x1984, 0, 0x8519]))
        node.set("nodetype", self.chance.choice([0xE003, 0xA003, 0x6003, 0x2005, 0x2003, 0x2004, 0xE001, 0xE002, 0xE008, 0xE009, 0x2006]))
        node.set("totlen", self.chance.choice([0, 4, 12, len(node.data), len(node.data), 0xFFFFFFF4, self.image.erase]))
        node.set("hdr_crc", crc(node.data[:8]))
        self.write(at + -at % 4, node)
        return f"unknown {node.get('nodetype'):04x} at {at:#x}"

    def summary(self):
        at = self.pick(0x2006)
        node = self.by[at].copy()
        if node.kind() != 0x2006:
            return self.field()
        place = self.chance.randrange(32, min(len(node.data), 32 + 200))
        node.data[place] ^= 1 << self.chance.randrange(8)
        self.write(at, node.repair())
        return f"summary at {at:#x}+{place}"

    def dirt(self):
        at = self.free()
        at += -at % 4
        size = self.chance.choice([4, 8, 100])
        self.data[at:at + size] = bytes(self.chance.randrange(256) for _ in range(size))
        return f"dirt at {at:#x}"

    def run(self):
        acts = [self.field] * 6 + [self.payload] * 3 + [self.insert] * 6 + [self.replace] * 2 + [self.remove] * 3
        acts += [self.double, self.move, self.cut, self.cut, self.blocks, self.head, self.unknown, self.summary, self.dirt]
        words = [self.chance.choice(acts)() for _ in range(self.chance.choice([1, 1, 1, 1, 2]))]
        return "; ".join(words), bytes(self.data[:self.image.size]).rstrip(b"\xff")


def mutants(bases, count, seed):
    chance = random.Random(seed)
    made, seen = [], set()
    while len(made) < count:
        base = chance.choice(bases)
        words, data = Mutator(base, chance).run()
        key = hashlib.sha256(data).digest()
        if data == base.data.rstrip(b"\xff") or key in seen:
            continue
        seen.add(key)
        made.append((guest.Image(f"m{len(made)}", data, base.erase, base.size), base, words))
    return made


# ----

def linux_key(listing):
    return (listing.error, sorted((path, entry) for path, entry in listing.entries.items()))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("items", type=pathlib.Path)
    arguments.add_argument("--mutants", type=int, default=2000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--corpus", type=pathlib.Path, help="genuine images, made there if there are none")
    arguments.add_argument("--keep", type=pathlib.Path, help="where to keep images that are errors")
    words = arguments.parse_args()
    # `make oracle-kernel` names the example of the others; ours lies beside it.
    words.items = words.items.with_name("items")
    bad = 0
    images = kept(words.corpus) if words.corpus and words.corpus.is_dir() else []
    if not images:
        with tempfile.TemporaryDirectory() as place:
            images = genuine(pathlib.Path(place))
        print(f"{len(images)} images made by mkfs.jffs2 and sumtool", flush=True)
        live = written(images)
        print(f"{len(live)} images written by Linux", flush=True)
        images += live
        keep(words.corpus, *images)
    linux, mine = guest.run(images), ours(words.items, images)
    for image in images:
        our, theirs = mine[image.name], linux[image.name]
        wrong = compare(our, theirs) + our.ambiguous + [str(limit) for limit in our.limits]
        if wrong:
            bad += 1
            print(f"GENUINE {image.name}: {wrong[:6]}")
            keep(words.keep, image)
    bases = [image for image in images if not linux[image.name].error]
    counts, made = collections.Counter(), mutants(bases, words.mutants, words.seed)
    for start in range(0, len(made), 200):
        part = made[start:start + 200]
        changed = [image for image, _, _ in part]
        theirs, mutated = guest.run(changed), ours(words.items, changed)
        verified = verify(words.items, part)
        for image, base, how in part:
            pair = (mutated[image.name], mine[base.name]), (theirs[image.name], linux[base.name])
            wrong = judge(*pair, verified[image.name], counts)
            if wrong:
                bad += 1
                print(f"{wrong[0]} {image.name} of {base.name}: {how}; {wrong[1]}")
                keep(words.keep, image, base)
        print(f"{start + len(part)} mutants: {dict(sorted(counts.items()))}", flush=True)
    for what, count in sorted(counts.items()):
        print(f"{count:6} {what}")
    print("no difference" if not bad else f"{bad} differences")
    return min(bad, 1)


def verify(items, part):
    """Which mutants `verify` affirms, by name: in a partition where repacking is accepted, and in one that the device writes."""
    out = {}
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        path = lambda image: folder / image.name  # noqa: E731
        for image in [image for image, _, _ in part] + [base for _, base, _ in part]:
            path(image).write_bytes(image.data.ljust(image.size, b"\xff"))
        for base in {base.name: base for _, base, _ in part}.values():
            copies = {image.name: path(image) for image, of, _ in part if of is base}
            packed, written = (
                uml.affirmed(items, path(base), copies, erase=base.erase, written=written) for written in (False, True))
            out |= {name: (packed[name], written[name]) for name in copies}
    return out


def timeless(listing):
    """Without times: traces of writing, in a part that the device writes."""
    strip = lambda entry: entry if isinstance(entry, str) else entry._replace(mtime=0)  # noqa: E731
    return (listing.error, sorted((path, strip(entry)) for path, entry in listing.entries.items()))


def judge(ours, linux, verified, counts):
    """What is wrong with a mutant, beside its genuine image: in one word, and what differs."""
    (our, genuine), (their, theirs) = ours, linux
    other = linux_key(their) != linux_key(theirs)
    counts["Linux lists something else"] += other
    packed, written = verified
    counts["affirmed, repacking accepted"] += packed
    counts["affirmed, written by the device"] += written
    counts["ambiguous"] += bool(our.ambiguous)
    counts["crashes"] += their.error == "crash"
    # What is found elsewhere by searching has another path, and is never equal.
    accepted = packed or our.recognised and our.fingerprint(False) == genuine.fingerprint(False)
    if other and accepted or written and timeless(their) != timeless(theirs):
        counts["FALSE ACCEPT"] += 1
        return "FALSE ACCEPT", different(theirs, their)
    if our.ambiguous or our.limits or not our.recognised:
        return None
    counts["compared"] += 1
    wrong = compare(our, their)
    counts["DISAGREEMENT"] += bool(wrong)
    return ("DISAGREEMENT", wrong[:4]) if wrong else None


def different(one, other):
    if one.error != other.error:
        return other.error
    paths = [path for path in one.entries.keys() | other.entries.keys() if one.entries.get(path) != other.entries.get(path)]
    return [(path, one.entries.get(path), other.entries.get(path)) for path in paths[:2]]


def kept(folder):
    """Images that `keep` wrote."""
    images = []
    for path in sorted(folder.glob("*.img")):
        name, erase = path.stem.rsplit(".", 1)
        images.append(guest.Image(name, path.read_bytes(), int(erase), path.stat().st_size))
    return images


def keep(folder, *images):
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        for image in images:
            (folder / f"{image.name}.{image.erase}.img").write_bytes(image.data.ljust(image.size, b"\xff"))


if __name__ == "__main__":
    sys.exit(main())
