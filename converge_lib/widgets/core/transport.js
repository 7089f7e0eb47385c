// The playback bar: play and pause, one step back or forward, a slider along the way, and how far it is.

import { button } from "./controls.js";
import { html, svg, text } from "./dom.js";
import { grouped } from "./format.js";
import { player } from "./player.js";

const icon = (/** @type {string} */ d) =>
  svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, svg("path", { d }));
const PLAY = "M4 2.5v11l9.5-5.5z";
const PAUSE = "M4 2.5h3v11H4zM9 2.5h3v11H9z";
const BACK = "M11.5 3v10L5.5 8zM4 3h1.5v10H4z";
const FORWARD = "M4.5 3v10l6-5zM10.5 3H12v10h-1.5z";

/**
 * @param {object} options
 * @param {string} options.label of the slider
 * @param {[string, string]} options.steps labels of the buttons that go one step back and forward
 * @param {() => {frame: number, last: number}} options.position as the figure's state has it
 * @param {(frame: number, direction: number) => number} [options.neighbour] one step from a frame
 * @param {(frame: number) => void} options.goTo puts a frame into the figure's state
 * @param {(at: number, of: number) => string} options.says the counter for who does not see it
 * @param {() => void} options.redraw
 */
export function transport({
  label, steps, position, neighbour = (frame, direction) => frame + direction, goTo, says, redraw,
}) {
  /** @type {number | null} */ let played = null; // the frame while it plays: the state has it at the end
  /** @type {(() => void) | undefined} */ let ended;

  function frame() {
    const { frame: kept, last } = position();
    return Math.min(played ?? kept, last);
  }

  const clock = player({
    position: () => ({ frame: frame(), last: position().last }),
    show(at) {
      played = at;
      redraw();
    },
    stopped() {
      const at = frame();
      played = null;
      goTo(at);
      ended?.();
      redraw();
    },
  });

  /** @param {number} [from] where it is, by default @param {() => void} [then] once it has ended or was stopped */
  function play(from = frame(), then = undefined) {
    clock.stop();
    [played, ended] = [from, then];
    clock.play();
    redraw();
  }

  function jump(/** @type {number} */ to) {
    clock.stop();
    goTo(Math.max(0, Math.min(position().last, to)));
  }

  const toggle = button(icon(PLAY), () => (clock.playing() ? clock.stop() : play()), { label: "Play", kind: "play" });
  const [back, forward] = [BACK, FORWARD].map((drawing, i) =>
    button(icon(drawing), () => jump(neighbour(frame(), 2 * i - 1)), { label: steps[i] }));
  const scrubber = html("input", {
    type: "range", min: "0", step: "1", "aria-label": label, oninput: () => jump(Number(scrubber.value)),
  });
  const counter = html("output", { class: "counter", "aria-live": "off" });

  return {
    element: html(
      "div", { class: "transport", role: "group", "aria-label": "Playback" },
      toggle, back, forward, html("span", { class: "scrub" }, scrubber), counter,
    ),
    /** What is to be shown. */
    frame,
    playing: clock.playing,
    play,
    stop: clock.stop,
    /** @param {{at: number, of: number, disabled?: boolean}} what at, of: what the counter says */
    draw({ at, of, disabled = false }) {
      const name = clock.playing() ? "Pause" : "Play";
      if (toggle.getAttribute("aria-label") !== name) {
        toggle.setAttribute("aria-label", name);
        toggle.replaceChildren(icon(clock.playing() ? PAUSE : PLAY));
      }
      const [now, { last }] = [frame(), position()];
      scrubber.max = String(last);
      scrubber.value = String(now);
      scrubber.setAttribute("aria-valuetext", says(at, of));
      scrubber.style.setProperty("--fill", `${(100 * now) / (last || 1)}%`);
      text(counter, `${grouped(at)} / ${grouped(of)}`);
      for (const control of [toggle, back, forward, scrubber]) control.disabled = disabled;
    },
  };
}
