PYTHON ?= python3
BIN := .venv/bin
CORPUS ?= ../shared/attacks
STAMP := .venv/.installed

.PHONY: setup demo test check test-slow attacks attacks-own fuzz soak bench bench-sandbox clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "abzero needs Python 3.11 or newer: make setup PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# Ten minutes of real self-play on the model in the box: before, training, after, report.
demo: setup
	scripts/demo

# Everything that must hold: format, lint, types, floors, tests.
test: setup
	scripts/check

check: test

test-slow: setup
	$(BIN)/python -m pytest -m slow

# Hostile programs and answers against the sandbox; any corpus of the same form.
attacks: setup
	$(BIN)/python ../shared/attacks/harness.py --driver '$(BIN)/python tests/sandbox/attack_driver.py' --corpus '$(CORPUS)'

attacks-own: CORPUS := tests/sandbox/escapes
attacks-own: attacks

clean:
	rm -rf .venv build dist *.egg-info
