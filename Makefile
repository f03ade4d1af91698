# Two commands do everything: `make remediate` and `make test`. Both install what they need.
#
#   make diagnose|remediate|verify|audit|revert [INVENTORY=path] [ARGS='--check --diff --limit x'] [QUERY='JMESPath']
#   make merge PIECES='slices/*/report.json' [ARGS=...] [QUERY=...]
#   make rebuild|deliver [INVENTORY=path] [ARGS=...]      docs/rebuild.md
#   make bench        how long things take, and how that grows
#   make docs         the docs site, in .cache/docsite
#
# INVENTORY, ARGS, QUERY and PIECES travel through the environment: nothing a user gives is pasted into a shell.

PYTHON ?= python3
VENV := .venv
TEST_VENV := .venv-test
export INVENTORY ARGS KERNEL
# A question is text, and so are names of files: make looks for no variables in them.
override export QUERY := $(value QUERY)
override export PIECES := $(value PIECES)

.PHONY: help diagnose remediate verify audit revert merge rebuild deliver test lint docs bench fuzz guest guest-down build clean \
	test-unit test-pythons test-sanity test-sanity-all test-versions test-importer test-browser test-integration test-crash test-chain test-arm64

help:
	@sed -n '2,9p' Makefile

diagnose remediate verify audit revert merge rebuild deliver: $(VENV)/.installed
	@$(VENV)/bin/python scripts/run_playbook.py $@

$(VENV)/.installed: requirements.txt scripts/make_venv.sh
	@scripts/make_venv.sh "$(PYTHON)" $(VENV) requirements.txt
	@touch $@

$(TEST_VENV)/.installed: requirements.txt requirements-test.txt scripts/make_venv.sh
	@scripts/make_venv.sh "$(PYTHON)" $(TEST_VENV) requirements-test.txt
	@touch $@

test: $(TEST_VENV)/.installed
	@scripts/test.sh

lint docs test-unit test-pythons test-sanity test-sanity-all test-versions test-importer test-browser test-integration test-crash test-chain: $(TEST_VENV)/.installed
	@scripts/test.sh $(@:test-%=%)

# Figures for people, one program after the other; nothing fails for being slow.
bench: $(TEST_VENV)/.installed
	@for one in tests/bench/bench_*.py; do echo "=== $$one"; $(TEST_VENV)/bin/python $$one || exit; done

# Twenty times the inputs that `make test-unit` tries on each parser.
fuzz: $(TEST_VENV)/.installed
	@FUZZ_FACTOR=20 $(TEST_VENV)/bin/python -m pytest -q tests/unit/target/test_fuzz_target.py tests/unit/controller/test_fuzz_controller.py

# All four arm64 kernels; `make test` has two of them.
test-arm64: $(TEST_VENV)/.installed
	@scripts/test.sh arm64-all

# A real arm64 guest with a node, to try things on: make guest KERNEL=va39|va48|pg16k|pg64k
guest: $(TEST_VENV)/.installed
	@$(TEST_VENV)/bin/python tests/support/guests.py up --workdir .guests --kernel "$${KERNEL:-va39}" --node
	@echo "try: make diagnose INVENTORY=$(CURDIR)/.guests/inventory.yml; end it: make guest-down"

guest-down: $(TEST_VENV)/.installed
	@$(TEST_VENV)/bin/python tests/support/guests.py down --workdir .guests

build: $(VENV)/.installed
	@$(VENV)/bin/ansible-galaxy collection build --force

clean:
	rm -rf $(VENV) $(TEST_VENV) validator-report aarch64-validator-*.tar.gz
