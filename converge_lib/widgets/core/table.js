// A table of a few numbers, a row for each line of a chart.

import { html, keyed, text } from "./dom.js";
import { swatch } from "./swatch.js";

/**
 * @typedef {object} Row
 * @property {string} key
 * @property {import("./palette.js").Look} look
 * @property {({text: string, bad?: boolean})[]} cells
 */

/** @param {string} caption for a screen reader @param {string[]} columns after the first */
export function table(caption, columns) {
  const heads = columns.map((name) => html("th", { scope: "col" }, name));
  const body = html("tbody");
  const element = html(
    "div",
    { class: "table", role: "region", "aria-label": caption, tabIndex: 0 },
    html("table", {}, html("thead", {}, html("tr", {}, html("td"), ...heads)), body),
  );
  /** @type {Record<string, Row>} */ let now = {};
  const rows = keyed(body, (key) =>
    html("tr", {}, html("th", { scope: "row" }, html("span", {}, swatch(now[key].look), now[key].look.label)), ...columns.map(() => html("td"))),
  );
  return {
    element,
    /** @param {Row[]} wanted @param {string[]} [names] of the columns, where they change */
    draw(wanted, names = columns) {
      now = Object.fromEntries(wanted.map((row) => [row.key, row]));
      heads.forEach((head, i) => text(head, names[i]));
      rows(wanted.map(({ key }) => key)).forEach((element, i) => {
        if (body.children[i] !== element) body.insertBefore(element, body.children[i]);
        wanted[i].cells.forEach(({ text: content, bad = false }, j) => {
          const cell = element.children[j + 1];
          text(cell, content);
          cell.className = bad ? "bad" : "";
        });
      });
    },
  };
}
