// The photograph: on a canvas; over it the map, on another; over both the box and a cell that is
// moved with the arrow keys (Shift for big steps), by a click, or dragged.

import { html, set, svg, text } from "../core/dom.js";
import { css, painted } from "./colours.js";
import { gives, position } from "./describe.js";

/**
 * @typedef {import("./maps.js").Data} Data
 * @typedef {import("./state.js").State} State
 * @typedef {import("./describe.js").Scene} Scene
 *
 * @typedef {object} Picture what is to be drawn
 * @property {Data} data
 * @property {State} state
 * @property {Scene} scene
 * @property {Float64Array} values the map upsampled
 * @property {import("./maps.js").Box | null} box
 * @property {boolean} hidden
 */

const BIG_STEP = 3;
const TOUCHABLE = 44; // pixels, at least
const COARSE = 96; // a picture of so few pixels a side is shown pixel by pixel
const GREY = 0.7; // the opacity at which a photograph has lost its colours to the map
const DIRECTIONS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

/** @param {{onCell: (cell: number[]) => void, redraw: () => void}} options */
export function createPhotograph({ onCell, redraw }) {
  const image = new Image();
  const base = html("canvas", { class: "base", "aria-hidden": "true" });
  const over = html("canvas", { class: "map", "aria-hidden": "true" });
  const small = html("canvas");
  const box = [svg("path", { class: "halo" }), svg("path", { class: "box" })];
  const pointed = svg("path", { class: "pointed" });
  const tag = svg("text", { class: "tag" });
  const overlay = svg("svg", { "aria-hidden": "true" }, ...box, pointed, tag);
  const cursor = html("div", {
    class: "handle cell",
    role: "slider",
    tabIndex: 0,
    "aria-label": "Cell of the picture, two dimensions: move it with the arrow keys, with Shift for big steps",
    onkeydown(/** @type {KeyboardEvent} */ event) {
      if (!now || event.altKey || event.ctrlKey || event.metaKey) return;
      const { rows, columns } = now.data;
      const [row, column] = cell;
      const [down, across] = DIRECTIONS[event.key] ?? [0, 0];
      const size = event.shiftKey ? BIG_STEP : 1;
      const to = { Home: [0, 0], End: [rows - 1, columns - 1] }[event.key]
        ?? (event.key in DIRECTIONS && [row + size * down, column + size * across]);
      if (!to) return;
      event.preventDefault();
      move(within(to));
    },
  });
  const element = html(
    "div",
    {
      class: "raster photograph",
      onpointerdown(/** @type {PointerEvent} */ event) {
        const onCursor = event.target === cursor;
        if (event.button !== 0 || (event.pointerType === "touch" && !onCursor)) return; // a finger may want to scroll
        event.preventDefault();
        cursor.focus({ preventScroll: true });
        element.setPointerCapture(event.pointerId);
        dragging = true;
        if (!onCursor) want(event);
      },
      onpointermove(/** @type {PointerEvent} */ event) {
        if (dragging) want(event);
        else if (now && event.pointerType === "mouse") point(under(event));
      },
      onpointerup: end,
      onpointercancel: end,
      onlostpointercapture: end,
      onpointerleave: () => point(null),
      onclick(/** @type {MouseEvent} */ event) {
        if (event.target !== cursor && now) move(under(event));
      },
    },
    base, over, overlay, cursor,
  );

  /** @type {Picture | null} */ let now = null;
  let cell = [0, 0]; // where the cursor is, or will be when it is drawn
  let [width, height, density] = [0, 0, 1];
  let address = "";
  let loading = false;
  let dragging = false;
  let frame = 0;
  /** @type {number[] | null} */ let wanted = null;
  /** @type {number[] | null} */ let hovered = null;
  let [paintedBase, paintedMap] = ["", ""];
  /** @type {Float64Array | null} */ let paintedValues = null;

  image.onload = image.onerror = () => {
    loading = false;
    paintedBase = "";
    redraw();
  };

  function within(/** @type {number[]} */ [row, column]) {
    const { rows, columns } = /** @type {Picture} */ (now).data;
    return [Math.min(rows - 1, Math.max(0, row)), Math.min(columns - 1, Math.max(0, column))];
  }

  function move(/** @type {number[]} */ to) {
    cell = to;
    onCell(to);
  }

  function under(/** @type {MouseEvent} */ event) {
    const { left, top } = element.getBoundingClientRect();
    const { rows, columns } = /** @type {Picture} */ (now).data;
    return within([
      Math.floor(((event.clientY - top) / height) * rows),
      Math.floor(((event.clientX - left) / width) * columns),
    ]);
  }

  function want(/** @type {PointerEvent} */ event) {
    if (!now) return;
    wanted = under(event);
    frame ||= requestAnimationFrame(flush);
  }

  function flush() {
    frame = 0;
    if (wanted) move(wanted);
    wanted = null;
  }

  function end() {
    if (!dragging) return;
    dragging = false;
    cancelAnimationFrame(frame);
    flush();
  }

  /** Show what a cell under the mouse gives, for as long as the mouse is there. */
  function point(/** @type {number[] | null} */ cell) {
    if (String(cell) === String(hovered)) return;
    hovered = cell;
    redraw();
  }

  /** Left, top, width and height of a cell. */
  function room(/** @type {number[]} */ [row, column]) {
    const { rows, columns } = /** @type {Picture} */ (now).data;
    return [(column * width) / columns, (row * height) / rows, width / columns, height / rows];
  }

  function paintBase(/** @type {Picture} */ { state, hidden }) {
    const grey = hidden ? 0 : Math.min(1, state.opacity / GREY);
    const about = String([width, height, density, grey, address.length, loading]);
    if (about === paintedBase) return;
    paintedBase = about;
    const context = base.getContext("2d");
    context.clearRect(0, 0, base.width, base.height);
    if (!image.naturalWidth || loading) return;
    context.imageSmoothingEnabled = image.naturalWidth > COARSE;
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, base.width, base.height);
    context.globalCompositeOperation = "saturation";
    context.globalAlpha = grey;
    context.fillStyle = "#808080";
    context.fillRect(0, 0, base.width, base.height);
    context.globalAlpha = 1;
    context.globalCompositeOperation = "source-over";
  }

  function paintMap(/** @type {Picture} */ { data, state, scene, values, hidden }) {
    const about = String([width, height, density, state.opacity, state.smooth, state.own_scale, hidden]);
    if (about === paintedMap && values === paintedValues) return;
    [paintedMap, paintedValues] = [about, values];
    const context = over.getContext("2d");
    context.clearRect(0, 0, over.width, over.height);
    if (hidden) return;
    context.globalAlpha = state.opacity;
    if (state.smooth) {
      [small.height, small.width] = data.size;
      const pixels = new ImageData(painted(values, scene.relative), small.width, small.height);
      small.getContext("2d").putImageData(pixels, 0, 0);
      context.imageSmoothingEnabled = true;
      context.drawImage(small, 0, 0, over.width, over.height);
    } else {
      const edge = (/** @type {number} */ i, /** @type {number} */ n, /** @type {number} */ size) => Math.round((i * size) / n);
      scene.map.forEach((value, i) => {
        const [row, column] = [Math.floor(i / data.columns), i % data.columns];
        const [x, y] = [edge(column, data.columns, over.width), edge(row, data.rows, over.height)];
        context.fillStyle = css(scene.relative(value));
        context.fillRect(x, y, edge(column + 1, data.columns, over.width) - x, edge(row + 1, data.rows, over.height) - y);
      });
    }
    context.globalAlpha = 1;
  }

  function drawOverlay(/** @type {Picture} */ { data, state, scene, box: found, hidden }) {
    const outline = (/** @type {number[]} */ [left, top, wide, high]) =>
      `M${left.toFixed(1)},${top.toFixed(1)}h${wide.toFixed(1)}v${high.toFixed(1)}h${(-wide).toFixed(1)}Z`;
    const [sx, sy] = [width / data.size[1], height / data.size[0]];
    const d = found && !hidden
      ? outline([found[1] * sx, found[0] * sy, (found[3] - found[1]) * sx, (found[2] - found[0]) * sy])
      : "M0,0";
    for (const path of box) set(path, { d });
    const told = (!hidden && !dragging && hovered && within(hovered)) || state.cell;
    set(pointed, { d: told === state.cell ? "M0,0" : outline(room(told)) });
    const [left, top, wide, high] = room(told);
    text(tag, hidden ? "" : gives(data, scene, told[0] * data.columns + told[1]));
    const [middle, side] = [left + wide / 2, 4 + 3.7 * (tag.textContent?.length ?? 0)];
    set(tag, {
      x: Math.max(side, Math.min(width - side, middle)).toFixed(1),
      y: (top > 26 ? top - 9 : top + high + 19).toFixed(1),
    });
  }

  function drawCursor(/** @type {Picture} */ { data, state, scene, hidden }) {
    const [left, top, wide, high] = room(state.cell);
    const [w, h] = [Math.max(TOUCHABLE, wide), Math.max(TOUCHABLE, high)];
    const at = state.cell[0] * data.columns + state.cell[1];
    Object.assign(cursor.style, {
      width: `${w.toFixed(1)}px`,
      height: `${h.toFixed(1)}px`,
      transform: `translate(${(left + (wide - w) / 2).toFixed(2)}px, ${(top + (high - h) / 2).toFixed(2)}px)`,
    });
    cursor.style.setProperty("--wide", `${wide.toFixed(1)}px`);
    cursor.style.setProperty("--high", `${high.toFixed(1)}px`);
    set(cursor, {
      "aria-valuemin": 1,
      "aria-valuemax": data.cells,
      "aria-valuenow": at + 1,
      "aria-valuetext": hidden ? position(state.cell) : `${position(state.cell)}: ${gives(data, scene, at)}`,
    });
  }

  return {
    element,
    loading: () => loading,
    resize() {
      const [w, h] = [element.clientWidth, element.clientHeight];
      const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
      if (w < 40 || h < 20 || (w === width && h === height && ratio === density)) return false;
      [width, height, density] = [w, h, ratio];
      for (const canvas of [base, over]) {
        canvas.width = Math.round(w * density);
        canvas.height = Math.round(h * density);
      }
      return true;
    },
    draw(/** @type {Picture} */ picture) {
      now = picture;
      const { data, state } = picture;
      cell = state.cell;
      element.style.aspectRatio = `${data.size[1]} / ${data.size[0]}`;
      if (address !== data.photograph) {
        address = data.photograph;
        loading = address !== "";
        if (loading) image.src = address;
      }
      if (!width) return;
      paintBase(picture);
      paintMap(picture);
      drawOverlay(picture);
      drawCursor(picture);
    },
    close() {
      cancelAnimationFrame(frame);
      image.onload = image.onerror = null;
    },
  };
}
