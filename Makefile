# Two commands for a fresh clone; both make the virtual environment .venv first where it is missing.
#   make demo   a shipped model, rewritten and verified
#   make test   the test suite; `make test-all` runs the long sweeps and large models as well
# PYTHON names the interpreter to build the environment with; pip's own settings are respected.

VENV := .venv
TARGET ?= fixtures/residual_net.py

.PHONY: demo test test-all clean

demo: $(VENV)/.has-core
	@mkdir -p build
	$(VENV)/bin/unfoldify $(TARGET) -o build

# tests side by side, each with one thread: models this small gain nothing by more
PYTEST := OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest --numprocesses auto --maxprocesses 4

test: $(VENV)/.has-test
	$(PYTEST) -m "not slow"

test-all: $(VENV)/.has-test
	$(PYTEST)

$(VENV)/.has-core: pyproject.toml constraints.txt tools/environment.sh
	@sh tools/environment.sh $(VENV) .
	@touch $@

$(VENV)/.has-test: pyproject.toml constraints.txt tools/environment.sh
	@sh tools/environment.sh $(VENV) '.[test]'
	@touch $@ $(VENV)/.has-core

clean:
	rm -rf $(VENV) build
