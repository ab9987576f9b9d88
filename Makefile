# Two commands need nothing but Python, pip, make and a package index:  make eval   make test
PYTHON ?= python3
BIN    := .venv/bin
ARGS   ?=
EVERYDAY := not accuracy and not soak and not browser and not extras and not pages and not mlflow
CHROMIUM ?= $(firstword $(foreach name,chromium chromium-browser google-chrome,$(shell command -v $(name))))

.DEFAULT_GOAL := help
.PHONY: help eval test check coverage coverage-workbench sameness same-here same-avx2 same-sse test-browser test-wheel test-extras test-mlflow accuracy soak bench docs pictures snapshots tour published clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*##  */\1\t/p' $(MAKEFILE_LIST) | expand -t 14

eval: .venv/.installed  ## run the suite `quick` on MovieLens-100K (ARGS='--suite …' for another)
	$(BIN)/recsys-workbench --headless eval $(ARGS)

test: .venv/.installed-test  ## all tests (ARGS='tests/recall -k mf' for some)
	$(BIN)/pytest -m '$(EVERYDAY)' -n 3 --dist worksteal --durations=15 $(ARGS)

check: .venv/.installed-dev  ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

coverage: .venv/.installed-dev  ## how much of recsys_core/ its own tests reach: at least 90 %
	$(BIN)/pytest -m '$(EVERYDAY)' -n 2 --dist worksteal --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --fail-under=90 --skip-covered --format=total
	@$(BIN)/coverage report --skip-covered | tail -n 15

sameness: .venv/.installed-dev  ## data, splits, lists of models that count, pictures: the same for every processor and hash seed
	@$(MAKE) --no-print-directory -j 3 --output-sync same-here same-avx2 same-sse

# Vector instructions of NumPy and torch, kernel of BLAS and hash seed differ in each. The digests
# and pictures are those of no setting in particular: none is set anywhere to make results equal.
SAMENESS := $(BIN)/pytest tests/sameness tests/tui/test_pictures.py
AVX512 := X86_V4 AVX512_ICL AVX512_SPR

same-here: .venv/.installed-dev
	PYTHONHASHSEED=1 OPENBLAS_CORETYPE=$(if $(shell grep -m 1 -o avx512f /proc/cpuinfo),SkylakeX,Zen) $(SAMENESS)

same-avx2: .venv/.installed-dev
	PYTHONHASHSEED=2 OPENBLAS_CORETYPE=Haswell NPY_DISABLE_CPU_FEATURES="$(AVX512)" $(SAMENESS)

same-sse: .venv/.installed-dev
	PYTHONHASHSEED=1 OPENBLAS_CORETYPE=Prescott ATEN_CPU_CAPABILITY=default NPY_DISABLE_CPU_FEATURES="X86_V3 $(AVX512)" $(SAMENESS)

coverage-workbench: .venv/.installed-dev  ## how much of workbench/ all tests reach, in processes that they start too
	rm -f .coverage-workbench*
	$(BIN)/pytest -m '$(EVERYDAY)' -n 2 --dist worksteal --cov=workbench --cov-config=$(WORKBENCH) --cov-report= $(ARGS)
	$(BIN)/coverage report --rcfile=$(WORKBENCH) --fail-under=85 --skip-covered --show-missing

WORKBENCH := tests/coverage-workbench.ini

test-browser:  ## a first session in Chromium, through --serve
	@if [ -z "$(CHROMIUM)" ]; then \
	  echo "test-browser: skipped, there is no Chromium here (Debian: apt install chromium; or CHROMIUM=/path)"; \
	else \
	  $(MAKE) --no-print-directory .venv/.installed-browser && CHROMIUM="$(CHROMIUM)" $(BIN)/pytest -m browser $(ARGS); \
	fi

test-wheel: .venv/.installed-dev  ## the wheel in a fresh environment, for each Python from 3.11 on that is on PATH (minutes)
	$(BIN)/python -m tests.wheel

test-extras: .venv/.installed-extras  ## pictures, exports, the service and trackers: what needs packages that few have
	$(BIN)/pytest -m extras -n 2 --dist worksteal --durations=10 $(ARGS)

docs: .venv/.installed-docs  ## the documentation site in build/site: pages tried, notebooks executed, strict, offline
	@$(BIN)/python docs/tools/site_notebooks.py & notebooks=$$!; \
	  $(BIN)/pytest -m pages tests/pages --durations=5 $(ARGS) && wait $$notebooks
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "to read it: $(BIN)/python -m http.server --directory build/site"

test-mlflow: .venv-mlflow/.installed  ## what MLflow is told: a folder, a database, a server on this machine
	.venv-mlflow/bin/pytest -m mlflow tests/tracking/test_mlflow.py $(ARGS)

accuracy: .venv/.installed-dev  ## accuracy floors on MovieLens-1M (up to two hours; goes on where it was interrupted)
	$(BIN)/pytest -m accuracy -n 2 --dist worksteal --durations=0 $(ARGS)

soak: .venv/.installed-dev  ## kill jobs again and again; a session of 20 minutes (SOAK_MINUTES=20)
	$(BIN)/pytest -m soak $(ARGS)

bench: .venv/.installed-dev  ## speed against peers, each in an environment of its own
	$(BIN)/python -m benchmarks $(ARGS)

snapshots: .venv/.installed-dev  ## draw the pictures of the screens anew (look at them before you commit)
	$(BIN)/pytest tests/tui --snapshot-update

tour: .venv/.installed-dev  ## draw the pictures of docs/tour.md anew (a minute or two; look at them)
	$(BIN)/python docs/tour/draw.py

pictures: .venv/.installed  ## draw the pictures of docs/models anew, from pictures.txt
	$(BIN)/python docs/models/draw.py

published: .venv/.installed  ## write the published figures of the suites into docs/models
	$(BIN)/python docs/models/published.py

clean:  ## remove the environment and every cache
	rm -rf .venv .venv-mlflow .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage .coverage-workbench* .benchmarks

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; found $$($(PYTHON) -V). Use: make PYTHON=python3.11 …" >&2; exit 1; }
	@# the pip that comes with Python 3.11 takes twice the time to read the index, and five seconds to
	@# unpack and compile: that of $(PYTHON) installs the newer one, where it can
	$(PYTHON) -m venv --without-pip .venv
	@$(PYTHON) -m pip --python $@ $(PIP_OPTIONS) pip 2>/dev/null || \
	  { $(PYTHON) -m venv .venv && $(PIP_INSTALL) --upgrade pip; } || { rm -rf .venv; exit 1; }

PIP_OPTIONS := install --quiet --disable-pip-version-check --no-compile -c constraints.txt
PIP_INSTALL := $(BIN)/python -m pip $(PIP_OPTIONS)

# Import what is installed of the packages named. The first import writes bytecode, of what is used
# and no more; `env`: pip would write none, and it may be forbidden.
LOAD := env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -c 'import sys; from importlib import import_module, util; \
  [import_module(name) for name in sys.argv[1:] if util.find_spec(name.split(".")[0])]'

# Torch is asked for alone: a wider request could choose a build of several gigabytes. Pip uses one
# core, so another installs what torch does not need meanwhile: for the tests all that
# constraints.txt pins but the browser and what `check` needs, else the largest. The last request
# sees to what is missing.
STYLE := ast_serialize|cfgv|distlib|grimp|identify|import-linter|librt|mypy|mypy_extensions|nodeenv|pandas-stubs|pre_commit|python-discovery|ruff|types-psutil|types-PyYAML|virtualenv
PINNED := grep -Ev '^(\#|(torch|numpy|scipy|playwright|greenlet|$(STYLE))=)' constraints.txt
define install
	{ $(PIP_INSTALL) --no-deps "$$(grep '^torch==' constraints.txt)" && $(PIP_INSTALL) --no-deps numpy scipy; } & torch=$$!; \
	  $(PIP_INSTALL) --no-deps $(if $(1),$$($(PINNED)),pandas gensim faiss-cpu) && wait $$torch
	@$(LOAD) torch 2>/dev/null & $(PIP_INSTALL) $(if $(1),--no-build-isolation) -e '.$(1)' && wait
	@$(LOAD) pandas scipy.sparse scipy.special gensim.models & $(LOAD) torch optuna textual.app textual.widgets; wait
	@$(LOAD) sklearn.linear_model & $(LOAD) distributed hypothesis pytest pyarrow.parquet; \
	  $(if $(1),$(BIN)/python -m compileall -q recsys_core workbench;) wait
	@touch $(2)
endef

.venv/.installed: .venv/bin/python pyproject.toml constraints.txt
	$(call install,,$@)

.venv/.installed-test: .venv/bin/python pyproject.toml constraints.txt
	$(call install,[test],.venv/.installed $@)

.venv/.installed-dev: .venv/.installed-test
	$(PIP_INSTALL) --no-build-isolation -e '.[dev]'
	@touch $@

.venv/.installed-browser: .venv/.installed-dev
	$(PIP_INSTALL) -e '.[browser]'
	@touch $@

.venv/.installed-extras: .venv/.installed-dev constraints-extras.txt
	$(PIP_INSTALL) -c constraints-extras.txt --no-build-isolation -e '.[plots,export,service,tensorboard]'
	@touch $@

.venv/.installed-docs: .venv/.installed-dev constraints-docs.txt constraints-extras.txt
	$(PIP_INSTALL) -c constraints-extras.txt -c constraints-docs.txt --no-build-isolation -e '.[docs]'
	@touch $@

# MLflow wants pandas 2, which constraints.txt does not have; what it is told needs no torch.
MLFLOW_INSTALL := .venv-mlflow/bin/python -m pip install --quiet --disable-pip-version-check
.venv-mlflow/.installed: pyproject.toml constraints-mlflow.txt
	$(PYTHON) -m venv .venv-mlflow
	$(MLFLOW_INSTALL) -r constraints-mlflow.txt
	$(MLFLOW_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@
