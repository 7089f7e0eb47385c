// DescentLab: solvers race down a surface from a start that the reader moves.

import { button, radios, select, slider } from "../core/controls.js";
import { html, svg, text } from "../core/dom.js";
import { compact, grouped } from "../core/format.js";
import { fromFragment, toFragment } from "../core/link.js";
import { PARAMETERS, SURFACES, surface } from "../core/maths/surfaces.js";
import { connect } from "../core/model.js";
import { player } from "../core/player.js";
import { same } from "../core/sanitise.js";
import { colours, followTheme } from "../core/theme.js";
import { SURFACE_NAMES, describeRace, localModel, targetName, verdict } from "./describe.js";
import { createLoss } from "./loss.js";
import { createMap } from "./map.js";
import { modelPanel, solverPanel } from "./panels.js";
import { iterationAt, neighbour, race as run, stepAt } from "./race.js";
import { SHARED, STEPS, sanitise, tunedFor } from "./state.js";

const TRAITS = [...SHARED, "target", "predict", "key", "label", "custom_runs"];
/** Changes to these make a new race; all else only redraws. */
const RACE = ["surface", "parameters", "start", "solvers", "steps", "target", "custom"];
const QUIET = 700; // before the readout speaks, so that it says the end of a drag and not the way there

const icon = (/** @type {string} */ d) =>
  svg("svg", { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, svg("path", { d }));
const ICONS = {
  play: "M4 2.5v11l9.5-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  back: "M11.5 3v10L5.5 8zM4 3h1.5v10H4z",
  forward: "M4.5 3v10l6-5zM10.5 3H12v10h-1.5z",
};

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const host = connect(model, TRAITS, changed);
  const traits = Object.fromEntries(TRAITS.map((name) => [name, host.read(name)]));
  const initial = sanitise(traits);
  let state = initial;
  let race = run(state);
  let raced = state;
  let frame = 0; // of the browser, not of the race
  let colour = (/** @type {string} */ name) => name;
  let speakTimer = 0;
  /** @type {"asking" | "revealing" | "revealed" | null} */
  let quiz = state.predict ? "asking" : null;
  /** @type {string | null} */ let guess = null;

  // ── The state, and what follows from a change of it ──────────────────────────────────────────

  /** Take a change from the reader's hand: sanitise it, draw it, store it. */
  function update(/** @type {Record<string, any>} */ patch) {
    const before = state;
    state = sanitise({ ...state, custom_runs: traits.custom_runs, ...patch });
    if (quiz === "revealed" && RACE.some((name) => !same(before[name], state[name]))) quiz = guess = null;
    const changes = SHARED.filter((name) => !same(before[name], state[name]));
    if (changes.length) host.write(Object.fromEntries(changes.map((name) => [name, state[name]])));
    schedule();
  }

  /** Take a change from the host. */
  function changed(/** @type {string} */ name) {
    const value = host.read(name);
    if (name === "custom_runs") traits.custom_runs = value;
    const before = state;
    state = sanitise({ ...state, custom_runs: traits.custom_runs, [name]: value });
    if (name === "predict" && before.predict !== state.predict) {
      quiz = state.predict ? "asking" : null;
      guess = null;
    }
    schedule();
  }

  function schedule() {
    frame ||= requestAnimationFrame(draw);
  }

  const shownFrame = () => Math.min(state.frame ?? race.last, race.last);

  function choose(/** @type {string} */ name) {
    clock.stop();
    solverList.forget();
    const ground = surface(name);
    update({
      surface: name,
      parameters: {},
      start: ground.start,
      solvers: state.solvers.map((solver) => tunedFor(name, solver.name)),
      frame: null,
      probe: Array.isArray(state.probe) ? null : state.probe,
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
        onInput: (value) => update({ parameters: { ...state.parameters, [key]: value } }),
      }),
    })),
  );
  const predictButton = button("Predict first", ask);
  const linkButton = button("Copy link", copyLink);
  const linkField = html("input", {
    class: "link", readOnly: true, hidden: true, "aria-label": "Link to this state",
    onfocus: () => linkField.select(),
  });

  const map = createMap({
    onStart: (start) => update({ start }),
    onProbe: (probe) => update({ probe }),
    redraw: () => schedule(),
  });
  map.plot.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (/** @type {Element} */ (event.target).closest(".handle")) return;
    update({ start: map.at(event, race.box) });
  });

  const loss = createLoss();

  const clock = player({
    position: () => ({ frame: shownFrame(), last: race.last }),
    show(at) {
      state = { ...state, frame: at };
      schedule();
    },
    stopped() {
      update({ frame: state.frame !== null && state.frame >= race.last ? null : state.frame });
      finishReveal();
    },
  });
  const goTo = (/** @type {number} */ at) => {
    clock.stop();
    const bounded = Math.max(0, Math.min(race.last, at));
    update({ frame: bounded >= race.last ? null : bounded });
  };
  const playButton = button(icon(ICONS.play), () => {
    if (clock.playing()) clock.stop();
    else clock.play();
    schedule();
  }, { label: "Play", kind: "play" });
  const scrubber = html("input", {
    type: "range", min: "0", step: "1", "aria-label": "Cost spent in the race",
    oninput: () => goTo(Number(scrubber.value)),
  });
  const counter = html("output", { class: "counter", "aria-live": "off" });
  const budget = slider({
    label: "Budget of each solver in gradients",
    name: "budget",
    low: STEPS[0],
    high: STEPS[1],
    kind: "log",
    format: grouped,
    onInput: (value) => update({ steps: value, frame: null }),
  });
  const transport = html(
    "div",
    { class: "transport", role: "group", "aria-label": "Playback" },
    playButton,
    button(icon(ICONS.back), () => goTo(neighbour(race, shownFrame(), -1)), { label: "One step back" }),
    button(icon(ICONS.forward), () => goTo(neighbour(race, shownFrame(), 1)), { label: "One step forward" }),
    html("span", { class: "scrub" }, scrubber),
    counter,
    budget.element,
    button("Reset", reset),
  );

  const solverList = solverPanel({ update, state: () => state });
  const curvature = modelPanel({ update, state: () => state });
  const readout = html("p", { class: "readout", role: "status", "aria-live": "polite" });
  const choices = radios("", (id) => {
    guess = id;
    schedule();
  });
  const revealButton = button("Reveal", reveal, { kind: "primary" });
  const cancelButton = button("Cancel", cancel);
  const quizPanel = html(
    "div", { class: "quiz" }, choices.element, html("div", { class: "actions" }, revealButton, cancelButton),
  );
  const bar = html(
    "div", { class: "bar" }, chooser.element, ...parameters.map(({ control }) => control.element),
    html("span", { class: "spring" }), predictButton, linkButton,
  );
  const root = html(
    "div",
    { class: "converge descent-lab", role: "group", "aria-label": initial.label },
    bar, linkField, html("div", { class: "plots" }, map.element, loss.element),
    transport, quizPanel, readout, solverList.element, curvature.element,
  );

  // ── Predict, then reveal ─────────────────────────────────────────────────────────────────────

  function ask() {
    clock.stop();
    [quiz, guess] = ["asking", null];
    schedule();
    choices.element.querySelector("input")?.focus();
  }

  function cancel() {
    [quiz, guess] = [null, null];
    schedule();
    predictButton.focus();
  }

  function reveal() {
    if (guess === null) return;
    quiz = "revealing";
    state = { ...state, frame: 0 };
    clock.play();
    schedule();
  }

  function finishReveal() {
    if (quiz !== "revealing") return;
    quiz = "revealed";
    update({ frame: null });
  }

  // ── Links ────────────────────────────────────────────────────────────────────────────────────

  function copyLink() {
    const shared = Object.fromEntries(SHARED.map((name) => [name, state[name]]));
    const address = `${location.href.split("#")[0]}${toFragment(state.key, shared)}`;
    const offer = () => {
      linkField.hidden = false;
      linkField.value = address;
      linkField.focus();
    };
    const copied = navigator.clipboard?.writeText(address);
    if (!copied) offer();
    else copied.then(() => {
      text(linkButton, "Link copied");
      setTimeout(() => text(linkButton, "Copy link"), 2000);
    }, offer);
  }

  function open() {
    const shared = fromFragment(state.key, location.hash);
    if (!shared) return;
    clock.stop();
    const known = SHARED.filter((name) => name in shared).map((name) => [name, shared[name]]);
    update(Object.fromEntries(known));
    el.scrollIntoView?.({ block: "nearest" });
  }

  function reset() {
    clock.stop();
    [quiz, guess] = [initial.predict ? "asking" : null, null];
    solverList.forget();
    linkField.hidden = true;
    update(Object.fromEntries(SHARED.map((name) => [name, initial[name]])));
  }

  // ── Drawing, at most once a frame ────────────────────────────────────────────────────────────

  function draw() {
    frame = 0;
    if (RACE.some((name) => raced[name] !== state[name] && !same(raced[name], state[name]))) {
      race = run(state);
      raced = state;
    }
    const at = shownFrame();
    const hidden = quiz === "asking";
    const follows = race.runners.find(({ id }) => id === state.probe);
    const step = follows ? stepAt(follows, hidden ? 0 : at) : 0;
    const probe = Array.isArray(state.probe)
      ? state.probe
      : follows ? [follows.path[2 * step], follows.path[2 * step + 1]] : state.start;
    // Hessian-free's model is the damped one
    const damping = follows && iterationAt(follows, hidden ? 0 : at)?.damping;
    const local = localModel(race.surface, probe, damping);

    chooser.set(state.surface);
    for (const { of, key, control } of parameters) {
      control.element.hidden = of !== state.surface;
      if (of === state.surface) control.set(state.parameters[key]);
    }
    const scene = { state, race, frame: at, model: local, hidden, colour };
    map.draw(scene);
    loss.draw(scene);

    const playing = clock.playing();
    const label = playing ? "Pause" : "Play";
    if (playButton.getAttribute("aria-label") !== label) {
      playButton.setAttribute("aria-label", label);
      playButton.replaceChildren(icon(playing ? ICONS.pause : ICONS.play));
    }
    scrubber.max = String(race.last);
    scrubber.value = String(at);
    scrubber.setAttribute("aria-valuetext", `${grouped(at)} of ${grouped(race.last)} gradients`);
    scrubber.style.setProperty("--fill", `${(100 * at) / race.last}%`);
    text(counter, `${grouped(at)} / ${grouped(race.last)}`);
    budget.set(state.steps);
    transport.classList.toggle("off", hidden);
    for (const control of transport.querySelectorAll("button, .scrub input")) {
      /** @type {HTMLInputElement} */ (control).disabled = hidden && !control.textContent;
    }
    solverList.draw(race, hidden);
    curvature.draw(race, local);
    drawQuiz();

    clearTimeout(speakTimer);
    if (!playing) speakTimer = setTimeout(speak, readout.textContent ? QUIET : 0);
  }

  function drawQuiz() {
    quizPanel.hidden = quiz !== "asking";
    predictButton.disabled = quiz === "asking" || quiz === "revealing";
    if (quiz !== "asking") return;
    const target = targetName(state.target);
    text(choices.element.querySelector("legend"), `Which gets below ${target} first, within ${grouped(state.steps)} gradients?`);
    const runners = race.runners.filter(({ stale }) => !stale);
    if (guess !== "none" && !runners.some(({ id }) => id === guess)) guess = null;
    choices.fill([
      ...runners.map(({ id, look }) => /** @type {[string, string]} */ ([id, look.label])),
      ["none", "none of them"],
    ], guess);
    revealButton.disabled = guess === null;
  }

  function speak() {
    const answer = quiz === "revealed" && guess !== null ? verdict(state, race, guess) : null;
    const said = quiz === "asking"
      ? "The paths are hidden until you commit to an answer."
      : describeRace(state, race, shownFrame());
    readout.classList.toggle("right", Boolean(answer?.right));
    readout.classList.toggle("wrong", Boolean(answer && !answer.right));
    text(readout, answer ? `${answer.sentence} ${said}` : said);
  }

  // ── Life in the page ─────────────────────────────────────────────────────────────────────────

  function repaint() {
    colour = colours(root);
    map.forget();
    schedule();
  }

  el.append(root);
  const unfollow = followTheme(root, repaint);
  repaint();
  const observer = new ResizeObserver(() => requestAnimationFrame(() => {
    const [a, b] = [map.resize(), loss.resize()];
    if (a || b) schedule();
  }));
  observer.observe(root);
  addEventListener("hashchange", open);
  open();

  return () => {
    clock.stop();
    cancelAnimationFrame(frame);
    frame = -1; // nothing is drawn any more
    clearTimeout(speakTimer);
    map.close();
    observer.disconnect();
    unfollow();
    removeEventListener("hashchange", open);
    host.close();
    root.remove();
  };
}

export default { render };
