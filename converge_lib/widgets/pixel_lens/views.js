// What the figure shows: the picture, the network at one pixel, and the maps of a layer.

import { html, keyed, set, svg, text } from "../core/dom.js";
import { compact } from "../core/format.js";
import { gridHandle } from "../core/grid_handle.js";
import { fitted, pixels, shades } from "../core/raster.js";
import { percent, short } from "./describe.js";
import { layerName, nameOf } from "./state.js";

const ROW = [26, 20, 14]; // heights of a unit, the more units the lower
const ROOMY = 500; // pixels
const NODE = 104; // the width of a unit where there is room
const NARROW = { first: 78, inner: 46, last: 106 }; // and where there is little
const GAP = 34; // wanted between layers
const TOP = 20;
const MOST_LINES = 150;
const FAINTEST = 0.02; // of the strongest connection: below, a line says nothing
const [LETTER, BOLD, AROUND] = [6.6, 7.2, 13]; // pixels: of a name, of a number, and beside both

/**
 * @typedef {import("./state.js").State} State
 * @typedef {import("./state.js").Data} Data
 * @typedef {import("../core/maths/layers.js").FeatureMap} FeatureMap
 * @typedef {(name: string) => string} Colour
 */

/** The bytes of a picture: in colour from three channels, else grey, the mean of all. */
function bytesOf(/** @type {FeatureMap} */ { data, shape: [channels, height, width] }) {
  const area = height * width;
  const bytes = new Uint8ClampedArray(4 * area).fill(255);
  for (let i = 0; i < area; i++) {
    let mean = 0;
    for (let c = 0; c < channels; c++) mean += data[c * area + i] / channels;
    for (let c = 0; c < 3; c++) bytes[4 * i + c] = 255 * (channels === 3 ? data[c * area + i] : mean);
  }
  return bytes;
}

/** The picture, with the pixel that is looked at. */
export function pictureView(/** @type {(place: number[]) => void} */ onMove) {
  const canvas = html("canvas", { "aria-hidden": "true" });
  const lens = gridHandle("Pixel", onMove);
  const plot = html("div", { class: "raster" }, canvas, lens.element);
  const heading = html("p", { class: "heading" });
  const element = html("div", { class: "picture" }, heading, plot);
  const fit = fitted(plot, canvas);
  /** @type {FeatureMap | null} */ let painted = null;
  let size = [1, 1];
  plot.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (/** @type {Element} */ (event.target).closest(".handle")) return;
    onMove(placeAt(plot, event, size));
  });

  return {
    element,
    resize() {
      const resized = fit.resize();
      if (resized) painted = null;
      return resized;
    },
    /** @param {FeatureMap} image @param {number[]} at where the pixel stands @param {string} says */
    draw(image, at, says) {
      if (!fit.width()) return;
      const [, height, width] = image.shape;
      size = [height, width];
      text(heading, `Picture, ${width} × ${height}`);
      if (painted !== image) {
        painted = image;
        fit.context(height / width).drawImage(pixels(bytesOf(image), width, height), 0, 0, fit.width(), fit.height());
      }
      const cell = fit.width() / width;
      lens.set(at, { last: [height - 1, width - 1], cell, bigStep: 8 }, says, [cell / 2, cell / 2]);
    },
  };
}

/** The [row, column] under the pointer. */
function placeAt(/** @type {HTMLElement} */ plot, /** @type {MouseEvent} */ event, /** @type {number[]} */ [height, width]) {
  const room = plot.getBoundingClientRect();
  const at = [((event.clientY - room.top) / room.height) * height, ((event.clientX - room.left) / room.width) * width];
  return at.map((one, i) => Math.min([height, width][i] - 1, Math.max(0, Math.floor(one))));
}

/** How wide the units of each layer are. @param {number} last the last layer */
function widths(/** @type {number} */ width, last) {
  const { first, inner, last: end } = width < ROOMY ? NARROW : { first: NODE, inner: NARROW.inner, last: NODE };
  const room = (width - first - end - last * GAP) / Math.max(1, last - 1);
  const between = Math.min(NODE, Math.max(inner, room));
  const wanted = Array.from({ length: last + 1 }, (_, layer) => (layer === 0 ? first : layer === last ? end : between));
  const tight = Math.min(1, (0.8 * width) / wanted.reduce((a, b) => a + b, 0));
  return wanted.map((one) => one * tight);
}

/** The network at one pixel: a column of units for each layer, and lines for what each adds to the next. */
export function networkView() {
  const drawing = svg("svg", { "aria-hidden": "true" });
  const lines = svg("g", { class: "lines" });
  const units = svg("g", { class: "units" });
  const titles = svg("g", { class: "titles" });
  drawing.append(lines, units, titles);
  const heading = html("p", { class: "heading" }, "The network at this pixel");
  const element = html("div", { class: "network" }, heading, drawing);
  const drawTitles = keyed(titles, () => svg("text", { y: 12 }));
  const drawUnits = keyed(units, () => svg("g", {}, svg("rect", { class: "box" }), svg("rect", { class: "fill" }), svg("text", { class: "name" }), svg("text", { class: "number" })));
  const drawLines = keyed(lines, () => svg("path"));
  let width = 0;

  return {
    element,
    resize() {
      const now = element.clientWidth;
      if (now < 80 || now === width) return false;
      width = now;
      return true;
    },
    /**
     * @param {Data} data
     * @param {FeatureMap[]} values of each layer at the pixel
     * @param {ArrayLike<number> | null} shares of the outputs
     * @param {number[]} scales the largest size of a value in each layer, over the whole picture
     */
    draw(data, values, shares, scales) {
      if (!width) return;
      const most = Math.max(...values.map(({ data: all }) => all.length));
      const row = ROW[most <= 10 ? 0 : most <= 16 ? 1 : 2];
      const height = TOP + most * row;
      const last = values.length - 1;
      const boxes = widths(width, last);
      const gap = (width - boxes.reduce((a, b) => a + b, 0)) / Math.max(1, last);
      const xOf = (/** @type {number} */ layer) => boxes.slice(0, layer).reduce((x, one) => x + one + gap, 0);
      const yOf = (/** @type {number} */ layer, /** @type {number} */ i) => TOP + (most - values[layer].data.length) * row / 2 + (i + 0.5) * row;
      drawing.style.height = `${height}px`;

      drawTitles(values.map((_, layer) => String(layer))).forEach((title, layer) => {
        text(title, layer === 0 ? "pixel" : layer === last ? "output" : `layer ${layer}`);
        set(title, { x: xOf(layer).toFixed(1) });
      });

      const keys = values.flatMap(({ data: all }, layer) => Array.from(all, (_, i) => `${layer} ${i}`));
      drawUnits(keys).forEach((unit, index) => {
        const [layer, i] = keys[index].split(" ").map(Number);
        const value = values[layer].data[i];
        const output = layer === last && shares !== null;
        const size = output ? /** @type {ArrayLike<number>} */ (shares)[i] : Math.abs(value) / (layer ? scales[layer] || 1 : 1);
        const [x, y, box] = [xOf(layer), yOf(layer, i), boxes[layer]];
        const [frame, fill, name, number_] = unit.children;
        const best = output && Array.from(/** @type {ArrayLike<number>} */ (shares)).every((share) => share <= /** @type {ArrayLike<number>} */ (shares)[i]);
        unit.classList.toggle("best", best);
        set(frame, { x: x.toFixed(1), y: (y - row / 2 + 2).toFixed(1), width: box.toFixed(1), height: row - 4 });
        set(fill, { x: x.toFixed(1), y: (y - row / 2 + 2).toFixed(1), width: (box * Math.min(1, size)).toFixed(1), height: row - 4 });
        fill.setAttribute("class", value < 0 && !output ? "fill minus" : "fill");
        const said = output ? short(size) : layer === 0 ? value.toFixed(2) : compact(value, 2);
        const room = Math.floor((box - AROUND - said.length * BOLD) / LETTER);
        const full = layer === 0 || layer === last ? nameOf(data, layer, i) : String(i + 1);
        text(name, row < ROW[1] ? "" : full.length <= room ? full : room > 2 ? `${full.slice(0, room - 1)}…` : "");
        text(number_, said);
        set(name, { x: (x + 4).toFixed(1), y: (y + 4).toFixed(1) });
        set(number_, { x: (x + box - 4).toFixed(1), y: (y + 4).toFixed(1) });
      });

      const found = data.steps.flatMap(({ weight }, layer) => {
        const [outputs, inputs] = weight.shape;
        const all = Array.from({ length: outputs * inputs }, (_, k) => {
          const [j, i] = [Math.floor(k / inputs), k % inputs];
          return { layer, i, j, adds: weight.data[k] * values[layer].data[i] };
        });
        const strongest = Math.max(1e-12, ...all.map(({ adds }) => Math.abs(adds)));
        return all.map((line) => ({ ...line, strength: Math.abs(line.adds) / strongest }));
      }).filter(({ strength }) => strength > FAINTEST).sort((a, b) => b.strength - a.strength).slice(0, MOST_LINES);
      drawLines(found.map(({ layer, i, j }) => `${layer} ${i} ${j}`)).forEach((line, index) => {
        const { layer, i, j, adds, strength } = found[index];
        const [x1, x2] = [xOf(layer) + boxes[layer], xOf(layer + 1)];
        const [y1, y2] = [yOf(layer, i), yOf(layer + 1, j)];
        const bend = (x2 - x1) / 2;
        set(line, {
          class: adds < 0 ? "minus" : "plus",
          d: `M${x1.toFixed(1)},${y1.toFixed(1)}C${(x1 + bend).toFixed(1)},${y1.toFixed(1)} ${(x2 - bend).toFixed(1)},${y2.toFixed(1)} ${x2.toFixed(1)},${y2.toFixed(1)}`,
          "stroke-width": (0.4 + 3.6 * strength).toFixed(2),
        });
      });
    },
  };
}

/** The maps of a layer, a small picture for each channel, the pixel marked in each. */
export function mapsView(/** @type {(place: number[]) => void} */ onMove) {
  const heading = html("p", { class: "heading" });
  const tiles = html("div", { class: "tiles" });
  const element = html("div", { class: "maps" }, heading, tiles);
  let size = [1, 1];
  const drawTiles = keyed(tiles, () => {
    const canvas = html("canvas", { "aria-hidden": "true" });
    const ring = svg("circle", { r: 5 });
    const plot = html("div", { class: "raster" }, canvas, svg("svg", { "aria-hidden": "true" }, ring));
    const name = html("span", { class: "name" });
    const number_ = html("span", { class: "number" });
    const tile = html("div", { class: "tile" }, plot, html("div", { class: "caption" }, name, number_));
    plot.addEventListener("click", (/** @type {MouseEvent} */ event) => onMove(placeAt(plot, event, size)));
    tile.parts = { ring, name, number: number_, fit: fitted(plot, canvas), painted: "" };
    return tile;
  });

  return {
    element,
    /**
     * @param {Data} data @param {State} state
     * @param {FeatureMap} maps of the layer, as they are shown
     * @param {string} key another for other maps
     * @param {number} scale what the full colour stands for
     * @param {number[]} at where the pixel stands
     * @param {(channel: number) => string} says the value at the pixel
     * @param {Colour} colour
     */
    draw(data, { layer }, maps, key, scale, at, says, colour) {
      const [channels, height, width] = maps.shape;
      size = [height, width];
      const area = height * width;
      text(heading, `${layerName(data, layer)}: the same network at all pixels, by 1×1 convolutions`);
      drawTiles(Array.from({ length: channels }, (_, c) => `${layer} ${c}`)).forEach((tile, c) => {
        const { ring, name, number: number_, fit } = tile.parts;
        fit.resize();
        if (!fit.width()) return;
        const now = JSON.stringify([key, colour("ink"), fit.width()]);
        if (tile.parts.painted !== now) {
          tile.parts.painted = now;
          const values = maps.data.subarray(c * area, (c + 1) * area);
          const context = fit.context(height / width);
          context.fillStyle = colour("valley");
          context.fillRect(0, 0, fit.width(), fit.height());
          const paint = (/** @type {number} */ sign, /** @type {string} */ name) =>
            context.drawImage(shades(values.map((value) => (sign * value) / scale), width, height, colour(name)), 0, 0, fit.width(), fit.height());
          paint(1, "accent");
          if (values.some((value) => value < 0)) paint(-1, "Nesterov");
        }
        const cell = fit.width() / width;
        set(ring, { cx: ((at[1] + 0.5) * cell).toFixed(1), cy: ((at[0] + 0.5) * cell).toFixed(1) });
        text(name, nameOf(data, layer, c));
        text(number_, says(c));
      });
    },
  };
}

/** The scores of the pixel, by the network at this pixel and in the maps. */
export function scoresView() {
  const columns = ["at this pixel", "in the maps", "share"];
  const body = html("tbody");
  const element = html(
    "div",
    { class: "table", role: "region", "aria-label": "Scores at the pixel, and in the maps at its place", tabIndex: 0 },
    html("table", {}, html("thead", {}, html("tr", {}, html("td", {}, "scores"), ...columns.map((name) => html("th", { scope: "col" }, name)))), body),
  );
  const rows = keyed(body, () => html("tr", {}, html("th", { scope: "row" }), ...columns.map(() => html("td"))));
  return {
    element,
    /** @param {string[]} names @param {ArrayLike<number>} scores @param {ArrayLike<number>} inMaps @param {ArrayLike<number> | null} shares */
    draw(names, scores, inMaps, shares) {
      rows(names.map((_, k) => String(k))).forEach((row, k) => {
        const [name, own, other, share] = row.children;
        text(name, names[k]);
        text(own, compact(scores[k]));
        text(other, compact(inMaps[k]));
        text(share, shares ? percent(shares[k]) : "–");
      });
    },
  };
}

