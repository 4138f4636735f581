#!/usr/bin/env python3
"""Writes the descriptions of settings-*.toml beside it: an overlay with settings files, and what devices and intruders make of it."""

import lzma
import pathlib

from rules import CLEAN, DIR, FILE, describe, dirent, image, inode, xattr, xref

FIREWALL = b"""config rule 'deny'
\toption src 'wan'
\toption target 'DROP'

config rule 'allow'
\toption src 'wan'
\toption target 'ACCEPT'
"""
# As `uci commit` does not write it: other quotes, options in another order, a blank line first.
QUOTED = b"""
config rule "deny"
\toption target "DROP"
\toption src "wan"
config rule "allow"
\toption src "lan"
\toption target "ACCEPT"
"""
SWAPPED = b"""config rule "allow"
\toption src "wan"
\toption target "ACCEPT"

config rule "deny"
\toption src "wan"
\toption target "DROP"
"""
RPCD = b"config login\n\toption username 'root'\n\toption password '$p$root'\n\toption timeout '30'\n\tlist read 'a'\n"
STATE = b'{"port": 8022, "safe": true}\n'
CLIENT = b"[net]\nhost = a.example\nport = 22\n"
DROPBEAR = b"config dropbear main\n\toption PasswordAuth off\n\toption Port 22\n"
FILES = {
    b"config/firewall": (FIREWALL, 0o644), b"config/rpcd": (RPCD, 0o644), b"config/state.json": (STATE, 0o644),
    b"config/client.ini": (CLIENT, 0o644), b"config/secret": (b"x1\n", 0o600), b"notes": (b"note-1\n", 0o644),
    b"extra/only": (b"one\n", 0o644), b"kept": (b"as it is\n", 0o644),
}


PROGRAM = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + b"\x02\0\x3e\0\x01\0\0\0" + bytes(40)


def lzma_of_openwrt(data):
    """Compression 8: lc, lp, pb 0, no header, no end marker. One literal after the other, as any decoder takes them."""
    low, size, out = 0, 0xFFFFFFFF, [0]
    odds = {}

    def bit(key, value):
        nonlocal low, size
        odd = odds.get(key, 1024)
        bound = (size >> 11) * odd
        odds[key] = odd - (odd >> 5) if value else odd + ((2048 - odd) >> 5)
        low, size = (low + bound, size - bound) if value else (low, bound)
        while size < 1 << 24:
            size <<= 8
            shift()

    def shift():
        nonlocal low
        # Bytes are kept as numbers; what a carry makes too large is set right at the end.
        out.append(low >> 24)
        low = low & 0xFFFFFF
        low <<= 8

    for byte in data:
        bit("match", 0)
        symbol = 1
        for place in range(7, -1, -1):
            value = byte >> place & 1
            bit(symbol, value)
            symbol = symbol << 1 | value
    for _ in range(5):
        shift()
    for at in range(len(out) - 1, 0, -1):
        out[at - 1] += out[at] >> 8
        out[at] &= 0xFF
    return bytes(out)


def lzma_with_marker(data):
    return lzma.compress(data, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "lc": 0, "lp": 0, "pb": 0, "dict_size": 8192}])


def tree(files=FILES, attributes=(), directories=(), deleted=b"", packed=None):
    """An image; attributes are (path, name, value). `deleted` is what a file held that is gone. `packed` packs one file."""
    nodes, numbers, versions = [inode(1, 1, DIR | 0o755)], {b"": 1}, {}

    def enter(path, mode, data=b""):
        parent, _, name = path.rpartition(b"/")
        if parent not in numbers:
            enter(parent, DIR | 0o755)
        numbers[path] = len(numbers) + 1
        versions[parent] = versions.get(parent, 0) + 1
        nodes.append(dirent(numbers[parent], versions[parent], numbers[path], name, 4 if mode & DIR == DIR else 8))
        if packed and path == b"config/client.ini":
            nodes.append(inode(numbers[path], 1, mode, packed(data), packing=8, size=len(data)))
        else:
            nodes.append(inode(numbers[path], 1, mode, data))

    for path, (data, mode) in files.items():
        enter(path, FILE | mode, data)
    for path in directories:
        enter(path, DIR)
    for number, (path, name, value) in enumerate(attributes, 1):
        nodes += [xattr(number, 1, name, value, 5), xref(numbers[path], number, 2)]
    if deleted:
        nodes += [dirent(1, 90, 90, b"gone"), inode(90, 1, FILE | 0o755, deleted), dirent(1, 91, 0, b"gone", 0)]
    return image(CLEAN + b"".join(nodes))


def changed(path, old, new):
    data, mode = FILES[path]
    assert old in data
    return tree(FILES | {path: (data.replace(old, new), mode)})


def samples():
    yield "overlay", "an overlay with settings files", tree()
    yield "quoted", "the same settings in other signs, and one that may differ", tree(
        FILES | {b"config/firewall": (QUOTED, 0o644)})
    yield "swapped", "two sections in another order, and in other signs", tree(
        FILES | {b"config/firewall": (SWAPPED, 0o644)})
    yield "looser", "a file that only root may read, for everybody", tree(FILES | {b"config/secret": (b"x1\n", 0o644)})
    yield "stricter", "a file for everybody, for root alone", tree(FILES | {b"notes": (b"note-1\n", 0o600)})
    yield "created", "a new file with every key that is asked for", tree(FILES | {b"config/dropbear": (DROPBEAR, 0o644)})
    yield "created-in-part", "a new file without a key that is asked for", tree(
        FILES | {b"config/dropbear": (DROPBEAR.replace(b"\toption PasswordAuth off\n", b""), 0o644)})
    yield "created-empty", "a new file without anything", tree(FILES | {b"config/dropbear": (b"", 0o644)})
    yield "raw-beside", "a setting beside one that is expanded", changed(b"config/rpcd", b"'30'", b"'60'")
    yield "raw-changed", "one that is expanded, expanded to something else", changed(b"config/rpcd", b"$p$root", b"$p$guest")
    yield "list-longer", "one more value of a list", changed(b"config/rpcd", b"'a'\n", b"'a'\n\tlist read 'b'\n")
    yield "json-number", "a number within its range", changed(b"config/state.json", b"8022", b"8023")
    yield "json-shorter", "a number of fewer digits", changed(b"config/state.json", b"8022", b"443")
    yield "json-text", "text in the place of a truth value", changed(b"config/state.json", b"true", b'"true"')
    yield "json-octal", "a number with a leading zero", changed(b"config/state.json", b"8022", b"0022")
    listed = b'{"safe": true, "allow": [], "port": 8022}\n'
    yield "json-list", "an empty list before a setting", tree(FILES | {b"config/state.json": (listed, 0o644)})
    yield "json-list-gone", "the list gone with the setting behind it", tree(
        FILES | {b"config/state.json": (b'{"safe": true}\n', 0o644)})
    yield "ini-port", "another port", changed(b"config/client.ini", b"22", b"23")
    yield "ini-indented", "a line that goes on with the one before", changed(b"config/client.ini", b"port", b" port")
    ports = {b"config/client.ini": (CLIENT.replace(b"22", b"23"), 0o644)}
    yield "lzma", "a file packed with LZMA as OpenWrt packs it", tree(packed=lzma_of_openwrt)
    yield "lzma-port", "another port in it", tree(FILES | ports, packed=lzma_of_openwrt)
    yield "lzma-marked", "another port, packed so that OpenWrt does not read it", tree(FILES | ports, packed=lzma_with_marker)
    yield "long-key", "a key without end", tree(
        FILES | {b"config/client.ini": (b"[" + b"k" * 4000 + b"]\n" + b"a=1\n" * 500, 0o644)})
    yield "many-lines", "two thousand empty lines", tree(
        FILES | {b"config/client.ini": (CLIENT + b"\n" * 2000, 0o644)})
    left = {path: file for path, file in FILES.items() if path != b"extra/only"}
    opaque = [(b"extra", b"overlay.opaque", b"y")]
    yield "opaque", "a directory of the overlay that hides the one below", tree(attributes=opaque)
    yield "directory-gone", "a directory gone with the one file in it", tree(left)
    # struct ovl_fb: version, magic, length of all of it, flags, type of handle; then UUID, inode and generation.
    handle = bytes([0, 0xFB, 29, 0, 1]) + bytes(range(16)) + bytes([42, 0, 0, 0, 7, 0, 0, 0])
    own = [(b"config/firewall", b"overlay.origin", handle), (b"config", b"overlay.impure", b"y")]
    yield "copied-up", "attributes that overlayfs keeps for itself", tree(attributes=own)
    yield "origin-carrier", "a program in the place of the handle that overlayfs keeps", tree(
        attributes=[(b"config/firewall", b"overlay.origin", PROGRAM)])
    yield "origin-longer", "bytes behind the handle that overlayfs keeps", tree(
        attributes=[(b"config/firewall", b"overlay.origin", handle + b"more")])
    yield "impure-carrier", "words in the place of the mark that overlayfs keeps", tree(
        attributes=[(b"config", b"overlay.impure", b"words")])
    yield "redirected", "an attribute by which overlayfs reads another file", tree(
        attributes=[(b"config", b"overlay.redirect", b"/evil")])
    yield "mounted", "a working directory as overlayfs makes one", tree(directories=[b"work"])
    kept = FILES[b"kept"][0]
    number = next(ino for ino in range(1, 30) if inode(ino, 1, FILE | 0o644, kept) in tree())
    later = tree().replace(inode(number, 1, FILE | 0o644, kept), inode(number, 1, FILE | 0o644, kept, mtime=9))
    yield "deleted-words", "a file that was deleted held words", tree(deleted=b"some words\n")
    yield "deleted-program", "a file that was deleted held a program", tree(deleted=PROGRAM)
    yield "erased", "an overlay that no file system was made on yet", image(b"")
    yield "mark-and-more", "the mark of the first boot, and bytes behind it", image(
        b"\xde\xad\xc0\xde".ljust(0x1000, b"\xff") + b"code behind the mark")
    some = {path: FILES[path] for path in (b"config/firewall", b"config/secret")}
    yield "made", "the file system that the device made there, with some of the settings", tree(some)
    yield "made-otherwise", "a setting in it outside its grammar", tree(
        some | {b"config/firewall": (FIREWALL.replace(b"DROP", b"ACCEPT"), 0o644)})
    yield "touched", "the time of a file that no rule lists", later


if __name__ == "__main__":
    folder = pathlib.Path(__file__).resolve().parent
    for name, about, data in samples():
        (folder / f"settings-{name}.toml").write_text(describe(about, data))
