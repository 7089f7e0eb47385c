// First-order solvers in the plane: the JavaScript twin of converge_lib/descent/solvers.py, same
// arithmetic in the same order. `step` changes x and the state in place.

/**
 * @typedef {object} Solver
 * @property {Record<string, number | number[]>} initial hyperparameters unless set, as in Python
 * @property {() => Float64Array} init the state before the first step
 * @property {(x: Float64Array, grad: Float64Array, state: Float64Array, h: any) => void} step
 */

const zeros = (/** @type {number} */ n) => new Float64Array(n);

/** @type {Record<string, Solver>} In the order in which the book derives them. */
export const SOLVERS = {
  GradientDescent: {
    initial: { lr: 1e-3 },
    init: () => zeros(0),
    step(x, grad, state, { lr }) {
      x[0] -= lr * grad[0];
      x[1] -= lr * grad[1];
    },
  },
  Momentum: {
    initial: { lr: 1e-3, momentum: 0.9 },
    init: () => zeros(2),
    step(x, grad, velocity, { lr, momentum }) {
      for (let i = 0; i < 2; i++) {
        velocity[i] = momentum * velocity[i] + grad[i];
        x[i] -= lr * velocity[i];
      }
    },
  },
  Nesterov: {
    initial: { lr: 1e-3, momentum: 0.9 },
    init: () => zeros(2),
    step(x, grad, velocity, { lr, momentum }) {
      for (let i = 0; i < 2; i++) {
        velocity[i] = momentum * velocity[i] + grad[i];
        x[i] -= lr * (grad[i] + momentum * velocity[i]);
      }
    },
  },
  AdaGrad: {
    initial: { lr: 1e-2, eps: 1e-10 },
    init: () => zeros(2),
    step(x, grad, square, { lr, eps }) {
      for (let i = 0; i < 2; i++) {
        square[i] += grad[i] * grad[i];
        x[i] -= (lr * grad[i]) / (Math.sqrt(square[i]) + eps);
      }
    },
  },
  RMSProp: {
    initial: { lr: 1e-2, alpha: 0.99, eps: 1e-8 },
    init: () => zeros(2),
    step(x, grad, square, { lr, alpha, eps }) {
      for (let i = 0; i < 2; i++) {
        square[i] = alpha * square[i] + (1 - alpha) * (grad[i] * grad[i]);
        x[i] -= (lr * grad[i]) / (Math.sqrt(square[i]) + eps);
      }
    },
  },
  Adadelta: {
    initial: { lr: 1, rho: 0.9, eps: 1e-6 },
    init: () => zeros(4),
    step(x, grad, state, { lr, rho, eps }) {
      for (let i = 0; i < 2; i++) {
        const square = rho * state[i] + (1 - rho) * (grad[i] * grad[i]);
        const delta = (grad[i] * Math.sqrt(state[2 + i] + eps)) / Math.sqrt(square + eps);
        state[i] = square;
        state[2 + i] = rho * state[2 + i] + (1 - rho) * (delta * delta);
        x[i] -= lr * delta;
      }
    },
  },
  Adam: {
    initial: { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8 },
    init: () => zeros(5),
    step(x, grad, state, { lr, betas: [beta1, beta2], eps }) {
      const t = ++state[4];
      for (let i = 0; i < 2; i++) {
        state[i] = beta1 * state[i] + (1 - beta1) * grad[i];
        state[2 + i] = beta2 * state[2 + i] + (1 - beta2) * (grad[i] * grad[i]);
        const mean = state[i] / (1 - beta1 ** t);
        const square = state[2 + i] / (1 - beta2 ** t);
        x[i] -= (lr * mean) / (Math.sqrt(square) + eps);
      }
    },
  },
  AdamW: {
    initial: { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 1e-2 },
    init: () => SOLVERS.Adam.init(),
    step(x, grad, state, h) {
      x[0] *= 1 - h.lr * h.weight_decay;
      x[1] *= 1 - h.lr * h.weight_decay;
      SOLVERS.Adam.step(x, grad, state, h);
    },
  },
};
