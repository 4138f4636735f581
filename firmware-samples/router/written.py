#!/usr/bin/env python3
"""Writes overlay-*.toml beside it: the router's overlay as Linux leaves it, and as an attacker changes that.

The first is what Debian's kernel writes when `uci commit` is run (a new file, renamed over the old one), in the guest of
tests/oracle/kernel; times and the order of background work differ from run to run, so the digest changes with it.
"""

import hashlib
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "tests/oracle/kernel"), str(HERE.parent / "jffs2")]
import guest  # noqa: E402
import rules  # noqa: E402

ERASE, SIZE, PLACE = 0x10000, 0x60000, 0x380000
NEW = "config system\n\toption hostname 'kitchen'\n\toption zone '2'\n"
SCRIPT = ("sleep 3; cd upper/etc/config; printf \"" + NEW.replace("\n", "\\n").replace("\t", "\\t") +
          "\" > .system.uci-Ab12Cd; mv .system.uci-Ab12Cd system; sync; sleep 6")


def written(genuine):
    image = guest.Image("overlay", genuine, ERASE, SIZE, SCRIPT)
    listing = guest.run([image])["overlay"]
    assert not listing.error, listing.error
    return listing.dump


def describe(about, data):
    lines = [f'about = "{about}"', 'sha256 = "@"', 'base = "router/router.bin"', "edit = ["]
    lines.append(f'    {{ op = "erase", offset = {PLACE:#x}, length = {SIZE:#x} }},')
    at = 0
    while at < len(data):
        if data[at:at + 16] == b"\xff" * 16:
            at += 16
            continue
        end = data.find(b"\xff" * 16, at)
        end = min(len(data) if end < 0 else end, at + 48)
        lines.append(f'    {{ op = "put", offset = {PLACE + at:#x}, hex = "{data[at:end].hex()}" }},')
        at = end
    router = bytearray((HERE / "router.bin").read_bytes())
    router[PLACE:PLACE + SIZE] = data
    return "\n".join([*lines, "]", ""]).replace("@", hashlib.sha256(router).hexdigest())


def main():
    genuine = (HERE / "parts/overlay-genuine.jffs2").read_bytes().ljust(SIZE, b"\xff")
    evil = rules.inode(100, 1, rules.FILE | 0o755, b"#!/bin/sh\ntelnetd\n")
    evil += rules.dirent(4, 50, 100, b"rc.local")
    # Its nodes in the first block end there.
    end = 0x270
    over = bytearray(genuine)
    inside = (evil + b"\xff" * ERASE)[:ERASE - end - 12] + rules.CLEAN + b"\xff" * 0x100
    node = rules.padding(inside)
    over[end:end + len(node)] = node
    late = bytearray(genuine)
    late[end:end + len(evil)] = evil
    gone = rules.dirent(4, 51, 0, b"rc.local", 0)
    late[3 * ERASE + 0x400:3 * ERASE + 0x400 + len(gone)] = gone
    for name, about, data in [
        ("written", "the overlay after a setting was changed, as Linux wrote it", written(genuine)),
        ("over-block", "a padding node over the end of an erase block: Linux finds a start script inside", bytes(over)),
        ("behind-erased", "a deletion where Linux does not look: a start script lives", bytes(late)),
    ]:
        (HERE / f"overlay-{name}.toml").write_text(describe(about, data))


if __name__ == "__main__":
    main()
