/*
Copyright (c) 2026 aarch64.validator contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
Parts that every view is made of. Text comes into the page by text nodes only, never as markup.
*/
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function filled(node, options, children) {
  for (const [name, value] of Object.entries(options)) {
    if (name === "on") for (const [event, handler] of Object.entries(value)) node.addEventListener(event, handler);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

/** An element with attributes, listeners under `on`, and children; texts become text nodes. */
const make = (tag, options = {}, ...children) => filled(document.createElement(tag), options, children);
const draw = (tag, options = {}, ...children) => filled(document.createElementNS(SVG, tag), options, children);
/** Text of a host, whose own direction must not turn the words around it. */
const own = (text) => make("bdi", {}, text);

const badge = (verdict) => make("span", { class: `badge v-${verdict}` }, make("i", { "aria-hidden": "true" }), make("span", {}, VERDICT_LABELS[verdict]));
const mark = (severity) => make("span", { class: `mark s-${severity}`, title: SEVERITY_LABELS[severity] }, letterOf(severity));
const letterOf = (severity) => (severity === "info" ? "i" : severity[0].toUpperCase());

function say(text) {
  byId("said").textContent = text;
}

/** One frame later, once, however often it was asked for. */
function framed(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; work(); });
  };
}

/**
 * Rows of a long list, of which only those in sight exist. `lead` and `tail` take the place of the others.
 * Rows are kept and filled anew while one scrolls.
 */
class Window {
  constructor({ scroller, body, lead, tail, makeRow, fillRow, headHeight }) {
    Object.assign(this, { scroller, body, lead, tail, makeRow, fillRow, headHeight });
    this.rows = [];
    this.count = 0;
    this.first = 0;
    this.scroller.addEventListener("scroll", framed(() => this.render()), { passive: true });
    this.measure();
  }

  measure() {
    this.height = parseFloat(getComputedStyle(this.scroller).getPropertyValue("--row")) || 36;
  }

  /** Show so many rows; all of them are filled anew. */
  reset(count) {
    this.count = count;
    this.render(true);
  }

  render(all = false) {
    const spare = 6;
    const seen = Math.ceil(this.scroller.clientHeight / this.height) + 2 * spare;
    const wanted = Math.min(this.count, seen);
    const top = Math.floor(this.scroller.scrollTop / this.height) - spare;
    const first = Math.max(0, Math.min(top, this.count - wanted));
    if (!all && first === this.first && wanted === this.rows.length) return;
    while (this.rows.length > wanted) this.rows.pop().remove();
    while (this.rows.length < wanted) {
      const row = this.makeRow(this.rows.length);
      this.body.insertBefore(row, this.tail);
      this.rows.push(row);
    }
    this.turn(first - this.first);
    this.first = first;
    this.lead.style.height = `${first * this.height}px`;
    this.tail.style.height = `${(this.count - first - wanted) * this.height}px`;
    this.rows.forEach((row, place) => this.fillRow(row, first + place));
  }

  /** Take rows that went out of sight on one side to the other, so that those in between stay as they are. */
  turn(steps) {
    if (Math.abs(steps) >= this.rows.length) return;
    for (let step = 0; step < steps; step += 1) {
      this.rows.push(this.rows.shift());
      this.body.insertBefore(this.rows.at(-1), this.tail);
    }
    for (let step = 0; step > steps; step -= 1) {
      this.rows.unshift(this.rows.pop());
      this.body.insertBefore(this.rows[0], this.rows[1] || this.tail);
    }
  }

  /** The row of an index, where it is in sight. */
  rowAt(index) {
    return this.rows[index - this.first];
  }

  /** Bring a row into sight. */
  reveal(index) {
    const head = this.headHeight();
    const top = index * this.height;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + this.height + head > scrollTop + clientHeight) this.scroller.scrollTop = top + this.height + head - clientHeight;
    this.render(true);
  }

  page() {
    return Math.max(1, Math.floor((this.scroller.clientHeight - this.headHeight()) / this.height) - 1);
  }
}

// What is said beside the pointer or beside what has the focus.
let tipOf = null;

function showTip(element, lines) {
  tipOf = element;
  byId("tip").replaceChildren(...lines.filter(Boolean).map((line, place) => make(place ? "div" : "b", {}, own(line))));
  byId("tip").hidden = false;
  placeTip();
}

function placeTip() {
  const tip = byId("tip");
  const box = tipOf.getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.max(8, Math.min(box.left + box.width / 2 - width / 2, innerWidth - width - 8));
  const above = box.top - height - 8;
  tip.style.left = `${left}px`;
  tip.style.top = `${above >= 8 ? above : Math.min(box.bottom + 8, innerHeight - height - 8)}px`;
}

function hideTip() {
  tipOf = null;
  byId("tip").hidden = true;
}

/** When things move, a tip stays with what has the focus, and goes where it belonged to the pointer. */
function moveTip() {
  if (!tipOf) return;
  const focused = document.activeElement;
  if (tipOf === focused || (focused.id === "heat" && tipOf.classList.contains("here"))) placeTip();
  else hideTip();
}

async function copy(text, button) {
  let done = false;
  try {
    await navigator.clipboard.writeText(text);
    done = true;
  } catch {
    const area = make("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    (document.querySelector("dialog[open]") || document.body).append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  const label = button.dataset.label || (button.dataset.label = button.textContent);
  button.textContent = done ? "Copied" : "Select and copy";
  say(done ? "Copied" : "This browser does not let the page copy; select the text");
  setTimeout(() => { button.textContent = label; }, 1600);
}
