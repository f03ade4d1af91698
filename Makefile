# Two commands do everything: `make remediate` and `make test`. Both install what they need.
#
#   make diagnose|remediate|verify|audit|revert [INVENTORY=path] [ARGS='--check --diff --limit x'] [QUERY='JMESPath']
#
# INVENTORY, ARGS and QUERY travel through the environment: nothing a user gives is pasted into a shell.

PYTHON ?= python3
VENV := .venv
TEST_VENV := .venv-test
export INVENTORY ARGS
# A question is text: make looks for no variables in it.
override export QUERY := $(value QUERY)

.PHONY: help diagnose remediate verify audit revert test lint test-unit test-integration test-chain build clean

help:
	@sed -n '2,5p' Makefile

diagnose remediate verify audit revert: $(VENV)/.installed
	@$(VENV)/bin/python scripts/run_playbook.py $@

$(VENV)/.installed: requirements.txt scripts/make_venv.sh
	@scripts/make_venv.sh "$(PYTHON)" $(VENV) requirements.txt
	@touch $@

$(TEST_VENV)/.installed: requirements.txt requirements-test.txt scripts/make_venv.sh
	@scripts/make_venv.sh "$(PYTHON)" $(TEST_VENV) requirements-test.txt
	@touch $@

test: $(TEST_VENV)/.installed
	@scripts/test.sh

lint test-unit test-integration test-chain: $(TEST_VENV)/.installed
	@scripts/test.sh $(@:test-%=%)

build: $(VENV)/.installed
	@$(VENV)/bin/ansible-galaxy collection build --force

clean:
	rm -rf $(VENV) $(TEST_VENV) validator-report aarch64-validator-*.tar.gz
