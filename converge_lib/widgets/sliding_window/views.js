// What the figure shows: the picture with its window, the score map, the scores and the costs.

import { html, keyed, set, svg, text } from "../core/dom.js";
import { compact } from "../core/format.js";
import { gridHandle } from "../core/grid_handle.js";
import { softmax } from "../core/maths/layers.js";
import { fitted, shades } from "../core/raster.js";
import { amount, place, saving } from "./describe.js";
import { cellOf, crop, largest } from "./scores.js";

const LEGIBLE = 15; // pixels of a cell that can hold a letter
const LINE = 15; // height of a name
const MOST_ROWS = 12;

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Data} Data
 */

/** The picture; what the map finds in it is outlined. */
export function pictureView(/** @type {(at: number[]) => void} */ onMove) {
  const canvas = html("canvas", { "aria-hidden": "true" });
  const drawing = svg("svg", { "aria-hidden": "true" });
  const window_ = gridHandle("Window", onMove);
  const plot = html("div", { class: "raster" }, canvas, drawing, window_.element);
  const heading = html("p", { class: "heading" });
  const element = html("div", { class: "picture" }, heading, plot);
  const corners = svg("path", { class: "corners" });
  const finds = svg("g");
  drawing.append(corners, finds);
  const boxes = keyed(finds, () => svg("g", {}, svg("rect"), svg("text")));
  const fit = fitted(plot, canvas);
  let painted = "";
  let cell = 1;
  plot.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (/** @type {Element} */ (event.target).closest(".handle")) return;
    const { left, top, width } = plot.getBoundingClientRect();
    const half = window_.element.getBoundingClientRect().width / 2;
    const scale = fit.width() / width / cell;
    onMove([event.clientY - top - half, event.clientX - left - half].map((pixels) => Math.max(0, pixels * scale)));
  });

  return {
    element,
    resize() {
      const changed = fit.resize();
      if (changed) painted = "";
      return changed;
    },
    /**
     * @param {State} state @param {Data} data @param {number[]} size
     * @param {number[]} at of the window, which may be on its way
     * @param {import("./scores.js").Find[]} found
     * @param {(name: string) => string} colour
     */
    draw(state, data, size, at, found, colour) {
      if (!fit.width()) return;
      const [height, width] = size;
      const { window, stride, labels } = data;
      cell = fit.width() / width;
      text(heading, `Picture, ${width} × ${height}`);
      const key = JSON.stringify([state.image, size, colour("ink"), fit.width()]);
      if (painted !== key) {
        painted = key;
        const part = crop(data.images[state.image].map, [0, 0], size);
        const context = fit.context(height / width);
        context.fillStyle = colour("valley");
        context.fillRect(0, 0, fit.width(), fit.height());
        context.drawImage(shades(part.data, width, height, colour("ink")), 0, 0, fit.width(), fit.height());
      }
      boxes(found.map((_, i) => String(i))).forEach((group, i) => {
        const [box, name] = group.children;
        const { row, column, label } = found[i];
        const [x, y, side] = [column * stride * cell, row * stride * cell, window * cell];
        set(box, { x: (x + 1).toFixed(1), y: (y + 1).toFixed(1), width: (side - 2).toFixed(1), height: (side - 2).toFixed(1) });
        text(name, labels[label]);
        set(name, { x: (x + 5).toFixed(1), y: (y + LINE).toFixed(1) });
      });
      const places = size.map((one) => Array.from({ length: Math.floor((one - window) / stride) + 1 }, (_, i) => i * stride * cell));
      set(corners, {
        d: (state.snap ? places[0].flatMap((y) => places[1].map((x) => `M${x.toFixed(1)},${y.toFixed(1)}h0`)) : []).join("") || "M0,0",
      });
      const side = `${(window * cell).toFixed(2)}px`;
      Object.assign(window_.element.style, { width: side, height: side });
      const steps = state.snap ? { step: stride, bigStep: 4 * stride } : { step: 1, bigStep: 8 };
      const last = size.map((one) => (state.snap ? Math.floor((one - window) / stride) * stride : one - window));
      window_.set(at, { last, cell, ...steps }, place(at));
    },
  };
}

/** The score map: a shade for how sure each cell is, a letter for of what. */
export function mapView() {
  const canvas = html("canvas", { "aria-hidden": "true" });
  const drawing = svg("svg", { "aria-hidden": "true" });
  const mark = svg("rect", { class: "mark" });
  const differing = svg("path", { class: "differing" });
  drawing.append(differing, mark);
  const plot = html("div", { class: "raster" }, canvas, drawing);
  const heading = html("p", { class: "heading" });
  const note = html("p", { class: "note" });
  const element = html("div", { class: "map" }, heading, plot, note);
  const fit = fitted(plot, canvas);

  return {
    element,
    resize: fit.resize,
    /**
     * @param {State} state @param {Data} data
     * @param {import("../core/maths/layers.js").FeatureMap} map
     * @param {object} options
     * @param {number[]} options.within [rows, columns] of windows
     * @param {number} options.filled cells that are shown
     * @param {number[] | null} options.at the cell that is marked
     * @param {number[][]} options.differs cells that are not what their windows say
     * @param {(name: string) => string} options.colour
     */
    draw(state, data, map, { within: [rows, columns], filled, at, differs, colour }) {
      if (!fit.width()) return;
      const { labels, background, stride } = data;
      const only = state.shown === null ? null : labels.indexOf(state.shown);
      const context = fit.context(rows / columns);
      const cell = fit.width() / columns;
      context.fillStyle = colour("valley");
      context.fillRect(0, 0, fit.width(), fit.height());
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.font = `600 ${Math.min(cell * 0.72, 22).toFixed(1)}px system-ui, sans-serif`;
      for (let i = 0; i < Math.min(filled, rows * columns); i++) {
        const [row, column] = [Math.floor(i / columns), i % columns];
        const shares = softmax(cellOf(map, row, column));
        const label = only ?? largest(shares);
        const [x, y] = [column * cell, row * cell];
        context.globalAlpha = label === background && only === null ? 0 : shares[label];
        context.fillStyle = colour("Nesterov");
        context.fillRect(x, y, cell + 0.5, cell + 0.5);
        context.globalAlpha = 1;
        const dark = shares[label] > 0.6;
        if (only !== null || label === background || cell < LEGIBLE || labels[label].length > 1) continue;
        context.fillStyle = colour(dark ? "on-accent" : "ink");
        context.fillText(labels[label], x + cell / 2, y + cell / 2);
      }
      context.strokeStyle = colour("rule");
      context.lineWidth = 1;
      context.beginPath();
      for (let i = 0; i <= columns; i++) {
        context.moveTo(i * cell, 0);
        context.lineTo(i * cell, fit.height());
      }
      for (let i = 0; i <= rows; i++) {
        context.moveTo(0, i * cell);
        context.lineTo(fit.width(), i * cell);
      }
      context.stroke();
      text(heading, `Score map, ${columns} × ${rows}`);
      text(note, `${only === null ? "Shaded: how sure of its likeliest class" : `Shaded: how sure of “${labels[only]}”`}. A cell every ${stride} ${stride === 1 ? "pixel" : "pixels"}.${differs.length ? " Corner marked: not what its window says." : ""}`);
      mark.style.display = at ? "" : "none";
      if (at) {
        const [y, x] = at.map((one) => one * cell);
        set(mark, { x: (x - 1).toFixed(1), y: (y - 1).toFixed(1), width: (cell + 2).toFixed(1), height: (cell + 2).toFixed(1) });
      }
      const arm = Math.min(3, cell / 4);
      set(differing, {
        d: differs.map(([row, column]) => `M${((column + 1) * cell - 2 - 2 * arm).toFixed(1)},${(row * cell + 2).toFixed(1)}h${(2 * arm).toFixed(1)}v${(2 * arm).toFixed(1)}z`).join("") || "M0,0",
      });
    },
  };
}

/** The scores of each class, by the network on the window and in the map. */
export function scoresView() {
  const names = ["", "", "window", "map"];
  const body = html("tbody");
  const heading = html("p", { class: "heading" }, "Scores of each class");
  const table = html("table", {}, html("thead", {}, html("tr", {}, ...names.map((name, i) => html(i === 0 || i === 1 ? "td" : "th", i > 1 ? { scope: "col", class: name } : {}, name)))), body);
  const plot = html("div", { class: "table", role: "region", "aria-label": "Scores of the window and of its cell in the map", tabIndex: 0 }, table);
  const element = html("div", { class: "scores" }, heading, plot);
  const bar = (/** @type {string} */ kind) => html("span", { class: kind });
  const rows = keyed(body, () =>
    html("tr", {}, html("th", { scope: "row" }), html("td", { class: "bars", "aria-hidden": "true" }, bar("window"), bar("map")), html("td"), html("td")));

  return {
    element,
    /** @param {Data} data @param {Float64Array} scores @param {Float64Array | null} cell */
    draw({ labels }, scores, cell) {
      const order = labels.map((_, k) => k);
      const shown = labels.length > MOST_ROWS ? order.sort((a, b) => scores[b] - scores[a]).slice(0, MOST_ROWS) : order;
      const best = largest(scores);
      const [own, other] = [softmax(scores), cell && softmax(cell)];
      const wanted = rows(shown.map(String));
      wanted.forEach((row, i) => {
        if (body.children[i] !== row) body.insertBefore(row, body.children[i]);
        const k = shown[i];
        row.classList.toggle("best", k === best);
        const [name, bars, first, second] = row.children;
        text(name, labels[k]);
        text(first, compact(scores[k]));
        text(second, cell ? compact(cell[k]) : "–");
        bars.children[0].style.width = `${(100 * own[k]).toFixed(2)}%`;
        bars.children[1].style.width = `${other ? (100 * other[k]).toFixed(2) : 0}%`;
      });
    },
  };
}

/** The multiplications of both ways, as bars. */
export function costsView() {
  const line = (/** @type {string} */ kind, /** @type {string} */ name) => {
    const fill = html("span", { class: kind });
    const said = html("span", { class: "said" });
    return { fill, said, element: html("div", { class: "line" }, html("span", { class: "name" }, name), html("span", { class: "track", "aria-hidden": "true" }, fill), said) };
  };
  const slid = line("window", "Window by window");
  const once = line("map", "All at once");
  const saved = html("p", { class: "saved" });
  const heading = html("p", { class: "heading" }, "Multiplications");
  const element = html("div", { class: "costs" }, heading, slid.element, once.element, saved);

  return {
    element,
    /** @param {ReturnType<typeof import("./scores.js").costs>} costs @param {number} windows done so far @param {boolean} hidden */
    draw({ each, slid: all, once: one, factor }, windows, hidden) {
      const now = windows * each;
      const longest = Math.max(all, one);
      slid.fill.style.width = hidden ? "0" : `${((100 * now) / longest).toFixed(2)}%`;
      once.fill.style.width = hidden ? "0" : `${((100 * one) / longest).toFixed(2)}%`;
      text(slid.said, hidden ? "?" : `${windows} × ${amount(each)} = ${amount(now)}`);
      text(once.said, hidden ? "?" : amount(one));
      text(saved, hidden ? "The factor is hidden until you commit to one." : `The converted network multiplies ${saving(factor)}.`);
    },
  };
}
