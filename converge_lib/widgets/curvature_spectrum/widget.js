// CurvatureSpectrum: the reader shapes the eigenvalues of a quadratic, and sees how fast gradient
// descent, momentum and conjugate gradient are on it, beside what theory promises.

import { createChart } from "../core/chart.js";
import { button, select, slider } from "../core/controls.js";
import { html, text } from "../core/dom.js";
import { compact, grouped } from "../core/format.js";
import { connect } from "../core/model.js";
import { same } from "../core/sanitise.js";
import { sharing } from "../core/share.js";
import { slices } from "../core/slices.js";
import { table } from "../core/table.js";
import { colours, followTheme } from "../core/theme.js";
import { DISTRIBUTION_NAMES, METHOD_LOOKS, describe, slope, slopeName, verdict } from "./describe.js";
import { createRug } from "./rug.js";
import { FLOOR, METHODS, TARGET, bound, eigenvalues, measure, predicted } from "./spectrum.js";
import { CLUSTERS, CONDITION, SHARED, SIZE, even, initialPositions, sanitise } from "./state.js";

const TRAITS = [...SHARED, "predict", "key", "label"];
const QUIET = 700; // before the readout speaks, so that it says the end of a drag and not the way there
/** The condition numbers of the chart at the right. */
const SWEEP = Array.from({ length: 9 }, (_, i) => 10 ** (1 + i / 2));
const GUESSES = [1, 1000];
/** So that a drag shows at least what is quick. */
const QUICKEST_FIRST = [...METHODS].reverse();

/** @typedef {Record<import("./spectrum.js").Method, import("./spectrum.js").Measured>} Runs */

/** @returns {Runs} */
const noRuns = () =>
  /** @type {any} */ (Object.fromEntries(METHODS.map((method) => [method, { ks: [], values: [], steps: null }])));

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const host = connect(model, TRAITS, changed);
  const initial = sanitise(Object.fromEntries(TRAITS.map((name) => [name, host.read(name)])));
  let state = initial;
  /** @type {import("./state.js").State | null} */ let measured = null; // the state that the runs are of
  /** @type {Float64Array} */ let values = new Float64Array(0);
  let runs = noRuns();
  /** @type {Runs[]} one for each condition number of the sweep */ let sweep = [];
  let frame = 0;
  let colour = (/** @type {string} */ name) => name;
  let speakTimer = 0;
  let spoken = ""; // what the readout says, or is about to
  /** @type {"asking" | "revealed" | null} */ let quiz = state.predict ? "asking" : null;
  let guess = 10;

  // ── The state, and what follows from a change of it ──────────────────────────────────────────

  /** Take a change from the reader's hand: sanitise it, draw it, store it. */
  function update(/** @type {Record<string, any>} */ patch) {
    const before = state;
    state = sanitise({ ...state, ...patch });
    const changes = SHARED.filter((name) => !same(before[name], state[name]));
    if (changes.length === 0) return;
    if (quiz === "revealed") quiz = null;
    host.write(Object.fromEntries(changes.map((name) => [name, state[name]])));
    schedule();
  }

  /** Take a change from the host. */
  function changed(/** @type {string} */ name) {
    const before = state.predict;
    state = sanitise({ ...state, [name]: host.read(name) });
    if (before !== state.predict) quiz = state.predict ? "asking" : null;
    schedule();
  }

  function schedule() {
    frame ||= requestAnimationFrame(draw);
  }

  const work = slices(schedule);

  function* measuring() {
    for (const method of QUICKEST_FIRST) yield* measure(method, values, runs[method]);
    for (const [i, condition] of SWEEP.entries()) {
      const spectrum = eigenvalues(state.distribution, condition, state.n, state.positions);
      for (const method of METHODS) {
        if (sweep[i][method].steps === null) sweep[i] = { ...sweep[i], [method]: noRuns()[method] };
        if (sweep[i][method].steps === null) yield* measure(method, spectrum, sweep[i][method]);
      }
    }
  }

  function remeasure() {
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
      update({ positions: state.positions.map((other, j) => (j === i ? Number(share.toFixed(4)) : other)) }),
  });
  const curves = createChart("curves");
  const slopes = createChart("slopes");
  const numbers = table("Steps to 10⁻⁶, in theory and measured", ["theory, at most", "measured", "slope in κ"]);
  const plots = html("div", { class: "plots" }, curves.element, slopes.element);
  const readout = html("p", { class: "readout", role: "status", "aria-live": "polite" });
  const predictButton = button("Predict first", ask);
  const share = sharing(
    el,
    () => state.key,
    () => Object.fromEntries(SHARED.map((name) => [name, state[name]])),
    (shared) => update(Object.fromEntries(SHARED.filter((name) => name in shared).map((name) => [name, shared[name]]))),
  );
  const bet = slider({
    label: "Your guess: steps of conjugate gradient", name: "steps",
    low: GUESSES[0], high: GUESSES[1], kind: "log", step: 0.02, format: grouped,
    onInput(value) {
      guess = Math.max(1, Math.round(value));
      schedule();
    },
  });
  const quizPanel = html(
    "div", { class: "quiz" },
    html("p", {}, "In how many steps does conjugate gradient get below 10⁻⁶?"),
    bet.element,
    html("div", { class: "actions" }, button("Reveal", reveal, { kind: "primary" }), button("Cancel", cancel)),
  );
  const root = html(
    "div",
    { class: "converge charts curvature-spectrum", role: "group", "aria-label": initial.label },
    html(
      "div", { class: "bar" }, distribution.element, condition.element, size.element, clusters.element,
      html("span", { class: "spring" }), predictButton, share.button, button("Reset", reset),
    ),
    share.field, quizPanel, rug.element,
    plots,
    html("p", { class: "note" }, "Solid lines and points are measured, dashed lines are the most that theory allows for any spectrum from 1 to κ."),
    readout, numbers.element,
  );

  // ── Predict, then reveal ─────────────────────────────────────────────────────────────────────

  function ask() {
    quiz = "asking";
    schedule();
    quizPanel.hidden = false;
    bet.element.querySelector("input")?.focus();
  }

  function cancel() {
    quiz = null;
    schedule();
    predictButton.disabled = false;
    predictButton.focus();
  }

  function reveal() {
    quiz = "revealed";
    schedule();
    predictButton.disabled = false;
    predictButton.focus();
  }

  function reset() {
    quiz = initial.predict ? "asking" : null;
    guess = 10;
    share.field.hidden = true;
    update(Object.fromEntries(SHARED.map((name) => [name, initial[name]])));
    schedule();
  }

  // ── Drawing, at most once a frame ────────────────────────────────────────────────────────────

  function draw() {
    frame = 0;
    if (!measured || SHARED.some((name) => !same(measured?.[name], state[name]))) remeasure();
    const hidden = quiz === "asking";

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
    quizPanel.hidden = !hidden;
    predictButton.disabled = hidden;
    bet.set(guess);
    plots.setAttribute("aria-busy", String(work.busy()));
    const about = JSON.stringify([state, quiz, METHODS.every((method) => runs[method].steps !== null)]);
    if (about === spoken) return;
    spoken = about;
    clearTimeout(speakTimer);
    if (METHODS.every((method) => runs[method].steps !== null)) speakTimer = setTimeout(speak, readout.textContent ? QUIET : 0);
  }

  /** Steps against κ, as far as they are measured. */
  const points = (/** @type {import("./spectrum.js").Method} */ method) =>
    SWEEP.flatMap((x, i) => (sweep[i][method].steps === null ? [] : [{ x, y: sweep[i][method].steps ?? 0 }]));

  function slopeOf(/** @type {import("./spectrum.js").Method} */ method) {
    const found = points(method);
    return found.length < SWEEP.length ? NaN : slope(SWEEP, found.map(({ y }) => y));
  }

  function drawCurves(/** @type {boolean} */ hidden) {
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
    }, colour);
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
      ...(took === null ? [] : [{ x: state.condition, y: took, colour: own, marker, label: "" }]),
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
      rules: [{ x: state.condition, kind: "faint" }],
    }, colour);
  }

  function speak() {
    const hidden = quiz === "asking";
    const took = runs.ConjugateGradient.steps;
    const answer = quiz === "revealed" && took !== null ? verdict(guess, took, values) : null;
    readout.classList.toggle("right", Boolean(answer?.right));
    readout.classList.toggle("wrong", Boolean(answer && !answer.right));
    const said = hidden
      ? "What was measured is hidden until you commit to an answer."
      : describe(state, values, runs);
    text(readout, answer ? `${answer.sentence} ${said}` : said);
  }

  // ── Life in the page ─────────────────────────────────────────────────────────────────────────

  function repaint() {
    colour = colours(root);
    schedule();
  }

  el.append(root);
  const unfollow = followTheme(root, repaint);
  repaint();
  const observer = new ResizeObserver(() => requestAnimationFrame(() => {
    const sized = [rug.resize(), curves.resize(), slopes.resize()];
    if (sized.includes(true)) schedule();
  }));
  observer.observe(root);
  share.listen();

  return () => {
    cancelAnimationFrame(frame);
    frame = -1; // nothing is drawn any more
    work.stop();
    clearTimeout(speakTimer);
    observer.disconnect();
    unfollow();
    share.close();
    host.close();
    root.remove();
  };
}

export default { render };
