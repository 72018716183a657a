# Every command of the project. CI calls the same ones.
#
#   make up      everything on this machine, with a sample, until Ctrl-C
#   make demo    the same, checked and taken down again
#   make test    every test
#   make test-one T=system::claims   one test, or those with this in their names
#   make fuzz    the API, fuzzed for longer
#   make fuzz-manifests   the reader of manifests, fuzzed for an hour
#   make patroni   failovers of Postgres under Patroni
#   make upgrade   the previous release beside this one, under load
#   make soak    large charts, streams of manifests, rules of routes, an upgrade from the previous release, the tests of failures again and again, failovers
#                of Postgres, a thousand kills under events, and a thousand random sequences
#   make corpus   objects of Gateway API as projects publish them: imported, rendered, compared
#   make conformance   the traffic tests of Gateway API's own suite, straight and through the API
#   make hostile   what hostile clusters and clients cost good ones
#   make check   what CI looks at besides the tests
#   make screenshots   pictures of the dashboard, for docs/images
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
MDBOOK_VERSION := 0.5.4
# Python tools that the tests of the API document and of the dashboard use, in the cache of the project; new for every pin and every Python.
PYTHON ?= python3
PIP_TOOLS_VERSION := 7.6.2
PYTHON_KEY := $(shell { cat tests/python/requirements.txt; $(PYTHON) --version; } 2>&1 | sha256sum | cut -c1-16)
PYTHON_TOOLS := $(CACHE)/python/$(PYTHON_KEY)
# Patroni, for the test of failovers, in the same way.
PATRONI_KEY := $(shell { cat tests/patroni/requirements.txt; $(PYTHON) --version; } 2>&1 | sha256sum | cut -c1-16)
PATRONI_TOOLS := $(CACHE)/patroni/$(PATRONI_KEY)
# Packages of npm that the tests of webhooks use, in the cache of the project; new for every pin and every Node.js.
NODE_KEY := $(shell { cat tests/node/package-lock.json; node --version; } 2>&1 | sha256sum | cut -c1-16)
NODE_TOOLS := $(CACHE)/node/$(NODE_KEY)
TOOLS_OF_TESTS = CAUSEWAY_PYTHON=$(PYTHON_TOOLS)/bin/python CAUSEWAY_NODE_MODULES=$(NODE_TOOLS)/node_modules
# System tests wait most of the time; more of them than processors can do so at once.
TEST_THREADS := 8

.PHONY: help
help: ## What there is to do
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

# A procedural macro that is asked for by itself is built with another profile than as a dependency, and then so is everything that uses it: `cargo test`
# would build it all once more.
BUILD_ALL := cargo build --workspace --exclude causeway-records-derive

.PHONY: build
build: ## Build the workspace
	$(BUILD_ALL) $(BUILD)

# What builds the real parts and makes the bundles comes first.
# Where tests are built later, one of a small crate is built here, too: then dependencies have the features that tests turn on, and are built once.
.PHONY: makers
makers:
	$(BUILD_ALL) --bin causeway-rig --bin causeway-bundles $(if $(BUILD),--test figures)

.PHONY: tools
tools: makers ## Build the real parts (Kubernetes, controllers) from their pinned modules, once
	$(RIG) tools

.PHONY: bundles
bundles: tools ## Render the bundles of support services from their pinned modules
	HELM=$$($(RIG) program helm) target/debug/causeway-bundles deploy/bundles-src deploy/bundles

.PHONY: programs
programs: bundles
	$(BUILD_ALL) $(BUILD)

# What a registry gets. Size is bounded here, because the programs of the tests are larger. They are packed twice, from files with other times in other folders: the
# digest of its manifest, which each index names, is of all that an image holds.
.PHONY: images
images: bundles ## Make container images of the programs for release, in target/images, without a container engine; twice, which must make the same
	cargo build --release -p causeway-api -p causeway-workers -p causeway-cli -p causeway-images
	rm -rf target/stripped target/stripped-again target/images-again
	mkdir -p target/stripped target/stripped-again
	for program in causeway-api causeway-workers causeway; do \
		strip -o target/stripped/$$program target/release/$$program && strip -o target/stripped-again/$$program target/release/$$program || exit 1; \
	done
	target/release/causeway-images --programs target/stripped --most-megabytes 60
	target/release/causeway-images --programs target/stripped-again --out target/images-again > /dev/null
	for image in causeway-api causeway-workers causeway-cli; do \
		cmp target/images/$$image/index.json target/images-again/$$image/index.json || { echo "$$image is another image each time it is packed" >&2; exit 1; }; \
	done
	rm -r target/stripped-again target/images-again

.PHONY: up
up: programs ## Start everything with a sample, until Ctrl-C
	@$(DEMO) up

.PHONY: demo
demo: programs ## Start everything with a sample, check it, delete it, check that too
	@$(DEMO) demo

$(PYTHON_TOOLS)/complete:
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || { echo "the tests of the API document and the dashboard need Python 3.11 or newer with venv and pip: install it (python3-venv on Debian), or set PYTHON" >&2; exit 1; }
	rm -rf $(PYTHON_TOOLS)
	$(PYTHON) -m venv $(PYTHON_TOOLS)
	$(PYTHON_TOOLS)/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r tests/python/requirements.txt
	touch $@

.PHONY: python
python: $(PYTHON_TOOLS)/complete ## Install the pinned Python tools of the tests, once, and say where
	@echo $(PYTHON_TOOLS)/bin/python

# One of its packages has no wheel.
$(PATRONI_TOOLS)/complete:
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || { echo "the test of failovers needs Python 3.11 or newer with venv and pip: install it (python3-venv on Debian), or set PYTHON" >&2; exit 1; }
	rm -rf $(PATRONI_TOOLS)
	$(PYTHON) -m venv $(PATRONI_TOOLS)
	$(PATRONI_TOOLS)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r tests/patroni/requirements.txt
	touch $@

$(NODE_TOOLS)/complete:
	@command -v node >/dev/null && command -v npm >/dev/null || { echo "the tests of webhooks need Node.js 18 or newer with npm: install it (nodejs and npm on Debian)" >&2; exit 1; }
	rm -rf $(NODE_TOOLS) && mkdir -p $(NODE_TOOLS)
	cp tests/node/package.json tests/node/package-lock.json $(NODE_TOOLS)
	cd $(NODE_TOOLS) && npm ci --silent --ignore-scripts --no-audit --no-fund
	touch $@

.PHONY: node
node: $(NODE_TOOLS)/complete ## Install the pinned packages of npm that the tests use, once, and say where
	@echo $(NODE_TOOLS)/node_modules

.PHONY: python-lock
python-lock: ## Pin the newest Python tools that tests/python and tests/patroni allow
	$(PYTHON) -m venv $(CACHE)/pip-tools
	$(CACHE)/pip-tools/bin/pip install --quiet --disable-pip-version-check pip-tools==$(PIP_TOOLS_VERSION)
	for folder in tests/python tests/patroni; do \
		(cd $$folder && CUSTOM_COMPILE_COMMAND="make python-lock" $(CACHE)/pip-tools/bin/pip-compile --quiet --upgrade --generate-hashes --strip-extras --no-emit-index-url --no-emit-find-links requirements.in) || exit 1; \
	done

# With the tests at once: what they turn on in other crates would have these built a second time.
.PHONY: test-build
test-build: BUILD = --all-targets
test-build: programs $(PYTHON_TOOLS)/complete $(NODE_TOOLS)/complete ## Build and install all that the tests need
	cargo test --workspace --no-run

.PHONY: test
test: test-build ## Run every test
	$(TOOLS_OF_TESTS) $(RIG) run --extra-clusters 1 -- cargo test --workspace --no-fail-fast -- --test-threads $(TEST_THREADS)

# T names a suite of tests/ and, after ::, a part of the names of its tests.
SUITE = $(firstword $(subst ::, ,$(T)))
TARGET = $(if $(filter hostile,$(SUITE)),-p causeway-hostile,-p causeway-tests --test $(SUITE))
FILTER = $(patsubst $(SUITE)::%,%,$(filter-out $(SUITE),$(T)))
.PHONY: test-one
test-one: programs $(if $(filter document% system% events%,$(T)),$(PYTHON_TOOLS)/complete) $(if $(filter events%,$(T)),$(NODE_TOOLS)/complete) ## Run one test on the rig: T=system::claims; or one suite: T=faults
	@[ -n "$(T)" ] || { echo "say which: make test-one T=suite::name, for example T=system::claims" >&2; exit 1; }
	cargo test $(TARGET) --no-run
	$(TOOLS_OF_TESTS) $(RIG) run --extra-clusters 1 -- cargo test $(TARGET) -- --nocapture --test-threads $(TEST_THREADS) $(FILTER)

# Every page is pictured in target/screenshots, also lists with nothing, with one row and with CAUSEWAY_ROWS; docs/images gets those that docs/dashboard.md shows.
.PHONY: screenshots
screenshots: ## Picture the pages of the dashboard with the tests' data: target/screenshots, docs/images
	mkdir -p target/screenshots
	CAUSEWAY_ROWS=$(or $(CAUSEWAY_ROWS),10000) CAUSEWAY_SCREENSHOTS=$(CURDIR)/target/screenshots $(MAKE) test-one T=system::browser
	cd target/screenshots && cp $$(grep -o 'images/[a-z-]*\.png' $(CURDIR)/docs/dashboard.md | cut -d/ -f2) $(CURDIR)/docs/images/

# FUZZ_SEED=7 make fuzz sends what make fuzz has sent that printed the seed 7.
FUZZ_SEED ?= $(shell date +%s)
.PHONY: fuzz
fuzz: programs $(PYTHON_TOOLS)/complete ## Send the API what nobody would think of, for a quarter of an hour
	cargo test -p causeway-tests --test document --no-run
	CAUSEWAY_PYTHON=$(PYTHON_TOOLS)/bin/python FUZZ_SEED=$(FUZZ_SEED) FUZZ_EXAMPLES=100 FUZZ_SECONDS=900 FUZZ_PHASES=examples,coverage,fuzzing,stateful $(RIG) run -- cargo test -p causeway-tests --test document -- --nocapture answers_are_as_the_document_tells

# FUZZ_SEED=7 make fuzz-manifests mutates as that has done which printed the seed 7, as long as the reader does the same.
.PHONY: fuzz-manifests
fuzz-manifests: ## Read mutated manifests for an hour (FUZZ_SECONDS); those that fail are written to core/manifests/tests/seeds
	cargo test -p causeway-manifests --test fuzz --no-run
	FUZZ_SEED=$(FUZZ_SEED) FUZZ_SECONDS=$(or $(FUZZ_SECONDS),3600) cargo test -p causeway-manifests --test fuzz -- --ignored --nocapture

.PHONY: corpus
corpus: bundles ## Import the objects of Gateway API that projects publish, render what comes of them, and compare it with what they say
	EVERY_FIELD=1 cargo test -p causeway-import --test silent
	cargo run -p causeway-corpus -- $(CORPUS)

# CONFORMANCE: names of tests, with commas, where not all are to run.
CONFORMANCE ?=
.PHONY: conformance
conformance: programs ## Run the traffic tests of Gateway API's conformance suite on objects applied straight, and through the API; what differs is in target/conformance/whole
	cargo test --workspace --test system --no-run
	CONFORMANCE=$(CONFORMANCE) $(RIG) run --extra-clusters 1 -- cargo test --workspace --test system -- --ignored --nocapture conformance::

.PHONY: hostile
hostile: bundles ## Measure good ones beside a hostile cluster and beside a hostile client, HOSTILE_SECONDS (300) each; then beside many at once
	cargo build --release -p causeway-api -p causeway-workers -p causeway-rig -p causeway-hostile
	HOSTILE_SECONDS=$(or $(HOSTILE_SECONDS),300) target/release/causeway-rig run --extra-clusters 1 -- target/release/causeway-hostile

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
EVENT_ROUNDS ?= 1000
MODEL_SEQUENCES ?= 1000
RULES ?= 5000
PLANS ?= 200
STREAMS ?= 200
MODEL_SEED ?= $(shell date +%s)
# Part of soak; PATRONI_ROUNDS=2 make patroni takes two minutes.
PATRONI_ROUNDS ?= 20
PATRONI = CAUSEWAY_PATRONI=$(PATRONI_TOOLS)/bin/python PATRONI_ROUNDS=$(PATRONI_ROUNDS) cargo test --workspace --test faults -- --ignored --nocapture patroni::
.PHONY: patroni
patroni: programs $(PATRONI_TOOLS)/complete ## Kill the primary of three Postgres servers under Patroni PATRONI_ROUNDS times (20), under load
	cargo test --workspace --test faults --no-run
	$(RIG) run --extra-clusters 1 -- bash -c '$(PATRONI)'

# What is upgraded from: the release before, which is the newest tag among the ancestors of this commit. As long as there is none, the oldest commit whose database can
# be brought up to date: all numbered files of its schema are as they are today, and some may have come.
RELEASED := $(shell git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD^ 2> /dev/null)
# The numbered files of a commit that have another text today, or are gone.
EDITED = git diff --name-only --no-renames --diff-filter=MD $(1) HEAD -- 'migrations/0*.sql'
# Looked for once, when it is asked for.
OLDEST = $(eval OLDEST := $(shell for commit in $$(git rev-list HEAD^ -- migrations 2> /dev/null); do [ -n "$$($(call EDITED,$$commit))" ] || echo $$commit; done | tail -n 1 | cut -c 1-10))$(OLDEST)
PREVIOUS ?= $(or $(RELEASED),$(OLDEST))
# Made once for each, with the versions that its own lock file has. By the version a program knows functions of a later release: where this one has none of its
# own yet, the previous one gets an earlier one. Beside the programs are its bundles of support services, as in its image of the workers.
PREVIOUS_SOURCE = target/previous/$(PREVIOUS)
PREVIOUS_PROGRAMS := target/previous/target/debug
.PHONY: previous
previous: tools ## Build the programs of the previous release (PREVIOUS: a tag or a commit), in target/previous
	@[ -n "$(PREVIOUS)" ] || { echo "no commit before this one has a database that can be brought up to date: fetch the whole history and its tags, or say PREVIOUS=commit" >&2; exit 1; }
	@edited="$$($(call EDITED,$(PREVIOUS)))"; [ -z "$$edited" ] || { echo "a database of $(PREVIOUS) can't be brought up to date, because these files have been edited since: $$(echo $$edited)" >&2; exit 1; }
	@echo "the previous release is $(PREVIOUS)$(if $(RELEASED)$(filter-out file,$(origin PREVIOUS)),,: no tag v... is among the ancestors of this commit, so it is the oldest one whose database can be brought up to date)"
	@if ! [ -d $(PREVIOUS_SOURCE) ]; then \
		rm -rf $(PREVIOUS_SOURCE).new && mkdir -p $(PREVIOUS_SOURCE).new \
			&& git archive $(PREVIOUS) | tar -x -C $(PREVIOUS_SOURCE).new \
			&& { ! grep -qxF "$$(grep -m 1 '^version = ' Cargo.toml)" $(PREVIOUS_SOURCE).new/Cargo.toml || sed -i 's/^version = ".*"$$/version = "0.0.0"/' $(PREVIOUS_SOURCE).new/Cargo.toml; } \
			&& mv $(PREVIOUS_SOURCE).new $(PREVIOUS_SOURCE); \
	fi
	cargo build --manifest-path $(PREVIOUS_SOURCE)/Cargo.toml --target-dir target/previous/target -p causeway-api -p causeway-workers -p causeway-render --bins
	rm -rf $(PREVIOUS_PROGRAMS)/bundles
	HELM=$$($(RIG) program helm) $(PREVIOUS_PROGRAMS)/causeway-bundles $(PREVIOUS_SOURCE)/deploy/bundles-src $(PREVIOUS_PROGRAMS)/bundles

UPGRADE = CAUSEWAY_PREVIOUS=$(CURDIR)/$(PREVIOUS_PROGRAMS) cargo test --workspace --test system -- --ignored --nocapture upgrade::
.PHONY: upgrade
upgrade: programs previous ## Upgrade from the previous release under load, roll back, and upgrade again
	cargo test --workspace --test system --no-run
	$(RIG) run --extra-clusters 1 -- bash -c '$(UPGRADE)'

.PHONY: soak
soak: programs previous $(PATRONI_TOOLS)/complete ## Run the tests of large charts, STREAMS streams of manifests (200), RULES rules of routes of each kind (5000), PLANS plans of changes (200), an upgrade from the previous release, the tests of failures ROUNDS times (20), PATRONI_ROUNDS failovers of Postgres (20), EVENT_ROUNDS kills (1000) under events, and the model with MODEL_SEQUENCES sequences (1000)
	cargo test --workspace --test faults --test events --test model --test system --no-run
	$(RIG) run --extra-clusters 1 -- bash -c ' \
		cargo test --workspace --test system -- --ignored --test-threads $(TEST_THREADS) charts \
			|| { echo "the tests of large charts failed after $$SECONDS s" >&2; exit 1; }; \
		STREAMS=$(STREAMS) STREAMS_SEED=$(MODEL_SEED) cargo test --workspace --test system -- --nocapture streams:: \
			|| { echo "streams of manifests failed after $$SECONDS s" >&2; exit 1; }; \
		RULES=$(RULES) cargo test --workspace --test system -- --nocapture rules_are_accepted_exactly \
			|| { echo "the comparison of rules failed after $$SECONDS s" >&2; exit 1; }; \
		PLANS=$(PLANS) PLANS_SEED=$(MODEL_SEED) cargo test --workspace --test system -- --nocapture a_plan_shows_what \
			|| { echo "plans failed after $$SECONDS s" >&2; exit 1; }; \
		$(UPGRADE) || { echo "the upgrade from $(PREVIOUS) failed after $$SECONDS s" >&2; exit 1; }; \
		for round in $$(seq $(ROUNDS)); do \
			cargo test --workspace --test faults -- --test-threads $(TEST_THREADS) \
				|| { echo "round $$round of $(ROUNDS) failed after $$SECONDS s" >&2; exit 1; }; \
			echo "round $$round of $(ROUNDS) is good, $$SECONDS s so far"; \
		done; \
		$(PATRONI) || { echo "failovers of Postgres failed after $$SECONDS s" >&2; exit 1; }; \
		EVENT_ROUNDS=$(EVENT_ROUNDS) EVENT_STREAMS=1000 cargo test --workspace --test events -- --nocapture kills:: many:: \
			|| { echo "the events failed after $$SECONDS s" >&2; exit 1; }; \
		export MODEL_SEED=$(MODEL_SEED) MODEL_SEQUENCES=$(MODEL_SEQUENCES); \
		cargo test --workspace --test model -- --nocapture random_sequences \
			|| { echo "the model failed after $$SECONDS s; its first seed was $$MODEL_SEED" >&2; exit 1; }; \
		echo "$(ROUNDS) rounds of the tests of failures, $(EVENT_ROUNDS) kills under events and $(MODEL_SEQUENCES) sequences of the model are good: $$SECONDS s"'

# What the database must be, as one text, from a database that was made just now.
.PHONY: schema
schema: ## Write docs/schema.md anew
	cargo build -p causeway-rig
	WRITE_SCHEMA=1 $(RIG) postgres -- cargo test -q -p causeway-store --test store schema::

# What sqlx::query! needs to know of each statement, asked of a database that was made just now. The macros themselves write these files when they may ask
# one, which is all that `cargo sqlx prepare` does; so sqlx-cli is not needed. They do so when the crate is compiled, so it is made to look new for a moment;
# afterwards nothing else is built again because of it.
SCHEMA_FILES := $(sort $(wildcard migrations/0*.sql)) $(wildcard migrations/functions/*.sql)
define describe_statements
	rm -rf $(1)
	mkdir -p $(1)
	touch -r core/store/src/lib.rs target/time-of-store
	touch core/store/src/lib.rs
	$(RIG) postgres --apply $(SCHEMA_FILES) -- env SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$(abspath $(1)) cargo check -q -p causeway-store
	touch -r target/time-of-store core/store/src/lib.rs
endef

.PHONY: settings
settings: build ## Write docs/settings.md anew, from what the programs say of their flags
	WRITE_SETTINGS=1 cargo test -q -p causeway-tests --test deploy page_of_settings

.PHONY: reference
reference: ## Write docs/conditions.md, docs/values.md and the README's list of samples anew, from the advice on conditions, from the chart and from the samples
	WRITE_REFERENCE=1 cargo test -q -p causeway-tests --test names page_of_conditions
	WRITE_REFERENCE=1 cargo test -q -p causeway-tests --test names list_of_samples
	WRITE_REFERENCE=1 cargo test -q -p causeway-tests --test deploy page_of_values

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
functions: ## Write the generated files of migrations/functions anew, from the nouns and core/store/src/depends/mod.rs
	for file in dependants.sql children.sql names.sql; do \
		cargo run -q -p causeway-store --example functions $$file > migrations/functions/$$file.new || exit 1; \
		mv migrations/functions/$$file.new migrations/functions/$$file; \
	done

# The programs that are looked at are those of the tests. With other features than these have, all that stands on tokio would be built once more.
.PHONY: check
check: BUILD = --all-targets
check: fmt-check clippy openapi-check sqlx-check deny advisories-check machete docs alone release-check ## Format, lints, document, statements, licences, unused dependencies, links, crates alone, no failpoints in a release

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

.PHONY: check-tools
check-tools: $(CARGO_TOOLS)/bin/cargo-deny-$(DENY_VERSION) $(CARGO_TOOLS)/bin/cargo-machete-$(MACHETE_VERSION) $(CARGO_TOOLS)/bin/mdbook-$(MDBOOK_VERSION) ## Build the programs that make check uses, once

# Without optimization and without debug information: each is built once, and has little to do.
CARGO_INSTALL := CARGO_PROFILE_DEV_DEBUG=0 cargo install --debug --locked --root $(CARGO_TOOLS)
$(CARGO_TOOLS)/bin/cargo-deny-$(DENY_VERSION):
	$(CARGO_INSTALL) cargo-deny --version $(DENY_VERSION)
	mv $(CARGO_TOOLS)/bin/cargo-deny $@

$(CARGO_TOOLS)/bin/cargo-machete-$(MACHETE_VERSION):
	$(CARGO_INSTALL) cargo-machete --version $(MACHETE_VERSION)
	mv $(CARGO_TOOLS)/bin/cargo-machete $@

# Advisories need RustSec's database, which is fetched. Where it can't be, bring it: clone it elsewhere, copy the clone to a folder and say
# `make deny ADVISORY_DB=folder`, whose age is said and not checked. Without either the other checks count, and the line that it prints says so.
ADVISORY_DB ?=
ADVISORY_DB_URL := https://github.com/rustsec/advisory-db
.PHONY: deny
deny: $(CARGO_TOOLS)/bin/cargo-deny-$(DENY_VERSION) ## Licences, bans, sources, and advisories where their database is at hand
	$< check licenses bans sources
	@if [ -n "$(ADVISORY_DB)" ]; then \
		rm -rf target/advisories && mkdir -p target/advisories && sed '/^db-urls/a db-path = "$(CURDIR)/target/advisories"' deny.toml > target/deny.toml \
			&& git -C $(ADVISORY_DB) log -1 --format='advisories of %cs' \
			&& GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=url.$(abspath $(ADVISORY_DB)).insteadOf GIT_CONFIG_VALUE_0=$(ADVISORY_DB_URL) \
				$< --config $(CURDIR)/target/deny.toml check advisories; \
	elif timeout 20 git ls-remote -q $(ADVISORY_DB_URL) HEAD > /dev/null 2>&1; then \
		$< check advisories; \
	else \
		echo "advisories were NOT checked: $(ADVISORY_DB_URL) can't be reached; bring a clone and say make deny ADVISORY_DB=folder" >&2; \
	fi

# With a planted advisory, so that it needs no network.
.PHONY: advisories-check
advisories-check: $(CARGO_TOOLS)/bin/cargo-deny-$(DENY_VERSION) ## Whether make deny would tell of an advisory
	tests/advisories.sh

.PHONY: machete
machete: $(CARGO_TOOLS)/bin/cargo-machete-$(MACHETE_VERSION)
	$<

$(CARGO_TOOLS)/bin/mdbook-$(MDBOOK_VERSION):
	$(CARGO_INSTALL) mdbook --version $(MDBOOK_VERSION) --no-default-features --features search
	mv $(CARGO_TOOLS)/bin/mdbook $@

.PHONY: docs
docs: $(CARGO_TOOLS)/bin/mdbook-$(MDBOOK_VERSION) ## Make a book with search of docs/, in target/docs, and check every link
	$< build deploy/docs

# A crate must not lean on features that another one turns on.
.PHONY: alone
alone:
	for crate in manifests background records rules store bus telemetry api cli render aws cluster dns workers; do echo "causeway-$$crate alone"; cargo check -q -p causeway-$$crate; done

# Two things keep them out, and each is looked at alone. Nothing but the tests turns their feature on: programs that are built without the tests have none, also
# where all else is as in those of the tests, whose dependencies are there already. And with the feature on a release has none either, by its profile. The same
# words are looked for in the programs of the tests, which must have them: else the check would see nothing anywhere. In the end these are back in their place.
RELEASE_CHECK := target/release-check
.PHONY: release-check
release-check: build ## No release contains a failpoint
	mkdir -p $(RELEASE_CHECK)
	for program in causeway-api causeway-workers; do \
		grep -qaF FAILPOINTS target/debug/$$program || { echo "$$program of the tests has no failpoints" >&2; exit 1; }; \
	done
	cargo build -p causeway-api -p causeway-workers
	for program in causeway-api causeway-workers; do strip -o $(RELEASE_CHECK)/$$program target/debug/$$program; done
	$(BUILD_ALL) $(BUILD)
	for program in causeway-api causeway-workers; do \
		! grep -qaiF failpoint $(RELEASE_CHECK)/$$program || { echo "$$program without the tests contains failpoints" >&2; exit 1; }; \
	done
	CARGO_PROFILE_RELEASE_OPT_LEVEL=0 cargo test -q --release --target-dir $(RELEASE_CHECK) -p causeway-failpoints --features failpoints --lib
