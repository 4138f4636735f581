#!/bin/bash
# Fuzzes every target for MINUTES (2), one after the other; FORMATS="gzip xz" only those. Fails when something was found.
# What it learns stays in build/fuzz/corpus, finds are written to build/fuzz/finds. To repeat one:
#   KIWAME_FUZZ=gzip build/fuzz/kiwame-fuzz build/fuzz/finds/gzip/crash-…    (add -minimize_crash=1 -runs=100000 to make it small)
set -euo pipefail
cd "$(dirname "$0")/../.."
minutes=${MINUTES:-2}
out=build/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')

# The lock file may lack what a new format brought into the workspace; cargo adds that and leaves the rest as it is.
# The coverage that libFuzzer reads comes from LLVM's pass, which the stable compiler has. Build scripts go without.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing" \
	${CARGO:-cargo} build ${FUZZ_BUILD:-} --release --manifest-path tests/fuzz/Cargo.toml --target "$host" --target-dir "$out/target"
fuzz=$out/kiwame-fuzz
cp "$out/target/$host/release/kiwame-fuzz" "$fuzz"

found=0
printf '%-18s %10s %9s %8s %8s %8s %6s\n' target runs runs/s coverage features seconds finds
for target in ${FORMATS:-$(KIWAME_FUZZ=list "$fuzz")}; do
	corpus=$out/corpus/$target finds=$out/finds/$target log=$out/log/$target
	mkdir -p "$corpus" "$finds" "$out/log"
	KIWAME_FUZZ=$target KIWAME_FUZZ_SEEDS=$corpus "$fuzz" 2>"$log" || { cat "$log"; exit 2; }
	before=$(ls "$finds" | wc -l) began=$SECONDS failed=0
	KIWAME_FUZZ=$target "$fuzz" "$corpus" -artifact_prefix="$finds/" -max_total_time=$((minutes * 60)) -max_len=65536 \
		-timeout=20 -rss_limit_mb=1024 -report_slow_units=5 -print_final_stats=1 >"$log" 2>&1 || failed=1
	new=$(($(ls "$finds" | wc -l) - before))
	stat() { sed -n "s/^stat::$1: *//p" "$log" | tail -1; }
	last() { sed -n "s/.* $1: \([0-9]*\).*/\1/p" "$log" | tail -1; }
	printf '%-18s %10s %9s %8s %8s %8s %6s\n' "$target" "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" \
		"$(last cov)" "$(last ft)" $((SECONDS - began)) "$new"
	if ((new > 0 || failed)); then
		found=1
		sed -n "/^thread\|panicked\|^ALARM\|^==.*ERROR/{N;s/^/    /p}" "$log" | head -6
	fi
done
if ((found)); then
	echo "finds are in $out/finds, what was said in $out/log"
	exit 1
fi
