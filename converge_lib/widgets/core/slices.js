// Long work in short slices, one a frame, so that a drag never waits for it. A drag starts the work
// anew in each frame; the longer nothing interrupts, the longer the slices.

const [SHORTEST, LONGEST, GROWTH] = [1.5, 8, 0.25]; // milliseconds
const PAUSE = 80; // between two reports of progress, in milliseconds

/** @param {() => void} progress called now and then while the work goes on, and at its end */
export function slices(progress) {
  /** @type {Iterator<void> | null} */ let work = null;
  let request = 0;
  let length = SHORTEST;
  let told = 0;

  function slice() {
    const end = performance.now() + length;
    length = Math.min(LONGEST, length + GROWTH);
    while (work && performance.now() < end) {
      if (work.next().done) work = null;
    }
    if (work) request = requestAnimationFrame(next);
  }

  function next() {
    slice();
    if (work && performance.now() < told + PAUSE) return;
    told = performance.now();
    progress();
  }

  return {
    busy: () => work !== null,
    /** Begin another work, the first slice of it at once. */
    start(/** @type {Iterator<void>} */ other) {
      cancelAnimationFrame(request);
      work = other;
      length = SHORTEST;
      told = performance.now();
      slice();
    },
    stop() {
      cancelAnimationFrame(request);
      work = null;
    },
  };
}
