"""Boots Debian's user-mode Linux as an ordinary process and reads what it lists (lister.c).

Needs user-mode-linux, gcc and libc6-dev (Debian). No image is ever shown to the machine's own kernel.
"""

import collections
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
KERNEL = "/usr/bin/linux"
MODULES = {"loop.ko": "kernel/drivers/block/loop.ko", "squashfs.ko": "kernel/fs/squashfs/squashfs.ko"}
TYPES = {1: "fifo", 2: "character", 4: "dir", 6: "block", 8: "file", 10: "link", 12: "socket"}

Entry = collections.namedtuple("Entry", "type mode uid gid size device ino nlink mtime target content error")


def newc(name, mode, data=b"", **fields):
    """One entry of a cpio archive."""
    order = "ino mode uid gid nlink mtime size maj min rmaj rmin namesize sum".split()
    values = dict.fromkeys(order, 0) | {"nlink": 1, "mode": mode, "size": len(data), "namesize": len(name) + 1} | fields
    header = b"070701" + b"".join(b"%08X" % values[field] for field in order) + name + b"\0"
    header += b"\0" * (-len(header) % 4)
    return header + data + b"\0" * (-len(data) % 4)


def lister(work, modules=True):
    """The archive with the lister, to stand before anything that is unpacked."""
    binary = work / "lister"
    subprocess.run(["gcc", "-O2", "-static", "-o", binary, HERE / "lister.c"], check=True)
    folder = next(pathlib.Path("/usr/lib/uml/modules").iterdir())
    parts = [newc(b".k", 0o40755), newc(b".k/init", 0o100755, binary.read_bytes())]
    for name, path in MODULES.items() if modules else ():
        parts.append(newc(b".k/" + name.encode(), 0o100644, (folder / path).read_bytes()))
    parts.append(newc(b"TRAILER!!!", 0))
    return b"".join(parts)


def boot(folder, initrd, job, timeout):
    """Runs one kernel. Returns its console; the lines are in the folder's `out`."""
    command = [KERNEL, "mem=192M", f"initrd={initrd}", "rdinit=/.k/init", f"job={job}", f"host={folder}",
               "con=null", "con0=fd:0,fd:1", "quiet", "panic=-1", "oops=panic"]
    environment = os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=environment, start_new_session=True) as kernel:
        try:
            console, _ = kernel.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(kernel.pid, 9)
            console, _ = kernel.communicate()
    return console.decode(errors="replace")


def read(path):
    """Images by name, each with the entries by path and the error of mounting; `None` for an image that did not end."""
    found, entries, name = {}, None, None
    if not path.exists():
        return found
    for line in path.read_text().splitlines():
        words = line.split(" ")
        if words[0] == ">":
            name, entries = words[1], {}
            found[name] = None
        elif words[0] == "<" and name:
            found[name] = (entries, int(words[1]))
        elif words[0] == "E" and len(words) == 14:
            shown = path_of(words[1])
            numbers = [int(words[2], 8), int(words[3], 8)] + [int(word) for word in words[4:7]]
            kind, mode, uid, gid, size = numbers
            target = b"" if words[11] == "-" else bytes.fromhex(words[11])
            entries[shown] = Entry(TYPES.get(kind, str(kind)), mode, uid, gid, size, words[7], int(words[8]),
                                   int(words[9]), int(words[10]), target, words[12], int(words[13]))
        elif words[0] == "X":
            entries[path_of(words[1])] = int(words[2])
        elif words[0] == "!":
            raise RuntimeError(line)
    return found


def path_of(word):
    return b"/" if word == "-" else bytes.fromhex(word)


def escape(name):
    """As the core writes keys."""
    return re.sub(rb"[^A-Za-z0-9._+@-]", lambda found: b"%%%02X" % found[0][0], name)


class Ours:
    """The example `listing`, asked for many images at once."""

    def __init__(self, command, form):
        self.command = [command, form]

    def ask(self, paths):
        import json
        text = "\n".join(str(path) for path in paths)
        answer = subprocess.run(self.command, input=text, capture_output=True, text=True, check=True)
        return [json.loads(line) for line in answer.stdout.splitlines()]


def affirmed(command, genuine, copies, **more):
    """By name, whether `verify` affirms each copy of a genuine image, under a policy that accepts whatever was packed anew.

    `command` is an example of crates; `affirms` lies beside it. `genuine` is a path, `copies` are paths by name."""
    import json
    request = {"genuine": str(genuine), "copies": [str(path) for path in copies.values()], **more}
    program = pathlib.Path(command).with_name("affirms")
    out = subprocess.run([program], input=json.dumps(request) + "\n", capture_output=True, text=True, check=True).stdout
    answer = json.loads(out)
    if answer["genuine"] != 0:
        raise RuntimeError(f"verify ends with {answer['genuine']} for the genuine {genuine}")
    return {name: exit == 0 for name, exit in zip(copies, answer["copies"])}


def work_folder():
    base = "/dev/shm" if os.path.isdir("/dev/shm") else None
    return pathlib.Path(tempfile.mkdtemp(prefix="kernel-oracle-", dir=base))


def differences(theirs, ours, ignore=()):
    """What a kernel and we list differently: (path, field, theirs, ours)."""
    found = []
    links = collections.defaultdict(list)
    for path, entry in theirs.items():
        if not isinstance(entry, int):
            links[entry.ino].append(path)
    for path, entry in theirs.items():
        key = b"/".join(escape(step) for step in path.split(b"/")).decode()
        if not isinstance(entry, int) and entry.type == "dir" and path != b"/":
            key += "/"
        mine = ours.get(key)
        if mine is None:
            found.append((path, "name", entry, None))
            continue
        if isinstance(entry, int):
            found.append((path, "error", entry, mine))
            continue
        found += fields(path, entry, mine, ours, links, ignore)
    known = {b"/".join(escape(step) for step in path.split(b"/")).decode() for path in theirs}
    found += [(path, "name", None, mine) for path, mine in ours.items() if path.rstrip("/") not in known and path != "/"]
    return found


KINDS = {"directory": "dir", "file": "file", "symbolic-link": "link", "block-device": "block",
         "character-device": "character", "whiteout": "character", "fifo": "fifo", "socket": "socket"}


def fields(path, entry, mine, ours, links, ignore):
    content = mine.get("content")
    if mine.get("hard-link"):
        first = ours.get("/".join(escape(step.encode("utf8", "surrogateescape")).decode() for step in mine["hard-link"].split("/")))
        # People are shown what is no text with a sign for each byte that is none.
        content = first.get("content") if first else "\ufffd" in mine["hard-link"] and [entry.size, entry.content]
    target = mine.get("target", "")
    target = bytes.fromhex(target["hex"]) if isinstance(target, dict) else target.encode()
    checks = {
        "type": (entry.type, KINDS.get(mine["kind"])),
        "mode": (entry.mode, int(mine["mode"], 8)),
        "uid": (entry.uid, int(mine["uid"], 0)),
        "gid": (entry.gid, int(mine["gid"], 0)),
        "mtime": (entry.mtime, int(mine["modified"], 0)),
        "error": (entry.error, 0),
    }
    if entry.type == "link":
        checks["target"] = (entry.target, target)
    if entry.type in ("block", "character"):
        checks["device"] = (entry.device, mine.get("device"))
    if entry.type == "file":
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        checks["content"] = ((entry.size, entry.content), tuple(content) if content else (0, empty))
    if entry.type != "dir":
        names = len(links[entry.ino])
        checks["links"] = (names, int(mine.get("links", "1"), 0))
        checks["nlink"] = (entry.nlink, names)
    return [(path, name, theirs, own) for name, (theirs, own) in checks.items() if theirs != own and name not in ignore]


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
