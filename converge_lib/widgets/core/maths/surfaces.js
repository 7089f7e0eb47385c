// Surfaces over the plane: the JavaScript twin of converge_lib/descent/surfaces.py, same arithmetic
// in the same order. `gradient` and `hessian` write into the array they are given, because a drag
// asks for thousands of them in a frame.

/**
 * @typedef {object} Surface
 * @property {string} name
 * @property {(x: number, y: number) => number} fun
 * @property {(x: number, y: number, out: Float64Array) => void} gradient [∂f/∂x, ∂f/∂y]
 * @property {(x: number, y: number, out: Float64Array) => void} hessian [xx, xy, yy]
 * @property {number[][]} minima every global minimum; f is 0 at each
 * @property {number[]} start
 * @property {number[][]} view [[x low, x high], [y low, y high]]
 */

/** Parameters of a surface: what a slider may set, in the units of the Python argument. */
export const PARAMETERS = {
  quadratic: {
    condition: { symbol: "κ", label: "Condition number", low: 1, high: 1e4, initial: 10, log: true },
    rotation: { symbol: "θ", label: "Rotation", low: -Math.PI / 2, high: Math.PI / 2, initial: Math.PI / 6 },
  },
};

/** @param {{condition: number, rotation: number}} parameters @returns {Surface} */
function quadratic({ condition, rotation }) {
  const c = Math.cos(rotation);
  const s = Math.sin(rotation);
  const xx = c * c + s * condition * s;
  const xy = c * s - s * condition * c;
  const yy = s * s + c * condition * c;
  return {
    name: "quadratic",
    fun: (x, y) => (x * (x * xx + y * xy) + y * (x * xy + y * yy)) / 2,
    gradient(x, y, out) {
      out[0] = x * xx + y * xy;
      out[1] = x * xy + y * yy;
    },
    hessian(x, y, out) {
      out[0] = xx;
      out[1] = xy;
      out[2] = yy;
    },
    minima: [[0, 0]],
    start: [-1.6, 1.1],
    view: [[-2, 2], [-1.5, 1.5]],
  };
}

/** @returns {Surface} */
function rosenbrock() {
  return {
    name: "rosenbrock",
    fun(x, y) {
      const across = y - x * x;
      const along = 1 - x;
      return 100 * (across * across) + along * along;
    },
    gradient(x, y, out) {
      const across = y - x * x;
      out[0] = -400 * x * across - 2 * (1 - x);
      out[1] = 200 * across;
    },
    hessian(x, y, out) {
      out[0] = 1200 * x * x - 400 * y + 2;
      out[1] = -400 * x;
      out[2] = 200;
    },
    minima: [[1, 1]],
    start: [-1.2, 1],
    view: [[-2, 2], [-1, 3]],
  };
}

/** @returns {Surface} */
function beale() {
  return {
    name: "beale",
    fun(x, y) {
      const r1 = 1.5 - x + x * y;
      const r2 = 2.25 - x + x * (y * y);
      const r3 = 2.625 - x + x * (y * y * y);
      return r1 * r1 + r2 * r2 + r3 * r3;
    },
    gradient(x, y, out) {
      const r1 = 1.5 - x + x * y;
      const r2 = 2.25 - x + x * (y * y);
      const r3 = 2.625 - x + x * (y * y * y);
      out[0] = 2 * (r1 * (y - 1) + r2 * (y * y - 1) + r3 * (y * y * y - 1));
      out[1] = 2 * x * (r1 + 2 * y * r2 + 3 * (y * y) * r3);
    },
    hessian(x, y, out) {
      const r1 = 1.5 - x + x * y;
      const r2 = 2.25 - x + x * (y * y);
      const r3 = 2.625 - x + x * (y * y * y);
      const [a, b, c] = [y - 1, y * y - 1, y * y * y - 1];
      const [p, q, r] = [x, 2 * x * y, 3 * x * y * y];
      out[0] = 2 * (a * a + b * b + c * c);
      out[1] = 2 * (a * p + b * q + c * r) + 2 * (r1 + 2 * y * r2 + 3 * y * y * r3);
      out[2] = 2 * (p * p + q * q + r * r) + 2 * (2 * x * r2 + 6 * x * y * r3);
    },
    minima: [[3, 0.5]],
    start: [1, 1.5],
    view: [[-1, 4], [-1, 2]],
  };
}

/** @returns {Surface} */
function himmelblau() {
  return {
    name: "himmelblau",
    fun(x, y) {
      const p = x * x + y - 11;
      const q = x + y * y - 7;
      return p * p + q * q;
    },
    gradient(x, y, out) {
      const p = x * x + y - 11;
      const q = x + y * y - 7;
      out[0] = 4 * x * p + 2 * q;
      out[1] = 2 * p + 4 * y * q;
    },
    hessian(x, y, out) {
      out[0] = 12 * x * x + 4 * y - 42;
      out[1] = 4 * (x + y);
      out[2] = 12 * y * y + 4 * x - 26;
    },
    minima: [
      [3, 2],
      [-2.805118086952745, 3.131312518250573],
      [-3.779310253377747, -3.283185991286170],
      [3.584428340330492, -1.848126526964404],
    ],
    start: [-0.5, -1],
    view: [[-5, 5], [-5, 5]],
  };
}

/** @returns {Surface} */
function saddle() {
  return {
    name: "saddle",
    fun(x, y) {
      const w = y * y - 1;
      return (x * x) / 2 + (w * w) / 4;
    },
    gradient(x, y, out) {
      out[0] = x;
      out[1] = y * (y * y - 1);
    },
    hessian(x, y, out) {
      out[0] = 1;
      out[1] = 0;
      out[2] = 3 * y * y - 1;
    },
    minima: [[0, 1], [0, -1]],
    start: [-1.5, 1e-3],
    view: [[-2, 2], [-1.6, 1.6]],
  };
}

const INPUTS = [-2, -1, 0, 1, 2];
const sigmoid = (/** @type {number} */ z) => (1 + Math.tanh(z / 2)) / 2;
const TARGETS = INPUTS.map((u) => sigmoid(3 * u));

/** @returns {Surface} */
function plateau() {
  return {
    name: "plateau",
    fun(w, b) {
      let sum = 0;
      for (let i = 0; i < INPUTS.length; i++) {
        const error = sigmoid(w * INPUTS[i] + b) - TARGETS[i];
        sum += error * error;
      }
      return sum / 2;
    },
    gradient(w, b, out) {
      let byWeight = 0;
      let byBias = 0;
      for (let i = 0; i < INPUTS.length; i++) {
        const s = sigmoid(w * INPUTS[i] + b);
        const delta = (s - TARGETS[i]) * s * (1 - s);
        byWeight += delta * INPUTS[i];
        byBias += delta;
      }
      out[0] = byWeight;
      out[1] = byBias;
    },
    hessian(w, b, out) {
      out.fill(0);
      for (let i = 0; i < INPUTS.length; i++) {
        const u = INPUTS[i];
        const s = sigmoid(w * u + b);
        const slope = s * (1 - s);
        const second = slope * slope + (s - TARGETS[i]) * slope * (1 - 2 * s);
        out[0] += u * second * u;
        out[1] += u * second;
        out[2] += second;
      }
    },
    minima: [[3, 0]],
    start: [-4, 4],
    view: [[-8, 8], [-6, 6]],
  };
}

const MAKERS = { quadratic, rosenbrock, beale, himmelblau, saddle, plateau };

/** The names of all surfaces, in the order in which they are offered. */
export const SURFACES = Object.keys(MAKERS);

/**
 * The surface called `name`; parameters left out keep their initial value.
 * @param {string} name one of SURFACES
 * @param {Record<string, number>} [parameters]
 * @returns {Surface}
 */
export function surface(name, parameters = {}) {
  const settings = {};
  for (const [key, { initial }] of Object.entries(PARAMETERS[name] ?? {})) {
    settings[key] = parameters[key] ?? initial;
  }
  return MAKERS[name](settings);
}
