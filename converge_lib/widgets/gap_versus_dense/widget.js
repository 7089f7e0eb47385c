// GapVersusDense: what becomes of a digit that is moved, cropped or put on a larger sheet, with a
// dense head and with global average pooling.

import { createChart } from "../core/chart.js";
import { button, select, slider, toggle } from "../core/controls.js";
import { html, text } from "../core/dom.js";
import { LOOKS } from "../core/palette.js";
import { stage } from "../core/stage.js";
import { table } from "../core/table.js";
import { CHART_NAMES, askedShift, describe, isAnswer, percent, verdict } from "./describe.js";
import { MOST_SHIFT, SIZES, distance, drawn, frame, inked, written } from "./frames.js";
import { answer, refusal } from "./networks.js";
import { createChooser, createPaper } from "./paper.js";
import { DATA, SHARED, prepare, sanitise, sizes } from "./state.js";
import { createScores, createSizes } from "./views.js";

const FIRST_GUESS = 0.5;
/** Solid, so that the curves are told apart by marker, colour and name. */
const STYLES = [LOOKS.GradientDescent, LOOKS.Momentum, LOOKS.RMSProp].map(({ marker }) => ({ marker, dash: [] }));

/** @param {{model: any, el: HTMLElement}} context */
function render(context) {
  let pen = true; // on the reader's own paper
  let guesses = [FIRST_GUESS, FIRST_GUESS, FIRST_GUESS];
  let committed = { by: 0, guesses };
  /** @type {import("./describe.js").Said[]} */ let said = [];
  let saidOf = ""; // the image that it was said of
  /** @type {import("./state.js").Data | null} */ let saidBy = null; // whose networks

  const figure = stage(context, {
    shared: SHARED,
    data: DATA,
    prepare,
    sanitise,
    draw,
    speak,
    askable: () => figure.data.networks.length > 0,
    answerField: () => bets[0].element.querySelector("input"),
    committed() {
      committed = { by: askedShift(figure.state), guesses };
    },
    cleared() {
      pen = true;
      guesses = guesses.map(() => FIRST_GUESS);
    },
    resize: () => [paper.resize(), chart.resize()],
  });
  const { update } = figure;

  // ── What the networks say ────────────────────────────────────────────────────────────────────

  function look() {
    const { state, data } = figure;
    const image = JSON.stringify(["digit", "drawing", "shift", "size"].map((name) => state[name]));
    if (saidOf === image && saidBy === data) return;
    [saidOf, saidBy] = [image, data];
    const input = frame(digit(), state.size, state.shift);
    said = data.networks.map(({ layers }) => refusal(layers, state.size) ?? answer(layers, input));
  }

  /** @type {Float64Array} */ let shown;
  let shownOf = "";

  /** The digit shown, the same array while it is the same digit. */
  function digit() {
    const { state: { digit: i, drawing }, data } = figure;
    if (i >= 0) return data.digits[i].pixels;
    if (!shown || shownOf !== drawing) [shown, shownOf] = [drawn(drawing), drawing];
    return shown;
  }

  // ── What the reader sees and touches ─────────────────────────────────────────────────────────

  const chooser = createChooser((chosen) => {
    pen = true;
    update(chosen < 0 ? { digit: chosen, shift: [0, 0] } : { digit: chosen });
  });
  const penButton = toggle({
    content: ["Pen"],
    onToggle(on) {
      pen = on;
      figure.schedule();
    },
  });
  const clear = button("Clear the paper", () => update({ drawing: "" }));
  const size = slider({
    label: "Size of the image", name: "image", low: SIZES.low, high: SIZES.high, kind: "whole", step: SIZES.step,
    format: (value) => `${value}×${value} px`,
    onInput: (value) => update({ size: value, chart: "size" }),
  });
  const charts = select({
    label: "What the chart shows", options: Object.entries(CHART_NAMES), onChange: (value) => update({ chart: value }),
  });
  const mapped = toggle({ content: ["Map of the winner’s score"], onToggle: (on) => update({ mapped: on }) });
  const paper = createPaper({
    onMove: (shift) => update({ shift, chart: "shift" }),
    onStroke(from, to) {
      update({ drawing: written(inked(drawn(figure.state.drawing), from, to)) });
    },
  });
  const scores = createScores();
  const chart = createChart("accuracies");
  const parameters = createSizes();
  const numbers = table("Accuracy of each network", ["", "", "", ""]);
  const question = html("p");
  const bets = guesses.map((_, i) =>
    slider({
      label: `Your guess ${i + 1}`, name: "", low: 0, high: 1, step: 0.01, format: percent,
      onInput(value) {
        guesses = guesses.map((guess, j) => (i === j ? value : guess));
        figure.schedule();
      },
    }),
  );

  // ── Drawing, at most once a frame ────────────────────────────────────────────────────────────

  const lookOf = (/** @type {number} */ i) => ({ label: figure.data.networks[i].name, colour: `network-${i}`, ...STYLES[i] });

  function draw(/** @type {boolean} */ hidden) {
    const { state, data, colour } = figure;
    look();
    const own = state.digit < 0;
    const explained = said.findIndex((one) => isAnswer(one) && /** @type {import("./networks.js").Answer} */ (one).map);
    chooser.draw(data.digits, state.digit, colour("ink"));
    penButton.element.hidden = clear.hidden = !own;
    penButton.set(pen);
    size.set(state.size);
    charts.set(state.chart);
    mapped.element.hidden = explained < 0;
    mapped.set(state.mapped);
    const map = explained < 0 ? null : /** @type {import("./networks.js").Answer} */ (said[explained]).map;
    paper.draw(state, {
      digit: digit(), pen: own && pen,
      overlay: state.mapped && map && !hidden ? { map, colour: `network-${explained}` } : null,
    }, colour);
    scores.draw(data.networks, said, own ? null : data.digits[state.digit].label, hidden);
    parameters.draw(data.networks);
    drawChart(hidden);
    drawTable(hidden);
    bets.forEach((bet, i) => {
      bet.element.hidden = i >= data.networks.length;
      if (!bet.element.hidden) nameBet(bet.element, data.networks[i].name);
      bet.set(guesses[i]);
    });
    if (hidden) {
      const by = askedShift(state);
      text(question, `Every test digit is moved by ${by} ${by === 1 ? "pixel" : "pixels"}, in the eight directions. What share does each network get right?`);
    }
  }

  function nameBet(/** @type {HTMLElement} */ element, /** @type {string} */ name) {
    text(/** @type {Element} */ (element.querySelector(".name")), name);
    element.querySelector("input")?.setAttribute("aria-label", `Your guess: ${name}`);
  }

  function drawChart(/** @type {boolean} */ hidden) {
    const { state, data } = figure;
    const byShift = state.chart === "shift";
    const xs = byShift ? Array.from({ length: MOST_SHIFT + 1 }, (_, by) => by) : sizes;
    const curves = data.networks.map((network) =>
      (byShift ? network.shifts : network.sizes).map((share) => (share === null ? NaN : 100 * share)));
    const here = byShift ? distance(state.shift) : state.size;
    chart.draw({
      x: { domain: [xs[0], xs[xs.length - 1]], log: false, title: byShift ? "shift, in pixels" : "image, in pixels a side" },
      y: { domain: [0, 109], log: false, title: `accuracy on ${data.tested} test digits, %` },
      lines: hidden ? [] : curves.map((ys, i) => ({ xs, ys, colour: lookOf(i).colour, dash: lookOf(i).dash })),
      marks: hidden ? [] : curves.flatMap((ys, i) => {
        const { label, colour, marker } = lookOf(i);
        const known = xs.flatMap((x, n) => (Number.isNaN(ys[n]) ? [] : [{ x, y: ys[n] }]));
        const named = Math.floor((known.length - 1) * (byShift ? 0.5 : 0.75));
        return known.map(({ x, y }, n) => (
          { x, y, colour, marker, size: x === here || known.length === 1 ? 5 : 2.8, label: n === named ? label : "", lower: byShift ? 0 : -12 }));
      }),
      rules: [{ x: here, label: byShift ? `${here} px` : `${here}×${here}`, kind: "cursor", colour: "accent" }],
    }, figure.colour);
  }

  function drawTable(/** @type {boolean} */ hidden) {
    const { state, data } = figure;
    const by = distance(state.shift);
    const at = sizes.indexOf(state.size);
    const cell = (/** @type {number | null} */ share) => (share === null ? { text: "cannot run", bad: true } : { text: percent(share) });
    const asked = (/** @type {{text: string, bad?: boolean}} */ one) => (hidden ? { text: "?" } : one);
    numbers.element.hidden = data.networks.length === 0;
    numbers.draw(
      data.networks.map(({ train, shifts, sizes: all }, i) => ({
        key: String(i),
        look: lookOf(i),
        cells: [cell(train), cell(shifts[0]), asked(cell(shifts[by])), asked(cell(all[at]))],
      })),
      ["training digits", "test digits", `moved ${by} px`, `at ${state.size}×${state.size}`],
    );
  }

  function speak() {
    if (figure.hidden()) return { said: "What the networks say is hidden until you commit to an answer." };
    return {
      said: describe(figure.state, figure.data, said),
      answer: verdict(figure.data, committed.by, committed.guesses),
    };
  }

  const plots = html("div", { class: "plots" }, paper.element, scores.element, html("div", { class: "curves" }, charts.element, chart.element),
    html("div", { class: "facts" }, parameters.element, numbers.element));

  return figure.show({
    name: "gap-versus-dense",
    bars: [
      [mapped.element],
      [chooser.element, penButton.element, clear, size.element],
    ],
    question: [question, ...bets.map(({ element }) => element)],
    body: [plots, figure.readout],
  });
}

export default { render };
