// Computes in JavaScript what test_maths.py asks for: node compute.mjs QUESTIONS ANSWERS.

import { readFileSync, writeFileSync } from "node:fs";
import { conditionNumber, eigen, modelCurve, newtonStep, shape } from "../../converge_lib/widgets/core/maths/curvature.js";
import { descend, firstOutside, squareView } from "../../converge_lib/widgets/core/maths/descend.js";
import { surface } from "../../converge_lib/widgets/core/maths/surfaces.js";

const [questions, answers] = process.argv.slice(2);
const { descents, points, matrices } = JSON.parse(readFileSync(questions, "utf8"));

const results = {
  descents: descents.map(({ solver, hyperparameters, name, parameters, start, steps, target, view }) => {
    const run = descend(solver, hyperparameters, surface(name, parameters), start, steps, target ?? undefined);
    return { ...run, path: [...run.path], values: [...run.values], left: firstOutside(run.path, view) };
  }),
  points: points.map(({ name, parameters, at }) => {
    const ground = surface(name, parameters);
    const [gradient, hessian] = [new Float64Array(2), new Float64Array(3)];
    ground.gradient(at[0], at[1], gradient);
    ground.hessian(at[0], at[1], hessian);
    const { minima, start, view } = ground;
    return {
      fun: ground.fun(at[0], at[1]), gradient: [...gradient], hessian: [...hessian],
      minima, start, view, square: squareView(view),
    };
  }),
  matrices: matrices.map(({ hessian, gradient }) => {
    const spectrum = eigen(hessian);
    const step = newtonStep(spectrum, gradient);
    return {
      ...spectrum, step, condition: conditionNumber(spectrum.values), shape: shape(spectrum.values),
      curve: modelCurve(spectrum, step, 1).flat(),
    };
  }),
};
writeFileSync(answers, JSON.stringify(results));
