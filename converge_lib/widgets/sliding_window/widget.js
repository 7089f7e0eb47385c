// SlidingWindow: the dense network slid over a picture, and its score map computed at once.

import { button, select, slider, toggle } from "../core/controls.js";
import { html, text } from "../core/dom.js";
import { grouped } from "../core/format.js";
import { featureMap } from "../core/maths/layers.js";
import { player } from "../core/player.js";
import { slices } from "../core/slices.js";
import { stage } from "../core/stage.js";
import { EQUAL, describe, times, verdict } from "./describe.js";
import { cellOf, converted, costs, crop, distance, finds, scoreMap, windowScores, windowsIn } from "./scores.js";
import { DATA, GUESS, SHARED, prepare, sanitise, sizeOf } from "./state.js";
import { costsView, mapView, pictureView, scoresView } from "./views.js";

const KEPT = 40; // maps, for when a picture, a size or the padding comes back

/**
 * @typedef {object} Worked a picture with its map, and what the windows one by one say
 * @property {import("../core/maths/layers.js").Layer[]} layers
 * @property {import("../core/maths/layers.js").FeatureMap} picture
 * @property {import("../core/maths/layers.js").FeatureMap} map by the converted network
 * @property {import("../core/maths/layers.js").FeatureMap} slid of the windows done so far
 * @property {number} done windows
 * @property {number} everywhere the largest difference so far
 * @property {number[][]} differs cells that are not what their windows say
 * @property {ReturnType<typeof costs>} costs
 */

/** @param {{model: any, el: HTMLElement}} context */
function render(context) {
  /** @type {Map<string, Worked>} */ const kept = new Map();
  /** @type {import("./state.js").Data | null} */ let keptOf = null;
  /** @type {Worked} */ let worked;
  /** @type {import("./describe.js").Seen} */ let seen;
  /** @type {number | null} */ let filled = null; // windows that the player has been at
  let guess = 10;
  let guessed = guess;

  const figure = stage(context, {
    shared: SHARED,
    data: DATA,
    prepare,
    sanitise,
    draw,
    speak,
    settled: () => !work.busy() && filled === null,
    answerField: () => bet.element.querySelector("input"),
    committed() {
      guessed = guess;
    },
    cleared: () => clock.stop(),
    resize: () => [picture.resize(), map.resize()],
  });
  const work = slices(figure.schedule);

  function update(/** @type {Record<string, any>} */ patch) {
    clock.stop();
    figure.update(patch);
  }

  // ── What is worked out ───────────────────────────────────────────────────────────────────────

  /** The map of the picture as it is cut, at once; what all its windows say, in slices. */
  function recall() {
    const { state, data } = figure;
    if (keptOf !== data) {
      kept.clear();
      keptOf = data;
    }
    const size = sizeOf(data, state);
    const key = JSON.stringify([state.image, size, state.padded]);
    const known = kept.get(key);
    const now = known ?? worksOn(state, data, size);
    if (!known) {
      if (kept.size >= KEPT) kept.delete(/** @type {string} */ (kept.keys().next().value));
      kept.set(key, now);
    }
    if (now === worked) return;
    worked = now;
    if (now.done < now.costs.rows * now.costs.columns) work.start(sliding(now));
    else work.stop();
  }

  /** @returns {Worked} */
  function worksOn(/** @type {import("./state.js").State} */ state, /** @type {import("./state.js").Data} */ data, /** @type {number[]} */ size) {
    const layers = (state.padded && data.padded) || data.layers;
    const part = crop(data.images[state.image].map, [0, 0], size);
    const whole = scoreMap(converted(layers, data.window), part);
    const [rows, columns] = windowsIn(size, data.window, data.stride);
    return {
      layers, picture: part, map: whole, slid: featureMap([whole.shape[0], rows, columns]), done: 0, everywhere: 0,
      differs: [], costs: costs(layers, data.window, size),
    };
  }

  /** One window after the other, as the player shows them. */
  function* sliding(/** @type {Worked} */ all) {
    const { window, stride } = figure.data;
    const { rows, columns } = all.costs;
    while (all.done < rows * columns) {
      const [row, column] = [Math.floor(all.done / columns), all.done % columns];
      const scores = windowScores(all.layers, all.picture, [row * stride, column * stride], window);
      scores.forEach((score, k) => {
        all.slid.data[(k * rows + row) * columns + column] = score;
      });
      const difference = distance(scores, cellOf(all.map, row, column));
      all.everywhere = Math.max(all.everywhere, difference);
      if (difference > EQUAL) all.differs.push([row, column]);
      all.done += 1;
      yield;
    }
  }

  // ── What the reader sees and touches ─────────────────────────────────────────────────────────

  const pictures = select({
    label: "Picture", options: [["0", ""]],
    onChange: (value) => update({ image: Number(value), size: null }),
  });
  const classes = select({
    label: "Class that the map shows", options: [["", ""]],
    onChange: (value) => update({ shown: value === "" ? null : figure.data.labels[Number(value)] }),
  });
  const snap = toggle({ content: ["Snap to cells"], onToggle: (on) => update({ snap: on }) });
  const padding = toggle({ content: ["Padding"], onToggle: (on) => update({ padded: on }) });
  const marks = toggle({ content: ["Mark what it finds"], onToggle: (on) => update({ marked: on }) });
  const slideButton = button("Slide it", () => {
    if (clock.playing()) clock.stop();
    else {
      filled = 0;
      clock.play();
    }
    figure.schedule();
  }, { kind: "play" });
  const clock = player({
    position: () => ({ frame: filled ?? 0, last: worked.costs.rows * worked.costs.columns }),
    show(at) {
      filled = at;
      figure.schedule();
    },
    stopped() {
      const at = reached();
      filled = null;
      figure.update({ at });
      figure.schedule();
    },
  });
  const bet = slider({
    label: "Your prediction of the factor", name: "factor", low: GUESS[0], high: GUESS[1], kind: "log", format: times,
    onInput(value) {
      guess = value;
      figure.schedule();
    },
  });
  const question = html("p");
  const picture = pictureView((at) => update({ at: at.map(Math.round) }));
  const map = mapView();
  const scores = scoresView();
  const bill = costsView();
  const plots = html("div", { class: "plots" }, picture.element, map.element, scores.element);
  /** @type {{element: HTMLElement, set: (size: number) => void} | null} */ let cut = null;
  let cutOf = "";
  const cutPlace = html("span", { class: "cut" });

  /** The picture's size has as many steps as the map has cells. */
  function drawCut(/** @type {import("./state.js").State} */ state, /** @type {import("./state.js").Data} */ data) {
    const { window, stride, images } = data;
    const full = Math.max(...images[state.image].map.shape);
    const key = [window, stride, full].join();
    if (cutOf !== key) {
      cutOf = key;
      cut = slider({
        label: "Size of the picture", name: "picture", low: window, high: full, kind: "whole", step: stride, format: (size) => `${size} px`,
        onInput: (size) => update({ size }),
      });
      cutPlace.replaceChildren(cut.element);
    }
    cut?.set(state.size);
  }

  /** Where the window is while the player moves it. */
  function reached() {
    if (!filled) return filled === null ? figure.state.at : [0, 0];
    const { columns } = worked.costs;
    const { stride } = figure.data;
    return [Math.floor((filled - 1) / columns) * stride, ((filled - 1) % columns) * stride];
  }

  // ── Drawing, at most once a frame ────────────────────────────────────────────────────────────

  function look() {
    const { state, data } = figure;
    const at = reached();
    const { rows, columns } = worked.costs;
    const cell = at.every((side) => side % data.stride === 0) ? at.map((side) => side / data.stride) : null;
    const own = windowScores(worked.layers, worked.picture, at, data.window);
    const other = cell && cellOf(worked.map, cell[0], cell[1]);
    const found = finds(worked.map, {
      within: [rows, columns], apart: Math.floor(data.window / 2 / data.stride), background: data.background,
      only: state.shown === null ? null : data.labels.indexOf(state.shown),
    });
    seen = {
      state: { ...state, at }, data, scores: own, cell: other, difference: other ? distance(own, other) : 0, everywhere: worked.everywhere,
      differing: worked.differs.length, found, costs: worked.costs,
    };
    return { at, cell, own, other, found };
  }

  function draw(/** @type {boolean} */ hidden) {
    const { state, data, colour } = figure;
    recall();
    const { at, cell, own, other, found } = look();
    const { rows, columns } = worked.costs;
    const playing = clock.playing();
    const count = filled ?? rows * columns;
    if (filled !== null) finish(count);
    pictures.fill(data.images.map(({ name }, i) => [String(i), name]));
    pictures.set(String(state.image));
    classes.fill([["", "Largest score"], ...data.labels.map((name, k) => /** @type {[string, string]} */ ([String(k), `Score of “${name}”`]))]);
    classes.set(state.shown === null ? "" : String(data.labels.indexOf(state.shown)));
    drawCut(state, data);
    snap.set(state.snap);
    padding.element.hidden = data.padded === null;
    padding.set(state.padded);
    marks.set(state.marked);
    text(slideButton, playing ? "Stop" : "Slide it");
    slideButton.disabled = hidden;
    picture.draw(state, data, sizeOf(data, state), at, state.marked && !playing ? found : [], colour);
    map.draw(state, data, filled === null ? worked.map : worked.slid, {
      within: [rows, columns], filled: count, at: cell, differs: work.busy() || !state.padded ? [] : worked.differs, colour,
    });
    scores.draw(data, own, other);
    bill.draw(worked.costs, count, hidden);
    bet.set(guess);
    if (hidden) {
      text(question, `The map has ${grouped(rows * columns)} cells, and needs no window twice. By what factor does the converted network multiply less than sliding?`);
    }
    plots.setAttribute("aria-busy", String(work.busy() || playing));
  }

  /** The player may be ahead of the slices. */
  function finish(/** @type {number} */ count) {
    const rest = sliding(worked);
    while (worked.done < count) rest.next();
  }

  function speak() {
    const hidden = figure.hidden();
    return { said: describe(seen, hidden), answer: verdict(guessed, seen.costs) };
  }

  return figure.show({
    name: "sliding-window",
    bars: [
      [pictures.element, classes.element],
      [cutPlace, slideButton, snap.element, padding.element, marks.element],
    ],
    question: [question, bet.element],
    body: [plots, bill.element, figure.readout],
    close() {
      clock.stop();
      work.stop();
    },
  });
}

export default { render };
