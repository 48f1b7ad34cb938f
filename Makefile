# make demo: everything from an empty folder to pictures; make test: the whole test suite.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
REQUIREMENTS := setup.py $(wildcard requirements/*.txt)
export MPLBACKEND := Agg

.PHONY: install demo test lint clean

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

clean:
	rm -rf $(VENV) build dist *.egg-info
