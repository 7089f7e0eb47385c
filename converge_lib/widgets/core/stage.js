// What every figure does, whatever it shows: it holds a state, draws at most once a frame, asks for a
// prediction, says in words what is to be seen, is shared as a link, and follows the page's theme and
// size. A figure gives it its parts; they may use what the stage returns from the first draw on.

import { button } from "./controls.js";
import { html, text } from "./dom.js";
import { connect } from "./model.js";
import { same } from "./sanitise.js";
import { sharing } from "./share.js";
import { colours, followTheme } from "./theme.js";

const ALWAYS = ["predict", "key", "label"];
const QUIET = 700; // before the readout speaks, so that it says the end of a drag and not the way there

/**
 * @typedef {object} Speech
 * @property {string} said
 * @property {{right: boolean, sentence: string} | null} [answer] to the reader's prediction
 */

/**
 * @template {Record<string, any>} S
 * @template D
 * @param {{model: any, el: HTMLElement}} context
 * @param {object} parts
 * @param {string[]} parts.shared traits that the reader changes, and that a link carries
 * @param {string[]} [parts.fixed] traits of the state that only the host changes
 * @param {string[]} [parts.data] traits too large to be copied at each change
 * @param {(raw: Record<string, unknown>) => D} [parts.prepare] the data from their traits; never throws
 * @param {(raw: Record<string, unknown>, data: D) => S} parts.sanitise a state from anything; never throws
 * @param {(hidden: boolean) => void} parts.draw hidden: a prediction is awaited
 * @param {() => Speech} parts.speak
 * @param {() => boolean} [parts.settled] false while what the words need is still worked on
 * @param {() => void} [parts.halt] ends what is under way, before a question, a link, Reset or the end
 * @param {(state: S) => boolean} [parts.askable] false where there is nothing to predict
 * @param {() => HTMLElement | null} [parts.answerField] which takes the prediction
 * @param {() => boolean} [parts.answered] false while there is no prediction to commit to
 * @param {() => void} [parts.committed] the reader commits to what is set
 * @param {(judge: () => void) => void} [parts.play] shows what was predicted before it is judged
 * @param {string[]} [parts.decisive] shared traits on which the judgement depends: their change takes it back
 * @param {() => void} [parts.cleared] all else that Reset puts back
 * @param {() => boolean[]} [parts.resize] of the charts: whether each has another size
 */
export function stage({ model, el }, parts) {
  const {
    shared, fixed = [], data: dataNames = [], decisive = shared,
    settled = () => true, askable = () => true, answered = () => true, play = (judge) => judge(),
  } = parts;
  const names = [...shared, ...fixed, ...ALWAYS];
  const host = connect(model, [...names, ...dataNames], changed);
  const readAll = (/** @type {string[]} */ wanted) => Object.fromEntries(wanted.map((name) => [name, host.read(name)]));
  const prepared = () => /** @type {D} */ (parts.prepare?.(readAll(dataNames)));

  let data = prepared();
  const initial = parts.sanitise(readAll(names), data);
  let state = initial;
  let frame = 0;
  let colour = (/** @type {string} */ name) => name;
  let speakTimer = 0;
  let spoken = ""; // what the readout says, or is about to
  let version = 0; // of the data
  /** @type {"asking" | "revealing" | "revealed" | null} */ let quiz = state.predict ? "asking" : null;
  /** @type {HTMLElement} */ let root;

  // ── The state, and what follows from a change of it ──────────────────────────────────────────

  /** Take a change from the reader's hand: sanitise it, draw it, store it. */
  function update(/** @type {Record<string, any>} */ patch) {
    const before = state;
    state = parts.sanitise({ ...state, ...patch }, data);
    const changes = shared.filter((name) => !same(before[name], state[name]));
    if (changes.length === 0) return;
    if (quiz === "revealed" && changes.some((name) => decisive.includes(name))) quiz = null;
    host.write(Object.fromEntries(changes.map((name) => [name, state[name]])));
    schedule();
  }

  /** Take a change from the host. */
  function changed(/** @type {string} */ name) {
    const before = state.predict;
    if (dataNames.includes(name)) {
      data = prepared();
      version += 1;
      state = parts.sanitise({ ...state }, data);
    } else state = parts.sanitise({ ...state, [name]: host.read(name) }, data);
    if (before !== state.predict) {
      quiz = state.predict ? "asking" : null;
      parts.halt?.();
    }
    schedule();
  }

  function schedule() {
    frame ||= requestAnimationFrame(draw);
  }

  const hidden = () => quiz === "asking" && askable(state);
  const carried = (/** @type {Record<string, any>} */ from) =>
    Object.fromEntries(shared.filter((name) => name in from).map((name) => [name, from[name]]));

  // ── Predict, then reveal ─────────────────────────────────────────────────────────────────────

  const readout = html("p", { class: "readout", role: "status", "aria-live": "polite" });
  const predictButton = button("Predict first", ask);
  const revealButton = button("Reveal", reveal, { kind: "primary" });
  const quizPanel = html("div", { class: "quiz" });
  const resetButton = button("Reset", reset);
  const share = sharing(el, () => state.key, () => carried(state), (brought) => {
    parts.halt?.();
    update(carried(brought));
  });

  function ask() {
    quiz = "asking";
    spoken = ""; // the same answer may be given again
    parts.halt?.();
    schedule();
    quizPanel.hidden = false;
    parts.answerField?.()?.focus();
  }

  function dismiss(/** @type {"revealing" | null} */ now) {
    quiz = now;
    schedule();
    predictButton.disabled = false;
    predictButton.focus();
  }

  function reveal() {
    parts.committed?.();
    dismiss("revealing");
    play(judge);
  }

  function judge() {
    if (quiz !== "revealing") return;
    quiz = "revealed";
    schedule();
  }

  function reset() {
    quiz = initial.predict ? "asking" : null;
    share.field.hidden = true;
    parts.halt?.();
    parts.cleared?.();
    update(carried(initial));
    schedule();
  }

  // ── Drawing, at most once a frame ────────────────────────────────────────────────────────────

  function draw() {
    frame = 0;
    const asking = hidden();
    parts.draw(asking);
    quizPanel.hidden = !asking;
    revealButton.disabled = !answered();
    predictButton.disabled = asking || !askable(state);
    const about = JSON.stringify([state, quiz, version, settled()]);
    if (about === spoken) return;
    spoken = about;
    clearTimeout(speakTimer);
    if (settled()) speakTimer = setTimeout(speak, readout.textContent ? QUIET : 0);
  }

  /** Draw now what waits for its frame: a hand acts on what is drawn, however slow the page is. */
  function flush() {
    if (frame <= 0) return;
    cancelAnimationFrame(frame);
    draw();
  }

  function speak() {
    flush(); // what is said is what is drawn
    const { said, answer } = parts.speak();
    const judged = quiz === "revealed" ? answer : null;
    readout.classList.toggle("right", Boolean(judged?.right));
    readout.classList.toggle("wrong", Boolean(judged && !judged.right));
    text(readout, judged ? `${judged.sentence} ${said}` : said);
  }

  function repaint() {
    colour = colours(root);
    schedule();
  }

  return {
    readout,
    quizPanel,
    resetButton,
    update,
    schedule,
    hidden,
    get state() {
      return state;
    },
    get data() {
      return data;
    },
    colour: (/** @type {string} */ name) => colour(name),

    /**
     * Put the figure into the page. Returns what takes it out again.
     * @param {object} layout
     * @param {string} layout.name class of the figure
     * @param {HTMLElement[][]} layout.bars rows of controls; the first ends with the stage's own
     * @param {HTMLElement[]} layout.question what stands above Reveal and Cancel
     * @param {HTMLElement[]} layout.body the readout among it; the quizPanel and the resetButton too, where
     *   they are not to stand above it and at the end of the first row
     * @param {() => void} [layout.close] ends what the figure itself has going on
     */
    show({ name, bars: [first, ...others], question, body, close }) {
      const cancelButton = button("Cancel", () => dismiss(null));
      quizPanel.append(...question, html("div", { class: "actions" }, revealButton, cancelButton));
      const unplaced = (/** @type {HTMLElement} */ part) => (body.some((one) => one.contains(part)) ? [] : [part]);
      const own = [html("span", { class: "spring" }), predictButton, share.button, ...unplaced(resetButton)];
      root = html(
        "div",
        { class: `converge charts ${name}`, role: "group", "aria-label": initial.label },
        ...[[...first, ...own], ...others].map((row) => html("div", { class: "bar" }, ...row)),
        share.field, ...unplaced(quizPanel), ...body,
      );
      for (const act of ["keydown", "pointerdown"]) root.addEventListener(act, flush, { capture: true });
      // JupyterLab takes keys for its own, an x to delete the cell, unless what has the focus itself refuses.
      root.addEventListener("focusin", ({ target }) =>
        /** @type {Element} */ (target).setAttribute("data-lm-suppress-shortcuts", "true"));
      el.append(root);
      const unfollow = followTheme(root, repaint);
      repaint();
      const observer = new ResizeObserver(() => requestAnimationFrame(() => {
        if (parts.resize?.().includes(true)) schedule();
      }));
      observer.observe(root);
      share.listen();

      return () => {
        cancelAnimationFrame(frame);
        frame = -1; // nothing is drawn any more
        parts.halt?.();
        close?.();
        clearTimeout(speakTimer);
        observer.disconnect();
        unfollow();
        share.close();
        host.close();
        root.remove();
      };
    },
  };
}
