// The scale of the map's colours, with a mark at the value of the cell.

import { html, text } from "../core/dom.js";
import { compact } from "../core/format.js";
import { linear } from "../core/scales.js";
import { css } from "./colours.js";

const [TOP, THICK, SIDE] = [9, 14, 14]; // pixels
const HEIGHT = TOP + THICK + 19;

export function createScaleBar() {
  const canvas = html("canvas", { "aria-hidden": "true" });
  const title = html("p", { class: "heading" });
  const element = html("div", { class: "scalebar" }, title, canvas);
  let [width, density] = [0, 1];

  return {
    element,
    resize() {
      const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
      const wide = element.clientWidth;
      if (wide < 40 || (wide === width && ratio === density)) return false;
      [width, density] = [wide, ratio];
      canvas.width = Math.round(width * density);
      canvas.height = Math.round(HEIGHT * density);
      return true;
    },
    /**
     * @param {import("./maps.js").Data} data @param {import("./describe.js").Scene} scene
     * @param {number | null} at the cell to mark
     * @param {(name: string) => string} colour
     */
    draw(data, scene, at, colour) {
      text(title, scene.other === null
        ? "What a cell gives to the score"
        : `What a cell gives more to ${scene.name} than to ${scene.other}`);
      if (!width) return;
      const context = canvas.getContext("2d");
      context.setTransform(density, 0, 0, density, 0, 0);
      context.clearRect(0, 0, width, HEIGHT);
      const [low, high] = scene.domain[0] < scene.domain[1] ? scene.domain : [-1, 1];
      const along = linear([low, high], [SIDE, width - SIDE]);
      for (let x = SIDE; x < width - SIDE; x++) {
        context.fillStyle = css(scene.relative(along.invert(x + 0.5) * data.cells));
        context.fillRect(x, TOP, 1.5, THICK);
      }
      context.strokeStyle = colour("rule");
      context.strokeRect(SIDE - 0.5, TOP - 0.5, width - 2 * SIDE + 1, THICK + 1);
      context.font = "11px system-ui, sans-serif";
      context.textAlign = "center";
      context.fillStyle = colour("muted");
      for (const value of along.ticks(width > 300 ? 7 : 5)) {
        context.fillRect(along(value) - 0.5, TOP + THICK, 1, 4);
        context.fillText(`${value > 0 ? "+" : ""}${compact(value)}`, along(value), HEIGHT - 3);
      }
      if (at === null) return;
      const x = along(scene.map[at] / data.cells);
      context.fillStyle = colour("ink");
      context.beginPath();
      context.moveTo(x, TOP + 3);
      context.lineTo(x - 5, 0);
      context.lineTo(x + 5, 0);
      context.fill();
    },
  };
}
