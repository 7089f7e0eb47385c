// The state of the figure: what the traits, a link or a reader's hand say, made sound.

import { squareView } from "../core/maths/descend.js";
import { METHODS } from "../core/maths/methods.js";
import { SOLVERS } from "../core/maths/solvers.js";
import { PARAMETERS, SURFACES, surface } from "../core/maths/surfaces.js";
import { HYPERPARAMETERS } from "../core/palette.js";
import { choice, list, number, point, record, string, whole } from "../core/sanitise.js";
import tuned from "./tuned.json" with { type: "json" };

export const STEPS = [10, 10_000];
export const SHOW = ["gradient", "ellipse", "eigenvectors", "newton"];
/** Every solver's hyperparameters unless set, in the book's order. */
export const INITIAL = Object.fromEntries(
  Object.entries({ ...SOLVERS, ...METHODS }).map(([name, { initial }]) => [name, initial]),
);
const SHOWN = ["GradientDescent", "Momentum", "Adam"];

/** What a link carries, and what the model stores. */
export const SHARED = ["surface", "parameters", "start", "solvers", "steps", "frame", "probe", "show"];

/**
 * @typedef {object} Custom a reader's own solver, computed in Python
 * @property {string} label
 * @property {number[][]} path
 * @property {number[]} values
 * @property {string} reason
 * @property {string} error
 * @property {any} about surface, parameters, start, steps and target that it was computed for
 *
 * @typedef {object} State
 * @property {string} surface
 * @property {Record<string, number>} parameters
 * @property {number[]} start
 * @property {({name: string} & Record<string, any>)[]} solvers those shown, with hyperparameters
 * @property {number} steps the budget of each solver in gradients, hence the most steps
 * @property {number} target
 * @property {number | null} frame the cost up to which the race is shown; null for its end
 * @property {number[] | string | null} probe where the local model is: a point, a solver's head, or the start
 * @property {string[]} show parts of the local model
 * @property {boolean} predict whether the reader is asked before the race is shown
 * @property {string} key
 * @property {string} label
 */

/** The hyperparameters with which a solver opens on a surface. */
export const tunedFor = (/** @type {string} */ on, /** @type {string} */ name) => ({ name, ...tuned[on][name] });

/**
 * A state from anything at all. Never throws.
 * @param {unknown} given
 * @returns {State}
 */
export function sanitise(given) {
  const raw = record(given);
  const name = choice(raw.surface, SURFACES, "rosenbrock");
  /** @type {Record<string, number>} */ const parameters = {};
  for (const [key, { low, high, initial }] of Object.entries(PARAMETERS[name] ?? {})) {
    parameters[key] = number(record(raw.parameters)[key], initial, low, high);
  }
  const ground = surface(name, parameters);
  const box = squareView(ground.view);
  const steps = whole(raw.steps, 800, ...STEPS);
  return {
    surface: name,
    parameters,
    start: point(raw.start, ground.start, box),
    solvers: Array.isArray(raw.solvers)
      ? solvers(raw.solvers, name)
      : SHOWN.map((solver) => tunedFor(name, solver)),
    steps,
    target: number(raw.target, 1e-6, 1e-12, 1e3),
    frame: Number.isFinite(raw.frame) ? whole(raw.frame, 0, 0, steps) : null,
    probe: choice(raw.probe, Object.keys(INITIAL), null) ?? point(raw.probe, null, box),
    show: SHOW.filter((part) => list(raw.show).includes(part)),
    predict: raw.predict === true,
    key: string(raw.key, "", 60) || "descent-lab",
    label: string(raw.label, "") || "Solvers race down a surface",
  };
}

/** Built-in solvers in the book's order, each once, with sound hyperparameters. */
function solvers(/** @type {any[]} */ given, /** @type {string} */ on) {
  return Object.keys(INITIAL).flatMap((name) => {
    const found = given.find((entry) => entry === name || record(entry).name === name);
    return found ? [hyperparameters(name, record(found), on)] : [];
  });
}

function hyperparameters(/** @type {string} */ name, /** @type {any} */ given, /** @type {string} */ on) {
  const sound = tunedFor(on, name);
  for (const key of Object.keys(sound)) {
    if (key === "betas") {
      const [first, second] = list(given.betas);
      sound.betas = [
        number(first, sound.betas[0], ...HYPERPARAMETERS.beta1.limit),
        number(second, sound.betas[1], ...HYPERPARAMETERS.beta2.limit),
      ];
    } else if (key !== "name") {
      sound[key] = hyperparameter(key, given[key], sound[key], INITIAL[name][key] === null);
    }
  }
  return sound;
}

function hyperparameter(/** @type {string} */ key, /** @type {any} */ value, /** @type {any} */ fallback, /** @type {boolean} */ optional) {
  const { kind, limit } = HYPERPARAMETERS[key];
  if (kind === "switch") return typeof value === "boolean" ? value : fallback;
  if (optional && value === null) return null;
  return (kind === "whole" ? whole : number)(value, fallback, ...limit);
}

/** The readers' own solvers, from their trait. Never throws. */
export const customRuns = (/** @type {unknown} */ given) => list(record(given).custom_runs).slice(0, 8).map(custom);

/** @returns {Custom} */
function custom(/** @type {unknown} */ given) {
  const raw = record(given);
  const values = list(raw.values).slice(0, STEPS[1] + 1);
  const path = list(raw.path).slice(0, values.length);
  const whole = path.length === values.length && values.every(Number.isFinite);
  const pairs = path.every((p) => list(p).length === 2 && p.every(Number.isFinite));
  const error = string(raw.error, "");
  return {
    label: string(raw.label, "", 40) || "your solver",
    path: whole && pairs ? path : [],
    values: whole && pairs ? values : [],
    reason: choice(raw.reason, ["converged", "steps", "diverged"], "steps"),
    error: error || (whole && pairs && path.length ? "" : "no path was computed"),
    about: raw.about ?? null,
  };
}
