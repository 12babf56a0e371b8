# Every target does the set-up it needs, once. Needed beforehand: Python 3.11 or later, make, git.
#
#   make sync ARGS="--organization acme --plan"
#   make setup PYTHON=python3.13

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: .venv/.dev ## leave a ready .venv, with what tests and checks need
	@echo ".venv is ready"

.PHONY: demo
demo: .venv/.run ## simulator, embedded Postgres, one run over a small fleet, and the page
	@$(BIN)/python -m tests.demo $(ARGS)

.PHONY: sync
sync: .venv/.run ## the main job, over the organizations configured in .env
	@$(BIN)/aggregator sync $(ARGS)

.PHONY: check-keys
check-keys: .venv/.run ## every key's identity and the database's state, without writing
	@$(BIN)/aggregator check $(ARGS)

.PHONY: status
status: .venv/.run ## coverage and freshness per organization, from the database
	@$(BIN)/aggregator status $(ARGS)

.PHONY: test
test: .venv/.dev ## all tests, on all cores
	@$(BIN)/python -m pytest -n auto $(ARGS)

.PHONY: lint
lint: .venv/.dev ## style, types, import rules, the image and the compose file
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/hadolint Dockerfile

.PHONY: docs
docs: .venv/.dev ## docs/data-dictionary.md and the list of questions, from the database and the queries
	@$(BIN)/python -m tools.dictionary

.PHONY: bench
bench: .venv/.dev ## side by side with what one would use instead
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: bench-trust
bench-trust: .venv/.dev ## what can be relied on: nothing lost, nothing leaked, nothing beyond a bound
	@$(BIN)/python -m benchmarks.trust $(ARGS)

.PHONY: picture
picture: .venv/.dev demo ## docs/fleet.png, the head of the demo's page; needs chromium-driver
	@$(BIN)/python -m tests.picture

.PHONY: bench-views
bench-views: .venv/.dev ## how fast the views behind dashboards answer over a large fleet
	@$(BIN)/python -m benchmarks.views $(ARGS)

.PHONY: up
up: ## Postgres in a container, and one run against it (needs Docker and .env)
	docker compose up --detach --wait database
	docker compose run --rm --build sync

.PHONY: down
down: ## stop the containers; the data stays in its volume
	docker compose down

.PHONY: lock
lock: .venv/.dev ## pin the newest versions that pyproject.toml allows
	@$(BIN)/uv pip compile $(LOCK) --upgrade --all-extras --output-file requirements-dev.txt
	@$(BIN)/uv pip compile $(LOCK) --constraint requirements-dev.txt \
		--extra local --extra fast --extra metrics --output-file requirements.txt
	@$(BIN)/uv pip compile $(LOCK) --constraint requirements-dev.txt \
		--extra fast --extra metrics --output-file requirements-image.txt

# One set for every platform and Python; hashes and no addresses.
LOCK := pyproject.toml --group build --universal --python-version 3.11 --generate-hashes --quiet \
	--no-emit-index-url --no-header --no-annotate --system-certs

# Stamps: the file says that its recipe went through, and is older than what would change it.

.venv/.created:
	@command -v $(PYTHON) >/dev/null || { \
		echo "$(PYTHON) is not installed: install Python 3.11 or later, or make … PYTHON=python3.12"; \
		exit 1; } >&2
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "$$($(PYTHON) --version) is too old: Python 3.11 or later, make … PYTHON=python3.12"; \
		exit 1; } >&2
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: apt-get install python3-venv"; \
		exit 1; } >&2
	@echo "setting up .venv (once)"
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/.run: .venv/.created requirements.txt pyproject.toml
	@$(PIP) install --require-hashes --requirement requirements.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# What runs is part of it, in the same versions.
.venv/.dev: .venv/.created requirements-dev.txt pyproject.toml
	@$(PIP) install --require-hashes --requirement requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch .venv/.run $@
