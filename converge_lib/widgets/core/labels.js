// Labels beside their points: near, inside the picture, and not on top of one another.

const HEIGHT = 15;

/**
 * @typedef {{x: number, y: number, width: number}} Wanted
 * @typedef {{x: number, y: number, moved: boolean}} Placed left edge and middle of the text
 */

/**
 * Places for labels of the given widths, each as near its point as room allows.
 * @param {Wanted[]} labels
 * @param {number} width of the picture
 * @param {number} height of the picture
 * @param {{left: number, right: number, y: number}[]} taken by earlier labels; grows by these
 * @returns {Placed[]}
 */
export function place(labels, width, height, taken = []) {
  taken.push(...labels.map(({ x, y }) => ({ left: x - 4, right: x + 4, y })));
  return labels.map((label) => {
    /** @type {Placed | undefined} */ let best;
    let least = Infinity;
    for (let ring = 0; ring < 14 && !best; ring++) {
      for (const [dx, dy] of [
        [10, -ring * 7],
        [10, ring * 7],
        [-6 - label.width, -14 - ring * 7],
        [-6 - label.width, 14 + ring * 7],
      ]) {
        const x = Math.min(Math.max(label.x + dx, 3), Math.max(3, width - label.width - 3));
        const y = Math.min(Math.max(label.y + dy, HEIGHT / 2), height - HEIGHT / 2);
        const overlaps = taken.some(
          (other) => x < other.right + 3 && x + label.width > other.left - 3 && Math.abs(y - other.y) < HEIGHT,
        );
        const distance = Math.abs(x - label.x - dx) + Math.abs(y - label.y);
        if (!overlaps && distance < least) {
          least = distance;
          best = { x, y, moved: Math.abs(y - label.y) > HEIGHT };
        }
      }
    }
    best ??= { x: Math.max(3, Math.min(label.x + 10, width - label.width - 3)), y: label.y, moved: false };
    taken.push({ left: best.x, right: best.x + label.width, y: best.y });
    return best;
  });
}
