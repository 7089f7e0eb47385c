// Computes in JavaScript what the tests of the charts ask for: node compute_charts.mjs QUESTIONS ANSWERS.

import { readFileSync, writeFileSync } from "node:fs";
import { surface } from "../../converge_lib/widgets/core/maths/surfaces.js";
import { bound, eigenvalues, measure, predicted, tuned } from "../../converge_lib/widgets/curvature_spectrum/spectrum.js";
import { emptyCurve, limit, run, sweep } from "../../converge_lib/widgets/rate_finder/sweep.js";

const [questions, answers] = process.argv.slice(2);
const { spectra = [], bounds = [], runs = [], sweeps = [], limits = [] } = JSON.parse(readFileSync(questions, "utf8"));
const finish = (/** @type {Iterator<void>} */ work) => {
  while (!work.next().done);
};
const said = (/** @type {number} */ value) => (Number.isFinite(value) ? value : String(value)); // JSON has no ∞

const results = {
  spectra: spectra.map(({ distribution, condition, n, positions, methods }) => {
    const values = eigenvalues(distribution, condition, n, positions);
    const measured = methods.map((method) => {
      const into = { ks: [], values: [], steps: null };
      finish(measure(method, values, into));
      return into;
    });
    return { values: [...values], measured };
  }),
  bounds: bounds.map(({ method, condition, k }) => ({
    bound: bound(method, condition, k), predicted: predicted(method, condition), ...tuned(method, condition),
  })),
  runs: runs.map(({ name, rate, of, parameters, ...options }) => {
    const { values, loss, cost } = run(name, rate, { surface: surface(of, parameters), ...options });
    return { values: [...values], loss: said(loss), cost: said(cost) };
  }),
  sweeps: sweeps.map(({ name, of, parameters, ...options }) => {
    const curve = emptyCurve();
    finish(sweep(name, { surface: surface(of, parameters), ...options }, curve));
    return { ...curve, losses: curve.losses.map(said), costs: curve.costs.map(said) };
  }),
  limits: limits.map(({ name, curvature, momentum }) => limit(name, curvature, momentum)?.rate ?? null),
};
writeFileSync(answers, JSON.stringify(results));
