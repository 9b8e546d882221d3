# Each recipe is one call; the work is in the scripts below test/.

.PHONY: help test setup vet fuzz-seeds

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

test: ## set up what is needed and run everything, PostgreSQL and real clients included
	@test/run.sh

setup: ## install what the tests need: a C compiler, PostgreSQL, Python and the real clients
	@test/setup.sh

vet: ## the checks that run no tests: formatting, modules, vet, staticcheck
	@test/run.sh static

fuzz-seeds: ## run the seeds of every fuzz target, as "make test" does too
	@go test -run '^Fuzz' ./...
