// Pictures of a few pixels on a canvas, each pixel a square with sharp edges.

import { html } from "./dom.js";

/**
 * Values as shades of one colour: 0 shows what lies below, 1 the colour.
 * @param {ArrayLike<number>} values by rows
 * @param {HTMLCanvasElement} [canvas] to be painted again, where shades follow one another
 */
export function shades(values, /** @type {number} */ width, /** @type {number} */ height, /** @type {string} */ colour, canvas = html("canvas")) {
  Object.assign(canvas, { width, height });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) image.data[4 * i + 3] = 255 * Math.min(1, Math.max(0, values[i]));
  context.putImageData(image, 0, 0);
  context.globalCompositeOperation = "source-in";
  context.fillStyle = colour;
  context.fillRect(0, 0, width, height);
  return canvas;
}

/** Pixels in their own colours. @param {Uint8ClampedArray<ArrayBuffer>} bytes red, green, blue and opacity of each, by rows */
export function pixels(bytes, /** @type {number} */ width, /** @type {number} */ height) {
  const canvas = html("canvas", { width, height });
  canvas.getContext("2d").putImageData(new ImageData(bytes, width, height), 0, 0);
  return canvas;
}

/** A canvas that fills its element's width, at the screen's own density. */
export function fitted(/** @type {HTMLElement} */ element, /** @type {HTMLCanvasElement} */ canvas) {
  let [width, height, density] = [0, 0, 1];
  return {
    width: () => width,
    height: () => height,
    /** Whether the element has another width. */
    resize() {
      const now = Math.round(element.clientWidth);
      const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
      if (now < 20 || (now === width && ratio === density)) return false;
      [width, density] = [now, ratio];
      return true;
    },
    /** A cleared context in the page's pixels; `ratio` is that of the height to the width. */
    context(/** @type {number} */ ratio) {
      height = Math.round(width * ratio);
      element.style.height = `${height}px`;
      const [w, h] = [width, height].map((size) => Math.max(1, Math.round(size * density)));
      if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
      context.setTransform(density, 0, 0, density, 0, 0);
      context.clearRect(0, 0, width, height);
      context.imageSmoothingEnabled = false;
      return context;
    },
  };
}
