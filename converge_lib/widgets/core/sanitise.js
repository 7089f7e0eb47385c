// What comes from a trait, a link or a stored page may be anything. These let the good through and
// put a default in place of the rest. None of them throws.

/**
 * A finite number within [low, high]; what lies outside is moved to the nearer end.
 * @param {unknown} value
 * @param {number} fallback
 */
export function number(value, fallback, low = -Infinity, high = Infinity) {
  if (typeof value !== "number" || !Number.isFinite(value)) return fallback;
  return Math.min(high, Math.max(low, value));
}

/** @param {unknown} value @param {number} fallback */
export const whole = (value, fallback, low = 0, high = Infinity) =>
  Math.round(number(value, fallback, low, high));

/**
 * @template T
 * @param {unknown} value @param {T[]} allowed @param {T} fallback
 */
export const choice = (value, allowed, fallback) =>
  allowed.includes(/** @type {T} */ (value)) ? /** @type {T} */ (value) : fallback;

/** @param {unknown} value @returns {any[]} */
export const list = (value) => (Array.isArray(value) ? value : []);

/** @param {unknown} value @returns {Record<string, any>} */
export const record = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};

/** @param {unknown} value @param {string} fallback */
export const string = (value, fallback, longest = 200) =>
  typeof value === "string" ? value.slice(0, longest) : fallback;

/**
 * A point inside a box, or the fallback if it is no pair of finite numbers.
 * @template T
 * @param {unknown} value @param {T} fallback @param {number[][]} box
 */
export function point(value, fallback, [[left, right], [bottom, top]]) {
  const [x, y] = list(value);
  if (!Number.isFinite(x) || !Number.isFinite(y)) return fallback;
  return [number(x, 0, left, right), number(y, 0, bottom, top)];
}

/** Whether two JSON values are the same. */
export const same = (/** @type {any} */ a, /** @type {any} */ b) => JSON.stringify(a) === JSON.stringify(b);
