// What the networks say, class by class, and how large they are.

import { html, keyed, text } from "../core/dom.js";
import { grouped } from "../core/format.js";
import { isAnswer, percent, refusalName, saidName } from "./describe.js";
import { CLASSES } from "./state.js";

const classes = Array.from({ length: CLASSES }, (_, k) => k);
const ROOM = 60; // for a share in words, in pixels
const colourOf = (/** @type {number} */ i) => `var(--network-${i})`;

/** A column of bars for each network, a row for each class. */
export function createScores() {
  const names = classes.map((k) => html("span", { class: "class" }, String(k)));
  const columns = html("div", { class: "columns" });
  const element = html(
    "div",
    { class: "scores" },
    html("p", { class: "heading" }, "What the networks say"),
    html("div", { class: "board" }, html("div", { class: "names", "aria-hidden": "true" }, html("span", { class: "name" }), ...names), columns),
  );
  const drawColumns = keyed(columns, (key) => {
    const bars = classes.map(() => html("span", { class: "class" }, html("span", { class: "fill" }), html("span", { class: "share" })));
    const rows = html("div", { class: "rows", role: "img" }, ...bars);
    const refused = html("p", { class: "refused", hidden: true });
    const column = html("div", { class: "column" }, html("span", { class: "name" }), rows, refused);
    column.style.setProperty("--own", colourOf(Number(key)));
    return Object.assign(column, { parts: { rows, refused, bars } });
  });

  return {
    element,
    /**
     * @param {import("./state.js").Network[]} networks
     * @param {import("./describe.js").Said[]} said
     * @param {number | null} label the right class, where it is known
     * @param {boolean} hidden
     */
    draw(networks, said, label, hidden) {
      names.forEach((name, k) => name.classList.toggle("label", k === label));
      drawColumns(networks.map((_, i) => String(i))).forEach((column, i) => {
        const { rows, refused, bars } = column.parts;
        const { name } = networks[i];
        const one = said[i];
        const answer = isAnswer(one) ? /** @type {import("./networks.js").Answer} */ (one) : null;
        const refuses = !hidden && !answer;
        text(column.firstChild, name);
        refused.hidden = !refuses;
        rows.hidden = refuses;
        if (refuses) {
          text(refused, `Cannot run: its head ${refusalName(/** @type {import("./networks.js").Refusal} */ (one))}.`);
          return;
        }
        rows.setAttribute("aria-label", hidden ? `${name}: hidden until you commit` : `${name} ${saidName(one)}`);
        bars.forEach((/** @type {any} */ bar, /** @type {number} */ k) => {
          const share = hidden || !answer ? 0 : answer.shares[k];
          const winner = !hidden && answer?.winner === k;
          bar.classList.toggle("winner", winner);
          bar.firstChild.style.width = `calc(${share.toFixed(3)} * (100% - ${ROOM}px))`;
          text(bar.lastChild, hidden ? "?" : share < 0.005 && !winner ? "" : `${percent(share)}${winner ? " ◀" : ""}`);
        });
      });
    },
  };
}

/** The parameters of each network as a bar, those of the head apart from the others. */
export function createSizes() {
  const lines = html("div", { class: "lines" });
  const element = html("div", { class: "sizes" }, html("p", { class: "heading" }, "Parameters: convolutions, and the linear layers of the head"), lines);
  const drawLines = keyed(lines, (key) => {
    const line = html("div", { class: "line" }, html("span", { class: "name" }),
      html("span", { class: "track", "aria-hidden": "true" }, html("span", { class: "trunk" }), html("span", { class: "head" })), html("span"));
    line.style.setProperty("--own", colourOf(Number(key)));
    return line;
  });
  return {
    element,
    /** @param {import("./state.js").Network[]} networks */
    draw(networks) {
      const most = Math.max(1, ...networks.map(({ parameters }) => parameters));
      drawLines(networks.map((_, i) => String(i))).forEach((line, i) => {
        const { name, parameters, head } = networks[i];
        const [trunk, behind] = line.children[1].children;
        text(line.children[0], name);
        trunk.style.width = `${(100 * (parameters - head)) / most}%`;
        behind.style.width = `${(100 * head) / most}%`;
        text(line.children[2], `${grouped(parameters - head)} + ${grouped(head)} in the head`);
      });
    },
  };
}
