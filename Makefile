# Works with GNU make 3.81 or newer, which macOS has, and in a checkout whose path has spaces.

PYTHONS := python3.14 python3.13 python3.12 python3.11 python3
VENV_PYTHON := .venv/bin/python
READY := .venv/ready
ARGS :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-docker lint soak bench bench-glb manifest lock clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## make .venv with everything in it; a second time, only what changed
	@echo "==> setup: .venv is ready"

demo: $(READY) ## run the main job on this machine, with no account anywhere
	@echo "==> demo: meshqueue demo $(ARGS)"
	@$(VENV_PYTHON) -m worker demo $(ARGS)

test: $(READY) ## run every test; ARGS='-k credits --postgres 18' narrows it down
	@echo "==> test: pytest on every PostgreSQL found (the newest and the oldest)"
	@$(VENV_PYTHON) -m pytest -n auto --maxprocesses 6 --dist worksteal $(ARGS)

test-docker: $(READY) ## run the tests against Supabase's own Postgres image
	@echo "==> test-docker: pytest on the supabase/postgres image"
	@$(VENV_PYTHON) -m tests.support.docker $(ARGS)

lint: $(READY) ## check style, format and types
	@echo "==> lint: ruff check, ruff format --check, mypy --strict"
	@$(VENV_PYTHON) -m ruff check
	@$(VENV_PYTHON) -m ruff format --check
	@$(VENV_PYTHON) -m mypy

soak: $(READY) ## prove that it holds: kills, outages and faults for five minutes; ARGS='--seconds 60 --seed 1'
	@echo "==> soak: python -m tests.soak $(ARGS)"
	@$(VENV_PYTHON) -m tests.soak $(ARGS)

bench: $(READY) ## measure what the README promises; takes minutes
	@echo "==> bench"
	@$(VENV_PYTHON) -m tests.bench $(ARGS)

bench-glb: $(READY) ## measure the GLB optimiser against its peers; ARGS='--samples FOLDER'
	@echo "==> bench-glb"
	@$(VENV_PYTHON) -m tests.bench.glb $(ARGS)

manifest: $(READY) ## after a change of sql/: write anew what `meshqueue doctor` expects to find
	@echo "==> manifest: worker/doctor/expected.json"
	@$(VENV_PYTHON) -m tests.doctor.manifest

# From the public index alone, whatever this machine is set up to use: only then do the locks
# hold the hashes of every platform's files, and no address.
lock: export PIP_CONFIG_FILE = /dev/null
lock: export PIP_INDEX_URL =
lock: export PIP_EXTRA_INDEX_URL =
lock: export PIP_FIND_LINKS =
lock: export CUSTOM_COMPILE_COMMAND = make lock
lock: COMPILE = $(VENV_PYTHON) -m piptools compile --quiet --strip-extras --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host
lock: $(READY) ## pin the dependencies anew from pyproject.toml; ARGS=--upgrade takes the newest
	@echo "==> lock: requirements-dev.txt, then requirements.txt within it (takes minutes)"
	@$(COMPILE) $(ARGS) --allow-unsafe --extra local --extra tracing --extra dev -o requirements-dev.txt pyproject.toml
	@$(COMPILE) $(ARGS) -c requirements-dev.txt --extra tracing -o requirements.txt pyproject.toml

clean: ## remove what was made here
	rm -rf .venv .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist

$(READY): requirements-dev.txt pyproject.toml
	@set -e; \
	if ! $(VENV_PYTHON) -m pip --version >/dev/null 2>&1; then \
	  fitting=''; complete=''; \
	  for python in $(PYTHONS); do \
	    "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	    fitting="$${fitting:-$$python}"; \
	    "$$python" -c 'import venv, ensurepip' >/dev/null 2>&1 || continue; \
	    complete="$$python"; break; \
	  done; \
	  if [ -z "$$fitting" ]; then \
	    echo "meshqueue needs Python 3.11 or newer, and none of these is it: $(PYTHONS)." >&2; \
	    echo "Debian or Ubuntu: apt-get install python3 python3-venv; Fedora: dnf install python3; macOS: brew install python." >&2; \
	    echo "Elsewhere: https://www.python.org/downloads. If it lies in another place: make $(MAKECMDGOALS) PYTHONS=/path/to/python3" >&2; \
	    exit 1; \
	  fi; \
	  if [ -z "$$complete" ]; then \
	    version=$$("$$fitting" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    echo "$$fitting can't make a virtual environment: its module venv or ensurepip is missing." >&2; \
	    echo "Debian or Ubuntu: apt-get install python$$version-venv (or python3-venv); then run make again." >&2; \
	    exit 1; \
	  fi; \
	  echo "==> setup: .venv with $$("$$complete" --version)"; \
	  "$$complete" -m venv --clear .venv; \
	fi
	@echo "==> setup: the packages of requirements-dev.txt (the first time takes a minute)"
	@$(VENV_PYTHON) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@echo "==> setup: meshqueue itself, editable"
	@$(VENV_PYTHON) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)
