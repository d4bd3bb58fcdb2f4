# The front door. Each target is one line here and a script that can be read.

SHELL := /bin/bash
export LEGATO_CACHE ?= $(HOME)/.cache/legato
export CARGO_TARGET_DIR ?= $(LEGATO_CACHE)/target

SEED ?= 1
RUNS ?= 1000
SECONDS ?= 60
TRIES ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup run test check check-cross check-cross-app sim lab lab-peers bench voice-bench voice-live voice-peers fuzz doc fmt ui app app-e2e app-figures package demo

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 17

setup: ## install what is missing to build (skips quickly when all is there)
	@scripts/setup

run: setup ## a first call: the window where there is a display, else the terminal
	@scripts/run

ui: ## the window's page: types, and every view in a browser on a scripted host (needs Node 20)
	@scripts/ui

app: setup ## the window, against a server of its own on this machine
	@scripts/app

app-e2e: setup ## the real app twice in two networks, driven and judged: target/app-e2e/results.jsonl (needs root)
	@scripts/app-e2e

app-figures: setup ## cold start, memory and CPU of the release build
	@scripts/app-figures

package: setup ## .deb and .rpm of the app
	@scripts/package

test: setup ## every test of the workspace, doc tests included
	@scripts/test

check: setup ## format, lints, licences, docs, dependency rules, file lengths
	@scripts/check

check-cross: setup ## type-check the portable crates for Windows, macOS, iOS, Android
	@scripts/check-cross

check-cross-app: setup ## the same for the whole app, window and sound (slow: a quarter of an hour and more when cold)
	@scripts/check-cross-app

sim: setup ## seeded worlds in virtual time: SEED=1 RUNS=1000
	@cargo run --release --quiet --package ntm-sim -- --seed $(SEED) --runs $(RUNS)
	@cargo run --release --quiet --package ntm-sim -- moves --seed $(SEED) --runs $(RUNS)

lab: setup ## real programs in network namespaces, every network calls every other: TRIES=3 (needs root)
	@scripts/lab $(TRIES)

lab-peers: setup ## iroh, WireGuard and quinn, built to compare with: `ntm-lab handover --peer all`
	@scripts/lab-peers

bench: setup ## benchmarks, with the machine named
	@scripts/bench

voice-bench: setup ## the bars of docs/voice.md, in virtual time, on devices and (as root) live: target/voice-bench/results.jsonl
	@scripts/voice-bench

demo: setup ## a call through a Wi-Fi toggle in two networks of the lab, drawn as it happens; demo/heard.wav (needs root)
	@scripts/demo

voice-live: setup ## calls through sound devices with real hand-overs in the lab, judged by the recording (needs root)
	@scripts/voice-live

voice-peers: setup ## the same call and hand-overs with Mumble, baresip and Chromium beside ours (needs root)
	@scripts/voice-peers

fuzz: setup ## each fuzz target for SECONDS=60
	@scripts/fuzz $(SECONDS)

doc: setup ## the crates' documentation, as HTML
	@cargo doc --workspace --no-deps
	@echo "$(CARGO_TARGET_DIR)/doc/ntm/index.html"

fmt: ## rustfmt, in place
	@cargo fmt --all
