// DescentLab: solvers race down a surface from a start that the reader moves.

import { radios, select, slider } from "../core/controls.js";
import { html, text } from "../core/dom.js";
import { compact, grouped } from "../core/format.js";
import { PARAMETERS, SURFACES, surface } from "../core/maths/surfaces.js";
import { same } from "../core/sanitise.js";
import { stage } from "../core/stage.js";
import { transport } from "../core/transport.js";
import { SURFACE_NAMES, describeRace, localModel, targetName, verdict } from "./describe.js";
import { createLoss } from "./loss.js";
import { createMap } from "./map.js";
import { modelPanel, solverPanel } from "./panels.js";
import { iterationAt, neighbour, race as run, stepAt } from "./race.js";
import { SHARED, STEPS, customRuns, sanitise, tunedFor } from "./state.js";

/** Changes to these make a new race; all else only redraws. */
const DECISIVE = ["surface", "parameters", "start", "solvers", "steps"];
const RACE = [...DECISIVE, "target"];

/** @param {{model: any, el: HTMLElement}} context */
function render(context) {
  /** @type {string | null} */ let guess = null;

  const figure = stage(context, {
    shared: SHARED,
    fixed: ["target"],
    data: ["custom_runs"],
    prepare: customRuns,
    sanitise,
    draw,
    speak,
    settled: () => !playback.playing(),
    halt() {
      playback.stop();
      guess = null;
    },
    answerField() {
      drawQuestion();
      return choices.element.querySelector("input");
    },
    answered: () => guess !== null,
    play: (judge) => playback.play(0, () => {
      update({ frame: null });
      judge();
    }),
    decisive: DECISIVE,
    cleared: () => solverList.forget(),
    resize: () => [map.resize(), loss.resize()],
  });
  const { update } = figure;

  let raced = { state: figure.state, data: figure.data, race: run(figure.state, figure.data) };
  /** The race of the state as it is now. */
  function race() {
    const { state, data } = figure;
    const other = data !== raced.data || RACE.some((name) => !same(raced.state[name], state[name]));
    if (other) raced = { state, data, race: run(state, data) };
    return raced.race;
  }

  function choose(/** @type {string} */ name) {
    playback.stop();
    solverList.forget();
    const { solvers, probe } = figure.state;
    update({
      surface: name,
      parameters: {},
      start: surface(name).start,
      solvers: solvers.map((solver) => tunedFor(name, solver.name)),
      frame: null,
      probe: Array.isArray(probe) ? null : probe,
    });
  }

  // ── What the reader sees and touches ─────────────────────────────────────────────────────────

  const chooser = select({
    label: "Surface",
    options: Object.keys(SURFACE_NAMES).filter((name) => SURFACES.includes(name)).map((name) => [name, SURFACE_NAMES[name]]),
    onChange: choose,
  });
  const parameters = Object.entries(PARAMETERS).flatMap(([of, entries]) =>
    Object.entries(entries).map(([key, { symbol, label, low, high, log }]) => ({
      of,
      key,
      control: slider({
        label,
        name: key,
        symbol,
        low,
        high,
        kind: log ? "log" : "linear",
        step: log ? 0.025 : 0.01,
        format: key === "rotation" ? (value) => `${Math.round((value * 180) / Math.PI)}°`.replace("-", "−") : compact,
        onInput: (value) => update({ parameters: { ...figure.state.parameters, [key]: value } }),
      }),
    })),
  );

  const map = createMap({
    onStart: (start) => update({ start }),
    onProbe: (probe) => update({ probe }),
    redraw: figure.schedule,
  });
  map.plot.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (/** @type {Element} */ (event.target).closest(".handle")) return;
    update({ start: map.at(event, race().box) });
  });
  const loss = createLoss();

  const playback = transport({
    label: "Cost spent in the race",
    steps: ["One step back", "One step forward"],
    position: () => ({ frame: figure.state.frame ?? Infinity, last: race().last }),
    neighbour: (frame, direction) => neighbour(race(), frame, direction),
    goTo: (frame) => update({ frame: frame >= race().last ? null : frame }),
    says: (cost, all) => `${grouped(cost)} of ${grouped(all)} gradients`,
    redraw: figure.schedule,
  });
  const budget = slider({
    label: "Budget of each solver in gradients",
    name: "budget",
    low: STEPS[0],
    high: STEPS[1],
    kind: "log",
    format: grouped,
    onInput: (value) => update({ steps: value, frame: null }),
  });
  playback.element.append(budget.element, figure.resetButton);

  const solverList = solverPanel(figure);
  const curvature = modelPanel(figure);
  const choices = radios("", (id) => {
    guess = id;
    figure.schedule();
  });

  // ── Drawing, at most once a frame ────────────────────────────────────────────────────────────

  function draw(/** @type {boolean} */ hidden) {
    const { state } = figure;
    const now = race();
    const frame = playback.frame();
    const follows = now.runners.find(({ id }) => id === state.probe);
    const step = follows ? stepAt(follows, hidden ? 0 : frame) : 0;
    const probe = Array.isArray(state.probe)
      ? state.probe
      : follows ? [follows.path[2 * step], follows.path[2 * step + 1]] : state.start;
    // Hessian-free's model is the damped one
    const damping = follows && iterationAt(follows, hidden ? 0 : frame)?.damping;
    const model = localModel(now.surface, probe, damping);

    chooser.set(state.surface);
    for (const { of, key, control } of parameters) {
      control.element.hidden = of !== state.surface;
      if (of === state.surface) control.set(state.parameters[key]);
    }
    const scene = { state, race: now, frame, model, hidden, colour: figure.colour };
    map.draw(scene);
    loss.draw(scene);
    playback.draw({ at: frame, of: now.last, disabled: hidden });
    budget.set(state.steps);
    solverList.draw(now, hidden);
    curvature.draw(now, model);
    if (hidden) drawQuestion();
  }

  function drawQuestion() {
    const { target, steps } = figure.state;
    text(choices.element.querySelector("legend"), `Which gets below ${targetName(target)} first, within ${grouped(steps)} gradients?`);
    const runners = race().runners.filter(({ stale }) => !stale);
    if (guess !== "none" && !runners.some(({ id }) => id === guess)) guess = null;
    choices.fill([
      ...runners.map(({ id, look }) => /** @type {[string, string]} */ ([id, look.label])),
      ["none", "none of them"],
    ], guess);
  }

  function speak() {
    const { state } = figure;
    if (figure.hidden()) return { said: "The paths are hidden until you commit to an answer." };
    return {
      said: describeRace(state, race(), playback.frame()),
      answer: guess === null ? null : verdict(state, race(), guess),
    };
  }

  return figure.show({
    name: "descent-lab",
    bars: [[chooser.element, ...parameters.map(({ control }) => control.element)]],
    question: [choices.element],
    body: [
      html("div", { class: "plots" }, map.element, loss.element),
      playback.element, figure.quizPanel, figure.readout, solverList.element, curvature.element,
    ],
    close: map.close,
  });
}

export default { render };
