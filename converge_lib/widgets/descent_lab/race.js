// The race: every shown solver's run, and what can be said of them. No DOM here.

import { descend, firstOutside, squareView } from "../core/maths/descend.js";
import { surface } from "../core/maths/surfaces.js";
import { LOOKS, customLook } from "../core/palette.js";
import { same } from "../core/sanitise.js";

/**
 * @typedef {object} Runner
 * @property {string} id
 * @property {import("../core/palette.js").Look} look
 * @property {ArrayLike<number>} path x and y in turn
 * @property {ArrayLike<number>} values
 * @property {number} steps steps taken
 * @property {"converged" | "steps" | "diverged"} reason
 * @property {number} left first step outside the picture, or -1
 * @property {boolean} stale computed in Python, for another start or surface
 *
 * @typedef {object} Race
 * @property {import("../core/maths/surfaces.js").Surface} surface
 * @property {number[][]} box what the picture shows
 * @property {Runner[]} runners
 * @property {{label: string, error: string}[]} failures readers' solvers that raised an exception
 * @property {number} last the last step that anyone took
 */

/** What a reader's solver in Python must have been computed for to stand beside the others. */
const about = (/** @type {import("./state.js").State} */ state) => ({
  surface: state.surface,
  parameters: state.parameters,
  start: state.start,
  steps: state.steps,
  target: state.target,
});

/** Whether a run in Python was computed for this state; the last bits may differ by their printing. */
const fits = (/** @type {any} */ given, /** @type {any} */ state) =>
  same(given?.surface, state.surface) &&
  close(Object.values(given.parameters ?? {}), Object.values(state.parameters)) &&
  close([...(given.start ?? []), given.steps, given.target], [...state.start, state.steps, state.target]);

const close = (/** @type {any[]} */ a, /** @type {number[]} */ b) =>
  a.length === b.length && b.every((value, i) => Math.abs(a[i] - value) <= 1e-9 * Math.max(1, Math.abs(value)));

/**
 * @param {import("./state.js").State} state
 * @returns {Race}
 */
export function race(state) {
  const ground = surface(state.surface, state.parameters);
  const box = squareView(ground.view);
  /** @type {Runner[]} */
  const runners = state.solvers.map((solver) => {
    const run = descend(solver.name, solver, ground, state.start, state.steps, state.target);
    return { id: solver.name, look: LOOKS[solver.name], ...run, left: firstOutside(run.path, box), stale: false };
  });
  state.custom.forEach((custom, i) => {
    if (custom.error) return;
    const path = custom.path.flat();
    runners.push({
      id: `custom-${i}`,
      look: customLook(i, custom.label),
      path,
      values: custom.values,
      steps: custom.values.length - 1,
      reason: /** @type {any} */ (custom.reason),
      left: firstOutside(path, box),
      stale: !fits(custom.about, about(state)),
    });
  });
  const shown = runners.filter((runner) => !runner.stale);
  return {
    surface: ground,
    box,
    runners,
    failures: state.custom.filter(({ error }) => error),
    last: Math.max(1, ...shown.map(({ steps }) => steps)),
  };
}

/** Those who reached the target, fastest first; a tie keeps the book's order. */
export const finishers = (/** @type {Race} */ { runners }) =>
  runners
    .filter(({ reason, stale }) => reason === "converged" && !stale)
    .sort((a, b) => a.steps - b.steps);

/** Where a runner is at a frame: its own last step if it stopped before. */
export const stepAt = (/** @type {Runner} */ runner, /** @type {number} */ frame) => Math.min(frame, runner.steps);
