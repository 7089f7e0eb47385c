// The chart beside the map: f − f* on a logarithmic axis against cost in gradient-equivalents.

import { html, keyed, set, svg, text } from "../core/dom.js";
import { grouped, power } from "../core/format.js";
import { place } from "../core/labels.js";
import { outline } from "../core/palette.js";
import { linear, logarithmic } from "../core/scales.js";
import { targetName } from "./describe.js";
import { stepAt } from "./race.js";

const MARGIN = { left: 40, right: 10, top: 22, bottom: 38 };

export function createLoss() {
  const canvas = html("canvas", { "aria-hidden": "true" });
  const chart = svg("svg", { class: "axes", "aria-hidden": "true" });
  const grid = svg("path", { class: "grid" });
  const ticks = svg("g", { class: "ticks" });
  const target = svg("path", { class: "target" });
  const targetLabel = svg("text", { class: "target" });
  const cursor = svg("path", { class: "cursor" });
  const title = svg("text", { class: "title", x: 0, y: 12 }, "f − f*");
  const unit = svg("text", { class: "title unit" }, "cost, in gradients");
  const heads = svg("g", { class: "heads" });
  chart.append(grid, ticks, target, targetLabel, cursor, title, unit, heads);
  const element = html("div", { class: "loss" }, canvas, chart);
  const drawTicks = keyed(ticks, (key) => svg("text", { class: key[0] }));
  const drawHeads = keyed(heads, () =>
    svg("g", {}, svg("path", { class: "marker" }), svg("text", { dy: "0.33em" })),
  );
  const measure = html("canvas").getContext("2d");
  let [width, height, density] = [0, 0, 1];

  function resize() {
    const [w, h] = [element.clientWidth, element.clientHeight];
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    if (w < 80 || h < 80 || (w === width && h === height && ratio === density)) return false;
    [width, height, density] = [w, h, ratio];
    canvas.width = Math.round(w * density);
    canvas.height = Math.round(h * density);
    Object.assign(canvas.style, { width: `${w}px`, height: `${h}px` });
    return true;
  }

  /** From below the target to above where the runs begin. */
  function range(runners, goal) {
    const first = Math.max(goal * 10, ...runners.map(({ values }) => values[0]));
    return [10 ** Math.floor(Math.log10(goal) - 0.5), Math.min(first * 6, 1e300)];
  }

  return {
    element,
    resize,
    /** @param {any} scene */
    draw({ state, race, frame, hidden, colour }) {
      if (!width) return;
      const runners = race.runners.filter(({ stale }) => !stale);
      const right = width - MARGIN.right;
      const bottom = height - MARGIN.bottom;
      const domain = range(runners, state.target);
      const sx = linear([0, race.last], [MARGIN.left, right]);
      const sy = logarithmic(domain, [bottom, MARGIN.top]);
      const yOf = (/** @type {number} */ value) =>
        Math.max(MARGIN.top, Math.min(bottom, value > 0 ? sy(value) : bottom));

      const [xs, ys] = [sx.ticks(width > 300 ? 5 : 3).filter(Number.isInteger), sy.ticks(height > 260 ? 8 : 5)];
      set(grid, { d: ys.map((v) => `M${MARGIN.left},${sy(v).toFixed(1)}H${right}`).join("") || "M0,0" });
      drawTicks([...xs.map((v) => `x${v}`), ...ys.map((v) => `y${v}`)]).forEach((label, i) => {
        const value = i < xs.length ? xs[i] : ys[i - xs.length];
        set(label, i < xs.length
          ? { x: sx(value).toFixed(1), y: bottom + 16 }
          : { x: MARGIN.left - 6, y: sy(value).toFixed(1), dy: "0.33em" });
        text(label, i < xs.length ? grouped(value) : power(Math.round(Math.log10(value))));
      });
      set(target, { d: `M${MARGIN.left},${sy(state.target).toFixed(1)}H${right}` });
      set(targetLabel, { x: MARGIN.left + 4, y: (sy(state.target) - 5).toFixed(1) });
      text(targetLabel, `target ${targetName(state.target)}`);
      set(unit, { x: right, y: height - 4 });
      const at = Math.min(frame, race.last);
      set(cursor, { d: hidden ? "M0,0" : `M${sx(at).toFixed(1)},${MARGIN.top}V${bottom}` });

      const context = canvas.getContext("2d");
      context.setTransform(density, 0, 0, density, 0, 0);
      context.clearRect(0, 0, width, height);
      if (!hidden) {
        context.lineWidth = 2;
        context.lineJoin = "round";
        for (const runner of runners) {
          context.strokeStyle = colour(runner.look.colour);
          context.setLineDash(runner.look.dash);
          context.beginPath();
          let [px, py] = [sx(0), yOf(runner.values[0])];
          context.moveTo(px, py);
          const upTo = stepAt(runner, frame);
          for (let k = 1; k <= upTo; k++) {
            const [x, y] = [sx(runner.costs[k]), yOf(runner.values[k])];
            if (k === upTo || Math.abs(x - px) + Math.abs(y - py) > 0.7) {
              context.lineTo(x, y);
              [px, py] = [x, y];
            }
          }
          if (runner.reason === "diverged" && upTo === runner.steps) context.lineTo(px, MARGIN.top);
          context.stroke();
        }
        context.setLineDash([]);
      }

      measure.font = "600 12px system-ui, sans-serif";
      const named = hidden ? [] : runners;
      const labels = named.map((runner) => {
        const k = stepAt(runner, frame);
        const name = width < 340 ? runner.look.short : runner.look.label;
        const over = runner.reason === "diverged" && k === runner.steps;
        const above = runner.values[k] > domain[1];
        const label = over ? `${name} ↑ overflow` : above ? `${name} ↑` : name;
        return { x: sx(runner.costs[k]), y: over ? MARGIN.top : yOf(runner.values[k]), label, width: measure.measureText(label).width };
      });
      // right of the axis, and clear of the target's name
      const inside = labels.map((label) => ({ ...label, x: label.x - MARGIN.left }));
      const goal = { left: 0, right: targetLabel.textContent.length * 6, y: sy(state.target) - 9 };
      const places = place(inside, width - MARGIN.left, bottom - 2, [goal]);
      drawHeads(named.map(({ id }) => id)).forEach((group, i) => {
        const [marker, name] = group.children;
        group.style.setProperty("--own", `var(--${named[i].look.colour})`);
        set(marker, {
          d: outline(named[i].look.marker, 4.5),
          transform: `translate(${labels[i].x.toFixed(1)},${labels[i].y.toFixed(1)})`,
        });
        set(name, { x: (places[i].x + MARGIN.left).toFixed(1), y: places[i].y.toFixed(1) });
        text(name, labels[i].label);
      });
    },
  };
}
