/**
 * Makes the questions of a page answerable. The page brings, for each question, the options and
 * the feedback of each (book/_ext/quiz.py); this script makes the controls, judges the answer, shows
 * the feedback that belongs to it, and keeps the answer in this browser only.
 *
 * Each kind of question is a function of its element, its description and a callback for "the
 * reader changed the answer". It returns a Question.
 *
 * @typedef {{slot: HTMLElement, feedback: HTMLElement, verdict?: string, right?: boolean}} Note
 *   Feedback (a <details> of the page) to show in a slot, under its own verdict or another.
 * @typedef {{right: boolean, notes: Note[], say: string}} Judgement
 * @typedef {object} Question
 * @property {() => any} read          the answer as JSON; throws Incomplete when there is none yet
 * @property {(answer: any) => boolean} write   restores an answer; false when it makes no sense
 * @property {(answer: any) => Judgement} judge
 * @property {() => void} clear        back to the start
 * @property {() => void} focus        to the first control
 * @property {string} [act]            the name of the button, "Check" otherwise
 */
(() => {
  "use strict";

  /** What is missing before an answer can be judged: the message is for the reader. */
  class Incomplete extends Error {}

  const KINDS = { single: choice, multiple: choice, numeric, order, curve };
  const SVG = "http://www.w3.org/2000/svg";

  // Each on its own: an error in one question is logged, and leaves the others alive.
  for (const root of document.querySelectorAll("[data-quiz]")) queueMicrotask(() => enliven(root));

  /** @param {HTMLElement} root */
  function enliven(root) {
    const spec = JSON.parse(root.dataset.quiz);
    const memory = remember(`quiz:${location.pathname}#${spec.id}:${spec.version}`);
    const status = make("p", { class: "quiz-status", role: "status" });
    const button = make("button", { class: "quiz-button", type: "button" });
    const question = KINDS[spec.kind](root, spec, changed);
    const feedbacks = [...root.querySelectorAll(".quiz-feedback")];
    /** @type {HTMLElement[]} */
    let slots = [];

    root.append(status, make("div", { class: "quiz-actions" }, button));
    button.addEventListener("click", () => {
      if (root.dataset.state === "open") check();
      else {
        question.clear();
        reopen();
        question.focus();
      }
    });
    // Enter held for long would check and try again, by turns.
    button.addEventListener("keydown", (event) => event.repeat && event.preventDefault());
    root.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input")) {
        event.preventDefault();
        if (root.dataset.state === "open") check();
      }
    });

    const kept = memory.read();
    reopen();
    if (kept !== null && question.write(kept)) {
      memory.write(kept);
      show(question.judge(kept));
    }

    function changed() {
      status.textContent = "";
      if (root.dataset.state !== "open") reopen();
    }

    function check() {
      try {
        const answer = question.read();
        memory.write(answer);
        show(question.judge(answer));
      } catch (problem) {
        if (!(problem instanceof Incomplete)) throw problem;
        status.textContent = problem.message;
        question.focus();
      }
    }

    /** @param {Judgement} judgement */
    function show({ right, notes, say }) {
      root.dataset.state = right ? "right" : "wrong";
      button.textContent = "Try again";
      status.textContent = say;
      slots = notes.map(({ slot, feedback, verdict, right: good }) => {
        const why = feedback.querySelector(".quiz-why").cloneNode(true);
        if (verdict) {
          why.querySelector(".quiz-verdict").textContent = verdict;
          why.classList.toggle("quiz-right", good);
          why.classList.toggle("quiz-wrong", !good);
        }
        slot.replaceChildren(why);
        return slot;
      });
      // Once the answer is known, the other options may be asked why they are not it.
      const shown = new Set(notes.map((note) => note.feedback));
      for (const feedback of feedbacks) {
        const named =
          feedback.closest(".quiz-option") || feedback.dataset.high || feedback.dataset.points;
        feedback.hidden = !right || shown.has(feedback) || !named;
      }
    }

    function reopen() {
      root.dataset.state = "open";
      button.textContent = question.act || "Check";
      status.textContent = "";
      for (const slot of slots) slot.replaceChildren();
      slots = [];
      for (const feedback of feedbacks) {
        feedback.hidden = true;
        feedback.open = false;
      }
      memory.write(null);
    }
  }

  /** Choose one option, or all that hold. @returns {Question} */
  function choice(root, spec, changed) {
    const one = spec.kind === "single";
    const options = [...root.querySelectorAll(".quiz-option")].map((item) => {
      const input = make("input", {
        type: one ? "radio" : "checkbox",
        name: `quiz-${spec.id}`,
        autocomplete: "off",
      });
      input.addEventListener("change", changed);
      const slot = makeSlot();
      const feedback = item.querySelector(".quiz-feedback");
      item.prepend(
        make("label", { class: "quiz-choice" }, input, item.querySelector(".quiz-text")),
      );
      feedback.before(slot);
      return { input, slot, feedback, right: feedback.dataset.verdict === "right" };
    });

    return {
      read() {
        const chosen = options.flatMap(({ input }, index) => (input.checked ? [index] : []));
        if (!chosen.length) throw new Incomplete("Choose an answer first.");
        return chosen;
      },
      write(chosen) {
        const known =
          Array.isArray(chosen) &&
          chosen.length > 0 &&
          (!one || chosen.length === 1) &&
          new Set(chosen).size === chosen.length &&
          chosen.every((index) => index in options);
        if (known) options.forEach(({ input }, index) => (input.checked = chosen.includes(index)));
        return known;
      },
      judge(chosen) {
        const notes = chosen.map((index) => options[index]);
        const hits = notes.filter((option) => option.right).length;
        const missing = options.filter((option) => option.right).length - hits;
        const right = missing === 0 && hits === notes.length;
        return {
          right,
          notes: notes.map(({ slot, feedback }) => ({ slot, feedback })),
          say: one ? "" : tally(),
        };

        function tally() {
          if (right) return "Right: these are all that hold.";
          const wrong = notes.length - hits;
          const parts = [];
          if (wrong)
            parts.push(
              `${wrong} of your ${plural(notes.length, "choice")} ${wrong === 1 ? "does" : "do"} not hold`,
            );
          if (missing)
            parts.push(`${missing} that ${missing === 1 ? "holds is" : "hold are"} missing`);
          return `Not yet: ${parts.join("; ")}.`;
        }
      },
      clear() {
        for (const { input } of options) input.checked = false;
      },
      focus() {
        (options.find(({ input }) => input.checked) || options[0]).input.focus();
      },
    };
  }

  /** Give a number. @returns {Question} */
  function numeric(root, spec, changed) {
    const feedbacks = [...root.querySelectorAll(".quiz-feedback")];
    const slot = makeSlot();
    const input = make("input", {
      type: "text",
      inputmode: "decimal",
      autocomplete: "off",
      class: "quiz-number",
    });
    const label = make("label", { class: "quiz-entry" }, "Your answer ", input);
    if (spec.unit) label.append(" ", make("span", { class: "quiz-unit" }, spec.unit));
    input.addEventListener("input", changed);
    feedbacks[0].before(label, slot);

    return {
      read() {
        toNumber(input.value, spec.unit);
        return input.value;
      },
      write(text) {
        if (typeof text !== "string") return false;
        input.value = text;
        try {
          toNumber(input.value, spec.unit);
        } catch {
          input.value = "";
        }
        return input.value !== "";
      },
      judge(text) {
        const number = toNumber(text, spec.unit);
        const feedback =
          feedbacks.find(
            ({ dataset }) => Number(dataset.low) <= number && number <= Number(dataset.high),
          ) || feedbacks.find(({ dataset }) => !("low" in dataset));
        return {
          right: feedback.dataset.verdict === "right",
          notes: [{ slot, feedback }],
          say: "",
        };
      },
      clear() {
        input.value = "";
      },
      focus() {
        input.focus();
      },
    };
  }

  /**
   * @param {string} written
   * @param {string} unit
   * @returns {number}
   */
  function toNumber(written, unit) {
    let text = written.trim().replace(/[−–]/g, "-");
    if (unit && text.endsWith(unit)) text = text.slice(0, -unit.length);
    text = text.replace(/\s/g, "");
    if (!text) throw new Incomplete("Type a number first.");
    if (text.includes(",")) throw new Incomplete("Write 1234.5 rather than 1,234.5 or 1234,5.");
    const number = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?(\/(\d+\.?\d*|\.\d+))?$/i.test(text)
      ? text
          .split("/")
          .map(Number)
          .reduce((over, under) => over / under)
      : NaN;
    if (!Number.isFinite(number)) {
      throw new Incomplete(`“${written.trim()}” is not a number. Write it as 3.5, 1e-3 or 1/3.`);
    }
    return number;
  }

  /** Put the items in order, with buttons or by dragging. @returns {Question} */
  function order(root, spec, changed) {
    const list = root.querySelector(".quiz-options");
    const live = make("p", { class: "quiz-unseen", role: "status" });
    list.after(live);
    const items = [...list.children].map((item, index) => {
      const text = item.querySelector(".quiz-text");
      const name = plainText(text);
      const up = make(
        "button",
        { type: "button", class: "quiz-move", "aria-label": `Move up: ${name}` },
        "↑",
      );
      const down = make(
        "button",
        { type: "button", class: "quiz-move", "aria-label": `Move down: ${name}` },
        "↓",
      );
      const grip = make("span", { class: "quiz-grip", "aria-hidden": "true" }, "⠿");
      const slot = makeSlot();
      const feedback = item.querySelector(".quiz-feedback");
      item.prepend(
        make(
          "div",
          { class: "quiz-item" },
          grip,
          text,
          make("span", { class: "quiz-moves" }, up, down),
        ),
      );
      feedback.before(slot);
      up.addEventListener("click", () => move(item, -1, up));
      down.addEventListener("click", () => move(item, 1, down));
      drag(item, grip);
      return { item, index, name, up, down, slot, feedback, place: Number(feedback.dataset.place) };
    });
    const now = () => [...list.children].map((item) => items.find((known) => known.item === item));
    mark();

    /** The first cannot go up, the last cannot go down; both keep the focus they have. */
    function mark() {
      now().forEach(({ up, down }, at) => {
        up.setAttribute("aria-disabled", String(at === 0));
        down.setAttribute("aria-disabled", String(at === items.length - 1));
      });
    }

    function move(item, by, button) {
      const at = [...list.children].indexOf(item);
      const to = at + by;
      if (to < 0 || to >= items.length) return;
      if (by < 0) list.insertBefore(item, list.children[to]);
      else list.children[to].after(item);
      button.focus();
      moved(item);
    }

    function moved(item) {
      mark();
      changed();
      const at = [...list.children].indexOf(item);
      live.textContent = `${now()[at].name}: now ${at + 1} of ${items.length}.`;
    }

    function drag(item, grip) {
      grip.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        grip.setPointerCapture(event.pointerId);
        item.classList.add("quiz-dragged");
      });
      grip.addEventListener("pointermove", (event) => {
        if (!grip.hasPointerCapture(event.pointerId)) return;
        const others = [...list.children].filter((other) => other !== item);
        const below = others.find((other) => {
          const { top, height } = other.getBoundingClientRect();
          return event.clientY < top + height / 2;
        });
        if (item.nextElementSibling === (below || null)) return;
        // The page's element moves, so the pointer must be caught again.
        list.insertBefore(item, below || null);
        grip.setPointerCapture(event.pointerId);
        moved(item);
      });
      grip.addEventListener("lostpointercapture", () => item.classList.remove("quiz-dragged"));
    }

    /** @param {number[]} indices places of the items as the page was written */
    function arrange(indices) {
      list.append(...indices.map((index) => items[index].item));
      mark();
    }

    return {
      read: () => now().map(({ index }) => index),
      write(indices) {
        const known =
          Array.isArray(indices) &&
          [...indices].sort((a, b) => a - b).join() === items.map(({ index }) => index).join();
        if (known) arrange(indices);
        return known;
      },
      judge(indices) {
        const misplaced = indices.filter((index, at) => items[index].place !== at + 1);
        const notes = indices.flatMap((index, at) => {
          const { place, slot, feedback } = items[index];
          if (place === at + 1) return [{ slot, feedback, verdict: "In its place", right: true }];
          // One misplaced item at a time: the reason of each would give the order away.
          if (index !== misplaced[0]) return [];
          return [
            { slot, feedback, verdict: at + 1 < place ? "Too early" : "Too late", right: false },
          ];
        });
        const right = misplaced.length === 0;
        const placed = items.length - misplaced.length;
        return {
          right,
          notes,
          say: right
            ? "Right: this is the order."
            : `Not yet: ${placed} of ${items.length} in place.`,
        };
      },
      clear() {
        arrange(items.map(({ index }) => index));
        live.textContent = "";
      },
      focus() {
        now()[0].down.focus();
      },
    };
  }

  /** Draw a curve, then see the measured one. @returns {Question} */
  function curve(root, spec, changed) {
    const HANDLES = 11;
    const PLACES = 101; // where two curves are compared, as quiz.py does
    const HEIGHT = 300;
    const MARGIN = { top: 28, right: 14, bottom: 44, left: 50 };
    const feedbacks = [...root.querySelectorAll(".quiz-feedback")];
    const table = root.querySelector(".quiz-table");
    const curves = feedbacks
      .filter(({ dataset }) => "points" in dataset)
      .map((feedback) => ({ feedback, points: onAxes(JSON.parse(feedback.dataset.points)) }));
    const measured = curves.find(({ feedback }) => feedback.dataset.verdict === "right").points;
    // Heights of the handles, from 0 to 1 along the y-axis; their x are evenly spaced along the x-axis.
    let heights = new Array(HANDLES).fill(0.5);
    let touched = false;
    let revealed = false;
    let size = { width: 0, height: 0 };

    const axes = svg("g", { class: "quiz-axes", "aria-hidden": "true" });
    const invite = svg(
      "text",
      { class: "quiz-invite", "aria-hidden": "true", "text-anchor": "middle" },
      "Drag across the picture to draw",
    );
    const yours = svg("path", { class: "quiz-yours" });
    const truth = svg("path", { class: "quiz-measured", pathLength: 1 });
    const yoursName = svg("text", { class: "quiz-yours-name", "aria-hidden": "true" }, "yours");
    const truthName = svg(
      "text",
      { class: "quiz-measured-name", "aria-hidden": "true" },
      "measured",
    );
    const handles = heights.map((_, index) =>
      svg("circle", {
        class: "quiz-handle",
        r: 6,
        role: "slider",
        tabindex: index ? -1 : 0,
        "aria-orientation": "vertical",
        "aria-valuemin": 0,
        "aria-valuemax": 100,
      }),
    );
    const plot = svg(
      "svg",
      {
        class: "quiz-plot",
        role: "group",
        "aria-label": `Your curve: ${spec.y.label} against ${spec.x.label}, ${HANDLES} handles`,
      },
      axes,
      yours,
      truth,
      yoursName,
      truthName,
      ...handles,
      invite,
    );
    const hint = make(
      "p",
      { class: "quiz-hint" },
      "Drag across the picture, or move the handles: ↑ ↓ up and down (with Shift in big steps), ← → to the next handle.",
    );
    const slot = makeSlot();
    table.hidden = true;
    table.before(hint, plot, slot);
    new ResizeObserver(draw).observe(plot);
    draw();

    handles.forEach((handle, index) => {
      handle.addEventListener("keydown", (event) => {
        const step = event.shiftKey ? 0.1 : 0.02;
        const up = {
          ArrowUp: step,
          ArrowDown: -step,
          PageUp: 0.1,
          PageDown: -0.1,
          Home: -1,
          End: 1,
        }[event.key];
        const along = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (up === undefined && along === undefined) return;
        event.preventDefault();
        if (along) focusHandle(Math.min(HANDLES - 1, Math.max(0, index + along)));
        else set([[index, heights[index] + up]]);
      });
    });

    let last = null; // where the pointer was, in handles along x and in height
    let held = null; // the handle that was taken, until the pointer leaves its neighbourhood
    plot.addEventListener("pointerdown", (event) => {
      if (revealed || event.button !== 0) return;
      event.preventDefault();
      plot.setPointerCapture(event.pointerId);
      last = pointer(event);
      held = Math.round(last.x);
      set([[held, last.y]]);
      focusHandle(held);
    });
    plot.addEventListener("pointermove", (event) => {
      if (!last) return;
      const next = pointer(event);
      if (held !== null && Math.abs(next.x - held) > 0.5) held = null;
      const [from, to] = last.x <= next.x ? [last, next] : [next, last];
      const passed = [];
      for (let index = Math.ceil(from.x); index <= to.x; index++) {
        const share = to.x === from.x ? 1 : (index - from.x) / (to.x - from.x);
        passed.push([index, from.y + share * (to.y - from.y)]);
      }
      if (!passed.length && held !== null && Math.abs(next.x - held) < 0.25)
        passed.push([held, next.y]);
      last = next;
      if (passed.length) set(passed);
    });
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      plot.addEventListener(end, () => (last = held = null));
    }

    function focusHandle(index) {
      handles.forEach((handle, at) => handle.setAttribute("tabindex", at === index ? 0 : -1));
      handles[index].focus({ preventScroll: true });
    }

    /** @param {[number, number][]} pairs handle and height */
    function set(pairs) {
      if (revealed) return;
      for (const [index, height] of pairs) heights[index] = Math.min(1, Math.max(0, height));
      touched = true;
      changed();
      draw();
    }

    function pointer(event) {
      const box = plot.getBoundingClientRect();
      const along =
        (event.clientX - box.left - MARGIN.left) / (size.width - MARGIN.left - MARGIN.right);
      const up = 1 - (event.clientY - box.top - MARGIN.top) / (HEIGHT - MARGIN.top - MARGIN.bottom);
      const inside = (share) => Math.min(1, Math.max(0, share));
      return { x: inside(along) * (HANDLES - 1), y: inside(up) };
    }

    /** Points in shares of the two axes, from 0 to 1. */
    function onAxes(points) {
      return points.map(([x, y]) => [share(spec.x, x), share(spec.y, y)]);
    }

    function drawn() {
      return heights.map((height, index) => [index / (HANDLES - 1), height]);
    }

    function draw() {
      size = { width: Math.max(plot.clientWidth, 200), height: HEIGHT };
      const left = MARGIN.left;
      const bottom = HEIGHT - MARGIN.bottom;
      const right = size.width - MARGIN.right;
      const toX = (along) => left + along * (right - left);
      const toY = (up) => bottom - up * (bottom - MARGIN.top);
      const path = (points) =>
        "M" + points.map(([x, y]) => `${toX(x).toFixed(1)},${toY(y).toFixed(1)}`).join("L");
      plot.setAttribute("viewBox", `0 0 ${size.width} ${HEIGHT}`);

      axes.replaceChildren(
        ...ticks(spec.y, 6).flatMap(({ at, text }) => [
          svg("line", { x1: left, x2: right, y1: toY(at), y2: toY(at) }),
          svg("text", { x: left - 8, y: toY(at) + 4, "text-anchor": "end" }, text),
        ]),
        ...ticks(spec.x, size.width < 400 ? 4 : 6).flatMap(({ at, text }) => [
          svg("line", { x1: toX(at), x2: toX(at), y1: bottom, y2: bottom + 5 }),
          svg("text", { x: toX(at), y: bottom + 20, "text-anchor": "middle" }, text),
        ]),
        svg("line", { class: "quiz-axis", x1: left, x2: right, y1: bottom, y2: bottom }),
        svg(
          "text",
          { class: "quiz-axis-name", x: right, y: HEIGHT - 6, "text-anchor": "end" },
          spec.x.label,
        ),
        svg("text", { class: "quiz-axis-name", x: 2, y: 14 }, spec.y.label),
      );

      yours.setAttribute("d", path(drawn()));
      truth.setAttribute("d", revealed ? path(measured) : "");
      plot.classList.toggle("quiz-untouched", !touched);
      plot.classList.toggle("quiz-revealed", revealed);
      hint.hidden = revealed;
      invite.setAttribute("x", toX(0.5));
      invite.setAttribute("y", toY(0.5) - 16);
      handles.forEach((handle, index) => {
        handle.setAttribute("cx", toX(index / (HANDLES - 1)));
        handle.setAttribute("cy", toY(heights[index]));
        handle.setAttribute(
          "aria-label",
          `${spec.y.label} at ${spec.x.label} ${show(value(spec.x, index / (HANDLES - 1)))}`,
        );
        handle.setAttribute("aria-valuenow", Math.round(100 * heights[index]));
        handle.setAttribute("aria-valuetext", show(value(spec.y, heights[index])));
        handle.setAttribute("aria-disabled", String(revealed));
      });
      nameCurves(toX, toY);
    }

    /** Names each curve where the two lie farthest apart, on its outer side. */
    function nameCurves(toX, toY) {
      const names = [
        [yoursName, "yours", drawn()],
        [truthName, "measured", measured],
      ];
      for (const [name, text] of names) name.textContent = revealed ? text : "";
      if (!revealed) return;
      const from = Math.max(0.15, measured[0][0]);
      const to = Math.min(0.85, measured[measured.length - 1][0]);
      const gap = (x) => read(drawn(), x) - read(measured, x);
      const places = Array.from({ length: 21 }, (_, step) => from + (step / 20) * (to - from));
      const x = places.reduce((a, b) => (Math.abs(gap(b)) > Math.abs(gap(a)) ? b : a));
      for (const [name, , points] of names) {
        const above = gap(x) >= 0 === (name === yoursName);
        // Above a rising curve there is room to the left; below it, to the right.
        const slope = read(points, x + 0.05) - read(points, x - 0.05);
        const side = Math.abs(slope) < 0.01 ? 0 : above === slope > 0 ? -1 : 1;
        const y = toY(read(points, x)) + (above ? -10 : 20);
        const room = 70; // the longer name, when it stands to the left or right of x
        const low = MARGIN.left + (side < 0 ? room : 0);
        const high = size.width - MARGIN.right - (side > 0 ? room : 0);
        name.setAttribute("x", Math.min(high, Math.max(low, toX(x) + 4 * side)));
        name.setAttribute("y", Math.min(HEIGHT - MARGIN.bottom - 6, Math.max(MARGIN.top + 6, y)));
        name.setAttribute("text-anchor", ["end", "middle", "start"][side + 1]);
      }
    }

    /** Mean distance of two curves (decades, or % of the axis), and where the first lies above. */
    function compare(mine, theirs) {
      const [from, to] = [theirs[0][0], theirs[theirs.length - 1][0]];
      let apart = 0;
      let above = 0;
      for (let place = 0; place < PLACES; place++) {
        const x = from + (place / (PLACES - 1)) * (to - from);
        const gap = read(mine, x) - read(theirs, x);
        apart += Math.abs(gap) / PLACES;
        above += (gap > 0) / PLACES;
      }
      const span = spec.y.log ? Math.log10(spec.y.high / spec.y.low) : 100;
      return { apart: apart * span, above };
    }

    return {
      act: "Commit and reveal",
      read() {
        if (!touched) throw new Incomplete("Draw first: the line is still where it began.");
        return heights.map((height) => Math.round(height * 1e4) / 1e4);
      },
      write(kept) {
        const known =
          Array.isArray(kept) &&
          kept.length === HANDLES &&
          kept.every((height) => height >= 0 && height <= 1);
        if (known) {
          heights = kept;
          touched = true;
        }
        return known;
      },
      judge(answer) {
        const mine = answer.map((height, index) => [index / (HANDLES - 1), height]);
        const found = curves.map(({ feedback, points }) => ({
          feedback,
          right: points === measured,
          ...compare(mine, points),
        }));
        const truthScore = found.find((one) => one.right);
        const nearest = found.reduce((a, b) => (b.apart < a.apart ? b : a));
        const right = truthScore.apart <= spec.tolerance;
        const feedback = right
          ? truthScore.feedback
          : nearest.apart <= spec.tolerance
            ? nearest.feedback
            : feedbacks.find(({ dataset }) => !("points" in dataset));
        revealed = true;
        table.hidden = false;
        draw();
        return {
          right,
          notes: [{ slot, feedback, verdict: score(truthScore), right }],
          say: "",
        };
      },
      clear() {
        heights = new Array(HANDLES).fill(0.5);
        touched = revealed = false;
        table.hidden = true;
        draw();
      },
      focus() {
        focusHandle(0);
      },
    };

    function score({ apart, above }) {
      const bands = [
        [0.5, "Very close"],
        [1, "Close"],
        [2.5, "Some way off"],
        [Infinity, "Far off"],
      ];
      const [, words] = bands.find(([limit]) => apart <= limit * spec.tolerance);
      const off = spec.y.log
        ? `${apart.toFixed(2)} decades on average, a factor of ${show(Math.pow(10, apart), 2)}`
        : `${apart.toFixed(apart < 10 ? 1 : 0)} % of the axis on average`;
      const side = above > 0.8 ? "above" : "below";
      const lopsided = apart > spec.tolerance && (above > 0.8 || above < 0.2);
      return `${words}: ${off}.${lopsided ? ` Yours lies ${side} nearly everywhere.` : ""}`;
    }
  }

  /** Where a value lies along an axis, from 0 to 1. */
  function share({ low, high, log }, number) {
    return log ? Math.log(number / low) / Math.log(high / low) : (number - low) / (high - low);
  }

  /** The value at a share of an axis: the inverse of share. */
  function value({ low, high, log }, at) {
    return log ? low * Math.pow(high / low, at) : low + at * (high - low);
  }

  /** A polyline's height at x, straight between its points. */
  function read(points, x) {
    const after = points.findIndex((point) => point[0] >= x);
    if (after === 0) return points[0][1];
    if (after < 0) return points[points.length - 1][1];
    const [[x0, y0], [x1, y1]] = [points[after - 1], points[after]];
    return y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
  }

  /** At most `most` round numbers on an axis, or about as many. */
  function ticks(axis, most) {
    const { low, high, log } = axis;
    let numbers = [];
    if (log) {
      const [first, end] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
      const every = Math.max(1, Math.ceil((end - first + 1) / most));
      const factors = end - first < 2 ? [1, 2, 5] : [1];
      for (let power = first - 1; power <= end; power++) {
        if ((power - first) % every && factors.length === 1) continue;
        numbers.push(...factors.map((factor) => factor * Math.pow(10, power)));
      }
    } else {
      const rough = (high - low) / most;
      const power = Math.pow(10, Math.floor(Math.log10(rough)));
      const step = [1, 2, 5, 10]
        .map((factor) => factor * power)
        .find((width) => width >= rough * 0.999);
      for (
        let count = Math.ceil(low / step - 1e-9);
        count * step <= high * (1 + 1e-9) + step * 1e-9;
        count++
      )
        numbers.push(count * step);
    }
    numbers = numbers.filter(
      (number) => share(axis, number) > -1e-9 && share(axis, number) < 1 + 1e-9,
    );
    const powers = log && numbers.some((number) => number < 9e-3 || number > 1.1e4);
    return numbers.map((number) => ({
      at: share(axis, number),
      text: powers ? power(number) : show(number),
    }));
  }

  /** 0.001 as 10⁻³, 0.002 as 2·10⁻³. */
  function power(number) {
    const exponent = Math.floor(Math.log10(number) + 1e-9);
    const factor = Math.round(number / Math.pow(10, exponent));
    const raised = [...String(exponent)]
      .map((digit) => (digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]))
      .join("");
    return `${factor === 1 ? "" : `${factor}·`}10${raised}`;
  }

  /** A number in a few digits, as a reader would write it. */
  function show(number, digits = 3) {
    const size = Math.abs(number);
    const text =
      size !== 0 && (size < 1e-3 || size >= 1e6)
        ? number
            .toExponential(digits - 1)
            .replace(/\.?0*e/, "e")
            .replace("e+", "e")
        : String(Number(number.toPrecision(digits)));
    return text.replace("-", "−");
  }

  function plural(count, word) {
    return `${count} ${word}${count === 1 ? "" : "s"}`;
  }

  /** Text of an element, without what rendered maths repeats. */
  function plainText(from) {
    const copy = from.cloneNode(true);
    for (const extra of copy.querySelectorAll(".katex-html, annotation")) extra.remove();
    return copy.textContent.replace(/\s+/g, " ").trim();
  }

  /** A place for feedback that a screen reader announces when it is filled. */
  function makeSlot() {
    return make("div", { class: "quiz-slot", "aria-live": "polite" });
  }

  /** Where an answer is kept; a page without storage (private mode, some file://) forgets it. */
  function remember(key) {
    return {
      read() {
        try {
          return JSON.parse(localStorage.getItem(key));
        } catch {
          return null;
        }
      },
      write(answer) {
        try {
          if (answer === null) localStorage.removeItem(key);
          else localStorage.setItem(key, JSON.stringify(answer));
        } catch {
          // The answer then lives as long as the page.
        }
      },
    };
  }

  function make(tag, attributes, ...children) {
    return fill(document.createElement(tag), attributes, children);
  }

  function svg(tag, attributes, ...children) {
    return fill(document.createElementNS(SVG, tag), attributes, children);
  }

  function fill(element, attributes, children) {
    for (const [name, text] of Object.entries(attributes)) element.setAttribute(name, text);
    element.append(...children);
    return element;
  }
})();
