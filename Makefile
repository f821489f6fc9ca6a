# Needs python3 (3.10 or later), make and the package index. Everything else is installed into
# virtual environments in this folder.

PYTHON ?= python3
PORT ?= 8000
# Where the demo keeps its pictures: filesystem, or s3. Without a bucket of yours, s3 starts a server.
STORAGE ?= filesystem
# The tox environments that `make test` runs. Empty means all.
ENVS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test bench fuzz docs screenshots clean

help: ## list the targets
	@echo 'make TARGET, where TARGET is'
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Exported, not written before the command: so make starts the command without a shell, and can stop it.
demo: export STORAGE := $(STORAGE)
demo: .venv-demo/done ## serve the example on http://127.0.0.1:8000/ (PORT=8001: there; STORAGE=s3: pictures in a bucket)
	.venv-demo/bin/python example_project/manage.py demo --port $(PORT)

test: .venv-tox/done ## run the whole matrix, lint, types, docs, packaging (ENVS="lint types": only these)
	.venv-tox/bin/python scripts/matrix.py $(ENVS)

bench: .venv-bench/done ## compare the kit with other libraries (ARGS="--quick", ARGS="--only pages")
	.venv-bench/bin/python -m benchmarks $(ARGS)

fuzz: .venv-fuzz/done ## spoil uploads and look for what the kit does not survive (ARGS="views --mutations 20000")
	.venv-fuzz/bin/python -m fuzzing $(ARGS)

docs: .venv-docs/done ## build the documentation into docs/_build/html
	.venv-docs/bin/sphinx-build --fail-on-warning --keep-going -b html docs docs/_build/html

screenshots: .venv-screenshots/done ## take docs/screenshots again from the example (needs Chromium)
	.venv-screenshots/bin/python example_project/screenshots.py $(ARGS)

clean: ## remove environments, caches and build results
	rm -rf .venv-*/ .tox/ build/ dist/ docs/_build/ .mypy_cache/ .pytest_cache/ .ruff_cache/ .coverage*

# Environments are made again when pyproject.toml has changed.
.venv-demo/done: pyproject.toml
	$(PYTHON) scripts/make_venv.py .venv-demo --editable . --group example
	@touch $@

.venv-tox/done: pyproject.toml
	$(PYTHON) scripts/make_venv.py .venv-tox --group tox
	@touch $@

.venv-bench/done: pyproject.toml
	$(PYTHON) scripts/make_venv.py .venv-bench --editable . --group benchmarks
	@touch $@

.venv-fuzz/done: pyproject.toml
	$(PYTHON) scripts/make_venv.py .venv-fuzz --editable . --group fuzz
	@touch $@

.venv-docs/done: pyproject.toml
	$(PYTHON) scripts/make_venv.py .venv-docs --editable . --group docs
	@touch $@

.venv-screenshots/done: pyproject.toml
	$(PYTHON) scripts/make_venv.py .venv-screenshots --editable . --group example --group browser
	@touch $@
