// Finding a class by a part of its name. No DOM here.

/** @typedef {import("./maps.js").Data} Data */

const plain = (/** @type {string} */ text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** How well a name fits what is sought: as the whole, a word, at its start, at a word's, elsewhere, not. */
function fit(/** @type {string} */ name, /** @type {string} */ sought) {
  const words = name.split(/[^\p{L}\p{N}]+/u);
  const tests = [
    name === sought,
    words.includes(sought),
    name.startsWith(sought),
    words.some((word) => word.startsWith(sought)),
    name.includes(sought),
  ];
  const first = tests.indexOf(true);
  return first < 0 ? Infinity : first;
}

/**
 * The classes whose names hold what is sought, the best fit first, and among equals the likeliest.
 * Nothing sought finds them all.
 * @param {Data} data @param {string} sought
 */
export function find({ names, order }, sought) {
  const wanted = plain(sought.trim());
  if (!wanted) return [...order];
  const fits = names.map((name) => fit(plain(name), wanted));
  return order.filter((index) => fits[index] < Infinity).sort((a, b) => fits[a] - fits[b]);
}
