# make demo · make test · make lint · make bench · make fixtures; each installs what it needs into .venv/ and node_modules/.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3.11
BIN := .venv/bin
# The native binary: npm's launcher ends with 0 whatever forge says. Found when used, since install brings it.
FORGE = $(firstword $(wildcard node_modules/@foundry-rs/forge-*/bin/forge))
KERNEL_SOURCES := $(shell find prover/kernels -name '*.rs') prover/kernels/Cargo.toml prover/kernels/Cargo.lock
CONTRACT_SOURCES := $(shell find contracts/src -name '*.sol') contracts/foundry.toml

.PHONY: help install demo test test-train lint bench fixtures abi lock clean

help:
	@echo 'make demo test lint bench fixtures abi lock clean; test-train needs torch (about 3 GB)'

install: .venv/.built node_modules/.installed

.venv/.installed: requirements-dev.lock
	test -x $(BIN)/python || $(PYTHON) -m venv .venv || python3 -m venv .venv
	$(BIN)/python -c 'import sys; assert sys.version_info[:2] == (3, 11), "inferproof needs Python 3.11: make PYTHON=..."'
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@

.venv/.built: .venv/.installed pyproject.toml $(KERNEL_SOURCES)
	PATH="$(CURDIR)/$(BIN):$$PATH" pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# Not `npm ci`: it wants every platform's optional binary in the lock file. This installs what is locked and changes no file.
node_modules/.installed: package-lock.json
	npm install --no-save --no-audit --no-fund --silent
	touch $@

contracts/out/.built: node_modules/.installed $(CONTRACT_SOURCES)
	$(FORGE) build --root contracts --offline --skip test
	touch $@

demo: install
	$(BIN)/inferproof demo

test: install contracts/out/.built
	$(BIN)/python contracts/script/export_abi.py --check
	$(FORGE) test --root contracts --offline
	$(FORGE) snapshot --root contracts --offline --match-contract GasTest --snap contracts/.gas-snapshot --check --tolerance 1
	cargo test --quiet --release --manifest-path prover/kernels/Cargo.toml
	OPENBLAS_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile -m "not torch"

# Needs the train extra (torch, about 3 GB): its own environment, so that nothing else ever waits for it.
.venv-train/.built: requirements-train.lock pyproject.toml $(KERNEL_SOURCES)
	test -x .venv-train/bin/python || $(PYTHON) -m venv .venv-train || python3 -m venv .venv-train
	.venv-train/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-train.lock
	PATH="$(CURDIR)/.venv-train/bin:$$PATH" pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

test-train: .venv-train/.built
	.venv-train/bin/pytest -m torch

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cargo fmt --check --manifest-path prover/kernels/Cargo.toml
	cargo clippy --quiet --all-targets --features pyo3/extension-module --manifest-path prover/kernels/Cargo.toml -- -D warnings
	cd contracts && ../$(FORGE) fmt --check

bench: install
	$(BIN)/python -m bench srs --json bench/results/srs.json
	$(BIN)/python -m bench service_overhead --json bench/results/service_overhead.json
	$(BIN)/python -m bench gas --json bench/results/gas.json
	$(BIN)/python -m bench fidelity --json bench/results/fidelity.json
	$(BIN)/python -m bench executor --json bench/results/executor.json
	$(BIN)/python -m bench dispute --json bench/results/dispute.json

abi: contracts/out/.built .venv/.built
	$(BIN)/python contracts/script/export_abi.py

fixtures: abi
	$(BIN)/python tests/vectors/make_statement.py
	$(BIN)/python tests/vectors/make_program.py
	$(BIN)/python tests/vectors/make_returns.py
	$(BIN)/python -m tests.vectors.make_dispute
	$(BIN)/python tests/vectors/make_onnx_ops.py
	$(BIN)/python tests/vectors/make_halo2_fixtures.py

lock: .venv/.installed
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
	  --extra dev --extra plot pyproject.toml -o requirements-dev.lock
	$(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
	  --extra dev --extra plot --extra train pyproject.toml -o requirements-train.lock

clean:
	rm -rf contracts/out contracts/cache prover/kernels/target .mypy_cache .ruff_cache .pytest_cache
