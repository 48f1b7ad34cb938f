# make demo: everything from an empty folder to pictures; make test: the whole test suite; make api: pages of the docstrings.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
REQUIREMENTS := setup.py $(wildcard requirements/*.txt)
ROOMS := apis checkpoint datasets engine evaluation export files imaging labels models runtime structures tao thresholds verdict visualization
export MPLBACKEND := Agg

.PHONY: install demo test lint api clean

install: $(STAMP)

$(STAMP): $(REQUIREMENTS)
	@echo 'Installing into $(VENV), which takes a few minutes'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c requirements/constraints.txt -e '.[mmcv-lite,optional,deploy,tests]'
	touch $@

demo: $(STAMP)
	$(BIN)/python tools/demo.py

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy

# docs/api: a page for each room, from the docstrings
api: $(STAMP)
	$(BIN)/python -m pdoc -d google -o docs/api $(ROOMS:%=mmchangenet.%)

clean:
	rm -rf $(VENV) build dist *.egg-info
