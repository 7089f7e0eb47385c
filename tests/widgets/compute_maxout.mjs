// Computes in JavaScript what the tests of MaxoutLab ask for: node compute_maxout.mjs QUESTIONS ANSWERS.

import { readFileSync, writeFileSync } from "node:fs";
import { best, joined } from "../../converge_lib/widgets/maxout_lab/best.js";
import { kept, measured, randomNumbers, reached, start, train } from "../../converge_lib/widgets/maxout_lab/fit.js";
import { GRID, TARGETS, drawn, normalised } from "../../converge_lib/widgets/maxout_lab/targets.js";

const [questions, answers] = process.argv.slice(2);
const { targets = [], knots = [], starts = [], trainings = [], bests = [], keepings = [] } = JSON.parse(readFileSync(questions, "utf8"));
const said = (/** @type {number} */ value) => (Number.isFinite(value) ? value : String(value)); // JSON has no ∞
const finish = (/** @type {Iterator<void, number>} */ work) => {
  for (let now = work.next(); ; now = work.next()) if (now.done) return now.value;
};
const plain = (/** @type {any} */ target) => ({ ...target, values: [...target.values] });

const results = {
  targets: targets.map((name) => plain(normalised(GRID.map(TARGETS[name])))),
  knots: knots.map((each) => plain(normalised(drawn(each)))),
  starts: starts.map(({ kind, units, pieces, seed }) => {
    const next = randomNumbers(seed);
    return { lines: [...start(kind, units, pieces, seed)], numbers: Array.from({ length: 20 }, next) };
  }),
  trainings: trainings.map(({ values, kind, ...settings }) => {
    const run = train(Float64Array.from(values), { ...settings, start: kind });
    const { wins, largest, square } = measured(Float64Array.from(values), run.lines.at(-1), settings.units);
    const end = reached(Float64Array.from(values), run, settings.units);
    return { ...run, lines: run.lines.map((lines) => [...lines]), wins, largest, square, end: said(end.largest) };
  }),
  bests: bests.map(({ values, pieces }) => {
    const v = Float64Array.from(values);
    return { best: finish(best(v, pieces)), joined: joined(v, pieces) };
  }),
  keepings: keepings.map(kept),
};
writeFileSync(answers, JSON.stringify(results));
