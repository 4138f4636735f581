#!/usr/bin/env python3
"""Compares what we list of coreboot images with what cbfstool says, area for area and file for file.

    cargo build --release -p kiwame-verifier --example inspect
    tests/oracle/coreboot.py KIWAME IMAGE...

KIWAME is the command, or the example `inspect` of crates/verifier. Of every area of the flash map: place and size. Of every
file: name, place, type, length of header and of data, algorithm and size, hashes with whether they are right; of stages
entry, load address and memory; of payloads every segment; the metadata hash. What a compressed file, that is no stage and
no payload, unpacks to is compared with what `cbfstool extract` gives, by digest.

Needs coreboot-utils (Debian). Python's standard library only.
"""

import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse

# Areas that lie in one place stand in one line.
PLACE = r"^('.*').*\((?:[^)]*?, )?size (\d+), offset (\d+)\)"


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, errors="surrogateescape", check=False).stdout


def ours(kiwame, image):
    return json.loads(subprocess.run([kiwame, "inspect", "--format", "json", image], capture_output=True, check=False).stdout)


def areas_of(image):
    """Place and size of each area, by name."""
    lines = [(name, offset, size) for names, size, offset in re.findall(PLACE, run("cbfstool", image, "layout", "-w"), re.M)
             for name in re.findall(r"'(.*?)'", names)]
    return {name: (int(offset), int(size)) for name, offset, size in lines}


def files_of(image, area):
    """What cbfstool says of each file of an area, by place, and of the metadata hash."""
    files, metadata = {}, None
    chosen = [] if area is None else ["-r", area]
    for line in run("cbfstool", image, "print", "-k", "-v", *chosen).splitlines():
        if line.startswith("[METADATA HASH]"):
            metadata = line.split("\t")[1].split(":")[1:3]
            continue
        fields = line.split("\t")
        if len(fields) < 6 or fields[0] == "Name":
            continue
        name, offset, kind, header, data = fields[:5]
        more = dict(field.split(":", 1) for field in fields[6:] if ":" in field)
        packed = more.get("comp", "").split(":")
        hashes = [field.split(":")[1:4] for field in fields[6:] if field.startswith("hash:")]
        files[int(offset, 16)] = {
            "name": "" if name == "(empty)" else name,
            "type": kind,
            "header": int(header, 16),
            "data": int(data, 16),
            "packed": (packed[0].lower(), int(packed[1], 16)) if len(packed) > 1 else None,
            "hashes": [(name.lower(), value, valid == "valid") for name, value, valid in hashes],
            "lines": [],
        }
    last = None
    for line in run("cbfstool", image, "print", "-v", *chosen).splitlines():
        start = re.match(r"^(.{30,}?) +0x([0-9a-f]+) +", line)
        if start:
            last = int(start.group(2), 16)
        elif line.startswith("    ") and last in files and not line.strip().startswith("hash"):
            files[last]["lines"].append(re.sub(" +", " ", line.strip()))
    return files, metadata


def line_of(region, number):
    """A segment or a stage as cbfstool prints it."""
    facts = region["attributes"]
    if region["kind"] == "cbfs-attribute":
        load = facts["address"]
        return f"entry: 0x{load + facts['entry-offset']:x}, load: 0x{load:x}, memlen: {facts['memory-length']}"
    name, load = region["name"], f"0x{facts['address']:x}"
    if name == "entry":
        return f"entry ({load})"
    if name == "bss":
        return f"BSS (address 0x{facts['address']:016x}, length 0x{facts['size']:x})"
    packing = facts["compression"]
    packing = packing if packing == "none" else packing.upper()
    return f"{name} ({packing} compression, offset: 0x{facts['offset']:x}, load: {load}, length: {facts['size']}/{facts['memory-length']})"


def hash_of(attribute, path, wrong, image):
    """A hash, and whether nothing was wrong with it."""
    start, end = attribute["offset"] + 12, attribute["offset"] + attribute["length"]
    value = image[start:end].hex()
    return attribute["attributes"]["algorithm"], value, (path, value) not in wrong


def our_files(report, prefix, start, image):
    """The same of ours."""
    files = {}
    wrong = {(finding.get("path"), finding.get("actual")) for finding in report["findings"]}
    for region in report["regions"]:
        path = region["path"]
        if region["space"] != "image" or not path.startswith(prefix):
            continue
        rest = path[len(prefix):]
        below = re.fullmatch(r"(cbfs-file|cbfs-free):([^/]*)", rest)
        if below:
            name = urllib.parse.unquote(below.group(2)) if below.group(1) == "cbfs-file" else ""
            parts = [r for r in report["regions"] if r["path"].startswith(path + "/") and r["space"] == "image"
                     and region["offset"] <= r["offset"] < region["offset"] + region["length"]]
            kinds = {}
            for part in parts:
                kinds.setdefault(part["kind"], []).append(part)
            headers = [p for kind in ("cbfs-header", "cbfs-attribute", "cbfs-attributes-unused") for p in kinds.get(kind, [])]
            header = sum(part["length"] for part in headers)
            compressions = [p["attributes"] for p in kinds.get("cbfs-attribute", []) if "compression" in p["attributes"]]
            packed = compressions[0] if compressions else {}
            algorithm = packed.get("compression", "none")
            lines = [line_of(p, n) for n, p in enumerate(kinds.get("cbfs-segment-header", []))]
            lines += [line_of(p, 0) for p in kinds.get("cbfs-attribute", []) if "entry-offset" in p["attributes"]]
            files[region["offset"] - start] = {
                "name": name,
                "type": region["attributes"].get("type-name", "(unknown)"),
                "header": header,
                "data": region["length"] - header,
                "packed": None if algorithm == "none" else (algorithm, packed["content-size"]),
                "hashes": [hash_of(p, path, wrong, image) for p in kinds.get("cbfs-attribute", []) if "algorithm" in p["attributes"]],
                "lines": lines,
                "path": path,
            }
    return files


def compare(kiwame, image):
    report = ours(kiwame, image)
    wrong = []

    def differ(what, mine, theirs):
        if mine != theirs:
            wrong.append(f"{what}: ours {mine!r}, cbfstool {theirs!r}")

    # What they name by the same number otherwise.
    words = {"legacy stage": "(unknown)"}
    areas = areas_of(image)
    found = {}
    for region in report["regions"]:
        step = region["path"].rsplit("/", 1)[-1]
        if step.startswith("partition:") and region["space"] == "image":
            found[urllib.parse.unquote(step.split(":", 1)[1])] = (region["offset"], region["length"], region["path"])
    if areas:
        differ("areas", {name: place[:2] for name, place in found.items()}, areas)
    count = 0
    for name in [name for name, place in found.items() if any(r["path"].startswith(place[2] + "/cbfs-f") for r in report["regions"])] or [None]:
        start, _, path = found.get(name, (0, 0, ""))
        theirs, metadata = files_of(image, name if areas else None)
        mine = our_files(report, path + "/" if path else "", start, pathlib.Path(image).read_bytes())
        differ(f"{name}: places", sorted(mine), sorted(theirs))
        for place in sorted(set(mine) & set(theirs)):
            count += 1
            for field in ("name", "type", "header", "data", "packed", "hashes", "lines"):
                value = mine[place][field]
                if field == "type":
                    value = words.get(value, value)
                differ(f"{name}: {place:#x} {field}", value, theirs[place][field])
            file = theirs[place]
            if file["packed"] and file["type"] not in ("stage", "(unknown)", "simple elf"):
                with tempfile.TemporaryDirectory() as folder:
                    out = pathlib.Path(folder) / "content"
                    chosen = ["-r", name] if areas else []
                    run("cbfstool", image, "extract", "-n", file["name"], "-f", str(out), *chosen)
                    theirs_digest = hashlib.sha256(out.read_bytes()).hexdigest()
                inside = [r for r in report["regions"] if r["path"].startswith(mine[place]["path"] + "/cbfs:stream/decoded:content")]
                differ(f"{name}: {place:#x} content", theirs_digest in [r.get("sha256") for r in inside], True)
        if metadata and name == "COREBOOT":
            anchor = report["regions"][0]["attributes"].get("metadata-hash-anchor")
            content = pathlib.Path(image).read_bytes()
            value = content[anchor + 12:][:len(metadata[0]) // 2].hex() if anchor is not None else None
            refused = any("cbfs_hash" in json.dumps(finding) for finding in report["findings"])
            differ("metadata hash", [value, "invalid" if refused else "valid"], metadata)
    for finding in report.get("findings", []):
        wrong.append(f"finding: {finding['id']} {finding.get('path', '')}")
    return count, wrong


def main(kiwame, *images):
    failed = 0
    for image in images:
        count, wrong = compare(kiwame, image)
        print(f"{image}: {count} files, {len(wrong)} differences")
        for line in wrong:
            print(f"  {line}")
        failed += bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
