# The book's commands. Each sets up .venv by itself.

PORT ?= 8000
PY := .venv/bin/python
LOCK := .venv/bin/uv pip compile -q --universal --python-version 3.11 --custom-compile-command 'make lock'

help: ## list the commands
	@echo "make COMMAND, where COMMAND is one of:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

book: .venv/.ready ## execute the notebooks and build the site into _build/html
	@$(PY) tools/book.py

test: .venv/.ready ## lint, types, unit tests, every notebook, and the built site in a browser
	@$(PY) tools/test.py

check: .venv/.ready ## the checks that take seconds: lint, format, types, notebooks without outputs
	@$(PY) tools/test.py --quick

format: .venv/.ready ## put code and notebooks into the form that make check asks for
	@$(PY) tools/format.py

lock: .venv/.ready ## write what requirements.in asks for, and all that this needs, into requirements.txt
	@$(PY) -m pip install -q uv
	@$(LOCK) requirements.in -o requirements.txt
	@$(LOCK) requirements-lab.in -c requirements.txt -o requirements-lab.txt

rooms: .venv/.ready ## draw the plan of the package into CONTRIBUTING.md, from its imports
	@$(PY) tools/rooms.py

gpu-check: .venv/.ready ## run every notebook at the full budget on a CUDA device; a table of seconds, memory, figures
	@$(PY) tools/gpu_check.py

edition: .venv/.ready ## write the chapters as plain notebooks into _build/notebooks, from the built site
	@$(PY) tools/edition.py

lab: .venv/.lab ## open JupyterLab on notebooks/, installed on first use; options for it: LAB=--no-browser
	@$(PY) -m jupyterlab notebooks $(LAB)

serve: ## show the built site on this machine: make serve PORT=8000
	@test -f _build/html/index.html || { echo "error: there is no built site yet; type: make book" >&2; exit 1; }
	@$(MAKE) -s --no-print-directory .venv/.ready
	@$(PY) tools/serve.py $(PORT)

crawl: .venv/.ready ## walk through every page: menu, elements, weight; ENGINE=chromium, firefox, webkit or all
	@$(PY) tools/crawl.py --engine $(or $(ENGINE),chromium)

links: .venv/.ready ## ask every external link of the book whether it still answers
	@$(PY) tools/book.py --linkcheck

set-repository: .venv/.ready ## stamp the address of your repository everywhere: URL=https://github.com/OWNER/REPO
	@$(PY) tools/repository.py "$(URL)"

clean: ## remove what was built; .venv stays
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache

.venv/.ready: requirements.txt pyproject.toml tools/environment.sh
	@sh tools/environment.sh

.venv/.lab: requirements-lab.txt .venv/.ready
	@$(PY) -m pip install -q -r requirements-lab.txt -c requirements.txt || \
	    { echo "error: pip could not install JupyterLab: look at its last lines above" >&2; exit 1; }
	@touch $@

.DEFAULT_GOAL := help
.PHONY: help book test check format lock rooms gpu-check edition lab serve crawl links set-repository clean
