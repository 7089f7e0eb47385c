// CurvatureSpectrum: the reader shapes the eigenvalues of a quadratic, and sees how fast gradient
// descent, momentum and conjugate gradient are on it, beside what theory promises.

import { createChart } from "../core/chart.js";
import { select, slider } from "../core/controls.js";
import { html } from "../core/dom.js";
import { compact, grouped } from "../core/format.js";
import { same } from "../core/sanitise.js";
import { slices } from "../core/slices.js";
import { stage } from "../core/stage.js";
import { table } from "../core/table.js";
import { DISTRIBUTION_NAMES, METHOD_LOOKS, describe, slope, slopeName, verdict } from "./describe.js";
import { createRug } from "./rug.js";
import { FLOOR, METHODS, TARGET, bound, eigenvalues, measure, predicted } from "./spectrum.js";
import { CLUSTERS, CONDITION, SHARED, SIZE, even, initialPositions, sanitise } from "./state.js";

/** The condition numbers of the chart at the right. */
const SWEEP = Array.from({ length: 9 }, (_, i) => 10 ** (1 + i / 2));
const GUESSES = [1, 1000];
const FIRST_GUESS = 10;
/** So that a drag shows at least what is quick. */
const QUICKEST_FIRST = [...METHODS].reverse();

/** @typedef {Record<import("./spectrum.js").Method, import("./spectrum.js").Measured>} Runs */

/** @returns {Runs} */
const noRuns = () =>
  /** @type {any} */ (Object.fromEntries(METHODS.map((method) => [method, { ks: [], values: [], steps: null }])));

/** @param {{model: any, el: HTMLElement}} context */
function render(context) {
  /** @type {import("./state.js").State | null} */ let measured = null; // the state that the runs are of
  /** @type {Float64Array} */ let values = new Float64Array(0);
  let runs = noRuns();
  /** @type {Runs[]} one for each condition number of the sweep */ let sweep = [];
  let guess = FIRST_GUESS;

  const figure = stage(context, {
    shared: SHARED,
    sanitise,
    draw,
    speak,
    settled: () => METHODS.every((method) => runs[method].steps !== null),
    answerField: () => bet.element.querySelector("input"),
    cleared() {
      guess = FIRST_GUESS;
    },
    resize: () => [rug.resize(), curves.resize(), slopes.resize()],
  });
  const { update } = figure;
  const work = slices(figure.schedule);

  function* measuring() {
    for (const method of QUICKEST_FIRST) yield* measure(method, values, runs[method]);
    for (const [i, condition] of SWEEP.entries()) {
      const spectrum = eigenvalues(figure.state.distribution, condition, figure.state.n, figure.state.positions);
      for (const method of METHODS) {
        if (sweep[i][method].steps === null) sweep[i] = { ...sweep[i], [method]: noRuns()[method] };
        if (sweep[i][method].steps === null) yield* measure(method, spectrum, sweep[i][method]);
      }
    }
  }

  function remeasure() {
    const { state } = figure;
    const shape = (/** @type {any} */ of) => of && [of.distribution, of.n, of.positions];
    if (!same(shape(measured), shape(state))) sweep = SWEEP.map(noRuns);
    measured = state;
    values = eigenvalues(state.distribution, state.condition, state.n, state.positions);
    runs = noRuns();
    work.start(measuring());
  }

  // ── What the reader sees and touches ─────────────────────────────────────────────────────────

  const distribution = select({
    label: "Distribution of the eigenvalues",
    options: Object.entries(DISTRIBUTION_NAMES),
    onChange: (name) => update({ distribution: name, positions: initialPositions(name) }),
  });
  const condition = slider({
    label: "Condition number", name: "condition", symbol: "κ",
    low: CONDITION[0], high: CONDITION[1], kind: "log", step: 0.025, format: compact,
    onInput: (value) => update({ condition: value }),
  });
  const size = slider({
    label: "Number of eigenvalues", name: "eigenvalues", symbol: "n",
    low: SIZE[0], high: SIZE[1], step: 1, format: grouped,
    onInput: (value) => update({ n: value }),
  });
  const clusters = slider({
    label: "Number of clusters", name: "clusters",
    low: CLUSTERS[0], high: CLUSTERS[1], step: 1, format: grouped,
    onInput: (value) => update({ positions: even(value) }),
  });
  const rug = createRug({
    onCondition: (value) => update({ condition: Number(value.toPrecision(3)) }),
    onPosition: (i, share) =>
      update({ positions: figure.state.positions.map((other, j) => (j === i ? Number(share.toFixed(4)) : other)) }),
  });
  const curves = createChart("curves");
  const slopes = createChart("slopes");
  const numbers = table("Steps to 10⁻⁶, in theory and measured", ["theory, at most", "measured", "slope in κ"]);
  const plots = html("div", { class: "plots" }, curves.element, slopes.element);
  const bet = slider({
    label: "Your guess: steps of conjugate gradient", name: "steps",
    low: GUESSES[0], high: GUESSES[1], kind: "log", step: 0.02, format: grouped,
    onInput(value) {
      guess = Math.max(1, Math.round(value));
      figure.schedule();
    },
  });

  // ── Drawing, at most once a frame ────────────────────────────────────────────────────────────

  function draw(/** @type {boolean} */ hidden) {
    const { state } = figure;
    if (!measured || SHARED.some((name) => !same(measured?.[name], state[name]))) remeasure();
    distribution.set(state.distribution);
    condition.set(state.condition);
    size.set(state.n);
    clusters.element.hidden = state.distribution !== "clusters";
    clusters.set(state.positions.length + 2);
    rug.draw(state, values);
    drawCurves(hidden);
    drawSlopes(hidden);
    numbers.draw(METHODS.map((method) => {
      const took = runs[method].steps;
      return {
        key: method,
        look: METHOD_LOOKS[method],
        cells: [
          { text: grouped(predicted(method, state.condition)) },
          { text: hidden ? "?" : took === null ? "…" : grouped(took) },
          { text: hidden ? "?" : slopeName(slopeOf(method)) },
        ],
      };
    }));
    bet.set(guess);
    plots.setAttribute("aria-busy", String(work.busy()));
  }

  /** Steps against κ, as far as they are measured. */
  const points = (/** @type {import("./spectrum.js").Method} */ method) =>
    SWEEP.flatMap((x, i) => (sweep[i][method].steps === null ? [] : [{ x, y: sweep[i][method].steps ?? 0 }]));

  function slopeOf(/** @type {import("./spectrum.js").Method} */ method) {
    const found = points(method);
    return found.length < SWEEP.length ? NaN : slope(SWEEP, found.map(({ y }) => y));
  }

  function drawCurves(/** @type {boolean} */ hidden) {
    const { state } = figure;
    const most = predicted("GradientDescent", state.condition, FLOOR);
    const ks = Array.from({ length: 90 }, (_, i) => most ** (i / 89));
    const top = Math.max(1, ...ks.map((k) => bound("Momentum", state.condition, k)));
    curves.draw({
      x: { domain: [1, most], log: true, title: "cost, in gradients or products" },
      y: { domain: [FLOOR, 1.5 * top], log: true, title: "f − f*, as a share of the start" },
      lines: METHODS.flatMap((method) => {
        const { colour: name } = METHOD_LOOKS[method];
        const theory = { xs: ks, ys: ks.map((k) => bound(method, state.condition, k)), colour: name, dash: [4, 4], width: 1.2 };
        const { ks: xs, values: ys } = runs[method];
        return hidden ? [theory] : [theory, { xs: xs.slice(1), ys: ys.slice(1), colour: name, width: 2.2 }];
      }),
      marks: METHODS.map((method) => {
        const { label, short, colour: name, marker } = METHOD_LOOKS[method];
        const { ks: xs, values: ys, steps } = runs[method];
        if (!hidden && xs.length) {
          return steps === null
            ? { x: xs[xs.length - 1], y: ys[ys.length - 1], label: `${short ?? label} …`, colour: name, marker }
            : { x: steps, y: TARGET, label: short ?? label, colour: name, marker };
        }
        return { x: predicted(method, state.condition, 1e-3), y: 1e-3, label: short ?? label, colour: name };
      }),
      rules: [{ y: TARGET, label: "10⁻⁶", kind: "target" }],
    }, figure.colour);
  }

  /** @returns {import("../core/chart.js").Mark[]} */
  function slopeMarks(/** @type {import("./spectrum.js").Method} */ method, /** @type {boolean} */ hidden) {
    const { short, label: name, colour: own, marker } = METHOD_LOOKS[method];
    const label = short ?? name;
    if (hidden) return [{ x: 1e4, y: predicted(method, 1e4), label, colour: own, lower: 12 }];
    const found = points(method);
    const took = runs[method].steps;
    return [
      ...found.map(({ x, y }, i) => (
        { x, y, colour: own, marker, size: 2.4, lower: 12, label: i === found.length - 3 ? label : "" })),
      ...(took === null ? [] : [{ x: figure.state.condition, y: took, colour: own, marker, label: "" }]),
    ];
  }

  function drawSlopes(/** @type {boolean} */ hidden) {
    const top = predicted("GradientDescent", CONDITION[1]);
    slopes.draw({
      x: { domain: [CONDITION[0] * 0.8, CONDITION[1] * 1.25], log: true, title: "condition number κ" },
      y: { domain: [1, top * 2], log: true, title: "steps to 10⁻⁶" },
      lines: METHODS.flatMap((method) => {
        const { colour: name } = METHOD_LOOKS[method];
        const theory = { xs: SWEEP, ys: SWEEP.map((kappa) => predicted(method, kappa)), colour: name, dash: [4, 4], width: 1.2 };
        const found = hidden ? [] : points(method);
        return [theory, { xs: found.map(({ x }) => x), ys: found.map(({ y }) => y), colour: name, width: 1.2 }];
      }),
      marks: METHODS.flatMap((method) => slopeMarks(method, hidden)),
      rules: [{ x: figure.state.condition, kind: "faint" }],
    }, figure.colour);
  }

  function speak() {
    if (figure.hidden()) return { said: "What was measured is hidden until you commit to an answer." };
    const took = runs.ConjugateGradient.steps;
    return {
      said: describe(figure.state, values, runs),
      answer: took === null ? null : verdict(guess, took, values),
    };
  }

  return figure.show({
    name: "curvature-spectrum",
    bars: [[distribution.element, condition.element, size.element, clusters.element]],
    question: [html("p", {}, "In how many steps does conjugate gradient get below 10⁻⁶?"), bet.element],
    body: [
      rug.element,
      plots,
      html("p", { class: "note" }, "Solid lines and points are measured, dashed lines are the most that theory allows for any spectrum from 1 to κ."),
      figure.readout,
      numbers.element,
    ],
    close: work.stop,
  });
}

export default { render };
