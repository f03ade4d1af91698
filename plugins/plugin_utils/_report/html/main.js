/*
Copyright (c) 2026 aarch64.validator contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
Filters, theme, and the start of it all.
*/

/** Change what is shown, and show it. */
function change(wanted) {
  Object.assign(state, wanted);
  hideTip();
  choose();
  drawFilters();
  drawTable();
  byId("heat-scroll").scrollTop = 0;
  drawHeat();
  drawSpaceSoon();
}

/** Show these hosts alone, and bring the table into sight. */
function chooseOnly(hosts, label) {
  change({ only: new Set(hosts), onlyLabel: label });
  byId("toolbar").scrollIntoView({ block: "start" });
  say(`${label} shown`);
}

const drawSpaceSoon = framed(drawSpace);

function startFilters() {
  let typed;
  byId("words").addEventListener("input", (event) => {
    clearTimeout(typed);
    typed = setTimeout(() => change({ words: event.target.value }), 60);
  });
  byId("finding").append(make("option", { value: "" }, "any"), ...byCause.map((cause) => make("option", { value: cause.id }, `${cause.id} (${cause.hosts.toLocaleString("en")})`)));
  byId("finding").addEventListener("change", (event) => change({ finding: event.target.value }));
  byId("chips").append(...data.verdicts.map((verdict, number) => {
    const count = data.hosts.filter((host) => host.verdict === number).length;
    return make("button", {
      type: "button", class: `chip v-${verdict}`, "aria-pressed": "false", "data-verdict": verdict, disabled: !count,
      on: { click: () => toggleVerdict(verdict) },
    }, make("i", { "aria-hidden": "true" }), `${VERDICT_LABELS[verdict]} `, make("span", { class: "number" }, count.toLocaleString("en")));
  }));
  byId("only").addEventListener("click", () => { change({ only: null }); byId("words").focus(); });
  byId("clear").addEventListener("click", () => {
    byId("words").value = "";
    change({ words: "", finding: "", only: null, verdicts: new Set() });
    byId("words").focus();
  });
}

function toggleVerdict(verdict) {
  const verdicts = new Set(state.verdicts);
  if (!verdicts.delete(verdict)) verdicts.add(verdict);
  change({ verdicts });
}

function drawFilters() {
  const all = data.hosts.length;
  byId("count").textContent = state.shown.length === all ? plural(all, "host") : `${state.shown.length.toLocaleString("en")} of ${plural(all, "host")}`;
  byId("clear").hidden = !(state.words || state.finding || state.only || state.verdicts.size);
  byId("only").hidden = !state.only;
  byId("only").textContent = `${state.onlyLabel} \u2715`;
  byId("finding").value = state.finding;
  for (const chip of byId("chips").children) chip.setAttribute("aria-pressed", state.verdicts.has(chip.dataset.verdict));
  for (const cause of document.querySelectorAll(".cause")) cause.setAttribute("aria-pressed", cause.dataset.finding === state.finding);
}

const darkness = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme || (darkness.matches ? "dark" : "light")) === "dark";

function startTheme() {
  try {
    const kept = localStorage.getItem("aarch64-validator-theme");
    if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
  } catch { /* a browser that keeps nothing follows the system */ }
  const button = byId("theme");
  const label = () => { button.textContent = isDark() ? "Light theme" : "Dark theme"; };
  button.hidden = false;
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("aarch64-validator-theme", document.documentElement.dataset.theme);
    } catch { /* then it is for this time */ }
    label();
  });
  darkness.addEventListener("change", label);
  label();
}

function openNamed() {
  const match = /^#host=(.+)$/.exec(location.hash);
  if (!match) return;
  let name = "";
  try {
    name = decodeURIComponent(match[1]);
  } catch { /* then there is no such host */ }
  const index = data.hosts.findIndex((host) => host.name === name);
  if (index >= 0 && index !== detail.index) openDetail(index);
}

function start() {
  byId("live").hidden = false;
  startTheme();
  drawShare();
  drawCauses();
  drawSince();
  startFilters();
  startTable();
  startHeat();
  startDetail();
  byId("space-legend").append(
    make("span", {}, make("i", { class: "diamond", "aria-hidden": "true" }), " below the line: too little, a pool is refused"),
    make("span", {}, make("i", { class: "circle", "aria-hidden": "true" }), " enough"),
    make("span", {}, "A number counts hosts at about one place; each step is a power of two."));
  change({});
  addEventListener("resize", framed(() => {
    table.list.measure();
    heat.list.measure();
    table.list.render(true);
    heat.list.render(true);
    drawSpace();
  }));
  addEventListener("scroll", moveTip, { passive: true });
  byId("heat-scroll").addEventListener("scroll", moveTip, { passive: true });
  addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName) && !byId("detail").open) {
      event.preventDefault();
      byId("words").focus();
    }
  });
  addEventListener("hashchange", openNamed);
  byId("plain").hidden = true;
  openNamed();
}

start();
