// The race: every shown solver's run, and what can be said of them. No DOM here.

import { METHODS, minimise } from "../core/maths/methods.js";
import { descend, firstOutside, squareView } from "../core/maths/descend.js";
import { surface } from "../core/maths/surfaces.js";
import { LOOKS, customLook } from "../core/palette.js";
import { same } from "../core/sanitise.js";
import { STEPS } from "./state.js";

/**
 * @typedef {object} Runner
 * @property {string} id
 * @property {import("../core/palette.js").Look} look
 * @property {ArrayLike<number>} path x and y in turn
 * @property {ArrayLike<number>} values
 * @property {ArrayLike<number>} costs gradients spent on reaching each point
 * @property {number} steps steps taken
 * @property {"converged" | "stationary" | "steps" | "diverged" | "stalled"} reason
 * @property {import("../core/maths/hessian_free.js").Iteration[]} [log] of Hessian-free
 * @property {number} left first step outside the picture, or -1
 * @property {boolean} stale computed in Python, for another start or surface
 *
 * @typedef {object} Race
 * @property {import("../core/maths/surfaces.js").Surface} surface
 * @property {number[][]} box what the picture shows
 * @property {Runner[]} runners
 * @property {{label: string, error: string}[]} failures readers' solvers that raised an exception
 * @property {number} last the cost at which all have ended: the last frame
 */

/** A first-order step costs one gradient. */
const STEP_COSTS = Float64Array.from({ length: STEPS[1] + 1 }, (_, k) => k);
/** By how much a sum of thirds may miss a whole number. */
const ROUNDING = 1e-6;

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
 * @param {import("./state.js").Custom[]} [customs]
 * @returns {Race}
 */
export function race(state, customs = []) {
  const ground = surface(state.surface, state.parameters);
  const box = squareView(ground.view);
  /** @type {Runner[]} */
  const runners = state.solvers.map((solver) => {
    const { name } = solver;
    const run = (name in METHODS ? minimise : descend)(name, solver, ground, state.start, state.steps, state.target);
    const left = firstOutside(run.path, box);
    return { costs: STEP_COSTS, ...run, id: name, look: LOOKS[name], left, stale: false };
  });
  customs.forEach((custom, i) => {
    if (custom.error) return;
    const path = custom.path.flat();
    runners.push({
      id: `custom-${i}`,
      look: customLook(i, custom.label),
      path,
      values: custom.values,
      costs: STEP_COSTS,
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
    failures: customs.filter(({ error }) => error),
    last: Math.max(1, ...shown.map((runner) => frameOf(spent(runner)))),
  };
}

/** What a runner's way cost, in gradients. */
export const spent = (/** @type {Runner} */ { costs, steps }) => costs[steps];

/** Those who reached the target, cheapest first; a tie keeps the book's order. */
export const finishers = (/** @type {Race} */ { runners }) =>
  runners
    .filter(({ reason, stale }) => reason === "converged" && !stale)
    .sort((a, b) => spent(a) - spent(b));

/** The first frame at which what costs so much is there. */
const frameOf = (/** @type {number} */ cost) => Math.ceil(cost - ROUNDING);

/** The last step that a runner has paid for at a frame. */
export function stepAt(/** @type {Runner} */ { costs, steps }, /** @type {number} */ frame) {
  let [low, high] = [0, steps];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (costs[middle] <= frame + ROUNDING) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** The iteration that a Hessian-free runner is in the midst of at a frame; after its end the last one. */
export const iterationAt = (/** @type {Runner} */ { log }, /** @type {number} */ frame) =>
  log?.find(({ cost }) => cost > frame + ROUNDING) ?? log?.at(-1);

/** The next frame, or with −1 the one before, at which a runner makes a step. */
export function neighbour(/** @type {Race} */ { runners, last }, /** @type {number} */ frame, /** @type {number} */ direction) {
  const shown = runners.filter(({ stale }) => !stale);
  const settled = (/** @type {number} */ at) =>
    Math.max(0, ...shown.map((runner) => frameOf(runner.costs[stepAt(runner, at)])));
  if (direction < 0) return settled(settled(frame) - 1);
  const moving = shown.filter((runner) => stepAt(runner, frame) < runner.steps);
  return Math.min(last, ...moving.map((runner) => frameOf(runner.costs[stepAt(runner, frame) + 1])));
}
