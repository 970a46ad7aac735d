# make run    builds and serves, with the demo firm on first start
# make test   everything CI checks; see also .ci/run
# make help   the rest

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION = $(shell git describe --always --dirty 2>/dev/null || echo dev)
TOOL := go tool -modfile=tools/go.mod
# Written by hand, so gofumpt and the eye are for these only.
HANDWRITTEN = git ls-files --cached --others --exclude-standard '*.go' ':!*_templ.go'

.PHONY: help
help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: build
build: ## bin/crm
	go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/crm ./cmd/crm

# Every CRM_* variable passes through. exec leaves no shell between make and the
# app: Ctrl-C reaches it directly, and make waits until it has drained.
.PHONY: run
run: build ## build and serve (CRM_* variables are honoured)
	@if [ -z "$${CRM_DATABASE_URL:-}" ]; then .ci/deps postgres; fi
	@exec bin/crm serve --demo

.PHONY: deps
deps: ## install what make test needs and is missing
	@.ci/deps postgres chromium

.PHONY: test
test: deps check ## everything: generated code, linters, all tests, a real database and browser
	@go build -o bin/withpg ./internal/privatepg/withpg
	bin/withpg -- go test -tags e2e -vet=off -ldflags='-s -w' -timeout 9m ./... # vetted by check; what debuggers want is a third of linking

# Loads once, keeps the register, and honours the BENCH_* variables in internal/bench/options.go.
export BENCH_ORGANIZATIONS ?= 1000000
.PHONY: bench
bench: build ## what pages cost with a million clients: takes most of an hour the first time
	@.ci/deps postgres
	@BENCH_PROGRAM=bin/crm go run ./internal/bench

.PHONY: screenshots
screenshots: deps ## docs/screenshots: pictures of the main pages of the demo firm
	@go build -o bin/withpg ./internal/privatepg/withpg
	bin/withpg -- go test -tags e2e -count=1 -run '^TestScreenshots$$' ./internal/e2e -screenshots docs/screenshots

.PHONY: check
check: check-generated check-format ## what needs no database
	go vet -tags e2e ./...
	$(TOOL) staticcheck -tags e2e ./...

.PHONY: check-format
check-format:
	@unformatted=$$($(HANDWRITTEN) | xargs -r $(TOOL) gofumpt -l); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run make fmt:" $$unformatted >&2; exit 1; fi

# Generates into a copy, so that a check never changes what somebody is at. The
# working directory matters: file names in the generated code are relative to it.
.PHONY: check-generated
check-generated:
	@copy=$$(mktemp -d); trap 'rm -rf "$$copy"' EXIT; \
	git ls-files --cached --others --exclude-standard '*.templ' | tar cf - -T - | tar xf - -C "$$copy"; \
	$(TOOL) templ generate -log-level error -path "$$copy"; \
	stale=$$(cd "$$copy" && find . -name '*_templ.go' | while read -r f; do cmp -s "$$f" "$(CURDIR)/$$f" || echo "$$f"; done); \
	if [ -n "$$stale" ]; then echo "generated code is not current, run make generate:" $$stale >&2; exit 1; fi

.PHONY: generate
generate: ## Go code from the .templ files
	@$(TOOL) templ generate -log-level error

.PHONY: fmt
fmt: ## format Go and templ files
	@$(HANDWRITTEN) | xargs -r $(TOOL) gofumpt -w
	@$(TOOL) templ fmt -log-level error .

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
