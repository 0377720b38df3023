# The one entry point for people and CI.
.PHONY: help run test sanitize fuzz lint format bench instructions clean
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z]*\): .*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: ## build, then a demonstration on loopback with a mail sink behind it
	scripts/setup --build-only
	scripts/build release
	exec "$$(swift build -c release --show-bin-path)/portreeve" demo

test: ## unit tests, interop with real mail servers, protocol vectors
	scripts/setup
	scripts/test

sanitize: ## address and thread sanitizers (part of test)
	scripts/setup
	scripts/sanitize

fuzz: ## every fuzzer for FUZZ_SECONDS (30)
	scripts/setup --build-only
	scripts/fuzz

lint: ## format, module edges, declared imports
	scripts/setup --build-only
	scripts/lint

format: ## rewrites the Swift sources in the project's format
	swift format -i -r -p Sources Tests Package.swift Fuzz/Package.swift Fuzz/Sources Benchmarks/Sources Benchmarks/NIOPipe/Sources

bench: ## the same work beside HAProxy, nginx, Postfix and SwiftNIO: tables, JSON and a plot (BENCH="--rounds 2")
	Benchmarks/setup
	/usr/bin/python3 Benchmarks/bench $(BENCH)

instructions: ## counts the instructions of the hot paths against their ceilings
	scripts/setup --build-only
	Benchmarks/instructions

clean: ## removes what was built
	rm -rf .build .build-asan .build-tsan Fuzz/.build-fuzz Benchmarks/.build Benchmarks/NIOPipe/.build
