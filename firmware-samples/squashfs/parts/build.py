#!/usr/bin/env python3
"""Writes the file systems beside it, from router/parts/plain.squashfs, by the writer of the oracle."""

import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "tests/oracle/kernel"))
import squashfs  # noqa: E402

plain = (HERE.parents[1] / "router/parts/plain.squashfs").read_bytes()


def inode(image, number):
    return next(inode for inode in image.inodes if inode.fields["number"] == number)


def save(name, data):
    (HERE / name).write_bytes(data)


# The same, its inodes and listings compressed.
image = squashfs.Image(plain)
image.pack = True
save("packed-anew.squashfs", image.build())


def indexed():
    """`a` as an extended directory with an index of one entry, and its two kinds of names in runs of their own."""
    image = squashfs.Image(plain)
    directory = inode(image, 1)
    directory.fields |= {"type": 8, "xattr": 0xFFFFFFFF, "count": 0}
    run = directory.runs[0]
    second = squashfs.Run(4, run.entries[1:])
    for entry in second.entries:
        entry.delta = 0
    directory.runs = [squashfs.Run(run.base, run.entries[:1]), second]
    directory.index = [[21, b"file"]]
    image.build()
    return image


image = indexed()
save("indexed.squashfs", image.build())

# The index leads `file` and what comes behind it to the listing of the root, where there is no such name.
image = indexed()
inode(image, 1).index = [[21 + 51, b"file"]]
save("index-astray.squashfs", image.build())
