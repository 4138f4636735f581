#!/usr/bin/env python3
"""Writes the descriptions of written*.toml beside it: an environment, and what fw_setenv and an intruder leave behind a shorter list."""

import hashlib
import pathlib
import zlib

SIZE = 0x400


def environment(text, rest=b""):
    data = (text + b"\0" + rest).ljust(SIZE - 4, b"\0")
    return zlib.crc32(data).to_bytes(4, "little") + data


def describe(about, data):
    lines = [f'about = "{about}"', f'sha256 = "{hashlib.sha256(data).hexdigest()}"', "part = ["]
    end = len(data.rstrip(b"\0")) + 1
    for at in range(0, end, 48):
        lines.append(f'    {{ at = {at:#x}, hex = "{data[at:min(end, at + 48)].hex()}" }},')
    return "\n".join([*lines, f"    {{ at = {end:#x}, fill = 0, count = {len(data) - end} }},", "]", ""])


if __name__ == "__main__":
    folder = pathlib.Path(__file__).resolve().parent
    long = b"bootcmd=run a\0serial=0001\0note=some-words-that-are-long\0"
    short = b"bootcmd=run a\0serial=0001\0note=few\0"
    old = b"d-words-that-are-long\0"
    program = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + b"\x02\0\x3e\0\x01\0\0\0" + bytes(40)
    for name, about, data in (
        ("written", "three settings", environment(long)),
        ("written-shorter", "one is shorter, and the end of the longer list lies behind it", environment(short, old)),
        ("written-program", "a program behind the list", environment(short, program)),
    ):
        (folder / f"{name}.toml").write_text(describe(about, data))
