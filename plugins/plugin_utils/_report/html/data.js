/*
Copyright (c) 2026 aarch64.validator contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
The report as the page has it, and which of its hosts are shown, in which order.
*/
const data = JSON.parse(document.getElementById("data").textContent);
const VERDICT_LABELS = {
  failed: "Failed", unreachable: "Unreachable", blocked: "Blocked", "at-risk": "At risk", advice: "Advice", healthy: "Healthy",
};
const SEVERITY_LABELS = { blocker: "blocker", risk: "risk", advice: "advice", info: "info" };
const INFO = data.severities.indexOf("info");
const NOTHING = [];
const INVENTORY = "inventory/fleet.yml";  // in commands, until the reader names another

const textAt = (number) => (number === null || number === undefined ? "" : data.texts[number]);
const listOf = (host, name) => host[name] || NOTHING;
const verdictOf = (host) => data.verdicts[host.verdict];
const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

// Rows of the report's lists, with names in place of positions.
const findings = data.findings.map(([id, severity, service, summary, evidence, explains, automatic, reference], number) => ({
  number, id: textAt(id), severity, service: textAt(service), summary: textAt(summary), evidence: evidence.map(textAt),
  explains, automatic, reference: textAt(reference),
}));
const settings = data.settings.map(([service, name, wanted, configured, live, session, configuredOk, liveOk]) => ({
  service: textAt(service), name: textAt(name), wanted: textAt(wanted), configured: textAt(configured), live: textAt(live),
  session: textAt(session), configuredOk, liveOk,
}));
const pools = data.pools.map(([service, engine, fit, needed, why]) => ({
  service: textAt(service), engine, fit, needed, why: textAt(why),
}));

const factText = (host, name) => {
  const row = data.facts[host.facts];
  return row ? textAt(row[data.fact_names.indexOf(name)]) : "";
};
const findingsOf = (host) => listOf(host, "findings").map((number) => findings[number]);
const tellingOf = (host) => findingsOf(host).filter((item) => item.severity !== INFO);
const poolOf = (host) => pools[listOf(host, "pools")[0]];

/** What one host says first: why it is unknown, or its worst finding. */
function firstCause(host) {
  if (host.failure !== undefined) return textAt(host.failure);
  const item = tellingOf(host)[0];
  if (item) return item.id;
  const before = listOf(host, "before").map((number) => findings[number]).find((one) => one.severity !== INFO);
  return before ? `was ${before.id}` : "";
}

function sizeText(bytes) {
  if (bytes === null) return "not known";
  const units = [["PiB", 50, 10], ["TiB", 40, 10], ["GiB", 30, 1], ["MiB", 20, 1], ["KiB", 10, 1]];
  for (const [unit, power, least] of units) {
    const value = bytes / 2 ** power;
    if (value >= least) return `${Number(value.toFixed(2)).toLocaleString("en")} ${unit}`;
  }
  return `${bytes} B`;
}

/** Room of a host: engines that fit against engines needed; undefined where nothing is known. */
function roomOf(host) {
  const pool = poolOf(host);
  if (!pool || pool.fit === null || pool.needed === null) return undefined;
  return { fit: pool.fit, needed: pool.needed, enough: pool.fit >= pool.needed, pool };
}

// Which hosts are shown.
const state = {
  words: "", verdicts: new Set(), finding: "", only: null, onlyLabel: "", sort: "verdict", down: false,
  shown: [], inventory: INVENTORY,
};
const haystacks = data.hosts.map((host) => [
  host.name, verdictOf(host), textAt(host.failure),
  ...findingsOf(host).map((item) => `${item.id} ${item.summary}`),
  ...data.fact_names.map((name) => factText(host, name)),
  ...listOf(host, "pools").map((number) => pools[number].service),
  ...listOf(host, "pending").map(textAt), textAt(host.skipped),
].join("\n").toLowerCase());

// Names in the order of people, val-2 before val-10, found once.
const nameRank = new Array(data.hosts.length);
const collator = new Intl.Collator("en", { numeric: true });
data.hosts.map((host, index) => index)
  .sort((left, right) => collator.compare(data.hosts[left].name, data.hosts[right].name))
  .forEach((index, rank) => { nameRank[index] = rank; });

const UNKNOWN_LAST = Number.MAX_VALUE;
const ratio = (room) => (room ? room.fit / Math.max(room.needed, 1e-9) : UNKNOWN_LAST);
const weight = (host) => findingsOf(host).reduce((sum, item) => sum + [1e6, 1e3, 1, 0][item.severity], 0);
const driftWeight = ({ drift }) => (drift ? drift.counts[0] * 1e6 + drift.counts[2] * 1e6 + drift.counts[1] * 10 + 1 : 0);
const bits = (host) => Number(factText(host, "address space bits")) || UNKNOWN_LAST;
/** What a column is sorted by: a number, or a text, smallest first. */
const SORT_KEYS = {
  verdict: (host) => host.verdict * 1e9 - Math.min(weight(host), 9e8),
  host: (host, index) => nameRank[index],
  cause: (host) => firstCause(host) || "\uffff",
  findings: (host) => -weight(host),
  room: (host) => ratio(roomOf(host)),
  space: bits,
  since: (host) => -driftWeight(host),
};
const keyCache = new Map();

function sortKeys(column) {
  if (!keyCache.has(column)) {
    let keys = data.hosts.map(SORT_KEYS[column]);
    if (typeof keys[0] === "string") {
      const order = [...new Set(keys)].sort(collator.compare);
      const ranks = new Map(order.map((key, rank) => [key, rank]));
      keys = keys.map((key) => ranks.get(key));
    }
    keyCache.set(column, keys);
  }
  return keyCache.get(column);
}

function passes(host, index, words) {
  if (state.verdicts.size && !state.verdicts.has(verdictOf(host))) return false;
  if (state.only && !state.only.has(index)) return false;
  if (state.finding && !listOf(host, "findings").some((number) => findings[number].id === state.finding)) return false;
  return words.every((word) => haystacks[index].includes(word));
}

/** Find the hosts that pass the filters, in order. */
function choose() {
  const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
  const keys = sortKeys(state.sort);
  const turn = state.down ? -1 : 1;
  const shown = [];
  data.hosts.forEach((host, index) => { if (passes(host, index, words)) shown.push(index); });
  shown.sort((left, right) => turn * (keys[left] - keys[right]) || nameRank[left] - nameRank[right]);
  state.shown = shown;
}
