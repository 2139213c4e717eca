# Everything a developer does, by name. Details are in scripts/.
SHELL := /bin/bash
export PATH := $(PATH):/opt/swift/usr/bin

.PHONY: run test test-table bench build setup format lint clean

# Builds, starts a daemon on Examples/router, shows the main job, leaves the daemon running.
run:
	@scripts/run

# Builds and runs all tests.
test:
	@scripts/test

# A table of a million rows, made by a data provider, walked by a client; takes minutes.
test-table:
	@NSO_TABLE_ROWS=1000000 swift test --filter aLargeTableIsWalkedWithBoundedMemory

# Measures; a package of its own, so that nobody else resolves what it needs.
bench: build
	@cd Benchmarks && swift run -c release ncs-bench $(BENCH)

# The daemon and the tools, optimised, in .build/release.
build: setup
	@swift build -c release

# Installs what is missing (root), or says what to install.
setup:
	@scripts/setup

format:
	@swift format --in-place --parallel --recursive Package.swift Sources Tests

lint:
	@swift format lint --strict --parallel --recursive Package.swift Sources Tests

clean:
	@swift package clean
	@rm -rf var/router var/ci.log
