#!/bin/bash
# Time and memory of whole processes, beside other tools, for BENCHMARKS.md.
#
# CPU time is user + system of the process, the lowest of several interleaved runs; memory is the peak resident set.
# A child begins as a copy of the measuring process, so no peak below some 13 MiB can be seen.
# Rivals that are not installed are left out. Images that cannot be in the repository are named by variables:
#   KIWAME      the command (default: target/release/kiwame)
#   AAVMF       a 64 MiB AAVMF_CODE.fd (Debian qemu-efi-aarch64)
#   FLASH       a 32 MiB flash of a management controller with a squashfs at 0x1200000
#   RUNS        how many runs of each (default 7)
set -euo pipefail
cd "$(dirname "$0")/../.."
KIWAME=$(realpath "${KIWAME:-target/release/kiwame}")
RUNS=${RUNS:-7}
OVMF=$PWD/firmware-samples/uefi/OVMF_CODE_4M.fd
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"

# Runs a command once: CPU milliseconds and peak KiB.
measure() {
  python3 - "$@" <<'PY'
import os, resource, subprocess, sys
with open(os.devnull, "wb") as null:
    child = subprocess.Popen(sys.argv[1:], stdout=null, stderr=null)
    _, _, usage = os.wait4(child.pid, 0)
print(round((usage.ru_utime + usage.ru_stime) * 1e6), usage.ru_maxrss)
PY
}

# row NAME LIMIT REFERENCE-COMMAND -- COMMAND: interleaved runs of both, and their ratio.
row() {
  local name=$1 limit=$2; shift 2
  local reference=() ours=()
  while [ "$1" != -- ]; do reference+=("$1"); shift; done
  shift; ours=("$@")
  local best=() ref=() run
  for ((run = 0; run < RUNS; run++)); do
    ref+=("$(measure "${reference[@]}")")
    best+=("$(measure "${ours[@]}")")
  done
  local r o
  r=$(printf '%s\n' "${ref[@]}" | sort -n | head -1)
  o=$(printf '%s\n' "${best[@]}" | sort -n | head -1)
  awk -v name="$name" -v limit="$limit" -v r="$r" -v o="$o" 'BEGIN {
    split(r, a, " "); split(o, b, " ");
    printf "| %s | %.1f ms | %.1f MiB | %.1f ms | %.1f MiB | %.2f | %s |\n",
      name, b[1] / 1000, b[2] / 1024, a[1] / 1000, a[2] / 1024, b[1] / a[1], limit }'
}

attest() { # IMAGE NAME
  printf 'schema = "kiwame-firmware/1"\n[product]\nvendor = "ACME"\nmodel = "%s"\n[release]\nversion = "1"\nsecurity-version = 1\n' "$2" > "$2.toml"
  "$KIWAME" attest "$1" --raw --describe "$2.toml" --key key -o "$2.json" > /dev/null
}
verify() { # IMAGE NAME [OPTION…]: the command, in words
  local image=$1 name=$2; shift 2
  printf '%s\n' "$KIWAME" verify "$image" --manifest "$name.json" --key key.pub --expect "ACME/$name" "$@"
}

"$KIWAME" key new -o key > /dev/null
attest "$OVMF" OVMF
# The LZMA stream of the image, as `inspect` says where it lies.
read -r offset length < <("$KIWAME" inspect --format json "$OVMF" |
  python3 -c 'import json,sys; print(*next((r["offset"], r["length"]) for r in json.load(sys.stdin)["regions"] if r["kind"] == "lzma-stream"))')
dd if="$OVMF" of=stream.lzma bs=1M iflag=skip_bytes,count_bytes skip="$offset" count="$length" status=none

echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $(nproc) threads, $(date -u +%F), lowest of $RUNS"
echo
echo "| what | kiwame | peak | beside | peak | ratio | goal |"
echo "|---|---:|---:|---:|---:|---:|---|"
mapfile -t ours < <(verify "$OVMF" OVMF --deep)
row "deep verify of OVMF_CODE_4M.fd, beside xz -dc on its LZMA stream" "<= 1.5, 64 MiB" xz -dc --format=lzma stream.lzma -- "${ours[@]}"
if command -v UEFIExtract > /dev/null; then
  row "the same, beside UEFIExtract report" "" bash -c "cp '$OVMF' o.fd && UEFIExtract o.fd report" -- "${ours[@]}"
fi
if [ -f "${AAVMF:-}" ]; then
  attest "$AAVMF" AAVMF
  mapfile -t ours < <(verify "$AAVMF" AAVMF --deep)
  row "deep verify of AAVMF_CODE.fd, beside UEFIExtract report" "<= 0.5, 128 MiB" bash -c "cp '$AAVMF' a.fd && UEFIExtract a.fd report" -- "${ours[@]}"
fi
if [ -f "${FLASH:-}" ] && command -v unsquashfs > /dev/null; then
  dd if="$FLASH" of=rootfs.squashfs bs=1M skip=18 count=6 status=none
  attest "$FLASH" FLASH
  mapfile -t ours < <(verify "$FLASH" FLASH --deep)
  row "deep verify of a 32 MiB flash, beside unsquashfs of its root and openssl dgst" "<= 1.5, 96 MiB" \
    bash -c "unsquashfs -processors 1 -quiet -no-progress -force -d root rootfs.squashfs && openssl dgst -sha256 '$FLASH'" -- "${ours[@]}"
fi
# 1 GiB that is equal to its manifest: incompressible, so that nothing can be skipped.
openssl enc -aes-128-ctr -K 0 -iv 0 -in /dev/zero 2> /dev/null | head -c 1G > large.bin || true
attest large.bin LARGE
mapfile -t ours < <(verify large.bin LARGE)
row "1 GiB equal by whole digest, beside openssl dgst -sha256" "<= 1.18" openssl dgst -sha256 large.bin -- "${ours[@]}"
printf 'tiny' > tiny.bin
attest tiny.bin TINY
mapfile -t ours < <(verify tiny.bin TINY)
row "start to verdict on four bytes, beside /bin/true" "<= 10 ms" /bin/true -- "${ours[@]}"
