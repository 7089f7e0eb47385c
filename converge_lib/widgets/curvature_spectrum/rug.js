// The eigenvalues as strokes along a logarithmic axis. What the reader may move has a handle.

import { html, keyed, set, svg, text } from "../core/dom.js";
import { compact, power } from "../core/format.js";
import { logarithmic } from "../core/scales.js";
import { slide } from "../core/slide.js";
import { CONDITION } from "./state.js";

const MARGIN = 24;
const TOP = 34;
const BASE = 70;

/**
 * @param {object} options
 * @param {(condition: number) => void} options.onCondition
 * @param {(i: number, share: number) => void} options.onPosition
 */
export function createRug({ onCondition, onPosition }) {
  const drawing = svg("svg", { "aria-hidden": "true" });
  const axis = svg("path", { class: "grid" });
  const strokes = svg("path", { class: "strokes" });
  const ticks = svg("g");
  const counts = svg("g", { class: "counts" });
  const title = svg("text", { class: "title", x: 0, y: 12 }, "eigenvalues λ");
  drawing.append(axis, ticks, strokes, counts, title);
  const plot = html("div", { class: "strip" }, drawing);
  const element = html("div", { class: "rug" }, plot);
  const drawTicks = keyed(ticks, () => svg("text", { class: "x", y: BASE + 18 }));
  const drawCounts = keyed(counts, () => svg("text", { class: "x", y: TOP - 4 }));
  const edge = slide({ label: "Largest eigenvalue, the condition number", log: true, format: compact, onMove: onCondition });
  edge.element.classList.add("edge");
  plot.append(edge.element);
  let log = 1;
  const drawHandles = keyed(plot, (key) => {
    const [i, label] = [Number(key.split(" ", 1)[0]), key.slice(key.indexOf(" ") + 1)];
    const control = slide({ label, log: true, format: compact, onMove: (value) => onPosition(i, Math.log10(value) / log) });
    control.element.control = control;
    return control.element;
  });
  let width = 0;

  return {
    element,
    resize() {
      const now = element.clientWidth;
      if (now < 80 || now === width) return false;
      width = now;
      return true;
    },
    /** @param {import("./state.js").State} state @param {Float64Array} values */
    draw({ distribution, condition, positions }, values) {
      if (!width) return;
      const scale = logarithmic([1, CONDITION[1]], [MARGIN, width - MARGIN]);
      log = Math.log10(condition);
      set(axis, { d: `M${MARGIN},${BASE}H${width - MARGIN}` });
      drawTicks(scale.ticks(6).map(String)).forEach((label, i) => {
        set(label, { x: scale(10 ** i).toFixed(1) });
        text(label, power(i));
      });
      set(strokes, { d: Array.from(values, (value) => `M${scale(value).toFixed(1)},${TOP}V${BASE}`).join("") });
      /** @type {Map<string, {value: number, times: number}>} */ const piles = new Map();
      for (const value of values) {
        const key = scale(value).toFixed(0);
        piles.set(key, { value, times: (piles.get(key)?.times ?? 0) + 1 });
      }
      const shown = distribution === "clusters" ? [...piles.values()] : [];
      drawCounts(shown.map((_, i) => String(i))).forEach((label, i) => {
        set(label, { x: scale(shown[i].value).toFixed(1) });
        text(label, `×${shown[i].times}`);
      });
      edge.set(condition, CONDITION, scale, BASE);
      const names = positions.map((_, i) =>
        distribution === "outlier" ? `${i} End of the bulk` : `${i} Cluster ${i + 2} of ${positions.length + 2}`,
      );
      drawHandles(names).forEach(({ control }, i) => {
        control.set(condition ** positions[i], [1, condition], scale, BASE);
      });
    },
  };
}
