#!/usr/bin/python
# Copyright (c) 2026 aarch64.validator contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action plugin of the same name; the work is done on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Write the report of a run and decide how it ends
version_added: 1.0.0
description:
  - Collects what the role P(aarch64.validator.memory_pool#role) left on each host, writes C(report.json), prints the
    summary, and fails where the verdicts ask for it. Hosts that were unreachable or failed stand in the report with the reason.
  - Beside it the same report is written as C(hosts.csv), C(junit.xml), C(report.sarif), C(metrics.prom) and C(report.html), one
    page for people that needs nothing but a browser. One of these that cannot be made is a warning, and the others are written
    all the same.
  - With O(pieces) it makes one report of those of several runs, as the playbook C(aarch64.validator.merge) does.
  - With O(mode=audit) it also keeps the facts of each host, and with O(facts_dir) it judges facts that were kept, with no host
    at hand.
  - Runs on the controller only. Files written there never count as changed.
options:
  mode:
    description: What the run was for. Required without O(pieces), which tell it themselves.
    type: str
    choices: [diagnose, remediate, verify, revert, audit]
  dir:
    description:
      - Directory on the controller that receives C(report.json). It is made when missing.
      - With O(mode=audit) also C(facts/HOST.json), the facts of each host that gave some. Characters other than letters, digits,
        C(.), C(_) and C(-) are written as in a URL, C(%2F) for a slash; so is a dot at the beginning.
    type: path
    required: true
  fail_on:
    description:
      - Which verdicts end the run with an error. V(blocked) means blocked, unreachable and failed hosts.
        V(at-risk) adds hosts at risk. V(never) ends every run well.
      - V(drift) means unreachable and failed hosts, and hosts with a finding that is new or worse than in O(baseline), info
        apart. What was so before, verdicts and settings alike, ends no run.
    type: str
    default: blocked
    choices: [blocked, at-risk, drift, never]
  baseline:
    description:
      - C(report.json) of an earlier run on the controller. It is read before anything is written, so that it may be the file
        that this run replaces. The report then has C(drift), for the whole and for each host.
      - Of a host that was not judged in this run nothing is said. Of one that was not judged then, every finding is new.
    type: path
  query:
    description:
      - A question to the report in JMESPath, see P(aarch64.validator.query#filter). The answer is printed last, as JSON, and
        written to C(query.json). Without a question there is no such file, also where an earlier run left one.
      - A question that cannot be answered ends the run with an error, after the report was written.
    type: str
  only_check:
    description:
      - Only look whether O(policy), O(baseline), O(fail_on) and O(query) can be used, and write nothing. So that this is known
        before hosts are asked.
    type: bool
    default: false
  policy:
    description: What was wanted, kept in the report. With O(facts_dir) the facts are judged by it.
    type: dict
    default: {}
  hosts:
    description:
      - Names of the hosts to report. Required without O(facts_dir) and O(pieces).
      - With O(facts_dir), the facts of these hosts alone are judged. By default those of all.
    type: list
    elements: str
  facts_dir:
    description:
      - Directory on the controller with C(HOST.json) for each host, as O(mode=audit) writes it. These facts are judged and
        reported instead of what the role left on hosts. Other names, links and directories in it are passed over.
      - A file that cannot be judged makes its host V(failed), and the others are judged all the same.
      - A directory without any C(*.json) may be that of a fact cache of the plugin P(ansible.builtin.jsonfile#cache). Files
        without facts of this collection are passed over. A prefix of the cache is taken from the configuration of this run.
        Without it, only files of ansible-core 2.19 and later still tell the name of their host.
    type: path
  pieces:
    description:
      - C(report.json) of several runs, each on a part of the fleet. They are merged, and the report is that of one run on all
        their hosts. Directories stand for the C(report.json) in them, or else for each one below. Patterns with C(*), C(?) and
        C(**) are expanded.
      - Pieces of different modes, policies or versions are an error, and so is a host that two pieces have. Where hosts of two
        pieces are the same node, the report says so in C(duplicate_identities), and the run ends with an error unless
        O(fail_on=never). Only runs of the playbook remediate ask nodes who they are.
      - Drift in a piece is left out. Give O(baseline) here.
    type: list
    elements: path
attributes:
  check_mode:
    description: Writes the report in check mode too, since nothing on a host changes.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  action:
    description: Runs on the controller.
    support: full
author:
  - aarch64.validator contributors (@aarch64-validator)
"""

EXAMPLES = r"""
- name: Gather and judge
  ansible.builtin.include_role:
    name: aarch64.validator.memory_pool
    tasks_from: diagnose

- name: Report on all hosts of the play
  aarch64.validator.report:
    mode: diagnose
    dir: validator-report
    hosts: "{{ ansible_play_hosts_all }}"
  delegate_to: localhost
  run_once: true

- name: Fail on what is new or worse since the last run, and name those hosts
  aarch64.validator.report:
    mode: diagnose
    dir: validator-report
    hosts: "{{ ansible_play_hosts_all }}"
    baseline: validator-report/report.json
    fail_on: drift
    query: hosts[?drift.new].name
  delegate_to: localhost
  run_once: true

- name: Judge recorded facts by another policy
  aarch64.validator.report:
    mode: audit
    dir: judged-again
    facts_dir: validator-report/facts
    policy:
      shm_size: 4G
  delegate_to: localhost
  run_once: true

- name: Merge the reports of several slices
  aarch64.validator.report:
    dir: merged
    pieces: [slices/*/report.json]
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
path:
  description: Where the report was written on the controller.
  type: str
  returned: unless O(only_check=true)
  sample: /home/ops/validator-report/report.json
files:
  description: All forms of the report that were written.
  type: list
  elements: str
  returned: unless O(only_check=true)
  sample: [/home/ops/validator-report/report.json, /home/ops/validator-report/hosts.csv]
answer:
  description: The answer to O(query).
  type: raw
  returned: when a question was asked and could be answered
  sample: [val-1, val-2]
summary:
  description: Number of hosts by verdict.
  type: dict
  returned: unless O(only_check=true)
  sample: {"hosts": 3, "blocked": 1, "at-risk": 1, "advice": 0, "healthy": 1, "unreachable": 0, "failed": 0}
"""
