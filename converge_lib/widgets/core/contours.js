// Contours of f − f*, spaced evenly in the logarithm, painted on a canvas.

import { contours } from "d3-contour";

const LEVELS = 15;

/**
 * The contours of f in a box, as polygons in units of the grid, upwards. The grid reaches a point
 * beyond the box on each side: at its own edge d3-contour bends every line.
 * @param {(x: number, y: number) => number} fun
 * @param {number[][]} box
 * @param {number} size points along each side
 */
export function contourLines(fun, [[left, right], [bottom, top]], size) {
  const points = size + 2;
  const heights = new Float64Array(points * points);
  for (let j = 0, k = 0; j < points; j++) {
    const y = bottom + ((j - 0.5) / size) * (top - bottom);
    for (let i = 0; i < points; i++, k++) {
      const x = left + ((i - 0.5) / size) * (right - left);
      const height = Math.log10(fun(x, y));
      heights[k] = Number.isFinite(height) ? Math.min(height, 300) : height > 0 ? 300 : -300;
    }
  }
  const sorted = Float64Array.from(heights).sort();
  const low = sorted[Math.floor(0.02 * sorted.length)];
  const high = sorted[Math.floor(0.98 * sorted.length)];
  const thresholds = Array.from({ length: LEVELS }, (_, i) => low + ((high - low) * i) / (LEVELS - 1));
  const levels = contours().size([points, points]).thresholds([...new Set(thresholds)]);
  return { size, polygons: levels(/** @type {any} */ (heights)).map(({ coordinates }) => coordinates.flat()) };
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ReturnType<typeof contourLines>} lines
 * @param {number} width @param {number} height in pixels
 * @param {(name: string) => string} colour
 */
export function paintContours(context, lines, width, height, colour) {
  context.fillStyle = colour("valley");
  context.fillRect(0, 0, width, height);
  const [sx, sy] = [width / lines.size, height / lines.size];
  lines.polygons.forEach((rings, level) => {
    context.beginPath();
    for (const ring of rings) {
      context.moveTo((ring[0][0] - 1) * sx, height - (ring[0][1] - 1) * sy);
      for (let i = 1; i < ring.length; i++) context.lineTo((ring[i][0] - 1) * sx, height - (ring[i][1] - 1) * sy);
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
