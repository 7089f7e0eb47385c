// The digit on its paper, and the frame of what the networks are given of it. The digit is dragged,
// or drawn with the pen.

import { html, set, svg, text, uniqueId } from "../core/dom.js";
import { gridHandle } from "../core/grid_handle.js";
import { fitted, shades } from "../core/raster.js";
import { MOST_SHIFT, SIDE } from "./frames.js";
import { shiftName } from "./describe.js";

const MARGIN = 2; // around the frame, in pixels of the digit
const BOX = 4; // from the edge of a digit's image to where its ink may begin, as in MNIST

/**
 * @typedef {object} Sheet what is to be drawn
 * @property {Float64Array} digit
 * @property {boolean} pen whether the pointer draws
 * @property {{map: import("../core/maths/layers.js").FeatureMap, colour: string} | null} overlay
 */

/**
 * @param {object} options
 * @param {(shift: number[]) => void} options.onMove
 * @param {(from: number[], to: number[]) => void} options.onStroke in pixels of the digit
 */
export function createPaper({ onMove, onStroke }) {
  const canvas = html("canvas", { "aria-hidden": "true" });
  const drawing = svg("svg", { "aria-hidden": "true" });
  const title = svg("text", { class: "title" });
  const hint = svg("text", { class: "hint" }, "draw here");
  drawing.append(title, hint);
  const digit = gridHandle("Digit", ([row, column]) => onMove([column - MOST_SHIFT, row - MOST_SHIFT]));
  const element = html("div", {
    class: "raster paper",
    onpointerdown(/** @type {PointerEvent} */ event) {
      if (!pen || event.button !== 0) return;
      event.preventDefault();
      element.setPointerCapture(event.pointerId);
      last = place(event);
      onStroke(last, last);
    },
    onpointermove(/** @type {PointerEvent} */ event) {
      if (!last) return;
      const now = place(event);
      onStroke(last, now);
      last = now;
    },
    onpointerup: lift,
    onpointercancel: lift,
    onlostpointercapture: lift,
  }, canvas, drawing, digit.element);
  const room = fitted(element, canvas);
  let pen = false;
  let [cell, corner] = [1, [0, 0]]; // a pixel of the digit in the page's; where its image begins
  /** @type {number[] | null} */ let last = null; // of the stroke
  /** @type {{of: Float64Array, colour: string, canvas: HTMLCanvasElement} | null} */ let shaded = null;
  const veil = html("canvas"); // the overlay, which is another in each frame of a drag

  function lift() {
    last = null;
  }

  function place(/** @type {PointerEvent} */ event) {
    const { left, top } = element.getBoundingClientRect();
    return [(event.clientX - left) / cell - corner[0], (event.clientY - top) / cell - corner[1]];
  }

  function shadedDigit(/** @type {Float64Array} */ of, /** @type {string} */ colour) {
    if (shaded?.of !== of || shaded.colour !== colour) shaded = { of, colour, canvas: shades(of, SIDE, SIDE, colour) };
    return shaded.canvas;
  }

  return {
    element,
    resize: room.resize,
    /** @param {import("./state.js").State} state @param {Sheet} sheet @param {(name: string) => string} colour */
    draw({ size, shift }, sheet, colour) {
      const across = Math.max(size, SIDE + 2 * MOST_SHIFT) + 2 * MARGIN;
      const start = (across - SIDE) / 2;
      cell = room.width() / across;
      corner = [start + shift[0], start + shift[1]];
      pen = sheet.pen;
      if (!pen) lift();
      element.classList.toggle("pen", pen);
      digit.element.hidden = pen;
      const boxSide = (SIDE - 2 * BOX) * cell;
      Object.assign(digit.element.style, { width: `${boxSide.toFixed(2)}px`, height: `${boxSide.toFixed(2)}px` });
      const offset = (start + BOX - MOST_SHIFT) * cell;
      digit.set([shift[1] + MOST_SHIFT, shift[0] + MOST_SHIFT], { last: [2 * MOST_SHIFT, 2 * MOST_SHIFT], cell },
        shiftName(shift), [offset, offset]);
      if (!room.width()) return;
      const context = room.context(1);
      const [from, side] = [((across - size) / 2) * cell, size * cell];
      const ink = shadedDigit(sheet.digit, colour("ink"));
      const drawDigit = () => context.drawImage(ink, corner[0] * cell, corner[1] * cell, SIDE * cell, SIDE * cell);

      context.fillStyle = colour("raised");
      context.fillRect(0, 0, room.width(), room.height());
      context.globalAlpha = 0.25; // what the frame cuts off
      drawDigit();
      context.globalAlpha = 1;
      context.save();
      context.beginPath();
      context.rect(from, from, side, side);
      context.clip();
      context.fillStyle = colour("paper");
      context.fillRect(from, from, side, side);
      drawDigit();
      if (sheet.overlay) {
        const { map: { data, shape: [, rows, columns] }, colour: own } = sheet.overlay;
        const most = data.reduce((a, b) => Math.max(a, b), 0);
        context.globalAlpha = 0.6;
        context.drawImage(shades(data.map((value) => value / (most || 1)), columns, rows, colour(own), veil), from, from, side, side);
      }
      context.restore();
      if (pen) {
        context.strokeStyle = colour("control");
        context.setLineDash([2, 3]);
        context.strokeRect((corner[0] + BOX) * cell, (corner[1] + BOX) * cell, boxSide, boxSide);
        context.setLineDash([]);
      }
      context.strokeStyle = colour("ink");
      context.lineWidth = 1.5;
      context.strokeRect(from, from, side, side);

      const above = from > 18;
      const y = above ? Math.min(from, offset) - 8 : from + 15; // clear of the digit's box, wherever it is
      set(title, { x: (above ? from : from + 5).toFixed(1), y: y.toFixed(1) });
      text(title, `${size}×${size} pixels for the networks`);
      hint.style.display = pen && !sheet.digit.some((value) => value > 0) ? "" : "none";
      set(hint, { x: ((corner[0] + SIDE / 2) * cell).toFixed(1), y: ((corner[1] + SIDE / 2) * cell).toFixed(1) });
    },
  };
}

/**
 * The digits to choose from as small pictures, and the pen.
 * @param {(digit: number) => void} onChange
 */
export function createChooser(onChange) {
  const options = html("div", { class: "digits", role: "radiogroup", "aria-label": "Digit" });
  const group = uniqueId();
  /** @type {unknown} */ let shown = null;
  let painted = "";

  function option(/** @type {number} */ digit, /** @type {string} */ label, /** @type {Node} */ content) {
    const input = html("input", { type: "radio", name: group, value: String(digit), "aria-label": label, onchange: () => onChange(digit) });
    return html("label", {}, input, content);
  }

  return {
    element: options,
    /** @param {import("./state.js").Data["digits"]} digits @param {number} chosen @param {string} ink */
    draw(digits, chosen, ink) {
      if (shown !== digits) {
        shown = digits;
        painted = "";
        options.replaceChildren(
          ...digits.map(({ label }, i) => option(i, `a ${label}`, html("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" }))),
          option(-1, "your own", html("span", {}, "Draw")),
        );
      }
      if (painted !== ink) {
        painted = ink;
        options.querySelectorAll("canvas").forEach((canvas, i) => {
          const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
          context.clearRect(0, 0, SIDE, SIDE);
          context.drawImage(shades(digits[i].pixels, SIDE, SIDE, ink), 0, 0);
        });
      }
      for (const input of options.querySelectorAll("input")) input.checked = Number(input.value) === chosen;
    },
  };
}
