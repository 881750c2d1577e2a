PYTHON ?=
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install environment bench app test proof check lint types layers results docs release

help:
	@echo "make bench    benchmark the bundled model on the embedded sets; prints the tables"
	@echo "make app      a small human study of the bundled model, served on this machine"
	@echo "make test     the checks, then the tests"
	@echo "make check    lint, types, and the layers that imports keep to"
	@echo "make proof    the long proofs, with fixed seeds"
	@echo "make results  make the committed results and tables anew (about ten minutes)"
	@echo "make docs     the documentation as a site, in build/docs/"
	@echo "make release  build an sdist and a wheel in dist/, and check what would be uploaded"
	@echo "WORKERS=4 make test runs four tests at a time (2)."
	@echo "Each sets up $(VENV) when needed. PYTHON=... names the Python to do it with (3.11 or newer)."

install: $(STAMP)

# Installs once; again only when the requirements change: their content, not just their date.
$(STAMP): pyproject.toml constraints.txt
	@cat $^ | cmp -s - $@ || $(MAKE) --no-print-directory environment
	@cat $^ > $@

environment:
	@echo "Setting up $(VENV): about 4 minutes and 6 GB, once."
	@$(BIN)/python -c '' 2>/dev/null || { \
		for python in $(or $(PYTHON),python3 python3.11 python3.12 python3.13 python3.14); do \
			"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
			exec "$$python" -m venv --clear $(VENV); \
		done; \
		echo "Python 3.11 or newer is needed: install it, or name one, as in: make install PYTHON=/usr/bin/python3.11" >&2; \
		exit 1; \
	}
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev,docs,postgres,diffusers,http,offline,ray,s3,track]'

bench: $(STAMP)
	@$(BIN)/drawbench bench

app: $(STAMP)
	@$(BIN)/drawbench study demo

test: check
	$(BIN)/python -m pytest -m "not proof" -n $(WORKERS) --dist loadfile --no-loadscope-reorder -rs

proof: $(STAMP)
	$(BIN)/python -m pytest -m proof

check: lint types layers

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

layers: $(STAMP)
	$(BIN)/lint-imports --no-cache --no-logo

# The bundled model's rows on prompts that are not in the repository, at both weights of guidance.
rows = for guidance in 2 1; do \
	  $(BIN)/drawbench run --model reference --set guidance=$$guidance --size 256 --protocol bundled,offline $(2) --out runs/$(1)-$$guidance && \
	  $(BIN)/drawbench results add runs/$(1)-$$guidance || exit 1; done

results: $(STAMP)
	@$(BIN)/drawbench bench --all --results results
	@$(BIN)/drawbench score runs/imagen-tiny*--open--* --protocol offline
	@$(BIN)/drawbench results add runs/imagen-tiny*--open--*
	@if [ -n "$$DRAWBENCH_PROMPTS" ]; then $(call rows,drawbench,--prompts drawbench --samples 8 --slice 16 --set long_prompts=cut); \
	else echo "DRAWBENCH_PROMPTS names no file: the rows on DrawBench stay as they are"; fi
	@if [ -n "$$DRAWBENCH_COCO_CAPTIONS" ]; then $(call rows,coco,--prompts "coco:$$DRAWBENCH_COCO_CAPTIONS" --samples 1); \
	else echo "DRAWBENCH_COCO_CAPTIONS names no file: the rows on COCO's captions stay as they are"; fi

docs: $(STAMP)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --config-file deploy/mkdocs.yml
	@echo "Open build/docs/index.html, or put the folder on any static host."

release: $(STAMP)
	@$(BIN)/python -m deploy.release
