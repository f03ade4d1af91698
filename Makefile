# Two commands do everything: `make remediate` and `make test`. Both install what they need.
#
#   make diagnose|remediate|verify|audit|revert [INVENTORY=path] [ARGS='--check --diff --limit x'] [QUERY='JMESPath']
#   make merge PIECES='slices/*/report.json' [ARGS=...] [QUERY=...]
#   make rebuild|deliver [INVENTORY=path] [ARGS=...]      docs/rebuild.md
#   make bench        how long things take, and how that grows
#   make docs         the docs site, in .cache/docsite
#   make test-sanity CORE=2.17, make test-pythons PYTHONS="3.7 3.8", make test-integration PART=1/6: a part of the tests
#   make test-full    everything that make test leaves out as well: hours
#   make lock         requirements.lock anew; make advisories: what is known against the releases in it
#
# INVENTORY, ARGS, QUERY, PIECES and the like travel through the environment: nothing a user gives is pasted into a shell.

PYTHON ?= python3
# Exact releases with their checksums. For a package index whose files are others: REQUIREMENTS=requirements.txt
REQUIREMENTS ?= requirements.lock
VENV := .venv
TEST_VENV := .venv-test
export INVENTORY ARGS KERNEL CORE PYTHONS PART
# A question is text, and so are names of files: make looks for no variables in them.
override export QUERY := $(value QUERY)
override export PIECES := $(value PIECES)

.PHONY: help diagnose remediate verify audit revert merge rebuild deliver test test-full lint docs bench fuzz guest guest-down lock advisories build clean \
	test-unit test-pythons test-sanity test-sanity-all test-versions test-importer test-browser test-integration test-crash test-chain test-arm64

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

diagnose remediate verify audit revert merge rebuild deliver: $(VENV)/.installed
	@$(VENV)/bin/python scripts/run_playbook.py $@

$(VENV)/.installed: $(REQUIREMENTS) scripts/make_venv.sh
	@scripts/make_venv.sh "$(PYTHON)" $(VENV) "$(REQUIREMENTS)"
	@touch $@

$(TEST_VENV)/.installed: requirements.txt requirements-test.txt scripts/make_venv.sh
	@scripts/make_venv.sh "$(PYTHON)" $(TEST_VENV) requirements-test.txt
	@touch $@

test: $(TEST_VENV)/.installed
	@scripts/test.sh

test-full: $(TEST_VENV)/.installed
	@scripts/test.sh lint unit docs browser fuzz integration crash versions sanity-all importer arm64-all

lint docs fuzz test-unit test-sanity-all test-versions test-importer test-browser test-integration test-crash test-chain: $(TEST_VENV)/.installed
	@scripts/test.sh $(@:test-%=%)

# They make environments of their own, of Pythons that need not be able to hold that of the other tests.
test-pythons test-sanity:
	@scripts/test.sh $(@:test-%=%)

# Figures for people, one program after the other. What misses its bar on an idle machine ends it with a failure, after the last.
bench: $(TEST_VENV)/.installed
	@failed=; for one in tests/bench/bench_*.py; do \
	    echo "=== $$one"; $(TEST_VENV)/bin/python $$one || failed="$$failed $$one"; \
	done; test -z "$$failed" || { echo "missed a bar, or failed:$$failed"; exit 1; }

# All four arm64 kernels, with what was seen kept.
test-arm64: $(TEST_VENV)/.installed
	@scripts/test.sh arm64-all

# A real arm64 guest with a node, to try things on: make guest KERNEL=va39|va48|pg16k|pg64k
guest: $(TEST_VENV)/.installed
	@$(TEST_VENV)/bin/python tests/support/guests.py up --workdir .guests --kernel "$${KERNEL:-va39}" --node
	@echo "try: make diagnose INVENTORY=$(CURDIR)/.guests/inventory.yml; end it: make guest-down"

guest-down: $(TEST_VENV)/.installed
	@$(TEST_VENV)/bin/python tests/support/guests.py down --workdir .guests

# requirements.lock anew, and what is known against the releases in it; pip-audit asks PyPI itself, mirrors know nothing of that.
lock: $(TEST_VENV)/.installed
	@. $(TEST_VENV)/bin/activate && scripts/lock_requirements.sh

advisories: $(TEST_VENV)/.installed
	@$(TEST_VENV)/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock

build: $(VENV)/.installed
	@. $(VENV)/bin/activate && scripts/build.sh .

clean:
	rm -rf $(VENV) $(TEST_VENV) validator-report aarch64-validator-*.tar.gz
