# posture-scanner: `make scan` looks at this machine, `make test` proves the tool; `make` alone runs all that CI runs.
VENV   ?= .venv
PYTHON ?= python3
BIN    := $(VENV)/bin
OUT    ?= out
CORE   ?= .[graph,serve]
# Three at a time on two cores, for labs mostly wait. Each file stays in one process, as its labs and servers are made
# once; the long files begin (tests/conftest.py).
WORKERS ?= 3
AXE_HOME ?= /var/tmp/posture-axe

.DEFAULT_GOAL := all
.PHONY: all help scan demo test lint types contracts docs docs-check sizes bench bare assets axe clean compare agree guest ground-truth ssvc ai-services

all: test lint types contracts docs-check sizes   ## everything CI runs

help:            ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## ?/  \1\t/' | expand -t 16

scan: $(VENV)/.core   ## scan this machine: report in out/
	@sh tools/need.sh nmap
	@sh tools/scan.sh $(BIN)/posture $(OUT)

demo: $(VENV)/.core   ## a made-up agency of a dozen hosts, from recorded transcripts
	@$(BIN)/posture demo --out $(OUT)/demo

test: $(VENV)/.test   ## every test, the lab of network namespaces included
	@sh tools/test.sh $(BIN)/pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.lint   ## ruff: format and rules; every check of the baselines
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/posture checks lint

types: $(VENV)/.lint  ## mypy --strict
	@$(BIN)/mypy --strict

contracts: $(VENV)/.lint  ## the architecture, as import contracts
	@$(BIN)/lint-imports

docs: $(VENV)/.core   ## write the generated pages again
	@$(BIN)/python -m tools.docs

docs-check: $(VENV)/.core  ## fail when a generated page is stale
	@$(BIN)/python -m tools.docs --check

sizes: $(VENV)/.core  ## median and largest file and function
	@$(BIN)/python -m tools.sizes

bench: $(VENV)/.test .venv-bench/.ansible  ## timings as ratios, in one run (docs/benchmarks.md); never part of the tests
	@sh tests/lab/prepare.sh
	@$(BIN)/python -m bench $(BENCH)

compare: $(VENV)/.test  ## our verdicts against OpenSCAP, Lynis and ssh-audit on lab hosts (docs/comparison.md); root, heavy
	@sh tests/lab/prepare.sh
	@sh bench/compare/prepare.sh
	@$(BIN)/python -m bench.compare

ground-truth: $(VENV)/.test .venv-bench/.nessus  ## affected packages of Debian 11, 12 and 13 against independent code, 6,000 version pairs against dpkg; root, heavy
	@for suite in bullseye bookworm trixie; do POSTURE_LAB_SUITE=$$suite sh tests/lab/prepare.sh || exit 1; done
	@$(BIN)/python -m tests.truth
	@$(BIN)/python -m tests.truth.nessus .venv-bench/bin/python
	@POSTURE_VERSION_PAIRS=6000 $(BIN)/pytest -q tests/posture/vulnerabilities/test_vulnerabilities_versions.py

agree: $(VENV)/.test  ## TLS and SSH as we read them against testssl.sh and ssh-audit on servers of our own; root, some minutes
	@sh tests/agreement/prepare.sh
	@$(BIN)/pytest -q tests/agreement/prove_offers.py

guest: $(VENV)/.test  ## fixes of kernel, systemd and access control, in a small Debian in QEMU; root, a quarter of an hour
	@sh tests/guest/prepare.sh
	@$(BIN)/pytest -q tests/guest/prove_remediations.py $(GUEST)

ai-services: $(VENV)/.test  ## heavy real AI services, started, told apart and recorded (docs/ai-services.md); 4 GB of downloads
	@sh tests/ai/prepare.sh heavy
	@POSTURE_AI_RECORD=1 $(BIN)/pytest -q tests/ai/prove_ai_services.py $(AI)

assets:          ## the one script of others that the dashboard may load (Cytoscape.js), by npm ci; without it pages work plain
	@python3 tools/assets.py

axe: $(VENV)/.test  ## report and dashboard in a real browser: axe-core, both schemes, 320 px, three readers' journeys
	@AXE_HOME=$(AXE_HOME) sh tests/browser.sh
	@AXE_HOME=$(AXE_HOME) POSTURE_SHOTS=$(abspath $(OUT))/screenshots $(BIN)/pytest -q tests/reports/test_html_in_a_browser.py tests/posture/serve/test_serve_in_a_browser.py \
		tests/posture/serve/test_serve_journeys.py

validate-formats: $(VENV)/.test  ## exports read by compliance-trestle, oscal-validate (Debian 13 chroot), promtool; root, heavy
	@sh tools/validate_formats.sh $(BIN) $(OUT)/validate

validate-npm: $(VENV)/.core  ## exports read by inspecjs, saf and STIG Manager's importer; needs nodejs and npm, 450 MB
	@sh tools/validate_npm.sh $(BIN) $(OUT)/validate

ssvc: $(VENV)/.core  ## our BOD 26-04 table against the package certcc-ssvc, in a Debian 13 chroot; root, debootstrap
	@sh tools/ssvc_table.sh $(BIN)/python

bare:            ## `make scan` and `make test` on a bare Debian in a chroot; needs root, never part of CI
	@sh tools/bare_debian.sh

clean:           ## remove what make made here (not out/)
	rm -rf $(VENV) .venv-bench dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# One environment; the stamps say what is in it.
$(VENV)/bin/python:
	@sh tools/need.sh venv $(PYTHON) $(VENV)

$(VENV)/.core: pyproject.toml $(VENV)/bin/python
	@echo "installing posture-scanner and what it needs into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 -e '$(CORE)'
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.core
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 $$($(BIN)/python tools/group.py test)
	@touch $@

$(VENV)/.lint: pyproject.toml $(VENV)/.core
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 $$($(BIN)/python tools/group.py lint)
	@touch $@

# What we measure ourselves against has an environment of its own.
.venv-bench/.ansible: $(VENV)/bin/python
	@echo "installing ansible-core into .venv-bench (for the benchmark only)"
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check 'ansible-core>=2.16'
	@touch $@

.venv-bench/.nessus: $(VENV)/bin/python
	@test -e .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check 'nessus-file-reader>=0.9'
	@touch $@
