#!/bin/bash
# The main job on a real image: a maker attests it, a buyer verifies it, a changed copy is refused.
set -euo pipefail
cd "$(dirname "$0")/.."
kiwame=${KIWAME:-target/release/kiwame}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf "\n\033[1m$ %s\033[0m\n" "$*"; }

cargo run --quiet --release --locked -p kiwame-samples --bin samples -- --only uefi/modified-driver "$work" > /dev/null
image=firmware-samples/uefi/OVMF_CODE_4M.fd
changed=$work/uefi/modified-driver.bin
expect=Debian/OVMF@2022.11-6+deb12u2

say kiwame key new -o maker.key
"$kiwame" key new -o "$work/maker.key"
say kiwame attest OVMF_CODE_4M.fd --describe ovmf-code.toml --key maker.key -o ovmf.json
"$kiwame" attest "$image" --describe firmware-samples/descriptions/ovmf-code.toml --key "$work/maker.key" -o "$work/ovmf.json"

say kiwame verify OVMF_CODE_4M.fd --manifest ovmf.json --key maker.key.pub --expect "$expect" --deep
"$kiwame" verify "$image" --manifest "$work/ovmf.json" --key "$work/maker.key.pub" --expect "$expect" --deep
say "exit $?"

say kiwame verify modified-driver.bin --manifest ovmf.json --key maker.key.pub --expect "$expect"
status=0
"$kiwame" verify "$changed" --manifest "$work/ovmf.json" --key "$work/maker.key.pub" --expect "$expect" || status=$?
say "exit $status"
test "$status" = 1
