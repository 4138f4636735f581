"""A guest that lists file systems with Debian's kernel: one boot for many images.

The kernel is the one that `linux-image-amd64` depends on today, run by qemu without KVM from a memory disk, so that no
changed image ever reaches the kernel of this machine. Needs gcc, qemu-system-x86, busybox-static (Debian) and apt.
"""

import collections
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("KIWAME_ORACLE", HERE.parents[2] / "build" / "oracle-kernel"))
# Base modules in the order of their dependencies; mtdram comes with the first image.
MODULES = ["mtd", "lzo_compress", "lzo_decompress", "zlib_deflate", "jffs2"]

# mode, uid, gid, size, nlink, mtime, device, type as readdir tells it, target, attributes, content
Entry = collections.namedtuple("Entry", "mode uid gid size nlink mtime device type target xattrs content")
Image = collections.namedtuple("Image", "name data erase size script", defaults=("-",))
# error: why it was not mounted, or "crash"; entries by path; dump: the medium after a script
Listing = collections.namedtuple("Listing", "error entries dump")


def kernel():
    """The kernel and the folder of its modules, unpacked once."""
    folder = CACHE / "kernel"
    if not list(folder.glob("boot/vmlinuz-*")):
        CACHE.mkdir(parents=True, exist_ok=True)
        words = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], check=True, capture_output=True, text=True)
        package = re.search(r"Depends: (linux-image-\d\S*)", words.stdout).group(1)
        subprocess.run(["apt-get", "download", package], cwd=CACHE, check=True, capture_output=True)
        subprocess.run(["dpkg-deb", "-x", next(CACHE.glob("linux-image-*.deb")), folder], check=True)
    return next(folder.glob("boot/vmlinuz-*")), next(folder.glob("lib/modules/*"))


def cpio(entries):
    """A memory disk of (name, mode, content, device)."""
    out = bytearray()
    for name, mode, content, device in [*entries, ("TRAILER!!!", 0, b"", (0, 0))]:
        name = name.encode() + b"\0"
        numbers = [0, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name), 0]
        out += b"070701" + b"".join(b"%08X" % number for number in numbers) + name
        out += bytes(-len(out) % 4) + content
        out += bytes(-len(out) % 4)
    return bytes(out)


def base(folder):
    _, modules = kernel()
    init = folder / "init"
    subprocess.run(["gcc", "-static", "-O2", "-o", init, HERE / "guest.c"], check=True, stderr=subprocess.DEVNULL)
    entries = [(name, 0o040755, b"", (0, 0)) for name in ("dev", "proc", "mnt", "img", "mod", "bin", "tmp")]
    entries.append(("dev/console", 0o020600, b"", (5, 1)))
    entries.append(("init", 0o100755, init.read_bytes(), (0, 0)))
    for link in ("attr", "unattr"):
        entries.append((f"bin/{link}", 0o120777, b"/init", (0, 0)))
    for link in "sh cat chmod chown cp dd echo ln mkdir mkfifo mknod mv rm rmdir seq sleep sync touch truncate".split():
        entries.append((f"bin/{link}", 0o120777, b"busybox", (0, 0)))
    entries.append(("bin/busybox", 0o100755, pathlib.Path("/bin/busybox").read_bytes(), (0, 0)))
    wanted = [*MODULES, "mtdram"]
    found = {path.stem: path for path in modules.rglob("*.ko")}
    for name in wanted:
        if name in found:
            entries.append((f"mod/{name}.ko", 0o100644, found[name].read_bytes(), (0, 0)))
    entries.append(("modules", 0o100644, "\n".join(name for name in MODULES if name in found).encode(), (0, 0)))
    return entries


def run(images, batch=400, quiet=True):
    """Lists every image: a dict of Listing by name. After a crash of the guest the rest goes on in another one."""
    done, left, failed = {}, list(images), 0
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        common = base(folder)
        while left:
            part = left[:batch]
            boot(folder, common, part, done)
            # A busy machine keeps some guests from starting.
            failed = 0 if any(image.name in done for image in part) else failed + 1
            if failed == 5:
                raise RuntimeError("the guest lists nothing; see " + str(save(folder)))
            left = [image for image in left if image.name not in done]
            if not quiet:
                print(f"  {len(done)} listed, {len(left)} left", flush=True)
    return done


def save(folder):
    kept = CACHE / "last-boot"
    shutil.copytree(folder, kept, dirs_exist_ok=True)
    return kept


def boot(folder, common, images, done):
    entries = list(common)
    for image in images:
        entries.append((f"img/{image.name}", 0o100644, image.data.rstrip(b"\xff"), (0, 0)))
    lines = [f"{i.name} {i.erase // 1024} {i.size // 1024} {i.script}\n" for i in images]
    entries.append(("list", 0o100644, "".join(lines).encode(), (0, 0)))
    (folder / "disk").write_bytes(gzip.compress(cpio(entries), 1))
    vmlinuz, _ = kernel()
    command = ["qemu-system-x86_64", "-accel", "tcg", "-m", "1024", "-display", "none", "-no-reboot", "-kernel", vmlinuz]
    command += ["-initrd", folder / "disk", "-append", "console=ttyS0 quiet loglevel=3 panic=-1 oops=panic no_timer_check"]
    command += ["-serial", f"file:{folder / 'console'}", "-debugcon", f"file:{folder / 'out'}", "-nodefaults"]
    (folder / "out").write_bytes(b"")
    guest = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    wait(guest, folder / "out")
    read((folder / "out").read_bytes(), {image.name: image for image in images}, done)


def wait(guest, out):
    """Until it ends, or prints nothing for long: some images make the kernel go round in circles."""
    size = -1
    while True:
        try:
            guest.wait(90)
            return
        except subprocess.TimeoutExpired:
            if out.stat().st_size == size:
                guest.kill()
                guest.wait()
                return
            size = out.stat().st_size


def unhex(word):
    return b"" if word == "-" else bytes.fromhex(word)


def read(out, images, done):
    """Takes what a guest printed apart. The image that it was at when it ended is one that crashes the kernel."""
    at, name = 0, None
    error, entries, dump = None, {}, None
    while at < len(out):
        if out[at:at + 2] == b"D ":
            size = images[name].size
            dump = out[at + 2:at + 2 + size]
            at += 3 + size
            continue
        end = out.find(b"\n", at)
        line = out[at:end if end >= 0 else len(out)].decode("ascii", "replace")
        at = end + 1 if end >= 0 else len(out)
        kind, _, words = line.partition(" ")
        words = words.split(" ")
        if kind == "B":
            name, error, entries, dump = words[0], None, {}, None
        elif kind == "M":
            error = f"mount {words[0]}"
        elif kind == "!":
            error = line
        elif kind == "X" and len(words) == 2:
            entries[unhex(words[0])] = f"error {words[1]}"
        elif kind == "E" and len(words) == 12:
            mode, uid, gid, size, nlink, mtime = (int(words[1], 8), *map(int, words[2:7]))
            device = tuple(map(int, words[7].split(":")))
            entries[unhex(words[0])] = Entry(mode, uid, gid, size, nlink, mtime, device, int(words[8]), *words[9:12])
        elif kind == ".":
            done[name] = Listing(error, entries, dump)
            name = None
    if name is not None:
        done[name] = Listing("crash", entries, dump)
