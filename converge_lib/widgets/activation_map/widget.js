// ActivationMap: where a network looked in a photograph, for every class that it knows: the reader
// chooses a class, and sees what each cell of the picture gives to its score.

import { button, slider, toggle } from "../core/controls.js";
import { html, keyed, text } from "../core/dom.js";
import { stage } from "../core/stage.js";
import { createChannels } from "./channels.js";
import { createClasses } from "./classes.js";
import { combobox } from "./combobox.js";
import { boxIn, cellAt, describe, fine, ordinal, percent, receipt, sceneOf, verdict } from "./describe.js";
import { brightest, prepare } from "./maps.js";
import { createPhotograph } from "./photograph.js";
import { createScaleBar } from "./scalebar.js";
import { find } from "./search.js";
import { DATA, SHARED, THRESHOLD, sanitise } from "./state.js";

/** @param {{model: any, el: HTMLElement}} context */
function render(context) {
  const figure = stage(context, {
    shared: SHARED,
    data: DATA,
    prepare,
    sanitise,
    draw,
    speak,
    settled: () => !photograph.loading(),
    answerField: () => photograph.element.querySelector(".handle"),
    resize: () => [photograph.resize(), bar.resize()],
  });
  const { update } = figure;

  // What follows from the state, worked out again only where it changes.
  /** @type {import("./describe.js").Scene} */ let scene;
  /** @type {Float64Array} */ let values;
  /** @type {import("./maps.js").Box | null} */ let box = null;
  let [known, knownBox] = ["", ""];
  /** @type {unknown} */ let knownData = null;

  function follow() {
    const { state, data } = figure;
    const about = String([state.index, state.other, state.own_scale]);
    const fresh = known !== about || knownData !== data;
    if (fresh) {
      [known, knownData] = [about, data];
      scene = sceneOf(data, state);
      values = fine(data, scene);
    }
    const wanted = state.boxed ? String(state.threshold) : "";
    if (!fresh && knownBox === wanted) return;
    knownBox = wanted;
    box = state.boxed ? boxIn(data, values, state.threshold) : null;
  }

  // ── What the reader sees and touches ─────────────────────────────────────────────────────────

  const option = (/** @type {number} */ index) => ({
    value: index,
    name: figure.data.names[index],
    note: `${ordinal(figure.data.ranks[index])} · ${percent(figure.data.probabilities[index], 2)}`,
  });
  const chooser = combobox({
    label: "Class",
    empty: "Type a name",
    find: (sought) => find(figure.data, sought).map(option),
    choose: (index) => index !== null && choose(index),
  });
  const rival = combobox({
    label: "Minus",
    empty: "no other class",
    find: (sought) => [
      ...(sought.trim() ? [] : [{ value: null, name: "no other class", note: "" }]),
      ...find(figure.data, sought).filter((index) => index !== figure.state.index).map(option),
    ],
    choose: (index) => update({ other: index }),
  });

  function choose(/** @type {number} */ index) {
    const { other } = figure.state;
    update({ index, other: other === index ? figure.state.index : other }); // of two classes that change places
  }

  const photograph = createPhotograph({ onCell: (cell) => update({ cell }), redraw: () => figure.schedule() });
  const bar = createScaleBar();
  const classes = createClasses(choose);
  const channels = createChannels();
  const opacity = slider({
    label: "Opacity of the map", name: "opacity", low: 0, high: 1, step: 0.05, format: (value) => percent(value),
    onInput: (value) => update({ opacity: value }),
  });
  const threshold = slider({
    label: "Threshold of the box, as a share of the map’s range", name: "threshold",
    low: THRESHOLD[0], high: THRESHOLD[1], step: 0.01, format: (value) => percent(value),
    onInput: (value) => update({ threshold: value }),
  });
  const smooth = toggle({ content: ["Smooth"], onToggle: (on) => update({ smooth: on }) });
  const own = toggle({ content: ["Own scale"], onToggle: (on) => update({ own_scale: on }) });
  const boxed = toggle({ content: ["Box"], onToggle: (on) => update({ boxed: on }) });
  const jump = button(
    "Brightest", () => update({ cell: cellAt(figure.data, brightest(scene.map)) }), { label: "Brightest cell" },
  );

  const heads = [html("th", { scope: "col" }), html("th", { scope: "col" }), html("th", { scope: "col" })];
  const rows = html("tbody");
  const makeRows = keyed(rows, () => html("tr", {}, html("th", { scope: "row" }), html("td"), html("td"), html("td")));
  const table = html(
    "div", { class: "table", role: "region", "aria-label": "What the score is made of", tabIndex: 0 },
    html("table", {}, html("thead", {}, html("tr", {}, html("td"), ...heads)), rows),
  );
  const question = html("p");
  const options = html(
    "div",
    { class: "options" },
    opacity.element,
    html("div", { class: "chips", role: "group", "aria-label": "The map" }, smooth.element, own.element, boxed.element, jump),
    threshold.element,
  );
  const plots = html(
    "div", { class: "plots" },
    html("div", { class: "seen" }, photograph.element, bar.element, options),
    html("div", { class: "side" }, classes.element, figure.readout, table),
  );

  // ── Drawing, at most once a frame ────────────────────────────────────────────────────────────

  function draw(/** @type {boolean} */ hidden) {
    follow();
    const { state, data } = figure;
    chooser.set(data.names[state.index]);
    rival.set(state.other === null ? "" : data.names[state.other]);
    rival.element.hidden = data.names.length < 2;
    classes.draw(data, state);
    opacity.set(state.opacity);
    smooth.set(state.smooth);
    own.set(state.own_scale);
    boxed.set(state.boxed);
    options.hidden = hidden; // there is no map that they could change
    threshold.element.hidden = !state.boxed;
    threshold.set(state.threshold);
    photograph.draw({ data, state, scene, values, box, hidden });
    bar.draw(data, scene, hidden ? null : state.cell[0] * data.columns + state.cell[1], figure.colour);
    channels.draw(data, state, hidden);
    drawTable(hidden);
    text(question, scene.other === null
      ? `Which cell gives most to the score of ${scene.name}? Move the frame there.`
      : `Which cell speaks most for ${scene.name} and against ${scene.other}? Move the frame there.`);
    plots.setAttribute("aria-busy", String(photograph.loading()));
  }

  function drawTable(/** @type {boolean} */ hidden) {
    const said = receipt(figure.data, figure.state, scene, hidden);
    heads.forEach((head, i) => {
      head.hidden = i >= said.heads.length;
      text(head, said.heads[i] ?? "");
    });
    makeRows(said.rows.map((_, i) => String(i))).forEach((row, i) => {
      const [name, ...cells] = row.children;
      text(name, said.rows[i].name);
      cells.forEach((/** @type {HTMLElement} */ cell, /** @type {number} */ j) => {
        cell.hidden = j >= said.heads.length;
        text(cell, said.rows[i].cells[j] ?? "");
      });
    });
  }

  function speak() {
    const { state, data } = figure;
    if (figure.hidden()) return { said: `The map of ${scene.name} is hidden until you commit to a cell.` };
    return { said: describe(data, state, scene, box), answer: verdict(data, state, scene) };
  }

  return figure.show({
    name: "activation-map",
    bars: [[chooser.element, rival.element]],
    question: [question],
    body: [plots, channels.element],
    close: photograph.close,
  });
}

export default { render };
