// The channels that give most to a class's score, each with its map, and what all others add up to.

import { html, keyed, set, text } from "../core/dom.js";
import { grouped, joined } from "../core/format.js";
import { painted as pixelsOf } from "./colours.js";
import { signed } from "./describe.js";

export function createChannels() {
  const heading = html("p", { class: "heading" });
  const tiles = html("div", { class: "tiles" });
  const note = html("p", { class: "note" });
  const element = html("div", { class: "channels" }, heading, tiles, note);
  const makeTiles = keyed(tiles, () =>
    html("div", { class: "tile" }, html("canvas", { role: "img" }), html("strong"), html("span")));
  /** @type {unknown} */ let painted = null;

  return {
    element,
    /** @param {import("./maps.js").Data} data @param {import("./state.js").State} state @param {boolean} hidden */
    draw(data, { index, other }, hidden) {
      const found = data.tiles.get(index) ?? [];
      element.hidden = hidden || data.tiles.size === 0 || other !== null;
      if (element.hidden || painted === found) return;
      painted = found;
      text(heading, `The channels that give most to ${data.names[index]}`);
      heading.hidden = found.length === 0;
      const largest = found.reduce((most, { map }) => map.reduce((a, b) => Math.max(a, Math.abs(b)), most), 0) || 1;
      makeTiles(found.map(({ channel }) => String(channel))).forEach((tile, i) => {
        const { channel, weight, gives, map } = found[i];
        const [canvas, given, name] = tile.children;
        [canvas.width, canvas.height] = [data.columns, data.rows];
        const pixels = new ImageData(pixelsOf(map, (value) => value / largest), data.columns, data.rows);
        canvas.getContext("2d").putImageData(pixels, 0, 0);
        set(canvas, { "aria-label": `Map of channel ${channel}, weight ${signed(weight)}` });
        text(given, signed(gives));
        text(name, `channel ${channel}`);
        if (tiles.children[i] !== tile) tiles.insertBefore(tile, tiles.children[i]);
      });
      const sum = found.reduce((a, { gives }) => a + gives, 0);
      const rest = data.scores[index] - data.biases[index] - sum;
      const others = data.channels - found.length;
      text(note, found.length
        ? `Each map is w·f, and its mean w·F is what the channel gives. Together ${signed(sum)}`
          + (others > 0 ? `; the ${grouped(others)} others ${signed(rest)}.` : ".")
        : `The page keeps the channels of the likeliest classes only: ${joined([...data.tiles.keys()].filter((i) => i in data.names).map((i) => data.names[i]))}.`);
    },
  };
}
