# Each target makes what it needs, .venv first. PYTHON chooses the Python for it (3.11 or 3.12).
PYTHON ?= python3
VENV ?= .venv
HOUSEHOLDS ?=
SERVE ?= 1
ARGS ?=
BENCH ?=

BIN := $(VENV)/bin
DEMO_OPTIONS := $(if $(HOUSEHOLDS),--households $(HOUSEHOLDS)) $(if $(filter 0,$(SERVE)),--no-serve)

.PHONY: help demo test lint others bench evaluate clean $(VENV)
.DEFAULT_GOAL := help

help:
	@echo "make demo [HOUSEHOLDS=n] [SERVE=0]   a shop with real purchases, a purchase with points over HTTP, then an API explorer"
	@echo "make test [ARGS='-k points']         all tests, or those that pytest's ARGS choose"
	@echo "make lint                            style, types, import contracts, dangerous code, missing migrations"
	@echo "make bench [BENCH='clv sync']        how long what takes beside other ways of doing it; ARGS=--list says what there is"
	@echo "make evaluate                        how good recommendations are, beside other people's: half an hour"
	@echo "make clean                           remove what the other targets made"

$(VENV):
	@.ci/environment $(VENV) $(PYTHON)

demo: $(VENV)
	@$(BIN)/python -m demo $(DEMO_OPTIONS)

test: $(VENV)
	@$(BIN)/python -m pytest --numprocesses logical --dist worksteal $(ARGS)

lint: $(VENV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --config-file tests/mypy.ini
	@$(BIN)/lint-imports
	@.ci/scan $(BIN)
	@$(BIN)/python tests/devshop/manage.py makemigrations --check --dry-run saleor_crm_plugin

# What is measured against is optional: a benchmark says what is missing.
others: $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/benchmarks.txt || true

bench: others
	@$(BIN)/python -m tests.benchmarks $(BENCH) $(ARGS)

evaluate: others
	@$(BIN)/python -m tests.benchmarks.evaluate_recommendations $(ARGS)

clean:
	rm -rf $(VENV) .venv-* .devshop build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
