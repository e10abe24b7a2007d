# Two commands do everything, set-up included: `make run` and `make test`. A machine needs python3 and make, no more.

# What a user's shell may carry must not reach ours: -O would take the assertions away that guard money, and a foreign
# module path would stand before the hashed packages.
unexport PYTHONOPTIMIZE PYTHONPATH PYTHONHOME

python := .venv/bin/python

.PHONY: help run test check coverage bench clean
.DEFAULT_GOAL := help

help: ## Say what there is to make
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | while IFS='|' read -r goal text; do printf '%-12s %s\n' "$$goal" "$$text"; done

run: ## Set up, work out the prices of December 2021 and January 2022, and serve them until Ctrl-C
	@sh tools/setup run
	@$(python) -m naryq demo

test: ## Set up and run every check and every test
	@sh tools/setup dev
	@sh tools/check all

check: ## Set up and run the checks without the tests: style, format, types, direction of imports
	@sh tools/setup dev
	@sh tools/check quick

coverage: ## Set up and show which branches of the core no test takes
	@sh tools/setup dev
	@sh tools/coverage

bench: ## Set up and measure the clearing against the best public solvers
	@sh tools/setup dev
	@$(python) -m naryq bench clearing

clean: ## Remove what set-up and tests have made: the next command sets up anew
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage build dist out
	find src tests benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +
