.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-8s %s\n", $$1, $$2}'

serve: .venv/serving ## Serve the model in production at http://127.0.0.1:3000
	$(BIN)/python -m serving

test: .venv/development ## Run all checks and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

train: .venv/development ## Train a model version from the corpus, evaluate it, promote it
	$(BIN)/python -m training release

retrain: $(if $(DATA),.venv/development) ## Learn from DATA="FILE ..." with ARGS, promote what is no worse
	$(if $(DATA),,$(error name the new labels: make retrain DATA=labels.jsonl))
	$(BIN)/python -m training retrain $(foreach file,$(DATA),--data $(file)) $(ARGS)

bench: .venv/development ## Measure beside what else one would pick, on ARCHIVE=PATH if given
	-$(MAKE) --keep-going .venv-bench/rivals/ready .venv-bench/infinity/ready
	$(BIN)/python -m benchmarks all $(if $(ARCHIVE),--archive $(ARCHIVE))

clean: ## Remove what make made
	rm -rf .venv .venv-bench build dist

.venv/serving: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --upgrade pip
	$(INSTALL) --editable '.[serving]'
	touch $@

# torch goes first and pinned: a range would pull its much larger GPU build.
.venv/development: .venv/serving
	$(INSTALL) torch==2.13.0
	$(INSTALL) --group training --group development
	touch $@

.venv-bench/%/ready: benchmarks/requirements-%.txt
	$(PYTHON) -m venv .venv-bench/$*
	.venv-bench/$*/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	.venv-bench/$*/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

.PHONY: help serve test train retrain bench clean
