PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SOURCES := drawbench metrics reference_model human_eval_app tests benchmarks

.PHONY: bench test proof check lint types install wheel-check results help

help:
	@echo "make bench    benchmark the bundled model on the embedded sets; prints the tables"
	@echo "make test     lint, type-check and test"
	@echo "make proof    the long proofs, with fixed seeds"
	@echo "make check    lint and type-check only"
	@echo "make results  make the committed results and tables anew (about half an hour)"

install: $(STAMP)

# Installs once; again only when the requirements change.
$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up $(VENV): about 4 minutes and 6 GB, once."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev,app,diffusers]'
	@touch $(STAMP)

bench: $(STAMP)
	@$(BIN)/drawbench bench

test: check
	$(BIN)/python -m pytest -m "not proof"

proof: $(STAMP)
	$(BIN)/python -m pytest -m proof

check: lint types

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy
