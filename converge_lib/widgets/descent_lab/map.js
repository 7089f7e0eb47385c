// The picture from above: contours, paths, heads, minima, the local model and the two handles.

import { contourLines, paintContours } from "../core/contours.js";
import { html, keyed, set, svg, text } from "../core/dom.js";
import { handle } from "../core/handle.js";
import { compact } from "../core/format.js";
import { place } from "../core/labels.js";
import { modelCurve } from "../core/maths/curvature.js";
import { outline } from "../core/palette.js";
import { linear } from "../core/scales.js";
import { iterationAt, stepAt } from "./race.js";

const MARGIN = { left: 30, right: 1, top: 1, bottom: 22 };
const COARSE = 40;
const FINE = 112;
const REST = 150;
const SEEN = 10; // pixels: what is shorter is not worth a label
const ARROW = 0.17; // of the width: the gradient's own length would leave the picture

/**
 * @param {{onStart: (p: number[]) => void, onProbe: (p: number[]) => void, redraw: () => void}} options
 */
export function createMap({ onStart, onProbe, redraw }) {
  const ground = html("canvas", { "aria-hidden": "true" });
  const trails = html("canvas", { "aria-hidden": "true" });
  const axes = svg("svg", { class: "axes", "aria-hidden": "true" });
  const scene = svg("svg", { class: "scene", "aria-hidden": "true" });
  const minima = svg("g", { class: "minima" });
  const local = svg("g", { class: "local" });
  const heads = svg("g", { class: "heads" });
  const inner = svg("g", { class: "inner" });
  scene.append(minima, local, inner, heads);
  const startHandle = handle("Start", onStart);
  const probeHandle = handle("Probe of the local model", onProbe);
  startHandle.element.classList.add("start");
  probeHandle.element.classList.add("probe");
  const plot = html("div", { class: "plot" }, ground, trails, scene, probeHandle.element, startHandle.element);
  const element = html("div", { class: "map" }, axes, plot);

  let size = 0;
  let density = 1;
  /** @type {any} */ let lines = null;
  let drawn = ""; // the surface whose contours `lines` are
  let painted = ""; // their colour then
  let refine = 0;
  const measure = html("canvas").getContext("2d");

  const innerLine = svg("path", { class: "line" });
  const innerDots = svg("path", { class: "dots" });
  const innerLabel = svg("text", { dy: "0.33em" });
  const curves = svg("path", { class: "ellipse" });
  const eigenLines = svg("path", { class: "eigen" });
  const gradientArrow = svg("path", { class: "gradient" });
  const newtonArrow = svg("path", { class: "newton" });
  const dot = svg("circle", { class: "at", r: 3 });
  const modelLabels = svg("g");
  local.append(curves, eigenLines, gradientArrow, newtonArrow, dot, modelLabels);

  const drawMinima = keyed(minima, () => svg("path", { d: "M-5,0H5M0,-5V5" }));
  const drawTicks = keyed(axes, (key) => svg("text", { class: key[0] }));
  const drawHeads = keyed(heads, () =>
    svg("g", {}, svg("path", { class: "leader" }), svg("path", { class: "marker" }), svg("text", { dy: "0.33em" })),
  );
  const drawModelLabels = keyed(modelLabels, () => svg("text", { dy: "0.33em" }));

  function resize() {
    const width = Math.round(element.clientWidth - MARGIN.left - MARGIN.right);
    const ratio = Math.min(globalThis.devicePixelRatio || 1, 2);
    if (width < 40 || (width === size && ratio === density)) return false;
    [size, density] = [width, ratio];
    element.style.height = `${size + MARGIN.top + MARGIN.bottom}px`;
    Object.assign(plot.style, {
      left: `${MARGIN.left}px`, top: `${MARGIN.top}px`, width: `${size}px`, height: `${size}px`,
    });
    for (const canvas of [ground, trails]) {
      canvas.width = canvas.height = Math.round(size * density);
    }
    painted = "";
    return true;
  }

  /** Contours are the costly part: coarse while a slider moves or the page loads, fine at rest. */
  function paintGround(race, key, colour) {
    if (key !== drawn) {
      drawn = key;
      lines = contourLines(race.surface.fun, race.box, COARSE);
      painted = "";
      clearTimeout(refine);
      refine = setTimeout(() => {
        lines = contourLines(race.surface.fun, race.box, FINE);
        painted = "";
        redraw();
      }, REST);
    }
    if (painted === colour("contour")) return;
    painted = colour("contour");
    const context = ground.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    paintContours(context, lines, size, size, colour);
  }

  function paintTrails(race, frame, sx, sy, colour, hidden) {
    const context = trails.getContext("2d");
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, size, size);
    if (hidden) return;
    context.lineJoin = "round";
    context.lineWidth = 2;
    for (const runner of race.runners) {
      const upTo = stepAt(runner, frame);
      context.strokeStyle = colour(runner.look.colour);
      context.setLineDash(runner.look.dash);
      context.globalAlpha = runner.stale ? 0.35 : 1;
      context.beginPath();
      let [px, py] = [sx(runner.path[0]), sy(runner.path[1])];
      context.moveTo(px, py);
      for (let k = 1; k <= upTo; k++) {
        const x = bounded(sx(runner.path[2 * k]));
        const y = bounded(sy(runner.path[2 * k + 1]));
        if (k === upTo || Math.abs(x - px) + Math.abs(y - py) > 0.7) {
          context.lineTo(x, y);
          [px, py] = [x, y];
        }
      }
      context.stroke();
    }
    context.globalAlpha = 1;
    context.setLineDash([]);
  }

  /**
   * Inside a step of Hessian-free: from where it stands to where conjugate gradient begins and on
   * through every iterate, with the damping written at the last.
   */
  function paintInner(race, frame, sx, sy, hidden, taken) {
    const runner = race.runners.find(({ log }) => log?.length);
    const iteration = runner && !hidden ? iterationAt(runner, frame) : undefined;
    if (!iteration) {
      inner.replaceChildren();
      return;
    }
    if (!inner.firstChild) inner.append(innerLine, innerDots, innerLabel);
    const { from, damping, cg_start, cg_path } = iteration;
    const points = [[0, 0], cg_start, ...cg_path].map((p) => [
      bounded(sx(runner.path[2 * from] + p[0])), bounded(sy(runner.path[2 * from + 1] + p[1])),
    ]);
    const written = points.map((point) => point.map((pixel) => pixel.toFixed(1)).join());
    inner.style.setProperty("--own", `var(--${runner.look.colour})`);
    set(innerLine, { d: `M${written.join("L")}` });
    set(innerDots, { d: written.slice(2).map((point) => `M${point}h0`).join("") || "M0,0" });
    const [[x, y], tip] = [points[0], points[points.length - 1]];
    const label = Math.hypot(tip[0] - x, tip[1] - y) < SEEN ? "" : `λ = ${compact(damping, 2)}`;
    const wanted = { x: tip[0], y: tip[1], width: measure.measureText(label).width };
    const spot = label ? place([wanted], size, size, taken)[0] : wanted;
    set(innerLabel, { x: spot.x.toFixed(1), y: spot.y.toFixed(1) });
    text(innerLabel, label);
  }

  const bounded = (/** @type {number} */ pixel) => Math.max(-4000, Math.min(4000, pixel));

  /** Where a runner's head is drawn: at the edge that it left by, if it is outside. */
  function head(runner, frame, sx, sy) {
    const k = stepAt(runner, frame);
    const [x, y] = [bounded(sx(runner.path[2 * k])), bounded(sy(runner.path[2 * k + 1]))];
    const outside = x < 0 || x > size || y < 0 || y > size;
    return { x: Math.max(0, Math.min(size, x)), y: Math.max(0, Math.min(size, y)), outside };
  }

  function paintHeads(race, frame, sx, sy, hidden, taken) {
    measure.font = "600 12px system-ui, sans-serif";
    const runners = hidden ? [] : race.runners;
    const narrow = size < 340;
    const labels = runners.map((runner) => {
      const at = head(runner, frame, sx, sy);
      const name = narrow ? runner.look.short : runner.look.label;
      const label = at.outside ? `${name} ↗ out of view` : name;
      return { ...at, label, width: measure.measureText(label).width };
    });
    const places = place(labels, size, size, taken);
    drawHeads(runners.map(({ id }) => id)).forEach((group, i) => {
      const [leader, marker, name] = group.children;
      const { look, stale } = runners[i];
      const { x, y, label, width } = labels[i];
      const at = places[i];
      group.style.setProperty("--own", `var(--${look.colour})`);
      set(group, { opacity: stale ? 0.45 : 1 });
      set(marker, { d: outline(look.marker, 5.5), transform: `translate(${x.toFixed(1)},${y.toFixed(1)})` });
      set(leader, {
        d: at.moved ? `M${x.toFixed(1)},${y.toFixed(1)}L${(at.x < x ? at.x + width + 2 : at.x - 2).toFixed(1)},${at.y.toFixed(1)}` : "M0,0",
      });
      set(name, { x: at.x.toFixed(1), y: at.y.toFixed(1) });
      text(name, label);
    });
  }

  function paintLocal(model, show, sx, sy, taken) {
    const has = (/** @type {string} */ part) => Boolean(model) && show.includes(part);
    local.style.display = show.length && model ? "" : "none";
    if (!model) return;
    const [x, y] = [sx(model.at[0]), sy(model.at[1])];
    const unit = sx(1) - sx(0);
    const labels = [];
    set(dot, { cx: x, cy: y });
    const line = (/** @type {number[][]} */ offsets) =>
      `M${offsets.map(([a, b]) => `${bounded(x + a * unit).toFixed(1)},${bounded(y - b * unit).toFixed(1)}`).join("L")}`;
    const curve = has("ellipse") ? modelCurve(model.eigen, model.step, (4 * size) / unit) : [];
    set(curves, { d: curve.map(line).join("") || "M0,0" });

    const steepest = Math.hypot(...model.gradient);
    const down = has("gradient") && steepest > 0 && Number.isFinite(steepest);
    const length = (ARROW * size) / unit;
    const tip = Array.from(model.gradient, (g) => (-g / (steepest || 1)) * length);
    set(gradientArrow, { d: down ? arrow(x, y, x + tip[0] * unit, y - tip[1] * unit) : "M0,0" });
    if (down) labels.push({ x: x + tip[0] * unit, y: y - tip[1] * unit, label: "−∇f", kind: "gradient" });

    const axes = has("eigenvectors") && model.eigen.values.every(Number.isFinite) ? model.eigen.vectors : [];
    const inverse = model.eigen.values.map((value) => 1 / Math.sqrt(Math.abs(value) || 1e-300));
    const longest = Math.max(...inverse);
    const spread = axes.map(([a, b], i) => {
      const reach = Math.max(length * (inverse[i] / longest), 14 / unit);
      labels.push({
        x: x + a * reach * unit, y: y - b * reach * unit, kind: "eigen",
        label: `${["λ₁", "λ₂"][i]} = ${compact(model.eigen.values[i], 2)}`,
      });
      return line([[a * reach, b * reach], [-a * reach, -b * reach]]);
    });
    set(eigenLines, { d: spread.join("") || "M0,0" });

    const jump = has("newton") ? model.step : null;
    const [nx, ny] = jump ? [bounded(x + jump[0] * unit), bounded(y - jump[1] * unit)] : [x, y];
    set(newtonArrow, { d: jump ? arrow(x, y, nx, ny) : "M0,0" });
    if (jump) {
      const inside = nx >= 0 && nx <= size && ny >= 0 && ny <= size;
      const clip = Math.min(1, ...[[x, nx], [y, ny]].map(([from, to]) =>
        to > size ? (size - from) / (to - from) : to < 0 ? from / (from - to) : 1));
      labels.push({
        x: x + clip * (nx - x), y: y + clip * (ny - y), kind: "newton", label: inside ? "Newton" : "Newton ↗",
      });
    }
    const widths = labels.map((one) => ({ ...one, width: measure.measureText(one.label).width }));
    const places = place(widths, size, size, taken);
    drawModelLabels(labels.map(({ kind }, i) => kind + i)).forEach((element, i) => {
      set(element, { x: places[i].x.toFixed(1), y: places[i].y.toFixed(1), class: labels[i].kind });
      text(element, labels[i].label);
    });
  }

  function paintAxes(sx, sy) {
    const count = size > 280 ? 5 : 3;
    const [xs, ys] = [sx.ticks(count), sy.ticks(count)];
    drawTicks([...xs.map((v) => `x${v}`), ...ys.map((v) => `y${v}`)]).forEach((element, i) => {
      const value = i < xs.length ? xs[i] : ys[i - xs.length];
      set(element, i < xs.length
        ? { x: (MARGIN.left + sx(value)).toFixed(1), y: MARGIN.top + size + 15 }
        : { x: MARGIN.left - 6, y: (MARGIN.top + sy(value)).toFixed(1), dy: "0.33em" });
      text(element, compact(value));
    });
  }

  return {
    element,
    resize,
    close: () => clearTimeout(refine),
    /** @param {any} scene */
    draw({ state, race, frame, model, hidden, colour }) {
      if (!size) return;
      const sx = linear(race.box[0], [0, size]);
      const sy = linear(race.box[1], [size, 0]);
      paintGround(race, state.surface + JSON.stringify(state.parameters), colour);
      paintTrails(race, frame, sx, sy, colour, hidden);
      const taken = [];
      paintHeads(race, frame, sx, sy, hidden, taken);
      paintInner(race, frame, sx, sy, hidden, taken);
      paintLocal(model, state.show, sx, sy, taken);
      paintAxes(sx, sy);
      drawMinima(race.surface.minima.map((_, i) => String(i))).forEach((cross, i) => {
        const [x, y] = race.surface.minima[i];
        set(cross, { transform: `translate(${sx(x).toFixed(1)},${sy(y).toFixed(1)})` });
      });
      startHandle.set(state.start, race.box, sx, sy);
      const free = Array.isArray(state.probe) && state.show.length > 0;
      probeHandle.element.hidden = !free;
      if (free) probeHandle.set(state.probe, race.box, sx, sy);
    },
    plot,
    /** The point of the surface under a pointer. */
    at(/** @type {MouseEvent} */ event, /** @type {number[][]} */ box) {
      const bounds = plot.getBoundingClientRect();
      return [
        linear([0, bounds.width], box[0])(event.clientX - bounds.left),
        linear([bounds.height, 0], box[1])(event.clientY - bounds.top),
      ];
    },
  };
}

/** A line with an open head. */
function arrow(/** @type {number} */ x, /** @type {number} */ y, /** @type {number} */ tx, /** @type {number} */ ty) {
  const length = Math.hypot(tx - x, ty - y);
  if (!(length > 1)) return "M0,0";
  const [ux, uy] = [(tx - x) / length, (ty - y) / length];
  const barb = (/** @type {number} */ side) =>
    `${(tx - 8 * ux + side * 4 * uy).toFixed(1)},${(ty - 8 * uy - side * 4 * ux).toFixed(1)}`;
  const tip = `${tx.toFixed(1)},${ty.toFixed(1)}`;
  return `M${x.toFixed(1)},${y.toFixed(1)}L${tip}M${barb(1)}L${tip}L${barb(-1)}`;
}
