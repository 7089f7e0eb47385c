// Long work in short slices, so that a drag never waits for it. A drag starts the work anew in each
// frame: it gets its first slice, and the others, one a frame, once nothing has started it for a while.

const [FIRST, NEXT] = [1.5, 4]; // milliseconds of a slice
const REST = 200; // before the second, in milliseconds
const PAUSE = 80; // between two reports of progress, in milliseconds

/** @param {() => void} progress called now and then while the work goes on, and at its end */
export function slices(progress) {
  /** @type {Iterator<void> | null} */ let work = null;
  let [request, begun, told] = [0, 0, 0];

  function slice(/** @type {number} */ length) {
    const end = performance.now() + length;
    while (work && performance.now() < end) {
      if (work.next().done) work = null;
    }
  }

  function next() {
    const resting = performance.now() < begun + REST;
    if (!resting) slice(NEXT);
    if (work) request = requestAnimationFrame(next);
    if (work && (resting || performance.now() < told + PAUSE)) return;
    told = performance.now();
    progress();
  }

  function stop() {
    cancelAnimationFrame(request);
    work = null;
  }

  return {
    busy: () => work !== null,
    /** Begin another work, the first slice of it at once. */
    start(/** @type {Iterator<void>} */ other) {
      stop();
      work = other;
      begun = told = performance.now();
      slice(FIRST);
      if (work) request = requestAnimationFrame(next);
    },
    stop,
  };
}
