/*
Copyright (c) 2026 aarch64.validator contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later
Texts in sight whose contrast is too low (WCAG 2.1, 1.4.3: 4.5, or 3 for large ones), from the computed styles.
A background that has a picture counts as each colour in it.
*/
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const seen = new Map();
  const colour = (text) => {
    if (!seen.has(text)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = text;
      canvas.fillRect(0, 0, 1, 1);
      const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
      seen.set(text, [red, green, blue, alpha / 255]);
    }
    return seen.get(text);
  };
  const over = (top, under) => [0, 1, 2].map((part) => top[part] * top[3] + under[part] * (1 - top[3]));
  const luminance = (parts) => parts.slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const ratio = (left, right) => {
    const [low, high] = [luminance(left), luminance(right)].sort((one, other) => one - other);
    return (high + 0.05) / (low + 0.05);
  };
  const grounds = (element) => {
    if (!element) return [[255, 255, 255]];
    const style = getComputedStyle(element);
    const own = colour(style.backgroundColor);
    const drawn = [...style.backgroundImage.matchAll(/(?:rgba?|color|oklch|lab)\([^()]*\)/g)].map(([text]) => colour(text));
    if (drawn.length) return drawn.flatMap((one) => grounds(element.parentElement).map((under) => over(one, under)));
    if (own[3] === 1) return [own];
    return grounds(element.parentElement).map((under) => over(own, under));
  };
  const behindSvg = (element) => [...grounds(element.closest(".card")), colour(getComputedStyle(document.querySelector("#space .short")).fill)];
  const low = [];
  let count = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("script, .unseen, option")) continue;
    const style = getComputedStyle(element);
    const svg = element instanceof SVGElement;
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ink = colour(svg ? style.fill : style.color);
    count += 1;
    for (const ground of svg ? behindSvg(element) : grounds(element)) {
      const found = ratio(over(ink, ground), ground);
      if (found < (large ? 3 : 4.5)) low.push(`${walker.currentNode.data.trim().slice(0, 40)} (${element.className.baseVal ?? element.className}): ${found.toFixed(2)}`);
    }
  }
  return { count, low: [...new Set(low)] };
}
