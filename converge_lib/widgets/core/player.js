// A clock that runs a figure from its present frame to its last.

import { prefersReducedMotion } from "./theme.js";

const SHORTEST = 2500;
const LONGEST = 8000;

/**
 * @param {object} options
 * @param {() => {frame: number, last: number}} options.position
 * @param {(frame: number) => void} options.show
 * @param {() => void} options.stopped
 */
export function player({ position, show, stopped }) {
  let request = 0;

  function stop() {
    if (!request) return;
    cancelAnimationFrame(request);
    request = 0;
    stopped();
  }

  function play() {
    const { frame, last } = position();
    if (prefersReducedMotion()) {
      show(last);
      stopped();
      return;
    }
    const from = frame >= last ? 0 : frame;
    const speed = last / Math.min(LONGEST, Math.max(SHORTEST, last * 16));
    /** @type {number | undefined} */ let begun;
    const tick = (/** @type {number} */ now) => {
      begun ??= now;
      const at = Math.min(from + Math.floor((now - begun) * speed), position().last);
      request = requestAnimationFrame(tick);
      show(at);
      if (at >= position().last) stop();
    };
    request = requestAnimationFrame(tick);
  }

  return { play, stop, playing: () => request !== 0 };
}
