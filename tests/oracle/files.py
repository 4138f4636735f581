#!/usr/bin/env python3
"""Compares what we list of file systems, kernel wrappers and environments with what other tools say.

    cargo build --release -p kiwame-verifier --example inspect
    tests/oracle/files.py [--strict] [--made] KIWAME IMAGE_OR_FOLDER...

KIWAME is the command (`target/release/kiwame`), or the example `inspect` of crates/verifier, which takes the same words
and prints the same report. Every name of every file system that the report lists must be known to each witness in
WITNESSES with the same kind, size, mode, owner, group, time, target, device number, set of hard links and extended
attributes, as far as that witness tells them; and the other way round. Content is compared leaf by leaf: the SHA-256 of
each of our leaves is computed here over the bytes that the witness extracted, and the leaves must tile them. A finding,
or a piece that we say no name leads to, is a difference too: the images are well formed.

A file system that is given alone and also lies inside another image must be found there, where Python finds it, with
the same list. With --made, harder images are built with the real tools from a folder with everything a file system
can hold, and that folder is a witness of its own.

Differences that are right are listed in EXPLAINED; one that no image shows is an error as well when --strict is given.

Needs root (owners, devices), and squashfs-tools, mtd-utils, cpio, libarchive-tools, u-boot-tools, libubootenv-tool,
gzip, xz-utils, zstd, lz4, lzop (Debian), jefferson (PyPI). Python's standard library only.
"""

import collections
import contextlib
import datetime
import functools
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import urllib.parse
import zlib

# One file system as somebody tells it: by path from the root, the facts that he tells.
#   kind, size, mode, uid, gid, mtime, minute (mtime without its seconds), target, device, links, xattrs, content


class Difference(collections.namedtuple("Difference", "image witness path field ours theirs entry")):
    """`entry` is what the side that knows the name tells of it."""

    def __str__(self):
        shown = [repr(value)[:120] for value in (self.ours, self.theirs)]
        return f"{self.witness}: {os.fsdecode(self.path)!r} {self.field}: ours {shown[0]}, theirs {shown[1]}"


# Differences that are right, each with the words that make it right. A function takes a difference and says whether
# it is such a case.
EXPLAINED = [
    ("no version 0",
     "jffs2reader begins with versions above 0; the first entry that mkfs.jffs2 writes has version 0, and neither it "
     "nor what lies below is listed. jefferson lists it.",
     lambda item: item.witness == "jffs2reader" and item.theirs is None and item.entry.get("blind")),
    ("a name that lost its inode",
     "jefferson keeps one name for each inode: of a set of hard links it extracts one.",
     lambda item: item.witness == "jefferson" and item.theirs is None and item.field == "name"
     and item.entry["links"]),
    ("special files",
     "jefferson extracts neither fifos nor sockets. jffs2reader lists them.",
     lambda item: item.witness == "jefferson" and item.theirs is None and item.ours in ("fifo", "socket")),
    ("device numbers in eight bits",
     "unsquashfs -lln shows the number as it is stored, shifted by eight; from a minor of 256 on, or a major of 4096, "
     "that is not Linux new_decode_dev(). unsquashfs -d makes the device that we say.",
     lambda item: item.witness == "unsquashfs -lln" and item.field == "device" and item.ours[1] > 255),
    ("data with the last name",
     "Of a set of hard links the last entry carries the data; cpio -tvn and bsdtar tell of each entry what it has "
     "itself. cpio -idm makes the files that we say.",
     lambda item: item.witness in ("cpio -tvn", "bsdtar") and item.entry.get("links")
     and (item.field, item.theirs) in (("size", 0), ("sha256", hashlib.sha256().hexdigest()))),
    ("symbolic links with two names",
     "Linux init/initramfs.c, do_symlink() joins no names; nor does cpio -idm.",
     lambda item: item.witness == "source" and item.field == "links" and item.entry["kind"] == "link"
     and pathlib.Path(item.image).name.startswith("cpio")),
    ("a target of 254 bytes",
     "mkfs.jffs2 keeps 254 bytes of the target of a link. jefferson makes the link that we say.",
     lambda item: item.witness == "source" and is_jffs2(item) and item.field == "target"
     and len(item.ours) == 254 and item.theirs.startswith(item.ours.encode())),
    ("a device of two bytes",
     "mkfs.jffs2 stores every device as two bytes, Linux old_encode_dev(), whatever the numbers are. jefferson makes "
     "the device that we say.",
     lambda item: item.witness == "source" and is_jffs2(item) and item.field == "device"
     and stored_in_two_bytes(*item.theirs) == item.ours),
    ("a root without an inode",
     "mkfs.jffs2 writes no inode for the root, and Linux makes one, without a time.",
     lambda item: item.witness == "source" and is_jffs2(item)
     and (item.path, item.field, item.ours) == (b"", "mtime", 0)),
    ("a kernel that was cut off",
     "The header of the kernel says that it is longer than the image: a part of it was used to make the image.",
     lambda item: item.witness == "finding" and kernel_is_cut(item)),
]


def is_jffs2(item):
    return pathlib.Path(item.image).read_bytes()[:2] in (b"\x85\x19", b"\x19\x85")


def stored_in_two_bytes(major, minor):
    number = ((major << 8) + minor) & 0xFFFF
    return number >> 8, number & 0xFF


def kernel_is_cut(item):
    """Linux boot protocol: setup_sects at 0x1f1, syssize (in 16 bytes) at 0x1f4, behind what holds the kernel."""
    raw = pathlib.Path(item.image).read_bytes()
    if item.path.startswith(b"uimage:content"):
        start, length = 64, len(raw) - 64
    elif b"/node:kernel/property:data/" in item.path:
        # A property of a device tree: tag, length, place of its name, value.
        start = raw.index(b"HdrS") - 0x202
        length = int.from_bytes(raw[start - 8:start - 4], "big")
    else:
        return False
    sectors, size = raw[start + 0x1F1], int.from_bytes(raw[start + 0x1F4:start + 0x1F8], "little")
    return raw[start + 0x202:start + 0x206] == b"HdrS" and (sectors + 1) * 512 + size * 16 > length


# --- what we say ---------------------------------------------------------------------------------------------------

KINDS = {
    "file": "file", "directory": "directory", "symbolic-link": "link", "block-device": "block",
    "character-device": "character", "whiteout": "character", "fifo": "fifo", "socket": "socket",
}
# Streams that a file system may lie in, and what decodes them.
STREAMS = {
    "gzip:stream": ["gzip", "-dc"], "xz:stream": ["xz", "-dc"], "zstd:stream": ["zstd", "-dc"],
    "lz4:stream": ["lz4", "-dc"], "lzop:stream": ["lzop", "-dc"],
}


class Report:
    """A report of `kiwame inspect`, and the image it is about."""

    def __init__(self, program, image):
        command = [program, "inspect", "--format", "json", str(image)]
        # Exit codes above 0 come with findings, which are differences.
        out = subprocess.run(command, check=False, stdout=subprocess.PIPE).stdout
        self.image, self.bytes = image, pathlib.Path(image).read_bytes()
        self.json = json.loads(out)
        self.regions = self.json["regions"]
        self.sizes = {space["path"]: space["size"] for space in self.json["spaces"]}
        self.spaces = {"image": self.bytes}
        self.by_path, self.by_space = {}, collections.defaultdict(list)
        for region in self.regions:
            self.by_path.setdefault(region["path"], region)
            self.by_space[region["space"]].append(region)

    def space(self, path):
        """The bytes of a space, decoded by somebody else; None if nobody here can."""
        if path not in self.spaces:
            around, _, last = path.rpartition("/")
            packed = self.content(around or "image") if last in STREAMS else None
            self.spaces[path] = None if packed is None else run(*STREAMS[last], input=packed)
        return self.spaces[path]

    def content(self, path):
        """The bytes of a region, read where we say it lies."""
        region = self.by_path[path]
        space = self.space(region["space"])
        return None if space is None else space[region["offset"]:region["offset"] + region["length"]]

    def leaves(self, space):
        return [region for region in self.by_space[space] if "class" in region and region["length"]]


def entries_of(report, stream):
    """The file system that the stream of that path encodes."""
    inside = stream + "/decoded:content/"
    found, first_names = {}, {}
    for region in report.by_space[stream]:
        if region["kind"] not in KINDS or "mode" not in region["attributes"]:
            continue
        names = [part.partition(":") for part in region["path"].removeprefix(inside).split("/")]
        names = [urllib.parse.unquote_to_bytes(key) for kind, _, key in names if (kind, key) != ("entry", "self")]
        path, facts = b"/".join(names), region["attributes"]
        entry = {
            "kind": KINDS[region["kind"]], "mode": int(facts["mode"], 8), "uid": facts["uid"], "gid": facts["gid"],
            "mtime": facts["modified"], "minute": facts["modified"] // 60, "xattrs": facts["xattrs"],
        }
        if entry["kind"] in ("block", "character"):
            entry["device"] = tuple(int(number) for number in facts["device"].split(":"))
        if entry["kind"] == "link":
            entry["target"] = facts["target"]
        # Names are shown as text in the facts; all names of an inode point to its first.
        shown = "/" + path.decode("utf-8", "replace")
        entry["first"] = unescaped(facts["hard-link"]) if "hard-link" in facts else shown if "links" in facts else None
        first_names[shown] = path
        entry["region"] = region["path"]
        if path in found:
            raise SystemExit(f"{report.image}: {path} twice")
        found[path] = entry
    sets = collections.defaultdict(set)
    for path, entry in found.items():
        if entry["first"]:
            sets[entry["first"]].add(path)
    for entry in found.values():
        entry["links"] = frozenset(sets.get(entry["first"], ()))
        if entry["kind"] == "file":
            holder = found[first_names[entry["first"]]] if entry["first"] else entry
            entry["content"] = holder["region"]
            entry["size"] = report.sizes.get(holder["region"], 0)
    return found


def unescaped(text):
    """A string of a report as it was before it was made safe to show."""
    return re.sub(r"\\u\{([0-9a-f]+)\}|\\(\\)", lambda found: found[2] or chr(int(found[1], 16)), text)


def as_we_say(value):
    """A link's target or extended attributes, in the words of our facts."""
    if isinstance(value, bytes):
        with contextlib.suppress(UnicodeDecodeError):
            return value.decode()
        return value.hex()
    pairs = sorted((name.encode("utf-8", "surrogateescape"), content) for name, content in value.items())
    # The one difference to the percent-encoding of URLs: a tilde is not plain, a plus and an at sign are.
    names = [urllib.parse.quote(name, safe="+@").replace("~", "%7E") for name, _ in pairs]
    return " ".join(f"{name}={content.hex()}" for name, (_, content) in zip(names, pairs)) or "none"


def says(ours, theirs):
    """Whether one of our facts is what somebody else tells. Reports show 256 characters of a text."""
    if isinstance(theirs, (bytes, dict)) and isinstance(ours, str):
        ours, theirs = unescaped(ours), as_we_say(theirs)
        return theirs[:256] == ours[:-1] if len(ours) == 257 else theirs == ours
    return ours == theirs


def content_differs(report, space, content):
    """What is wrong with our leaves of a file, given what it holds; None if nothing is."""
    done = 0
    for leaf in report.leaves(space):
        part = content[leaf["offset"]:leaf["offset"] + leaf["length"]]
        if leaf["offset"] != done or len(part) != leaf["length"]:
            return f"leaf at {leaf['offset']} of {leaf['length']}, expected at {done}"
        if hashlib.sha256(part).hexdigest() != leaf["sha256"]:
            return f"other bytes at {leaf['offset']}"
        done += leaf["length"]
    return None if done == len(content) else f"{done} bytes"


# --- what others say -----------------------------------------------------------------------------------------------

ENVIRONMENT = {**os.environ, "LC_ALL": "C", "TZ": "UTC"}
LETTERS = {"-": "file", "d": "directory", "l": "link", "b": "block", "c": "character", "p": "fifo", "s": "socket"}


def run(*command, **options):
    options = {"check": True, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "env": ENVIRONMENT, **options}
    return subprocess.run(command, **options).stdout


def mode_of(letters):
    """Kind and mode from the ten letters of `ls -l`."""
    mode = 0
    for letter, bit in zip(letters[1:], (0o400, 0o200, 0o100, 0o40, 0o20, 0o10, 4, 2, 1)):
        special = {0o100: 0o4000, 0o10: 0o2000, 1: 0o1000}.get(bit, 0)
        mode |= (bit if letter in "rwxst" else 0) | (special if letter in "sStT" else 0)
    return LETTERS[letters[0]], mode


def listed(lines, pattern):
    """Entries from a listing. A line that does not fit the pattern goes on with the name before it."""
    whole = []
    for line in lines:
        if re.match(pattern, line, re.DOTALL) or not whole:
            whole.append(line)
        else:
            whole[-1] += b"\n" + line
    for line in whole:
        row = re.match(pattern, line, re.DOTALL).groupdict()
        kind, mode = mode_of(row["letters"].decode())
        name, entry = row["name"], {"kind": kind, "mode": mode, "uid": int(row["uid"]), "gid": int(row["gid"])}
        if kind == "link":
            name, _, entry["target"] = name.partition(b" -> ")
        if kind in ("block", "character"):
            entry["device"] = tuple(int(number) for number in re.findall(rb"\d+", row["size"]))
        elif kind == "file":
            entry["size"] = int(row["size"])
        yield name, entry, row


def folder(root):
    """The files below a folder, as the kernel tells them."""
    found, inodes = {}, collections.defaultdict(set)
    root = os.fsencode(root)
    todo = [b""]
    while todo:
        path = todo.pop()
        place = os.path.join(root, path) if path else root
        status = os.lstat(place)
        kind = LETTERS[stat.filemode(status.st_mode)[0].replace("?", "-")]
        entry = {
            "kind": kind, "mode": stat.S_IMODE(status.st_mode), "uid": status.st_uid, "gid": status.st_gid,
            "mtime": status.st_mtime_ns // 10**9,
            "xattrs": {name: os.getxattr(place, name, follow_symlinks=False)
                       for name in os.listxattr(place, follow_symlinks=False)},
        }
        if kind == "directory":
            todo += [os.path.join(path, name) for name in os.listdir(place)]
        else:
            inodes[status.st_ino].add(path)
            entry["inode"] = status.st_ino
        if kind == "file":
            entry["size"], entry["content"] = status.st_size, place
        if kind == "link":
            entry["target"] = os.readlink(place)
        if kind in ("block", "character"):
            entry["device"] = (os.major(status.st_rdev), os.minor(status.st_rdev))
        found[path] = entry
    for entry in found.values():
        names = inodes.get(entry.pop("inode", None), ())
        entry["links"] = frozenset(names if len(names) > 1 else ())
    return found


def without(entries, *fields):
    return {path: {name: value for name, value in entry.items() if name not in fields}
            for path, entry in entries.items()}


def unsquashfs_list(image, _work):
    pattern = (rb"(?P<letters>[-dlbcps][-rwxsStT]{9}) (?P<uid>\d+)/(?P<gid>\d+) +(?P<size>\d+(?:, *\d+)?) "
               rb"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d) squashfs-root(?P<name>.*)$")
    lines = run("unsquashfs", "-lln", image).split(b"\n")
    start = next(number for number, line in enumerate(lines) if re.match(pattern, line))
    found = {}
    for name, entry, row in listed(lines[start:-1], pattern):
        time = datetime.datetime.strptime(row["time"].decode(), "%Y-%m-%d %H:%M").replace(tzinfo=datetime.timezone.utc)
        entry["minute"] = int(time.timestamp()) // 60
        found[name.removeprefix(b"/")] = entry
    return found


def unsquashfs_extract(image, work):
    run("unsquashfs", "-no-progress", "-d", work / "root", image)
    return folder(work / "root")


def jffs2reader(image, _work):
    """Names, modes, owners and targets. It gives the sizes of a node and the numbers of no device, and reads the byte
    order of the machine only."""
    if pathlib.Path(image).read_bytes()[:2] == b"\x19\x85":
        return None
    said = subprocess.run(["jffs2reader", image, "-r", "-d", "/"], capture_output=True, env=ENVIRONMENT, check=False)
    if b"does not fit into buffer" in said.stderr:
        return None
    said.check_returncode()
    pattern = (rb"(?P<letters>[-dlbcps][-rwxsStT]{9}) +\d+ +(?P<uid>\d+) +(?P<gid>\d+) +(?P<size>-?\d+(?:, *-?\d+)?) "
               rb"(?P<name>/.*)$")
    found = {}
    for name, entry, _ in listed(said.stdout.split(b"\n")[:-1], pattern):
        mark = {"directory": b"/", "fifo": b"|", "socket": b"="}.get(entry["kind"], b" ")
        if "target" in entry:
            entry["target"] = entry["target"].removesuffix(b" ")
        entry = {field: value for field, value in entry.items() if field not in ("size", "device")}
        found[name.removesuffix(mark).strip(b"/")] = entry
    # It lists what lies in the root, not the root; and nothing of version 0.
    found[None] = {b""} | {name for parent, version, name in directory_entries(image) if (parent, version) == (1, 0)}
    return found


def directory_entries(image):
    """Parent, version and name of the entries at the start of a JFFS2 image."""
    image, at = pathlib.Path(image).read_bytes(), 0
    while image[at:at + 2] == b"\x85\x19":
        kind, length = struct.unpack_from("<HI", image, at + 2)
        if kind == 0xE001:
            parent, version = struct.unpack_from("<II", image, at + 0x0C)
            yield parent, version, image[at + 0x28:at + 0x28 + image[at + 0x1C]]
        at += (length + 3) & ~3


def jefferson(image, work):
    """Names, content, devices, and the modes of files; it sets neither owners nor times."""
    said = subprocess.run(["jefferson", "-d", work / "root", image], capture_output=True, env=ENVIRONMENT, check=False)
    if b"codec can't decode" in said.stdout + said.stderr:
        return None
    said.check_returncode()
    found = without(folder(work / "root"), "uid", "gid", "mtime", "xattrs", "links")
    for entry in found.values():
        if entry["kind"] != "file":
            del entry["mode"]
    return found


def cpio_list(image, _work):
    pattern = (rb"(?P<letters>[-dlbcps][-rwxsStT]{9}) +\d+ +(?P<uid>\d+) +(?P<gid>\d+) +(?P<size>\d+(?:, *\d+)?) "
               rb"(?P<time>[A-Z][a-z]{2} +\d+ +(?:\d{4}|\d\d:\d\d)) (?P<name>.*)$")
    with open(image, "rb") as archive:
        lines = run("cpio", "-tvn", "--quiet", stdin=archive).split(b"\n")[:-1]
    return {(b"" if name == b"." else name.removeprefix(b"./")): entry for name, entry, _ in listed(lines, pattern)}


def cpio_extract(image, work):
    (work / "root").mkdir()
    with open(image, "rb") as archive:
        run("cpio", "-idm", "--quiet", "--no-absolute-filenames", stdin=archive, cwd=work / "root")
    found = without(folder(work / "root"), "xattrs")
    for entry in found.values():
        # It sets the time of a directory before it fills it, and none of a link.
        if entry["kind"] in ("directory", "link"):
            del entry["mtime"]
    return found


def bsdtar(image, _work):
    """libarchive's reader, as it writes mtree(5): everything to the second, content by SHA-256."""
    options = "!all,type,mode,uid,gid,size,time,device,link,sha256"
    found = {}
    for line in run("bsdtar", "--format=mtree", "--options", options, "-cf", "-", f"@{image}").split(b"\n")[1:-1]:
        name, *facts = line.split(b" ")
        facts = dict(fact.split(b"=", 1) for fact in facts)
        entry = {"kind": MTREE[facts[b"type"].decode()], "mode": int(facts[b"mode"], 8), "uid": int(facts[b"uid"]),
                 "gid": int(facts[b"gid"]), "mtime": int(facts[b"time"].partition(b".")[0])}
        if entry["kind"] == "link":
            entry["target"] = octal(facts[b"link"])
        if b"device" in facts:
            entry["device"] = tuple(int(number, 0) for number in facts[b"device"].split(b",")[1:])
        if b"sha256digest" in facts:
            entry["sha256"] = facts[b"sha256digest"].decode()
        found[octal(name).removeprefix(b".").removeprefix(b"/")] = entry
    return found


MTREE = {"file": "file", "dir": "directory", "link": "link", "block": "block", "char": "character", "fifo": "fifo",
         "socket": "socket"}


def octal(name):
    """A name in which mtree(5) wrote some bytes as backslash and three octal digits."""
    return re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), name)


# By the word that our paths begin with: who is asked. A new file system is one line.
WITNESSES = {
    "squashfs": [("unsquashfs -lln", unsquashfs_list), ("unsquashfs -d", unsquashfs_extract)],
    "jffs2": [("jffs2reader", jffs2reader), ("jefferson", jefferson)],
    "cpio": [("cpio -tvn", cpio_list), ("cpio -idm", cpio_extract), ("bsdtar", bsdtar)],
}


# --- comparing -----------------------------------------------------------------------------------------------------

class Tally:
    """What one image showed."""

    def __init__(self):
        self.differences, self.equal, self.hashed, self.said, self.lists = [], 0, 0, [], []


def file_system(report, region, tally, source):
    """`region` is the listing that a file system's blocks decode to."""
    stream = region["space"]
    around, _, last = stream.rpartition("/")
    image = report.content(around or "image")
    kind = last.partition(":")[0]
    if image is None or kind not in WITNESSES:
        tally.said.append(f"not compared: {around or 'image'}")
        return
    mine = entries_of(report, stream)
    place = report.by_path[around or "image"]
    tally.lists.append((place["space"], place["offset"], kind, mine, report))
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "image").write_bytes(image)
        names = []
        for name, witness in WITNESSES[kind]:
            (work / name).mkdir()
            theirs = witness(work / "image", work / name)
            if theirs is not None:
                names.append(name)
                entries(report, name, mine, theirs, tally)
        if source is not None:
            names.append("source")
            entries(report, "source", mine, source, tally)
    # Nothing of what a tool just made is left over.
    rest = report.sizes.get(f"{stream}/decoded:content/entry:rest", 0)
    unknown = sum(leaf["length"] for leaf in report.leaves(place["space"])
                  if leaf["kind"] in ("squashfs-unused", "jffs2-free") and leaf["class"] != "fill"
                  and leaf["path"].startswith("" if around == "" else around + "/"))
    for field, size in (("rest", rest), ("not understood", unknown)):
        if size:
            tally.differences.append(Difference(report.image, kind, b"", field, size, 0, {}))
    tally.said.append(f"{kind} in {around or 'image'}: {len(mine)} names with {', '.join(names)}")


def entries(report, witness, mine, theirs, tally):
    def differ(path, field, ours, other, entry):
        tally.differences.append(Difference(report.image, witness, path, field, ours, other, entry))

    blind = theirs.pop(None, ())
    for path in sorted(mine.keys() | theirs.keys()):
        ours, other = mine.get(path), theirs.get(path)
        if ours is None or other is None:
            known = {**(ours or other), "blind": path.split(b"/")[0] in blind}
            differ(path, "name", ours and ours["kind"], other and other["kind"], known)
            continue
        for field, value in other.items():
            if field == "content":
                content = pathlib.Path(os.fsdecode(value)).read_bytes()
                wrong = content_differs(report, ours["content"], content)
                tally.hashed += len(content)
                digest = hashlib.sha256(content).hexdigest()
                if wrong:
                    differ(path, field, wrong, digest, ours)
                    continue
                ours["sha256"] = digest
            elif not says(ours.get(field), value):
                differ(path, field, ours.get(field), value, ours)
                continue
            tally.equal += 1


def uimage(report, region, tally, _source):
    """Against `dumpimage -l`, and each part as it extracts it."""
    around = region["path"].rpartition("/")[0]
    image = report.content(around or "image")
    with tempfile.TemporaryDirectory() as work:
        path = pathlib.Path(work) / "image"
        path.write_bytes(image)
        said = dict(re.findall(r"^([A-Z][A-Za-z ]+): +(.*)$", run("dumpimage", "-l", path).decode(), re.M))
        facts = region["attributes"]
        created = int(run("date", "-d", said["Created"], "+%s"))
        theirs = {"name": said["Image Name"], "time": created, "load": int(said["Load Address"], 16),
                  "entry": int(said["Entry Point"], 16), "size": int(said["Data Size"].split()[0]),
                  "words": said["Image Type"]}
        parts = [row for row in report.regions if row["kind"] == "uimage-content" and row["space"] == region["space"]
                 and row["path"].rpartition("/")[0] == around]
        extent = [row for row in report.regions if row["path"].rpartition("/")[0] == around
                  and row["kind"] in ("uimage-content", "uimage-sizes")]
        size = max(row["offset"] + row["length"] for row in extent) - region["offset"] - region["length"]
        ours = {"name": region.get("name", ""), "time": facts["time"], "load": facts["load"],
                "entry": facts["entry"], "size": size, "words": words_of(facts)}
        for field, value in theirs.items():
            if ours[field] != value:
                tally.differences.append(Difference(report.image, "dumpimage", b"", field, ours[field], value, {}))
            tally.equal += ours[field] == value
        for number, part in enumerate(parts):
            run("dumpimage", "-T", facts["type"], "-p", str(number), "-o", path.with_suffix(".part"), path)
            content = path.with_suffix(".part").read_bytes()
            if content != report.content(part["path"]):
                tally.differences.append(
                    Difference(report.image, "dumpimage", part["path"].encode(), "content", part["length"],
                               len(content), {}))
            else:
                tally.equal += 1
                tally.hashed += len(content)
    tally.said.append(f"uImage in {around or 'image'}: {len(parts)} parts with dumpimage")


# U-Boot's names for what the header says, as `dumpimage` joins them.
ARCHITECTURES = {"arm64": "AArch64", "arm": "ARM", "mips": "MIPS", "ppc": "PowerPC", "x86": "Intel x86",
                 "x86_64": "AMD x86_64", "riscv": "RISC-V"}
SYSTEMS = {"linux": "Linux", "u-boot": "U-Boot"}
TYPES = {"kernel": "Kernel Image", "ramdisk": "RAMDisk Image", "multi": "Multi-File Image", "script": "Script",
         "firmware": "Firmware", "standalone": "Standalone Program", "filesystem": "Filesystem Image",
         "flat_dt": "Flat Device Tree", "kernel_noload": "Kernel Image (no loading done)"}
COMPRESSIONS = {"none": "uncompressed", "gzip": "gzip compressed", "lzma": "lzma compressed",
                "lz4": "lz4 compressed", "zstd": "zstd compressed", "bzip2": "bzip2 compressed",
                "lzo": "lzo compressed"}


def words_of(facts):
    tables = ((ARCHITECTURES, "arch"), (SYSTEMS, "os"), (TYPES, "type"), (COMPRESSIONS, "compression"))
    words = [table.get(facts[name], facts[name]) for table, name in tables]
    return f"{words[0]} {words[1]} {words[2]} ({words[3]})"


def environment(report, region, tally, _source):
    """Against `fw_printenv`."""
    around = region["path"].rpartition("/")[0]
    inside = around + "/" if around else ""
    mine = [row for row in report.regions if row["kind"] == "uboot-variable"
            and row["path"].removeprefix(inside).startswith("variable:") and row["path"].startswith(inside)]
    flags = [row for row in report.regions if row["path"] == f"{inside}variable:flags"]
    size = sum(row["length"] for row in report.leaves(region["space"]) if row["path"].startswith(inside)
               and row["kind"] != "uboot-env-behind")
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "image").write_bytes(report.content(around or "image")[:size])
        # Two lines make it redundant; both copies may be the same.
        line = f"{work / 'image'} 0x0 {size:#x}\n"
        (work / "config").write_text(line * (2 if flags else 1))
        if region["attributes"]["byte-order"] == "little":
            witness, text = "fw_printenv", run("fw_printenv", "-c", work / "config").split(b"\n")[:-1]
        else:
            witness, text = "zlib", big_endian((work / "image").read_bytes())
    theirs = dict(row.split(b"=", 1) for row in text)
    ours = {}
    for row in mine:
        name, _, value = report.content(row["path"]).partition(b"=")
        ours[name] = value.removesuffix(b"\0")
        if "value" in row["attributes"] and not says(row["attributes"]["value"], ours[name]):
            tally.differences.append(Difference(report.image, "bytes", name, "value", row["attributes"], value, {}))
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            tally.differences.append(
                Difference(report.image, witness, name, "value", ours.get(name), theirs.get(name), {}))
        else:
            tally.equal += 1
    tally.said.append(f"environment in {around or 'image'}: {len(ours)} settings with {witness}")


def big_endian(image):
    """fw_printenv reads the byte order of the machine only."""
    if int.from_bytes(image[:4], "big") != zlib.crc32(image[4:]):
        raise SystemExit("an environment with a wrong checksum")
    return image[4:].partition(b"\0\0")[0].split(b"\0")


# By the kind of region that shows one: what compares it. A new kind (a FIT image, a device tree) is one line and one
# function, which is given the report, the region, the tally to add to, and the folder it was made from, if it was.
COMPARED = {"files": file_system, "uimage-header": uimage, "uboot-env-header": environment}


def compare(program, image, used, source=None):
    report = Report(program, image)
    tally = Tally()
    for region in report.regions:
        if region["kind"] in COMPARED:
            COMPARED[region["kind"]](report, region, tally, source)
    for finding in report.json["findings"]:
        tally.differences.append(Difference(image, "finding", finding["path"].encode(), finding["id"],
                                            finding.get("actual"), finding.get("expected"), finding))
    if not tally.equal:
        tally.differences.append(Difference(image, "script", b"", "format", report.json["image"]["format"],
                                            "anything to compare", {}))
    good = tell(image, tally, used)
    return good, report, tally


def tell(image, tally, used):
    left, reasons = [], collections.Counter()
    for item in tally.differences:
        reason = next((name for name, _, test in EXPLAINED if test(item)), None)
        if reason:
            reasons[reason] += 1
        else:
            left.append(item)
    used.update(reasons)
    explained = ", ".join(f"{count} {name}" for name, count in sorted(reasons.items())) or "none"
    print(f"{'DIFFERENT' if left else 'equal'}: {image}: {tally.equal} facts equal, {tally.hashed} bytes hashed; "
          f"explained: {explained}; unexplained: {len(left)}")
    for said in tally.said:
        print("   ", said)
    for item in left[:20]:
        print("    differs:", item)
    sys.stdout.flush()
    return not left


def found_inside(compared, used):
    """A file system that is given alone and also lies in another image must be found there, with the same list."""
    good = True
    for alone, _, small in compared:
        if not small.lists or small.lists[0][:2] != ("image", 0):
            continue
        _, _, kind, mine, report = small.lists[0]
        needle = report.bytes.rstrip(b"\xff") if kind == "jffs2" else report.bytes
        for image, other, large in compared:
            at = -1 if other is report else other.bytes.find(needle)
            if at < 0:
                continue
            tally = Tally()
            there = [row for row in large.lists if row[:3] == ("image", at, kind)]
            if len(there) != 1:
                places = [hex(row[1]) for row in large.lists]
                tally.differences.append(Difference(image, "position", b"", kind, places, hex(at), {}))
            else:
                theirs = without(there[0][3], "first", "region", "content")
                entries(report, "inside", mine, theirs, tally)
            tally.said.append(f"{alone} at {at:#x}")
            good &= tell(image, tally, used)
    return good


# --- harder images -------------------------------------------------------------------------------------------------

# What a file system can hold, and which formats can: JFFS2 has owners of 16 bits and names of up to 254 bytes, cpio no
# extended attributes.
BLOCK = 128 << 10


def plant(root, kind):
    """Fills a folder with everything that a file system of that kind can hold."""
    dice = random.Random(kind)
    root.mkdir()
    place = functools.partial(os.path.join, os.fsencode(root))

    def write(name, content, holes=()):
        with open(place(name), "wb") as file:
            file.write(content)
            for start, length in holes:
                file.seek(start)
                file.write(dice.randbytes(length))

    def text(length):
        words = [b"firmware", b"image", b"region", b"stream", b"block", b"node"]
        return b" ".join(dice.choice(words) for _ in range(length // 4))[:length].ljust(length, b".")

    for name in (b"bin", b"dev", b"empty", b"many", b"names", b"sizes", b"links", b"modes", b"times", b"attributes"):
        os.mkdir(place(name))
    for number in range(3000):
        write(b"many/entry-of-a-long-listing-%04d" % number, text(dice.randrange(40)))
    deep = b"deep"
    # Deeper than file systems are, and within the limit of 32 regions inside one another.
    for number in range(20):
        os.mkdir(place(deep))
        write(deep + b"/file", b"%d" % number)
        deep += b"/d%d" % number
    # Sizes around those of blocks, pages and nodes; packed well, packed badly, with holes.
    edges = [0, 1, 2, 4095, 4096, 4097, 8191, 8192, 8193, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 4097,
             (1 << 20) + 1]
    for size in edges:
        write(b"sizes/text-%d" % size, text(size))
        write(b"sizes/noise-%d" % size, dice.randbytes(size))
    write(b"sizes/zeros", bytes(1 << 20))
    write(b"sizes/mixed", b"".join(text(50000) + dice.randbytes(50000) + bytes(50000) for _ in range(20)))
    write(b"sizes/same", text(70000))
    shutil.copyfile(place(b"sizes/same"), place(b"sizes/same-again"))
    write(b"sizes/hole-first", b"", [(1 << 20, 5000)])
    write(b"sizes/hole-between", b"start", [(1 << 20, 5000), (2 << 20, 100)])
    write(b"sizes/hole-last", b"start", [])
    os.truncate(place(b"sizes/hole-last"), (1 << 20) + 77)
    write(b"sizes/hole-only", b"", [])
    os.truncate(place(b"sizes/hole-only"), 3 * BLOCK)
    shutil.copyfile("/bin/sh", place(b"bin/sh"))
    # Links of both kinds.
    write(b"links/first", text(5000))
    os.link(place(b"links/first"), place(b"bin/second"))
    os.link(place(b"links/first"), place(b"links/third"))
    write(b"links/empty", b"")
    os.link(place(b"links/empty"), place(b"links/empty-too"))
    for name, target in ((b"relative", b"../bin/sh"), (b"absolute", b"/bin/sh"), (b"dangling", b"no where"),
                         (b"long", b"x/" * (100 if kind == "jffs2" else 1000) + b"end"), (b"odd", b"\xff\xfe \x01")):
        os.symlink(target, place(b"links/" + name))
    os.link(place(b"links/relative"), place(b"links/relative-too"), follow_symlinks=False)
    # Devices: of old and of new numbers.
    for name, mode, major, minor in ((b"console", stat.S_IFCHR, 5, 1), (b"null", stat.S_IFCHR, 1, 3),
                                     (b"gone", stat.S_IFCHR, 0, 0), (b"sda1", stat.S_IFBLK, 8, 1),
                                     (b"large", stat.S_IFCHR, 259, 70000), (b"minor", stat.S_IFBLK, 3, 256)):
        os.mknod(place(b"dev/" + name), 0o640 | mode, os.makedev(major, minor))
    os.link(place(b"dev/null"), place(b"dev/null-too"))
    os.mkfifo(place(b"dev/fifo"), 0o622)
    with socket.socket(socket.AF_UNIX) as end, contextlib.chdir(root / "dev"):
        end.bind("socket")
    # Names that trip listings and paths.
    for name in (b"a space", b" before", b"tab\there", b'quote"', b"back\\slash", b"%41", b"100%", b"a=b", b"a:b",
                 b"a -> b", b"-rf", b"*", b"\xc3\xa4", b"\xe6\xa5\xb5", b"\x01\x7f", b"self", b"rest", b"...",
                 b"n" * (254 if "jffs2" in kind else 255)):
        write(b"names/" + name, name)
    if kind != "jffs2":
        write(b"names/\xff\xfe", b"")
    if kind == "squashfs":
        write(b"names/line\nfeed", b"")
    for mode in (0, 0o400, 0o644, 0o755, 0o777, 0o4755, 0o2755, 0o6711, 0o1666, 0o7777):
        write(b"modes/%04o" % mode, b"")
        os.mkdir(place(b"modes/d%04o" % mode))
    for uid, gid in ((0, 5), (1000, 1001), (65534, 65533), (70000, 4294967294)):
        if "jffs2" not in kind or gid < 1 << 16:
            write(b"modes/owner-%d" % uid, b"")
            os.chown(place(b"modes/owner-%d" % uid), uid, gid)
    if kind != "cpio":
        attributes(place, write)
    # Last, since all else changes modes and times.
    for mode in (0, 0o400, 0o644, 0o755, 0o777, 0o4755, 0o2755, 0o6711, 0o1666, 0o7777):
        os.chmod(place(b"modes/%04o" % mode), mode)
        os.chmod(place(b"modes/d%04o" % mode), mode)
    for time in (0, 1, 1700000000, 2**31 - 1, 2**31, 2**32 - 1):
        write(b"times/%d" % time, b"")
    for around, folders, files in os.walk(place(b""), topdown=False):
        for name in folders + files:
            os.utime(os.path.join(around, name), (1600000000, dice.randrange(10**9, 2 * 10**9)),
                     follow_symlinks=False)
    for name in os.listdir(place(b"times")):
        os.utime(place(b"times/" + name), (0, int(name)))
    os.utime(place(b"times"), (0, 1234567890))
    os.utime(root, (0, 1500000000))
    return folder(root)


def attributes(place, write):
    capability = struct.pack("<IIIII", 0x02000001, 1 << 10 | 1 << 13, 0, 0, 0)
    shared = bytes(range(256)) * 4
    for name, pairs in {
        b"capable": {"security.capability": capability},
        b"many": {f"user.name-{number}": b"%d" % number for number in range(20)},
        b"shared-1": {"user.shared": shared, "user.own": b"1"},
        b"shared-2": {"user.shared": shared, "user.own": b"2"},
        b"empty": {"user.empty": b""},
        b"bytes": {"user.\xe4 b=c%": bytes(range(256)), "trusted.overlay.opaque": b"y"},
    }.items():
        write(b"attributes/" + name, name)
        for key, value in pairs.items():
            os.setxattr(place(b"attributes/" + name), key, value)
    os.mkdir(place(b"attributes/folder"))
    os.setxattr(place(b"attributes/folder"), "user.of", b"a folder")
    os.setxattr(place(b"attributes/folder"), "trusted.overlay.opaque", b"y")
    for name in (b"links/odd", b"dev/fifo", b"dev/null", b"dev/sda1"):
        os.setxattr(place(name), "trusted.note", name, follow_symlinks=False)


SQUASHFS = [
    "-comp gzip", "-comp lzma", "-comp lzo", "-comp xz", "-comp lz4", "-comp zstd", "-comp lz4 -Xhc",
    "-comp xz -Xbcj x86,arm,armthumb,powerpc,sparc,ia64 -b 64K -Xdict-size 32K",
    "-comp gzip -Xcompression-level 1 -Xwindow-size 9", "-comp zstd -Xcompression-level 22 -b 1M",
    "-comp lzo -Xalgorithm lzo1x_1", "-b 4K", "-b 4K -no-fragments", "-b 1M -always-use-fragments", "-no-fragments",
    "-always-use-fragments", "-noI -noD -noF -noX", "-noI", "-noX", "-noD -noF", "-noId", "-no-exports",
    "-no-duplicates", "-no-sparse", "-no-tailends", "-nopad", "-no-xattrs",
]
JFFS2 = [
    "-l", "-b", "-l -m none", "-b -m none", "-l -X lzo -x zlib -x rtime", "-b -X lzo -x zlib -x rtime",
    "-l -X rtime -x zlib -x lzo", "-b -X rtime -x zlib -x lzo", "-l -m size -X lzo", "-l --with-xattr",
    "-b --with-xattr", "-l -e 128KiB -n", "-b -e 256KiB -p", "-l -s 8192 -e 128KiB", "-l summary", "-b summary",
]
CPIO = ["newc", "crc", "newc gzip", "newc xz --check=crc32", "newc zstd", "newc lz4", "newc lzop"]
# Neither reader of JFFS2 copes with what the odd ones hold: a long target, a name that is no text.
HOLDS = {"squashfs": SQUASHFS, "jffs2": JFFS2, "odd jffs2": ["-l --with-xattr", "-b --with-xattr"], "cpio": CPIO}


def pack(kind, words, root, image):
    """Makes an image with the tool of that kind."""
    words = words.split()
    if kind == "squashfs":
        run("mksquashfs", root, image, "-no-progress", *words)
    elif "jffs2" in kind:
        plain = [word for word in words if word != "summary"]
        run("mkfs.jffs2", "-r", root, "-o", image, *plain)
        if "summary" in words:
            image.rename(image.with_suffix(".plain"))
            run("sumtool", *plain, "-e", "64KiB", "-i", image.with_suffix(".plain"), "-o", image)
    else:
        names = run("find", ".", "-print0", cwd=root)
        archive = run("cpio", "-0", "-o", "--quiet", "-H", words[0], input=names, cwd=root)
        image.write_bytes(run(*words[1:], "-c", input=archive) if words[1:] else archive)


def made(program, work, used):
    """Builds images of every kind, and compares them with the folder that they were built from as well."""
    good = True
    for kind, variants in HOLDS.items():
        source = plant(work / kind, kind)
        for words in variants:
            image = work / f"{kind} {words}".replace("/", "_")
            pack(kind, words, work / kind, image)
            fields = ["xattrs"] if kind == "cpio" or "-no-xattrs" in words else []
            if "jffs2" in kind and "--with-xattr" not in words:
                fields = ["xattrs"]
            good &= compare(program, image, used, without(source, *fields))[0]
            image.unlink()
    for name, command in BOOT.items():
        (work / "settings").write_text(SETTINGS)
        (work / "part").write_bytes(random.Random(1).randbytes(12345))
        (work / "cut").write_bytes(cut_kernel())
        run(*command.replace("@", f"{work}/").split(), str(work / name))
        good &= compare(program, work / name, used)[0]
    return good


def cut_kernel():
    """The setup code of a kernel, and less behind it than it says."""
    kernel = bytearray(8192)
    kernel[0x1F1] = 3
    struct.pack_into("<I", kernel, 0x1F4, 0x1000)
    kernel[0x1FE:0x200] = b"\x55\xaa"
    kernel[0x202:0x208] = b"HdrS\x0f\x02"
    kernel[0x211] = 1
    return kernel


SETTINGS = "bootcmd=run load; bootm 0x80000000\n" \
    "bootargs=console=ttyS0,115200 root=/dev/mtdblock3 ro\nname=a b=c\n"
BOOT = {
    "environment": "mkenvimage -s 0x4000 @settings -o",
    "environment of two": "mkenvimage -r -s 0x10000 @settings -o",
    "environment, big-endian": "mkenvimage -b -s 0x2000 -p 0xff @settings -o",
    "uImage, kernel": "mkimage -A arm64 -O linux -T kernel -C none -a 0x80000 -e 0x80004 -n name -d @part",
    "uImage, cut kernel": "mkimage -A x86 -O linux -T kernel -C none -a 0x100000 -e 0x100000 -n cut -d @cut",
    "uImage, ramdisk": "mkimage -A arm -O linux -T ramdisk -C gzip -n a-name-of-thirty-two-characters-and-more -d @part",
    "uImage, multi": "mkimage -A mips -O linux -T multi -C lzma -n parts -d @part:@settings:@part",
    "uImage, script": "mkimage -A ppc -O linux -T script -C none -n script -d @settings",
    "uImage, firmware": "mkimage -A riscv -O u-boot -T firmware -C none -a 0xffffff00 -e 0xffffff00 -n fw -d @part",
}


def main():
    options = [argument for argument in sys.argv[1:] if argument.startswith("--")]
    arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--")]
    if not arguments or set(options) - {"--strict", "--made"} or len(arguments) < 2 and "--made" not in options:
        raise SystemExit(__doc__)
    if os.geteuid():
        raise SystemExit("needs root: owners and devices are compared as they are extracted")
    program, *places = arguments
    images = []
    for place in map(pathlib.Path, places):
        images += sorted(path for name in PATTERNS for path in place.glob(name)) if place.is_dir() else [place]
    used, good, compared = collections.Counter(), True, []
    for image in images:
        equal, report, tally = compare(program, image, used)
        good &= equal
        compared.append((image, report, tally))
    good &= found_inside(compared, used)
    if "--made" in options:
        with tempfile.TemporaryDirectory() as work:
            good &= made(program, pathlib.Path(work), used)
    for name, words, _ in EXPLAINED:
        print(f"{used[name]:6} {name}: {words}")
        if not used[name] and "--strict" in options:
            good = False
    sys.exit(0 if good else 1)


# Of a folder, what is compared.
PATTERNS = ("*.squashfs", "*.jffs2", "*.cpio*", "uImage*", "*spi*.bin")


if __name__ == "__main__":
    main()
