# Every target sets up what it needs: a virtual environment in .venv, packages from the package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install demo test proofs lint ui clean

install: $(STAMP)

demo: $(STAMP)
	$(BIN)/cals demo

test: $(STAMP) lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not proof" -n 2 --dist loadfile tests

proofs: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m proof -n 2 --dist loadfile tests

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

ui: $(STAMP)
	$(BIN)/cals ui

clean:
	rm -rf .cals build dist .mypy_cache .pytest_cache .ruff_cache

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	# face-alignment and scenedetect bring opencv-python, whose cv2 needs libGL; the headless cv2 replaces it
	$(BIN)/python -m pip install --quiet --force-reinstall --no-deps $$($(BIN)/python -m pip freeze | grep ^opencv-python-headless==)
	touch $@
