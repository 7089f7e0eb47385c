// MaxoutLab: gradient descent bends the lines of one maxout unit, or of two whose difference counts,
// into a target that the reader picks or draws, beside the best that so many lines can do.

import { createChart } from "../core/chart.js";
import { button, select, slider } from "../core/controls.js";
import { html, text } from "../core/dom.js";
import { compact, coordinate, grouped } from "../core/format.js";
import { same } from "../core/sanitise.js";
import { slices } from "../core/slices.js";
import { slide } from "../core/slide.js";
import { stage } from "../core/stage.js";
import { table } from "../core/table.js";
import { transport } from "../core/transport.js";
import { slopeName } from "../curvature_spectrum/describe.js";
import { best, joined } from "./best.js";
import {
  DESCENT_LOOK, MANY, START_NAMES, TARGET_NAMES, describe, errorName, exponent, largestOf, lineLook, ratioName, referenceLook, verdict, winsName,
} from "./describe.js";
import { measured, reached, stretches, train, training, winner } from "./fit.js";
import { PIECES, RATE, SHARED, STEPS, TRAINING, sanitise } from "./state.js";
import { GRID, KNOT_PLACES, TARGETS, between, drawn, normalised, ownFunction } from "./targets.js";

const MARGIN = 1.35; // of a chart of the target, whose values go from −1 to 1
const NARROWEST = 0.05; // stretch of the interval that gets its line's number
const GUESSES = [0.02, 2]; // error with twice as many lines, as a share of the error now
const FIRST_GUESS = 1;
const NAMED_FROM = 6; // lines, from which on a curve of errors has its name

/** @param {{model: any, el: HTMLElement}} context */
function render(context) {
  /** @type {Record<string, any> | null} */ let trained = null; // the state that all below is of
  let trainedOn = null; // the reader's own function then
  let target = normalised(GRID);
  /** @type {import("./fit.js").Run} */ let run = { steps: [0], lines: [], diverged: null };
  /** @type {Map<number, import("./fit.js").Measured>} by k */ let descent = new Map();
  /** @type {Map<number, number>} by k */ let reference = new Map();
  let guess = FIRST_GUESS;

  const figure = stage(context, {
    shared: SHARED,
    data: ["samples", "interval", "name"],
    prepare: ownFunction,
    sanitise,
    draw,
    speak,
    settled() {
      const { pieces: k } = figure.state;
      return !playback.playing() && [k, 2 * k].every((many) => reference.has(many) && descent.has(many));
    },
    askable() {
      recall();
      const now = descent.get(figure.state.pieces)?.largest ?? 0;
      return now > 1e-9 && now < Infinity;
    },
    halt: () => playback.stop(),
    answerField: () => bet.element.querySelector("input"),
    cleared() {
      guess = FIRST_GUESS;
    },
    resize: () => [fit, errors, ...unitCharts].map((chart) => chart.resize()),
  });
  const { update } = figure;
  const work = slices(figure.schedule);
  /** Change what is trained: what is shown is then its end. */
  const retrain = (/** @type {Record<string, any>} */ patch) => {
    playback.stop();
    update({ ...patch, step: null });
  };

  // ── What is computed ─────────────────────────────────────────────────────────────────────────

  /** See to it that the run and the errors are those of the state. */
  function recall() {
    const { state, data } = figure;
    const before = trained;
    const changed = (/** @type {string[]} */ names) => !before || names.some((name) => !same(before[name], state[name]));
    const another = changed(["target"]) || trainedOn !== data || (state.target === "drawn" && changed(["knots"]));
    const fresh = another || changed(TRAINING);
    if (!fresh && !changed(["pieces"])) return;
    if (another) target = targetOf(state);
    if (another || changed(["units"])) reference = new Map();
    if (fresh) descent = new Map();
    [trained, trainedOn] = [state, data];
    run = train(target.values, state);
    descent.set(state.pieces, reached(target.values, run, state.units));
    work.start(comparing(state));
  }

  function targetOf(/** @type {import("./state.js").State} */ { target: name, knots }) {
    if (name === "own" && figure.data) return figure.data.target;
    return normalised(name === "drawn" ? drawn(knots) : GRID.map(TARGETS[name]));
  }

  /** The errors for other numbers of lines, those first that are asked for. */
  function* comparing(/** @type {import("./state.js").State} */ state) {
    const { values } = target;
    for (const k of [state.pieces, 2 * state.pieces, ...MANY]) {
      if (!reference.has(k)) reference.set(k, state.units === 1 ? yield* best(values, k) : joined(values, k));
      if (!descent.has(k)) descent.set(k, reached(values, yield* training(values, { ...state, pieces: k }), state.units));
      yield;
    }
  }

  const last = () => run.lines.length - 1;
  /** Whether what is shown is the end of a training that ran away. */
  const isOver = () => run.diverged !== null && playback.frame() === last();

  const facts = () => {
    const { state, data } = figure;
    const frame = playback.frame();
    const over = isOver();
    return {
      name: state.target === "own" ? data?.name ?? "" : state.target === "drawn" ? "What you drew" : TARGET_NAMES[state.target],
      target,
      shown: over ? /** @type {import("./fit.js").Measured} */ (descent.get(state.pieces)) : measured(target.values, run.lines[frame], state.units),
      step: over ? Number(run.diverged) : run.steps[frame],
      diverged: run.diverged,
      descent,
      reference,
    };
  };

  // ── What the reader sees and touches ─────────────────────────────────────────────────────────

  const chooser = select({
    label: "Target function",
    options: Object.entries(TARGET_NAMES),
    onChange: (name) => retrain(name === "drawn" ? { target: name, knots: knotsNow() } : { target: name }),
  });
  /** Drawing begins from the target that was there. */
  const knotsNow = () => KNOT_PLACES.map((place) => Number(between(place, GRID, target.values).toFixed(3)));
  const units = select({
    label: "Units",
    options: [["1", "One unit"], ["2", "Two units, subtracted"]],
    onChange: (value) => retrain({ units: Number(value) }),
  });
  const start = select({
    label: "Start of the training",
    options: Object.entries(START_NAMES),
    onChange: (value) => retrain({ start: value }),
  });
  const again = button("New start", () => retrain({ seed: figure.state.seed + 1 }));
  const pieces = slider({
    label: "Lines of each unit", name: "lines of a unit", symbol: "k", low: PIECES[0], high: PIECES[1], kind: "whole", format: grouped,
    onInput: (value) => retrain({ pieces: value }),
  });
  const rate = slider({
    label: "Learning rate", name: "learning rate", symbol: "η", low: RATE[0], high: RATE[1], kind: "log", format: compact,
    onInput: (value) => retrain({ rate: value }),
  });
  const steps = slider({
    label: "Steps of gradient descent", name: "steps", low: STEPS[0], high: STEPS[1], kind: "log", format: grouped,
    onInput: (value) => retrain({ steps: value }),
  });

  const fit = createChart("fit");
  const unitCharts = [createChart("unit"), createChart("unit")];
  const errors = createChart("errors");
  const probe = slide({
    label: "Where to look", kind: "probe",
    format: (u) => `x ${coordinate(abscissa(u))}, ${winnersAt(u)}`,
    onMove: (u) => update({ probe: Number(u.toFixed(3)) }),
  });
  const knots = KNOT_PLACES.map((_, i) => slide({
    label: `Height of the target at point ${i + 1} of ${KNOT_PLACES.length}`, axis: "y", kind: "knot",
    format: coordinate,
    onMove: (height) => setKnots([i], height),
  }));
  fit.element.append(probe.element, ...knots.map(({ element }) => element));

  function setKnots(/** @type {number[]} */ which, /** @type {number} */ height) {
    const sound = Number(Math.min(1, Math.max(-1, height)).toFixed(3));
    retrain({ knots: figure.state.knots.map((knot, i) => (which.includes(i) ? sound : knot)) });
  }

  /** A stroke across the chart sets the knots that it passes. @type {number | null} */
  let strokeAt = null;
  const pointAt = (/** @type {PointerEvent} */ event) => {
    const { left, top } = fit.element.getBoundingClientRect();
    return [fit.x().invert(event.clientX - left), fit.y().invert(event.clientY - top)];
  };
  const nearest = (/** @type {number} */ u) => Math.round(((Math.min(1, Math.max(-1, u)) + 1) / 2) * (KNOT_PLACES.length - 1));
  function stroke(/** @type {PointerEvent} */ event) {
    const [u, height] = pointAt(event);
    const [from, to] = [strokeAt ?? u, u].sort((a, b) => a - b);
    strokeAt = u;
    setKnots([nearest(u), ...KNOT_PLACES.flatMap((place, i) => (place >= from && place <= to ? [i] : []))], height);
  }
  const endStroke = () => {
    strokeAt = null;
  };
  for (const [name, listener] of Object.entries({
    pointerdown(/** @type {PointerEvent} */ event) {
      if (figure.state.target !== "drawn" || event.button !== 0 || /** @type {Element} */ (event.target).closest(".handle")) return;
      event.preventDefault();
      fit.element.setPointerCapture(event.pointerId);
      stroke(event);
    },
    pointermove(/** @type {PointerEvent} */ event) {
      if (strokeAt !== null) stroke(event);
    },
    pointerup: endStroke,
    pointercancel: endStroke,
  })) fit.element.addEventListener(name, /** @type {EventListener} */ (listener));

  const playback = transport({
    label: "Steps of the training",
    steps: ["Earlier", "Later"],
    position() {
      recall();
      const { step } = figure.state;
      return { frame: step === null ? last() : run.steps.filter((kept) => kept <= step).length - 1, last: last() };
    },
    goTo: (frame) => update({ step: frame >= last() ? null : run.steps[frame] }),
    says: (step, steps) => `step ${grouped(step)} of ${grouped(steps)}`,
    redraw: figure.schedule,
  });
  const numbers = table("Errors of gradient descent and of what it is compared with", ["", "", "", "", ""]);
  const bet = slider({
    label: "Your guess: the error with twice as many lines, as a share of the error now", name: "your guess",
    low: GUESSES[0], high: GUESSES[1], kind: "log", format: (share) => `× ${compact(share, 2)}`,
    onInput(value) {
      guess = value;
      figure.schedule();
    },
  });
  const question = html("p");
  const both = html("div", { class: "plots units" }, ...unitCharts.map(({ element }) => element));
  const plots = html("div", { class: "plots" }, html("div", { class: "left" }, fit.element, playback.element), errors.element);
  const note = html("p", { class: "note" });

  // ── Drawing, at most once a frame ────────────────────────────────────────────────────────────

  const height = (/** @type {number} */ v) => target.centre + target.half * v;
  const abscissa = (/** @type {number} */ u) => target.low + ((u + 1) / 2) * (target.high - target.low);
  const linesShown = () => run.lines[playback.frame()];

  function winnersAt(/** @type {number} */ u) {
    const { units: count, pieces: k } = figure.state;
    const found = Array.from({ length: count }, (_, unit) => winner(linesShown(), count, unit, u).line - unit * k + 1);
    return count === 1 ? `line ${found[0]} wins` : `lines ${found[0]} and ${found[1]} win`;
  }

  function draw(/** @type {boolean} */ hidden) {
    recall();
    const { state, data } = figure;
    chooser.fill([...Object.entries(TARGET_NAMES), ...(data ? [/** @type {[string, string]} */ (["own", data.name])] : [])]);
    chooser.set(state.target);
    units.set(String(state.units));
    start.set(state.start);
    pieces.set(state.pieces);
    rate.set(state.rate);
    steps.set(state.steps);
    bet.set(guess);
    const now = facts();
    if (both.hidden !== (state.units === 1)) {
      both.hidden = state.units === 1;
      for (const chart of unitCharts) chart.resize();
    }
    drawFit();
    if (state.units === 2) [0, 1].forEach(drawUnit);
    drawErrors(now, hidden);
    drawTable(now, hidden);
    playback.draw({ at: now.step, of: state.steps });
    text(question, `With ${state.pieces} lines the largest error is ${errorName(descent.get(state.pieces)?.largest, target.half)}. `
      + `By what is it multiplied with ${2 * state.pieces}?`);
    text(note, `${state.target === "drawn" ? "Draw across the chart, or move the points. " : ""}Numbers name the lines where they win; dotted lines win nowhere, and nothing trains them. `
      + "Descent lowers the mean square; compared is the largest error. "
      + (state.units === 1 ? "The best possible is computed, not trained." : "Two units can always join k + 1 points of the target: no training is needed for that."));
    plots.setAttribute("aria-busy", String(work.busy() || playback.playing()));
  }

  /** Lines of a unit, thin, and thick where they win. @param {number} unit @param {(v: number) => number} up */
  function drawnLines(unit, up) {
    const { units: count, pieces: k } = figure.state;
    const lines = linesShown();
    const all = count * k;
    const ends = [target.low, target.high];
    const value = (/** @type {number} */ j, /** @type {number} */ u) => up(lines[j] * u + lines[all + j]);
    const winning = stretches(lines, count, unit);
    const alive = new Set(winning.map(({ line }) => line));
    const thin = Array.from({ length: k }, (_, i) => i + unit * k).map((j) => ({
      xs: ends, ys: [value(j, -1), value(j, 1)], width: 1.2, alpha: 0.75,
      ...(alive.has(j) ? lineLook(j - unit * k) : { ...lineLook(j - unit * k), dash: [1.5, 4] }),
    }));
    const thick = winning.map(({ line, from, to }) => ({
      xs: [abscissa(from), abscissa(to)], ys: [value(line, from), value(line, to)], width: 4.5, colour: lineLook(line - unit * k).colour,
    }));
    const marks = winning.filter(({ from, to }) => to - from > NARROWEST).map(({ line, from, to }) => ({
      x: abscissa((from + to) / 2), y: value(line, (from + to) / 2), lower: -13,
      label: String(line - unit * k + 1), colour: lineLook(line - unit * k).colour,
    }));
    return { lines: [...thin, ...thick], marks, winning };
  }

  const targetLine = () => ({
    xs: Array.from(GRID, abscissa), ys: Array.from(target.values, height), width: 9, alpha: 0.28, colour: "ink",
  });

  function drawFit() {
    const { state } = figure;
    const wide = state.target === "drawn" ? [-MARGIN, MARGIN] : [height(-MARGIN), height(MARGIN)];
    const of = state.units === 1 ? drawnLines(0, height) : differenceDrawn();
    const domain = [target.low, target.high];
    fit.draw({
      x: { domain, log: false, title: "x" },
      y: { domain: wide, log: false, title: state.units === 1 ? "the target, wide; the largest line, thick" : "the target, wide; first unit − second unit" },
      lines: [targetLine(), ...of.lines],
      marks: of.marks,
      rules: [{ x: abscissa(state.probe), label: winnersAt(state.probe), kind: "cursor", colour: "accent" }],
    }, figure.colour);
    const along = fit.x();
    probe.set(state.probe, [-1, 1], shifted(along, abscissa, (x) => (2 * (x - target.low)) / (target.high - target.low) - 1), fit.edges().bottom);
    knots.forEach(({ element, set }, i) => {
      element.hidden = state.target !== "drawn";
      set(state.knots[i], [-1, 1], fit.y(), along(KNOT_PLACES[i]));
    });
    fit.element.classList.toggle("drawable", state.target === "drawn");
  }

  /** A scale of pixels for another measure of the same axis. */
  function shifted(/** @type {any} */ scale, /** @type {(u: number) => number} */ to, /** @type {(x: number) => number} */ back) {
    const other = (/** @type {number} */ u) => scale(to(u));
    other.invert = (/** @type {number} */ pixel) => back(scale.invert(pixel));
    other.ticks = scale.ticks;
    return other;
  }

  function differenceDrawn() {
    const lines = linesShown();
    const ends = [0, 1].map((unit) => stretches(lines, 2, unit).map(({ from }) => from)).flat();
    const bends = [...new Set([...ends, 1])].sort((a, b) => a - b);
    const heights = bends.map((u) => height(winner(lines, 2, 0, u).value - winner(lines, 2, 1, u).value));
    return {
      lines: [{ xs: bends.map(abscissa), ys: heights, width: 3, colour: "accent" }],
      marks: bends.slice(1, -1).map((u, i) => ({ x: abscissa(u), y: heights[i + 1], label: "", colour: "accent", marker: DESCENT_LOOK.marker, size: 3.5 })),
    };
  }

  function drawUnit(/** @type {number} */ unit) {
    const up = unit === 0 ? height : (/** @type {number} */ v) => target.half * v;
    const { lines, marks, winning } = drawnLines(unit, up);
    const ends = winning.flatMap(({ from, to }) => [from, to]).map((u) => up(winner(linesShown(), 2, unit, u).value));
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const room = 0.15 * (high - low) || target.half;
    unitCharts[unit].draw({
      x: { domain: [target.low, target.high], log: false, title: "x" },
      y: {
        domain: [low - room, high + room], log: false, title: unit === 0 ? "first unit" : "second unit, subtracted",
        ...(isOver() ? { ticks: [] } : {}), // numbers that ran away say nothing
      },
      lines, marks,
      rules: [{ x: abscissa(figure.state.probe), kind: "cursor", colour: "accent" }],
    }, figure.colour);
  }

  /** @param {ReturnType<typeof facts>} now @param {boolean} hidden */
  function drawErrors(now, hidden) {
    const { state } = figure;
    const { half } = target;
    const { pieces: k, units: count } = state;
    const domain = [5e-4 * half, 3 * half];
    const height = (/** @type {number} */ error) => Math.max(domain[0] / 10, half * error);
    const points = (/** @type {(k: number) => number | undefined} */ error) =>
      MANY.filter((many) => error(many) !== undefined && (!hidden || many === k)).map((many) => ({ x: many, y: height(Number(error(many))) }));
    const mine = points((many) => descent.get(many)?.largest);
    const others = points((many) => reference.get(many));
    const look = referenceLook(count);
    const other = reference.get(k);
    const law = hidden ? undefined : reference.get(1);
    /** @type {import("../core/chart.js").Mark[]} */
    const marks = [...[{ of: mine, ...DESCENT_LOOK }, { of: others, ...look }].flatMap(({ of, colour, marker }) =>
      of.map(({ x, y }) => ({ x, y, colour, marker, size: 2.6, label: "" })))];
    marks.push({ x: k, y: height(now.shown.largest), colour: DESCENT_LOOK.colour, marker: DESCENT_LOOK.marker, size: 6, label: hidden ? "gradient descent" : "" });
    if (other !== undefined) marks.push({ x: k, y: height(other), colour: look.colour, marker: look.marker, size: 4.5, lower: 10, label: hidden ? look.short : "" });
    if (hidden) {
      marks.push({ x: 2 * k, y: height(guess * (descent.get(k)?.largest ?? 0)), colour: "warn", marker: DESCENT_LOOK.marker, size: 5, label: "your guess" });
    } else {
      // names where the lines leave room: above their right half, and below their left end
      const beyond = [...mine, ...others].filter(({ x }) => x >= NAMED_FROM).map(({ y }) => Math.min(y, domain[1]));
      marks.push({ x: NAMED_FROM, y: Math.max(domain[0], ...beyond), lower: -14, colour: DESCENT_LOOK.colour, label: DESCENT_LOOK.short });
      const first = others.filter(({ x }) => x <= 3).map(({ y }) => y);
      if (first.length) marks.push(count === 1
        ? { x: 1, y: Math.min(...first), lower: 14, colour: look.colour, label: look.short }
        : { x: 2, y: Math.max(...first.slice(1), domain[0]), lower: -14, colour: look.colour, label: look.short });
      if (law) marks.push({ x: 1, y: height(law / 9), lower: 34, colour: "muted", label: state.target === "x²" ? `(b − a)²/${count === 1 ? 8 : 4}k²` : "slope −2" });
    }
    const line = (/** @type {{x: number, y: number}[]} */ of, /** @type {string} */ colour) =>
      ({ xs: of.map(({ x }) => x), ys: of.map(({ y }) => y), colour, width: 1.6 });
    errors.draw({
      x: { domain: [0.9, 27], log: true, title: "lines of a unit, k", ticks: [1, 2, 4, 8, 16] },
      y: { domain, log: true, title: "largest error" },
      lines: [
        line(others, look.colour), line(mine, DESCENT_LOOK.colour),
        ...(law ? [{ xs: [1, 24], ys: [half * law, (half * law) / 24 ** 2], colour: "muted", dash: [3, 4], width: 1.2 }] : []),
      ],
      marks,
      rules: [{ x: k, label: `k = ${k}`, kind: "faint", colour: "muted" }],
    }, figure.colour);
  }

  /** @param {ReturnType<typeof facts>} now @param {boolean} hidden */
  function drawTable(now, hidden) {
    const { units: count, pieces: k } = figure.state;
    const { half } = target;
    const twice = (/** @type {number | undefined} */ error) => ({ text: hidden ? "?" : errorName(error, half), bad: !hidden && error === Infinity });
    const other = reference.get(k);
    numbers.draw([
      {
        key: "descent",
        look: DESCENT_LOOK,
        cells: [
          { text: winsName(now.shown.wins, count), bad: now.shown.wins.includes(false) },
          { text: errorName(now.shown.largest, half), bad: now.shown.largest === Infinity },
          { text: ratioName(now.shown.largest, other) },
          twice(descent.get(2 * k)?.largest),
          { text: hidden ? "?" : slopeName(exponent(largestOf(descent))) },
        ],
      },
      {
        key: `reference ${count}`,
        look: referenceLook(count),
        cells: [{ text: "–" }, { text: errorName(other, half) }, { text: ratioName(other, other) }, twice(reference.get(2 * k)), { text: hidden ? "?" : slopeName(exponent(reference)) }],
      },
    ], ["lines that win", "largest error", count === 1 ? "÷ best" : "÷ joined", `largest, ${2 * k} lines`, "slope in k"]);
  }

  function speak() {
    const hidden = figure.hidden();
    return {
      said: describe(figure.state, facts(), hidden),
      answer: hidden ? null : verdict(guess, figure.state, facts()),
    };
  }

  return figure.show({
    name: "maxout-lab",
    bars: [
      [chooser.element, units.element, start.element, again],
      [pieces.element, rate.element, steps.element],
    ],
    question: [question, bet.element],
    body: [plots, both, note, figure.readout, numbers.element],
    close: work.stop,
  });
}

export default { render };
