/*
Copyright (c) 2026 aarch64.validator contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
All that is known of one host, and what to do about it.
*/
const detail = { index: null, lines: [] };  // lines: the commands shown, which name the inventory
// Names that mean nothing else where a pattern of hosts is expected; IPv6 addresses are taken as they stand.
const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$|^[0-9A-Fa-f]*:[0-9A-Fa-f:.]+$/;
const quoted = (word) => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function startDetail() {
  const dialog = byId("detail");
  byId("close").addEventListener("click", () => dialog.close());
  byId("previous").addEventListener("click", () => stepDetail(-1));
  byId("next").addEventListener("click", () => stepDetail(1));
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { detail.index = null; remember(""); });
}

function openDetail(index) {
  const dialog = byId("detail");
  fillDetail(index);
  if (!dialog.open) dialog.showModal();
  byId("detail-name").focus();
  byId("detail-body").scrollTop = 0;
}

function stepDetail(step) {
  const place = state.shown.indexOf(detail.index) + step;
  if (place >= 0 && place < state.shown.length) {
    fillDetail(state.shown[place]);
    byId("detail-body").scrollTop = 0;
    say(data.hosts[detail.index].name);
  }
}

/** Keep the host in the address, so that it can be handed on. */
function remember(name) {
  try {
    history.replaceState(null, "", name ? `#host=${encodeURIComponent(name)}` : location.pathname + location.search);
  } catch { /* an address that cannot be changed is no loss */ }
}

function fillDetail(index) {
  const host = data.hosts[index];
  detail.index = index;
  detail.lines = [];
  const place = state.shown.indexOf(index);
  byId("detail-name").replaceChildren(own(host.name));
  byId("detail-verdict").replaceChildren(badge(verdictOf(host)));
  byId("previous").disabled = place <= 0;
  byId("next").disabled = place < 0 || place >= state.shown.length - 1;
  const sections = [
    host.failure === undefined ? null : part("Why it was not judged", make("p", { class: "failure" }, own(textAt(host.failure)))),
    part("What to do", ...todo(host)),
    findingsPart(host),
    poolsPart(host),
    settingsPart(host),
    listPart(data.check ? "Would be changed" : data.mode === "revert" ? "Reverted" : "Changed", listOf(host, "changes")),
    listPart("Undone", listOf(host, "undone")),
    beforePart(host),
    sincePart(host),
    listPart("Clean starts", listOf(host, "trials")),
    listPart("Could not be read", listOf(host, "gaps")),
    listPart("Notes", listOf(host, "notes")),
    unlikePart(host),
    factsPart(host),
  ];
  byId("detail-body").replaceChildren(...sections.filter(Boolean));
  writeCommands();
  remember(host.name);
}

const part = (title, ...children) => make("section", {}, make("h3", {}, title), ...children);
const listPart = (title, numbers) => (numbers.length ? part(title, make("ul", { class: "lines" }, ...numbers.map((number) => make("li", {}, own(textAt(number)))))) : null);

/** What a person does next, worst thing first. */
function todo(host) {
  const parts = [];
  const found = tellingOf(host);
  if (host.failure !== undefined) {
    parts.push(make("p", {}, "See what the message says, then run again; a second run is safe."), ...command(host, "diagnose", []));
  }
  const automatic = found.filter((item) => item.automatic);
  if (automatic.length) {
    const names = [...new Set(automatic.map((item) => item.id))].join(", ");
    parts.push(make("p", {}, `The playbook remediate takes care of ${names}. See first what it would change:`),
      ...command(host, "remediate", ["--check", "--diff"]), make("p", {}, "then let it:"), ...command(host, "remediate", []));
  }
  if (host.skipped !== undefined) {
    parts.push(make("p", {}, make("b", {}, "Left out: "), own(textAt(host.skipped)), ". Run the same again when nothing stands in the way any more; nothing was changed here."));
  }
  const pending = listOf(host, "pending").map(textAt);
  if (pending.length && host.pending_until !== undefined) {
    parts.push(make("p", {}, "Run the same again within ", own(textAt(host.pending_until)), ", to restart ", own(pending.join(", ")), "."));
  } else if (pending.length) {
    parts.push(make("p", {}, "Waits for a restart, at a time that suits you: ", own(pending.join(", "))),
      ...command(host, "remediate", ["-e", "memory_pool_restart=when-needed"]));
  }
  for (const id of new Set(found.filter((item) => !item.automatic).map((item) => item.id))) {
    const advice = data.rules[id].do;
    parts.push(make("p", {}, make("b", {}, id), advice ? `: ${advice}` : ": no remedy of this collection applies; see docs/causes.md."));
  }
  return parts.length ? parts : [make("p", {}, "Nothing.")];
}

/** A command for this host with a button that copies it; nothing where its name would mean other hosts, too. */
function command(host, playbook, more) {
  if (!PLAIN_NAME.test(host.name)) {
    return [make("p", { class: "note" }, `This name cannot be given to --limit as it stands; run the playbook ${playbook} for all hosts.`)];
  }
  const args = ["--limit", host.name, ...more].map(quoted).join(" ");
  const lines = [
    { code: make("code", { tabindex: 0 }), words: () => `make ${playbook} INVENTORY=${quoted(state.inventory).replaceAll("$", "$$$$")} ARGS=${quoted(args)}` },
    { code: make("code", { tabindex: 0 }), words: () => `ansible-playbook -i ${quoted(state.inventory)} aarch64.validator.${playbook} ${args}` },
  ];
  detail.lines.push(...lines);
  const inventory = make("input", { class: "inventory", value: state.inventory, spellcheck: "false", autocomplete: "off" });
  inventory.addEventListener("input", () => {
    state.inventory = inventory.value || INVENTORY;
    for (const field of byId("detail-body").querySelectorAll(".inventory")) if (field !== inventory) field.value = inventory.value;
    writeCommands();
  });
  const row = (code) => make("div", { class: "line" }, code,
    make("button", { type: "button", class: "copy", on: { click: (event) => copy(code.textContent, event.target) } }, "Copy"));
  return [make("div", { class: "command" }, row(lines[0].code),
    make("details", {}, make("summary", {}, "Other inventory, or without make"), make("label", {}, "Inventory ", inventory), row(lines[1].code)))];
}

function writeCommands() {
  for (const { code, words } of detail.lines) code.textContent = words();
}

function findingsPart(host) {
  const found = findingsOf(host);
  if (!found.length) return host.judged ? part("Findings", make("p", {}, "None.")) : null;
  return part("Findings", ...found.map((item) => {
    const severity = data.severities[item.severity];
    const rule = data.rules[item.id];
    return make("article", { class: `finding s-${severity}` },
      make("h4", {}, mark(severity), ` ${item.id}`, item.service ? make("span", { class: "of" }, " of ", own(item.service)) : ""),
      make("p", { class: "summary" }, own(item.summary)),
      item.severity === INFO ? null : make("p", { class: item.explains ? "truth" : "placebo" },
        item.explains ? "This refuses memory pools." : "Never the cause of a refused memory pool."),
      item.evidence.length ? make("ul", { class: "evidence" }, ...item.evidence.map((line) => make("li", {}, own(line)))) : null,
      make("details", {}, make("summary", {}, "What this means"), make("p", {}, rule.title), rule.why ? make("p", {}, rule.why) : null,
        item.reference ? make("p", {}, make("a", { href: item.reference, rel: "noopener noreferrer", target: "_blank" }, item.reference)) : null));
  }));
}

function poolsPart(host) {
  const rows = listOf(host, "pools").map((number) => pools[number]);
  if (!rows.length) return null;
  return part("Memory pools", ...rows.map((pool) => make("div", { class: "pool" },
    make("p", {}, make("b", {}, own(pool.service === data.session ? "a node in this session" : pool.service)), ": ",
      pool.needed === 0 ? "needs no engine" : `needs ${pool.needed === null ? "?" : plural(pool.needed, "engine")} of ${sizeText(pool.engine)}, ${pool.fit === null ? "how many fit is not known" : `${pool.fit.toLocaleString("en")} fit`}`),
    pool.why ? make("p", { class: "note" }, own(pool.why)) : null)));
}

function settingsPart(host) {
  const rows = listOf(host, "settings").map((number) => settings[number]);
  if (!rows.length) return null;
  const order = [...rows].sort((left, right) => Number(left.configuredOk && left.liveOk) - Number(right.configuredOk && right.liveOk));
  const cell = (words, good, label) => make("td", { class: good ? "" : "bad", "data-label": label }, own(words), good ? "" : make("b", {}, " \u2717"));
  return part("Settings", make("div", { class: "scroll-x" }, make("table", { class: "small" },
    make("thead", {}, make("tr", {}, ...["Setting", "Wanted", "Configured", "Live", "In a shell"].map((title) => make("th", { scope: "col" }, title)))),
    make("tbody", {}, ...order.map((row) => make("tr", {},
      make("th", { scope: "row" }, own(row.name), row.service ? make("small", {}, own(row.service)) : ""),
      cell(row.wanted, true), cell(row.configured, row.configuredOk), cell(row.live, row.liveOk), cell(row.session, true)))))));
}

function beforePart(host) {
  const before = listOf(host, "before").map((number) => findings[number]);
  return before.length ? part("Was wrong before this run", make("ul", { class: "lines" },
    ...before.map((item) => make("li", {}, make("b", {}, item.id), ": ", own(item.summary))))) : null;
}

function sincePart(host) {
  if (!data.drift) return null;
  const { drift } = host;
  if (!drift) return part("Since the last audit", make("p", {}, host.judged ? "Nothing changed." : "Not judged this time, so nothing is compared."));
  const was = drift.first ? "This host was not in the earlier report." : drift.was === null ? "" : `The verdict was ${VERDICT_LABELS[data.verdicts[drift.was]].toLowerCase()}, it is ${VERDICT_LABELS[verdictOf(host)].toLowerCase()}.`;
  return part("Since the last audit", was ? make("p", {}, was) : null,
    drift.texts.length ? make("ul", { class: "lines" }, ...drift.texts.map((number) => make("li", {}, own(textAt(number))))) : null);
}

function unlikePart(host) {
  const rows = listOf(host, "unlike").map((number) => data.unlike[number].map(textAt));
  if (!rows.length) return null;
  return part("Unlike the shell of who gathered this", make("details", {}, make("summary", {}, plural(rows.length, "difference")),
    make("div", { class: "scroll-x" }, make("table", { class: "small" },
      make("thead", {}, make("tr", {}, ...["What", "Service", "Shell"].map((title) => make("th", { scope: "col" }, title)))),
      make("tbody", {}, ...rows.map(([unit, what, service, session]) => make("tr", {},
        make("th", { scope: "row" }, own(what), make("small", {}, own(unit))), make("td", {}, own(service)), make("td", {}, own(session)))))))));
}

function factsPart(host) {
  const known = data.fact_names.map((name) => [name, factText(host, name)]).filter(([, value]) => value);
  return known.length ? part("Host", make("dl", { class: "facts" },
    ...known.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, own(value))]))) : null;
}
