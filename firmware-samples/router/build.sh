#!/bin/bash
# Builds the parts of the router flash from freely licensed pieces, with Debian's tools:
#   apt-get install gcc squashfs-tools mtd-utils u-boot-tools device-tree-compiler libcap2-bin attr openssl
# Run as root (owners and capabilities are real). The results are committed; nobody needs to run this to test.
# The one part from elsewhere is the boot loader, bl31.bin of Debian's arm-trusted-firmware (BSD-3-Clause):
#   build.sh BL31.BIN
set -euo pipefail
cd "$(dirname "$0")"
bl31=$(realpath "$1")
parts=$PWD/parts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=1750000000 TZ=UTC LC_ALL=C
umask 022

# --- root file system: our own programs and settings, nothing else
program() { # NAME TEXT
	cat > "$work/$1.c" <<C
static long call(long n, long a, long b, long c) { long r; __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory"); return r; }
void _start(void) { static const char text[] = "$2\n"; call(1, 1, (long)text, sizeof text - 1); call(60, 0, 0, 0); }
C
	gcc -Os -nostdlib -static -fno-asynchronous-unwind-tables -fno-ident -Wl,--build-id=none -Wl,-z,norelro -o "$work/$1" "$work/$1.c"
}
program busybox "router shell"
program routerd "router daemon"
program backdoor "listening on port 31337"

tree() { # DIRECTORY
	local root=$1
	mkdir -p "$root"/{bin,sbin,dev,etc/init.d,etc/config,etc/cron.d,opt/router,tmp,www,root}
	install -m 0755 "$work/busybox" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	ln -s ../bin/busybox "$root/sbin/init"
	ln "$root/bin/busybox" "$root/bin/ash"
	install -m 0755 "$work/routerd" "$root/opt/router/routerd"
	for n in $(seq 1 400); do echo "route $n via 10.0.$((n % 256)).1 metric $n"; done > "$root/opt/router/table.txt"
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' > "$root/etc/passwd"
	printf 'root:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n' > "$root/etc/shadow"
	chmod 0600 "$root/etc/shadow"
	printf '::sysinit:/etc/init.d/rcS\n::respawn:/opt/router/routerd\nttyS0::askfirst:/bin/sh\n' > "$root/etc/inittab"
	printf '#!/bin/sh\nmount -t proc proc /proc\n/opt/router/routerd &\n' > "$root/etc/init.d/rcS"
	chmod 0755 "$root/etc/init.d/rcS"
	printf 'config system\n\toption hostname router\n' > "$root/etc/config/system"
	printf '<!doctype html><title>Router</title>\n' > "$root/www/index.html"
	printf 'NAME=ExampleRouter\nVERSION=2.1.0\n' > "$root/etc/os-release"
	mknod -m 0600 "$root/dev/console" c 5 1
	mknod -m 0666 "$root/dev/null" c 1 3
	chmod 1777 "$root/tmp"
	chmod 0700 "$root/root"
}
squash() { # NAME DIRECTORY OPTIONS...
	local out=$parts/$1.squashfs root=$2
	shift 2
	find "$root" -exec touch -h -d @$SOURCE_DATE_EPOCH {} +
	env -u SOURCE_DATE_EPOCH mksquashfs "$root" "$out" -noappend -no-progress -quiet -mkfs-time $SOURCE_DATE_EPOCH -all-time $SOURCE_DATE_EPOCH "$@" > /dev/null
}
variant() { # NAME COMMANDS: a root file system with one thing changed
	cp -a "$work/rootfs" "$work/$1"
	(cd "$work/$1" && eval "$2")
	squash "rootfs-$1" "$work/$1" -comp xz
}
rm -rf "$parts"
mkdir -p "$parts"
tree "$work/rootfs"
squash rootfs "$work/rootfs" -comp xz
squash rootfs-other-packing "$work/rootfs" -comp gzip -b 64K -no-fragments
printf 'www/index.html 100\netc/passwd 90\nopt/router/table.txt -50\nbin/busybox -100\n' > "$work/sort"
squash rootfs-sorted "$work/rootfs" -comp xz -sort "$work/sort"
variant file-changed 'sed -i "s/10.0.7.1 metric 7$/10.6.6.6 metric 7/" opt/router/table.txt'
variant setuid-added "install -m 4755 $work/backdoor bin/helper"
variant mode-changed 'chmod 4755 bin/busybox'
variant capability-added 'setcap cap_net_admin+ep opt/router/routerd'
variant link-turned 'ln -sfn ../opt/router/routerd sbin/init'
variant init-line-added 'echo "::respawn:/bin/helper" >> etc/inittab'
variant second-root 'echo "admin:x:0:0::/:/bin/sh" >> etc/passwd'

# --- overlay: what the owner may set, and what nobody may
overlay() { # NAME COMMANDS
	mkdir -p "$work/overlay-$1/upper/etc/config" "$work/overlay-$1/work"
	(cd "$work/overlay-$1/upper" && eval "$2")
	find "$work/overlay-$1" -exec touch -h -d @$SOURCE_DATE_EPOCH {} +
	mkfs.jffs2 -r "$work/overlay-$1" -o "$parts/overlay-$1.jffs2" -e 64KiB -l --pad=0x20000 ${3:--q}
}
overlay genuine 'printf "config system\n\toption hostname router\n" > etc/config/system'
overlay twin 'printf "config system\n\toption hostname attic\n\toption zone 9\n" > etc/config/system; echo attic > etc/hostname'
overlay boot-script 'printf "config system\n\toption hostname router\n" > etc/config/system; printf "#!/bin/sh\n/tmp/x\n" > etc/rc.local; chmod 0755 etc/rc.local'
overlay whiteout 'printf "config system\n\toption hostname router\n" > etc/config/system; mknod etc/shadow c 0 0'
overlay directory 'printf "config system\n\toption hostname router\n" > etc/config/system; mkdir www; echo logo > www/logo'
overlay open 'printf "config system\n\toption hostname router\n" > etc/config/system; mkdir -m 0777 www; echo logo > www/logo' --pad=0x20000
overlay opaque 'printf "config system\n\toption hostname router\n" > etc/config/system; mkdir www; echo logo > www/logo; setfattr -n trusted.overlay.opaque -v y www' --with-xattr

# --- environment, twice
environment() { # NAME ETHADDR SERIAL EXTRA
	cat > "$work/env.txt" <<T
bootcmd=sf probe; sf read 0x42000000 0xa0000 0x160000; bootm 0x42000000
bootargs=console=ttyS0,115200 root=/dev/mtdblock4 rootfstype=squashfs mtdparts=spi0.0:512k(boot),64k(env),64k(env-redundant),1408k(kernel),1536k(rootfs),384k(overlay),64k@0x3f0000(calibration)$4
baudrate=115200
ethaddr=$2
serial=$3
T
	mkenvimage -r -s 0x10000 -o "$parts/env-$1.bin" "$work/env.txt"
}
environment genuine 02:00:00:00:00:01 0001 ""
environment twin 02:00:00:00:00:02 0002 ""
environment init 02:00:00:00:00:01 0001 " init=/bin/sh"

# --- kernel: a stand-in with the header of an arm64 Image, in a signed FIT
kernel() { # FILE FIRST_BYTE
	python3 - "$1" "$2" <<'P'
import struct, sys
code = bytes((i * 7 + 3) & 0xff for i in range(0x8000 - 64))
head = struct.pack("<IIQQQQQQ4sI", 0x14000010, 0, 0x80000, 0x8000, 0xa, 0, 0, 0, b"ARM\x64", 0)
image = bytearray(head + code)
image[0x1000] ^= int(sys.argv[2], 0)
open(sys.argv[1], "wb").write(image)
P
}
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$work/TEST_KEY_DO_NOT_USE.key" 2> /dev/null
openssl req -batch -new -x509 -days 1 -key "$work/TEST_KEY_DO_NOT_USE.key" -out "$work/TEST_KEY_DO_NOT_USE.crt" 2> /dev/null
cat > "$work/board.dts" <<'D'
/dts-v1/;
/ { model = "Example Router 1"; compatible = "example,router-1"; #address-cells = <1>; #size-cells = <1>;
  memory@40000000 { device_type = "memory"; reg = <0x40000000 0x4000000>; };
  chosen { stdout-path = "serial0:115200n8"; };
  serial@10000000 { compatible = "ns16550a"; reg = <0x10000000 0x100>; }; };
D
dtc -q -I dts -O dtb -o "$work/board.dtb" "$work/board.dts"
fit() { # NAME DEFAULT KERNEL EXTRA
	cat > "$work/$1.its" <<I
/dts-v1/;
/ { description = "Example Router 2.1.0"; #address-cells = <1>;
  images {
    kernel { description = "kernel"; data = /incbin/("$3"); type = "kernel"; arch = "arm64"; os = "linux"; compression = "none"; load = <0x80000>; entry = <0x80000>; hash-1 { algo = "sha256"; }; };
    fdt { description = "board"; data = /incbin/("$work/board.dtb"); type = "flat_dt"; arch = "arm64"; compression = "none"; hash-1 { algo = "sha256"; }; };
    $4
  };
  configurations { default = "$2";
    release { description = "release"; kernel = "kernel"; fdt = "fdt"; signature-1 { algo = "sha256,rsa2048"; key-name-hint = "TEST_KEY_DO_NOT_USE"; sign-images = "kernel", "fdt"; }; };
    service { description = "service"; kernel = "kernel"; fdt = "fdt"; signature-1 { algo = "sha256,rsa2048"; key-name-hint = "TEST_KEY_DO_NOT_USE"; sign-images = "kernel", "fdt"; }; }; }; };
I
	mkimage -f "$work/$1.its" -k "$work" -r "$parts/$1.itb" > /dev/null
}
kernel "$work/Image" 0
kernel "$work/Image-patched" 0x40
fit kernel release "$work/Image" ""
# What an attacker without the key can do: the same file, edited; hashes are made right, signatures stay what they were.
fdt_edit() { cp "$parts/kernel.itb" "$parts/$1.itb"; shift; "$@"; }
fdt_edit kernel-default fdtput -t s "$parts/kernel-default.itb" /configurations default service
dd if="$work/backdoor" of="$work/code" bs=512 count=1 conv=sync status=none
fdt_edit kernel-node fdtput -p -t x "$parts/kernel-node.itb" /images/loader data $(od -An -tx4 --endian=big -v "$work/code")
fdt_edit kernel-patched python3 - "$parts/kernel-patched.itb" "$work/Image" "$work/Image-patched" <<'P'
import hashlib, sys
path, old, new = sys.argv[1], open(sys.argv[2], "rb").read(), open(sys.argv[3], "rb").read()
fit = open(path, "rb").read()
assert fit.count(old) == 1
fit = fit.replace(old, new).replace(hashlib.sha256(old).digest(), hashlib.sha256(new).digest())
open(path, "wb").write(fit)
P
cp "$bl31" "$parts/boot.bin"

# --- the flash
python3 - "$parts" router.bin <<'P'
import sys
parts, out = sys.argv[1:]
flash = bytearray(b"\xff" * (4 << 20))
def put(at, name):
    data = open(f"{parts}/{name}", "rb").read()
    flash[at:at + len(data)] = data
put(0x000000, "boot.bin")
put(0x080000, "env-genuine.bin")
put(0x090000, "env-genuine.bin")
put(0x0a0000, "kernel.itb")
put(0x200000, "rootfs.squashfs")
put(0x380000, "overlay-genuine.jffs2")
calibration = b"CAL1" + bytes.fromhex("020000000001") + bytes((i * 31 + 5) & 0xff for i in range(2038))
flash[0x3f0000:0x3f0000 + len(calibration)] = calibration
open(out, "wb").write(flash)
P
ls -l "$parts"

# --- a file system without compression, whose tables the samples of firmware-samples/squashfs edit
mkdir -p "$work/plain/a/b"
echo one > "$work/plain/a/file"
ln "$work/plain/a/file" "$work/plain/a/other-name"
echo two > "$work/plain/a/b/inner"
squash plain "$work/plain" -comp gzip -noI -noD -noF -noX -noId -no-exports
