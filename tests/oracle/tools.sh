#!/bin/bash
# Builds what tests/oracle/loaders.py and fit.py ask, from the source packages of Debian: EDK II's decompress libraries, the
# compressors that belong to them, U-Boot's reader of environments, and its fit_check_sign. Nothing of theirs is kept in this repository,
# and nothing is installed: a private apt root knows the source packages.
#
#   tests/oracle/tools.sh [FOLDER]      FOLDER default build/oracle
#
# Needs gcc, make, dpkg-dev, uuid-dev, bison, flex, libssl-dev, libgnutls28-dev, python3 (Debian). About a minute on two cores.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
to=$(readlink -m "${1:-$here/../../build/oracle}")
mkdir -p "$to"/apt/{state/lists/partial,cache/archives/partial} && cd "$to"
: > apt/status
if ! compgen -G 'edk2-*/' > /dev/null || ! compgen -G 'u-boot-*/' > /dev/null; then
  release=$(. /etc/os-release && echo "$VERSION_CODENAME")
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 2> /dev/null | grep -m1 -E '/debian/$')
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" > apt/sources.list
  options=(-o "Dir::State=$to/apt/state" -o "Dir::State::status=$to/apt/status" -o "Dir::Cache=$to/apt/cache"
    -o "Dir::Etc::sourcelist=$to/apt/sources.list" -o Dir::Etc::sourceparts=/nonexistent -o APT::Sandbox::User=root
    -o Acquire::Languages=none -qq)
  apt-get "${options[@]}" update
  apt-get "${options[@]}" source --download-only edk2 u-boot
  for archive in edk2_*.orig.tar.xz u-boot_*.orig.tar.xz; do tar xf "$archive"; done
fi
edk2=$(compgen -G "$to/edk2-*/" | head -1) uboot=$(compgen -G "$to/u-boot-*/" | head -1)

# EDK II's libraries as a release build has them, with a check of every access to memory.
modules=${edk2}MdeModulePkg/Library lzma=${edk2}MdeModulePkg/Library/LzmaCustomDecompressLib
brotli=$modules/BrotliCustomDecompressLib
common=(-O1 -g -w -fsanitize=address -fshort-wchar -fno-strict-aliasing -fno-builtin -DMDEPKG_NDEBUG
  -I"${edk2}MdePkg/Include" -I"${edk2}MdePkg/Include/X64" -I"${edk2}MdeModulePkg/Include")
mkdir -p objects && cd objects && rm -f ./*.o
gcc "${common[@]}" -c "$here/edk2/glue.c" "${edk2}MdePkg/Library/BaseUefiDecompressLib/BaseUefiDecompressLib.c"
gcc "${common[@]}" -I"$lzma" -I"$lzma/Sdk/C" -include Uefi.h -c "$lzma/LzmaDecompress.c" "$lzma/Sdk/C/LzmaDec.c" "$lzma/Sdk/C/Bra86.c"
gcc "${common[@]}" -I"$brotli" -I"$brotli/brotli/c/include" -include Uefi.h -c "$brotli"/{BrotliDecompress,BrotliDecUefiSupport}.c \
  "$brotli"/brotli/c/dec/*.c "$brotli"/brotli/c/common/*.c
gcc -O1 -g -Wall -fsanitize=address -o ../edk2 "$here/edk2/main.c" ./*.o
cd ..

# The compressors. What brotli they need is that of the library.
source=${edk2}BaseTools/Source/C
rmdir "$source/BrotliCompress/brotli" 2> /dev/null && ln -s "$brotli/brotli" "$source/BrotliCompress/brotli"
for tool in Common TianoCompress LzmaCompress BrotliCompress; do
  options=(-s -j"$(nproc)" HOST_ARCH=X64 BUILD_CC="gcc -w" BUILD_CXX="g++ -w")
  if test $tool != Common; then options+=(-C "$source/$tool" MAKEROOT=..); else options+=(-C "$source" Common); fi
  make "${options[@]}" > tools.log 2>&1 || { tail -20 tools.log; exit 1; }
done
ln -sf "$source"/bin/{TianoCompress,LzmaCompress,BrotliCompress} .

# U-Boot's reader of environments: its hash table, and around it what env_import does.
gcc -O1 -g -w -fsanitize=address -I"$here/uboot" -DSOURCE="\"${uboot}lib/hashtable.c\"" \
  -DSEARCH="\"${uboot}include/search.h\"" -o uboot-env "$here/uboot/env.c"

# U-Boot's own tools: fit_check_sign, and mkimage of the same release.
if ! test -x uboot-tools/tools/fit_check_sign; then
  { make -s -C "$uboot" O="$to/uboot-tools" tools-only_defconfig &&
    make -s -j"$(nproc)" -C "$uboot" O="$to/uboot-tools" NO_SDL=1 tools-only; } > uboot-tools.log 2>&1 || { tail -20 uboot-tools.log; exit 1; }
fi
