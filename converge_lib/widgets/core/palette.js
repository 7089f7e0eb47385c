// How each solver looks and what it is called, throughout the book. The colours themselves are
// custom properties in converge.css; a dash and a marker say the same to who cannot tell colours.

/**
 * @typedef {object} Look
 * @property {string} label
 * @property {string} [short] where there is little room
 * @property {string} [colour] name of the custom property
 * @property {number[]} dash
 * @property {number[][]} marker corners, about one unit from the middle
 */

const polygon = (/** @type {number} */ corners, turn = 0, radius = 1) =>
  Array.from({ length: corners }, (_, i) => {
    const angle = (2 * Math.PI * i) / corners + turn;
    return [radius * Math.sin(angle), -radius * Math.cos(angle)];
  });
const star = polygon(10).map(([x, y], i) => (i % 2 ? [x * 0.55, y * 0.55] : [x * 1.3, y * 1.3]));
const plus = [[-1, -3], [1, -3], [1, -1], [3, -1], [3, 1], [1, 1], [1, 3], [-1, 3], [-1, 1], [-3, 1], [-3, -1], [-1, -1]]
  .map(([x, y]) => [x * 0.4, y * 0.4]);
const cross = plus.map(([x, y]) => [(x - y) * Math.SQRT1_2, (x + y) * Math.SQRT1_2]);

/** @type {Record<string, Look>} As in converge_lib.plotting.SOLVER_STYLES, for lines 2 px wide. */
export const LOOKS = {
  GradientDescent: { label: "Gradient descent", short: "GD", dash: [], marker: polygon(24, 0, 0.95) },
  Momentum: { label: "Momentum", dash: [12, 3], marker: polygon(4, Math.PI / 4, 1.2) },
  Nesterov: { label: "Nesterov", dash: [8, 2.4, 2, 2.4], marker: polygon(3, 0, 1.25) },
  AdaGrad: { label: "AdaGrad", dash: [2, 2], marker: polygon(4, 0, 1.25) },
  RMSProp: { label: "RMSProp", dash: [6, 2], marker: polygon(3, Math.PI, 1.25) },
  Adadelta: { label: "Adadelta", dash: [8, 2, 2, 2, 2, 2], marker: plus },
  Adam: { label: "Adam", dash: [16, 4], marker: cross },
  AdamW: { label: "AdamW", dash: [4, 2, 2, 2], marker: star },
  Newton: { label: "Newton", dash: [18, 2, 4, 2], marker: polygon(5, 0, 1.2) },
  NonlinearCG: { label: "Nonlinear CG", short: "CG", dash: [2, 4], marker: polygon(3, -Math.PI / 2, 1.25) },
  LBFGS: { label: "L-BFGS", dash: [12, 2, 2, 2], marker: polygon(3, Math.PI / 2, 1.25) },
  HessianFree: { label: "Hessian-free", short: "HF", dash: [24, 3], marker: polygon(6, 0, 1.2) },
};
for (const [name, look] of Object.entries(LOOKS)) {
  look.colour = name;
  look.short ??= look.label;
}

/** The look of a reader's own solver, by its place among them. */
export const customLook = (/** @type {number} */ i, /** @type {string} */ label) => ({
  label,
  short: label,
  colour: `custom-${i % 3}`,
  dash: [[1, 4], [7, 3, 1, 3], [11, 5]][i % 3],
  marker: polygon(6 + (i % 3) * 2),
});

/** A marker as the d of an SVG path. */
export const outline = (/** @type {number[][]} */ marker, /** @type {number} */ size) =>
  `M${marker.map(([x, y]) => `${(x * size).toFixed(2)},${(y * size).toFixed(2)}`).join("L")}Z`;

/** Hyperparameters: symbol, name and what a slider may set. `limit` bounds what a trait may set. */
export const HYPERPARAMETERS = {
  lr: { symbol: "η", name: "learning rate", kind: "log", low: 1e-5, high: 10, limit: [0, 1e6] },
  momentum: { symbol: "μ", name: "momentum", kind: "decay", low: 0, high: 0.999, limit: [0, 0.999999] },
  beta1: { symbol: "β₁", name: "decay of the mean", kind: "decay", low: 0, high: 0.999, limit: [0, 0.999999] },
  beta2: { symbol: "β₂", name: "decay of the square", kind: "decay", low: 0, high: 0.9999, limit: [0, 0.999999] },
  alpha: { symbol: "α", name: "decay of the square", kind: "decay", low: 0, high: 0.9999, limit: [0, 0.999999] },
  rho: { symbol: "ρ", name: "decay of the squares", kind: "decay", low: 0, high: 0.9999, limit: [0, 0.999999] },
  weight_decay: { symbol: "λ", name: "weight decay", kind: "log", low: 1e-4, high: 1, limit: [0, 1e6] },
  damping: { symbol: "λ", name: "first damping", kind: "log", low: 1e-4, high: 1e4, limit: [1e-9, 1e9] },
  line_search: { symbol: "", name: "Line search", kind: "switch" },
  memory: { symbol: "m", name: "pairs remembered", kind: "whole", low: 1, high: 20, limit: [1, 1000] },
  cg_steps: { symbol: "", name: "CG steps at most", kind: "whole", low: 1, high: 10, limit: [1, 1000] },
  eps: { symbol: "ε", name: "keeps the division finite", kind: "log", low: 1e-12, high: 1, limit: [0, 1e6] },
};
