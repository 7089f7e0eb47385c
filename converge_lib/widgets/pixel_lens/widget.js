// PixelLens: a network of 1×1 convolutions at one pixel of a picture, and at all of them.

import { radios, select, toggle } from "../core/controls.js";
import { html } from "../core/dom.js";
import { compact } from "../core/format.js";
import { softmax } from "../core/maths/layers.js";
import { stage } from "../core/stage.js";
import { ANSWERS, describe, place, short, verdict } from "./describe.js";
import { activations, changed, pixelOf, reordered, shares as sharesOf, shuffledOrder, winners } from "./lens.js";
import { DATA, SHARED, layerName, prepare, sanitise } from "./state.js";
import { mapsView, networkView, pictureView, scoresView } from "./views.js";

/**
 * @typedef {object} Worked the picture and all maps, in the order in which they are shown
 * @property {string} key
 * @property {import("../core/maths/layers.js").FeatureMap[]} maps of each layer, the picture first
 * @property {import("../core/maths/layers.js").FeatureMap | null} shares of the outputs, if there are several
 * @property {number[]} scales the largest size of a value in each layer
 * @property {Uint32Array | null} order where each place takes its pixel from
 * @property {Uint32Array | null} places where each pixel has gone
 * @property {number} moved the share of pixels that are taken for something else without ReLU
 */

/** @param {{model: any, el: HTMLElement}} context */
function render(context) {
  /** @type {Record<string, Worked>} */ let kept = {};
  /** @type {import("./state.js").Data | null} */ let keptOf = null;
  /** @type {Worked} */ let worked;
  /** @type {import("./describe.js").Seen} */ let seen;
  /** @type {string | null} */ let guess = null;

  const figure = stage(context, {
    shared: SHARED,
    data: DATA,
    prepare,
    sanitise,
    draw,
    speak,
    answerField: () => choices.element.querySelector("input"),
    committed: () => figure.update({ shuffled: true }),
    cleared() {
      guess = null;
    },
    resize: () => [picture.resize(), network.resize()],
  });
  const { update } = figure;

  // ── What is worked out ───────────────────────────────────────────────────────────────────────

  function recall(/** @type {boolean} */ shuffled) {
    const { state, data } = figure;
    if (keptOf !== data) {
      kept = {};
      keptOf = data;
    }
    const key = JSON.stringify([state.relu, shuffled]);
    worked = kept[key] ??= worksOn(data, state.relu, shuffled, key);
  }

  /** @returns {Worked} */
  function worksOn(/** @type {import("./state.js").Data} */ { steps, image, names }, /** @type {boolean} */ relu, /** @type {boolean} */ shuffled, /** @type {string} */ key) {
    const [, height, width] = image.shape;
    const order = shuffled ? shuffledOrder(height * width) : null;
    const places = order && new Uint32Array(order.length);
    order?.forEach((from, to) => {
      /** @type {Uint32Array} */ (places)[from] = to;
    });
    const maps = activations(steps, order ? reordered(image, order) : image, relu);
    const outputs = maps[maps.length - 1];
    const several = names.length > 1;
    const other = several ? activations(steps, maps[0], true)[steps.length] : outputs;
    return {
      key, maps, order, places,
      shares: several ? sharesOf(outputs) : null,
      scales: maps.map(({ data }) => data.reduce((most, value) => Math.max(most, Math.abs(value)), 0)),
      moved: several && !relu ? changed(winners(outputs), winners(other)) : 0,
    };
  }

  /** From a pixel of the picture to where it stands, or from a place to the pixel that stands there. */
  function through(/** @type {Uint32Array | null} */ table, /** @type {number[]} */ at) {
    if (!table) return at;
    const width = figure.data.image.shape[2];
    const to = table[at[0] * width + at[1]];
    return [Math.floor(to / width), to % width];
  }

  // ── What the reader sees and touches ─────────────────────────────────────────────────────────

  const moveTo = (/** @type {number[]} */ there) => update({ at: through(worked.order, there) });
  const layers = select({
    label: "Layer whose maps are shown", options: [["0", ""]],
    onChange: (value) => update({ layer: Number(value) }),
  });
  const relu = toggle({ content: ["ReLU"], onToggle: (on) => update({ relu: on }) });
  const shuffle = toggle({ content: ["Shuffle the pixels"], onToggle: (on) => update({ shuffled: on }) });
  const choices = radios("All pixels change places. What becomes of the scores of the marked pixel?", (value) => {
    guess = value;
    figure.schedule();
  });
  const picture = pictureView(moveTo);
  const network = networkView();
  const maps = mapsView(moveTo);
  const scores = scoresView();
  const plots = html("div", { class: "plots" }, picture.element, network.element, maps.element);

  // ── Drawing, at most once a frame ────────────────────────────────────────────────────────────

  function draw(/** @type {boolean} */ hidden) {
    const { state, data, colour } = figure;
    recall(state.shuffled && !hidden);
    const there = through(worked.places, state.at);
    const vector = pixelOf(data.image, state.at[0], state.at[1]);
    const values = activations(data.steps, vector, state.relu);
    const own = values[values.length - 1].data;
    const inMaps = pixelOf(worked.maps[worked.maps.length - 1], there[0], there[1]).data;
    const shares = worked.shares && softmax(own);
    seen = {
      state, data, vector: vector.data, scores: own, shares, moved: worked.moved,
      difference: own.reduce((most, score, k) => Math.max(most, Math.abs(score - inMaps[k])), 0),
    };
    layers.fill(worked.maps.map((_, layer) => /** @type {[string, string]} */ ([String(layer), layerName(data, layer)])));
    layers.set(String(state.layer));
    relu.set(state.relu);
    relu.element.hidden = !data.steps.some((step) => step.relu);
    shuffle.set(state.shuffled && !hidden);
    /** @type {HTMLButtonElement} */ (shuffle.element).disabled = hidden;
    picture.draw(worked.maps[0], there, place(there));
    network.draw(data, values, shares, worked.scales);
    const output = state.layer === data.steps.length && worked.shares;
    const shown = output || worked.maps[state.layer];
    const at = pixelOf(shown, there[0], there[1]).data;
    const full = output || state.layer === 0 ? 1 : worked.scales[state.layer] || 1;
    maps.draw(data, state, shown, worked.key, full, there, (c) => (output ? short(at[c]) : compact(at[c], 2)), colour);
    scores.draw(data.names, own, inMaps, shares);
    choices.fill(/** @type {[string, string][]} */ (Object.entries(ANSWERS)), guess);
  }

  function speak() {
    const hidden = figure.hidden();
    return { said: describe(seen, hidden), answer: verdict(guess, seen.difference) };
  }

  return figure.show({
    name: "pixel-lens",
    bars: [[layers.element, relu.element, shuffle.element]],
    question: [choices.element],
    body: [plots, figure.readout, scores.element],
  });
}

export default { render };
