#!/usr/bin/env python3
"""Compares what we list of cabinets and UEFI capsules with what other programs say.

    cargo build --release -p kiwame-verifier --example inspect
    tests/oracle/wrappers.py KIWAME IMAGE...

KIWAME is the command, or the example `inspect` of crates/verifier. Of every file of a cabinet: name, size, date, and the
digest of its content, as `gcab` and `cabextract` have them. Of every FMP capsule: the place and size of each payload, its
type, version and lowest version, and the number of drivers, as `GenerateCapsule --dump-info` of edk2-basetools prints them;
of the others the size of header and payload, as UEFIExtract has them.

Needs cabextract and gcab (Debian), UEFIExtract, and edk2-basetools for `python3`. Python's standard library otherwise.
"""

import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse


def run(*command, cwd=None):
    return subprocess.run(command, capture_output=True, text=True, errors="surrogateescape", check=False, cwd=cwd).stdout


def ours(kiwame, image):
    return json.loads(run(kiwame, "inspect", "--format", "json", image))


def key(region):
    return urllib.parse.unquote(region["path"].rsplit("/", 1)[-1].split(":", 1)[1])


def cabinet(image, regions):
    theirs, mine = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        run("cabextract", "-q", "-d", folder, str(image))
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                theirs[str(path.relative_to(folder))] = [len(content), hashlib.sha256(content).hexdigest()]
    for line in run("gcab", "-t", "-v", str(image)).splitlines() or []:
        found = re.match(r"(\S+) +size:(\d+)", line)
        if found and found[1] in theirs and theirs[found[1]][0] != int(found[2]):
            print(f"{image}: gcab and cabextract differ on {found[1]}")
    for line in run("cabextract", "-l", str(image)).splitlines():
        found = re.match(r" *(\d+) \| (\d+)\.(\d+)\.(\d+) (\S+) \| (.*)", line)
        if found:
            _, day, month, year, time, name = found.groups()
            theirs.setdefault(name, [0, hashlib.sha256(b"").hexdigest()]).append(f"{year}-{month}-{day}T{time}")
    for region in regions:
        name = key(region).replace("\\", "/") if region["kind"].startswith("cab-") else ""
        if region["kind"] == "cab-file":
            mine.setdefault(name, [0, ""])[:2] = [region["length"], region.get("sha256")]
        elif region["kind"] == "cab-entry":
            empty = hashlib.sha256(b"").hexdigest()
            mine.setdefault(name, [0, empty]).append(region["attributes"]["date"])
    # What is opened further has digests of its parts.
    for name in (name for name in mine if mine[name][1] is None and name in theirs):
        theirs[name][1] = None
    return theirs, mine


def capsule(image, regions):
    text = run(sys.executable, "-m", "edk2basetools.Capsule.GenerateCapsule", "--dump-info", str(image))
    theirs = [int(value) for value in re.findall(r"FMP_HEADER.EmbeddedDriverCount += (\d+)", text.replace("EFI_FIRMWARE_MANAGEMENT_CAPSULE_HEADER", "FMP_HEADER"))]
    names = ["UpdateImageTypeId", "UpdateImageSize", "UpdateHardwareInstance", "FwVersion", "LowestSupportedVersion"]
    theirs += [sorted(number(value) for value in re.findall(rf"{name} += (\S+)", text)) for name in names]
    theirs.append([int(value, 16) for value in re.findall(r"LowestSupportedVersion = \w+\s+sizeof \(Payload\) += (\w+)", text)])
    facts = lambda kind, name: sorted(number(str(r["attributes"][name])) for r in regions if r["kind"] == kind)
    headers = [region for region in regions if region["kind"] == "capsule-image-header"]
    sizes = {r["path"].rsplit("/", 1)[0]: r["length"] for r in regions if r["kind"] == "capsule-item"}
    items = [region for region in regions if region["kind"] == "capsule-item"]
    mine = [region["attributes"]["embedded-drivers"] for region in regions if region["kind"] == "capsule-items"]
    mine += [sorted(number(region["guid"]) for region in headers),
             sorted(item["length"] - header["length"] for item, header in zip(items, headers)),
             facts("capsule-image-header", "hardware-instance"),
             facts("capsule-version", "version"), facts("capsule-version", "lowest-supported-version"),
             [region["length"] for region in regions if region["kind"] == "capsule-payload"]]
    return theirs, mine


def number(text):
    if "-" in text:
        return text.upper()
    return int(text, 16) if text.startswith("0x") else int(text, 16) if re.search("[A-Fa-f]", text) or len(text) > 7 else int(text)


def extract(image, regions):
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, "image")
        copy.write_bytes(pathlib.Path(image).read_bytes())
        run("UEFIExtract", str(copy), "report", cwd=folder)
        report = pathlib.Path(folder, "image.report.txt").read_text(errors="replace").splitlines()
    rows = [line.split("|") for line in report if "|" in line]
    sizes = {}
    for row in rows[1:]:
        if len(row) > 4:
            sizes.setdefault(row[0].strip(), [int(row[2].strip(), 16), int(row[3].strip(), 16)])
    body = next((r for r in regions if r["kind"] == "capsule-fmp"), None) or next(r for r in regions if r["kind"] == "capsule-payload")
    theirs = [sizes.get("Capsule"), sizes.get("Image")]
    mine = [[0, body["offset"] + body["length"]], [body["offset"], body["length"]]]
    if body["kind"] == "capsule-fmp":
        theirs.pop(), mine.pop()
    return theirs, mine


def main():
    kiwame, *images = sys.argv[1:]
    differ = 0
    for image in map(pathlib.Path, images):
        report = ours(kiwame, image)
        regions = report["regions"]
        kinds = {region["kind"] for region in regions}
        checks = [cabinet] if "cab-header" in kinds else [extract, capsule] if "capsule-fmp" in kinds else [extract]
        for check in checks:
            theirs, mine = check(image, regions)
            same = theirs == mine
            differ += not same
            print(f"{image}: {check.__name__}: {len(mine)} {'equal' if same else 'DIFFERENT'}")
            if not same:
                print(f"  theirs {theirs}\n  ours   {mine}")
        for finding in report["findings"]:
            print(f"  {finding['id']} {finding['message']}")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
