#!/usr/bin/env python3
"""Compares our whole item list of UEFI images with UEFIExtract's.

    cargo build --release -p kiwame-xtask --example items
    tests/oracle/uefiextract.py target/release/examples/items IMAGE_OR_FOLDER...

Every item of UEFIExtract's report (volumes, files, sections, free space, padding) must have one of ours with the
same type, subtype, size, GUID or name and, where the report says one, offset; and the other way round. Content is
compared by the report's CRC-32 of each item, computed here over the bytes where *we* say the item lies; inside
compressed sections the bytes come from Python's own LZMA decoder, so that a wrong decoder of ours shows too.
Differences that the specification explains are listed in EXPLAINED; one that no image shows is an error as well
when --strict is given.

Needs UEFIExtract (Debian: uefitool-cli). Python's standard library only.
"""

import collections
import json
import lzma
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zlib

SECTION_SUBTYPE = {
    0x01: "Compressed", 0x02: "GUID defined", 0x03: "Disposable", 0x10: "PE32 image", 0x11: "PIC image",
    0x12: "TE image", 0x13: "DXE dependency", 0x14: "Version", 0x15: "UI", 0x16: "16-bit image",
    0x17: "Volume image", 0x18: "Freeform subtype GUID", 0x19: "Raw", 0x1B: "PEI dependency", 0x1C: "MM dependency",
}
FILE_SUBTYPE = {
    0x01: "Raw", 0x02: "Freeform", 0x03: "SEC core", 0x04: "PEI core", 0x05: "DXE core", 0x06: "PEI module",
    0x07: "DXE driver", 0x08: "Combined PEI/DXE", 0x09: "Application", 0x0A: "SMM module", 0x0B: "Volume image",
    0x0C: "Combined SMM/DXE", 0x0D: "SMM core", 0x0E: "MM standalone module", 0x0F: "MM standalone core",
    0xF0: "Pad",
}
VOLUME_SUBTYPE = {
    "7A9354D9-0468-444A-81CE-0BF617D890DF": "FFSv1", "8C8CE578-8A3D-4F1C-9935-896185C32DD3": "FFSv2",
    "5473C07A-3DCB-4DCA-BD6F-1E9689E7349A": "FFSv3", "FFF12B8D-7696-4C8B-A985-2747075B4F50": "NVRAM",
}

# Differences that are right, each with the words that make it right. A function takes an item and the list it came
# from, and says whether this is such a case.
EXPLAINED = [
    ("variables",
     "Variable stores and their entries are no items of the PI specification; the tests of that format compare "
     "them.",
     lambda item: item.side == "theirs" and (item.type.startswith(("VSS", "FTW")) or item.in_nvram)),
    ("short free space",
     "Volume 3, 3.2.3: a file begins with a header of 24 bytes, so erased bytes fewer than that at the end of a "
     "volume are free space. UEFIExtract tries to read a header, says \"file header parsing failed with invalid "
     "size\", and leaves the bytes out.",
     lambda item: item.side == "ours" and item.type == "Free space" and item.size < 24),
]


class Item(collections.namedtuple("Item", "side type subtype base size crc name in_nvram parent")):
    """One line of the report. The parent is told by type, size and checksum."""

    def key(self):
        return (self.type, self.subtype, self.size, self.crc, self.name, self.parent)

    def as_parent(self):
        return (self.type, self.size, self.crc)

    def __str__(self):
        base = "N/A" if self.base is None else f"{self.base:08X}"
        return f"{self.side:6} {self.type:10} {self.subtype:22} {base:>8} {self.size:08X} {self.crc:08X} {self.name}"


def theirs(image):
    """UEFIExtract's report, as items in order."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "image"
        shutil.copy(image, copy)
        subprocess.run(["UEFIExtract", copy.name, "report"], cwd=folder, check=False, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        text = (pathlib.Path(folder) / "image.report.txt").read_text("utf-8", "replace")
    items, inside = [], []
    for row in text.splitlines()[1:]:
        kind, subtype, base, size, crc, name = (field.strip() for field in row.split("|", 5))
        depth = len(re.match(r"-*", name).group())
        name = normal(kind, subtype, name[depth:].strip())
        del inside[depth:]
        if len(inside) != depth:
            raise SystemExit(f"{image}: cannot read the report: {row}")
        nvram = any((item.type, item.subtype) == ("Volume", "NVRAM") for item in inside)
        parent = inside[-1].as_parent() if depth > 1 else None
        item = Item("theirs", kind, subtype, None if base == "N/A" else int(base, 16), int(size, 16), int(crc, 16),
                    name, nvram, parent)
        inside.append(item)
        items.append(item)
    return items[1:]


def normal(kind, subtype, name):
    """GUID and given name; what UEFIExtract makes up where there is neither is left out."""
    parts = [part.strip() for part in name.split("|")]
    guid = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$")
    if kind == "Section" and subtype not in ("GUID defined", "Freeform subtype GUID") or subtype == "Pad":
        return ""
    if kind == "File" and len(parts) > 1 and parts[1] in INVENTED:
        parts = parts[:1]
    return " | ".join(parts) if guid.match(parts[0]) else ""


# Names that UEFIExtract gives by itself to files of a well-known GUID or place.
INVENTED = {"PEI apriori file", "DXE apriori file", "Volume Top File"}


def ours(program, image):
    """Our regions, as items in the terms of UEFIExtract; and everything else we noted."""
    out = subprocess.run([program, image], check=True, stdout=subprocess.PIPE).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    regions = [row for row in rows if "kind" in row]
    spaces = {"image": pathlib.Path(image).read_bytes()}
    nested = {row["space"] for row in regions}
    items, inside = [], []
    for row in regions:
        data = spaces.get(row["space"])
        if data is None:
            raise SystemExit(f"{image}: no decoder here for {row['space']}")
        part = data[row["offset"]:row["offset"] + row["length"]]
        if row["path"] in nested and row["content"] == "Encoded":
            spaces[row["path"]] = lzma.decompress(part, lzma.FORMAT_ALONE)
        while inside and inside[-1][0] >= row["depth"]:
            inside.pop()
        item = as_item(row, part, inside[-1][1].as_parent() if inside else None)
        if item:
            items.append(item)
            inside.append((row["depth"], item))
    return items, [row for row in rows if "kind" not in row]


def as_item(row, part, parent):
    kind, facts = row["kind"], row["facts"]
    base = row["offset"] if row["space"] == "image" else None
    name, subtype = "", ""
    if kind == "uefi-volume":
        shown, system = "Volume", facts["file-system"]
        subtype = VOLUME_SUBTYPE.get(system, "Unknown")
        name = row.get("guid", system)
    elif kind in ("uefi-file", "uefi-pad-file"):
        shown, subtype = "File", FILE_SUBTYPE.get(int(facts["type"], 16), "Unknown")
        name = "" if kind == "uefi-pad-file" else " | ".join(filter(None, [row["guid"], row.get("name")]))
    elif kind == "uefi-section":
        shown, subtype = "Section", SECTION_SUBTYPE.get(int(facts["type"], 16), "Unknown")
        name = row.get("guid", "")
    elif kind == "free-space":
        shown = "Free space"
    elif kind == "padding" and top_level(row["path"]):
        shown = "Padding"
        value = set(part)
        subtype = {frozenset([0]): "Empty (0x00)", frozenset([255]): "Empty (0xFF)"}.get(
            frozenset(value), "Non-empty")
    else:
        return None
    return Item("ours", shown, subtype, base, len(part), zlib.crc32(part), name, False, parent)


def top_level(path):
    """Padding beside volumes; alignment between files and sections is no item of UEFIExtract's."""
    above = path.split("/")[-2:-1]
    return not above or not above[0].startswith(("uefi-volume:", "uefi-file:", "uefi-section:", "decoded:"))


def compare(program, image, used):
    mine, notes = ours(program, image)
    other = theirs(image)
    unmatched = collections.defaultdict(list)
    for item in other:
        unmatched[item.key()].append(item)
    differences, equal = [], 0
    for item in mine:
        candidates = unmatched[item.key()]
        # UEFIExtract gives offsets in the image only; equal content twice is told apart by them.
        match = next((one for one in candidates if one.base is None or item.base is None or one.base == item.base),
                     None)
        if match:
            candidates.remove(match)
            equal += 1
        else:
            differences.append(item)
    differences += [item for items in unmatched.values() for item in items]
    left, reasons = [], collections.Counter()
    for item in differences:
        reason = next((name for name, _, test in EXPLAINED if test(item)), None)
        if reason:
            reasons[reason] += 1
        else:
            left.append(item)
    in_order = [item.key() for item in mine]
    expected = [item.key() for item in other]
    common = set(in_order) & set(expected)
    ordered = [key for key in in_order if key in common] == [key for key in expected if key in common]
    programs = sum(item.subtype in ("PE32 image", "TE image") for item in mine)
    files = sum(item.type == "File" for item in mine)
    used.update(reasons)
    explained = ", ".join(f"{count} {name}" for name, count in sorted(reasons.items())) or "none"
    verdict = "equal" if not left and ordered else "DIFFERENT"
    print(f"{verdict}: {image}: {equal} items equal ({programs} programs, {files} files); explained: {explained}; "
          f"unexplained: {len(left)}" + ("" if ordered else "; order differs"))
    for item in left[:20]:
        print("   ", item)
    for note in notes[:10]:
        print("    noted:", {key: note[key] for key in note if key != "path"})
    return not left and ordered


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--strict"]
    if len(arguments) < 2:
        raise SystemExit(__doc__)
    program, *places = arguments
    images = []
    for place in map(pathlib.Path, places):
        images += sorted(place.rglob("*.fd")) if place.is_dir() else [place]
    used = collections.Counter()
    good = all([compare(program, image, used) for image in images])
    for name, words, _ in EXPLAINED:
        print(f"{used[name]:6} {name}: {words}")
        if not used[name] and "--strict" in sys.argv:
            good = False
    sys.exit(0 if good and images else 1)


if __name__ == "__main__":
    main()
