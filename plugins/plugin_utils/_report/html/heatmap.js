/*
Copyright (c) 2026 aarch64.validator contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
Hosts against findings. A cell has a letter as well as a colour; a host that was not judged has marks of its own, never blanks.
*/
const MANY = 200;  // hosts, from which on those that are alike begin as one row
const heat = { lines: [], row: 0, column: 0, list: null, grouped: data.hosts.length > MANY };

function startHeat() {
  const grid = byId("heat");
  const lead = make("div", { role: "presentation" });
  const tail = make("div", { role: "presentation" });
  const head = make("div", { class: "heat-head", role: "row", "aria-rowindex": 1 },
    make("div", { class: "heat-name", role: "columnheader" }, make("span", {}, "Host")),
    ...byCause.map((cause) => make("div", { class: `heat-column${cause.explains ? " explains" : ""}`, role: "columnheader" },
      make("span", {}, cause.id))));
  grid.append(head, lead, tail);
  grid.setAttribute("aria-colcount", byCause.length + 1);
  heat.list = new Window({
    scroller: byId("heat-scroll"), body: grid, lead, tail, makeRow: makeHeatRow, fillRow: fillHeatRow,
    headHeight: () => head.offsetHeight,
  });
  grid.addEventListener("keydown", walkHeat);
  grid.addEventListener("focus", () => pointHeat(true));
  grid.addEventListener("blur", () => { hideTip(); grid.querySelector(".here")?.classList.remove("here"); });
  grid.addEventListener("click", clickHeat);
  grid.addEventListener("mouseover", (event) => {
    const cell = event.target.closest(".cell");
    if (cell) showTip(cell, heatLines(Number(cell.parentNode.dataset.index), Number(cell.dataset.column)));
    else hideTip();
  });
  grid.addEventListener("mouseleave", hideTip);
  byId("group").checked = heat.grouped;
  byId("group").addEventListener("change", (event) => { heat.grouped = event.target.checked; byId("heat-scroll").scrollTop = 0; drawHeat(); });
  byId("heat-legend").append(
    ...data.severities.map((severity) => make("span", {}, mark(severity), ` ${SEVERITY_LABELS[severity]}`)),
    make("span", {}, make("span", { class: "mark s-none" }, "\u00b7"), " not found"),
    make("span", {}, make("span", { class: "mark s-unknown" }, "?"), " host not judged"),
    make("span", {}, make("span", { class: "underline" }, "name"), " can refuse memory pools"));
}

/** The rows: each host, or each set of hosts with the same findings. */
function drawHeat() {
  if (heat.grouped) {
    const groups = new Map();
    for (const index of state.shown) {
      const host = data.hosts[index];
      const key = host.judged ? `${host.verdict} ${heatCells(host).join("")}` : `${host.verdict}`;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(index);
    }
    heat.lines = [...groups.values()];
    // Of one verdict the largest group first; what is not known says nothing here and comes last.
    const rank = ([index]) => (data.hosts[index].judged ? data.hosts[index].verdict : data.verdicts.length);
    if (state.sort === "verdict") heat.lines.sort((left, right) => rank(left) - rank(right) || right.length - left.length);
  } else {
    const judged = (index) => state.sort !== "verdict" || data.hosts[index].judged;
    heat.lines = [...state.shown.filter(judged), ...state.shown.filter((index) => !judged(index))].map((index) => [index]);
  }
  heat.row = Math.min(heat.row, Math.max(0, heat.lines.length - 1));
  byId("heat").setAttribute("aria-rowcount", heat.lines.length + 1);
  heat.list.reset(heat.lines.length);
}

/** The worst severity of each finding of one host, null where it has none. */
function heatCells(host) {
  const cells = new Array(byCause.length).fill(null);
  for (const item of findingsOf(host)) {
    const column = causeColumn.get(item.id);
    if (cells[column] === null || item.severity < cells[column]) cells[column] = item.severity;
  }
  return cells;
}

const causeColumn = new Map(byCause.map((cause, column) => [cause.id, column]));

function makeHeatRow(place) {
  return make("div", { class: "heat-row", role: "row" },
    make("div", { class: "heat-name", role: "rowheader", id: `heat-${place}-0` }, make("i", { "aria-hidden": "true" }), make("bdi", {})),
    ...byCause.map((_cause, column) => make("div", { class: "cell", role: "gridcell", "data-column": column, id: `heat-${place}-${column + 1}` })));
}

function fillHeatRow(row, index) {
  const line = heat.lines[index];
  const host = data.hosts[line[0]];
  row.dataset.index = index;
  row.setAttribute("aria-rowindex", index + 2);
  if (row.line === line) return;
  row.line = line;
  row.querySelector(".here")?.classList.remove("here");
  const [name, ...cells] = row.children;
  name.className = `heat-name v-${verdictOf(host)}`;
  name.lastChild.textContent = line.length === 1 ? host.name : `${line.length.toLocaleString("en")} hosts, ${host.name} …`;
  const severities = host.judged ? heatCells(host) : null;
  cells.forEach((cell, column) => {
    const severity = severities ? severities[column] : undefined;
    const kind = severity === undefined ? "unknown" : severity === null ? "none" : data.severities[severity];
    if (cell.kind === kind) return;
    cell.kind = kind;
    cell.className = `cell s-${kind}`;
    cell.textContent = kind === "unknown" ? "?" : kind === "none" ? "\u00b7" : letterOf(kind);
    cell.setAttribute("aria-label", `${byCause[column].id}: ${kind === "unknown" ? "not judged" : kind === "none" ? "not found" : kind}`);
  });
}

function heatLines(row, column) {
  const line = heat.lines[row];
  if (!line) return [];
  const host = data.hosts[line[0]];
  const cause = byCause[column];
  const title = line.length === 1 ? `${host.name} (${VERDICT_LABELS[verdictOf(host)]})` : plural(line.length, "host");
  if (!cause) return [title, firstCause(host)];
  if (!host.judged) return [title, `${cause.id}: not known, the host was not judged`, textAt(host.failure)];
  const found = findingsOf(host).filter((item) => item.id === cause.id);
  if (!found.length) return [title, `${cause.id}: not found`];
  return [title, ...found.map((item) => `${item.id}, ${data.severities[item.severity]}: ${item.summary}`), explainsText(cause)];
}

const explainsText = (cause) => (cause.explains ? "refuses memory pools" : "never the cause of a refused memory pool");

/** Show where the keyboard is. */
function pointHeat(quietly = false) {
  const grid = byId("heat");
  if (!heat.lines.length) return;
  if (!quietly) heat.list.reveal(heat.row);
  else heat.list.render(true);
  if (!heat.list.rowAt(heat.row)) heat.list.reveal(heat.row);
  grid.querySelector(".here")?.classList.remove("here");
  const cell = heat.list.rowAt(heat.row).children[heat.column];
  cell.classList.add("here");
  grid.setAttribute("aria-activedescendant", cell.id);
  const scroller = byId("heat-scroll");
  const names = scroller.querySelector(".heat-head .heat-name").offsetWidth;
  if (heat.column) {
    if (cell.offsetLeft - names < scroller.scrollLeft) scroller.scrollLeft = cell.offsetLeft - names;
    else if (cell.offsetLeft + cell.offsetWidth > scroller.scrollLeft + scroller.clientWidth) scroller.scrollLeft = cell.offsetLeft + cell.offsetWidth - scroller.clientWidth;
  }
  showTip(cell, heatLines(heat.row, heat.column - 1));
}

function walkHeat(event) {
  const last = heat.lines.length - 1;
  const steps = {
    ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1],
    PageDown: [heat.list.page(), 0], PageUp: [-heat.list.page(), 0],
    Home: [event.ctrlKey ? -last : 0, -byCause.length], End: [event.ctrlKey ? last : 0, byCause.length],
  }[event.key];
  if (steps) {
    heat.row = Math.max(0, Math.min(last, heat.row + steps[0]));
    heat.column = Math.max(0, Math.min(byCause.length, heat.column + steps[1]));
    pointHeat();
  } else if (event.key === "Enter") openLine(heat.row);
  else if (event.key === "Escape") hideTip();
  else return;
  event.preventDefault();
}

function clickHeat(event) {
  const row = event.target.closest(".heat-row");
  if (!row) return;
  heat.row = Number(row.dataset.index);
  heat.column = event.target.dataset.column === undefined ? 0 : Number(event.target.dataset.column) + 1;
  openLine(heat.row);
}

function openLine(row) {
  const line = heat.lines[row];
  hideTip();
  if (!line) return;
  if (line.length === 1) openDetail(line[0]);
  else chooseOnly(line, `${plural(line.length, "host")} alike`);
}
