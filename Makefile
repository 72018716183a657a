# Every command of the project. CI calls the same ones.
#
#   make up      everything on this machine, with a sample, until Ctrl-C
#   make demo    the same, checked and taken down again
#   make test    every test
#   make test-one T=system::claims   one test, or those with this in their names
#   make fuzz    the API, fuzzed for longer
#   make fuzz-manifests   the reader of manifests, fuzzed for an hour
#   make soak    large charts, the tests of failures again and again, and a thousand random sequences
#   make hostile   what hostile clusters and clients cost good ones
#   make check   what CI looks at besides the tests
#   make bench   figures beside their floors, in target/bench; make bench-api those of the API

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CACHE := $(or $(CAUSEWAY_CACHE),$(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME)/causeway,$(HOME)/.cache/causeway))
RIG := target/debug/causeway-rig
DEMO := target/debug/causeway-demo
# Cargo's own tools, in the cache of the project.
CARGO_TOOLS := $(CACHE)/cargo-tools
DENY_VERSION := 0.20.2
MACHETE_VERSION := 0.9.2
# Python tools that the tests of the API document use, in the cache of the project; new for every pin and every Python.
PYTHON ?= python3
PIP_TOOLS_VERSION := 7.6.2
PYTHON_KEY := $(shell { cat tests/python/requirements.txt; $(PYTHON) --version; } 2>&1 | sha256sum | cut -c1-16)
PYTHON_TOOLS := $(CACHE)/python/$(PYTHON_KEY)
# System tests wait most of the time; more of them than processors can do so at once.
TEST_THREADS := 8

.PHONY: help
help: ## What there is to do
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: build
build: ## Build the workspace
	cargo build --workspace

.PHONY: tools
tools: build ## Build the real parts (Kubernetes, controllers) from their pinned modules, once
	$(RIG) tools

.PHONY: bundles
bundles: tools ## Render the bundles of support services from their pinned modules
	HELM=$$($(RIG) program helm) target/debug/causeway-bundles deploy/bundles-src deploy/bundles

.PHONY: up
up: bundles ## Start everything with a sample, until Ctrl-C
	@$(DEMO) up

.PHONY: demo
demo: bundles ## Start everything with a sample, check it, delete it, check that too
	@$(DEMO) demo

$(PYTHON_TOOLS)/complete:
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || { echo "the tests of the API document need Python 3.11 or newer with venv and pip: install it (python3-venv on Debian), or set PYTHON" >&2; exit 1; }
	rm -rf $(PYTHON_TOOLS)
	$(PYTHON) -m venv $(PYTHON_TOOLS)
	$(PYTHON_TOOLS)/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r tests/python/requirements.txt
	touch $@

.PHONY: python
python: $(PYTHON_TOOLS)/complete ## Install the pinned Python tools of the tests, once, and say where
	@echo $(PYTHON_TOOLS)/bin/python

.PHONY: python-lock
python-lock: ## Pin the newest Python tools that tests/python/requirements.in allows
	$(PYTHON) -m venv $(CACHE)/pip-tools
	$(CACHE)/pip-tools/bin/pip install --quiet --disable-pip-version-check pip-tools==$(PIP_TOOLS_VERSION)
	cd tests/python && CUSTOM_COMPILE_COMMAND="make python-lock" $(CACHE)/pip-tools/bin/pip-compile --quiet --upgrade --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links requirements.in

.PHONY: test
test: bundles $(PYTHON_TOOLS)/complete ## Run every test
	cargo test --workspace --no-run
	CAUSEWAY_PYTHON=$(PYTHON_TOOLS)/bin/python $(RIG) run --extra-clusters 1 -- cargo test --workspace --no-fail-fast -- --test-threads $(TEST_THREADS)

# T names a suite of tests/ and, after ::, a part of the names of its tests.
SUITE = $(firstword $(subst ::, ,$(T)))
FILTER = $(patsubst $(SUITE)::%,%,$(filter-out $(SUITE),$(T)))
.PHONY: test-one
test-one: bundles $(if $(filter document%,$(T)),$(PYTHON_TOOLS)/complete) ## Run one test on the rig: T=system::claims; or one suite: T=faults
	@[ -n "$(T)" ] || { echo "say which: make test-one T=suite::name, for example T=system::claims" >&2; exit 1; }
	cargo test -p causeway-tests --test $(SUITE) --no-run
	CAUSEWAY_PYTHON=$(PYTHON_TOOLS)/bin/python $(RIG) run --extra-clusters 1 -- cargo test -p causeway-tests --test $(SUITE) -- --nocapture --test-threads $(TEST_THREADS) $(FILTER)

# FUZZ_SEED=7 make fuzz sends what make fuzz has sent that printed the seed 7.
FUZZ_SEED ?= $(shell date +%s)
.PHONY: fuzz
fuzz: bundles $(PYTHON_TOOLS)/complete ## Send the API what nobody would think of, for a quarter of an hour
	cargo test -p causeway-tests --test document --no-run
	CAUSEWAY_PYTHON=$(PYTHON_TOOLS)/bin/python FUZZ_SEED=$(FUZZ_SEED) FUZZ_EXAMPLES=100 FUZZ_SECONDS=900 FUZZ_PHASES=examples,coverage,fuzzing,stateful $(RIG) run -- cargo test -p causeway-tests --test document -- --nocapture answers_are_as_the_document_tells

# FUZZ_SEED=7 make fuzz-manifests mutates as that has done which printed the seed 7, as long as the reader does the same.
.PHONY: fuzz-manifests
fuzz-manifests: ## Read mutated manifests for an hour (FUZZ_SECONDS); those that fail are written to core/manifests/tests/seeds
	cargo test -p causeway-manifests --test fuzz --no-run
	FUZZ_SEED=$(FUZZ_SEED) FUZZ_SECONDS=$(or $(FUZZ_SECONDS),3600) cargo test -p causeway-manifests --test fuzz -- --ignored --nocapture

.PHONY: hostile
hostile: bundles ## Measure good clients and clusters beside hostile ones, HOSTILE_SECONDS (300) beside each
	cargo test -p causeway-tests --test hostile --no-run
	HOSTILE_SECONDS=$(or $(HOSTILE_SECONDS),300) $(RIG) run --extra-clusters 1 -- cargo test -p causeway-tests --test hostile -- --ignored --nocapture

# BENCH: what is to be measured, as flags; `BENCH=--help` lists them.
.PHONY: bench
bench: bundles ## Measure the reconcile path beside plain applies; figures in target/bench
	cargo build --release -p causeway-api -p causeway-workers -p causeway-rig -p causeway-bench
	target/release/causeway-rig run --extra-clusters 1 -- target/release/causeway-bench-reconcile $(BENCH)

# BENCH=--help lists its flags too. It starts Postgres, NATS and the API itself.
.PHONY: bench-api
bench-api: ## Measure the API beside the same work written by hand; figures in target/bench
	cargo build --release -p causeway-api -p causeway-bench
	target/release/causeway-bench-api $(BENCH)

# MODEL_SEED=7 make soak plays what make soak has played that printed the seed 7.
ROUNDS ?= 20
MODEL_SEQUENCES ?= 1000
MODEL_SEED ?= $(shell date +%s)
.PHONY: soak
soak: bundles ## Run the tests of large charts, those of failures ROUNDS times (20), and the model with MODEL_SEQUENCES sequences (1000)
	cargo test --workspace --test faults --test model --test system --no-run
	$(RIG) run --extra-clusters 1 -- bash -c ' \
		cargo test --workspace --test system -- --ignored --test-threads $(TEST_THREADS) charts \
			|| { echo "the tests of large charts failed after $$SECONDS s" >&2; exit 1; }; \
		for round in $$(seq $(ROUNDS)); do \
			cargo test --workspace --test faults -- --test-threads $(TEST_THREADS) \
				|| { echo "round $$round of $(ROUNDS) failed after $$SECONDS s" >&2; exit 1; }; \
			echo "round $$round of $(ROUNDS) is good, $$SECONDS s so far"; \
		done; \
		export MODEL_SEED=$(MODEL_SEED) MODEL_SEQUENCES=$(MODEL_SEQUENCES); \
		cargo test --workspace --test model -- --nocapture random_sequences \
			|| { echo "the model failed after $$SECONDS s; its first seed was $$MODEL_SEED" >&2; exit 1; }; \
		echo "$(ROUNDS) rounds of the tests of failures and $(MODEL_SEQUENCES) sequences of the model are good: $$SECONDS s"'

# What the database must be, as one text, from a database that was made just now.
.PHONY: schema
schema: ## Write docs/schema.md anew
	cargo build -p causeway-rig
	WRITE_SCHEMA=1 $(RIG) postgres -- cargo test -q -p causeway-store --test store schema::

# What sqlx::query! needs to know of each statement, asked of a database that was made just now. The macros themselves write these files when they may ask
# one, which is all that `cargo sqlx prepare` does; so sqlx-cli is not needed.
SCHEMA_FILES := $(sort $(wildcard migrations/0*.sql)) $(wildcard migrations/functions/*.sql)
define describe_statements
	rm -rf $(1)
	mkdir -p $(1)
	touch core/store/src/lib.rs
	$(RIG) postgres --apply $(SCHEMA_FILES) -- env SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$(abspath $(1)) cargo check -q -p causeway-store
endef

.PHONY: sqlx
sqlx: ## Write core/store/.sqlx anew, after a change of a statement
	cargo build -p causeway-rig
	$(call describe_statements,core/store/.sqlx)

.PHONY: sqlx-check
sqlx-check: build
	$(call describe_statements,target/sqlx)
	diff -r core/store/.sqlx target/sqlx || { echo "core/store/.sqlx is old: run make sqlx" >&2; exit 1; }

# A file beside it first: the old one is compiled into the program that writes the new one.
.PHONY: functions
functions: ## Write the generated files of migrations/functions anew, from the nouns and core/store/src/depends.rs
	for file in dependants.sql children.sql; do \
		cargo run -q -p causeway-store --example functions $$file > migrations/functions/$$file.new || exit 1; \
		mv migrations/functions/$$file.new migrations/functions/$$file; \
	done

.PHONY: check
check: fmt-check clippy openapi-check sqlx-check deny machete alone release-check ## Format, lints, document, statements, licences, unused dependencies, crates alone, no failpoints in a release

.PHONY: fmt
fmt: ## Format the code
	cargo fmt --all

.PHONY: fmt-check
fmt-check:
	cargo fmt --all --check

.PHONY: clippy
clippy:
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: openapi
openapi: ## Write the API document anew
	cargo run -q -p causeway-api -- openapi > openapi/v0.json

.PHONY: openapi-check
openapi-check: build
	target/debug/causeway-api openapi | diff -u openapi/v0.json - || { echo "the API document is old: run make openapi" >&2; exit 1; }

$(CARGO_TOOLS)/bin/cargo-deny-$(DENY_VERSION):
	cargo install cargo-deny --version $(DENY_VERSION) --locked --root $(CARGO_TOOLS)
	mv $(CARGO_TOOLS)/bin/cargo-deny $@

$(CARGO_TOOLS)/bin/cargo-machete-$(MACHETE_VERSION):
	cargo install cargo-machete --version $(MACHETE_VERSION) --locked --root $(CARGO_TOOLS)
	mv $(CARGO_TOOLS)/bin/cargo-machete $@

# Advisories need RustSec's database, which is fetched. Where it can't be, bring it: clone it elsewhere, copy the clone to a folder and say
# `make deny ADVISORY_DB=folder`, whose age is said and not checked. Without either the other checks count, and the line that it prints says so.
ADVISORY_DB ?=
ADVISORY_DB_URL := https://github.com/rustsec/advisory-db
.PHONY: deny
deny: $(CARGO_TOOLS)/bin/cargo-deny-$(DENY_VERSION) ## Licences, bans, sources, and advisories where their database is at hand
	$< check licenses bans sources
	@if [ -n "$(ADVISORY_DB)" ]; then \
		mkdir -p target/advisories && sed 's|^db-urls = .*|db-urls = ["file://$(abspath $(ADVISORY_DB))"]\ndb-path = "$(CURDIR)/target/advisories"|' deny.toml > target/deny.toml \
			&& git -C $(ADVISORY_DB) log -1 --format='advisories of %cs' && $< check --config $(CURDIR)/target/deny.toml advisories; \
	elif timeout 20 git ls-remote -q $(ADVISORY_DB_URL) HEAD > /dev/null 2>&1; then \
		$< check advisories; \
	else \
		echo "advisories were NOT checked: $(ADVISORY_DB_URL) can't be reached; bring a clone and say make deny ADVISORY_DB=folder" >&2; \
	fi

.PHONY: machete
machete: $(CARGO_TOOLS)/bin/cargo-machete-$(MACHETE_VERSION)
	$<

# A crate must not lean on features that another one turns on.
.PHONY: alone
alone:
	for crate in manifests records rules store bus telemetry api render cluster dns workers; do echo "causeway-$$crate alone"; cargo check -q -p causeway-$$crate; done

# The same words are looked for in the programs of the tests, which must have them: else the check would see nothing anywhere.
.PHONY: release-check
release-check: build ## No release contains a failpoint
	cargo build --release -p causeway-api -p causeway-workers
	for program in causeway-api causeway-workers; do \
		grep -qaF FAILPOINTS target/debug/$$program || { echo "$$program of the tests has no failpoints" >&2; exit 1; }; \
		strip -o target/release/$$program.stripped target/release/$$program; \
		! grep -qaiF failpoint target/release/$$program.stripped || { echo "$$program for release contains failpoints" >&2; exit 1; }; \
	done
