# Redshank. `make` lists what there is to do.
#
# Everything is installed below .venv*/ and .redshank/ in this checkout: see infra/bootstrap.

.DEFAULT_GOAL := help
.PHONY: help venv run stop logs lint format types template build unit test reference bench deploy clean

# Set on some machines; without compiled files every start would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
export SAM_CLI_TELEMETRY := 0
export AWS_DEFAULT_REGION ?= us-east-1

python := .venv/bin/python
# Nothing here reaches another stack by accident, such as the local one by .redshank/local.env.
unexport REDSHANK_STACK AWS_ENDPOINT_URL AWS_ENDPOINT_URL_SESV2

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .envs ## start Redshank on this machine, or bring it up to date (BOOK=folder: with another book than the example)
	@$(python) -m infra.local run $(if $(BOOK),--book $(BOOK))

stop: ## end what `make run` started
	@if [ -x $(python) ]; then $(python) -m infra.local stop; else echo "nothing was running"; fi

logs: ## what the functions on the local stand have logged
	@$(python) -m infra.local logs

test: .envs lint types template ## everything: style, types, template, build, and all tests
	$(python) -m pytest

unit: .env-dev ## the tests that need no stand (seconds)
	$(python) -m pytest tests/unit

lint: .env-dev ## style
	.venv/bin/ruff check
	.venv/bin/ruff format --check

format: .env-dev ## make the style right
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

types: .env-dev ## types
	.venv/bin/mypy

template: .env-sam ## is the template valid?
	.venv-sam/bin/sam validate --lint
	.venv-sam/bin/cfn-lint infra/*.yaml

build: .env-dev .env-sam ## build what is shipped, modules compiled ahead
	$(python) -m infra.artefacts

deploy: build ## deploy to the AWS account of your credentials, asking what it needs to know
	.venv-sam/bin/sam deploy --guided

reference: .env-dev ## write docs/reference.md anew, from the models
	$(python) -m redshank.definitions.reference docs/reference.md

bench: .envs ## measure; also written to .redshank/bench.json
	$(python) -m tests.bench

venv: .envs ## install everything without doing anything

clean: stop ## remove what was built and installed
	rm -rf .venv .venv-sam .venv-stand .redshank .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: .envs .env-dev .env-sam
.envs:
	@infra/bootstrap dev sam stand
.env-dev:
	@infra/bootstrap dev
.env-sam:
	@infra/bootstrap sam
