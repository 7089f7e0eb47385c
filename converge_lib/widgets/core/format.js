// Numbers as a reader wants them: three digits, a true minus sign, powers of ten with superscripts.

const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** 10ᵏ for a whole k. */
export const power = (/** @type {number} */ k) => `10${[...String(k)].map((c) => SUPERSCRIPTS[c]).join("")}`;

/**
 * A number in at most `digits` significant digits.
 * @param {number} value
 */
export function compact(value, digits = 3) {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const [mantissa, exponent] = Math.abs(value).toExponential(digits - 1).split("e").map(Number);
  const sign = value < 0 ? "−" : "";
  if (mantissa === 0) return "0";
  if (exponent < -3 || exponent > 4) return sign + (mantissa === 1 ? "" : `${mantissa}×`) + power(exponent);
  return sign + grouped(Number(Math.abs(value).toPrecision(digits)));
}

/** A coordinate: two decimals, or one digit of what two decimals would call zero. */
export const coordinate = (/** @type {number} */ value) =>
  value !== 0 && Math.abs(value) < 0.005 ? compact(value, 1) : value.toFixed(2).replace("-", "−");

/** A whole number with thousands set apart. */
export const grouped = (/** @type {number} */ value) =>
  String(value).replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

/** "a", "a and b", "a, b and c". */
export const joined = (/** @type {string[]} */ words, last = "and") =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
