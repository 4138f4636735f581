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

# --- a router: flash without a partition table, and settings that differ from device to device
cargo run --quiet --release --locked -p kiwame-samples --bin samples -- --only router/twin "$work" > /dev/null
cargo run --quiet --release --locked -p kiwame-samples --bin samples -- --only router/second-root "$work" > /dev/null
cat > "$work/policy.toml" <<P
schema = "kiwame-policy/1"
version = 1
[[principal]]
id = "Example Routers"
keys = ["$("$kiwame" key show "$work/maker.key.pub" | head -1)"]
roles = ["release"]
[[rule]]
vendor = "Example"
model = "Router-1"
threshold = 1
# Each device has a calibration of its own, and nobody can say what it should be.
accept-any = [{ path = "partition:calibration", max-bytes = 65536 }]
P
say kiwame attest router.bin --describe router.toml --key maker.key -o router.json
"$kiwame" attest firmware-samples/router/router.bin --describe firmware-samples/descriptions/router.toml --key "$work/maker.key" -o "$work/router.json"

say "kiwame verify twin.bin --manifest router.json --policy policy.toml    # another device: other settings, other calibration"
"$kiwame" verify "$work/router/twin.bin" --manifest "$work/router.json" --policy "$work/policy.toml"
say "exit $?"

say "kiwame verify second-root.bin --manifest router.json --policy policy.toml    # one line more in a passwd file"
status=0
"$kiwame" verify "$work/router/second-root.bin" --manifest "$work/router.json" --policy "$work/policy.toml" || status=$?
say "exit $status"
test "$status" = 1
