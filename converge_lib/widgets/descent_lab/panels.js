// The controls under the figure: which solvers race and with what settings, and the local model.

import { compact } from "../core/format.js";
import { select, slider, toggle } from "../core/controls.js";
import { html, text } from "../core/dom.js";
import { METHODS } from "../core/maths/methods.js";
import { HYPERPARAMETERS, LOOKS, customLook } from "../core/palette.js";
import { swatch } from "../core/swatch.js";
import { describeModel, outcome } from "./describe.js";
import { INITIAL, SHOW, tunedFor } from "./state.js";

/** @typedef {{update: (patch: object) => void, state: import("./state.js").State, data: import("./state.js").Custom[]}} Figure */

export function solverPanel(/** @type {Figure} */ figure) {
  /** Settings of solvers that are switched off, for when they come back. */
  const kept = {};
  const shown = (/** @type {string} */ name) => figure.state.solvers.find((solver) => solver.name === name);

  function change(/** @type {string} */ name, /** @type {string} */ key, /** @type {any} */ value) {
    figure.update({
      solvers: figure.state.solvers.map((solver) => {
        if (solver.name !== name) return solver;
        if (!key.startsWith("beta")) return { ...solver, [key]: value };
        const betas = key === "beta1" ? [value, solver.betas[1]] : [solver.betas[0], value];
        return { ...solver, betas };
      }),
    });
  }

  /** A slider for a hyperparameter, or a switch. */
  function control(/** @type {string} */ name, /** @type {string} */ key) {
    const { symbol, name: meaning, kind, low, high } = HYPERPARAMETERS[key];
    if (kind === "switch") return toggle({ content: [meaning], onToggle: (on) => change(name, key, on) });
    const optional = INITIAL[name][key] === null;
    return slider({
      label: `${LOOKS[name].label}: ${meaning}${symbol && ` ${symbol}`}`,
      name: meaning,
      symbol,
      low: optional ? null : low,
      high,
      kind: optional ? "optional" : kind,
      format: (value) => (value === null ? "none" : compact(value, 6)),
      onInput: (value) => change(name, key, value),
    });
  }

  const rows = Object.keys(INITIAL).map((name) => {
    const look = LOOKS[name];
    const switcher = toggle({
      content: [swatch(look), look.label],
      onToggle(on) {
        const others = figure.state.solvers.filter((solver) => solver.name !== name);
        if (on) figure.update({ solvers: [...others, kept[name] ?? tunedFor(figure.state.surface, name)] });
        else {
          kept[name] = shown(name);
          figure.update({ solvers: others });
        }
      },
    });
    const keys = Object.keys(INITIAL[name]).flatMap((key) => (key === "betas" ? ["beta1", "beta2"] : [key]));
    const controls = keys.map((key) => ({ key, control: control(name, key) }));
    const result = html("span", { class: "result" });
    const [rare, usual] = [controls.filter(({ key }) => key === "eps"), controls.filter(({ key }) => key !== "eps")];
    const card = html(
      "section",
      { class: "settings", role: "group", "aria-label": `${look.label}: settings` },
      html("header", {}, swatch(look), html("strong", {}, look.label), result),
      ...usual.map(({ control }) => control.element),
    );
    if (rare.length) {
      card.append(html("details", {}, html("summary", {}, "More"), ...rare.map(({ control }) => control.element)));
    }
    return { name, switcher, card, controls, result };
  });

  const chips = (/** @type {string} */ order, /** @type {boolean} */ second) =>
    html(
      "div",
      { class: "chips", role: "group", "aria-label": order },
      html("span", { class: "order", "aria-hidden": "true" }, order),
      ...rows.filter(({ name }) => name in METHODS === second).map(({ switcher }) => switcher.element),
    );
  const customs = html("div", { class: "customs" });
  const element = html(
    "section",
    { class: "solvers", role: "group", "aria-label": "Solvers" },
    html("p", { class: "heading" }, "Solvers"),
    chips("First order", false),
    chips("Second order", true),
    html("div", { class: "cards" }, ...rows.map(({ card }) => card), customs),
  );

  return {
    element,
    forget() {
      for (const name of Object.keys(kept)) delete kept[name];
    },
    /** @param {import("./race.js").Race} race @param {boolean} hidden */
    draw(race, hidden) {
      for (const { name, switcher, card, controls, result } of rows) {
        const solver = shown(name);
        switcher.set(Boolean(solver));
        card.hidden = !solver;
        if (!solver) continue;
        for (const { key, control } of controls) {
          control.set(key.startsWith("beta") ? solver.betas[key === "beta1" ? 0 : 1] : solver[key]);
        }
        const runner = race.runners.find(({ id }) => id === name);
        text(result, hidden || !runner ? "" : outcome(runner));
        result.classList.toggle("bad", !hidden && /diverged|stationary|stalled/.test(runner?.reason ?? ""));
      }
      const notes = figure.data.map(({ label, error }, i) => {
        const runner = race.runners.find(({ id }) => id === `custom-${i}`);
        const said = error || (!runner || hidden ? "" : runner.stale ? "needs a live notebook to follow" : outcome(runner));
        return { label, said, bad: Boolean(error), look: customLook(i, label) };
      });
      const now = JSON.stringify(notes);
      if (customs.dataset.now === now) return;
      customs.dataset.now = now;
      customs.replaceChildren(
        ...notes.map(({ label, said, bad, look }) =>
          html(
            "section",
            { class: "settings", role: "group", "aria-label": label },
            html("header", {}, swatch(look), html("strong", {}, label)),
            html("p", { class: bad ? "result bad" : "result" }, said),
          ),
        ),
      );
    },
  };
}

const PARTS = {
  gradient: "Steepest descent",
  ellipse: "Quadratic model",
  eigenvectors: "Eigenvectors",
  newton: "Newton’s step",
};

export function modelPanel(/** @type {Figure} */ figure) {
  const toggles = SHOW.map((part) => ({
    part,
    control: toggle({
      content: [html("span", { class: `key ${part}` }), PARTS[part]],
      onToggle: (on) =>
        figure.update({ show: SHOW.filter((other) => (other === part ? on : figure.state.show.includes(other))) }),
    }),
  }));
  let centre = [0, 0];
  const where = select({
    label: "Where the local model is taken",
    options: [],
    onChange(value) {
      const apart = figure.state.start.map((value, i) => (value + centre[i]) / 2); // not under the start
      figure.update({ probe: value === "start" ? null : value === "point" ? apart : value });
    },
  });
  const place = html("span", { class: "where" }, "at", where.element);
  const numbers = html("p", { class: "numbers" });
  return {
    element: html(
      "section",
      { class: "model-panel", role: "group", "aria-label": "The local model" },
      html("p", { class: "heading" }, "What the curvature says"),
      html("div", { class: "chips" }, ...toggles.map(({ control }) => control.element), place),
      numbers,
    ),
    /** @param {import("./race.js").Race} race @param {import("./describe.js").LocalModel} model */
    draw(race, model) {
      centre = race.box.map(([low, high]) => (low + high) / 2);
      const { show, probe, solvers } = figure.state;
      for (const { part, control } of toggles) control.set(show.includes(part));
      where.fill([
        ["start", "the start"],
        ["point", "a point you move"],
        ...solvers.map(({ name }) => /** @type {[string, string]} */ ([name, `${LOOKS[name].label}’s head`])),
      ]);
      where.set(Array.isArray(probe) ? "point" : solvers.some(({ name }) => name === probe) ? String(probe) : "start");
      numbers.hidden = place.hidden = show.length === 0;
      if (show.length) text(numbers, describeModel(model));
    },
  };
}
