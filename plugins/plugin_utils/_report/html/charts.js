/*
Copyright (c) 2026 aarch64.validator contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
What is drawn of the whole fleet: share of verdicts, causes, what changed, and address space.
*/

/** Findings that hosts have, by id: on how many hosts, how bad at worst. Worst first. */
const byCause = (() => {
  const causes = new Map();
  data.hosts.forEach((host) => {
    for (const id of new Set(findingsOf(host).map((item) => item.id))) {
      if (!causes.has(id)) causes.set(id, { id, hosts: 0, severity: INFO, explains: data.rules[id].explains, title: data.rules[id].title });
      causes.get(id).hosts += 1;
    }
    for (const item of findingsOf(host)) {
      const cause = causes.get(item.id);
      cause.severity = Math.min(cause.severity, item.severity);
    }
  });
  return [...causes.values()].sort((left, right) => right.explains - left.explains || left.severity - right.severity || right.hosts - left.hosts);
})();

function drawShare() {
  const counts = data.verdicts.map((verdict, number) => [verdict, data.hosts.filter((host) => host.verdict === number).length]);
  for (const [verdict, count] of counts) {
    if (!count) continue;
    const part = make("span", { class: `v-${verdict}` });
    part.style.flexGrow = count;
    byId("share").append(part);
  }
}

function drawCauses() {
  const kinds = [
    ["Refuses memory pools", byCause.filter((cause) => cause.explains)],
    ["Needed for a healthy validator, never the cause of a refused memory pool", byCause.filter((cause) => !cause.explains)],
  ];
  const most = Math.max(1, ...byCause.map((cause) => cause.hosts));
  byId("causes").replaceChildren(...kinds.map(([title, causes]) => make("div", { class: "kind" },
    make("h3", {}, title),
    causes.length ? make("ul", { class: "causes" }, ...causes.map((cause) => causeRow(cause, most)))
      : make("p", { class: "note" }, "None on any host that was judged."))));
}

function causeRow(cause, most) {
  const severity = data.severities[cause.severity];
  const bar = make("span", { class: `fill s-${severity}` });
  bar.style.width = `${Math.max(0.6, (100 * cause.hosts) / most)}%`;
  return make("li", {}, make("button", {
    type: "button", class: "cause", "aria-pressed": "false", "data-finding": cause.id, title: cause.title,
    "aria-label": `${cause.id}: ${plural(cause.hosts, "host")}, ${SEVERITY_LABELS[severity]}. Show these hosts only`,
    on: { click: () => change({ finding: state.finding === cause.id ? "" : cause.id }) },
  }, mark(severity), make("span", { class: "name" }, cause.id), make("span", { class: "number" }, cause.hosts.toLocaleString("en")),
  make("span", { class: "track" }, bar)));
}

function drawSince() {
  const place = byId("since");
  const drift = data.drift;
  if (!drift) {
    place.append(make("p", { class: "note" }, "This run was given no earlier report, so nothing is compared. Give one with ",
      make("code", {}, "-e memory_pool_baseline=FILE"), "."));
    return;
  }
  const where = (test) => data.hosts.flatMap((host, index) => (host.drift && test(host, host.drift) ? [index] : []));
  const unknown = [null, ...["failed", "unreachable"].map((verdict) => data.verdicts.indexOf(verdict))];
  const groups = [
    [where((host, told) => told.worse && !host.failure), "with something new or worse"],
    [where((host, told) => host.judged && !unknown.includes(told.was) && host.verdict > told.was), "with a better verdict"],
    [where((host, told) => host.failure !== undefined && !unknown.includes(told.was)), "that could be judged then, not now"],
  ];
  const aside = make("div", { class: "aside" });
  aside.append(make("p", {}, `${drift.text[0].toUpperCase()}${drift.text.slice(1)}.`));
  if (drift.findings.length) {
    place.append(make("div", { class: "scroll-x" }, make("table", { class: "small" },
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Finding"),
        ...["New", "Gone", "Worse"].map((word) => make("th", { scope: "col", class: "number" }, word)))),
      make("tbody", {}, ...drift.findings.map(([id, ...counts]) => make("tr", {}, make("th", { scope: "row" }, id),
        ...counts.map((count, column) => make("td", { class: `number ${count ? ["new", "gone", "worse"][column] : "zero"}` },
          count ? `${["+", "\u2212", "\u2191"][column]}${count.toLocaleString("en")}` : "0"))))))));
  }
  const buttons = groups.filter(([hosts]) => hosts.length).map(([hosts, words]) => make("button", {
    type: "button", class: "quiet", on: { click: () => chooseOnly(hosts, `${plural(hosts.length, "host")} ${words}`) },
  }, `${plural(hosts.length, "host")} ${words}`));
  if (buttons.length) aside.append(make("div", { class: "buttons" }, ...buttons));
  if (drift.hosts_gone_count > 5) {
    const rest = drift.hosts_gone_count - drift.hosts_gone.length;
    aside.append(make("p", { class: "note" }, "Gone: ", own(drift.hosts_gone.join(", ")), rest ? ` and ${rest} more` : ""));
  }
  place.append(aside);
}

// Address space: each host at what its service with least room needs and what there is.
const GIB = 2 ** 30;
const SPACE = { left: 78, right: 14, top: 12, bottom: 44, none: 30 };
let spots = [];

function spacePoints() {
  const points = [];
  const left = { unknown: 0, none: 0 };
  for (const index of state.shown) {
    const room = roomOf(data.hosts[index]);
    if (!room || !room.pool.engine) left.unknown += 1;
    else if (!room.needed) left.none += 1;
    else points.push({ index, enough: room.enough, needed: room.needed * room.pool.engine, available: room.fit * room.pool.engine });
  }
  return [points, left];
}

/** A scale of powers of two, in pixels, with at most six ticks. */
function powers(least, most, from, to) {
  const low = Math.floor(Math.log2(least) - 0.6);
  const span = Math.ceil(Math.log2(most) + 0.6) - low;
  const step = Math.ceil(span / 5);
  const count = Math.ceil(span / step);
  const high = low + step * count;
  const at = (value) => from + ((Math.log2(value) - low) / (high - low)) * (to - from);
  return { at, low: 2 ** low, high: 2 ** high, ticks: Array.from({ length: count + 1 }, (_unused, tick) => 2 ** (low + tick * step)) };
}

const tickText = (gib) => (gib >= 1024 ? `${(gib / 1024).toLocaleString("en")} TiB` : gib >= 1 ? `${gib} GiB` : `${gib * 1024} MiB`);

function drawSpace() {
  const [points, left] = spacePoints();
  const place = byId("space");
  const width = Math.max(260, place.clientWidth);
  const height = Math.min(400, Math.max(270, width * 0.66));
  spaceNote(points, left);
  if (!points.length) {
    place.replaceChildren(make("p", { class: "nothing" }, "Of the hosts shown, none has a node that maps pools and could be measured."));
    spots = [];
    return;
  }
  const bottom = height - SPACE.bottom;
  const refused = points.some((point) => !point.available);
  const floor = refused ? bottom - SPACE.none : bottom;
  const needs = points.map((point) => point.needed / GIB);
  const haves = points.filter((point) => point.available).map((point) => point.available / GIB);
  const x = powers(smallest(needs), largest(needs), SPACE.left, width - SPACE.right);
  const y = powers(Math.min(smallest(haves), smallest(needs)), Math.max(largest(haves), largest(needs)), floor, SPACE.top);
  spots = spotsOf(points, x, y, floor + SPACE.none / 2 + 2);
  const svg = draw("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Address space available against needed. Arrow keys walk through the marks, Enter shows their hosts." });
  svg.append(...spaceFrame(x, y, { width, bottom, floor, refused }), ...spots.map((spot, number) => spotMark(spot, number)));
  place.replaceChildren(svg);
}

const smallest = (values) => values.reduce((least, value) => Math.min(least, value), Infinity);
const largest = (values) => values.reduce((most, value) => Math.max(most, value), 0);

function spaceNote(points, left) {
  const short = points.filter((point) => !point.enough).length;
  const parts = [points.length ? `${short ? plural(short, "host") : "No host"} of ${points.length.toLocaleString("en")} ${short > 1 ? "have less than their nodes need" : "has less than its node needs"} at the worst moment, a runtime upgrade.` : ""];
  if (left.none) parts.push(`${plural(left.none, "host")} with a node that maps no pools ${left.none === 1 ? "needs" : "need"} none.`);
  if (left.unknown) parts.push(`Of ${plural(left.unknown, "host")} it is not known.`);
  byId("space-note").textContent = parts.filter(Boolean).join(" ");
}

/** Frame, ticks, and the region where a node has too little. */
function spaceFrame(x, y, { width, bottom, floor, refused }) {
  const right = width - SPACE.right;
  const corner = (value) => `${x.at(value)},${y.at(Math.min(Math.max(value, y.low), y.high))}`;
  const line = [];
  for (let step = 0; step <= 24; step += 1) line.push(x.low * (x.high / x.low) ** (step / 24));
  const parts = [
    draw("polygon", { class: "short", points: [...line.map(corner), `${right},${bottom}`, `${SPACE.left},${bottom}`].join(" ") }),
    draw("polyline", { class: "equal", points: line.map(corner).join(" ") }),
  ];
  for (const tick of y.ticks) {
    parts.push(draw("line", { class: "tick", x1: SPACE.left, x2: right, y1: y.at(tick), y2: y.at(tick) }),
      draw("text", { x: SPACE.left - 8, y: y.at(tick) + 4, "text-anchor": "end" }, tickText(tick)));
  }
  for (const tick of x.ticks) {
    parts.push(draw("line", { class: "tick", x1: x.at(tick), x2: x.at(tick), y1: SPACE.top, y2: bottom }),
      draw("text", { x: x.at(tick), y: bottom + 17, "text-anchor": "middle" }, tickText(tick)));
  }
  if (refused) parts.push(draw("text", { x: SPACE.left - 8, y: floor + SPACE.none / 2 + 6, "text-anchor": "end" }, "none"));
  parts.push(draw("text", { x: (SPACE.left + right) / 2, y: bottom + 36, "text-anchor": "middle", class: "axis" }, "needed"),
    draw("text", { x: 12, y: (SPACE.top + bottom) / 2, "text-anchor": "middle", class: "axis", transform: `rotate(-90 12 ${(SPACE.top + bottom) / 2})` }, "available"));
  return parts;
}

/** Hosts that lie close together become one mark, in their middle, so that no mark hides another. */
function spotsOf(points, x, y, noneAt) {
  const grid = new Map();
  for (const point of points) {
    const place = { x: x.at(point.needed / GIB), y: point.available ? y.at(point.available / GIB) : noneAt };
    const key = `${Math.round(place.x / 30)} ${point.available ? Math.round(place.y / 24) : "none"} ${point.enough}`;
    if (!grid.has(key)) grid.set(key, { x: 0, y: 0, enough: point.enough, needed: [Infinity, 0], available: [Infinity, 0], hosts: [] });
    const spot = grid.get(key);
    spot.x += place.x;
    spot.y += place.y;
    for (const name of ["needed", "available"]) spot[name] = [Math.min(spot[name][0], point[name]), Math.max(spot[name][1], point[name])];
    spot.hosts.push(point.index);
  }
  const spots = [...grid.values()];
  const most = Math.max(...spots.map((spot) => spot.hosts.length));
  return spots.map((spot) => ({
    ...spot, x: spot.x / spot.hosts.length, y: spot.y / spot.hosts.length, size: 5 + 8 * Math.sqrt((spot.hosts.length - 1) / Math.max(1, most - 1)),
  })).sort((left, right) => right.size - left.size);
}

const rangeText = ([least, most]) => (least === most ? sizeText(least) : `${sizeText(least)} to ${sizeText(most)}`);

function spotMark(spot, number) {
  const { x, y, size } = spot;
  const shape = spot.enough ? draw("circle", { cx: x, cy: y, r: size })
    : draw("polygon", { points: `${x},${y - size * 1.2} ${x + size * 1.2},${y} ${x},${y + size * 1.2} ${x - size * 1.2},${y}` });
  const names = spot.hosts.slice(0, 3).map((index) => data.hosts[index].name).join(", ");
  const lines = [
    `${names}${spot.hosts.length > 3 ? ` and ${(spot.hosts.length - 3).toLocaleString("en")} more` : ""}`,
    `needs ${rangeText(spot.needed)}, there is room for ${spot.available[1] ? rangeText(spot.available) : "none"}`,
    spot.enough ? "enough" : "too little",
  ];
  const group = draw("g", {
    class: `spot ${spot.enough ? "enough" : "lacking"}`, role: "button", tabindex: number ? -1 : 0, "aria-label": lines.join("; "),
    on: {
      mouseenter: () => showTip(group, lines), mouseleave: hideTip,
      focus: () => showTip(group, lines), blur: hideTip,
      click: () => openSpot(spot),
      keydown: (event) => walkSpots(event, number),
    },
  }, shape, draw("text", { x: x + size * (spot.enough ? 1 : 1.2) + 5, y: y + 4 }, spot.hosts.length.toLocaleString("en")));
  return group;
}

function openSpot(spot) {
  hideTip();
  if (spot.hosts.length === 1) openDetail(spot.hosts[0]);
  else chooseOnly(spot.hosts, `${plural(spot.hosts.length, "host")} of the plot`);
}

function walkSpots(event, number) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (step) {
    const marks = [...byId("space").querySelectorAll(".spot")];
    const next = (number + step + marks.length) % marks.length;
    marks[number].setAttribute("tabindex", -1);
    marks[next].setAttribute("tabindex", 0);
    marks[next].focus();
  } else if (event.key === "Enter" || event.key === " ") openSpot(spots[number]);
  else return;
  event.preventDefault();
}
