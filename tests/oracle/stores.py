#!/usr/bin/env python3
"""Variable stores of machines that ran, attacks on them, and what the firmware itself says of both.

    tests/oracle/stores.py boot OUT [--only TEXT] [--arch x64|aa64] [--firmware FOLDER]
    tests/oracle/stores.py attack STORE OUT
    tests/oracle/stores.py confirm OUT [--only TEXT]
    tests/oracle/stores.py compare KIWAME OUT
    tests/oracle/stores.py table OUT

boot     boots OVMF and AAVMF under QEMU through histories (see `histories`), each from a store as the package has it or
         from where another history ended, and keeps the store after it in OUT/x64 and OUT/aa64, with index.json, the images used
         in base/, and beside a store what `dmpstore -all -s` and `bcfg boot dump -v` said in that boot.
attack   writes variants of a store as somebody with write access would make them: records appended as EDK II appends
         them and the old ones marked deleted, never a store that the firmware would throw away. index.json says of
         each what the firmware must see.
confirm  boots each file of OUT/index.json once, on a copy, and looks whether it does.
compare  the live variables of each store by `kiwame inspect` against `dmpstore` of the same boot: names, attributes, data.
table    each variable that the firmware wrote by itself, over all stores of OUT.

Limits of a boot are in seconds of the emulator's own time, since the machine may be busy. "Stopped" stores are copies made
while the emulator was stopped by SIGSTOP: the file is what SIGKILL would have left at that moment.

Needs qemu-system-x86, qemu-system-arm, ovmf, qemu-efi-aarch64, mtools; for some histories shim-signed, shim-unsigned and
grub-efi-amd64-signed (Debian). Python's standard library only.
"""

import base64
import collections
import hashlib
import json
import lzma
import os
import pathlib
import re
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import uuid
import zlib

GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
SECURITY = "d719b2cb-3d3a-4596-a3bc-dad00e67656f"
SHIM = "605dab50-e046-4300-abb6-3dd810dd8b23"
ENABLE = "f0a30bc7-af08-4556-99c4-001009c93a44"
CUSTOM = "c076ec0c-7028-4399-a072-71ee5c448b9f"
OURS = "5f1a7c0e-9d5b-4a57-9f0e-3b1d6b2c8a11"
AUTHENTICATED = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792").bytes_le
WORKING = uuid.UUID("9e58292b-7c68-497d-a0ce-6500fd9f1b95").bytes_le
PKCS7 = uuid.UUID("4aafd29d-68df-49ee-8aa9-347d375665a7").bytes_le
LZMA_SECTION = uuid.UUID("ee4e5898-3914-4259-9d6e-dc7bd79403cf").bytes_le
SHELL_FILE = uuid.UUID("7c04a583-9e3e-4f1c-ad65-e05268d0b4d1").bytes_le
SHA256_LIST = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328").bytes_le
X509_LIST = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
ESP_TYPE = uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b").bytes_le
ESP_PART = uuid.UUID("0d4c4a63-7c1e-4d4b-8f16-2f6a5a0c9b77").bytes_le
ESP_START, ESP_SECTORS = 2048, 36864
NV, BS, RT, TIME = 1, 2, 4, 0x20
RAN = "KIWAME-ATTACKER-RAN"

LOADER = {"x64": "BOOTX64.EFI", "aa64": "BOOTAA64.EFI"}
CODE = {
    "x64": {"plain": "OVMF/OVMF_CODE_4M.fd", "secboot": "OVMF/OVMF_CODE_4M.secboot.fd"},
    "aa64": {"plain": "AAVMF/AAVMF_CODE.fd", "secboot": "AAVMF/AAVMF_CODE.fd"},
}
VARS = {
    "x64": {"fresh": "OVMF/OVMF_VARS_4M.fd", "ms": "OVMF/OVMF_VARS_4M.ms.fd", "snakeoil": "OVMF/OVMF_VARS_4M.snakeoil.fd"},
    "aa64": {"fresh": "AAVMF/AAVMF_VARS.fd", "ms": "AAVMF/AAVMF_VARS.ms.fd", "snakeoil": "AAVMF/AAVMF_VARS.snakeoil.fd"},
}


# Programs.

def program(arch, text, driver=False):
    """A PE that says a line and returns EFI_ABORTED, upon which the boot manager goes on."""
    said = (text + "\r\n").encode("utf-16-le") + b"\0\0"
    if arch == "x64":
        # sub rsp,28h; mov rcx,[rdx+40h]; lea rdx,[rip+12h]; call [rcx+8]; mov eax,15h; bts rax,63; add rsp,28h; ret
        code = bytes.fromhex("4883ec28488b4a40488d1512000000ff5108b815000000480fbae83f4883c428c3") + said
        machine = 0x8664
    else:
        # stp x29,x30,[sp,#-16]!; ldr x0,[x1,#64]; adr x1,.+28; ldr x2,[x0,#8]; blr x2; mov x0,#15h; movk x0,#8000h,lsl 48; ldp; ret
        code = struct.pack("<9I", 0xa9bf7bfd, 0xf9402020, 0x100000e1, 0xf9400402, 0xd63f0040, 0xd28002a0, 0xf2f00000, 0xa8c17bfd,
                           0xd65f03c0) + said
        machine = 0xaa64
    size = -(-len(code) // 512) * 512
    head = bytearray(512)
    head[:2], head[0x3c:0x40] = b"MZ", struct.pack("<I", 0x40)
    head[0x40:0x44] = b"PE\0\0"
    head[0x44:0x58] = struct.pack("<HHIIIHH", machine, 1, 0, 0, 0, 240, 0x22e)
    optional = struct.pack("<HBBIIIII", 0x20b, 1, 0, size, 0, 0, 0x1000, 0x1000)
    optional += struct.pack("<QIIHHHHHHIIIIHHQQQQII", 0, 0x1000, 512, 0, 0, 0, 0, 0, 0, 0, 0x2000, 512, 0,
                            11 if driver else 10, 0x100, 0, 0, 0, 0, 0, 16) + bytes(128)
    head[0x58:0x58 + 240] = optional
    head[0x148:0x170] = struct.pack("<8sIIIIIIHHI", b".text", len(code), 0x1000, size, 512, 0, 0, 0, 0, 0x60000020)
    return bytes(head) + code.ljust(size, b"\0")


def authenticode(image):
    """SHA-256 of a program as Secure Boot takes it; of images whose sections lie in order without gaps."""
    pe = struct.unpack_from("<I", image, 0x3c)[0]
    entry = pe + 24 + (112 if struct.unpack_from("<H", image, pe + 24)[0] == 0x20b else 96) + 32
    place, length = struct.unpack_from("<II", image, entry)
    end = place if length else len(image)
    return hashlib.sha256(image[:pe + 88] + image[pe + 92:entry] + image[entry + 8:end]).digest()


def shell_of(code):
    """The UEFI shell inside a firmware image, made to ask for another variable: Debian's does not start under Secure Boot."""
    at = code.find(LZMA_SECTION)
    while at >= 0:
        start = at - 4 + struct.unpack_from("<H", code, at + 16)[0]
        try:
            inside = lzma.LZMADecompressor(format=lzma.FORMAT_ALONE).decompress(code[start:])
        except lzma.LZMAError:
            inside = b""
        found = inside.find(SHELL_FILE)
        while found >= 0:
            size = int.from_bytes(inside[found + 20:found + 23], "little")
            place, end = found + 24, found + size
            while place + 4 < end:
                length, kind = int.from_bytes(inside[place:place + 3], "little"), inside[place + 3]
                if kind == 0x10 and inside[place + 4:place + 6] == b"MZ":
                    name = "SecureBoot\0".encode("utf-16-le")
                    return inside[place + 4:place + length].replace(name, "SecureBooT\0".encode("utf-16-le"))
                place += -(-max(length, 4) // 4) * 4
            found = inside.find(SHELL_FILE, found + 1)
        at = code.find(LZMA_SECTION, at + 1)
    return None


# Disks.

def esp(path, files):
    """A disk with a GPT and one EFI system partition."""
    sectors = ESP_START + ESP_SECTORS + 34
    image = bytearray(sectors * 512)
    entry = ESP_TYPE + ESP_PART + struct.pack("<QQQ", ESP_START, ESP_START + ESP_SECTORS - 1, 0)
    table = (entry + "ESP".encode("utf-16-le")).ljust(128 * 128, b"\0")
    disk = uuid.uuid5(uuid.NAMESPACE_DNS, "kiwame.example").bytes_le

    def header(here, other, entries):
        fields = [b"EFI PART", 0x10000, 92, 0, 0, here, other, 34, sectors - 34, disk, entries, 128, 128, zlib.crc32(table)]
        made = struct.pack("<8sIIIIQQQQ16sQIII", *fields)
        fields[3] = zlib.crc32(made)
        return struct.pack("<8sIIIIQQQQ16sQIII", *fields)

    image[446:512] = bytes([0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff]) + struct.pack("<II", 1, sectors - 1) + bytes(48) + b"\x55\xaa"
    image[512:604] = header(1, sectors - 1, 2)
    image[1024:1024 + len(table)] = table
    image[(sectors - 33) * 512:(sectors - 1) * 512] = table
    image[(sectors - 1) * 512:(sectors - 1) * 512 + 92] = header(sectors - 1, 1, sectors - 33)
    pathlib.Path(path).write_bytes(image)
    there = f"{path}@@{ESP_START * 512}"
    quiet = {"check": True, "env": {**os.environ, "MTOOLS_SKIP_CHECK": "1"}}
    subprocess.run(["mformat", "-i", there, "-T", str(ESP_SECTORS), "-h", "16", "-s", "63", "-H", str(ESP_START), "::"], **quiet)
    made = set()
    for name, content in files.items():
        steps = name.split("/")[:-1]
        for depth in range(1, len(steps) + 1):
            folder = "/".join(steps[:depth])
            if folder not in made:
                made.add(folder)
                subprocess.run(["mmd", "-i", there, f"::/{folder}"], **quiet)
        subprocess.run(["mcopy", "-o", "-i", there, "-", f"::/{name}"], input=content, **quiet)


def from_esp(path, name):
    there = f"{path}@@{ESP_START * 512}"
    done = subprocess.run(["mcopy", "-n", "-i", there, f"::/{name}", "-"], capture_output=True, check=False,
                          env={**os.environ, "MTOOLS_SKIP_CHECK": "1"})
    return done.stdout if done.returncode == 0 else None


# Machines.

class Machine:
    """One kind of machine with its firmware."""

    def __init__(self, arch, firmware):
        self.arch, self.firmware = arch, pathlib.Path(firmware)

    def code(self, kind):
        return self.firmware / CODE[self.arch][kind]

    def vars(self, kind):
        return self.firmware / VARS[self.arch][kind]

    def command(self, store, kind, disk, more):
        code = self.code(kind)
        if self.arch == "x64":
            secure = kind == "secboot"
            start = ["qemu-system-x86_64", "-machine", f"q35,smm={'on' if secure else 'off'}", "-m", "256"]
            start += ["-global", "driver=cfi.pflash01,property=secure,value=on"] if secure else []
        else:
            start = ["qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a57", "-m", "256"]
        start += ["-accel", "tcg", "-display", "none", "-monitor", "none", "-serial", "stdio",
                  "-drive", f"if=pflash,format=raw,readonly=on,file={code}", "-drive", f"if=pflash,format=raw,file={store}"]
        if disk:
            start += ["-drive", f"if=none,id=disk,format=raw,file={disk}", "-device", "virtio-blk-pci,drive=disk"]
        return start + (more if any("netdev" in word for word in more) else ["-net", "none", *more])

    def run(self, store, kind="plain", disk=None, more=(), answers=(), until=None, limit=60, wall=240, stop=(), kill=None):
        """Boots once. `stop`: (marker, milliseconds, file) keeps the store at that time; `kill`: (marker, milliseconds)."""
        marker_at = 0
        with subprocess.Popen(self.command(store, kind, disk, list(more)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, start_new_session=True) as process:
            told, begun, since, ended = b"", time.monotonic(), {}, "off"
            waiting = [(b"to skip", b"\r"), *answers]
            stops = sorted(stop, key=lambda one: one[1])
            ticks = os.sysconf("SC_CLK_TCK")
            watch = selectors.DefaultSelector()
            watch.register(process.stdout, selectors.EVENT_READ)
            used = 0.0
            while True:
                fine = (stops or kill) and since
                if watch.select(0.002 if fine else 0.1):
                    piece = os.read(process.stdout.fileno(), 65536)
                    if not piece:
                        break
                    told += piece
                if waiting and waiting[0][0] in told[marker_at:]:
                    try:
                        process.stdin.write(waiting[0][1])
                        process.stdin.flush()
                    except BrokenPipeError:
                        break
                    marker_at = len(told)
                    waiting = waiting[1:]
                try:
                    tasks = [pathlib.Path(f"/proc/{process.pid}/task/{task}/schedstat").read_text().split()[0]
                             for task in os.listdir(f"/proc/{process.pid}/task")]
                    used = sum(map(int, tasks)) / 1e9
                except (FileNotFoundError, ProcessLookupError, IndexError):
                    pass
                for marker in {one[0] for one in stops} | ({kill[0]} if kill else set()):
                    if marker in told and marker not in since:
                        since[marker] = used
                while stops and stops[0][0] in since and (used - since[stops[0][0]]) * 1000 >= stops[0][1]:
                    process.send_signal(signal.SIGSTOP)
                    time.sleep(0.02)
                    copy(store, stops[0][2])
                    process.send_signal(signal.SIGCONT)
                    stops = stops[1:]
                if kill and kill[0] in since and (used - since[kill[0]]) * 1000 >= kill[1]:
                    ended = "killed"
                    break
                if until and until in told:
                    ended = "seen"
                    break
                if used > limit or time.monotonic() - begun > wall:
                    ended = "limit"
                    break
            process.kill()
            process.wait()
        return {"ended": ended, "cpu": round(used, 1), "wall": round(time.monotonic() - begun, 1), "told": told}


def copy(source, target):
    """Copies, with holes for what is zero: AAVMF's files are 64 MiB."""
    raw = pathlib.Path(source).read_bytes()
    end = len(raw.rstrip(b"\0"))
    with open(target, "wb") as file:
        file.write(raw[:end])
        file.truncate(len(raw))


# What the shell says.

def records(raw):
    """Variables of a file that `dmpstore -s` wrote: {(name, guid): (attributes, data)}."""
    found, place = {}, 0
    while place + 8 <= len(raw):
        name, size = struct.unpack_from("<II", raw, place)
        end = place + 8 + name + 20 + size
        body = raw[place:end]
        if zlib.crc32(body) != struct.unpack_from("<I", raw, end)[0]:
            raise ValueError("dmpstore's checksum")
        words = body[8:8 + name].decode("utf-16-le").rstrip("\0")
        guid = str(uuid.UUID(bytes_le=body[8 + name:24 + name]))
        found[words, guid] = (struct.unpack_from("<I", body, 24 + name)[0], body[28 + name:])
        place = end + 4
    return found


def record(name, guid, attributes, data):
    """One variable for `dmpstore -l`."""
    words = name.encode("utf-16-le") + b"\0\0"
    body = struct.pack("<II", len(words), len(data)) + words + uuid.UUID(guid).bytes_le + struct.pack("<I", attributes) + data
    return body + struct.pack("<I", zlib.crc32(body))


def authenticated(data, when=(2026, 11, 1)):
    """What SetVariable wants before the data in setup mode: a time, and a signature that is not looked at."""
    return struct.pack("<HBBBBBBIhBB", *when, 0, 0, 0, 0, 0, 0, 0, 0) + struct.pack("<IHH", 24, 0x200, 0xef1) + PKCS7 + data


def hashes(*digests, owner=OURS):
    body = b"".join(uuid.UUID(owner).bytes_le + digest for digest in digests)
    return SHA256_LIST + struct.pack("<III", 28 + len(body), 0, 48) + body


def certificate(der, owner=OURS):
    return X509_LIST + struct.pack("<III", 28 + 16 + len(der), 0, 16 + len(der)) + uuid.UUID(owner).bytes_le + der


def option(text, path, optional=b"", attributes=1):
    """EFI_LOAD_OPTION."""
    words = text.encode("utf-16-le") + b"\0\0"
    return struct.pack("<IH", attributes, len(path)) + words + path + optional


def on_esp(name):
    """The device path of a file on the disk that `esp` makes."""
    words = name.replace("/", "\\").encode("utf-16-le") + b"\0\0"
    drive = struct.pack("<BBHIQQ16sBB", 4, 1, 42, 1, ESP_START, ESP_SECTORS, ESP_PART, 2, 2)
    return drive + struct.pack("<BBH", 4, 4, 4 + len(words)) + words + b"\x7f\xff\x04\0"


def snakeoil(firmware):
    """A certificate whose private key everybody has: Debian's for tests."""
    for folder in (firmware, pathlib.Path("/usr/share")):
        file = pathlib.Path(folder) / "ovmf/PkKek-1-snakeoil.pem"
        if file.exists():
            text = file.read_text().split("-----BEGIN CERTIFICATE-----")[1].split("-----END")[0]
            return base64.b64decode(text)
    raise FileNotFoundError("PkKek-1-snakeoil.pem")


# Histories.

DUMP = ["dmpstore -all -s fs0:\\dump.bin", "bcfg boot dump -v >a fs0:\\boots.txt"]
OFF = ["reset -s"]
SHELL_OFF = [(b"Shell> ", b"reset -s\r")]
NOTHING = b"Press any key to enter"


def nsh(*lines, dump=True):
    return "\r\n".join([*lines, *(DUMP if dump else []), "echo KIWAME-DONE", *OFF, ""]).encode()


class Boot:
    """One boot of a history."""

    def __init__(self, script=None, files=None, disk=True, **how):
        self.files, self.how = dict(files or {}), how
        self.disk = disk
        if script is not None:
            self.files["startup.nsh"] = script


def histories(machine):
    """(name, starts from, what happened, boots): of `boots` each ends a store of its own when the name is a list."""
    arch = machine.arch
    shell = shell_of(machine.code("plain").read_bytes())
    hello = program(arch, "KIWAME-LOADER-RAN")
    loader = f"EFI/BOOT/{LOADER[arch]}"
    other = "EFI/other/loader.efi"
    plain = Boot(disk=False, answers=SHELL_OFF)
    net = {kind: ["-netdev", f"user,id=net{tftp}", "-device", f"{kind},netdev=net,mac=52:54:00:12:34:{mac}{rom}"]
           for kind, tftp, mac, rom in (("virtio-net-pci", "", "56", ""), ("e1000", "", "77", ",romfile="))}
    writes = ["echo WRITING", "for %a run (1 200)", f"  setvar Kiwame%a -guid {OURS} -bs -rt -nv =4b6977616d65",
              "endfor", "for %a run (10 99)", f"  setvar Kiwame -guid {OURS} -bs -rt -nv =00%a%a%a%a", "endfor"]
    fill = b"".join(record("Fill", OURS, NV | BS | RT, bytes([number]) * 0x1e00) for number in range(1, 45))
    more_fill = b"".join(record("Fill", OURS, NV | BS | RT, bytes([number]) * 0x1e00) for number in range(100, 140))
    owner = snakeoil(machine.firmware)
    keys = b"".join([
        record("CustomMode", CUSTOM, NV | BS, b"\1"),
        record("dbx", SECURITY, NV | BS | RT | TIME, authenticated(hashes(hashlib.sha256(b"revoked").digest(), hashlib.sha256(b"too").digest()))),
        record("db", SECURITY, NV | BS | RT | TIME, authenticated(certificate(owner) + hashes(authenticode(shell)))),
        record("KEK", GLOBAL, NV | BS | RT | TIME, authenticated(certificate(owner))),
        record("PK", GLOBAL, NV | BS | RT | TIME, authenticated(certificate(owner))),
        record("CustomMode", CUSTOM, NV | BS, b"\0"),
    ])
    add = [f"bcfg boot add 0 fs0:\\{other.replace('/', chr(92))} \"other system\"", "bcfg boot add 1 fs0:\\startup.nsh \"second\"",
           "bcfg boot -opt 0 \"root=/dev/vda2 quiet\""]
    lang = record("PlatformLang", GLOBAL, NV | BS | RT, b"fr-FR\0") + record("Timeout", GLOBAL, NV | BS | RT, b"\3\0")
    yield ["plain", "plain-again", "plain-more-memory"], "fresh", "booted without a disk; again; with 512 MiB and other SMBIOS strings", [
        plain, plain, Boot(disk=False, answers=SHELL_OFF, more=["-m", "512", "-smbios", "type=1,serial=K-2"])]
    yield ["disk", "entries-added", "entries-moved-removed", "entries-all-removed"], "fresh", \
        "a disk with an ESP, startup.nsh; two boot entries added; one moved and one removed; all removed", [
            Boot(nsh("echo hello")), Boot(nsh(*add), {other: hello}),
            Boot(nsh("bcfg boot mv 1 0", "bcfg boot rm 1"), {other: hello}), Boot(nsh("bcfg boot rm 0", "bcfg boot rm 0"))]
    yield ["filled-until-reclaim", "reclaim-booted"], "fresh", "one variable rewritten until the store was reclaimed; booted again", [
        Boot(nsh("dmpstore -all -l fs0:\\fill.bin > NUL"), {"fill.bin": fill}), Boot(nsh("echo hello"))]
    if arch == "x64":
        yield ["ms-nothing-to-start", "ms-nothing-again"], "ms", "Microsoft's keys, under which Debian's shell refuses to start; again", [
            Boot(disk=False, kind="secboot", until=NOTHING), Boot(disk=False, kind="secboot", until=NOTHING)]
        yield ["snakeoil-unsigned"], "snakeoil", "Debian's test keys, a loader without signature was refused", [
            Boot(nsh(dump=False), {loader: hello}, kind="secboot", until=NOTHING)]
    yield ["enrolled", "enrolled-booted"], "fresh", "firmware with Secure Boot: own PK, KEK, db and dbx enrolled through the shell; a program that db names started", [
        Boot(nsh("echo hello", "dmpstore -all -l fs0:\\keys.bin"), {"keys.bin": keys}, kind="secboot"),
        Boot(nsh("echo hello"), {loader: shell}, kind="secboot")]
    yield ["loader", "loader-again"], "fresh", "a loader in the removable media's place; again", [
        Boot(nsh("echo hello"), {loader: hello}), Boot(nsh("echo hello"), {loader: hello})]
    yield ["language-and-timeout", "language-booted"], "fresh", "PlatformLang and Timeout set; booted again", [
        Boot(nsh("dmpstore -all -l fs0:\\lang.bin"), {"lang.bin": lang}), Boot(nsh("echo hello"))]
    yield ["time-set"], "fresh", "date, time and time zone set", [Boot(nsh("date 03/04/2031", "time 11:22:33 -tz 60 -d 1", "timezone -s 01:00"))]
    yield ["written-killed"], "fresh", "killed while a loop wrote variables", [
        Boot(nsh(*writes, dump=False), kill=(b"WRITING", 700), stop=[(b"WRITING", at, f"written-stopped-{at}ms") for at in (40, 90, 150, 260, 400)])]
    yield ["reclaim-killed"], "filled-until-reclaim", "killed while the store was being reclaimed", [
        Boot(nsh("echo WRITING", "dmpstore -all -l fs0:\\fill.bin > NUL", dump=False), {"fill.bin": more_fill}, kill=(b"WRITING", 9000),
             stop=[(b"WRITING", at, f"reclaim-stopped-{at}ms") for at in range(300, 6000, 600)])]
    if arch == "x64":
        yield ["setup-asked-for"], "fresh", "OsIndications set through the shell, to ask for the setup menu", [
            Boot(nsh("dmpstore -all -l fs0:\\os.bin"), {"os.bin": record("OsIndications", GLOBAL, NV | BS | RT, b"\1" + bytes(7))})]
        signed = {name: pathlib.Path(file) for name, file in (
            (loader, "/usr/lib/shim/shimx64.efi.signed"), ("EFI/BOOT/grubx64.efi", "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"))}
        if all(file.exists() for file in signed.values()):
            files = {name: file.read_bytes() for name, file in signed.items()}
            debian = {"EFI/debian/shimx64.efi": files[loader], "EFI/debian/grubx64.efi": files["EFI/BOOT/grubx64.efi"],
                      "EFI/debian/grub.cfg": b"echo KIWAME-GRUB\nhalt\n", loader: files[loader],
                      "EFI/debian/BOOTX64.CSV": pathlib.Path("/usr/lib/shim/BOOTX64.CSV").read_bytes(),
                      "EFI/BOOT/fbx64.efi": pathlib.Path("/usr/lib/shim/fbx64.efi").read_bytes()}
            signed_fallback = pathlib.Path("/usr/lib/shim/fbx64.efi.signed")
            if signed_fallback.exists():
                debian["EFI/BOOT/fbx64.efi"] = signed_fallback.read_bytes()
            yield ["shim-fallback", "shim-grub"], "fresh", "shim's fallback made a boot entry; shim and GRUB", [
                Boot(None, debian, until=b"KIWAME-GRUB"), Boot(None, debian, until=b"KIWAME-GRUB")]
            yield ["ms-shim-grub", "ms-shim-grub-again"], "ms", "Secure Boot with Microsoft's keys, Debian's shim and GRUB; again", [
                Boot(None, {**files, "EFI/debian/grub.cfg": b"echo KIWAME-GRUB\nhalt\n"}, kind="secboot", until=b"KIWAME-GRUB"),
                Boot(None, {**files, "EFI/debian/grub.cfg": b"echo KIWAME-GRUB\nhalt\n"}, kind="secboot", until=b"KIWAME-GRUB")]
    yield ["virtio-net"], "fresh", "a virtio network card, boot over IPv4 and IPv6 was tried", [
        Boot(nsh("ifconfig -l"), more=net["virtio-net-pci"], limit=240, wall=400)]
    if arch == "x64":
        yield ["e1000"], "fresh", "an e1000 network card for which the firmware has no driver", [Boot(nsh("ifconfig -l"), more=net["e1000"], limit=240, wall=400)]


def boot(out, arch, firmware, only):
    machine = Machine(arch, firmware)
    folder = out / arch
    (folder / "base").mkdir(parents=True, exist_ok=True)
    for image in {*CODE[arch].values(), *VARS[arch].values()}:
        target = folder / "base" / pathlib.Path(image).name
        if not target.exists():
            copy(machine.firmware / image, target)
    index_file = folder / "index.json"
    index = json.loads(index_file.read_text()) if index_file.exists() else []
    by_name = {one["name"]: one for one in index}

    def keep(name, source, **more):
        number = by_name[name]["file"][:2] if name in by_name else f"{max([0, *(int(one['file'][:2]) for one in by_name.values())]) + 1:02}"
        one = {"file": f"{number}-{name}.fd", "name": name, **more}
        copy(source, folder / one["file"])
        by_name[name] = one
        index_file.write_text(json.dumps(sorted(by_name.values(), key=lambda one: one["file"]), indent=1) + "\n")
        print(f"{arch} {one['file']}: {more}", flush=True)

    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        for names, start, what, boots in histories(machine):
            if not any(only in name for name in names):
                continue
            if all(name in by_name for name in names) and not only:
                continue
            store = work / "store.fd"
            source = machine.vars(start) if start in VARS[arch] else folder / by_name[start]["file"]
            copy(source, store)
            parent = start
            for name, step, told in zip(names, boots, what.split("; ") + [what] * len(boots)):
                how = dict(step.how)
                disk = work / "disk.img" if step.disk else None
                if disk:
                    esp(disk, step.files)
                marks = [(marker, at, work / mark) for marker, at, mark in how.pop("stop", [])]
                run = machine.run(store, disk=disk, stop=marks, **how)
                (folder / f"{name}.log").write_bytes(run["told"])
                facts = {"history": told if len(names) > 1 else what, "parent": parent, "code": how.get("kind", "plain"),
                         "ended": run["ended"], "cpu": run["cpu"], "wall": run["wall"]}
                for _, at, mark in marks:
                    if mark.exists():
                        keep(mark.name, mark, **{**facts, "history": f"{told}: stopped {at} ms of the emulator's time after the first write",
                                                 "ended": "stopped"})
                keep(name, store, **facts)
                for said, suffix in (("dump.bin", "dump"), ("boots.txt", "boots.txt")):
                    content = from_esp(disk, said) if disk else None
                    if content is not None:
                        (folder / f"{by_name[name]['file'][:-3]}.{suffix}").write_bytes(content)
                parent = name


# Stores.

class Store:
    """An authenticated variable store as EDK II keeps it, at the start of a flash image."""

    def __init__(self, raw):
        self.raw = bytearray(raw)
        self.start = struct.unpack_from("<H", self.raw, 0x30)[0]
        if self.raw[0x28:0x2c] != b"_FVH" or self.raw[self.start:self.start + 16] != AUTHENTICATED:
            raise ValueError("no authenticated variable store")
        self.end = self.start + struct.unpack_from("<I", self.raw, self.start + 16)[0]

    def all(self):
        """(place, state, attributes, name, guid, data) in the order of the store; then where the next goes."""
        found, place = [], self.start + 28
        while place + 60 <= self.end and self.raw[place:place + 2] == b"\xaa\x55":
            state, attributes = self.raw[place + 2], struct.unpack_from("<I", self.raw, place + 4)[0]
            name, data = struct.unpack_from("<II", self.raw, place + 36)
            if state in (0x7f, 0xff) and (name == 0xffffffff or data == 0xffffffff):
                name = data = 0
            guid = str(uuid.UUID(bytes_le=bytes(self.raw[place + 44:place + 60])))
            body = place + 60 + name
            words = bytes(self.raw[place + 60:body]).decode("utf-16-le", "replace").rstrip("\0")
            found.append((place, state, attributes, words, guid, bytes(self.raw[body:body + data])))
            place = self.start + -(-(body + data - self.start) // 4) * 4
        return found, place

    def live(self):
        """What GetVariable returns: {(name, guid): (place, attributes, data)}."""
        found = {}
        for wanted in (0x3f, 0x3e):
            for place, state, attributes, name, guid, data in self.all()[0]:
                if state == wanted:
                    found.setdefault((name, guid), (place, attributes, data))
        return found

    def append(self, name, guid, attributes, data, when=bytes(16)):
        words = name.encode("utf-16-le") + b"\0\0"
        made = struct.pack("<HBBIQ16sIII16s", 0x55aa, 0x3f, 0, attributes, 0, when, 0, len(words), len(data),
                           uuid.UUID(guid).bytes_le) + words + data
        place = self.all()[1]
        if place + len(made) > self.end:
            raise ValueError("the store is full")
        self.raw[place:place + len(made)] = made
        return place

    def set(self, name, guid, data, attributes=None):
        """The old one in deletion, the new one written, the old one deleted."""
        old = self.live().get((name, guid))
        when = bytes(self.raw[old[0] + 16:old[0] + 32]) if old else bytes(16)
        self.append(name, guid, old[1] if attributes is None else attributes, data, when)
        if old:
            self.raw[old[0] + 2] &= 0xfc

    def delete(self, name, guid):
        self.raw[self.live()[name, guid][0] + 2] &= 0xfd

    def get(self, name, guid):
        found = self.live().get((name, guid))
        return found and found[2]


def parts(entry):
    """Attributes, title, path, optional data of a load option."""
    attributes, length = struct.unpack_from("<IH", entry)
    end = 6
    while entry[end:end + 2] != b"\0\0":
        end += 2
    title = entry[6:end].decode("utf-16-le")
    return attributes, title, entry[end + 2:end + 2 + length], entry[end + 2 + length:]


def attacks(raw, arch, firmware):
    """(name, what, image, what the firmware must see): `sees` says of a variable is, begins, absent; or "ran"."""
    whole = NV | BS | RT
    evil, mine = program(arch, RAN), on_esp("EFI/evil/evil.efi")
    driver = on_esp("EFI/evil/driver.efi")
    owner = snakeoil(firmware)
    ran = {"ran": True}

    def make(name, what, change, *sees):
        store = Store(raw)
        try:
            more = change(store)
        except (KeyError, TypeError, IndexError, StopIteration):
            return []
        return [(name, what, bytes(store.raw), [*sees, *(more or [])])]

    def puts(name, guid, value, attributes=None):
        def change(store):
            data = value(store.get(name, guid)) if callable(value) else value
            store.set(name, guid, data, attributes)
            return [{"name": name, "guid": guid, "is": data.hex()}]
        return change

    def gone(*names):
        def change(store):
            for name, guid in names:
                store.delete(name, guid)
            return [{"name": name, "guid": guid, "absent": True} for name, guid in names]
        return change

    def both(*changes):
        return lambda store: [one for change in changes for one in change(store) or []]

    def grown(extra):
        return lambda old: old + extra

    def one_hash_less(old):
        kind, size, head, each = old[:16], *struct.unpack_from("<III", old, 16)
        return kind + struct.pack("<III", size - each, head, each) + old[28:28 + head] + old[28 + head + each:]

    def first_entry(change):
        def apply(store):
            order = struct.unpack(f"<{len(store.get('BootOrder', GLOBAL)) // 2}H", store.get("BootOrder", GLOBAL))
            # The first that is started by itself: no menu, no application.
            number = next(one for one in order if not parts(store.get(f"Boot{one:04X}", GLOBAL))[0] & 0x1f00)
            name = f"Boot{number:04X}"
            attributes, title, path, optional = parts(store.get(name, GLOBAL))
            data = change(attributes, title, path, optional)
            store.set(name, GLOBAL, data)
            return [{"name": name, "guid": GLOBAL, "is": data.hex()}]
        return apply

    def order(change):
        def apply(store):
            old = store.get("BootOrder", GLOBAL)
            data = b"".join(change([old[at:at + 2] for at in range(0, len(old), 2)]))
            store.set("BootOrder", GLOBAL, data)
            return [{"name": "BootOrder", "guid": GLOBAL, "begins": data.hex()}]
        return apply

    def revive(wanted):
        def apply(store):
            live = store.live()
            for place, state, _, name, guid, data in reversed(store.all()[0]):
                if name == wanted and state not in (0x3f, 0x3e) and state & 0xc0 == 0 and live[name, guid][2] != data:
                    store.raw[live[name, guid][0] + 2] &= 0xfc
                    store.raw[place + 2] = 0x3f
                    return [{"name": name, "guid": guid, "begins" if name == "BootOrder" else "is": data.hex()}]
            raise KeyError(wanted)
        return apply

    def hidden(store):
        place = store.append("Leftover", OURS, whole, evil)
        store.raw[place + 2] = 0x3c
        return [{"name": "Leftover", "guid": OURS, "absent": True}]

    def second_store(store):
        place = -(-(store.all()[1] + 0x800) // 0x1000) * 0x1000
        head = bytes(store.raw[:store.start]) + AUTHENTICATED + struct.pack("<IBB6x", 0x8000, 0x5a, 0xfe)
        store.raw[place:place + len(head)] = head
        inner = Store(bytes(store.raw[place:place + 0x10000]))
        inner.end = inner.start + 0x8000
        inner.append("SecureBootEnable", ENABLE, NV | BS, b"\0")
        store.raw[place:place + 0x10000] = inner.raw

    def after_last(store):
        place = store.all()[1] + 0x100
        store.raw[place:place + 64] = b"bytes that no variable holds, behind the last one".ljust(64, b"\x5a")

    def pending(store):
        """As if power had failed when a reclaim had written the spare block and not yet the store."""
        work = bytes(store.raw).find(WORKING, store.end)
        spare = work + 0x1000 if arch == "x64" else work + 0x40000
        block = 0x1000 if arch == "x64" else 0x40000
        if work < 0:
            raise KeyError("no working block")
        other = Store(bytes(store.raw))
        data = b"from the spare block"
        other.set("Restored", OURS, data, whole)
        length = -(-other.end // block) * block
        store.raw[spare:spare + length] = other.raw[:length]
        queue = struct.unpack_from("<Q", store.raw, work + 24)[0]
        store.raw[work + 32:work + 32 + queue] = b"\xff" * queue
        caller = uuid.UUID("fe5cea76-4f72-49e8-986f-2cd899dffe5d").bytes_le
        store.raw[work + 32:work + 72] = struct.pack("<B3s16s4sQQ", 0xfc, b"\xff" * 3, caller, b"\xff" * 4, 1, 0)
        store.raw[work + 72:work + 112] = struct.pack("<B7sQQQq", 0xfd, b"\xff" * 7, 0, store.start, store.end - store.start, -spare)
        return [{"name": "Restored", "guid": OURS, "is": data.hex()}]

    number = lambda *values: b"".join(struct.pack("<H", value) for value in values)
    app = option("attacker", mine)
    yield from make("db-certificate-added", "a certificate whose key is public added to db", puts("db", SECURITY, grown(certificate(owner))))
    yield from make("db-hash-added", "the attacker's loader added to db by hash; it runs under Secure Boot",
                    puts("db", SECURITY, grown(hashes(authenticode(evil)))), {"ran": True, "removable": True, "secure": True})
    yield from make("db-emptied", "db holds an empty list", puts("db", SECURITY, SHA256_LIST + struct.pack("<III", 28, 0, 48)))
    yield from make("dbx-emptied", "dbx deleted", gone(("dbx", SECURITY)))
    yield from make("dbx-hash-removed", "the first hash of dbx removed", puts("dbx", SECURITY, one_hash_less))
    yield from make("secure-boot-off", "SecureBootEnable 0; an unsigned loader runs", puts("SecureBootEnable", ENABLE, b"\0"),
                    {"ran": True, "removable": True, "secure": True})
    yield from make("custom-mode", "CustomMode 1; EDK II sets it back at each start", lambda store: store.set("CustomMode", CUSTOM, b"\1"),
                    {"name": "CustomMode", "guid": CUSTOM, "is": "00"})
    yield from make("setup-mode", "PK removed; an unsigned loader runs", gone(("PK", GLOBAL)), {"ran": True, "removable": True, "secure": True})
    yield from make("pk-replaced", "PK of a key that is public", puts("PK", GLOBAL, certificate(owner, SHIM)))
    yield from make("kek-added", "KEK of a key that is public", puts("KEK", GLOBAL, grown(certificate(owner, SHIM))))
    yield from make("driver-added", "Driver0001 and DriverOrder start the attacker's driver",
                    both(puts("Driver0001", GLOBAL, option("driver", driver), whole), puts("DriverOrder", GLOBAL, number(1), whole)), ran)
    yield from make("sysprep-added", "SysPrep0000 and SysPrepOrder start the attacker's program",
                    both(puts("SysPrep0000", GLOBAL, app, whole), puts("SysPrepOrder", GLOBAL, number(0), whole)), ran)
    yield from make("boot-entry-added", "a new boot entry, first in BootOrder", both(puts("Boot0066", GLOBAL, app, whole),
                    order(lambda old: [number(0x66), *old])), ran)
    yield from make("boot-entry-elsewhere", "the first boot entry points to another loader",
                    first_entry(lambda attributes, title, _, optional: option(title, mine, optional, attributes)), ran)
    yield from make("boot-entry-options", "the first boot entry has other optional data", first_entry(
        lambda attributes, title, path, optional: option(title, path, "init=/bin/sh\0".encode("utf-16-le"), attributes)))
    yield from make("boot-entry-hidden", "the first boot entry is hidden and not active", first_entry(
        lambda attributes, title, path, optional: option(title, path, optional, attributes & ~1 | 8)))
    yield from make("boot-order-turned", "BootOrder turned round", order(lambda old: old[::-1]))
    yield from make("boot-next", "BootNext starts the attacker's entry once", both(puts("Boot0066", GLOBAL, app, whole),
                    lambda store: store.set("BootNext", GLOBAL, number(0x66), whole)), {"name": "BootNext", "guid": GLOBAL, "absent": True}, ran)
    yield from make("hot-key", "Key0000 starts the attacker's entry", both(puts("Boot0066", GLOBAL, app, whole),
                    puts("Key0000", GLOBAL, struct.pack("<IIHHH", 1 << 30, zlib.crc32(app), 0x66, 0, ord("x")), whole)))
    yield from make("platform-recovery-added", "PlatformRecovery0000 points to the attacker's program",
                    puts("PlatformRecovery0000", GLOBAL, app, whole))
    yield from make("program-in-variable", "a program in a variable of its own", puts("Payload", OURS, evil, whole))
    yield from make("program-in-language", "a program behind PlatformLang's text", puts("PlatformLang", GLOBAL, lambda old: b"en\0" + evil, whole))
    yield from make("mok-added", "MokList and MokListTrusted hold a certificate whose key is public",
                    both(puts("MokList", SHIM, certificate(owner), NV | BS), puts("MokListTrusted", SHIM, b"\1", NV | BS)))
    yield from make("mok-state", "MokSBState 1: shim verifies nothing", puts("MokSBState", SHIM, b"\1", NV | BS))
    yield from make("sbat-lowered", "SbatLevel of the first release", puts("SbatLevel", SHIM, b"sbat,1,2021030218\n", NV | BS))
    yield from make("capsule-asked-for", "OsIndications: process a capsule from disk; the boot manager takes it away",
                    lambda store: store.set("OsIndications", GLOBAL, b"\4" + bytes(7), whole), {"name": "OsIndications", "guid": GLOBAL, "absent": True})
    yield from make("older-order-revived", "a dead BootOrder lives again, by its state", revive("BootOrder"))
    yield from make("older-dbx-revived", "a dead dbx lives again, by its state", revive("dbx"))
    yield from make("hidden-program", "a program in a variable that is deleted", hidden)
    yield from make("oversized", "a variable larger than SetVariable takes", puts("Large", OURS, bytes(range(256)) * 160, whole))
    yield from make("second-store", "a volume with a store of its own in the free space", second_store, {"same": True})
    yield from make("bytes-behind-last", "bytes behind the last variable", after_last, {"same": True})
    yield from make("write-pending", "the spare block holds another store, and its write is pending", pending)


def attack(path, out, firmware):
    path = pathlib.Path(path)
    raw = path.read_bytes()
    arch = "aa64" if len(raw) > 1 << 24 else "x64"
    out.mkdir(parents=True, exist_ok=True)
    index_file = out / "index.json"
    index = json.loads(index_file.read_text()) if index_file.exists() else []
    for name, what, image, sees in attacks(raw, arch, firmware):
        file = out / f"{arch}-{path.stem}-{name}.fd"
        with tempfile.NamedTemporaryFile() as made:
            pathlib.Path(made.name).write_bytes(image)
            copy(made.name, file)
        index = [one for one in index if one["file"] != file.name]
        index.append({"file": file.name, "name": name, "what": what, "store": str(path.resolve()), "arch": arch, "sees": sees})
    index_file.write_text(json.dumps(index, indent=1) + "\n")
    print(f"{path.name}: {sum(one['store'] == str(path.resolve()) for one in index)} attacks")


def confirm(out, firmware, only):
    """Whether the firmware sees what the attacker wrote. A store under Secure Boot is booted with SecureBootEnable 0, so that
    the shell may start, except where the attack must run a program under it."""
    index = json.loads((out / "index.json").read_text())
    bad = 0
    for one in index:
        if only not in one["file"] or one.get("confirmed"):
            continue
        machine = Machine(one["arch"], firmware)
        secure = [see for see in one["sees"] if see.get("secure")]
        evil = program(one["arch"], RAN)
        files = {"startup.nsh": nsh("echo hello"), "EFI/evil/evil.efi": evil, "EFI/evil/driver.efi": program(one["arch"], RAN, True)}
        said = []
        with tempfile.TemporaryDirectory() as work:
            work = pathlib.Path(work)
            before = Store((out / one["file"]).read_bytes())
            locked = before.get("PK", GLOBAL) is not None and before.get("SecureBootEnable", ENABLE) == b"\1"
            if secure:
                copy(out / one["file"], work / "store.fd")
                esp(work / "disk.img", {**files, f"EFI/BOOT/{LOADER[one['arch']]}": evil})
                run = machine.run(work / "store.fd", kind="secboot", disk=work / "disk.img", until=RAN.encode(), limit=20, wall=60)
                said.append(RAN.encode() in run["told"])
            store = Store((out / one["file"]).read_bytes())
            if locked:
                place = store.live()["SecureBootEnable", ENABLE][0]
                whole = bytes(store.raw[place:place + 95])
                # In the spare block too, where there is one.
                store.raw = store.raw.replace(whole, whole[:94] + b"\0")
            (work / "store.fd").write_bytes(store.raw)
            esp(work / "disk.img", files)
            run = machine.run(work / "store.fd", kind="secboot" if locked else "plain", disk=work / "disk.img", limit=40, wall=100)
            raw = from_esp(work / "disk.img", "dump.bin")
            dump = {(name, guid.lower()): value for (name, guid), value in records(raw or b"").items()}
            for see in one["sees"]:
                if see.get("secure"):
                    continue
                if see.get("name"):
                    found = dump.get((see["name"], see["guid"]))
                    one.setdefault("found", {})[see["name"]] = found and found[1].hex()[:80]
                if see.get("ran"):
                    said.append(RAN.encode() in run["told"])
                elif see.get("same"):
                    said.append(all(dump.get(key, (0, None))[1] == value[2] for key, value in store.live().items() if key[0] != "MTC") and bool(dump))
                else:
                    found = dump.get((see["name"], see["guid"]))
                    if see.get("absent"):
                        said.append(bool(dump) and found is None)
                    elif "is" in see:
                        said.append(found is not None and found[1].hex() == see["is"])
                    else:
                        said.append(found is not None and found[1].hex().startswith(see["begins"]))
            one["says"] = said
            one["confirmed"] = bool(said) and all(said)
            one["dumped"] = raw is not None
        bad += not one["confirmed"]
        print(f"{'yes' if one['confirmed'] else 'NO '} {one['file']}: {said} {run['ended']}", flush=True)
        (out / "index.json").write_text(json.dumps(index, indent=1) + "\n")
    return bad


def compare(kiwame, out):
    """Disagreements between us and dmpstore."""
    bad = checked = variables = 0
    for dump in sorted(out.glob("*/*.dump")):
        store = dump.with_suffix(".fd")
        theirs = {(name, guid): value for (name, guid), value in records(dump.read_bytes()).items() if value[0] & NV}
        raw = store.read_bytes()
        report = json.loads(subprocess.run([kiwame, "inspect", "--format", "json", store], capture_output=True, check=False).stdout)
        ours = {}
        for region in report["regions"]:
            facts = region["attributes"]
            if region["kind"] == "variable" and facts["live"] and "/variable-store:0/" in region["path"] and region["space"] == "image":
                start = region["offset"] + 60 + 2 * (len(region["name"]) + 1)
                ours[region["name"], region["guid"].lower()] = (facts["attributes"], raw[start:start + facts["data-size"]])
        for key in sorted(ours.keys() | theirs.keys()):
            variables += 1
            if ours.get(key) != theirs.get(key):
                bad += 1
                print(f"{store.name}: {key}: ours {ours.get(key)}, dmpstore {theirs.get(key)}")
        checked += 1
    print(f"{checked} stores, {variables} variables, {bad} disagreements")
    return bad


def live_of(path):
    """AAVMF's store as packaged is zero; one that was killed while its block was rewritten is erased."""
    try:
        return Store(path.read_bytes()).live()
    except ValueError:
        return {}


def table(out):
    """Markdown: what the firmware wrote."""
    seen = collections.defaultdict(lambda: {"attributes": set(), "sizes": set(), "values": collections.Counter(), "stores": collections.Counter(),
                                            "changed": 0, "kept": 0, "came": 0, "went": 0})
    totals = collections.Counter()
    for folder in ("x64", "aa64"):
        index = json.loads((out / folder / "index.json").read_text())
        lives, names = {}, {one["name"]: one for one in index}
        for kind, file in VARS[folder].items():
            lives[kind] = live_of(out / folder / "base" / pathlib.Path(file).name)
        for one in index:
            lives[one["name"]] = live_of(out / folder / one["file"])
        for name in names:
            totals[folder] += 1
            before = lives.get(names[name]["parent"], {})
            for key in lives[name].keys() | before.keys():
                if key[1] == OURS:
                    continue
                row, now, then = seen[key], lives[name].get(key), before.get(key)
                if now:
                    row["attributes"].add(now[1])
                    row["sizes"].add(len(now[2]))
                    row["values"][now[2]] += 1
                    row["stores"][folder] += 1
                if now and then:
                    row["kept" if now[1:] == then[1:] else "changed"] += 1
                elif now:
                    row["came"] += 1
                else:
                    row["went"] += 1
    lines = [f"Variables over {totals['x64']} stores of OVMF and {totals['aa64']} of AAVMF. *Kept*, *changed*, *came*, *went*: from a store to the one after it.", "",
             "| name | GUID | attributes | sizes | x64 | aa64 | values | kept | changed | came | went | most frequent value |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for (name, guid), row in sorted(seen.items()):
        common = row["values"].most_common(1)[0][0].hex() if row["values"] else ""
        lines.append(f"| {name} | {guid} | {', '.join(map(str, sorted(row['attributes'])))} | {', '.join(map(str, sorted(row['sizes'])))} | "
                     f"{row['stores']['x64']} | {row['stores']['aa64']} | {len(row['values'])} | {row['kept']} | {row['changed']} | {row['came']} | "
                     f"{row['went']} | {common[:64]}{'…' if len(common) > 64 else ''} |")
    return "\n".join(lines) + "\n"


def main(arguments):
    words = [word for word in arguments if not word.startswith("--")]
    options = {}
    for place, word in enumerate(arguments):
        if word.startswith("--"):
            options[word[2:]] = arguments[place + 1]
            words.remove(arguments[place + 1])
    mode, *rest = words
    firmware = pathlib.Path(options.get("firmware", "/usr/share"))
    only = options.get("only", "")
    if mode == "boot" and len(rest) == 1:
        for arch in [options["arch"]] if "arch" in options else ["x64", "aa64"]:
            boot(pathlib.Path(rest[0]), arch, firmware, only)
        return 0
    if mode == "attack" and len(rest) == 2:
        attack(rest[0], pathlib.Path(rest[1]), firmware)
        return 0
    if mode == "confirm" and len(rest) == 1:
        return min(confirm(pathlib.Path(rest[0]), firmware, only), 1)
    if mode == "compare" and len(rest) == 2:
        return min(compare(rest[0], pathlib.Path(rest[1])), 1)
    if mode == "table" and len(rest) == 1:
        print(table(pathlib.Path(rest[0])), end="")
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
