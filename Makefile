# `make` lists the targets. Continuous integration runs `make lint test doc`; `make check` is what to run before a push.

SHELL := /bin/bash
CARGO ?= cargo
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
CORE := $(CURDIR)/build/kiwame-core.wasm
PAGE := $(CURDIR)/web/dist/kiwame.html
GOLDEN := $(CURDIR)/build/golden
KIWAME := $(TARGET)/release/kiwame
# wasmtime is heavy and is built in one profile only; everything else is tested with overflow checks.
NATIVE := --workspace --exclude kiwame-guest --exclude kiwame-browser --exclude kiwame-cli
WASM := --target wasm32-unknown-unknown -p kiwame-guest -p kiwame-browser
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

export KIWAME_CORE := $(CORE)
export KIWAME := $(KIWAME)
export KIWAME_PAGE := $(PAGE)
export KIWAME_GOLDEN := $(GOLDEN)

.DEFAULT_GOAL := help
.PHONY: help toolchain setup core build page golden test test-native test-command test-hosts lint doc check bless soak fuzz bench oracle oracle-files oracle-coreboot oracle-wrappers oracle-trees oracle-tools oracle-kernel oracle-stores samples reproduce demo clean advisories

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

toolchain: ## install the wasm32 target, rustfmt and clippy if they are missing
	@rustc --print target-libdir --target wasm32-unknown-unknown | xargs test -d || rustup target add wasm32-unknown-unknown
	@$(CARGO) fmt --version > /dev/null 2>&1 && $(CARGO) clippy --version > /dev/null 2>&1 || rustup component add rustfmt clippy

setup: toolchain ## install what is missing: wasm32 target, Chromium, a Japanese font, node packages
	@missing=; \
	command -v chromium > /dev/null || missing="$$missing chromium"; \
	test -n "$$(fc-list :lang=ja 2> /dev/null)" || missing="$$missing fonts-ipafont-gothic"; \
	command -v node > /dev/null || missing="$$missing nodejs"; \
	command -v npm > /dev/null || missing="$$missing npm"; \
	if test -n "$$missing"; then $(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends $$missing; fi
	@cd tests/browser && { test node_modules/.package-lock.json -nt package-lock.json || npm ci --no-audit --no-fund; }

core: toolchain ## build build/kiwame-core.wasm and print its digest
	$(CARGO) xtask core

build: core ## build the command, target/release/kiwame
	$(CARGO) build --release --locked -p kiwame-cli

page: core ## build the page, web/dist/kiwame.html
	$(CARGO) xtask page

golden:
	rm -rf $(GOLDEN)
	$(CARGO) xtask golden $(GOLDEN)

test: setup test-native build page golden test-command test-hosts ## run all tests, in all three hosts

test-native:
	$(CARGO) test --locked $(NATIVE)

test-command: build
	$(CARGO) test --release --locked -p kiwame-cli

test-hosts: build page golden
	cd tests/browser && node --test --test-reporter=dot

lint: toolchain core ## format and lints, warnings denied
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path tests/fuzz/Cargo.toml --check
	$(CARGO) clippy --locked $(NATIVE) --all-targets -- -D warnings
	$(CARGO) clippy --release --locked -p kiwame-cli --all-targets -- -D warnings
	$(CARGO) clippy --locked $(WASM) -- -D warnings
	$(CARGO) check --locked --manifest-path tests/fuzz/Cargo.toml --target-dir $(TARGET)/fuzz

doc: toolchain ## documentation of the crates, warnings denied
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps $(NATIVE)

check: lint test doc ## what has to be clean before a push: format, lints, tests, documentation, dependencies
	command -v cargo-deny > /dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --locked check bans licenses sources

advisories: ## known vulnerabilities of dependencies; fetches the advisory database
	command -v cargo-deny > /dev/null || $(CARGO) install --locked cargo-deny
	$(CARGO) deny --locked check advisories

bless: ## write the expected reports of the golden cases anew; read the diff
	BLESS=1 $(CARGO) test --locked -p kiwame-verifier --test golden

soak: ## the long version of the same tests
	KIWAME_SOAK=1 $(CARGO) test --release --locked $(NATIVE)

fuzz: ## coverage-guided fuzzing of every format and of what is above them; MINUTES=2 for each, FORMATS="gzip xz"
	tests/fuzz/run.sh

bench: build ## time and memory, beside other tools; prints the table of BENCHMARKS.md
	tests/bench/run.sh

oracle: ## compare item lists with UEFIExtract's (Debian: uefitool-cli); IMAGES="a.fd b.fd"
	$(CARGO) build --release --locked -p kiwame-xtask --example items
	tests/oracle/uefiextract.py --strict $(TARGET)/release/examples/items $(or $(IMAGES),firmware-samples/uefi/OVMF_CODE_4M.fd)

oracle-files: ## compare file systems with other tools' lists, as root (needs: tests/oracle/files.py); IMAGES="a.squashfs b.jffs2"
	$(CARGO) build --release --locked -p kiwame-verifier --example inspect
	tests/oracle/files.py --strict --made $(TARGET)/release/examples/inspect $(IMAGES)

oracle-coreboot: ## compare coreboot images with cbfstool's lists (needs: tests/oracle/coreboot.py); IMAGES="a.rom b.rom"
	$(CARGO) build --release --locked -p kiwame-verifier --example inspect
	tests/oracle/coreboot.py $(TARGET)/release/examples/inspect $(IMAGES)

oracle-wrappers: ## compare cabinets and UEFI capsules with other tools (needs: tests/oracle/wrappers.py); IMAGES="a.cab b.cap"
	$(CARGO) build --release --locked -p kiwame-verifier --example inspect
	tests/oracle/wrappers.py $(TARGET)/release/examples/inspect $(IMAGES)

oracle-trees: build ## compare device trees and FITs with libfdt, dumpimage and openssl (needs: tests/oracle/trees.py); IMAGES="a.dtb b.itb"
	$(CARGO) build --release --locked -p kiwame-xtask --example claims
	tests/oracle/trees.py $(KIWAME) $(TARGET)/release/examples/claims $(or $(IMAGES),--made)

oracle-tools: ## compare streams, environments and FITs with EDK II's and U-Boot's own code (needs: tests/oracle/tools.sh, fit.py); MUTANTS=2000
	tests/oracle/tools.sh build/oracle
	$(CARGO) build --release --locked -p kiwame-xtask --example opened --example claims
	$(CARGO) build --release --locked -p kiwame-verifier --example inspect
	tests/oracle/loaders.py build/oracle $(TARGET)/release/examples/opened $(or $(MUTANTS),2000)
	tests/oracle/fit.py build/oracle $(TARGET)/release/examples $(or $(MUTANTS),2000)

oracle-kernel: ## compare file systems with what Linux reads in user mode, as root (needs: tests/oracle/kernel/*.py); MUTANTS=2000
	$(CARGO) build --release --locked -p kiwame-verifier --example listing --example affirms
	$(CARGO) build --release --locked -p kiwame-xtask --example items
	tests/oracle/kernel/squashfs.py $(if $(MUTANTS),--mutants $(MUTANTS)) $(TARGET)/release/examples/listing
	tests/oracle/kernel/initramfs.py $(if $(MUTANTS),--mutants $(MUTANTS)) $(TARGET)/release/examples/listing
	tests/oracle/kernel/jffs2.py $(if $(MUTANTS),--mutants $(MUTANTS)) $(TARGET)/release/examples/items

oracle-stores: build ## boot OVMF and AAVMF through histories, attack their variable stores, ask the firmware (needs: tests/oracle/stores.py)
	tests/oracle/stores.py boot build/stores
	for store in x64/*-entries-added x64/*-ms-shim-grub aa64/*-entries-added; do \
		for file in build/stores/$$store.fd; do tests/oracle/stores.py attack $$file build/stores/attacks; done; done
	tests/oracle/stores.py compare $(KIWAME) build/stores
	tests/oracle/stores.py table build/stores > build/stores/variables.md
	tests/oracle/stores.py confirm build/stores/attacks

samples: ## write every described sample to build/samples-as-files
	$(CARGO) run --release --locked -p kiwame-samples --bin samples -- build/samples-as-files

reproduce: toolchain ## build the core twice in different folders and compare
	$(CARGO) xtask reproduce

demo: build ## the main job on a real image: attest, verify, refuse a tampered copy
	tests/demo.sh

clean: ## remove what was built
	$(CARGO) clean
	rm -rf build web/dist tests/browser/node_modules
