// RateFinder: what is left of f after some steps, against the learning rate, for each solver.

import { createChart } from "../core/chart.js";
import { select, slider, toggle } from "../core/controls.js";
import { html, text } from "../core/dom.js";
import { compact, grouped } from "../core/format.js";
import { SOLVERS } from "../core/maths/solvers.js";
import { PARAMETERS, surface } from "../core/maths/surfaces.js";
import { LOOKS } from "../core/palette.js";
import { slices } from "../core/slices.js";
import { slide } from "../core/slide.js";
import { stage } from "../core/stage.js";
import { swatch } from "../core/swatch.js";
import { table } from "../core/table.js";
import { MEASURE_NAMES, SURFACE_NAMES, describe, outcome, targetName, verdict } from "./describe.js";
import { MOMENTUM, SHARED, STEPS, sanitise } from "./state.js";
import { RATES, best, emptyCurve, limit, run, sweep } from "./sweep.js";

const LOWEST = 1e-16; // what is below is rounding
const KEPT = 60; // curves, for when a solver or a setting comes back

/** @typedef {{curve: import("./sweep.js").Curve, filling: Generator<void, void>}} Kept */

/** @param {{model: any, el: HTMLElement}} context */
function render(context) {
  let worked = ""; // what the work going on is for
  /** @type {Map<string, Kept>} */ const kept = new Map();
  /** @type {Record<string, import("./sweep.js").Curve>} */ let curves = {};
  /** @type {Record<string, ReturnType<typeof run>>} */ let runs = {};
  let guess = 0;

  const figure = stage(context, {
    shared: SHARED,
    fixed: ["target"],
    sanitise,
    draw,
    speak,
    settled: () => !work.busy(),
    askable: ({ solvers }) => solvers.length > 0,
    answerField: () => cursor.element,
    committed() {
      guess = figure.state.rate;
    },
    resize: () => [losses.resize(), path.resize()],
  });
  const { update } = figure;
  const work = slices(figure.schedule);
  const setting = () => ({ ...figure.state, surface: surface(figure.state.surface, figure.state.parameters) });

  /** The curves of the solvers shown, of which those not finished are worked on. */
  function recall() {
    const { state } = figure;
    const shared = setting();
    const entries = state.solvers.map((name) => {
      const momentum = "momentum" in SOLVERS[name].initial ? state.momentum : null;
      const key = JSON.stringify([name, state.surface, state.parameters, state.steps, state.target, momentum]);
      if (!kept.has(key)) {
        const curve = emptyCurve();
        kept.set(key, { curve, filling: sweep(name, shared, curve) });
      }
      return /** @type {const} */ ([name, key]);
    });
    curves = Object.fromEntries(entries.map(([name, key]) => [name, /** @type {Kept} */ (kept.get(key)).curve]));
    runs = Object.fromEntries(state.solvers.map((name) => [name, run(name, state.rate, shared)]));
    const wanted = entries.map(([, key]) => key);
    if (worked === wanted.join()) return;
    worked = wanted.join();
    for (const key of kept.keys()) {
      if (kept.size > KEPT && !wanted.includes(key)) kept.delete(key);
    }
    work.start(turns(wanted.map((key) => /** @type {Kept} */ (kept.get(key)).filling)));
  }

  /** Every one in its turn, so that all curves become finer together. */
  function* turns(/** @type {Generator<void, void>[]} */ open) {
    while (open.length) {
      open = open.filter((one) => !one.next().done);
      yield;
    }
  }

  // ── What the reader sees and touches ─────────────────────────────────────────────────────────

  const chooser = select({
    label: "Surface",
    options: Object.entries(SURFACE_NAMES),
    onChange: (name) => update({ surface: name, parameters: {} }),
  });
  const parameters = Object.entries(PARAMETERS).flatMap(([of, entries]) =>
    Object.entries(entries).map(([key, { symbol, label, low, high, log }]) => ({
      of,
      key,
      control: slider({
        label, name: key, symbol, low, high,
        kind: log ? "log" : "linear",
        step: log ? 0.025 : 0.01,
        format: key === "rotation" ? (value) => `${Math.round((value * 180) / Math.PI)}°`.replace("-", "−") : compact,
        onInput: (value) => update({ parameters: { ...figure.state.parameters, [key]: value } }),
      }),
    })),
  );
  const measures = select({
    label: "What is measured",
    options: Object.entries(MEASURE_NAMES),
    onChange: (measure) => update({ measure }),
  });
  const budget = slider({
    label: "Steps of each run", name: "steps", low: STEPS[0], high: STEPS[1], kind: "log", format: grouped,
    onInput: (value) => update({ steps: value }),
  });
  const momentum = slider({
    label: "Momentum", name: "momentum", symbol: "μ", low: MOMENTUM[0], high: MOMENTUM[1], kind: "decay", format: compact,
    onInput: (value) => update({ momentum: value }),
  });
  const chips = Object.keys(SOLVERS).map((name) => ({
    name,
    control: toggle({
      content: [swatch(LOOKS[name]), LOOKS[name].label],
      onToggle: (on) => update({ solvers: on ? [...figure.state.solvers, name] : figure.state.solvers.filter((other) => other !== name) }),
    }),
  }));
  const cursor = slide({ label: "Learning rate", log: true, format: compact, onMove: moveCursor });
  const losses = createChart("losses");
  losses.element.append(cursor.element);
  losses.element.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (/** @type {Element} */ (event.target).closest(".handle")) return;
    moveCursor(losses.x().invert(event.clientX - losses.element.getBoundingClientRect().left));
  });
  const path = createChart("path");
  const numbers = table("Best rate, loss and cliff of each solver", ["", "", "", ""]);
  const plots = html("div", { class: "plots" }, losses.element, path.element);
  const question = html("p");

  function moveCursor(/** @type {number} */ rate) {
    update({ rate: Number(rate.toPrecision(3)) });
  }

  // ── Drawing, at most once a frame ────────────────────────────────────────────────────────────

  function draw(/** @type {boolean} */ hidden) {
    const { state } = figure;
    recall();
    chooser.set(state.surface);
    for (const { of, key, control } of parameters) {
      control.element.hidden = of !== state.surface;
      if (of === state.surface) control.set(state.parameters[key]);
    }
    measures.set(state.measure);
    budget.set(state.steps);
    momentum.set(state.momentum);
    for (const { name, control } of chips) control.set(state.solvers.includes(name));
    drawLosses(hidden);
    drawPath(hidden);
    drawTable(hidden);
    if (hidden) {
      const goal = state.measure === "loss" ? `lowest after ${grouped(state.steps)} steps` : "soonest at the target";
      text(question, `${LOOKS[state.solvers[0]].label}: at which rate is it ${goal}? Move η there.`);
    }
    plots.setAttribute("aria-busy", String(work.busy()));
  }

  const before = () => {
    const { fun, start } = surface(figure.state.surface, figure.state.parameters);
    return fun(start[0], start[1]);
  };

  /** From below the lowest loss to well above the start. */
  function lossDomain() {
    const found = Object.values(curves).flatMap((curve) => best(curve, "loss")?.loss ?? []);
    const low = Math.max(LOWEST, Math.min(before() / 100, ...found));
    return [10 ** Math.floor(Math.log10(low)), before() * 1e3];
  }

  /** How high a cliff begins. */
  const edgeOf = (/** @type {boolean} */ byLoss) => (byLoss ? before() : Math.sqrt(figure.state.steps));

  function drawLosses(/** @type {boolean} */ hidden) {
    const { state } = figure;
    const byLoss = state.measure === "loss";
    const domain = byLoss ? lossDomain() : [1, state.steps * 1.5];
    const shown = hidden ? [] : state.solvers;
    const { hessian, minima } = surface(state.surface, state.parameters);
    const curvature = new Float64Array(3);
    hessian(minima[0][0], minima[0][1], curvature);
    const [xx, xy, yy] = curvature;
    const steepest = (xx + yy + Math.hypot(xx - yy, 2 * xy)) / 2;
    losses.draw({
      x: { domain: [RATES.low, RATES.high], log: true, title: "learning rate η" },
      y: {
        domain, log: true,
        title: byLoss ? `f − f* after ${grouped(state.steps)} steps` : `steps to ${targetName(state.target)}`,
      },
      lines: shown.flatMap((name) => {
        const { colour: own, dash } = LOOKS[name];
        const { rates, losses: all, costs, cliff } = curves[name];
        const ys = byLoss ? all : costs;
        const end = cliff ? rates.findIndex((rate) => rate >= cliff.rate) : rates.length;
        const edge = cliff ? [{ xs: [cliff.rate, cliff.rate], ys: [edgeOf(byLoss), 1e300], colour: own, dash: [2, 2], width: 1.5 }] : [];
        return [
          { xs: rates.slice(0, end + 1), ys: ys.slice(0, end + 1), colour: own, dash },
          { xs: rates.slice(end), ys: ys.slice(end), colour: own, dash, alpha: 0.35 },
          ...edge,
        ];
      }),
      marks: [...shown.map((name) => {
        const { colour: own, marker, label, short } = LOOKS[name];
        const { loss, cost } = runs[name];
        const y = byLoss ? Math.max(loss, LOWEST) : Number.isNaN(cost) ? domain[1] : Math.max(cost, 1);
        return { x: state.rate, y, colour: own, marker, label: y >= domain[1] ? `${short ?? label} ↑` : short ?? label };
      }), ...shown.flatMap((name) => {
        const { cliff } = curves[name];
        if (!cliff || shown.length > 4) return [];
        const says = losses.width() < 380 ? "↑" : cliff.diverges ? "diverges from" : "above its start from";
        return [{ x: cliff.rate, y: edgeOf(byLoss), colour: LOOKS[name].colour, label: `${says} ${compact(cliff.rate)}` }];
      })],
      rules: [
        { x: state.rate, label: `η = ${compact(state.rate)}`, kind: "cursor", colour: "accent" },
        ...(byLoss ? [{ y: before(), label: "start", kind: "target" }] : []),
        ...(hidden || state.surface !== "quadratic" ? [] : state.solvers.flatMap((name) => {
          const theory = limit(name, steepest, state.momentum);
          return theory ? [{ x: theory.rate, label: theory.formula, kind: "faint", colour: LOOKS[name].colour }] : [];
        })),
      ],
    }, figure.colour);
    cursor.set(state.rate, [RATES.low, RATES.high], losses.x(), losses.edges().bottom);
  }

  function drawPath(/** @type {boolean} */ hidden) {
    const { state } = figure;
    const domain = lossDomain();
    const shown = hidden ? [] : state.solvers;
    path.draw({
      x: { domain: [0, state.steps], log: false, title: "steps" },
      y: { domain, log: true, title: `f − f* on the way, at η = ${compact(state.rate)}` },
      lines: shown.map((name) => {
        const { values, loss } = runs[name];
        const ys = loss === Infinity ? [...values, 1e300] : values;
        return { xs: Array.from(ys, (_, k) => k), ys, colour: LOOKS[name].colour, dash: LOOKS[name].dash };
      }),
      marks: shown.map((name) => {
        const { colour: own, marker, label, short } = LOOKS[name];
        const { values, at, loss } = runs[name];
        const out = values.findIndex((f) => f > domain[1]);
        const k = out >= 0 ? out : loss === Infinity ? values.length - 1 : at;
        const y = loss === Infinity || out >= 0 ? domain[1] : Math.max(loss, LOWEST);
        return { x: k, y, colour: own, marker, label: y >= domain[1] ? `${short ?? label} ↑` : short ?? label };
      }),
      rules: state.measure === "cost" ? [{ y: state.target, label: `target ${targetName(state.target)}`, kind: "target" }] : [],
    }, figure.colour);
  }

  function drawTable(/** @type {boolean} */ hidden) {
    const { measure } = figure.state;
    numbers.element.hidden = figure.state.solvers.length === 0;
    numbers.draw(
      figure.state.solvers.map((name) => {
        const found = best(curves[name], measure);
        const here = runs[name];
        const said = [
          found ? compact(found.rate) : "none",
          found ? outcome(measure, found) : "–",
          outcome(measure, here),
          curves[name].cliff ? compact(curves[name].cliff.rate) : curves[name].done ? "none" : "…",
        ];
        return {
          key: name,
          look: LOOKS[name],
          cells: said.map((content, i) => ({ text: hidden ? "?" : content, bad: !hidden && i === 2 && !(here.loss <= before()) })),
        };
      }),
      ["best η", measure === "loss" ? "f − f* there" : "steps there", `at η = ${compact(figure.state.rate)}`, "above its start from"],
    );
  }

  function speak() {
    const name = figure.state.solvers[0];
    if (figure.hidden()) return { said: "The curves are hidden until you commit to a rate." };
    return {
      said: describe(figure.state, curves, runs, RATES.high),
      answer: name ? verdict(figure.state, name, curves[name], guess, runs[name]) : null,
    };
  }

  return figure.show({
    name: "rate-finder",
    bars: [
      [chooser.element, measures.element],
      [...parameters.map(({ control }) => control.element), budget.element, momentum.element],
    ],
    question: [question],
    body: [
      plots,
      figure.readout,
      html("div", { class: "chips", role: "group", "aria-label": "Solvers" }, ...chips.map(({ control }) => control.element)),
      numbers.element,
    ],
    close: work.stop,
  });
}

export default { render };
