/*
Copyright (c) 2026 aarch64.validator contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
The table of hosts.
*/
// Column, title, and whether its first direction puts the largest value on top.
const COLUMNS = [
  ["verdict", "Verdict", false], ["host", "Host", false], ["cause", "First cause", false], ["findings", "Findings", true],
  ["room", "Room for engines", false], ["space", "Address space, kernel", false],
  ...(data.drift ? [["since", "Since then", true]] : []),
];
const table = { row: 0, list: null };

function startTable() {
  byId("head").append(...COLUMNS.map(([name, title]) => make("th", { scope: "col", class: `c-${name}`, "data-column": name, "aria-sort": "none" },
    make("button", { type: "button", on: { click: () => sortBy(name) } }, title, make("i", { class: "arrow", "aria-hidden": "true" })))));
  byId("sort-by").append(...COLUMNS.flatMap(([name, title]) => [
    make("option", { value: name }, title), make("option", { value: `-${name}` }, `${title}, reversed`)]));
  byId("sort-by").addEventListener("change", (event) => {
    const { value } = event.target;
    change({ sort: value.replace(/^-/, ""), down: value.startsWith("-") });
  });
  const spacer = () => make("tr", { role: "presentation", class: "spacer" });
  const lead = spacer();
  const tail = spacer();
  byId("rows").append(lead, tail);
  const grid = byId("table");
  grid.setAttribute("aria-colcount", COLUMNS.length);
  table.list = new Window({
    scroller: byId("table-scroll"), body: byId("rows"), lead, tail, makeRow: makeTableRow, fillRow: fillTableRow,
    headHeight: () => byId("head").offsetHeight,
  });
  grid.addEventListener("keydown", walkTable);
  grid.addEventListener("focus", () => { if (!byId("rows").querySelector(".here")) pointTable(false); });
  byId("rows").addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-index]");
    if (!row) return;
    table.row = Number(row.dataset.index);
    pointTable(false);
    grid.focus({ preventScroll: true });
    openDetail(state.shown[table.row]);
  });
  byId("copy-names").addEventListener("click", (event) => copy(state.shown.map((index) => data.hosts[index].name).join("\n"), event.target));
}

function sortBy(name) {
  change({ sort: name, down: state.sort === name && !state.down });
}

function drawTable() {
  for (const head of byId("head").children) {
    const [name, , inverted] = COLUMNS.find(([column]) => column === head.dataset.column);
    head.setAttribute("aria-sort", name !== state.sort ? "none" : state.down !== inverted ? "descending" : "ascending");
  }
  byId("sort-by").value = (state.down ? "-" : "") + state.sort;
  byId("table").setAttribute("aria-rowcount", state.shown.length + 1);
  byId("table").removeAttribute("aria-activedescendant");
  byId("nothing").hidden = state.shown.length > 0;
  byId("copy-names").disabled = !state.shown.length;
  table.row = 0;
  byId("table-scroll").scrollTop = 0;
  table.list.reset(state.shown.length);
}

function makeTableRow(place) {
  return make("tr", { id: `row-${place}` }, ...COLUMNS.map(([name]) => make("td", { class: `c-${name}` })));
}

function fillTableRow(row, index) {
  const host = data.hosts[state.shown[index]];
  row.dataset.index = index;
  row.setAttribute("aria-rowindex", index + 2);
  row.classList.toggle("here", index === table.row && byId("table").hasAttribute("aria-activedescendant"));
  if (row.host === host) return;  // what is pressed must not be replaced before it is let go
  row.host = host;
  COLUMNS.forEach(([name], column) => row.children[column].replaceChildren(...CELLS[name](host)));
}

const CELLS = {
  verdict: (host) => [badge(verdictOf(host))],
  host: (host) => [make("bdi", { class: "host-name" }, host.name), make("span", { class: "under" }, own(underText(host)))],
  cause: (host) => {
    const item = tellingOf(host)[0];
    return [make("bdi", { class: host.failure === undefined ? "" : "why" }, firstCause(host) || "\u2013"),
      item && item.explains ? make("span", { class: "truth" }, "refuses memory pools") : ""];
  },
  findings: (host) => {
    if (!host.judged) return [make("span", { class: "dim" }, "not judged")];
    const counts = data.severities.map((severity, number) => [severity, tellingOf(host).filter((item) => item.severity === number).length]);
    const marks = counts.filter(([, count]) => count).map(([severity, count]) => make("span", { class: "count" }, mark(severity), `${count}`));
    return marks.length ? marks : [make("span", { class: "dim" }, "none")];
  },
  room: (host) => {
    const room = roomOf(host);
    if (!room) return [make("span", { class: "dim" }, "not known")];
    if (!room.needed) return ["needs none"];
    const bar = make("i", { class: "level", "aria-hidden": "true" }, make("i", {}));
    bar.firstChild.style.width = `${Math.min(100, (100 * room.fit) / room.needed)}%`;
    return [make("span", { class: `room ${room.enough ? "enough" : "lacking"}` }, bar, `${room.fit.toLocaleString("en")} / ${room.needed}`,
      room.enough ? "" : make("b", {}, " too few"))];
  },
  space: (host) => {
    const wide = factText(host, "address space bits");
    return [wide ? `${wide} bits` : make("span", { class: "dim" }, "not known"), make("span", { class: "small-line" }, own(factText(host, "kernel")))];
  },
  since: (host) => sinceCell(host),
};

/** Where there is room for two columns only: the verdict in words, and why. */
function underText(host) {
  const label = VERDICT_LABELS[verdictOf(host)];
  const cause = firstCause(host) || "nothing to do";
  return cause.toLowerCase().startsWith(label.toLowerCase()) ? cause : `${label}: ${cause}`;
}

function sinceCell(host) {
  const { drift } = host;
  if (!drift) return [make("span", { class: "dim" }, host.judged ? "same" : "\u2013")];
  if (drift.first) return ["new host"];
  const [fresh, gone, worse] = drift.counts;
  const parts = [fresh && ["new", `+${fresh} new`], worse && ["worse", `${worse} worse`], gone && ["gone", `\u2212${gone} gone`]].filter(Boolean);
  if (parts.length) return parts.map(([kind, words]) => make("span", { class: `moved ${kind}` }, words));
  return [drift.was !== null && drift.was !== host.verdict ? `was ${VERDICT_LABELS[data.verdicts[drift.was]].toLowerCase()}` : "values differ"];
}

/** Mark the row the keyboard is at. */
function pointTable(reveal = true) {
  if (!state.shown.length) return;
  byId("table").setAttribute("aria-activedescendant", "");
  if (reveal) table.list.reveal(table.row);
  else table.list.render(true);
  const row = table.list.rowAt(table.row);
  if (row) byId("table").setAttribute("aria-activedescendant", row.id);
}

function walkTable(event) {
  if (event.target !== byId("table")) return;
  const last = state.shown.length - 1;
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: table.list.page(), PageUp: -table.list.page(), Home: -last, End: last };
  if (event.key in steps) {
    table.row = Math.max(0, Math.min(last, table.row + steps[event.key]));
    pointTable();
  } else if (event.key === "Enter" && last >= 0) openDetail(state.shown[table.row]);
  else return;
  event.preventDefault();
}
