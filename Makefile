# Every command of the project; `make help` lists them.
# PYTHON chooses the interpreter: `make test PYTHON=3.13`, `make test PYTHON=/opt/python/bin/python3`.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
JOBS ?= $(shell nproc)
HOST ?= 127.0.0.1
PORT ?= 8000
FUZZ_SECONDS ?= 10
SOAK_REQUESTS ?= 200000
SOAK_MINUTES ?= 60
SOAK_CPU ?= 1
SOAK_PAGE ?= soak.html
BARE_DEBIAN ?= build/bare-debian
PYTEST_ARGS ?=
# Most of the tests wait for processes and for the network most of the time.
PYTEST_WORKERS ?= $(shell echo $$((2 * $(JOBS))))
OPENAPI_ARGS ?=
SUITES ?=
ERAS ?=
VARIANTS ?=

interpreter := $(if $(filter 3.%,$(PYTHON)),python$(PYTHON),$(PYTHON))
version := $(shell $(interpreter) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
venv := .venv-$(version)
bin := $(venv)/bin
release := build/release-$(version)
cpp_files := $(shell git ls-files 'core/*.cpp' 'core/*.hpp' 'include/*.hpp' 'benchmarks/*.cpp' 'benchmarks/*.hpp' 2>/dev/null)

export NINJA_STATUS = [%f/%t, %es] 
export PATH := $(CURDIR)/$(bin):$(PATH)

tidy = xargs -P $(JOBS) -n 1 clang-tidy-19 --quiet -p $(release)

# Configures and builds a sanitizer's tree.
sanitized = cmake --preset $(1) -DPython_EXECUTABLE=$(CURDIR)/$(bin)/python >/dev/null && cmake --build --preset $(1) -j$(JOBS)

# Of each test that has parameters, so many of its variants; all where nothing is said.
variants = $(if $(VARIANTS),--variants=$(VARIANTS))
# What runs with an instrumented extension module; where not all variants run, one.
server_tests = --io-threads 2 $(if $(VARIANTS),--variants=1) -n $(PYTEST_WORKERS) --dist loadfile $(addprefix tests/,bridge chaos crud limits websocket store_contract/test_concurrent_requests.py)

# One line that can be found in a long log.
title = @printf '\n\033[1m=== %s\033[0m\n' "$(1)"

##@ Use

.PHONY: setup
setup: ## Install what is missing (Debian and PyPI packages), then build; does nothing the second time
	@scripts/setup.sh $(interpreter)
	@$(MAKE) build

.PHONY: demo
demo: build ## Serve examples/world on http://127.0.0.1:8000 (HOST=, PORT=)
	@cd examples/world && $(CURDIR)/$(bin)/data-bridge run app:app --host $(HOST) --port $(PORT)

.PHONY: wheel
wheel: $(bin)/python ## Build a wheel into dist/
	@$(bin)/python -m pip wheel --disable-pip-version-check --no-deps --wheel-dir dist .

##@ Build

.PHONY: build
build: $(bin)/python ## Build the extension module, the C++ tests and the micro-benchmarks
	@test $(release)/build.ninja -nt CMakePresets.json || \
	  cmake --preset release -B $(release) -DPython_EXECUTABLE=$(CURDIR)/$(bin)/python
	@ninja -C $(release) -j$(JOBS)

$(bin)/python:
	@scripts/setup.sh $(interpreter)

##@ Test

.PHONY: test
test: VARIANTS = 3
test: test-cpp test-python test-eras-quick test-interop-quick test-fuzz test-asan test-asan-loop test-asan-server test-tsan test-tsan-server check-style ## Pass all tests, as CI does; three variants of each that has parameters, one under sanitizers
	$(call title,all tests passed on Python $(version))

.PHONY: test-all
test-all: FUZZ_SECONDS = 60
test-all: test-cpp test-python test-eras test-interop test-fuzz test-asan test-asan-loop test-asan-server test-tsan test-tsan-server test-soak check-style ## The same with all variants, all eras, whole suites; hours
	$(call title,everything passed on Python $(version))

.PHONY: test-cpp
test-cpp: build ## C++ unit tests
	$(call title,C++ unit tests)
	@ctest --test-dir $(release) --output-on-failure -j$(JOBS)

.PHONY: test-python
test-python: build ## Tests against a running server, and of the Python package (PYTEST_ARGS=, PYTEST_WORKERS=0 for one process, VARIANTS=3)
	$(call title,Python tests on $(version))
	@$(bin)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile $(variants) $(PYTEST_ARGS)

.PHONY: test-eras-quick
test-eras-quick: build ## Two minutes of test-eras: three eras
	$(call title,older releases of FastAPI)
	@$(bin)/python scripts/eras.py --quick $(variants) $(PYTEST_ARGS)

.PHONY: test-eras
test-eras: build ## What compares with uvicorn, beside a FastAPI, Starlette and Pydantic of each era since 0.115 (ERAS="0.136.3")
	$(call title,every era of FastAPI)
	@$(bin)/python scripts/eras.py $(ERAS) $(PYTEST_ARGS)

.PHONY: test-fuzz
test-fuzz: $(bin)/python ## Run every fuzzer for FUZZ_SECONDS (10) over its corpus
	$(call title,fuzzers)
	@$(call sanitized,asan) --target data_bridge_fuzzers
	@scripts/fuzz.sh build/asan $(FUZZ_SECONDS) $(JOBS)

.PHONY: test-asan
test-asan: $(bin)/python ## C++ unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(call title,C++ unit tests under ASan and UBSan)
	@$(call sanitized,asan)
	@UBSAN_OPTIONS=print_stacktrace=1 ctest --preset asan -j$(JOBS)

.PHONY: test-asan-loop
test-asan-loop: $(bin)/python ## tests/loop with the extension module under ASan and UBSan (PYTEST_ARGS=)
	$(call title,tests of the loop under ASan and UBSan)
	@scripts/sanitized_tests.sh asan $(CURDIR)/$(bin)/python $(JOBS) \
	  tests/loop --ignore tests/loop/test_conformance.py $(variants) $(PYTEST_ARGS)  # CPython's own tests take minutes

.PHONY: test-asan-server
test-asan-server: $(bin)/python ## tests/{bridge,chaos,crud,limits,websocket} with two I/O threads, the module under ASan and UBSan (PYTEST_ARGS=)
	$(call title,tests of a running server with two I/O threads under ASan and UBSan)
	@scripts/sanitized_tests.sh asan $(CURDIR)/$(bin)/python $(JOBS) $(server_tests) $(PYTEST_ARGS)

.PHONY: test-tsan-server
test-tsan-server: $(bin)/python ## The same under TSan (PYTEST_ARGS=)
	$(call title,tests of a running server with two I/O threads under TSan)
	@scripts/sanitized_tests.sh tsan $(CURDIR)/$(bin)/python $(JOBS) $(server_tests) $(PYTEST_ARGS)

.PHONY: test-interop-quick
test-interop-quick: build ## A minute of the suites of anyio, aiohttp, httpx, uvicorn and websockets on PyLoop
	$(call title,suites of asyncio's users on PyLoop: a short part)
	@$(bin)/python tests/interop/suites/run.py --quick

.PHONY: test-interop
test-interop: build ## Those suites in full, on PyLoop and on asyncio's loop, compared (SUITES="anyio httpx")
	$(call title,suites of asyncio's users on PyLoop and on asyncio's loop)
	@$(bin)/python tests/interop/suites/run.py $(SUITES)

.PHONY: test-tsan
test-tsan: $(bin)/python ## C++ unit tests under ThreadSanitizer
	$(call title,C++ unit tests under TSan)
	@$(call sanitized,tsan)
	@TSAN_OPTIONS=halt_on_error=1 ctest --preset tsan -j$(JOBS)

.PHONY: test-soak
test-soak: $(bin)/python ## SOAK_REQUESTS (200,000) mixed requests against a server under ASan and UBSan
	$(call title,soak test under ASan and UBSan)
	@scripts/soak.sh $(CURDIR)/$(bin)/python $(SOAK_REQUESTS) $(JOBS)

.PHONY: test-bare-debian
test-bare-debian: ## All of `make setup test` for the last commit on a new, bare Debian 12 in BARE_DEBIAN (root, debootstrap)
	@scripts/bare_debian.sh "$(BARE_DEBIAN)"

.PHONY: test-openapi
test-openapi: build ## schemathesis against /openapi.json of the examples (OPENAPI_ARGS="--examples 500 --seed 1"; PyPI)
	$(call title,schemathesis against the examples)
	@$(bin)/python scripts/openapi/run.py fuzz $(OPENAPI_ARGS)

.PHONY: test-typescript
test-typescript: build ## A generated TypeScript client of examples/heroes: tsc --strict, and a round of every operation (Node.js, npm)
	$(call title,a generated TypeScript client)
	@$(bin)/python scripts/openapi/run.py client

.PHONY: soak-loop
soak-loop: build ## SOAK_MINUTES (60) of mixed load on PyLoop; memory, descriptors and reference counts stay (SOAK_CPU=1)
	@$(bin)/python scripts/loop_soak.py --minutes $(SOAK_MINUTES) --cpu $(SOAK_CPU)

.PHONY: soak
soak: build ## SOAK_MINUTES (60) of everything at once on two servers; a page of plots (SOAK_PAGE=soak.html), and nothing grows
	@$(bin)/python scripts/server_soak.py --minutes $(SOAK_MINUTES) --page $(SOAK_PAGE)

##@ Measure

.PHONY: bench
bench: build ## data_bridge and FastAPI on uvicorn in one interleaved run (BENCH_ARGS=)
	@$(bin)/python benchmarks/http/run.py $(BENCH_ARGS)

.PHONY: bench-routes
bench-routes: build ## The same for the routes that real applications have (BENCH_ARGS=)
	@$(bin)/python benchmarks/http/routes.py $(BENCH_ARGS)

.PHONY: bench-resources
bench-resources: build ## The same for resources, with SQLModel, sqlite3 by hand and PocketBase beside them (BENCH_ARGS="--pocketbase PATH")
	@$(bin)/python benchmarks/http/resources.py $(BENCH_ARGS)

.PHONY: bench-websockets
bench-websockets: build ## The same for messages of WebSockets (BENCH_ARGS=)
	@$(bin)/python benchmarks/http/websocket_rows.py $(BENCH_ARGS)

.PHONY: bench-micro
bench-micro: build ## The C++ micro-benchmarks
	@for benchmark in $(release)/core/*/*_benchmark $(release)/core/*/*/*_benchmark; do \
	  if [[ -x "$$benchmark" ]]; then echo "== $$benchmark"; "$$benchmark"; fi; done

##@ Style

.PHONY: format
format: $(bin)/python ## Format C++ and Python in place
	@clang-format-19 -i $(cpp_files)
	@$(bin)/ruff check --fix --quiet . || true
	@$(bin)/ruff format .

.PHONY: check-style
check-style: $(bin)/python ## Formatting, ruff and mypy --strict; changes nothing
	$(call title,style)
	@clang-format-19 --dry-run --Werror $(cpp_files)
	@$(bin)/ruff format --check .
	@$(bin)/ruff check .
	@$(bin)/mypy
	@! grep -rn 'PyGILState_Ensure' core --include='*.[ch]pp' | grep -v '^core/pyloop/' || \
	  { echo 'the GIL is taken in core/pyloop alone: elsewhere hand the work to the loop (LoopMailbox)' >&2; exit 1; }

.PHONY: lint
lint: check-style build ## check-style and clang-tidy (slow)
	$(call title,clang-tidy)
	@git ls-files 'core/*.cpp' | grep -v -e _fuzz.cpp -e _test.cpp -e _benchmark.cpp | $(tidy)
	@git ls-files 'core/*_test.cpp' 'core/*_benchmark.cpp' | $(tidy) '--checks=-performance-*,-bugprone-unchecked-optional-access'

##@ Other

.PHONY: clean
clean: ## Remove what was built; virtual environments stay
	@rm -rf build dist python/data_bridge/*.so
	@find python tests examples benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
