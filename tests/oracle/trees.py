#!/usr/bin/python3
"""Compares what we say of device trees and FITs with libfdt, dumpimage and openssl.

    cargo build --release -p kiwame-xtask --example claims
    tests/oracle/trees.py KIWAME CLAIMS FILE_OR_FOLDER...
    tests/oracle/trees.py KIWAME CLAIMS --made

For each file that libfdt takes for a tree: the list of nodes and properties, with the bytes of every value, must be
libfdt's, and the other way round. For each FIT: the data of every image must be what dumpimage extracts, and every
hash that mkimage wrote must be one that we found equal. With --made, FITs are made here with a key of this run
(inside and outside data, several hashes, two configurations), and openssl must verify each signature over the bytes
that we say it covers.

Needs python3-libfdt, u-boot-tools, device-tree-compiler and openssl (Debian). Python's standard library otherwise.
"""

import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

import libfdt

QUIET = [libfdt.NOTFOUND]


def ours(kiwame, path):
    """Nodes, properties and data of the tree at the start of the file, by the report."""
    report = json.loads(subprocess.run([kiwame, "inspect", path, "--format", "json"], stdout=subprocess.PIPE, check=True).stdout)
    raw = pathlib.Path(path).read_bytes()
    nodes, properties, data, checked = {}, {}, {}, []
    for region in report["regions"]:
        if region["space"] != "image":
            continue
        steps = region["path"].split("/")
        names = [step.split(":", 1)[1] for step in steps if step.startswith("node:")]
        kind, start, end = region["kind"], region["offset"], region["offset"] + region["length"]
        inside = steps[0] == "device-tree:root" and not any(step.startswith("content:") for step in steps)
        if inside and kind == "device-tree-node-start":
            nodes["/" + "/".join(names[:-1])] = True
            checked += [fact for name, fact in region["attributes"].items() if name == "checked"]
        elif inside and kind == "device-tree-property":
            length = int.from_bytes(raw[start + 4:start + 8], "big")
            assert start + 12 + length <= end <= start + 12 + length + 3, region["path"]
            name = region["name"]
            properties[name] = properties.get(name, []) + [raw[start + 12:start + 12 + length]]
        elif kind == "device-tree-content" and steps[0] == "device-tree:root" and len(steps) == 5:
            data[steps[2].split(":", 1)[1]] = raw[start:end]
        elif kind == "uboot-fit-data" and len(steps) == 1:
            data[steps[0].split(":", 1)[1]] = raw[start:end]
    return report, nodes, properties, data, checked


def theirs(raw):
    """The same by libfdt."""
    tree = libfdt.FdtRo(raw)
    nodes, properties = {}, {}

    def walk(node, path):
        nodes[path or "/"] = True
        at = tree.first_property_offset(node, QUIET)
        while at >= 0:
            found = tree.get_property_by_offset(at)
            name = f"{path}/{found.name}"
            properties[name] = properties.get(name, []) + [bytes(found)]
            at = tree.next_property_offset(at, QUIET)
        child = tree.first_subnode(node, QUIET)
        while child >= 0:
            walk(child, f"{path}/{tree.get_name(child)}")
            child = tree.next_subnode(child, QUIET)

    walk(0, "")
    return tree, nodes, properties


def escaped(path):
    plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+@-/"
    return "".join(sign if sign in plain else f"%{ord(sign):02X}" for sign in path)


def compare(kiwame, path):
    """Number of nodes, properties and images compared; raises when anything differs."""
    raw = pathlib.Path(path).read_bytes()
    tree, nodes, properties = theirs(raw)
    report, our_nodes, our_properties, data, checked = ours(kiwame, path)
    assert our_nodes.keys() == {escaped(name) for name in nodes}, f"{path}: nodes {our_nodes.keys() ^ nodes.keys()}"
    assert our_properties == properties, f"{path}: properties {[n for n in properties if our_properties.get(n) != properties[n]]}"
    if report["image"]["format"] != "uboot-fit":
        return len(nodes), sum(map(len, properties.values())), 0
    images = [tree.get_name(node) for node in subnodes(tree, tree.path_offset("/images"))]
    for number, image in enumerate(images):
        # Data of no bytes are no region.
        assert data.get(escaped(image), b"") == extract(path, number, properties.get(f"/images/{image}/data")), f"{path}: data of {image}"
    assert data.keys() <= set(map(escaped, images)), f"{path}: data of {data.keys()}, images {images}"
    assert all(fact == "equal" for fact in checked), f"{path}: {checked}"
    hashes = sum(node.count("/hash") for node in nodes)
    assert len(checked) == hashes, f"{path}: {len(checked)} of {hashes} hashes were compared"
    return len(nodes), sum(map(len, properties.values())), len(images)


def extract(path, number, inside):
    """The data of an image by dumpimage; by libfdt where dumpimage refuses a FIT that carries them inside."""
    with tempfile.NamedTemporaryFile() as out:
        command = ["dumpimage", "-T", "flat_dt", "-p", str(number), "-o", out.name, path]
        refused = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0
        assert not refused or inside, f"{path}: dumpimage refuses it"
        return inside[0] if refused else pathlib.Path(out.name).read_bytes()


def subnodes(tree, node):
    child = tree.first_subnode(node, QUIET)
    while child >= 0:
        yield child
        child = tree.next_subnode(child, QUIET)


FIT = """/dts-v1/;
/ {{ description = "made"; #address-cells = <1>;
  images {{
    kernel {{ description = "kernel"; data = /incbin/("{work}/kernel"); type = "kernel"; arch = "arm64"; os = "linux"; compression = "none"; load = <0x80000>; entry = <0x80000>;
      hash-1 {{ algo = "crc32"; }}; hash-2 {{ algo = "md5"; }}; hash-3 {{ algo = "sha1"; }}; hash-4 {{ algo = "sha256"; }}; hash-5 {{ algo = "sha384"; }}; hash-6 {{ algo = "sha512"; }}; }};
    fdt-1 {{ description = "board"; data = /incbin/("{work}/board.dtb"); type = "flat_dt"; arch = "arm64"; compression = "none"; hash-1 {{ algo = "sha256"; }};
      signature-1 {{ algo = "sha256,rsa2048"; key-name-hint = "TEST_KEY_DO_NOT_USE"; }}; }};
    ramdisk {{ description = "odd size"; data = /incbin/("{work}/odd"); type = "ramdisk"; arch = "arm64"; os = "linux"; compression = "none"; hash-1 {{ algo = "sha1"; }}; }};
  }};
  configurations {{ default = "one";
    one {{ kernel = "kernel"; fdt = "fdt-1"; signature-1 {{ algo = "sha256,rsa2048"; key-name-hint = "TEST_KEY_DO_NOT_USE"; sign-images = "kernel", "fdt"; }}; }};
    two {{ kernel = "kernel"; fdt = "fdt-1"; ramdisk = "ramdisk"; signature-1 {{ algo = "sha256,rsa2048"; key-name-hint = "TEST_KEY_DO_NOT_USE"; sign-images = "kernel", "ramdisk", "fdt"; }}; }};
  }}; }};
"""


def make(work):
    """FITs of every layout that mkimage writes."""
    run = lambda *command: subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=work)
    (work / "kernel").write_bytes(bytes(number * 7 & 0xff for number in range(100_001)))
    (work / "odd").write_bytes(b"odd" * 333 + b"!!")
    (work / "board.dts").write_text('/dts-v1/; /memreserve/ 0x1000 0x100; / { model = "made"; a { b { c = <1 2 3>; }; }; };')
    run("dtc", "-I", "dts", "-O", "dtb", "-p", "256", "-o", "board.dtb", "board.dts")
    run("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "TEST_KEY_DO_NOT_USE.key")
    run("openssl", "req", "-batch", "-new", "-x509", "-key", "TEST_KEY_DO_NOT_USE.key", "-out", "TEST_KEY_DO_NOT_USE.crt")
    run("openssl", "pkey", "-in", "TEST_KEY_DO_NOT_USE.key", "-pubout", "-out", "public.pem")
    (work / "made.its").write_text(FIT.format(work=work))
    run("mkimage", "-f", "made.its", "-k", str(work), "-r", "inside.itb")
    run("mkimage", "-E", "-f", "made.its", "-k", str(work), "-r", "outside.itb")
    run("mkimage", "-E", "-B", "0x200", "-f", "made.its", "-k", str(work), "-r", "aligned.itb")
    run("mkimage", "-E", "-p", "0x8000", "-f", "made.its", "-k", str(work), "-r", "position.itb")
    return [work / name for name in ("board.dtb", "inside.itb", "outside.itb", "aligned.itb", "position.itb")]


def verified(claims, path, public, work):
    """Signatures that openssl verifies over the bytes of which we say that they are covered; raises at any other."""
    raw = path.read_bytes()
    count = 0
    for line in subprocess.run([claims, path], stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines():
        scheme, space, signed, signature = line.split(" ")
        assert (scheme, space) == ("uboot-fit", "image"), line
        cut = lambda place: (lambda start, length: raw[start:start + length])(*map(int, place.split("+")))
        (work / "signed").write_bytes(b"".join(cut(place) for place in signed.split(",")))
        (work / "signature").write_bytes(cut(signature))
        command = ["openssl", "dgst", "-sha256", "-verify", public, "-signature", work / "signature", work / "signed"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        count += 1
    return count


def main():
    kiwame, claims, *places = sys.argv[1:]
    totals = [0, 0, 0, 0]
    if places == ["--made"]:
        with tempfile.TemporaryDirectory() as folder:
            work = pathlib.Path(folder)
            for path in make(work):
                counts = compare(kiwame, path)
                signatures = verified(claims, path, work / "public.pem", work) if path.suffix == ".itb" else 0
                assert path.suffix != ".itb" or signatures == 3, f"{path.name}: {signatures} signatures"
                print(f"{path.name}: {counts[0]} nodes, {counts[1]} properties, {counts[2]} images, {signatures} signatures verified by openssl")
        return
    for place in map(pathlib.Path, places):
        for path in sorted(place.rglob("*") if place.is_dir() else [place]):
            if path.is_symlink() or not path.is_file() or path.read_bytes()[:4] != b"\xd0\x0d\xfe\xed":
                continue
            counts = compare(kiwame, path)
            totals = [sum(pair) for pair in zip(totals, (1, *counts))]
    print("{} trees: {} nodes, {} properties, {} images equal".format(*totals))


if __name__ == "__main__":
    main()
