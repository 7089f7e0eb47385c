// A chart: lines on a canvas, and over it axes, rules and labels in SVG. Lines end at the axes; a
// mark or a rule beyond them lies on their edge.

import { html, keyed, set, svg, text } from "./dom.js";
import { compact, grouped, power } from "./format.js";
import { place } from "./labels.js";
import { outline } from "./palette.js";
import { linear, logarithmic } from "./scales.js";

const MARGIN = { left: 40, right: 12, top: 24, bottom: 38 };

/**
 * @typedef {object} Axis
 * @property {number[]} domain
 * @property {boolean} log
 * @property {string} title
 * @property {number[]} [ticks] in place of those that the axis would choose
 *
 * @typedef {object} Line
 * @property {ArrayLike<number>} xs
 * @property {ArrayLike<number>} ys
 * @property {string} [colour] name of a custom property
 * @property {number[]} [dash]
 * @property {number} [width]
 * @property {number} [alpha]
 *
 * @typedef {object} Mark a point with its name
 * @property {number} x @property {number} y
 * @property {string} label
 * @property {string} [colour]
 * @property {number[][]} [marker]
 * @property {number} [size]
 * @property {number} [lower] by how many pixels the name is wanted below the point
 *
 * @typedef {object} Rule a line across the chart, with a name at its end
 * @property {number} [x] @property {number} [y] which of the two says its direction
 * @property {string} [label]
 * @property {string} [kind] class of the line and its name
 * @property {string} [colour]
 *
 * @typedef {object} Drawing
 * @property {Axis} x @property {Axis} y
 * @property {Line[]} lines
 * @property {Mark[]} marks
 * @property {Rule[]} rules
 */

function tick(/** @type {Axis} */ axis, /** @type {number} */ value) {
  if (axis.log && !axis.ticks) return power(Math.round(Math.log10(value)));
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-3 ? compact(value) : grouped(value);
}

/** @param {string} [kind] class of the element */
export function createChart(kind = "") {
  const canvas = html("canvas", { "aria-hidden": "true" });
  const drawing = svg("svg", { "aria-hidden": "true" });
  const grid = svg("path", { class: "grid" });
  const ticks = svg("g", { class: "ticks" });
  const rules = svg("g", { class: "rules" });
  const title = svg("text", { class: "title", x: 0, y: 12 });
  const unit = svg("text", { class: "title unit" });
  const marks = svg("g", { class: "marks" });
  drawing.append(grid, ticks, rules, title, unit, marks);
  const element = html("div", { class: `chart ${kind}` }, canvas, drawing);
  const drawTicks = keyed(ticks, (key) => svg("text", { class: key[0] }));
  const drawRules = keyed(rules, () => svg("g", {}, svg("path"), svg("text")));
  const drawMarks = keyed(marks, () =>
    svg("g", {}, svg("path", { class: "marker" }), svg("text", { dy: "0.33em" })),
  );
  const measure = html("canvas").getContext("2d");
  const widthOf = (/** @type {string} */ label) => {
    measure.font = "600 12px system-ui, sans-serif";
    return measure.measureText(label).width;
  };
  let [width, height, density] = [0, 0, 1];
  let [sx, sy] = [linear([0, 1], [0, 1]), linear([0, 1], [0, 1])];

  const edges = () => ({ left: MARGIN.left, right: width - MARGIN.right, top: MARGIN.top, bottom: height - MARGIN.bottom });
  const scale = (/** @type {Axis} */ { log, domain }, /** @type {number[]} */ range) =>
    (log ? logarithmic : linear)(domain, range);
  /** Pixels within the chart; zero on a logarithmic axis is its lower end. */
  const xOf = (/** @type {number} */ value) => Math.max(edges().left, Math.min(edges().right, sx(value)));
  const yOf = (/** @type {number} */ value) => {
    const { top, bottom } = edges();
    return Math.max(top, Math.min(bottom, sy(value)));
  };

  function paint(/** @type {Line[]} */ lines, /** @type {(name: string) => string} */ colour) {
    const context = canvas.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    context.save();
    context.beginPath();
    const { left, right, top, bottom } = edges();
    context.rect(left - 1, top - 1, right - left + 2, bottom - top + 2);
    context.clip();
    context.lineJoin = "round";
    for (const { xs, ys, colour: name = "ink", dash = [], width: thick = 2, alpha = 1 } of lines) {
      context.strokeStyle = colour(name);
      context.lineWidth = thick;
      context.globalAlpha = alpha;
      context.setLineDash(dash);
      context.beginPath();
      let [px, py] = [NaN, NaN];
      for (let i = 0; i < xs.length; i++) {
        if (Number.isNaN(ys[i])) {
          px = NaN; // a gap
          continue;
        }
        const x = sx(xs[i]);
        const y = Math.max(top - height, Math.min(bottom + height, sy(ys[i]))); // far enough to be steep
        if (Number.isNaN(px)) context.moveTo(x, y);
        else if (i < xs.length - 1 && Math.abs(x - px) + Math.abs(y - py) < 0.7) continue;
        else context.lineTo(x, y);
        [px, py] = [x, y];
      }
      context.stroke();
    }
    context.restore();
  }

  return {
    element,
    edges,
    x: () => sx,
    y: () => sy,
    width: () => width,
    resize() {
      const [w, h] = [element.clientWidth, element.clientHeight];
      const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
      if (w < 80 || h < 80 || (w === width && h === height && ratio === density)) return false;
      [width, height, density] = [w, h, ratio];
      canvas.width = Math.round(w * density);
      canvas.height = Math.round(h * density);
      return true;
    },
    /** @param {Drawing} what @param {(name: string) => string} colour */
    draw({ x, y, lines, marks: named, rules: across }, colour) {
      if (!width) return;
      const { left, right, top, bottom } = edges();
      sx = scale(x, [left, right]);
      sy = scale(y, [bottom, top]);
      text(title, y.title);
      text(unit, x.title);
      set(unit, { x: right, y: height - 4 });

      const [xs, ys] = [x.ticks ?? sx.ticks(width > 300 ? 6 : 4), y.ticks ?? sy.ticks(height > 260 ? 8 : 5)];
      set(grid, { d: ys.map((v) => `M${left},${sy(v).toFixed(1)}H${right}`).join("") || "M0,0" });
      drawTicks([...xs.map((v) => `x${v}`), ...ys.map((v) => `y${v}`)]).forEach((label, i) => {
        const [axis, value] = i < xs.length ? [x, xs[i]] : [y, ys[i - xs.length]];
        set(label, axis === x
          ? { x: sx(value).toFixed(1), y: bottom + 16 }
          : { x: left - 6, y: sy(value).toFixed(1), dy: "0.33em" });
        text(label, tick(axis, value));
      });
      paint(lines, colour);

      /** @type {{left: number, right: number, y: number}[]} */ const taken = [];
      drawRules(across.map(({ kind, label }) => `${kind} ${label}`)).forEach((group, i) => {
        const [path, name] = group.children;
        const { x: at, y: level, label = "", kind = "", colour: own } = across[i];
        group.setAttribute("class", kind);
        group.style.setProperty("--own", `var(--${own ?? "ink"})`);
        text(name, label);
        if (level !== undefined) {
          const line = yOf(level);
          set(path, { d: `M${left},${line.toFixed(1)}H${right}` });
          set(name, { x: left + 4, y: (line - 5).toFixed(1) });
          if (label) taken.push({ left: left + 4, right: left + 4 + widthOf(label), y: line - 9 });
        } else {
          const line = xOf(/** @type {number} */ (at));
          const wide = widthOf(label);
          const start = Math.max(left, Math.min(right - wide, line - wide / 2));
          const row = taken.filter((other) => other.y < top + 45 && start < other.right + 6 && start + wide > other.left - 6).length;
          set(path, { d: `M${line.toFixed(1)},${top + 14 * row + (label ? 15 : 0)}V${bottom}` });
          set(name, { x: start.toFixed(1), y: top + 11 + 14 * row });
          if (label) taken.push({ left: start, right: start + wide, y: top + 7 + 14 * row });
        }
      });

      const wanted = named.map(({ x: at, y: level, label, lower = 0 }) =>
        ({ x: xOf(at), y: yOf(level) + lower - top, width: widthOf(label) })); // names stay below the title
      const labelled = wanted.filter((_, i) => named[i].label);
      const places = place(labelled, width, bottom - 2 - top, taken.map((other) => ({ ...other, y: other.y - top })));
      drawMarks(named.map((_, i) => String(i))).forEach((group, i) => {
        const [marker, name] = group.children;
        const { x: pointX, y: pointY, colour: own, marker: corners, size = 4.5, label } = named[i];
        group.style.setProperty("--own", `var(--${own})`);
        set(marker, {
          d: corners ? outline(corners, size) : "M0,0",
          transform: `translate(${xOf(pointX).toFixed(1)},${yOf(pointY).toFixed(1)})`,
        });
        text(name, label);
        const at = places[labelled.indexOf(wanted[i])] ?? { x: 0, y: 0 };
        set(name, { x: at.x.toFixed(1), y: (at.y + top).toFixed(1) });
      });
    },
  };
}
