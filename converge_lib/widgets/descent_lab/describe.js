// The figure in words, for who cannot see it and for who wants to be sure. No DOM here.

import { conditionNumber, eigen, newtonStep, shape } from "../core/maths/curvature.js";
import { compact, coordinate, grouped, joined, power } from "../core/format.js";
import { finishers, iterationAt, spent, stepAt } from "./race.js";

/** @typedef {import("./race.js").Race} Race */
/** @typedef {import("./race.js").Runner} Runner */
/** @typedef {import("./state.js").State} State */

export const SURFACE_NAMES = {
  rosenbrock: "Rosenbrock’s valley",
  quadratic: "Quadratic bowl",
  beale: "Beale’s function",
  himmelblau: "Himmelblau’s function",
  saddle: "Saddle",
  plateau: "Plateau",
};

/** @typedef {ReturnType<typeof localModel>} LocalModel */

/** 10⁻⁶ for a power of ten, else three digits. */
export const targetName = (/** @type {number} */ target) =>
  Number.isInteger(Math.log10(target)) ? power(Math.log10(target)) : compact(target);

const gradients = (/** @type {number} */ n) => `${grouped(n)} ${n === 1 ? "gradient" : "gradients"}`;
const steps = (/** @type {number} */ n) => `${grouped(n)} ${n === 1 ? "step" : "steps"}`;

/** A cost in gradients, which may hold thirds. */
const amount = (/** @type {number} */ cost) => grouped(Number(cost.toFixed(1)));
/** What the steps cost, where that is not one gradient each. */
const price = (/** @type {Runner} */ runner) =>
  spent(runner) === runner.steps ? "" : ` (${amount(spent(runner))} gradients)`;
const ended = (/** @type {Runner} */ runner, /** @type {number} */ frame) => stepAt(runner, frame) === runner.steps;

/** How a run ended, in a few words for a card: "343 steps", "f = 0.02", "overflow after 61". */
export function outcome(/** @type {Runner} */ runner) {
  if (runner.reason === "converged") return `${steps(runner.steps)}${price(runner)}`;
  if (runner.reason === "diverged") return `overflow after ${grouped(runner.steps)}`;
  const rests = { stationary: "rests at ", stalled: "stuck at " }[/** @type {string} */ (runner.reason)] ?? "";
  return `${rests}f = ${compact(runner.values[runner.steps], 2)}`;
}

/** "left the view after 4 steps, overflow after 61" */
function trouble(/** @type {Runner} */ runner, /** @type {number} */ frame) {
  const said = [];
  if (runner.left >= 0 && runner.left <= stepAt(runner, frame)) said.push(`left the view after ${steps(runner.left)}`);
  if (runner.reason === "diverged" && ended(runner, frame)) {
    said.push(`overflow after ${said.length ? grouped(runner.steps) : steps(runner.steps)}`);
  }
  return said.join(", ");
}

/** "is at f − f* = 0.02", or why it is there for good. */
function standing(/** @type {Runner} */ runner, /** @type {number} */ frame) {
  const value = `f − f* = ${compact(runner.values[stepAt(runner, frame)], 2)}`;
  if (!ended(runner, frame)) return `is at ${value}`;
  if (runner.reason === "stationary") return `comes to rest at ${value}, where the gradient is zero`;
  return runner.reason === "stalled" ? `finds nothing lower than ${value}` : `is at ${value}`;
}

/** What Hessian-free is doing: its damping and its conjugate gradient. */
function describeIteration(/** @type {Runner} */ runner, /** @type {number} */ frame) {
  const iteration = iterationAt(runner, frame);
  if (!iteration) return [];
  const { damping, cg_steps: inner, rate } = iteration;
  return [
    `${runner.look.label} ${ended(runner, frame) ? "ended with" : "now has"} damping λ = ${compact(damping, 2)} ` +
    `and ${steps(inner)} of conjugate gradient${rate === 0 ? ": it stays where it is" : ""}.`,
  ];
}

/**
 * What the race looks like at a frame.
 * @param {State} state @param {Race} race @param {number} frame
 */
export function describeRace(state, race, frame) {
  const present = race.runners.filter(({ stale }) => !stale);
  const sentences = [];
  if (present.length === 0) sentences.push("No solver is shown.");
  else {
    sentences.push(
      `From (${state.start.map(coordinate).join(", ")}), ${frame >= race.last ? "" : "so far "}after ${gradients(frame)}:`,
    );
    const here = finishers(race).filter((runner) => ended(runner, frame));
    const clauses = here.map((runner, i) =>
      i === 0
        ? `${runner.look.label} gets below ${targetName(state.target)} in ${steps(runner.steps)}${price(runner)}`
        : `${runner.look.label} in ${grouped(runner.steps)}${price(runner)}`,
    );
    for (const runner of present.filter((one) => !here.includes(one))) {
      const bad = trouble(runner, frame);
      const value = standing(runner, frame);
      const finished = runner.reason === "diverged" && ended(runner, frame);
      clauses.push(`${runner.look.label} ${finished ? bad : bad ? `${bad} and ${value}` : value}`);
    }
    sentences[0] += ` ${clauses.join("; ")}.`;
    sentences.push(...present.flatMap((runner) => describeIteration(runner, frame)));
  }
  for (const { look } of race.runners.filter(({ stale }) => stale)) {
    sentences.push(`${look.label} was computed in Python for another setting: to follow, it needs a live notebook.`);
  }
  for (const { label, error } of race.failures) sentences.push(`${label} failed: ${error}.`);
  return sentences.join(" ");
}

/**
 * The local model at a point: its numbers and what they mean.
 * @param {import("../core/maths/surfaces.js").Surface} surface
 * @param {number[]} at
 * @param {number} damping that is added to both eigenvalues
 */
export function localModel(surface, at, damping = 0) {
  const gradient = new Float64Array(2);
  const hessian = new Float64Array(3);
  surface.gradient(at[0], at[1], gradient);
  surface.hessian(at[0], at[1], hessian);
  hessian[0] += damping;
  hessian[2] += damping;
  const spectrum = eigen(hessian);
  const step = newtonStep(spectrum, gradient);
  return {
    at,
    damping,
    gradient,
    eigen: spectrum,
    step,
    shape: shape(spectrum.values),
    condition: conditionNumber(spectrum.values),
  };
}

const MEANING = {
  bowl: "The model is a bowl, and Newton’s step goes to its minimum.",
  saddle: "No minimum: the model is a saddle here, and Newton’s step goes to the saddle, not down.",
  dome: "No minimum: the model is a dome here, and Newton’s step climbs to its top.",
  flat: "The model is flat in some direction here, so that Newton’s step does not exist.",
};

/** @param {LocalModel} model */
export function describeModel({ at, damping, gradient, eigen: { values }, shape: kind, condition }) {
  return (
    `At (${at.map(coordinate).join(", ")}): ‖∇f‖ = ${compact(Math.hypot(...gradient))}, ` +
    `λ₁ = ${compact(values[0])}, λ₂ = ${compact(values[1])}` +
    `${damping ? `, damping λ = ${compact(damping, 2)} included` : ""}` +
    `${kind === "bowl" ? `, κ = ${compact(condition)}` : ""}. ${MEANING[kind]}`
  );
}

/**
 * The verdict on a prediction.
 * @param {State} state @param {Race} race @param {string} guess a runner's id, or "none"
 */
export function verdict(state, race, guess) {
  const order = finishers(race);
  const target = targetName(state.target);
  const best = order.filter((runner) => spent(runner) === spent(order[0]));
  const right = order.length === 0 ? guess === "none" : best.some(({ id }) => id === guess);
  const truth =
    order.length === 0
      ? `none gets below ${target} within ${gradients(state.steps)}`
      : `${joined(best.map(({ look }) => look.label))} ${best.length > 1 ? "get" : "gets"} there first`;
  const rest = race.runners.filter((runner) => !runner.stale && !order.includes(runner));
  const ranking = [
    ...order.map((runner) => `${runner.look.label} ${amount(spent(runner))}`),
    ...rest.map(({ look, reason }) => `${look.label} ${reason === "diverged" ? "diverged" : "not there"}`),
  ];
  return {
    right,
    sentence: `${right ? "Right" : "Not so"}: ${truth}. Cost in gradients: ${ranking.join(" · ")}.`,
  };
}
