PYTHON ?= python3
BIN := .venv/bin
CORPUS ?= ../shared/attacks
ATTACKS = PYTHONPATH=. $(1) tests/sandbox/harness.py --corpus '$(CORPUS)'
STAMP := .venv/.installed

.PHONY: setup demo smol test check test-slow vllm-test gpu-check attacks attacks-policy-off attacks-own attacks-under aarch64-test fuzz soak bench bench-sandbox cluster-test web-test docs clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "abzero needs Python 3.11 or newer: make setup PYTHON=/path/to/python3.11"; exit 1; }
	@echo "making .venv with abzero and its tools in it: some minutes, once"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# Ten minutes of real self-play on the model in the box: before, training, after, report.
demo: setup
	scripts/demo

# A real language model, SmolLM2-135M, fetched once: before, training, after, report. 1-2 hours; ARGS='--steps 3' for a look.
smol: setup
	scripts/smol $(ARGS)

# Everything that must hold: format, lint, types, floors, tests.
test: setup
	scripts/check

check: test

# The vLLM engine, on CPU, in an environment of its own: 3.5 GB.
vllm-test:
	PYTHON='$(PYTHON)' scripts/vllm-test

# What CUDA has to prove, on one card, in eight minutes at most: make gpu-check, or DRY=1 to try it on CPU.
gpu-check: setup
	$(BIN)/python benchmarks/gpu_check.py $(if $(DRY),--dry) $(if $(JSON),--json $(JSON))

test-slow: setup
	$(BIN)/python -m pytest -m slow

# Hostile programs and answers against the sandbox: the shared corpus, or any other of its form.
attacks: setup $(CORPUS)/index.json
	$(call ATTACKS,$(BIN)/python)

$(CORPUS)/index.json:
	@echo "no corpus of attacks in $(CORPUS): the shared ones are not part of this repository;"
	@echo "what a clone has of its own runs with: make attacks-own"
	@exit 1

# The same with every Python-level policy off: the kernel's layers alone.
attacks-policy-off: setup
	ATTACK_POLICY=off $(MAKE) attacks CORPUS='$(CORPUS)'

# Real self-play against SkyRL's real Tinker server, in an environment of its own: some minutes.
cluster-test: setup
	scripts/cluster-test

# The viewer in a real Chromium (Debian: apt-get install chromium); SCREENSHOTS=FOLDER keeps what it saw, docs/viewer.png among it.
web-test: setup
	@command -v chromium >/dev/null || { echo "web-test needs Debian's chromium: apt-get install chromium"; exit 1; }
	$(BIN)/pip install -qq --disable-pip-version-check 'playwright>=1.50' 'axe-playwright-python>=0.1.7'
	$(BIN)/python -m pytest -m browser tests/views/web

attacks-own: setup
	$(MAKE) attacks CORPUS=tests/sandbox/escapes

# The same under an interpreter of its own, which needs no package: make attacks-under PYTHON=python3.13
attacks-under: $(CORPUS)/index.json
	$(call ATTACKS,$(PYTHON))

# The same on Debian's arm64 kernel, under emulation: twenty minutes.
aarch64-test: setup
	scripts/aarch64-test

fuzz: setup
	$(BIN)/python tests/sandbox/fuzz.py 1000000
	PYTHONPATH=. $(BIN)/python tests/fuzz_text.py 1000000
	FUZZ=1000 $(BIN)/python -m pytest --timeout 3600 tests/cli/test_fuzz.py

soak: setup
	$(BIN)/python tests/sandbox/soak.py 100000

bench-sandbox: setup
	$(BIN)/python benchmarks/sandbox.py

bench: setup
	$(BIN)/python benchmarks/loop.py share
	$(BIN)/python benchmarks/loop.py growth
	$(BIN)/python benchmarks/decode.py

# The tables of docs/metrics.md, from abzero/algo/figures.py.
docs: setup
	$(BIN)/python scripts/metrics-page

clean:
	rm -rf .venv build dist *.egg-info
