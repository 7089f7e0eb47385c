// Play, one step back or forward, and a slider along a training.

import { button } from "../core/controls.js";
import { html, svg, text } from "../core/dom.js";
import { grouped } from "../core/format.js";

const icon = (/** @type {string} */ d) =>
  svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, svg("path", { d }));
const PLAY = "M4 2.5v11l9.5-5.5z";
const PAUSE = "M4 2.5h3v11H4zM9 2.5h3v11H9z";
const BACK = "M11.5 3v10L5.5 8zM4 3h1.5v10H4z";
const FORWARD = "M4.5 3v10l6-5zM10.5 3H12v10h-1.5z";

/**
 * @param {object} options
 * @param {string} options.label of the slider
 * @param {() => void} options.toggle plays or pauses
 * @param {(frame: number) => void} options.goTo
 */
export function transport({ label, toggle, goTo }) {
  let [now, last] = [0, 0];
  const play = button(icon(PLAY), toggle, { label: "Play", kind: "play" });
  const scrubber = html("input", {
    type: "range", min: "0", step: "1", "aria-label": label, oninput: () => goTo(Number(scrubber.value)),
  });
  const counter = html("output", { class: "counter", "aria-live": "off" });
  const element = html(
    "div", { class: "transport", role: "group", "aria-label": "Playback" },
    play,
    button(icon(BACK), () => goTo(Math.max(0, now - 1)), { label: "Earlier" }),
    button(icon(FORWARD), () => goTo(Math.min(last, now + 1)), { label: "Later" }),
    html("span", { class: "scrub" }, scrubber),
    counter,
  );
  return {
    element,
    /** @param {{frame: number, last: number, playing: boolean, step: number, steps: number}} what */
    draw({ frame, last: end, playing, step, steps }) {
      [now, last] = [frame, end];
      const name = playing ? "Pause" : "Play";
      if (play.getAttribute("aria-label") !== name) {
        play.setAttribute("aria-label", name);
        play.replaceChildren(icon(playing ? PAUSE : PLAY));
      }
      scrubber.max = String(last);
      scrubber.value = String(frame);
      scrubber.setAttribute("aria-valuetext", `step ${grouped(step)} of ${grouped(steps)}`);
      scrubber.style.setProperty("--fill", `${(100 * frame) / (last || 1)}%`);
      text(counter, `${grouped(step)} / ${grouped(steps)}`);
    },
  };
}
