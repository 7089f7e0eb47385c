// What a Hessian in the plane says: its eigenvectors, its condition number, the quadratic model
//   m(p) = f + gᵀp + ½ pᵀHp
// and the Newton step p = −H⁻¹g to the point where the model is level.

/**
 * @typedef {object} Eigen
 * @property {number[]} values λ₁ ≥ λ₂
 * @property {number[][]} vectors unit vectors, one a value
 */

/**
 * Eigenvalues and eigenvectors of the symmetric matrix [[xx, xy], [xy, yy]].
 * @param {Float64Array | number[]} hessian [xx, xy, yy]
 * @returns {Eigen}
 */
export function eigen([xx, xy, yy]) {
  const scale = Math.max(Math.abs(xx), Math.abs(xy), Math.abs(yy)) || 1;
  const [a, b, c] = [xx / scale, xy / scale, yy / scale]; // so that no square overflows
  const mean = (a + c) / 2;
  const radius = Math.hypot((a - c) / 2, b);
  // the eigenvalue of smaller size through the determinant: the difference would cancel
  const large = mean >= 0 ? mean + radius : mean - radius;
  const small = large === 0 ? 0 : (a * c - b * b) / large;
  const angle = Math.atan2(2 * b, a - c) / 2;
  const first = [Math.cos(angle), Math.sin(angle)];
  return {
    values: (mean >= 0 ? [large, small] : [small, large]).map((value) => value * scale),
    vectors: [first, [-first[1], first[0]]],
  };
}

/**
 * |λ| largest over smallest; Infinity for a singular matrix.
 * @param {number[]} values
 */
export function conditionNumber(values) {
  const sizes = values.map(Math.abs);
  const [low, high] = [Math.min(...sizes), Math.max(...sizes)];
  return low > 0 ? high / low : Infinity;
}

/**
 * What the quadratic model looks like.
 * @param {number[]} values eigenvalues, λ₁ ≥ λ₂
 * @returns {"bowl" | "saddle" | "dome" | "flat"}
 */
export function shape(values) {
  if (!values.every(Number.isFinite) || conditionNumber(values) > 1e14) return "flat";
  if (values[1] > 0) return "bowl";
  return values[0] < 0 ? "dome" : "saddle";
}

/**
 * The Newton step −H⁻¹g, or null where H is singular.
 * @param {Eigen} eigen
 * @param {ArrayLike<number>} gradient
 */
export function newtonStep({ values, vectors }, gradient) {
  if (shape(values) === "flat") return null;
  const step = [0, 0];
  vectors.forEach(([x, y], i) => {
    const along = -(x * gradient[0] + y * gradient[1]) / values[i];
    step[0] += along * x;
    step[1] += along * y;
  });
  return step.every(Number.isFinite) ? step : null;
}

/**
 * The level curve of the model through the point itself, as lines of offsets from the point: one
 * closed ellipse, the two branches of a hyperbola, or nothing where the model is flat. It touches
 * the surface's own contour there.
 * @param {Eigen} eigen
 * @param {number[] | null} step the Newton step
 * @param {number} reach how far from the centre a hyperbola is followed
 * @returns {number[][][]}
 */
export function modelCurve({ values, vectors: [u, v] }, step, reach) {
  if (!step) return [];
  const along = [u, v].map(([x, y]) => x * step[0] + y * step[1]);
  const level = values[0] * along[0] ** 2 + values[1] * along[1] ** 2;
  const [a, b] = values.map((value) => Math.sqrt(Math.abs(level / value)));
  const at = (p, q) => [step[0] + p * u[0] + q * v[0], step[1] + p * u[1] + q * v[1]];
  const count = 96;
  const parameters = Array.from({ length: count + 1 }, (_, i) => i / count);
  if (values[0] * values[1] > 0) {
    return [parameters.map((t) => at(a * Math.cos(2 * Math.PI * t), b * Math.sin(2 * Math.PI * t)))];
  }
  const limit = Math.asinh(reach / Math.max(Math.min(a, b), reach * 1e-6));
  return [1, -1].map((side) =>
    parameters.map((t) => {
      const [open, across] = [Math.cosh(limit * (2 * t - 1)), Math.sinh(limit * (2 * t - 1))];
      return level * values[0] > 0 ? at(side * a * open, b * across) : at(a * across, side * b * open);
    }),
  );
}
