// Contours of f − f*, spaced evenly in the logarithm, painted on a canvas.

import { contours } from "d3-contour";

const LEVELS = 15;

/**
 * The contours of f in a box, as polygons in units of the box ([0, 1], upwards).
 * @param {(x: number, y: number) => number} fun
 * @param {number[][]} box
 * @param {number} size points along each side
 */
export function contourLines(fun, [[left, right], [bottom, top]], size) {
  const heights = new Float64Array(size * size);
  for (let j = 0, k = 0; j < size; j++) {
    const y = bottom + ((j + 0.5) / size) * (top - bottom);
    for (let i = 0; i < size; i++, k++) {
      const x = left + ((i + 0.5) / size) * (right - left);
      const height = Math.log10(fun(x, y));
      heights[k] = Number.isFinite(height) ? Math.min(height, 300) : height > 0 ? 300 : -300;
    }
  }
  const sorted = Float64Array.from(heights).sort();
  const low = sorted[Math.floor(0.02 * sorted.length)];
  const high = sorted[Math.floor(0.98 * sorted.length)];
  const thresholds = Array.from({ length: LEVELS }, (_, i) => low + ((high - low) * i) / (LEVELS - 1));
  return contours()
    .size([size, size])
    .thresholds([...new Set(thresholds)])(/** @type {any} */ (heights))
    .map(({ coordinates }) =>
      coordinates.flat().map((ring) => ring.map(([x, y]) => [x / size, y / size])),
    );
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number[][][][]} lines from contourLines
 * @param {number} width @param {number} height in pixels
 * @param {(name: string) => string} colour
 */
export function paintContours(context, lines, width, height, colour) {
  context.fillStyle = colour("valley");
  context.fillRect(0, 0, width, height);
  lines.forEach((rings, level) => {
    context.beginPath();
    for (const ring of rings) {
      ring.forEach(([x, y], i) => {
        if (i) context.lineTo(x * width, (1 - y) * height);
        else context.moveTo(x * width, (1 - y) * height);
      });
      context.closePath();
    }
    context.globalAlpha = 1 / (LEVELS - level + 1);
    context.fillStyle = colour("ridge");
    context.fill("evenodd");
    context.globalAlpha = 1;
    context.strokeStyle = colour("contour");
    context.lineWidth = 0.75;
    context.stroke();
  });
}
