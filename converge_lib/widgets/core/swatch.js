// A stroke of a line with its marker: what ties a name to its curve.

import { svg } from "./dom.js";
import { outline } from "./palette.js";

/** @param {import("./palette.js").Look} look */
export function swatch(look) {
  const drawing = svg("svg", { class: "swatch", viewBox: "0 0 30 14", width: 30, height: 14, "aria-hidden": "true" });
  drawing.style.setProperty("--own", `var(--${look.colour})`);
  drawing.append(
    svg("path", { class: "line", d: "M1,7H20", "stroke-dasharray": look.dash.join(" ") }),
    svg("path", { class: "marker", d: outline(look.marker, 4.5), transform: "translate(23,7)" }),
  );
  return drawing;
}
